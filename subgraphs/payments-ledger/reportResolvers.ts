import { Arg, Ctx, ID, Mutation, Query, Resolver } from 'type-graphql';
import { CalendarDate, moneyType } from '../../platform/graphqlTypes.js';
import { once, requireIdempotencyKey } from '../../platform/idempotency.js';
import { publicId, uuidOf } from '../../platform/ids.js';
import { DEFAULT_CURRENCY } from '../../platform/money.js';
import type { PaymentsContext, PaymentsLoaders } from './context.js';
import { periodsOf, type ReportLine, type ReportPeriod } from './report.js';
import { findReport, reportLines, type ReportRow, requestReport } from './reportCommands.js';
import type { ReportFormat } from './reportLinks.js';
import { FinancialPeriod, ReportFile, ReportPeriodEnum, RequestReportInput } from './reportTypes.js';

@Resolver(() => ReportFile)
export class ReportResolver {
  @Query(() => [FinancialPeriod], { description: 'Trips, revenue, deposits, withdrawals and balances per period, as a series for charts. For admins.' })
  async financialReport(
    @Ctx() ctx: PaymentsContext,
    @Arg('from', () => CalendarDate, { description: 'First day, by the clock of Cairo.' }) from: string,
    @Arg('to', () => CalendarDate, { description: 'Last day; the whole period that it lies in is in the series.' }) to: string,
    @Arg('period', () => ReportPeriodEnum, { nullable: true, description: 'How finely it is divided: DAY when not given; at most 366 periods.' })
    period?: ReportPeriod,
  ): Promise<FinancialPeriod[]> {
    const periods = periodsOf(from, to, period ?? 'DAY');
    return (await ctx.run((tx) => reportLines(tx, periods))).map(toPeriod);
  }

  @Mutation(() => ReportFile, { description: 'Orders a financial report as CSV and PDF; `reportFile` tells how far it is. For admins.' })
  async requestReport(
    @Arg('input', () => RequestReportInput, { description: 'Which days, and how finely divided.' }) input: RequestReportInput,
    @Ctx() ctx: PaymentsContext,
  ): Promise<ReportFile> {
    const key = requireIdempotencyKey(input.idempotencyKey, ctx.caller.idempotencyKey);
    const { from, to, period } = input;
    return ctx.run(async (tx) => {
      const { entityId } = await once(tx, { mutation: 'requestReport', key, input: { from, to, period } }, () => requestReport(tx, { from, to, period }));
      const row = await findReport(tx, entityId);
      if (!row) throw new Error('the report was not found');
      return toReportFile(row, ctx.loaders.reportUrl);
    });
  }

  @Query(() => ReportFile, { nullable: true, description: 'A report that was ordered; null when there is none. For admins.' })
  async reportFile(@Arg('id', () => ID, { description: 'Which one.' }) id: string, @Ctx() ctx: PaymentsContext): Promise<ReportFile | null> {
    const uuid = uuidOf('rpt', id);
    const row = uuid && (await ctx.run((tx) => findReport(tx, uuid)));
    return row ? toReportFile(row, ctx.loaders.reportUrl) : null;
  }
}

function toReportFile(row: ReportRow, reportUrl: PaymentsLoaders['reportUrl']): ReportFile {
  const progress = Math.floor((row.lines.length * 100) / row.periods);
  const url = (format: ReportFormat) => (row.content === null ? null : reportUrl(row.id, format));
  return Object.assign(new ReportFile(), {
    id: publicId('rpt', row.id),
    status: row.status,
    progress,
    problem: row.problem,
    content: row.content,
    csvUrl: url('csv'),
    pdfUrl: url('pdf'),
    requestedAt: row.requestedAt,
  });
}

function toPeriod(line: ReportLine): FinancialPeriod {
  const amount = (amountMinor: bigint) => moneyType({ amountMinor, currency: DEFAULT_CURRENCY });
  return Object.assign(new FinancialPeriod(), {
    from: line.from,
    trips: line.trips,
    bookings: line.bookings,
    tripFares: amount(line.tripFaresMinor),
    bookingPayments: amount(line.bookingPaymentsMinor),
    platformFees: amount(line.platformFeesMinor),
    refunds: amount(line.refundsMinor),
    deposits: amount(line.depositsMinor),
    withdrawals: amount(line.withdrawalsMinor),
    outstanding: amount(line.outstandingMinor),
  });
}
