import { sql } from 'drizzle-orm';
import { index, integer, pgTable, primaryKey, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core';
import { at, minor } from './columns.js';

/**
 * What the company is paid for one booking or trip. `wanted` is what its subject asks for by now, and `fee_minor` what a closed one still costs;
 * the next step follows from both (`nextStep`), so that answers of the gateway may come at any time.
 */
export const payments = pgTable(
  'payments',
  {
    id: uuid('id').primaryKey(),
    subjectType: text('subject_type').notNull(),
    subjectId: uuid('subject_id').notNull(),
    payerId: uuid('payer_id').notNull(),
    /** The driver, once there is one. */
    payeeId: uuid('payee_id'),
    method: text('method').notNull(),
    /** The gateway's token for the card, never a card number. */
    token: text('token'),
    vehicleType: text('vehicle_type'),
    amountMinor: minor('amount_minor').notNull(),
    currency: text('currency').notNull(),
    status: text('status').notNull(),
    wanted: text('wanted').notNull(),
    feeMinor: minor('fee_minor').notNull().default(sql`0`),
    /** What a card has promised on its first order: more than that is never asked of it there. */
    authorisedMinor: minor('authorised_minor').notNull().default(sql`0`),
    capturedMinor: minor('captured_minor').notNull().default(sql`0`),
    refundedMinor: minor('refunded_minor').notNull().default(sql`0`),
    /**
     * What of the income lies on the payer's RECEIVABLE: owed when FAILED; of a CAPTURED trip the part beyond the card's promise, while a second order asks
     * for it.
     */
    debtMinor: minor('debt_minor').notNull().default(sql`0`),
    failureCode: text('failure_code'),
    createdAt: at('created_at').notNull(),
    updatedAt: at('updated_at').notNull(),
  },
  (t) => [
    uniqueIndex('payments_subject').on(t.subjectType, t.subjectId),
    index('payments_payer').on(t.payerId, t.createdAt),
    index('payments_unsettled').on(t.updatedAt).where(sql`status in ('PENDING', 'AUTHORISED')`),
  ],
);

/**
 * Bookings and trips as their owners tell of them: what reconciliation holds the payments against (EV-01). `owed_minor` is the total or fare, and
 * once cancelled the fee.
 */
export const payables = pgTable(
  'payables',
  {
    subjectType: text('subject_type').notNull(),
    subjectId: uuid('subject_id').notNull(),
    state: text('state').notNull(),
    owedMinor: minor('owed_minor').notNull(),
    currency: text('currency').notNull(),
    since: at('since').notNull(),
  },
  (t) => [primaryKey({ columns: [t.subjectType, t.subjectId] }), index('payables_state').on(t.state, t.since)],
);

/** Money on its way into a wallet (PL-10). */
export const deposits = pgTable(
  'deposits',
  {
    id: uuid('id').primaryKey(),
    userId: uuid('user_id').notNull(),
    adapter: text('adapter').notNull(),
    amountMinor: minor('amount_minor').notNull(),
    currency: text('currency').notNull(),
    status: text('status').notNull(),
    flagReason: text('flag_reason'),
    createdAt: at('created_at').notNull(),
    settledAt: at('settled_at'),
  },
  (t) => [index('deposits_user').on(t.userId, t.createdAt), index('deposits_settled').on(t.settledAt)],
);

/** Money on its way out of a driver's wallet (PL-13). The account number goes to the payout port and nowhere else. */
export const withdrawals = pgTable(
  'withdrawals',
  {
    id: uuid('id').primaryKey(),
    userId: uuid('user_id').notNull(),
    amountMinor: minor('amount_minor').notNull(),
    currency: text('currency').notNull(),
    method: text('method').notNull(),
    accountNumber: text('account_number').notNull(),
    status: text('status').notNull(),
    decidedBy: uuid('decided_by'),
    reason: text('reason'),
    failureCode: text('failure_code'),
    payoutReference: text('payout_reference'),
    requestedAt: at('requested_at').notNull(),
    decidedAt: at('decided_at'),
    settledAt: at('settled_at'),
  },
  (t) => [index('withdrawals_status').on(t.status, t.id), index('withdrawals_user').on(t.userId, t.requestedAt)],
);

/** A call to a gateway, written before it is made (EV-03): its id is the key by which the gateway knows a repetition. */
export const gatewayCalls = pgTable(
  'gateway_calls',
  {
    id: uuid('id').primaryKey(),
    kind: text('kind').notNull(),
    paymentId: uuid('payment_id').references(() => payments.id),
    withdrawalId: uuid('withdrawal_id').references(() => withdrawals.id),
    amountMinor: minor('amount_minor').notNull(),
    currency: text('currency').notNull(),
    status: text('status').notNull(),
    /** Which order of the payment at the gateway: 0 for the first, then one per later charge of a booking. */
    orderNumber: integer('order_number').notNull().default(0),
    attempts: integer('attempts').notNull().default(0),
    lastProblem: text('last_problem'),
    reference: text('reference'),
    createdAt: at('created_at').notNull(),
    answeredAt: at('answered_at'),
  },
  (t) => [
    // One at a time of each order: a payment that was taken by two orders is given back on both at once.
    uniqueIndex('gateway_calls_open_order').on(t.paymentId, t.orderNumber).where(sql`status = 'OPEN' and payment_id is not null`),
    uniqueIndex('gateway_calls_withdrawal').on(t.withdrawalId).where(sql`withdrawal_id is not null`),
    index('gateway_calls_payment').on(t.paymentId),
  ],
);

/** Webhooks that were taken, by the gateway's id of the event: a repetition changes nothing. */
export const webhookEvents = pgTable(
  'webhook_events',
  {
    /** Names it for people; what makes it one event is the gateway's own id. */
    id: uuid('id').notNull().defaultRandom().unique('webhook_events_id'),
    adapter: text('adapter').notNull(),
    eventId: text('event_id').notNull(),
    type: text('type').notNull(),
    orderId: text('order_id').notNull(),
    /** What was paid, as the gateway says; null when it told of no amount that we can read. */
    amountMinor: minor('amount_minor'),
    currency: text('currency'),
    outcome: text('outcome').notNull(),
    receivedAt: at('received_at').notNull(),
    /** What an admin made of money that was not credited (FLAGGED, UNKNOWN_ORDER), and why. */
    resolution: text('resolution'),
    note: text('note'),
    resolvedBy: uuid('resolved_by'),
    resolvedAt: at('resolved_at'),
  },
  (t) => [
    primaryKey({ columns: [t.adapter, t.eventId] }),
    index('webhook_events_received').on(t.receivedAt),
    index('webhook_events_review').on(t.id).where(sql`outcome in ('FLAGGED', 'UNKNOWN_ORDER')`),
  ],
);
