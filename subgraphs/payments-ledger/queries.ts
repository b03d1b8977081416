import { and, asc, desc, eq, gt, inArray, lt, lte, or, sql } from 'drizzle-orm';
import type { PageRequest } from '../../platform/page.js';
import type { Orm, Tx } from '../../platform/postgres.js';
import { lastNumberAt } from './balanceQueries.js';
import type { DepositRow } from './deposit.js';
import type { EntryFacts } from './ledger.js';
import type { PaymentRow } from './payment.js';
import type { GatewayCallRow } from './gatewayCalls.js';
import { reconciliations } from './controlTables.js';
import { deposits, gatewayCalls, payments, withdrawals } from './flowTables.js';
import { entries, transactions } from './ledgerTables.js';
import type { WithdrawalRow, WithdrawalStatus } from './withdrawal.js';

const MAX_COUNT = 10_000;

/** A person's wallet as it is shown: what can be spent, and what is held out of it. */
export interface WalletView extends Record<string, unknown> {
  id: string;
  ownerId: string;
  currency: string;
  availableMinor: bigint;
  heldMinor: bigint;
  /** Commission beyond the wallet's limit: what a driver still owes. */
  owedMinor: bigint;
  /** How far below zero it may go. */
  creditMinor: bigint;
  entryCount: bigint;
}

async function wallets(orm: Orm, by: 'id' | 'owner_id', ids: readonly string[]): Promise<WalletView[]> {
  const column = sql.raw(`w.${by}`);
  const rows = await orm.execute<{
    id: string;
    owner_id: string;
    currency: string;
    available: string;
    held: string;
    owed: string;
    credit: string;
    entry_count: string;
  }>(sql`
    select distinct on (w.owner_id) w.id, w.owner_id, w.currency, w.balance_minor as available, w.entry_count, -w.min_balance_minor as credit, coalesce(h.balance_minor, 0) as held,
      greatest(-coalesce(d.balance_minor, 0), 0) as owed
    from accounts w
    left join accounts h on h.owner_id = w.owner_id and h.type = 'HELD_FUNDS' and h.currency = w.currency
    left join accounts d on d.owner_id = w.owner_id and d.type = 'RECEIVABLE' and d.shard = 1 and d.currency = w.currency
    where ${column} = any(${`{${ids.join(',')}}`}::uuid[]) and w.type in ('CUSTOMER_WALLET', 'DRIVER_WALLET', 'PARTNER_WALLET') and w.closed_at is null
    order by w.owner_id, w.type desc`);
  return rows.map((row) => ({
    id: row.id,
    ownerId: row.owner_id,
    currency: row.currency,
    availableMinor: BigInt(row.available),
    heldMinor: BigInt(row.held),
    owedMinor: BigInt(row.owed),
    creditMinor: BigInt(row.credit),
    entryCount: BigInt(row.entry_count),
  }));
}

export const walletsByOwners = (orm: Orm, ownerIds: readonly string[]) => wallets(orm, 'owner_id', ownerIds);
export const walletsByIds = (orm: Orm, ids: readonly string[]) => wallets(orm, 'id', ids);

export type EntryView = Pick<EntryFacts, 'accountId' | 'number' | 'amountMinor' | 'currency' | 'balanceAfterMinor' | 'recordedAt'> & {
  kind: string;
  referenceType: string;
  referenceId: string;
};

const ENTRY_VIEW = {
  accountId: entries.accountId,
  number: entries.number,
  amountMinor: entries.amountMinor,
  currency: entries.currency,
  balanceAfterMinor: entries.balanceAfterMinor,
  recordedAt: entries.recordedAt,
  kind: transactions.kind,
  referenceType: transactions.referenceType,
  referenceId: transactions.referenceId,
};

/** A period of an account: the numbers of its last entry before it and of the last one in it, and the balances after those. */
export interface Period {
  before: bigint;
  last: bigint;
  openingMinor: bigint;
  closingMinor: bigint;
}

/** The entries recorded from `from` until before `to`, as a range of numbers. */
export async function periodOf(orm: Orm, accountId: string, from: Date, to: Date): Promise<Period> {
  const before = await lastNumberAt(orm, accountId, from, false);
  const last = await lastNumberAt(orm, accountId, to, false);
  const rows = await orm
    .select({ number: entries.number, minor: entries.balanceAfterMinor })
    .from(entries)
    .where(and(eq(entries.accountId, accountId), inArray(entries.number, [before, last])));
  const after = (number: bigint) => rows.find((row) => row.number === number)?.minor ?? 0n;
  return { before, last, openingMinor: after(before), closingMinor: after(last) };
}

/** An account's entries of a period, the oldest first; one more than the page holds. */
export async function statementEntries(orm: Orm, accountId: string, period: Period, page: PageRequest): Promise<EntryView[]> {
  const after = page.after?.[0] === undefined ? period.before : BigInt(page.after[0]);
  return orm
    .select(ENTRY_VIEW)
    .from(entries)
    .innerJoin(transactions, eq(transactions.id, entries.transactionId))
    .where(and(eq(entries.accountId, accountId), gt(entries.number, after < period.before ? period.before : after), lte(entries.number, period.last)))
    .orderBy(asc(entries.number))
    .limit(page.first + 1);
}

/** An account's entries, the newest first; one more than the page holds. */
export async function entriesOf(orm: Orm, accountId: string, page: PageRequest): Promise<EntryView[]> {
  const before = page.after?.[0];
  return orm
    .select(ENTRY_VIEW)
    .from(entries)
    .innerJoin(transactions, eq(transactions.id, entries.transactionId))
    .where(and(eq(entries.accountId, accountId), before === undefined ? undefined : lt(entries.number, BigInt(before))))
    .orderBy(desc(entries.number))
    .limit(page.first + 1);
}

/** An account's entries after a number, in order, with everything that their hashes cover. */
export async function chainOf(tx: Tx, accountId: string, afterNumber: bigint, limit: number): Promise<EntryFacts[]> {
  return tx.orm
    .select({
      accountId: entries.accountId,
      number: entries.number,
      transactionId: entries.transactionId,
      kind: transactions.kind,
      referenceType: transactions.referenceType,
      referenceId: transactions.referenceId,
      metadata: transactions.metadata,
      postingKey: transactions.postingKey,
      cause: transactions.cause,
      reverses: transactions.reverses,
      amountMinor: entries.amountMinor,
      currency: entries.currency,
      balanceAfterMinor: entries.balanceAfterMinor,
      effectiveAt: entries.effectiveAt,
      recordedAt: entries.recordedAt,
      previousHash: entries.previousHash,
      hash: entries.hash,
    })
    .from(entries)
    .innerJoin(transactions, eq(transactions.id, entries.transactionId))
    .where(and(eq(entries.accountId, accountId), gt(entries.number, afterNumber)))
    .orderBy(asc(entries.number))
    .limit(limit);
}

/** What the next entry after this number has to follow; null when there is no such entry. */
export async function linkBefore(tx: Tx, accountId: string, number: bigint): Promise<{ number: bigint; balanceMinor: bigint; hash: Buffer } | null> {
  const [row] = await tx.orm
    .select({ number: entries.number, balanceMinor: entries.balanceAfterMinor, hash: entries.hash })
    .from(entries)
    .where(and(eq(entries.accountId, accountId), eq(entries.number, number)));
  return row ?? null;
}

export async function paymentToken(orm: Orm, id: string): Promise<string | null> {
  const [row] = await orm.select({ token: payments.token }).from(payments).where(eq(payments.id, id));
  return row?.token ?? null;
}

export async function paymentsByIds(orm: Orm, ids: readonly string[]): Promise<PaymentRow[]> {
  return orm
    .select()
    .from(payments)
    .where(inArray(payments.id, [...ids]));
}

/** Payments of bookings and trips, by keys such as `BOOKING:<uuid>`. */
export async function paymentsBySubjects(orm: Orm, keys: readonly string[]): Promise<PaymentRow[]> {
  const conditions = ['BOOKING', 'TRIP'].map((type) => {
    const ids = keys.filter((key) => key.startsWith(`${type}:`)).map((key) => key.slice(type.length + 1));
    return and(eq(payments.subjectType, type), inArray(payments.subjectId, ids));
  });
  return orm
    .select()
    .from(payments)
    .where(or(...conditions));
}

const MAX_REFUNDS = 100;

/** Refunds that card companies were asked for, the newest first; at most a hundred per payment. */
export async function cardRefundsOf(orm: Orm, paymentIds: readonly string[]): Promise<Map<string, GatewayCallRow[]>> {
  const rows = await orm
    .select()
    .from(gatewayCalls)
    .where(and(inArray(gatewayCalls.paymentId, [...paymentIds]), eq(gatewayCalls.kind, 'REFUND')))
    .orderBy(desc(gatewayCalls.createdAt), desc(gatewayCalls.id))
    .limit(MAX_REFUNDS * paymentIds.length);
  const found = new Map<string, GatewayCallRow[]>(paymentIds.map((id) => [id, []]));
  for (const row of rows) {
    const list = found.get(row.paymentId ?? '');
    if (list && list.length < MAX_REFUNDS) list.push(row);
  }
  return found;
}

export async function depositsByIds(orm: Orm, ids: readonly string[]): Promise<DepositRow[]> {
  return orm
    .select()
    .from(deposits)
    .where(inArray(deposits.id, [...ids]));
}

export async function withdrawalsByIds(orm: Orm, ids: readonly string[]): Promise<WithdrawalRow[]> {
  return orm
    .select()
    .from(withdrawals)
    .where(inArray(withdrawals.id, [...ids]));
}

/** Withdrawals, the newest first (ids grow with time); one more than the page holds. */
export async function findWithdrawals(orm: Orm, status: WithdrawalStatus | null, page: PageRequest): Promise<WithdrawalRow[]> {
  const before = page.after?.[0];
  return orm
    .select()
    .from(withdrawals)
    .where(and(status ? eq(withdrawals.status, status) : undefined, before === undefined ? undefined : lt(withdrawals.id, before)))
    .orderBy(desc(withdrawals.id))
    .limit(page.first + 1);
}

/** How many there are; exact up to 10,000. */
export async function countWithdrawals(orm: Orm, status: WithdrawalStatus | null): Promise<number> {
  const matching = orm
    .select({ one: sql`1` })
    .from(withdrawals)
    .where(status ? eq(withdrawals.status, status) : undefined)
    .limit(MAX_COUNT)
    .as('matching');
  const [row] = await orm.select({ count: sql<number>`count(*)::int` }).from(matching);
  return row?.count ?? 0;
}

export type ReconciliationRow = typeof reconciliations.$inferSelect;

export async function reconciliationsByIds(orm: Orm, ids: readonly string[]): Promise<ReconciliationRow[]> {
  return orm
    .select()
    .from(reconciliations)
    .where(inArray(reconciliations.id, [...ids]));
}
