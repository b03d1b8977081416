import DataLoader from 'dataloader';
import { Arg, Ctx, FieldResolver, ID, Mutation, Query, Resolver, Root } from 'type-graphql';
import type { Context } from '../../platform/context.js';
import { Refusal } from '../../platform/errors.js';
import { moneyType, positiveMoney } from '../../platform/graphqlTypes.js';
import { publicId, requireUuid, uuidOf } from '../../platform/ids.js';
import type { LinkSigner } from '../../platform/signedLinks.js';
import type { EntityCache } from '../../platform/entityCache.js';
import { createVehicle, retireVehicle, updateVehicle, VEHICLE } from './commands.js';
import type { ImageRow } from './image.js';
import { imagesOfVehicles } from './imageCommands.js';
import { lastPositions, type PositionRow } from './positionCommands.js';
import { allStations, type StationRow, stationsByIds, vehicleBySlug, vehiclesByIds } from './queries.js';
import { CreateVehicleInput, Station, UpdateVehicleInput, Vehicle } from './types.js';
import type { VehicleRow } from './vehicle.js';

export interface FleetLoaders {
  vehicle: DataLoader<string, VehicleRow | null>;
  station: DataLoader<string, StationRow | null>;
  cache: EntityCache;
  /** Pictures of a vehicle with how far they are, for admins. */
  uploads: DataLoader<string, ImageRow[]>;
  lastPosition: DataLoader<string, PositionRow | null>;
  files: FileAddresses;
}

/** GW-30. What is kept is a whole row; who may see its plate is decided where it is shown. */
const DETAILS_TTL_MS = 30 * 60_000;
const STATION = 'station';

/** Where files are sent to and fetched from. */
export interface FileAddresses {
  /** Scheme, host and port at which people reach us. */
  origin: () => string;
  links: LinkSigner;
}

/** Loaders of one request: each batch is one query, whatever the number of references (FL-07). Vehicles are public, so no actor is needed. */
export const fleetLoaders =
  (cache: EntityCache, files: FileAddresses) =>
  (run: Context['run']): FleetLoaders => ({
    vehicle: new DataLoader((ids) =>
      cache.getMany(VEHICLE, ids, DETAILS_TTL_MS, async (missing) => inOrder(missing, await run((tx) => vehiclesByIds(tx.orm, missing)))),
    ),
    station: new DataLoader((ids) =>
      cache.getMany(STATION, ids, DETAILS_TTL_MS, async (missing) => inOrder(missing, await run((tx) => stationsByIds(tx.orm, missing)))),
    ),
    cache,
    uploads: new DataLoader(async (ids) => {
      const rows = await run((tx) => imagesOfVehicles(tx.orm, ids));
      return ids.map((id) => rows.filter(({ vehicleId }) => vehicleId === id));
    }),
    lastPosition: new DataLoader(async (ids) => {
      const rows = new Map((await run((tx) => lastPositions(tx.orm, ids))).map((row) => [row.vehicleId, row]));
      return ids.map((id) => rows.get(id) ?? null);
    }),
    files,
  });

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
      dailyRate: input.dailyRate != null ? positiveMoney(input.dailyRate, 'input.dailyRate.amount') : undefined,
      stationId: input.stationId != null ? requireUuid('stn', input.stationId, 'station', 'input.stationId') : undefined,
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
