import { and, asc, count, eq, gt, isNull, or, type SQL, sql } from 'drizzle-orm';
import type { PageRequest } from '../../platform/page.js';
import type { Orm } from '../../platform/postgres.js';
import { preparationMs } from './availability.js';
import type { BookingStatus } from './bookingStatus.js';
import { type BookingRow, uuidArray, vehiclesByIds } from './queries.js';
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

function matching(search: BookingSearch, now: Date): SQL | undefined {
  const { day, stationId } = search;
  const zone = sql`(select v.time_zone from vehicles v where v.vehicle_id = ${bookings.vehicleId})`;
  const begins = sql`${day}::date::timestamp at time zone ${zone}`;
  const ends = sql`(${day}::date + 1)::timestamp at time zone ${zone}`;
  // A car that is out is out until it is back, whatever was agreed: today's list shows it until then, and no day after today does.
  const out = sql`${bookings.status} = 'ACTIVE' and ${bookings.overdueSince} is not null and ${now.toISOString()}::timestamptz > ${begins}`;
  const overlapsDay = day
    ? sql`${bookings.pickupAt} < ${ends} and ((${bookings.pickupAt} between ${day}::date - interval '92 days' and ${day}::date + interval '2 days'
        and coalesce(${bookings.returnedAt}, ${bookings.returnAt}) > ${begins}) or (${out}))`
    : undefined;
  return and(
    search.vehicleId ? eq(bookings.vehicleId, search.vehicleId) : undefined,
    stationId ? or(eq(bookings.stationId, stationId), eq(bookings.returnStationId, stationId)) : undefined,
    search.status ? eq(bookings.status, search.status) : undefined,
    overlapsDay,
  );
}

/** Bookings of a vehicle, a station or a day, by pick-up; one more than the page holds. */
export async function findBookings(orm: Orm, search: BookingSearch, page: PageRequest, now: Date): Promise<BookingRow[]> {
  const [pickupAt, id] = page.after ?? [];
  const beyond = pickupAt && id ? sql`(${bookings.pickupAt}, ${bookings.id}) > (${pickupAt}::timestamptz, ${id}::uuid)` : undefined;
  return orm
    .select()
    .from(bookings)
    .where(and(matching(search, now), beyond))
    .orderBy(asc(bookings.pickupAt), asc(bookings.id))
    .limit(page.first + 1);
}

/** How many bookings fit; exact up to 10,000. */
export async function countBookings(orm: Orm, search: BookingSearch, now: Date): Promise<number> {
  const found = orm.select({ one: sql`1` }).from(bookings).where(matching(search, now)).limit(MAX_COUNT).as('found');
  const [row] = await orm.select({ found: count() }).from(found);
  return row?.found ?? 0;
}

/** Cars like a booking's that nobody has in its time, and that it may bring back where it is to, those that will be at its station first, then the cheapest (BK-06b). */
export async function carsAlike(orm: Orm, booking: BookingRow): Promise<string[]> {
  const [present] = await vehiclesByIds(orm, [booking.vehicleId]);
  if (!present) return [];
  const until = new Date(booking.returnAt.getTime() + preparationMs(present.category));
  const rows = await orm.execute<{ vehicle_id: string }>(sql`
    select v.vehicle_id from vehicles v cross join lateral vehicle_whereabouts(v.vehicle_id, ${booking.pickupAt.toISOString()}::timestamptz, '{}') w
    where v.category = ${present.category} and v.currency = ${booking.currency} and v.use = 'RENTAL' and v.status = 'ACTIVE'
      and v.vehicle_id <> ${booking.vehicleId}::uuid
      and not exists (select 1 from vehicle_claims c where c.vehicle_id = v.vehicle_id
        and c.during && tstzrange(${booking.pickupAt.toISOString()}::timestamptz, ${until.toISOString()}::timestamptz))
      and (${booking.returnStationId}::uuid is null or ${booking.returnStationId}::uuid = w.station_id
        or w.next_station_id is null or w.next_station_id = ${booking.returnStationId}::uuid)
    order by w.station_id is not distinct from ${booking.stationId}::uuid desc, v.daily_rate_minor, v.vehicle_id limit ${MAX_REPLACEMENTS}`);
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

/**
 * How much of each day vehicles are taken, by the clock of each one's station: a day has 23 or 25 hours when that clock is changed. What is over counts
 * until the car was back.
 */
export async function vehicleCalendars(orm: Orm, vehicleIds: readonly string[], from: string, to: string): Promise<Map<string, VehicleDay[]>> {
  const rows = await orm.execute<VehicleDay & { vehicleId: string }>(sql`
    with taken as (select vehicle_id, range_agg(during) as spells
      from vehicle_taken(${uuidArray(vehicleIds)}, ${from}::date - interval '1 day', ${to}::date + interval '2 days') group by vehicle_id)
    select v.vehicle_id as "vehicleId", to_char(d.day, 'YYYY-MM-DD') as day, (extract(epoch from upper(d.span) - lower(d.span)) / 60)::int as minutes,
      coalesce((select sum(extract(epoch from upper(spell) - lower(spell)) / 60) from unnest(t.spells * tstzmultirange(d.span)) spell), 0)::int as "busyMinutes"
    from vehicles v left join taken t using (vehicle_id)
    cross join lateral (
      select day, tstzrange(day::timestamp at time zone v.time_zone, (day::date + 1)::timestamp at time zone v.time_zone) as span
      from generate_series(${from}::date, ${to}::date, interval '1 day') day) d
    where v.vehicle_id = any(${uuidArray(vehicleIds)}) order by v.vehicle_id, d.day`);
  const calendars = new Map<string, VehicleDay[]>();
  for (const { vehicleId, ...day } of rows) calendars.set(vehicleId, [...(calendars.get(vehicleId) ?? []), day]);
  return calendars;
}

export interface StationDay extends Record<string, unknown> {
  day: string;
  vehicles: number;
  taken: number;
  pickups: number;
  returns: number;
}

/** What a station has to do each day, by its own clock: its cars taken at any time of it, pick-ups there and returns there, wherever the car comes from. */
export async function stationCalendar(orm: Orm, stationId: string, from: string, to: string): Promise<StationDay[]> {
  return orm.execute<StationDay>(sql`
    with cars as (select vehicle_id, time_zone from vehicles where station_id = ${stationId}::uuid and use = 'RENTAL' and status <> 'RETIRED'),
      clock as (select coalesce((select max(time_zone) from cars), 'UTC') as zone),
      days as (select day::date as day, tstzrange(day::timestamp at time zone zone, (day::date + 1)::timestamp at time zone zone) as span
        from clock, generate_series(${from}::date, ${to}::date, interval '1 day') day),
      whole as (select tstzrange(min(lower(span)), max(upper(span))) as span from days),
      booked as (select pickup_at, return_at, station_id, coalesce(return_station_id, station_id) as return_to from bookings, whole
        where (station_id = ${stationId}::uuid or return_station_id = ${stationId}::uuid) and status in ('CONFIRMED', 'ACTIVE', 'COMPLETED')
        and pickup_at < upper(whole.span) and pickup_at > lower(whole.span) - interval '92 days'),
      taken as (select t.vehicle_id, t.during from whole, vehicle_taken(array(select vehicle_id from cars), lower(whole.span), upper(whole.span)) t)
    select to_char(d.day, 'YYYY-MM-DD') as day, (select count(*) from cars)::int as vehicles,
      (select count(distinct t.vehicle_id) from taken t where t.during && d.span)::int as taken,
      (select count(*) from booked b where b.station_id = ${stationId}::uuid and d.span @> b.pickup_at)::int as pickups,
      (select count(*) from booked b where b.return_to = ${stationId}::uuid and d.span @> b.return_at)::int as returns
    from days d order by d.day`);
}

/** A change of a booking that concerns a station. */
export interface StationNews extends Record<string, unknown> {
  bookingId: string;
  sequence: number;
  /** The transaction that wrote it, as a decimal number. */
  xact: string;
}

/** The oldest transaction that is not over: what older ones wrote can all be read. */
export async function oldestUnfinished(orm: Orm): Promise<string> {
  const [row] = await orm.execute<{ xact: string }>(sql`select pg_snapshot_xmin(pg_current_snapshot())::text as xact`);
  if (!row) throw new Error('the server knows no snapshot');
  return row.xact;
}

/** Changes that concern a station, written by a transaction or later ones, in order; `after` leaves out what comes up to one of them. */
export async function stationNews(orm: Orm, stationId: string, from: string, after: StationNews | null, limit: number): Promise<StationNews[]> {
  const beyond = after ? sql`and (xact, booking_id, sequence) > (${after.xact}::xid8, ${after.bookingId}::uuid, ${after.sequence})` : sql``;
  return orm.execute<StationNews>(sql`
    select booking_id as "bookingId", sequence, xact::text as xact from booking_transitions
    where xact >= ${from}::xid8 and station_ids @> array[${stationId}::uuid] ${beyond}
    order by booking_transitions.xact, booking_id, sequence limit ${limit}`);
}
