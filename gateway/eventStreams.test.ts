import { type Client, createClient } from 'graphql-sse';
import { expect, test } from 'vitest';
import { DEFAULT_SOCKET_LIMITS } from './sockets.js';
import { ALICE, eventually, startTestGateway, type Watching } from './testGateway.js';

type Graph = Awaited<ReturnType<typeof startTestGateway>>;
const STATES = 'subscription($after: Int) { tripUpdates(tripId: "t1", afterSequence: $after) { sequence kind status } }';
const SIGHTED = 'subscription { sighted { ... on Trip { status } } }';

const connect = (graph: Graph, headers: Record<string, string> = {}) => createClient({ url: `${graph.url}/graphql`, headers, retryAttempts: 0 });

function watch(client: Client, query: string, variables: Record<string, unknown> = {}): Watching {
  const watching: Watching = { events: [], errors: null, failure: null, completed: false, leave: () => {} };
  watching.leave = client.subscribe(
    { query, variables },
    {
      next: ({ data, errors }) => {
        if (data) watching.events.push(data as Record<string, unknown>);
        if (errors) watching.errors = errors as unknown as Watching['errors'];
      },
      error: (error) => {
        watching.failure = error as { code?: number };
      },
      complete: () => {
        watching.completed = true;
      },
    },
  );
  return watching;
}

const post = (graph: Graph, body: unknown, accept = 'text/event-stream', headers: Record<string, string> = {}) =>
  fetch(`${graph.url}/graphql`, { method: 'POST', headers: { 'content-type': 'application/json', accept, ...headers }, body: JSON.stringify(body) });

test('GW-10: subscriptions over server-sent events share their upstream with those over WebSocket; who leaves, leaves it', async () => {
  await using graph = await startTestGateway();
  const watching = watch(connect(graph), STATES);
  await eventually(() => watching.events.length).toBe(1);
  const resumed = watch(connect(graph), STATES, { after: 0 });
  await eventually(() => resumed.events.length).toBe(1);
  graph.trip.moveTo('ACCEPTED');
  await eventually(() => [watching.events.at(-1), resumed.events.at(-1)]).toEqual(
    Array(2).fill({ tripUpdates: { sequence: 2, kind: 'STATE', status: 'ACCEPTED' } }),
  );
  await eventually(() => graph.gateway.upstreamCount()).toBe(1);
  watching.leave();
  resumed.leave();
  await eventually(() => [graph.gateway.upstreamCount(), graph.trip.feed.listeners.size]).toEqual([0, 0]);
  const last = watch(connect(graph), STATES);
  await eventually(() => last.events.length).toBe(1);
  graph.trip.finish('COMPLETED');
  await eventually(() => [last.completed, last.events.length]).toEqual([true, 2]);
});

test('GW-12: identity and rules are those of every other way in', async () => {
  await using graph = await startTestGateway({ socketLimits: { ...DEFAULT_SOCKET_LIMITS, operationsPerConnection: 1 } });
  const outcome = async (answer: Response) => [
    answer.status,
    ((await answer.json()) as { errors: { extensions: { code: string } }[] }).errors[0]?.extensions.code,
  ];
  expect(await outcome(await post(graph, { query: STATES }, 'text/event-stream', { authorization: 'Bearer nonsense' }))).toEqual([401, 'UNAUTHENTICATED']);
  const deep = `query subscription { ${'deep { '.repeat(20)} leaf ${'} '.repeat(20)} }`;
  expect(await outcome(await post(graph, { query: deep }))).toEqual([400, 'QUERY_TOO_COMPLEX']);
  expect(await outcome(await post(graph, { query: 'subscription { nonsense }' }))).toEqual([400, 'GRAPHQL_VALIDATION_FAILED']);
  const refused = watch(connect(graph), 'subscription { forbidden }');
  await eventually(() => [refused.completed, refused.errors?.[0]?.extensions]).toMatchObject([true, { code: 'FORBIDDEN', traceId: expect.any(String) }]);
  const first = watch(connect(graph), SIGHTED);
  await eventually(() => graph.sightings.listeners.size).toBe(1);
  expect(await outcome(await post(graph, { query: SIGHTED }))).toEqual([429, 'RATE_LIMITED']);
  first.leave();
  await eventually(() => graph.sightings.listeners.size).toBe(0);
  const limited = await startTestGateway({ env: { RATE_LIMIT_RATES: 'anonymous=1/60' } });
  const running = watch(connect(limited), STATES);
  await eventually(() => running.events.length).toBe(1);
  const over = await post(limited, { query: STATES });
  expect([over.status, over.headers.get('ratelimit-limit'), over.headers.get('retry-after')]).toEqual([429, '1', expect.stringMatching(/^\d+$/)]);
  await limited[Symbol.asyncDispose]();
});

test('GW-12: the stream ends with the token; a gateway that stops cuts it off without `complete`, so that clients come back', async () => {
  const graph = await startTestGateway();
  const authorization = `Bearer ${await graph.identity.token(ALICE, { expiresInS: 3 })}`;
  const expiring = watch(connect(graph, { authorization }), STATES);
  await eventually(() => expiring.events.length).toBe(1);
  await eventually(() => [expiring.completed, expiring.errors?.[0]?.extensions.code]).toEqual([true, 'UNAUTHENTICATED']);
  expect(graph.trip.feed.listeners.size).toBe(0);
  const cut = watch(connect(graph), STATES);
  await eventually(() => cut.events.length).toBe(1);
  await graph[Symbol.asyncDispose]();
  await eventually(() => [cut.completed, cut.failure !== null]).toEqual([false, true]);
  expect(graph.trip.feed.listeners.size).toBe(0);
});

test('GW-51: queries and mutations too, for clients that know streams alone; whoever also takes JSON gets JSON', async () => {
  await using graph = await startTestGateway();
  const client = connect(graph);
  const query = watch(client, '{ trip(id: "t1") { car { plate } } refuse }');
  await eventually(() => query.completed).toBe(true);
  expect([query.events, query.errors?.[0]?.extensions.code]).toEqual([[{ trip: { car: { plate: 'plate-car-t1' } }, refuse: null }], 'QUOTE_EXPIRED']);
  const mutation = watch(client, 'mutation { rename(id: "t1", status: "NEW") { status } }');
  await eventually(() => mutation.events).toEqual([{ rename: { status: 'NEW' } }]);
  const json = await post(graph, { query: '{ trip(id: "t1") { status } }' }, 'application/json, text/event-stream');
  expect(await json.json()).toEqual({ data: { trip: { status: 'REQUESTED' } } });
  // No page can make a browser subscribe without asking first: a body that is not JSON is not taken.
  const simple = await fetch(`${graph.url}/graphql`, { method: 'POST', headers: { accept: 'text/event-stream', 'content-type': 'text/plain' }, body: '{}' });
  expect(simple.status).toBe(400);
});

test('GW-12: a client that does not read loses its operation, not the memory of the gateway', async () => {
  await using graph = await startTestGateway();
  const answer = await post(graph, { query: SIGHTED });
  await eventually(() => graph.sightings.listeners.size).toBe(1);
  const big = 'x'.repeat(200_000);
  // Until the buffers of the kernel are full, then a thousand more.
  for (let count = 0; count < 1_500 && graph.gateway.upstreamCount() > 0; count += 1) {
    graph.sightings.publish({ __typename: 'Trip', id: 't', status: big });
    if (count % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  await eventually(() => [graph.gateway.upstreamCount(), graph.sightings.listeners.size]).toEqual([0, 0]);
  const text = await answer.text();
  expect(text.slice(-1_000)).toMatch(/SLOW_CONSUMER.*\n\nevent: complete\ndata: \n\n$/s);
});
