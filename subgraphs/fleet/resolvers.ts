import DataLoader from 'dataloader';
import { Arg, Ctx, FieldResolver, ID, Int, Mutation, Query, Resolver, Root } from 'type-graphql';
import { z } from 'zod';
import type { Context } from '../../platform/context.js';
import { parseInput, Refusal } from '../../platform/errors.js';
import { anyMoney, type ConnectionSource, moneyType, positiveMoney } from '../../platform/graphqlTypes.js';
import { publicId, requireUuid, uuidOf } from '../../platform/ids.js';
import { DEFAULT_CURRENCY } from '../../platform/money.js';
import { encodeCursor, pageRequest, toPage } from '../../platform/page.js';
import { createVehicle, retireVehicle, updateVehicle } from './commands.js';
import {
  allStations,
  countVehicles,
  findVehicles,
  type StationRow,
  stationsByIds,
  vehicleBySlug,
  type VehicleOrder,
  type VehicleSearch,
  vehiclesByIds,
} from './queries.js';
import { CreateVehicleInput, Station, UpdateVehicleInput, Vehicle, VehicleConnection, VehicleFilter, VehicleSort } from './types.js';
import { pointSchema, type VehicleRow } from './vehicle.js';

export interface FleetLoaders {
  vehicle: DataLoader<string, VehicleRow | null>;
  station: DataLoader<string, StationRow | null>;
}

/** Loaders of one request: each batch is one query, whatever the number of references (FL-07). Vehicles are public, so no actor is needed. */
export function fleetLoaders(run: Context['run']): FleetLoaders {
  return {
    vehicle: new DataLoader(async (ids) => inOrder(ids, await run((tx) => vehiclesByIds(tx.orm, ids)))),
    station: new DataLoader(async (ids) => inOrder(ids, await run((tx) => stationsByIds(tx.orm, ids)))),
  };
}

function inOrder<T extends { id: string }>(ids: readonly string[], rows: readonly T[]): (T | null)[] {
  const byId = new Map(rows.map((row) => [row.id, row]));
  return ids.map((id) => byId.get(id) ?? null);
}

export function toVehicle(row: VehicleRow): Vehicle {
  const id = publicId('veh', row.id);
  return Object.assign(new Vehicle(), {
    ...row,
    id,
    ref: id,
    dailyRate: moneyType({ amountMinor: row.dailyRateMinor, currency: row.currency }),
    position: row.lat === null || row.lng === null ? null : { lat: row.lat, lng: row.lng },
  });
}

export function toStation(row: StationRow): Station {
  const id = publicId('stn', row.id);
  return Object.assign(new Station(), { ...row, id, ref: id, position: { lat: row.lat, lng: row.lng } });
}

const filterSchema = z.object({
  text: z.string().max(100).nullish(),
  minSeats: z.int().min(1).max(60).nullish(),
  features: z.array(z.string().max(40)).max(20).nullish(),
  near: z.object({ point: pointSchema, radiusKm: z.number().positive().max(200, 'must not be above 200 km') }).nullish(),
  available: z
    .object({ from: z.date(), to: z.date() })
    .refine((range) => range.from < range.to, { message: 'must end after it begins', path: ['to'] })
    .nullish(),
});

/** The search of a filter. @throws Refusal VALIDATION_ERROR with the field and the rule */
function toSearch(filter: VehicleFilter | undefined): VehicleSearch {
  if (!filter) return {};
  const parsed = parseInput(filterSchema, filter, 'filter');
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
  if (!sort) return search.text ? 'RELEVANCE' : 'PRICE_ASC';
  const missing = sort === 'DISTANCE' && !search.near ? 'filter.near' : sort === 'RELEVANCE' && !search.text ? 'filter.text' : null;
  if (missing) throw new Refusal('VALIDATION_ERROR', `sort: ${sort} needs \`${missing}\`.`, { details: { field: 'sort', rule: 'needs', needs: missing } });
  return sort;
}

@Resolver(() => Vehicle)
export class VehicleResolver {
  @Query(() => Vehicle, { nullable: true, description: 'One vehicle, by id or by slug; null when there is none.' })
  async vehicle(
    @Ctx() ctx: Context<FleetLoaders>,
    @Arg('id', () => ID, { nullable: true, description: 'Its id.' }) id?: string,
    @Arg('slug', () => String, { nullable: true, description: 'Its slug.' }) slug?: string,
  ): Promise<Vehicle | null> {
    if ((id == null) === (slug == null)) {
      throw new Refusal('VALIDATION_ERROR', 'Give either `id` or `slug`.', { details: { field: 'id', rule: 'one_of' } });
    }
    if (slug != null) {
      const row = await ctx.run((tx) => vehicleBySlug(tx.orm, slug));
      return row ? toVehicle(row) : null;
    }
    const uuid = uuidOf('veh', id ?? '');
    const row = uuid && (await ctx.loaders.vehicle.load(uuid));
    return row ? toVehicle(row) : null;
  }

  @Query(() => VehicleConnection, { description: 'The rental fleet: cars that can be rented, filtered and sorted.' })
  async vehicles(
    @Ctx() ctx: Context<FleetLoaders>,
    @Arg('filter', () => VehicleFilter, { nullable: true, description: 'What they have to be like.' }) filter?: VehicleFilter,
    @Arg('sort', () => VehicleSort, { nullable: true, description: 'In which order; RELEVANCE when there is a text, else PRICE_ASC.' }) sort?: VehicleOrder,
    @Arg('first', () => Int, { nullable: true, description: 'How many: 20 when not given, at most 100.' }) first?: number,
    @Arg('after', () => String, { nullable: true, description: 'Cursor behind which the page begins.' }) after?: string,
  ): Promise<ConnectionSource<Vehicle>> {
    const search = toSearch(filter);
    const order = toOrder(sort, search);
    const page = pageRequest(order, first, after, 2);
    const found = await ctx.run((tx) => findVehicles(tx.orm, search, order, page));
    const result = toPage(found, page, (row) => encodeCursor(order, [row.sortValue, row.vehicle.id]));
    return {
      pageInfo: result.pageInfo,
      edges: result.edges.map(({ cursor, node }) => ({ cursor, node: toVehicle(node.vehicle) })),
      nodes: result.nodes.map(({ vehicle }) => toVehicle(vehicle)),
      totalCount: () => ctx.run((tx) => countVehicles(tx.orm, search)),
    };
  }

  @FieldResolver(() => Station, { nullable: true, description: "Where it belongs; null for a driver's own car." })
  async station(@Root() vehicle: Vehicle, @Ctx() ctx: Context<FleetLoaders>): Promise<Station | null> {
    const row = vehicle.stationId ? await ctx.loaders.station.load(vehicle.stationId) : null;
    return row ? toStation(row) : null;
  }

  @Mutation(() => Vehicle, { description: 'Adds a car to the rental fleet. For admins.' })
  async createVehicle(
    @Arg('input', () => CreateVehicleInput, { description: 'The car.' }) input: CreateVehicleInput,
    @Ctx() ctx: Context<FleetLoaders>,
  ): Promise<Vehicle> {
    const dailyRate = positiveMoney(input.dailyRate, 'input.dailyRate.amount');
    const stationId = requireUuid('stn', input.stationId, 'station', 'input.stationId');
    return toVehicle(await ctx.run((tx) => createVehicle(tx, { ...input, dailyRate, stationId })));
  }

  @Mutation(() => Vehicle, { description: 'Changes a vehicle that you have read at `version`; CONFLICT when it has changed since. For admins.' })
  async updateVehicle(
    @Arg('input', () => UpdateVehicleInput, { description: 'The changes.' }) input: UpdateVehicleInput,
    @Ctx() ctx: Context<FleetLoaders>,
  ): Promise<Vehicle> {
    const changes = {
      ...input,
      status: input.status as 'ACTIVE' | 'MAINTENANCE' | undefined,
      id: requireUuid('veh', input.id, 'vehicle', 'input.id'),
      dailyRate: input.dailyRate ? positiveMoney(input.dailyRate, 'input.dailyRate.amount') : undefined,
      stationId: input.stationId ? requireUuid('stn', input.stationId, 'station', 'input.stationId') : undefined,
    };
    return toVehicle(await ctx.run((tx) => updateVehicle(tx, changes)));
  }

  @Mutation(() => Vehicle, { description: 'Takes a vehicle out of search and quotes for good; old bookings still show it. For admins.' })
  async retireVehicle(@Arg('id', () => ID, { description: 'Which vehicle.' }) id: string, @Ctx() ctx: Context<FleetLoaders>): Promise<Vehicle> {
    const uuid = requireUuid('veh', id, 'vehicle');
    return toVehicle(await ctx.run((tx) => retireVehicle(tx, uuid)));
  }
}

@Resolver(() => Station)
export class StationResolver {
  @Query(() => [Station], { description: 'All stations, by name.' })
  async stations(@Ctx() ctx: Context<FleetLoaders>): Promise<Station[]> {
    return (await ctx.run((tx) => allStations(tx.orm))).map(toStation);
  }
}
