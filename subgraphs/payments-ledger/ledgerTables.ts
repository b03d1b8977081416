import { sql } from 'drizzle-orm';
import { foreignKey, index, integer, jsonb, pgTable, primaryKey, smallint, text, unique, uniqueIndex, uuid } from 'drizzle-orm/pg-core';
import { at, bytea, minor } from './columns.js';

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
    cause: jsonb('cause').$type<Record<string, string>>().notNull(),
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

/** How far the sums of an account were checked: entries up to `number` add up to `balance_minor`, so that a check has to add only what came after. */
export const balanceCheckpoints = pgTable('balance_checkpoints', {
  accountId: uuid('account_id').primaryKey(),
  number: minor('number').notNull(),
  balanceMinor: minor('balance_minor').notNull(),
  checkedAt: at('checked_at').notNull(),
});
