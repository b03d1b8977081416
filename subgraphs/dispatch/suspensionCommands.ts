import { and, eq, isNull } from 'drizzle-orm';
import { z } from 'zod';
import { userIdOf } from '../../platform/actor.js';
import { notFound, parseInput, Refusal } from '../../platform/errors.js';
import { newUuid } from '../../platform/ids.js';
import { appendEvent } from '../../platform/outbox.js';
import type { Orm, Tx } from '../../platform/postgres.js';
import type { Dispatch } from './context.js';
import type { DriverRow } from './driver.js';
import { moveDrivers } from './driverMoves.js';
import { driversByIds, lockDriver } from './driverQueries.js';
import { driverSuspended } from './events.js';
import { driverSuspensions } from './locationTables.js';
import { withdrawOffersOf } from './offerCommands.js';
import { pendingOffersOfDriver } from './offerQueries.js';
import { drivers } from './tables.js';

const suspensionSchema = z.object({ reason: z.string().trim().min(1, 'must say why').max(500) });

export type SuspensionRow = typeof driverSuspensions.$inferSelect;

/**
 * Takes a driver off the road at once (DP-01b): open offers go to others, and he is offline. A trip that he is on goes on to its end, for its rider's
 * sake; he does not come back after it. Repeating it answers with the driver as he is.
 * @throws Refusal NOT_FOUND, VALIDATION_ERROR, CONFLICT when an offer comes in at this moment
 */
export async function suspendDriver(tx: Tx, dispatch: Dispatch, driverId: string, reason: string): Promise<DriverRow> {
  const { reason: words } = parseInput(suspensionSchema, { reason }, '');
  // Trips are locked before drivers, here as everywhere: the other way round two commands could wait for each other.
  await withdrawOffersOf(tx, dispatch, driverId);
  const driver = await lockDriver(tx.orm, driverId);
  if (!driver) throw notFound('driver');
  if (driver.approval === 'SUSPENDED') return driver;
  // Under the driver's lock no further offer is made to him.
  if ((await pendingOffersOfDriver(tx.orm, driverId)).length > 0)
    throw new Refusal('CONFLICT', 'An offer came in at this moment. Try again.', { retryAfter: 1 });
  await tx.orm
    .update(drivers)
    .set({ approval: 'SUSPENDED', version: driver.version + 1 })
    .where(eq(drivers.id, driverId));
  await tx.orm.insert(driverSuspensions).values({ id: newUuid(tx.now), driverId, reason: words, suspendedBy: userIdOf(tx.actor), suspendedAt: tx.now });
  await moveDrivers(tx, dispatch, [driverId], 'OFFLINE');
  await appendEvent(tx, driverSuspended, driverId, { driverId, userId: driver.userId });
  const [row] = await driversByIds(tx.orm, [driverId]);
  if (!row) throw new Error('the locked driver vanished');
  return row;
}

/** Closes the open suspension of a driver, when there is one. */
export async function endSuspension(tx: Tx, driverId: string): Promise<void> {
  await tx.orm
    .update(driverSuspensions)
    .set({ endedAt: tx.now })
    .where(and(eq(driverSuspensions.driverId, driverId), isNull(driverSuspensions.endedAt)));
}

/** The suspension that a driver is under; row-level security hides those of others. */
export async function openSuspension(orm: Orm, driverId: string): Promise<SuspensionRow | undefined> {
  const [row] = await orm
    .select()
    .from(driverSuspensions)
    .where(and(eq(driverSuspensions.driverId, driverId), isNull(driverSuspensions.endedAt)));
  return row;
}
