import { sql } from 'drizzle-orm';
import { publicId } from '../../platform/ids.js';
import { formatAmount, money } from '../../platform/money.js';
import type { Tx } from '../../platform/postgres.js';
import { COMMISSION_PERCENT } from './payment.js';
import type { Discrepancy, DiscrepancyKind } from './reconciliation.js';

/** What is younger is in flight, not wrong. */
export const IN_FLIGHT_MS = 60_000;
const CALL_OVERDUE_MS = 3_600_000;
const BY_HAND_OVERDUE_MS = 3 * 86_400_000;
const MAX_LISTED = 100;

export interface Finding extends Discrepancy {
  since: Date;
}

/** Prefixes of the public ids of what postings are about. */
export const SUBJECT_PREFIX: Readonly<Record<string, string>> = {
  BOOKING: 'bkg',
  TRIP: 'trp',
  WITHDRAWAL: 'wdr',
  DEPOSIT: 'dep',
  USER: 'usr',
  RENTAL_DEPOSIT: 'bkg',
};

/** The public id of what a hold, payment or posting is about. */
export function referenceId(type: string, uuid: string): string {
  return publicId(SUBJECT_PREFIX[type] ?? 'txn', uuid);
}

const words = (minor: string, currency: string) => `${formatAmount(money(BigInt(minor), currency))} ${currency}`;

/** Per currency, all accounts add up to zero (PL-03). */
export async function unbalancedLedgers(tx: Tx): Promise<Finding[]> {
  const rows = await tx.orm.execute<{ currency: string; minor: string }>(
    sql`select currency, sum(balance_minor)::text as minor from accounts group by currency having sum(balance_minor) <> 0`,
  );
  return rows.map(({ currency, minor }) => ({
    kind: 'LEDGER_UNBALANCED',
    expected: words('0', currency),
    actual: words(minor, currency),
    reference: currency,
    since: tx.now,
  }));
}

/**
 * Each account's balance and number of entries are those of its entries (PL-05). Adds up only what came after the account's checkpoint, so that it may run
 * at any time; `whole` adds up everything.
 */
export async function mismatchedBalances(tx: Tx, whole = false): Promise<Finding[]> {
  const from = whole ? sql`0` : sql`coalesce(c.number, 0)`;
  const before = whole ? sql`0` : sql`coalesce(c.balance_minor, 0)`;
  const rows = await tx.orm.execute<{ id: string; currency: string; expected: string; actual: string; updated_at: string }>(sql`
    select a.id, a.currency, (${before} + e.minor)::text as expected, a.balance_minor::text as actual, a.updated_at
    from accounts a left join balance_checkpoints c on c.account_id = a.id
    cross join lateral (select coalesce(sum(amount_minor), 0) as minor, count(*) as entries, max(number) as last from entries
      where account_id = a.id and number > ${from}) e
    where a.balance_minor <> ${before} + e.minor or a.entry_count <> ${from} + e.entries or a.entry_count <> coalesce(e.last, ${from})
    order by a.id limit ${MAX_LISTED}`);
  return rows.map(({ id, currency, expected, actual, updated_at }) => ({
    kind: 'BALANCE_MISMATCH',
    expected: words(expected, currency),
    actual: words(actual, currency),
    reference: publicId('wal', id),
    since: new Date(updated_at),
  }));
}

/** Notes that all accounts but the wrong ones add up, up to their present ends. Locks nothing that a posting waits for. */
export async function keepCheckpoints(tx: Tx): Promise<void> {
  await tx.orm.execute(sql`
    insert into balance_checkpoints as c (account_id, number, balance_minor, checked_at)
    select a.id, a.entry_count, a.balance_minor, ${tx.now.toISOString()}::timestamptz
    from accounts a left join balance_checkpoints p on p.account_id = a.id
    cross join lateral (select coalesce(sum(amount_minor), 0) as minor, count(*) as entries from entries
      where account_id = a.id and number > coalesce(p.number, 0)) e
    where a.entry_count > coalesce(p.number, 0) and a.entry_count = coalesce(p.number, 0) + e.entries
      and a.balance_minor = coalesce(p.balance_minor, 0) + e.minor
    on conflict (account_id) do update set number = excluded.number, balance_minor = excluded.balance_minor, checked_at = excluded.checked_at`);
}

/** What lies on a person's HELD_FUNDS is what that person's holds still hold. */
export async function mismatchedHolds(tx: Tx): Promise<Finding[]> {
  const rows = await tx.orm.execute<{ owner: string; currency: string; expected: string; actual: string }>(sql`
    with held as (select owner_id, currency, balance_minor as minor from accounts where type = 'HELD_FUNDS' and balance_minor <> 0),
      active as (select owner_id, currency, sum(amount_minor - captured_minor) as minor from holds where status = 'ACTIVE' group by owner_id, currency)
    select owner_id as owner, currency, coalesce(active.minor, 0)::text as expected, coalesce(held.minor, 0)::text as actual
    from held full join active using (owner_id, currency) where coalesce(active.minor, 0) <> coalesce(held.minor, 0) order by owner_id limit ${MAX_LISTED}`);
  return rows.map(({ owner, currency, expected, actual }) => ({
    kind: 'HOLDS_MISMATCH',
    expected: words(expected, currency),
    actual: words(actual, currency),
    reference: publicId('usr', owner),
    since: tx.now,
  }));
}

/** Calls to a gateway or bank that nobody has answered for an hour, and payouts by hand of which no admin has told for three days: money whose fate is not known. */
export async function overdueCalls(tx: Tx): Promise<Finding[]> {
  const before = new Date(tx.now.getTime() - CALL_OVERDUE_MS).toISOString();
  const byHandBefore = new Date(tx.now.getTime() - BY_HAND_OVERDUE_MS).toISOString();
  const rows = await tx.orm.execute<{ kind: string; payment_id: string | null; withdrawal_id: string | null; attempts: number; created_at: string }>(sql`
    select kind, payment_id, withdrawal_id, attempts, created_at from gateway_calls
    where status = 'OPEN' and created_at < ${before}::timestamptz and (kind <> 'PAYOUT' or attempts > 0 or created_at < ${byHandBefore}::timestamptz)
    order by created_at limit ${MAX_LISTED}`);
  return rows.map(({ kind, payment_id, withdrawal_id, attempts, created_at }) => ({
    kind: 'GATEWAY_CALL_OVERDUE',
    expected: 'an answer',
    actual: `${kind} tried ${attempts} times`,
    reference: payment_id ? publicId('pay', payment_id) : publicId('wdr', withdrawal_id ?? ''),
    since: new Date(created_at),
  }));
}

interface PayableRow extends Record<string, unknown> {
  subject_type: string;
  subject_id: string;
  currency: string;
  owed: string;
  status: string | null;
  kept: string;
  since: string;
}

/** Completed trips and confirmed bookings whose payment does not add up to what they cost (PF-02b): taken, and owed where it could not be. */
export async function unpaidSubjects(tx: Tx): Promise<Finding[]> {
  const rows = await tx.orm.execute<PayableRow>(sql`
    select b.subject_type, b.subject_id, b.currency, b.owed_minor::text as owed, p.status,
      coalesce(p.captured_minor - p.refunded_minor, 0)::text as kept, b.since
    from payables b left join payments p on p.subject_type = b.subject_type and p.subject_id = b.subject_id
    where b.since < ${matureBefore(tx)}::timestamptz and (
      (b.state = 'CONFIRMED' and (not (p.status is not distinct from 'CAPTURED' or (p.status is not distinct from 'FAILED' and p.debt_minor > 0))
        or p.captured_minor - p.refunded_minor + p.debt_minor <> b.owed_minor))
      or (b.state = 'COMPLETED' and not coalesce(p.status in ('CAPTURED', 'REFUNDED', 'FAILED') and p.captured_minor + p.debt_minor = b.owed_minor, false)))
    order by b.since limit ${MAX_LISTED}`);
  return rows.map((row) => asFinding(row, row.subject_type === 'TRIP' ? 'TRIP_NOT_SETTLED' : 'BOOKING_NOT_PAID'));
}

/** How far back the books of trips and bookings are read again when not everything is. */
const RECENT_MS = 2 * 86_400_000;

/**
 * What trips and bookings brought in, by the books (PF-02b): a completed trip has exactly one settlement, of its fare, shared as its class says, whatever
 * became of the payment; a confirmed booking's income is its price. Only what changed in the last two days, or with `whole` everything.
 */
export async function wrongSettlements(tx: Tx, whole = false): Promise<Finding[]> {
  const since = new Date(whole ? 0 : tx.now.getTime() - RECENT_MS).toISOString();
  const percents = JSON.stringify(Object.entries(COMMISSION_PERCENT).map(([type, percent]) => ({ type, percent: Number(percent) })));
  const rows = await tx.orm.execute<{
    subject_type: string;
    subject_id: string;
    currency: string;
    expected: string;
    actual: string;
    n: number;
    since: string;
  }>(sql`
    with due as (
      select b.*, p.method, p.payee_id, c.percent, case when b.subject_type = 'TRIP' then (b.owed_minor * c.percent + 50) / 100 else b.owed_minor end as company
      from payables b join payments p on p.subject_type = b.subject_type and p.subject_id = b.subject_id
        left join json_to_recordset(${percents}::text::json) as c(type text, percent bigint) on c.type = p.vehicle_type
      where b.state in ('CONFIRMED', 'COMPLETED') and b.since >= ${since}::timestamptz and b.since < ${matureBefore(tx)}::timestamptz
        and p.status in ('CAPTURED', 'REFUNDED', 'FAILED')),
    booked as (
      select d.subject_id, count(distinct t.id)::int as n, coalesce(sum(e.amount_minor) filter (where a.type = 'PLATFORM_REVENUE'), 0) as company,
        coalesce(sum(e.amount_minor) filter (where a.owner_id = d.payee_id and a.type in ('CUSTOMER_WALLET', 'DRIVER_WALLET', 'PARTNER_WALLET')), 0) as driver,
        max(t.metadata ->> 'cashMinor')::bigint as cash
      from due d left join transactions t on t.reference_type = d.subject_type and t.reference_id = d.subject_id
          and (d.subject_type = 'BOOKING' or t.kind = 'TRIP_SETTLEMENT')
        left join entries e on e.transaction_id = t.id left join accounts a on a.id = e.account_id
      group by d.subject_id)
    select d.subject_type, d.subject_id, d.currency, d.owed_minor::text as expected, b.n, d.since,
      (case when d.method = 'CASH' and d.subject_type = 'TRIP' then coalesce(b.cash, 0) else b.company + b.driver end)::text as actual
    from due d join booked b using (subject_id)
    where case when d.subject_type = 'BOOKING' then b.company <> d.owed_minor
      when d.company = 0 and d.method = 'CASH' then b.n > 0
      else b.n <> 1 or b.company <> d.company
        or case when d.method = 'CASH' then b.cash is distinct from d.owed_minor else b.driver <> d.owed_minor - d.company end end
    order by d.since limit ${MAX_LISTED}`);
  return rows.map(({ subject_type, subject_id, currency, expected, actual, n, since: from }) => ({
    kind: 'SETTLEMENT_AMOUNT',
    expected: subject_type === 'TRIP' ? `${words(expected, currency)} in one settlement` : words(expected, currency),
    actual: subject_type === 'TRIP' ? `${words(actual, currency)} in ${n}` : words(actual, currency),
    reference: referenceId(subject_type, subject_id),
    since: new Date(from),
  }));
}

/** What a person owes for trips and bookings is what the payments say, to the last piastre. Commission of drivers lies on an account of its own. */
export async function mismatchedDebts(tx: Tx): Promise<Finding[]> {
  const rows = await tx.orm.execute<{ owner: string; currency: string; expected: string; actual: string }>(sql`
    with booked as (select owner_id, currency, -balance_minor as minor from accounts where type = 'RECEIVABLE' and shard = 0 and balance_minor <> 0),
      owed as (select payer_id as owner_id, currency, sum(debt_minor) as minor from payments where debt_minor > 0 group by payer_id, currency)
    select owner_id as owner, currency, coalesce(owed.minor, 0)::text as expected, coalesce(booked.minor, 0)::text as actual
    from booked full join owed using (owner_id, currency) where coalesce(owed.minor, 0) <> coalesce(booked.minor, 0) order by owner_id limit ${MAX_LISTED}`);
  return rows.map(({ owner, currency, expected, actual }) => ({
    kind: 'RECEIVABLE_MISMATCH',
    expected: words(expected, currency),
    actual: words(actual, currency),
    reference: publicId('usr', owner),
    since: tx.now,
  }));
}

/** Refunds that a gateway has refused, and none since that brought as much: somebody waits for money that nothing will send by itself. */
export async function refusedRefunds(tx: Tx): Promise<Finding[]> {
  const rows = await tx.orm.execute<{ payment_id: string; kind: string; minor: string; currency: string; problem: string; answered_at: string }>(sql`
    select c.payment_id, c.kind, c.amount_minor::text as minor, c.currency, c.last_problem as problem, c.answered_at from gateway_calls c
    where c.kind in ('REFUND', 'VOID') and c.status = 'ANSWERED' and c.last_problem is not null
      and not exists (select 1 from gateway_calls d where d.payment_id = c.payment_id and d.order_number = c.order_number and d.kind = c.kind
        and d.status = 'ANSWERED' and d.last_problem is null and d.created_at > c.created_at and d.amount_minor >= c.amount_minor)
    order by c.answered_at limit ${MAX_LISTED}`);
  return rows.map(({ payment_id, kind, minor, currency, problem, answered_at }) => ({
    kind: 'REFUND_REFUSED',
    expected: `${words(minor, currency)} back on the card`,
    actual: `${kind} refused: ${problem}`,
    reference: publicId('pay', payment_id),
    since: new Date(answered_at),
  }));
}

/** Cancelled bookings and trips that still have money beyond their fee: taken, promised or on hold. */
export async function cancelledWithMoney(tx: Tx): Promise<Finding[]> {
  const rows = await tx.orm.execute<PayableRow>(sql`
    select b.subject_type, b.subject_id, b.currency, b.owed_minor::text as owed, p.status, (p.captured_minor - p.refunded_minor)::text as kept, b.since
    from payables b join payments p on p.subject_type = b.subject_type and p.subject_id = b.subject_id
    where b.state = 'CANCELLED' and b.since < ${matureBefore(tx)}::timestamptz
      and (p.captured_minor - p.refunded_minor > b.owed_minor or p.status in ('PENDING', 'AUTHORISED')
        or exists (select 1 from holds h where h.reference_type = b.subject_type and h.reference_id = b.subject_id and h.status = 'ACTIVE'))
    order by b.since limit ${MAX_LISTED}`);
  return rows.map((row) => asFinding(row, 'CANCELLED_WITH_MONEY'));
}

/** Holds that are older than their limit. */
export async function overdueHolds(tx: Tx): Promise<Finding[]> {
  const rows = await tx.orm.execute<{ reference_type: string; reference_id: string; minor: string; currency: string; expires_at: string }>(sql`
    select reference_type, reference_id, (amount_minor - captured_minor)::text as minor, currency, expires_at from holds
    where status = 'ACTIVE' and expires_at < ${matureBefore(tx)}::timestamptz order by expires_at limit ${MAX_LISTED}`);
  return rows.map(({ reference_type, reference_id, minor, currency, expires_at }) => ({
    kind: 'HOLD_OVERDUE',
    expected: 'captured or returned',
    actual: words(minor, currency),
    reference: referenceId(reference_type, reference_id),
    since: new Date(expires_at),
  }));
}

/** Everything that has to hold at any time. */
export async function brokenInvariants(tx: Tx, whole = false): Promise<Finding[]> {
  return [
    ...(await unbalancedLedgers(tx)),
    ...(await mismatchedBalances(tx, whole)),
    ...(await mismatchedHolds(tx)),
    ...(await unpaidSubjects(tx)),
    ...(await cancelledWithMoney(tx)),
    ...(await overdueHolds(tx)),
    ...(await overdueCalls(tx)),
    ...(await wrongSettlements(tx, whole)),
    ...(await mismatchedDebts(tx)),
    ...(await refusedRefunds(tx)),
  ];
}

function matureBefore(tx: Tx): string {
  return new Date(tx.now.getTime() - IN_FLIGHT_MS).toISOString();
}

function asFinding(row: PayableRow, kind: DiscrepancyKind): Finding {
  return {
    kind,
    expected: words(row.owed, row.currency),
    actual: `${row.status ?? 'no payment'} ${words(row.kept, row.currency)}`,
    reference: referenceId(row.subject_type, row.subject_id),
    since: new Date(row.since),
  };
}
