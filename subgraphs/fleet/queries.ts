import { asc, eq, inArray } from 'drizzle-orm';
import type { Orm } from '../../platform/postgres.js';
import { stations, vehicles } from './tables.js';
import type { VehicleRow } from './vehicle.js';

export type StationRow = typeof stations.$inferSelect;

export async function vehiclesByIds(orm: Orm, ids: readonly string[]): Promise<VehicleRow[]> {
  return orm
    .select()
    .from(vehicles)
    .where(inArray(vehicles.id, [...ids]));
}

export async function vehicleBySlug(orm: Orm, slug: string): Promise<VehicleRow | undefined> {
  const [row] = await orm.select().from(vehicles).where(eq(vehicles.slug, slug));
  return row;
}

/** The row, locked until the transaction ends: a second writer waits and then sees the new version. */
export async function lockVehicle(orm: Orm, id: string): Promise<VehicleRow | undefined> {
  const [row] = await orm.select().from(vehicles).where(eq(vehicles.id, id)).for('update');
  return row;
}

export async function stationsByIds(orm: Orm, ids: readonly string[]): Promise<StationRow[]> {
  return orm
    .select()
    .from(stations)
    .where(inArray(stations.id, [...ids]));
}

export async function allStations(orm: Orm): Promise<StationRow[]> {
  return orm.select().from(stations).orderBy(asc(stations.name));
}
