import { eq } from 'drizzle-orm';
import type { Tx } from '../../platform/postgres.js';
import { lockVehicles } from './claimQueries.js';
import type { Place } from './lateness.js';
import { stations, vehicles } from './tables.js';
import { heedStations } from './whereaboutsQueries.js';

/** News of where a car stands that are older than this may be repeated, as in a replay, and followed by later ones. */
const FRESH_MS = 15 * 60_000;
/** After older news, whoever may wait at the wrong station is looked for when those that follow have come too. */
const SETTLING_MS = 10 * 60_000;

/**
 * Keeps what fleet says of a vehicle. Events of one vehicle come in order, so the last one is how it is; but where it stands only when that is news: a rental may
 * have left it elsewhere since. Whoever waits for it where it is not any more is told (BK-06b).
 */
export async function keepVehicle(
  tx: Tx,
  facts: Omit<typeof vehicles.$inferInsert, 'dailyRateMinor' | 'fleetStationId'> & { dailyRateMinor: string; stationPosition?: Place | null },
  saidAt: Date,
): Promise<void> {
  const { vehicleId, stationId, stationPosition, ...rest } = facts;
  const row = { ...rest, dailyRateMinor: BigInt(facts.dailyRateMinor), fleetStationId: stationId ?? null };
  const [kept] = await tx.orm.select({ fleetStationId: vehicles.fleetStationId }).from(vehicles).where(eq(vehicles.vehicleId, vehicleId));
  const moved = kept !== undefined && kept.fleetStationId !== row.fleetStationId;
  // Before the row, as everybody does: without it, a booking that is being made could be sent to the old station, and nobody would ever tell its customer.
  if (moved) await lockVehicles(tx.orm, [vehicleId]);
  await tx.orm
    .insert(vehicles)
    .values({ vehicleId, stationId, ...row })
    .onConflictDoUpdate({ target: vehicles.vehicleId, set: moved ? { ...row, stationId } : row });
  if (moved) {
    const fresh = tx.now.getTime() - saidAt.getTime() <= FRESH_MS;
    await heedStations(tx, [vehicleId], fresh ? tx.now : new Date(tx.now.getTime() + SETTLING_MS));
  }
  if (!facts.stationId || !stationPosition) return;
  const { lat, lng } = stationPosition;
  await tx.orm.insert(stations).values({ stationId: facts.stationId, lat, lng }).onConflictDoUpdate({ target: stations.stationId, set: { lat, lng } });
}
