import { Arg, Ctx, Field, FieldResolver, ID, Mutation, ObjectType, Query, registerEnumType, Resolver, Root } from 'type-graphql';
import { DateTime } from '../../platform/graphqlTypes.js';
import { requireUuid } from '../../platform/ids.js';
import { requirePerson } from './actors.js';
import type { DispatchContext } from './context.js';
import { forgetDriver, PREFERENCES, type Preference, type PreferenceRow, preferDriver, preferencesOf } from './preferenceCommands.js';
import { toDriver } from './shapes.js';
import { Driver, enumOf } from './types.js';

const DriverPreferenceKind = enumOf(PREFERENCES);
registerEnumType(DriverPreferenceKind, {
  name: 'DriverPreferenceKind',
  description: 'FAVOURITE is asked before others who are as good; BLOCKED is never asked for your trips.',
});

@ObjectType({ description: 'What a rider thinks of a driver. Visible to the rider alone.' })
export class DriverPreference {
  @Field(() => DriverPreferenceKind, { description: 'What the rider thinks.' })
  kind!: Preference;

  @Field(() => DateTime, { description: 'Since when.' })
  since!: Date;

  /** For the resolver; not part of the schema. */
  driverId!: string;
}

@Resolver(() => DriverPreference)
export class PreferenceResolver {
  @FieldResolver(() => Driver, { nullable: true, description: 'The driver.' })
  async driver(@Root() preference: DriverPreference, @Ctx() ctx: DispatchContext): Promise<Driver | null> {
    const row = await ctx.loaders.driver.load(preference.driverId);
    return row ? toDriver(row) : null;
  }

  @Query(() => [DriverPreference], { description: 'Drivers that you like or have blocked, the newest first; at most 200.' })
  async myDrivers(@Ctx() ctx: DispatchContext): Promise<DriverPreference[]> {
    return (await ctx.run((tx) => preferencesOf(tx, requirePerson(ctx.actor)))).map(toPreference);
  }

  @Mutation(() => DriverPreference, { description: 'You like the driver of this trip. For its rider.' })
  async favouriteDriver(@Arg('tripId', () => ID, { description: 'Which trip.' }) tripId: string, @Ctx() ctx: DispatchContext): Promise<DriverPreference> {
    return prefer(ctx, tripId, 'FAVOURITE');
  }

  @Mutation(() => DriverPreference, { description: 'You do not want the driver of this trip again. For its rider.' })
  async blockDriver(@Arg('tripId', () => ID, { description: 'Which trip.' }) tripId: string, @Ctx() ctx: DispatchContext): Promise<DriverPreference> {
    return prefer(ctx, tripId, 'BLOCKED');
  }

  @Mutation(() => Boolean, { description: 'Takes back `favouriteDriver` or `blockDriver`; whether there was something to take back.' })
  async forgetDriver(@Arg('driverId', () => ID, { description: 'Which driver.' }) driverId: string, @Ctx() ctx: DispatchContext): Promise<boolean> {
    const uuid = requireUuid('drv', driverId, 'driver', 'driverId');
    requirePerson(ctx.actor);
    return ctx.run((tx) => forgetDriver(tx, uuid));
  }
}

async function prefer(ctx: DispatchContext, tripId: string, kind: Preference): Promise<DriverPreference> {
  const uuid = requireUuid('trp', tripId, 'trip', 'tripId');
  requirePerson(ctx.actor);
  return toPreference(await ctx.run((tx) => preferDriver(tx, uuid, kind)));
}

function toPreference({ driverId, kind, since }: PreferenceRow): DriverPreference {
  return Object.assign(new DriverPreference(), { driverId, kind, since });
}
