import { eq } from 'drizzle-orm';
import { Refusal } from '../../platform/errors.js';
import type { Tx } from '../../platform/postgres.js';
import type { Dispatch } from './context.js';
import { moveDrivers } from './driverMoves.js';
import { lockDriver } from './driverQueries.js';
import { withdrawOffersOf } from './offerCommands.js';
import { pendingOffersOfDriver } from './offerQueries.js';
import { drivers } from './tables.js';

/**
 * Keeps what fleet says of a driver's car. One that is retired or in the workshop takes its driver off the road, as a suspension does: open offers go to
 * others, and a trip that he is on goes on to its end. Nothing for cars that nobody drives for us. Runs as SYSTEM.
 * @throws Refusal CONFLICT when an offer comes in at this moment: the event comes again
 */
export async function keepVehicleStatus(tx: Tx, dispatch: Dispatch, vehicleId: string, vehicleStatus: string): Promise<void> {
  const [known] = await tx.orm.select({ id: drivers.id }).from(drivers).where(eq(drivers.vehicleId, vehicleId));
  if (!known) return;
  const isOff = vehicleStatus !== 'ACTIVE';
  // Trips are locked before drivers, here as everywhere: the other way round two commands could wait for each other.
  if (isOff) await withdrawOffersOf(tx, dispatch, known.id);
  await lockDriver(tx.orm, known.id);
  if (isOff && (await pendingOffersOfDriver(tx.orm, known.id)).length > 0)
    throw new Refusal('CONFLICT', 'An offer came in at this moment. Try again.', { retryAfter: 1 });
  await tx.orm.update(drivers).set({ vehicleStatus }).where(eq(drivers.id, known.id));
  if (isOff) await moveDrivers(tx, dispatch, [known.id], 'OFFLINE');
}
