import { Arg, Ctx, Field, FieldResolver, ID, InputType, Int, Mutation, ObjectType, Resolver, Root } from 'type-graphql';
import { z } from 'zod';
import type { Context } from '../../platform/context.js';
import { parseInput, Refusal } from '../../platform/errors.js';
import { DateTime, Point, PointInput } from '../../platform/graphqlTypes.js';
import { uuidOf } from '../../platform/ids.js';
import { type ReportedPosition, reportPositions } from './positionCommands.js';
import type { FleetLoaders } from './resolvers.js';
import { Vehicle } from './types.js';
import { pointSchema } from './vehicle.js';

/** Positions of one call. */
const MAX_REPORTS = 100;
/** How far the clock of a box may be ahead of ours. */
const CLOCK_SKEW_MS = 60_000;

@InputType({ description: 'Where a rental car is, as the box in it says.' })
export class VehiclePositionInput {
  @Field(() => ID, { description: 'Which vehicle.' })
  vehicleId!: string;

  @Field(() => PointInput, { description: 'Where it is.' })
  point!: PointInput;

  @Field(() => DateTime, { description: 'When it was there; not in the future.' })
  at!: Date;
}

@ObjectType({ description: 'Where a rental car last said that it is.' })
export class VehiclePosition {
  @Field(() => Point, { description: 'Where.' })
  point!: Point;

  @Field(() => DateTime, { description: 'When.' })
  at!: Date;
}

const reportsSchema = z.object({
  positions: z
    .array(z.object({ point: pointSchema }))
    .min(1)
    .max(MAX_REPORTS),
});

@Resolver(() => Vehicle)
export class PositionResolver {
  @FieldResolver(() => VehiclePosition, { nullable: true, description: 'Where the box in it last said that it is; null when it never did. For admins.' })
  async lastPosition(@Root() vehicle: Vehicle, @Ctx() ctx: Context<FleetLoaders>): Promise<VehiclePosition | null> {
    const uuid = uuidOf('veh', vehicle.id);
    const row = uuid && (await ctx.loaders.lastPosition.load(uuid));
    return row ? Object.assign(new VehiclePosition(), { point: { lat: row.lat, lng: row.lng }, at: row.at }) : null;
  }

  @Mutation(() => Int, {
    description:
      'Takes where rental cars are, up to 100 at once, from the boxes in them; answers how many were kept. Older ones than known, and cars that are not of the ' +
      'rental fleet, are passed over. Needs an API key with the scope `locations:write`.',
  })
  async reportVehiclePositions(
    @Arg('positions', () => [VehiclePositionInput], { description: 'Which cars are where.' }) positions: VehiclePositionInput[],
    @Ctx() ctx: Context<FleetLoaders>,
  ): Promise<number> {
    parseInput(reportsSchema, { positions }, '');
    const latest = ctx.db.clock().getTime() + CLOCK_SKEW_MS;
    const early = positions.findIndex(({ at }) => at.getTime() > latest);
    if (early >= 0) {
      throw new Refusal('VALIDATION_ERROR', `positions.${early}.at: must not be in the future.`, { details: { field: `positions.${early}.at`, rule: 'past' } });
    }
    const reports = positions.flatMap(({ vehicleId, point, at }): ReportedPosition[] => {
      const uuid = uuidOf('veh', vehicleId);
      return uuid === null ? [] : [{ vehicleId: uuid, lat: point.lat, lng: point.lng, at }];
    });
    return reports.length === 0 ? 0 : ctx.run((tx) => reportPositions(tx, reports));
  }
}
