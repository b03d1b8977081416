import { roundInputsOf, tickInputsOf } from './round.js';
import type { MatchingRequest, MatchingStrategy, Plan } from './strategy.js';
import { decideTick, DEFAULT_WEIGHTS, type TickWeights } from './tick.js';

/** How far a search looks by the seconds that its rider has waited; after the last one nobody comes. */
const RADII_KM = [
  { untilTick: 8, radiusKm: 5 },
  { untilTick: 20, radiusKm: 8 },
  { untilTick: 60, radiusKm: 12 },
] as const;

export interface BatchedOptions {
  offerMs: number;
  batchMs: number;
  /** Speed of cars at a time, in km/h: by the routing port's model. */
  speedKmh: (at: Date) => number;
  weights?: TickWeights;
}

/**
 * All open searches of the city every few seconds as one assignment (DP-22): each rider gets one driver such that the total time to all pickups is the
 * least, which is not always the nearest for everybody. One driver is asked for each; who says no is not asked again, and the rider is in the next tick.
 */
export function batched({ offerMs, batchMs, speedKmh, weights = DEFAULT_WEIGHTS }: BatchedOptions): MatchingStrategy {
  return {
    tickMs: batchMs,
    lookAround: ({ round }) => RADII_KM.find(({ untilTick }) => round <= untilTick)?.radiusKm ?? null,
    inputsOf: (requests, now) => roundInputsOf(requests, now, speedKmh(now), weights),
    decide: (requests: readonly MatchingRequest[], now: Date): Plan[] => {
      const { inputs, driverIds } = tickInputsOf(requests, now, speedKmh(now), weights);
      const driverOf = new Map(decideTick(inputs).pairs.map(({ rider, driver }) => [rider, driverIds[driver] as string]));
      return requests.map((_, rider) => {
        const driverId = driverOf.get(rider);
        return { ranked: driverId === undefined ? [] : [driverId], atMost: 1, answerMs: offerMs, terms: 'TAKE' };
      });
    },
  };
}
