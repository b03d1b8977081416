import { Arg, Ctx, ID, Int, Mutation, Query, Resolver, Root, Subscription } from 'type-graphql';
import { publicId, requireUuid } from '../../platform/ids.js';
import type { DispatchContext } from './context.js';
import { driversByIds } from './driverQueries.js';
import { asSystem } from './elevation.js';
import { shareTrip, stopSharing, tripOfToken } from './shareCommands.js';
import { SharedDriver, SharedTrip, SharedTripUpdate, TripShare } from './shareTypes.js';
import { isTerminal } from './trip.js';
import { presentOf, type TripUpdateSource, watchSharedTrip } from './tripStream.js';

/** A message with the plate of the driver whom it is about. */
export interface SharedUpdateSource extends TripUpdateSource {
  plate: string | null;
}

@Resolver()
export class ShareResolver {
  @Query(() => SharedTrip, {
    nullable: true,
    description: 'A trip whose link somebody gave you; null when the link is wrong or too old, was taken back, or the trip is over. For anybody.',
  })
  async sharedTrip(
    @Arg('token', () => String, { description: 'The token in the link.' }) token: string,
    @Ctx() ctx: DispatchContext,
  ): Promise<SharedTrip | null> {
    const found = await ctx.run(async (tx) => {
      const { trip } = (await tripOfToken(tx, token)) ?? {};
      if (!trip || isTerminal(trip.status)) return null;
      const [driver] = trip.driverId ? await asSystem(tx, () => driversByIds(tx.orm, [trip.driverId ?? ''])) : [];
      return { trip, plate: driver?.plate ?? null };
    });
    if (!found) return null;
    return toShared({ ...(await presentOf(ctx.loaders.dispatch, found.trip, ctx.db.clock())), plate: found.plate });
  }

  @Mutation(() => TripShare, {
    description: 'Makes a link by which anybody may follow your trip until it ends. Refused with TRIP_OVER or TOO_MANY_SHARES. For its rider.',
  })
  async shareTrip(@Arg('tripId', () => ID, { description: 'Which trip.' }) tripId: string, @Ctx() ctx: DispatchContext): Promise<TripShare> {
    const uuid = requireUuid('trp', tripId, 'trip', 'tripId');
    return Object.assign(new TripShare(), await ctx.run((tx) => shareTrip(tx, uuid)));
  }

  @Mutation(() => Int, { description: 'Ends all links to your trip; answers how many there were. For its rider.' })
  async stopSharing(@Arg('tripId', () => ID, { description: 'Which trip.' }) tripId: string, @Ctx() ctx: DispatchContext): Promise<number> {
    const uuid = requireUuid('trp', tripId, 'trip', 'tripId');
    return ctx.run((tx) => stopSharing(tx, ctx.loaders.dispatch, uuid));
  }

  @Subscription(() => SharedTripUpdate, {
    description: 'News of a trip whose link somebody gave you, as `tripUpdates` has them. Ends with the trip and with the link. For anybody.',
    subscribe: ({ args, context }: { args: { token: string; afterSequence?: number | null }; context: DispatchContext }) =>
      watchSharedTrip(context, args.token, args.afterSequence ?? null),
  })
  async sharedTripUpdates(
    @Root() update: TripUpdateSource,
    @Ctx() ctx: DispatchContext,
    @Arg('token', () => String, { description: 'The token in the link.' }) _token: string,
    @Arg('afterSequence', () => Int, { nullable: true, description: 'The last `sequence` that you have.' }) _afterSequence?: number,
  ): Promise<SharedTripUpdate> {
    const { driverId } = update.trip;
    const [driver] = driverId ? await ctx.run((tx) => asSystem(tx, () => driversByIds(tx.orm, [driverId]))) : [];
    const { sequence, kind, at } = update;
    return Object.assign(new SharedTripUpdate(), toShared({ ...update, plate: driver?.plate ?? null }), { sequence, kind, at });
  }
}

function toShared({ status, trip, seen, etaSeconds, plate }: SharedUpdateSource): SharedTrip {
  const driver = trip.driverUserId && plate ? Object.assign(new SharedDriver(), { ref: publicId('usr', trip.driverUserId), plate }) : null;
  return Object.assign(new SharedTrip(), { status, driver, position: seen?.place ?? null, heading: seen?.heading ?? null, etaSeconds });
}
