import { Field, Float, ID, Int, ObjectType } from 'type-graphql';
import { DateTime, Money, Point } from '../../platform/graphqlTypes.js';
import { PriceMultipliers } from './priceTypes.js';
import { LocationRejectionReason, VehicleType } from './types.js';

@ObjectType({ description: 'Part of a price.' })
export class FareLine {
  @Field({ description: 'What it is for.' })
  label!: string;

  @Field(() => Money, { description: 'How much; may be negative, as rounding can be.' })
  amount!: Money;
}

@ObjectType({ description: 'From one amount to another.' })
export class PriceRange {
  @Field(() => Money, { description: 'The least.' })
  low!: Money;

  @Field(() => Money, { description: 'The most.' })
  high!: Money;
}

@ObjectType({ description: 'The price of a trip for one class of ride, good for ten minutes and for one request.' })
export class TripQuote {
  @Field(() => ID, { description: 'Id of the quote: `tqt_…`. Pass it to `requestTrip`.' })
  id!: string;

  @Field(() => VehicleType, { description: 'For this class of ride.' })
  vehicleType!: keyof typeof VehicleType;

  @Field(() => Money, { description: 'What the trip costs.' })
  price!: Money;

  @Field(() => PriceRange, {
    description: 'What this trip costs without high demand, and with the most demand at which this quote is still taken: whether waiting may be worth it.',
  })
  priceRange!: PriceRange;

  @Field(() => PriceMultipliers, { nullable: true, description: 'What multiplied the price; null for quotes of before this was kept.' })
  multipliers!: PriceMultipliers | null;

  @Field(() => [FareLine], { description: 'How the price comes about; the lines add up to it.' })
  lines!: FareLine[];

  @Field(() => Int, { description: 'How long the trip is, in metres.' })
  distanceM!: number;

  @Field(() => Int, { nullable: true, description: 'Seconds until the nearest driver would be at the pickup; null when none is around.' })
  pickupEtaSeconds!: number | null;

  @Field(() => Int, { description: 'Seconds that the ride takes.' })
  tripEtaSeconds!: number;

  @Field(() => Float, { description: 'By how much high demand multiplies the price: 1.0 to 3.0. It changes by a tenth in half a minute at most.' })
  surge!: number;

  @Field(() => String, { nullable: true, description: 'Why surge is above 1.0, to be shown before the rider agrees.' })
  surgeReason!: string | null;

  @Field(() => DateTime, { nullable: true, description: 'The departure that it is for; null for now.' })
  departAt!: Date | null;

  @Field(() => DateTime, { description: 'When it is too old.' })
  expiresAt!: Date;
}

@ObjectType({ description: 'A free driver nearby, without a name.' })
export class NearbyDriver {
  @Field(() => Point, { description: 'Where the driver was last.' })
  position!: Point;

  @Field(() => Float, { nullable: true, description: 'Where the car is heading, in degrees from north, clockwise.' })
  heading!: number | null;

  @Field(() => Int, { description: 'How far away, in metres as the crow flies.' })
  distanceM!: number;

  @Field(() => VehicleType, { description: 'Class of the car.' })
  vehicleType!: keyof typeof VehicleType;

  @Field(() => DateTime, { description: 'When the driver was there; less than a minute ago.' })
  lastSeenAt!: Date;
}

@ObjectType({ description: 'Demand in one cell of the map (H3, resolution 8).' })
export class SurgeCell {
  @Field({ description: 'H3 index of the cell.' })
  cell!: string;

  @Field(() => Point, { description: 'Its middle.' })
  center!: Point;

  @Field(() => [Point], { description: 'Its corners in order.' })
  boundary!: Point[];

  @Field(() => Float, { description: 'By how much prices of trips from there are multiplied: 1.0 to 3.0.' })
  surge!: number;

  @Field(() => String, { nullable: true, description: 'Why surge is above 1.0.' })
  surgeReason!: string | null;
}

@ObjectType({ description: 'A point that was not taken.' })
export class LocationRejection {
  @Field(() => Int, { description: 'Its place in the input, from 0.' })
  index!: number;

  @Field(() => LocationRejectionReason, { description: 'Why.' })
  reason!: keyof typeof LocationRejectionReason;

  @Field({ description: 'Why, in words.' })
  message!: string;
}

@ObjectType({ description: 'What became of points that were sent.' })
export class LocationAck {
  @Field(() => Int, { description: 'How many were taken. An older one is taken too, and moves nobody.' })
  accepted!: number;

  @Field(() => Int, { description: 'How many were not.' })
  rejected!: number;

  @Field(() => [LocationRejection], { description: 'Which were not, and why.' })
  rejections!: LocationRejection[];
}
