import { Directive, Field, Float, ID, Int, ObjectType } from 'type-graphql';
import { DateTime, Point } from '../../platform/graphqlTypes.js';
import { TripStatus, TripUpdateKind } from './types.js';

@ObjectType({ description: 'A link by which anybody may follow a trip until it ends.' })
export class TripShare {
  @Field({ description: 'For `sharedTrip` and `sharedTripUpdates`. It is told this once: put it into the link.' })
  token!: string;

  @Field(() => DateTime, { description: 'When it stops working, if the trip is not over before.' })
  expiresAt!: Date;
}

@ObjectType({ description: 'The driver of a shared trip, as far as those who wait at the kerb have to know.' })
@Directive('@key(fields: "ref", resolvable: false)')
export class SharedDriver {
  @Directive('@inaccessible')
  @Field(() => ID, { description: 'Whom it is about, for the subgraph that knows names.' })
  ref!: string;

  @Field({ description: 'Licence plate of the car.' })
  plate!: string;
}

@ObjectType({ description: 'A trip as whoever has its link sees it: nothing of its rider.' })
export class SharedTrip {
  @Field(() => TripStatus, { description: 'Where it stands.' })
  status!: keyof typeof TripStatus;

  @Field(() => SharedDriver, { nullable: true, description: 'Who drives; null while nobody does.' })
  driver!: SharedDriver | null;

  @Field(() => Point, { nullable: true, description: 'Where the driver is; null when not known, and while nobody drives.' })
  position!: Point | null;

  @Field(() => Float, { nullable: true, description: 'Where the car is heading, in degrees from north, clockwise.' })
  heading!: number | null;

  @Field(() => Int, { nullable: true, description: 'Seconds to the pickup, and once the ride has started to the destination.' })
  etaSeconds!: number | null;
}

@ObjectType({ description: 'Something new about a shared trip.' })
export class SharedTripUpdate extends SharedTrip {
  @Field(() => Int, { description: "Counts states from 1. A position carries the last state's." })
  sequence!: number;

  @Field(() => TripUpdateKind, { description: 'What kind of news.' })
  kind!: keyof typeof TripUpdateKind;

  @Field(() => DateTime, { description: 'When it happened; of a position when the device recorded it.' })
  at!: Date;
}
