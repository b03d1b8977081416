import { Arg, Ctx, Float, Int, Mutation, Query, Resolver } from 'type-graphql';
import { z } from 'zod';
import { parseInput } from '../../platform/errors.js';
import { PointInput } from '../../platform/graphqlTypes.js';
import { uuidOf } from '../../platform/ids.js';
import { requirePerson } from './actors.js';
import { raisedCells, type SurgeCellRow, surgeOf } from './cityQueries.js';
import type { DispatchContext } from './context.js';
import { notRegistered } from './driver.js';
import { DriverLocationInput, LocationInput, QuoteTripInput } from './inputs.js';
import { type Acknowledgement, assertAccepted, recordLocations } from './locationCommands.js';
import type { Report, ReportKind } from './locationReport.js';
import { LocationAck, NearbyDriver, SurgeCell, TripQuote } from './mapTypes.js';
import { distanceM, pointSchema } from './point.js';
import type { NearbyDriver as Nearby } from './ringSearch.js';
import { planTrip, quoteTrip } from './quoteCommands.js';
import { toQuote } from './shapes.js';
import { cellsAround, shapeOf, surgeReason } from './surge.js';
import { VehicleType } from './types.js';
import { VEHICLE_TYPES } from './vehicleType.js';

const MAX_RADIUS_KM = 50;
const DEFAULT_RADIUS_KM = 5;
const MAX_FIRST = 100;
const DEFAULT_FIRST = 20;
/** A surge map this large has about 430 cells. */
const MAX_SURGE_RADIUS_KM = 10;
const DEFAULT_SURGE_RADIUS_KM = 3;
const MAX_CITY_RADIUS_KM = 60;

const radius = (max: number, fallback: number) =>
  z
    .number()
    .positive('must be above zero')
    .max(max, `must not be above ${max} km`)
    .nullish()
    .transform((km) => km ?? fallback);
export const nearbySchema = z.object({
  near: pointSchema,
  radiusKm: radius(MAX_RADIUS_KM, DEFAULT_RADIUS_KM),
  first: z
    .int()
    .min(0, `must be 0 to ${MAX_FIRST}`)
    .max(MAX_FIRST, `must be 0 to ${MAX_FIRST}`)
    .nullish()
    .transform((first) => first ?? DEFAULT_FIRST),
});
const raisedSchema = z.object({ near: pointSchema, radiusKm: radius(MAX_CITY_RADIUS_KM, MAX_CITY_RADIUS_KM) });
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
    return found.map(toNearby);
  }

  @Query(() => [SurgeCell], { description: 'Demand around a place, cell by cell, as prices know it.' })
  async surgeMap(
    @Ctx() ctx: DispatchContext,
    @Arg('near', () => PointInput, { description: 'The place.' }) near: PointInput,
    @Arg('radiusKm', () => Float, { nullable: true, description: 'How far around it: 3 km when not given, at most 10; 60 with `onlyRaised`.' })
    radiusKm?: number,
    @Arg('onlyRaised', () => Boolean, { nullable: true, description: 'Only cells where surge is above 1.0: for a map of the whole city.' })
    onlyRaised?: boolean,
  ): Promise<SurgeCell[]> {
    const area = parseInput(onlyRaised ? raisedSchema : surgeSchema, { near, radiusKm }, '');
    if (onlyRaised) {
      const raised = await ctx.run((tx) => raisedCells(tx.orm));
      return raised.map((row) => toSurgeCell(row.cell, row)).filter((cell) => distanceM(area.near, cell.center) <= area.radiusKm * 1000);
    }
    const cells = cellsAround(area.near, area.radiusKm);
    const surge = await ctx.run((tx) => surgeOf(tx.orm, cells));
    return cells.map((cell) => toSurgeCell(cell, surge.get(cell)));
  }

  @Mutation(() => [TripQuote], {
    description:
      'What a trip would cost, one quote per class of ride, each good for ten minutes. Refused with OUTSIDE_SERVICE_AREA where we do not drive, and NO_ROUTE where no street leads.',
  })
  async quoteTrip(@Arg('input', () => QuoteTripInput, { description: 'The trip.' }) input: QuoteTripInput, @Ctx() ctx: DispatchContext): Promise<TripQuote[]> {
    const { dispatch } = ctx.loaders;
    const ownerId = requirePerson(ctx.actor);
    // The routing server is asked before the transaction begins: a slow one must not hold a connection of the database.
    const plan = await planTrip(dispatch, input, ctx.db.clock());
    return (await ctx.run((tx) => quoteTrip(tx, dispatch, ownerId, plan))).map(toQuote);
  }

  @Mutation(() => LocationAck, { description: 'Where you are. Refused with VALIDATION_ERROR when the point is not possible, or cannot be true. For drivers.' })
  async updateLocation(
    @Arg('input', () => LocationInput, { description: 'The point.' }) input: LocationInput,
    @Ctx() ctx: DispatchContext,
  ): Promise<LocationAck> {
    const acknowledgement = await recordOwn(ctx, [input], 'live');
    assertAccepted(acknowledgement);
    return toAck(acknowledgement);
  }

  @Mutation(() => LocationAck, { description: 'Where you have been while you were offline, up to 500 points in any order. For drivers.' })
  async updateLocations(
    @Arg('input', () => [LocationInput], { description: 'The points.' }) input: LocationInput[],
    @Ctx() ctx: DispatchContext,
  ): Promise<LocationAck> {
    return toAck(await recordOwn(ctx, input, 'offline'));
  }

  @Mutation(() => LocationAck, { description: 'Where many drivers are, up to 500 points. For service keys with the scope `locations:write`.' })
  async ingestLocations(
    @Arg('input', () => [DriverLocationInput], { description: 'The points.' }) input: DriverLocationInput[],
    @Ctx() ctx: DispatchContext,
  ): Promise<LocationAck> {
    const reports = input.map((point): Report => ({ ...point, driverId: uuidOf('drv', point.driverId) }));
    return toAck(await recordLocations(ctx.loaders.dispatch, reports, ctx.db.clock(), 'offline'));
  }
}

/** What the public may know of a driver: no identity. */
export function toNearby(driver: Nearby): NearbyDriver {
  return { position: driver.place, heading: driver.heading, distanceM: driver.distanceM, vehicleType: driver.vehicleType, lastSeenAt: driver.at };
}

async function recordOwn(ctx: DispatchContext, input: readonly LocationInput[], kind: ReportKind): Promise<Acknowledgement> {
  const { dispatch } = ctx.loaders;
  const driverId = await dispatch.drivers.idOf(requirePerson(ctx.actor));
  if (driverId === null) throw notRegistered();
  return recordLocations(
    dispatch,
    input.map((point) => ({ ...point, driverId })),
    ctx.db.clock(),
    kind,
  );
}

function toSurgeCell(cell: string, row: SurgeCellRow | undefined): SurgeCell {
  return { cell, ...shapeOf(cell), surge: (row?.surgePermille ?? 1_000) / 1000, surgeReason: row ? surgeReason(row) : null };
}

function toAck({ accepted, rejections }: Acknowledgement): LocationAck {
  return { accepted, rejected: rejections.length, rejections };
}
