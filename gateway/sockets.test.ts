import { once } from 'node:events';
import { expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { DEFAULT_SOCKET_LIMITS } from './sockets.js';
import { ALICE, BOB, eventually, startTestGateway, watch } from './testGateway.js';

const SIGHTED = 'subscription { sighted { __typename } }';

test('queries and mutations run over WebSocket with the same answers as over HTTP', async () => {
  await using graph = await startTestGateway();
  const client = graph.connect();
  const query = watch(client, 'query($id: ID!) { trip(id: $id) { car { plate } } refuse }', { id: 't1' });
  await eventually(() => query.completed).toBe(true);
  expect(query.events).toMatchObject([
    {
      data: { trip: { car: { plate: 'plate-car-t1' } }, refuse: null },
      errors: [{ extensions: { code: 'QUOTE_EXPIRED', retryAfter: 3, traceId: expect.any(String) } }],
    },
  ]);
  const bad = watch(client, 'query($id: ID!) { trip(id: $id) { status } }');
  await eventually(() => bad.errors?.[0]?.extensions).toMatchObject({ code: 'VALIDATION_ERROR', details: { field: 'id' } });
  const unparsable = watch(client, 'subscription {');
  await eventually(() => unparsable.errors?.[0]?.extensions).toMatchObject({ code: 'GRAPHQL_PARSE_FAILED' });
  const conditional = watch(client, 'subscription($on: Boolean!) { sighted @include(if: $on) { __typename } }', { on: false });
  await eventually(() => conditional.errors ?? conditional.completed).toBeTruthy();
  // Nothing of that has closed the socket.
  const after = watch(client, '{ whoami }');
  await eventually(() => after.completed).toBe(true);
});

test('operations per connection are limited, and a place is free again after one ends', async () => {
  await using graph = await startTestGateway({ socketLimits: { ...DEFAULT_SOCKET_LIMITS, operationsPerConnection: 2 } });
  const client = graph.connect();
  const first = watch(client, SIGHTED);
  watch(client, SIGHTED);
  const third = watch(client, SIGHTED);
  await eventually(() => third.errors?.[0]?.extensions).toMatchObject({ code: 'RATE_LIMITED', details: { limit: 'operationsPerConnection', max: 2 } });
  first.leave();
  const fourth = watch(client, '{ whoami }');
  await eventually(() => fourth.completed).toBe(true);
});

test('connections per person are limited, and RATE_LIMITS=off lifts it', async () => {
  const socketLimits = { ...DEFAULT_SOCKET_LIMITS, connectionsPerPrincipal: 1 };
  await using graph = await startTestGateway({ socketLimits });
  const alice = { authorization: `Bearer ${await graph.identity.token(ALICE)}` };
  const first = graph.connect(alice);
  const running = watch(first, SIGHTED);
  await eventually(() => graph.sightings.listeners.size).toBe(1);
  const second = watch(graph.connect(alice), SIGHTED);
  await eventually(() => second.failure?.code).toBe(4429);
  const bob = watch(graph.connect({ authorization: `Bearer ${await graph.identity.token(BOB)}` }), SIGHTED);
  await eventually(() => graph.sightings.listeners.size).toBe(2);
  expect(bob.failure).toBeNull();
  first.terminate();
  await eventually(() => running.failure).toBeTruthy();
  await eventually(() => graph.sightings.listeners.size).toBe(1);
  const again = watch(graph.connect(alice), SIGHTED);
  await eventually(() => graph.sightings.listeners.size).toBe(2);
  expect(again.failure).toBeNull();

  await using unlimited = await startTestGateway({ socketLimits, env: { RATE_LIMITS: 'off' } });
  const many = [1, 2, 3].map(() => watch(unlimited.connect(), '{ whoami }'));
  await eventually(() => many.every(({ completed }) => completed)).toBe(true);
});

test('a socket without operations is closed after a while, one with an operation is not', async () => {
  await using graph = await startTestGateway({ socketLimits: { ...DEFAULT_SOCKET_LIMITS, idleMs: 200 } });
  const closed: unknown[] = [];
  graph.connect({}, { lazy: false, onNonLazyError: () => {}, on: { closed: (event) => closed.push((event as { code: number }).code) } });
  const busy = watch(graph.connect(), SIGHTED);
  await eventually(() => closed).toEqual([1000]);
  expect([busy.failure, graph.sightings.listeners.size]).toEqual([null, 1]);
});

test('a message that is too large closes the socket', async () => {
  await using graph = await startTestGateway();
  const watching = watch(graph.connect(), `{ whoami } # ${'x'.repeat(1_100_000)}`);
  await eventually(() => watching.failure?.code).toBe(1009);
});

test('other paths do not speak WebSocket', async () => {
  await using graph = await startTestGateway();
  const socket = new WebSocket(`ws://localhost:${graph.gateway.port}/elsewhere`, 'graphql-transport-ws');
  const [error] = (await once(socket, 'error')) as [Error];
  expect(error.message).toContain('404');
});

test('stopping closes sockets with 1012, so that clients come back', async () => {
  const graph = await startTestGateway();
  const watching = watch(graph.connect(), SIGHTED);
  await eventually(() => graph.sightings.listeners.size).toBe(1);
  await graph.gateway.stop();
  await eventually(() => watching.failure?.code).toBe(1012);
  expect(graph.sightings.listeners.size).toBe(0);
});
