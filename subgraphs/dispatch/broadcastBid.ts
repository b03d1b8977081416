import { Refusal } from '../../platform/errors.js';
import { divideHalfUp } from '../../platform/money.js';
import { askBest } from './firstAccept.js';
import type { MatchingStrategy } from './strategy.js';

const BIDDERS = 10;
/** Time for bids, and then as much again for the rider to choose (DP-22). */
const BIDDING_MS = 30_000;
const CHOOSING_MS = 30_000;
const ROUND_RADII_KM = [5, 8, 12] as const;

/** A bid is a multiple of this, in minor units, as all prices are (DP-11). */
const BID_STEP_MINOR = 50n;
/** Least bid in percent of the quoted fare: below, somebody drives at a loss or is up to something. */
const LEAST_BID_PERCENT = 60n;

/** The best ten name their price, and the rider chooses among the bids as soon as there are any (DP-22). */
export function broadcastBid(): MatchingStrategy {
  return {
    lookAround: ({ round }) => ROUND_RADII_KM[round - 1] ?? null,
    decide: (requests, now) => requests.map((request) => ({ ...askBest(request, now, BIDDERS, BIDDING_MS), terms: 'BID' as const })),
    choosingMs: CHOOSING_MS,
  };
}

/**
 * Between which amounts a bid may be, in minor units: 60 % of the fare that the rider agreed to, rounded to 0.50, and that fare. Never above it.
 */
export function bidBounds(fareMinor: bigint): { leastMinor: bigint; mostMinor: bigint } {
  return { leastMinor: divideHalfUp(fareMinor * LEAST_BID_PERCENT, 100n * BID_STEP_MINOR) * BID_STEP_MINOR, mostMinor: fareMinor };
}

/** @throws Refusal BID_OUT_OF_BOUNDS with the bounds and the step, in digits of minor units */
export function assertBid(bidMinor: bigint, fareMinor: bigint): void {
  const { leastMinor, mostMinor } = bidBounds(fareMinor);
  if (bidMinor >= leastMinor && bidMinor <= mostMinor && (bidMinor % BID_STEP_MINOR === 0n || bidMinor === mostMinor)) return;
  throw new Refusal('BID_OUT_OF_BOUNDS', 'A bid is a multiple of 0.50 between 60 % of the fare and the fare. See `details`.', {
    details: {
      field: 'input.amount',
      rule: 'bid_bounds',
      leastMinor: leastMinor.toString(),
      mostMinor: mostMinor.toString(),
      stepMinor: BID_STEP_MINOR.toString(),
    },
  });
}
