import { eq, sql } from 'drizzle-orm';
import { userIdOf } from '../../platform/actor.js';
import { newUuid } from '../../platform/ids.js';
import { DEFAULT_CURRENCY } from '../../platform/money.js';
import type { Tx } from '../../platform/postgres.js';
import { setTimer, type TimerHandlers } from '../../platform/timers.js';
import { TIME_ZONE } from './reconciliationCommands.js';
import { periodsOf, type ReportLine, type ReportPeriod, toCells, toCsv } from './report.js';
import { reports } from './tables.js';

export type ReportRow = typeof reports.$inferSelect;

/** Timer of the next part of a report; its key is the report's id. */
export const REPORT_TIMER = 'report.part';
/** Periods of one part: a part is one transaction, and its end is where a killed job goes on. */
const PART = 20;

/** What happened in periods, and what people had with us at their ends. One statement; entries are found by their time of recording. */
export async function reportLines(tx: Tx, periods: readonly { from: string; until: string }[]): Promise<ReportLine[]> {
  const rows = await tx.orm.execute<Record<string, string>>(sql`
    with periods as (select x.from as day, x.from::timestamp at time zone ${TIME_ZONE} as begins, x.until::timestamp at time zone ${TIME_ZONE} as ends
      from json_to_recordset(${JSON.stringify(periods)}::text::json) as x("from" date, until date)),
    people as (select id from accounts where type in ('CUSTOMER_WALLET', 'DRIVER_WALLET', 'PARTNER_WALLET', 'HELD_FUNDS') and currency = ${DEFAULT_CURRENCY})
    select p.day::text as day, s.*, (select coalesce(sum(e.amount_minor), 0) from entries e join people on people.id = e.account_id
        where e.recorded_at < p.ends) as outstanding
    from periods p cross join lateral (
      select count(distinct t.id) filter (where t.kind = 'TRIP_SETTLEMENT') as trips,
        count(distinct t.id) filter (where t.kind = 'BOOKING_PAYMENT') as bookings,
        coalesce(sum(e.amount_minor) filter (where t.kind = 'TRIP_SETTLEMENT' and e.amount_minor > 0 and not t.metadata ? 'cashMinor'
            and a.type in ('DRIVER_WALLET', 'PLATFORM_REVENUE')), 0)
          + coalesce(sum((t.metadata ->> 'cashMinor')::bigint) filter (where t.kind = 'TRIP_SETTLEMENT' and a.type = 'PLATFORM_REVENUE'), 0) as fares,
        coalesce(sum(e.amount_minor) filter (where t.kind = 'BOOKING_PAYMENT' and a.type = 'PLATFORM_REVENUE'), 0) as paid,
        coalesce(sum(e.amount_minor) filter (where a.type = 'PLATFORM_REVENUE'), 0) as fees,
        coalesce(-sum(e.amount_minor) filter (where t.kind = 'REFUND' and a.type = 'PLATFORM_REVENUE'), 0) as refunds,
        coalesce(sum(e.amount_minor) filter (where t.kind = 'DEPOSIT' and a.owner_id is not null), 0) as deposits,
        coalesce(sum(e.amount_minor) filter (where t.kind = 'WITHDRAWAL_PAYOUT' and a.type = 'PAYOUT_CLEARING'), 0) as withdrawals
      from entries e join transactions t on t.id = e.transaction_id join accounts a on a.id = e.account_id
      where e.recorded_at >= p.begins and e.recorded_at < p.ends and e.currency = ${DEFAULT_CURRENCY}) s
    order by p.day`);
  return rows.map((row) => {
    const minor = (name: string) => BigInt(row[name] ?? '0');
    return {
      from: row.day ?? '',
      trips: Number(row.trips),
      bookings: Number(row.bookings),
      tripFaresMinor: minor('fares'),
      bookingPaymentsMinor: minor('paid'),
      platformFeesMinor: minor('fees'),
      refundsMinor: minor('refunds'),
      depositsMinor: minor('deposits'),
      withdrawalsMinor: minor('withdrawals'),
      outstandingMinor: minor('outstanding'),
    };
  });
}

/** Orders a report as a file: a job makes it, part after part. Returns its UUID. @throws Refusal VALIDATION_ERROR for a bad range */
export async function requestReport(tx: Tx, report: { from: string; to: string; period: ReportPeriod }): Promise<string> {
  const id = newUuid(tx.now);
  await tx.orm.insert(reports).values({
    id,
    requestedBy: userIdOf(tx.actor),
    fromDay: report.from,
    toDay: report.to,
    period: report.period,
    status: 'QUEUED',
    lines: [],
    periods: periodsOf(report.from, report.to, report.period).length,
    requestedAt: tx.now,
  });
  await setTimer(tx, { kind: REPORT_TIMER, key: id, dueAt: tx.now });
  return id;
}

/** Makes the next part of a report, and the file when it was the last. */
export const reportParts: TimerHandlers[string] = async (tx, timer) => {
  const [row] = await tx.orm.select().from(reports).where(eq(reports.id, timer.key)).for('update');
  if (!row || row.status === 'DONE') return;
  const periods = periodsOf(row.fromDay, row.toDay, row.period as ReportPeriod);
  const part = await reportLines(tx, periods.slice(row.lines.length, row.lines.length + PART));
  const lines = [...row.lines, ...part.map((line) => toCells(line, DEFAULT_CURRENCY))];
  const done = lines.length >= periods.length;
  const end = done ? { status: 'DONE', content: toCsv(lines), finishedAt: tx.now } : { status: 'RUNNING' };
  await tx.orm
    .update(reports)
    .set({ lines, ...end })
    .where(eq(reports.id, row.id));
  if (!done) await setTimer(tx, { kind: REPORT_TIMER, key: row.id, dueAt: tx.now });
};

export async function findReport(tx: Tx, id: string): Promise<ReportRow | null> {
  const [row] = await tx.orm.select().from(reports).where(eq(reports.id, id));
  return row ?? null;
}
