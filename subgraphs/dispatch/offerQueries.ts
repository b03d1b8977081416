import { and, asc, between, desc, eq, gt, inArray, sql } from 'drizzle-orm';
import type { Orm } from '../../platform/postgres.js';
import { ANSWERS_LOOKED_AT, type AnswerRecord, type Candidate, RECENT_MS } from './matching.js';
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

/** The offer of the driver who stands by for the one who has the trip. */
export async function standbyOfferOf(orm: Orm, tripId: string): Promise<OfferRow | undefined> {
  const [row] = await orm
    .select()
    .from(offers)
    .where(and(eq(offers.tripId, tripId), eq(offers.status, 'STANDBY')));
  return row;
}

/** Offers of trips for which a driver stands by. */
export async function standbyOffersOfDriver(orm: Orm, driverId: string): Promise<OfferRow[]> {
  return orm
    .select()
    .from(offers)
    .where(and(eq(offers.driverId, driverId), eq(offers.status, 'STANDBY')));
}

/** Whether a driver who stands by for a trip is still one who would be asked for it: on the road, approved, in good standing, not blocked by the rider. */
export async function mayStepIn(orm: Orm, trip: TripRow, driverId: string): Promise<boolean> {
  const [row] = await orm
    .select({ id: drivers.id })
    .from(drivers)
    .where(
      and(
        eq(drivers.id, driverId),
        eq(drivers.state, 'AVAILABLE'),
        eq(drivers.approval, 'APPROVED'),
        eq(drivers.standing, 'GOOD'),
        sql`not exists (select 1 from driver_preferences p where p.rider_id = ${trip.riderId} and p.driver_id = drivers.id and p.kind = 'BLOCKED')`,
      ),
    );
  return row !== undefined;
}

/** How old a position in Postgres may be: 60 s as in Redis (DP-20), and the 5 s that it may wait to be written. */
export const KEPT_FRESH_MS = 65_000;

/** Where a driver was last by Postgres, when that is not long ago. */
export async function freshPlaceInPostgres(orm: Orm, driverId: string, now: Date): Promise<Place | undefined> {
  const { lat, lng, recordedAt } = driverPositions;
  const [row] = await orm
    .select({ lat, lng })
    .from(driverPositions)
    .where(and(eq(driverPositions.driverId, driverId), gt(recordedAt, new Date(now.getTime() - KEPT_FRESH_MS))));
  return row;
}

export async function pendingOffersOfDriver(orm: Orm, driverId: string): Promise<OfferRow[]> {
  return orm
    .select()
    .from(offers)
    .where(and(eq(offers.driverId, driverId), eq(offers.status, 'PENDING')));
}

/**
 * Searches of a strategy that wait for its tick: their time has come, and nobody is being asked at the moment. The longest waiting first, locked; those
 * that another process decides for at this moment are passed over.
 */
export async function waitingSearches(orm: Orm, strategy: string, limit: number): Promise<TripRow[]> {
  return orm
    .select()
    .from(trips)
    .where(
      and(
        eq(trips.status, 'SEARCHING'),
        eq(trips.strategy, strategy),
        sql`not exists (select 1 from offers o where o.trip_id = ${trips.id} and o.status = 'PENDING')`,
        // One with a timer is not in the pool yet: its timer brings it, and would wait for its lock while we waited for the timer.
        sql`not exists (select 1 from timers w where w.kind = 'matching.round' and w.key = ${trips.id}::text)`,
      ),
    )
    .orderBy(asc(trips.requestedAt), asc(trips.id))
    .limit(limit)
    .for('no key update', { skipLocked: true });
}

/**
 * What matching has to know of drivers to rank them for a trip; only those who may be asked at all (DP-20): free, approved, not blocked by the rider, not
 * the rider himself, and not asked for this trip as it is now. That they are near and were seen lately, the search by position has decided.
 */
export async function candidatesFor(
  orm: Orm,
  trip: TripRow,
  driverIds: readonly string[],
  now: Date,
): Promise<(Omit<Candidate, 'distanceM'> & { userId: string })[]> {
  if (driverIds.length === 0) return [];
  const since = new Date(now.getTime() - RECENT_MS).toISOString();
  // Columns of the driver are named in full by hand: drizzle leaves the table out in a select from one table, and in a subquery that means another column.
  const preference = (kind: string) => sql`exists (select 1 from driver_preferences p
    where p.rider_id = ${trip.riderId} and p.driver_id = drivers.id and p.kind = ${kind})`;
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
        and before.driver_id = drivers.id and before.status = 'COMPLETED')`,
      isFavourite: sql<boolean>`${preference('FAVOURITE')}`,
      recentTrips: sql<number>`(select count(*)::int from trips recent where recent.driver_user_id = drivers.user_id
        and recent.status in ('ACCEPTED', 'DRIVER_ARRIVED', 'STARTED', 'COMPLETED') and recent.accepted_at > ${since}::timestamptz
        and recent.requested_at > ${since}::timestamptz - ${FURTHEST_AHEAD}::interval)`,
      answers: sql<AnswerRecord>`(select json_build_object(
          'taken', count(*) filter (where last.status = 'ACCEPTED'),
          'refused', count(*) filter (where last.status <> 'ACCEPTED'),
          'meanTakenMinor', coalesce(avg(last.earnings_minor) filter (where last.status = 'ACCEPTED'), 0),
          'meanRefusedMinor', coalesce(avg(last.earnings_minor) filter (where last.status <> 'ACCEPTED'), 0))
        from (select o.status, o.earnings_minor from offers o where o.driver_id = drivers.id and (o.status in ('ACCEPTED', 'DECLINED') or o.status = 'EXPIRED' and o.bid_minor is null)
          order by o.created_at desc limit ${ANSWERS_LOOKED_AT}) last)`,
    })
    .from(drivers)
    .where(
      and(
        inArray(drivers.id, [...driverIds]),
        eq(drivers.state, 'AVAILABLE'),
        eq(drivers.approval, 'APPROVED'),
        eq(drivers.standing, 'GOOD'),
        sql`drivers.user_id <> ${trip.riderId}`,
        sql`not ${preference('BLOCKED')}`,
        sql`not exists (select 1 from offers asked where asked.trip_id = ${trip.id} and asked.driver_id = drivers.id
          and asked.revision = ${trip.revision})`,
      ),
    );
  return rows.map((row) => ({ ...row, vehicleType: row.vehicleType as VehicleType }));
}

/** How long before it begins a trip can be requested: an index finds trips by their request. */
const FURTHEST_AHEAD = '31 days';

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
