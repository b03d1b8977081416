import { Arg, Ctx, Float, Int, Mutation, Query, Resolver } from 'type-graphql';
import { z } from 'zod';
import { parseInput } from '../../platform/errors.js';
import { PointInput } from '../../platform/graphqlTypes.js';
import { uuidOf } from '../../platform/ids.js';
import { requirePerson } from './actors.js';
import type { DispatchContext } from './context.js';
import { notRegistered } from './driver.js';
import { DriverLocationInput, LocationInput, QuoteTripInput } from './inputs.js';
import { type Acknowledgement, assertAccepted, recordLocations } from './locationCommands.js';
import type { Report } from './locationReport.js';
import { LocationAck, NearbyDriver, SurgeCell, TripQuote } from './mapTypes.js';
import { pointSchema } from './point.js';
import { quoteTrip, supplyAround } from './quoteCommands.js';
import { toQuote } from './shapes.js';
import { cellOf, cellsAround, DEMAND_WINDOW_MS, shapeOf, surgePermille } from './surge.js';
import { requestsPerCell } from './tripQueries.js';
import { VehicleType } from './types.js';
import { VEHICLE_TYPES } from './vehicleType.js';

const MAX_RADIUS_KM = 50;
const DEFAULT_RADIUS_KM = 5;
const MAX_FIRST = 100;
const DEFAULT_FIRST = 20;
/** A surge map this large has about 430 cells. */
const MAX_SURGE_RADIUS_KM = 10;
const DEFAULT_SURGE_RADIUS_KM = 3;
/** Drivers counted for one surge map. */
const MAX_COUNTED = 5_000;

const radius = (max: number, fallback: number) =>
  z
    .number()
    .positive('must be above zero')
    .max(max, `must not be above ${max} km`)
    .nullish()
    .transform((km) => km ?? fallback);
const nearbySchema = z.object({
  near: pointSchema,
  radiusKm: radius(MAX_RADIUS_KM, DEFAULT_RADIUS_KM),
  first: z
    .int()
    .min(0, `must be 0 to ${MAX_FIRST}`)
    .max(MAX_FIRST, `must be 0 to ${MAX_FIRST}`)
    .nullish()
    .transform((first) => first ?? DEFAULT_FIRST),
});
const surgeSchema = z.object({ near: pointSchema, radiusKm: radius(MAX_SURGE_RADIUS_KM, DEFAULT_SURGE_RADIUS_KM) });

@Resolver()
export class MapResolver {
  @Query(() => [NearbyDriver], { description: 'Free drivers around a place that were seen in the last minute, the nearest first.' })
  async nearbyDrivers(
    @Ctx() ctx: DispatchContext,
    @Arg('near', () => PointInput, { description: 'The place.' }) near: PointInput,
    @Arg('radiusKm', () => Float, { nullable: true, description: 'How far around it: 5 km when not given, at most 50.' }) radiusKm?: number,
    @Arg('vehicleType', () => VehicleType, { nullable: true, description: 'Only cars of this class.' }) vehicleType?: keyof typeof VehicleType,
    @Arg('first', () => Int, { nullable: true, description: 'How many: 20 when not given, at most 100.' }) first?: number,
  ): Promise<NearbyDriver[]> {
    const search = parseInput(nearbySchema, { near, radiusKm, first }, '');
    if (search.first === 0) return [];
    const found = await ctx.loaders.dispatch.positions.nearby(search.near, search.radiusKm, vehicleType ? [vehicleType] : VEHICLE_TYPES, search.first);
    return found.map((driver) => ({
      position: driver.place,
      heading: driver.heading,
      distanceM: driver.distanceM,
      vehicleType: driver.vehicleType,
      lastSeenAt: driver.at,
    }));
  }

  @Query(() => [SurgeCell], { description: 'Demand around a place, cell by cell.' })
  async surgeMap(
    @Ctx() ctx: DispatchContext,
    @Arg('near', () => PointInput, { description: 'The place.' }) near: PointInput,
    @Arg('radiusKm', () => Float, { nullable: true, description: 'How far around it: 3 km when not given, at most 10.' }) radiusKm?: number,
  ): Promise<SurgeCell[]> {
    const area = parseInput(surgeSchema, { near, radiusKm }, '');
    const cells = cellsAround(area.near, area.radiusKm);
    // A cell reaches beyond its centre: a kilometre more, so that the outer ones are counted whole.
    const supply = await ctx.loaders.dispatch.positions.nearby(area.near, area.radiusKm + 1, VEHICLE_TYPES, MAX_COUNTED);
    const requests = await ctx.run((tx) => requestsPerCell(tx.orm, cells, new Date(tx.now.getTime() - DEMAND_WINDOW_MS)));
    const available = new Map<string, number>();
    for (const { place } of supply) available.set(cellOf(place), (available.get(cellOf(place)) ?? 0) + 1);
    return cells.map((cell) => ({ cell, ...shapeOf(cell), surge: Number(surgePermille(requests.get(cell) ?? 0, available.get(cell) ?? 0)) / 1000 }));
  }

  @Mutation(() => [TripQuote], {
    description: 'What a trip would cost, one quote per class of ride, each good for ten minutes. Refused with OUTSIDE_SERVICE_AREA where we do not drive.',
  })
  async quoteTrip(@Arg('input', () => QuoteTripInput, { description: 'The trip.' }) input: QuoteTripInput, @Ctx() ctx: DispatchContext): Promise<TripQuote[]> {
    const { dispatch } = ctx.loaders;
    const ownerId = requirePerson(ctx.actor);
    const pickup = parseInput(pointSchema, input.pickup, 'input.pickup');
    const supply = await supplyAround(dispatch, pickup);
    return (await ctx.run((tx) => quoteTrip(tx, dispatch, ownerId, input, supply))).map(toQuote);
  }

  @Mutation(() => LocationAck, { description: 'Where you are. Refused with VALIDATION_ERROR when the point is not possible. For drivers.' })
  async updateLocation(
    @Arg('input', () => LocationInput, { description: 'The point.' }) input: LocationInput,
    @Ctx() ctx: DispatchContext,
  ): Promise<LocationAck> {
    const acknowledgement = await recordOwn(ctx, [input]);
    assertAccepted(acknowledgement);
    return toAck(acknowledgement);
  }

  @Mutation(() => LocationAck, { description: 'Where you have been while you were offline, up to 500 points in any order. For drivers.' })
  async updateLocations(
    @Arg('input', () => [LocationInput], { description: 'The points.' }) input: LocationInput[],
    @Ctx() ctx: DispatchContext,
  ): Promise<LocationAck> {
    return toAck(await recordOwn(ctx, input));
  }

  @Mutation(() => LocationAck, { description: 'Where many drivers are, up to 500 points. For service keys with the scope `locations:write`.' })
  async ingestLocations(
    @Arg('input', () => [DriverLocationInput], { description: 'The points.' }) input: DriverLocationInput[],
    @Ctx() ctx: DispatchContext,
  ): Promise<LocationAck> {
    const reports = input.map((point): Report => ({ ...point, driverId: uuidOf('drv', point.driverId) }));
    return toAck(await recordLocations(ctx.loaders.dispatch, reports, ctx.db.clock()));
  }
}

async function recordOwn(ctx: DispatchContext, input: readonly LocationInput[]): Promise<Acknowledgement> {
  const { dispatch } = ctx.loaders;
  const driverId = await dispatch.driverIdOf(requirePerson(ctx.actor));
  if (driverId === null) throw notRegistered();
  return recordLocations(
    dispatch,
    input.map((point) => ({ ...point, driverId })),
    ctx.db.clock(),
  );
}

function toAck({ accepted, rejections }: Acknowledgement): LocationAck {
  return { accepted, rejected: rejections.length, rejections };
}
