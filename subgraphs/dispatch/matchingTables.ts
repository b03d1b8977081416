import { sql } from 'drizzle-orm';
import { boolean, index, integer, pgTable, primaryKey, text, timestamp, uniqueIndex, uuid } from 'drizzle-orm/pg-core';
import { drivers, trips } from './tables.js';

const at = (name: string) => timestamp(name, { withTimezone: true, mode: 'date' });

/** How a city matches; a city without a row takes FIRST_ACCEPT and no PIN. */
export const matchingSettings = pgTable('matching_settings', {
  city: text('city').primaryKey(),
  strategy: text('strategy').notNull(),
  /** Whether a ride begins only with the PIN that its rider has (DP-23b). */
  boardingPin: boolean('boarding_pin').notNull(),
  updatedBy: uuid('updated_by').notNull(),
  updatedAt: at('updated_at').notNull(),
});

/** Drivers that a rider likes, or does not want again (DP-20). */
export const driverPreferences = pgTable(
  'driver_preferences',
  {
    riderId: uuid('rider_id').notNull(),
    driverId: uuid('driver_id')
      .notNull()
      .references(() => drivers.id),
    /** FAVOURITE or BLOCKED. */
    kind: text('kind').notNull(),
    since: at('since').notNull(),
  },
  (t) => [primaryKey({ columns: [t.riderId, t.driverId] })],
);

/** Public links to a live trip; only a hash of the token is here (DP-32). */
export const tripShares = pgTable(
  'trip_shares',
  {
    id: uuid('id').primaryKey(),
    tripId: uuid('trip_id')
      .notNull()
      .references(() => trips.id),
    /** SHA-256 of the token, hexadecimal. */
    tokenHash: text('token_hash').notNull().unique(),
    createdBy: uuid('created_by').notNull(),
    createdAt: at('created_at').notNull(),
    expiresAt: at('expires_at').notNull(),
    revokedAt: at('revoked_at'),
  },
  (t) => [index('trip_shares_of_trip').on(t.tripId)],
);

/** What the rider tells the driver at the door; not in `trips`, which the driver may read (DP-23b). */
export const boardingPins = pgTable('boarding_pins', {
  tripId: uuid('trip_id')
    .primaryKey()
    .references(() => trips.id),
  riderId: uuid('rider_id').notNull(),
  pin: text('pin').notNull(),
  failures: integer('failures').notNull().default(0),
  lockedUntil: at('locked_until'),
});

/** Whether matching runs in a degraded mode (DP-25); one row per mode, made by a migration. */
export const matchingModes = pgTable('matching_modes', {
  mode: text('mode').primaryKey(),
  isOn: boolean('is_on').notNull(),
  since: at('since').notNull(),
});

/** Every switch of a mode, for admins. */
export const matchingModeSwitches = pgTable(
  'matching_mode_switches',
  {
    id: uuid('id').primaryKey(),
    mode: text('mode').notNull(),
    isOn: boolean('is_on').notNull(),
    reason: text('reason').notNull(),
    at: at('at').notNull(),
  },
  (t) => [index('matching_mode_switches_at').on(t.at)],
);

/** When drivers were online: what utilisation is measured against (DP-37). */
export const driverShifts = pgTable(
  'driver_shifts',
  {
    id: uuid('id').primaryKey(),
    driverId: uuid('driver_id')
      .notNull()
      .references(() => drivers.id),
    beganAt: at('began_at').notNull(),
    endedAt: at('ended_at'),
  },
  (t) => [
    uniqueIndex('driver_shifts_one_open').on(t.driverId).where(sql`ended_at is null`),
    index('driver_shifts_began').on(t.beganAt),
    index('driver_shifts_ended').on(t.endedAt),
  ],
);
