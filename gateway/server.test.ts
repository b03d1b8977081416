import { createServer } from 'node:net';
import { getIntrospectionQuery } from 'graphql';
import { expect, test } from 'vitest';
import { serveSubgraph } from '../platform/serveSubgraph.js';
import { createLog } from '../platform/log.js';
import { PortTakenError } from './listen.js';
import { remoteLink, signedCredentials } from './remoteLink.js';
import { REMOTE_ROUTES } from './routes.js';
import { localLink } from './localLink.js';
import { ALICE, eventually, INTERNAL_SECRET, startTestGateway } from './testGateway.js';

const silent = createLog({ service: 'test', level: 'silent' });
const remote = (name: string, url: string) =>
  remoteLink({ name, endpoint: `${url}/graphql`, credentials: signedCredentials(INTERNAL_SECRET), routes: REMOTE_ROUTES[name] ?? [] });

test('one query reads from three subgraphs', async () => {
  await using graph = await startTestGateway();
  const answer = await graph.query('{ trip(id: "t1") { status car { plate owner { name } label } } }');
  expect(answer.errors).toBeUndefined();
  expect(answer.data).toEqual({ trip: { status: 'REQUESTED', car: { plate: 'plate-car-t1', owner: { name: 'Owner of car-t1' }, label: '4 seats' } } });
});

test('the caller travels to a subgraph in this process and to one elsewhere alike', async () => {
  for (const elsewhere of [false, true]) {
    const served: { stop(): Promise<void> }[] = [];
    const links: ReturnType<typeof localLink>[] = [];
    await using graph = await startTestGateway({
      link: (test) => {
        links.push(...test.subgraphs.map(localLink));
        return links;
      },
    });
    if (elsewhere) {
      const server = await serveSubgraph(graph.trips, { port: 0, internalSecret: INTERNAL_SECRET, log: silent, clock: () => new Date() });
      served.push(server);
      Object.assign(links[0] as object, remote('trips', `http://127.0.0.1:${server.port}`));
    }
    const traceId = '0af7651916cd43dd8448eb211c80319c';
    const answer = await graph.query(
      '{ whoami }',
      {},
      {
        authorization: `Bearer ${await graph.identity.token(ALICE, { roles: ['DRIVER'] })}`,
        traceparent: `00-${traceId}-b7ad6b7169203331-01`,
      },
    );
    expect(JSON.parse(answer.data?.whoami as string)).toMatchObject({
      actor: { kind: 'USER', id: ALICE, roles: ['DRIVER'] },
      traceId,
      idempotencyKey: null,
    });
    expect(answer.headers.get('x-trace-id')).toBe(traceId);
    for (const server of served) await server.stop();
  }
});

test('an idempotency key goes with the mutation and with nothing else', async () => {
  await using graph = await startTestGateway();
  await graph.query('mutation { rename(id: "t1", status: "X") { status car { plate } } }', {}, { 'idempotency-key': 'k1' });
  expect(graph.trips.calls.execute.at(-1)?.caller.idempotencyKey).toBe('k1');
  expect(graph.cars.calls.execute.at(-1)?.caller.idempotencyKey).toBeNull();
});

test('a refusal keeps code, details and retryAfter, and nothing else', async () => {
  await using graph = await startTestGateway();
  const { errors, status } = await graph.query('{ refuse }');
  expect(status).toBe(200);
  expect(errors).toEqual([
    {
      message: 'The quote is too old. Ask for a new one.',
      path: ['refuse'],
      extensions: {
        code: 'QUOTE_EXPIRED',
        details: { quoteId: 'q1' },
        retryAfter: 3,
        traceId: expect.stringMatching(/^[0-9a-f]{32}$/),
        timestamp: expect.any(String),
      },
    },
  ]);
});

test('what nobody foresaw is masked for the client and whole in the log', async () => {
  await using graph = await startTestGateway();
  const { errors, headers } = await graph.query('{ boom trip(id: "t1") { status } }');
  expect(errors?.[0]?.extensions.code).toBe('INTERNAL_ERROR');
  expect(errors?.[0]?.message).toContain(headers.get('x-trace-id'));
  expect(JSON.stringify(errors)).not.toMatch(/ECONNREFUSED|10\.0\.0\.1|serviceName|stacktrace/);
  expect(graph.logLines.join()).toContain('ECONNREFUSED');
});

test('bad input is a VALIDATION_ERROR that names the field', async () => {
  await using graph = await startTestGateway();
  const variable = await graph.query('query($id: ID!) { trip(id: $id) { status } }', {});
  expect(variable.errors?.[0]?.extensions).toMatchObject({ code: 'VALIDATION_ERROR', details: { field: 'id' } });
  const unknown = await graph.query('{ nothing }');
  expect(unknown.status).toBe(400);
  expect(unknown.errors?.[0]?.extensions.code).toBe('GRAPHQL_VALIDATION_FAILED');
  const unparsable = await graph.query('{ trip(');
  expect(unparsable.status).toBe(400);
  expect(unparsable.errors?.[0]?.extensions.code).toBe('GRAPHQL_PARSE_FAILED');
});

test('a subgraph that is down costs its own fields, with a path, and no address', async () => {
  await using graph = await startTestGateway({
    link: ({ trips, people }) => [localLink(trips), localLink(people), remote('cars', 'http://127.0.0.1:9')],
  });
  const { data, errors } = await graph.query('{ trip(id: "t1") { status car { plate } } }');
  expect(data).toEqual({ trip: { status: 'REQUESTED', car: null } });
  expect(errors).toHaveLength(1);
  expect(errors?.[0]).toMatchObject({ path: ['trip'], extensions: { code: 'DEPENDENCY_UNAVAILABLE', retryAfter: 2 } });
  expect(JSON.stringify(errors)).not.toContain('127.0.0.1');
});

test('a request that takes too long is answered with TIMEOUT', async () => {
  await using graph = await startTestGateway({ requestTimeoutMs: 50 });
  const { status, errors } = await graph.query('{ slow(ms: 400) }');
  expect(status).toBe(504);
  expect(errors?.[0]?.extensions.code).toBe('TIMEOUT');
});

test('requests that never become an operation are refused in the same form', async () => {
  await using graph = await startTestGateway();
  const cases: [string, () => Promise<Response>, number, string][] = [
    ['malformed JSON', () => graph.post('{"query":'), 400, 'INVALID_REQUEST'],
    ['a body that is too large', () => graph.post({ query: `{ whoami } # ${'x'.repeat(1_100_000)}` }), 413, 'INVALID_REQUEST'],
    ['a subscription over POST', () => graph.post({ query: 'subscription { forbidden }' }), 400, 'INVALID_REQUEST'],
    ['a batch', () => graph.post([{ query: '{ whoami }' }]), 400, 'BAD_REQUEST'],
    ['a form of another site', () => graph.post('query={whoami}', { 'content-type': 'text/plain' }), 400, 'BAD_REQUEST'],
    ['no query', () => graph.post({}), 400, 'BAD_REQUEST'],
    ['an unknown operation name', () => graph.post({ query: 'query A { whoami }', operationName: 'B' }), 400, 'OPERATION_RESOLUTION_FAILURE'],
  ];
  for (const [name, send, status, code] of cases) {
    const response = await send();
    const body = (await response.json()) as { errors: { extensions: Record<string, unknown> }[] };
    expect([name, response.status, body.errors[0]?.extensions.code]).toEqual([name, status, code]);
    expect(body.errors[0]?.extensions.traceId).toBe(response.headers.get('x-trace-id'));
  }
});

test('introspection passes outside production and is refused in it', async () => {
  await using open = await startTestGateway();
  expect((await open.query(getIntrospectionQuery({ inputValueDeprecation: true, oneOf: true }))).errors).toBeUndefined();
  await using closed = await startTestGateway({ env: { NODE_ENV: 'production' } });
  const answer = await closed.query(getIntrospectionQuery());
  expect([answer.status, answer.errors?.[0]?.extensions.code]).toEqual([400, 'GRAPHQL_VALIDATION_FAILED']);
});

test('webhooks reach their owner byte for byte, locally and remotely', async () => {
  for (const elsewhere of [false, true]) {
    await using graph = await startTestGateway();
    const body = '{ "a" :  1,\n"é": "\\u0041" }';
    let url = graph.url;
    let second: Awaited<ReturnType<typeof startTestGateway>> | null = null;
    const server = await serveSubgraph(graph.identity.subgraph, { port: 0, internalSecret: INTERNAL_SECRET, log: silent, clock: () => new Date() });
    if (elsewhere) {
      const link = remote('inbox', `http://127.0.0.1:${server.port}`);
      second = await startTestGateway({ link: ({ subgraphs }) => [link, ...subgraphs.map(localLink)] });
      url = second.url;
      expect(JSON.parse(await link.read('/.well-known/jwks.json'))).toMatchObject({ keys: [{ kid: 'k1' }] });
    }
    const response = await fetch(`${url}/webhooks/resend`, {
      method: 'POST',
      body,
      headers: { 'svix-signature': 'v1,abc', 'content-type': 'application/json' },
    });
    expect([response.status, await response.text()]).toEqual([202, 'taken']);
    const received = elsewhere ? [...graph.identity.received, ...(second?.identity.received ?? [])] : graph.identity.received;
    expect(received.at(-1)?.body.toString()).toBe(body);
    expect(received.at(-1)?.signature).toBe('v1,abc');
    await second?.[Symbol.asyncDispose]();
    await server.stop();
  }
});

test('health, metrics and unknown paths', async () => {
  await using graph = await startTestGateway();
  expect(await (await fetch(`${graph.url}/health/ready`)).json()).toMatchObject({ ok: true, checks: { trips: 'ok', 'trips.self': 'ok' } });
  await graph.query('query Mine { whoami }');
  expect(await (await fetch(`${graph.url}/metrics`)).text()).toContain('waygraph_operations_total{operation="Mine",kind="query",outcome="ok"} 1');
  expect((await fetch(`${graph.url}/nowhere`)).status).toBe(404);
  await using locked = await startTestGateway({ env: { METRICS_TOKEN: 'sixteen characters' } });
  expect((await fetch(`${locked.url}/metrics`)).status).toBe(401);
  expect((await fetch(`${locked.url}/metrics`, { headers: { authorization: 'Bearer sixteen characters' } })).status).toBe(200);
});

test('a taken port is one clear line', async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, resolve));
  const { port } = other.address() as { port: number };
  const outcome = await startTestGateway({ env: { PORT: String(port) } }).catch((error: unknown) => error);
  expect(outcome).toBeInstanceOf(PortTakenError);
  expect((outcome as Error).message).toMatch(new RegExp(`^Port ${port} is taken`));
  other.close();
});

test('stopping lets running requests finish', async () => {
  const graph = await startTestGateway();
  const running = graph.query('{ slow(ms: 300) }');
  await eventually(() => graph.trips.calls.execute.length).toBe(1);
  await graph[Symbol.asyncDispose]();
  expect((await running).data).toEqual({ slow: 'done' });
});
