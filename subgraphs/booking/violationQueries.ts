import { and, asc, eq, lt, sql } from 'drizzle-orm';
import type { Violation } from '../../platform/graphqlTypes.js';
import type { Orm } from '../../platform/postgres.js';
import { OPEN_END } from './availability.js';
import { BEHIND_VEHICLE } from './claimQueries.js';
import { bookings } from './tables.js';

const MAX_VIOLATIONS = 100;

/** Pairs of bookings that have one vehicle at one time: the constraint makes them impossible, and this looks without trusting it. */
export async function overlappingBookings(orm: Orm): Promise<Violation[]> {
  const rows = await orm.execute<{ reference: string; since: string }>(sql`
    select a.id || ' ' || b.id as reference, greatest(a.created_at, b.created_at) as since
    from bookings a join bookings b on b.vehicle_id = a.vehicle_id and b.during && a.during and b.id > a.id
    where a.status in ('HELD', 'CONFIRMED', 'ACTIVE') and b.status in ('HELD', 'CONFIRMED', 'ACTIVE')
    order by since limit ${MAX_VIOLATIONS}`);
  return rows.map((row) => ({ kind: 'BOOKINGS_OVERLAP', reference: row.reference, since: new Date(row.since) }));
}

/**
 * Rentals that should have ended before a moment, and whose car others could book all the same: a car on a rental is never free (BK-06b). `since` is when it
 * should have been back.
 */
export async function freeCarsOnRentals(orm: Orm, dueBefore: Date): Promise<Violation[]> {
  const rows = await orm.execute<{ reference: string; since: string }>(sql`
    select b.id as reference, b.return_at as since from bookings b
    where b.status = 'ACTIVE' and b.return_at < ${dueBefore.toISOString()}::timestamptz
      and not coalesce((select range_agg(c.during) from vehicle_claims c where c.vehicle_id = b.vehicle_id)
        @> tstzrange(lower(b.during), ${OPEN_END.toISOString()}::timestamptz), false)
    order by since limit ${MAX_VIOLATIONS}`);
  return rows.map((row) => ({ kind: 'RENTED_CAR_FREE', reference: row.reference, since: new Date(row.since) }));
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

/**
 * Bookings that wait for a car where it will not be, by the booking before them or by where it stands, and whose customers have not been told, although no job is
 * due that will do it. `since` is when the booking was last touched.
 */
export async function untoldElsewhere(orm: Orm, dueBefore: Date): Promise<Violation[]> {
  const rows = await orm.execute<{ reference: string; since: string }>(sql`
    select b.id as reference, b.updated_at as since from bookings b join vehicles v on v.vehicle_id = b.vehicle_id
    where b.status in ('HELD', 'CONFIRMED') and b.at_risk_why is distinct from 'ELSEWHERE'
      and b.station_id <> coalesce((select coalesce(p.return_station_id, p.station_id) from bookings p
        where p.vehicle_id = b.vehicle_id and p.status in ('HELD', 'CONFIRMED', 'ACTIVE') and p.pickup_at < b.pickup_at
        order by p.pickup_at desc limit 1), v.station_id)
      and not exists (select 1 from timers t where t.kind = ${BEHIND_VEHICLE} and t.key like b.vehicle_id || ':%'
        and t.due_at > ${dueBefore.toISOString()}::timestamptz)
    order by since limit ${MAX_VIOLATIONS}`);
  return rows.map((row) => ({ kind: 'CAR_ELSEWHERE', reference: row.reference, since: new Date(row.since) }));
}

/** Bookings and claims that do not fit each other: a booking that blocks without its range, or a range that nobody holds. The check at commit makes them impossible. */
export async function unfittingClaims(orm: Orm): Promise<Violation[]> {
  const rows = await orm.execute<{ reference: string; since: string }>(sql`
    (select b.id as reference, b.updated_at as since from bookings b
      where b.status in ('HELD', 'CONFIRMED', 'ACTIVE') and not exists (select 1 from vehicle_claims c
        where c.holder_id = b.id and c.kind = 'BOOKING' and c.vehicle_id = b.vehicle_id and c.during = b.during) limit ${MAX_VIOLATIONS})
    union all
    (select c.holder_id, lower(c.during) from vehicle_claims c
      where not exists (select 1 from bookings b where b.id = c.holder_id and b.status in ('HELD', 'CONFIRMED', 'ACTIVE'))
        and not exists (select 1 from vehicle_blocks k where k.id = c.holder_id and k.lifted_at is null) limit ${MAX_VIOLATIONS})`);
  return rows.map((row) => ({ kind: 'CLAIM_DOES_NOT_FIT', reference: row.reference, since: new Date(row.since) }));
}
