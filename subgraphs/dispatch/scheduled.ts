import { askBest } from './firstAccept.js';
import type { MatchingStrategy } from './strategy.js';

/** A trip for later is matched this long before (DP-22). */
export const MATCH_BEFORE_MS = 15 * 60_000;
/** Trips for later that a rider may have before their search begins: each holds a fare, and will ask drivers. */
export const MOST_AHEAD = 5;

/** When the search for a driver begins: at once, or a quarter of an hour before a later departure. Until then a trip is REQUESTED and hinders no other. */
export function searchFrom(trip: { departAt: Date | null }, now: Date): Date {
  return new Date(Math.max(now.getTime(), (trip.departAt?.getTime() ?? 0) - MATCH_BEFORE_MS));
}

const OFFERS_PER_ROUND = 5;
/** More rounds, and further out, than for a trip that begins now: the driver has a quarter of an hour to get there. */
const ROUND_RADII_KM = [5, 8, 12, 15, 15, 20] as const;
const BACKUP_RADII_KM = [8, 15] as const;
/** Who stands by and has gone further away than he would be asked from, is not sent. */
export const MAX_BACKUP_KM = 15;
const BACKUP_OFFERS = 5;

/** For later: asks five at a time as FIRST_ACCEPT does, and once there is a driver, looks for a second one who stands by (DP-22). */
export function scheduled({ offerMs }: { offerMs: number }): MatchingStrategy {
  return {
    lookAround: ({ round }) => ROUND_RADII_KM[round - 1] ?? null,
    decide: (requests, now) => requests.map((request) => askBest(request, now, OFFERS_PER_ROUND, offerMs)),
    backup: {
      lookAround: ({ round }) => BACKUP_RADII_KM[round - 1] ?? null,
      decide: (requests, now) => requests.map((request) => ({ ...askBest(request, now, BACKUP_OFFERS, offerMs), terms: 'STAND_BY' as const })),
    },
  };
}
