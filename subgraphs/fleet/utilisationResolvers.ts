import { Arg, Ctx, Field, FieldResolver, Float, ObjectType, Resolver, Root } from 'type-graphql';
import type { Context } from '../../platform/context.js';
import { Refusal } from '../../platform/errors.js';
import { CalendarDate } from '../../platform/graphqlTypes.js';
import { uuidOf } from '../../platform/ids.js';
import type { FleetLoaders } from './resolvers.js';
import { Station, Vehicle } from './types.js';
import { utilisation } from './utilisationQueries.js';

@ObjectType({ description: 'How much cars are out with customers on one day.' })
export class UtilisationDay {
  @Field(() => CalendarDate, { description: 'The day, by the clock of the station.' })
  date!: string;

  @Field(() => Float, { description: 'Days of cars that are booked: a car that is out for six hours counts a quarter.' })
  booked!: number;

  @Field(() => Float, { description: 'Days of cars that there are.' })
  available!: number;
}

@ObjectType({ description: 'How much cars are out with customers: a series for a chart.' })
export class Utilisation {
  @Field(() => Float, { description: 'Booked days of all available ones, 0 to 1; 0 when there is no car.' })
  share!: number;

  @Field(() => [UtilisationDay], { description: 'Each day, in order.' })
  days!: UtilisationDay[];
}

const MAX_DAYS = 366;
const DAY_MS = 86_400_000;

/** @throws Refusal VALIDATION_ERROR for days that are in the wrong order, or too many */
function assertDays(from: string, to: string): void {
  const days = (Date.parse(to) - Date.parse(from)) / DAY_MS + 1;
  if (days >= 1 && days <= MAX_DAYS) return;
  throw new Refusal('VALIDATION_ERROR', `to: must be \`from\` or up to ${MAX_DAYS - 1} days after it.`, { details: { field: 'to', rule: 'days' } });
}

async function utilisationOf(ctx: Context<FleetLoaders>, of: { vehicleId: string } | { stationId: string }, from: string, to: string): Promise<Utilisation> {
  assertDays(from, to);
  const days = await ctx.run((tx) => utilisation(tx.orm, of, from, to, tx.now));
  const sum = (key: 'booked' | 'available') => days.reduce((total, day) => total + day[key], 0);
  const available = sum('available');
  return Object.assign(new Utilisation(), {
    share: available > 0 ? Math.round((sum('booked') / available) * 10_000) / 10_000 : 0,
    days: days.map(({ day, booked, available: cars }) => Object.assign(new UtilisationDay(), { date: day, booked, available: cars })),
  });
}

@Resolver(() => Vehicle)
export class VehicleUtilisationResolver {
  @FieldResolver(() => Utilisation, { nullable: true, description: 'How much it is out with customers, over at most 366 days. For admins.' })
  async utilisation(
    @Root() vehicle: Vehicle,
    @Ctx() ctx: Context<FleetLoaders>,
    @Arg('from', () => CalendarDate, { description: 'First day.' }) from: string,
    @Arg('to', () => CalendarDate, { description: 'Last day.' }) to: string,
  ): Promise<Utilisation | null> {
    const vehicleId = uuidOf('veh', vehicle.id);
    return vehicleId === null ? null : utilisationOf(ctx, { vehicleId }, from, to);
  }
}

@Resolver(() => Station)
export class StationUtilisationResolver {
  @FieldResolver(() => Utilisation, { nullable: true, description: 'How much its cars are out with customers, over at most 366 days. For admins.' })
  async utilisation(
    @Root() station: Station,
    @Ctx() ctx: Context<FleetLoaders>,
    @Arg('from', () => CalendarDate, { description: 'First day.' }) from: string,
    @Arg('to', () => CalendarDate, { description: 'Last day.' }) to: string,
  ): Promise<Utilisation | null> {
    const stationId = uuidOf('stn', station.id);
    return stationId === null ? null : utilisationOf(ctx, { stationId }, from, to);
  }
}
