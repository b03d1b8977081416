import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { newUuid, publicId } from '../../platform/ids.js';
import { money } from '../../platform/money.js';
import { eventually, startTestSubgraph, type TestSubgraph, user } from '../../test/subgraphHarness.js';
import { admit, CLOSED_CIRCUIT, type Circuit, settle, withBreaker } from './adapters/gatewayBreaker.js';
import { type GatewayPort, GatewayUnanswered } from './adapters/gatewayPort.js';
import { kashierGateway } from './adapters/kashierGateway.js';
import { isKashierSigned, kashierOrderHash, kashierWebhookSignature } from './adapters/kashierSignature.js';
import { faultsOf, NO_FAULTS } from './adapters/sandboxFaults.js';
import { startPaymentsLedger } from './main.js';
import { given, type Person, servedBy, TEST_CONFIG } from './payments.given.js';

let t: TestSubgraph;
let g: ReturnType<typeof given>;
beforeAll(async () => {
  const served = servedBy(startPaymentsLedger);
  t = await startTestSubgraph('payments-ledger', served.start, { env: served.env });
  g = given(t);
});
afterAll(() => t[Symbol.asyncDispose]());

const settleTrip = (actor: Person, paymentId: string) =>
  t.run<{ settleDebt: { status: string; owed: { amount: string } } }>(
    actor,
    'mutation($id: ID!) { settleDebt(paymentId: $id) { status owed { amount } captured { amount } } }',
    { id: paymentId },
  );

test('PL-12: a rider pays an owed trip later: once, out of the own wallet, and everybody learns it', async () => {
  const rider = await g.withMoney(user('CUSTOMER'), '5.00');
  const driver = await g.withMoney(user('DRIVER'), null, 'driver');
  const tripId = await g.completedTrip(rider, driver, 40_00);
  const payment = await g.payment(rider, 'Trip', tripId);
  expect(payment).toMatchObject({ status: 'FAILED' });
  const id = payment?.id ?? '';
  expect((await settleTrip(rider, id)).codes).toEqual(['INSUFFICIENT_FUNDS']);
  expect((await settleTrip(driver, id)).codes).toEqual(['NOT_FOUND']);
  expect((await settleTrip(user('CUSTOMER'), id)).codes).toEqual(['NOT_FOUND']);
  expect((await settleTrip(rider, 'pay_nonsense')).codes).toEqual(['NOT_FOUND']);
  await g.webhook(g.paid(await g.initiate(rider, '50.00')));
  const outcomes = await Promise.all(Array.from({ length: 8 }, () => settleTrip(rider, id)));
  expect(outcomes.flatMap(({ codes }) => codes)).toEqual([]);
  expect(outcomes.map(({ data }) => [data.settleDebt.status, data.settleDebt.owed.amount])).toEqual(Array(8).fill(['CAPTURED', '0.00']));
  expect(await g.wallet(rider, rider.id)).toMatchObject({ balance: { amount: '15.00' } });
  expect((await t.owner`select balance_minor::text as minor from accounts where type = 'RECEIVABLE' and owner_id = ${rider.id}`)[0]?.minor).toBe('0');
  const told = await t.owner`select type from events where payload ->> 'subjectId' = ${tripId} order by position`;
  expect(told.map((row) => row.type)).toEqual(['payment.initiated', 'payment.declined', 'payment.failed', 'payment.captured', 'payment.completed']);
  const booking = await g.heldBooking(rider, 1_00);
  const held = await g.payment(rider, 'Booking', booking);
  expect((await settleTrip(rider, held?.id ?? '')).codes).toEqual(['NOTHING_OWED']);
  const asRider = t.asService.begin(async (sql) => {
    await sql`select set_config('waygraph.actor_id', ${rider.id}, true), set_config('waygraph.actor_roles', 'CUSTOMER', true)`;
    return sql`update payments set status = 'CAPTURED' where subject_id = ${booking} returning 1`;
  });
  await expect(asRider).resolves.toHaveLength(0);
});

const payPage = async (person: Person, amount: string) => {
  const deposit = await g.initiate(person, amount);
  await fetch(deposit.paymentUrl, { method: 'POST', body: new URLSearchParams({ outcome: 'pay' }) });
  return deposit;
};
const statusOf = (id: string) => t.owner`select status from deposits where id = (${id})::uuid`.then(([row]) => row?.status);
const uuid = async (person: Person) => (await t.owner`select id from deposits where user_id = ${person.id} order by id desc limit 1`)[0]?.id;

test('PL-14: the sandbox delays, duplicates, loses, reorders, changes and declines as the amount asks, and each is credited once or not at all', async () => {
  const cases: [string, string][] = [
    ['10.91', 'COMPLETED'],
    ['10.92', 'COMPLETED'],
    ['10.93', 'COMPLETED'],
    ['10.94', 'COMPLETED'],
    ['10.95', 'FLAGGED'],
    ['10.96', 'DECLINED'],
  ];
  await Promise.all(
    cases.map(async ([amount, status]) => {
      const person = await g.withMoney(user('CUSTOMER'), null);
      await payPage(person, amount);
      const id = await uuid(person);
      await eventually(async () => (await statusOf(id)) === status, `${amount} to be ${status}`);
      await eventually(async () => (await t.owner`select delivered_at from sandbox_orders where id = ${publicId('dep', id)}`)[0]?.delivered_at, 'delivery');
      expect(await g.wallet(person, person.id)).toMatchObject({ balance: { amount: status === 'COMPLETED' ? amount : '0.00' } });
    }),
  );
  expect(faultsOf(1092n, { ...NO_FAULTS, delayMs: 7 })).toEqual({ ...NO_FAULTS, delayMs: 7, copies: 3 });
});

test('PL-15: a card whose gateway is out of order stays PENDING and is authorised when it is back', async () => {
  const customer = await g.withMoney(user('CUSTOMER'), null);
  const id = await g.heldBooking(customer, 10_00, { paymentMethod: 'CARD', paymentToken: 'tok_flaky' });
  expect(await g.payment(customer, 'Booking', id)).toMatchObject({ status: 'PENDING' });
  await eventually(async () => (await g.payment(customer, 'Booking', id))?.status === 'AUTHORISED', 'the authorisation');
});

test('PL-10: a webhook that is faster than our commit is sent again, not lost; one for an old unknown order is kept for review', async () => {
  const message = { type: 'payment.paid', amount: '1.00', currency: 'EGP' };
  const early = await g.webhook({ ...message, id: 'early', orderId: publicId('dep', newUuid()) });
  expect(early.status).toBe(503);
  expect((await t.owner`select 1 from webhook_events where event_id = 'early'`).length).toBe(0);
  const stray = await g.webhook({ ...message, id: 'stray', orderId: publicId('dep', newUuid(new Date(Date.now() - 3_600_000))) });
  expect(stray.status).toBe(200);
  expect((await t.owner`select outcome from webhook_events where event_id = 'stray'`)[0]?.outcome).toBe('UNKNOWN_ORDER');
});

test('PL-15: the breaker opens after five silences, lets one try after its pause, and closes with an answer', () => {
  let circuit: Circuit = CLOSED_CIRCUIT;
  for (let n = 0; n < 4; n += 1) circuit = settle(circuit, false, 0);
  expect(admit(circuit, 0).admitted).toBe(true);
  circuit = settle(circuit, false, 0);
  expect(admit(circuit, 1_999).admitted).toBe(false);
  const trial = admit(circuit, 2_000);
  expect(trial.admitted).toBe(true);
  expect(admit(trial.circuit, 2_000).admitted).toBe(false);
  circuit = settle(trial.circuit, false, 2_000);
  expect([admit(circuit, 5_999).admitted, admit(circuit, 6_000).admitted]).toEqual([false, true]);
  expect(settle(admit(circuit, 6_000).circuit, true, 6_001)).toEqual(CLOSED_CIRCUIT);
});

test('PL-15: while the breaker is open no call reaches the gateway', async () => {
  let now = 0;
  let calls = 0;
  const charge = async () => {
    calls += 1;
    throw new GatewayUnanswered('TIMEOUT');
  };
  const broken = { charge } as Partial<GatewayPort> as GatewayPort;
  const gateway = withBreaker(broken, () => new Date(now));
  const call = () =>
    gateway.charge({ kind: 'VOID', key: 'k', orderId: 'o', token: null, amount: money(1n) }).catch((error: GatewayUnanswered) => error.problem);
  for (let n = 0; n < 20; n += 1) await call();
  expect([calls, gateway.isOpen(), await call()]).toEqual([5, true, 'UNAVAILABLE']);
  now = 2_000;
  expect(await Promise.all([call(), call(), call()])).toEqual(['TIMEOUT', 'UNAVAILABLE', 'UNAVAILABLE']);
  expect(calls).toBe(6);
});

const KEYS = { merchantId: 'MID-1-2', apiKey: 'api-key', secretKey: 'secret-key' };

/** A small server that speaks Kashier's orders API. */
async function startFakeKashier() {
  const calls: { method: string; path: string; authorization: string; hash: string; body: Record<string, unknown> }[] = [];
  interface Told {
    status: number;
    body: object | string;
  }
  /** An answer for each call of an operation, or one after the other, of which the last stays. Null: the line goes dead. */
  const answers = new Map<string, Told | (Told | null)[]>();
  const orders = new Map<string, { status: number; body: object }>();
  const answerTo = (operation: string) => {
    const given = answers.get(operation) ?? { status: 200, body: { status: 'SUCCESS', response: { transactionId: `TX-${calls.length}` } } };
    return Array.isArray(given) ? (given.length > 1 ? given.shift() : given[0]) : given;
  };
  const server = createServer(async (request, response) => {
    let text = '';
    for await (const chunk of request) text += chunk;
    const known = /^\/payments\/orders\/(.+)$/.exec(request.url ?? '');
    if (known) {
      const order = orders.get(known[1] ?? '');
      const allowed = request.headers.authorization === 'secret-key';
      response.writeHead(allowed ? (order?.status ?? 404) : 401, { 'content-type': 'application/json' }).end(JSON.stringify({ response: order?.body }));
      return;
    }
    const { authorization = '', 'kashier-hash': hash } = request.headers;
    const body = JSON.parse(text) as Record<string, unknown>;
    calls.push({ method: request.method ?? '', path: request.url ?? '', authorization, hash: String(hash ?? ''), body });
    const answer = answerTo(String(body.apiOperation));
    if (!answer) return void response.destroy();
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, calls, answers, orders, [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(() => resolve())) };
}

const kashier = (apiUrl: string) =>
  kashierGateway({
    ...KEYS,
    mode: 'test',
    checkoutUrl: 'https://checkout.kashier.io',
    apiUrl,
    reportUrl: apiUrl,
    origin: () => 'https://ride.example',
    timeoutMs: 1_000,
  });

test('PL-14: Kashier: orders are signed as documented, and its page gets all it needs', () => {
  const order = { merchantId: 'MID-1-2', orderId: 'dep_1', amount: '12.50', currency: 'EGP' };
  // echo -n '/?payment=MID-1-2.dep_1.12.50.EGP' | openssl dgst -sha256 -hmac api-key
  expect(kashierOrderHash('api-key', order)).toBe('eaece44d56361a258562a5b5cf3ad2582a98603cb5d0d8929434ff6fdbffc3e8');
  expect(kashierOrderHash('api-key', order)).not.toBe(kashierOrderHash('api-key', { ...order, amount: '12.51' }));
  const url = new URL(kashier('http://x').paymentUrl({ id: 'dep_1', amount: money(1250n) }));
  expect(url.origin).toBe('https://checkout.kashier.io');
  expect(Object.fromEntries(url.searchParams)).toMatchObject({
    ...order,
    hash: kashierOrderHash('api-key', order),
    mode: 'test',
    serverWebhook: 'https://ride.example/webhooks/payments/kashier',
  });
});

test('PL-14: Kashier: authorise, capture, void and refund over HTTP; refusals, silence and nonsense', async () => {
  await using fake = await startFakeKashier();
  const gateway = kashier(fake.url);
  const call = (kind: 'AUTHORISE' | 'CAPTURE' | 'VOID' | 'REFUND') =>
    gateway
      .charge({ kind, key: 'key-1', orderId: 'pay_1', token: kind === 'AUTHORISE' ? 'card-token' : null, amount: money(1250n) })
      .catch((error: GatewayUnanswered) => error.problem);
  expect(await call('AUTHORISE')).toEqual({ accepted: true, reference: 'TX-1' });
  expect(fake.calls[0]).toMatchObject({
    method: 'POST',
    path: '/v3/orders/',
    authorization: 'secret-key',
    hash: kashierOrderHash('api-key', { merchantId: 'MID-1-2', orderId: 'pay_1', amount: '12.50', currency: 'EGP' }),
    body: { apiOperation: 'AUTHORIZE', paymentMethod: { card: { cardToken: 'card-token' } }, order: { reference: 'pay_1', amount: '12.50', currency: 'EGP' } },
  });
  for (const kind of ['CAPTURE', 'VOID', 'REFUND'] as const) expect(await call(kind)).toMatchObject({ accepted: true });
  expect(fake.calls.slice(1).map(({ method, path, body }) => [method, path, body.apiOperation])).toEqual([
    ['PUT', '/v3/orders/pay_1/', 'CAPTURE'],
    ['PUT', '/v3/orders/pay_1/', 'VOID'],
    ['PUT', '/v3/orders/pay_1/', 'REFUND'],
  ]);
  fake.answers.set('REFUND', { status: 400, body: { status: 'FAILURE', response: { transactionResponseCode: 'ABOVE_CAPTURED' } } });
  expect(await call('REFUND')).toEqual({ accepted: false, code: 'ABOVE_CAPTURED' });
  for (const answer of [
    { status: 502, body: {} },
    { status: 200, body: 'not json' },
  ]) {
    fake.answers.set('REFUND', answer);
    expect(await call('REFUND')).toBe('UNAVAILABLE');
  }
  fake.answers.set('REFUND', { status: 200, body: { status: 'PENDING' } });
  expect(await call('REFUND')).toBe('TIMEOUT');
});

const webhookData = (more: Record<string, unknown> = {}) => ({
  merchantOrderId: 'dep_1',
  kashierOrderId: 'K-1',
  transactionId: 'TX-9',
  status: 'SUCCESS',
  amount: 12.5,
  currency: 'EGP',
  method: 'card (visa)',
  signatureKeys: ['transactionId', 'merchantOrderId', 'status', 'amount', 'currency', 'method'],
  ...more,
});

test('PL-12, PL-14: Kashier: a capture whose answer was lost is no debt; nor is a key that it refuses, or too many calls', async () => {
  await using fake = await startFakeKashier();
  const config = {
    ...TEST_CONFIG,
    sandboxFaults: null,
    kashier: { ...KEYS, mode: 'test' as const, checkoutUrl: 'https://checkout.kashier.io', apiUrl: fake.url, reportUrl: fake.url },
  };
  const served = servedBy(startPaymentsLedger, config);
  await using own = await startTestSubgraph('payments-ledger', served.start, { env: served.env });
  const steps = given(own);
  const [rider, driver] = [user('CUSTOMER'), await steps.withMoney(user('DRIVER'), null, 'driver')];
  const card = { paymentMethod: 'CARD', paymentToken: 'card-token' };
  const authorised = async () => {
    const tripId = await steps.requestedTrip(rider, 50_00, card);
    await eventually(async () => (await steps.payment(rider, 'Trip', tripId))?.status === 'AUTHORISED', 'the authorisation');
    return { tripId, orderId: (await steps.payment(rider, 'Trip', tripId))?.id ?? '' };
  };
  const order = (orderId: string, more: object) => fake.orders.set(orderId, { status: 200, body: { merchantOrderId: orderId, currency: 'EGP', ...more } });
  const refusal = { status: 400, body: { status: 'FAILURE', response: { transactionResponseCode: 'INVALID_STATE' } } };
  const debt = async () =>
    (await own.owner`select coalesce(-sum(balance_minor), 0)::int as owed from accounts where type = 'RECEIVABLE' and owner_id = ${rider.id}`)[0]?.owed;

  // The gateway took the money, its answer was lost, and it refuses the same again. Its report says what is.
  const lost = await authorised();
  fake.answers.set('CAPTURE', [null, refusal]);
  order(lost.orderId, { totalCapturedAmount: 50, totalAuthorizedAmount: 50, status: 'CAPTURED' });
  await steps.completeTrip(lost.tripId, rider, driver, 50_00, card);
  await eventually(async () => (await steps.payment(rider, 'Trip', lost.tripId))?.status === 'CAPTURED', 'the capture to be found');
  expect(await debt()).toBe(0);

  // Neither of these says anything about the money.
  const busy = await authorised();
  const about = (status: number) => ({ status, body: { status: 'FAILURE' } });
  fake.answers.set('CAPTURE', [about(401), about(429), { status: 200, body: { status: 'SUCCESS', response: { transactionId: 'TX-late' } } }]);
  await steps.completeTrip(busy.tripId, rider, driver, 50_00, card);
  await eventually(async () => (await steps.payment(rider, 'Trip', busy.tripId))?.status === 'CAPTURED', 'the capture in the end');
  expect(await debt()).toBe(0);

  // Refused, and it stands: while the report cannot be had nothing is decided, then the rider owes and the card is freed.
  const refused = await authorised();
  fake.answers.set('CAPTURE', refusal);
  fake.orders.set(refused.orderId, { status: 503, body: {} });
  await steps.completeTrip(refused.tripId, rider, driver, 50_00, card);
  const attempts = async () => (await own.owner`select attempts from gateway_calls where kind = 'CAPTURE' and status = 'OPEN'`)[0]?.attempts ?? 0;
  await eventually(async () => (await attempts()) >= 2, 'the report to be asked for again');
  expect(await steps.payment(rider, 'Trip', refused.tripId)).toMatchObject({ status: 'AUTHORISED' });
  order(refused.orderId, { totalCapturedAmount: 0, totalAuthorizedAmount: 50, status: 'AUTHORIZED' });
  await eventually(async () => (await steps.payment(rider, 'Trip', refused.tripId))?.status === 'FAILED', 'the refusal');
  expect(await debt()).toBe(50_00);
  const voids = () => fake.calls.filter(({ path, body }) => path === `/v3/orders/${refused.orderId}/` && body.apiOperation === 'VOID').length;
  await eventually(() => voids() === 1, 'the promise to be given free');
  expect(await steps.wallet(driver, driver.id)).toMatchObject({ balance: { amount: '127.50' } });
});

test('PL-14: Kashier: webhooks are believed only when everything that matters is signed', () => {
  const data = webhookData();
  // Sorted by name, encoded by RFC 3986.
  const signed = kashierWebhookSignature('api-key', data, data.signatureKeys);
  expect(isKashierSigned('api-key', data, signed)).toBe(true);
  expect(signed).toBe(kashierWebhookSignature('api-key', data, [...data.signatureKeys].reverse()));
  for (const forged of [webhookData({ amount: 1250 }), webhookData({ merchantOrderId: 'dep_2' }), webhookData({ status: 'FAILED' })]) {
    expect(isKashierSigned('api-key', forged, signed)).toBe(false);
  }
  const few = webhookData({ signatureKeys: ['transactionId', 'status'] });
  expect(isKashierSigned('api-key', few, kashierWebhookSignature('api-key', few, ['transactionId', 'status']))).toBe(false);
  for (const nonsense of [undefined, '', 'zz', ['x']]) expect(isKashierSigned('api-key', data, nonsense)).toBe(false);
  const read = (event: string, more: Record<string, unknown> = {}) => {
    const body = webhookData(more);
    const headers = { 'x-kashier-signature': kashierWebhookSignature('api-key', body, body.signatureKeys) };
    return kashier('http://x').readWebhook(headers, Buffer.from(JSON.stringify({ event, data: body })), new Date());
  };
  expect(read('pay')).toEqual({ id: 'TX-9:SUCCESS', type: 'PAID', orderId: 'dep_1', amount: money(1250n) });
  expect(read('pay', { status: 'FAILED' })).toMatchObject({ type: 'DECLINED' });
  expect(read('pay', { status: 'PENDING' })).toBe('ignored');
  expect(read('refund')).toBe('ignored');
  expect(read('pay', { amount: '1e3' })).toMatchObject({ amount: null });
  expect(read('pay', { transactionId: undefined })).toBe('malformed');
  expect(kashier('http://x').readWebhook({}, Buffer.from('{'), new Date())).toBeNull();
});

test('PL-14: with Kashier configured, deposits go through it from end to end, and the sandbox is not there', async () => {
  await using fake = await startFakeKashier();
  const config = {
    ...TEST_CONFIG,
    sandboxFaults: null,
    kashier: { ...KEYS, mode: 'test' as const, checkoutUrl: 'https://checkout.kashier.io', apiUrl: fake.url, reportUrl: fake.url },
  };
  const served = servedBy(startPaymentsLedger, config);
  await using own = await startTestSubgraph('payments-ledger', served.start, { env: served.env });
  const steps = given(own);
  const person = await steps.withMoney(user('CUSTOMER'), null);
  const deposit = await steps.initiate(person, '12.50');
  expect(deposit.paymentUrl).toContain('https://checkout.kashier.io/?merchantId=MID-1-2');
  const origin = new URL(own.environment.graphUrl()).origin;
  expect((await fetch(`${origin}/sandbox/pay/x`)).status).toBe(404);
  const post = (data: ReturnType<typeof webhookData>, signature: string) =>
    fetch(`${origin}/webhooks/payments/kashier`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-kashier-signature': signature },
      body: JSON.stringify({ event: 'pay', data }),
    });
  const data = webhookData({ merchantOrderId: deposit.id });
  expect((await post(data, 'f'.repeat(64))).status).toBe(401);
  const signature = kashierWebhookSignature('api-key', data, data.signatureKeys);
  expect((await Promise.all([post(data, signature), post(data, signature)])).map((answer) => answer.status)).toEqual([200, 200]);
  expect(await steps.wallet(person, person.id)).toMatchObject({ balance: { amount: '12.50' } });
  // Reconciliation asks Kashier for each of our orders; one without an answer makes the whole report unavailable.
  const found = async () => {
    await own.owner`update deposits set settled_at = settled_at - interval '2 minutes'`;
    const { data } = await own.run<{ runReconciliation: { discrepancies: { kind: string; expected: string; actual: string; reference: string }[] } }>(
      user('ADMIN'),
      'mutation { runReconciliation { discrepancies { kind expected actual reference } } }',
    );
    return data.runReconciliation.discrepancies;
  };
  expect(await found()).toEqual([{ kind: 'DEPOSIT_NOT_SETTLED', expected: 'paid at the gateway', actual: '12.50 EGP', reference: deposit.id }]);
  const told = (totalCapturedAmount: number) => ({ status: 200, body: { merchantOrderId: deposit.id, totalCapturedAmount, currency: 'EGP', method: 'card' } });
  fake.orders.set(deposit.id, told(12.4));
  expect(await found()).toMatchObject([{ kind: 'DEPOSIT_AMOUNT', expected: '12.40 EGP', actual: '12.50 EGP' }]);
  fake.orders.set(deposit.id, told(12.5));
  expect(await found()).toEqual([]);
  fake.orders.set(deposit.id, { status: 500, body: {} });
  expect(await found()).toMatchObject([{ kind: 'SETTLEMENT_UNAVAILABLE' }]);
  const booking = await steps.heldBooking(person, 20_00, { paymentMethod: 'CARD', paymentToken: randomUUID() });
  await eventually(async () => (await steps.payment(person, 'Booking', booking))?.status === 'AUTHORISED', 'the authorisation');
});
