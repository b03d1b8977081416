import { Field, Float, Int, ObjectType, registerEnumType } from 'type-graphql';
import { Point } from '../../platform/graphqlTypes.js';

export const RoutingAdapter = { osrm: 'osrm', local: 'local' } as const;
export const BreakerState = { CLOSED: 'CLOSED', OPEN: 'OPEN', HALF_OPEN: 'HALF_OPEN' } as const;
registerEnumType(RoutingAdapter, {
  name: 'RoutingAdapter',
  description: 'Who knows the streets.',
  valuesConfig: { osrm: { description: 'An OSRM server.' }, local: { description: 'Our own model: straight lines, a road factor, speeds by the hour.' } },
});
registerEnumType(BreakerState, {
  name: 'BreakerState',
  description: 'Whether a server is asked.',
  valuesConfig: {
    CLOSED: { description: 'It is asked.' },
    OPEN: { description: 'It has failed several times in a row, and is left alone for a while.' },
    HALF_OPEN: { description: 'The next call tries it again.' },
  },
});

@ObjectType({ description: 'How the ways of trips are found in the process that answers, since it started.' })
export class RoutingState {
  @Field(() => RoutingAdapter, { description: 'Who is asked first.' })
  adapter!: keyof typeof RoutingAdapter;

  @Field(() => BreakerState, { description: 'Whether that server is asked at the moment; while it is not, our own model answers.' })
  breaker!: keyof typeof BreakerState;

  @Field(() => Int, { description: 'Ways that the server gave.' })
  answeredByServer!: number;

  @Field(() => Int, { description: 'Ways that were remembered.' })
  answeredByCache!: number;

  @Field(() => Int, { description: 'Ways that our own model gave, because there is no server or because it failed.' })
  answeredByModel!: number;
}

@ObjectType({ description: 'What was looked at when a trip was matched together with others.' })
export class BatchReason {
  @Field(() => Int, { description: 'Riders who were waiting.' })
  riders!: number;

  @Field(() => Int, { description: 'Drivers who were free.' })
  drivers!: number;

  @Field(() => Int, { description: 'Estimated seconds to the pickup for the driver of this trip.' })
  pickupSeconds!: number;

  @Field(() => Int, { description: 'Estimated seconds for the nearest driver, who may have gone to another rider.' })
  nearestSeconds!: number;
}

@ObjectType({ description: 'Why a trip went to its driver, and why it was priced as it was.' })
export class TripReason {
  @Field(() => String, { nullable: true, description: 'Why this driver, in words; null while nobody has accepted.' })
  match!: string | null;

  @Field(() => Int, { description: 'How many drivers were asked so far.' })
  driversAsked!: number;

  @Field(() => Int, { nullable: true, description: 'How far away the driver was who accepted, in metres as the crow flies.' })
  pickupDistanceM!: number | null;

  @Field(() => BatchReason, { nullable: true, description: 'When it was matched together with others; kept for 14 days.' })
  batch!: BatchReason | null;

  @Field(() => Float, { description: 'By how much high demand multiplied the price.' })
  surge!: number;

  @Field(() => String, { nullable: true, description: 'Why, as it was said with the quote; null at 1.0.' })
  surgeReason!: string | null;
}

@ObjectType({ description: 'Where an idle driver is more likely to be asked for.' })
export class RepositionHint {
  @Field(() => Point, { description: 'Middle of the cell.' })
  place!: Point;

  @Field({ description: 'H3 index of the cell.' })
  cell!: string;

  @Field(() => Float, { description: 'Requests that are expected there in the next quarter hour.' })
  expectedRequests!: number;

  @Field(() => Int, { description: 'Drivers who are free there now.' })
  availableDrivers!: number;

  @Field(() => Int, { description: 'How far away it is, in metres as the crow flies.' })
  distanceM!: number;
}
