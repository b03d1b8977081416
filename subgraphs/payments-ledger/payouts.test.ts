import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { newUuid, publicId } from '../../platform/ids.js';
import { eventually, startTestSubgraph, type TestSubgraph, tally, user } from '../../test/subgraphHarness.js';
import { readPaymentsConfig } from './config.js';
import { startPaymentsLedger } from './main.js';
import { given, type Person, servedBy, TEST_CONFIG } from './payments.given.js';
import type { PaymentsConfig } from './config.js';

async function started(config: Partial<PaymentsConfig>) {
  const served = servedBy(startPaymentsLedger, { ...TEST_CONFIG, ...config });
  const t = await startTestSubgraph('payments-ledger', served.start, { env: served.env });
  return { t, g: given(t), [Symbol.asyncDispose]: () => t[Symbol.asyncDispose]() };
}

const admin = user('ADMIN');
interface Answer {
  id: string;
  status: string;
  reason: string | null;
  payoutReference: string | null;
}
const FIELDS = 'id status reason payoutReference';
const requested = async (t: TestSubgraph, driver: Person, amount: string, accountNumber = '12345678') => {
  const input = { amount: { amount, currency: 'EGP' }, method: 'BANK', accountNumber, idempotencyKey: randomUUID() };
  const query = `mutation($input: RequestWithdrawalInput!) { requestWithdrawal(input: $input) { ${FIELDS} } }`;
  return (await t.run<{ requestWithdrawal: Answer }>(driver, query, { input })).data.requestWithdrawal.id;
};
const approve = (t: TestSubgraph, id: string) => t.run(admin, `mutation($id: ID!) { approveWithdrawal(id: $id) { ${FIELDS} } }`, { id });
const confirm = (t: TestSubgraph, id: string, reference: string, by: Person = admin) =>
  t.run<{ confirmPayout: Answer }>(by, `mutation($input: ConfirmPayoutInput!) { confirmPayout(input: $input) { ${FIELDS} } }`, { input: { id, reference } });
const fail = (t: TestSubgraph, id: string, reason: string, by: Person = admin) =>
  t.run<{ failPayout: Answer }>(by, `mutation($input: FailPayoutInput!) { failPayout(input: $input) { ${FIELDS} } }`, { input: { id, reason } });
const statusOf = async (t: TestSubgraph, id: string) =>
  (await t.run<{ withdrawal: Answer | null }>(admin, `query($id: ID!) { withdrawal(id: $id) { ${FIELDS} } }`, { id })).data.withdrawal?.status;

test('PL-13: without a bank that we call nothing is PAID before an admin says so; the two ends exclude each other', async () => {
  await using desk = await started({ payouts: 'manual' });
  const { t, g } = desk;
  const driver = await g.withMoney(user('DRIVER'), '100.00', 'driver');
  const [one, two, three] = [await requested(t, driver, '30.00'), await requested(t, driver, '20.00'), await requested(t, driver, '10.00')];
  expect((await confirm(t, one, 'T-1')).codes).toEqual(['CONFLICT']);
  for (const id of [one, two, three]) await approve(t, id);
  // Nothing is on its way by itself, and no timer waits to send it.
  expect(await t.owner`select 1 from timers where kind = 'payout'`).toHaveLength(0);
  expect(await statusOf(t, one)).toBe('APPROVED');
  expect((await confirm(t, one, ' ')).codes).toEqual(['VALIDATION_ERROR']);
  expect((await confirm(t, one, 'T-1', driver)).codes).toEqual(['FORBIDDEN']);
  expect((await confirm(t, 'wdr_nonsense', 'T-1')).codes).toEqual(['NOT_FOUND']);
  expect((await confirm(t, one, 'T-1')).data.confirmPayout).toMatchObject({ status: 'PAID', payoutReference: 'T-1' });
  expect((await confirm(t, one, 'T-1')).data.confirmPayout).toMatchObject({ status: 'PAID', payoutReference: 'T-1' });
  expect((await confirm(t, one, 'T-2')).codes).toEqual(['CONFLICT']);
  expect((await fail(t, one, 'no')).codes).toEqual(['CONFLICT']);
  expect((await fail(t, two, 'unknown account')).data.failPayout).toMatchObject({ status: 'FAILED', reason: 'unknown account' });
  const ends = await Promise.all([...Array.from({ length: 4 }, (_, n) => confirm(t, three, `R-${n}`)), fail(t, three, 'x')]);
  expect(tally(ends.map(({ codes }) => codes[0] ?? 'OK'))).toEqual({ OK: 1, CONFLICT: 4 });
  const last = (await statusOf(t, three)) === 'PAID' ? '60.00' : '70.00';
  expect(await g.wallet(driver, driver.id)).toMatchObject({ balance: { amount: last }, available: { amount: last } });
  expect(await t.owner`select 1 from sandbox_payouts`).toHaveLength(0);
});

test('PL-13: the bank tells the end by a signed webhook; doubled, overtaken by a stale word, or lost, it is paid once', async () => {
  await using bank = await started({ sandboxFaults: { delayMs: 0, copies: 3, drop: 0, reorder: true, amountOffMinor: 0n, decline: false } });
  const { t, g } = bank;
  const driver = await g.withMoney(user('DRIVER'), '100.00', 'driver');
  const ids = await Promise.all(['10.00', '11.00', '12.00'].map((amount) => requested(t, driver, amount)));
  const refused = await requested(t, driver, '13.00', '11110000');
  for (const id of [...ids, refused]) await approve(t, id);
  for (const id of ids) await eventually(async () => (await statusOf(t, id)) === 'PAID', 'the payout');
  await eventually(async () => (await statusOf(t, refused)) === 'FAILED', 'the refusal');
  await eventually(async () => (await t.owner`select 1 from sandbox_payouts where delivered_at is null`).length === 0, 'the last webhooks');
  expect(await g.wallet(driver, driver.id)).toMatchObject({ balance: { amount: '67.00' }, available: { amount: '67.00' } });
  expect(await t.owner`select order_id from sandbox_payouts group by order_id having count(*) > 1`).toHaveLength(0);
  expect((await t.owner`select count(*)::int as n from transactions where kind = 'WITHDRAWAL_PAYOUT'`)[0]?.n).toBe(3);
  // Where a bank answers, nobody answers for it.
  expect((await confirm(t, await requested(t, driver, '1.00'), 'x')).codes).toEqual(['CONFLICT']);
});

test('PL-13: a webhook that never comes is made up for by asking; one that contradicts, or is forged, changes nothing', async () => {
  await using bank = await started({ sandboxFaults: { delayMs: 0, copies: 1, drop: 99, reorder: false, amountOffMinor: 0n, decline: false } });
  const { t, g } = bank;
  const driver = await g.withMoney(user('DRIVER'), null, 'driver');
  const deposit = await g.initiate(driver, '100.00');
  expect((await g.webhook(g.paid(deposit))).status).toBe(200);
  const id = await requested(t, driver, '40.00');
  const told = (more: Record<string, unknown>) => ({ id: randomUUID(), type: 'payout.paid', orderId: id, amount: '40.00', currency: 'EGP', ...more });
  const outcome = async (more: Record<string, unknown>) => ((await (await g.webhook(told(more))).json()) as { outcome: string }).outcome;
  // Before anybody approved it, it is no order of ours.
  expect(await outcome({})).toBe('UNKNOWN_ORDER');
  expect((await g.webhook(told({}), { secret: 'f'.repeat(40) })).status).toBe(401);
  await approve(t, id);
  expect(await outcome({ amount: '4.00' })).toBe('FLAGGED');
  await eventually(async () => (await statusOf(t, id)) === 'PAID', 'the bank to be asked again');
  expect(await outcome({ type: 'payout.failed' })).toBe('NOTHING_TO_DO');
  expect(await statusOf(t, id)).toBe('PAID');
  const failed = await requested(t, driver, '5.00', '11110000');
  await approve(t, failed);
  await eventually(async () => (await statusOf(t, failed)) === 'FAILED', 'the refusal');
  expect(await outcome({ orderId: failed, amount: '5.00' })).toBe('FLAGGED');
  expect(await outcome({ orderId: publicId('wdr', newUuid(new Date(Date.now() - 3_600_000))) })).toBe('UNKNOWN_ORDER');
  expect(await g.wallet(driver, driver.id)).toMatchObject({ balance: { amount: '60.00' } });
});

test('PL-13: production pays out by hand unless the sandbox is named, and never by a sandbox that is off', () => {
  const keys = { PAYMENT_GATEWAY: 'kashier', KASHIER_MERCHANT_ID: 'MID-1-1', KASHIER_API_KEY: 'a', KASHIER_SECRET_KEY: 's' };
  const production = { NODE_ENV: 'production', ...keys };
  expect(readPaymentsConfig({}).payouts).toBe('sandbox');
  expect(readPaymentsConfig(production).payouts).toBe('manual');
  expect(() => readPaymentsConfig({ ...production, PAYOUTS: 'sandbox' })).toThrow('PAYOUTS');
  const trial = { ...production, PAYMENT_SANDBOX: 'on', PAYMENT_SANDBOX_SECRET: 'x'.repeat(40) };
  expect(readPaymentsConfig(trial).payouts).toBe('manual');
  expect(readPaymentsConfig({ ...trial, PAYOUTS: 'sandbox' }).payouts).toBe('sandbox');
  expect(() => readPaymentsConfig({ PAYMENT_SANDBOX: 'off', PAYOUTS: 'sandbox' })).toThrow('PAYOUTS');
  expect(readPaymentsConfig({ PAYOUTS: 'manual' }).payouts).toBe('manual');
});
