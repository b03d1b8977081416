import { Arg, Ctx, FieldResolver, ID, Int, Mutation, Query, Resolver, Root } from 'type-graphql';
import { isPrivileged, isSelfOrPrivileged } from '../../platform/actor.js';
import { publicId, requireUuid } from '../../platform/ids.js';
import { placeInQueue, queueLength } from './airportQueue.js';
import type { DispatchContext } from './context.js';
import { Driver } from './types.js';
import type { ZoneKind } from './zone.js';
import { createZone, retireZone } from './zoneCommands.js';
import { activeZones, type ZoneRow } from './zoneQueries.js';
import { AirportQueuePlace, CreateZoneInput, Zone, ZoneKindType } from './zoneTypes.js';

function toZone(row: ZoneRow): Zone {
  return Object.assign(new Zone(), { ...row, id: publicId('zon', row.id), uuid: row.id });
}

@Resolver(() => Zone)
export class ZoneResolver {
  @Query(() => [Zone], { description: 'The areas of the map that are in force: where we drive, where nobody is picked up, where drivers wait in line.' })
  async zones(
    @Ctx() ctx: DispatchContext,
    @Arg('kind', () => ZoneKindType, { nullable: true, description: 'Only of this kind.' }) kind?: ZoneKind,
  ): Promise<Zone[]> {
    return (await ctx.run((tx) => activeZones(tx.orm, kind ?? undefined))).map(toZone);
  }

  @Mutation(() => Zone, {
    description: 'Draws an area of the map, in force at once. Refused with VALIDATION_ERROR when it is not a simple polygon. For admins.',
  })
  async createZone(@Arg('input', () => CreateZoneInput, { description: 'The area.' }) input: CreateZoneInput, @Ctx() ctx: DispatchContext): Promise<Zone> {
    return toZone(await ctx.run((tx) => createZone(tx, ctx.loaders.dispatch, input)));
  }

  @Mutation(() => Zone, { description: 'Takes an area out of force. Repeating it answers with the area as it is. For admins.' })
  async retireZone(@Arg('id', () => ID, { description: 'Which area.' }) id: string, @Ctx() ctx: DispatchContext): Promise<Zone> {
    const zoneId = requireUuid('zon', id, 'zone');
    return toZone(await ctx.run((tx) => retireZone(tx, ctx.loaders.dispatch, zoneId)));
  }

  @FieldResolver(() => Int, { nullable: true, description: 'How many drivers wait in line there. For admins; null for others, and where there is no line.' })
  async waitingDrivers(@Root() zone: Zone, @Ctx() ctx: DispatchContext): Promise<number | null> {
    if (!isPrivileged(ctx.actor) || zone.kind !== 'AIRPORT_QUEUE') return null;
    return ctx.run((tx) => queueLength(tx.orm, zone.uuid));
  }
}

@Resolver(() => Driver)
export class DriverQueueResolver {
  @FieldResolver(() => AirportQueuePlace, {
    nullable: true,
    description: "The driver's place in line at an airport; null when not in one, and for everybody but the driver and admins.",
  })
  async airportQueue(@Root() driver: Driver, @Ctx() ctx: DispatchContext): Promise<AirportQueuePlace | null> {
    if (!isSelfOrPrivileged(ctx.actor, driver.userId)) return null;
    const place = await ctx.run((tx) => placeInQueue(tx, driver.uuid));
    return place && Object.assign(new AirportQueuePlace(), { ...place, zone: toZone(place.zone) });
  }
}
