import { Field, ID, InputType, Int, ObjectType } from 'type-graphql';
import { CalendarDate, DateTime } from '../../platform/graphqlTypes.js';
import { BookingStatus, Vehicle } from './types.js';

@ObjectType({ description: 'A time for which the company keeps a vehicle from customers.' })
export class VehicleBlock {
  @Field(() => ID, { description: 'Id of the block: `blk_…`.' })
  id!: string;

  @Field(() => Vehicle, { nullable: true, description: 'The vehicle. Null only when it cannot be read at the moment.' })
  vehicle!: Vehicle;

  @Field(() => DateTime, { description: 'From then on.' })
  from!: Date;

  @Field(() => DateTime, { description: 'Until then, not included.' })
  to!: Date;

  @Field({ description: 'Why.' })
  reason!: string;

  @Field(() => DateTime, { nullable: true, description: 'When it was lifted; null while it stands.' })
  liftedAt!: Date | null;
}

@ObjectType({ description: 'A code that makes rentals cheaper.' })
export class Promotion {
  @Field({ description: 'The code, in capitals.' })
  code!: string;

  @Field(() => Int, { description: 'Percent off the rental, after the discount for its length.' })
  percent!: number;

  @Field(() => DateTime, { description: 'Good for quotes from then on.' })
  validFrom!: Date;

  @Field(() => DateTime, { description: 'Until then, not included.' })
  validTo!: Date;
}

@ObjectType({ description: 'One day of a vehicle.' })
export class VehicleDay {
  @Field(() => CalendarDate, { description: "The day, by the clock of the vehicle's station." })
  date!: string;

  @Field(() => Int, { description: 'Minutes of it that are taken, preparation included.' })
  busyMinutes!: number;

  @Field(() => Int, { description: 'Minutes that the day has: 1440, unless clocks are changed in it.' })
  minutes!: number;
}

@ObjectType({ description: 'One day of a station.' })
export class StationDay {
  @Field(() => CalendarDate, { description: 'The day, by the clock of the station.' })
  date!: string;

  @Field(() => Int, { description: 'Cars that belong to the station.' })
  vehicles!: number;

  @Field(() => Int, { description: 'Of these, cars that are taken at any time of the day.' })
  taken!: number;

  @Field(() => Int, { description: 'Pick-ups there that are due on it, or were.' })
  pickups!: number;

  @Field(() => Int, { description: 'Returns there that are due on it, or were, wherever the car comes from.' })
  returns!: number;
}

@InputType({ description: 'Which bookings; everything that is given must hold.' })
export class BookingFilter {
  @Field(() => ID, { nullable: true, description: 'Of this vehicle.' })
  vehicleId?: string | null;

  @Field(() => ID, { nullable: true, description: 'Picked up at this station, or brought back to it.' })
  stationId?: string | null;

  @Field(() => CalendarDate, { nullable: true, description: 'That have any moment of this day, by the clock of the station.' })
  day?: string | null;

  @Field(() => BookingStatus, { nullable: true, description: 'With this status.' })
  status?: keyof typeof BookingStatus | null;
}

@InputType({ description: 'A vehicle to be kept from customers.' })
export class BlockVehicleInput {
  @Field(() => ID, { description: 'Which vehicle.' })
  vehicleId!: string;

  @Field(() => DateTime, { description: 'From then on.' })
  from!: Date;

  @Field(() => DateTime, { description: 'Until then, at most 366 days later.' })
  to!: Date;

  @Field({ description: 'Why, in at most 200 characters.' })
  reason!: string;
}

@InputType({ description: 'A promotion to be made or changed.' })
export class SavePromotionInput {
  @Field({ description: 'The code: 3 to 40 letters, digits and dashes.' })
  code!: string;

  @Field(() => Int, { description: 'Percent off, 1 to 90.' })
  percent!: number;

  @Field(() => DateTime, { description: 'Good for quotes from then on.' })
  validFrom!: Date;

  @Field(() => DateTime, { description: 'Until then, not included.' })
  validTo!: Date;
}
