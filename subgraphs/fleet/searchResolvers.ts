import { createHash, randomUUID } from 'node:crypto';
import { Arg, Ctx, FieldResolver, Int, Query, Resolver, Root } from 'type-graphql';
import { z } from 'zod';
import type { Context } from '../../platform/context.js';
import { parseInput, Refusal } from '../../platform/errors.js';
import { anyMoney, type ConnectionSource } from '../../platform/graphqlTypes.js';
import { requireUuid } from '../../platform/ids.js';
import { DEFAULT_CURRENCY, formatAmount, money } from '../../platform/money.js';
import { encodeCursor, type PageRequest, pageRequest, toPage } from '../../platform/page.js';
import { ALL_LISTINGS, LISTINGS } from './commands.js';
import { type FleetLoaders, toVehicle } from './resolvers.js';
import {
  countFacets,
  countVehicles,
  type FacetCount,
  type FoundVehicle,
  findVehicles,
  PRICE_BANDS_MINOR,
  searchWords,
  type VehicleOrder,
  type VehicleSearch,
} from './searchQueries.js';
import { type Vehicle, VehicleConnection, VehicleFacets, VehicleFilter, VehicleSort } from './types.js';
import { FUEL_TYPES, pointSchema, VEHICLE_CATEGORIES } from './vehicle.js';

const filterSchema = z.object({
  text: z.string().max(100).nullish(),
  minSeats: z.int().min(1).max(60).nullish(),
  features: z.array(z.string().max(40)).max(20).nullish(),
  near: z.object({ point: pointSchema, radiusKm: z.number().positive().max(200, 'must not be above 200 km') }).nullish(),
  available: z.object({ from: z.date(), to: z.date() }).nullish(),
});

const DAY_MS = 86_400_000;
/** The longest window that a search asks for, as `Vehicle.availability` has it. */
const MAX_WINDOW_DAYS = 366;
/** Moments from then on are typing errors, and some of them no date that Postgres can read. */
const LATEST = new Date('2100-01-01T00:00:00Z');

/** @throws Refusal VALIDATION_ERROR for a window that is inverted, over, too long or absurd */
function assertWindow({ from, to }: { from: Date; to: Date }, now: Date): void {
  const refuse = (field: string, rule: string, message: string) =>
    new Refusal('VALIDATION_ERROR', `filter.available.${field}: ${message}`, { details: { field: `filter.available.${field}`, rule } });
  if (to <= from) throw refuse('to', 'after_from', 'must be after `from`.');
  if (to <= now) throw refuse('to', 'past', 'must be in the future: what is over cannot be booked.');
  if (to >= LATEST) throw refuse('to', 'too_late', `must be before ${LATEST.getUTCFullYear()}.`);
  if (to.getTime() - from.getTime() > MAX_WINDOW_DAYS * DAY_MS) throw refuse('to', 'too_long', `must be at most ${MAX_WINDOW_DAYS} days after \`from\`.`);
}

/** The search of a filter. @throws Refusal VALIDATION_ERROR with the field and the rule */
function toSearch(filter: VehicleFilter | undefined, now: Date): VehicleSearch {
  if (!filter) return {};
  const parsed = parseInput(filterSchema, filter, 'filter');
  if (parsed.available) assertWindow(parsed.available, now);
  const rate = (amount: string | undefined, field: string) => (amount == null ? null : anyMoney({ amount, currency: DEFAULT_CURRENCY }, field).amountMinor);
  return {
    ...parsed,
    categories: filter.categories,
    fuelTypes: filter.fuelTypes,
    transmissions: filter.transmissions,
    minRateMinor: rate(filter.dailyRate?.min, 'filter.dailyRate.min'),
    maxRateMinor: rate(filter.dailyRate?.max, 'filter.dailyRate.max'),
    near: parsed.near ? { ...parsed.near.point, radiusKm: parsed.near.radiusKm } : null,
    stationId: filter.stationId == null ? null : requireUuid('stn', filter.stationId, 'station', 'filter.stationId'),
  };
}

/** @throws Refusal VALIDATION_ERROR for an order that needs a filter which is not there */
function toOrder(sort: VehicleOrder | undefined, search: VehicleSearch): VehicleOrder {
  const hasWords = searchWords(search.text ?? '').length > 0;
  if (!sort) return hasWords ? 'RELEVANCE' : 'PRICE_ASC';
  const missing = sort === 'DISTANCE' && !search.near ? 'filter.near' : sort === 'RELEVANCE' && !hasWords ? 'filter.text' : null;
  if (missing) throw new Refusal('VALIDATION_ERROR', `sort: ${sort} needs \`${missing}\`.`, { details: { field: 'sort', rule: 'needs', needs: missing } });
  return sort;
}

const bandEdge = (index: number) => {
  const edge = PRICE_BANDS_MINOR[index];
  return edge === undefined ? null : formatAmount(money(edge));
};

function toFacets(counts: readonly FacetCount[]): VehicleFacets {
  const countOf = (kind: FacetCount['kind'], value: string) => counts.find((each) => each.kind === kind && each.value === value)?.count ?? 0;
  const present = <T extends { count: number }>(all: T[]) => all.filter(({ count }) => count > 0);
  return {
    categories: present(VEHICLE_CATEGORIES.map((category) => ({ category, count: countOf('CATEGORY', category) }))),
    fuelTypes: present(FUEL_TYPES.map((fuelType) => ({ fuelType, count: countOf('FUEL', fuelType) }))),
    priceBands: present(
      PRICE_BANDS_MINOR.map((_, index) => ({ from: bandEdge(index) ?? '0.00', below: bandEdge(index + 1), count: countOf('BAND', String(index)) })),
    ),
  };
}

const inJson = (asked: unknown) => JSON.stringify(asked, (_key, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value));

/** Names a list for its cursors: by its order and by what was searched for. A cursor of another search would skip what it never showed. */
function listName(order: VehicleOrder, search: VehicleSearch): string {
  const filter = createHash('sha256').update(inJson(search)).digest('base64url').slice(0, 11);
  return `${order} ${filter}`;
}

/** A page of vehicles with what is counted only when somebody selects it. */
interface FoundPage extends ConnectionSource<Vehicle> {
  counted: () => Promise<{ count: number; isFloor: boolean }>;
  facetCounts: () => Promise<FacetCount[]>;
}

/** The same promise for all who ask. */
function onceOnly<T>(work: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | undefined;
  return () => (running ??= work());
}

/** GW-30; any change of a car ends it earlier. */
const LISTING_TTL_MS = 60 * 60_000;

/**
 * A page of a list, from the cache unless it asks what is free: that changes with every booking. All lists share one version, which is part of each key, so
 * a page that was read before a change is not found after it.
 */
async function listed(ctx: Context<FleetLoaders>, search: VehicleSearch, order: VehicleOrder, page: PageRequest): Promise<FoundVehicle[]> {
  const read = () => ctx.run((tx) => findVehicles(tx.orm, search, order, page));
  if (search.available) return read();
  const asked = inJson([search, order, page]);
  const [version] = await ctx.loaders.cache.getMany(LISTINGS, [ALL_LISTINGS], LISTING_TTL_MS, async () => [randomUUID()]);
  const key = createHash('sha256').update(`${version} ${asked}`).digest('base64url');
  const [found] = await ctx.loaders.cache.getMany(LISTINGS, [key], LISTING_TTL_MS, async () => [await read()]);
  return found ?? [];
}

@Resolver(() => VehicleConnection)
export class VehicleSearchResolver {
  @Query(() => VehicleConnection, { description: 'The rental fleet: cars that can be rented, filtered and sorted.' })
  async vehicles(
    @Ctx() ctx: Context<FleetLoaders>,
    @Arg('filter', () => VehicleFilter, { nullable: true, description: 'What they have to be like.' }) filter?: VehicleFilter,
    @Arg('sort', () => VehicleSort, { nullable: true, description: 'In which order; RELEVANCE when there is a text, else PRICE_ASC.' }) sort?: VehicleOrder,
    @Arg('first', () => Int, { nullable: true, description: 'How many: 20 when not given, at most 100.' }) first?: number,
    @Arg('after', () => String, { nullable: true, description: 'Cursor behind which the page begins.' }) after?: string,
  ): Promise<FoundPage> {
    const search = toSearch(filter, ctx.db.clock());
    const order = toOrder(sort, search);
    const list = listName(order, search);
    const page = pageRequest(list, first, after, [order === 'NEWEST' ? 'moment' : 'number', 'uuid']);
    const found = await listed(ctx, search, order, page);
    const result = toPage(found, page, (row) => encodeCursor(list, [row.sortValue, row.vehicle.id]));
    const counted = onceOnly(() => ctx.run((tx) => countVehicles(tx.orm, search)));
    return {
      pageInfo: result.pageInfo,
      edges: result.edges.map(({ cursor, node }) => ({ cursor, node: toVehicle(node.vehicle) })),
      nodes: result.nodes.map(({ vehicle }) => toVehicle(vehicle)),
      totalCount: async () => (await counted()).count,
      counted,
      facetCounts: () => ctx.run((tx) => countFacets(tx.orm, search)),
    };
  }

  @FieldResolver(() => Boolean, { description: 'Whether there are more than `totalCount` says: it is exact up to 10,000.' })
  async totalCountIsFloor(@Root() page: FoundPage): Promise<boolean> {
    return (await page.counted()).isFloor;
  }

  @FieldResolver(() => VehicleFacets, { description: 'What was found, by category, fuel and price; counted only when it is selected, over at most 10,000.' })
  async facets(@Root() page: FoundPage): Promise<VehicleFacets> {
    return toFacets(await page.facetCounts());
  }
}
