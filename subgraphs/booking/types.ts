import { Directive, Field, ID, InputType, Int, ObjectType, registerEnumType } from 'type-graphql';
import { connectionOf, DateTime, Money, Violation } from '../../platform/graphqlTypes.js';
import { BOOKING_ORDERS } from './bookingOrder.js';
import { BOOKING_STATUSES } from './bookingStatus.js';
import { DEPOSIT_STATUSES } from './deposit.js';
import { EXTRAS, LINE_KINDS } from './price.js';
import { RISKS } from './whereabouts.js';

const enumOf = <T extends string>(values: readonly T[]) => Object.fromEntries(values.map((value) => [value, value])) as { [K in T]: K };

export const BookingStatus = enumOf(BOOKING_STATUSES);
export const BookingPaymentMethod = enumOf(['WALLET', 'CARD'] as const);
export const RentalExtra = enumOf(EXTRAS);
export const QuoteLineKind = enumOf(LINE_KINDS);
export const BookingSort = enumOf(BOOKING_ORDERS);
export const DepositStatus = enumOf(DEPOSIT_STATUSES);
export const BookingRisk = enumOf(RISKS);

registerEnumType(BookingStatus, {
  name: 'BookingStatus',
  description:
    'HELD waits for its payment, then it is CONFIRMED, CANCELLED or EXPIRED; a CONFIRMED one becomes ACTIVE at pick-up and COMPLETED at return, or is ' +
    'CANCELLED before, or a NO_SHOW.',
});
registerEnumType(BookingPaymentMethod, {
  name: 'BookingPaymentMethod',
  description: 'WALLET takes it from your wallet; CARD from the card behind a payment token.',
});
registerEnumType(RentalExtra, { name: 'RentalExtra', description: 'What can be added to a rental, priced per day.' });
registerEnumType(QuoteLineKind, {
  name: 'QuoteLineKind',
  description: 'What a line of a quote is for; a DISCOUNT is below zero, a FEE is for a young driver or a return elsewhere.',
});

registerEnumType(BookingSort, {
  name: 'BookingSort',
  description: 'NEWEST and OLDEST go by when a booking was made, PICKUP_ASC and PICKUP_DESC by when its car is picked up.',
});
registerEnumType(DepositStatus, {
  name: 'DepositStatus',
  description:
    'REQUESTED at pick-up, and then HELD, or DECLINED when wallet or card do not give it; at return RELEASED, or CAPTURED when something of it was taken.',
});

registerEnumType(BookingRisk, {
  name: 'BookingRisk',
  description:
    'LATE: the rental before it may not be back in time. ELSEWHERE: the car will be at another station, because a rental that was to bring it there was cancelled or ' +
    'changed, or because it was moved.',
});

@ObjectType({ description: 'A time in which a vehicle is taken, the time to prepare it for the next customer included.' })
export class BusyPeriod {
  @Field(() => DateTime, { description: 'From then on.' })
  from!: Date;

  @Field(() => DateTime, { description: 'Until then; a rental may begin at this moment. In the year 9999 when a rental is overdue and nobody knows.' })
  to!: Date;
}

@ObjectType({ description: 'Whether a vehicle can be booked for a time. Exact: it is read where bookings are made.' })
export class VehicleAvailability {
  @Field({ description: 'Whether a rental of exactly this time could be booked now. The time to prepare the car afterwards has to be free too.' })
  free!: boolean;

  @Field(() => [BusyPeriod], { description: 'What is in the way, in order; the periods may reach beyond the time that was asked for.' })
  busy!: BusyPeriod[];

  @Field(() => DateTime, {
    nullable: true,
    description:
      'The first moment, not before `from`, from which it is free for as long as was asked: `from` itself when it is free. Null when it is not rented out, or ' +
      'a rental is overdue and nobody knows.',
  })
  nextFreeFrom!: Date | null;
}

@ObjectType({ description: 'A car: one of the rental fleet, or one that a driver drives.' })
@Directive('@key(fields: "id")')
export class Vehicle {
  @Field(() => ID, { description: 'Id of the vehicle: `veh_…`.' })
  id!: string;
}

@ObjectType({ description: 'A person with an account.' })
@Directive('@key(fields: "id")')
export class User {
  @Field(() => ID, { description: 'Id of the user: `usr_…`.' })
  id!: string;
}

@ObjectType({ description: 'One line of a price.' })
export class QuoteLine {
  @Field(() => QuoteLineKind, { description: 'What it is for.' })
  kind!: keyof typeof QuoteLineKind;

  @Field({ description: 'In words, such as `3 days at 1400.00 EGP`.' })
  label!: string;

  @Field(() => Money, { description: 'What it adds; below zero for a discount.' })
  amount!: Money;
}

@ObjectType({ description: 'A place where cars are picked up and returned.' })
@Directive('@key(fields: "id", resolvable: false)')
export class Station {
  @Field(() => ID, { description: 'Id of the station: `stn_…`.' })
  id!: string;
}

@ObjectType({ description: 'A price for a rental. It is what the booking will cost; the vehicle is not held before `createBooking`.' })
export class RentalQuote {
  @Field(() => ID, { description: 'Id of the quote: `qte_…`. Pass it to `createBooking`.' })
  id!: string;

  @Field(() => Vehicle, { nullable: true, description: 'The vehicle.' })
  vehicle!: Vehicle;

  @Field(() => DateTime, { description: 'Pick-up.' })
  pickupAt!: Date;

  @Field(() => DateTime, { description: 'Return.' })
  returnAt!: Date;

  @Field(() => Station, {
    nullable: true,
    description:
      'Where the car will be at pick-up: where the rental before it brings it, which need not be where it is now. `createBooking` and `changeBooking` refuse with ' +
      'PICKUP_STATION_CHANGED when that is not so any more. Null for a car that belongs to no station.',
  })
  pickupStation!: Station | null;

  @Field(() => Station, { nullable: true, description: 'Where it is to be brought back.' })
  returnStation!: Station | null;

  @Field(() => Int, { description: 'Days that are charged: every 24 hours begun, by the clock of the station.' })
  days!: number;

  @Field(() => [QuoteLine], { description: 'How the price comes about; the lines add up to `total`.' })
  lines!: QuoteLine[];

  @Field(() => Money, { description: 'The whole price, tax included.' })
  total!: Money;

  @Field(() => Money, { description: 'What will be set aside at pick-up and released at return, less what that costs; not part of `total`.' })
  deposit!: Money;

  @Field(() => DateTime, { description: 'Until when this price stands: ten minutes.' })
  expiresAt!: Date;
}

@ObjectType({ description: 'Why a booking failed.' })
export class BookingFailure {
  @Field({ description: 'For programs: `INSUFFICIENT_FUNDS`, `CARD_DECLINED`, `PAYMENT_TIMEOUT`; others may be added.' })
  code!: string;

  @Field({ description: 'For people, with what to do next.' })
  message!: string;
}

@ObjectType({ description: 'For whom a partner booked.' })
export class BookingGuest {
  @Field({ description: 'Name, as on the driving licence.' })
  name!: string;

  @Field(() => String, { nullable: true, description: 'E-mail address.' })
  email!: string | null;

  @Field(() => String, { nullable: true, description: 'Phone number.' })
  phone!: string | null;
}

@ObjectType({ description: 'What happened when the car changed hands.' })
export class RentalRecord {
  @Field(() => DateTime, { description: 'When it was picked up.' })
  startedAt!: Date;

  @Field(() => Int, { description: 'Odometer at pick-up, in kilometres.' })
  startOdometerKm!: number;

  @Field(() => Int, { description: 'Fuel or charge at pick-up, in percent.' })
  startFuelPercent!: number;

  @Field(() => DateTime, { nullable: true, description: 'When it was returned; null until then.' })
  returnedAt!: Date | null;

  @Field(() => Int, { nullable: true, description: 'Odometer at return, in kilometres.' })
  returnOdometerKm!: number | null;

  @Field(() => Int, { nullable: true, description: 'Fuel or charge at return, in percent.' })
  returnFuelPercent!: number | null;

  @Field(() => DateTime, { nullable: true, description: 'Since when the return is overdue; null when it is not.' })
  overdueSince!: Date | null;

  @Field(() => Money, { nullable: true, description: 'For a late return; null until the return.' })
  lateFee!: Money | null;

  @Field(() => Money, { nullable: true, description: 'For missing fuel; null until the return.' })
  fuelFee!: Money | null;

  @Field(() => Money, { nullable: true, description: 'For damage; null until the return.' })
  damageFee!: Money | null;

  @Field(() => Money, { nullable: true, description: 'For a driver under 25 whose fee is not in the price, charged at return; null when there is none.' })
  youngDriverFee!: Money | null;

  @Field(() => String, { nullable: true, description: 'What is damaged.' })
  damageNote!: string | null;
}

@ObjectType({ description: 'What is set aside while the car is out.' })
export class BookingDeposit {
  @Field(() => Money, { description: 'How much.' })
  amount!: Money;

  @Field(() => DepositStatus, { nullable: true, description: 'How far it is; null before the pick-up.' })
  status!: keyof typeof DepositStatus | null;

  @Field(() => Money, { nullable: true, description: 'How much of it was taken for what the return cost; null unless it is CAPTURED.' })
  taken!: Money | null;
}

@ObjectType({ description: 'A vehicle booked by a customer. Visible to that customer and to admins.' })
@Directive('@key(fields: "id")')
@Directive('@key(fields: "ref")')
export class Booking {
  @Field(() => ID, { description: 'Id of the booking: `bkg_…`.' })
  id!: string;

  @Directive('@inaccessible')
  @Field(() => ID, { description: 'The id, as `node` hands it over.' })
  ref!: string;

  @Field(() => BookingStatus, { description: 'How far it is.' })
  status!: keyof typeof BookingStatus;

  @Field(() => Vehicle, { nullable: true, description: 'What is rented. Null only when the vehicle cannot be read at the moment.' })
  vehicle!: Vehicle;

  @Field(() => User, { nullable: true, description: 'Who rents. Null only when the person cannot be read at the moment.' })
  customer!: User;

  @Field(() => DateTime, { description: 'Pick-up.' })
  pickupAt!: Date;

  @Field(() => DateTime, { description: 'Return.' })
  returnAt!: Date;

  @Field(() => Money, { description: 'The price, as it was quoted, tax included.' })
  total!: Money;

  @Field(() => BookingPaymentMethod, { description: 'How it is paid.' })
  paymentMethod!: keyof typeof BookingPaymentMethod;

  @Field(() => BookingFailure, { nullable: true, description: 'Why it was cancelled by us, when a payment failed; else null.' })
  failure!: BookingFailure | null;

  @Field(() => DateTime, { nullable: true, description: 'Until when the vehicle waits for the payment; null once it is not HELD any more.' })
  holdExpiresAt!: Date | null;

  @Field(() => String, { nullable: true, description: 'Why it was cancelled, in the words of whoever did it.' })
  cancelReason!: string | null;

  @Field(() => Money, { nullable: true, description: 'What the cancellation cost; null unless it is CANCELLED.' })
  fee!: Money | null;

  @Field(() => Station, { nullable: true, description: 'Where it is picked up.' })
  station!: Station | null;

  @Field(() => Station, { nullable: true, description: 'Where it is returned.' })
  returnStation!: Station | null;

  @Field(() => BookingGuest, { nullable: true, description: 'For whom a partner booked; null for oneself.' })
  guest!: BookingGuest | null;

  @Field(() => DateTime, {
    nullable: true,
    description:
      'Since when its vehicle may not be there for its pick-up: see `atRiskReason` and `replacements`; it can be cancelled free of charge. Null when all is well.',
  })
  atRiskSince!: Date | null;

  @Field(() => BookingRisk, { nullable: true, description: 'Why its vehicle may not be there for its pick-up. Null when all is well.' })
  atRiskReason!: keyof typeof BookingRisk | null;

  @Field(() => BookingDeposit, { nullable: true, description: 'What is set aside while the car is out; null when there is none.' })
  deposit!: BookingDeposit | null;

  @Field(() => RentalRecord, { nullable: true, description: 'Pick-up and return; null before the pick-up.' })
  rental!: RentalRecord | null;

  @Field(() => DateTime, { description: 'When it was made.' })
  createdAt!: Date;
}

export const BookingConnection = connectionOf('Booking', () => Booking);

@InputType({ description: 'A rental to be priced.' })
export class QuoteRentalInput {
  @Field(() => ID, { description: 'Which vehicle.' })
  vehicleId!: string;

  @Field(() => DateTime, { description: 'Pick-up; must be in the future.' })
  pickupAt!: Date;

  @Field(() => DateTime, { description: 'Return: 1 hour to 90 days after pick-up.' })
  returnAt!: Date;

  @Field(() => [RentalExtra], { nullable: true, description: 'What to add, each at most once.' })
  extras?: (keyof typeof RentalExtra)[] | null;

  @Field(() => String, { nullable: true, description: 'A code that makes it cheaper.' })
  promoCode?: string | null;

  @Field(() => Int, {
    nullable: true,
    description:
      'Age of the youngest driver, in years: 18 or above; under 25 costs a fee. Left out it says 25 or above: a younger driver pays the fee after pick-up, when the ' +
      'licence is seen.',
  })
  driverAge?: number | null;

  @Field(() => ID, {
    nullable: true,
    description:
      'Where the car is returned, when not at `RentalQuote.pickupStation`; costs a fee. Refused with ONE_WAY_NOT_POSSIBLE when the next customer comes for the car ' +
      'elsewhere: `details.requiredReturnStationId` and `details.nextPickupAt` say where and when.',
  })
  returnStationId?: string | null;

  @Field(() => ID, {
    nullable: true,
    description: 'A CONFIRMED booking of yours that this is to change, with `changeBooking`: its own time is not in the way.',
  })
  changesBookingId?: string | null;
}

@InputType({ description: 'For whom a partner books.' })
export class GuestInput {
  @Field({ description: 'Name, as on the driving licence.' })
  name!: string;

  @Field(() => String, { nullable: true, description: 'E-mail address.' })
  email?: string | null;

  @Field(() => String, { nullable: true, description: 'Phone number.' })
  phone?: string | null;
}

@InputType({ description: 'A booking to be made of a quote.' })
export class CreateBookingInput {
  @Field(() => ID, { description: 'The quote: it sets vehicle, time and price, and is good for one booking.' })
  quoteId!: string;

  @Field(() => BookingPaymentMethod, { description: 'How to pay.' })
  paymentMethod!: keyof typeof BookingPaymentMethod;

  @Field(() => String, { nullable: true, description: 'For CARD: what the payment gateway gave you for the card. Never a card number.' })
  paymentToken?: string | null;

  @Field(() => GuestInput, { nullable: true, description: 'For partners: the guest who will drive. Shown to nobody but the partner and admins.' })
  guest?: GuestInput | null;

  @Field(() => ID, {
    nullable: true,
    description: 'Any text that is new for each intent; the `Idempotency-Key` header does as well, and one of them is required.',
  })
  idempotencyKey?: string | null;
}

@InputType({ description: 'A booking to be cancelled.' })
export class CancelBookingInput {
  @Field(() => ID, { description: 'Which booking.' })
  bookingId!: string;

  @Field(() => String, { nullable: true, description: 'Why, in at most 500 characters; kept with the booking.' })
  reason?: string | null;
}

@ObjectType({ description: 'What is wrong in the whole system.' })
@Directive('@key(fields: "id")')
export class SystemHealth {
  @Field(() => ID, { description: 'Always `system`.' })
  id!: string;

  @Directive('@inaccessible')
  @Field(() => [Violation], { description: "Booking's part of `violations`." })
  bookingViolations!: Violation[];
}
