import { sql } from 'drizzle-orm';
import { boolean, index, integer, jsonb, pgTable, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core';
import { at, bytea } from './columns.js';

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
    /** The same as a PDF, made by the job. */
    pdf: bytea('pdf'),
    /** Why it FAILED. */
    problem: text('problem'),
    requestedAt: at('requested_at').notNull(),
    finishedAt: at('finished_at'),
  },
  (t) => [index('reports_requested').on(t.requestedAt)],
);
