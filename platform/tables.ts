import { sql } from 'drizzle-orm';
import { bigint, index, integer, jsonb, pgTable, primaryKey, text, timestamp, uniqueIndex, uuid } from 'drizzle-orm/pg-core';

const at = (name: string) => timestamp(name, { withTimezone: true, mode: 'date' });

/** Event store and outbox in one (PF-01): rows are appended in the transaction of the change, and never change but for `published_at`. */
export const events = pgTable(
  'events',
  {
    id: uuid('id').primaryKey(),
    position: bigint('position', { mode: 'bigint' }).notNull().generatedAlwaysAsIdentity(),
    aggregateType: text('aggregate_type').notNull(),
    aggregateId: uuid('aggregate_id').notNull(),
    sequence: integer('sequence').notNull(),
    type: text('type').notNull(),
    version: integer('version').notNull().default(1),
    payload: jsonb('payload').notNull(),
    /** traceId, actor, causationId: ids only, never personal data. */
    metadata: jsonb('metadata').notNull(),
    occurredAt: at('occurred_at').notNull(),
    publishedAt: at('published_at'),
  },
  (t) => [
    uniqueIndex('events_aggregate_sequence').on(t.aggregateType, t.aggregateId, t.sequence),
    index('events_causation').on(sql`(metadata ->> 'causationId')`),
    index('events_position').on(t.position),
  ],
);

/**
 * One row per event and consumer (EV-03): done when the consumer's acknowledgement came back, sent again until then. `sequence` and
 * `previous_sequence` order the events of one aggregate that this consumer gets, whatever types it leaves out.
 */
export const deliveries = pgTable(
  'deliveries',
  {
    eventId: uuid('event_id')
      .notNull()
      .references(() => events.id),
    consumer: text('consumer').notNull(),
    aggregateId: uuid('aggregate_id').notNull(),
    sequence: integer('sequence').notNull(),
    previousSequence: integer('previous_sequence').notNull(),
    attempts: integer('attempts').notNull().default(0),
    nextAttemptAt: at('next_attempt_at').notNull(),
    acknowledgedAt: at('acknowledged_at'),
  },
  (t) => [
    primaryKey({ columns: [t.eventId, t.consumer] }),
    index('deliveries_due').on(t.nextAttemptAt).where(sql`acknowledged_at is null`),
    index('deliveries_order').on(t.consumer, t.aggregateId, t.sequence),
  ],
);

/** A thing to do at a time (EV-03). The row is the truth; what wakes the sweeper early is only convenience. */
export const timers = pgTable(
  'timers',
  {
    id: uuid('id').primaryKey(),
    kind: text('kind').notNull(),
    /** Names the timer within its kind, so that it can be moved or cancelled; one timer per key. */
    key: text('key').notNull(),
    payload: jsonb('payload').notNull(),
    dueAt: at('due_at').notNull(),
    attempts: integer('attempts').notNull().default(0),
    lastError: text('last_error'),
    metadata: jsonb('metadata').notNull(),
  },
  (t) => [uniqueIndex('timers_key').on(t.kind, t.key), index('timers_due').on(t.dueAt)],
);

/** Events whose effect is in this database (EV-04): written in the effect's transaction, so that a repeat changes nothing. */
export const consumedEvents = pgTable('consumed_events', {
  eventId: uuid('event_id').primaryKey(),
  type: text('type').notNull(),
  consumedAt: at('consumed_at').notNull(),
});

/** Last sequence applied per foreign aggregate: older is skipped, a gap waits. */
export const consumerPositions = pgTable(
  'consumer_positions',
  {
    emitter: text('emitter').notNull(),
    aggregateId: uuid('aggregate_id').notNull(),
    sequence: integer('sequence').notNull(),
  },
  (t) => [primaryKey({ columns: [t.emitter, t.aggregateId] })],
);

/** Events that came before one that they follow; applied as soon as the gap closes. */
export const parkedEvents = pgTable(
  'parked_events',
  {
    emitter: text('emitter').notNull(),
    aggregateId: uuid('aggregate_id').notNull(),
    previousSequence: integer('previous_sequence').notNull(),
    envelope: jsonb('envelope').notNull(),
    parkedAt: at('parked_at').notNull(),
  },
  (t) => [primaryKey({ columns: [t.emitter, t.aggregateId, t.previousSequence] })],
);

/** Answers of mutations that may be repeated (GW-26, PL-04), stored in the transaction of the effect; or what they were refused with. Kept 30 days. */
export const idempotencyKeys = pgTable(
  'idempotency_keys',
  {
    actor: text('actor').notNull(),
    mutation: text('mutation').notNull(),
    key: text('key').notNull(),
    requestHash: text('request_hash').notNull(),
    /** UUID of the entity that the first call made or changed. */
    entityId: uuid('entity_id'),
    /** What the first call was refused with, in place of an entity. Never personal data. */
    refusal: jsonb('refusal').$type<{ code: string; message: string; details?: Record<string, unknown> }>(),
    createdAt: at('created_at').notNull(),
  },
  (t) => [primaryKey({ columns: [t.actor, t.mutation, t.key] }), index('idempotency_keys_age').on(t.createdAt)],
);
