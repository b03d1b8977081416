import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { publicId } from '../../platform/ids.js';
import { eventually, startTestSubgraph, type TestSubgraph, user } from '../../test/subgraphHarness.js';
import { startPaymentsLedger } from './main.js';
import { given, servedBy } from './payments.given.js';
import { periodsOf, toCsv } from './report.js';

let t: TestSubgraph;
let g: ReturnType<typeof given>;
const admin = user('ADMIN');
beforeAll(async () => {
  const served = servedBy(startPaymentsLedger);
  t = await startTestSubgraph('payments-ledger', served.start, { env: served.env });
  g = given(t);
});
afterAll(() => t[Symbol.asyncDispose]());

test('PL-22: periods: days, weeks from Monday, months; refused when inverted or too many', () => {
  expect(periodsOf('2027-02-27', '2027-03-01', 'DAY').map(({ from }) => from)).toEqual(['2027-02-27', '2027-02-28', '2027-03-01']);
  expect(periodsOf('2027-03-03', '2027-03-08', 'WEEK')).toEqual([
    { from: '2027-03-01', until: '2027-03-08' },
    { from: '2027-03-08', until: '2027-03-15' },
  ]);
  expect(periodsOf('2026-12-31', '2027-01-01', 'MONTH')).toEqual([
    { from: '2026-12-01', until: '2027-01-01' },
    { from: '2027-01-01', until: '2027-02-01' },
  ]);
  expect(() => periodsOf('2027-01-02', '2027-01-01', 'DAY')).toThrow('must not be before');
  expect(() => periodsOf('2020-01-01', '2027-01-01', 'DAY')).toThrow('at most 366');
  expect(toCsv([{ trips: '2', from: '2027-03-01' }]).split('\r\n')[1]).toBe('2027-03-01,2,,,,,,,,,');
});

const SERIES = `query($from: Date!, $to: Date!, $period: ReportPeriod) { financialReport(from: $from, to: $to, period: $period) {
  from trips bookings tripFares { amount } bookingPayments { amount } platformFees { amount } refunds { amount } deposits { amount } withdrawals { amount }
  outstanding { amount } } }`;
interface Line {
  from: string;
  outstanding: { amount: string };
}

test('PL-22: a series per day adds up what the ledger recorded; a report as CSV is made by a job with progress', async () => {
  const at = (day: number) => t.setClock(new Date(Date.UTC(2027, 2, day, 10)));
  at(1);
  const rider = await g.withMoney(user('CUSTOMER'), '200.00');
  const driver = await g.withMoney(user('DRIVER'), '50.00', 'driver');
  await g.completedTrip(rider, driver, 100_00);
  at(2);
  await g.completedTrip(rider, driver, 40_00, { paymentMethod: 'CASH' });
  const booking = await g.heldBooking(rider, 60_00);
  await g.booking('booking.confirmed', booking, { totalMinor: '6000' });
  at(3);
  await g.booking('booking.cancelled', booking, { feeMinor: '1000' });
  const ask = (period: string) => t.run<{ financialReport: Line[] }>(admin, SERIES, { from: '2027-03-01', to: '2027-03-03', period });
  const amounts = (values: Record<string, string>) => Object.fromEntries(Object.entries(values).map(([name, amount]) => [name, { amount }]));
  const days = (await ask('DAY')).data.financialReport;
  expect(days).toEqual([
    {
      from: '2027-03-01',
      trips: 1,
      bookings: 0,
      ...amounts({ tripFares: '100.00', bookingPayments: '0.00', platformFees: '15.00', refunds: '0.00', deposits: '250.00', withdrawals: '0.00' }),
      ...amounts({ outstanding: '235.00' }),
    },
    {
      from: '2027-03-02',
      trips: 1,
      bookings: 1,
      ...amounts({ tripFares: '40.00', bookingPayments: '60.00', platformFees: '66.00', refunds: '0.00', deposits: '0.00', withdrawals: '0.00' }),
      ...amounts({ outstanding: '169.00' }),
    },
    {
      from: '2027-03-03',
      trips: 0,
      bookings: 0,
      ...amounts({ tripFares: '0.00', bookingPayments: '0.00', platformFees: '-50.00', refunds: '50.00', deposits: '0.00', withdrawals: '0.00' }),
      ...amounts({ outstanding: '219.00' }),
    },
  ]);
  expect((await ask('MONTH')).data.financialReport).toMatchObject([
    { from: '2027-03-01', trips: 2, platformFees: { amount: '31.00' }, outstanding: { amount: '219.00' } },
  ]);
  // Refunds of trips, later charges, and deposits that were taken back, each where it was recorded.
  at(4);
  const card = { paymentMethod: 'CARD', paymentToken: 'tok_ok' };
  const trip = await g.completedTrip(rider, driver, 30_00, card);
  await eventually(async () => (await g.payment(rider, 'Trip', trip))?.status === 'CAPTURED', 'the capture');
  const second = await g.heldBooking(rider, 20_00);
  await g.booking('booking.confirmed', second, { totalMinor: '2000' });
  at(5);
  await g.booking('booking.changed', second, { deltaMinor: '500' });
  const give = 'mutation($i: RefundPaymentInput!) { refundPayment(input: $i) { id } }';
  const paymentId = (await g.payment(rider, 'Trip', trip))?.id;
  await t.run(admin, give, { i: { paymentId, amount: { amount: '12.00', currency: 'EGP' }, reason: 'x', idempotencyKey: randomUUID() } });
  await eventually(async () => (await g.payment(rider, 'Trip', trip))?.refunded.amount === '12.00', 'the refund');
  const late = await g.withMoney(user('CUSTOMER'), '70.00');
  const [deposited] = await t.owner`select t.id from transactions t join entries e on e.transaction_id = t.id join accounts a on a.id = e.account_id
    where t.kind = 'DEPOSIT' and a.owner_id = ${late.id}`;
  const take = 'mutation($i: RevertTransactionInput!) { revertTransaction(input: $i) { dryRun } }';
  expect((await t.run(admin, take, { i: { transactionId: publicId('txn', deposited?.id), reason: 'x', idempotencyKey: randomUUID() } })).codes).toEqual([]);
  const more = (await t.run<{ financialReport: Line[] }>(admin, SERIES, { from: '2027-03-03', to: '2027-03-05' })).data.financialReport;
  expect(more.slice(1)).toEqual([
    {
      from: '2027-03-04',
      trips: 1,
      bookings: 1,
      ...amounts({ tripFares: '30.00', bookingPayments: '20.00', platformFees: '24.50', refunds: '0.00', deposits: '0.00', withdrawals: '0.00' }),
      ...amounts({ outstanding: '224.50' }),
    },
    {
      from: '2027-03-05',
      trips: 0,
      bookings: 0,
      ...amounts({ tripFares: '0.00', bookingPayments: '5.00', platformFees: '-7.00', refunds: '12.00', deposits: '0.00', withdrawals: '0.00' }),
      ...amounts({ outstanding: '219.50' }),
    },
  ]);
  // What people had is the same whether it is read as one range or as part of a longer one.
  expect(more[0]?.outstanding.amount).toBe('219.00');
  const order = 'mutation($input: RequestReportInput!) { requestReport(input: $input) { id status progress content } }';
  const input = { from: '2027-01-01', to: '2027-03-03', period: 'DAY', idempotencyKey: randomUUID() };
  const { requestReport } = (await t.run<{ requestReport: { id: string } }>(admin, order, { input })).data;
  expect((await t.run<{ requestReport: { id: string } }>(admin, order, { input })).data.requestReport.id).toBe(requestReport.id);
  const look = (id: string, actor = admin) =>
    t.run<{ reportFile: { status: string; progress: number; content: string | null; csvUrl: string | null; pdfUrl: string | null } | null }>(
      actor,
      'query($id: ID!) { reportFile(id: $id) { status progress content csvUrl pdfUrl } }',
      { id },
    );
  const file = await eventually(async () => {
    const { reportFile } = (await look(requestReport.id)).data;
    return reportFile?.status === 'DONE' && reportFile;
  }, 'the report');
  expect(file.progress).toBe(100);
  const lines = (file.content ?? '').trimEnd().split('\r\n');
  expect(lines).toHaveLength(1 + 62);
  expect(lines[0]).toBe('from,trips,bookings,trip_fares,booking_payments,platform_fees,refunds,deposits,withdrawals,outstanding,currency');
  expect(lines.at(-3)).toBe('2027-03-01,1,0,100.00,0.00,15.00,0.00,250.00,0.00,235.00,EGP');

  // As files, by addresses that say who made them and until when.
  const csv = await fetch(file.csvUrl ?? '');
  expect([csv.status, csv.headers.get('content-type'), await csv.text()]).toEqual([200, 'text/csv; charset=utf-8', file.content]);
  const pdf = await fetch(file.pdfUrl ?? '');
  expect(pdf.headers.get('content-type')).toBe('application/pdf');
  expect(pdf.headers.get('content-disposition')).toBe('attachment; filename="waygraph-report-2027-01-01-2027-03-03.pdf"');
  expect(pdf.headers.get('cache-control')).toBe('private, no-store');
  expect(
    Buffer.from(await pdf.arrayBuffer())
      .subarray(0, 5)
      .toString(),
  ).toBe('%PDF-');
  const statusOf = async (address: string | null, change: (url: URL) => void = () => {}) => {
    const url = new URL(address ?? '');
    change(url);
    return (await fetch(url)).status;
  };
  expect(await statusOf(file.csvUrl, (url) => url.searchParams.delete('signature'))).toBe(403);
  expect(await statusOf(file.csvUrl, (url) => url.searchParams.set('signature', 'zz'))).toBe(403);
  expect(await statusOf(file.csvUrl, (url) => url.searchParams.set('expires', '9999999999'))).toBe(403);
  expect(await statusOf(file.csvUrl, (url) => void (url.pathname = url.pathname.replace('.csv', '.pdf')))).toBe(403);
  expect(await statusOf(file.csvUrl, (url) => void (url.pathname = url.pathname.replace(requestReport.id, publicId('rpt', randomUUID()))))).toBe(403);
  const before = t.environment.clock();
  t.setClock(new Date(before.getTime() + 16 * 60_000));
  expect(await statusOf(file.pdfUrl)).toBe(403);
  t.setClock(before);

  expect((await look(publicId('rpt', randomUUID()))).data).toEqual({ reportFile: null });
  expect((await look('nonsense')).data).toEqual({ reportFile: null });
  expect((await t.run(admin, SERIES, { from: '2027-03-02', to: '2027-03-01' })).codes).toEqual(['VALIDATION_ERROR']);
  expect((await t.run(admin, order, { input: { ...input, idempotencyKey: 'x', to: '2020-01-01' } })).codes).toEqual(['VALIDATION_ERROR']);
  for (const other of [user('CUSTOMER'), user('SUPPORT')]) {
    expect((await t.run(other, SERIES, { from: '2027-03-01', to: '2027-03-01' })).codes).toEqual(['FORBIDDEN']);
    expect((await t.run(other, order, { input })).codes).toEqual(['FORBIDDEN']);
    expect((await look(requestReport.id, other)).codes).toEqual(['FORBIDDEN']);
  }
});

test('PL-22: a report that cannot be made in time is tried with fewer periods, and then FAILED, not tried for ever', async () => {
  // The books cannot be read: to the job that is as a statement that takes too long.
  await t.owner.unsafe(`alter table entries rename to entries_away`);
  try {
    const order = 'mutation($input: RequestReportInput!) { requestReport(input: $input) { id } }';
    const input = { from: '2027-01-01', to: '2027-03-03', period: 'DAY', idempotencyKey: randomUUID() };
    const { id } = (await t.run<{ requestReport: { id: string } }>(admin, order, { input })).data.requestReport;
    const look = async () => {
      const query = 'query($id: ID!) { reportFile(id: $id) { status problem progress csvUrl pdfUrl } }';
      return (await t.run<{ reportFile: { status: string; problem: string | null } }>(admin, query, { id })).data.reportFile;
    };
    const failed = await eventually(async () => ((await look()).status === 'FAILED' ? look() : null), 'the failure');
    expect(failed).toEqual({ status: 'FAILED', problem: expect.stringContaining('shorter'), progress: 0, csvUrl: null, pdfUrl: null });
    expect(await t.owner`select 1 from timers where kind = 'report.part'`).toHaveLength(0);
  } finally {
    await t.owner.unsafe(`alter table entries_away rename to entries`);
  }
});
