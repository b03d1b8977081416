import { Field, Float, ID, InputType, Int } from 'type-graphql';
import { DateTime, PointInput } from '../../platform/graphqlTypes.js';
import { TripPaymentMethod, VehicleType } from './types.js';

@InputType({ description: 'What a driver drives.' })
export class RegisterDriverInput {
  @Field(() => VehicleType, { description: 'Class of rides that the car is for.' })
  vehicleType!: keyof typeof VehicleType;

  @Field({ description: 'Who built the car, such as `Toyota`.' })
  make!: string;

  @Field({ description: 'What they call it, such as `Corolla`.' })
  model!: string;

  @Field(() => Int, { description: 'Model year.' })
  year!: number;

  @Field(() => Int, { description: 'Seats, the driver included.' })
  seats!: number;

  @Field({ description: 'Licence plate.' })
  plate!: string;

  @Field({ description: "Number of the driver's licence. Shown to nobody but admins." })
  licenceNumber!: string;
}

@InputType({ description: 'Where a device was at a time.' })
export class LocationInput {
  @Field(() => PointInput, { description: 'Where.' })
  point!: PointInput;

  @Field(() => Float, { nullable: true, description: 'Degrees from north, clockwise, 0 to 360.' })
  heading?: number;

  @Field(() => Float, { nullable: true, description: 'Speed in km/h.' })
  speedKmh?: number;

  @Field(() => Float, { nullable: true, description: 'How far off the point may be, in metres.' })
  accuracyM?: number;

  @Field({ nullable: true, description: 'True when the system of the device says that an app invents its positions. Such points are not believed.' })
  mocked?: boolean;

  @Field(() => DateTime, { description: "When, by the device's clock. Points are ordered by it; more than 30 s ahead of our clock is refused." })
  recordedAt!: Date;
}

@InputType({ description: 'Where a driver was at a time.' })
export class DriverLocationInput extends LocationInput {
  @Field(() => ID, { description: 'Which driver: `drv_…`.' })
  driverId!: string;
}

@InputType({ description: 'A trip that somebody thinks of.' })
export class QuoteTripInput {
  @Field(() => PointInput, { description: 'Where it begins.' })
  pickup!: PointInput;

  @Field(() => PointInput, { description: 'Where it ends.' })
  destination!: PointInput;

  @Field(() => [VehicleType], { nullable: true, description: 'For these classes of ride; for all when not given.' })
  vehicleTypes?: (keyof typeof VehicleType)[];

  @Field(() => DateTime, { nullable: true, description: 'When it is to begin, up to 30 days ahead, at a price that is then fixed; now when not given.' })
  departAt?: Date;
}

@InputType({ description: 'A trip that somebody wants.' })
export class RequestTripInput {
  @Field(() => ID, { description: 'The quote that was agreed to.' })
  quoteId!: string;

  @Field(() => TripPaymentMethod, { description: 'How it is paid.' })
  paymentMethod!: keyof typeof TripPaymentMethod;

  @Field({ nullable: true, description: "The payment provider's token of a card, for CARD only. Never a card number." })
  paymentToken?: string;

  @Field(() => PointInput, { nullable: true, description: 'Where it begins, if you want us to check that the quote is for it (within 100 m).' })
  pickup?: PointInput;

  @Field(() => PointInput, { nullable: true, description: 'Where it ends, if you want us to check that the quote is for it (within 100 m).' })
  destination?: PointInput;

  @Field(() => ID, {
    nullable: true,
    description: 'Any text that is new for each intent: repeating the call with it makes no second trip. Or send the `Idempotency-Key` header.',
  })
  idempotencyKey?: string;
}

@InputType({ description: 'How a trip was.' })
export class RateTripInput {
  @Field(() => ID, { description: 'Which trip.' })
  tripId!: string;

  @Field(() => Int, { description: '1 to 5.' })
  stars!: number;

  @Field({ nullable: true, description: 'Why, in up to 500 characters.' })
  comment?: string;
}
