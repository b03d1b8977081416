import { sql } from 'drizzle-orm';
import { date, doublePrecision, index, integer, jsonb, pgTable, text, timestamp, uniqueIndex, uuid } from 'drizzle-orm/pg-core';

const at = (name: string) => timestamp(name, { withTimezone: true, mode: 'date' });

// No drizzle references to tables of the other file: the migrations hold the foreign keys.

/** Areas of the map with a rule (DP-07). Retired, never deleted: a refusal of last month can be explained. */
export const zones = pgTable(
  'zones',
  {
    id: uuid('id').primaryKey(),
    kind: text('kind').notNull(),
    name: text('name').notNull(),
    /** Corners in order; the first is repeated as the last. */
    polygon: jsonb('polygon').$type<{ lat: number; lng: number }[]>().notNull(),
    createdBy: uuid('created_by'),
    createdAt: at('created_at').notNull(),
    retiredAt: at('retired_at'),
  },
  (t) => [index('zones_active').on(t.createdAt, t.id).where(sql`retired_at is null`)],
);

/** Who waits at which airport, and since when: first in, first out (DP-07). A driver waits at one airport at most. */
export const airportQueue = pgTable(
  'airport_queue',
  { driverId: uuid('driver_id').primaryKey(), zoneId: uuid('zone_id').notNull(), enteredAt: at('entered_at').notNull() },
  (t) => [index('airport_queue_order').on(t.zoneId, t.enteredAt, t.driverId)],
);

/** Points that cannot be true (DP-08): one row per driver, kind and ten minutes, so that a device that goes on and on fills no table. */
export const locationFlags = pgTable(
  'location_flags',
  {
    id: uuid('id').primaryKey(),
    driverId: uuid('driver_id').notNull(),
    kind: text('kind').notNull(),
    /** Number of the ten minutes since 1970. */
    episode: integer('episode').notNull(),
    /** Points of this kind within the ten minutes. */
    count: integer('count').notNull(),
    fromLat: doublePrecision('from_lat'),
    fromLng: doublePrecision('from_lng'),
    fromAt: at('from_at'),
    toLat: doublePrecision('to_lat').notNull(),
    toLng: doublePrecision('to_lng').notNull(),
    toAt: at('to_at').notNull(),
    firstAt: at('first_at').notNull(),
    lastAt: at('last_at').notNull(),
  },
  (t) => [
    uniqueIndex('location_flags_episode').on(t.driverId, t.kind, t.episode),
    index('location_flags_newest').on(t.firstAt, t.id),
    index('location_flags_recent').on(t.driverId, t.lastAt),
  ],
);

/** Why a driver was taken off the road, and until when (DP-01b). */
export const driverSuspensions = pgTable(
  'driver_suspensions',
  {
    id: uuid('id').primaryKey(),
    driverId: uuid('driver_id').notNull(),
    reason: text('reason').notNull(),
    suspendedBy: uuid('suspended_by'),
    suspendedAt: at('suspended_at').notNull(),
    endedAt: at('ended_at'),
  },
  (t) => [uniqueIndex('driver_suspensions_one_at_a_time').on(t.driverId).where(sql`ended_at is null`)],
);

/** Pictures of papers that drivers have shown (DP-01b); the files lie in the storage. Papers are renewed: of a kind, any that is good counts. */
export const driverDocuments = pgTable(
  'driver_documents',
  {
    id: uuid('id').primaryKey(),
    driverId: uuid('driver_id').notNull(),
    kind: text('kind').$type<'LICENCE' | 'VEHICLE_REGISTRATION' | 'INSURANCE'>().notNull(),
    /** The last day on which it is good. */
    expiresOn: date('expires_on').notNull(),
    createdAt: at('created_at').notNull(),
  },
  (t) => [index('driver_documents_of_driver').on(t.driverId, t.createdAt)],
);
