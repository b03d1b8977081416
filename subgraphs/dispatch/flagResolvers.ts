import { Arg, Ctx, FieldResolver, ID, Int, Query, Resolver, Root } from 'type-graphql';
import { isSelfOrPrivileged } from '../../platform/actor.js';
import type { ConnectionSource } from '../../platform/graphqlTypes.js';
import { publicId, requireUuid } from '../../platform/ids.js';
import { encodeCursor, pageRequest, toPage } from '../../platform/page.js';
import type { DispatchContext } from './context.js';
import { DriverStanding, LocationFlag, LocationFlagConnection } from './flagTypes.js';
import { countFlags, findFlags, type LocationFlagRow } from './locationFlags.js';
import { distanceM } from './point.js';
import { toDriver } from './shapes.js';
import { Driver } from './types.js';

@Resolver(() => LocationFlag)
export class LocationFlagResolver {
  @Query(() => LocationFlagConnection, { description: 'Points that cannot be true, the newest first. For admins.' })
  async locationFlags(
    @Ctx() ctx: DispatchContext,
    @Arg('driverId', () => ID, { nullable: true, description: 'Only of this driver.' }) driverId?: string,
    @Arg('first', () => Int, { nullable: true, description: 'How many: 20 when not given, at most 100.' }) first?: number,
    @Arg('after', () => String, { nullable: true, description: 'Cursor behind which the page begins.' }) after?: string,
  ): Promise<ConnectionSource<LocationFlag>> {
    const page = pageRequest('flags', first, after, 2);
    const driver = driverId == null ? null : requireUuid('drv', driverId, 'driver', 'driverId');
    const found = await ctx.run((tx) => findFlags(tx.orm, driver, page));
    const result = toPage(found, page, ({ flag, sortValue }) => encodeCursor('flags', [sortValue, flag.id]));
    return {
      pageInfo: result.pageInfo,
      edges: result.edges.map(({ cursor, node }) => ({ cursor, node: toFlag(node.flag) })),
      nodes: result.nodes.map(({ flag }) => toFlag(flag)),
      totalCount: () => ctx.run((tx) => countFlags(tx.orm, driver)),
    };
  }

  @FieldResolver(() => Driver, { nullable: true, description: 'Whose points they are.' })
  async driver(@Root() flag: LocationFlag, @Ctx() ctx: DispatchContext): Promise<Driver | null> {
    const row = await ctx.loaders.driver.load(flag.driverUuid);
    return row && toDriver(row);
  }
}

@Resolver(() => Driver)
export class DriverStandingResolver {
  @FieldResolver(() => DriverStanding, {
    nullable: true,
    description: 'Whether this driver is trusted, and so gets offers; null for everybody but the driver and admins.',
  })
  async standing(@Root() driver: Driver, @Ctx() ctx: DispatchContext): Promise<keyof typeof DriverStanding | null> {
    if (!isSelfOrPrivileged(ctx.actor, driver.userId)) return null;
    const row = await ctx.loaders.driver.load(driver.uuid);
    return (row?.standing as keyof typeof DriverStanding | undefined) ?? null;
  }
}

function toFlag(row: LocationFlagRow): LocationFlag {
  const to = { lat: row.toLat, lng: row.toLng };
  const from = row.fromLat === null || row.fromLng === null ? null : { lat: row.fromLat, lng: row.fromLng };
  const seconds = row.fromAt === null ? 0 : (row.toAt.getTime() - row.fromAt.getTime()) / 1000;
  return Object.assign(new LocationFlag(), {
    ...row,
    id: publicId('lfl', row.id),
    driverUuid: row.driverId,
    from,
    to,
    speedKmh: from && seconds > 0 ? Math.round((distanceM(from, to) / seconds) * 3.6) : null,
  });
}
