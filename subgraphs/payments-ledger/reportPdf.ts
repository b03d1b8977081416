import { formatAmount, money } from '../../platform/money.js';
import { type PdfColumn, pdfDocument } from '../../platform/pdfDocument.js';
import type { ReportPeriod } from './report.js';

/** A report that is done, as it is kept: cells of `toCells`. */
export interface FinishedReport {
  fromDay: string;
  toDay: string;
  period: ReportPeriod;
  lines: readonly Record<string, string>[];
  finishedAt: Date;
}

const PERIOD_NAMES: Readonly<Record<ReportPeriod, string>> = { DAY: 'by day', WEEK: 'by week, from Monday', MONTH: 'by month' };

/** Columns in the order of the page; `sum` says whether the periods add up to something. */
const COLUMNS: readonly (PdfColumn & { cell: string; sum: 'amount' | 'count' | null })[] = [
  { cell: 'from', name: 'From', width: 9, sum: null },
  { cell: 'trips', name: 'Trips', width: 6, align: 'right', sum: 'count' },
  { cell: 'bookings', name: 'Bookings', width: 8, align: 'right', sum: 'count' },
  { cell: 'trip_fares', name: 'Trip fares', width: 11, align: 'right', sum: 'amount' },
  { cell: 'booking_payments', name: 'Rentals', width: 11, align: 'right', sum: 'amount' },
  { cell: 'platform_fees', name: 'Kept by us', width: 11, align: 'right', sum: 'amount' },
  { cell: 'refunds', name: 'Refunds', width: 11, align: 'right', sum: 'amount' },
  { cell: 'deposits', name: 'Deposits', width: 11, align: 'right', sum: 'amount' },
  { cell: 'withdrawals', name: 'Withdrawals', width: 11, align: 'right', sum: 'amount' },
  { cell: 'outstanding', name: 'Outstanding', width: 11, align: 'right', sum: null },
];

/** Cells are decimals with all the digits of their currency. */
const minorOf = (decimal: string) => BigInt(decimal.replace('.', ''));
const grouped = (decimal: string) => decimal.replace(/\B(?=(\d{3})+(?!\d)(?=\.|$))/g, ',');

/** A financial report as a PDF for people (PL-22): landscape A4, one line per period, totals where they mean something. */
export async function reportPdf(report: FinishedReport): Promise<Buffer> {
  const currency = report.lines[0]?.currency ?? 'EGP';
  const title = `Waygraph financial report ${report.fromDay} to ${report.toDay}`;
  const pdf = pdfDocument({ title, landscape: true, createdAt: report.finishedAt });
  pdf.heading('Financial report');
  pdf.line('التقرير المالي (Waygraph)', { bold: true, direction: 'rtl', gapAfter: 0 });
  pdf.line(`${report.fromDay} to ${report.toDay}, ${PERIOD_NAMES[report.period]}. Amounts in ${currency}. Days by the clock of Cairo.`);
  pdf.line(`Made ${report.finishedAt.toISOString()}. Outstanding is what people had with us at the end of the period, with what was held.`, { gapAfter: 8 });
  pdf.table({
    columns: COLUMNS,
    rows: report.lines.map((line) => COLUMNS.map(({ cell, sum }) => shown(line[cell] ?? '', sum === null && cell === 'from'))),
    total: COLUMNS.map(({ cell, sum }) => (cell === 'from' ? 'All' : total(report.lines, cell, sum, currency))),
  });
  return pdf.finish();
}

const shown = (text: string, plain: boolean) => (plain ? text : grouped(text));

function total(lines: readonly Record<string, string>[], cell: string, sum: 'amount' | 'count' | null, currency: string): string {
  if (sum === null) return '';
  if (sum === 'count') return grouped(String(lines.reduce((all, line) => all + Number(line[cell] ?? 0), 0)));
  const all = lines.reduce((minor, line) => minor + minorOf(line[cell] ?? '0'), 0n);
  return grouped(formatAmount(money(all, currency)));
}
