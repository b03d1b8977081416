import { and, asc, between, desc, eq, gte, inArray, isNotNull, lte, type SQL, sql } from 'drizzle-orm';
import type { PageRequest } from '../../platform/page.js';
import type { Orm } from '../../platform/postgres.js';
import { preparationOf } from './preparation.js';
import { vehicles } from './tables.js';
import type { VehicleRow } from './vehicle.js';

/** One row and its order's sort value as text, exact enough for the cursor. */
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

/** Share of trigrams that a word of ours has to share with a typed one: "toyta" finds "toyota" (0.44), "corola" finds "corolla" (0.67). */
const WORD_SIMILARITY = 0.4;
/** A word that begins with what was typed is nearly what was meant. */
const PREFIX_SCORE = 0.9;
const MAX_WORDS = 6;
const MAX_MEANINGS = 20;
/** Counts are exact up to here, and a floor beyond (FL-03). */
export const MAX_COUNT = 10_000;

/** Lower ends of the price bands, per day in minor units; the last band has no upper end. */
export const PRICE_BANDS_MINOR = [0n, 1_000_00n, 2_000_00n, 3_000_00n, 5_000_00n, 8_000_00n] as const;

/** Words of a text, split as the trigger of the migration splits a car's own. More than six words say nothing more. */
export function searchWords(text: string): string[] {
  return [...new Set(text.toLowerCase().split(/[-\s,./()&+]+/))].filter(Boolean).slice(0, MAX_WORDS);
}

/** What one typed word may mean: words that cars have, by how well they fit (1 is the word itself), the best first. */
export type Meanings = { score: number; words: string[] }[];

/** A search whose text has been understood; null when a word means nothing that any car has. */
export type UnderstoodSearch = VehicleSearch & { meanings: Meanings[] };

/**
 * Finds what each typed word may mean in the words that cars have (FL-04). They are few, whatever the number of cars, so typing errors are forgiven
 * here and the cars themselves are found by exact words. A word that is known means itself and nothing else.
 */
export async function understand(orm: Orm, search: VehicleSearch): Promise<UnderstoodSearch | null> {
  const words = searchWords(search.text ?? '');
  if (words.length === 0) return { ...search, meanings: [] };
  await orm.execute(sql`select set_config('pg_trgm.similarity_threshold', ${String(WORD_SIMILARITY)}, true)`);
  const rows = await orm.execute<{ typed: string; word: string; score: number }>(sql`
    select typed, word, score from unnest(${textArray(words)}) typed
    cross join lateral (
      select w.word, case when w.word = typed then 1 when starts_with(w.word, typed) then ${PREFIX_SCORE}::float8
          else round(similarity(w.word, typed)::numeric, 1)::float8 end as score
      from search_words w
      where w.word = typed
        or ((w.word like replace(replace(replace(typed, '\\', '\\\\'), '%', '\\%'), '_', '\\_') || '%' or w.word % typed)
          and not exists (select 1 from search_words same where same.word = typed))
      order by score desc, w.word limit ${MAX_MEANINGS}) as meaning`);
  const meanings = words.map((typed) => byScore(rows.filter((row) => row.typed === typed)));
  return meanings.every((each) => each.length > 0) ? { ...search, meanings } : null;
}

function byScore(rows: readonly { word: string; score: number }[]): Meanings {
  const levels = new Map<number, string[]>();
  for (const { word, score } of rows) levels.set(score, [...(levels.get(score) ?? []), word]);
  return [...levels].map(([score, words]) => ({ score, words }));
}

const textArray = (values: readonly string[]) => sql`${`{${values.map((value) => JSON.stringify(value)).join(',')}}`}::text[]`;
const hasAny = (words: readonly string[]) => sql`${vehicles.searchWords} && ${textArray(words)}`;
const instant = (at: Date) => sql`${at.toISOString()}::timestamptz`;
const onEarth = (near: { lat: number; lng: number }) => sql`ll_to_earth(${near.lat}, ${near.lng})`;
const place = sql`ll_to_earth(${vehicles.lat}, ${vehicles.lng})`;

const EARTH_RADIUS_KM = 6378.168;
const degrees = (radians: number) => (radians * 180) / Math.PI;

/**
 * Degrees of latitude and longitude that hold a circle. Its longitudes are left open where they would pass the date line or hold a pole: the exact
 * distance is asked for as well.
 */
export function boundsOf(near: { lat: number; lng: number; radiusKm: number }) {
  const angle = near.radiusKm / EARTH_RADIUS_KM;
  const latitudes = { min: near.lat - degrees(angle), max: near.lat + degrees(angle) };
  const narrow = Math.sin(angle) / Math.cos((near.lat * Math.PI) / 180);
  const half = latitudes.min > -90 && latitudes.max < 90 && narrow < 1 ? degrees(Math.asin(narrow)) : 360;
  const open = near.lng - half < -180 || near.lng + half > 180;
  return { latitudes, longitudes: open ? null : { min: near.lng - half, max: near.lng + half } };
}

/** The planner knows how many cars lie between two latitudes, and nothing of how many lie in a circle: so it is told of both. */
function aroundBox(near: NonNullable<VehicleSearch['near']>): (SQL | undefined)[] {
  const { latitudes, longitudes } = boundsOf(near);
  return [between(vehicles.lat, latitudes.min, latitudes.max), longitudes ? between(vehicles.lng, longitudes.min, longitudes.max) : isNotNull(vehicles.lng)];
}

/** What an index or the row itself answers. */
function plainConditions(search: UnderstoodSearch): (SQL | undefined)[] {
  // Written out, not as parameters: the planner has to see that they are what the partial indexes ask for.
  const conditions: (SQL | undefined)[] = [sql`${vehicles.use} = 'RENTAL' and ${vehicles.status} = 'ACTIVE'`];
  for (const meanings of search.meanings) conditions.push(hasAny(meanings.flatMap(({ words }) => words)));
  if (search.categories?.length) conditions.push(inArray(vehicles.category, search.categories));
  if (search.fuelTypes?.length) conditions.push(inArray(vehicles.fuelType, search.fuelTypes));
  if (search.transmissions?.length) conditions.push(inArray(vehicles.transmission, search.transmissions));
  if (search.minSeats != null) conditions.push(gte(vehicles.seats, search.minSeats));
  if (search.features?.length) conditions.push(sql`${vehicles.features} @> ${textArray(search.features)}`);
  if (search.minRateMinor != null) conditions.push(gte(vehicles.dailyRateMinor, search.minRateMinor));
  if (search.maxRateMinor != null) conditions.push(lte(vehicles.dailyRateMinor, search.maxRateMinor));
  if (search.stationId) conditions.push(eq(vehicles.stationId, search.stationId));
  if (search.near) conditions.push(...aroundBox(search.near));
  return conditions;
}

/** What has to be computed or looked up for each car, of `columns`: worth asking last, and of as few as possible. */
function dearConditions(search: UnderstoodSearch, { id, lat, lng, category }: Record<'id' | 'lat' | 'lng' | 'category', SQL>): (SQL | undefined)[] {
  const conditions: SQL[] = [];
  if (search.near) conditions.push(sql`earth_distance(${onEarth(search.near)}, ll_to_earth(${lat}, ${lng})) <= ${search.near.radiusKm * 1000}`);
  if (search.available) {
    const { from, to } = search.available;
    // What is free is what could be booked: after the return the car is prepared, and that time has to be free too.
    // A scalar subquery stays one look into the index per car that is still in question; `not exists` may become a join over all busy ranges. The
    // planner takes a bare truth value to hold for half of the cars, and `is null` for one in two hundred.
    conditions.push(sql`coalesce((select false from busy_ranges b where b.vehicle_id = ${id}
      and b.to_at > ${instant(from)} and b.from_at < ${instant(to)} + ${preparationOf(category)} limit 1), true)`);
  }
  return conditions;
}

const VEHICLE = { id: sql`${vehicles.id}`, lat: sql`${vehicles.lat}`, lng: sql`${vehicles.lng}`, category: sql`${vehicles.category}` };
const allConditions = (search: UnderstoodSearch) => and(...plainConditions(search), ...dearConditions(search, VEHICLE));

interface OrderBy {
  value: SQL;
  descending: boolean;
  cast: string;
}

/** The value that rows are ordered by, and in which direction; ties by id, so that a page never repeats or skips a row (FL-03). */
function orderOf(order: VehicleOrder, search: UnderstoodSearch): OrderBy {
  // The straight line through the earth grows with the way around it, and is what the index can walk along, nearest first.
  if (order === 'DISTANCE' && search.near) return { value: sql`(${place} <-> ${onEarth(search.near)})`, descending: false, cast: 'float8' };
  if (order === 'RELEVANCE') return { value: relevanceOf(search.meanings), descending: true, cast: 'float8' };
  if (order === 'NEWEST') return { value: sql`${vehicles.createdAt}`, descending: true, cast: 'timestamptz' };
  return { value: sql`${vehicles.dailyRateMinor}`, descending: order === 'PRICE_DESC', cast: 'bigint' };
}

/** How well a car fits: for each typed word the best meaning that it has. */
function relevanceOf(meanings: readonly Meanings[]): SQL {
  const scores = meanings.map((levels) => {
    const cases = levels.map(({ score, words }) => sql`when ${hasAny(words)} then ${score}::float8`);
    return levels.length === 1 ? sql`${levels[0]?.score ?? 0}::float8` : sql`case ${sql.join(cases, sql` `)} else 0 end`;
  });
  return sql`(${scores.length > 0 ? sql.join(scores, sql` + `) : sql`0::float8`})`;
}

/**
 * Has the rest of this transaction planned for its values: the best plan depends on the words, the area and the prices that are asked for, and a
 * prepared statement would soon be run by one plan for all of them.
 */
async function planForValues(orm: Orm): Promise<void> {
  await orm.execute(sql`select set_config('plan_cache_mode', 'force_custom_plan', true)`);
}

/**
 * Has the nearest come first from the index (KNN) for the rest of this transaction. The planner does not know how many cars the index's box holds,
 * takes it for few, and would rather fetch and sort them all.
 */
async function walkNearestFirst(orm: Orm): Promise<void> {
  await orm.execute(sql`select set_config('enable_bitmapscan', 'off', true)`);
}

/** What the index over places asks for; it ends the walk at the circle's edge. */
function insideBox(near: NonNullable<VehicleSearch['near']>): (SQL | undefined)[] {
  return [isNotNull(vehicles.lat), isNotNull(vehicles.lng), sql`earth_box(${onEarth(near)}, ${near.radiusKm * 1000}) @> ${place}`];
}

const CANDIDATE = { id: sql`c.id`, lat: sql`c.lat`, lng: sql`c.lng`, category: sql`c.category` };

/**
 * The statement of a page of vehicles that fit, one more than the page holds. Apart from running it, so that a test can have it explained.
 *
 * Cars that may fit are put in order first, and then asked what is dear to ask, one after the other until the page is full: a city may have ten thousand
 * that fit the words and the price, and a page shows twenty. `offset 0` keeps the two steps apart. The middle step names no order of its own: it takes its
 * rows as they come, and one that names it would have the planner read and sort all candidates where an index has them in order.
 */
export function vehiclePage(orm: Orm, search: UnderstoodSearch, order: VehicleOrder, page: PageRequest) {
  const { value, descending, cast } = orderOf(order, search);
  const conditions = plainConditions(search);
  if (order === 'DISTANCE' && search.near) conditions.push(...insideBox(search.near));
  if (page.after) {
    const [after, id] = page.after;
    const beyond = descending ? sql.raw('<') : sql.raw('>');
    conditions.push(sql`(${value}, ${vehicles.id}) ${beyond} (${after}::${sql.raw(cast)}, ${id}::uuid)`);
  }
  const inOrder = (...columns: SQL[]) => columns.map((column) => (descending ? desc(column) : asc(column)));
  const candidates = orm
    .select({ ...VEHICLE, sortValue: sql`${value}`.as('sort_value') })
    .from(vehicles)
    .where(and(...conditions))
    .orderBy(...inOrder(value, VEHICLE.id));
  const found = sql`(select c.id, c.sort_value from (${candidates} offset 0) as c where ${and(...dearConditions(search, CANDIDATE)) ?? sql`true`} limit ${page.first + 1}) as found`;
  return orm
    .select({ vehicle: vehicles, sortValue: sql<string>`found.sort_value::text` })
    .from(found)
    .innerJoin(vehicles, sql`${vehicles.id} = found.id`)
    .orderBy(...inOrder(sql`found.sort_value`, sql`found.id`));
}

/** Vehicles that fit, one more than the page holds. */
export async function findVehicles(orm: Orm, search: VehicleSearch, order: VehicleOrder, page: PageRequest): Promise<FoundVehicle[]> {
  const [understood] = await Promise.all([understand(orm, search), planForValues(orm)]);
  if (!understood) return [];
  if (order === 'DISTANCE') await walkNearestFirst(orm);
  return vehiclePage(orm, understood, order, page);
}

/** The statement that counts, and stops one beyond what is counted exactly. */
export function vehicleCount(orm: Orm, search: UnderstoodSearch) {
  const matching = orm
    .select({ one: sql`1` })
    .from(vehicles)
    .where(allConditions(search))
    .limit(MAX_COUNT + 1)
    .as('matching');
  return orm.select({ count: sql<number>`count(*)::int` }).from(matching);
}

/** How many fit: exact up to 10,000, and a floor beyond. */
export async function countVehicles(orm: Orm, search: VehicleSearch): Promise<{ count: number; isFloor: boolean }> {
  const [understood] = await Promise.all([understand(orm, search), planForValues(orm)]);
  const [row] = understood ? await vehicleCount(orm, understood) : [];
  const count = row?.count ?? 0;
  return { count: Math.min(count, MAX_COUNT), isFloor: count > MAX_COUNT };
}

export interface FacetCount {
  kind: 'CATEGORY' | 'FUEL' | 'BAND';
  /** The category, the fuel, or the number of the price band from 0. */
  value: string;
  count: number;
}

/** The statement of all facets: one pass over what fits, at most 10,000 of it. */
export function vehicleFacets(orm: Orm, search: UnderstoodSearch) {
  const band = sql<number>`width_bucket(${vehicles.dailyRateMinor}, ${`{${PRICE_BANDS_MINOR.join(',')}}`}::bigint[]) - 1`.as('band');
  const matching = orm
    .select({ category: vehicles.category, fuel: vehicles.fuelType, band })
    .from(vehicles)
    .where(allConditions(search))
    .limit(MAX_COUNT)
    .as('matching');
  return orm
    .select({
      kind: sql<FacetCount['kind']>`case when grouping(category) = 0 then 'CATEGORY' when grouping(fuel_type) = 0 then 'FUEL' else 'BAND' end`,
      value: sql<string>`coalesce(category, fuel_type, band::text)`,
      count: sql<number>`count(*)::int`,
    })
    .from(matching)
    .groupBy(sql`grouping sets ((category), (fuel_type), (band))`);
}

/** How many of what fits are of each category, fuel and price band. */
export async function countFacets(orm: Orm, search: VehicleSearch): Promise<FacetCount[]> {
  const [understood] = await Promise.all([understand(orm, search), planForValues(orm)]);
  return understood ? vehicleFacets(orm, understood) : [];
}
