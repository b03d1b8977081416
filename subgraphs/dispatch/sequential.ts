import { askBest, askedInputs, type AskingOptions } from './firstAccept.js';
import type { MatchingStrategy } from './strategy.js';

export const SINGLE_ROUNDS = 5;
/** Time that each of the first five has (DP-22). */
const SINGLE_ANSWER_MS = 10_000;
const SINGLE_RADIUS_KM = 5;
/** How far the broadcasts after them look, in kilometres. */
const BROADCAST_RADII_KM = [8, 12] as const;
export const BROADCAST_OFFERS = 10;

/** One driver after the other, the best first, 10 s each; after five of them ten at once, and the first who accepts gets the trip (DP-22). */
export function sequential({ offerMs, speedKmh }: AskingOptions): MatchingStrategy {
  const isSingle = (round: number) => round <= SINGLE_ROUNDS;
  return {
    lookAround: ({ round }) => (isSingle(round) ? SINGLE_RADIUS_KM : (BROADCAST_RADII_KM[round - SINGLE_ROUNDS - 1] ?? null)),
    decide: (requests, now) =>
      requests.map((request) =>
        isSingle(request.search.round) ? askBest(request, now, 1, SINGLE_ANSWER_MS) : askBest(request, now, BROADCAST_OFFERS, offerMs),
      ),
    inputsOf: askedInputs(speedKmh),
  };
}
