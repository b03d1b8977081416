import { once } from 'node:events';
import { expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { createLog } from '../platform/log.js';
import { serveSubgraph } from '../platform/serveSubgraph.js';
import type { Subgraph } from '../platform/subgraph.js';
import { localLink } from './localLink.js';
import { remoteLink, signedCredentials } from './remoteLink.js';
import { ALICE, BOB, eventually, INTERNAL_SECRET, startTestGateway, watch, type Watching } from './testGateway.js';

const silent = createLog({ service: 'test', level: 'silent' });
const remote = (name: string, url: string) => remoteLink({ name, endpoint: `${url}/graphql`, credentials: signedCredentials(INTERNAL_SECRET) });
const STATES = 'subscription($after: Int) { tripUpdates(tripId: "t1", afterSequence: $after) { sequence kind status } }';
const sequences = (watching: Watching) => watching.events.map((event) => (event.tripUpdates as { sequence: number }).sequence);

test('a subscription reads joined fields from three subgraphs, with aliases, fragments, conditions and variables', async () => {
  await using graph = await startTestGateway();
  const watching = watch(
    graph.connect(),
    `subscription Trip($id: ID!, $withOwner: Boolean!, $upper: Boolean) {
       now: tripUpdates(tripId: $id) { state: status kind: sequence trip { ...Of status @skip(if: $withOwner) } }
     }
     fragment Of on Trip { id car { mark: plate(upper: $upper) plain: plate label owner @include(if: $withOwner) { called: name } } }`,
    { id: 't1', withOwner: true, upper: true },
  );
  await eventually(() => watching.events.length).toBe(1);
  graph.trip.moveTo('ACCEPTED');
  await eventually(() => watching.events.length).toBe(2);
  const car = { mark: 'PLATE-CAR-T1', plain: 'plate-car-t1', label: '4 seats', owner: { called: 'Owner of car-t1' } };
  expect(watching.events).toEqual([
    { now: { state: 'REQUESTED', kind: 1, trip: { id: 't1', car } } },
    { now: { state: 'ACCEPTED', kind: 2, trip: { id: 't1', car } } },
  ]);
});

test('unions and interfaces resolve by what each event is', async () => {
  await using graph = await startTestGateway();
  const watching = watch(graph.connect(), 'subscription { sighted { __typename ... on Trip { status car { plate } } ... on Car { plate owner { name } } } }');
  await eventually(() => graph.sightings.listeners.size).toBe(1);
  graph.sightings.publish({ __typename: 'Trip', id: 't9', status: 'STARTED' });
  graph.sightings.publish({ __typename: 'Car', id: 'c9' });
  await eventually(() => watching.events.length).toBe(2);
  expect(watching.events).toEqual([
    { sighted: { __typename: 'Trip', status: 'STARTED', car: { plate: 'plate-car-t9' } } },
    { sighted: { __typename: 'Car', plate: 'plate-c9', owner: { name: 'Owner of c9' } } },
  ]);
});

test('equal subscriptions of one person share one upstream and one resolution per event; another person has one of their own', async () => {
  await using graph = await startTestGateway();
  const query = 'subscription { sighted { ... on Car { plate } } }';
  const alice = { authorization: `Bearer ${await graph.identity.token(ALICE)}` };
  const watchers = [graph.connect(alice), graph.connect(alice), graph.connect(alice)].map((client) => watch(client, query));
  await eventually(() => graph.sightings.listeners.size).toBe(1);
  const bob = watch(graph.connect({ authorization: `Bearer ${await graph.identity.token(BOB)}` }), query);
  await eventually(() => graph.sightings.listeners.size).toBe(2);
  // The third of Alice's may still be on its way: all of them have to be there before the event.
  await eventually(async () => (await (await fetch(`${graph.url}/metrics`)).text()).includes('waygraph_subscriptions 4')).toBe(true);
  graph.sightings.publish({ __typename: 'Car', id: 'c1' });
  for (const watcher of [...watchers, bob]) await eventually(() => watcher.events).toEqual([{ sighted: { plate: 'plate-c1' } }]);
  expect(graph.gateway.upstreamCount()).toBe(2);
  expect(graph.cars.calls.execute).toHaveLength(2);
});

test('the upstream closes when the last client leaves, while no event comes', async () => {
  await using graph = await startTestGateway();
  const first = watch(graph.connect(), STATES);
  const second = watch(graph.connect(), STATES);
  await eventually(() => [first.events.length, second.events.length]).toEqual([1, 1]);
  first.leave();
  await eventually(() => graph.gateway.upstreamCount()).toBe(1);
  second.leave();
  await eventually(() => [graph.gateway.upstreamCount(), graph.trip.feed.listeners.size]).toEqual([0, 0]);
});

test('a socket that breaks off closes its upstreams too', async () => {
  await using graph = await startTestGateway();
  const client = graph.connect();
  const watching = watch(client, STATES);
  await eventually(() => watching.events.length).toBe(1);
  client.terminate();
  await eventually(() => [graph.gateway.upstreamCount(), graph.trip.feed.listeners.size]).toEqual([0, 0]);
});

test('who joins later begins where they want to, then shares the upstream', async () => {
  await using graph = await startTestGateway();
  const first = watch(graph.connect(), STATES);
  await eventually(() => sequences(first)).toEqual([1]);
  for (const status of ['SEARCHING', 'ACCEPTED']) graph.trip.moveTo(status);
  await eventually(() => sequences(first)).toEqual([1, 2, 3]);
  const present = watch(graph.connect(), STATES);
  const missed = watch(graph.connect(), STATES, { after: 1 });
  const level = watch(graph.connect(), STATES, { after: 3 });
  await eventually(() => [sequences(present), sequences(missed)]).toEqual([[3], [2, 3]]);
  await eventually(() => [graph.gateway.upstreamCount(), graph.trip.feed.listeners.size]).toEqual([1, 1]);
  graph.trip.moveTo('STARTED');
  await eventually(() => [first, present, missed, level].map(sequences)).toEqual([[1, 2, 3, 4], [3, 4], [2, 3, 4], [4]]);
});

test('the end of the stream reaches the client', async () => {
  await using graph = await startTestGateway();
  const watching = watch(graph.connect(), STATES);
  await eventually(() => watching.events.length).toBe(1);
  graph.trip.feed.complete();
  await eventually(() => watching.completed).toBe(true);
  expect(graph.gateway.upstreamCount()).toBe(0);
});

test('a refused subscription is an error message with code, details and trace id', async () => {
  await using graph = await startTestGateway();
  const client = graph.connect();
  const forbidden = watch(client, 'subscription { forbidden }');
  const missing = watch(client, 'subscription { tripUpdates(tripId: "t2") { status } }');
  await eventually(() => [forbidden.errors?.length, missing.errors?.length]).toEqual([1, 1]);
  expect(forbidden.errors?.[0]).toMatchObject({ message: 'This is for drivers only.', extensions: { code: 'FORBIDDEN', traceId: expect.any(String) } });
  expect(missing.errors?.[0]?.extensions).toMatchObject({ code: 'NOT_FOUND', details: { field: 'tripId' } });
  expect(graph.gateway.upstreamCount()).toBe(0);
});

test('an error in a joined field comes with the event, and the stream goes on', async () => {
  await using graph = await startTestGateway({
    link: ({ trips, people }) => [localLink(trips), localLink(people), remote('cars', 'http://127.0.0.1:9')],
  });
  const watching = watch(graph.connect(), 'subscription { tripUpdates(tripId: "t1") { status trip { car { plate } } } }');
  await eventually(() => watching.events.length).toBe(1);
  graph.trip.moveTo('ACCEPTED');
  await eventually(() => watching.events.length).toBe(2);
  expect(watching.events[1]).toMatchObject({
    data: { tripUpdates: { status: 'ACCEPTED', trip: { car: null } } },
    errors: [{ path: ['tripUpdates', 'trip'], extensions: { code: 'DEPENDENCY_UNAVAILABLE' } }],
  });
});

test('an event that breaks its own schema is an error of that event, and the next one is good again', async () => {
  await using graph = await startTestGateway();
  const watching = watch(graph.connect(), 'subscription { tripUpdates(tripId: "t1") { fragile } }');
  await eventually(() => watching.events.length).toBe(1);
  graph.trip.moveTo('BROKEN');
  await eventually(() => watching.events.length).toBe(2);
  graph.trip.moveTo('REPAIRED');
  await eventually(() => watching.events.length).toBe(3);
  expect(watching.events).toMatchObject([
    { tripUpdates: { fragile: 1 } },
    { data: null, errors: [{ path: ['tripUpdates', 'fragile'], extensions: { code: 'INTERNAL_ERROR' } }] },
    { tripUpdates: { fragile: 1 } },
  ]);
});

test('a restart of the subgraph is not seen by the client, and no state is missed or sent twice', async () => {
  const serve = (trips: Subgraph, port = 0) => serveSubgraph(trips, { port, internalSecret: INTERNAL_SECRET, log: silent, clock: () => new Date() });
  let server: Awaited<ReturnType<typeof serve>> | undefined;
  await using graph = await startTestGateway({
    async link({ trips, cars, people }) {
      server = await serve(trips);
      return [remote('trips', `http://127.0.0.1:${server.port}`), localLink(cars), localLink(people)];
    },
  });
  // `resumed` says where it begins and does not ask for the sequence: the gateway has to know it all the same.
  const watching = watch(graph.connect(), STATES);
  const resumed = watch(graph.connect(), 'subscription { tripUpdates(tripId: "t1", afterSequence: 0) { status } }');
  const sighted = watch(graph.connect(), 'subscription { sighted { ... on Car { plate } } }');
  await eventually(() => [watching.events.length, resumed.events.length]).toEqual([1, 1]);
  graph.trip.moveTo('SEARCHING');
  await eventually(() => sequences(watching)).toEqual([1, 2]);

  await server?.stop();
  await eventually(() => graph.trip.feed.listeners.size).toBe(0);
  graph.trip.moveTo('ACCEPTED');
  graph.trip.moveTo('DRIVER_ARRIVED');
  server = await serve(graph.trips, server?.port);
  await eventually(() => sequences(watching)).toEqual([1, 2, 3, 4]);
  await eventually(() => graph.sightings.listeners.size).toBe(1);
  graph.trip.moveTo('STARTED');
  graph.sightings.publish({ __typename: 'Car', id: 'c1' });
  await eventually(() => sequences(watching)).toEqual([1, 2, 3, 4, 5]);
  const statuses = ['REQUESTED', 'SEARCHING', 'ACCEPTED', 'DRIVER_ARRIVED', 'STARTED'].map((status) => ({ tripUpdates: { status } }));
  await eventually(() => resumed.events).toEqual(statuses);
  await eventually(() => sighted.events).toEqual([{ sighted: { plate: 'plate-c1' } }]);
  expect([watching, resumed, sighted].map(({ errors, failure, completed }) => errors ?? failure ?? completed)).toEqual([false, false, false]);
  await server.stop();
});

test('of positions that pile up only the newest is sent, of states every one', async () => {
  await using graph = await startTestGateway();
  const watching = watch(graph.connect(), 'subscription { tripUpdates(tripId: "t1") { kind sequence position trip { car { plate } } } }');
  await eventually(() => watching.events.length).toBe(1);
  for (let step = 1; step <= 300; step += 1) {
    graph.trip.drive(step);
    if (step % 100 === 0) graph.trip.moveTo(`STATE_${step}`);
  }
  graph.trip.drive(301);
  const updates = () => watching.events.map((event) => event.tripUpdates as { kind: string; sequence: number; position: number | null });
  await eventually(() => updates().at(-1)?.position).toBe(301);
  expect(
    updates()
      .filter(({ kind }) => kind === 'STATE')
      .map(({ sequence }) => sequence),
  ).toEqual([2, 3, 4]);
  expect(updates().length).toBeLessThan(100);
});

test('a client that does not read loses its operation, not the memory of the gateway', async () => {
  await using graph = await startTestGateway();
  const socket = new WebSocket(`ws://localhost:${graph.gateway.port}/graphql`, 'graphql-transport-ws');
  const messages: { type: string; payload?: { extensions: { code: string } }[] }[] = [];
  socket.on('message', (data) => messages.push(JSON.parse(String(data))));
  await once(socket, 'open');
  socket.send(JSON.stringify({ type: 'connection_init' }));
  await eventually(() => messages.length).toBe(1);
  socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload: { query: 'subscription { sighted { ... on Trip { status } } }' } }));
  await eventually(() => graph.sightings.listeners.size).toBe(1);
  socket.pause();
  const big = 'x'.repeat(200_000);
  // Until the buffers of the kernel are full, then a thousand more.
  for (let count = 0; count < 1_500 && graph.gateway.upstreamCount() > 0; count += 1) {
    graph.sightings.publish({ __typename: 'Trip', id: 't', status: big });
    if (count % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  await eventually(() => [graph.gateway.upstreamCount(), graph.sightings.listeners.size]).toEqual([0, 0]);
  socket.resume();
  await eventually(() => messages.at(-1)).toMatchObject({ type: 'error', payload: [{ extensions: { code: 'SLOW_CONSUMER', retryAfter: 1 } }] });
  socket.terminate();
});

test('between events the same client operation holds one listener, and a person who leaves and comes back gets a new snapshot', async () => {
  await using graph = await startTestGateway();
  const client = graph.connect();
  for (let round = 0; round < 3; round += 1) {
    const watching = watch(client, STATES);
    await eventually(() => sequences(watching)).toEqual([1]);
    expect(graph.trip.feed.listeners.size).toBe(1);
    watching.leave();
    await eventually(() => graph.trip.feed.listeners.size).toBe(0);
  }
});
