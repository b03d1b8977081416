import { and, asc, eq, isNotNull } from 'drizzle-orm';
import type { Orm } from '../../platform/postgres.js';
import { boardingPins, matchingSettings } from './matchingTables.js';
import type { OfferRow } from './offerQueries.js';
import type { StrategyName } from './strategy.js';
import { drivers, offers } from './tables.js';

export interface MatchingSettings {
  strategy: StrategyName;
  boardingPin: boolean;
}

/** How a city matches. */
export async function settingsOf(orm: Orm, city: string): Promise<MatchingSettings> {
  const [row] = await orm
    .select({ strategy: matchingSettings.strategy, boardingPin: matchingSettings.boardingPin })
    .from(matchingSettings)
    .where(eq(matchingSettings.city, city));
  return row ? { strategy: row.strategy as StrategyName, boardingPin: row.boardingPin } : { strategy: 'FIRST_ACCEPT', boardingPin: false };
}

/** The rider's PIN; row-level security hides it from everybody else but admins. */
export async function pinOf(orm: Orm, tripId: string): Promise<string | null> {
  const [row] = await orm.select({ pin: boardingPins.pin }).from(boardingPins).where(eq(boardingPins.tripId, tripId));
  return row?.pin ?? null;
}

/** A bid, with what the rider may know of its driver before he has chosen him. */
export interface BidFacts {
  offer: OfferRow;
  starsSum: number;
  starsCount: number;
  completedCount: number;
  vehicleType: string;
}

/** Bids that can still be chosen, the cheapest first. Runs as SYSTEM, for the rider of the trip. */
export async function openBidsOf(orm: Orm, tripId: string, now: Date): Promise<BidFacts[]> {
  const rows = await orm
    .select({
      offer: offers,
      starsSum: drivers.starsSum,
      starsCount: drivers.starsCount,
      completedCount: drivers.completedCount,
      vehicleType: drivers.vehicleType,
    })
    .from(offers)
    .innerJoin(drivers, eq(drivers.id, offers.driverId))
    .where(and(eq(offers.tripId, tripId), eq(offers.status, 'PENDING'), isNotNull(offers.bidMinor)))
    .orderBy(asc(offers.bidMinor), asc(offers.id));
  return rows.filter(({ offer }) => offer.expiresAt > now);
}
