import { and, eq, inArray, sql } from 'drizzle-orm';
import { sqlState } from '../../platform/errors.js';
import { newUuid } from '../../platform/ids.js';
import { entitiesChanged, type Orm, type Tx } from '../../platform/postgres.js';
import { type BusyRange, gapsAfter, OPEN_END } from './availability.js';
import { type BookingRow, busyRangesAfter, rangeOf } from './queries.js';
import { bookings, type CLAIM_KINDS, vehicleClaims } from './tables.js';

export interface Claim {
  /** The booking or the block that takes the vehicle. */
  holderId: string;
  kind: (typeof CLAIM_KINDS)[number];
  vehicleId: string;
  during: BusyRange;
}

/** What caches keep under a vehicle's id: its facts and what is taken of it. */
export const AVAILABILITY = 'availability';

/** Says that what is taken of vehicles, or may be, changes with this transaction: nobody is shown the old state once it has been answered. */
export function availabilityChanged(tx: Tx, vehicleIds: readonly string[]): void {
  entitiesChanged(tx, AVAILABILITY, [...new Set(vehicleIds)]);
}

/** Takes a vehicle for a time, or says false when any of it is taken (BK-01). The database decides: without `do nothing` rivals deadlock. */
export async function claimRange(orm: Orm, claim: Claim): Promise<boolean> {
  const rows = await orm
    .insert(vehicleClaims)
    .values({ ...claim, id: newUuid(), during: rangeOf(claim.during) })
    .onConflictDoNothing()
    .returning({ id: vehicleClaims.id });
  return rows.length > 0;
}

/**
 * Takes the vehicle for a new booking, or gives nothing when somebody else has it at that time. One that is picked as a deadlock's victim was in a race
 * for the same range, so it is taken too. The savepoint keeps the transaction usable.
 */
export async function claimVehicle(orm: Orm, booking: Omit<typeof bookings.$inferInsert, 'during'> & { during: BusyRange }): Promise<BookingRow | undefined> {
  try {
    return await orm.transaction(async (savepoint) => {
      const { id, vehicleId, during } = booking;
      if (!(await claimRange(savepoint, { holderId: id, kind: 'BOOKING', vehicleId, during }))) return undefined;
      const [row] = await savepoint
        .insert(bookings)
        .values({ ...booking, during: rangeOf(during) })
        .returning();
      return row;
    });
  } catch (error) {
    if (sqlState(error) === '40P01') return undefined;
    throw error;
  }
}

/** Gives back all that a booking or a block takes. */
export async function releaseClaims(orm: Orm, holderIds: readonly string[]): Promise<void> {
  await orm.delete(vehicleClaims).where(inArray(vehicleClaims.holderId, [...holderIds]));
}

/**
 * Makes those who give back or exchange ranges of these vehicles wait for each other, in one order for all: two that go crosswise would deadlock. Taken
 * after the locks of bookings, never before. A new booking does not need it: the constraint decides.
 */
export async function lockVehicles(orm: Orm, vehicleIds: readonly string[]): Promise<void> {
  for (const id of [...new Set(vehicleIds)].sort()) await orm.execute(sql`select pg_advisory_xact_lock(hashtextextended(${id}, 44))`);
}

/** The rental that is overdue with a vehicle, if there is one, and from when on it takes every gap. */
export async function overdueHolder(orm: Orm, vehicleId: string): Promise<{ holderId: string; from: Date } | undefined> {
  const [row] = await orm.execute<{ holder_id: string; from_at: string }>(
    sql`select holder_id, min(lower(during)) as from_at from vehicle_claims where vehicle_id = ${vehicleId}::uuid and kind = 'OVERDUE' group by holder_id`,
  );
  return row && { holderId: row.holder_id, from: new Date(row.from_at) };
}

/** Gaps may be filled by somebody else while we look; nobody is that fast this many times. */
const FILL_ATTEMPTS = 3;

/** Takes every gap of a vehicle from a moment on for the rental that is overdue with it: nobody can book a car that is not back (BK-06b). */
export async function fillGaps(tx: Tx, overdue: { holderId: string; vehicleId: string; from: Date }): Promise<void> {
  const { holderId, vehicleId, from } = overdue;
  for (let attempt = 0; attempt < FILL_ATTEMPTS; attempt += 1) {
    const busy = (await busyRangesAfter(tx.orm, [vehicleId], from)).get(vehicleId) ?? [];
    let missed = false;
    for (const during of gapsAfter(busy, from, OPEN_END)) {
      if (!(await claimRange(tx.orm, { holderId, kind: 'OVERDUE', vehicleId, during }))) missed = true;
    }
    if (!missed) return;
  }
}

/** Bookings behind each other can end while we wait for one; nobody ends so many in a row. */
const NEXT_ATTEMPTS = 5;

/** The next booking behind a moment on a vehicle, locked until the transaction ends. For jobs and admins, who see all. */
export async function lockNextBooking(orm: Orm, vehicleId: string, from: Date): Promise<BookingRow | undefined> {
  for (let attempt = 0; attempt < NEXT_ATTEMPTS; attempt += 1) {
    const [next] = await orm.execute<{ holder_id: string }>(sql`select holder_id from vehicle_claims
      where vehicle_id = ${vehicleId}::uuid and kind = 'BOOKING' and during && tstzrange(${from.toISOString()}::timestamptz, null)
        and lower(during) >= ${from.toISOString()}::timestamptz order by lower(during) limit 1`);
    if (!next) return undefined;
    const [row] = await orm
      .select()
      .from(bookings)
      .where(and(eq(bookings.id, next.holder_id), eq(bookings.vehicleId, vehicleId), inArray(bookings.status, ['HELD', 'CONFIRMED'])))
      .for('update');
    // It may have ended, or gone to another car, while we waited for its lock.
    if (row) return row;
  }
  return undefined;
}
