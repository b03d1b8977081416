import { sql } from 'drizzle-orm';
import { bigint, check, customType, index, integer, jsonb, pgTable, primaryKey, text, timestamp, uuid } from 'drizzle-orm/pg-core';
import type { BookingStatus } from './bookingStatus.js';
import type { PriceLine } from './price.js';

const at = (name: string) => timestamp(name, { withTimezone: true, mode: 'date' });
const tstzrange = customType<{ data: string }>({ dataType: () => 'tstzrange' });

/** What booking keeps of fleet's vehicles (EV-01): fed by its events, never written otherwise. */
export const vehicles = pgTable('vehicles', {
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
});

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
    expiresAt: at('expires_at').notNull(),
    /** The booking that was made of it: a quote is good for one. */
    usedByBooking: uuid('used_by_booking'),
    createdAt: at('created_at').notNull(),
  },
  (t) => [index('quotes_customer').on(t.customerId, t.expiresAt), check('quotes_total_not_negative', sql`${t.totalMinor} >= 0`)],
);

/**
 * `during` is what the booking takes of its vehicle: from pick-up until preparation after the return is done. The exclusion constraint over it, the
 * check of transitions and row-level security are in the migration.
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
    createdAt: at('created_at').notNull(),
    updatedAt: at('updated_at').notNull(),
  },
  (t) => [
    index('bookings_customer_newest').on(t.customerId, t.createdAt, t.id),
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
