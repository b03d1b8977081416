import { Directive, Field, Float, ID, Int, ObjectType, registerEnumType } from 'type-graphql';
import { connectionOf, DateTime, Money, Point, Violation } from '../../platform/graphqlTypes.js';
import { APPROVALS, DRIVER_STATES } from './driver.js';
import { REJECTIONS } from './locationReport.js';
import type { OfferTerms, StrategyName } from './strategy.js';
import { PARTIES, PAYMENT_METHODS, TRIP_STATUSES, UPDATE_KINDS } from './trip.js';
import { VEHICLE_TYPES } from './vehicleType.js';

export const enumOf = <T extends string>(values: readonly T[]) => Object.fromEntries(values.map((value) => [value, value])) as { [K in T]: K };

export const VehicleType = enumOf(VEHICLE_TYPES);
export const DriverApproval = enumOf(APPROVALS);
export const DriverState = enumOf(DRIVER_STATES);
export const TripStatus = enumOf(TRIP_STATUSES);
export const TripParty = enumOf(PARTIES);
export const TripPaymentMethod = enumOf(PAYMENT_METHODS);
export const TripUpdateKind = enumOf(UPDATE_KINDS);
export const OfferStatus = enumOf(['PENDING', 'ACCEPTED', 'DECLINED', 'EXPIRED', 'WITHDRAWN', 'STANDBY'] as const);
export const LocationRejectionReason = enumOf(REJECTIONS);

registerEnumType(VehicleType, { name: 'VehicleType', description: 'Class of a ride. A better car may come than was ordered, at the ordered price.' });
registerEnumType(DriverApproval, {
  name: 'DriverApproval',
  description: 'PENDING until an admin has looked at the papers; only APPROVED drivers can go online.',
});
registerEnumType(DriverState, {
  name: 'DriverState',
  description: 'AVAILABLE gets offers; OFFERED has one to answer; BUSY is on a trip; COOLDOWN rests for a minute after it.',
});
registerEnumType(TripStatus, { name: 'TripStatus', description: 'Where a trip stands. COMPLETED, CANCELLED and NO_DRIVERS are final.' });
registerEnumType(TripParty, { name: 'TripParty', description: 'Whose doing something is; SYSTEM for us, as when a payment was declined.' });
registerEnumType(TripPaymentMethod, { name: 'TripPaymentMethod', description: 'How a trip is paid.' });
registerEnumType(TripUpdateKind, {
  name: 'TripUpdateKind',
  description: 'SNAPSHOT is the present state, STATE a change of it, POSITION the newest place of the driver.',
});
registerEnumType(OfferStatus, {
  name: 'OfferStatus',
  description: 'PENDING can be answered until it expires; WITHDRAWN went to another driver or was cancelled; STANDBY is that of a driver who stands by.',
});
registerEnumType(LocationRejectionReason, {
  name: 'LocationRejectionReason',
  description: 'Why a point was not taken.',
  valuesConfig: {
    INVALID_POINT: { description: 'It is not a place on earth, or one of its measures is out of range.' },
    FROM_THE_FUTURE: { description: 'It is more than 30 s ahead of our clock.' },
    TOO_OLD: { description: 'It is more than an hour ago, for `updateLocation`, or more than a day.' },
    SUSPICIOUS: { description: 'It cannot be true, and has been noted (`locationFlags`).' },
    UNKNOWN_DRIVER: { description: 'There is no such driver.' },
    TRY_AGAIN: { description: 'We could not look whether there is such a driver. Send it again.' },
  },
});

@ObjectType({ description: "A person's account." })
@Directive('@key(fields: "id")')
export class User {
  @Field(() => ID, { description: 'Id of the user: `usr_…`.' })
  id!: string;
}

@ObjectType({ description: 'A car.' })
@Directive('@key(fields: "id", resolvable: false)')
export class Vehicle {
  @Field(() => ID, { description: 'Id of the vehicle: `veh_…`.' })
  id!: string;
}

@ObjectType({ description: 'Somebody who drives for us. Visible to that person, to admins, and to riders of their trips.' })
@Directive('@key(fields: "id")')
@Directive('@key(fields: "ref")')
export class Driver {
  @Field(() => ID, { description: 'Id of the driver: `drv_…`.' })
  id!: string;

  @Directive('@inaccessible')
  @Field(() => ID, { description: 'The id, as `node` hands it over.' })
  ref!: string;

  @Field(() => User, { description: 'The person.' })
  user!: User;

  @Field(() => Vehicle, { description: 'The car.' })
  vehicle!: Vehicle;

  @Field(() => VehicleType, { description: 'Class of rides that the car is for.' })
  vehicleType!: keyof typeof VehicleType;

  @Field({ description: 'Licence plate of the car.' })
  plate!: string;

  @Field(() => DriverApproval, { description: 'Whether an admin has let this driver on the road.' })
  approval!: keyof typeof DriverApproval;

  @Field(() => Float, { nullable: true, description: "Mean of the riders' stars, 1 to 5; null while nobody has rated." })
  rating!: number | null;

  @Field(() => Int, { description: 'How many trips the driver has completed.' })
  completedTrips!: number;

  @Field(() => DateTime, { description: 'When the driver registered.' })
  registeredAt!: Date;

  /** For the resolvers; not part of the schema. */
  presentState!: keyof typeof DriverState;
  uuid!: string;
  userId!: string;
}

export const DriverConnection = connectionOf('Driver', () => Driver);

@ObjectType({ description: 'A ride from a pickup to a destination. Visible to its rider, its driver and admins.' })
@Directive('@key(fields: "id")')
@Directive('@key(fields: "ref")')
export class Trip {
  @Field(() => ID, { description: 'Id of the trip: `trp_…`.' })
  id!: string;

  @Directive('@inaccessible')
  @Field(() => ID, { description: 'The id, as `node` hands it over.' })
  ref!: string;

  @Field(() => TripStatus, { description: 'Where it stands.' })
  status!: keyof typeof TripStatus;

  @Field(() => VehicleType, { description: 'Class of ride that was ordered.' })
  vehicleType!: keyof typeof VehicleType;

  @Field(() => Point, { description: 'Where it begins.' })
  pickup!: Point;

  @Field(() => Point, { description: 'Where it ends.' })
  destination!: Point;

  @Field(() => Money, { description: 'What was quoted and accepted.' })
  quotedFare!: Money;

  @Field(() => Money, { nullable: true, description: 'What it costs; null until it is completed. The quote, unless the rider changed the trip.' })
  finalFare!: Money | null;

  @Field(() => TripPaymentMethod, { description: 'How it is paid.' })
  paymentMethod!: keyof typeof TripPaymentMethod;

  @Field(() => String, { nullable: true, description: 'The way that was driven, as an encoded polyline (precision 5); null until it is completed.' })
  route!: string | null;

  @Field(() => Int, { nullable: true, description: 'Length of that way in metres.' })
  routeDistanceM!: number | null;

  @Field(() => Int, { description: 'Counts changes of `status` from 1: pass it as `afterSequence` to `tripUpdates` to miss none.' })
  sequence!: number;

  @Field(() => DateTime, { nullable: true, description: 'When it is to begin; null for now.' })
  departAt!: Date | null;

  @Field(() => DateTime, { description: 'When it was requested.' })
  requestedAt!: Date;

  @Field(() => DateTime, { nullable: true, description: 'When a driver took it.' })
  acceptedAt!: Date | null;

  @Field(() => DateTime, { nullable: true, description: 'When the driver was at the pickup.' })
  arrivedAt!: Date | null;

  @Field(() => DateTime, { nullable: true, description: 'When the ride began.' })
  startedAt!: Date | null;

  @Field(() => DateTime, { nullable: true, description: 'When the ride ended.' })
  completedAt!: Date | null;

  @Field(() => DateTime, { nullable: true, description: 'When it was cancelled.' })
  cancelledAt!: Date | null;

  @Field(() => TripParty, { nullable: true, description: 'Who cancelled it.' })
  cancelledBy!: keyof typeof TripParty | null;

  @Field(() => String, { nullable: true, description: 'Why it was cancelled: words of a person, or a code such as `INSUFFICIENT_FUNDS` by SYSTEM.' })
  cancelReason!: string | null;

  @Field(() => Money, { nullable: true, description: 'What the rider owes for the cancellation; null unless it is cancelled.' })
  fee!: Money | null;

  @Field(() => Int, { nullable: true, description: 'Stars that the rider gave, 1 to 5.' })
  stars!: number | null;

  /** For the resolvers; not part of the schema. */
  riderId!: string;
  driverId!: string | null;
  driverUserId!: string | null;
  strategy!: StrategyName;
  quotedFareMinor!: bigint;
  agreedFareMinor!: bigint | null;
  currency!: string;
}

export const TripConnection = connectionOf('Trip', () => Trip);

@ObjectType({ description: 'A trip that a driver may take, until it expires. Visible to that driver and to admins.' })
export class Offer {
  @Field(() => ID, { description: 'Id of the offer: `ofr_…`.' })
  id!: string;

  @Field(() => OfferStatus, { description: 'Whether it can still be accepted.' })
  status!: keyof typeof OfferStatus;

  @Field(() => DateTime, { description: 'When it is too late.' })
  expiresAt!: Date;

  @Field(() => Int, { description: 'How far the pickup is, in metres as the crow flies.' })
  pickupDistanceM!: number;

  @Field(() => Money, { description: 'What the driver gets for the trip: the fare less commission.' })
  estimatedEarnings!: Money;

  /** For the trip resolver; not part of the schema. */
  trip?: Trip | null;
  tripId!: string;
  terms!: OfferTerms;
  bidMinor!: bigint | null;
  currency!: string;
}

@ObjectType({ description: 'Something new about a trip.' })
export class TripUpdate {
  @Field(() => Int, { description: "Counts states from 1. A position carries the last state's." })
  sequence!: number;

  @Field(() => TripUpdateKind, { description: 'What kind of news.' })
  kind!: keyof typeof TripUpdateKind;

  @Field(() => TripStatus, { description: 'The status that this is about, as it was then.' })
  status!: keyof typeof TripStatus;

  @Field(() => Trip, { description: 'The trip as it is now.' })
  trip!: Trip;

  @Field(() => Point, { nullable: true, description: 'Where the driver is; null when not known, and while no driver is on the trip.' })
  position!: Point | null;

  @Field(() => Float, { nullable: true, description: 'Where the car is heading, in degrees from north, clockwise.' })
  heading!: number | null;

  @Field(() => Int, { nullable: true, description: 'Seconds to the pickup, and once the ride has started to the destination.' })
  etaSeconds!: number | null;

  @Field(() => DateTime, { description: 'When it happened; of a position when the device recorded it.' })
  at!: Date;
}

@ObjectType({ description: 'What is wrong in the whole system.' })
@Directive('@key(fields: "id")')
export class SystemHealth {
  @Field(() => ID, { description: 'Always `system`.' })
  id!: string;

  @Directive('@inaccessible')
  @Field(() => [Violation], { description: "Dispatch's part of `violations`." })
  dispatchViolations!: Violation[];
}
