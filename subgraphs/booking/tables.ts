import { sql } from 'drizzle-orm';
import {
  bigint,
  boolean,
  check,
  customType,
  doublePrecision,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  timestamp,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core';
import type { BookingStatus } from './bookingStatus.js';
import type { DepositStatus } from './deposit.js';
import type { PriceLine } from './price.js';
import type { Risk } from './whereabouts.js';

const at = (name: string) => timestamp(name, { withTimezone: true, mode: 'date' });
/** Number of a transaction; a decimal number as text here. */
const xid8 = customType<{ data: string }>({ dataType: () => 'xid8' });
const tstzrange = customType<{ data: string }>({ dataType: () => 'tstzrange' });

/**
 * What booking keeps of fleet's vehicles (EV-01): fed by its events. One thing is known here first, where a rental has just left the car, and `station_id` says
 * it at once; whoever quotes before fleet's news of it comes would else be sent to the old station.
 */
export const vehicles = pgTable(
  'vehicles',
  {
    vehicleId: uuid('vehicle_id').primaryKey(),
    use: text('use').notNull(),
    status: text('status').notNull(),
    category: text('category').notNull(),
    dailyRateMinor: bigint('daily_rate_minor', { mode: 'bigint' }).notNull(),
    currency: text('currency').notNull(),
    /** Where it is while nobody is out with it. */
    stationId: uuid('station_id'),
    /** Where fleet last said that it is: only news that differ from it move the car, not every event that repeats an older place. */
    fleetStationId: uuid('fleet_station_id'),
    /** IANA name: rental days are counted by this clock. */
    timeZone: text('time_zone').notNull(),
    title: text('title').notNull(),
  },
  (t) => [index('vehicles_alike').on(t.category, t.stationId), index('vehicles_station').on(t.stationId)],
);

/** A price that was offered to one customer, for ten minutes. Personal: row-level security is in the migration. */
export const quotes = pgTable(
  'quotes',
  {
    id: uuid('id').primaryKey(),
    customerId: uuid('customer_id').notNull(),
    vehicleId: uuid('vehicle_id').notNull(),
    pickupAt: at('pickup_at').notNull(),
    returnAt: at('return_at').notNull(),
    days: integer('days').notNull(),
    dailyRateMinor: bigint('daily_rate_minor', { mode: 'bigint' }).notNull(),
    lines: jsonb('lines').$type<PriceLine[]>().notNull(),
    totalMinor: bigint('total_minor', { mode: 'bigint' }).notNull(),
    /** What will be set aside at pick-up; not part of the total. */
    depositMinor: bigint('deposit_minor', { mode: 'bigint' }).notNull().default(sql`0`),
    currency: text('currency').notNull(),
    /** Whether the fee for a young driver is in it. */
    youngDriver: boolean('young_driver').notNull().default(false),
    /** Where the car will be at pick-up, by the rentals before it. */
    pickupStationId: uuid('pickup_station_id'),
    /** Where the car is brought back to, when that is not where it was taken. */
    returnStationId: uuid('return_station_id'),
    /** The booking that this price is to change; null for a new one. */
    changesBooking: uuid('changes_booking'),
    expiresAt: at('expires_at').notNull(),
    /** The booking that was made of it: a quote is good for one. */
    usedByBooking: uuid('used_by_booking'),
    createdAt: at('created_at').notNull(),
  },
  (t) => [index('quotes_customer').on(t.customerId, t.expiresAt), check('quotes_total_not_negative', sql`${t.totalMinor} >= 0`)],
);

/** A partner's guest, for whom it booked (ID-05b). Personal: it is in no event. */
export interface Guest {
  name: string;
  email: string | null;
  phone: string | null;
}

/**
 * `during` is what the booking takes of its vehicle: from pick-up until preparation after the return is done. While the booking blocks, `vehicle_claims`
 * holds the same range; a deferred check of the migration compares the two. The check of transitions and row-level security are there too.
 */
export const bookings = pgTable(
  'bookings',
  {
    id: uuid('id').primaryKey(),
    customerId: uuid('customer_id').notNull(),
    vehicleId: uuid('vehicle_id').notNull(),
    quoteId: uuid('quote_id')
      .notNull()
      .unique()
      .references(() => quotes.id),
    status: text('status').$type<BookingStatus>().notNull(),
    pickupAt: at('pickup_at').notNull(),
    returnAt: at('return_at').notNull(),
    during: tstzrange('during').notNull(),
    dailyRateMinor: bigint('daily_rate_minor', { mode: 'bigint' }).notNull(),
    totalMinor: bigint('total_minor', { mode: 'bigint' }).notNull(),
    currency: text('currency').notNull(),
    paymentMethod: text('payment_method').$type<'WALLET' | 'CARD'>().notNull(),
    holdExpiresAt: at('hold_expires_at').notNull(),
    failureCode: text('failure_code'),
    failureMessage: text('failure_message'),
    cancelReason: text('cancel_reason'),
    /** Who cancelled, as `describeActor` says it: only that one may repeat the cancellation (EV-05). */
    cancelledBy: text('cancelled_by'),
    feeMinor: bigint('fee_minor', { mode: 'bigint' }),
    /** Where it is picked up: where its car will be by then, as the bookings before it said when it was booked. */
    stationId: uuid('station_id'),
    /** Where it is brought back to, when that is not where it was taken: for the bookings after it the car is there. */
    returnStationId: uuid('return_station_id'),
    guest: jsonb('guest').$type<Guest>(),
    /** Since when its vehicle may not be there for its pick-up, why, and which rental is to blame when that is late. */
    atRiskSince: at('at_risk_since'),
    atRiskWhy: text('at_risk_why').$type<Risk>(),
    atRiskBy: uuid('at_risk_by'),
    /** When it was last out of danger: a car that came back after the pick-up time kept its customer waiting until then. */
    atRiskUntil: at('at_risk_until'),
    overdueSince: at('overdue_since'),
    /** Of a running rental: when it will be back, if somebody or the car's position says that this is after the agreed return. */
    expectedBackAt: at('expected_back_at'),
    /** What a driver under 25 owes whose age nobody told when the price was made; charged at return. */
    youngDriverFeeMinor: bigint('young_driver_fee_minor', { mode: 'bigint' }),
    /** What is set aside while the car is out, and released or taken at its return; not part of the total. */
    depositMinor: bigint('deposit_minor', { mode: 'bigint' }).notNull().default(sql`0`),
    depositStatus: text('deposit_status').$type<DepositStatus>(),
    /** How much of it was taken. */
    depositTakenMinor: bigint('deposit_taken_minor', { mode: 'bigint' }),
    startedAt: at('started_at'),
    startOdometerKm: integer('start_odometer_km'),
    startFuelPercent: integer('start_fuel_percent'),
    returnedAt: at('returned_at'),
    returnOdometerKm: integer('return_odometer_km'),
    returnFuelPercent: integer('return_fuel_percent'),
    /** What the return cost beyond the price; null before it. */
    lateFeeMinor: bigint('late_fee_minor', { mode: 'bigint' }),
    fuelFeeMinor: bigint('fuel_fee_minor', { mode: 'bigint' }),
    damageFeeMinor: bigint('damage_fee_minor', { mode: 'bigint' }),
    damageNote: text('damage_note'),
    createdAt: at('created_at').notNull(),
    updatedAt: at('updated_at').notNull(),
  },
  (t) => [
    index('bookings_customer_newest').on(t.customerId, t.createdAt, t.id),
    index('bookings_vehicle').on(t.vehicleId, t.pickupAt, t.id),
    // Whatever a car has behind it, who comes before and after a moment is found in two steps.
    index('bookings_blocking').on(t.vehicleId, t.pickupAt).where(sql`status in ('HELD', 'CONFIRMED', 'ACTIVE')`),
    index('bookings_station').on(t.stationId, t.pickupAt, t.id),
    index('bookings_pickup').on(t.pickupAt, t.id),
    index('bookings_return_station').on(t.returnStationId, t.pickupAt, t.id),
    // A car is out with one customer at a time, whatever its ranges say.
    uniqueIndex('bookings_one_active').on(t.vehicleId).where(sql`status = 'ACTIVE'`),
    check(
      'bookings_readings',
      sql`${t.returnOdometerKm} >= ${t.startOdometerKm}
      and ${t.startFuelPercent} between 0 and 100 and ${t.returnFuelPercent} between 0 and 100`,
    ),
    check('bookings_charges', sql`${t.lateFeeMinor} >= 0 and ${t.fuelFeeMinor} >= 0 and ${t.damageFeeMinor} >= 0`),
    check('bookings_deposit', sql`${t.depositMinor} >= 0 and ${t.depositTakenMinor} between 0 and ${t.depositMinor}`),
    check('bookings_at_risk', sql`(${t.atRiskSince} is null) = (${t.atRiskWhy} is null)`),
    check('bookings_period', sql`${t.pickupAt} < ${t.returnAt}`),
    check('bookings_amounts', sql`${t.totalMinor} >= 0 and ${t.feeMinor} between 0 and ${t.totalMinor}`),
    check('bookings_during_half_open', sql`lower_inc(${t.during}) and not upper_inc(${t.during})`),
  ],
);

/** Every change of a booking's status, in order from 1: who did it, and why (BK-02). */
export const bookingTransitions = pgTable(
  'booking_transitions',
  {
    bookingId: uuid('booking_id')
      .notNull()
      .references(() => bookings.id),
    sequence: integer('sequence').notNull(),
    fromStatus: text('from_status').$type<BookingStatus>(),
    toStatus: text('to_status').$type<BookingStatus>().notNull(),
    actor: text('actor').notNull(),
    reason: text('reason'),
    at: at('at').notNull(),
    /** The stations whose business it is: where the car is picked up and brought back, before the change and after it. */
    stationIds: uuid('station_ids').array().notNull().default(sql`'{}'`),
    /** The transaction that wrote it: whoever follows a station reads on from one that was not over yet. */
    xact: xid8('xact').notNull().default(sql`pg_current_xact_id()`),
  },
  (t) => [primaryKey({ columns: [t.bookingId, t.sequence] }), index('booking_transitions_xact').on(t.xact, t.bookingId, t.sequence)],
);

export const CLAIM_KINDS = ['BOOKING', 'OVERDUE', 'BLOCK'] as const;

/**
 * What is taken of each vehicle, and nothing of whose it is: the one table that the exclusion constraint of the migration guards (BK-01). A BOOKING has one
 * as long as it blocks, an owner's BLOCK one until it is lifted; an OVERDUE rental also takes every gap after its range until the car is back (BK-06b).
 */
export const vehicleClaims = pgTable(
  'vehicle_claims',
  {
    id: uuid('id').primaryKey(),
    /** The booking or the block. */
    holderId: uuid('holder_id').notNull(),
    kind: text('kind').$type<(typeof CLAIM_KINDS)[number]>().notNull(),
    vehicleId: uuid('vehicle_id').notNull(),
    during: tstzrange('during').notNull(),
  },
  (t) => [
    index('vehicle_claims_holder').on(t.holderId),
    check('vehicle_claims_half_open', sql`lower_inc(${t.during}) and not upper_inc(${t.during}) and not isempty(${t.during})`),
  ],
);

/** A time for which the company keeps a vehicle for itself: for repairs, or for its owner. */
export const vehicleBlocks = pgTable('vehicle_blocks', {
  id: uuid('id').primaryKey(),
  vehicleId: uuid('vehicle_id').notNull(),
  fromAt: at('from_at').notNull(),
  toAt: at('to_at').notNull(),
  reason: text('reason').notNull(),
  createdBy: text('created_by').notNull(),
  createdAt: at('created_at').notNull(),
  liftedAt: at('lifted_at'),
});

/** A code that takes a percentage off rentals that are quoted while it is valid (BK-03). */
export const promotions = pgTable(
  'promotions',
  {
    code: text('code').primaryKey(),
    percent: integer('percent').notNull(),
    validFrom: at('valid_from').notNull(),
    validTo: at('valid_to').notNull(),
  },
  (t) => [check('promotions_percent', sql`${t.percent} between 1 and 90`)],
);

export const AGREEMENT_STATUSES = ['PREPARING', 'READY', 'SENT', 'SIGNED', 'DECLINED', 'VOID'] as const;

/**
 * The rental agreement of a booking, in the versions that its changes brought (BK-11); only the last can be signed. Personal: row-level security is in the
 * migration. The document itself lies in the storage.
 */
export const agreements = pgTable(
  'agreements',
  {
    id: uuid('id').primaryKey(),
    bookingId: uuid('booking_id')
      .notNull()
      .references(() => bookings.id),
    version: integer('version').notNull(),
    status: text('status').$type<(typeof AGREEMENT_STATUSES)[number]>().notNull(),
    /** Of the document that was stored: it is made once, so that what is signed is what was sent. Null before. */
    sha256: text('sha256'),
    signUrl: text('sign_url'),
    attempts: integer('attempts').notNull(),
    sentAt: at('sent_at'),
    decidedAt: at('decided_at'),
    createdAt: at('created_at').notNull(),
  },
  (t) => [uniqueIndex('agreements_version').on(t.bookingId, t.version)],
);

/** What the local signer keeps, a foreign system that happens to live here: no command of ours reads it. */
export const localEnvelopes = pgTable('local_envelopes', {
  id: uuid('id').primaryKey(),
  /** The sender's name for it: the same key is the same envelope. */
  key: text('key').notNull().unique(),
  title: text('title').notNull(),
  signerName: text('signer_name').notNull(),
  documentSha256: text('document_sha256').notNull(),
  outcome: text('outcome').$type<'SIGNED' | 'DECLINED'>(),
  decidedAt: at('decided_at'),
  attempts: integer('attempts').notNull(),
  createdAt: at('created_at').notNull(),
});

export const PHOTO_MOMENTS = ['PICKUP', 'RETURN'] as const;

/** Photos of a car as it changed hands (BK-07): evidence, so nobody deletes one. Personal: row-level security is in the migration. */
export const rentalPhotos = pgTable(
  'rental_photos',
  {
    id: uuid('id').primaryKey(),
    bookingId: uuid('booking_id')
      .notNull()
      .references(() => bookings.id),
    moment: text('moment').$type<(typeof PHOTO_MOMENTS)[number]>().notNull(),
    width: integer('width').notNull(),
    height: integer('height').notNull(),
    createdAt: at('created_at').notNull(),
  },
  (t) => [index('rental_photos_booking').on(t.bookingId, t.moment, t.createdAt)],
);

/** Where stations are, as fleet's news of their vehicles say (EV-01). */
export const stations = pgTable('stations', {
  stationId: uuid('station_id').primaryKey(),
  lat: doublePrecision('lat').notNull(),
  lng: doublePrecision('lng').notNull(),
});

/** Where rental cars last were, as fleet says (EV-01). */
export const vehiclePositions = pgTable('vehicle_positions', {
  vehicleId: uuid('vehicle_id').primaryKey(),
  lat: doublePrecision('lat').notNull(),
  lng: doublePrecision('lng').notNull(),
  at: at('at').notNull(),
});
