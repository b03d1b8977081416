import { ratingOf } from './driver.js';
import type { VehicleType } from './vehicleType.js';

/** Offers of one round (DP-22, FIRST_ACCEPT). */
export const OFFERS_PER_ROUND = 5;
/** How far each round looks, in kilometres; after the last one the search is over. */
export const ROUND_RADII_KM = [5, 8, 12, 12] as const;
/** Drivers that a round takes from the index to choose from. */
export const CANDIDATES_PER_ROUND = 60;

/** Shares of a score (DP-21). */
const WEIGHT = { distance: 0.4, rating: 0.2, acceptance: 0.15, completion: 0.1, vehicleMatch: 0.1, repeat: 0.05 } as const;
/** What somebody without a history is taken for: good, and not the best. */
const UNKNOWN_RATING = 4.5;

export interface Candidate {
  driverId: string;
  vehicleType: VehicleType;
  distanceM: number;
  starsSum: number;
  starsCount: number;
  offeredCount: number;
  acceptedCount: number;
  completedCount: number;
  cancelledCount: number;
  /** Whether this rider has travelled with this driver before. */
  isRepeat: boolean;
  availableSince: Date | null;
}

/** How well a driver fits a request, 0 to 1 (DP-21). */
export function scoreOf(candidate: Candidate, request: { vehicleType: VehicleType; radiusKm: number }): number {
  const { offeredCount, acceptedCount, completedCount, cancelledCount } = candidate;
  const begun = completedCount + cancelledCount;
  const parts = {
    distance: Math.max(0, 1 - candidate.distanceM / (request.radiusKm * 1000)),
    rating: ((ratingOf(candidate) ?? UNKNOWN_RATING) - 1) / 4,
    acceptance: offeredCount === 0 ? 1 : acceptedCount / offeredCount,
    completion: begun === 0 ? 1 : completedCount / begun,
    vehicleMatch: candidate.vehicleType === request.vehicleType ? 1 : 0,
    repeat: candidate.isRepeat ? 1 : 0,
  };
  return (Object.keys(WEIGHT) as (keyof typeof WEIGHT)[]).reduce((sum, part) => sum + WEIGHT[part] * parts[part], 0);
}

/** Best first; of equals the one who has waited longest. */
export function ranked<C extends Candidate>(candidates: readonly C[], request: { vehicleType: VehicleType; radiusKm: number }): C[] {
  const waitingSince = (candidate: C) => candidate.availableSince?.getTime() ?? Number.POSITIVE_INFINITY;
  return candidates
    .map((candidate) => ({ candidate, score: scoreOf(candidate, request) }))
    .sort((a, b) => b.score - a.score || waitingSince(a.candidate) - waitingSince(b.candidate))
    .map(({ candidate }) => candidate);
}
