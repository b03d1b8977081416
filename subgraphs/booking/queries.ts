import { and, asc, count, desc, eq, gt, inArray, isNull, lt, or, type SQL, sql } from 'drizzle-orm';
import type { PageRequest } from '../../platform/page.js';
import type { Orm } from '../../platform/postgres.js';
import type { BusyRange, VehicleFacts } from './availability.js';
import { type BookingOrder, orderedBy } from './bookingOrder.js';
import { BLOCKING_STATUSES, type BookingStatus } from './bookingStatus.js';
import { bookings, bookingTransitions, type Guest, promotions, quotes, vehicles } from './tables.js';

export type QuoteRow = typeof quotes.$inferSelect;
export type BookingRow = typeof bookings.$inferSelect;
export type TransitionRow = Pick<typeof bookingTransitions.$inferSelect, 'sequence' | 'toStatus'>;

const MAX_COUNT = 10_000;

export const uuidArray = (ids: readonly string[]) => sql`${`{${ids.join(',')}}`}::uuid[]`;
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

/** Whether any vehicle that we know belongs to a station: stations are fleet's, and this is what we hear of them. */
export async function stationIsKnown(orm: Orm, stationId: string): Promise<boolean> {
  const rows = await orm.select({ one: sql`1` }).from(vehicles).where(eq(vehicles.stationId, stationId)).limit(1);
  return rows.length > 0;
}

export async function promotionByCode(orm: Orm, code: string): Promise<typeof promotions.$inferSelect | undefined> {
  const [row] = await orm.select().from(promotions).where(eq(promotions.code, code));
  return row;
}

/**
 * What is taken of these vehicles after a moment, by vehicle; public, so it says nothing of by whom. Pairs of a beginning and an end in milliseconds since
 * 1970, in order: a hundred cars have ten thousand of them, so each vehicle's come as one value. One holder can be left out: whoever asks for it.
 */
export async function busySpansAfter(orm: Orm, vehicleIds: readonly string[], from: Date, ignored?: string | null): Promise<Map<string, Float64Array>> {
  // Not by `extract`, whose exact decimals take as long as to find the ranges. Doubles hold milliseconds of any year that a calendar shows.
  const inMs = (at: SQL) => sql`round(date_part('epoch', ${at}) * 1000)::bigint`;
  const rows = await orm.execute<{ vehicle_id: string; spans: string }>(sql`
    select vehicle_id, string_agg(${inMs(sql`busy_from`)} || ' ' || ${inMs(sql`busy_to`)}, ' ' order by busy_from) as spans
    from vehicle_busy_ranges(${uuidArray(vehicleIds)}, ${instant(from)}, ${ignored ?? null}::uuid) group by vehicle_id`);
  return new Map(rows.map((row) => [row.vehicle_id, Float64Array.from(row.spans.split(' '), Number)]));
}

/** Those of some spans that end after a moment. */
export function rangesAfter(spans: Float64Array, from: Date): BusyRange[] {
  const ranges: BusyRange[] = [];
  for (let at = 0; at < spans.length; at += 2) {
    const end = spans[at + 1] as number;
    if (end > from.getTime()) ranges.push({ from: new Date(spans[at] as number), to: new Date(end) });
  }
  return ranges;
}

/** What is taken of one vehicle after a moment; one holder can be left out. */
export async function busyRangesAfter(orm: Orm, vehicleId: string, from: Date, ignored?: string | null): Promise<BusyRange[]> {
  const spans = await busySpansAfter(orm, [vehicleId], from, ignored);
  return rangesAfter(spans.get(vehicleId) ?? new Float64Array(), from);
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

/** Live bookings of a customer: those of the same person (oneself, or the guest with this address, number or, without either, name), and those of all guests. */
export async function countLiveBookings(orm: Orm, customerId: string, guest: Guest | null): Promise<{ same: number; guests: number }> {
  const told = (key: keyof Guest, value: string | null | undefined) => (value ? sql`lower(${bookings.guest} ->> ${key}) = lower(${value})` : undefined);
  const reached = guest && or(told('email', guest.email), told('phone', guest.phone));
  const same = guest ? (reached ?? told('name', guest.name) ?? sql`false`) : isNull(bookings.guest);
  const [row] = await orm
    .select({
      same: sql<number>`count(*) filter (where ${same})::int`,
      guests: sql<number>`count(${bookings.guest})::int`,
    })
    .from(bookings)
    .where(and(eq(bookings.customerId, customerId), inArray(bookings.status, [...BLOCKING_STATUSES])));
  return row ?? { same: 0, guests: 0 };
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

/** Whether somebody is out with the vehicle. For jobs and admins, who see all. */
export async function rentalUnderway(orm: Orm, vehicleId: string): Promise<boolean> {
  const rows = await orm
    .select({ id: bookings.id })
    .from(bookings)
    .where(and(eq(bookings.vehicleId, vehicleId), eq(bookings.status, 'ACTIVE')));
  return rows.length > 0;
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

/** A customer's bookings in an order, ties by id; one more than the page holds. */
export async function bookingsOfCustomer(
  orm: Orm,
  customerId: string,
  status: BookingStatus | null,
  order: BookingOrder,
  page: PageRequest,
): Promise<BookingRow[]> {
  const column = bookings[orderedBy(order)];
  const [comes, direction] = order === 'NEWEST' || order === 'PICKUP_DESC' ? [sql.raw('<'), desc] : [sql.raw('>'), asc];
  const [moment, id] = page.after ?? [];
  const beyond = moment && id ? sql`(${column}, ${bookings.id}) ${comes} (${moment}::timestamptz, ${id}::uuid)` : undefined;
  return orm
    .select()
    .from(bookings)
    .where(and(ofCustomer(customerId, status), beyond))
    .orderBy(direction(column), direction(bookings.id))
    .limit(page.first + 1);
}

/** How many bookings a customer has; exact up to 10,000. */
export async function countBookingsOfCustomer(orm: Orm, customerId: string, status: BookingStatus | null): Promise<number> {
  const matching = orm.select({ one: sql`1` }).from(bookings).where(ofCustomer(customerId, status)).limit(MAX_COUNT).as('matching');
  const [row] = await orm.select({ matching: count() }).from(matching);
  return row?.matching ?? 0;
}
