import { sql } from 'drizzle-orm';
import { bigint, check, doublePrecision, index, integer, jsonb, pgTable, text, timestamp, uniqueIndex, uuid } from 'drizzle-orm/pg-core';

/** One rendition of a picture, as it lies in the storage. */
export interface ImageVariant {
  size: 'THUMB' | 'CARD' | 'FULL';
  format: 'WEBP' | 'AVIF';
  width: number;
  height: number;
  bytes: number;
}

export interface ShownImage {
  id: string;
  alt: string;
  variants: ImageVariant[];
}

export const IMAGE_STATUSES = ['PROCESSING', 'READY', 'FAILED'] as const;

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
    /** What of `vehicleImages` can be shown, in its order: written by one function, so that a cached vehicle brings its pictures along. */
    images: jsonb('images').$type<ShownImage[]>().notNull(),
    searchWords: text('search_words').array().notNull().default([]),
    version: integer('version').notNull(),
    createdAt: at('created_at').notNull(),
    updatedAt: at('updated_at').notNull(),
  },
  (t) => [
    index('vehicles_listed_price').on(t.dailyRateMinor, t.id).where(LISTED),
    index('vehicles_listed_newest').on(t.createdAt, t.id).where(LISTED),
    index('vehicles_station').on(t.stationId),
    // However it is spaced. A retired car's plate goes to another one; drivers' cars are registered by themselves, and keep nobody from anything.
    uniqueIndex('vehicles_plate_in_use').on(sql`upper(translate(${t.plate}, ' -', ''))`).where(sql`use = 'RENTAL' and status <> 'RETIRED'`),
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
    /** When the car is to be back, before it is prepared; null for a block, and where nobody knows. */
    returnAt: at('return_at'),
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

/** Pictures of vehicles and how far their renditions are (FL-06). A row comes with a good file, never before. */
export const vehicleImages = pgTable(
  'vehicle_images',
  {
    id: uuid('id').primaryKey(),
    vehicleId: uuid('vehicle_id')
      .notNull()
      .references(() => vehicles.id),
    status: text('status').$type<(typeof IMAGE_STATUSES)[number]>().notNull(),
    /** Extension of the original's key. */
    format: text('format').notNull(),
    alt: text('alt').notNull(),
    /** Its place among the vehicle's pictures, from 0. */
    place: integer('place').notNull(),
    width: integer('width').notNull(),
    height: integer('height').notNull(),
    variants: jsonb('variants').$type<ImageVariant[]>().notNull(),
    createdAt: at('created_at').notNull(),
    updatedAt: at('updated_at').notNull(),
  },
  (t) => [index('vehicle_images_vehicle').on(t.vehicleId, t.place), check('vehicle_images_place', sql`${t.place} >= 0`)],
);

/** Where boxes in rental cars last said that they are: for staff, apart from where a car is parked and found (BK-06b). */
export const vehiclePositions = pgTable('vehicle_positions', {
  vehicleId: uuid('vehicle_id')
    .primaryKey()
    .references(() => vehicles.id),
  lat: doublePrecision('lat').notNull(),
  lng: doublePrecision('lng').notNull(),
  at: at('at').notNull(),
  /** When the others were last told. */
  toldAt: at('told_at').notNull(),
});
