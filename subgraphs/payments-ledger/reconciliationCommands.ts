import { and, eq, gte, inArray, lt, or, sql } from 'drizzle-orm';
import { systemActor } from '../../platform/actor.js';
import { Refusal } from '../../platform/errors.js';
import { newUuid, publicId, uuidOf } from '../../platform/ids.js';
import { money } from '../../platform/money.js';
import { appendEvent } from '../../platform/outbox.js';
import { type Database, inTransaction, type Tx } from '../../platform/postgres.js';
import { setTimer } from '../../platform/timers.js';
import { type GatewayPort, GatewayUnanswered, type SettledOrder } from './adapters/gatewayPort.js';
import { reconciliationDiscrepancy } from './events.js';
import { keepDiscrepancies } from './discrepancyCommands.js';
import { doubtfulLinks, type Stretch, stretchesSince } from './chainQueries.js';
import { brokenInvariants, IN_FLIGHT_MS, keepCheckpoints } from './invariants.js';
import { brokenLink, GENESIS_HASH } from './ledger.js';
import type { OutsideWork } from '../../platform/outsideWork.js';
import { chainOf, linkBefore, type ReconciliationRow } from './queries.js';
import { compareSettlement, type DayRange, type Discrepancy, type DiscrepancyKind, type ReconciledDeposit } from './reconciliation.js';
import { reconciliations } from './controlTables.js';
import { deposits } from './flowTables.js';

/** The books are closed by this clock. */
export const TIME_ZONE = 'Africa/Cairo';
const DAILY_TIMER = 'reconciliation.daily';
const DAILY_AT = '03:00';
const DAILY_LEASE_MS = 10 * 60_000;
/** How far apart the gateway and we may have seen the same payment. */
const MARGIN_MS = 86_400_000;
/** Orders of one report, for a gateway that is asked for each: more would not be answered within a night's lease. */
const MAX_ORDERS = 5_000;
const CHAIN_BATCH = 1_000;
const MAX_DISCREPANCIES = 1_000;

export interface BookDay extends DayRange {
  /** Calendar day, such as `2027-03-01`. */
  date: string;
}

/** A day of the books; today when none is given. @throws Refusal VALIDATION_ERROR for a day that has not begun */
export async function bookDay(tx: Tx, date: string | null): Promise<BookDay> {
  const now = tx.now.toISOString();
  const [row] = await tx.orm.execute<{ day: string; from: string; to: string }>(sql`
    select day::text, day::timestamp at time zone ${TIME_ZONE} as from, (day + 1)::timestamp at time zone ${TIME_ZONE} as to
    from (select coalesce(${date}::date, (${now}::timestamptz at time zone ${TIME_ZONE})::date) as day) d`);
  if (!row) throw new Error('a day was not counted');
  const day = { date: row.day, from: new Date(row.from), to: new Date(row.to) };
  if (day.from <= tx.now) return day;
  throw new Refusal('VALIDATION_ERROR', 'date: has not begun yet. Choose today or a day before.', { details: { field: 'date', rule: 'past' } });
}

/** Our orders of the payment page around a day, by their public ids: those begun or settled then; one more than can be asked for. */
export async function depositOrders(tx: Tx, day: BookDay): Promise<string[]> {
  const [from, to] = [new Date(day.from.getTime() - MARGIN_MS), day.to];
  const rows = await tx.orm
    .select({ id: deposits.id })
    .from(deposits)
    .where(or(and(gte(deposits.createdAt, from), lt(deposits.createdAt, to)), and(gte(deposits.settledAt, day.from), lt(deposits.settledAt, to))))
    .limit(MAX_ORDERS + 1);
  return rows.map((row) => publicId('dep', row.id));
}

/** The gateway's report around a day; null when it cannot be had now. Called outside of any transaction. */
export async function settlementAround(gateway: GatewayPort, day: BookDay, ours: readonly string[]): Promise<SettledOrder[] | null> {
  if (ours.length > MAX_ORDERS) return null;
  try {
    return await gateway.settlement(new Date(day.from.getTime() - MARGIN_MS), new Date(day.to.getTime() + MARGIN_MS), ours);
  } catch (error) {
    if (error instanceof GatewayUnanswered) return null;
    throw error;
  }
}

/**
 * Checks the books, stores what was found, and tells of it when something is wrong that nobody has explained (PL-20). `settled` is null when the gateway
 * did not answer. `whole` adds up every account from its first entry. Reads a snapshot and locks nothing: postings go on.
 */
export async function reconcile(tx: Tx, day: BookDay, settled: readonly SettledOrder[] | null, whole = false): Promise<ReconciliationRow> {
  const invariants = (await brokenInvariants(tx, whole)).map(({ since: _since, ...discrepancy }) => discrepancy);
  const report: Discrepancy[] = settled
    ? compareSettlement(settled, await depositsAround(tx, day, settled), day, new Date(tx.now.getTime() - IN_FLIGHT_MS))
    : [{ kind: 'SETTLEMENT_UNAVAILABLE', expected: 'a report', actual: 'no answer', reference: day.date }];
  const found = [...invariants, ...(await brokenChains(tx, day)), ...(await unpostedMoney(tx, day)), ...report].slice(0, MAX_DISCREPANCIES);
  const kept = await keepDiscrepancies(tx, found);
  await keepCheckpoints(tx);
  const open = kept.filter((each) => each.open).length;
  const discrepancies = kept.map(({ id, discrepancy }) => ({ ...discrepancy, id }));
  const row: ReconciliationRow = { id: newUuid(tx.now), date: day.date, ok: open === 0, discrepancies, createdAt: tx.now };
  await tx.orm.insert(reconciliations).values(row);
  if (open > 0) await appendEvent(tx, reconciliationDiscrepancy, row.id, { reconciliationId: row.id, count: open });
  return row;
}

/** Deposits and payouts of the day that are said to be done and are not on the books, and webhooks about orders that we do not know. */
async function unpostedMoney(tx: Tx, day: BookDay): Promise<Discrepancy[]> {
  const [from, to] = [day.from.toISOString(), day.to.toISOString()];
  const rows = await tx.orm.execute<{ kind: DiscrepancyKind; id: string; actual: string }>(sql`
    select 'DEPOSIT_NOT_POSTED' as kind, d.id::text, d.status as actual from deposits d
      where d.status = 'COMPLETED' and d.settled_at >= ${from}::timestamptz and d.settled_at < ${to}::timestamptz
        and not exists (select 1 from transactions t where t.posting_key = 'deposit:' || d.id)
    union all
    select 'PAYOUT_NOT_POSTED', w.id::text, w.status from withdrawals w
      where w.status = 'PAID' and w.settled_at >= ${from}::timestamptz and w.settled_at < ${to}::timestamptz
        and not exists (select 1 from transactions t where t.reference_type = 'WITHDRAWAL' and t.reference_id = w.id and t.kind = 'WITHDRAWAL_PAYOUT')
    union all
    select 'WEBHOOK_UNKNOWN_ORDER', adapter || ':' || event_id, 'order ' || order_id from webhook_events
      where outcome = 'UNKNOWN_ORDER' and resolved_at is null and received_at >= ${from}::timestamptz and received_at < ${to}::timestamptz
    limit ${MAX_DISCREPANCIES}`);
  const prefix: Partial<Record<DiscrepancyKind, string>> = { DEPOSIT_NOT_POSTED: 'dep', PAYOUT_NOT_POSTED: 'wdr' };
  return rows.map(({ kind, id, actual }) => ({
    kind,
    expected: kind === 'WEBHOOK_UNKNOWN_ORDER' ? 'an order of ours' : 'a posting',
    actual,
    reference: prefix[kind] ? publicId(prefix[kind], id) : id,
  }));
}

/** Our deposits that the report or the day is about. */
async function depositsAround(tx: Tx, day: BookDay, settled: readonly SettledOrder[]): Promise<ReconciledDeposit[]> {
  const named = settled.map((order) => uuidOf('dep', order.orderId)).filter((id) => id !== null);
  const rows = await tx.orm
    .select({ id: deposits.id, status: deposits.status, amountMinor: deposits.amountMinor, currency: deposits.currency, settledAt: deposits.settledAt })
    .from(deposits)
    .where(or(inArray(deposits.id, named), and(eq(deposits.status, 'COMPLETED'), gte(deposits.settledAt, day.from), lt(deposits.settledAt, day.to))));
  return rows.map((row) => ({ orderId: publicId('dep', row.id), status: row.status, settledAt: row.settledAt, amount: money(row.amountMinor, row.currency) }));
}

/** Entries that one statement hashes: some hundreds of milliseconds, well within a statement's time. */
const STATEMENT_ENTRIES = 20_000n;

/** Stretches in portions of about one statement's entries; a long one is divided. */
export function* portions(stretches: readonly Stretch[], entriesEach = STATEMENT_ENTRIES): Generator<Stretch[]> {
  let portion: Stretch[] = [];
  let room = entriesEach;
  for (const { accountId, first, last } of stretches) {
    for (let from = first; from <= last; ) {
      const to = from + room - 1n < last ? from + room - 1n : last;
      portion.push({ accountId, first: from, last: to });
      room -= to - from + 1n;
      from = to + 1n;
      if (room > 0n) continue;
      yield portion;
      [portion, room] = [[], entriesEach];
    }
  }
  if (portion.length > 0) yield portion;
}

/**
 * Accounts with entries of the day whose chain does not hold from the day's first entry on (PL-07). The database looks for what is doubtful, and only that is
 * read here; an account's later parts are not looked at once it is known to be broken.
 */
async function brokenChains(tx: Tx, day: BookDay): Promise<Discrepancy[]> {
  const found = new Map<string, Discrepancy>();
  for (const portion of portions(await stretchesSince(tx, day))) {
    for (const doubtful of await doubtfulLinks(tx, portion)) {
      const broken = found.has(doubtful.accountId) ? null : await brokenLinkOf(tx, doubtful);
      if (broken) found.set(doubtful.accountId, broken);
    }
    if (found.size >= MAX_DISCREPANCIES) break;
  }
  return [...found.values()];
}

/** The first broken link of a stretch, or null. */
async function brokenLinkOf(tx: Tx, { accountId, first, last: end }: Stretch): Promise<Discrepancy | null> {
  const genesis = { number: 0n, balanceMinor: 0n, hash: GENESIS_HASH };
  let last = first > 1n ? ((await linkBefore(tx, accountId, first - 1n)) ?? genesis) : genesis;
  while (last.number < end) {
    const left = Number(end - last.number);
    const batch = await chainOf(tx, accountId, last.number, Math.min(left, CHAIN_BATCH));
    const broken = brokenLink(batch, last);
    if (broken)
      return {
        kind: 'CHAIN_BROKEN',
        expected: 'an unchanged chain',
        actual: broken.reason,
        reference: `${publicId('wal', accountId)} entry ${broken.entry.number}`,
      };
    const read = batch.at(-1);
    if (!read) return null;
    last = { number: read.number, balanceMinor: read.balanceAfterMinor, hash: read.hash };
  }
  return null;
}

/** Reconciles yesterday, every night at three. */
export function dailyReconciliation(options: { db: Database; gateway: GatewayPort }): OutsideWork<BookDay> {
  const { db, gateway } = options;
  return {
    kind: DAILY_TIMER,
    leaseMs: DAILY_LEASE_MS,
    claim: async (tx) => {
      const today = await bookDay(tx, null);
      const eve = new Date(today.from.getTime() - 1).toISOString();
      const [row] = await tx.orm.execute<{ day: string }>(sql`select ((${eve}::timestamptz at time zone ${TIME_ZONE})::date)::text as day`);
      return bookDay(tx, row?.day ?? null);
    },
    perform: async (day, cause) => {
      const actor = systemActor(DAILY_TIMER);
      const settled = await settlementAround(gateway, day, await inTransaction(actor, db, cause, (tx) => depositOrders(tx, day)));
      await inTransaction(systemActor(DAILY_TIMER), db, cause, async (tx) => {
        await reconcile(tx, day, settled, true);
        await setNextRun(tx);
      });
    },
  };
}

/** Sees that the nightly run has its timer; one that is due already stays due. */
export async function scheduleReconciliation(db: Database): Promise<void> {
  await inTransaction(systemActor(DAILY_TIMER), db, { traceId: '0'.repeat(32), causationId: newUuid() }, async (tx) => {
    const present = await tx.orm.execute(sql`select 1 from timers where kind = ${DAILY_TIMER}`);
    if (present.length === 0) await setNextRun(tx);
  });
}

async function setNextRun(tx: Tx): Promise<void> {
  const now = tx.now.toISOString();
  const [row] = await tx.orm.execute<{ due: string }>(sql`
    select (local_day + case when local_time >= ${DAILY_AT}::time then 1 else 0 end + ${DAILY_AT}::time) at time zone ${TIME_ZONE} as due
    from (select (${now}::timestamptz at time zone ${TIME_ZONE})::date as local_day, (${now}::timestamptz at time zone ${TIME_ZONE})::time as local_time) t`);
  if (!row) throw new Error('the next night was not found');
  await setTimer(tx, { kind: DAILY_TIMER, key: 'daily', dueAt: new Date(row.due) });
}
