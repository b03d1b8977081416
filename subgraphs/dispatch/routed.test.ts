import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestSubgraph, type TestSubgraph } from '../../test/subgraphHarness.js';
import { readDispatchConfig } from './config.js';
import { accepted, given, shifted } from './dispatch.given.js';
import { startDispatch } from './main.js';

let t: TestSubgraph;
let say: ReturnType<typeof given>;
let server: Server;
/** What the routing server says next. */
let answer: { status: number; body: unknown };

beforeAll(async () => {
  server = createServer((_request, response) => {
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(JSON.stringify(answer.body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const config = readDispatchConfig({ OSRM_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
  t = await startTestSubgraph('dispatch', (environment) => startDispatch(environment, config));
  say = given(t);
  // A Sunday noon in Cairo: no multiplier of the hour, 25 km/h.
  t.setClock(new Date('2031-06-01T09:00:00Z'));
});
afterAll(async () => {
  await t[Symbol.asyncDispose]();
  server.closeAllConnections();
  server.close();
});

const quote = async (eastM: number) => {
  const from = { lat: 30.05, lng: 31.24 };
  return say.quotes(say.rider(), from, shifted(from, 0, eastM), { vehicleTypes: ['ECONOMY'] });
};
const state = async () =>
  accepted(await t.run<{ routingState: Record<string, unknown> }>(say.admin, '{ routingState { adapter breaker answeredByServer answeredByModel } }'))
    .routingState;

test('DP-15, DP-11: prices are made of the server’s way, and heavy traffic is a line of its own', async () => {
  answer = { status: 200, body: { code: 'Ok', routes: [{ distance: 10_000, duration: 1_440 }] } };
  const [usual] = accepted(await quote(3_000)).quoteTrip;
  expect(usual).toMatchObject({ price: { amount: '57.00' }, tripEtaSeconds: 1_440 });
  answer = { status: 200, body: { code: 'Ok', routes: [{ distance: 10_000, duration: 1_800 }] } };
  const [jam] = accepted(await quote(4_000)).quoteTrip;
  expect(jam?.lines.map((line) => line.label)).toContain('Heavy traffic, ×1.25');
  expect(Number(jam?.price.amount)).toBe(75);
  expect(await state()).toEqual({ adapter: 'osrm', breaker: 'CLOSED', answeredByServer: 2, answeredByModel: 0 });
});

test('DP-15: a route that does not exist is refused with code, field, rule and next step', async () => {
  answer = { status: 400, body: { code: 'NoRoute', message: 'Impossible route between points' } };
  const refused = await quote(5_000);
  expect(refused.codes).toEqual(['NO_ROUTE']);
  expect(refused.errors[0]?.extensions.details).toEqual({ field: 'input.destination', rule: 'no_route' });
  expect(refused.errors[0]?.message).toContain('Move the pickup or the destination to a street.');
});

test('DP-15: while the server fails quotes go on by the model, and an admin sees that it is left alone', async () => {
  answer = { status: 503, body: {} };
  for (let i = 0; i < 6; i += 1) accepted(await quote(6_000 + i * 500));
  expect(await state()).toMatchObject({ breaker: 'OPEN', answeredByModel: 6 });
  expect((await t.run(say.rider(), '{ routingState { breaker } }')).codes).toEqual(['FORBIDDEN']);
});
