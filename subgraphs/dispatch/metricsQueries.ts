import { sql } from 'drizzle-orm';
import type { Orm } from '../../platform/postgres.js';

/** Share of trips that are to be matched within `SLO_MS` (DP-37). */
export const SLO_SHARE = 0.8;
const SLO_MS = 60_000;
/** Drivers with the most trips that are listed, and decline reasons. */
const MOST_LISTED = 20;

/** What happened to the trips that were requested in a time; times are in milliseconds. */
export interface MatchingMetrics {
  requested: number;
  matched: number;
  noDrivers: number;
  cancelledWhileSearching: number;
  firstOfferP50Ms: number | null;
  firstOfferP99Ms: number | null;
  acceptP50Ms: number | null;
  acceptP99Ms: number | null;
  firstRoundShare: number | null;
  withinSloShare: number | null;
}

/**
 * From the search's begin, which is that of the request or, for a trip for later, 15 minutes before its departure. Left out of the share of the SLO is
 * only what may still be matched in time, and whose rider left before the time was over: whoever waits longer, or has given up after it, was not matched
 * in time.
 */
export async function matchingMetrics(orm: Orm, from: Date, to: Date, now: Date): Promise<MatchingMetrics> {
  const [row] = await orm.execute<Record<string, string | number | null>>(sql`
    with asked as (
      select t.id, t.status, t.accepted_at, t.cancelled_at,
        greatest(t.requested_at, coalesce(t.depart_at - interval '15 minutes', t.requested_at)) as began_at,
        first.created_at as offered_at, won.round as won_in
      from trips t
      left join lateral (select min(o.created_at) as created_at from offers o where o.trip_id = t.id and o.terms <> 'STAND_BY') first on true
      left join lateral (select o.round from offers o where o.trip_id = t.id and o.status = 'ACCEPTED' and o.driver_id = t.driver_id) won on true
      where t.requested_at >= ${from.toISOString()}::timestamptz and t.requested_at < ${to.toISOString()}::timestamptz
    ), timed as (
      select *, extract(epoch from offered_at - began_at) * 1000 as offer_ms, extract(epoch from accepted_at - began_at) * 1000 as accept_ms,
        case when accepted_at is not null or status = 'NO_DRIVERS' then true
          else extract(epoch from coalesce(cancelled_at, ${now.toISOString()}::timestamptz) - began_at) * 1000 > ${SLO_MS} end as is_decided from asked
    )
    select count(*)::int as requested, count(accepted_at)::int as matched,
      count(*) filter (where status = 'NO_DRIVERS')::int as "noDrivers",
      count(*) filter (where status = 'CANCELLED' and accepted_at is null)::int as "cancelledWhileSearching",
      (percentile_cont(0.5) within group (order by offer_ms))::float8 as "firstOfferP50Ms",
      (percentile_cont(0.99) within group (order by offer_ms))::float8 as "firstOfferP99Ms",
      (percentile_cont(0.5) within group (order by accept_ms))::float8 as "acceptP50Ms",
      (percentile_cont(0.99) within group (order by accept_ms))::float8 as "acceptP99Ms",
      (count(*) filter (where won_in = 1)::float8 / nullif(count(accepted_at), 0)) as "firstRoundShare",
      (count(*) filter (where accept_ms <= ${SLO_MS})::float8
        / nullif(count(*) filter (where is_decided), 0)) as "withinSloShare"
    from timed`);
  return row as unknown as MatchingMetrics;
}

/** Seconds that drivers were online and on trips between two times, and how many drivers there were. */
export async function utilisationOf(orm: Orm, from: Date, to: Date): Promise<{ onlineSeconds: number; busySeconds: number; drivers: number }> {
  const [since, until] = [from.toISOString(), to.toISOString()];
  const [row] = await orm.execute<{ onlineSeconds: number; busySeconds: number; drivers: number }>(sql`
    with online as (
      select driver_id, sum(extract(epoch from least(coalesce(ended_at, ${until}::timestamptz), ${until}::timestamptz)
        - greatest(began_at, ${since}::timestamptz)))::float8 as seconds
      from driver_shifts where began_at < ${until}::timestamptz and (ended_at is null or ended_at > ${since}::timestamptz) group by driver_id
    ), busy as (
      select driver_id, sum(extract(epoch from least(coalesce(completed_at, cancelled_at, ${until}::timestamptz), ${until}::timestamptz)
        - greatest(accepted_at, ${since}::timestamptz)))::float8 as seconds
      from trips where requested_at >= ${since}::timestamptz - interval '8 days' and requested_at < ${until}::timestamptz
        and accepted_at < ${until}::timestamptz and coalesce(completed_at, cancelled_at, ${until}::timestamptz) > ${since}::timestamptz group by driver_id
    )
    select (select coalesce(sum(seconds), 0) from online) as "onlineSeconds", (select coalesce(sum(seconds), 0) from busy) as "busySeconds",
      (select count(*)::int from online) as drivers`);
  return row ?? { onlineSeconds: 0, busySeconds: 0, drivers: 0 };
}

/** The drivers with the most completed trips among those that were requested in a time. */
export async function tripsPerDriver(orm: Orm, from: Date, to: Date): Promise<{ driverId: string; trips: number }[]> {
  return orm.execute<{ driverId: string; trips: number }>(sql`select driver_id as "driverId", count(*)::int as trips from trips
    where requested_at >= ${from.toISOString()}::timestamptz and requested_at < ${to.toISOString()}::timestamptz and status = 'COMPLETED'
    group by driver_id order by 2 desc, 1 limit ${MOST_LISTED}`);
}

/** Why drivers declined, the commonest reasons first; case and spaces around do not matter. Null is none given. */
export async function declineReasons(orm: Orm, from: Date, to: Date): Promise<{ reason: string | null; times: number }[]> {
  return orm.execute<{ reason: string | null; times: number }>(sql`select lower(nullif(trim(decline_reason), '')) as reason, count(*)::int as times
    from trips t join offers o on o.trip_id = t.id
    where t.requested_at >= ${from.toISOString()}::timestamptz and t.requested_at < ${to.toISOString()}::timestamptz and o.status = 'DECLINED'
    group by 1 order by 2 desc, 1 nulls last limit ${MOST_LISTED}`);
}
