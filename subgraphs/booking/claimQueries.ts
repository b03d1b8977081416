import { inArray, sql } from 'drizzle-orm';
import { sqlState } from '../../platform/errors.js';
import { newUuid } from '../../platform/ids.js';
import { entitiesChanged, type Orm, type Tx } from '../../platform/postgres.js';
import { setTimer } from '../../platform/timers.js';
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
 * Makes those who give back or exchange ranges of these vehicles, or change where they will be, wait for each other, in one order for all: two that go crosswise
 * would deadlock. Taken after the locks of bookings, never before.
 */
export async function lockVehicles(orm: Orm, vehicleIds: readonly string[]): Promise<void> {
  for (const id of [...new Set(vehicleIds)].sort()) await orm.execute(sql`select pg_advisory_xact_lock(hashtextextended(${id}, 44))`);
}

/**
 * For a new booking that brings the vehicle back to where it was: any number of them go on beside each other, because the constraint decides who has it, and none
 * changes where it is for another. Only those of `lockVehicles` wait for them, and they for those: without it a one-way rental could move the car away from
 * a booking that it cannot see yet.
 */
export async function lockWhereabouts(orm: Orm, vehicleId: string): Promise<void> {
  await orm.execute(sql`select pg_advisory_xact_lock_shared(hashtextextended(${vehicleId}, 44))`);
}

/** A running rental that is late with its vehicle, or known to come back late. */
export interface LateRental {
  bookingId: string;
  /** The end of what it takes by its own agreement, preparation included: from there on it takes every gap while it is overdue. */
  blockedTo: Date;
  overdue: boolean;
}

/** The late rental of a vehicle, whoever asks: the function of the migration looks past row-level security and says nothing of whose it is. */
async function lateRentalOf(orm: Orm, vehicleId: string): Promise<LateRental | undefined> {
  const [row] = await orm.execute<{ booking_id: string; blocked_to: string; overdue: boolean }>(
    sql`select booking_id, blocked_to, overdue from vehicle_late_rental(${vehicleId}::uuid)`,
  );
  return row && { bookingId: row.booking_id, blockedTo: new Date(row.blocked_to), overdue: row.overdue };
}

/**
 * Timer that has a job look at who waits for a vehicle: one that is late, or that will not be where they come for it. Its key begins with the vehicle. Its name
 * is from when only lateness was looked at; timers that were set then still come.
 */
export const BEHIND_VEHICLE = 'behindLateRental';

/** Has a job look at who is behind a late rental of this vehicle, if there is one. The actor may be a customer, who may not see those. */
export async function lookBehindSoon(tx: Tx, vehicleId: string): Promise<LateRental | undefined> {
  const late = await lateRentalOf(tx.orm, vehicleId);
  if (late) await setTimer(tx, { kind: BEHIND_VEHICLE, key: `${vehicleId}:${newUuid(tx.now)}`, dueAt: tx.now });
  return late;
}

/**
 * What of a vehicle is taken has changed, in a transaction that holds `lockVehicles`: gaps of a car that is overdue go to its rental, because the car is
 * still not there, and a job sees who is behind it now.
 */
export async function heedLateRental(tx: Tx, vehicleId: string): Promise<void> {
  const late = await lookBehindSoon(tx, vehicleId);
  if (late?.overdue) await fillGaps(tx, vehicleId, late);
}

/** Each attempt waits for a block that is being placed in a gap at that moment, because bookings wait for the lock; so many do not follow each other. */
const FILL_ATTEMPTS = 20;

/**
 * Takes every gap of a vehicle behind a rental's own range for that rental: nobody can book a car that is not back (BK-06b). Says whether all of it is
 * taken; if not, the job of `BEHIND_VEHICLE` goes on.
 */
export async function fillGaps(tx: Tx, vehicleId: string, { bookingId, blockedTo }: Pick<LateRental, 'bookingId' | 'blockedTo'>): Promise<boolean> {
  for (let attempt = 0; attempt < FILL_ATTEMPTS; attempt += 1) {
    const busy = await busyRangesAfter(tx.orm, vehicleId, blockedTo);
    let missed = false;
    for (const during of gapsAfter(busy, blockedTo, OPEN_END)) {
      if (!(await claimRange(tx.orm, { holderId: bookingId, kind: 'OVERDUE', vehicleId, during }))) missed = true;
    }
    if (!missed) return true;
  }
  return false;
}
