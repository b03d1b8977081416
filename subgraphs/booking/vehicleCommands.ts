import type { Tx } from '../../platform/postgres.js';
import { availabilityChanged } from './claimQueries.js';
import { vehicles } from './tables.js';

/** Keeps what fleet says of a vehicle. Events of one vehicle come in order, so the last one is how it is. */
export async function keepVehicle(tx: Tx, facts: Omit<typeof vehicles.$inferInsert, 'dailyRateMinor'> & { dailyRateMinor: string }): Promise<void> {
  const { vehicleId, ...rest } = facts;
  availabilityChanged(tx, [vehicleId]);
  const row = { ...rest, dailyRateMinor: BigInt(facts.dailyRateMinor) };
  await tx.orm
    .insert(vehicles)
    .values({ vehicleId, ...row })
    .onConflictDoUpdate({ target: vehicles.vehicleId, set: row });
}
