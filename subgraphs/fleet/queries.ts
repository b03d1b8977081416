import { and, asc, desc, eq, gte, inArray, lte, type SQL, sql } from 'drizzle-orm';
import type { Orm } from '../../platform/postgres.js';
import type { PageRequest } from '../../platform/page.js';
import { stations, vehicles } from './tables.js';
import type { VehicleRow } from './vehicle.js';

export type StationRow = typeof stations.$inferSelect;

/** One row, its order's sort value as text (for the cursor) and, when a place was given, how far away it is in metres. */
export interface FoundVehicle {
  vehicle: VehicleRow;
  sortValue: string;
}

export interface VehicleSearch {
  text?: string | null;
  categories?: string[] | null;
  fuelTypes?: string[] | null;
  transmissions?: string[] | null;
  minSeats?: number | null;
  features?: string[] | null;
  minRateMinor?: bigint | null;
  maxRateMinor?: bigint | null;
  near?: { lat: number; lng: number; radiusKm: number } | null;
  available?: { from: Date; to: Date } | null;
  stationId?: string | null;
}

export type VehicleOrder = 'PRICE_ASC' | 'PRICE_DESC' | 'NEWEST' | 'DISTANCE' | 'RELEVANCE';

/** Share of a word's trigrams that have to be found; "toyta" finds "toyota" (0.67), "corola" finds "corolla" (0.86). */
const WORD_SIMILARITY = 0.5;
const MAX_COUNT = 10_000;

/** Words of a search text, as the index holds them. More than six words say nothing more. */
export function searchWords(text: string): string[] {
  return text.toLowerCase().split(/\s+/).filter(Boolean).slice(0, 6);
}

function conditionsOf(search: VehicleSearch): SQL[] {
  const conditions: SQL[] = [eq(vehicles.use, 'RENTAL'), eq(vehicles.status, 'ACTIVE')];
  for (const word of searchWords(search.text ?? '')) conditions.push(sql`${word} <% ${vehicles.search}`);
  if (search.categories?.length) conditions.push(inArray(vehicles.category, search.categories));
  if (search.fuelTypes?.length) conditions.push(inArray(vehicles.fuelType, search.fuelTypes));
  if (search.transmissions?.length) conditions.push(inArray(vehicles.transmission, search.transmissions));
  if (search.minSeats != null) conditions.push(gte(vehicles.seats, search.minSeats));
  if (search.features?.length) conditions.push(sql`${vehicles.features} @> ${`{${search.features.map((f) => JSON.stringify(f)).join(',')}}`}::text[]`);
  if (search.minRateMinor != null) conditions.push(gte(vehicles.dailyRateMinor, search.minRateMinor));
  if (search.maxRateMinor != null) conditions.push(lte(vehicles.dailyRateMinor, search.maxRateMinor));
  if (search.stationId) conditions.push(eq(vehicles.stationId, search.stationId));
  if (search.near) {
    const { lat, lng, radiusKm } = search.near;
    // The box uses the index; the distance cuts its corners off.
    conditions.push(
      sql`earth_box(ll_to_earth(${lat}, ${lng}), ${radiusKm * 1000}) @> ll_to_earth(${vehicles.lat}, ${vehicles.lng})`,
      sql`earth_distance(ll_to_earth(${lat}, ${lng}), ll_to_earth(${vehicles.lat}, ${vehicles.lng})) <= ${radiusKm * 1000}`,
    );
  }
  if (search.available) {
    const { from, to } = search.available;
    conditions.push(sql`not exists (select 1 from busy_ranges b where b.vehicle_id = ${vehicles.id}
      and tstzrange(b.from_at, b.to_at) && tstzrange(${from.toISOString()}::timestamptz, ${to.toISOString()}::timestamptz))`);
  }
  return conditions;
}

/** The value that rows are ordered by, and in which direction; ties by id, so that a page never repeats or skips a row (FL-03). */
function orderOf(order: VehicleOrder, search: VehicleSearch): { value: SQL; descending: boolean; cast: string } {
  const words = searchWords(search.text ?? '');
  if (order === 'DISTANCE' && search.near) {
    const { lat, lng } = search.near;
    return { value: sql`round(earth_distance(ll_to_earth(${lat}, ${lng}), ll_to_earth(${vehicles.lat}, ${vehicles.lng})))`, descending: false, cast: 'float8' };
  }
  if (order === 'RELEVANCE' && words.length > 0) {
    const scores = words.map((word) => sql`word_similarity(${word}, ${vehicles.search})`);
    return { value: sql`(${sql.join(scores, sql` + `)})::numeric(9,6)`, descending: true, cast: 'numeric' };
  }
  if (order === 'NEWEST') return { value: sql`${vehicles.createdAt}`, descending: true, cast: 'timestamptz' };
  return { value: sql`${vehicles.dailyRateMinor}`, descending: order === 'PRICE_DESC', cast: 'bigint' };
}

/** Vehicles that fit, one more than the page holds. */
export async function findVehicles(orm: Orm, search: VehicleSearch, order: VehicleOrder, page: PageRequest): Promise<FoundVehicle[]> {
  const { value, descending, cast } = orderOf(order, search);
  const conditions = conditionsOf(search);
  if (page.after) {
    const [after, id] = page.after;
    const beyond = descending ? sql.raw('<') : sql.raw('>');
    conditions.push(sql`(${value}, ${vehicles.id}) ${beyond} (${after}::${sql.raw(cast)}, ${id}::uuid)`);
  }
  if (search.text) await orm.execute(sql`select set_config('pg_trgm.word_similarity_threshold', ${String(WORD_SIMILARITY)}, true)`);
  const rows = await orm
    .select({ vehicle: vehicles, sortValue: sql<string>`(${value})::text` })
    .from(vehicles)
    .where(and(...conditions))
    .orderBy(descending ? desc(value) : asc(value), descending ? desc(vehicles.id) : asc(vehicles.id))
    .limit(page.first + 1);
  return rows;
}

/** How many fit; exact up to 10,000. */
export async function countVehicles(orm: Orm, search: VehicleSearch): Promise<number> {
  if (search.text) await orm.execute(sql`select set_config('pg_trgm.word_similarity_threshold', ${String(WORD_SIMILARITY)}, true)`);
  const matching = orm
    .select({ one: sql`1` })
    .from(vehicles)
    .where(and(...conditionsOf(search)))
    .limit(MAX_COUNT)
    .as('matching');
  const [row] = await orm.select({ count: sql<number>`count(*)::int` }).from(matching);
  return row?.count ?? 0;
}

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
