import { expect, test } from 'vitest';
import { ALICE, eventually, heldCars, startTestGateway } from './testGateway.js';

// The gateway's short way over HTTP against the long one through Express and Apollo Server (EN-04): the same status, headers and body, whoever asks for whatever.

const TRACE = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
/** One of each pair is plain; the other means the same and is not plain enough for the short way. */
const PAIRS = [
  ['application/json', 'application/json, text/plain;q=0.1'],
  ['*/*', 'application/json, */*;q=0.1'],
] as const;

type Graph = Awaited<ReturnType<typeof startTestGateway>>;

async function answerOf(graph: Graph, body: string, headers: Record<string, string>) {
  const response = await graph.post(body, { traceparent: TRACE, ...headers });
  const { date: _date, 'keep-alive': _kept, connection: _connection, etag: _tag, ...shown } = Object.fromEntries(response.headers);
  const text = (await response.text()).replace(/"timestamp":"[^"]*"/g, '"timestamp":"then"');
  return { status: response.status, headers: shown, body: text.startsWith('{') ? (JSON.parse(text) as unknown) : text };
}

async function bothWays(graph: Graph, given: unknown, headers: Record<string, string> = {}) {
  const body = typeof given === 'string' ? given : JSON.stringify(given);
  for (const [plain, wordy] of PAIRS) {
    const short = await answerOf(graph, body, { ...headers, accept: plain });
    const long = await answerOf(graph, body, { ...headers, accept: wordy });
    // Each of the two was counted.
    for (const each of [short, long]) for (const name of ['ratelimit-remaining', 'ratelimit-reset']) if (name in each.headers) each.headers[name] = 'counted';
    expect(short).toEqual(long);
  }
}

test('EN-04: what runs, what fails and what is refused is answered alike, shortly and at length', async () => {
  await using graph = await startTestGateway({ env: { CORS_ORIGINS: 'https://app.example' }, requestTimeoutMs: 400 });
  const bearer = { authorization: `Bearer ${await graph.identity.token(ALICE, { roles: ['DRIVER'] })}` };
  const operations: [unknown, Record<string, string>?][] = [
    [{ query: '{ trip(id: "t1") { status car { plate owner { name } } } }' }],
    [{ query: 'query Who { whoami }' }, bearer],
    [{ query: 'query A($id: ID!) { trip(id: $id) { status } }', variables: { id: 't2' } }, { origin: 'https://app.example' }],
    [{ query: '{ trip(id: "t1") { status } }' }, { origin: 'https://elsewhere.example' }],
    [{ query: 'query A { trip(id: "t1") { status } } query B { whoami }', operationName: 'B' }],
    [{ query: 'mutation { rename(id: "t1", status: "X") { status car { plate } } }' }, { ...bearer, 'idempotency-key': 'k1' }],
    [{ query: 'mutation { signIn(password: "x") }' }],
    [{ query: '{ trip(id: "none") { status } }' }],
    [{ query: '{ boom whoami }' }],
    [{ query: '{ refuse }' }],
    [{ query: '{ slow(ms: 2000) }' }],
    [{ query: '{ __schema { queryType { name } } }' }],
    [{ query: '{ whoami __typename }' }],
    [{ query: '{ nothing }' }],
    [{ query: '{ whoami' }],
    [{ query: 'query($id: ID!) { trip(id: $id) { status } }' }],
    [{ query: 'subscription { forbidden }' }],
    [{ query: `{ deep ${'{ deep '.repeat(30)} { leaf } ${'}'.repeat(30)} }` }],
    [{ query: '{ whoami }', extensions: { persistedQuery: { version: 1, sha256Hash: 'no' } } }],
    [{ query: '{ whoami }' }, { authorization: 'Bearer nonsense' }],
    [{ query: '{ nothing }' }, { authorization: 'Bearer nonsense' }],
    [{ query: '{ whoami }' }, { authorization: 'Basic abc' }],
    [{ query: '{ whoami }' }, { 'x-api-key': 'unknown' }],
    ['{"query": "{ whoami }"'],
    ['7'],
    [[{ query: '{ whoami }' }]],
  ];
  for (const [given, headers] of operations) await bothWays(graph, given, headers);
});

test('GW-22: each request is counted once, whichever way it takes, and refused alike', async () => {
  await using graph = await startTestGateway({ env: { RATE_LIMIT_RATES: 'anonymous=6/60,signedIn=4/60,signIn=1/60' } });
  const remaining = async (query: string, headers: Record<string, string> = {}) => {
    const { headers: shown, status } = await answerOf(graph, JSON.stringify({ query }), { accept: 'application/json', ...headers });
    return [status, shown['ratelimit-limit'], shown['ratelimit-remaining']];
  };
  // Plain, not valid, no subscription over HTTP: the last two go the long way after somebody has counted them.
  expect(await remaining('{ whoami }')).toEqual([200, '6', '5']);
  expect(await remaining('{ nothing }')).toEqual([200, '6', '4']);
  expect((await remaining('subscription { forbidden }'))[2]).toBe('3');
  // The narrower limit is the one to know; and once it is reached, both ways say so.
  expect(await remaining('mutation { signIn(password: "x") }')).toEqual([200, '1', '0']);
  await bothWays(graph, { query: 'mutation { signIn(password: "x") }' }, { authorization: `Bearer ${await graph.identity.token(ALICE)}` });
  expect(await remaining('{ whoami }')).toEqual([200, '6', '1']);
  expect(await remaining('{ whoami }')).toEqual([200, '6', '0']);
  await bothWays(graph, { query: '{ whoami }' });
  await bothWays(graph, { query: '{ nothing }' });
  expect((await remaining('{ whoami }'))[0]).toBe(429);
});

test('PF-20, PF-21: operations are logged and counted alike, by name, kind and outcome', async () => {
  await using graph = await startTestGateway();
  for (const accept of PAIRS[0]) {
    await answerOf(graph, JSON.stringify({ query: 'query Named { whoami }' }), { accept });
    await answerOf(graph, JSON.stringify({ query: '{ refuse }' }), { accept });
    await answerOf(graph, JSON.stringify({ query: 'mutation { signIn(password: "x") }' }), { accept });
  }
  const counted = (await (await fetch(`${graph.url}/metrics`)).text()).split('\n').filter((line) => line.startsWith('waygraph_operations_total{'));
  expect(counted.sort()).toEqual([
    'waygraph_operations_total{operation="Named",kind="query",outcome="ok"} 2',
    'waygraph_operations_total{operation="anonymous",kind="mutation",outcome="ok"} 2',
    'waygraph_operations_total{operation="anonymous",kind="query",outcome="error"} 2',
  ]);
});

test('EN-06: whoever leaves takes what is fetched for them along, on either way', async () => {
  const { state, link } = heldCars();
  await using graph = await startTestGateway({ link });
  for (const [index, accept] of PAIRS[0].entries()) {
    const leaving = new AbortController();
    const asked = fetch(`${graph.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept },
      body: JSON.stringify({ query: '{ trip(id: "t1") { car { plate } } }' }),
      signal: leaving.signal,
    });
    await eventually(() => state).toEqual({ begun: index + 1, ended: index });
    leaving.abort();
    await expect(asked).rejects.toThrow();
    await eventually(() => state).toEqual({ begun: index + 1, ended: index + 1 });
  }
});
