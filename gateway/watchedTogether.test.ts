import { expect, test } from 'vitest';
import { ALICE, BOB, eventually, startTestGateway, watch, type Watching } from './testGateway.js';

const CAROL = '00000000-0000-4000-8000-00000000000c';
const TRIP = 'subscription($after: Int) { tripUpdates(tripId: "t1", afterSequence: $after) { sequence kind status position trip { car { plate } } } }';

const sequences = (watching: Watching) => watching.events.map((event) => (event.tripUpdates as { sequence: number }).sequence);
const states = (watching: Watching) =>
  watching.events.flatMap((event) => {
    const { kind, sequence } = event.tripUpdates as { kind: string; sequence: number };
    return kind === 'POSITION' ? [] : [sequence];
  });

type Graph = Awaited<ReturnType<typeof startTestGateway>>;
const as = async (graph: Graph, id: string, query = TRIP, variables: Record<string, unknown> = {}) =>
  watch(graph.connect({ authorization: `Bearer ${await graph.identity.token(id)}` }), query, variables);
/** Everybody on one upstream, and nobody being asked about. */
const level = (graph: Graph, upstreams = 1) =>
  eventually(() => [graph.gateway.upstreamCount(), graph.trip.feed.listeners.size]).toEqual([upstreams, upstreams]);

test('GW-11: people who may see the same share one upstream and one resolution per event, whatever they had seen before', async () => {
  await using graph = await startTestGateway();
  const alice = await as(graph, ALICE);
  await eventually(() => sequences(alice)).toEqual([1]);
  graph.trip.moveTo('SEARCHING');
  await eventually(() => sequences(alice)).toEqual([1, 2]);
  const bob = await as(graph, BOB);
  const carol = await as(graph, CAROL, TRIP, { after: 1 });
  await eventually(() => [sequences(bob), sequences(carol)]).toEqual([[2], [2]]);
  await level(graph);
  const before = graph.cars.calls.execute.length;
  graph.trip.moveTo('ACCEPTED');
  await eventually(() => [alice, bob, carol].map(sequences)).toEqual([
    [1, 2, 3],
    [2, 3],
    [2, 3],
  ]);
  expect(graph.cars.calls.execute.length - before).toBe(1);
  await level(graph);
  graph.trip.drive(7);
  await eventually(() => [alice, bob, carol].map(({ events }) => (events.at(-1) as { tripUpdates: { position: number } }).tripUpdates.position)).toEqual([
    7, 7, 7,
  ]);
  expect(graph.cars.calls.execute.length - before).toBe(2);
});

test('GW-11: who is level already is let in by the subgraph before anything is shown, and misses nothing', async () => {
  await using graph = await startTestGateway();
  const alice = await as(graph, ALICE);
  await eventually(() => sequences(alice)).toEqual([1]);
  const bob = await as(graph, BOB, TRIP, { after: 1 });
  await eventually(() => graph.trips.calls.subscribe.length).toBe(2);
  await eventually(() => graph.trip.feed.listeners.size).toBe(2);
  graph.trip.drive(1);
  graph.trip.moveTo('SEARCHING');
  graph.trip.moveTo('ACCEPTED');
  await eventually(() => [states(alice), states(bob)]).toEqual([
    [1, 2, 3],
    [2, 3],
  ]);
  await level(graph);
});

test('GW-11: a stranger is refused though the upstream is open, and one who lost the right is shown nothing that came after', async () => {
  await using graph = await startTestGateway();
  graph.trip.barred.add(CAROL);
  const alice = await as(graph, ALICE);
  await eventually(() => sequences(alice)).toEqual([1]);
  const carol = await as(graph, CAROL);
  await eventually(() => carol.errors?.[0]?.extensions.code).toBe('NOT_FOUND');
  const bob = await as(graph, BOB);
  await eventually(() => sequences(bob)).toEqual([1]);
  await level(graph);
  graph.trip.barred.add(BOB);
  graph.trip.moveTo('REASSIGNED');
  graph.trip.drive(1);
  await eventually(() => bob.completed).toBe(true);
  await eventually(() => states(alice)).toEqual([1, 2]);
  expect([sequences(bob), carol.events]).toEqual([[1], []]);
  await level(graph);
});

test('GW-11: when the one in whose name it runs is shut out or leaves, the others go on without a gap; the end is the end for all', async () => {
  await using graph = await startTestGateway();
  const alice = await as(graph, ALICE);
  await eventually(() => sequences(alice)).toEqual([1]);
  const bob = await as(graph, BOB);
  const carol = await as(graph, CAROL);
  await eventually(() => [sequences(bob), sequences(carol)]).toEqual([[1], [1]]);
  await level(graph);
  graph.trip.moveTo('SEARCHING');
  await eventually(() => [alice, bob, carol].map(states)).toEqual([
    [1, 2],
    [1, 2],
    [1, 2],
  ]);
  await level(graph);
  graph.trip.barred.add(ALICE);
  for (const listener of [...graph.trip.feed.listeners]) listener.end();
  await eventually(() => alice.completed).toBe(true);
  graph.trip.moveTo('ACCEPTED');
  await eventually(() => [bob, carol].map(states)).toEqual([
    [1, 2, 3],
    [1, 2, 3],
  ]);
  await level(graph);
  bob.leave();
  graph.trip.moveTo('STARTED');
  await eventually(() => states(carol)).toEqual([1, 2, 3, 4]);
  expect([states(alice), bob.errors, carol.completed]).toEqual([[1, 2], null, false]);
  await level(graph);
});

test('GW-11: when several are shut out at once, whoever is left goes on', async () => {
  await using graph = await startTestGateway();
  const watchers: Watching[] = [];
  for (const id of [ALICE, BOB, CAROL]) {
    watchers.push(await as(graph, id));
    await eventually(() => watchers.map(states)).toEqual(watchers.map(() => [1]));
  }
  await level(graph);
  for (const id of [ALICE, BOB]) graph.trip.barred.add(id);
  for (const listener of [...graph.trip.feed.listeners]) listener.end();
  await eventually(() => watchers.map(({ completed }) => completed)).toEqual([true, true, false]);
  graph.trip.moveTo('ACCEPTED');
  await eventually(() => watchers.map(states)).toEqual([[1], [1], [1, 2]]);
  expect(watchers.map(({ errors }) => errors)).toEqual([null, null, null]);
  await level(graph);
});

test('GW-11: everybody hears the end of the stream, behind the last state', async () => {
  await using graph = await startTestGateway();
  const watchers: Watching[] = [];
  for (const id of [ALICE, BOB, CAROL]) {
    watchers.push(await as(graph, id));
    await eventually(() => watchers.map(states)).toEqual(watchers.map(() => [1]));
  }
  await level(graph);
  graph.trip.finish('COMPLETED');
  await eventually(() => watchers.map(({ completed }) => completed)).toEqual([true, true, true]);
  expect(watchers.map(states)).toEqual([
    [1, 2],
    [1, 2],
    [1, 2],
  ]);
  await level(graph, 0);
});

test('ID-07b: what depends on who asks is resolved for each, over one upstream; in the events themselves it is not shared', async () => {
  await using graph = await startTestGateway();
  const joined = 'subscription { tripUpdates(tripId: "t1") { status trip { id seenBy } } }';
  const alice = await as(graph, ALICE, joined);
  await eventually(() => alice.events.length).toBe(1);
  const bob = await as(graph, BOB, joined);
  await eventually(() => bob.events.length).toBe(1);
  await level(graph);
  graph.trip.moveTo('SEARCHING');
  await eventually(() => [alice.events.length, bob.events.length]).toEqual([2, 2]);
  const seenBy = (watching: Watching) => watching.events.map((event) => (event.tripUpdates as { trip: { seenBy: string } }).trip.seenBy);
  expect([new Set(seenBy(alice)), new Set(seenBy(bob))]).toEqual([new Set([`user:${ALICE}`]), new Set([`user:${BOB}`])]);

  const own = 'subscription { tripUpdates(tripId: "t1") { status asker ... on TripUpdate @include(if: false) { kind } } }';
  const [first, second] = [await as(graph, ALICE, own), await as(graph, BOB, own)];
  await eventually(() => [first.events.length, second.events.length]).toEqual([1, 1]);
  graph.trip.moveTo('ACCEPTED');
  await eventually(() => [first.events.at(-1), second.events.at(-1)]).toEqual([
    { tripUpdates: { status: 'ACCEPTED', asker: `user:${ALICE}` } },
    { tripUpdates: { status: 'ACCEPTED', asker: `user:${BOB}` } },
  ]);
  await level(graph, 3);
});

test('GW-14: a subgraph that restarts ends nobody, and each misses nothing', async () => {
  await using graph = await startTestGateway();
  const watchers: Watching[] = [];
  for (const id of [ALICE, BOB]) {
    watchers.push(await as(graph, id));
    await eventually(() => watchers.map(states)).toEqual(watchers.map(() => [1]));
  }
  await level(graph);
  graph.trip.down = true;
  graph.trip.breakOff();
  graph.trip.moveTo('SEARCHING');
  await eventually(() => graph.trip.feed.listeners.size).toBe(0);
  graph.trip.down = false;
  graph.trip.moveTo('ACCEPTED');
  await eventually(() => watchers.map(states)).toEqual([
    [1, 2, 3],
    [1, 2, 3],
  ]);
  await level(graph);
});
