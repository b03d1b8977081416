import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { newUuid, publicId } from '../../platform/ids.js';
import { startTestSubgraph, type TestSubgraph, user } from '../../test/subgraphHarness.js';
import { startPaymentsLedger } from './main.js';
import { given, type Person, servedBy } from './payments.given.js';

let t: TestSubgraph;
let g: ReturnType<typeof given>;
beforeAll(async () => {
  const served = servedBy(startPaymentsLedger);
  t = await startTestSubgraph('payments-ledger', served.start, { env: served.env });
  g = given(t);
});
afterAll(() => t[Symbol.asyncDispose]());

const admin = user('ADMIN');
interface Amount {
  amount: string;
  currency: string;
}

/** What is no amount of a wallet. What is no plain decimal is refused by the scalar, which the gateway calls VALIDATION_ERROR as well. */
const BAD_AMOUNTS: readonly [name: string, amount: Amount][] = [
  ['zero', { amount: '0', currency: 'EGP' }],
  ['zero with digits', { amount: '0.00', currency: 'EGP' }],
  ['negative', { amount: '-5.00', currency: 'EGP' }],
  ['over-precise', { amount: '1.005', currency: 'EGP' }],
  ['too large', { amount: '99999999999999', currency: 'EGP' }],
  ['beyond any number', { amount: '9'.repeat(40), currency: 'EGP' }],
  ['an exponent', { amount: '1e3', currency: 'EGP' }],
  ['hexadecimal', { amount: '0x10', currency: 'EGP' }],
  ['not a number', { amount: 'NaN', currency: 'EGP' }],
  ['infinite', { amount: 'Infinity', currency: 'EGP' }],
  ['with a plus', { amount: '+5.00', currency: 'EGP' }],
  ['with a comma', { amount: '1,000.00', currency: 'EGP' }],
  ['with spaces', { amount: ' 5.00 ', currency: 'EGP' }],
  ['in other digits', { amount: '٥', currency: 'EGP' }],
  ['empty', { amount: '', currency: 'EGP' }],
  ['foreign', { amount: '5.00', currency: 'USD' }],
  ['of no currency', { amount: '5.00', currency: 'XXX' }],
  ['of a currency in small letters', { amount: '5.00', currency: 'egp' }],
];
const OPEN = 'mutation($i: OpenPartnerWalletInput!) { openPartnerWallet(input: $i) { id } }';
const REFUSED = ['VALIDATION_ERROR', 'BAD_USER_INPUT'];

test('PL-03: no mutation that moves money takes an amount that is none, and nothing changes', async () => {
  const driver = await g.withMoney(user('DRIVER'), '100.00', 'driver');
  const partner = user('PARTNER');
  const trip = await g.completedTrip(await g.withMoney(user('CUSTOMER'), '50.00'), driver, 50_00);
  const paymentId = (await g.payment(admin, 'Trip', trip))?.id ?? '';
  const partnerId = publicId('usr', partner.id);
  const call = (by: Person, field: string, type: string, input: object) =>
    t.run(by, `mutation($i: ${type}!) { ${field}(input: $i) { id } }`, { i: { idempotencyKey: randomUUID(), ...input } });
  await t.run(admin, OPEN, { i: { partnerId } });
  const mutations: Readonly<Record<string, (amount: Amount) => ReturnType<typeof call>>> = {
    initiateDeposit: (amount) => call(driver, 'initiateDeposit', 'InitiateDepositInput', { amount }),
    requestWithdrawal: (amount) => call(driver, 'requestWithdrawal', 'RequestWithdrawalInput', { amount, method: 'BANK', accountNumber: '12345678' }),
    refundPayment: (amount) => call(admin, 'refundPayment', 'RefundPaymentInput', { amount, paymentId, reason: 'why' }),
    fundPartnerWallet: (amount) => call(admin, 'fundPartnerWallet', 'FundPartnerWalletInput', { amount, partnerId, reason: 'why' }),
  };
  const rows = async () =>
    (
      await t.owner`select (select count(*) from entries) as entries, (select count(*) from deposits) as deposits,
    (select count(*) from withdrawals) as withdrawals, (select count(*) from idempotency_keys) as keys`
    )[0];
  const before = await rows();
  for (const [mutation, send] of Object.entries(mutations)) {
    for (const [name, amount] of BAD_AMOUNTS) {
      const { codes } = await send(amount);
      expect({ mutation, name, refused: codes.length === 1 && REFUSED.includes(codes[0] ?? '') }).toEqual({ mutation, name, refused: true });
    }
    expect({ mutation, rows: await rows() }).toEqual({ mutation, rows: before });
    expect({ mutation, codes: (await send({ amount: '5.00', currency: 'EGP' })).codes }).toEqual({ mutation, codes: [] });
    Object.assign(before ?? {}, await rows());
  }
  // A partner's credit may be nothing, and everything else that is no amount is refused.
  for (const [name, amount] of BAD_AMOUNTS.filter(([name]) => !name.startsWith('zero'))) {
    const { codes } = await t.run(admin, OPEN, { i: { partnerId, creditLimit: amount } });
    expect({ name, refused: codes.length === 1 && REFUSED.includes(codes[0] ?? '') }).toEqual({ name, refused: true });
  }
  expect(await rows()).toEqual(before);
});

test('PL-04: a key that comes back with another body names the fields that differ, and none of their values', async () => {
  const driver = await g.withMoney(user('DRIVER'), '100.00', 'driver');
  const idempotencyKey = randomUUID();
  const ask = (amount: string, accountNumber: string, method = 'BANK') =>
    t.run(driver, 'mutation($i: RequestWithdrawalInput!) { requestWithdrawal(input: $i) { id } }', {
      i: { amount: { amount, currency: 'EGP' }, method, accountNumber, idempotencyKey },
    });
  expect((await ask('10.00', '12345678')).codes).toEqual([]);
  // The same in other words.
  expect((await ask('10', '12345678')).codes).toEqual([]);
  for (const [answer, differs] of [
    [await ask('11.00', '12345678'), ['amount.amount']],
    [await ask('10.00', '87654321'), ['accountNumber']],
    [await ask('12.00', '87654321', 'MOBILE_WALLET'), ['accountNumber', 'amount.amount', 'method']],
  ] as const) {
    expect(answer.codes).toEqual(['IDEMPOTENCY_KEY_REUSED']);
    expect(answer.errors[0]?.extensions.details).toMatchObject({ field: 'input.idempotencyKey', rule: 'reused', differs });
    expect(JSON.stringify(answer.errors)).not.toMatch(/12345678|87654321|1[012]\.00/);
  }
  expect(await g.wallet(driver, driver.id)).toMatchObject({ available: { amount: '90.00' } });
});

test('PL-04: a refusal is the answer to its key, and stays so when there is money by now; a new key is decided anew', async () => {
  const driver = await g.withMoney(user('DRIVER'), '5.00', 'driver');
  const ask = (idempotencyKey: string, amount = '10.00') =>
    t.run<{ requestWithdrawal: { id: string } }>(driver, 'mutation($i: RequestWithdrawalInput!) { requestWithdrawal(input: $i) { id } }', {
      i: { amount: { amount, currency: 'EGP' }, method: 'BANK', accountNumber: '12345678', idempotencyKey },
    });
  const key = randomUUID();
  expect((await ask(key)).codes).toEqual(['INSUFFICIENT_FUNDS']);
  await g.withMoney(driver, '50.00', 'driver');
  const again = await ask(key);
  expect(again.codes).toEqual(['INSUFFICIENT_FUNDS']);
  expect(again.errors[0]).toMatchObject({ message: expect.stringContaining('use a new key'), extensions: { details: { replayed: true } } });
  expect((await ask(key, '4.00')).codes).toEqual(['IDEMPOTENCY_KEY_REUSED']);
  const fresh = randomUUID();
  const [one, two] = [await ask(fresh), await ask(fresh)];
  expect([one.codes, two.codes]).toEqual([[], []]);
  expect(one.data.requestWithdrawal.id).toBe(two.data.requestWithdrawal.id);
  expect(await g.wallet(driver, driver.id)).toMatchObject({ available: { amount: '45.00' } });
});

test('PL-10: a webhook for an order that is not ours is kept for review; one that is faster than our own commit is refused, and credits when it comes again', async () => {
  const orderId = publicId('dep', randomUUID());
  const message = { id: randomUUID(), type: 'payment.paid', orderId, amount: '7.00', currency: 'EGP' };
  expect((await g.webhook(message)).status).toBe(200);
  expect(await t.owner`select outcome from webhook_events where order_id = ${orderId}`).toEqual([{ outcome: 'UNKNOWN_ORDER' }]);
  await t.owner`update webhook_events set received_at = received_at - interval '2 minutes' where order_id = ${orderId}`;
  const { data } = await t.run<{ runReconciliation: { discrepancies: { kind: string; actual: string }[] } }>(
    admin,
    'mutation { runReconciliation { discrepancies { kind actual } } }',
  );
  expect(data.runReconciliation.discrepancies).toContainEqual({ kind: 'WEBHOOK_UNKNOWN_ORDER', actual: `order ${orderId}` });
  const person = await g.withMoney(user('CUSTOMER'), null);
  const early = newUuid(new Date());
  const paid = { id: randomUUID(), type: 'payment.paid', orderId: publicId('dep', early), amount: '7.00', currency: 'EGP' };
  expect((await g.webhook(paid)).status).toBe(503);
  expect(await t.owner`select 1 from webhook_events where order_id = ${paid.orderId}`).toHaveLength(0);
  await t.owner`insert into deposits (id, user_id, adapter, amount_minor, currency, status, created_at)
    values (${early}, ${person.id}, 'sandbox', 700, 'EGP', 'PENDING', now())`;
  expect((await g.webhook(paid)).status).toBe(200);
  expect(await g.wallet(person, person.id)).toMatchObject({ balance: { amount: '7.00' } });
});
