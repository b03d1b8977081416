import { Arg, Ctx, Field, FieldResolver, ID, Mutation, ObjectType, Resolver, Root } from 'type-graphql';
import { isSelfOrPrivileged } from '../../platform/actor.js';
import { DateTime } from '../../platform/graphqlTypes.js';
import { requireUuid } from '../../platform/ids.js';
import type { DispatchContext } from './context.js';
import { toDriver } from './shapes.js';
import { openSuspension, suspendDriver } from './suspensionCommands.js';
import { Driver } from './types.js';

@ObjectType({ description: 'Why a driver may not drive at the moment. Visible to that driver and to admins.' })
export class DriverSuspension {
  @Field({ description: 'Why, in the words of an admin.' })
  reason!: string;

  @Field(() => DateTime, { description: 'Since when.' })
  suspendedAt!: Date;
}

@Resolver(() => Driver)
export class SuspensionResolver {
  @Mutation(() => Driver, {
    description:
      'Takes a driver off the road at once: open offers go to others. A trip that is on goes on to its end. `approveDriver` lets the driver back. ' +
      'Repeating it answers with the driver as he is. For admins.',
  })
  async suspendDriver(
    @Arg('id', () => ID, { description: 'Which driver.' }) id: string,
    @Arg('reason', { description: 'Why, in up to 500 characters. The driver reads it.' }) reason: string,
    @Ctx() ctx: DispatchContext,
  ): Promise<Driver> {
    const driverId = requireUuid('drv', id, 'driver');
    return toDriver(await ctx.run((tx) => suspendDriver(tx, ctx.loaders.dispatch, driverId, reason)));
  }

  @FieldResolver(() => DriverSuspension, {
    nullable: true,
    description: 'Why the driver may not drive; null when nobody has forbidden it, and for everybody but the driver and admins.',
  })
  async suspension(@Root() driver: Driver, @Ctx() ctx: DispatchContext): Promise<DriverSuspension | null> {
    if (!isSelfOrPrivileged(ctx.actor, driver.userId)) return null;
    const row = await ctx.run((tx) => openSuspension(tx.orm, driver.uuid));
    return row ? Object.assign(new DriverSuspension(), row) : null;
  }
}
