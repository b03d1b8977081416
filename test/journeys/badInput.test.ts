import { randomUUID } from 'node:crypto';
import { generateKeyPair, SignJWT } from 'jose';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { signInternalToken, systemActor } from '../../platform/actor.js';
import { SERVICE_KEY, startGraph, type TestGraph } from '../graphHarness.js';

let graph: TestGraph;
beforeAll(async () => {
  graph = await startGraph('one');
});
afterAll(() => graph[Symbol.asyncDispose]());

test('every error has its code, trace id and time, and nothing of our inside', async () => {
  const { json, headers } = await graph.post({ query: '{ vehicles(first: 500) { totalCount } }' });
  const [error] = json.errors ?? [];
  expect(Object.keys(error?.extensions ?? {}).sort()).toEqual(['code', 'details', 'timestamp', 'traceId']);
  expect(error?.extensions).toMatchObject({ code: 'VALIDATION_ERROR', traceId: headers.get('x-trace-id'), details: { field: 'first', rule: 'page_size' } });
});

test('GW-25: malformed JSON, a body that is too large, and a batch are refused', async () => {
  expect(await graph.post('{"query": ')).toMatchObject({ status: 400, json: { errors: [{ extensions: { code: 'INVALID_REQUEST' } }] } });
  expect(await graph.post({ query: `{ __typename } # ${'x'.repeat(1024 * 1024)}` })).toMatchObject({
    status: 413,
    json: { errors: [{ extensions: { code: 'INVALID_REQUEST' } }] },
  });
  expect((await graph.post([{ query: '{ __typename }' }])).status).toBe(400);
});

test('GW-25: a form that a browser would send without asking is refused', async () => {
  const answer = await fetch(`${graph.url}/graphql`, { method: 'POST', headers: { 'content-type': 'text/plain' }, body: '{"query":"{ __typename }"}' });
  expect(answer.status).toBeGreaterThanOrEqual(400);
});

test('GW-20: forged, foreign and broken tokens are refused, never taken for nobody', async () => {
  const { privateKey } = await generateKeyPair('Ed25519');
  const forged = await new SignJWT({ roles: ['ADMIN'], sid: randomUUID() })
    .setProtectedHeader({ alg: 'EdDSA', kid: 'mine' })
    .setSubject(randomUUID())
    .setIssuer('waygraph')
    .setAudience('waygraph')
    .setExpirationTime('5m')
    .sign(privateKey);
  const none = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from(JSON.stringify({ sub: randomUUID(), roles: ['ADMIN'] })).toString('base64url')}.`;
  const internal = `Internal ${signInternalToken(systemActor('forged'), 'another secret of the right length, but wrong', new Date())}`;
  for (const authorization of [`Bearer ${forged}`, `Bearer ${none}`, 'Bearer nonsense', 'Bearer', internal]) {
    const { status, json } = await graph.post({ query: '{ vehicles(first: 1) { nodes { id } } }' }, { authorization });
    expect({ authorization, status, code: json.errors?.[0]?.extensions.code }).toEqual({ authorization, status: 401, code: 'UNAUTHENTICATED' });
  }
});

test('GW-23: too deep, too many aliases, too many root fields', async () => {
  const deep = `{ me ${'{ bookings { nodes { customer '.repeat(8)} { id } ${'} } }'.repeat(8)} }`;
  const aliases = `{ ${Array.from({ length: 200 }, (_, n) => `a${n}: __typename`).join(' ')} }`;
  for (const query of [deep, aliases]) {
    const { json } = await graph.post({ query });
    expect(json.errors?.map((error) => error.extensions.code)).toContain('QUERY_TOO_COMPLEX');
  }
});

test('unknown ids and ids of other kinds name nothing', async () => {
  const customer = await graph.as('customer');
  for (const id of ['bkg_00000000000000000000000000', 'nonsense', '', 'veh_01j0000000e00800g000000001']) {
    expect((await customer.GetBooking({ id })).booking).toBeNull();
    expect((await customer.GetTrip({ id })).trip).toBeNull();
    await expect(customer.CancelBooking({ input: { bookingId: id } })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(customer.CancelTrip({ tripId: id })).rejects.toMatchObject({ code: 'NOT_FOUND' });
  }
});

test('amounts: negative, zero, over-precise, no number, unknown currency', async () => {
  const customer = await graph.as('customer');
  const before = (await customer.Me()).me?.wallet;
  for (const [amount, currency] of [
    ['-5.00', 'EGP'],
    ['0', 'EGP'],
    ['1.005', 'EGP'],
    ['5', 'XYZ'],
    ['9999999999999', 'EGP'],
  ] as const) {
    await expect(customer.InitiateDeposit({ input: { amount: { amount, currency }, idempotencyKey: randomUUID() } })).rejects.toMatchObject({
      code: 'VALIDATION_ERROR',
    });
  }
  const { json } = await graph.post({ query: 'mutation { initiateDeposit(input: { amount: { amount: 5.5, currency: "EGP" }, idempotencyKey: "k" }) { id } }' });
  expect(json.errors?.length).toBeGreaterThan(0);
  expect((await customer.Me()).me?.wallet).toEqual(before);
});

test('time ranges: inverted, past, too short, too long', async () => {
  const customer = await graph.as('customer');
  const quote = (pickupAt: string, returnAt: string) => customer.QuoteRental({ input: { vehicleId: 'veh_01j0000000e00800g000000001', pickupAt, returnAt } });
  for (const [from, to] of [
    ['2031-01-02T10:00:00Z', '2031-01-01T10:00:00Z'],
    ['2020-01-01T10:00:00Z', '2020-01-02T10:00:00Z'],
    ['2031-01-01T10:00:00Z', '2031-01-01T10:30:00Z'],
    ['2031-01-01T10:00:00Z', '2031-06-01T10:00:00Z'],
  ] as const) {
    await expect(quote(from, to)).rejects.toMatchObject({ code: 'VALIDATION_ERROR' });
  }
  await expect(quote('2031-01-01T10:00:00', '2031-01-02T10:00:00')).rejects.toMatchObject({ code: 'VALIDATION_ERROR' });
});

test('places: out of range', async () => {
  const customer = await graph.as('customer');
  const quote = (pickup: { lat: number; lng: number }) => customer.QuoteTrip({ input: { pickup, destination: { lat: 30.05, lng: 31.24 } } });
  for (const pickup of [
    { lat: 91, lng: 31 },
    { lat: 30, lng: -181 },
  ])
    await expect(quote(pickup)).rejects.toMatchObject({ code: 'VALIDATION_ERROR' });
  await expect(quote({ lat: 48.85, lng: 2.35 })).rejects.toMatchObject({ code: 'OUTSIDE_SERVICE_AREA' });
});

test('PL-04: a hundred equal deposits at once are one', async () => {
  const customer = await graph.as('customer');
  const idempotencyKey = randomUUID();
  const deposits = await Promise.all(
    Array.from({ length: 100 }, () => customer.InitiateDeposit({ input: { amount: { amount: '12.34', currency: 'EGP' }, idempotencyKey } })),
  );
  expect(new Set(deposits.map(({ initiateDeposit }) => initiateDeposit.id)).size).toBe(1);
  await expect(customer.InitiateDeposit({ input: { amount: { amount: '12.35', currency: 'EGP' }, idempotencyKey } })).rejects.toMatchObject({
    code: 'IDEMPOTENCY_KEY_REUSED',
  });
  const { json } = await graph.post({ query: 'mutation { signOut }' });
  expect(json.errors?.[0]?.extensions.code).toBe('UNAUTHENTICATED');
});

test('GW-26: money is not moved without an idempotency key; the header is one', async () => {
  const anonymous = graph.anonymous();
  const { signIn } = await anonymous.SignIn({ input: { email: 'customer@demo.test', password: 'Waygraph1' } });
  const authorization = `Bearer ${signIn.accessToken}`;
  const query = 'mutation { initiateDeposit(input: { amount: { amount: "5.00", currency: "EGP" } }) { id } }';
  expect((await graph.post({ query }, { authorization })).json.errors?.[0]?.extensions.code).toBe('IDEMPOTENCY_KEY_REQUIRED');
  const key = { authorization, 'idempotency-key': randomUUID() };
  const [first, again] = [await graph.post({ query }, key), await graph.post({ query }, key)];
  expect(first.json.errors).toBeUndefined();
  expect(again.json.data).toEqual(first.json.data);
});

test('a forged payment webhook credits nobody', async () => {
  const answer = await fetch(`${graph.url}/webhooks/payments/sandbox`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ type: 'payment.succeeded' }),
  });
  expect(answer.status).toBe(401);
});

test('DP-04: telematics points come with a service key, and with nothing else', async () => {
  const driver = await graph.as('driver');
  const { goOnline } = await driver.GoOnline({ at: { lat: 30.0444, lng: 31.2357 } });
  const point = { driverId: goOnline.id, point: { lat: 30.0445, lng: 31.2358 }, recordedAt: new Date().toISOString() };
  const body = {
    query: 'mutation($input: [DriverLocationInput!]!) { ingestLocations(input: $input) { accepted rejected } }',
    variables: { input: [point] },
  };
  expect((await graph.post(body, { 'x-api-key': SERVICE_KEY })).json).toEqual({ data: { ingestLocations: { accepted: 1, rejected: 0 } } });
  expect((await graph.post(body, { 'x-api-key': 'a key that nobody gave' })).status).toBe(401);
  expect((await graph.post(body)).json.errors?.[0]?.extensions.code).toBe('UNAUTHENTICATED');
  const { signIn } = await graph.anonymous().SignIn({ input: { email: 'customer@demo.test', password: 'Waygraph1' } });
  expect((await graph.post(body, { authorization: `Bearer ${signIn.accessToken}` })).json.errors?.[0]?.extensions.code).toBe('FORBIDDEN');
});
