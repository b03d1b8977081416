import { sql } from 'drizzle-orm';
import { newUuid } from '../../platform/ids.js';
import type { Orm, Tx } from '../../platform/postgres.js';
import { setTimer } from '../../platform/timers.js';
import { BEHIND_VEHICLE } from './claimQueries.js';
import { uuidArray } from './queries.js';
import type { Whereabouts } from './whereabouts.js';

/**
 * Where a vehicle will be at a moment, and who has it next, some bookings left out. The function of the migration looks past row-level security and says
 * nothing of whose bookings those are. It stays true only for as long as the transaction holds the vehicle's lock.
 */
export async function whereaboutsAt(orm: Orm, vehicleId: string, moment: Date, ignored: readonly string[]): Promise<Whereabouts> {
  const [row] = await orm.execute<{ station_id: string | null; next_pickup_at: string | null; next_station_id: string | null }>(
    sql`select station_id, next_pickup_at, next_station_id
      from vehicle_whereabouts(${vehicleId}::uuid, ${moment.toISOString()}::timestamptz, ${uuidArray(ignored)})`,
  );
  if (!row) throw new Error('the whereabouts of a vehicle that is not known were asked for');
  const next = row.next_pickup_at === null ? null : { pickupAt: new Date(row.next_pickup_at), stationId: row.next_station_id };
  return { stationId: row.station_id, next };
}

/** A booking that waits for its car: whether the car will be elsewhere at its pick-up, and whether its customer has been told that. */
interface Awaited extends Record<string, unknown> {
  bookingId: string;
  elsewhere: boolean;
  told: boolean;
}

/** The bookings that wait for a vehicle, by pick-up. */
export async function awaitingVehicle(orm: Orm, vehicleId: string): Promise<Awaited[]> {
  return orm.execute<Awaited>(sql`select booking_id as "bookingId", elsewhere, told from bookings_awaiting_vehicle(${vehicleId}::uuid)`);
}

/**
 * Where vehicles are or will be may have changed with this transaction, which holds `lockVehicles`: a job tells those whose car will be elsewhere now, and those
 * who were told so and get it after all. The actor may be a customer, who may not touch other people's bookings.
 */
export async function heedStations(tx: Tx, vehicleIds: readonly string[], dueAt = tx.now): Promise<void> {
  for (const vehicleId of new Set(vehicleIds)) {
    const untold = (await awaitingVehicle(tx.orm, vehicleId)).some(({ elsewhere, told }) => elsewhere !== told);
    if (untold) await setTimer(tx, { kind: BEHIND_VEHICLE, key: `${vehicleId}:${newUuid(tx.now)}`, dueAt });
  }
}

/** The IANA name of the clock of a station, as the cars that are there say it. */
export async function timeZoneOf(orm: Orm, stationId: string): Promise<string | undefined> {
  const [row] = await orm.execute<{ time_zone: string }>(sql`select time_zone from vehicles where station_id = ${stationId}::uuid limit 1`);
  return row?.time_zone;
}
