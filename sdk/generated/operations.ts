/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
import { TypedDocumentString } from '../document.js';
/** What an account of the books is for. Wallets, HELD_FUNDS, PLATFORM_REVENUE, TAX and PAYOUT_CLEARING grow by credits; CASH_FLOAT, GATEWAY_CLEARING, REFUND_EXPENSE, RECEIVABLE and OPENING by debits. */
export type AccountType =
  | 'CASH_FLOAT'
  | 'CUSTOMER_WALLET'
  | 'DRIVER_WALLET'
  | 'GATEWAY_CLEARING'
  | 'HELD_FUNDS'
  | 'OPENING'
  | 'PARTNER_WALLET'
  | 'PAYOUT_CLEARING'
  | 'PLATFORM_REVENUE'
  | 'RECEIVABLE'
  | 'REFUND_EXPENSE'
  | 'TAX';

/** PREPARING while it is made, SENT once it can be signed at `signUrl`, READY when it is signed at the desk instead, then SIGNED or DECLINED. VOID when the booking ended before it was sent. */
export type AgreementStatus =
  | 'DECLINED'
  | 'PREPARING'
  | 'READY'
  | 'SENT'
  | 'SIGNED'
  | 'VOID';

/** A time range, the end not included. */
export type AvailableFilter = {
  /** From then on. */
  from: string;
  /** Until then. */
  to: string;
};

/** Your price for a trip. */
export type BidOnOfferInput = {
  /** For how much you would drive: a multiple of 0.50 within `Offer.bidBounds`. */
  amount: MoneyInput;
  /** Which offer. */
  offerId: string;
};

/** A vehicle to be kept from customers. */
export type BlockVehicleInput = {
  /** From then on. */
  from: string;
  /** Why, in at most 200 characters. */
  reason: string;
  /** Until then, at most 366 days later. */
  to: string;
  /** Which vehicle. */
  vehicleId: string;
};

/** Which bookings; everything that is given must hold. */
export type BookingFilter = {
  /** That have any moment of this day, by the clock of the station. */
  day?: string | null | undefined;
  /** Picked up at this station, or brought back to it. */
  stationId?: string | null | undefined;
  /** With this status. */
  status?: BookingStatus | null | undefined;
  /** Of this vehicle. */
  vehicleId?: string | null | undefined;
};

/** WALLET takes it from your wallet; CARD from the card behind a payment token. */
export type BookingPaymentMethod =
  | 'CARD'
  | 'WALLET';

/** LATE: the rental before it may not be back in time. ELSEWHERE: the car will be at another station, because a rental that was to bring it there was cancelled or changed, or because it was moved. */
export type BookingRisk =
  | 'ELSEWHERE'
  | 'LATE';

/** HELD waits for its payment, then it is CONFIRMED, CANCELLED or EXPIRED; a CONFIRMED one becomes ACTIVE at pick-up and COMPLETED at return, or is CANCELLED before, or a NO_SHOW. */
export type BookingStatus =
  | 'ACTIVE'
  | 'CANCELLED'
  | 'COMPLETED'
  | 'CONFIRMED'
  | 'EXPIRED'
  | 'HELD'
  | 'NO_SHOW';

/** Whether a server is asked. */
export type BreakerState =
  /** It is asked. */
  | 'CLOSED'
  /** The next call tries it again. */
  | 'HALF_OPEN'
  /** It has failed several times in a row, and is left alone for a while. */
  | 'OPEN';

/** A booking to be cancelled. */
export type CancelBookingInput = {
  /** Which booking. */
  bookingId: string;
  /** Why, in at most 500 characters; kept with the booking. */
  reason?: string | null | undefined;
};

/** PENDING: the card company has not answered. DONE: on its way to the card. REFUSED: it will not; somebody has to look. */
export type CardRefundStatus =
  | 'DONE'
  | 'PENDING'
  | 'REFUSED';

/** A booking to be changed to what was quoted. */
export type ChangeBookingInput = {
  /** Which booking; it must be CONFIRMED and yours. */
  bookingId: string;
  /** Any text that is new for each intent; the `Idempotency-Key` header does as well, and one of them is required. */
  idempotencyKey?: string | null | undefined;
  /** A quote with `changesBookingId`: it sets the new vehicle, time and price. */
  quoteId: string;
};

/** Where the money comes from. CASH is for trips only, and goes to the driver. */
export type ChargeMethod =
  | 'CARD'
  | 'CASH'
  | 'WALLET';

/** A payout that an admin has made by hand. */
export type ConfirmPayoutInput = {
  /** True: only say what would come of it, by the same rules. False when not given. */
  dryRun?: boolean | null | undefined;
  /** Which withdrawal. */
  id: string;
  /** The bank’s own reference of the transfer, to find it by; up to 100 characters, without names. */
  reference: string;
};

/** A booking to be made of a quote. */
export type CreateBookingInput = {
  /** For partners: the guest who will drive. Shown to nobody but the partner and admins. */
  guest?: GuestInput | null | undefined;
  /** Any text that is new for each intent; the `Idempotency-Key` header does as well, and one of them is required. */
  idempotencyKey?: string | null | undefined;
  /** How to pay. */
  paymentMethod: BookingPaymentMethod;
  /** For CARD: what the payment gateway gave you for the card. Never a card number. */
  paymentToken?: string | null | undefined;
  /** The quote: it sets vehicle, time and price, and is good for one booking. */
  quoteId: string;
};

/** A new car for the rental fleet. */
export type CreateVehicleInput = {
  /** Its class. */
  category: VehicleCategory;
  /** Price of one day. */
  dailyRate: MoneyInput;
  /** What it offers. */
  features?: Array<string> | null | undefined;
  /** What it runs on. */
  fuelType: FuelType;
  /** Who built it. */
  make: string;
  /** What they call it. */
  model: string;
  /** Licence plate. */
  plate: string;
  /** Where it is parked; the station when not given. */
  position?: PointInput | null | undefined;
  /** Seats, the driver included. */
  seats: number;
  /** Where it belongs. */
  stationId: string;
  /** How gears are changed. */
  transmission: Transmission;
  /** Model year. */
  year: number;
};

/** An area to be drawn on the map. */
export type CreateZoneInput = {
  /** What is to hold there. */
  kind: ZoneKind;
  /** What people call it, in up to 100 characters. */
  name: string;
  /** Its corners in order, 3 to 500 of them, the first one again as the last. It must not cross itself, nor reach further than 300 km. */
  polygon: Array<PointInput>;
};

/** A range of prices per day, both ends included. */
export type DailyRateFilter = {
  /** Not above this. */
  max?: string | null | undefined;
  /** Not below this. */
  min?: string | null | undefined;
};

/** What is broken, and what that costs. */
export type DamageInput = {
  /** What it costs, in the booking's currency. */
  fee: MoneyInput;
  /** What is broken, in at most 1000 characters. */
  note: string;
};

/** An admin’s word on something that was found. */
export type DecisionInput = {
  /** Which one. */
  id: string;
  /** Why, for those who look later; up to 500 characters. */
  note: string;
};

/** REQUESTED at pick-up, and then HELD, or DECLINED when wallet or card do not give it; at return RELEASED, or CAPTURED when something of it was taken. */
export type DepositStatus =
  | 'CAPTURED'
  | 'COMPLETED'
  | 'DECLINED'
  | 'FLAGGED'
  | 'HELD'
  | 'PENDING'
  | 'RELEASED'
  | 'REQUESTED'
  | 'REVERSED';

/** LEDGER_UNBALANCED: accounts do not add up to zero. BALANCE_MISMATCH: a balance is not the sum of its entries. HOLDS_MISMATCH: what is set aside is not what holds say. CHAIN_BROKEN: an entry was changed. TRIP_NOT_SETTLED, BOOKING_NOT_PAID: done or confirmed without its money. CANCELLED_WITH_MONEY: more than the fee is left. HOLD_OVERDUE: set aside for too long. GATEWAY_CALL_OVERDUE: no answer for an hour. REFUND_REFUSED: the gateway will not give money back to a card. SETTLEMENT_AMOUNT: a trip or booking is on the books with another amount than it costs. RECEIVABLE_MISMATCH: what a person owes is not what the payments say. WEBHOOK_UNKNOWN_ORDER: paid, and not for an order of ours. DEPOSIT_NOT_POSTED, PAYOUT_NOT_POSTED: done, and not on the books. Other DEPOSIT_…: ours and the gateway’s word differ. SETTLEMENT_UNAVAILABLE: the gateway gave no report. */
export type DiscrepancyKind =
  | 'BALANCE_MISMATCH'
  | 'BOOKING_NOT_PAID'
  | 'CANCELLED_WITH_MONEY'
  | 'CHAIN_BROKEN'
  | 'DEPOSIT_AMOUNT'
  | 'DEPOSIT_NOT_CREDITED'
  | 'DEPOSIT_NOT_POSTED'
  | 'DEPOSIT_NOT_SETTLED'
  | 'GATEWAY_CALL_OVERDUE'
  | 'HOLDS_MISMATCH'
  | 'HOLD_OVERDUE'
  | 'LEDGER_UNBALANCED'
  | 'PAYOUT_NOT_POSTED'
  | 'RECEIVABLE_MISMATCH'
  | 'REFUND_REFUSED'
  | 'SETTLEMENT_AMOUNT'
  | 'SETTLEMENT_UNAVAILABLE'
  | 'TRIP_NOT_SETTLED'
  | 'WEBHOOK_UNKNOWN_ORDER';

/** OPEN: somebody has to look. RESOLVED: an admin has explained it, or it is no longer found. */
export type DiscrepancyStatus =
  | 'OPEN'
  | 'RESOLVED';

/** PENDING until an admin has looked at the papers; only APPROVED drivers can go online. */
export type DriverApproval =
  | 'APPROVED'
  | 'PENDING'
  | 'SUSPENDED';

/** What a paper is: the licence to drive, the papers of the car, its insurance. */
export type DriverDocumentKind =
  | 'INSURANCE'
  | 'LICENCE'
  | 'VEHICLE_REGISTRATION';

/** Where a driver was at a time. */
export type DriverLocationInput = {
  /** How far off the point may be, in metres. */
  accuracyM?: number | null | undefined;
  /** Which driver: `drv_…`. */
  driverId: string;
  /** Degrees from north, clockwise, 0 to 360. */
  heading?: number | null | undefined;
  /** True when the system of the device says that an app invents its positions. Such points are not believed. */
  mocked?: boolean | null | undefined;
  /** Where. */
  point: PointInput;
  /** When, by the device's clock. Points are ordered by it; more than 30 s ahead of our clock is refused. */
  recordedAt: string;
  /** Speed in km/h. */
  speedKmh?: number | null | undefined;
};

/** FAVOURITE is asked before others who are as good; BLOCKED is never asked for your trips. */
export type DriverPreferenceKind =
  | 'BLOCKED'
  | 'FAVOURITE';

/** GOOD, or POOR for a day after repeated points that cannot be true: no offers then. */
export type DriverStanding =
  | 'GOOD'
  | 'POOR';

/** AVAILABLE gets offers; OFFERED has one to answer; BUSY is on a trip; COOLDOWN rests for a minute after it. */
export type DriverState =
  | 'AVAILABLE'
  | 'BUSY'
  | 'COOLDOWN'
  | 'OFFERED'
  | 'OFFLINE';

/** A rental that will end later than agreed. */
export type ExpectLateReturnInput = {
  /** Which booking. */
  bookingId: string;
  /** When the car is expected back. */
  expectedAt: string;
};

/** A payout that could not be made by hand. */
export type FailPayoutInput = {
  /** True: only say what would come of it, by the same rules. False when not given. */
  dryRun?: boolean | null | undefined;
  /** Which withdrawal. */
  id: string;
  /** Why, for the driver to read; up to 500 characters. */
  reason: string;
};

/** What a class of ride is to cost over a period. */
export type FareRateInput = {
  /** For getting in. */
  base: MoneyInput;
  /** Added to every ride. */
  bookingFee: MoneyInput;
  /** For cancelling more than two minutes after a driver accepted. */
  cancellationFee: MoneyInput;
  /** From when on: the table's first moment, or where the period before ends. */
  from: string;
  /** No ride costs less. */
  minimum: MoneyInput;
  /** Per kilometre. */
  perKm: MoneyInput;
  /** Per minute of the ride. */
  perMinute: MoneyInput;
  /** Until when; leave it out in the last period of each class. */
  until?: string | null | undefined;
  /** Of this class of ride. */
  vehicleType: VehicleType;
  /** Minutes that the driver waits at the pickup for nothing, 0 to 60. */
  waitingFreeMinutes: number;
  /** For every begun minute of waiting after that. */
  waitingPerMinute: MoneyInput;
};

/** A rate table. It begins in the future, names all four classes, and has neither gap nor overlap. */
export type FareTableInput = {
  /** Why, in up to 500 characters. */
  note?: string | null | undefined;
  /** Its rows, up to 60. */
  rates: Array<FareRateInput>;
};

/** HIGH_VELOCITY: more than 10 transactions in an hour. UNUSUAL_AMOUNT: more than ten times what is usual for the person. RAPID_WITHDRAWAL: more than 90 % of what was put in within a day is taken out. REPEATED_FAILURES: payments that failed again and again. CIRCULAR_TRIPS: two people who drive each other. */
export type FraudKind =
  | 'CIRCULAR_TRIPS'
  | 'HIGH_VELOCITY'
  | 'RAPID_WITHDRAWAL'
  | 'REPEATED_FAILURES'
  | 'UNUSUAL_AMOUNT';

/** OPEN: nobody has looked yet; withdrawals wait. CLEARED: nothing was wrong. CONFIRMED: something was; withdrawals are not approved. */
export type FraudStatus =
  | 'CLEARED'
  | 'CONFIRMED'
  | 'OPEN';

/** What a vehicle runs on. */
export type FuelType =
  | 'DIESEL'
  | 'ELECTRIC'
  | 'HYBRID'
  | 'PETROL';

/** Money that a partner paid in outside of the gateway. */
export type FundPartnerWalletInput = {
  /** How much came, in EGP. */
  amount: MoneyInput;
  /** True: only say what would come of it, by the same rules; needs no key. False when not given. */
  dryRun?: boolean | null | undefined;
  /** Any text that is new for each intent; sent again, nothing more is put in. The `Idempotency-Key` header does as well. */
  idempotencyKey?: string | null | undefined;
  /** Whose wallet: the user that the partner signs in as, `usr_…`. */
  partnerId: string;
  /** Where it came from, for other admins: such as the number of the bank transfer; at most 500 characters, without names. */
  reason: string;
};

/** For whom a partner books. */
export type GuestInput = {
  /** E-mail address. */
  email?: string | null | undefined;
  /** Name, as on the driving licence. */
  name: string;
  /** Phone number. */
  phone?: string | null | undefined;
};

/** THUMB is at most 320 pixels wide and high, CARD 800, FULL 1600; smaller pictures are not enlarged. */
export type ImageSize =
  | 'CARD'
  | 'FULL'
  | 'THUMB';

/** PROCESSING while renditions are made, READY when the vehicle shows it, FAILED when it could not be rendered: delete it and upload another. */
export type ImageUploadStatus =
  | 'FAILED'
  | 'PROCESSING'
  | 'READY';

/** Money to put into the own wallet. */
export type InitiateDepositInput = {
  /** How much, in EGP. */
  amount: MoneyInput;
  /** Any text that is new for each intent; sent again, it gets the same deposit. The `Idempotency-Key` header does as well. */
  idempotencyKey?: string | null | undefined;
};

/** Where a device was at a time. */
export type LocationInput = {
  /** How far off the point may be, in metres. */
  accuracyM?: number | null | undefined;
  /** Degrees from north, clockwise, 0 to 360. */
  heading?: number | null | undefined;
  /** True when the system of the device says that an app invents its positions. Such points are not believed. */
  mocked?: boolean | null | undefined;
  /** Where. */
  point: PointInput;
  /** When, by the device's clock. Points are ordered by it; more than 30 s ahead of our clock is refused. */
  recordedAt: string;
  /** Speed in km/h. */
  speedKmh?: number | null | undefined;
};

/** Why a point was not taken. */
export type LocationRejectionReason =
  /** It is more than 30 s ahead of our clock. */
  | 'FROM_THE_FUTURE'
  /** It is not a place on earth, or one of its measures is out of range. */
  | 'INVALID_POINT'
  /** It cannot be true, and has been noted (`locationFlags`). */
  | 'SUSPICIOUS'
  /** It is more than an hour ago, for `updateLocation`, or more than a day. */
  | 'TOO_OLD'
  /** We could not look whether there is such a driver. Send it again. */
  | 'TRY_AGAIN'
  /** There is no such driver. */
  | 'UNKNOWN_DRIVER';

/** Why a point was not believed. */
export type LocationSuspicion =
  /** Exactly the same place many times, while the device says that it moves. */
  | 'FROZEN'
  /** Further from the last believed point than a car can drive in that time. */
  | 'IMPOSSIBLE_SPEED'
  /** The device says that an app invents its positions. */
  | 'MOCKED'
  /** More than 50 km from the last believed point, in no time. */
  | 'TELEPORT';

/** A way in which matching goes on when something is wrong. POSITIONS_FROM_POSTGRES: positions in memory do not answer, drivers are found by the last that was written down. OVERLOAD: too many search; rounds are longer and riders see their place in the queue. */
export type MatchingMode =
  | 'OVERLOAD'
  | 'POSITIONS_FROM_POSTGRES';

/** How a trip finds its driver. FIRST_ACCEPT: the best five are asked, the first who accepts has it. SEQUENTIAL: one after the other, then ten at once. BROADCAST_BID: ten name their price and the rider chooses. SCHEDULED: for later, with a second driver who stands by. */
export type MatchingStrategy =
  | 'BATCHED'
  | 'BROADCAST_BID'
  | 'FIRST_ACCEPT'
  | 'SCHEDULED'
  | 'SEQUENTIAL';

/** INBOUND came to us, OUTBOUND went from us. */
export type MessageDirection =
  | 'INBOUND'
  | 'OUTBOUND';

/** An amount of money. */
export type MoneyInput = {
  /** Such as `"12.50"`; no more digits after the point than the currency has. */
  amount: string;
  /** ISO 4217 code, such as `EGP`. */
  currency: string;
};

/** A circle. */
export type NearFilter = {
  /** Its centre. */
  point: PointInput;
  /** Its radius in kilometres, up to 200. */
  radiusKm?: number;
};

/** What a notification is about. More kinds may be added: show `title` and `body` of those that you do not know. */
export type NotificationKind =
  | 'BOOKING_AT_RISK'
  | 'BOOKING_CANCELLED'
  | 'BOOKING_CHANGED'
  | 'BOOKING_CONFIRMED'
  | 'BOOKING_EXPIRED'
  | 'BOOKING_NO_SHOW'
  | 'BOOKING_OVERDUE'
  | 'BOOKING_REMINDER'
  | 'BOOKING_RETURNED'
  | 'BOOKING_STARTED'
  | 'DEPOSIT_COMPLETED'
  | 'DRIVER_APPROVED'
  | 'DRIVER_REGISTERED'
  | 'DRIVER_SUSPENDED'
  | 'FRAUD_FLAGGED'
  | 'PAYMENT_FAILED'
  | 'PAYMENT_REFUNDED'
  | 'RECEIPT'
  | 'RECONCILIATION_DISCREPANCY'
  | 'TRIP_ACCEPTED'
  | 'TRIP_ARRIVED'
  | 'TRIP_CANCELLED'
  | 'TRIP_COMPLETED'
  | 'TRIP_NO_DRIVERS'
  | 'TRIP_ROUTE_CHANGED'
  | 'TRIP_STARTED'
  | 'WELCOME'
  | 'WITHDRAWAL_APPROVED'
  | 'WITHDRAWAL_FAILED'
  | 'WITHDRAWAL_PAID'
  | 'WITHDRAWAL_REJECTED'
  | 'WITHDRAWAL_REQUESTED';

/** PENDING can be answered until it expires; WITHDRAWN went to another driver or was cancelled; STANDBY is that of a driver who stands by. */
export type OfferStatus =
  | 'ACCEPTED'
  | 'DECLINED'
  | 'EXPIRED'
  | 'PENDING'
  | 'STANDBY'
  | 'WITHDRAWN';

/** TAKE: `acceptOffer` gets you the trip at the quoted price. BID: name your price with `bidOnOffer`. STAND_BY: `acceptOffer` makes you the one who has the trip if its driver cancels; you go on getting offers. */
export type OfferTerms =
  | 'BID'
  | 'STAND_BY'
  | 'TAKE';

/** A partner's wallet, and its credit. */
export type OpenPartnerWalletInput = {
  /** How far it may go below zero, in EGP. None when not given: prepaid. */
  creditLimit?: MoneyInput | null | undefined;
  /** True: only say what would come of it, by the same rules. False when not given. */
  dryRun?: boolean | null | undefined;
  /** Whose: the user that the partner signs in as, `usr_…`. */
  partnerId: string;
};

/** PENDING: asked for. AUTHORISED: promised. CAPTURED: taken. DECLINED: not promised. FAILED: could not be taken in the end; a rider owes it. VOIDED: the promise was given back. REFUNDED: given back after it was taken, less a fee. */
export type PaymentStatus =
  | 'AUTHORISED'
  | 'CAPTURED'
  | 'DECLINED'
  | 'FAILED'
  | 'PENDING'
  | 'REFUNDED'
  | 'VOIDED';

/** A place on earth (WGS 84). */
export type PointInput = {
  /** Latitude in degrees, -90 to 90. */
  lat: number;
  /** Longitude in degrees, -180 to 180. */
  lng: number;
};

/** Something that makes rides from around it dearer for a time. Either `polygon`, or `centre` and `radiusKm`. */
export type PriceEventInput = {
  /** Middle of a circle. */
  centre?: PointInput | null | undefined;
  /** Until when: in the future, and within 14 days of `startsAt`. */
  endsAt: string;
  /** By how much prices are multiplied: 1.0 to 2.0. */
  multiplier: number;
  /** What it is, in up to 80 characters. Riders see it nowhere. */
  name: string;
  /** Corners in order, 3 to 100. Edges must not cross. */
  polygon?: Array<PointInput> | null | undefined;
  /** Radius of the circle, up to 20. */
  radiusKm?: number | null | undefined;
  /** From when on. */
  startsAt: string;
};

/** A rental to be priced. */
export type QuoteRentalInput = {
  /** A CONFIRMED booking of yours that this is to change, with `changeBooking`: its own time is not in the way. */
  changesBookingId?: string | null | undefined;
  /** Age of the youngest driver, in years: 18 or above; under 25 costs a fee. Left out it says 25 or above: a younger driver pays the fee after pick-up, when the licence is seen. */
  driverAge?: number | null | undefined;
  /** What to add, each at most once. */
  extras?: Array<RentalExtra> | null | undefined;
  /** Pick-up; must be in the future. */
  pickupAt: string;
  /** A code that makes it cheaper. */
  promoCode?: string | null | undefined;
  /** Return: 1 hour to 90 days after pick-up. */
  returnAt: string;
  /** Where the car is returned, when not at `RentalQuote.pickupStation`; costs a fee. Refused with ONE_WAY_NOT_POSSIBLE when the next customer comes for the car elsewhere: `details.requiredReturnStationId` and `details.nextPickupAt` say where and when. */
  returnStationId?: string | null | undefined;
  /** Which vehicle. */
  vehicleId: string;
};

/** A trip that somebody thinks of. */
export type QuoteTripInput = {
  /** When it is to begin, up to 30 days ahead, at a price that is then fixed; now when not given. */
  departAt?: string | null | undefined;
  /** Where it ends. */
  destination: PointInput;
  /** Where it begins. */
  pickup: PointInput;
  /** For these classes of ride; for all when not given. */
  vehicleTypes?: Array<VehicleType> | null | undefined;
};

/** How a trip was. */
export type RateTripInput = {
  /** Why, in up to 500 characters. */
  comment?: string | null | undefined;
  /** 1 to 5. */
  stars: number;
  /** Which trip. */
  tripId: string;
};

/** What to give back of a payment. */
export type RefundPaymentInput = {
  /** How much of it, in EGP; all that was taken and not given back yet when not given. */
  amount?: MoneyInput | null | undefined;
  /** True: only say what would come of it, by the same rules; needs no key. False when not given. */
  dryRun?: boolean | null | undefined;
  /** Any text that is new for each intent; sent again, nothing more is given back. The `Idempotency-Key` header does as well. */
  idempotencyKey?: string | null | undefined;
  /** Which payment: `payment { id }` of the booking or trip. */
  paymentId: string;
  /** Why, in words for other admins; at most 500 characters, without names. */
  reason: string;
};

/** What a driver drives. */
export type RegisterDriverInput = {
  /** Number of the driver's licence. Shown to nobody but admins. */
  licenceNumber: string;
  /** Who built the car, such as `Toyota`. */
  make: string;
  /** What they call it, such as `Corolla`. */
  model: string;
  /** Licence plate. */
  plate: string;
  /** Seats, the driver included. */
  seats: number;
  /** Class of rides that the car is for. */
  vehicleType: VehicleType;
  /** Model year. */
  year: number;
};

/** What can be added to a rental, priced per day. */
export type RentalExtra =
  | 'CHILD_SEAT'
  | 'EXTRA_DRIVER'
  | 'FULL_INSURANCE'
  | 'GPS';

/** When a car changes hands. */
export type RentalMoment =
  | 'PICKUP'
  | 'RETURN';

/** A booking to be moved to a car like its own. */
export type ReplaceVehicleInput = {
  /** Which booking. */
  bookingId: string;
  /** The car: one of `Booking.replacements`. */
  vehicleId: string;
};

/** An answer to the participant of a thread. */
export type ReplyInput = {
  /** New for each intent: the same key again does not send the answer twice. */
  idempotencyKey?: string | null | undefined;
  /** The answer, plain text of at most 20,000 characters. */
  text: string;
  /** Which thread. */
  threadId: string;
};

/** How finely a report is divided: days, weeks from Monday, or months. */
export type ReportPeriod =
  | 'DAY'
  | 'MONTH'
  | 'WEEK';

/** QUEUED: not begun. RUNNING: some of it is there. DONE: `content` is the whole of it. FAILED: it will not be made; `problem` says why. */
export type ReportStatus =
  | 'DONE'
  | 'FAILED'
  | 'QUEUED'
  | 'RUNNING';

/** A paper that a driver is about to send a picture of. */
export type RequestDriverDocumentInput = {
  /** `image/jpeg`, `image/png`, `image/webp` or `image/avif`. */
  contentType: string;
  /** The last day on which it is good, as it says on it. */
  expiresOn: string;
  /** Name of the file; its extension has to fit the content-type. */
  fileName: string;
  /** What it is. */
  kind: DriverDocumentKind;
};

/** A picture that is about to be uploaded. */
export type RequestImageUploadInput = {
  /** What it shows, in at most 200 characters, for those who do not see it. */
  alt: string;
  /** `image/jpeg`, `image/png`, `image/webp` or `image/avif`. */
  contentType: string;
  /** Name of the file; its extension has to fit its type. */
  fileName: string;
  /** Of which vehicle. */
  vehicleId: string;
};

/** A photo that is about to be uploaded. */
export type RequestRentalPhotoInput = {
  /** Of which booking. */
  bookingId: string;
  /** `image/jpeg`, `image/png`, `image/webp` or `image/avif`. */
  contentType: string;
  /** Name of the file; its extension has to fit its type. */
  fileName: string;
  /** PICKUP for a CONFIRMED or ACTIVE booking, RETURN for an ACTIVE or COMPLETED one. */
  moment: RentalMoment;
};

/** A report as a file. */
export type RequestReportInput = {
  /** First day. */
  from: string;
  /** Any text that is new for each intent; sent again, it gets the same report. The `Idempotency-Key` header does as well. */
  idempotencyKey?: string | null | undefined;
  /** How finely it is divided; at most 366 periods. */
  period: ReportPeriod;
  /** Last day; the whole period that it lies in is in the report. */
  to: string;
};

/** A trip that somebody wants. */
export type RequestTripInput = {
  /** Where it ends, if you want us to check that the quote is for it (within 100 m). */
  destination?: PointInput | null | undefined;
  /** Any text that is new for each intent: repeating the call with it makes no second trip. Or send the `Idempotency-Key` header. */
  idempotencyKey?: string | null | undefined;
  /** How it is paid. */
  paymentMethod: TripPaymentMethod;
  /** The payment provider's token of a card, for CARD only. Never a card number. */
  paymentToken?: string | null | undefined;
  /** Where it begins, if you want us to check that the quote is for it (within 100 m). */
  pickup?: PointInput | null | undefined;
  /** The quote that was agreed to. */
  quoteId: string;
};

/** Money to take out of the own wallet. */
export type RequestWithdrawalInput = {
  /** Account number, IBAN or phone number, 4 to 34 letters and digits. */
  accountNumber: string;
  /** How much, in EGP; no more than is available. */
  amount: MoneyInput;
  /** True: only say what would come of it, by the same rules; needs no key. False when not given. */
  dryRun?: boolean | null | undefined;
  /** Any text that is new for each intent; sent again, it gets the same withdrawal. The `Idempotency-Key` header does as well. */
  idempotencyKey?: string | null | undefined;
  /** Where it goes. */
  method: WithdrawalMethod;
};

/** An admin’s word on money that was not credited by itself. */
export type ResolvePaymentInReviewInput = {
  /** What becomes of it. */
  decision: ReviewDecision;
  /** True: only say what would come of it, by the same rules. False when not given. */
  dryRun?: boolean | null | undefined;
  /** Which one: `whk_…`. */
  id: string;
  /** Why, for those who look later; up to 500 characters, without names. */
  note: string;
  /** Whose wallet it goes into, for an order that is not ours; of a known deposit it is its owner’s. */
  userId?: string | null | undefined;
};

/** A car that is brought back. */
export type ReturnRentalInput = {
  /** Which booking. */
  bookingId: string;
  /** Damage to be charged. */
  damage?: DamageInput | null | undefined;
  /** Fuel or charge, 0 to 100 percent; what is missing is charged. */
  fuelPercent: number;
  /** Odometer, in kilometres; not below that of the pick-up. */
  odometerKm: number;
};

/** A transaction to be taken back. */
export type RevertTransactionInput = {
  /** True: only say what it would do, by the same rules. False when not given. */
  dryRun?: boolean | null | undefined;
  /** Any text that is new for each intent; sent again, it gets the same reversal. The `Idempotency-Key` header does as well. Not for dry runs. */
  idempotencyKey?: string | null | undefined;
  /** Why, for those who look later; up to 500 characters. */
  reason: string;
  /** Which one: `txn_…`. */
  transactionId: string;
};

/** CREDIT: as much as was paid goes into the wallet. DISMISS: it is not ours to credit, such as money that was given back at the gateway. */
export type ReviewDecision =
  | 'CREDIT'
  | 'DISMISS';

/** FLAGGED: paid with another amount or currency, or in contradiction to what we know. UNKNOWN_ORDER: paid, and not for an order of ours. */
export type ReviewReason =
  | 'FLAGGED'
  | 'UNKNOWN_ORDER';

/** CREDITED: it is in a wallet. DISMISSED: it was not ours to credit. */
export type ReviewResolution =
  | 'CREDITED'
  | 'DISMISSED';

/** What a person may do. */
export type Role =
  | 'ADMIN'
  | 'CUSTOMER'
  | 'DRIVER'
  | 'PARTNER'
  | 'SUPPORT';

/** Who knows the streets. */
export type RoutingAdapter =
  /** Our own model: straight lines, a road factor, speeds by the hour. */
  | 'local'
  /** An OSRM server. */
  | 'osrm';

/** A promotion to be made or changed. */
export type SavePromotionInput = {
  /** The code: 3 to 40 letters, digits and dashes. */
  code: string;
  /** Percent off, 1 to 90. */
  percent: number;
  /** Good for quotes from then on. */
  validFrom: string;
  /** Until then, not included. */
  validTo: string;
};

/** What is to be different from now on. What is not given stays. */
export type SetMatchingStrategyInput = {
  /** Whether a ride begins only with the PIN that its rider has. */
  boardingPin?: boolean | null | undefined;
  /** For trips that begin now; not SCHEDULED. */
  strategy?: MatchingStrategy | null | undefined;
};

/** Either e-mail or phone, and the password. */
export type SignInInput = {
  /** E-mail address. */
  email?: string | null | undefined;
  /** The password. */
  password: string;
  /** Phone number. */
  phone?: string | null | undefined;
};

/** A new account: e-mail or phone or both. */
export type SignUpInput = {
  /** E-mail address. */
  email?: string | null | undefined;
  /** What others on a trip or booking see. */
  name: string;
  /** At least 8 characters with a letter and a digit, and not one of the common ones. */
  password: string;
  /** Phone number; Egyptian unless it begins with a country code. */
  phone?: string | null | undefined;
  /** To rent and ride, or to drive. */
  role: SignUpRole;
};

/** Roles that one can give oneself; the others are granted. */
export type SignUpRole =
  | 'CUSTOMER'
  | 'DRIVER';

/** A car that is handed over. */
export type StartRentalInput = {
  /** Which booking. */
  bookingId: string;
  /** Age of the driver, as on the licence. Under 25, the fee that the price left out is charged at return; under 18 the car is not handed over. */
  driverAge?: number | null | undefined;
  /** Fuel or charge, 0 to 100 percent. */
  fuelPercent: number;
  /** Odometer, in kilometres. */
  odometerKm: number;
};

/** Two bookings that exchange their cars. */
export type SwapVehiclesInput = {
  /** The one. */
  bookingId: string;
  /** The other. */
  otherBookingId: string;
};

/** What threads have to be like; everything that is given must hold. */
export type ThreadFilter = {
  /** Of this status. */
  status?: ThreadStatus | null | undefined;
  /** Words, or parts of them, that all occur in the subject, the participant's name or address, or a message. */
  text?: string | null | undefined;
  /** Only those with something unread, or only those without. */
  unread?: boolean | null | undefined;
};

/** OPEN waits for us, PENDING for the customer, CLOSED for nobody; a new mail of a person opens it again. */
export type ThreadStatus =
  | 'CLOSED'
  | 'OPEN'
  | 'PENDING';

/** How gears are changed. */
export type Transmission =
  | 'AUTOMATIC'
  | 'MANUAL';

/** How a trip is paid. */
export type TripPaymentMethod =
  | 'CARD'
  | 'CASH'
  | 'WALLET';

/** Where a trip stands. COMPLETED, CANCELLED and NO_DRIVERS are final. */
export type TripStatus =
  | 'ACCEPTED'
  | 'CANCELLED'
  | 'COMPLETED'
  | 'DRIVER_ARRIVED'
  | 'NO_DRIVERS'
  | 'REQUESTED'
  | 'SEARCHING'
  | 'STARTED';

/** SNAPSHOT is the present state, STATE a change of it, POSITION the newest place of the driver. */
export type TripUpdateKind =
  | 'POSITION'
  | 'SNAPSHOT'
  | 'STATE';

/** Changes of a vehicle; what is not given stays. */
export type UpdateVehicleInput = {
  /** Its class. */
  category?: VehicleCategory | null | undefined;
  /** Price of one day. Quotes that were given stay as they are. */
  dailyRate?: MoneyInput | null | undefined;
  /** What it offers: replaces the list. */
  features?: Array<string> | null | undefined;
  /** What it runs on. */
  fuelType?: FuelType | null | undefined;
  /** Which vehicle. */
  id: string;
  /** Who built it. */
  make?: string | null | undefined;
  /** What they call it. */
  model?: string | null | undefined;
  /** Licence plate. */
  plate?: string | null | undefined;
  /** Where it is parked. */
  position?: PointInput | null | undefined;
  /** Seats, the driver included. */
  seats?: number | null | undefined;
  /** Where it belongs. */
  stationId?: string | null | undefined;
  /** ACTIVE or MAINTENANCE; `retireVehicle` retires. */
  status?: VehicleStatus | null | undefined;
  /** How gears are changed. */
  transmission?: Transmission | null | undefined;
  /** The `version` that you have read; a stale one is refused with CONFLICT. */
  version: number;
  /** Model year. */
  year?: number | null | undefined;
};

/** Class of a vehicle: sets its commission, preparation time and what it may be swapped for. */
export type VehicleCategory =
  | 'COMFORT'
  | 'ECONOMY'
  | 'LUXURY'
  | 'PREMIUM'
  | 'SPORTS'
  | 'SUV'
  | 'XL';

/** What a vehicle has to be like; everything that is given must hold. */
export type VehicleFilter = {
  /** Can be booked for exactly this time, the preparation after it included: at most 366 days that are not over. Follows bookings within seconds; `Vehicle.availability` is exact. */
  available?: AvailableFilter | null | undefined;
  /** One of these classes. */
  categories?: Array<VehicleCategory> | null | undefined;
  /** Price per day. */
  dailyRate?: DailyRateFilter | null | undefined;
  /** All of these features. */
  features?: Array<string> | null | undefined;
  /** One of these fuels. */
  fuelTypes?: Array<FuelType> | null | undefined;
  /** At least so many seats. */
  minSeats?: number | null | undefined;
  /** Parked inside this circle. */
  near?: NearFilter | null | undefined;
  /** At this station. */
  stationId?: string | null | undefined;
  /** Words about make, model, features or station; typing errors are forgiven. */
  text?: string | null | undefined;
  /** One of these transmissions. */
  transmissions?: Array<Transmission> | null | undefined;
};

/** DISTANCE needs `filter.near`, RELEVANCE needs `filter.text`; without them the order is PRICE_ASC. */
export type VehicleSort =
  | 'DISTANCE'
  | 'NEWEST'
  | 'PRICE_ASC'
  | 'PRICE_DESC'
  | 'RELEVANCE';

/** ACTIVE can be rented; MAINTENANCE not at present; RETIRED never again, but is still readable from old bookings. */
export type VehicleStatus =
  | 'ACTIVE'
  | 'MAINTENANCE'
  | 'RETIRED';

/** Class of a ride. A better car may come than was ordered, at the ordered price. */
export type VehicleType =
  | 'COMFORT'
  | 'ECONOMY'
  | 'PREMIUM'
  | 'XL';

/** A debt that nobody will collect. */
export type WaiveDebtInput = {
  /** True: only say what would come of it, by the same rules. False when not given. */
  dryRun?: boolean | null | undefined;
  /** Of which payment: one that is FAILED and has something `owed`. */
  paymentId: string;
  /** Why, in words for other admins; at most 500 characters, without names. */
  reason: string;
};

/** Why money moved: HOLD sets it aside for a booking, trip or withdrawal, HOLD_RELEASE gives it back; the others name what was paid. */
export type WalletEntryKind =
  | 'BOOKING_PAYMENT'
  | 'CANCELLATION_FEE'
  | 'DEBT_PAYMENT'
  | 'DEPOSIT'
  | 'HOLD'
  | 'HOLD_RELEASE'
  | 'OPENING_BALANCE'
  | 'REFUND'
  | 'REVERSAL'
  | 'TRIP_SETTLEMENT'
  | 'WALLET_MERGE'
  | 'WITHDRAWAL_PAYOUT';

/** Where the money goes: a bank account, or a mobile wallet. */
export type WithdrawalMethod =
  | 'BANK'
  | 'MOBILE_WALLET';

/** REQUESTED: the money is held. APPROVED: on its way. PAID: sent. REJECTED: refused with a reason; the money is back in the wallet. FAILED: the bank refused it; the money is back in the wallet. */
export type WithdrawalStatus =
  | 'APPROVED'
  | 'FAILED'
  | 'PAID'
  | 'REJECTED'
  | 'REQUESTED';

/** What holds in an area of the map. */
export type ZoneKind =
  /** Drivers wait in line here: pickups in it go to who has waited longest. */
  | 'AIRPORT_QUEUE'
  /** Nobody is picked up here. */
  | 'RESTRICTED'
  /** Trips begin and end only in one of these. While there is none, a circle around the city counts. */
  | 'SERVICE_AREA';

export type SignInMutationVariables = Exact<{
  input: SignInInput;
}>;


export type SignInMutation = { signIn: { accessToken: string, refreshToken: string, expiresAt: string, user: { id: string, name: string, email: string | null, phone: string | null, roles: Array<Role> | null } } };

export type PersonFragment = { id: string, name: string, email: string | null, phone: string | null, roles: Array<Role> | null };

export type SignUpMutationVariables = Exact<{
  input: SignUpInput;
}>;


export type SignUpMutation = { signUp: { accessToken: string, refreshToken: string, expiresAt: string, user: { id: string, name: string, email: string | null, phone: string | null, roles: Array<Role> | null } } };

export type RefreshSessionMutationVariables = Exact<{
  refreshToken: string;
}>;


export type RefreshSessionMutation = { refreshSession: { accessToken: string, refreshToken: string, expiresAt: string, user: { id: string, name: string, email: string | null, phone: string | null, roles: Array<Role> | null } } };

export type MeQueryVariables = Exact<{ [key: string]: never; }>;


export type MeQuery = { me: { id: string, name: string, email: string | null, phone: string | null, roles: Array<Role> | null, wallet: { balance: { amount: string, currency: string }, available: { amount: string, currency: string } } | null } | null };

export type WalletStateFragment = { balance: { amount: string, currency: string }, available: { amount: string, currency: string } };

export type SignOutMutationVariables = Exact<{ [key: string]: never; }>;


export type SignOutMutation = { signOut: boolean };

export type QuoteBreakdownMutationVariables = Exact<{
  input: QuoteTripInput;
}>;


export type QuoteBreakdownMutation = { quoteTrip: Array<{ id: string, vehicleType: VehicleType, surgeReason: string | null, distanceM: number, pickupEtaSeconds: number | null, tripEtaSeconds: number, departAt: string | null, expiresAt: string, price: { amount: string, currency: string }, priceRange: { low: { amount: string }, high: { amount: string } }, lines: Array<{ label: string, amount: { amount: string } }>, multipliers: { timeOfDay: number, traffic: number, event: number, surge: number } | null }> };

export type PriceEventsQueryVariables = Exact<{ [key: string]: never; }>;


export type PriceEventsQuery = { priceEvents: Array<{ id: string, name: string, multiplier: number, radiusKm: number | null, startsAt: string, endsAt: string, polygon: Array<{ lat: number, lng: number }> | null, centre: { lat: number, lng: number } | null }> };

export type EndPriceEventMutationVariables = Exact<{
  eventId: string;
}>;


export type EndPriceEventMutation = { endPriceEvent: { id: string, endedAt: string | null } };

export type OnboardDriverMutationVariables = Exact<{
  input: RegisterDriverInput;
}>;


export type OnboardDriverMutation = { registerDriver: { id: string, approval: DriverApproval } };

export type AdmitDriverMutationVariables = Exact<{
  id: string;
}>;


export type AdmitDriverMutation = { approveDriver: { id: string, approval: DriverApproval } };

export type SendPositionsMutationVariables = Exact<{
  input: Array<DriverLocationInput> | DriverLocationInput;
}>;


export type SendPositionsMutation = { ingestLocations: { accepted: number, rejected: number } };

export type ChooseStrategyMutationVariables = Exact<{
  input: SetMatchingStrategyInput;
}>;


export type ChooseStrategyMutation = { setMatchingStrategy: { strategy: MatchingStrategy, boardingPin: boolean } };

export type ChangeDestinationMutationVariables = Exact<{
  tripId: string;
  quoteId: string;
}>;


export type ChangeDestinationMutation = { changeDestination: { id: string, status: TripStatus, destination: { lat: number, lng: number }, agreedFare: { amount: string, currency: string } | null } };

export type RoutingStateQueryVariables = Exact<{ [key: string]: never; }>;


export type RoutingStateQuery = { routingState: { adapter: RoutingAdapter, breaker: BreakerState, answeredByServer: number, answeredByCache: number, answeredByModel: number } };

export type RequestDriverDocumentMutationVariables = Exact<{
  input: RequestDriverDocumentInput;
}>;


export type RequestDriverDocumentMutation = { requestDriverDocument: { id: string, url: string, contentType: string, maxBytes: number, expiresAt: string } };

export type DriverPapersQueryVariables = Exact<{
  approval?: DriverApproval | null | undefined;
  first?: number | null | undefined;
}>;


export type DriverPapersQuery = { drivers: { nodes: Array<{ id: string, plate: string, approval: DriverApproval, documents: Array<{ id: string, kind: DriverDocumentKind, expiresOn: string, isGood: boolean, url: string }> | null }> } };

export type SurgeMapQueryVariables = Exact<{
  near: PointInput;
  radiusKm?: number | null | undefined;
  onlyRaised?: boolean | null | undefined;
}>;


export type SurgeMapQuery = { surgeMap: Array<{ cell: string, surge: number, surgeReason: string | null, center: { lat: number, lng: number } }> };

export type QuoteDestinationChangeMutationVariables = Exact<{
  tripId: string;
  destination: PointInput;
}>;


export type QuoteDestinationChangeMutation = { quoteDestinationChange: { id: string, distanceM: number, expiresAt: string, price: { amount: string, currency: string }, lines: Array<{ label: string, amount: { amount: string } }> } };

export type WhyTripQueryVariables = Exact<{
  id: string;
}>;


export type WhyTripQuery = { trip: { id: string, why: { match: string | null, driversAsked: number, pickupDistanceM: number | null, surge: number, surgeReason: string | null, batch: { riders: number, drivers: number, pickupSeconds: number, nearestSeconds: number } | null } | null } | null };

export type RepositionHintQueryVariables = Exact<{ [key: string]: never; }>;


export type RepositionHintQuery = { repositionHint: { expectedRequests: number, availableDrivers: number, distanceM: number, place: { lat: number, lng: number } } | null };

export type FareRatesQueryVariables = Exact<{
  at?: string | null | undefined;
}>;


export type FareRatesQuery = { fareRates: Array<{ vehicleType: VehicleType, waitingFreeMinutes: number, base: { amount: string }, perKm: { amount: string }, perMinute: { amount: string }, minimum: { amount: string }, waitingPerMinute: { amount: string } }> };

export type PublishFareTableMutationVariables = Exact<{
  input: FareTableInput;
}>;


export type PublishFareTableMutation = { publishFareTable: { id: string, effectiveFrom: string, rates: Array<{ vehicleType: VehicleType, from: string, until: string | null }> } };

export type FareTablesQueryVariables = Exact<{ [key: string]: never; }>;


export type FareTablesQuery = { fareTables: Array<{ id: string, effectiveFrom: string, publishedAt: string, note: string | null, rates: Array<{ vehicleType: VehicleType, from: string, until: string | null, base: { amount: string }, perKm: { amount: string }, perMinute: { amount: string } }> }> };

export type CreatePriceEventMutationVariables = Exact<{
  input: PriceEventInput;
}>;


export type CreatePriceEventMutation = { createPriceEvent: { id: string, name: string, multiplier: number, startsAt: string, endsAt: string } };

export type LedgerHealthQueryVariables = Exact<{ [key: string]: never; }>;


export type LedgerHealthQuery = { ledgerHealth: { balanced: boolean, openDiscrepancies: number, openFraudFlags: number, totals: Array<{ type: AccountType, accounts: number, balance: { amount: string, currency: string } }>, lastReconciliation: { id: string, date: string, ok: boolean, createdAt: string } | null, violations: Array<{ kind: string, reference: string, since: string }> } };

export type FinancialReportQueryVariables = Exact<{
  from: string;
  to: string;
  period?: ReportPeriod | null | undefined;
}>;


export type FinancialReportQuery = { financialReport: Array<{ from: string, trips: number, bookings: number, tripFares: { amount: string, currency: string }, platformFees: { amount: string, currency: string }, deposits: { amount: string, currency: string }, withdrawals: { amount: string, currency: string }, outstanding: { amount: string, currency: string } }> };

export type RequestReportMutationVariables = Exact<{
  input: RequestReportInput;
}>;


export type RequestReportMutation = { requestReport: { id: string, status: ReportStatus, progress: number } };

export type ReportFileQueryVariables = Exact<{
  id: string;
}>;


export type ReportFileQuery = { reportFile: { id: string, status: ReportStatus, progress: number, content: string | null, csvUrl: string | null, pdfUrl: string | null } | null };

export type DiscrepanciesFoundQueryVariables = Exact<{
  status?: DiscrepancyStatus | null | undefined;
}>;


export type DiscrepanciesFoundQuery = { discrepanciesFound: { totalCount: number, nodes: Array<{ id: string, kind: DiscrepancyKind, status: DiscrepancyStatus, expected: string, actual: string, reference: string, note: string | null, foundAt: string }> } };

export type ResolveDiscrepancyMutationVariables = Exact<{
  input: DecisionInput;
}>;


export type ResolveDiscrepancyMutation = { resolveDiscrepancy: { id: string, status: DiscrepancyStatus, note: string | null } };

export type FraudFlagsQueryVariables = Exact<{
  status?: FraudStatus | null | undefined;
  userId?: string | null | undefined;
}>;


export type FraudFlagsQuery = { fraudFlags: { totalCount: number, nodes: Array<{ id: string, kind: FraudKind, status: FraudStatus, evidence: string, note: string | null, raisedAt: string, user: { id: string, name: string } }> } };

export type ClearFraudFlagMutationVariables = Exact<{
  input: DecisionInput;
}>;


export type ClearFraudFlagMutation = { clearFraudFlag: { id: string, status: FraudStatus, note: string | null } };

export type ConfirmFraudFlagMutationVariables = Exact<{
  input: DecisionInput;
}>;


export type ConfirmFraudFlagMutation = { confirmFraudFlag: { id: string, status: FraudStatus, note: string | null } };

export type LedgerTransactionsQueryVariables = Exact<{
  reference?: string | null | undefined;
  first?: number | null | undefined;
  after?: string | null | undefined;
}>;


export type LedgerTransactionsQuery = { ledgerTransactions: { nodes: Array<{ id: string, kind: WalletEntryKind, reference: string, recordedAt: string, revertedBy: string | null, entries: Array<{ accountType: AccountType, amount: { amount: string, currency: string }, balanceAfter: { amount: string, currency: string } }> }>, pageInfo: { hasNextPage: boolean, endCursor: string | null } } };

export type RevertTransactionMutationVariables = Exact<{
  input: RevertTransactionInput;
}>;


export type RevertTransactionMutation = { revertTransaction: { dryRun: boolean, transaction: { id: string } | null, entries: Array<{ accountType: AccountType, amount: { amount: string, currency: string }, balanceAfter: { amount: string, currency: string } }> } };

export type WalletStatementQueryVariables = Exact<{
  from: string;
  to: string;
  first?: number | null | undefined;
  after?: string | null | undefined;
}>;


export type WalletStatementQuery = { me: { id: string, wallet: { id: string, then: { amount: string, currency: string }, statement: { openingBalance: { amount: string, currency: string }, closingBalance: { amount: string, currency: string }, entries: { totalCount: number, nodes: Array<{ number: number, kind: WalletEntryKind, reference: string, createdAt: string, amount: { amount: string, currency: string }, balanceAfter: { amount: string, currency: string } }>, pageInfo: { hasNextPage: boolean, endCursor: string | null } } } } | null } | null };

export type DeskBookingsQueryVariables = Exact<{
  filter?: BookingFilter | null | undefined;
  first?: number | null | undefined;
  after?: string | null | undefined;
}>;


export type DeskBookingsQuery = { bookings: { totalCount: number, pageInfo: { hasNextPage: boolean, endCursor: string | null }, nodes: Array<{ id: string, status: BookingStatus, pickupAt: string, returnAt: string, atRiskSince: string | null, customer: { id: string, name: string } | null, vehicle: { id: string, make: string, model: string, plate: string | null } | null, deposit: { status: DepositStatus | null, amount: { amount: string, currency: string }, taken: { amount: string, currency: string } | null } | null, rental: { startedAt: string, returnedAt: string | null, overdueSince: string | null, lateFee: { amount: string, currency: string } | null, fuelFee: { amount: string, currency: string } | null, damageFee: { amount: string, currency: string } | null } | null }> } };

export type DeskBookingFragment = { id: string, status: BookingStatus, pickupAt: string, returnAt: string, atRiskSince: string | null, customer: { id: string, name: string } | null, vehicle: { id: string, make: string, model: string, plate: string | null } | null, deposit: { status: DepositStatus | null, amount: { amount: string, currency: string }, taken: { amount: string, currency: string } | null } | null, rental: { startedAt: string, returnedAt: string | null, overdueSince: string | null, lateFee: { amount: string, currency: string } | null, fuelFee: { amount: string, currency: string } | null, damageFee: { amount: string, currency: string } | null } | null };

export type DeskVehicleQueryVariables = Exact<{
  id?: string | null | undefined;
  vehicleId: string;
  from: string;
  to: string;
}>;


export type DeskVehicleQuery = { vehicle: { id: string, status: VehicleStatus, version: number, calendar: Array<{ date: string, busyMinutes: number, minutes: number }> | null, utilisation: { share: number, days: Array<{ date: string, booked: number, available: number }> } | null } | null, vehicleBlocks: Array<{ id: string, from: string, to: string, reason: string }> };

export type SavePromotionMutationVariables = Exact<{
  input: SavePromotionInput;
}>;


export type SavePromotionMutation = { savePromotion: { code: string, percent: number, validFrom: string, validTo: string } };

export type StationsUtilisationQueryVariables = Exact<{
  from: string;
  to: string;
}>;


export type StationsUtilisationQuery = { stations: Array<{ id: string, name: string, utilisation: { share: number, days: Array<{ date: string, booked: number, available: number }> } | null }> };

export type RequestImageUploadMutationVariables = Exact<{
  input: RequestImageUploadInput;
}>;


export type RequestImageUploadMutation = { requestImageUpload: { id: string, url: string, contentType: string, maxBytes: number, expiresAt: string } };

export type ImageUploadQueryVariables = Exact<{
  id: string;
}>;


export type ImageUploadQuery = { imageUpload: { id: string, status: ImageUploadStatus, percent: number, alt: string, createdAt: string } | null };

export type VehicleImagesQueryVariables = Exact<{
  id?: string | null | undefined;
}>;


export type VehicleImagesQuery = { vehicle: { id: string, images: Array<{ id: string, url: string, alt: string, width: number, height: number, variants: Array<{ size: ImageSize, url: string }> }>, imageUploads: Array<{ id: string, status: ImageUploadStatus, percent: number }> | null } | null };

export type OrderVehicleImagesMutationVariables = Exact<{
  vehicleId: string;
  imageIds: Array<string> | string;
}>;


export type OrderVehicleImagesMutation = { orderVehicleImages: { id: string, images: Array<{ id: string, alt: string }> } };

export type DeleteVehicleImageMutationVariables = Exact<{
  id: string;
}>;


export type DeleteVehicleImageMutation = { deleteVehicleImage: { id: string, images: Array<{ id: string, alt: string }> } };

export type RequestRentalPhotoMutationVariables = Exact<{
  input: RequestRentalPhotoInput;
}>;


export type RequestRentalPhotoMutation = { requestRentalPhoto: { id: string, url: string, contentType: string, maxBytes: number, expiresAt: string } };

export type CreateVehicleMutationVariables = Exact<{
  input: CreateVehicleInput;
}>;


export type CreateVehicleMutation = { createVehicle: { id: string, slug: string, version: number, status: VehicleStatus, make: string, model: string, year: number, category: VehicleCategory, plate: string | null, dailyRate: { amount: string, currency: string }, station: { id: string, name: string } | null, position: { lat: number, lng: number } | null } };

export type FleetVehicleFragment = { id: string, slug: string, version: number, status: VehicleStatus, make: string, model: string, year: number, category: VehicleCategory, plate: string | null, dailyRate: { amount: string, currency: string }, station: { id: string, name: string } | null, position: { lat: number, lng: number } | null };

export type BookingsFeedSubscriptionVariables = Exact<{
  stationId: string;
}>;


export type BookingsFeedSubscription = { bookingsFeed: { id: string, status: BookingStatus, pickupAt: string, returnAt: string, vehicle: { make: string, model: string } | null } };

export type UpdateVehicleMutationVariables = Exact<{
  input: UpdateVehicleInput;
}>;


export type UpdateVehicleMutation = { updateVehicle: { id: string, slug: string, version: number, status: VehicleStatus, make: string, model: string, year: number, category: VehicleCategory, plate: string | null, dailyRate: { amount: string, currency: string }, station: { id: string, name: string } | null, position: { lat: number, lng: number } | null } };

export type RetireVehicleMutationVariables = Exact<{
  id: string;
}>;


export type RetireVehicleMutation = { retireVehicle: { id: string, slug: string, version: number, status: VehicleStatus, make: string, model: string, year: number, category: VehicleCategory, plate: string | null, dailyRate: { amount: string, currency: string }, station: { id: string, name: string } | null, position: { lat: number, lng: number } | null } };

export type StartRentalMutationVariables = Exact<{
  input: StartRentalInput;
}>;


export type StartRentalMutation = { startRental: { id: string, status: BookingStatus, pickupAt: string, returnAt: string, atRiskSince: string | null, customer: { id: string, name: string } | null, vehicle: { id: string, make: string, model: string, plate: string | null } | null, deposit: { status: DepositStatus | null, amount: { amount: string, currency: string }, taken: { amount: string, currency: string } | null } | null, rental: { startedAt: string, returnedAt: string | null, overdueSince: string | null, lateFee: { amount: string, currency: string } | null, fuelFee: { amount: string, currency: string } | null, damageFee: { amount: string, currency: string } | null } | null } };

export type ReturnRentalMutationVariables = Exact<{
  input: ReturnRentalInput;
}>;


export type ReturnRentalMutation = { returnRental: { id: string, status: BookingStatus, pickupAt: string, returnAt: string, atRiskSince: string | null, customer: { id: string, name: string } | null, vehicle: { id: string, make: string, model: string, plate: string | null } | null, deposit: { status: DepositStatus | null, amount: { amount: string, currency: string }, taken: { amount: string, currency: string } | null } | null, rental: { startedAt: string, returnedAt: string | null, overdueSince: string | null, lateFee: { amount: string, currency: string } | null, fuelFee: { amount: string, currency: string } | null, damageFee: { amount: string, currency: string } | null } | null } };

export type ExpectLateReturnMutationVariables = Exact<{
  input: ExpectLateReturnInput;
}>;


export type ExpectLateReturnMutation = { expectLateReturn: { id: string, status: BookingStatus, pickupAt: string, returnAt: string, atRiskSince: string | null, customer: { id: string, name: string } | null, vehicle: { id: string, make: string, model: string, plate: string | null } | null, deposit: { status: DepositStatus | null, amount: { amount: string, currency: string }, taken: { amount: string, currency: string } | null } | null, rental: { startedAt: string, returnedAt: string | null, overdueSince: string | null, lateFee: { amount: string, currency: string } | null, fuelFee: { amount: string, currency: string } | null, damageFee: { amount: string, currency: string } | null } | null } };

export type SwapVehiclesMutationVariables = Exact<{
  input: SwapVehiclesInput;
}>;


export type SwapVehiclesMutation = { swapVehicles: Array<{ id: string, status: BookingStatus, pickupAt: string, returnAt: string, atRiskSince: string | null, customer: { id: string, name: string } | null, vehicle: { id: string, make: string, model: string, plate: string | null } | null, deposit: { status: DepositStatus | null, amount: { amount: string, currency: string }, taken: { amount: string, currency: string } | null } | null, rental: { startedAt: string, returnedAt: string | null, overdueSince: string | null, lateFee: { amount: string, currency: string } | null, fuelFee: { amount: string, currency: string } | null, damageFee: { amount: string, currency: string } | null } | null }> };

export type BlockVehicleMutationVariables = Exact<{
  input: BlockVehicleInput;
}>;


export type BlockVehicleMutation = { blockVehicle: { id: string, from: string, to: string, reason: string, liftedAt: string | null } };

export type UnblockVehicleMutationVariables = Exact<{
  id: string;
}>;


export type UnblockVehicleMutation = { unblockVehicle: { id: string, liftedAt: string | null } };

export type StationCalendarQueryVariables = Exact<{
  stationId: string;
  from: string;
  to: string;
}>;


export type StationCalendarQuery = { stationCalendar: Array<{ date: string, vehicles: number, taken: number, pickups: number, returns: number }> };

export type MatchingSettingsQueryVariables = Exact<{ [key: string]: never; }>;


export type MatchingSettingsQuery = { matchingSettings: { strategy: MatchingStrategy, boardingPin: boolean } };

export type SetMatchingStrategyMutationVariables = Exact<{
  input: SetMatchingStrategyInput;
}>;


export type SetMatchingStrategyMutation = { setMatchingStrategy: { strategy: MatchingStrategy, boardingPin: boolean } };

export type MatchingHealthQueryVariables = Exact<{ [key: string]: never; }>;


export type MatchingHealthQuery = { matchingHealth: { searching: number, modes: Array<{ mode: MatchingMode, isOn: boolean, since: string }>, switches: Array<{ mode: MatchingMode, isOn: boolean, reason: string, at: string }> } };

export type MatchingMetricsQueryVariables = Exact<{
  from: string;
  to: string;
}>;


export type MatchingMetricsQuery = { matchingMetrics: { requested: number, matched: number, noDrivers: number, cancelledWhileSearching: number, firstOfferP50Ms: number | null, firstOfferP99Ms: number | null, acceptP50Ms: number | null, acceptP99Ms: number | null, firstRoundShare: number | null, withinSloShare: number | null, sloMet: boolean | null, driversOnline: number, utilisation: number | null, tripsPerDriver: Array<{ trips: number, driver: { id: string, plate: string, rating: number | null, user: { name: string } } | null }>, declineReasons: Array<{ reason: string | null, times: number }> } };

export type DepositQueryVariables = Exact<{
  id: string;
}>;


export type DepositQuery = { deposit: { id: string, status: DepositStatus, paymentUrl: string, createdAt: string, amount: { amount: string, currency: string } } | null };

export type FailPayoutMutationVariables = Exact<{
  input: FailPayoutInput;
}>;


export type FailPayoutMutation = { failPayout: { id: string, status: WithdrawalStatus, reason: string | null } };

export type WaiveDebtMutationVariables = Exact<{
  input: WaiveDebtInput;
}>;


export type WaiveDebtMutation = { waiveDebt: { id: string, status: PaymentStatus, owed: { amount: string, currency: string }, refunds: Array<{ status: CardRefundStatus, problem: string | null, amount: { amount: string, currency: string } }> | null } };

export type WithdrawalQueryVariables = Exact<{
  id: string;
}>;


export type WithdrawalQuery = { withdrawal: { id: string, status: WithdrawalStatus, method: WithdrawalMethod, accountEnding: string, reason: string | null, requestedAt: string, amount: { amount: string, currency: string } } | null };

export type MyWalletQueryVariables = Exact<{
  first?: number | null | undefined;
}>;


export type MyWalletQuery = { me: { id: string, wallet: { id: string, balance: { amount: string, currency: string }, available: { amount: string, currency: string }, creditLimit: { amount: string, currency: string }, commissionOwed: { amount: string, currency: string }, entries: { totalCount: number, nodes: Array<{ number: number, kind: WalletEntryKind, reference: string, createdAt: string, amount: { amount: string, currency: string }, balanceAfter: { amount: string, currency: string } }> } } | null } | null };

export type RefundPaymentMutationVariables = Exact<{
  input: RefundPaymentInput;
}>;


export type RefundPaymentMutation = { refundPayment: { id: string, status: PaymentStatus, captured: { amount: string, currency: string }, refunded: { amount: string, currency: string } } };

export type OpenPartnerWalletMutationVariables = Exact<{
  input: OpenPartnerWalletInput;
}>;


export type OpenPartnerWalletMutation = { openPartnerWallet: { id: string, balance: { amount: string, currency: string }, creditLimit: { amount: string, currency: string } } };

export type FundPartnerWalletMutationVariables = Exact<{
  input: FundPartnerWalletInput;
}>;


export type FundPartnerWalletMutation = { fundPartnerWallet: { id: string, balance: { amount: string, currency: string }, available: { amount: string, currency: string } } };

export type PaymentsInReviewQueryVariables = Exact<{
  resolved?: boolean | null | undefined;
}>;


export type PaymentsInReviewQuery = { paymentsInReview: { totalCount: number, nodes: Array<{ id: string, reason: ReviewReason, adapter: string, orderId: string, receivedAt: string, resolution: ReviewResolution | null, note: string | null, amount: { amount: string, currency: string } | null }> } };

export type ResolvePaymentInReviewMutationVariables = Exact<{
  input: ResolvePaymentInReviewInput;
}>;


export type ResolvePaymentInReviewMutation = { resolvePaymentInReview: { id: string, resolution: ReviewResolution | null, note: string | null, resolvedAt: string | null } };

export type ConfirmPayoutMutationVariables = Exact<{
  input: ConfirmPayoutInput;
}>;


export type ConfirmPayoutMutation = { confirmPayout: { id: string, status: WithdrawalStatus, payoutReference: string | null } };

export type ThreadsQueryVariables = Exact<{
  filter?: ThreadFilter | null | undefined;
  first?: number | null | undefined;
  after?: string | null | undefined;
}>;


export type ThreadsQuery = { threads: { nodes: Array<{ id: string, subject: string, status: ThreadStatus, messages: Array<{ id: string, direction: MessageDirection, text: string, html: string | null, sentAt: string }> }>, pageInfo: { hasNextPage: boolean, endCursor: string | null } } };

export type ThreadStateFragment = { id: string, subject: string, status: ThreadStatus, messages: Array<{ id: string, direction: MessageDirection, text: string, html: string | null, sentAt: string }> };

export type SystemHealthQueryVariables = Exact<{ [key: string]: never; }>;


export type SystemHealthQuery = { systemHealth: { violations: Array<{ kind: string, reference: string, since: string }> } };

export type WalletUpdatedSubscriptionVariables = Exact<{ [key: string]: never; }>;


export type WalletUpdatedSubscription = { walletUpdated: { balance: { amount: string, currency: string }, available: { amount: string, currency: string } } };

export type NotificationReceivedSubscriptionVariables = Exact<{ [key: string]: never; }>;


export type NotificationReceivedSubscription = { notificationReceived: { id: string, kind: NotificationKind, title: string, body: string, createdAt: string } };

export type ThreadUpdatedSubscriptionVariables = Exact<{ [key: string]: never; }>;


export type ThreadUpdatedSubscription = { threadUpdated: { id: string, subject: string, status: ThreadStatus, messages: Array<{ id: string, direction: MessageDirection, text: string, html: string | null, sentAt: string }> } };

export type ReplyToThreadMutationVariables = Exact<{
  input: ReplyInput;
}>;


export type ReplyToThreadMutation = { replyToThread: { id: string, direction: MessageDirection, text: string, sentAt: string } };

export type CloseThreadMutationVariables = Exact<{
  id: string;
}>;


export type CloseThreadMutation = { closeThread: { id: string, subject: string, status: ThreadStatus, messages: Array<{ id: string, direction: MessageDirection, text: string, html: string | null, sentAt: string }> } };

export type RequestWithdrawalMutationVariables = Exact<{
  input: RequestWithdrawalInput;
}>;


export type RequestWithdrawalMutation = { requestWithdrawal: { id: string, status: WithdrawalStatus, method: WithdrawalMethod, amount: { amount: string, currency: string } } };

export type WithdrawalStateFragment = { id: string, status: WithdrawalStatus, method: WithdrawalMethod, amount: { amount: string, currency: string } };

export type WithdrawalsQueryVariables = Exact<{
  status?: WithdrawalStatus | null | undefined;
  first?: number | null | undefined;
  after?: string | null | undefined;
}>;


export type WithdrawalsQuery = { withdrawals: { nodes: Array<{ id: string, status: WithdrawalStatus, method: WithdrawalMethod, amount: { amount: string, currency: string } }> } };

export type ApproveWithdrawalMutationVariables = Exact<{
  id: string;
}>;


export type ApproveWithdrawalMutation = { approveWithdrawal: { id: string, status: WithdrawalStatus, method: WithdrawalMethod, amount: { amount: string, currency: string } } };

export type RejectWithdrawalMutationVariables = Exact<{
  id: string;
  reason: string;
}>;


export type RejectWithdrawalMutation = { rejectWithdrawal: { id: string, status: WithdrawalStatus, method: WithdrawalMethod, amount: { amount: string, currency: string } } };

export type RunReconciliationMutationVariables = Exact<{
  date?: string | null | undefined;
}>;


export type RunReconciliationMutation = { runReconciliation: { id: string, ok: boolean, discrepancies: Array<{ kind: DiscrepancyKind, expected: string, actual: string, reference: string }> } };

export type SearchVehiclesQueryVariables = Exact<{
  filter?: VehicleFilter | null | undefined;
  sort?: VehicleSort | null | undefined;
  first?: number | null | undefined;
  after?: string | null | undefined;
  from: string;
  to: string;
}>;


export type SearchVehiclesQuery = { vehicles: { totalCount: number, pageInfo: { hasNextPage: boolean, endCursor: string | null }, nodes: Array<{ id: string, slug: string, make: string, model: string, year: number, category: VehicleCategory, seats: number, dailyRate: { amount: string, currency: string }, station: { name: string, timeZone: string } | null, availability: { free: boolean, nextFreeFrom: string | null, busy: Array<{ from: string, to: string }> } | null }> } };

export type VehicleFacetsQueryVariables = Exact<{
  filter?: VehicleFilter | null | undefined;
}>;


export type VehicleFacetsQuery = { vehicles: { totalCount: number, totalCountIsFloor: boolean, facets: { categories: Array<{ category: VehicleCategory, count: number }>, fuelTypes: Array<{ fuelType: FuelType, count: number }>, priceBands: Array<{ from: string, below: string | null, count: number }> } } };

export type ChangeBookingMutationVariables = Exact<{
  input: ChangeBookingInput;
}>;


export type ChangeBookingMutation = { changeBooking: { id: string, status: BookingStatus, pickupAt: string, returnAt: string, total: { amount: string, currency: string }, failure: { code: string, message: string } | null, vehicle: { id: string, make: string, model: string } | null, payment: { id: string, status: PaymentStatus, method: ChargeMethod, amount: { amount: string, currency: string } } | null } };

export type BookingReplacementsQueryVariables = Exact<{
  id: string;
}>;


export type BookingReplacementsQuery = { booking: { id: string, status: BookingStatus, atRiskSince: string | null, atRiskReason: BookingRisk | null, station: { id: string, name: string } | null, replacements: Array<{ id: string, make: string, model: string }> } | null };

export type ReplaceVehicleMutationVariables = Exact<{
  input: ReplaceVehicleInput;
}>;


export type ReplaceVehicleMutation = { replaceVehicle: { id: string, status: BookingStatus, pickupAt: string, returnAt: string, total: { amount: string, currency: string }, failure: { code: string, message: string } | null, vehicle: { id: string, make: string, model: string } | null, payment: { id: string, status: PaymentStatus, method: ChargeMethod, amount: { amount: string, currency: string } } | null } };

export type BookingAgreementQueryVariables = Exact<{
  id: string;
}>;


export type BookingAgreementQuery = { booking: { id: string, status: BookingStatus, agreement: { status: AgreementStatus, version: number, url: string | null, signUrl: string | null, signedAt: string | null } | null } | null };

export type BookingPhotosQueryVariables = Exact<{
  id: string;
}>;


export type BookingPhotosQuery = { booking: { id: string, photos: Array<{ id: string, moment: RentalMoment, url: string, width: number, height: number, takenAt: string }> } | null };

export type QuoteRentalMutationVariables = Exact<{
  input: QuoteRentalInput;
}>;


export type QuoteRentalMutation = { quoteRental: { id: string, expiresAt: string, pickupStation: { id: string, name: string } | null, returnStation: { id: string, name: string } | null, total: { amount: string, currency: string }, deposit: { amount: string, currency: string }, lines: Array<{ label: string, amount: { amount: string, currency: string } }> } };

export type InitiateDepositMutationVariables = Exact<{
  input: InitiateDepositInput;
}>;


export type InitiateDepositMutation = { initiateDeposit: { id: string, status: DepositStatus, paymentUrl: string, amount: { amount: string, currency: string } } };

export type CreateBookingMutationVariables = Exact<{
  input: CreateBookingInput;
}>;


export type CreateBookingMutation = { createBooking: { id: string, status: BookingStatus, pickupAt: string, returnAt: string, total: { amount: string, currency: string }, failure: { code: string, message: string } | null, vehicle: { id: string, make: string, model: string } | null, payment: { id: string, status: PaymentStatus, method: ChargeMethod, amount: { amount: string, currency: string } } | null } };

export type BookingStateFragment = { id: string, status: BookingStatus, pickupAt: string, returnAt: string, total: { amount: string, currency: string }, failure: { code: string, message: string } | null, vehicle: { id: string, make: string, model: string } | null, payment: { id: string, status: PaymentStatus, method: ChargeMethod, amount: { amount: string, currency: string } } | null };

export type GetBookingQueryVariables = Exact<{
  id: string;
}>;


export type GetBookingQuery = { booking: { id: string, status: BookingStatus, pickupAt: string, returnAt: string, total: { amount: string, currency: string }, failure: { code: string, message: string } | null, vehicle: { id: string, make: string, model: string } | null, payment: { id: string, status: PaymentStatus, method: ChargeMethod, amount: { amount: string, currency: string } } | null } | null };

export type BookingUpdatedSubscriptionVariables = Exact<{
  bookingId: string;
}>;


export type BookingUpdatedSubscription = { bookingUpdated: { id: string, status: BookingStatus, failure: { code: string, message: string } | null, vehicle: { make: string, model: string } | null, payment: { status: PaymentStatus } | null } };

export type CancelBookingMutationVariables = Exact<{
  input: CancelBookingInput;
}>;


export type CancelBookingMutation = { cancelBooking: { id: string, status: BookingStatus, pickupAt: string, returnAt: string, total: { amount: string, currency: string }, failure: { code: string, message: string } | null, vehicle: { id: string, make: string, model: string } | null, payment: { id: string, status: PaymentStatus, method: ChargeMethod, amount: { amount: string, currency: string } } | null } };

export type MyNotificationsQueryVariables = Exact<{
  first?: number | null | undefined;
}>;


export type MyNotificationsQuery = { me: { id: string, notifications: { nodes: Array<{ id: string, kind: NotificationKind, title: string, body: string, readAt: string | null, createdAt: string }> } } | null };

export type GetVehicleQueryVariables = Exact<{
  id?: string | null | undefined;
  slug?: string | null | undefined;
  from: string;
  to: string;
}>;


export type GetVehicleQuery = { vehicle: { id: string, slug: string, make: string, model: string, status: VehicleStatus, version: number, dailyRate: { amount: string, currency: string }, availability: { free: boolean, nextFreeFrom: string | null, busy: Array<{ from: string, to: string }> } | null } | null };

export type GoOnlineMutationVariables = Exact<{
  at: PointInput;
}>;


export type GoOnlineMutation = { goOnline: { id: string, state: DriverState | null, rating: number | null, plate: string, position: { lat: number, lng: number } | null } };

export type DriverStateFragment = { id: string, state: DriverState | null, rating: number | null, plate: string, position: { lat: number, lng: number } | null };

export type CompleteTripMutationVariables = Exact<{
  tripId: string;
}>;


export type CompleteTripMutation = { completeTrip: { id: string, status: TripStatus, sequence: number, vehicleType: VehicleType, pickup: { lat: number, lng: number }, destination: { lat: number, lng: number }, quotedFare: { amount: string, currency: string }, finalFare: { amount: string, currency: string } | null } };

export type GetTripQueryVariables = Exact<{
  id: string;
}>;


export type GetTripQuery = { trip: { route: string | null, id: string, status: TripStatus, sequence: number, vehicleType: VehicleType, payment: { id: string, status: PaymentStatus, method: ChargeMethod, amount: { amount: string, currency: string } } | null, driver: { plate: string, user: { name: string }, vehicle: { make: string, model: string } } | null, pickup: { lat: number, lng: number }, destination: { lat: number, lng: number }, quotedFare: { amount: string, currency: string }, finalFare: { amount: string, currency: string } | null } | null };

export type RateTripMutationVariables = Exact<{
  input: RateTripInput;
}>;


export type RateTripMutation = { rateTrip: { id: string, status: TripStatus, sequence: number, vehicleType: VehicleType, pickup: { lat: number, lng: number }, destination: { lat: number, lng: number }, quotedFare: { amount: string, currency: string }, finalFare: { amount: string, currency: string } | null } };

export type CancelTripMutationVariables = Exact<{
  tripId: string;
  reason?: string | null | undefined;
}>;


export type CancelTripMutation = { cancelTrip: { id: string, status: TripStatus, sequence: number, vehicleType: VehicleType, pickup: { lat: number, lng: number }, destination: { lat: number, lng: number }, quotedFare: { amount: string, currency: string }, finalFare: { amount: string, currency: string } | null } };

export type DeclineOfferMutationVariables = Exact<{
  offerId: string;
  reason?: string | null | undefined;
}>;


export type DeclineOfferMutation = { declineOffer: { id: string, expiresAt: string } };

export type GoOfflineMutationVariables = Exact<{ [key: string]: never; }>;


export type GoOfflineMutation = { goOffline: { id: string, state: DriverState | null, rating: number | null, plate: string, position: { lat: number, lng: number } | null } };

export type NearbyDriversQueryVariables = Exact<{
  near: PointInput;
  radiusKm?: number | null | undefined;
  vehicleType?: VehicleType | null | undefined;
  first?: number | null | undefined;
}>;


export type NearbyDriversQuery = { nearbyDrivers: Array<{ heading: number | null, distanceM: number, vehicleType: VehicleType, lastSeenAt: string, position: { lat: number, lng: number } }> };

export type NearbyDriversUpdatedSubscriptionVariables = Exact<{
  near: PointInput;
  radiusKm?: number | null | undefined;
}>;


export type NearbyDriversUpdatedSubscription = { nearbyDriversUpdated: Array<{ heading: number | null, distanceM: number, vehicleType: VehicleType, lastSeenAt: string, position: { lat: number, lng: number } }> };

export type ZonesQueryVariables = Exact<{
  kind?: ZoneKind | null | undefined;
}>;


export type ZonesQuery = { zones: Array<{ id: string, kind: ZoneKind, name: string, createdAt: string, polygon: Array<{ lat: number, lng: number }> }> };

export type MyDriverQueryVariables = Exact<{ [key: string]: never; }>;


export type MyDriverQuery = { myDriver: { id: string, approval: DriverApproval, state: DriverState | null, standing: DriverStanding | null, completedTrips: number, suspension: { reason: string, suspendedAt: string } | null, airportQueue: { position: number, enteredAt: string, zone: { id: string, name: string } } | null } | null };

export type UpdateLocationMutationVariables = Exact<{
  input: LocationInput;
}>;


export type UpdateLocationMutation = { updateLocation: { accepted: number } };

export type UpdateLocationsMutationVariables = Exact<{
  input: Array<LocationInput> | LocationInput;
}>;


export type UpdateLocationsMutation = { updateLocations: { accepted: number, rejected: number, rejections: Array<{ index: number, reason: LocationRejectionReason, message: string }> } };

export type SearchStateQueryVariables = Exact<{
  id: string;
}>;


export type SearchStateQuery = { trip: { id: string, status: TripStatus, strategy: MatchingStrategy, queuePosition: number | null, boardingPin: string | null, agreedFare: { amount: string, currency: string } | null, bids: Array<{ id: string, rating: number | null, amount: { amount: string, currency: string } }> } | null };

export type BidOnOfferMutationVariables = Exact<{
  input: BidOnOfferInput;
}>;


export type BidOnOfferMutation = { bidOnOffer: { id: string, status: OfferStatus, terms: OfferTerms, expiresAt: string, bid: { amount: string, currency: string } | null, estimatedEarnings: { amount: string, currency: string } } };

export type TripBidsSubscriptionVariables = Exact<{
  tripId: string;
}>;


export type TripBidsSubscription = { tripBids: Array<{ id: string, pickupDistanceM: number, rating: number | null, completedTrips: number, vehicleType: VehicleType, expiresAt: string, amount: { amount: string, currency: string } }> };

export type ChooseBidMutationVariables = Exact<{
  bidId: string;
}>;


export type ChooseBidMutation = { chooseBid: { id: string, status: TripStatus, agreedFare: { amount: string, currency: string } | null, driver: { plate: string, rating: number | null, user: { name: string } } | null } };

export type ShareTripMutationVariables = Exact<{
  tripId: string;
}>;


export type ShareTripMutation = { shareTrip: { token: string, expiresAt: string } };

export type SharedTripQueryVariables = Exact<{
  token: string;
}>;


export type SharedTripQuery = { sharedTrip: { status: TripStatus, heading: number | null, etaSeconds: number | null, position: { lat: number, lng: number } | null, driver: { firstName: string, plate: string } | null } | null };

export type SharedTripUpdatesSubscriptionVariables = Exact<{
  token: string;
  afterSequence?: number | null | undefined;
}>;


export type SharedTripUpdatesSubscription = { sharedTripUpdates: { sequence: number, kind: TripUpdateKind, status: TripStatus, heading: number | null, etaSeconds: number | null, at: string, position: { lat: number, lng: number } | null, driver: { firstName: string, plate: string } | null } };

export type StopSharingMutationVariables = Exact<{
  tripId: string;
}>;


export type StopSharingMutation = { stopSharing: number };

export type FavouriteDriverMutationVariables = Exact<{
  tripId: string;
}>;


export type FavouriteDriverMutation = { favouriteDriver: { kind: DriverPreferenceKind, since: string, driver: { id: string, plate: string } | null } };

export type DriverOffersSubscriptionVariables = Exact<{ [key: string]: never; }>;


export type DriverOffersSubscription = { driverOffers: { id: string, expiresAt: string, pickupDistanceM: number, terms: OfferTerms, estimatedEarnings: { amount: string, currency: string }, bidBounds: { least: { amount: string, currency: string }, most: { amount: string, currency: string } } | null, trip: { id: string, status: TripStatus, pickup: { lat: number, lng: number }, destination: { lat: number, lng: number } } | null } };

export type BlockDriverMutationVariables = Exact<{
  tripId: string;
}>;


export type BlockDriverMutation = { blockDriver: { kind: DriverPreferenceKind, since: string, driver: { id: string, plate: string } | null } };

export type MyDriversQueryVariables = Exact<{ [key: string]: never; }>;


export type MyDriversQuery = { myDrivers: Array<{ kind: DriverPreferenceKind, since: string, driver: { id: string, plate: string, rating: number | null, user: { name: string } } | null }> };

export type ForgetDriverMutationVariables = Exact<{
  driverId: string;
}>;


export type ForgetDriverMutation = { forgetDriver: boolean };

export type SettleDebtMutationVariables = Exact<{
  paymentId: string;
}>;


export type SettleDebtMutation = { settleDebt: { id: string, status: PaymentStatus, owed: { amount: string, currency: string }, captured: { amount: string, currency: string } } };

export type QuoteTripMutationVariables = Exact<{
  input: QuoteTripInput;
}>;


export type QuoteTripMutation = { quoteTrip: Array<{ id: string, vehicleType: VehicleType, pickupEtaSeconds: number | null, tripEtaSeconds: number, surge: number, expiresAt: string, price: { amount: string, currency: string } }> };

export type RequestTripMutationVariables = Exact<{
  input: RequestTripInput;
}>;


export type RequestTripMutation = { requestTrip: { id: string, status: TripStatus, sequence: number, vehicleType: VehicleType, pickup: { lat: number, lng: number }, destination: { lat: number, lng: number }, quotedFare: { amount: string, currency: string }, finalFare: { amount: string, currency: string } | null } };

export type TripStateFragment = { id: string, status: TripStatus, sequence: number, vehicleType: VehicleType, pickup: { lat: number, lng: number }, destination: { lat: number, lng: number }, quotedFare: { amount: string, currency: string }, finalFare: { amount: string, currency: string } | null };

export type TripUpdatesSubscriptionVariables = Exact<{
  tripId: string;
  afterSequence?: number | null | undefined;
}>;


export type TripUpdatesSubscription = { tripUpdates: { sequence: number, kind: TripUpdateKind, status: TripStatus, heading: number | null, etaSeconds: number | null, at: string, position: { lat: number, lng: number } | null, trip: { id: string, status: TripStatus, driver: { plate: string, rating: number | null, user: { name: string }, vehicle: { make: string, model: string } } | null } } };

export type AcceptOfferMutationVariables = Exact<{
  offerId: string;
}>;


export type AcceptOfferMutation = { acceptOffer: { id: string, status: TripStatus, sequence: number, vehicleType: VehicleType, pickup: { lat: number, lng: number }, destination: { lat: number, lng: number }, quotedFare: { amount: string, currency: string }, finalFare: { amount: string, currency: string } | null } };

export type ArriveAtPickupMutationVariables = Exact<{
  tripId: string;
}>;


export type ArriveAtPickupMutation = { arriveAtPickup: { id: string, status: TripStatus, sequence: number, vehicleType: VehicleType, pickup: { lat: number, lng: number }, destination: { lat: number, lng: number }, quotedFare: { amount: string, currency: string }, finalFare: { amount: string, currency: string } | null } };

export type StartTripMutationVariables = Exact<{
  tripId: string;
  boardingPin?: string | null | undefined;
}>;


export type StartTripMutation = { startTrip: { id: string, status: TripStatus, sequence: number, vehicleType: VehicleType, pickup: { lat: number, lng: number }, destination: { lat: number, lng: number }, quotedFare: { amount: string, currency: string }, finalFare: { amount: string, currency: string } | null } };

export type DriversQueryVariables = Exact<{
  approval?: DriverApproval | null | undefined;
  first?: number | null | undefined;
  after?: string | null | undefined;
}>;


export type DriversQuery = { drivers: { totalCount: number, nodes: Array<{ id: string, plate: string, vehicleType: VehicleType, approval: DriverApproval, state: DriverState | null, standing: DriverStanding | null, user: { id: string, name: string }, suspension: { reason: string, suspendedAt: string } | null }>, pageInfo: { hasNextPage: boolean, endCursor: string | null } } };

export type SuspendDriverMutationVariables = Exact<{
  id: string;
  reason: string;
}>;


export type SuspendDriverMutation = { suspendDriver: { id: string, approval: DriverApproval, state: DriverState | null, suspension: { reason: string, suspendedAt: string } | null } };

export type ApproveDriverMutationVariables = Exact<{
  id: string;
}>;


export type ApproveDriverMutation = { approveDriver: { id: string, approval: DriverApproval, state: DriverState | null } };

export type LocationFlagsQueryVariables = Exact<{
  driverId?: string | null | undefined;
  first?: number | null | undefined;
  after?: string | null | undefined;
}>;


export type LocationFlagsQuery = { locationFlags: { totalCount: number, nodes: Array<{ id: string, kind: LocationSuspicion, count: number, fromAt: string | null, toAt: string, speedKmh: number | null, firstAt: string, lastAt: string, from: { lat: number, lng: number } | null, to: { lat: number, lng: number }, driver: { id: string, plate: string, standing: DriverStanding | null } | null }>, pageInfo: { hasNextPage: boolean, endCursor: string | null } } };

export type CreateZoneMutationVariables = Exact<{
  input: CreateZoneInput;
}>;


export type CreateZoneMutation = { createZone: { id: string, kind: ZoneKind, name: string, createdAt: string } };

export type RetireZoneMutationVariables = Exact<{
  id: string;
}>;


export type RetireZoneMutation = { retireZone: { id: string, kind: ZoneKind, name: string, retiredAt: string | null } };

export type AirportQueuesQueryVariables = Exact<{ [key: string]: never; }>;


export type AirportQueuesQuery = { zones: Array<{ id: string, name: string, waitingDrivers: number | null }> };

export const PersonFragmentDoc = new TypedDocumentString(`
    fragment Person on User {
  id
  name
  email
  phone
  roles
}
    `, {"fragmentName":"Person"});
export const WalletStateFragmentDoc = new TypedDocumentString(`
    fragment WalletState on Wallet {
  balance {
    amount
    currency
  }
  available {
    amount
    currency
  }
}
    `, {"fragmentName":"WalletState"});
export const DeskBookingFragmentDoc = new TypedDocumentString(`
    fragment DeskBooking on Booking {
  id
  status
  pickupAt
  returnAt
  atRiskSince
  customer {
    id
    name
  }
  vehicle {
    id
    make
    model
    plate
  }
  deposit {
    amount {
      amount
      currency
    }
    status
    taken {
      amount
      currency
    }
  }
  rental {
    startedAt
    returnedAt
    overdueSince
    lateFee {
      amount
      currency
    }
    fuelFee {
      amount
      currency
    }
    damageFee {
      amount
      currency
    }
  }
}
    `, {"fragmentName":"DeskBooking"});
export const FleetVehicleFragmentDoc = new TypedDocumentString(`
    fragment FleetVehicle on Vehicle {
  id
  slug
  version
  status
  make
  model
  year
  category
  dailyRate {
    amount
    currency
  }
  plate
  station {
    id
    name
  }
  position {
    lat
    lng
  }
}
    `, {"fragmentName":"FleetVehicle"});
export const ThreadStateFragmentDoc = new TypedDocumentString(`
    fragment ThreadState on Thread {
  id
  subject
  status
  messages {
    id
    direction
    text
    html
    sentAt
  }
}
    `, {"fragmentName":"ThreadState"});
export const WithdrawalStateFragmentDoc = new TypedDocumentString(`
    fragment WithdrawalState on Withdrawal {
  id
  status
  amount {
    amount
    currency
  }
  method
}
    `, {"fragmentName":"WithdrawalState"});
export const BookingStateFragmentDoc = new TypedDocumentString(`
    fragment BookingState on Booking {
  id
  status
  pickupAt
  returnAt
  total {
    amount
    currency
  }
  failure {
    code
    message
  }
  vehicle {
    id
    make
    model
  }
  payment {
    id
    status
    method
    amount {
      amount
      currency
    }
  }
}
    `, {"fragmentName":"BookingState"});
export const DriverStateFragmentDoc = new TypedDocumentString(`
    fragment DriverState on Driver {
  id
  state
  rating
  plate
  position {
    lat
    lng
  }
}
    `, {"fragmentName":"DriverState"});
export const TripStateFragmentDoc = new TypedDocumentString(`
    fragment TripState on Trip {
  id
  status
  sequence
  vehicleType
  pickup {
    lat
    lng
  }
  destination {
    lat
    lng
  }
  quotedFare {
    amount
    currency
  }
  finalFare {
    amount
    currency
  }
}
    `, {"fragmentName":"TripState"});
export const SignInDocument = new TypedDocumentString(`
    mutation SignIn($input: SignInInput!) {
  signIn(input: $input) {
    accessToken
    refreshToken
    expiresAt
    user {
      ...Person
    }
  }
}
    fragment Person on User {
  id
  name
  email
  phone
  roles
}`);
export const SignUpDocument = new TypedDocumentString(`
    mutation SignUp($input: SignUpInput!) {
  signUp(input: $input) {
    accessToken
    refreshToken
    expiresAt
    user {
      ...Person
    }
  }
}
    fragment Person on User {
  id
  name
  email
  phone
  roles
}`);
export const RefreshSessionDocument = new TypedDocumentString(`
    mutation RefreshSession($refreshToken: String!) {
  refreshSession(refreshToken: $refreshToken) {
    accessToken
    refreshToken
    expiresAt
    user {
      ...Person
    }
  }
}
    fragment Person on User {
  id
  name
  email
  phone
  roles
}`);
export const MeDocument = new TypedDocumentString(`
    query Me {
  me {
    ...Person
    wallet {
      ...WalletState
    }
  }
}
    fragment Person on User {
  id
  name
  email
  phone
  roles
}
fragment WalletState on Wallet {
  balance {
    amount
    currency
  }
  available {
    amount
    currency
  }
}`);
export const SignOutDocument = new TypedDocumentString(`
    mutation SignOut {
  signOut
}
    `);
export const QuoteBreakdownDocument = new TypedDocumentString(`
    mutation QuoteBreakdown($input: QuoteTripInput!) {
  quoteTrip(input: $input) {
    id
    vehicleType
    price {
      amount
      currency
    }
    priceRange {
      low {
        amount
      }
      high {
        amount
      }
    }
    lines {
      label
      amount {
        amount
      }
    }
    multipliers {
      timeOfDay
      traffic
      event
      surge
    }
    surgeReason
    distanceM
    pickupEtaSeconds
    tripEtaSeconds
    departAt
    expiresAt
  }
}
    `);
export const PriceEventsDocument = new TypedDocumentString(`
    query PriceEvents {
  priceEvents {
    id
    name
    multiplier
    polygon {
      lat
      lng
    }
    centre {
      lat
      lng
    }
    radiusKm
    startsAt
    endsAt
  }
}
    `);
export const EndPriceEventDocument = new TypedDocumentString(`
    mutation EndPriceEvent($eventId: ID!) {
  endPriceEvent(eventId: $eventId) {
    id
    endedAt
  }
}
    `);
export const OnboardDriverDocument = new TypedDocumentString(`
    mutation OnboardDriver($input: RegisterDriverInput!) {
  registerDriver(input: $input) {
    id
    approval
  }
}
    `);
export const AdmitDriverDocument = new TypedDocumentString(`
    mutation AdmitDriver($id: ID!) {
  approveDriver(id: $id) {
    id
    approval
  }
}
    `);
export const SendPositionsDocument = new TypedDocumentString(`
    mutation SendPositions($input: [DriverLocationInput!]!) {
  ingestLocations(input: $input) {
    accepted
    rejected
  }
}
    `);
export const ChooseStrategyDocument = new TypedDocumentString(`
    mutation ChooseStrategy($input: SetMatchingStrategyInput!) {
  setMatchingStrategy(input: $input) {
    strategy
    boardingPin
  }
}
    `);
export const ChangeDestinationDocument = new TypedDocumentString(`
    mutation ChangeDestination($tripId: ID!, $quoteId: ID!) {
  changeDestination(tripId: $tripId, quoteId: $quoteId) {
    id
    status
    destination {
      lat
      lng
    }
    agreedFare {
      amount
      currency
    }
  }
}
    `);
export const RoutingStateDocument = new TypedDocumentString(`
    query RoutingState {
  routingState {
    adapter
    breaker
    answeredByServer
    answeredByCache
    answeredByModel
  }
}
    `);
export const RequestDriverDocumentDocument = new TypedDocumentString(`
    mutation RequestDriverDocument($input: RequestDriverDocumentInput!) {
  requestDriverDocument(input: $input) {
    id
    url
    contentType
    maxBytes
    expiresAt
  }
}
    `);
export const DriverPapersDocument = new TypedDocumentString(`
    query DriverPapers($approval: DriverApproval, $first: Int) {
  drivers(approval: $approval, first: $first) {
    nodes {
      id
      plate
      approval
      documents {
        id
        kind
        expiresOn
        isGood
        url
      }
    }
  }
}
    `);
export const SurgeMapDocument = new TypedDocumentString(`
    query SurgeMap($near: PointInput!, $radiusKm: Float, $onlyRaised: Boolean) {
  surgeMap(near: $near, radiusKm: $radiusKm, onlyRaised: $onlyRaised) {
    cell
    center {
      lat
      lng
    }
    surge
    surgeReason
  }
}
    `);
export const QuoteDestinationChangeDocument = new TypedDocumentString(`
    mutation QuoteDestinationChange($tripId: ID!, $destination: PointInput!) {
  quoteDestinationChange(tripId: $tripId, destination: $destination) {
    id
    price {
      amount
      currency
    }
    lines {
      label
      amount {
        amount
      }
    }
    distanceM
    expiresAt
  }
}
    `);
export const WhyTripDocument = new TypedDocumentString(`
    query WhyTrip($id: ID!) {
  trip(id: $id) {
    id
    why {
      match
      driversAsked
      pickupDistanceM
      surge
      surgeReason
      batch {
        riders
        drivers
        pickupSeconds
        nearestSeconds
      }
    }
  }
}
    `);
export const RepositionHintDocument = new TypedDocumentString(`
    query RepositionHint {
  repositionHint {
    place {
      lat
      lng
    }
    expectedRequests
    availableDrivers
    distanceM
  }
}
    `);
export const FareRatesDocument = new TypedDocumentString(`
    query FareRates($at: DateTime) {
  fareRates(at: $at) {
    vehicleType
    base {
      amount
    }
    perKm {
      amount
    }
    perMinute {
      amount
    }
    minimum {
      amount
    }
    waitingFreeMinutes
    waitingPerMinute {
      amount
    }
  }
}
    `);
export const PublishFareTableDocument = new TypedDocumentString(`
    mutation PublishFareTable($input: FareTableInput!) {
  publishFareTable(input: $input) {
    id
    effectiveFrom
    rates {
      vehicleType
      from
      until
    }
  }
}
    `);
export const FareTablesDocument = new TypedDocumentString(`
    query FareTables {
  fareTables {
    id
    effectiveFrom
    publishedAt
    note
    rates {
      vehicleType
      from
      until
      base {
        amount
      }
      perKm {
        amount
      }
      perMinute {
        amount
      }
    }
  }
}
    `);
export const CreatePriceEventDocument = new TypedDocumentString(`
    mutation CreatePriceEvent($input: PriceEventInput!) {
  createPriceEvent(input: $input) {
    id
    name
    multiplier
    startsAt
    endsAt
  }
}
    `);
export const LedgerHealthDocument = new TypedDocumentString(`
    query LedgerHealth {
  ledgerHealth {
    balanced
    openDiscrepancies
    openFraudFlags
    totals {
      type
      accounts
      balance {
        amount
        currency
      }
    }
    lastReconciliation {
      id
      date
      ok
      createdAt
    }
    violations {
      kind
      reference
      since
    }
  }
}
    `);
export const FinancialReportDocument = new TypedDocumentString(`
    query FinancialReport($from: Date!, $to: Date!, $period: ReportPeriod) {
  financialReport(from: $from, to: $to, period: $period) {
    from
    trips
    bookings
    tripFares {
      amount
      currency
    }
    platformFees {
      amount
      currency
    }
    deposits {
      amount
      currency
    }
    withdrawals {
      amount
      currency
    }
    outstanding {
      amount
      currency
    }
  }
}
    `);
export const RequestReportDocument = new TypedDocumentString(`
    mutation RequestReport($input: RequestReportInput!) {
  requestReport(input: $input) {
    id
    status
    progress
  }
}
    `);
export const ReportFileDocument = new TypedDocumentString(`
    query ReportFile($id: ID!) {
  reportFile(id: $id) {
    id
    status
    progress
    content
    csvUrl
    pdfUrl
  }
}
    `);
export const DiscrepanciesFoundDocument = new TypedDocumentString(`
    query DiscrepanciesFound($status: DiscrepancyStatus) {
  discrepanciesFound(status: $status) {
    nodes {
      id
      kind
      status
      expected
      actual
      reference
      note
      foundAt
    }
    totalCount
  }
}
    `);
export const ResolveDiscrepancyDocument = new TypedDocumentString(`
    mutation ResolveDiscrepancy($input: DecisionInput!) {
  resolveDiscrepancy(input: $input) {
    id
    status
    note
  }
}
    `);
export const FraudFlagsDocument = new TypedDocumentString(`
    query FraudFlags($status: FraudStatus, $userId: ID) {
  fraudFlags(status: $status, userId: $userId) {
    nodes {
      id
      kind
      status
      evidence
      note
      raisedAt
      user {
        id
        name
      }
    }
    totalCount
  }
}
    `);
export const ClearFraudFlagDocument = new TypedDocumentString(`
    mutation ClearFraudFlag($input: DecisionInput!) {
  clearFraudFlag(input: $input) {
    id
    status
    note
  }
}
    `);
export const ConfirmFraudFlagDocument = new TypedDocumentString(`
    mutation ConfirmFraudFlag($input: DecisionInput!) {
  confirmFraudFlag(input: $input) {
    id
    status
    note
  }
}
    `);
export const LedgerTransactionsDocument = new TypedDocumentString(`
    query LedgerTransactions($reference: ID, $first: Int, $after: String) {
  ledgerTransactions(reference: $reference, first: $first, after: $after) {
    nodes {
      id
      kind
      reference
      recordedAt
      revertedBy
      entries {
        accountType
        amount {
          amount
          currency
        }
        balanceAfter {
          amount
          currency
        }
      }
    }
    pageInfo {
      hasNextPage
      endCursor
    }
  }
}
    `);
export const RevertTransactionDocument = new TypedDocumentString(`
    mutation RevertTransaction($input: RevertTransactionInput!) {
  revertTransaction(input: $input) {
    dryRun
    transaction {
      id
    }
    entries {
      accountType
      amount {
        amount
        currency
      }
      balanceAfter {
        amount
        currency
      }
    }
  }
}
    `);
export const WalletStatementDocument = new TypedDocumentString(`
    query WalletStatement($from: DateTime!, $to: DateTime!, $first: Int, $after: String) {
  me {
    id
    wallet {
      id
      then: balanceAt(time: $from, by: EFFECTIVE) {
        amount
        currency
      }
      statement(from: $from, to: $to, first: $first, after: $after) {
        openingBalance {
          amount
          currency
        }
        closingBalance {
          amount
          currency
        }
        entries {
          nodes {
            number
            kind
            amount {
              amount
              currency
            }
            balanceAfter {
              amount
              currency
            }
            reference
            createdAt
          }
          pageInfo {
            hasNextPage
            endCursor
          }
          totalCount
        }
      }
    }
  }
}
    `);
export const DeskBookingsDocument = new TypedDocumentString(`
    query DeskBookings($filter: BookingFilter, $first: Int, $after: String) {
  bookings(filter: $filter, first: $first, after: $after) {
    totalCount
    pageInfo {
      hasNextPage
      endCursor
    }
    nodes {
      ...DeskBooking
    }
  }
}
    fragment DeskBooking on Booking {
  id
  status
  pickupAt
  returnAt
  atRiskSince
  customer {
    id
    name
  }
  vehicle {
    id
    make
    model
    plate
  }
  deposit {
    amount {
      amount
      currency
    }
    status
    taken {
      amount
      currency
    }
  }
  rental {
    startedAt
    returnedAt
    overdueSince
    lateFee {
      amount
      currency
    }
    fuelFee {
      amount
      currency
    }
    damageFee {
      amount
      currency
    }
  }
}`);
export const DeskVehicleDocument = new TypedDocumentString(`
    query DeskVehicle($id: ID, $vehicleId: ID!, $from: Date!, $to: Date!) {
  vehicle(id: $id) {
    id
    status
    version
    calendar(from: $from, to: $to) {
      date
      busyMinutes
      minutes
    }
    utilisation(from: $from, to: $to) {
      share
      days {
        date
        booked
        available
      }
    }
  }
  vehicleBlocks(vehicleId: $vehicleId) {
    id
    from
    to
    reason
  }
}
    `);
export const SavePromotionDocument = new TypedDocumentString(`
    mutation SavePromotion($input: SavePromotionInput!) {
  savePromotion(input: $input) {
    code
    percent
    validFrom
    validTo
  }
}
    `);
export const StationsUtilisationDocument = new TypedDocumentString(`
    query StationsUtilisation($from: Date!, $to: Date!) {
  stations {
    id
    name
    utilisation(from: $from, to: $to) {
      share
      days {
        date
        booked
        available
      }
    }
  }
}
    `);
export const RequestImageUploadDocument = new TypedDocumentString(`
    mutation RequestImageUpload($input: RequestImageUploadInput!) {
  requestImageUpload(input: $input) {
    id
    url
    contentType
    maxBytes
    expiresAt
  }
}
    `);
export const ImageUploadDocument = new TypedDocumentString(`
    query ImageUpload($id: ID!) {
  imageUpload(id: $id) {
    id
    status
    percent
    alt
    createdAt
  }
}
    `);
export const VehicleImagesDocument = new TypedDocumentString(`
    query VehicleImages($id: ID) {
  vehicle(id: $id) {
    id
    images {
      id
      url
      alt
      width
      height
      variants(format: AVIF) {
        size
        url
      }
    }
    imageUploads {
      id
      status
      percent
    }
  }
}
    `);
export const OrderVehicleImagesDocument = new TypedDocumentString(`
    mutation OrderVehicleImages($vehicleId: ID!, $imageIds: [ID!]!) {
  orderVehicleImages(vehicleId: $vehicleId, imageIds: $imageIds) {
    id
    images {
      id
      alt
    }
  }
}
    `);
export const DeleteVehicleImageDocument = new TypedDocumentString(`
    mutation DeleteVehicleImage($id: ID!) {
  deleteVehicleImage(id: $id) {
    id
    images {
      id
      alt
    }
  }
}
    `);
export const RequestRentalPhotoDocument = new TypedDocumentString(`
    mutation RequestRentalPhoto($input: RequestRentalPhotoInput!) {
  requestRentalPhoto(input: $input) {
    id
    url
    contentType
    maxBytes
    expiresAt
  }
}
    `);
export const CreateVehicleDocument = new TypedDocumentString(`
    mutation CreateVehicle($input: CreateVehicleInput!) {
  createVehicle(input: $input) {
    ...FleetVehicle
  }
}
    fragment FleetVehicle on Vehicle {
  id
  slug
  version
  status
  make
  model
  year
  category
  dailyRate {
    amount
    currency
  }
  plate
  station {
    id
    name
  }
  position {
    lat
    lng
  }
}`);
export const BookingsFeedDocument = new TypedDocumentString(`
    subscription BookingsFeed($stationId: ID!) {
  bookingsFeed(stationId: $stationId) {
    id
    status
    pickupAt
    returnAt
    vehicle {
      make
      model
    }
  }
}
    `);
export const UpdateVehicleDocument = new TypedDocumentString(`
    mutation UpdateVehicle($input: UpdateVehicleInput!) {
  updateVehicle(input: $input) {
    ...FleetVehicle
  }
}
    fragment FleetVehicle on Vehicle {
  id
  slug
  version
  status
  make
  model
  year
  category
  dailyRate {
    amount
    currency
  }
  plate
  station {
    id
    name
  }
  position {
    lat
    lng
  }
}`);
export const RetireVehicleDocument = new TypedDocumentString(`
    mutation RetireVehicle($id: ID!) {
  retireVehicle(id: $id) {
    ...FleetVehicle
  }
}
    fragment FleetVehicle on Vehicle {
  id
  slug
  version
  status
  make
  model
  year
  category
  dailyRate {
    amount
    currency
  }
  plate
  station {
    id
    name
  }
  position {
    lat
    lng
  }
}`);
export const StartRentalDocument = new TypedDocumentString(`
    mutation StartRental($input: StartRentalInput!) {
  startRental(input: $input) {
    ...DeskBooking
  }
}
    fragment DeskBooking on Booking {
  id
  status
  pickupAt
  returnAt
  atRiskSince
  customer {
    id
    name
  }
  vehicle {
    id
    make
    model
    plate
  }
  deposit {
    amount {
      amount
      currency
    }
    status
    taken {
      amount
      currency
    }
  }
  rental {
    startedAt
    returnedAt
    overdueSince
    lateFee {
      amount
      currency
    }
    fuelFee {
      amount
      currency
    }
    damageFee {
      amount
      currency
    }
  }
}`);
export const ReturnRentalDocument = new TypedDocumentString(`
    mutation ReturnRental($input: ReturnRentalInput!) {
  returnRental(input: $input) {
    ...DeskBooking
  }
}
    fragment DeskBooking on Booking {
  id
  status
  pickupAt
  returnAt
  atRiskSince
  customer {
    id
    name
  }
  vehicle {
    id
    make
    model
    plate
  }
  deposit {
    amount {
      amount
      currency
    }
    status
    taken {
      amount
      currency
    }
  }
  rental {
    startedAt
    returnedAt
    overdueSince
    lateFee {
      amount
      currency
    }
    fuelFee {
      amount
      currency
    }
    damageFee {
      amount
      currency
    }
  }
}`);
export const ExpectLateReturnDocument = new TypedDocumentString(`
    mutation ExpectLateReturn($input: ExpectLateReturnInput!) {
  expectLateReturn(input: $input) {
    ...DeskBooking
  }
}
    fragment DeskBooking on Booking {
  id
  status
  pickupAt
  returnAt
  atRiskSince
  customer {
    id
    name
  }
  vehicle {
    id
    make
    model
    plate
  }
  deposit {
    amount {
      amount
      currency
    }
    status
    taken {
      amount
      currency
    }
  }
  rental {
    startedAt
    returnedAt
    overdueSince
    lateFee {
      amount
      currency
    }
    fuelFee {
      amount
      currency
    }
    damageFee {
      amount
      currency
    }
  }
}`);
export const SwapVehiclesDocument = new TypedDocumentString(`
    mutation SwapVehicles($input: SwapVehiclesInput!) {
  swapVehicles(input: $input) {
    ...DeskBooking
  }
}
    fragment DeskBooking on Booking {
  id
  status
  pickupAt
  returnAt
  atRiskSince
  customer {
    id
    name
  }
  vehicle {
    id
    make
    model
    plate
  }
  deposit {
    amount {
      amount
      currency
    }
    status
    taken {
      amount
      currency
    }
  }
  rental {
    startedAt
    returnedAt
    overdueSince
    lateFee {
      amount
      currency
    }
    fuelFee {
      amount
      currency
    }
    damageFee {
      amount
      currency
    }
  }
}`);
export const BlockVehicleDocument = new TypedDocumentString(`
    mutation BlockVehicle($input: BlockVehicleInput!) {
  blockVehicle(input: $input) {
    id
    from
    to
    reason
    liftedAt
  }
}
    `);
export const UnblockVehicleDocument = new TypedDocumentString(`
    mutation UnblockVehicle($id: ID!) {
  unblockVehicle(id: $id) {
    id
    liftedAt
  }
}
    `);
export const StationCalendarDocument = new TypedDocumentString(`
    query StationCalendar($stationId: ID!, $from: Date!, $to: Date!) {
  stationCalendar(stationId: $stationId, from: $from, to: $to) {
    date
    vehicles
    taken
    pickups
    returns
  }
}
    `);
export const MatchingSettingsDocument = new TypedDocumentString(`
    query MatchingSettings {
  matchingSettings {
    strategy
    boardingPin
  }
}
    `);
export const SetMatchingStrategyDocument = new TypedDocumentString(`
    mutation SetMatchingStrategy($input: SetMatchingStrategyInput!) {
  setMatchingStrategy(input: $input) {
    strategy
    boardingPin
  }
}
    `);
export const MatchingHealthDocument = new TypedDocumentString(`
    query MatchingHealth {
  matchingHealth(switches: 20) {
    searching
    modes {
      mode
      isOn
      since
    }
    switches {
      mode
      isOn
      reason
      at
    }
  }
}
    `);
export const MatchingMetricsDocument = new TypedDocumentString(`
    query MatchingMetrics($from: DateTime!, $to: DateTime!) {
  matchingMetrics(from: $from, to: $to) {
    requested
    matched
    noDrivers
    cancelledWhileSearching
    firstOfferP50Ms
    firstOfferP99Ms
    acceptP50Ms
    acceptP99Ms
    firstRoundShare
    withinSloShare
    sloMet
    driversOnline
    utilisation
    tripsPerDriver {
      trips
      driver {
        id
        plate
        rating
        user {
          name
        }
      }
    }
    declineReasons {
      reason
      times
    }
  }
}
    `);
export const DepositDocument = new TypedDocumentString(`
    query Deposit($id: ID!) {
  deposit(id: $id) {
    id
    status
    amount {
      amount
      currency
    }
    paymentUrl
    createdAt
  }
}
    `);
export const FailPayoutDocument = new TypedDocumentString(`
    mutation FailPayout($input: FailPayoutInput!) {
  failPayout(input: $input) {
    id
    status
    reason
  }
}
    `);
export const WaiveDebtDocument = new TypedDocumentString(`
    mutation WaiveDebt($input: WaiveDebtInput!) {
  waiveDebt(input: $input) {
    id
    status
    owed {
      amount
      currency
    }
    refunds {
      status
      amount {
        amount
        currency
      }
      problem
    }
  }
}
    `);
export const WithdrawalDocument = new TypedDocumentString(`
    query Withdrawal($id: ID!) {
  withdrawal(id: $id) {
    id
    status
    method
    amount {
      amount
      currency
    }
    accountEnding
    reason
    requestedAt
  }
}
    `);
export const MyWalletDocument = new TypedDocumentString(`
    query MyWallet($first: Int) {
  me {
    id
    wallet {
      id
      balance {
        amount
        currency
      }
      available {
        amount
        currency
      }
      creditLimit {
        amount
        currency
      }
      commissionOwed {
        amount
        currency
      }
      entries(first: $first) {
        totalCount
        nodes {
          number
          kind
          reference
          amount {
            amount
            currency
          }
          balanceAfter {
            amount
            currency
          }
          createdAt
        }
      }
    }
  }
}
    `);
export const RefundPaymentDocument = new TypedDocumentString(`
    mutation RefundPayment($input: RefundPaymentInput!) {
  refundPayment(input: $input) {
    id
    status
    captured {
      amount
      currency
    }
    refunded {
      amount
      currency
    }
  }
}
    `);
export const OpenPartnerWalletDocument = new TypedDocumentString(`
    mutation OpenPartnerWallet($input: OpenPartnerWalletInput!) {
  openPartnerWallet(input: $input) {
    id
    balance {
      amount
      currency
    }
    creditLimit {
      amount
      currency
    }
  }
}
    `);
export const FundPartnerWalletDocument = new TypedDocumentString(`
    mutation FundPartnerWallet($input: FundPartnerWalletInput!) {
  fundPartnerWallet(input: $input) {
    id
    balance {
      amount
      currency
    }
    available {
      amount
      currency
    }
  }
}
    `);
export const PaymentsInReviewDocument = new TypedDocumentString(`
    query PaymentsInReview($resolved: Boolean) {
  paymentsInReview(resolved: $resolved) {
    nodes {
      id
      reason
      adapter
      orderId
      amount {
        amount
        currency
      }
      receivedAt
      resolution
      note
    }
    totalCount
  }
}
    `);
export const ResolvePaymentInReviewDocument = new TypedDocumentString(`
    mutation ResolvePaymentInReview($input: ResolvePaymentInReviewInput!) {
  resolvePaymentInReview(input: $input) {
    id
    resolution
    note
    resolvedAt
  }
}
    `);
export const ConfirmPayoutDocument = new TypedDocumentString(`
    mutation ConfirmPayout($input: ConfirmPayoutInput!) {
  confirmPayout(input: $input) {
    id
    status
    payoutReference
  }
}
    `);
export const ThreadsDocument = new TypedDocumentString(`
    query Threads($filter: ThreadFilter, $first: Int, $after: String) {
  threads(filter: $filter, first: $first, after: $after) {
    nodes {
      ...ThreadState
    }
    pageInfo {
      hasNextPage
      endCursor
    }
  }
}
    fragment ThreadState on Thread {
  id
  subject
  status
  messages {
    id
    direction
    text
    html
    sentAt
  }
}`);
export const SystemHealthDocument = new TypedDocumentString(`
    query SystemHealth {
  systemHealth {
    violations {
      kind
      reference
      since
    }
  }
}
    `);
export const WalletUpdatedDocument = new TypedDocumentString(`
    subscription WalletUpdated {
  walletUpdated {
    ...WalletState
  }
}
    fragment WalletState on Wallet {
  balance {
    amount
    currency
  }
  available {
    amount
    currency
  }
}`);
export const NotificationReceivedDocument = new TypedDocumentString(`
    subscription NotificationReceived {
  notificationReceived {
    id
    kind
    title
    body
    createdAt
  }
}
    `);
export const ThreadUpdatedDocument = new TypedDocumentString(`
    subscription ThreadUpdated {
  threadUpdated {
    ...ThreadState
  }
}
    fragment ThreadState on Thread {
  id
  subject
  status
  messages {
    id
    direction
    text
    html
    sentAt
  }
}`);
export const ReplyToThreadDocument = new TypedDocumentString(`
    mutation ReplyToThread($input: ReplyInput!) {
  replyToThread(input: $input) {
    id
    direction
    text
    sentAt
  }
}
    `);
export const CloseThreadDocument = new TypedDocumentString(`
    mutation CloseThread($id: ID!) {
  closeThread(id: $id) {
    ...ThreadState
  }
}
    fragment ThreadState on Thread {
  id
  subject
  status
  messages {
    id
    direction
    text
    html
    sentAt
  }
}`);
export const RequestWithdrawalDocument = new TypedDocumentString(`
    mutation RequestWithdrawal($input: RequestWithdrawalInput!) {
  requestWithdrawal(input: $input) {
    ...WithdrawalState
  }
}
    fragment WithdrawalState on Withdrawal {
  id
  status
  amount {
    amount
    currency
  }
  method
}`);
export const WithdrawalsDocument = new TypedDocumentString(`
    query Withdrawals($status: WithdrawalStatus, $first: Int, $after: String) {
  withdrawals(status: $status, first: $first, after: $after) {
    nodes {
      ...WithdrawalState
    }
  }
}
    fragment WithdrawalState on Withdrawal {
  id
  status
  amount {
    amount
    currency
  }
  method
}`);
export const ApproveWithdrawalDocument = new TypedDocumentString(`
    mutation ApproveWithdrawal($id: ID!) {
  approveWithdrawal(id: $id) {
    ...WithdrawalState
  }
}
    fragment WithdrawalState on Withdrawal {
  id
  status
  amount {
    amount
    currency
  }
  method
}`);
export const RejectWithdrawalDocument = new TypedDocumentString(`
    mutation RejectWithdrawal($id: ID!, $reason: String!) {
  rejectWithdrawal(id: $id, reason: $reason) {
    ...WithdrawalState
  }
}
    fragment WithdrawalState on Withdrawal {
  id
  status
  amount {
    amount
    currency
  }
  method
}`);
export const RunReconciliationDocument = new TypedDocumentString(`
    mutation RunReconciliation($date: Date) {
  runReconciliation(date: $date) {
    id
    ok
    discrepancies {
      kind
      expected
      actual
      reference
    }
  }
}
    `);
export const SearchVehiclesDocument = new TypedDocumentString(`
    query SearchVehicles($filter: VehicleFilter, $sort: VehicleSort, $first: Int, $after: String, $from: DateTime!, $to: DateTime!) {
  vehicles(filter: $filter, sort: $sort, first: $first, after: $after) {
    totalCount
    pageInfo {
      hasNextPage
      endCursor
    }
    nodes {
      id
      slug
      make
      model
      year
      category
      seats
      dailyRate {
        amount
        currency
      }
      station {
        name
        timeZone
      }
      availability(from: $from, to: $to) {
        free
        nextFreeFrom
        busy {
          from
          to
        }
      }
    }
  }
}
    `);
export const VehicleFacetsDocument = new TypedDocumentString(`
    query VehicleFacets($filter: VehicleFilter) {
  vehicles(filter: $filter, first: 0) {
    totalCount
    totalCountIsFloor
    facets {
      categories {
        category
        count
      }
      fuelTypes {
        fuelType
        count
      }
      priceBands {
        from
        below
        count
      }
    }
  }
}
    `);
export const ChangeBookingDocument = new TypedDocumentString(`
    mutation ChangeBooking($input: ChangeBookingInput!) {
  changeBooking(input: $input) {
    ...BookingState
  }
}
    fragment BookingState on Booking {
  id
  status
  pickupAt
  returnAt
  total {
    amount
    currency
  }
  failure {
    code
    message
  }
  vehicle {
    id
    make
    model
  }
  payment {
    id
    status
    method
    amount {
      amount
      currency
    }
  }
}`);
export const BookingReplacementsDocument = new TypedDocumentString(`
    query BookingReplacements($id: ID!) {
  booking(id: $id) {
    id
    status
    atRiskSince
    atRiskReason
    station {
      id
      name
    }
    replacements {
      id
      make
      model
    }
  }
}
    `);
export const ReplaceVehicleDocument = new TypedDocumentString(`
    mutation ReplaceVehicle($input: ReplaceVehicleInput!) {
  replaceVehicle(input: $input) {
    ...BookingState
  }
}
    fragment BookingState on Booking {
  id
  status
  pickupAt
  returnAt
  total {
    amount
    currency
  }
  failure {
    code
    message
  }
  vehicle {
    id
    make
    model
  }
  payment {
    id
    status
    method
    amount {
      amount
      currency
    }
  }
}`);
export const BookingAgreementDocument = new TypedDocumentString(`
    query BookingAgreement($id: ID!) {
  booking(id: $id) {
    id
    status
    agreement {
      status
      version
      url
      signUrl
      signedAt
    }
  }
}
    `);
export const BookingPhotosDocument = new TypedDocumentString(`
    query BookingPhotos($id: ID!) {
  booking(id: $id) {
    id
    photos {
      id
      moment
      url
      width
      height
      takenAt
    }
  }
}
    `);
export const QuoteRentalDocument = new TypedDocumentString(`
    mutation QuoteRental($input: QuoteRentalInput!) {
  quoteRental(input: $input) {
    id
    pickupStation {
      id
      name
    }
    returnStation {
      id
      name
    }
    total {
      amount
      currency
    }
    deposit {
      amount
      currency
    }
    lines {
      label
      amount {
        amount
        currency
      }
    }
    expiresAt
  }
}
    `);
export const InitiateDepositDocument = new TypedDocumentString(`
    mutation InitiateDeposit($input: InitiateDepositInput!) {
  initiateDeposit(input: $input) {
    id
    status
    amount {
      amount
      currency
    }
    paymentUrl
  }
}
    `);
export const CreateBookingDocument = new TypedDocumentString(`
    mutation CreateBooking($input: CreateBookingInput!) {
  createBooking(input: $input) {
    ...BookingState
  }
}
    fragment BookingState on Booking {
  id
  status
  pickupAt
  returnAt
  total {
    amount
    currency
  }
  failure {
    code
    message
  }
  vehicle {
    id
    make
    model
  }
  payment {
    id
    status
    method
    amount {
      amount
      currency
    }
  }
}`);
export const GetBookingDocument = new TypedDocumentString(`
    query GetBooking($id: ID!) {
  booking(id: $id) {
    ...BookingState
  }
}
    fragment BookingState on Booking {
  id
  status
  pickupAt
  returnAt
  total {
    amount
    currency
  }
  failure {
    code
    message
  }
  vehicle {
    id
    make
    model
  }
  payment {
    id
    status
    method
    amount {
      amount
      currency
    }
  }
}`);
export const BookingUpdatedDocument = new TypedDocumentString(`
    subscription BookingUpdated($bookingId: ID!) {
  bookingUpdated(bookingId: $bookingId) {
    id
    status
    failure {
      code
      message
    }
    vehicle {
      make
      model
    }
    payment {
      status
    }
  }
}
    `);
export const CancelBookingDocument = new TypedDocumentString(`
    mutation CancelBooking($input: CancelBookingInput!) {
  cancelBooking(input: $input) {
    ...BookingState
  }
}
    fragment BookingState on Booking {
  id
  status
  pickupAt
  returnAt
  total {
    amount
    currency
  }
  failure {
    code
    message
  }
  vehicle {
    id
    make
    model
  }
  payment {
    id
    status
    method
    amount {
      amount
      currency
    }
  }
}`);
export const MyNotificationsDocument = new TypedDocumentString(`
    query MyNotifications($first: Int) {
  me {
    id
    notifications(first: $first) {
      nodes {
        id
        kind
        title
        body
        readAt
        createdAt
      }
    }
  }
}
    `);
export const GetVehicleDocument = new TypedDocumentString(`
    query GetVehicle($id: ID, $slug: String, $from: DateTime!, $to: DateTime!) {
  vehicle(id: $id, slug: $slug) {
    id
    slug
    make
    model
    status
    version
    dailyRate {
      amount
      currency
    }
    availability(from: $from, to: $to) {
      free
      nextFreeFrom
      busy {
        from
        to
      }
    }
  }
}
    `);
export const GoOnlineDocument = new TypedDocumentString(`
    mutation GoOnline($at: PointInput!) {
  goOnline(at: $at) {
    ...DriverState
  }
}
    fragment DriverState on Driver {
  id
  state
  rating
  plate
  position {
    lat
    lng
  }
}`);
export const CompleteTripDocument = new TypedDocumentString(`
    mutation CompleteTrip($tripId: ID!) {
  completeTrip(tripId: $tripId) {
    ...TripState
  }
}
    fragment TripState on Trip {
  id
  status
  sequence
  vehicleType
  pickup {
    lat
    lng
  }
  destination {
    lat
    lng
  }
  quotedFare {
    amount
    currency
  }
  finalFare {
    amount
    currency
  }
}`);
export const GetTripDocument = new TypedDocumentString(`
    query GetTrip($id: ID!) {
  trip(id: $id) {
    ...TripState
    route
    payment {
      id
      status
      method
      amount {
        amount
        currency
      }
    }
    driver {
      plate
      user {
        name
      }
      vehicle {
        make
        model
      }
    }
  }
}
    fragment TripState on Trip {
  id
  status
  sequence
  vehicleType
  pickup {
    lat
    lng
  }
  destination {
    lat
    lng
  }
  quotedFare {
    amount
    currency
  }
  finalFare {
    amount
    currency
  }
}`);
export const RateTripDocument = new TypedDocumentString(`
    mutation RateTrip($input: RateTripInput!) {
  rateTrip(input: $input) {
    ...TripState
  }
}
    fragment TripState on Trip {
  id
  status
  sequence
  vehicleType
  pickup {
    lat
    lng
  }
  destination {
    lat
    lng
  }
  quotedFare {
    amount
    currency
  }
  finalFare {
    amount
    currency
  }
}`);
export const CancelTripDocument = new TypedDocumentString(`
    mutation CancelTrip($tripId: ID!, $reason: String) {
  cancelTrip(tripId: $tripId, reason: $reason) {
    ...TripState
  }
}
    fragment TripState on Trip {
  id
  status
  sequence
  vehicleType
  pickup {
    lat
    lng
  }
  destination {
    lat
    lng
  }
  quotedFare {
    amount
    currency
  }
  finalFare {
    amount
    currency
  }
}`);
export const DeclineOfferDocument = new TypedDocumentString(`
    mutation DeclineOffer($offerId: ID!, $reason: String) {
  declineOffer(offerId: $offerId, reason: $reason) {
    id
    expiresAt
  }
}
    `);
export const GoOfflineDocument = new TypedDocumentString(`
    mutation GoOffline {
  goOffline {
    ...DriverState
  }
}
    fragment DriverState on Driver {
  id
  state
  rating
  plate
  position {
    lat
    lng
  }
}`);
export const NearbyDriversDocument = new TypedDocumentString(`
    query NearbyDrivers($near: PointInput!, $radiusKm: Float, $vehicleType: VehicleType, $first: Int) {
  nearbyDrivers(
    near: $near
    radiusKm: $radiusKm
    vehicleType: $vehicleType
    first: $first
  ) {
    position {
      lat
      lng
    }
    heading
    distanceM
    vehicleType
    lastSeenAt
  }
}
    `);
export const NearbyDriversUpdatedDocument = new TypedDocumentString(`
    subscription NearbyDriversUpdated($near: PointInput!, $radiusKm: Float) {
  nearbyDriversUpdated(near: $near, radiusKm: $radiusKm) {
    position {
      lat
      lng
    }
    heading
    distanceM
    vehicleType
    lastSeenAt
  }
}
    `);
export const ZonesDocument = new TypedDocumentString(`
    query Zones($kind: ZoneKind) {
  zones(kind: $kind) {
    id
    kind
    name
    polygon {
      lat
      lng
    }
    createdAt
  }
}
    `);
export const MyDriverDocument = new TypedDocumentString(`
    query MyDriver {
  myDriver {
    id
    approval
    state
    standing
    completedTrips
    suspension {
      reason
      suspendedAt
    }
    airportQueue {
      zone {
        id
        name
      }
      position
      enteredAt
    }
  }
}
    `);
export const UpdateLocationDocument = new TypedDocumentString(`
    mutation UpdateLocation($input: LocationInput!) {
  updateLocation(input: $input) {
    accepted
  }
}
    `);
export const UpdateLocationsDocument = new TypedDocumentString(`
    mutation UpdateLocations($input: [LocationInput!]!) {
  updateLocations(input: $input) {
    accepted
    rejected
    rejections {
      index
      reason
      message
    }
  }
}
    `);
export const SearchStateDocument = new TypedDocumentString(`
    query SearchState($id: ID!) {
  trip(id: $id) {
    id
    status
    strategy
    queuePosition
    boardingPin
    agreedFare {
      amount
      currency
    }
    bids {
      id
      amount {
        amount
        currency
      }
      rating
    }
  }
}
    `);
export const BidOnOfferDocument = new TypedDocumentString(`
    mutation BidOnOffer($input: BidOnOfferInput!) {
  bidOnOffer(input: $input) {
    id
    status
    terms
    bid {
      amount
      currency
    }
    estimatedEarnings {
      amount
      currency
    }
    expiresAt
  }
}
    `);
export const TripBidsDocument = new TypedDocumentString(`
    subscription TripBids($tripId: ID!) {
  tripBids(tripId: $tripId) {
    id
    amount {
      amount
      currency
    }
    pickupDistanceM
    rating
    completedTrips
    vehicleType
    expiresAt
  }
}
    `);
export const ChooseBidDocument = new TypedDocumentString(`
    mutation ChooseBid($bidId: ID!) {
  chooseBid(bidId: $bidId) {
    id
    status
    agreedFare {
      amount
      currency
    }
    driver {
      plate
      rating
      user {
        name
      }
    }
  }
}
    `);
export const ShareTripDocument = new TypedDocumentString(`
    mutation ShareTrip($tripId: ID!) {
  shareTrip(tripId: $tripId) {
    token
    expiresAt
  }
}
    `);
export const SharedTripDocument = new TypedDocumentString(`
    query SharedTrip($token: String!) {
  sharedTrip(token: $token) {
    status
    position {
      lat
      lng
    }
    heading
    etaSeconds
    driver {
      firstName
      plate
    }
  }
}
    `);
export const SharedTripUpdatesDocument = new TypedDocumentString(`
    subscription SharedTripUpdates($token: String!, $afterSequence: Int) {
  sharedTripUpdates(token: $token, afterSequence: $afterSequence) {
    sequence
    kind
    status
    position {
      lat
      lng
    }
    heading
    etaSeconds
    at
    driver {
      firstName
      plate
    }
  }
}
    `);
export const StopSharingDocument = new TypedDocumentString(`
    mutation StopSharing($tripId: ID!) {
  stopSharing(tripId: $tripId)
}
    `);
export const FavouriteDriverDocument = new TypedDocumentString(`
    mutation FavouriteDriver($tripId: ID!) {
  favouriteDriver(tripId: $tripId) {
    kind
    since
    driver {
      id
      plate
    }
  }
}
    `);
export const DriverOffersDocument = new TypedDocumentString(`
    subscription DriverOffers {
  driverOffers {
    id
    expiresAt
    pickupDistanceM
    estimatedEarnings {
      amount
      currency
    }
    terms
    bidBounds {
      least {
        amount
        currency
      }
      most {
        amount
        currency
      }
    }
    trip {
      id
      status
      pickup {
        lat
        lng
      }
      destination {
        lat
        lng
      }
    }
  }
}
    `);
export const BlockDriverDocument = new TypedDocumentString(`
    mutation BlockDriver($tripId: ID!) {
  blockDriver(tripId: $tripId) {
    kind
    since
    driver {
      id
      plate
    }
  }
}
    `);
export const MyDriversDocument = new TypedDocumentString(`
    query MyDrivers {
  myDrivers {
    kind
    since
    driver {
      id
      plate
      rating
      user {
        name
      }
    }
  }
}
    `);
export const ForgetDriverDocument = new TypedDocumentString(`
    mutation ForgetDriver($driverId: ID!) {
  forgetDriver(driverId: $driverId)
}
    `);
export const SettleDebtDocument = new TypedDocumentString(`
    mutation SettleDebt($paymentId: ID!) {
  settleDebt(paymentId: $paymentId) {
    id
    status
    owed {
      amount
      currency
    }
    captured {
      amount
      currency
    }
  }
}
    `);
export const QuoteTripDocument = new TypedDocumentString(`
    mutation QuoteTrip($input: QuoteTripInput!) {
  quoteTrip(input: $input) {
    id
    vehicleType
    price {
      amount
      currency
    }
    pickupEtaSeconds
    tripEtaSeconds
    surge
    expiresAt
  }
}
    `);
export const RequestTripDocument = new TypedDocumentString(`
    mutation RequestTrip($input: RequestTripInput!) {
  requestTrip(input: $input) {
    ...TripState
  }
}
    fragment TripState on Trip {
  id
  status
  sequence
  vehicleType
  pickup {
    lat
    lng
  }
  destination {
    lat
    lng
  }
  quotedFare {
    amount
    currency
  }
  finalFare {
    amount
    currency
  }
}`);
export const TripUpdatesDocument = new TypedDocumentString(`
    subscription TripUpdates($tripId: ID!, $afterSequence: Int) {
  tripUpdates(tripId: $tripId, afterSequence: $afterSequence) {
    sequence
    kind
    status
    position {
      lat
      lng
    }
    heading
    etaSeconds
    at
    trip {
      id
      status
      driver {
        plate
        rating
        user {
          name
        }
        vehicle {
          make
          model
        }
      }
    }
  }
}
    `);
export const AcceptOfferDocument = new TypedDocumentString(`
    mutation AcceptOffer($offerId: ID!) {
  acceptOffer(offerId: $offerId) {
    ...TripState
  }
}
    fragment TripState on Trip {
  id
  status
  sequence
  vehicleType
  pickup {
    lat
    lng
  }
  destination {
    lat
    lng
  }
  quotedFare {
    amount
    currency
  }
  finalFare {
    amount
    currency
  }
}`);
export const ArriveAtPickupDocument = new TypedDocumentString(`
    mutation ArriveAtPickup($tripId: ID!) {
  arriveAtPickup(tripId: $tripId) {
    ...TripState
  }
}
    fragment TripState on Trip {
  id
  status
  sequence
  vehicleType
  pickup {
    lat
    lng
  }
  destination {
    lat
    lng
  }
  quotedFare {
    amount
    currency
  }
  finalFare {
    amount
    currency
  }
}`);
export const StartTripDocument = new TypedDocumentString(`
    mutation StartTrip($tripId: ID!, $boardingPin: String) {
  startTrip(tripId: $tripId, boardingPin: $boardingPin) {
    ...TripState
  }
}
    fragment TripState on Trip {
  id
  status
  sequence
  vehicleType
  pickup {
    lat
    lng
  }
  destination {
    lat
    lng
  }
  quotedFare {
    amount
    currency
  }
  finalFare {
    amount
    currency
  }
}`);
export const DriversDocument = new TypedDocumentString(`
    query Drivers($approval: DriverApproval, $first: Int, $after: String) {
  drivers(approval: $approval, first: $first, after: $after) {
    nodes {
      id
      user {
        id
        name
      }
      plate
      vehicleType
      approval
      state
      standing
      suspension {
        reason
        suspendedAt
      }
    }
    pageInfo {
      hasNextPage
      endCursor
    }
    totalCount
  }
}
    `);
export const SuspendDriverDocument = new TypedDocumentString(`
    mutation SuspendDriver($id: ID!, $reason: String!) {
  suspendDriver(id: $id, reason: $reason) {
    id
    approval
    state
    suspension {
      reason
      suspendedAt
    }
  }
}
    `);
export const ApproveDriverDocument = new TypedDocumentString(`
    mutation ApproveDriver($id: ID!) {
  approveDriver(id: $id) {
    id
    approval
    state
  }
}
    `);
export const LocationFlagsDocument = new TypedDocumentString(`
    query LocationFlags($driverId: ID, $first: Int, $after: String) {
  locationFlags(driverId: $driverId, first: $first, after: $after) {
    nodes {
      id
      kind
      count
      from {
        lat
        lng
      }
      fromAt
      to {
        lat
        lng
      }
      toAt
      speedKmh
      firstAt
      lastAt
      driver {
        id
        plate
        standing
      }
    }
    pageInfo {
      hasNextPage
      endCursor
    }
    totalCount
  }
}
    `);
export const CreateZoneDocument = new TypedDocumentString(`
    mutation CreateZone($input: CreateZoneInput!) {
  createZone(input: $input) {
    id
    kind
    name
    createdAt
  }
}
    `);
export const RetireZoneDocument = new TypedDocumentString(`
    mutation RetireZone($id: ID!) {
  retireZone(id: $id) {
    id
    kind
    name
    retiredAt
  }
}
    `);
export const AirportQueuesDocument = new TypedDocumentString(`
    query AirportQueues {
  zones(kind: AIRPORT_QUEUE) {
    id
    name
    waitingDrivers
  }
}
    `);
export type Requester<C = {}> = <R, V>(doc: string, vars?: V, options?: C) => Promise<R> | AsyncIterable<R>
export function getSdk<C>(requester: Requester<C>) {
  return {
    SignIn(variables: SignInMutationVariables, options?: C): Promise<SignInMutation> {
      return requester<SignInMutation, SignInMutationVariables>(SignInDocument, variables, options) as Promise<SignInMutation>;
    },
    SignUp(variables: SignUpMutationVariables, options?: C): Promise<SignUpMutation> {
      return requester<SignUpMutation, SignUpMutationVariables>(SignUpDocument, variables, options) as Promise<SignUpMutation>;
    },
    RefreshSession(variables: RefreshSessionMutationVariables, options?: C): Promise<RefreshSessionMutation> {
      return requester<RefreshSessionMutation, RefreshSessionMutationVariables>(RefreshSessionDocument, variables, options) as Promise<RefreshSessionMutation>;
    },
    Me(variables?: MeQueryVariables, options?: C): Promise<MeQuery> {
      return requester<MeQuery, MeQueryVariables>(MeDocument, variables, options) as Promise<MeQuery>;
    },
    SignOut(variables?: SignOutMutationVariables, options?: C): Promise<SignOutMutation> {
      return requester<SignOutMutation, SignOutMutationVariables>(SignOutDocument, variables, options) as Promise<SignOutMutation>;
    },
    QuoteBreakdown(variables: QuoteBreakdownMutationVariables, options?: C): Promise<QuoteBreakdownMutation> {
      return requester<QuoteBreakdownMutation, QuoteBreakdownMutationVariables>(QuoteBreakdownDocument, variables, options) as Promise<QuoteBreakdownMutation>;
    },
    PriceEvents(variables?: PriceEventsQueryVariables, options?: C): Promise<PriceEventsQuery> {
      return requester<PriceEventsQuery, PriceEventsQueryVariables>(PriceEventsDocument, variables, options) as Promise<PriceEventsQuery>;
    },
    EndPriceEvent(variables: EndPriceEventMutationVariables, options?: C): Promise<EndPriceEventMutation> {
      return requester<EndPriceEventMutation, EndPriceEventMutationVariables>(EndPriceEventDocument, variables, options) as Promise<EndPriceEventMutation>;
    },
    OnboardDriver(variables: OnboardDriverMutationVariables, options?: C): Promise<OnboardDriverMutation> {
      return requester<OnboardDriverMutation, OnboardDriverMutationVariables>(OnboardDriverDocument, variables, options) as Promise<OnboardDriverMutation>;
    },
    AdmitDriver(variables: AdmitDriverMutationVariables, options?: C): Promise<AdmitDriverMutation> {
      return requester<AdmitDriverMutation, AdmitDriverMutationVariables>(AdmitDriverDocument, variables, options) as Promise<AdmitDriverMutation>;
    },
    SendPositions(variables: SendPositionsMutationVariables, options?: C): Promise<SendPositionsMutation> {
      return requester<SendPositionsMutation, SendPositionsMutationVariables>(SendPositionsDocument, variables, options) as Promise<SendPositionsMutation>;
    },
    ChooseStrategy(variables: ChooseStrategyMutationVariables, options?: C): Promise<ChooseStrategyMutation> {
      return requester<ChooseStrategyMutation, ChooseStrategyMutationVariables>(ChooseStrategyDocument, variables, options) as Promise<ChooseStrategyMutation>;
    },
    ChangeDestination(variables: ChangeDestinationMutationVariables, options?: C): Promise<ChangeDestinationMutation> {
      return requester<ChangeDestinationMutation, ChangeDestinationMutationVariables>(ChangeDestinationDocument, variables, options) as Promise<ChangeDestinationMutation>;
    },
    RoutingState(variables?: RoutingStateQueryVariables, options?: C): Promise<RoutingStateQuery> {
      return requester<RoutingStateQuery, RoutingStateQueryVariables>(RoutingStateDocument, variables, options) as Promise<RoutingStateQuery>;
    },
    RequestDriverDocument(variables: RequestDriverDocumentMutationVariables, options?: C): Promise<RequestDriverDocumentMutation> {
      return requester<RequestDriverDocumentMutation, RequestDriverDocumentMutationVariables>(RequestDriverDocumentDocument, variables, options) as Promise<RequestDriverDocumentMutation>;
    },
    DriverPapers(variables?: DriverPapersQueryVariables, options?: C): Promise<DriverPapersQuery> {
      return requester<DriverPapersQuery, DriverPapersQueryVariables>(DriverPapersDocument, variables, options) as Promise<DriverPapersQuery>;
    },
    SurgeMap(variables: SurgeMapQueryVariables, options?: C): Promise<SurgeMapQuery> {
      return requester<SurgeMapQuery, SurgeMapQueryVariables>(SurgeMapDocument, variables, options) as Promise<SurgeMapQuery>;
    },
    QuoteDestinationChange(variables: QuoteDestinationChangeMutationVariables, options?: C): Promise<QuoteDestinationChangeMutation> {
      return requester<QuoteDestinationChangeMutation, QuoteDestinationChangeMutationVariables>(QuoteDestinationChangeDocument, variables, options) as Promise<QuoteDestinationChangeMutation>;
    },
    WhyTrip(variables: WhyTripQueryVariables, options?: C): Promise<WhyTripQuery> {
      return requester<WhyTripQuery, WhyTripQueryVariables>(WhyTripDocument, variables, options) as Promise<WhyTripQuery>;
    },
    RepositionHint(variables?: RepositionHintQueryVariables, options?: C): Promise<RepositionHintQuery> {
      return requester<RepositionHintQuery, RepositionHintQueryVariables>(RepositionHintDocument, variables, options) as Promise<RepositionHintQuery>;
    },
    FareRates(variables?: FareRatesQueryVariables, options?: C): Promise<FareRatesQuery> {
      return requester<FareRatesQuery, FareRatesQueryVariables>(FareRatesDocument, variables, options) as Promise<FareRatesQuery>;
    },
    PublishFareTable(variables: PublishFareTableMutationVariables, options?: C): Promise<PublishFareTableMutation> {
      return requester<PublishFareTableMutation, PublishFareTableMutationVariables>(PublishFareTableDocument, variables, options) as Promise<PublishFareTableMutation>;
    },
    FareTables(variables?: FareTablesQueryVariables, options?: C): Promise<FareTablesQuery> {
      return requester<FareTablesQuery, FareTablesQueryVariables>(FareTablesDocument, variables, options) as Promise<FareTablesQuery>;
    },
    CreatePriceEvent(variables: CreatePriceEventMutationVariables, options?: C): Promise<CreatePriceEventMutation> {
      return requester<CreatePriceEventMutation, CreatePriceEventMutationVariables>(CreatePriceEventDocument, variables, options) as Promise<CreatePriceEventMutation>;
    },
    LedgerHealth(variables?: LedgerHealthQueryVariables, options?: C): Promise<LedgerHealthQuery> {
      return requester<LedgerHealthQuery, LedgerHealthQueryVariables>(LedgerHealthDocument, variables, options) as Promise<LedgerHealthQuery>;
    },
    FinancialReport(variables: FinancialReportQueryVariables, options?: C): Promise<FinancialReportQuery> {
      return requester<FinancialReportQuery, FinancialReportQueryVariables>(FinancialReportDocument, variables, options) as Promise<FinancialReportQuery>;
    },
    RequestReport(variables: RequestReportMutationVariables, options?: C): Promise<RequestReportMutation> {
      return requester<RequestReportMutation, RequestReportMutationVariables>(RequestReportDocument, variables, options) as Promise<RequestReportMutation>;
    },
    ReportFile(variables: ReportFileQueryVariables, options?: C): Promise<ReportFileQuery> {
      return requester<ReportFileQuery, ReportFileQueryVariables>(ReportFileDocument, variables, options) as Promise<ReportFileQuery>;
    },
    DiscrepanciesFound(variables?: DiscrepanciesFoundQueryVariables, options?: C): Promise<DiscrepanciesFoundQuery> {
      return requester<DiscrepanciesFoundQuery, DiscrepanciesFoundQueryVariables>(DiscrepanciesFoundDocument, variables, options) as Promise<DiscrepanciesFoundQuery>;
    },
    ResolveDiscrepancy(variables: ResolveDiscrepancyMutationVariables, options?: C): Promise<ResolveDiscrepancyMutation> {
      return requester<ResolveDiscrepancyMutation, ResolveDiscrepancyMutationVariables>(ResolveDiscrepancyDocument, variables, options) as Promise<ResolveDiscrepancyMutation>;
    },
    FraudFlags(variables?: FraudFlagsQueryVariables, options?: C): Promise<FraudFlagsQuery> {
      return requester<FraudFlagsQuery, FraudFlagsQueryVariables>(FraudFlagsDocument, variables, options) as Promise<FraudFlagsQuery>;
    },
    ClearFraudFlag(variables: ClearFraudFlagMutationVariables, options?: C): Promise<ClearFraudFlagMutation> {
      return requester<ClearFraudFlagMutation, ClearFraudFlagMutationVariables>(ClearFraudFlagDocument, variables, options) as Promise<ClearFraudFlagMutation>;
    },
    ConfirmFraudFlag(variables: ConfirmFraudFlagMutationVariables, options?: C): Promise<ConfirmFraudFlagMutation> {
      return requester<ConfirmFraudFlagMutation, ConfirmFraudFlagMutationVariables>(ConfirmFraudFlagDocument, variables, options) as Promise<ConfirmFraudFlagMutation>;
    },
    LedgerTransactions(variables?: LedgerTransactionsQueryVariables, options?: C): Promise<LedgerTransactionsQuery> {
      return requester<LedgerTransactionsQuery, LedgerTransactionsQueryVariables>(LedgerTransactionsDocument, variables, options) as Promise<LedgerTransactionsQuery>;
    },
    RevertTransaction(variables: RevertTransactionMutationVariables, options?: C): Promise<RevertTransactionMutation> {
      return requester<RevertTransactionMutation, RevertTransactionMutationVariables>(RevertTransactionDocument, variables, options) as Promise<RevertTransactionMutation>;
    },
    WalletStatement(variables: WalletStatementQueryVariables, options?: C): Promise<WalletStatementQuery> {
      return requester<WalletStatementQuery, WalletStatementQueryVariables>(WalletStatementDocument, variables, options) as Promise<WalletStatementQuery>;
    },
    DeskBookings(variables?: DeskBookingsQueryVariables, options?: C): Promise<DeskBookingsQuery> {
      return requester<DeskBookingsQuery, DeskBookingsQueryVariables>(DeskBookingsDocument, variables, options) as Promise<DeskBookingsQuery>;
    },
    DeskVehicle(variables: DeskVehicleQueryVariables, options?: C): Promise<DeskVehicleQuery> {
      return requester<DeskVehicleQuery, DeskVehicleQueryVariables>(DeskVehicleDocument, variables, options) as Promise<DeskVehicleQuery>;
    },
    SavePromotion(variables: SavePromotionMutationVariables, options?: C): Promise<SavePromotionMutation> {
      return requester<SavePromotionMutation, SavePromotionMutationVariables>(SavePromotionDocument, variables, options) as Promise<SavePromotionMutation>;
    },
    StationsUtilisation(variables: StationsUtilisationQueryVariables, options?: C): Promise<StationsUtilisationQuery> {
      return requester<StationsUtilisationQuery, StationsUtilisationQueryVariables>(StationsUtilisationDocument, variables, options) as Promise<StationsUtilisationQuery>;
    },
    RequestImageUpload(variables: RequestImageUploadMutationVariables, options?: C): Promise<RequestImageUploadMutation> {
      return requester<RequestImageUploadMutation, RequestImageUploadMutationVariables>(RequestImageUploadDocument, variables, options) as Promise<RequestImageUploadMutation>;
    },
    ImageUpload(variables: ImageUploadQueryVariables, options?: C): Promise<ImageUploadQuery> {
      return requester<ImageUploadQuery, ImageUploadQueryVariables>(ImageUploadDocument, variables, options) as Promise<ImageUploadQuery>;
    },
    VehicleImages(variables?: VehicleImagesQueryVariables, options?: C): Promise<VehicleImagesQuery> {
      return requester<VehicleImagesQuery, VehicleImagesQueryVariables>(VehicleImagesDocument, variables, options) as Promise<VehicleImagesQuery>;
    },
    OrderVehicleImages(variables: OrderVehicleImagesMutationVariables, options?: C): Promise<OrderVehicleImagesMutation> {
      return requester<OrderVehicleImagesMutation, OrderVehicleImagesMutationVariables>(OrderVehicleImagesDocument, variables, options) as Promise<OrderVehicleImagesMutation>;
    },
    DeleteVehicleImage(variables: DeleteVehicleImageMutationVariables, options?: C): Promise<DeleteVehicleImageMutation> {
      return requester<DeleteVehicleImageMutation, DeleteVehicleImageMutationVariables>(DeleteVehicleImageDocument, variables, options) as Promise<DeleteVehicleImageMutation>;
    },
    RequestRentalPhoto(variables: RequestRentalPhotoMutationVariables, options?: C): Promise<RequestRentalPhotoMutation> {
      return requester<RequestRentalPhotoMutation, RequestRentalPhotoMutationVariables>(RequestRentalPhotoDocument, variables, options) as Promise<RequestRentalPhotoMutation>;
    },
    CreateVehicle(variables: CreateVehicleMutationVariables, options?: C): Promise<CreateVehicleMutation> {
      return requester<CreateVehicleMutation, CreateVehicleMutationVariables>(CreateVehicleDocument, variables, options) as Promise<CreateVehicleMutation>;
    },
    BookingsFeed(variables: BookingsFeedSubscriptionVariables, options?: C): AsyncIterable<BookingsFeedSubscription> {
      return requester<BookingsFeedSubscription, BookingsFeedSubscriptionVariables>(BookingsFeedDocument, variables, options) as AsyncIterable<BookingsFeedSubscription>;
    },
    UpdateVehicle(variables: UpdateVehicleMutationVariables, options?: C): Promise<UpdateVehicleMutation> {
      return requester<UpdateVehicleMutation, UpdateVehicleMutationVariables>(UpdateVehicleDocument, variables, options) as Promise<UpdateVehicleMutation>;
    },
    RetireVehicle(variables: RetireVehicleMutationVariables, options?: C): Promise<RetireVehicleMutation> {
      return requester<RetireVehicleMutation, RetireVehicleMutationVariables>(RetireVehicleDocument, variables, options) as Promise<RetireVehicleMutation>;
    },
    StartRental(variables: StartRentalMutationVariables, options?: C): Promise<StartRentalMutation> {
      return requester<StartRentalMutation, StartRentalMutationVariables>(StartRentalDocument, variables, options) as Promise<StartRentalMutation>;
    },
    ReturnRental(variables: ReturnRentalMutationVariables, options?: C): Promise<ReturnRentalMutation> {
      return requester<ReturnRentalMutation, ReturnRentalMutationVariables>(ReturnRentalDocument, variables, options) as Promise<ReturnRentalMutation>;
    },
    ExpectLateReturn(variables: ExpectLateReturnMutationVariables, options?: C): Promise<ExpectLateReturnMutation> {
      return requester<ExpectLateReturnMutation, ExpectLateReturnMutationVariables>(ExpectLateReturnDocument, variables, options) as Promise<ExpectLateReturnMutation>;
    },
    SwapVehicles(variables: SwapVehiclesMutationVariables, options?: C): Promise<SwapVehiclesMutation> {
      return requester<SwapVehiclesMutation, SwapVehiclesMutationVariables>(SwapVehiclesDocument, variables, options) as Promise<SwapVehiclesMutation>;
    },
    BlockVehicle(variables: BlockVehicleMutationVariables, options?: C): Promise<BlockVehicleMutation> {
      return requester<BlockVehicleMutation, BlockVehicleMutationVariables>(BlockVehicleDocument, variables, options) as Promise<BlockVehicleMutation>;
    },
    UnblockVehicle(variables: UnblockVehicleMutationVariables, options?: C): Promise<UnblockVehicleMutation> {
      return requester<UnblockVehicleMutation, UnblockVehicleMutationVariables>(UnblockVehicleDocument, variables, options) as Promise<UnblockVehicleMutation>;
    },
    StationCalendar(variables: StationCalendarQueryVariables, options?: C): Promise<StationCalendarQuery> {
      return requester<StationCalendarQuery, StationCalendarQueryVariables>(StationCalendarDocument, variables, options) as Promise<StationCalendarQuery>;
    },
    MatchingSettings(variables?: MatchingSettingsQueryVariables, options?: C): Promise<MatchingSettingsQuery> {
      return requester<MatchingSettingsQuery, MatchingSettingsQueryVariables>(MatchingSettingsDocument, variables, options) as Promise<MatchingSettingsQuery>;
    },
    SetMatchingStrategy(variables: SetMatchingStrategyMutationVariables, options?: C): Promise<SetMatchingStrategyMutation> {
      return requester<SetMatchingStrategyMutation, SetMatchingStrategyMutationVariables>(SetMatchingStrategyDocument, variables, options) as Promise<SetMatchingStrategyMutation>;
    },
    MatchingHealth(variables?: MatchingHealthQueryVariables, options?: C): Promise<MatchingHealthQuery> {
      return requester<MatchingHealthQuery, MatchingHealthQueryVariables>(MatchingHealthDocument, variables, options) as Promise<MatchingHealthQuery>;
    },
    MatchingMetrics(variables: MatchingMetricsQueryVariables, options?: C): Promise<MatchingMetricsQuery> {
      return requester<MatchingMetricsQuery, MatchingMetricsQueryVariables>(MatchingMetricsDocument, variables, options) as Promise<MatchingMetricsQuery>;
    },
    Deposit(variables: DepositQueryVariables, options?: C): Promise<DepositQuery> {
      return requester<DepositQuery, DepositQueryVariables>(DepositDocument, variables, options) as Promise<DepositQuery>;
    },
    FailPayout(variables: FailPayoutMutationVariables, options?: C): Promise<FailPayoutMutation> {
      return requester<FailPayoutMutation, FailPayoutMutationVariables>(FailPayoutDocument, variables, options) as Promise<FailPayoutMutation>;
    },
    WaiveDebt(variables: WaiveDebtMutationVariables, options?: C): Promise<WaiveDebtMutation> {
      return requester<WaiveDebtMutation, WaiveDebtMutationVariables>(WaiveDebtDocument, variables, options) as Promise<WaiveDebtMutation>;
    },
    Withdrawal(variables: WithdrawalQueryVariables, options?: C): Promise<WithdrawalQuery> {
      return requester<WithdrawalQuery, WithdrawalQueryVariables>(WithdrawalDocument, variables, options) as Promise<WithdrawalQuery>;
    },
    MyWallet(variables?: MyWalletQueryVariables, options?: C): Promise<MyWalletQuery> {
      return requester<MyWalletQuery, MyWalletQueryVariables>(MyWalletDocument, variables, options) as Promise<MyWalletQuery>;
    },
    RefundPayment(variables: RefundPaymentMutationVariables, options?: C): Promise<RefundPaymentMutation> {
      return requester<RefundPaymentMutation, RefundPaymentMutationVariables>(RefundPaymentDocument, variables, options) as Promise<RefundPaymentMutation>;
    },
    OpenPartnerWallet(variables: OpenPartnerWalletMutationVariables, options?: C): Promise<OpenPartnerWalletMutation> {
      return requester<OpenPartnerWalletMutation, OpenPartnerWalletMutationVariables>(OpenPartnerWalletDocument, variables, options) as Promise<OpenPartnerWalletMutation>;
    },
    FundPartnerWallet(variables: FundPartnerWalletMutationVariables, options?: C): Promise<FundPartnerWalletMutation> {
      return requester<FundPartnerWalletMutation, FundPartnerWalletMutationVariables>(FundPartnerWalletDocument, variables, options) as Promise<FundPartnerWalletMutation>;
    },
    PaymentsInReview(variables?: PaymentsInReviewQueryVariables, options?: C): Promise<PaymentsInReviewQuery> {
      return requester<PaymentsInReviewQuery, PaymentsInReviewQueryVariables>(PaymentsInReviewDocument, variables, options) as Promise<PaymentsInReviewQuery>;
    },
    ResolvePaymentInReview(variables: ResolvePaymentInReviewMutationVariables, options?: C): Promise<ResolvePaymentInReviewMutation> {
      return requester<ResolvePaymentInReviewMutation, ResolvePaymentInReviewMutationVariables>(ResolvePaymentInReviewDocument, variables, options) as Promise<ResolvePaymentInReviewMutation>;
    },
    ConfirmPayout(variables: ConfirmPayoutMutationVariables, options?: C): Promise<ConfirmPayoutMutation> {
      return requester<ConfirmPayoutMutation, ConfirmPayoutMutationVariables>(ConfirmPayoutDocument, variables, options) as Promise<ConfirmPayoutMutation>;
    },
    Threads(variables?: ThreadsQueryVariables, options?: C): Promise<ThreadsQuery> {
      return requester<ThreadsQuery, ThreadsQueryVariables>(ThreadsDocument, variables, options) as Promise<ThreadsQuery>;
    },
    SystemHealth(variables?: SystemHealthQueryVariables, options?: C): Promise<SystemHealthQuery> {
      return requester<SystemHealthQuery, SystemHealthQueryVariables>(SystemHealthDocument, variables, options) as Promise<SystemHealthQuery>;
    },
    WalletUpdated(variables?: WalletUpdatedSubscriptionVariables, options?: C): AsyncIterable<WalletUpdatedSubscription> {
      return requester<WalletUpdatedSubscription, WalletUpdatedSubscriptionVariables>(WalletUpdatedDocument, variables, options) as AsyncIterable<WalletUpdatedSubscription>;
    },
    NotificationReceived(variables?: NotificationReceivedSubscriptionVariables, options?: C): AsyncIterable<NotificationReceivedSubscription> {
      return requester<NotificationReceivedSubscription, NotificationReceivedSubscriptionVariables>(NotificationReceivedDocument, variables, options) as AsyncIterable<NotificationReceivedSubscription>;
    },
    ThreadUpdated(variables?: ThreadUpdatedSubscriptionVariables, options?: C): AsyncIterable<ThreadUpdatedSubscription> {
      return requester<ThreadUpdatedSubscription, ThreadUpdatedSubscriptionVariables>(ThreadUpdatedDocument, variables, options) as AsyncIterable<ThreadUpdatedSubscription>;
    },
    ReplyToThread(variables: ReplyToThreadMutationVariables, options?: C): Promise<ReplyToThreadMutation> {
      return requester<ReplyToThreadMutation, ReplyToThreadMutationVariables>(ReplyToThreadDocument, variables, options) as Promise<ReplyToThreadMutation>;
    },
    CloseThread(variables: CloseThreadMutationVariables, options?: C): Promise<CloseThreadMutation> {
      return requester<CloseThreadMutation, CloseThreadMutationVariables>(CloseThreadDocument, variables, options) as Promise<CloseThreadMutation>;
    },
    RequestWithdrawal(variables: RequestWithdrawalMutationVariables, options?: C): Promise<RequestWithdrawalMutation> {
      return requester<RequestWithdrawalMutation, RequestWithdrawalMutationVariables>(RequestWithdrawalDocument, variables, options) as Promise<RequestWithdrawalMutation>;
    },
    Withdrawals(variables?: WithdrawalsQueryVariables, options?: C): Promise<WithdrawalsQuery> {
      return requester<WithdrawalsQuery, WithdrawalsQueryVariables>(WithdrawalsDocument, variables, options) as Promise<WithdrawalsQuery>;
    },
    ApproveWithdrawal(variables: ApproveWithdrawalMutationVariables, options?: C): Promise<ApproveWithdrawalMutation> {
      return requester<ApproveWithdrawalMutation, ApproveWithdrawalMutationVariables>(ApproveWithdrawalDocument, variables, options) as Promise<ApproveWithdrawalMutation>;
    },
    RejectWithdrawal(variables: RejectWithdrawalMutationVariables, options?: C): Promise<RejectWithdrawalMutation> {
      return requester<RejectWithdrawalMutation, RejectWithdrawalMutationVariables>(RejectWithdrawalDocument, variables, options) as Promise<RejectWithdrawalMutation>;
    },
    RunReconciliation(variables?: RunReconciliationMutationVariables, options?: C): Promise<RunReconciliationMutation> {
      return requester<RunReconciliationMutation, RunReconciliationMutationVariables>(RunReconciliationDocument, variables, options) as Promise<RunReconciliationMutation>;
    },
    SearchVehicles(variables: SearchVehiclesQueryVariables, options?: C): Promise<SearchVehiclesQuery> {
      return requester<SearchVehiclesQuery, SearchVehiclesQueryVariables>(SearchVehiclesDocument, variables, options) as Promise<SearchVehiclesQuery>;
    },
    VehicleFacets(variables?: VehicleFacetsQueryVariables, options?: C): Promise<VehicleFacetsQuery> {
      return requester<VehicleFacetsQuery, VehicleFacetsQueryVariables>(VehicleFacetsDocument, variables, options) as Promise<VehicleFacetsQuery>;
    },
    ChangeBooking(variables: ChangeBookingMutationVariables, options?: C): Promise<ChangeBookingMutation> {
      return requester<ChangeBookingMutation, ChangeBookingMutationVariables>(ChangeBookingDocument, variables, options) as Promise<ChangeBookingMutation>;
    },
    BookingReplacements(variables: BookingReplacementsQueryVariables, options?: C): Promise<BookingReplacementsQuery> {
      return requester<BookingReplacementsQuery, BookingReplacementsQueryVariables>(BookingReplacementsDocument, variables, options) as Promise<BookingReplacementsQuery>;
    },
    ReplaceVehicle(variables: ReplaceVehicleMutationVariables, options?: C): Promise<ReplaceVehicleMutation> {
      return requester<ReplaceVehicleMutation, ReplaceVehicleMutationVariables>(ReplaceVehicleDocument, variables, options) as Promise<ReplaceVehicleMutation>;
    },
    BookingAgreement(variables: BookingAgreementQueryVariables, options?: C): Promise<BookingAgreementQuery> {
      return requester<BookingAgreementQuery, BookingAgreementQueryVariables>(BookingAgreementDocument, variables, options) as Promise<BookingAgreementQuery>;
    },
    BookingPhotos(variables: BookingPhotosQueryVariables, options?: C): Promise<BookingPhotosQuery> {
      return requester<BookingPhotosQuery, BookingPhotosQueryVariables>(BookingPhotosDocument, variables, options) as Promise<BookingPhotosQuery>;
    },
    QuoteRental(variables: QuoteRentalMutationVariables, options?: C): Promise<QuoteRentalMutation> {
      return requester<QuoteRentalMutation, QuoteRentalMutationVariables>(QuoteRentalDocument, variables, options) as Promise<QuoteRentalMutation>;
    },
    InitiateDeposit(variables: InitiateDepositMutationVariables, options?: C): Promise<InitiateDepositMutation> {
      return requester<InitiateDepositMutation, InitiateDepositMutationVariables>(InitiateDepositDocument, variables, options) as Promise<InitiateDepositMutation>;
    },
    CreateBooking(variables: CreateBookingMutationVariables, options?: C): Promise<CreateBookingMutation> {
      return requester<CreateBookingMutation, CreateBookingMutationVariables>(CreateBookingDocument, variables, options) as Promise<CreateBookingMutation>;
    },
    GetBooking(variables: GetBookingQueryVariables, options?: C): Promise<GetBookingQuery> {
      return requester<GetBookingQuery, GetBookingQueryVariables>(GetBookingDocument, variables, options) as Promise<GetBookingQuery>;
    },
    BookingUpdated(variables: BookingUpdatedSubscriptionVariables, options?: C): AsyncIterable<BookingUpdatedSubscription> {
      return requester<BookingUpdatedSubscription, BookingUpdatedSubscriptionVariables>(BookingUpdatedDocument, variables, options) as AsyncIterable<BookingUpdatedSubscription>;
    },
    CancelBooking(variables: CancelBookingMutationVariables, options?: C): Promise<CancelBookingMutation> {
      return requester<CancelBookingMutation, CancelBookingMutationVariables>(CancelBookingDocument, variables, options) as Promise<CancelBookingMutation>;
    },
    MyNotifications(variables?: MyNotificationsQueryVariables, options?: C): Promise<MyNotificationsQuery> {
      return requester<MyNotificationsQuery, MyNotificationsQueryVariables>(MyNotificationsDocument, variables, options) as Promise<MyNotificationsQuery>;
    },
    GetVehicle(variables: GetVehicleQueryVariables, options?: C): Promise<GetVehicleQuery> {
      return requester<GetVehicleQuery, GetVehicleQueryVariables>(GetVehicleDocument, variables, options) as Promise<GetVehicleQuery>;
    },
    GoOnline(variables: GoOnlineMutationVariables, options?: C): Promise<GoOnlineMutation> {
      return requester<GoOnlineMutation, GoOnlineMutationVariables>(GoOnlineDocument, variables, options) as Promise<GoOnlineMutation>;
    },
    CompleteTrip(variables: CompleteTripMutationVariables, options?: C): Promise<CompleteTripMutation> {
      return requester<CompleteTripMutation, CompleteTripMutationVariables>(CompleteTripDocument, variables, options) as Promise<CompleteTripMutation>;
    },
    GetTrip(variables: GetTripQueryVariables, options?: C): Promise<GetTripQuery> {
      return requester<GetTripQuery, GetTripQueryVariables>(GetTripDocument, variables, options) as Promise<GetTripQuery>;
    },
    RateTrip(variables: RateTripMutationVariables, options?: C): Promise<RateTripMutation> {
      return requester<RateTripMutation, RateTripMutationVariables>(RateTripDocument, variables, options) as Promise<RateTripMutation>;
    },
    CancelTrip(variables: CancelTripMutationVariables, options?: C): Promise<CancelTripMutation> {
      return requester<CancelTripMutation, CancelTripMutationVariables>(CancelTripDocument, variables, options) as Promise<CancelTripMutation>;
    },
    DeclineOffer(variables: DeclineOfferMutationVariables, options?: C): Promise<DeclineOfferMutation> {
      return requester<DeclineOfferMutation, DeclineOfferMutationVariables>(DeclineOfferDocument, variables, options) as Promise<DeclineOfferMutation>;
    },
    GoOffline(variables?: GoOfflineMutationVariables, options?: C): Promise<GoOfflineMutation> {
      return requester<GoOfflineMutation, GoOfflineMutationVariables>(GoOfflineDocument, variables, options) as Promise<GoOfflineMutation>;
    },
    NearbyDrivers(variables: NearbyDriversQueryVariables, options?: C): Promise<NearbyDriversQuery> {
      return requester<NearbyDriversQuery, NearbyDriversQueryVariables>(NearbyDriversDocument, variables, options) as Promise<NearbyDriversQuery>;
    },
    NearbyDriversUpdated(variables: NearbyDriversUpdatedSubscriptionVariables, options?: C): AsyncIterable<NearbyDriversUpdatedSubscription> {
      return requester<NearbyDriversUpdatedSubscription, NearbyDriversUpdatedSubscriptionVariables>(NearbyDriversUpdatedDocument, variables, options) as AsyncIterable<NearbyDriversUpdatedSubscription>;
    },
    Zones(variables?: ZonesQueryVariables, options?: C): Promise<ZonesQuery> {
      return requester<ZonesQuery, ZonesQueryVariables>(ZonesDocument, variables, options) as Promise<ZonesQuery>;
    },
    MyDriver(variables?: MyDriverQueryVariables, options?: C): Promise<MyDriverQuery> {
      return requester<MyDriverQuery, MyDriverQueryVariables>(MyDriverDocument, variables, options) as Promise<MyDriverQuery>;
    },
    UpdateLocation(variables: UpdateLocationMutationVariables, options?: C): Promise<UpdateLocationMutation> {
      return requester<UpdateLocationMutation, UpdateLocationMutationVariables>(UpdateLocationDocument, variables, options) as Promise<UpdateLocationMutation>;
    },
    UpdateLocations(variables: UpdateLocationsMutationVariables, options?: C): Promise<UpdateLocationsMutation> {
      return requester<UpdateLocationsMutation, UpdateLocationsMutationVariables>(UpdateLocationsDocument, variables, options) as Promise<UpdateLocationsMutation>;
    },
    SearchState(variables: SearchStateQueryVariables, options?: C): Promise<SearchStateQuery> {
      return requester<SearchStateQuery, SearchStateQueryVariables>(SearchStateDocument, variables, options) as Promise<SearchStateQuery>;
    },
    BidOnOffer(variables: BidOnOfferMutationVariables, options?: C): Promise<BidOnOfferMutation> {
      return requester<BidOnOfferMutation, BidOnOfferMutationVariables>(BidOnOfferDocument, variables, options) as Promise<BidOnOfferMutation>;
    },
    TripBids(variables: TripBidsSubscriptionVariables, options?: C): AsyncIterable<TripBidsSubscription> {
      return requester<TripBidsSubscription, TripBidsSubscriptionVariables>(TripBidsDocument, variables, options) as AsyncIterable<TripBidsSubscription>;
    },
    ChooseBid(variables: ChooseBidMutationVariables, options?: C): Promise<ChooseBidMutation> {
      return requester<ChooseBidMutation, ChooseBidMutationVariables>(ChooseBidDocument, variables, options) as Promise<ChooseBidMutation>;
    },
    ShareTrip(variables: ShareTripMutationVariables, options?: C): Promise<ShareTripMutation> {
      return requester<ShareTripMutation, ShareTripMutationVariables>(ShareTripDocument, variables, options) as Promise<ShareTripMutation>;
    },
    SharedTrip(variables: SharedTripQueryVariables, options?: C): Promise<SharedTripQuery> {
      return requester<SharedTripQuery, SharedTripQueryVariables>(SharedTripDocument, variables, options) as Promise<SharedTripQuery>;
    },
    SharedTripUpdates(variables: SharedTripUpdatesSubscriptionVariables, options?: C): AsyncIterable<SharedTripUpdatesSubscription> {
      return requester<SharedTripUpdatesSubscription, SharedTripUpdatesSubscriptionVariables>(SharedTripUpdatesDocument, variables, options) as AsyncIterable<SharedTripUpdatesSubscription>;
    },
    StopSharing(variables: StopSharingMutationVariables, options?: C): Promise<StopSharingMutation> {
      return requester<StopSharingMutation, StopSharingMutationVariables>(StopSharingDocument, variables, options) as Promise<StopSharingMutation>;
    },
    FavouriteDriver(variables: FavouriteDriverMutationVariables, options?: C): Promise<FavouriteDriverMutation> {
      return requester<FavouriteDriverMutation, FavouriteDriverMutationVariables>(FavouriteDriverDocument, variables, options) as Promise<FavouriteDriverMutation>;
    },
    DriverOffers(variables?: DriverOffersSubscriptionVariables, options?: C): AsyncIterable<DriverOffersSubscription> {
      return requester<DriverOffersSubscription, DriverOffersSubscriptionVariables>(DriverOffersDocument, variables, options) as AsyncIterable<DriverOffersSubscription>;
    },
    BlockDriver(variables: BlockDriverMutationVariables, options?: C): Promise<BlockDriverMutation> {
      return requester<BlockDriverMutation, BlockDriverMutationVariables>(BlockDriverDocument, variables, options) as Promise<BlockDriverMutation>;
    },
    MyDrivers(variables?: MyDriversQueryVariables, options?: C): Promise<MyDriversQuery> {
      return requester<MyDriversQuery, MyDriversQueryVariables>(MyDriversDocument, variables, options) as Promise<MyDriversQuery>;
    },
    ForgetDriver(variables: ForgetDriverMutationVariables, options?: C): Promise<ForgetDriverMutation> {
      return requester<ForgetDriverMutation, ForgetDriverMutationVariables>(ForgetDriverDocument, variables, options) as Promise<ForgetDriverMutation>;
    },
    SettleDebt(variables: SettleDebtMutationVariables, options?: C): Promise<SettleDebtMutation> {
      return requester<SettleDebtMutation, SettleDebtMutationVariables>(SettleDebtDocument, variables, options) as Promise<SettleDebtMutation>;
    },
    QuoteTrip(variables: QuoteTripMutationVariables, options?: C): Promise<QuoteTripMutation> {
      return requester<QuoteTripMutation, QuoteTripMutationVariables>(QuoteTripDocument, variables, options) as Promise<QuoteTripMutation>;
    },
    RequestTrip(variables: RequestTripMutationVariables, options?: C): Promise<RequestTripMutation> {
      return requester<RequestTripMutation, RequestTripMutationVariables>(RequestTripDocument, variables, options) as Promise<RequestTripMutation>;
    },
    TripUpdates(variables: TripUpdatesSubscriptionVariables, options?: C): AsyncIterable<TripUpdatesSubscription> {
      return requester<TripUpdatesSubscription, TripUpdatesSubscriptionVariables>(TripUpdatesDocument, variables, options) as AsyncIterable<TripUpdatesSubscription>;
    },
    AcceptOffer(variables: AcceptOfferMutationVariables, options?: C): Promise<AcceptOfferMutation> {
      return requester<AcceptOfferMutation, AcceptOfferMutationVariables>(AcceptOfferDocument, variables, options) as Promise<AcceptOfferMutation>;
    },
    ArriveAtPickup(variables: ArriveAtPickupMutationVariables, options?: C): Promise<ArriveAtPickupMutation> {
      return requester<ArriveAtPickupMutation, ArriveAtPickupMutationVariables>(ArriveAtPickupDocument, variables, options) as Promise<ArriveAtPickupMutation>;
    },
    StartTrip(variables: StartTripMutationVariables, options?: C): Promise<StartTripMutation> {
      return requester<StartTripMutation, StartTripMutationVariables>(StartTripDocument, variables, options) as Promise<StartTripMutation>;
    },
    Drivers(variables?: DriversQueryVariables, options?: C): Promise<DriversQuery> {
      return requester<DriversQuery, DriversQueryVariables>(DriversDocument, variables, options) as Promise<DriversQuery>;
    },
    SuspendDriver(variables: SuspendDriverMutationVariables, options?: C): Promise<SuspendDriverMutation> {
      return requester<SuspendDriverMutation, SuspendDriverMutationVariables>(SuspendDriverDocument, variables, options) as Promise<SuspendDriverMutation>;
    },
    ApproveDriver(variables: ApproveDriverMutationVariables, options?: C): Promise<ApproveDriverMutation> {
      return requester<ApproveDriverMutation, ApproveDriverMutationVariables>(ApproveDriverDocument, variables, options) as Promise<ApproveDriverMutation>;
    },
    LocationFlags(variables?: LocationFlagsQueryVariables, options?: C): Promise<LocationFlagsQuery> {
      return requester<LocationFlagsQuery, LocationFlagsQueryVariables>(LocationFlagsDocument, variables, options) as Promise<LocationFlagsQuery>;
    },
    CreateZone(variables: CreateZoneMutationVariables, options?: C): Promise<CreateZoneMutation> {
      return requester<CreateZoneMutation, CreateZoneMutationVariables>(CreateZoneDocument, variables, options) as Promise<CreateZoneMutation>;
    },
    RetireZone(variables: RetireZoneMutationVariables, options?: C): Promise<RetireZoneMutation> {
      return requester<RetireZoneMutation, RetireZoneMutationVariables>(RetireZoneDocument, variables, options) as Promise<RetireZoneMutation>;
    },
    AirportQueues(variables?: AirportQueuesQueryVariables, options?: C): Promise<AirportQueuesQuery> {
      return requester<AirportQueuesQuery, AirportQueuesQueryVariables>(AirportQueuesDocument, variables, options) as Promise<AirportQueuesQuery>;
    }
  };
}
export type Sdk = ReturnType<typeof getSdk>;