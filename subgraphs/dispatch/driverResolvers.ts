import { Arg, Ctx, FieldResolver, ID, Int, Mutation, Query, Resolver, Root } from 'type-graphql';
import { isSelfOrPrivileged } from '../../platform/actor.js';
import { parseInput } from '../../platform/errors.js';
import { type ConnectionSource, Point, PointInput } from '../../platform/graphqlTypes.js';
import { requireUuid } from '../../platform/ids.js';
import { encodeCursor, pageRequest, toPage } from '../../platform/page.js';
import { requirePerson } from './actors.js';
import type { DispatchContext } from './context.js';
import { approveDriver, goOffline, goOnline, registerDriver } from './driverCommands.js';
import { countDrivers, driverOfUser, findDrivers } from './driverQueries.js';
import { RegisterDriverInput } from './inputs.js';
import { recordLocations } from './locationCommands.js';
import { pointSchema } from './point.js';
import { toDriver } from './shapes.js';
import { Driver, DriverApproval, DriverConnection, DriverState } from './types.js';

@Resolver(() => Driver)
export class DriverResolver {
  @Query(() => Driver, { nullable: true, description: 'You as a driver; null until you have called `registerDriver`. For drivers.' })
  async myDriver(@Ctx() ctx: DispatchContext): Promise<Driver | null> {
    const row = await ctx.run((tx) => driverOfUser(tx.orm, requirePerson(ctx.actor)));
    return row ? toDriver(row) : null;
  }

  @Query(() => DriverConnection, { description: 'All drivers in the order of their registration. For admins.' })
  async drivers(
    @Ctx() ctx: DispatchContext,
    @Arg('approval', () => DriverApproval, { nullable: true, description: 'Only those.' }) approval?: keyof typeof DriverApproval,
    @Arg('first', () => Int, { nullable: true, description: 'How many: 20 when not given, at most 100.' }) first?: number,
    @Arg('after', () => String, { nullable: true, description: 'Cursor behind which the page begins.' }) after?: string,
  ): Promise<ConnectionSource<Driver>> {
    const page = pageRequest('drivers', first, after, 2);
    const found = await ctx.run((tx) => findDrivers(tx.orm, approval ?? null, page));
    const result = toPage(found, page, ({ driver, sortValue }) => encodeCursor('drivers', [sortValue, driver.id]));
    return {
      pageInfo: result.pageInfo,
      edges: result.edges.map(({ cursor, node }) => ({ cursor, node: toDriver(node.driver) })),
      nodes: result.nodes.map(({ driver }) => toDriver(driver)),
      totalCount: () => ctx.run((tx) => countDrivers(tx.orm, approval ?? null)),
    };
  }

  @FieldResolver(() => Point, { nullable: true, description: 'Where the driver is; null when not known, and when it is not your business (see `state`).' })
  async position(@Root() driver: Driver, @Ctx() ctx: DispatchContext): Promise<Point | null> {
    if (!(await mayFollow(driver, ctx))) return null;
    return (await ctx.loaders.dispatch.positions.lastSeen(driver.uuid))?.place ?? null;
  }

  @FieldResolver(() => DriverState, {
    nullable: true,
    description: 'What the driver does at the moment. For the driver, admins, and the rider of a trip that is on; null for others.',
  })
  async state(@Root() driver: Driver, @Ctx() ctx: DispatchContext): Promise<keyof typeof DriverState | null> {
    return (await mayFollow(driver, ctx)) ? driver.presentState : null;
  }

  @FieldResolver(() => Boolean, {
    nullable: true,
    description: "Whether the driver's device has sent anything in the last 30 seconds; null when it is not your business (see `state`).",
  })
  async connected(@Root() driver: Driver, @Ctx() ctx: DispatchContext): Promise<boolean | null> {
    return (await mayFollow(driver, ctx)) ? ctx.loaders.dispatch.positions.isPresent(driver.uuid) : null;
  }

  @Mutation(() => Driver, {
    description: 'Registers you and your car; then an admin has to approve you. The same input again answers with you as you are. For drivers.',
  })
  async registerDriver(
    @Arg('input', () => RegisterDriverInput, { description: 'Your car and licence.' }) input: RegisterDriverInput,
    @Ctx() ctx: DispatchContext,
  ): Promise<Driver> {
    return toDriver(await ctx.run((tx) => registerDriver(tx, requirePerson(ctx.actor), input)));
  }

  @Mutation(() => Driver, { description: 'Lets a driver go online. Refused with DOCUMENTS_MISSING while papers are missing that we ask for. For admins.' })
  async approveDriver(@Arg('id', () => ID, { description: 'Which driver.' }) id: string, @Ctx() ctx: DispatchContext): Promise<Driver> {
    const driverId = requireUuid('drv', id, 'driver');
    return toDriver(await ctx.run((tx) => approveDriver(tx, ctx.loaders.dispatch, driverId)));
  }

  @Mutation(() => Driver, { description: 'From now on you get offers: watch `driverOffers`, and send your position every few seconds. For drivers.' })
  async goOnline(@Arg('at', () => PointInput, { description: 'Where you are.' }) at: PointInput, @Ctx() ctx: DispatchContext): Promise<Driver> {
    const { dispatch } = ctx.loaders;
    const point = parseInput(pointSchema, at, 'at');
    const row = await ctx.run((tx) => goOnline(tx, dispatch, requirePerson(ctx.actor)));
    const now = ctx.db.clock();
    // The driver is online whether or not Redis takes this: the device's next point puts him on the map.
    await recordLocations(dispatch, [{ driverId: row.id, point, recordedAt: now }], now, 'live').catch((error: unknown) =>
      ctx.log.warn({ err: error }, 'first position not kept'),
    );
    return toDriver(row);
  }

  @Mutation(() => Driver, {
    description: 'From now on you get no offers; an open one counts as declined. Refused with ACTIVE_TRIP while you are on a trip. For drivers.',
  })
  async goOffline(@Ctx() ctx: DispatchContext): Promise<Driver> {
    return toDriver(await ctx.run((tx) => goOffline(tx, ctx.loaders.dispatch, requirePerson(ctx.actor))));
  }
}

/** Who once travelled with a driver knows the name and the car; where the driver is and what he does now is for those who travel with him now (ID-07b). */
async function mayFollow(driver: Driver, ctx: DispatchContext): Promise<boolean> {
  return isSelfOrPrivileged(ctx.actor, driver.userId) || ctx.loaders.isOnTripWith.load(driver.uuid);
}
