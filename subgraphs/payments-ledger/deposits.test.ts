import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ANONYMOUS, systemActor } from '../../platform/actor.js';
import { eventually, startTestSubgraph, type TestSubgraph, tally, user } from '../../test/subgraphHarness.js';
import { startPaymentsLedger } from './main.js';
import { given, INITIATE, servedBy, uuidOfDeposit } from './payments.given.js';

let t: TestSubgraph;
let g: ReturnType<typeof given>;
const system = systemActor('test');
beforeAll(async () => {
  const served = servedBy(startPaymentsLedger);
  t = await startTestSubgraph('payments-ledger', served.start, { env: served.env });
  g = given(t);
});
afterAll(() => t[Symbol.asyncDispose]());

const statusOf = async (depositId: string) => {
  const { data } = await t.run<{ _entities: { status: string }[] }>(
    system,
    'query($r: [_Any!]!) { _entities(representations: $r) { ... on Deposit { status } } }',
    { r: [{ __typename: 'Deposit', ref: depositId }] },
  );
  return data._entities[0]?.status;
};
const press = (url: string, outcome: string) => fetch(url, { method: 'POST', body: new URLSearchParams({ outcome }) });

test('PL-10: a deposit that is paid on the page is credited by the signed webhook', async () => {
  const person = await g.withMoney(user('CUSTOMER'), null);
  const deposit = await g.initiate(person, '120.50');
  expect(deposit).toMatchObject({ status: 'PENDING', amount: { amount: '120.50' } });
  expect(deposit.paymentUrl.startsWith(`${new URL(t.environment.graphUrl()).origin}/sandbox/pay/${deposit.id}`)).toBe(true);
  const page = await (await fetch(deposit.paymentUrl)).text();
  expect(page).toContain('120.50 EGP');
  expect((await press(deposit.paymentUrl, 'pay')).status).toBe(200);
  await eventually(async () => (await g.wallet(person, person.id))?.available.amount === '120.50', 'the deposit to arrive');
  expect(await statusOf(deposit.id)).toBe('COMPLETED');
  expect(await t.emitted('deposit.completed')).toContainEqual({ depositId: uuidOfDeposit(deposit), userId: person.id, amountMinor: '12050', currency: 'EGP' });
  // Pressed again, and the other button: nothing more happens.
  expect((await press(deposit.paymentUrl, 'pay')).status).toBe(200);
  expect((await press(deposit.paymentUrl, 'decline')).status).toBe(409);
  expect((await g.wallet(person, person.id))?.balance.amount).toBe('120.50');
});

test('PL-10: a declined deposit credits nothing', async () => {
  const person = await g.withMoney(user('CUSTOMER'), null);
  const deposit = await g.initiate(person, '10.00');
  await press(deposit.paymentUrl, 'decline');
  await eventually(async () => (await statusOf(deposit.id)) === 'DECLINED', 'the decline to arrive');
  expect((await g.wallet(person, person.id))?.balance.amount).toBe('0.00');
});

test('PL-10: money that arrives before the news of the person is not lost', async () => {
  const person = user('CUSTOMER');
  await g.webhook(g.paid(await g.initiate(person, '5.00')));
  expect((await g.wallet(person, person.id))?.balance.amount).toBe('5.00');
  await g.withMoney(person, null);
  expect((await g.wallet(person, person.id))?.balance.amount).toBe('5.00');
});

test('a payment page whose amount was edited does not exist', async () => {
  const deposit = await g.initiate(user('CUSTOMER'), '100.00');
  const cheaper = deposit.paymentUrl.replace('amount=10000', 'amount=1');
  expect((await fetch(cheaper)).status).toBe(404);
  expect((await press(cheaper, 'pay')).status).toBe(404);
  expect((await press(deposit.paymentUrl, 'steal')).status).toBe(400);
});

test('PL-10: forged, unsigned and old webhooks get 401 and leave nothing', async () => {
  const person = await g.withMoney(user('CUSTOMER'), null);
  const deposit = await g.initiate(person, '70.00');
  const message = g.paid(deposit);
  const url = `${new URL(t.environment.graphUrl()).origin}/webhooks/payments/sandbox`;
  const unsigned = await fetch(url, { method: 'POST', body: JSON.stringify(message) });
  expect(unsigned.status).toBe(401);
  expect(await unsigned.json()).toMatchObject({ errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] });
  expect((await g.webhook(message, { secret: 'another secret of at least 32 characters' })).status).toBe(401);
  expect((await g.webhook(message, { body: JSON.stringify({ ...message, amount: '7000.00' }) })).status).toBe(401);
  expect((await g.webhook(message, { at: new Date(Date.now() - 301_000) })).status).toBe(401);
  expect((await g.webhook(message, { at: new Date(Date.now() + 305_000) })).status).toBe(401);
  expect((await t.owner`select 1 from webhook_events where order_id = ${deposit.id}`).length).toBe(0);
  expect(await statusOf(deposit.id)).toBe('PENDING');
  expect((await fetch(`${new URL(t.environment.graphUrl()).origin}/webhooks/payments/nobody`, { method: 'POST' })).status).toBe(404);
});

test('PL-10: a webhook delivered twenty times at once, and again under another event id, credits once', async () => {
  const person = await g.withMoney(user('CUSTOMER'), null);
  const deposit = await g.initiate(person, '30.00');
  const message = g.paid(deposit);
  const answers = await Promise.all(Array.from({ length: 20 }, () => g.webhook(message)));
  expect(tally(answers.map((answer) => String(answer.status)))).toEqual({ 200: 20 });
  expect((await g.webhook({ ...message, id: randomUUID() })).status).toBe(200);
  expect((await g.wallet(person, person.id))?.balance.amount).toBe('30.00');
  expect((await t.emitted<{ depositId: string }>('deposit.completed')).filter((event) => event.depositId === uuidOfDeposit(deposit)).length).toBe(1);
});

test('PL-10: paid and declined out of order: what was paid is credited, and stays', async () => {
  const person = await g.withMoney(user('CUSTOMER'), null);
  const late = await g.initiate(person, '11.00');
  await g.webhook(g.paid(late, { type: 'payment.declined' }));
  expect(await statusOf(late.id)).toBe('DECLINED');
  await g.webhook(g.paid(late));
  expect(await statusOf(late.id)).toBe('COMPLETED');
  await g.webhook(g.paid(late, { type: 'payment.declined' }));
  expect(await statusOf(late.id)).toBe('COMPLETED');
  expect((await g.wallet(person, person.id))?.balance.amount).toBe('11.00');
});

test('PL-10: another amount or currency is flagged and not credited', async () => {
  const person = await g.withMoney(user('CUSTOMER'), null);
  for (const wrong of [
    ...[{ amount: '99.99' }, { currency: 'USD' }, { currency: 'XXX' }, { amount: '-100.00' }],
    // Nearly the same number, and no amount.
    ...[{ amount: '1e2' }, { amount: '100.001' }, { amount: '0' }, { amount: '9'.repeat(40) }, { amount: 'NaN' }],
  ]) {
    const deposit = await g.initiate(person, '100.00');
    expect((await g.webhook(g.paid(deposit, wrong))).status).toBe(200);
    expect(await statusOf(deposit.id)).toBe('FLAGGED');
  }
  expect((await g.wallet(person, person.id))?.balance.amount).toBe('0.00');
  expect((await g.webhook({ id: randomUUID(), type: 'payment.paid', orderId: 'dep_unknown', amount: '1.00', currency: 'EGP' })).status).toBe(200);
  expect((await g.webhook({ nonsense: true })).status).toBe(400);
});

test('PL-04: a hundred equal deposits at once are one; another input under the key is refused', async () => {
  const person = user('CUSTOMER');
  const key = randomUUID();
  const deposits = await Promise.all(Array.from({ length: 100 }, () => g.initiate(person, '50.00', key)));
  expect(new Set(deposits.map((deposit) => deposit.id)).size).toBe(1);
  expect((await t.owner`select 1 from deposits where user_id = ${person.id}`).length).toBe(1);
  const other = await t.run(person, INITIATE, { input: { amount: { amount: '51.00', currency: 'EGP' }, idempotencyKey: key } });
  expect(other.codes).toEqual(['IDEMPOTENCY_KEY_REUSED']);
  expect(other.errors[0]?.extensions.details).toMatchObject({ differs: ['amount.amount'] });
});

test('bad input of a deposit names the field and the rule', async () => {
  const person = user('CUSTOMER');
  const initiate = (amount: unknown, idempotencyKey: string | null = randomUUID()) => t.run(person, INITIATE, { input: { amount, idempotencyKey } });
  for (const [amount, rule] of [
    [{ amount: '-5.00', currency: 'EGP' }, 'positive'],
    [{ amount: '0', currency: 'EGP' }, 'positive'],
    [{ amount: '1.005', currency: 'EGP' }, 'precision'],
    [{ amount: '1.00', currency: 'ABC' }, 'supported_currency'],
    [{ amount: '1.00', currency: 'USD' }, 'wallet_currency'],
    [{ amount: '99999999999999', currency: 'EGP' }, 'too_large'],
  ] as const) {
    const answer = await initiate(amount);
    expect({ rule, codes: answer.codes, details: answer.errors[0]?.extensions.details }).toMatchObject({
      rule,
      codes: ['VALIDATION_ERROR'],
      details: { rule },
    });
  }
  expect((await initiate({ amount: '1.00', currency: 'EGP' }, null)).codes).toEqual(['IDEMPOTENCY_KEY_REQUIRED']);
  expect((await t.run(ANONYMOUS, INITIATE, { input: { amount: { amount: '1.00', currency: 'EGP' } } })).codes).toEqual(['UNAUTHENTICATED']);
});

test('the sandbox answers only signed calls under its API', async () => {
  const origin = new URL(t.environment.graphUrl()).origin;
  expect((await fetch(`${origin}/sandbox/api/settlement?from=2026-01-01&to=2027-01-01`)).status).toBe(401);
  expect((await fetch(`${origin}/sandbox/api/charges/pay_x/authorise`, { method: 'POST', body: '{}' })).status).toBe(401);
  expect((await fetch(`${origin}/sandbox/nothing`)).status).toBe(404);
});
