import { Field, ID, InputType, Int, ObjectType, registerEnumType } from 'type-graphql';
import { CalendarDate, DateTime, Money } from '../../platform/graphqlTypes.js';
import { REPORT_PERIODS, REPORT_STATUSES } from './report.js';
import { enumOf } from './types.js';

export const ReportPeriodEnum = enumOf(REPORT_PERIODS);
export const ReportStatusEnum = enumOf(REPORT_STATUSES);
registerEnumType(ReportPeriodEnum, { name: 'ReportPeriod', description: 'How finely a report is divided: days, weeks from Monday, or months.' });
registerEnumType(ReportStatusEnum, {
  name: 'ReportStatus',
  description: 'QUEUED: not begun. RUNNING: some of it is there. DONE: `content` is the whole of it. FAILED: it will not be made; `problem` says why.',
});

@ObjectType({ description: 'What happened in one period, by the clock of Cairo and the time of recording.' })
export class FinancialPeriod {
  @Field(() => CalendarDate, { description: 'Its first day.' })
  from!: string;

  @Field(() => Int, { description: 'Trips that were settled.' })
  trips!: number;

  @Field(() => Int, { description: 'Bookings that were first paid; what they came to cost later counts where it was paid, and not as another booking.' })
  bookings!: number;

  @Field(() => Money, { description: 'Fares of the trips, with those paid in cash.' })
  tripFares!: Money;

  @Field(() => Money, { description: 'What the bookings cost.' })
  bookingPayments!: Money;

  @Field(() => Money, { description: 'What the company keeps: commission, bookings and fees, less refunds.' })
  platformFees!: Money;

  @Field(() => Money, { description: 'What was given back after it was taken, or let off that was owed, of bookings and trips.' })
  refunds!: Money;

  @Field(() => Money, { description: 'What people put into their wallets, less what was taken back of it.' })
  deposits!: Money;

  @Field(() => Money, { description: 'What was paid out to people.' })
  withdrawals!: Money;

  @Field(() => Money, { description: 'What people had with us at its end, with what was held.' })
  outstanding!: Money;
}

@ObjectType({ description: 'A financial report as a file, made by a job. Ask again until it is DONE. For admins.' })
export class ReportFile {
  @Field(() => ID, { description: 'Id of the report: `rpt_…`.' })
  id!: string;

  @Field(() => ReportStatusEnum, { description: 'How far it is.' })
  status!: keyof typeof ReportStatusEnum;

  @Field(() => Int, { description: 'How much of it is done, in percent.' })
  progress!: number;

  @Field(() => String, { nullable: true, description: 'Why it FAILED; null when it did not.' })
  problem!: string | null;

  @Field(() => String, { nullable: true, description: 'The file: CSV (RFC 4180) with a line of names. Null until it is DONE.' })
  content!: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'Where the same file can be downloaded for the next 15 minutes, by whoever has the address. Null until it is DONE.',
  })
  csvUrl!: string | null;

  @Field(() => String, { nullable: true, description: 'Where it can be downloaded as a PDF for printing, as `csvUrl`. Null until it is DONE.' })
  pdfUrl!: string | null;

  @Field(() => DateTime, { description: 'When it was asked for.' })
  requestedAt!: Date;
}

@InputType({ description: 'A report as a file.' })
export class RequestReportInput {
  @Field(() => CalendarDate, { description: 'First day.' })
  from!: string;

  @Field(() => CalendarDate, { description: 'Last day; the whole period that it lies in is in the report.' })
  to!: string;

  @Field(() => ReportPeriodEnum, { description: 'How finely it is divided; at most 366 periods.' })
  period!: keyof typeof ReportPeriodEnum;

  @Field(() => ID, {
    nullable: true,
    description: 'Any text that is new for each intent; sent again, it gets the same report. The `Idempotency-Key` header does as well.',
  })
  idempotencyKey?: string;
}
