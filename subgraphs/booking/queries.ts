import { and, asc, count, desc, eq, gt, inArray, isNull, lt, type SQL, sql } from 'drizzle-orm';
import { sqlState } from '../../platform/errors.js';
import type { Violation } from '../../platform/graphqlTypes.js';
import type { PageRequest } from '../../platform/page.js';
import type { Orm } from '../../platform/postgres.js';
import type { BusyRange, VehicleFacts } from './availability.js';
import { BLOCKING_STATUSES, type BookingStatus } from './bookingStatus.js';
import { bookings, bookingTransitions, quotes, vehicles } from './tables.js';

export type QuoteRow = typeof quotes.$inferSelect;
export type BookingRow = typeof bookings.$inferSelect;
export type TransitionRow = Pick<typeof bookingTransitions.$inferSelect, 'sequence' | 'toStatus'>;

const MAX_COUNT = 10_000;
const MAX_VIOLATIONS = 100;

const uuidArray = (ids: readonly string[]) => sql`${`{${ids.join(',')}}`}::uuid[]`;
const instant = (at: Date) => sql`${at.toISOString()}::timestamptz`;

/** A half-open range, as the constraint compares them: one may begin in the moment that another ends. */
export function rangeOf({ from, to }: BusyRange): SQL {
  return sql`tstzrange(${instant(from)}, ${instant(to)}, '[)')`;
}

export async function vehiclesByIds(orm: Orm, ids: readonly string[]): Promise<VehicleFacts[]> {
  return orm
    .select()
    .from(vehicles)
    .where(inArray(vehicles.vehicleId, [...ids]));
}

/** What is taken of these vehicles after a moment, by vehicle; public, so it says nothing of by whom. */
export async function busyRangesAfter(orm: Orm, vehicleIds: readonly string[], from: Date): Promise<Map<string, BusyRange[]>> {
  const rows = await orm.execute<{ vehicle_id: string; busy_from: string; busy_to: string }>(
    sql`select vehicle_id, busy_from, busy_to from vehicle_busy_ranges(${uuidArray(vehicleIds)}, ${instant(from)})`,
  );
  const byVehicle = new Map<string, BusyRange[]>();
  for (const row of rows) {
    const ranges = byVehicle.get(row.vehicle_id) ?? [];
    byVehicle.set(row.vehicle_id, ranges);
    ranges.push({ from: new Date(row.busy_from), to: new Date(row.busy_to) });
  }
  return byVehicle;
}

/** The quote, locked until the transaction ends, so that two bookings cannot be made of it. */
export async function lockQuote(orm: Orm, id: string): Promise<QuoteRow | undefined> {
  const [row] = await orm.select().from(quotes).where(eq(quotes.id, id)).for('update');
  return row;
}

/** Drops what a customer was once offered and did not take; what became a booking stays. */
export async function dropUnusedQuotes(orm: Orm, customerId: string, expiredBefore: Date): Promise<void> {
  await orm.delete(quotes).where(and(eq(quotes.customerId, customerId), lt(quotes.expiresAt, expiredBefore), isNull(quotes.usedByBooking)));
}

/** Makes all bookings of one customer wait for each other until the transaction ends: the limit of live ones could be passed by two at once. */
export async function lockCustomer(orm: Orm, customerId: string): Promise<void> {
  await orm.execute(sql`select pg_advisory_xact_lock(hashtextextended(${customerId}, 43))`);
}

export async function countLiveBookings(orm: Orm, customerId: string): Promise<number> {
  const [row] = await orm
    .select({ live: count() })
    .from(bookings)
    .where(and(eq(bookings.customerId, customerId), inArray(bookings.status, [...BLOCKING_STATUSES])));
  return row?.live ?? 0;
}

/**
 * Takes the vehicle, or gives nothing when somebody else has it at that time (BK-01). The database decides: without `do nothing` rivals deadlock, and
 * one that is still picked as a deadlock's victim was in a race for the same range, so it is taken too. The savepoint keeps the transaction usable.
 */
export async function claimVehicle(orm: Orm, booking: Omit<typeof bookings.$inferInsert, 'during'> & { during: BusyRange }): Promise<BookingRow | undefined> {
  try {
    return await orm.transaction(async (savepoint) => {
      const values = { ...booking, during: rangeOf(booking.during) };
      const [row] = await savepoint.insert(bookings).values(values).onConflictDoNothing().returning();
      return row;
    });
  } catch (error) {
    if (sqlState(error) === '40P01') return undefined;
    throw error;
  }
}

export async function bookingsByIds(orm: Orm, ids: readonly string[]): Promise<BookingRow[]> {
  return orm
    .select()
    .from(bookings)
    .where(inArray(bookings.id, [...ids]));
}

/** The booking, locked until the transaction ends: of two that want to move it, the second sees what the first did. */
export async function lockBooking(orm: Orm, id: string): Promise<BookingRow | undefined> {
  const [row] = await orm.select().from(bookings).where(eq(bookings.id, id)).for('update');
  return row;
}

/** States that a booking has been in since one, in order. */
export async function transitionsAfter(orm: Orm, bookingId: string, sequence: number): Promise<TransitionRow[]> {
  return orm
    .select({ sequence: bookingTransitions.sequence, toStatus: bookingTransitions.toStatus })
    .from(bookingTransitions)
    .where(and(eq(bookingTransitions.bookingId, bookingId), gt(bookingTransitions.sequence, sequence)))
    .orderBy(asc(bookingTransitions.sequence));
}

function ofCustomer(customerId: string, status: BookingStatus | null): SQL | undefined {
  return and(eq(bookings.customerId, customerId), status ? eq(bookings.status, status) : undefined);
}

/** A customer's bookings, the newest first, one more than the page holds. */
export async function bookingsOfCustomer(orm: Orm, customerId: string, status: BookingStatus | null, page: PageRequest): Promise<BookingRow[]> {
  const [createdAt, id] = page.after ?? [];
  const beyond = createdAt && id ? sql`(${bookings.createdAt}, ${bookings.id}) < (${createdAt}::timestamptz, ${id}::uuid)` : undefined;
  return orm
    .select()
    .from(bookings)
    .where(and(ofCustomer(customerId, status), beyond))
    .orderBy(desc(bookings.createdAt), desc(bookings.id))
    .limit(page.first + 1);
}

/** How many bookings a customer has; exact up to 10,000. */
export async function countBookingsOfCustomer(orm: Orm, customerId: string, status: BookingStatus | null): Promise<number> {
  const matching = orm.select({ one: sql`1` }).from(bookings).where(ofCustomer(customerId, status)).limit(MAX_COUNT).as('matching');
  const [row] = await orm.select({ matching: count() }).from(matching);
  return row?.matching ?? 0;
}

/** Pairs of bookings that have one vehicle at one time: the constraint makes them impossible, and this looks without trusting it. */
export async function overlappingBookings(orm: Orm): Promise<Violation[]> {
  const rows = await orm.execute<{ reference: string; since: string }>(sql`
    select a.id || ' ' || b.id as reference, greatest(a.created_at, b.created_at) as since
    from bookings a join bookings b on b.vehicle_id = a.vehicle_id and b.during && a.during and b.id > a.id
    where a.status in ('HELD', 'CONFIRMED', 'ACTIVE') and b.status in ('HELD', 'CONFIRMED', 'ACTIVE')
    order by since limit ${MAX_VIOLATIONS}`);
  return rows.map((row) => ({ kind: 'BOOKINGS_OVERLAP', reference: row.reference, since: new Date(row.since) }));
}

/** Bookings that are still held although their hold ended before a moment. */
export async function holdsNotExpired(orm: Orm, endedBefore: Date): Promise<Violation[]> {
  const rows = await orm
    .select({ reference: bookings.id, since: bookings.holdExpiresAt })
    .from(bookings)
    .where(and(eq(bookings.status, 'HELD'), lt(bookings.holdExpiresAt, endedBefore)))
    .orderBy(asc(bookings.holdExpiresAt))
    .limit(MAX_VIOLATIONS);
  return rows.map((row) => ({ kind: 'HOLD_NOT_EXPIRED', ...row }));
}
