import { Arg, Ctx, Field, FieldResolver, Float, Int, ObjectType, Query, Resolver, Root } from 'type-graphql';
import { Refusal } from '../../platform/errors.js';
import { DateTime } from '../../platform/graphqlTypes.js';
import type { DispatchContext } from './context.js';
import { declineReasons, matchingMetrics, SLO_SHARE, tripsPerDriver, utilisationOf } from './metricsQueries.js';
import { toDriver } from './shapes.js';
import { Driver } from './types.js';

/** Longest time that one question may be about. */
const MAX_DAYS = 92;

@ObjectType({ description: 'How many trips a driver completed.' })
export class DriverTrips {
  @Field(() => Int, { description: 'How many.' })
  trips!: number;

  /** For the resolver; not part of the schema. */
  driverId!: string;
}

@ObjectType({ description: 'How often a reason for declining was given.' })
export class DeclineReason {
  @Field(() => String, { nullable: true, description: 'The reason, in lower case; null when none was given.' })
  reason!: string | null;

  @Field(() => Int, { description: 'How often.' })
  times!: number;
}

@ObjectType({ description: 'How well trips find drivers, over the trips that were requested in a time.' })
export class MatchingMetrics {
  @Field(() => Int, { description: 'Trips requested.' })
  requested!: number;

  @Field(() => Int, { description: 'Of these, how many a driver took.' })
  matched!: number;

  @Field(() => Int, { description: 'Of these, for how many nobody was found.' })
  noDrivers!: number;

  @Field(() => Int, { description: 'Of these, how many were cancelled before a driver took them.' })
  cancelledWhileSearching!: number;

  @Field(() => Float, { nullable: true, description: 'Median time to the first offer, in milliseconds.' })
  firstOfferP50Ms!: number | null;

  @Field(() => Float, { nullable: true, description: '99th percentile of the time to the first offer, in milliseconds.' })
  firstOfferP99Ms!: number | null;

  @Field(() => Float, { nullable: true, description: 'Median time until a driver took the trip, in milliseconds.' })
  acceptP50Ms!: number | null;

  @Field(() => Float, { nullable: true, description: '99th percentile of the time until a driver took the trip, in milliseconds.' })
  acceptP99Ms!: number | null;

  @Field(() => Float, { nullable: true, description: 'Share of the matched trips that a driver of the first round took, 0 to 1.' })
  firstRoundShare!: number | null;

  @Field(() => Float, { nullable: true, description: 'Share of trips matched within 60 s, without those that riders cancelled before, 0 to 1.' })
  withinSloShare!: number | null;

  @Field(() => Boolean, { nullable: true, description: 'Whether that is 0.8 or more, as promised; null when there was no trip.' })
  sloMet!: boolean | null;

  @Field(() => Int, { description: 'Drivers who were online.' })
  driversOnline!: number;

  @Field(() => Float, { nullable: true, description: 'Share of their time online that drivers were on trips, 0 to 1; null when nobody was online.' })
  utilisation!: number | null;

  @Field(() => [DriverTrips], { description: 'The drivers with the most completed trips, at most 20.' })
  tripsPerDriver!: DriverTrips[];

  @Field(() => [DeclineReason], { description: 'Why drivers declined, the commonest reasons first, at most 20.' })
  declineReasons!: DeclineReason[];
}

@Resolver(() => DriverTrips)
export class MetricsResolver {
  @FieldResolver(() => Driver, { nullable: true, description: 'The driver.' })
  async driver(@Root() { driverId }: DriverTrips, @Ctx() ctx: DispatchContext): Promise<Driver | null> {
    const row = await ctx.loaders.driver.load(driverId);
    return row ? toDriver(row) : null;
  }

  @Query(() => MatchingMetrics, { description: 'How well trips find drivers. For admins.' })
  async matchingMetrics(
    @Arg('from', () => DateTime, { description: 'Trips requested from then on.' }) from: Date,
    @Arg('to', () => DateTime, { description: 'Trips requested before; at most 92 days later.' }) to: Date,
    @Ctx() ctx: DispatchContext,
  ): Promise<MatchingMetrics> {
    const days = (to.getTime() - from.getTime()) / 86_400_000;
    if (!(days > 0 && days <= MAX_DAYS)) {
      throw new Refusal('VALIDATION_ERROR', `to: must be after \`from\`, by ${MAX_DAYS} days at most.`, { details: { field: 'to', rule: 'range' } });
    }
    return ctx.run(async (tx) => {
      const metrics = await matchingMetrics(tx.orm, from, to, tx.now);
      // What is still to come counts for nobody: time online is counted to now at most.
      const { onlineSeconds, busySeconds, drivers } = await utilisationOf(tx.orm, from, to < tx.now ? to : tx.now);
      return Object.assign(new MatchingMetrics(), metrics, {
        sloMet: metrics.withinSloShare === null ? null : metrics.withinSloShare >= SLO_SHARE,
        driversOnline: drivers,
        utilisation: onlineSeconds > 0 ? Math.min(1, busySeconds / onlineSeconds) : null,
        tripsPerDriver: (await tripsPerDriver(tx.orm, from, to)).map((row) => Object.assign(new DriverTrips(), row)),
        declineReasons: await declineReasons(tx.orm, from, to),
      });
    });
  }
}
