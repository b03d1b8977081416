import { sql } from 'drizzle-orm';
import type { Redis } from 'ioredis';
import type { Violation } from '../../platform/graphqlTypes.js';
import type { Tx } from '../../platform/postgres.js';
import { undeliveredEvents } from '../../platform/violations.js';
import { presenceViolations } from './presenceCheck.js';

const MAX_LISTED = 100;
/** A search whose timer is gone, or overdue by this long, has been forgotten. */
const FORGOTTEN_MS = 5 * 60_000;

/** What must never be in dispatch: see each `kind`. For privileged actors, who see all rows. */
export async function dispatchViolations(tx: Tx, redis: Redis): Promise<Violation[]> {
  const forgotten = new Date(tx.now.getTime() - FORGOTTEN_MS).toISOString();
  const now = tx.now.toISOString();
  const rows = await tx.orm.execute<{ kind: string; reference: string; since: string }>(sql`
    (select 'DRIVER_ON_TWO_TRIPS' as kind, driver_id::text as reference, max(accepted_at) as since from trips
      where status in ('ACCEPTED', 'DRIVER_ARRIVED', 'STARTED') group by driver_id having count(*) > 1 limit ${MAX_LISTED})
    union all
    (select 'TRIP_WITHOUT_BUSY_DRIVER', t.id::text, t.accepted_at from trips t join drivers d on d.id = t.driver_id
      where t.status in ('ACCEPTED', 'DRIVER_ARRIVED', 'STARTED') and d.state <> 'BUSY' limit ${MAX_LISTED})
    union all
    (select 'BUSY_DRIVER_WITHOUT_TRIP', d.id::text, d.created_at from drivers d where d.state = 'BUSY'
      and not exists (select 1 from trips t where t.driver_id = d.id and t.status in ('ACCEPTED', 'DRIVER_ARRIVED', 'STARTED')) limit ${MAX_LISTED})
    union all
    (select 'OFFERED_DRIVER_WITHOUT_OFFER', d.id::text, d.created_at from drivers d where d.state = 'OFFERED'
      and not exists (select 1 from offers o where o.driver_id = d.id and o.status = 'PENDING') limit ${MAX_LISTED})
    union all
    (select 'OPEN_OFFER_OF_ENDED_SEARCH', o.id::text, o.created_at from offers o join trips t on t.id = o.trip_id
      where o.status in ('PENDING', 'STANDBY')
        and not (t.status = 'SEARCHING' or (o.terms = 'STAND_BY' and t.status in ('ACCEPTED', 'DRIVER_ARRIVED'))) limit ${MAX_LISTED})
    union all
    (select 'SEARCH_FORGOTTEN', t.id::text, t.requested_at from trips t
      where t.status in ('REQUESTED', 'SEARCHING') and t.requested_at < ${forgotten}::timestamptz
      and not exists (select 1 from timers w where w.due_at > ${forgotten}::timestamptz
        -- One that waits for its strategy's next tick has no timer of its own.
        and (w.kind, w.key) in (('matching.round', t.id::text), ('matching.tick', t.strategy))) limit ${MAX_LISTED})
    union all
    (select 'TRIP_STATES_INCOMPLETE', t.id::text, t.requested_at from trips t
      where t.requested_at > ${forgotten}::timestamptz - interval '1 day'
        and t.sequence <> (select count(*) from trip_states s where s.trip_id = t.id) limit ${MAX_LISTED})
    union all
    (select 'TRIP_WITHOUT_DRIVER', t.id::text, t.requested_at from trips t
      where t.status in ('ACCEPTED', 'DRIVER_ARRIVED', 'STARTED') and t.driver_id is null limit ${MAX_LISTED})
    union all
    (select 'OFFER_PAST_ITS_TIME', o.id::text, o.expires_at from offers o
      where o.status = 'PENDING' and o.expires_at < ${forgotten}::timestamptz limit ${MAX_LISTED})
    union all
    (select 'DRIVER_ON_ROAD_NOT_APPROVED', d.id::text, d.created_at from drivers d
      where d.approval <> 'APPROVED' and d.state in ('AVAILABLE', 'OFFERED') limit ${MAX_LISTED})
    union all
    (select 'REST_FORGOTTEN', d.id::text, d.created_at from drivers d where d.state = 'COOLDOWN'
      and not exists (select 1 from timers w where w.kind = 'driver.cooldown' and w.key = d.id::text and w.due_at > ${forgotten}::timestamptz)
      limit ${MAX_LISTED})
    union all
    (select 'QUEUED_DRIVER_NOT_FREE', q.driver_id::text, q.entered_at from airport_queue q join drivers d on d.id = q.driver_id
      where d.state in ('OFFLINE', 'BUSY') limit ${MAX_LISTED})
    union all
    (select 'HISTORY_MONTH_MISSING', month.name, ${now}::timestamptz from (select 'driver_location_history_'
        || to_char((${now}::timestamptz + interval '7 days') at time zone 'UTC', 'YYYY_MM') as name) month
      where to_regclass(month.name) is null)`);
  const own = rows.map((row) => ({ kind: row.kind, reference: row.reference, since: new Date(row.since) }));
  return [...(await undeliveredEvents(tx)), ...(await presenceViolations(tx, redis)), ...own];
}
