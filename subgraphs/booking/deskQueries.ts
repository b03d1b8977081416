import { and, asc, count, eq, gt, isNull, type SQL, sql } from 'drizzle-orm';
import type { PageRequest } from '../../platform/page.js';
import type { Orm } from '../../platform/postgres.js';
import { preparationMs } from './availability.js';
import type { BookingStatus } from './bookingStatus.js';
import { type BookingRow, vehiclesByIds } from './queries.js';
import { bookings, vehicleBlocks } from './tables.js';

const MAX_COUNT = 10_000;
const MAX_REPLACEMENTS = 5;
const MAX_BLOCKS = 100;

export interface BookingSearch {
  vehicleId?: string | null;
  stationId?: string | null;
  status?: BookingStatus | null;
  /** A calendar day by the clock of the vehicle's station: what is out, goes out or comes back on it. */
  day?: string | null;
}

function matching(search: BookingSearch): SQL | undefined {
  const { day } = search;
  const zone = sql`(select v.time_zone from vehicles v where v.vehicle_id = ${bookings.vehicleId})`;
  const overlapsDay = day
    ? sql`${bookings.pickupAt} < (${day}::date + 1)::timestamp at time zone ${zone} and ${bookings.returnAt} > ${day}::date::timestamp at time zone ${zone}
        and ${bookings.pickupAt} between ${day}::date - interval '92 days' and ${day}::date + interval '2 days'`
    : undefined;
  return and(
    search.vehicleId ? eq(bookings.vehicleId, search.vehicleId) : undefined,
    search.stationId ? eq(bookings.stationId, search.stationId) : undefined,
    search.status ? eq(bookings.status, search.status) : undefined,
    overlapsDay,
  );
}

/** Bookings of a vehicle, a station or a day, by pick-up; one more than the page holds. */
export async function findBookings(orm: Orm, search: BookingSearch, page: PageRequest): Promise<BookingRow[]> {
  const [pickupAt, id] = page.after ?? [];
  const beyond = pickupAt && id ? sql`(${bookings.pickupAt}, ${bookings.id}) > (${pickupAt}::timestamptz, ${id}::uuid)` : undefined;
  return orm
    .select()
    .from(bookings)
    .where(and(matching(search), beyond))
    .orderBy(asc(bookings.pickupAt), asc(bookings.id))
    .limit(page.first + 1);
}

/** How many bookings fit; exact up to 10,000. */
export async function countBookings(orm: Orm, search: BookingSearch): Promise<number> {
  const found = orm.select({ one: sql`1` }).from(bookings).where(matching(search)).limit(MAX_COUNT).as('found');
  const [row] = await orm.select({ found: count() }).from(found);
  return row?.found ?? 0;
}

/** Cars like a booking's that nobody has in its time, those at its station first, then the cheapest (BK-06b). */
export async function carsAlike(orm: Orm, booking: BookingRow): Promise<string[]> {
  const [present] = await vehiclesByIds(orm, [booking.vehicleId]);
  if (!present) return [];
  const until = new Date(booking.returnAt.getTime() + preparationMs(present.category));
  const rows = await orm.execute<{ vehicle_id: string }>(sql`
    select v.vehicle_id from vehicles v
    where v.category = ${present.category} and v.currency = ${booking.currency} and v.use = 'RENTAL' and v.status = 'ACTIVE'
      and v.vehicle_id <> ${booking.vehicleId}::uuid
      and not exists (select 1 from vehicle_claims c where c.vehicle_id = v.vehicle_id
        and c.during && tstzrange(${booking.pickupAt.toISOString()}::timestamptz, ${until.toISOString()}::timestamptz))
    order by v.station_id is not distinct from ${booking.stationId}::uuid desc, v.daily_rate_minor, v.vehicle_id limit ${MAX_REPLACEMENTS}`);
  return rows.map((row) => row.vehicle_id);
}

/** Blocks of a vehicle that have not been lifted and end after a moment, in order. */
export async function blocksOf(orm: Orm, vehicleId: string, after: Date): Promise<(typeof vehicleBlocks.$inferSelect)[]> {
  return orm
    .select()
    .from(vehicleBlocks)
    .where(and(eq(vehicleBlocks.vehicleId, vehicleId), isNull(vehicleBlocks.liftedAt), gt(vehicleBlocks.toAt, after)))
    .orderBy(asc(vehicleBlocks.fromAt))
    .limit(MAX_BLOCKS);
}

export interface VehicleDay extends Record<string, unknown> {
  day: string;
  busyMinutes: number;
  minutes: number;
}

/** How much of each day a vehicle is taken, by the clock of its station: a day has 23 or 25 hours when that clock is changed. */
export async function vehicleCalendar(orm: Orm, vehicleId: string, from: string, to: string): Promise<VehicleDay[]> {
  return orm.execute<VehicleDay>(sql`
    select to_char(d.day, 'YYYY-MM-DD') as day, (extract(epoch from upper(d.span) - lower(d.span)) / 60)::int as minutes,
      coalesce((select sum(extract(epoch from upper(c.during * d.span) - lower(c.during * d.span)) / 60) from vehicle_claims c
        where c.vehicle_id = v.vehicle_id and c.during && d.span), 0)::int as "busyMinutes"
    from vehicles v
    cross join lateral (
      select day, tstzrange(day::timestamp at time zone v.time_zone, (day::date + 1)::timestamp at time zone v.time_zone) as span
      from generate_series(${from}::date, ${to}::date, interval '1 day') day) d
    where v.vehicle_id = ${vehicleId}::uuid order by d.day`);
}

export interface StationDay extends Record<string, unknown> {
  day: string;
  vehicles: number;
  taken: number;
  pickups: number;
  returns: number;
}

/** What a station has to do each day, by its own clock: cars taken at any time of it, pick-ups and returns. */
export async function stationCalendar(orm: Orm, stationId: string, from: string, to: string): Promise<StationDay[]> {
  return orm.execute<StationDay>(sql`
    with cars as (select vehicle_id, time_zone from vehicles where station_id = ${stationId}::uuid and use = 'RENTAL' and status <> 'RETIRED'),
      clock as (select coalesce((select max(time_zone) from cars), 'UTC') as zone),
      days as (select day::date as day, tstzrange(day::timestamp at time zone zone, (day::date + 1)::timestamp at time zone zone) as span
        from clock, generate_series(${from}::date, ${to}::date, interval '1 day') day),
      whole as (select tstzrange(min(lower(span)), max(upper(span))) as span from days),
      booked as (select pickup_at, return_at from bookings, whole where station_id = ${stationId}::uuid and status in ('CONFIRMED', 'ACTIVE', 'COMPLETED')
        and pickup_at < upper(whole.span) and pickup_at > lower(whole.span) - interval '92 days'),
      taken as (select c.vehicle_id, c.during from vehicle_claims c join cars using (vehicle_id), whole where c.during && whole.span)
    select to_char(d.day, 'YYYY-MM-DD') as day, (select count(*) from cars)::int as vehicles,
      (select count(distinct t.vehicle_id) from taken t where t.during && d.span)::int as taken,
      (select count(*) from booked b where d.span @> b.pickup_at)::int as pickups,
      (select count(*) from booked b where d.span @> b.return_at)::int as returns
    from days d order by d.day`);
}

/** Bookings of a station that changed after a moment, in the order of their change. */
export async function bookingsChangedAfter(orm: Orm, stationId: string, after: Date, limit: number): Promise<BookingRow[]> {
  return orm
    .select()
    .from(bookings)
    .where(and(eq(bookings.stationId, stationId), gt(bookings.updatedAt, after)))
    .orderBy(asc(bookings.updatedAt), asc(bookings.id))
    .limit(limit);
}
