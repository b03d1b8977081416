import { eq, getTableColumns, sql } from 'drizzle-orm';
import { userIdOf } from '../../platform/actor.js';
import { newUuid } from '../../platform/ids.js';
import { DEFAULT_CURRENCY } from '../../platform/money.js';
import type { Tx } from '../../platform/postgres.js';
import { setTimer, type TimerHandlers } from '../../platform/timers.js';
import { TIME_ZONE } from './reconciliationCommands.js';
import { periodsOf, type ReportLine, type ReportPeriod, toCells, toCsv } from './report.js';
import { reportPdf } from './reportPdf.js';
import { reports } from './controlTables.js';

const { pdf: _pdf, ...WITHOUT_PDF } = getTableColumns(reports);
export type ReportRow = Omit<typeof reports.$inferSelect, 'pdf'>;

/** Timer of the next part of a report; its key is the report's id. */
export const REPORT_TIMER = 'report.part';
/** Periods of one part, by how often it was tried: a part is one transaction, and its end is where a killed job goes on. */
const PARTS: readonly number[] = [20, 5, 1];

/**
 * What happened in periods that follow each other, and what people had with us at their ends. One statement; entries are found by their time of recording.
 * What people had at an end is what they have now, less what came after: nothing from before the first period is read.
 */
export async function reportLines(tx: Tx, periods: readonly { from: string; until: string }[]): Promise<ReportLine[]> {
  const rows = await tx.orm.execute<Record<string, string>>(sql`
    with periods as (select x.from as day, x.from::timestamp at time zone ${TIME_ZONE} as begins, x.until::timestamp at time zone ${TIME_ZONE} as ends
      from json_to_recordset(${JSON.stringify(periods)}::text::json) as x("from" date, until date)),
    people as (select id, balance_minor from accounts where type in ('CUSTOMER_WALLET', 'DRIVER_WALLET', 'PARTNER_WALLET', 'HELD_FUNDS')
      and currency = ${DEFAULT_CURRENCY}),
    after as (select (select coalesce(sum(balance_minor), 0) from people) - coalesce(sum(e.amount_minor), 0) as minor
      from entries e join people on people.id = e.account_id where e.recorded_at >= (select max(ends) from periods)),
    each as (select p.day, s.* from periods p cross join lateral (
      select count(distinct t.id) filter (where t.kind = 'TRIP_SETTLEMENT') as trips,
        count(distinct t.reference_id) filter (where t.kind = 'BOOKING_PAYMENT' and not exists (select 1 from transactions f
          where f.reference_type = 'BOOKING' and f.reference_id = t.reference_id and f.kind = 'BOOKING_PAYMENT'
            and (f.recorded_at, f.id) < (t.recorded_at, t.id))) as bookings,
        coalesce(sum(e.amount_minor) filter (where t.kind = 'TRIP_SETTLEMENT' and e.amount_minor > 0 and not t.metadata ? 'cashMinor'
            and (a.type = 'PLATFORM_REVENUE' or a.owner_id = y.payee_id)), 0)
          + coalesce(sum((t.metadata ->> 'cashMinor')::bigint) filter (where t.kind = 'TRIP_SETTLEMENT' and a.type = 'PLATFORM_REVENUE'), 0) as fares,
        coalesce(sum(e.amount_minor) filter (where t.kind = 'BOOKING_PAYMENT' and a.type = 'PLATFORM_REVENUE'), 0) as paid,
        coalesce(sum(e.amount_minor) filter (where a.type in ('PLATFORM_REVENUE', 'REFUND_EXPENSE')), 0) as fees,
        coalesce(-sum(e.amount_minor) filter (where t.kind = 'REFUND' and a.type in ('PLATFORM_REVENUE', 'REFUND_EXPENSE')), 0) as refunds,
        coalesce(sum(e.amount_minor) filter (where a.owner_id is not null and (t.kind = 'DEPOSIT' or r.kind = 'DEPOSIT')), 0) as deposits,
        coalesce(sum(e.amount_minor) filter (where t.kind = 'WITHDRAWAL_PAYOUT' and a.type = 'PAYOUT_CLEARING'), 0) as withdrawals,
        coalesce(sum(e.amount_minor) filter (where a.type in ('CUSTOMER_WALLET', 'DRIVER_WALLET', 'PARTNER_WALLET', 'HELD_FUNDS')), 0) as moved
      from entries e join transactions t on t.id = e.transaction_id join accounts a on a.id = e.account_id
        left join transactions r on r.id = t.reverses
        left join payments y on t.kind = 'TRIP_SETTLEMENT' and y.subject_type = 'TRIP' and y.subject_id = t.reference_id
      where e.recorded_at >= p.begins and e.recorded_at < p.ends and e.currency = ${DEFAULT_CURRENCY}) s)
    select day::text as day, trips, bookings, fares, paid, fees, refunds, deposits, withdrawals,
      (select minor from after) - coalesce(sum(moved) over (order by day desc rows between unbounded preceding and 1 preceding), 0) as outstanding
    from each order by day`);
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

/**
 * Makes the next part of a report, and the files when it was the last. A part that is too slow is tried again with fewer periods; when one period alone is,
 * the report has FAILED, and is not tried for ever.
 */
export const reportParts: TimerHandlers[string] = async (tx, timer) => {
  const [row] = await tx.orm.select(WITHOUT_PDF).from(reports).where(eq(reports.id, timer.key)).for('update');
  if (!row || row.status === 'DONE' || row.status === 'FAILED') return;
  const size = PARTS[timer.attempts];
  if (size === undefined) {
    const end = { status: 'FAILED', problem: 'The books of this range cannot be added up in time. Ask for a shorter one.', finishedAt: tx.now };
    await tx.orm.update(reports).set(end).where(eq(reports.id, row.id));
    return;
  }
  const periods = periodsOf(row.fromDay, row.toDay, row.period as ReportPeriod);
  const part = await reportLines(tx, periods.slice(row.lines.length, row.lines.length + size));
  const lines = [...row.lines, ...part.map((line) => toCells(line, DEFAULT_CURRENCY))];
  const done = lines.length >= periods.length;
  const end = done ? { status: 'DONE', content: toCsv(lines), pdf: await pdfOf(row, lines, tx.now), finishedAt: tx.now } : { status: 'RUNNING' };
  await tx.orm
    .update(reports)
    .set({ lines, ...end })
    .where(eq(reports.id, row.id));
  if (!done) await setTimer(tx, { kind: REPORT_TIMER, key: row.id, dueAt: tx.now });
};

function pdfOf({ fromDay, toDay, period }: ReportRow, lines: readonly Record<string, string>[], finishedAt: Date): Promise<Buffer> {
  return reportPdf({ fromDay, toDay, lines, period: period as ReportPeriod, finishedAt });
}

export async function findReport(tx: Tx, id: string): Promise<ReportRow | null> {
  const [row] = await tx.orm.select(WITHOUT_PDF).from(reports).where(eq(reports.id, id));
  return row ?? null;
}

/** A report as a PDF; null until it is DONE. */
export async function pdfOfReport(tx: Tx, id: string): Promise<Buffer | null> {
  const [row] = await tx.orm.select({ pdf: reports.pdf }).from(reports).where(eq(reports.id, id));
  return row?.pdf ?? null;
}
