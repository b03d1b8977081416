import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ANONYMOUS } from '../platform/actor.js';
import { createLog } from '../platform/log.js';
import { bareConfigSchema, readBareConfig, startBareGateway } from './bareGateway.js';
import { compose, testSubgraph } from './testSubgraphs.js';

// The short way over HTTP against the long one through Express and Apollo Server (EN-04): the same status, headers and body.

const nobody = { actor: ANONYMOUS, traceId: '', idempotencyKey: null, clientIp: null };
let gateway: Awaited<ReturnType<typeof startBareGateway>>;
let server: Server;
let url: string;
const traceparents: (string | undefined)[] = [];

const SDL = `type Query { one(n: Int): Int! fails: Int must: Int! list: [Thing] named(color: Color): String } type Mutation { add(n: Int!): Int } type Subscription { s: Int }
  enum Color { RED } type Thing { id: ID! name: String }`;

beforeAll(async () => {
  const fail = () => {
    throw new Error('the subgraph says no');
  };
  const subgraph = testSubgraph('only', SDL, {
    Query: {
      one: (_: unknown, { n }: { n?: number }) => n ?? 1,
      fails: fail,
      must: fail,
      list: () => [{ id: '1', name: 'Zoë "quoted"\u2028' }, null],
      named: () => 'x',
    },
    Mutation: { add: (_: unknown, { n }: { n: number }) => n + 1 },
    Subscription: { s: { subscribe: fail } },
  } as never);
  server = createServer(async (request, response) => {
    traceparents.push(request.headers.traceparent as string | undefined);
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(await subgraph.execute(JSON.parse(Buffer.concat(chunks).toString()), nobody)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const at = `http://127.0.0.1:${(server.address() as AddressInfo).port}/graphql`;
  const log = createLog({ service: 'test', level: 'silent' });
  gateway = await startBareGateway({ supergraphSdl: compose([subgraph], () => at), port: 0, config: bareConfigSchema.parse({}), log });
  url = `http://127.0.0.1:${gateway.port}/graphql`;
});

afterAll(async () => {
  await gateway.stop();
  server.close();
});

async function post(body: string, headers: Record<string, string>) {
  const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body });
  const text = await response.text();
  const shown = ['content-type', 'cache-control', 'content-length', 'x-trace-id', 'x-powered-by'].map((name) => [name, response.headers.get(name)]);
  // The tag is of a text that holds the time.
  const headersShown = { ...Object.fromEntries(shown), etag: response.headers.has('etag') };
  return { status: response.status, headers: headersShown, text: text.replace(/"timestamp":"[^"]*"/g, '') };
}

const TRACE = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

test.each([
  ['a query', { query: '{ one list { id name } }' }],
  ['variables', { query: 'query A($n: Int) { one(n: $n) }', variables: { n: 7 } }],
  ['null for variables and name', { query: '{ one }', variables: null, operationName: null }],
  ['one of two operations', { query: 'query A { one } query B { two: one }', operationName: 'B' }],
  ['a mutation', { query: 'mutation { add(n: 1) }' }],
  ['an error in a field', { query: '{ one fails }' }],
  ['an error that takes all', { query: '{ must }' }],
  ['introspection', { query: '{ __schema { queryType { name } } }' }],
  ['introspection beside data', { query: '{ one __type(name: "Color") { enumValues { name } } }' }],
  ['the type name alone', { query: '{ __typename }' }],
  ['a query that is not valid', { query: '{ nothing }' }],
  ['a query that cannot be read', { query: '{ one' }],
  ['variables that do not fit', { query: 'query($n: Int) { one(n: $n) }', variables: { n: 'seven' } }],
  ['a variable that is missing', { query: 'mutation($n: Int!) { add(n: $n) }' }],
  ['no such operation', { query: 'query A { one }', operationName: 'B' }],
  ['operations without a name', { query: 'query A { one } query B { one }' }],
  ['a subscription', { query: 'subscription { s }' }],
  ['no query', { variables: {} }],
  ['a query of the wrong kind', { query: 7 }],
  ['extensions', { query: '{ one }', extensions: {} }],
  ['a batch', [{ query: '{ one }' }]],
  ['text that is no JSON', '{"query": "{ one }"'],
  ['a number', '7'],
])('EN-04: %s is answered alike, shortly and at length', async (_name, given) => {
  const body = typeof given === 'string' ? given : JSON.stringify(given);
  // The second of each pair means the same and is not plain enough for the short way.
  for (const [plain, wordy] of [
    ['application/json', 'application/json, text/plain;q=0.1'],
    ['*/*', 'application/json, */*;q=0.1'],
  ] as const) {
    const short = await post(body, { traceparent: TRACE, accept: plain });
    expect(short).toEqual(await post(body, { traceparent: TRACE, accept: wordy }));
  }
});

test('EN-04: other paths, methods and types of body are not the business of the short way', async () => {
  expect((await fetch(`${url}?query={one}`, { headers: { 'apollo-require-preflight': 'yes' } })).status).toBe(200);
  expect((await fetch(url, { method: 'PUT' })).status).toBeGreaterThanOrEqual(400);
  expect((await fetch(url, { method: 'POST', headers: { 'content-type': 'text/plain' }, body: '{}' })).status).toBe(400);
  const large = await post(JSON.stringify({ query: `{ one } #${'x'.repeat(1_100_000)}` }), {});
  expect(large.status).toBe(413);
  traceparents.length = 0;
  await post('{"query":"{ one }"}', { traceparent: TRACE });
  expect(traceparents[0]).toMatch(/^00-0af7651916cd43dd8448eb211c80319c-[0-9a-f]{16}-01$/);
});

test('EN-01: the level of the log comes from the configuration file, or else from the environment', () => {
  expect(readBareConfig('{}', {}).logLevel).toBe('warn');
  expect(readBareConfig('{}', { LOG_LEVEL: 'debug' }).logLevel).toBe('debug');
  expect(readBareConfig('{"logLevel":"error"}', { LOG_LEVEL: 'debug' }).logLevel).toBe('error');
  expect(() => readBareConfig('{"logLevel":"loud"}', {})).toThrow();
});

test('EN-01: a port that is taken is told with the option of this program', async () => {
  const taken = startBareGateway({
    supergraphSdl: compose([testSubgraph('a', 'type Query { a: Int }', {})], () => 'http://127.0.0.1:9/graphql'),
    port: gateway.port,
    config: bareConfigSchema.parse({}),
    log: createLog({ service: 'test', level: 'silent' }),
  });
  await expect(taken).rejects.toThrow(`--port ${gateway.port + 1}`);
});
