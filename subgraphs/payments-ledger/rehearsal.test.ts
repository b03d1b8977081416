import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { publicId } from '../../platform/ids.js';
import { startTestSubgraph, type TestSubgraph, user } from '../../test/subgraphHarness.js';
import { startPaymentsLedger } from './main.js';
import { given, type Person, servedBy, TEST_CONFIG } from './payments.given.js';

let t: TestSubgraph;
let g: ReturnType<typeof given>;
const admin = user('ADMIN');
beforeAll(async () => {
  // By hand, so that whether a payout has arrived is a word of an admin, and can be rehearsed.
  const served = servedBy(startPaymentsLedger, { ...TEST_CONFIG, payouts: 'manual' });
  t = await startTestSubgraph('payments-ledger', served.start, { env: served.env });
  g = given(t);
});
afterAll(() => t[Symbol.asyncDispose]());

/** What a command could leave behind: whole rows, or of what our own jobs mark meanwhile (sent, looked at) which rows there are. */
const TRACES: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    ['accounts', 'transactions', 'entries', 'holds', 'withdrawals', 'payments', 'idempotency_keys', 'gateway_calls'].map((table) => [table, 'x::text']),
  ),
  events: 'id::text',
  deliveries: 'event_id || consumer',
  timers: `case when kind <> 'fraud.look' then kind || key end`,
};
const traces = async () =>
  Object.fromEntries(
    await Promise.all(
      Object.entries(TRACES).map(async ([table, row]) => [
        table,
        (await t.owner.unsafe(`select coalesce(md5(string_agg(${row}, ',' order by ${row})), '') as all from ${table} x`))[0]?.all,
      ]),
    ),
  );

/** Asks twice without effect, then for real: the same answer or refusal each time, and no trace of the first two. */
async function parity(by: Person, query: string, input: Record<string, unknown>, shown: (data: Record<string, Record<string, unknown>>) => unknown) {
  return sameAsReal(by, shown, query, (more) => ({ i: { ...input, ...more } }));
}

async function sameAsReal(
  by: Person,
  shown: (data: Record<string, Record<string, unknown>>) => unknown,
  query: string,
  variables: (more: { dryRun?: true; idempotencyKey?: string }) => Record<string, unknown>,
) {
  const before = await traces();
  const ask = async (more: { dryRun?: true; idempotencyKey?: string }) => {
    const { data, codes } = await t.run<Record<string, Record<string, unknown>>>(by, query, variables(more));
    return codes.length > 0 ? codes : shown(data);
  };
  const [first, second] = [await ask({ dryRun: true }), await ask({ dryRun: true })];
  expect(await traces()).toEqual(before);
  const real = await ask({ idempotencyKey: randomUUID() });
  expect([first, second]).toEqual([real, real]);
  return real;
}

test('PL-08c: a withdrawal, a refund and a funding asked for without effect answer and refuse as the real ones, and leave nothing', async () => {
  const driver = await g.withMoney(user('DRIVER'), '50.00', 'driver');
  const withdraw = 'mutation($i: RequestWithdrawalInput!) { requestWithdrawal(input: $i) { status amount { amount } accountEnding } }';
  const to = { method: 'BANK', accountNumber: '12345678' };
  const egp = (amount: string) => ({ amount: { amount, currency: 'EGP' } });
  const withdrawal = ({ requestWithdrawal }: Record<string, Record<string, unknown>>) => requestWithdrawal;
  expect(await parity(driver, withdraw, { ...to, ...egp('20.00') }, withdrawal)).toMatchObject({ status: 'REQUESTED', accountEnding: '5678' });
  expect(await parity(driver, withdraw, { ...to, ...egp('30.01') }, withdrawal)).toEqual(['INSUFFICIENT_FUNDS']);

  const rider = await g.withMoney(user('CUSTOMER'), '40.00');
  const tripId = await g.completedTrip(rider, driver, 40_00);
  const paymentId = (await g.payment(rider, 'Trip', tripId))?.id;
  const refund = 'mutation($i: RefundPaymentInput!) { refundPayment(input: $i) { id status refunded { amount } } }';
  const payment = ({ refundPayment }: Record<string, Record<string, unknown>>) => refundPayment;
  expect(await parity(admin, refund, { paymentId, reason: 'x', ...egp('15.00') }, payment)).toMatchObject({ refunded: { amount: '15.00' } });
  expect(await parity(admin, refund, { paymentId, reason: 'x', ...egp('25.01') }, payment)).toEqual(['ABOVE_CAPTURED']);

  const fund = 'mutation($i: FundPartnerWalletInput!) { fundPartnerWallet(input: $i) { balance { amount } } }';
  const partner = user('PARTNER');
  const partnerId = publicId('usr', partner.id);
  const wallet = ({ fundPartnerWallet }: Record<string, Record<string, unknown>>) => fundPartnerWallet;
  expect(await parity(admin, fund, { partnerId, reason: 'x', ...egp('5.00') }, wallet)).toEqual(['NO_PARTNER_WALLET']);
  await t.run(admin, 'mutation($i: OpenPartnerWalletInput!) { openPartnerWallet(input: $i) { id } }', { i: { partnerId } });
  expect(await parity(admin, fund, { partnerId, reason: 'x', ...egp('5.00') }, wallet)).toEqual({ balance: { amount: '5.00' } });
  for (const by of [driver, user('SUPPORT')])
    expect((await t.run(by, fund, { i: { partnerId, reason: 'x', dryRun: true, ...egp('5.00') } })).codes).toEqual(['FORBIDDEN']);
});

test('PL-08c: every other word that posts can be rehearsed: debts, rejections, payouts by hand, money in review, partners', async () => {
  const egp = (amount: string) => ({ amount: { amount, currency: 'EGP' } });
  const only = (data: Record<string, Record<string, unknown>>) => Object.values(data)[0];
  /** A mutation that takes one input, without a key. */
  const word = (by: Person, field: string, type: string, input: Record<string, unknown>, selection: string) =>
    sameAsReal(by, only, `mutation($i: ${type}!) { ${field}(input: $i) { ${selection} } }`, ({ dryRun }) => ({ i: { ...input, ...(dryRun && { dryRun }) } }));
  const rider = await g.withMoney(user('CUSTOMER'), '10.00');
  const driver = await g.withMoney(user('DRIVER'), '100.00', 'driver');

  const owing = async () => (await g.payment(rider, 'Trip', await g.completedTrip(rider, driver, 40_00)))?.id ?? '';
  const [paid, waived] = [await owing(), await owing()];
  const settle = (paymentId: string) =>
    sameAsReal(
      rider,
      only,
      'mutation($id: ID!, $dryRun: Boolean) { settleDebt(paymentId: $id, dryRun: $dryRun) { status owed { amount } } }',
      ({ dryRun }) => ({
        id: paymentId,
        dryRun,
      }),
    );
  expect(await settle(paid)).toEqual(['INSUFFICIENT_FUNDS']);
  await g.withMoney(rider, '50.00');
  expect(await settle(paid)).toEqual({ status: 'CAPTURED', owed: { amount: '0.00' } });
  const waive = (paymentId: string) => word(admin, 'waiveDebt', 'WaiveDebtInput', { paymentId, reason: 'x' }, 'status owed { amount }');
  expect(await waive(waived)).toEqual({ status: 'REFUNDED', owed: { amount: '0.00' } });
  expect(await waive(waived)).toEqual(['NOTHING_OWED']);

  const asked = async () => {
    const query = 'mutation($i: RequestWithdrawalInput!) { requestWithdrawal(input: $i) { id } }';
    const i = { ...egp('5.00'), method: 'BANK', accountNumber: '12345678', idempotencyKey: randomUUID() };
    return (await t.run<{ requestWithdrawal: { id: string } }>(driver, query, { i })).data.requestWithdrawal.id;
  };
  const reject = (id: string) =>
    sameAsReal(admin, only, 'mutation($id: ID!, $dryRun: Boolean) { rejectWithdrawal(id: $id, reason: "x", dryRun: $dryRun) { status } }', ({ dryRun }) => ({
      id,
      dryRun,
    }));
  expect(await reject(await asked())).toEqual({ status: 'REJECTED' });
  const [sent, lost] = [await asked(), await asked()];
  const confirm = (id: string) => word(admin, 'confirmPayout', 'ConfirmPayoutInput', { id, reference: 'r-1' }, 'status payoutReference');
  expect(await confirm(sent)).toEqual(['CONFLICT']);
  for (const id of [sent, lost]) await t.run(admin, 'mutation($id: ID!) { approveWithdrawal(id: $id) { id } }', { id });
  expect(await confirm(sent)).toEqual({ status: 'PAID', payoutReference: 'r-1' });
  expect(await word(admin, 'failPayout', 'FailPayoutInput', { id: lost, reason: 'x' }, 'status')).toEqual({ status: 'FAILED' });

  await g.webhook({ id: randomUUID(), type: 'payment.paid', orderId: publicId('dep', randomUUID()), amount: '7.00', currency: 'EGP' });
  const [unknown] = await t.owner`select id from webhook_events where outcome = 'UNKNOWN_ORDER'`;
  const review = { id: publicId('whk', unknown?.id), note: 'x', userId: publicId('usr', rider.id) };
  const credit = (more: object) => word(admin, 'resolvePaymentInReview', 'ResolvePaymentInReviewInput', { ...review, ...more }, 'resolution');
  expect(await credit({ decision: 'CREDIT', userId: publicId('usr', randomUUID()) })).toEqual(['NOT_FOUND']);
  expect(await credit({ decision: 'CREDIT' })).toEqual({ resolution: 'CREDITED' });
  expect(await credit({ decision: 'DISMISS' })).toEqual(['CONFLICT']);

  const partner = await g.withMoney(user('PARTNER'), '3.00');
  const open = { partnerId: publicId('usr', partner.id), creditLimit: { amount: '20.00', currency: 'EGP' } };
  const opened = await word(admin, 'openPartnerWallet', 'OpenPartnerWalletInput', open, 'balance { amount } creditLimit { amount }');
  expect(opened).toEqual({ balance: { amount: '3.00' }, creditLimit: { amount: '20.00' } });
  const drives = { partnerId: publicId('usr', driver.id) };
  expect(await word(admin, 'openPartnerWallet', 'OpenPartnerWalletInput', drives, 'balance { amount }')).toEqual(['CONFLICT']);
});
