import { sql } from 'drizzle-orm';
import { publicId } from '../../platform/ids.js';
import { formatAmount, money } from '../../platform/money.js';
import type { Tx } from '../../platform/postgres.js';
import type { Discrepancy, DiscrepancyKind } from './reconciliation.js';

/** What is younger is in flight, not wrong. */
export const IN_FLIGHT_MS = 60_000;
const MAX_LISTED = 100;

export interface Finding extends Discrepancy {
  since: Date;
}

const SUBJECT_PREFIX: Readonly<Record<string, string>> = { BOOKING: 'bkg', TRIP: 'trp', WITHDRAWAL: 'wdr', DEPOSIT: 'dep', USER: 'usr' };

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

/** Each account's balance and number of entries are those of its entries (PL-05). */
export async function mismatchedBalances(tx: Tx): Promise<Finding[]> {
  const rows = await tx.orm.execute<{ id: string; currency: string; expected: string; actual: string; updated_at: string }>(sql`
    select a.id, a.currency, coalesce(e.minor, 0)::text as expected, a.balance_minor::text as actual, a.updated_at
    from accounts a left join (select account_id, sum(amount_minor) as minor, count(*) as entries, max(number) as last from entries group by account_id) e
      on e.account_id = a.id
    where a.balance_minor <> coalesce(e.minor, 0) or a.entry_count <> coalesce(e.entries, 0) or a.entry_count <> coalesce(e.last, 0)
    order by a.id limit ${MAX_LISTED}`);
  return rows.map(({ id, currency, expected, actual, updated_at }) => ({
    kind: 'BALANCE_MISMATCH',
    expected: words(expected, currency),
    actual: words(actual, currency),
    reference: publicId('wal', id),
    since: new Date(updated_at),
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

/** Completed trips without a settlement, confirmed bookings without their money (PF-02b). A FAILED trip is settled: its driver is paid. */
export async function unpaidSubjects(tx: Tx): Promise<Finding[]> {
  const rows = await tx.orm.execute<PayableRow>(sql`
    select b.subject_type, b.subject_id, b.currency, b.owed_minor::text as owed, p.status,
      coalesce(p.captured_minor - p.refunded_minor, 0)::text as kept, b.since
    from payables b left join payments p on p.subject_type = b.subject_type and p.subject_id = b.subject_id
    where b.since < ${matureBefore(tx)}::timestamptz and (
      (b.state = 'CONFIRMED' and (p.status is distinct from 'CAPTURED' or p.captured_minor <> b.owed_minor))
      or (b.state = 'COMPLETED' and not (p.status is not distinct from 'FAILED'
            or (p.status is not distinct from 'CAPTURED' and p.captured_minor = b.owed_minor)))
      or (b.state = 'COMPLETED' and p.method <> 'CASH' and 1 <> (select count(*) from transactions t
            where t.reference_type = 'TRIP' and t.reference_id = b.subject_id and t.kind = 'TRIP_SETTLEMENT')))
    order by b.since limit ${MAX_LISTED}`);
  return rows.map((row) => asFinding(row, row.subject_type === 'TRIP' ? 'TRIP_NOT_SETTLED' : 'BOOKING_NOT_PAID'));
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
    select reference_type, reference_id, amount_minor::text as minor, currency, expires_at from holds
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
export async function brokenInvariants(tx: Tx): Promise<Finding[]> {
  return [
    ...(await unbalancedLedgers(tx)),
    ...(await mismatchedBalances(tx)),
    ...(await unpaidSubjects(tx)),
    ...(await cancelledWithMoney(tx)),
    ...(await overdueHolds(tx)),
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
