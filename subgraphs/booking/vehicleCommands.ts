import type { Tx } from '../../platform/postgres.js';
import type { Place } from './lateness.js';
import { stations, vehicles } from './tables.js';

/** Keeps what fleet says of a vehicle. Events of one vehicle come in order, so the last one is how it is. */
export async function keepVehicle(
  tx: Tx,
  facts: Omit<typeof vehicles.$inferInsert, 'dailyRateMinor'> & { dailyRateMinor: string; stationPosition?: Place | null },
): Promise<void> {
  const { vehicleId, stationPosition, ...rest } = facts;
  const row = { ...rest, dailyRateMinor: BigInt(facts.dailyRateMinor) };
  await tx.orm
    .insert(vehicles)
    .values({ vehicleId, ...row })
    .onConflictDoUpdate({ target: vehicles.vehicleId, set: row });
  if (!facts.stationId || !stationPosition) return;
  const { lat, lng } = stationPosition;
  await tx.orm.insert(stations).values({ stationId: facts.stationId, lat, lng }).onConflictDoUpdate({ target: stations.stationId, set: { lat, lng } });
}
