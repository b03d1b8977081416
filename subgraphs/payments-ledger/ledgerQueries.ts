import { and, asc, desc, eq, inArray, lt, sql } from 'drizzle-orm';
import { alias } from 'drizzle-orm/pg-core';
import type { PageRequest } from '../../platform/page.js';
import type { Orm } from '../../platform/postgres.js';
import { accounts, entries, transactions } from './ledgerTables.js';

const MAX_COUNT = 10_000;

export interface TransactionView {
  id: string;
  kind: string;
  referenceType: string;
  referenceId: string;
  metadata: Record<string, string>;
  effectiveAt: Date;
  recordedAt: Date;
  reverses: string | null;
  revertedBy: string | null;
  entries: { type: string; ownerId: string | null; currency: string; amountMinor: bigint; balanceAfterMinor: bigint }[];
}

/** Transactions, the newest first, all or those about one thing (PL-09); one more than the page holds. */
export async function findTransactions(orm: Orm, filter: { referenceId?: string; ids?: readonly string[] }, page: PageRequest): Promise<TransactionView[]> {
  const before = page.after?.[0];
  const reversal = alias(transactions, 'reversal');
  const rows = await orm
    .select({
      id: transactions.id,
      kind: transactions.kind,
      referenceType: transactions.referenceType,
      referenceId: transactions.referenceId,
      metadata: transactions.metadata,
      effectiveAt: transactions.effectiveAt,
      recordedAt: transactions.recordedAt,
      reverses: transactions.reverses,
      revertedBy: reversal.id,
    })
    .from(transactions)
    .leftJoin(reversal, eq(reversal.reverses, transactions.id))
    .where(
      and(
        filter.referenceId ? eq(transactions.referenceId, filter.referenceId) : undefined,
        filter.ids ? inArray(transactions.id, [...filter.ids]) : undefined,
        before === undefined ? undefined : lt(transactions.id, before),
      ),
    )
    .orderBy(desc(transactions.id))
    .limit(page.first + 1);
  if (rows.length === 0) return [];
  const lines = await orm
    .select({
      transactionId: entries.transactionId,
      type: accounts.type,
      ownerId: accounts.ownerId,
      currency: entries.currency,
      amountMinor: entries.amountMinor,
      balanceAfterMinor: entries.balanceAfterMinor,
    })
    .from(entries)
    .innerJoin(accounts, eq(accounts.id, entries.accountId))
    .where(
      inArray(
        entries.transactionId,
        rows.map((row) => row.id),
      ),
    )
    .orderBy(asc(entries.amountMinor), asc(entries.accountId));
  return rows.map((row) => ({ ...row, entries: lines.filter((line) => line.transactionId === row.id) }));
}

/** How many there are, all or about one thing; exact up to 10,000. */
export async function countTransactions(orm: Orm, referenceId: string | null): Promise<number> {
  const matching = orm
    .select({ one: sql`1` })
    .from(transactions)
    .where(referenceId === null ? undefined : eq(transactions.referenceId, referenceId))
    .limit(MAX_COUNT)
    .as('matching');
  const [row] = await orm.select({ count: sql<number>`count(*)::int` }).from(matching);
  return row?.count ?? 0;
}
