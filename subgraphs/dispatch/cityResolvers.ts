import { Ctx, FieldResolver, Query, Resolver, Root } from 'type-graphql';
import { isPrivileged, userIdOf } from '../../platform/actor.js';
import { uuidOf } from '../../platform/ids.js';
import { requirePerson } from './actors.js';
import { RepositionHint, RoutingState, TripReason } from './cityTypes.js';
import type { DispatchContext } from './context.js';
import { repositionHint } from './demandCommands.js';
import { notRegistered } from './driver.js';
import { driverOfUser } from './driverQueries.js';
import { reasonsOf } from './tripReasons.js';
import { Trip } from './types.js';

@Resolver(() => Trip)
export class CityResolver {
  @FieldResolver(() => TripReason, {
    nullable: true,
    description: 'Why this driver, and why this surge. For the rider, the driver and admins; null for others.',
  })
  async why(@Root() trip: Trip, @Ctx() ctx: DispatchContext): Promise<TripReason | null> {
    const userId = userIdOf(ctx.actor);
    const isParty = isPrivileged(ctx.actor) || (userId !== null && (userId === trip.riderId || userId === trip.driverUserId));
    const uuid = uuidOf('trp', trip.id);
    const row = isParty && uuid ? await ctx.loaders.trip.load(uuid) : null;
    return row && ctx.run((tx) => reasonsOf(tx, row));
  }

  @Query(() => RepositionHint, {
    nullable: true,
    description: 'Where you are more likely to be asked for in the next quarter hour; null when here, and while you are not free. For drivers.',
  })
  async repositionHint(@Ctx() ctx: DispatchContext): Promise<RepositionHint | null> {
    const { dispatch } = ctx.loaders;
    const userId = requirePerson(ctx.actor);
    const driver = await ctx.run((tx) => driverOfUser(tx.orm, userId));
    if (!driver) throw notRegistered();
    const seen = driver.state === 'AVAILABLE' ? await dispatch.positions.lastSeen(driver.id) : null;
    if (!seen) return null;
    const available = await dispatch.supply.byCell();
    return ctx.run((tx) => repositionHint(tx, dispatch, driver.id, seen.place, available));
  }

  @Query(() => RoutingState, { description: 'Whether ways come from the routing server or from our own model. For admins.' })
  routingState(@Ctx() ctx: DispatchContext): RoutingState {
    const { adapter, breaker, answered } = ctx.loaders.dispatch.routing.state();
    return { adapter, breaker, answeredByServer: answered.server, answeredByCache: answered.cache, answeredByModel: answered.model };
  }
}
