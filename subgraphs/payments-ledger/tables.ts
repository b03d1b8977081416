import { sql } from 'drizzle-orm';
import {
  bigint,
  boolean,
  customType,
  foreignKey,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  smallint,
  text,
  timestamp,
  unique,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core';

const at = (name: string) => timestamp(name, { withTimezone: true, mode: 'date' });
const minor = (name: string) => bigint(name, { mode: 'bigint' });
const bytea = customType<{ data: Buffer; driverData: Buffer }>({ dataType: () => 'bytea' });

/**
 * Ledger accounts (PL-02). The id follows from type, owner, currency and shard (`accountIdOf`). `balance_minor` is the sum of the account's
 * entries, credits positive; the CHECK of the migration keeps it at or above `min_balance_minor`. `last_hash` is the end of the hash chain.
 */
export const accounts = pgTable(
  'accounts',
  {
    id: uuid('id').primaryKey(),
    type: text('type').notNull(),
    ownerId: uuid('owner_id'),
    currency: text('currency').notNull(),
    shard: smallint('shard').notNull().default(0),
    balanceMinor: minor('balance_minor').notNull().default(sql`0`),
    minBalanceMinor: minor('min_balance_minor'),
    entryCount: minor('entry_count').notNull().default(sql`0`),
    lastHash: bytea('last_hash').notNull(),
    /** Set when its money moved to another account of the owner: nothing is posted to it any more. */
    closedAt: at('closed_at'),
    createdAt: at('created_at').notNull(),
    updatedAt: at('updated_at').notNull(),
  },
  (t) => [
    unique('accounts_identity').on(t.type, t.ownerId, t.currency, t.shard).nullsNotDistinct(),
    unique('accounts_currency').on(t.id, t.currency),
    index('accounts_owner').on(t.ownerId).where(sql`owner_id is not null`),
  ],
);

/** Balanced sets of entries; immutable (PL-01). `posting_key` names the effect, so that nothing is posted twice. */
export const transactions = pgTable(
  'transactions',
  {
    id: uuid('id').primaryKey(),
    postingKey: text('posting_key').notNull().unique(),
    kind: text('kind').notNull(),
    referenceType: text('reference_type').notNull(),
    referenceId: uuid('reference_id').notNull(),
    metadata: jsonb('metadata').$type<Record<string, string>>().notNull(),
    /** traceId, causationId and actor of the posting: ids only. */
    cause: jsonb('cause').notNull(),
    /** How many entries it has: one that is added later does not fit, and is refused. */
    entryCount: smallint('entry_count').notNull(),
    reverses: uuid('reverses').unique(),
    effectiveAt: at('effective_at').notNull(),
    recordedAt: at('recorded_at').notNull(),
  },
  (t) => [
    foreignKey({ columns: [t.reverses], foreignColumns: [t.id], name: 'transactions_reverses' }),
    index('transactions_reference').on(t.referenceType, t.referenceId),
    index('transactions_recorded').on(t.recordedAt),
  ],
);

/** Credits (positive) and debits (negative) of one account, numbered without gaps and hash-chained; immutable (PL-01, PL-05, PL-07). */
export const entries = pgTable(
  'entries',
  {
    accountId: uuid('account_id').notNull(),
    number: minor('number').notNull(),
    transactionId: uuid('transaction_id')
      .notNull()
      .references(() => transactions.id),
    amountMinor: minor('amount_minor').notNull(),
    currency: text('currency').notNull(),
    balanceAfterMinor: minor('balance_after_minor').notNull(),
    effectiveAt: at('effective_at').notNull(),
    recordedAt: at('recorded_at').notNull(),
    previousHash: bytea('previous_hash').notNull(),
    hash: bytea('hash').notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.accountId, t.number] }),
    foreignKey({ columns: [t.accountId, t.currency], foreignColumns: [accounts.id, accounts.currency], name: 'entries_account' }),
    index('entries_transaction').on(t.transactionId),
    index('entries_recorded').on(t.recordedAt),
    index('entries_backdated').on(t.accountId).where(sql`effective_at <> recorded_at`),
  ],
);

/** Money set aside out of a wallet (PL-08): captured in parts while ACTIVE, and ended once. The money itself lies on the owner's HELD_FUNDS account. */
export const holds = pgTable(
  'holds',
  {
    id: uuid('id').primaryKey(),
    ownerId: uuid('owner_id').notNull(),
    amountMinor: minor('amount_minor').notNull(),
    capturedMinor: minor('captured_minor').notNull().default(sql`0`),
    /** How many captures took their part so far; numbers their postings. */
    captures: integer('captures').notNull().default(0),
    currency: text('currency').notNull(),
    status: text('status').notNull(),
    referenceType: text('reference_type').notNull(),
    referenceId: uuid('reference_id').notNull(),
    /** What of its reference it is for; one hold per purpose. */
    purpose: text('purpose').notNull(),
    /** When its timer gives the money back. */
    expiresAt: at('expires_at').notNull(),
    createdAt: at('created_at').notNull(),
    settledAt: at('settled_at'),
  },
  (t) => [uniqueIndex('holds_reference').on(t.referenceType, t.referenceId, t.purpose), index('holds_active').on(t.expiresAt).where(sql`status = 'ACTIVE'`)],
);

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
    capturedMinor: minor('captured_minor').notNull().default(sql`0`),
    refundedMinor: minor('refunded_minor').notNull().default(sql`0`),
    /** What who pays owes for a booking beyond what was captured: earned through RECEIVABLE. A trip's debt follows from its status. */
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
    uniqueIndex('gateway_calls_open_payment').on(t.paymentId).where(sql`status = 'OPEN' and payment_id is not null`),
    uniqueIndex('gateway_calls_withdrawal').on(t.withdrawalId).where(sql`withdrawal_id is not null`),
    index('gateway_calls_payment').on(t.paymentId),
  ],
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

/** Webhooks that were taken, by the gateway's id of the event: a repetition changes nothing. */
export const webhookEvents = pgTable(
  'webhook_events',
  {
    adapter: text('adapter').notNull(),
    eventId: text('event_id').notNull(),
    type: text('type').notNull(),
    orderId: text('order_id').notNull(),
    outcome: text('outcome').notNull(),
    receivedAt: at('received_at').notNull(),
  },
  (t) => [primaryKey({ columns: [t.adapter, t.eventId] }), index('webhook_events_received').on(t.receivedAt)],
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

/** Results of reconciliation (PL-20). */
export const reconciliations = pgTable(
  'reconciliations',
  {
    id: uuid('id').primaryKey(),
    date: text('date').notNull(),
    ok: boolean('ok').notNull(),
    discrepancies: jsonb('discrepancies').$type<{ id?: string; kind: string; expected: string; actual: string; reference: string }[]>().notNull(),
    createdAt: at('created_at').notNull(),
  },
  (t) => [index('reconciliations_date').on(t.date, t.createdAt)],
);

/**
 * Something that a reconciliation found, for people to look into (PL-20). Open until it is no longer found or an admin has resolved it; one that was
 * resolved and is found again as it was, is known.
 */
export const discrepancies = pgTable(
  'discrepancies',
  {
    id: uuid('id').primaryKey(),
    kind: text('kind').notNull(),
    reference: text('reference').notNull(),
    expected: text('expected').notNull(),
    actual: text('actual').notNull(),
    status: text('status').notNull(),
    note: text('note'),
    resolvedBy: uuid('resolved_by'),
    foundAt: at('found_at').notNull(),
    lastFoundAt: at('last_found_at').notNull(),
    resolvedAt: at('resolved_at'),
  },
  (t) => [uniqueIndex('discrepancies_subject').on(t.kind, t.reference, t.expected, t.actual), index('discrepancies_status').on(t.status, t.id)],
);

/** How far the sums of an account were checked: entries up to `number` add up to `balance_minor`, so that a check has to add only what came after. */
export const balanceCheckpoints = pgTable('balance_checkpoints', {
  accountId: uuid('account_id').primaryKey(),
  number: minor('number').notNull(),
  balanceMinor: minor('balance_minor').notNull(),
  checkedAt: at('checked_at').notNull(),
});

/** Why a person's withdrawals wait for somebody to look (PL-21). One open flag of a kind per person. */
export const fraudFlags = pgTable(
  'fraud_flags',
  {
    id: uuid('id').primaryKey(),
    userId: uuid('user_id').notNull(),
    kind: text('kind').notNull(),
    status: text('status').notNull(),
    /** What was seen, in words: counts and amounts, no names. */
    evidence: text('evidence').notNull(),
    note: text('note'),
    decidedBy: uuid('decided_by'),
    raisedAt: at('raised_at').notNull(),
    decidedAt: at('decided_at'),
  },
  (t) => [
    uniqueIndex('fraud_flags_open').on(t.userId, t.kind).where(sql`status = 'OPEN'`),
    index('fraud_flags_status').on(t.status, t.id),
    index('fraud_flags_user').on(t.userId),
  ],
);

/** Financial reports that a job makes, one period after the other (PL-22). `content` is there once it is DONE. */
export const reports = pgTable(
  'reports',
  {
    id: uuid('id').primaryKey(),
    requestedBy: uuid('requested_by'),
    fromDay: text('from_day').notNull(),
    toDay: text('to_day').notNull(),
    period: text('period').notNull(),
    status: text('status').notNull(),
    /** Periods that are done, as they will stand in the file. */
    lines: jsonb('lines').$type<Record<string, string>[]>().notNull(),
    periods: integer('periods').notNull(),
    content: text('content'),
    requestedAt: at('requested_at').notNull(),
    finishedAt: at('finished_at'),
  },
  (t) => [index('reports_requested').on(t.requestedAt)],
);

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
