import { and, asc, between, desc, eq, gt, inArray, sql } from 'drizzle-orm';
import type { Orm, Tx } from '../../platform/postgres.js';
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

/** Offers that these people can still accept, by person, oldest first. Runs as SYSTEM: who may see them is whoever they are for. */
export async function openOffersOf(orm: Orm, userIds: readonly string[], now: Date): Promise<Map<string, OfferWithTrip[]>> {
  const rows = await orm
    .select({ offer: offers, trip: trips })
    .from(offers)
    .leftJoin(trips, eq(trips.id, offers.tripId))
    .where(and(sql`${offers.driverUserId} = any(${uuidArray(userIds)})`, eq(offers.status, 'PENDING'), gt(offers.expiresAt, now)))
    .orderBy(asc(offers.createdAt));
  const open = new Map<string, OfferWithTrip[]>();
  for (const row of rows) {
    const others = open.get(row.offer.driverUserId);
    if (others) others.push(row);
    else open.set(row.offer.driverUserId, [row]);
  }
  return open;
}

export async function pendingOffersOfTrip(orm: Orm, tripId: string): Promise<OfferRow[]> {
  return orm
    .select()
    .from(offers)
    .where(and(eq(offers.tripId, tripId), eq(offers.status, 'PENDING')));
}

export async function pendingOffersOfTrips(orm: Orm, tripIds: readonly string[]): Promise<OfferRow[]> {
  return orm
    .select()
    .from(offers)
    .where(and(sql`${offers.tripId} = any(${uuidArray(tripIds)})`, eq(offers.status, 'PENDING')));
}

/** A new offer, as it is written. */
export type NewOffer = Omit<typeof offers.$inferSelect, 'status' | 'createdAt' | 'answeredAt' | 'declineReason' | 'bidMinor'>;

const INSERT_OFFERS = `insert into offers (id, trip_id, driver_id, driver_user_id, status, revision, round, terms, pickup_distance_m, in_line, earnings_minor,
    currency, created_at, expires_at)
  select id, "tripId", "driverId", "driverUserId", 'PENDING', revision, round, terms, "pickupDistanceM", "inLine", "earningsMinor", currency, $2::timestamptz, "expiresAt"
  from json_to_recordset($1::text::json) as n(id uuid, "tripId" uuid, "driverId" uuid, "driverUserId" uuid, revision int, round int, terms text,
    "pickupDistanceM" int, "inLine" boolean, "earningsMinor" bigint, currency text, "expiresAt" timestamptz)`;

/** Writes open offers: in one statement of one text, however many there are. */
export async function insertOffers(tx: Tx, rows: readonly NewOffer[]): Promise<void> {
  const written = rows.map((row) => ({ ...row, earningsMinor: row.earningsMinor.toString() }));
  await tx.prepared(INSERT_OFFERS, [JSON.stringify(written), tx.now.toISOString()]);
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

/** A trip, and drivers who might be asked for it. */
export interface Considered {
  trip: TripRow;
  driverIds: readonly string[];
}

/** What matching has to know of a driver to rank him for a trip, but for how far away he is. */
export type Eligible = Omit<Candidate, 'distanceM'> & { userId: string };

/**
 * For each trip those who may be asked for it at all (DP-20): free, approved, not blocked by the rider, not the rider himself, and not asked for this trip as
 * it is now. That they are near and were seen lately, the search by position has decided. Two statements for all trips together: a tick of two hundred
 * would else ask two hundred times after the same drivers.
 */
export async function candidatesFor(orm: Orm, considered: readonly Considered[], now: Date): Promise<Eligible[][]> {
  const driverIds = [...new Set(considered.flatMap((each) => each.driverIds))];
  if (driverIds.length === 0) return considered.map(() => []);
  const trips = considered.map(({ trip }) => trip);
  const [free, relations] = await Promise.all([freeDrivers(orm, driverIds, now), relationsOf(orm, trips, driverIds)]);
  return considered.map(({ trip, driverIds: around }) =>
    around.flatMap((driverId) => {
      const driver = free.get(driverId);
      const has = (relation: Relation) => relations.get(`${trip.id} ${driverId}`)?.has(relation) === true;
      if (!driver || driver.userId === trip.riderId || has('BLOCKED') || has('ASKED')) return [];
      return [{ ...driver, isRepeat: has('REPEAT'), isFavourite: has('FAVOURITE') }];
    }),
  );
}

/** Those of these drivers who are free, by id, with what their history says of them. */
async function freeDrivers(orm: Orm, driverIds: readonly string[], now: Date): Promise<Map<string, Omit<Eligible, 'isRepeat' | 'isFavourite'>>> {
  const since = new Date(now.getTime() - RECENT_MS).toISOString();
  // Columns of the driver are named in full by hand: drizzle leaves the table out in a select from one table, and in a subquery that means another column.
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
    .where(and(sql`drivers.id = any(${uuidArray(driverIds)})`, eq(drivers.state, 'AVAILABLE'), eq(drivers.approval, 'APPROVED'), eq(drivers.standing, 'GOOD')));
  return new Map(rows.map((row) => [row.driverId, { ...row, vehicleType: row.vehicleType as VehicleType }]));
}

/** What a driver is to a trip or its rider: blocked or a favourite, known from an earlier trip, or asked for this one already. */
type Relation = 'BLOCKED' | 'FAVOURITE' | 'REPEAT' | 'ASKED';

/** By trip and driver, as `<trip> <driver>`; most have none. */
async function relationsOf(orm: Orm, searching: readonly TripRow[], driverIds: readonly string[]): Promise<Map<string, Set<Relation>>> {
  const [ids, riders] = [uuidArray(searching.map(({ id }) => id)), uuidArray(searching.map(({ riderId }) => riderId))];
  const revisions = sql`${`{${searching.map(({ revision }) => revision).join(',')}}`}::int[]`;
  const some = uuidArray(driverIds);
  const rows = await orm.execute<{ trip_id: string; driver_id: string; relation: Relation }>(sql`
    select t.id as trip_id, r.driver_id, r.relation
    from unnest(${ids}, ${riders}, ${revisions}) as t(id, rider_id, revision)
    cross join lateral (
      select p.driver_id, p.kind as relation from driver_preferences p where p.rider_id = t.rider_id and p.driver_id = any(${some})
      union all select b.driver_id, 'REPEAT' from trips b where b.rider_id = t.rider_id and b.driver_id = any(${some}) and b.status = 'COMPLETED'
      union all select o.driver_id, 'ASKED' from offers o where o.trip_id = t.id and o.revision = t.revision and o.driver_id = any(${some})) r`);
  const relations = new Map<string, Set<Relation>>();
  for (const { trip_id, driver_id, relation } of rows) {
    const key = `${trip_id} ${driver_id}`;
    const known = relations.get(key);
    if (known) known.add(relation);
    else relations.set(key, new Set([relation]));
  }
  return relations;
}

const uuidArray = (ids: readonly string[]) => sql`${`{${ids.join(',')}}`}::uuid[]`;

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
  const ids = uuidArray(rankedIds);
  const rows = await orm.execute<{ id: string }>(sql`select id from drivers where id = any(${ids}) and state = 'AVAILABLE'
    order by array_position(${ids}, id) limit ${count} for no key update skip locked`);
  return rows.map((row) => row.id);
}
