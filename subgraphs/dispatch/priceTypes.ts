import { Field, Float, ID, InputType, Int, ObjectType } from 'type-graphql';
import { DateTime, Money, MoneyInput, Point, PointInput } from '../../platform/graphqlTypes.js';
import { VehicleType } from './types.js';

@ObjectType({ description: 'What a class of ride costs over a period.' })
export class FareRate {
  @Field(() => VehicleType, { description: 'Of this class of ride.' })
  vehicleType!: keyof typeof VehicleType;

  @Field(() => DateTime, { description: 'From when on.' })
  from!: Date;

  @Field(() => DateTime, { nullable: true, description: 'Until when; null until another table takes its place.' })
  until!: Date | null;

  @Field(() => Money, { description: 'For getting in.' })
  base!: Money;

  @Field(() => Money, { description: 'Per kilometre.' })
  perKm!: Money;

  @Field(() => Money, { description: 'Per minute of the ride.' })
  perMinute!: Money;

  @Field(() => Money, { description: 'No ride costs less.' })
  minimum!: Money;

  @Field(() => Money, { description: 'Added to every ride.' })
  bookingFee!: Money;

  @Field(() => Money, { description: 'For cancelling more than two minutes after a driver accepted.' })
  cancellationFee!: Money;

  @Field(() => Int, { description: 'Minutes that the driver waits at the pickup for nothing.' })
  waitingFreeMinutes!: number;

  @Field(() => Money, { description: 'For every begun minute of waiting after that, for half an hour at most.' })
  waitingPerMinute!: Money;
}

@ObjectType({ description: 'Rates of all classes of ride from a moment on.' })
export class FareTable {
  @Field(() => ID, { description: 'Id of the table: `fat_…`.' })
  id!: string;

  @Field(() => DateTime, { description: 'From when on it holds, until another one begins.' })
  effectiveFrom!: Date;

  @Field(() => DateTime, { description: 'When it was written.' })
  publishedAt!: Date;

  @Field(() => String, { nullable: true, description: 'Why it was written.' })
  note!: string | null;

  @Field(() => [FareRate], { description: 'Its rows: for every class and moment exactly one.' })
  rates!: FareRate[];
}

@InputType({ description: 'What a class of ride is to cost over a period.' })
export class FareRateInput {
  @Field(() => VehicleType, { description: 'Of this class of ride.' })
  vehicleType!: keyof typeof VehicleType;

  @Field(() => DateTime, { description: "From when on: the table's first moment, or where the period before ends." })
  from!: Date;

  @Field(() => DateTime, { nullable: true, description: 'Until when; leave it out in the last period of each class.' })
  until?: Date;

  @Field(() => MoneyInput, { description: 'For getting in.' })
  base!: MoneyInput;

  @Field(() => MoneyInput, { description: 'Per kilometre.' })
  perKm!: MoneyInput;

  @Field(() => MoneyInput, { description: 'Per minute of the ride.' })
  perMinute!: MoneyInput;

  @Field(() => MoneyInput, { description: 'No ride costs less.' })
  minimum!: MoneyInput;

  @Field(() => MoneyInput, { description: 'Added to every ride.' })
  bookingFee!: MoneyInput;

  @Field(() => MoneyInput, { description: 'For cancelling more than two minutes after a driver accepted.' })
  cancellationFee!: MoneyInput;

  @Field(() => Int, { description: 'Minutes that the driver waits at the pickup for nothing, 0 to 60.' })
  waitingFreeMinutes!: number;

  @Field(() => MoneyInput, { description: 'For every begun minute of waiting after that.' })
  waitingPerMinute!: MoneyInput;
}

@InputType({ description: 'A rate table. It begins in the future, names all four classes, and has neither gap nor overlap.' })
export class FareTableInput {
  @Field(() => String, { nullable: true, description: 'Why, in up to 500 characters.' })
  note?: string;

  @Field(() => [FareRateInput], { description: 'Its rows, up to 60.' })
  rates!: FareRateInput[];
}

@ObjectType({ description: 'Something that makes rides from around it dearer for a time, such as a concert.' })
export class PriceEvent {
  @Field(() => ID, { description: 'Id of the event: `evp_…`.' })
  id!: string;

  @Field({ description: 'What it is.' })
  name!: string;

  @Field(() => Float, { description: 'By how much prices are multiplied: 1.0 to 2.0.' })
  multiplier!: number;

  @Field(() => [Point], { nullable: true, description: 'Corners of its area; null when it is a circle.' })
  polygon!: Point[] | null;

  @Field(() => Point, { nullable: true, description: 'Middle of its circle; null when it is a polygon.' })
  centre!: Point | null;

  @Field(() => Float, { nullable: true, description: 'Radius of its circle.' })
  radiusKm!: number | null;

  @Field(() => DateTime, { description: 'From when on.' })
  startsAt!: Date;

  @Field(() => DateTime, { description: 'Until when.' })
  endsAt!: Date;

  @Field(() => DateTime, { nullable: true, description: 'When it was ended before its time.' })
  endedAt!: Date | null;
}

@InputType({ description: 'Something that makes rides from around it dearer for a time. Either `polygon`, or `centre` and `radiusKm`.' })
export class PriceEventInput {
  @Field({ description: 'What it is, in up to 80 characters. Riders see it nowhere.' })
  name!: string;

  @Field(() => Float, { description: 'By how much prices are multiplied: 1.0 to 2.0.' })
  multiplier!: number;

  @Field(() => [PointInput], { nullable: true, description: 'Corners in order, 3 to 100. Edges must not cross.' })
  polygon?: PointInput[];

  @Field(() => PointInput, { nullable: true, description: 'Middle of a circle.' })
  centre?: PointInput;

  @Field(() => Float, { nullable: true, description: 'Radius of the circle, up to 20.' })
  radiusKm?: number;

  @Field(() => DateTime, { description: 'From when on.' })
  startsAt!: Date;

  @Field(() => DateTime, { description: 'Until when: in the future, and within 14 days of `startsAt`.' })
  endsAt!: Date;
}

@ObjectType({ description: 'What multiplied a price, as it went into it.' })
export class PriceMultipliers {
  @Field(() => Float, { description: 'Of the time of day.' })
  timeOfDay!: number;

  @Field(() => Float, { description: 'Of traffic beyond what is usual at that hour.' })
  traffic!: number;

  @Field(() => Float, { description: 'Of an event around the pickup.' })
  event!: number;

  @Field(() => Float, { description: 'Of high demand; 3.0 at most.' })
  surge!: number;
}
