import { sql } from 'drizzle-orm';
import { index, integer, jsonb, pgTable, text, uuid } from 'drizzle-orm/pg-core';
import { at, minor } from './columns.js';

/** The sandbox gateway's own state: orders of its payment page. Nothing but `adapters/sandbox*` may touch the `sandbox_` tables. */
export const sandboxOrders = pgTable(
  'sandbox_orders',
  {
    id: text('id').primaryKey(),
    amountMinor: minor('amount_minor').notNull(),
    currency: text('currency').notNull(),
    outcome: text('outcome').notNull(),
    eventId: uuid('event_id').notNull().unique(),
    decidedAt: at('decided_at').notNull(),
    webhookAttempts: integer('webhook_attempts').notNull().default(0),
    deliveredAt: at('delivered_at'),
  },
  (t) => [index('sandbox_orders_decided').on(t.decidedAt)],
);

/** The sandbox's card charges, by the merchant's own order id. */
export const sandboxCharges = pgTable('sandbox_charges', {
  orderId: text('order_id').primaryKey(),
  status: text('status').notNull(),
  amountMinor: minor('amount_minor').notNull(),
  capturedMinor: minor('captured_minor').notNull().default(sql`0`),
  refundedMinor: minor('refunded_minor').notNull().default(sql`0`),
  currency: text('currency').notNull(),
  createdAt: at('created_at').notNull(),
});

/** Answers that the sandbox has given, by idempotency key: a repetition gets the same. */
export const sandboxAnswers = pgTable('sandbox_answers', {
  key: text('key').primaryKey(),
  status: integer('status').notNull(),
  body: jsonb('body').notNull(),
  createdAt: at('created_at').notNull(),
});

/** The sandbox bank's payouts, by the payer's key: it pays a key once, whatever is sent how often, and this is how one can tell. */
export const sandboxPayouts = pgTable(
  'sandbox_payouts',
  {
    key: text('key').primaryKey(),
    /** The payer's own id of what is paid out: two keys for one would be money sent twice. */
    orderId: text('order_id').notNull(),
    amountMinor: minor('amount_minor').notNull(),
    currency: text('currency').notNull(),
    outcome: text('outcome').notNull(),
    eventId: uuid('event_id').notNull().unique(),
    decidedAt: at('decided_at').notNull(),
    webhookAttempts: integer('webhook_attempts').notNull().default(0),
    deliveredAt: at('delivered_at'),
  },
  (t) => [index('sandbox_payouts_order').on(t.orderId)],
);
