import { eq } from 'drizzle-orm';
import type { z } from 'zod';
import { notFound, parseInput, Refusal } from '../../platform/errors.js';
import { newUuid } from '../../platform/ids.js';
import { appendEvent } from '../../platform/outbox.js';
import type { Tx } from '../../platform/postgres.js';
import type { Dispatch } from './context.js';
import { assertDocuments, dayOf } from './documentCommands.js';
import { assertApproved, assertOnRoad, type DriverRow, isSameRegistration, notRegistered, registrationSchema } from './driver.js';
import { moveDrivers } from './driverMoves.js';
import { driverOfUser, lockDriver, lockDriverOfUser } from './driverQueries.js';
import { asSystem } from './elevation.js';
import { driverApproved, driverRegistered } from './events.js';
import { declineOpenOffers } from './offerCommands.js';
import { tellStanding } from './signals.js';
import { isSuspected } from './standingCommands.js';
import { endSuspension } from './suspensionCommands.js';
import { drivers } from './tables.js';

/**
 * Makes a person a driver, who waits for approval. The same registration again answers with the present driver.
 * @throws Refusal VALIDATION_ERROR, ALREADY_REGISTERED with other facts
 */
export async function registerDriver(tx: Tx, userId: string, input: z.input<typeof registrationSchema>, id = newUuid(tx.now)): Promise<DriverRow> {
  const registration = parseInput(registrationSchema, input);
  const standing = (await asSystem(tx, () => isSuspected(tx, userId))) ? 'POOR' : 'GOOD';
  const [row] = await tx.orm
    .insert(drivers)
    .values({ ...registration, id, userId, vehicleId: newUuid(tx.now), standing, approval: 'PENDING', state: 'OFFLINE', version: 1, createdAt: tx.now })
    .onConflictDoNothing()
    .returning();
  if (!row) {
    const present = await driverOfUser(tx.orm, userId);
    if (!present) throw new Error('the driver was not inserted');
    if (isSameRegistration(present, registration)) return present;
    const differing = Object.entries(registration).find(([field, value]) => present[field as keyof typeof registration] !== value)?.[0];
    throw new Refusal('ALREADY_REGISTERED', 'You are registered already, with other facts. Write to us to have them changed.', {
      details: { field: `input.${differing}`, rule: 'registered_once' },
    });
  }
  const { vehicleType, vehicleId, make, model, year, seats, plate } = row;
  const type = registration.vehicleType;
  await appendEvent(tx, driverRegistered, row.id, {
    driverId: row.id,
    userId,
    vehicleType: type,
    vehicle: { vehicleId, make, model, year, category: vehicleType as typeof type, seats, plate },
  });
  return row;
}

/**
 * Lets a driver go online who has shown the papers that this deployment asks for, also again after a suspension. Repeating it changes nothing.
 * @throws Refusal NOT_FOUND, DOCUMENTS_MISSING
 */
export async function approveDriver(tx: Tx, dispatch: Dispatch, driverId: string, required = dispatch.config.requiredDocuments): Promise<DriverRow> {
  const driver = await lockDriver(tx.orm, driverId);
  if (!driver) throw notFound('driver');
  if (driver.approval === 'APPROVED') return driver;
  await assertDocuments(tx, driverId, required, dayOf(dispatch.config.timeZone, tx.now));
  const [row] = await tx.orm
    .update(drivers)
    .set({ approval: 'APPROVED', version: driver.version + 1 })
    .where(eq(drivers.id, driverId))
    .returning();
  if (!row) throw new Error('the locked driver vanished');
  await endSuspension(tx, driverId);
  await appendEvent(tx, driverApproved, row.id, { driverId, userId: row.userId });
  tellStanding(tx, dispatch, row, null);
  return row;
}

/** From then on the driver gets offers. Repeating it answers with the present state. @throws Refusal NOT_FOUND (not registered), NOT_APPROVED, VEHICLE_OFF_ROAD */
export async function goOnline(tx: Tx, dispatch: Dispatch, userId: string): Promise<DriverRow> {
  const driver = await lockDriverOfUser(tx.orm, userId);
  if (!driver) throw notRegistered();
  assertApproved(driver);
  assertOnRoad(driver);
  if (driver.state !== 'OFFLINE') return driver;
  const [row] = await moveDrivers(tx, dispatch, [driver.id], 'AVAILABLE');
  if (!row) throw new Error('the locked driver changed');
  return row;
}

/** From then on the driver gets no offers; open ones count as declined. @throws Refusal NOT_FOUND (not registered), ACTIVE_TRIP */
export async function goOffline(tx: Tx, dispatch: Dispatch, userId: string): Promise<DriverRow> {
  const driver = await driverOfUser(tx.orm, userId);
  if (!driver) throw notRegistered();
  if (driver.state === 'OFFLINE') return driver;
  // Trips are locked before drivers, here as everywhere: the other way round two commands could wait for each other.
  await declineOpenOffers(tx, dispatch, driver.id, 'went offline');
  const [row] = await moveDrivers(tx, dispatch, [driver.id], 'OFFLINE');
  const present = row ?? (await driverOfUser(tx.orm, userId));
  if (present?.state === 'OFFLINE') return present;
  if (present?.state === 'OFFERED') throw new Refusal('CONFLICT', 'An offer came in at this moment. Try again.', { retryAfter: 1 });
  throw new Refusal('ACTIVE_TRIP', 'You are on a trip. Complete or cancel it first.', { details: { field: 'driver', rule: 'no_live_trip' } });
}
