import { sql } from 'drizzle-orm';
import { bigint, check, customType, index, integer, jsonb, pgTable, primaryKey, text, timestamp, uniqueIndex, uuid } from 'drizzle-orm/pg-core';
import type { BookingStatus } from './bookingStatus.js';
import type { PriceLine } from './price.js';

const at = (name: string) => timestamp(name, { withTimezone: true, mode: 'date' });
const tstzrange = customType<{ data: string }>({ dataType: () => 'tstzrange' });

/** What booking keeps of fleet's vehicles (EV-01): fed by its events, never written otherwise. */
export const vehicles = pgTable(
  'vehicles',
  {
    vehicleId: uuid('vehicle_id').primaryKey(),
    use: text('use').notNull(),
    status: text('status').notNull(),
    category: text('category').notNull(),
    dailyRateMinor: bigint('daily_rate_minor', { mode: 'bigint' }).notNull(),
    currency: text('currency').notNull(),
    stationId: uuid('station_id'),
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
    currency: text('currency').notNull(),
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
    /** Where it is picked up: the vehicle's station when it was booked. */
    stationId: uuid('station_id'),
    returnStationId: uuid('return_station_id'),
    guest: jsonb('guest').$type<Guest>(),
    /** Since when its vehicle may not be back in time, and which rental is to blame. */
    atRiskSince: at('at_risk_since'),
    atRiskBy: uuid('at_risk_by'),
    overdueSince: at('overdue_since'),
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
    index('bookings_station').on(t.stationId, t.pickupAt, t.id),
    index('bookings_pickup').on(t.pickupAt, t.id),
    index('bookings_station_news').on(t.stationId, t.updatedAt),
    // A car is out with one customer at a time, whatever its ranges say.
    uniqueIndex('bookings_one_active').on(t.vehicleId).where(sql`status = 'ACTIVE'`),
    check(
      'bookings_readings',
      sql`${t.returnOdometerKm} >= ${t.startOdometerKm}
      and ${t.startFuelPercent} between 0 and 100 and ${t.returnFuelPercent} between 0 and 100`,
    ),
    check('bookings_charges', sql`${t.lateFeeMinor} >= 0 and ${t.fuelFeeMinor} >= 0 and ${t.damageFeeMinor} >= 0`),
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
  },
  (t) => [primaryKey({ columns: [t.bookingId, t.sequence] })],
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
