import { sql } from 'drizzle-orm';
import type { Orm } from '../../platform/postgres.js';

export interface UsedDay extends Record<string, unknown> {
  day: string;
  /** Days of cars that were, or are to be, out with customers; a car that is out for six hours counts a quarter. */
  booked: number;
  /** Days of cars that there were. */
  available: number;
}

/**
 * How much of each day the cars of a station, or one car, are out with customers, by the clock of their station: past rentals until the return, live bookings
 * until the agreed one, without what preparation takes (FL-08). No moment of a car counts twice, so that no share is above 1. Retired cars, and days before a
 * car joined, are not counted as available; nor does what nobody knows the end of count beyond now.
 */
export async function utilisation(orm: Orm, of: { vehicleId: string } | { stationId: string }, from: string, to: string, now: Date): Promise<UsedDay[]> {
  const which = 'vehicleId' in of ? sql`v.id = ${of.vehicleId}::uuid` : sql`v.station_id = ${of.stationId}::uuid`;
  return orm.execute<UsedDay>(sql`
    with cars as (
      select v.id, v.created_at, coalesce(s.time_zone, 'Africa/Cairo') as zone from vehicles v left join stations s on s.id = v.station_id
      where ${which} and v.use = 'RENTAL' and v.status <> 'RETIRED'),
    spans as (
      select cars.id, day::date as day, greatest(day::timestamp at time zone zone, created_at) as begins, (day::date + 1)::timestamp at time zone zone as ends,
        day::timestamp at time zone zone as opens
      from cars, generate_series(${from}::date, ${to}::date, interval '1 day') day),
    used as (
      select r.vehicle_id, r.from_at, r.to_at from past_rentals r join cars on cars.id = r.vehicle_id
      union all
      select b.vehicle_id, b.from_at, case when b.to_at > timestamptz '9000-01-01' then ${now.toISOString()}::timestamptz else coalesce(b.return_at, b.to_at) end
      from busy_ranges b join cars on cars.id = b.vehicle_id where b.kind = 'BOOKING'),
    out as (select vehicle_id, range_agg(tstzrange(from_at, to_at)) as spells from used where from_at < to_at group by vehicle_id)
    select to_char(spans.day, 'YYYY-MM-DD') as day,
      round(sum(extract(epoch from greatest(interval '0', ends - begins)) / extract(epoch from ends - opens))::numeric, 3)::float8 as available,
      round(sum(coalesce((select sum(extract(epoch from upper(spell) - lower(spell)) / extract(epoch from ends - opens))
        from out, unnest(out.spells * tstzmultirange(tstzrange(least(begins, ends), ends))) spell where out.vehicle_id = spans.id and begins < ends), 0))::numeric, 3)::float8 as booked
    from spans group by spans.day order by spans.day`);
}
