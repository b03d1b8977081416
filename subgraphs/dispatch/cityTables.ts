import { bigint, index, integer, jsonb, pgTable, primaryKey, real, text, timestamp, uuid } from 'drizzle-orm/pg-core';
import type { EventArea } from './priceEvent.js';
import type { RoundInputs, RoundOutcome } from './tick.js';

const at = (name: string) => timestamp(name, { withTimezone: true, mode: 'date' });

/** A rate table as an admin wrote it (DP-10): whole, for all classes of ride, from a moment on. A later one takes its place from its own first moment. */
export const fareTables = pgTable(
  'fare_tables',
  {
    id: uuid('id').primaryKey(),
    effectiveFrom: at('effective_from').notNull(),
    publishedAt: at('published_at').notNull(),
    publishedBy: uuid('published_by'),
    note: text('note'),
  },
  (t) => [index('fare_tables_effective').on(t.effectiveFrom, t.publishedAt)],
);

/** Concerts, matches, holidays: prices of trips from an area are multiplied for a time (DP-11). */
export const priceEvents = pgTable(
  'price_events',
  {
    id: uuid('id').primaryKey(),
    name: text('name').notNull(),
    multiplierPermille: integer('multiplier_permille').notNull(),
    area: jsonb('area').$type<EventArea>().notNull(),
    startsAt: at('starts_at').notNull(),
    endsAt: at('ends_at').notNull(),
    createdAt: at('created_at').notNull(),
    createdBy: uuid('created_by'),
    endedAt: at('ended_at'),
  },
  (t) => [index('price_events_ends').on(t.endsAt)],
);

/** Surge as it stands, of cells where it is above 1.0 or where somebody asked lately (DP-12). The job that moves it is the only writer. */
export const surgeCells = pgTable('surge_cells', {
  cell: text('cell').primaryKey(),
  surgePermille: integer('surge_permille').notNull(),
  /** What demand alone would make it, before smoothing. */
  targetPermille: integer('target_permille').notNull(),
  requests: integer('requests').notNull(),
  available: integer('available').notNull(),
  /** Where demand alone had moved it in the last intervals, the newest first, in thousandths: surge is the highest of them. */
  recent: integer('recent').array().notNull(),
  updatedAt: at('updated_at').notNull(),
});

/**
 * What a round of matching saw and what came of it (DP-22b): of BATCHED a tick of all open searches, else a round of one. Trips and drivers are named, people
 * and places are not; for the office alone. Deleted when old.
 */
export const matchingTicks = pgTable(
  'matching_ticks',
  {
    id: uuid('id').primaryKey(),
    at: at('at').notNull(),
    strategy: text('strategy').notNull(),
    inputs: jsonb('inputs').$type<RoundInputs>().notNull(),
    outcome: jsonb('outcome').$type<RoundOutcome>().notNull(),
    solveMicros: bigint('solve_micros', { mode: 'number' }).notNull(),
  },
  (t) => [index('matching_ticks_at').on(t.at)],
);

/** Why a trip was offered as it was, in numbers (DP-22b): written with each offer that a tick has made. */
export const tripReasons = pgTable('trip_reasons', {
  tripId: uuid('trip_id').primaryKey(),
  tickId: uuid('tick_id').notNull(),
  at: at('at').notNull(),
  riders: integer('riders').notNull(),
  drivers: integer('drivers').notNull(),
  pickupSeconds: integer('pickup_seconds').notNull(),
  /** Seconds to the nearest driver of all, who may have gone to somebody else. */
  nearestSeconds: integer('nearest_seconds').notNull(),
});

/** Requests per cell and quarter hour (DP-35). */
export const demandCounts = pgTable(
  'demand_counts',
  { cell: text('cell').notNull(), quarterAt: at('quarter_at').notNull(), requests: integer('requests').notNull() },
  (t) => [primaryKey({ columns: [t.cell, t.quarterAt] }), index('demand_counts_quarter').on(t.quarterAt)],
);

/** What is expected of a cell in a quarter hour of the week, exponentially smoothed (DP-35). `slot` counts quarters of the city's week from Sunday 0:00. */
export const demandSeasons = pgTable(
  'demand_seasons',
  {
    cell: text('cell').notNull(),
    slot: integer('slot').notNull(),
    level: real('level').notNull(),
    /** Mean absolute error of the forecasts so far, smoothed alike. */
    meanError: real('mean_error').notNull(),
    weeks: integer('weeks').notNull(),
    updatedAt: at('updated_at').notNull(),
  },
  (t) => [primaryKey({ columns: [t.cell, t.slot] }), index('demand_seasons_slot').on(t.slot)],
);
