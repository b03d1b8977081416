import { and, asc, desc, eq, gt, inArray, isNotNull, lte, or, sql } from 'drizzle-orm';
import { type Actor, isPrivileged, userIdOf } from '../../platform/actor.js';
import type { PageRequest } from '../../platform/page.js';
import type { Orm, Tx } from '../../platform/postgres.js';
import type { FareRates } from './fare.js';
import type { Place } from './point.js';
import { driverLocationHistory, fareRates, tripQuotes, trips, tripStates, unpaidTrips } from './tables.js';
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

/** States after a sequence, in order. */
export async function statesAfter(orm: Orm, tripId: string, sequence: number): Promise<TripStateRow[]> {
  return orm
    .select()
    .from(tripStates)
    .where(and(eq(tripStates.tripId, tripId), gt(tripStates.sequence, sequence)))
    .orderBy(asc(tripStates.sequence));
}

/** The rider's trip that is not over yet. */
export async function liveTripOfRider(orm: Orm, riderId: string): Promise<{ id: string } | undefined> {
  const [row] = await orm
    .select({ id: trips.id })
    .from(trips)
    .where(and(eq(trips.riderId, riderId), inArray(trips.status, ['REQUESTED', 'SEARCHING', 'ACCEPTED', 'DRIVER_ARRIVED', 'STARTED'])));
  return row;
}

/** A trip of this rider that payments could not settle. */
export async function unpaidTripOf(orm: Orm, riderId: string): Promise<{ tripId: string } | undefined> {
  const [row] = await orm.select({ tripId: unpaidTrips.tripId }).from(unpaidTrips).where(eq(unpaidTrips.payerId, riderId)).limit(1);
  return row;
}

/** The quote, locked: two requests with one quote wait for each other, and the second finds it used. */
export async function lockQuote(orm: Orm, id: string): Promise<QuoteRow | undefined> {
  const [row] = await orm.select().from(tripQuotes).where(eq(tripQuotes.id, id)).for('update');
  return row;
}

/** The rates of each vehicle type that hold at a time (DP-10). */
export async function ratesAt(orm: Orm, at: Date): Promise<Map<string, FareRates>> {
  const rows = await orm
    .selectDistinctOn([fareRates.vehicleType])
    .from(fareRates)
    .where(lte(fareRates.effectiveFrom, at))
    .orderBy(fareRates.vehicleType, desc(fareRates.effectiveFrom));
  return new Map(rows.map((row) => [row.vehicleType, row]));
}

/** How many trips were requested per cell since a time. Counts all riders' requests, and tells nothing else about them. */
export async function requestsPerCell(orm: Orm, cells: readonly string[], since: Date): Promise<Map<string, number>> {
  const rows = await orm.execute<{ cell: string; requests: number }>(
    sql`select cell, requests from requests_per_cell(${`{${cells.join(',')}}`}::text[], ${since.toISOString()}::timestamptz)`,
  );
  return new Map(rows.map((row) => [row.cell, row.requests]));
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
