import { Refusal } from '../../platform/errors.js';
import { formatAmount, money } from '../../platform/money.js';

export const REPORT_PERIODS = ['DAY', 'WEEK', 'MONTH'] as const;
export type ReportPeriod = (typeof REPORT_PERIODS)[number];
export const REPORT_STATUSES = ['QUEUED', 'RUNNING', 'DONE', 'FAILED'] as const;

/** Periods of one report: a year of days. */
export const MAX_PERIODS = 366;

/** What happened in one period, by the time of recording. Amounts in minor units of EGP. */
export interface ReportLine {
  /** Its first day, such as `2027-03-01`. */
  from: string;
  trips: number;
  bookings: number;
  tripFaresMinor: bigint;
  bookingPaymentsMinor: bigint;
  /** What the company keeps: commission, bookings and fees, less refunds. */
  platformFeesMinor: bigint;
  refundsMinor: bigint;
  depositsMinor: bigint;
  withdrawalsMinor: bigint;
  /** What people had with us at the end of the period, with what was held. */
  outstandingMinor: bigint;
}

const DAY_MS = 86_400_000;

/**
 * The first days of the periods that touch a range of calendar days: days, weeks from Monday, or months.
 * @throws Refusal VALIDATION_ERROR for a range that ends before it begins, or has more than 366 periods
 */
export function periodsOf(from: string, to: string, period: ReportPeriod): { from: string; until: string }[] {
  if (to < from) throw new Refusal('VALIDATION_ERROR', 'to: must not be before `from`.', { details: { field: 'to', rule: 'after_from' } });
  const found: { from: string; until: string }[] = [];
  for (let start = beginningOf(from, period); start <= to; ) {
    const until = next(start, period);
    found.push({ from: start, until });
    if (found.length > MAX_PERIODS) {
      throw new Refusal('VALIDATION_ERROR', `to: a report has at most ${MAX_PERIODS} periods. Choose longer ones.`, {
        details: { field: 'to', rule: 'too_long' },
      });
    }
    start = until;
  }
  return found;
}

const day = (date: Date) => date.toISOString().slice(0, 10);

function beginningOf(from: string, period: ReportPeriod): string {
  const date = new Date(`${from}T00:00:00Z`);
  if (period === 'MONTH') return `${from.slice(0, 7)}-01`;
  if (period === 'WEEK') return day(new Date(date.getTime() - ((date.getUTCDay() + 6) % 7) * DAY_MS));
  return from;
}

function next(from: string, period: ReportPeriod): string {
  const date = new Date(`${from}T00:00:00Z`);
  if (period === 'MONTH') return day(new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1)));
  return day(new Date(date.getTime() + (period === 'WEEK' ? 7 : 1) * DAY_MS));
}

/** A line as it stands in the file: amounts as decimals. */
export function toCells(line: ReportLine, currency: string): Record<string, string> {
  const decimal = (amountMinor: bigint) => formatAmount(money(amountMinor, currency));
  return {
    from: line.from,
    trips: String(line.trips),
    bookings: String(line.bookings),
    trip_fares: decimal(line.tripFaresMinor),
    booking_payments: decimal(line.bookingPaymentsMinor),
    platform_fees: decimal(line.platformFeesMinor),
    refunds: decimal(line.refundsMinor),
    deposits: decimal(line.depositsMinor),
    withdrawals: decimal(line.withdrawalsMinor),
    outstanding: decimal(line.outstandingMinor),
    currency,
  };
}

const COLUMNS = [
  'from',
  'trips',
  'bookings',
  'trip_fares',
  'booking_payments',
  'platform_fees',
  'refunds',
  'deposits',
  'withdrawals',
  'outstanding',
  'currency',
] as const;

/** RFC 4180. No cell here can hold a comma or a quote: days, whole numbers, decimals and currency codes. */
export function toCsv(lines: readonly Record<string, string>[]): string {
  return [COLUMNS, ...lines.map((line) => COLUMNS.map((name) => line[name] ?? ''))].map((cells) => `${cells.join(',')}\r\n`).join('');
}
