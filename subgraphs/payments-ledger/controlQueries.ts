import { and, desc, eq, inArray, lt, sql } from 'drizzle-orm';
import type { PageRequest } from '../../platform/page.js';
import type { Orm, Tx } from '../../platform/postgres.js';
import type { FraudFlagRow, FraudStatus } from './fraud.js';
import type { ReconciliationRow } from './queries.js';
import type { DiscrepancyRow, DiscrepancyStatus } from './reconciliation.js';
import { discrepancies, fraudFlags, reconciliations } from './controlTables.js';

const MAX_COUNT = 10_000;

/** Discrepancies, the newest first; one more than the page holds. */
export async function findDiscrepancies(orm: Orm, status: DiscrepancyStatus | null, page: PageRequest): Promise<DiscrepancyRow[]> {
  const before = page.after?.[0];
  return orm
    .select()
    .from(discrepancies)
    .where(and(status ? eq(discrepancies.status, status) : undefined, before === undefined ? undefined : lt(discrepancies.id, before)))
    .orderBy(desc(discrepancies.id))
    .limit(page.first + 1);
}

export async function discrepanciesByIds(orm: Orm, ids: readonly string[]): Promise<DiscrepancyRow[]> {
  return orm
    .select()
    .from(discrepancies)
    .where(inArray(discrepancies.id, [...ids]));
}

/** Fraud flags, the newest first; one more than the page holds. */
export async function findFraudFlags(orm: Orm, filter: { status: FraudStatus | null; userId: string | null }, page: PageRequest): Promise<FraudFlagRow[]> {
  const before = page.after?.[0];
  return orm
    .select()
    .from(fraudFlags)
    .where(
      and(
        filter.status ? eq(fraudFlags.status, filter.status) : undefined,
        filter.userId ? eq(fraudFlags.userId, filter.userId) : undefined,
        before === undefined ? undefined : lt(fraudFlags.id, before),
      ),
    )
    .orderBy(desc(fraudFlags.id))
    .limit(page.first + 1);
}

/** How many rows of a table of control have a status; exact up to 10,000. */
export async function countByStatus(tx: Tx, table: 'discrepancies' | 'fraud_flags', status: string | null, userId: string | null = null): Promise<number> {
  const [row] = await tx.orm.execute<{ n: number }>(sql`select count(*)::int as n from (select 1 from ${sql.identifier(table)}
    where ${status === null ? sql`true` : sql`status = ${status}`} and ${userId === null ? sql`true` : sql`user_id = ${userId}::uuid`}
    limit ${MAX_COUNT}) matching`);
  return row?.n ?? 0;
}

export interface AccountTotal {
  type: string;
  currency: string;
  accounts: number;
  balanceMinor: bigint;
}

/** What all accounts of a type hold, credits positive. */
export async function accountTotals(tx: Tx): Promise<AccountTotal[]> {
  const rows = await tx.orm.execute<{ type: string; currency: string; accounts: number; minor: string }>(sql`
    select type, currency, count(*)::int as accounts, sum(balance_minor)::text as minor from accounts group by type, currency order by type, currency`);
  return rows.map(({ type, currency, accounts, minor }) => ({ type, currency, accounts, balanceMinor: BigInt(minor) }));
}

export async function latestReconciliation(orm: Orm): Promise<ReconciliationRow | null> {
  const [row] = await orm.select().from(reconciliations).orderBy(desc(reconciliations.createdAt)).limit(1);
  return row ?? null;
}
