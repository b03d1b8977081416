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
  const order = 'mutation($input: RequestReportInput!) { requestReport(input: $input) { id status progress content } }';
  const input = { from: '2027-01-01', to: '2027-03-03', period: 'DAY', idempotencyKey: randomUUID() };
  const { requestReport } = (await t.run<{ requestReport: { id: string } }>(admin, order, { input })).data;
  expect((await t.run<{ requestReport: { id: string } }>(admin, order, { input })).data.requestReport.id).toBe(requestReport.id);
  const look = (id: string, actor = admin) =>
    t.run<{ reportFile: { status: string; progress: number; content: string | null } | null }>(
      actor,
      'query($id: ID!) { reportFile(id: $id) { status progress content } }',
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
