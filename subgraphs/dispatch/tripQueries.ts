import { and, asc, desc, eq, gt, inArray, isNotNull, or, sql } from 'drizzle-orm';
import { type Actor, isPrivileged, userIdOf } from '../../platform/actor.js';
import type { PageRequest } from '../../platform/page.js';
import type { Orm, Tx } from '../../platform/postgres.js';
import type { Place } from './point.js';
import type { StrategyName } from './strategy.js';
import { driverLocationHistory, tripQuotes, trips, tripStates } from './tables.js';
import type { TripRow, TripStateRow } from './trip.js';

export type QuoteRow = typeof tripQuotes.$inferSelect;

const MAX_COUNT = 10_000;
/** Points read for a route: 8 hours of one every 3 s. */
const MAX_RECORDED = 10_000;

/**
 * Whether the actor is a party of the trip, or may see it by office. Row-level security also lets a driver see a trip that he is being offered;
 * that is for the offer, not for the trip by its id.
 */
export function isParty(actor: Actor, trip: TripRow): boolean {
  const userId = userIdOf(actor);
  return isPrivileged(actor) || (userId !== null && (trip.riderId === userId || trip.driverUserId === userId));
}

export async function tripsByIds(orm: Orm, ids: readonly string[]): Promise<TripRow[]> {
  return orm
    .select()
    .from(trips)
    .where(inArray(trips.id, [...ids]));
}

/** The trip as one of its parties sees it; undefined for everybody else. */
export async function tripForParty(tx: Tx, id: string): Promise<TripRow | undefined> {
  const [row] = await tripsByIds(tx.orm, [id]);
  return row && isParty(tx.actor, row) ? row : undefined;
}

/** The row, locked until the transaction ends. Every change of a trip or its offers begins with this lock. */
export async function lockTrip(orm: Orm, id: string): Promise<TripRow | undefined> {
  const [row] = await orm.select().from(trips).where(eq(trips.id, id)).for('no key update');
  return row;
}

/** Those of these trips that nobody else holds, locked, in the order of their ids. */
export async function lockFreeTrips(orm: Orm, ids: readonly string[]): Promise<TripRow[]> {
  return orm
    .select()
    .from(trips)
    .where(sql`${trips.id} = any(${`{${ids.join(',')}}`}::uuid[])`)
    .orderBy(asc(trips.id))
    .for('no key update', { skipLocked: true });
}

/** States after a sequence, in order. */
export async function statesAfter(orm: Orm, tripId: string, sequence: number): Promise<TripStateRow[]> {
  return orm
    .select()
    .from(tripStates)
    .where(and(eq(tripStates.tripId, tripId), gt(tripStates.sequence, sequence)))
    .orderBy(asc(tripStates.sequence));
}

/** What decides whether a rider may have one more trip, and how his city matches. */
export interface RiderRoom {
  /** The trip that has begun to be searched for and is not over yet. */
  liveTripId: string | null;
  /** Trips for later whose search has not begun. */
  tripsAhead: number;
  /** One that payments could not settle. */
  unpaidTripId: string | null;
  strategy: StrategyName;
}

const READ_ROOM = `select
  (select id from trips where rider_id = $1::uuid and status in ('SEARCHING', 'ACCEPTED', 'DRIVER_ARRIVED', 'STARTED') limit 1) as "liveTripId",
  (select count(*)::int from trips where rider_id = $1::uuid and status = 'REQUESTED') as "tripsAhead",
  (select trip_id from unpaid_trips where payer_id = $1::uuid limit 1) as "unpaidTripId",
  coalesce((select strategy from matching_settings where city = $2), 'FIRST_ACCEPT') as strategy`;

/**
 * Requests of one rider come one after the other until the transaction ends: two at once must not both find room. Then what room there is: a statement of its
 * own, which sees what the one before has committed.
 */
export async function lockRequestsOf(tx: Tx, riderId: string, city: string): Promise<RiderRoom> {
  const [, rooms] = await Promise.all([
    tx.prepared('select pg_advisory_xact_lock(hashtextextended($1::text, 0))', [`requests of ${riderId}`]),
    tx.prepared<RiderRoom>(READ_ROOM, [riderId, city]),
  ]);
  return rooms[0] as RiderRoom;
}

/** The quote, locked: two requests with one quote wait for each other, and the second finds it used. */
export async function lockQuote(orm: Orm, id: string): Promise<QuoteRow | undefined> {
  const [row] = await orm.select().from(tripQuotes).where(eq(tripQuotes.id, id)).for('update').execute();
  return row;
}

/** Where the driver was between two times, in order. */
export async function recordedWay(orm: Orm, driverId: string, from: Date, to: Date): Promise<Place[]> {
  const { recordedAt, lat, lng } = driverLocationHistory;
  return orm
    .select({ lat, lng })
    .from(driverLocationHistory)
    .where(
      and(eq(driverLocationHistory.driverId, driverId), sql`${recordedAt} between ${from.toISOString()}::timestamptz and ${to.toISOString()}::timestamptz`),
    )
    .orderBy(asc(recordedAt))
    .limit(MAX_RECORDED);
}

/** Completed trips that these drivers drove within the times. A trip is requested 31 days before it is driven at most, and an index finds it by that. */
export async function tripsDrivenBetween(orm: Orm, times: readonly { driverId: string; from: Date; to: Date }[]): Promise<string[]> {
  const rows = await orm.execute<{ id: string }>(sql`select distinct t.id
    from json_to_recordset(${JSON.stringify(times)}::json) as late("driverId" uuid, "from" timestamptz, "to" timestamptz)
      join drivers d on d.id = late."driverId"
      join trips t on t.driver_user_id = d.user_id and t.requested_at between late."from" - interval '31 days' and late."to"
    where t.status = 'COMPLETED' and t.started_at <= late."to" and t.completed_at >= late."from" order by t.id`);
  return rows.map((row) => row.id);
}

export interface FoundTrip {
  trip: TripRow;
  sortValue: string;
}

const ofUser = (userId: string) => or(eq(trips.riderId, userId), and(isNotNull(trips.driverUserId), eq(trips.driverUserId, userId)));

/** Trips that a person took or drove, newest first, one more than the page holds. */
export async function findTripsOfUser(orm: Orm, userId: string, page: PageRequest): Promise<FoundTrip[]> {
  const after = page.after && sql`(${trips.requestedAt}, ${trips.id}) < (${page.after[0]}::timestamptz, ${page.after[1]}::uuid)`;
  return orm
    .select({ trip: trips, sortValue: sql<string>`${trips.requestedAt}::text` })
    .from(trips)
    .where(and(ofUser(userId), after ?? undefined))
    .orderBy(desc(trips.requestedAt), desc(trips.id))
    .limit(page.first + 1);
}

/** How many there are; exact up to 10,000. */
export async function countTripsOfUser(orm: Orm, userId: string): Promise<number> {
  const matching = orm.select({ one: sql`1` }).from(trips).where(ofUser(userId)).limit(MAX_COUNT).as('matching');
  const [row] = await orm.select({ count: sql<number>`count(*)::int` }).from(matching);
  return row?.count ?? 0;
}
