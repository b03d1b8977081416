import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { DEFAULT_SOCKET_LIMITS } from './sockets.js';
import { ALICE, eventually, heldCars, startTestGateway, watch } from './testGateway.js';

// Who goes away stops the work (EN-06), and who has to go is not served on the way out (GW-12).

test('EN-06: `complete` for one query ends what is fetched for it, and for no other', async () => {
  const { state, link } = heldCars();
  await using graph = await startTestGateway({ link });
  const client = graph.connect();
  const first = watch(client, '{ trip(id: "t1") { car { plate } } }');
  const second = watch(client, '{ trip(id: "t1") { car { seats } } }');
  await eventually(() => state).toEqual({ begun: 2, ended: 0 });
  first.leave();
  await eventually(() => state).toEqual({ begun: 2, ended: 1 });
  // The socket is well: others go on.
  const other = watch(client, '{ whoami }');
  await eventually(() => other.completed).toBe(true);
  expect([state.ended, second.failure, second.completed]).toEqual([1, null, false]);
  client.terminate();
  await eventually(() => state).toEqual({ begun: 2, ended: 2 });
});

test('EN-06: a mutation goes on to its end when its client leaves', async () => {
  const { state, link } = heldCars();
  await using graph = await startTestGateway({ link });
  const client = graph.connect();
  const leaving = watch(client, 'mutation { one: rename(id: "t1", status: "A") { car { plate } } two: rename(id: "t1", status: "B") { status } }');
  await eventually(() => state).toEqual({ begun: 1, ended: 0 });
  leaving.leave();
  await eventually(() => graph.trips.calls.execute.filter(({ query }) => query.includes('rename')).length).toBe(2);
});

test('EN-06: what completes an event is given up when the last one leaves who waits for it', async () => {
  const { state, link } = heldCars();
  await using graph = await startTestGateway({ link });
  const alice = { authorization: `Bearer ${await graph.identity.token(ALICE)}` };
  const query = 'subscription { sighted { ... on Car { plate } } }';
  const [first, second] = [watch(graph.connect(alice), query), watch(graph.connect(alice), query)];
  await eventually(async () => (await (await fetch(`${graph.url}/metrics`)).text()).includes('waygraph_subscriptions 2')).toBe(true);
  await eventually(() => graph.gateway.upstreamCount()).toBe(1);
  graph.sightings.publish({ __typename: 'Car', id: 'c1' });
  await eventually(() => state).toEqual({ begun: 1, ended: 0 });
  first.leave();
  await eventually(async () => (await (await fetch(`${graph.url}/metrics`)).text()).includes('waygraph_subscriptions 1')).toBe(true);
  expect(state).toEqual({ begun: 1, ended: 0 });
  second.leave();
  await eventually(() => state).toEqual({ begun: 1, ended: 1 });
});

/** A text frame as clients write it. */
function frame(message: object): Buffer {
  const text = Buffer.from(JSON.stringify(message));
  const mask = randomBytes(4);
  const head = text.length < 126 ? [0x81, 0x80 | text.length] : [0x81, 0xfe, text.length >> 8, text.length & 0xff];
  return Buffer.concat([Buffer.from(head), mask, text.map((byte, index) => byte ^ (mask[index % 4] as number))]);
}

/** A client that answers neither pings nor a closing handshake, unless told to. */
async function stubborn(port: number, payload: object = {}) {
  const socket: Socket = connect({ port, host: 'localhost' });
  const heard: Buffer[] = [];
  let isClosed = false;
  socket.on('data', (data) => void heard.push(data));
  socket.on('error', () => {});
  socket.on('close', () => {
    isClosed = true;
  });
  await once(socket, 'connect');
  socket.write(
    'GET /graphql HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n' +
      'sec-websocket-protocol: graphql-transport-ws\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
  );
  const text = () => Buffer.concat(heard).toString('latin1');
  await eventually(() => text()).toContain('101 Switching Protocols');
  socket.write(frame({ type: 'connection_init', payload }));
  await eventually(() => text()).toContain('connection_ack');
  return { socket, text, isClosed: () => isClosed, say: (message: object) => socket.write(frame(message)) };
}

test('GW-12: who does not answer the closing handshake of an expired token runs nothing more, and is cut off', async () => {
  await using graph = await startTestGateway();
  const client = await stubborn(graph.gateway.port, { authorization: `Bearer ${await graph.identity.token(ALICE, { expiresInS: 2 })}` });
  client.say({ id: '1', type: 'subscribe', payload: { query: 'subscription { sighted { __typename } }' } });
  await eventually(() => graph.sightings.listeners.size).toBe(1);
  // 4401 in a frame that closes.
  await eventually(() => client.text()).toContain('\x11\x31Token expired');
  client.say({ id: '2', type: 'subscribe', payload: { query: 'mutation { rename(id: "t1", status: "LATE") { status } }' } });
  await eventually(() => client.isClosed()).toBe(true);
  expect((await graph.query('{ whoami }')).status).toBe(200);
  expect(graph.trips.calls.execute.filter(({ query }) => query.includes('rename'))).toEqual([]);
  await eventually(() => graph.sightings.listeners.size).toBe(0);
});

test('GW-12: who does not answer pings is cut off, and what they watched is let go', async () => {
  await using graph = await startTestGateway({ socketLimits: { ...DEFAULT_SOCKET_LIMITS, keepAliveMs: 200 } });
  const silent = await stubborn(graph.gateway.port);
  silent.say({ id: '1', type: 'subscribe', payload: { query: 'subscription { sighted { __typename } }' } });
  await eventually(() => graph.sightings.listeners.size).toBe(1);
  const lively = watch(graph.connect(), 'subscription { sighted { __typename } }');
  await eventually(() => silent.isClosed()).toBe(true);
  // A ping is a frame of its own kind.
  expect(silent.text()).toContain('\x89\x00');
  await eventually(() => graph.sightings.listeners.size).toBe(1);
  expect(lively.failure).toBeNull();
});

test('GW-12: what a client does not read waits in a queue with an end; the socket itself holds next to nothing', async () => {
  await using graph = await startTestGateway();
  const client = await stubborn(graph.gateway.port);
  client.say({ id: '1', type: 'subscribe', payload: { query: 'subscription { sighted { ... on Trip { id status } } }' } });
  await eventually(() => graph.sightings.listeners.size).toBe(1);
  client.socket.pause();
  const status = 'x'.repeat(100_000);
  // The kernel takes some megabytes; then nothing more gets out, and the queue of 1,000 events fills up.
  for (let sent = 0; graph.sightings.listeners.size > 0 && sent < 20_000; sent += 100) {
    for (let index = 0; index < 100; index += 1) graph.sightings.publish({ __typename: 'Trip', id: `t${sent + index}`, status });
    await new Promise((resolve) => setImmediate(resolve));
    const scraped = await (await fetch(`${graph.url}/metrics`)).text();
    const buffered = Number(/^waygraph_sockets_buffered_bytes (\S+)$/m.exec(scraped)?.[1]);
    expect(buffered).toBeLessThan(1_000_000);
  }
  expect(graph.sightings.listeners.size).toBe(0);
  client.socket.resume();
  await eventually(() => client.text().includes('SLOW_CONSUMER')).toBe(true);
});
