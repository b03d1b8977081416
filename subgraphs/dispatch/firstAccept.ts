import { type Candidate, ranked } from './matching.js';
import { roundInputsOf } from './round.js';
import type { MatchingRequest, MatchingStrategy, Plan } from './strategy.js';

/** Offers of one round. */
export const OFFERS_PER_ROUND = 5;
/** How far each round looks, in kilometres; after the last one the search is over. */
const ROUND_RADII_KM = [5, 8, 12, 12] as const;
/** Of each round so many of the best, and so many of the nearest beyond them, are kept for replays: nobody else would be asked under any strategy. */
const BEST_KEPT = 24;
const NEAREST_KEPT = 8;

export interface AskingOptions {
  /** Time to answer, in milliseconds. */
  offerMs: number;
  /** Speed of cars at a time, in km/h: by the routing port's model. */
  speedKmh: (at: Date) => number;
}

/** The best five have `offerMs` to answer, and the first who accepts gets the trip; then the next five, in a wider ring (DP-22). */
export function firstAccept({ offerMs, speedKmh }: AskingOptions): MatchingStrategy {
  return {
    lookAround: ({ round }) => ROUND_RADII_KM[round - 1] ?? null,
    decide: (requests, now) => requests.map((request) => askBest(request, now, OFFERS_PER_ROUND, offerMs)),
    inputsOf: askedInputs(speedKmh),
  };
}

/** What `askBest` decides from, for the record. */
export function askedInputs(speedKmh: (at: Date) => number) {
  return (requests: readonly MatchingRequest[], now: Date) =>
    roundInputsOf(
      requests.map((request) => ({ ...request, candidates: kept(rankedFor(request, now)) })),
      now,
      speedKmh(now),
    );
}

function kept(best: readonly Candidate[]): readonly Candidate[] {
  const nearest = best.slice(BEST_KEPT).sort((a, b) => a.distanceM - b.distanceM);
  return [...best.slice(0, BEST_KEPT), ...nearest.slice(0, NEAREST_KEPT)];
}

const rankedFor = ({ search, radiusKm, candidates }: MatchingRequest, now: Date) => ranked(candidates, { vehicleType: search.vehicleType, radiusKm }, now);

/** The best of those around, at the quoted price. */
export function askBest(request: MatchingRequest, now: Date, atMost: number, answerMs: number): Plan {
  return { ranked: rankedFor(request, now).map((candidate) => candidate.driverId), atMost, answerMs, terms: 'TAKE' };
}
