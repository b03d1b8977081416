import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { expect, test } from 'vitest';
import { ANONYMOUS } from '../platform/actor.js';
import { createBreaker } from './breaker.js';
import { localLink } from './localLink.js';
import { remoteLink, signedCredentials } from './remoteLink.js';
import { ALICE, BOB, eventually, INTERNAL_SECRET, startTestGateway, watch } from './testGateway.js';
import type { TestGraph } from './testSubgraphs.js';

const QUERY = '{ trip(id: "t1") { status car { plate } } }';
const GOOD = { trip: { status: 'REQUESTED', car: { plate: 'plate-car-t1' } } };
const PARTIAL = { trip: { status: 'REQUESTED', car: null } };

type Misbehaviour = (response: ServerResponse, request: IncomingMessage) => void;

/** The subgraph `cars` behind a real server, that can be told to misbehave; the others are well. */
async function startWithCars(options: { env?: Record<string, string>; maxAnswerBytes?: number } = {}) {
  const state = { misbehave: null as Misbehaviour | null, requests: 0 };
  let server: Server;
  const sockets = new Set<Socket>();
  const open = async (graph: TestGraph, port = 0) => {
    server = createServer(async (request, response) => {
      state.requests += 1;
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      if (state.misbehave) return state.misbehave(response, request);
      const body = JSON.parse(Buffer.concat(chunks).toString());
      const result = await graph.cars.execute(body, { actor: ANONYMOUS, traceId: '0'.repeat(32), idempotencyKey: null, clientIp: null });
      response.setHeader('content-type', 'application/json').end(JSON.stringify(result));
    });
    server.on('connection', (socket) => {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
    });
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  };
  let port = 0;
  const close = async () => {
    for (const socket of sockets) socket.destroy();
    if (server.listening) await new Promise((resolve) => server.close(resolve));
  };
  const graph = await startTestGateway({
    env: { SUBGRAPH_TIMEOUTS_MS: 'cars:400', ...options.env },
    async link(parts) {
      port = await open(parts);
      const { maxAnswerBytes } = options;
      const cars = remoteLink({ name: 'cars', endpoint: `http://127.0.0.1:${port}/graphql`, credentials: signedCredentials(INTERNAL_SECRET), maxAnswerBytes });
      return [localLink(parts.trips), localLink(parts.people), cars];
    },
  });
  return {
    graph,
    state,
    kill: close,
    revive: () => open(graph, port),
    async [Symbol.asyncDispose]() {
      await close();
      await graph[Symbol.asyncDispose]();
    },
  };
}

const html: Misbehaviour = (response) => void response.setHeader('content-type', 'text/html').end('<html>It works!</html>');
const status =
  (code: number, body: string): Misbehaviour =>
  (response) =>
    void response.writeHead(code, { 'content-type': 'application/json' }).end(body);
const json = (value: unknown) => status(200, JSON.stringify(value));

test.each<[string, Misbehaviour, string]>([
  ['never answers', () => {}, 'TIMEOUT'],
  ['dies in the middle of an answer', (response) => void response.write('{"data":', () => response.destroy()), 'DEPENDENCY_UNAVAILABLE'],
  ['drips its answer', (response) => void setInterval(() => response.write(' '), 50).unref(), 'TIMEOUT'],
  ['answers garbage', status(200, '\u0000{{{'), 'DEPENDENCY_UNAVAILABLE'],
  ['answers HTML', html, 'DEPENDENCY_UNAVAILABLE'],
  ['answers 503', status(503, 'busy'), 'DEPENDENCY_UNAVAILABLE'],
  ['answers JSON that is no answer', status(500, '{"message":"no"}'), 'DEPENDENCY_UNAVAILABLE'],
  ['answers a huge body', (response) => void response.end(JSON.stringify({ data: { _entities: ['x'.repeat(300_000)] } })), 'DEPENDENCY_UNAVAILABLE'],
  ['answers too few entities', json({ data: { _entities: [] } }), 'INTERNAL_ERROR'],
  ['answers no list', json({ data: { _entities: 7 } }), 'INTERNAL_ERROR'],
  ['answers neither data nor errors', json({ data: null }), 'INTERNAL_ERROR'],
  ['answers data of another form', json({ data: 'text' }), 'INTERNAL_ERROR'],
  ['refuses the gateway', status(401, '{"errors":[{"message":"who are you?"}]}'), 'DEPENDENCY_UNAVAILABLE'],
])('GW-31: a subgraph that %s costs its own part of the answer, in bounded time', async (_what, misbehave, code) => {
  await using cars = await startWithCars({ maxAnswerBytes: 100_000 });
  cars.state.misbehave = misbehave;
  const answer = await cars.graph.query(QUERY);
  expect(answer.data).toEqual(PARTIAL);
  expect(answer.errors?.map(({ path, extensions }) => [path?.slice(0, 1), extensions.code])).toEqual([[['trip'], code]]);
  expect(JSON.stringify(answer.errors)).not.toMatch(/127\.0\.0\.1|_entities|cars/);
  cars.state.misbehave = null;
  expect((await cars.graph.query(QUERY)).data).toEqual(GOOD);
});

test('GW-31: values of wrong types are errors at their place, not the client to find out', async () => {
  await using cars = await startWithCars();
  for (const [car, path] of [
    [{ __typename: 'Trip', car: { __typename: 'Car', id: 'c', plate: { nested: true } } }, ['trip', 'car', 'plate']],
    [{ __typename: 'Trip', car: ['a', 'list'] }, ['trip', 'car']],
    [{ __typename: 'Trip', car: 'text' }, ['trip', 'car']],
  ] as const) {
    cars.state.misbehave = json({ data: { _entities: [car] } });
    const answer = await cars.graph.query(QUERY);
    expect([answer.data, answer.errors?.[0]?.path]).toEqual([PARTIAL, path]);
  }
});

test('GW-31: a query is repeated when its answer got lost, a few times and no more; a mutation is not', async () => {
  await using cars = await startWithCars();
  let losses = 2;
  cars.state.misbehave = (response) => {
    losses -= 1;
    if (losses === 0) cars.state.misbehave = null;
    response.destroy();
  };
  expect((await cars.graph.query(QUERY)).data).toEqual(GOOD);
  expect(cars.state.requests).toBe(3);
  cars.state.misbehave = (response) => void response.destroy();
  expect((await cars.graph.query(QUERY)).data).toEqual(PARTIAL);
  expect(cars.state.requests).toBe(6);

  let mutations = 0;
  await using graph = await startTestGateway({
    link: ({ trips, cars: others, people }) => {
      const inner = localLink(trips);
      const execute: typeof inner.execute = async (request) => {
        if (request.query.startsWith('mutation')) mutations += 1;
        throw Object.assign(new Error('lost'), { code: 'UND_ERR_SOCKET' });
      };
      return [{ ...inner, execute }, localLink(others), localLink(people)];
    },
  });
  await graph.query('mutation { rename(id: "t1", status: "X") { id } }');
  expect(mutations).toBe(1);
});

test('EN-06: a client that goes away stops the fetch, over HTTP, WebSocket and an event stream', async () => {
  await using cars = await startWithCars({ env: { SUBGRAPH_TIMEOUTS_MS: 'cars:60000', SHARE_FETCHES: 'off' } });
  let stopped = 0;
  cars.state.misbehave = (response) => void response.once('close', () => (stopped += 1));
  const client = cars.graph.connect();
  watch(client, QUERY);
  await eventually(() => cars.state.requests).toBe(1);
  client.terminate();
  await eventually(() => stopped).toBe(1);
  for (const accept of ['application/json', 'text/event-stream']) {
    const before = cars.state.requests;
    const leaving = new AbortController();
    const headers = { 'content-type': 'application/json', accept };
    const asked = fetch(`${cars.graph.url}/graphql`, { method: 'POST', headers, body: JSON.stringify({ query: QUERY }), signal: leaving.signal });
    asked.catch(() => {});
    await eventually(() => cars.state.requests).toBe(before + 1);
    leaving.abort();
    await eventually(() => stopped).toBe(before + 1);
  }
});

test('GW-31: what is down is left alone, and asked again after a while', async () => {
  await using cars = await startWithCars();
  await cars.kill();
  for (let count = 0; count < 5; count += 1) expect((await cars.graph.query(QUERY)).data).toEqual(PARTIAL);
  await cars.revive();
  const before = cars.state.requests;
  const shut = await cars.graph.query(QUERY);
  expect([shut.data, shut.errors?.[0]?.extensions]).toMatchObject([PARTIAL, { code: 'DEPENDENCY_UNAVAILABLE', retryAfter: expect.any(Number) }]);
  expect(cars.state.requests).toBe(before);
  expect(cars.graph.logLines.filter((line) => line.includes('left alone'))).toHaveLength(1);
  await eventually(async () => (await cars.graph.query(QUERY)).data).toEqual(GOOD);
  expect(cars.graph.logLines.some((line) => line.includes('answers again'))).toBe(true);
});

test('GW-31: the breaker opens by share, lets one call try, and stays open longer when that fails', () => {
  let now = 0;
  const states: string[] = [];
  const breaker = createBreaker(
    (state) => states.push(state),
    () => now,
  );
  for (let count = 0; count < 20; count += 1) breaker.succeeded();
  for (let count = 0; count < 19; count += 1) breaker.failed();
  expect([breaker.state(), breaker.admits()]).toEqual(['CLOSED', true]);
  breaker.failed();
  expect([breaker.state(), breaker.admits(), breaker.waitMs()]).toEqual(['OPEN', false, 1_000]);
  now += 1_000;
  expect([breaker.admits(), breaker.admits()]).toEqual([true, false]);
  breaker.failed();
  expect([breaker.state(), breaker.waitMs()]).toEqual(['OPEN', 2_000]);
  now += 2_000;
  expect(breaker.admits()).toBe(true);
  // Whose client left before the answer decides nothing; the next one does.
  breaker.undecided();
  expect(breaker.admits()).toBe(true);
  breaker.succeeded();
  expect([breaker.state(), breaker.waitMs()]).toEqual(['CLOSED', 0]);
  expect(states).toEqual(['OPEN', 'TRYING', 'OPEN', 'TRYING', 'OPEN', 'TRYING', 'CLOSED']);
  // Failures of long ago do not count.
  for (let count = 0; count < 4; count += 1) breaker.failed();
  now += 20_000;
  breaker.failed();
  expect(breaker.state()).toBe('CLOSED');
});

/** Holds what arrives until it is let go. */
function gate() {
  const waiting: (() => void)[] = [];
  return {
    waiting,
    pass: () => new Promise<void>((resolve) => waiting.push(resolve)),
    open: () => {
      for (const go of waiting.splice(0)) go();
    },
  };
}

async function startGated(env: Record<string, string> = {}) {
  const held = gate();
  const graph = await startTestGateway({
    env,
    link: ({ trips, cars, people }) => {
      const inner = localLink(trips);
      const execute: typeof inner.execute = async (request, caller, signal) => {
        if (request.query.includes('whoami')) await held.pass();
        return inner.execute(request, caller, signal);
      };
      return [{ ...inner, execute }, localLink(cars), localLink(people)];
    },
  });
  return { held, graph };
}

test('GW-31: however many ask the same at the same moment, each gets their own answer', async () => {
  const { held, graph } = await startGated();
  await using _closing = graph;
  const alice = { authorization: `Bearer ${await graph.identity.token(ALICE)}` };
  const bob = { authorization: `Bearer ${await graph.identity.token(BOB)}` };
  const query = '{ whoami trip(id: "t1") { car { plate } } }';
  const asked = [alice, bob, {}, alice, bob, {}, alice].map((headers) => graph.query(query, {}, headers));
  // Nobody is let on before each of the three has asked.
  await eventually(() => held.waiting.length).toBeGreaterThanOrEqual(3);
  const letOn = setInterval(held.open, 50);
  const answers = await Promise.all(asked).finally(() => clearInterval(letOn));
  const who = answers.map(({ data }) => JSON.parse(String(data?.whoami)).actor);
  expect(who.map((actor) => actor.id ?? actor.kind)).toEqual([ALICE, BOB, 'ANONYMOUS', ALICE, BOB, 'ANONYMOUS', ALICE]);
  for (const { data } of answers) expect(data?.trip).toEqual({ car: { plate: 'plate-car-t1' } });
});

test('GW-31: SHARE_FETCHES=off sends every query for itself', async () => {
  const { held, graph } = await startGated({ SHARE_FETCHES: 'off' });
  await using _closing = graph;
  const asked = [graph.query('{ whoami }'), graph.query('{ whoami }')];
  await eventually(() => held.waiting.length).toBe(2);
  held.open();
  expect((await Promise.all(asked)).every(({ errors }) => errors === undefined)).toBe(true);
});

test.each(['on', 'off'])('a subgraph that asks the graph for what it is being asked itself costs a bounded wait; sharing %s', async (share) => {
  let url = '';
  await using graph = await startTestGateway({
    env: { SUBGRAPH_TIMEOUTS_MS: 'cars:400', SHARE_FETCHES: share },
    link: (parts) => [
      localLink(parts.trips),
      localLink(parts.people),
      {
        ...localLink(parts.cars),
        async execute(request, caller, stop) {
          const leaving = new AbortController();
          stop?.addEventListener('abort', () => leaving.abort(stop.reason));
          const { signal } = leaving;
          const body = JSON.stringify({ query: QUERY });
          await fetch(`${url}/graphql`, { method: 'POST', headers: { 'content-type': 'application/json' }, body, signal });
          return parts.cars.execute(request, caller);
        },
      },
    ],
  });
  url = graph.url;
  const answer = await graph.query(QUERY);
  expect([answer.data, answer.errors?.map(({ path, extensions }) => [path, extensions.code])]).toEqual([PARTIAL, [[['trip'], 'TIMEOUT']]]);
  expect((await graph.query('{ whoami }')).status).toBe(200);
});
