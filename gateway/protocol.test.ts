import { once } from 'node:events';
import { expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { DEFAULT_SOCKET_LIMITS } from './sockets.js';
import { ALICE, eventually, startTestGateway } from './testGateway.js';

type Graph = Awaited<ReturnType<typeof startTestGateway>>;
interface Message {
  type: string;
  id?: string;
  payload?: unknown;
}

/** A socket without any client on top, as the protocol is written. */
async function open(graph: Graph, protocols = ['graphql-transport-ws']) {
  const socket = new WebSocket(`ws://localhost:${graph.gateway.port}/graphql`, protocols);
  const messages: Message[] = [];
  const closed: number[] = [];
  socket.on('message', (data) => messages.push(JSON.parse(String(data))));
  socket.on('close', (code) => closed.push(code));
  await once(socket, 'open');
  const say = (message: unknown) => socket.send(typeof message === 'string' ? message : JSON.stringify(message));
  return {
    messages,
    closed,
    say,
    async begin(payload?: object) {
      say({ type: 'connection_init', payload });
      await eventually(() => messages[0]?.type).toBe('connection_ack');
    },
  };
}

const SIGHTED = { query: 'subscription { sighted { __typename } }' };

test('GW-51: 4400 for what is no message, 4406 for no protocol', async () => {
  await using graph = await startTestGateway();
  for (const nonsense of ['{', '{"type":"sing"}', '{"type":"subscribe","id":1}', '[]']) {
    const socket = await open(graph);
    await socket.begin();
    socket.say(nonsense);
    await eventually(() => socket.closed).toEqual([4400]);
  }
  const other = await open(graph, []);
  await eventually(() => other.closed).toEqual([4406]);
});

test('GW-51: 4401 before `connection_init` and when the token ends, 4403 for a bad one, 4408 for none in time', async () => {
  await using graph = await startTestGateway({ socketLimits: { ...DEFAULT_SOCKET_LIMITS, initWaitMs: 300 } });
  const hasty = await open(graph);
  hasty.say({ id: '1', type: 'subscribe', payload: SIGHTED });
  await eventually(() => hasty.closed).toEqual([4401]);
  const expiring = await open(graph);
  await expiring.begin({ authorization: `Bearer ${await graph.identity.token(ALICE, { expiresInS: 2 })}` });
  expiring.say({ id: '1', type: 'subscribe', payload: SIGHTED });
  await eventually(() => expiring.closed).toEqual([4401]);
  await eventually(() => graph.sightings.listeners.size).toBe(0);
  for (const payload of [{ authorization: 'Bearer nonsense' }, { authorization: 'Basic x' }, { apiKey: 'nobody' }]) {
    const bad = await open(graph);
    bad.say({ type: 'connection_init', payload });
    await eventually(() => bad.closed).toEqual([4403]);
  }
  const silent = await open(graph);
  await eventually(() => silent.closed).toEqual([4408]);
});

test('GW-51: 4409 for an id that is in use, 4429 for a second `connection_init` and for guessing too often', async () => {
  await using graph = await startTestGateway();
  const twice = await open(graph);
  await twice.begin();
  twice.say({ id: 'same', type: 'subscribe', payload: SIGHTED });
  twice.say({ id: 'same', type: 'subscribe', payload: SIGHTED });
  await eventually(() => twice.closed).toEqual([4409]);
  const eager = await open(graph);
  await eager.begin();
  eager.say({ type: 'connection_init' });
  await eventually(() => eager.closed).toEqual([4429]);
  await eventually(() => graph.sightings.listeners.size).toBe(0);
  await using limited = await startTestGateway({ env: { RATE_LIMIT_RATES: 'anonymous=1/60' } });
  const codes = [];
  for (const guess of ['a', 'b']) {
    const socket = await open(limited);
    socket.say({ type: 'connection_init', payload: { authorization: `Bearer ${guess}` } });
    await eventually(() => socket.closed.length).toBe(1);
    codes.push(socket.closed[0]);
  }
  expect(codes).toEqual([4403, 4429]);
});

test('GW-12: 4429 for more connections than one may have, and a place is free again when one closes', async () => {
  await using graph = await startTestGateway({ socketLimits: { ...DEFAULT_SOCKET_LIMITS, connectionsPerPrincipal: 2 } });
  const [first, held] = [await open(graph), await open(graph)];
  await first.begin();
  await held.begin();
  const third = await open(graph);
  third.say({ type: 'connection_init' });
  await eventually(() => third.closed).toEqual([4429]);
  expect([first.closed, held.closed]).toEqual([[], []]);
  first.say('{');
  await eventually(() => first.closed).toEqual([4400]);
  const fourth = await open(graph);
  await fourth.begin();
});

test('GW-51: a ping is answered with its payload at any time; an id is free again behind `complete`', async () => {
  await using graph = await startTestGateway();
  const socket = await open(graph);
  socket.say({ type: 'ping', payload: { n: 1 } });
  await eventually(() => socket.messages).toEqual([{ type: 'pong', payload: { n: 1 } }]);
  socket.messages.length = 0;
  await socket.begin();
  socket.say({ type: 'pong' });
  for (const _ of [1, 2]) {
    socket.say({ id: 'a', type: 'subscribe', payload: { query: '{ trip(id: "t1") { status } }' } });
    await eventually(() => socket.messages.splice(1)).toEqual([
      { id: 'a', type: 'next', payload: { data: { trip: { status: 'REQUESTED' } } } },
      { id: 'a', type: 'complete' },
    ]);
  }
  socket.say({ id: 'b', type: 'subscribe', payload: SIGHTED });
  await eventually(() => graph.sightings.listeners.size).toBe(1);
  socket.say({ id: 'b', type: 'complete' });
  await eventually(() => graph.sightings.listeners.size).toBe(0);
  expect([socket.closed, socket.messages.splice(1)]).toEqual([[], []]);
});

test('GW-23: limits on documents and on who may ask hold on the socket as over HTTP', async () => {
  await using graph = await startTestGateway({ env: { NODE_ENV: 'production', CORS_ORIGINS: 'https://app.example' } });
  const socket = await open(graph);
  await socket.begin();
  const code = async (query: string) => {
    socket.messages.length = 1;
    socket.say({ id: 'x', type: 'subscribe', payload: { query } });
    await eventually(() => socket.messages.length).toBeGreaterThan(1);
    const { type, payload } = socket.messages[1] as Message & { payload: { extensions: { code: string } }[] };
    const answered = (await graph.query(query)).errors?.[0]?.extensions.code;
    return [type, payload[0]?.extensions.code, answered];
  };
  const deep = (head: string) => `${head} { ${'deep { '.repeat(20)} leaf ${'} '.repeat(20)} }`;
  expect(await code(deep('query'))).toEqual(['error', 'QUERY_TOO_COMPLEX', 'QUERY_TOO_COMPLEX']);
  expect(await code(`{ ${Array.from({ length: 40 }, (_, n) => `a${n}: whoami`).join(' ')} }`)).toEqual(['error', 'QUERY_TOO_COMPLEX', 'QUERY_TOO_COMPLEX']);
  expect(await code(`{ whoami ${'whoami '.repeat(2_000)} }`)).toEqual(['error', 'QUERY_TOO_COMPLEX', 'QUERY_TOO_COMPLEX']);
  expect(await code('{ __schema { types { name } } }')).toEqual(['error', 'GRAPHQL_VALIDATION_FAILED', 'GRAPHQL_VALIDATION_FAILED']);
  expect(socket.closed).toEqual([]);
});
