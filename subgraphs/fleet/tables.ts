import { sql } from 'drizzle-orm';
import { bigint, doublePrecision, index, integer, jsonb, pgTable, text, timestamp, uuid } from 'drizzle-orm/pg-core';

const at = (name: string) => timestamp(name, { withTimezone: true, mode: 'date' });

export const stations = pgTable('stations', {
  id: uuid('id').primaryKey(),
  name: text('name').notNull(),
  address: text('address').notNull(),
  lat: doublePrecision('lat').notNull(),
  lng: doublePrecision('lng').notNull(),
  /** IANA name: rental days are counted by this clock. */
  timeZone: text('time_zone').notNull(),
  openingHours: text('opening_hours').notNull(),
});

/** What search looks at, word for word as its queries say it: the planner compares the texts. */
const LISTED = sql`"use" = 'RENTAL' and status = 'ACTIVE'`;

/**
 * `searchWords` is kept by a trigger of the migration; the indexes over words and places are there too.
 * `use`: RENTAL is rented out, RIDE belongs to a driver and is in no search and no quote.
 */
export const vehicles = pgTable(
  'vehicles',
  {
    id: uuid('id').primaryKey(),
    slug: text('slug').notNull().unique(),
    make: text('make').notNull(),
    model: text('model').notNull(),
    year: integer('year').notNull(),
    category: text('category').notNull(),
    fuelType: text('fuel_type').notNull(),
    transmission: text('transmission').notNull(),
    seats: integer('seats').notNull(),
    features: text('features').array().notNull(),
    dailyRateMinor: bigint('daily_rate_minor', { mode: 'bigint' }).notNull(),
    currency: text('currency').notNull(),
    plate: text('plate').notNull(),
    status: text('status').notNull(),
    use: text('use').notNull(),
    stationId: uuid('station_id').references(() => stations.id),
    lat: doublePrecision('lat'),
    lng: doublePrecision('lng'),
    images: jsonb('images').$type<{ url: string; alt: string }[]>().notNull(),
    searchWords: text('search_words').array().notNull().default([]),
    version: integer('version').notNull(),
    createdAt: at('created_at').notNull(),
    updatedAt: at('updated_at').notNull(),
  },
  (t) => [
    index('vehicles_listed_price').on(t.dailyRateMinor, t.id).where(LISTED),
    index('vehicles_listed_newest').on(t.createdAt, t.id).where(LISTED),
    index('vehicles_station').on(t.stationId),
  ],
);

/** Every word that any car can be found by; kept by the same trigger, and never taken back: a word that no car has any more finds none. */
export const searchVocabulary = pgTable('search_words', { word: text('word').primaryKey() });

/** Fleet's own copy of what blocks a vehicle (FL-05), fed by booking's events. */
export const busyRanges = pgTable(
  'busy_ranges',
  {
    /** The booking, or the owner's block. */
    bookingId: uuid('booking_id').primaryKey(),
    kind: text('kind').$type<'BOOKING' | 'BLOCK'>().notNull().default('BOOKING'),
    vehicleId: uuid('vehicle_id').notNull(),
    fromAt: at('from_at').notNull(),
    toAt: at('to_at').notNull(),
  },
  // What ends after a moment, the soonest first: a vehicle has few of them ahead, and the index alone answers.
  (t) => [index('busy_ranges_ahead').on(t.vehicleId, t.toAt, t.fromAt)],
);

/** Rentals that are over, for utilisation (FL-08): from pick-up to return. */
export const pastRentals = pgTable(
  'past_rentals',
  {
    bookingId: uuid('booking_id').primaryKey(),
    vehicleId: uuid('vehicle_id').notNull(),
    fromAt: at('from_at').notNull(),
    toAt: at('to_at').notNull(),
  },
  (t) => [index('past_rentals_vehicle').on(t.vehicleId, t.toAt, t.fromAt)],
);
