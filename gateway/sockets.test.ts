import { once } from 'node:events';
import { connect } from 'node:net';
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

test('anonymous sockets are counted by network, as rates are: of IPv6 one customer has 64 bits', async () => {
  const socketLimits = { ...DEFAULT_SOCKET_LIMITS, connectionsPerPrincipal: 1 };
  await using graph = await startTestGateway({ socketLimits, env: { TRUSTED_PROXIES: '1' } });
  const from = (address: string, query: string) => {
    class FromThere extends WebSocket {
      constructor(url: string, protocols: string) {
        super(url, protocols, { headers: { 'x-forwarded-for': address } });
      }
    }
    return watch(graph.connect({}, { webSocketImpl: FromThere }), query);
  };
  const first = from('2001:db8:1:2::1', SIGHTED);
  await eventually(() => graph.sightings.listeners.size).toBe(1);
  const neighbour = from('2001:db8:1:2:ffff::9', '{ whoami }');
  await eventually(() => neighbour.failure?.code).toBe(4429);
  const stranger = from('2001:db8:1:3::1', '{ whoami }');
  await eventually(() => stranger.completed).toBe(true);
  expect(first.failure).toBeNull();
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

test.each([
  ['another path', '/elsewhere', 'websocket', '13'],
  ['the playground', '/', 'websocket', '13'],
  ['another protocol', '/graphql', 'h2c', '13'],
  ['a version that nobody speaks', '/graphql', 'websocket', '1'],
  ['the graph', '/graphql', 'websocket', '13'],
])('a client that asks for an upgrade of %s and resets the connection ends nothing but that connection', async (_name, path, upgrade, version) => {
  const uncaught: unknown[] = [];
  const note = (error: unknown) => void uncaught.push(error);
  process.on('uncaughtExceptionMonitor', note);
  try {
    await using graph = await startTestGateway();
    for (const waitsForAnswer of [true, false]) {
      const socket = connect({ port: graph.gateway.port, host: 'localhost' });
      await once(socket, 'connect');
      socket.write(
        `GET ${path} HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: ${upgrade}\r\nsec-websocket-version: ${version}\r\n` +
          'sec-websocket-protocol: graphql-transport-ws\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
      );
      if (waitsForAnswer) await once(socket, 'data');
      socket.resetAndDestroy();
    }
    // What comes after them on another connection is read after them.
    expect((await graph.query('{ whoami }')).status).toBe(200);
    const watching = watch(graph.connect(), '{ whoami }');
    await eventually(() => watching.completed).toBe(true);
    expect(uncaught).toEqual([]);
  } finally {
    process.off('uncaughtExceptionMonitor', note);
  }
});

test('stopping closes sockets with 1012, so that clients come back', async () => {
  const graph = await startTestGateway();
  const watching = watch(graph.connect(), SIGHTED);
  await eventually(() => graph.sightings.listeners.size).toBe(1);
  await graph.gateway.stop();
  await eventually(() => watching.failure?.code).toBe(1012);
  expect(graph.sightings.listeners.size).toBe(0);
});
