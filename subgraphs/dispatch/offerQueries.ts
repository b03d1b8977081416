import { and, asc, between, desc, eq, gt, inArray, sql } from 'drizzle-orm';
import type { Orm } from '../../platform/postgres.js';
import type { Candidate } from './matching.js';
import type { Place } from './point.js';
import { driverPositions, drivers, offers, trips } from './tables.js';
import type { TripRow } from './trip.js';
import type { VehicleType } from './vehicleType.js';

export type OfferRow = typeof offers.$inferSelect;

/** An offer with the trip that it is of, as the driver may see it; null when the trip is no longer his business. */
export interface OfferWithTrip {
  offer: OfferRow;
  trip: TripRow | null;
}

/** Row-level security leaves drivers only their own. */
export async function offerById(orm: Orm, id: string): Promise<OfferRow | undefined> {
  const [row] = await orm.select().from(offers).where(eq(offers.id, id));
  return row;
}

/** Offers that a driver can still accept, oldest first. */
export async function openOffersOf(orm: Orm, driverUserId: string, now: Date): Promise<OfferWithTrip[]> {
  return orm
    .select({ offer: offers, trip: trips })
    .from(offers)
    .leftJoin(trips, eq(trips.id, offers.tripId))
    .where(and(eq(offers.driverUserId, driverUserId), eq(offers.status, 'PENDING'), gt(offers.expiresAt, now)))
    .orderBy(asc(offers.createdAt));
}

export async function pendingOffersOfTrip(orm: Orm, tripId: string): Promise<OfferRow[]> {
  return orm
    .select()
    .from(offers)
    .where(and(eq(offers.tripId, tripId), eq(offers.status, 'PENDING')));
}

export async function pendingOffersOfDriver(orm: Orm, driverId: string): Promise<OfferRow[]> {
  return orm
    .select()
    .from(offers)
    .where(and(eq(offers.driverId, driverId), eq(offers.status, 'PENDING')));
}

/** What matching has to know of drivers to rank them for a trip; only those who may be asked at all (DP-20), and who have not been asked before. */
export async function candidatesFor(orm: Orm, trip: TripRow, driverIds: readonly string[]): Promise<(Omit<Candidate, 'distanceM'> & { userId: string })[]> {
  if (driverIds.length === 0) return [];
  const rows = await orm
    .select({
      driverId: drivers.id,
      userId: drivers.userId,
      vehicleType: drivers.vehicleType,
      starsSum: drivers.starsSum,
      starsCount: drivers.starsCount,
      offeredCount: drivers.offeredCount,
      acceptedCount: drivers.acceptedCount,
      completedCount: drivers.completedCount,
      cancelledCount: drivers.cancelledCount,
      availableSince: drivers.availableSince,
      isRepeat: sql<boolean>`exists (select 1 from trips before where before.rider_id = ${trip.riderId}
        and before.driver_id = ${drivers.id} and before.status = 'COMPLETED')`,
    })
    .from(drivers)
    .where(
      and(
        inArray(drivers.id, [...driverIds]),
        eq(drivers.state, 'AVAILABLE'),
        eq(drivers.approval, 'APPROVED'),
        sql`${drivers.userId} <> ${trip.riderId}`,
        sql`not exists (select 1 from offers asked where asked.trip_id = ${trip.id} and asked.driver_id = ${drivers.id})`,
      ),
    );
  return rows.map((row) => ({ ...row, vehicleType: row.vehicleType as VehicleType }));
}

/** Rows that a search without Redis looks at, at most. */
const MAX_IN_BOX = 1_000;

/** Free drivers in the square around a place that were seen since, by the positions in Postgres; the newest when there are too many. */
export async function freeDriversInBox(
  orm: Orm,
  place: Place,
  radiusKm: number,
  types: readonly VehicleType[],
  since: Date,
): Promise<(Place & { id: string })[]> {
  const KM_PER_DEGREE = 111.195;
  const [dLat, dLng] = [radiusKm / KM_PER_DEGREE, radiusKm / (KM_PER_DEGREE * Math.cos((place.lat * Math.PI) / 180))];
  const { lat, lng, recordedAt } = driverPositions;
  return orm
    .select({ id: drivers.id, lat, lng })
    .from(driverPositions)
    .innerJoin(drivers, eq(drivers.id, driverPositions.driverId))
    .where(
      and(
        between(lat, place.lat - dLat, place.lat + dLat),
        between(lng, place.lng - dLng, place.lng + dLng),
        gt(recordedAt, since),
        eq(drivers.state, 'AVAILABLE'),
        inArray(drivers.vehicleType, [...types]),
      ),
    )
    .orderBy(desc(recordedAt))
    .limit(MAX_IN_BOX);
}

/**
 * Locks the best of the ranked drivers that are still free, at most `count`. Who is locked by another search is passed over, not waited for; only as
 * many are locked as are taken, so that searches side by side share the drivers around.
 */
export async function claimDrivers(orm: Orm, rankedIds: readonly string[], count: number): Promise<string[]> {
  if (rankedIds.length === 0) return [];
  const ids = `{${rankedIds.join(',')}}`;
  const rows = await orm.execute<{ id: string }>(sql`select id from drivers where id = any(${ids}::uuid[]) and state = 'AVAILABLE'
    order by array_position(${ids}::uuid[], id) limit ${count} for no key update skip locked`);
  return rows.map((row) => row.id);
}
