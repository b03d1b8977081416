import { ratingOf } from './driver.js';
import type { VehicleType } from './vehicleType.js';

/** Shares of a score (DP-21). */
const WEIGHT = { distance: 0.4, rating: 0.2, acceptance: 0.15, completion: 0.1, vehicleMatch: 0.1, repeat: 0.05 } as const;
/** What somebody without a history is taken for: good, and not the best. */
const UNKNOWN_RATING = 4.5;

/**
 * What waiting adds to a score at most, and how long it takes until it does. Chosen with the simulation of `fairness.test.ts`: less, and in a quiet city
 * the well rated take it all; more, and riders wait longer for no gain.
 */
const WAITING_BONUS = 0.3;
const FULL_WAITING_MS = 60 * 60_000;
/** What each trip of the last three hours takes from it, and all of them together at most. */
const RECENT_TRIP_MALUS = 0.04;
const MOST_RECENT_MALUS = 0.32;
/** How far back trips are recent. */
export const RECENT_MS = 3 * 3_600_000;
/** What a rider's favourite has on top. */
const FAVOURITE_BONUS = 0.05;
/** What picking only dear trips costs (DP-20). */
const CHERRY_PICKING_MALUS = 0.15;

/** Answers that are looked at for cherry-picking, the newest first, and how few of them say nothing yet. */
export const ANSWERS_LOOKED_AT = 40;
const FEWEST_ANSWERS = 10;
/** Somebody who refuses half of what he is offered, and takes what pays half as much again as what he refuses, picks. */
const REFUSED_SHARE = 0.5;
const DEARER_BY = 1.5;

/** How a driver answered his last offers; means are earnings in minor units. */
export interface AnswerRecord {
  taken: number;
  refused: number;
  meanTakenMinor: number;
  meanRefusedMinor: number;
}

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
  /** Whether the driver is one of this rider's favourites. */
  isFavourite: boolean;
  /** Trips that were taken in the last three hours, and not cancelled. */
  recentTrips: number;
  answers: AnswerRecord;
  availableSince: Date | null;
}

/** What a candidate is measured against. */
export interface Wanted {
  vehicleType: VehicleType;
  radiusKm: number;
}

/** What nearness counts of a score. */
export const SHARE_OF_NEARNESS = WEIGHT.distance;
/** 1 at the pickup, 0 where the search ends. */
export const nearness = (distanceM: number, radiusM: number) => Math.max(0, 1 - distanceM / radiusM);

/** How well a driver fits a request, 0 to 1 (DP-21). */
export function scoreOf(candidate: Candidate, request: Wanted): number {
  const { offeredCount, acceptedCount, completedCount, cancelledCount } = candidate;
  const begun = completedCount + cancelledCount;
  const parts = {
    distance: nearness(candidate.distanceM, request.radiusKm * 1000),
    rating: ((ratingOf(candidate) ?? UNKNOWN_RATING) - 1) / 4,
    acceptance: offeredCount === 0 ? 1 : acceptedCount / offeredCount,
    completion: begun === 0 ? 1 : completedCount / begun,
    vehicleMatch: candidate.vehicleType === request.vehicleType ? 1 : 0,
    repeat: candidate.isRepeat ? 1 : 0,
  };
  return (Object.keys(WEIGHT) as (keyof typeof WEIGHT)[]).reduce((sum, part) => sum + WEIGHT[part] * parts[part], 0);
}

/**
 * What fairness makes of a score: waiting raises it, many recent trips lower it, so that work is shared (DP-21, DP-26); a rider's favourite comes first
 * among equals; who takes only dear trips comes later. Between -0.47 and 0.35.
 */
export function fairnessOf(candidate: Candidate, now: Date): number {
  const waitedMs = candidate.availableSince === null ? 0 : Math.max(0, now.getTime() - candidate.availableSince.getTime());
  const waiting = WAITING_BONUS * Math.min(1, waitedMs / FULL_WAITING_MS);
  const recent = Math.min(MOST_RECENT_MALUS, RECENT_TRIP_MALUS * candidate.recentTrips);
  return waiting - recent + (candidate.isFavourite ? FAVOURITE_BONUS : 0) - (isCherryPicking(candidate.answers) ? CHERRY_PICKING_MALUS : 0);
}

/** Whether somebody takes dear trips and leaves the others to others (DP-20). */
export function isCherryPicking({ taken, refused, meanTakenMinor, meanRefusedMinor }: AnswerRecord): boolean {
  const answers = taken + refused;
  if (answers < FEWEST_ANSWERS || taken === 0 || refused / answers < REFUSED_SHARE) return false;
  return meanTakenMinor >= meanRefusedMinor * DEARER_BY;
}

/** Best first, by score and fairness; of equals the one who has waited longest. */
export function ranked<C extends Candidate>(candidates: readonly C[], request: Wanted, now: Date): C[] {
  const waitingSince = (candidate: C) => candidate.availableSince?.getTime() ?? Number.POSITIVE_INFINITY;
  return candidates
    .map((candidate) => ({ candidate, score: scoreOf(candidate, request) + fairnessOf(candidate, now) }))
    .sort((a, b) => b.score - a.score || waitingSince(a.candidate) - waitingSince(b.candidate))
    .map(({ candidate }) => candidate);
}
