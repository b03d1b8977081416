import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { ANONYMOUS } from '../platform/actor.js';
import { createLog } from '../platform/log.js';
import { bareConfigSchema, readBareConfig, startBareGateway } from './bareGateway.js';
import { eventually, startTestGateway, watch } from './testGateway.js';
import { compose, testSubgraph } from './testSubgraphs.js';
import { startTracing } from './tracing.js';

// Spans (EN-06), at a collector of our own that speaks OTLP over HTTP.

interface SentSpan {
  name: string;
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  status?: { code?: number };
}

async function serve(answer: (body: string, headers: Record<string, unknown>) => Promise<unknown>) {
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(await answer(Buffer.concat(chunks).toString(), { ...request.headers, url: request.url })));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, stop: () => void server.close() };
}

async function tracedGateway(collectorUrl: string | undefined) {
  const caller = { actor: ANONYMOUS, traceId: '', idempotencyKey: null, clientIp: null };
  const subgraphs = [
    testSubgraph('items', 'type Query { item: Item } type Item @key(fields: "id") { id: ID! }', { Query: { item: () => ({ id: '1' }) } }),
    testSubgraph('names', 'type Query { fails: Int } type Item @key(fields: "id") { id: ID! name: String }', {
      Query: {
        fails: () => {
          throw new Error('no');
        },
      },
      Item: { __resolveReference: async (item: object) => item, name: () => 'one' },
    } as never),
  ];
  const seen: unknown[] = [];
  const servers = await Promise.all(
    subgraphs.map((subgraph) =>
      serve(async (body, headers) => {
        seen.push(headers.traceparent);
        return subgraph.execute(JSON.parse(body), caller);
      }),
    ),
  );
  const urls = new Map(subgraphs.map(({ name }, index) => [name, `${servers[index]?.url}/graphql`]));
  const gateway = await startBareGateway({
    supergraphSdl: compose(subgraphs, (name) => urls.get(name) as string),
    port: 0,
    config: bareConfigSchema.parse(collectorUrl === undefined ? {} : { otlpEndpoint: collectorUrl }),
    log: createLog({ service: 'test', level: 'silent' }),
  });
  const post = async (query: string, headers: Record<string, string> = {}) => {
    const response = await fetch(`http://127.0.0.1:${gateway.port}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ query }),
    });
    return { traceId: response.headers.get('x-trace-id'), answer: (await response.json()) as { data: unknown } };
  };
  const stop = async () => {
    await gateway.stop();
    for (const server of servers) server.stop();
  };
  return { post, stop, seen };
}

const TRACE = '0af7651916cd43dd8448eb211c80319c';

test("EN-06: spans of the operation, its plan and its fetches hang below the client's, and those of subgraphs below the fetches", async () => {
  const spans: SentSpan[] = [];
  const paths: unknown[] = [];
  const collector = await serve(async (body, headers) => {
    paths.push(headers.url);
    const { resourceSpans } = JSON.parse(body) as { resourceSpans: { scopeSpans: { spans: SentSpan[] }[] }[] };
    spans.push(...resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans)));
    return {};
  });
  const gateway = await tracedGateway(collector.url);
  const { answer } = await gateway.post('query Named { item { name } }', { traceparent: `00-${TRACE}-b7ad6b7169203331-01` });
  expect(answer.data).toEqual({ item: { name: 'one' } });
  const own = await gateway.post('{ fails }', { accept: 'application/json, */*;q=0.1' });
  await gateway.post('{ item { id } }', { traceparent: `00-${'1'.repeat(32)}-b7ad6b7169203331-00` });
  await gateway.stop();
  collector.stop();

  expect(new Set(paths)).toEqual(new Set(['/v1/traces']));
  const named = spans.filter(({ traceId }) => traceId === TRACE);
  const operation = named.find(({ name }) => name === 'graphql query Named');
  expect(operation?.parentSpanId).toBe('b7ad6b7169203331');
  const inner = named.filter(({ parentSpanId }) => parentSpanId === operation?.spanId);
  expect(inner.map(({ name }) => name).sort()).toEqual(['fetch items', 'fetch names', 'plan']);
  for (const { startTimeUnixNano, endTimeUnixNano } of named) expect(BigInt(endTimeUnixNano) >= BigInt(startTimeUnixNano)).toBe(true);
  const fetches = inner.filter(({ name }) => name.startsWith('fetch')).map(({ spanId }) => `00-${TRACE}-${spanId}-01`);
  expect(gateway.seen.slice(0, 2).sort()).toEqual(fetches.sort());

  // A trace that begins here has the id that the client is told, and knows that it failed.
  const failed = spans.filter(({ traceId }) => traceId === own.traceId);
  expect(failed.map(({ name, status }) => [name, status?.code ?? 0]).sort()).toEqual([
    ['fetch names', 2],
    ['graphql query', 2],
    ['plan', 0],
  ]);
  // The client chose not to sample this one.
  expect(spans.some(({ traceId }) => traceId === '1'.repeat(32))).toBe(false);
});

test('EN-06: what completes an event of a subscription has spans of its own', async () => {
  const spans: SentSpan[] = [];
  const collector = await serve(async (body) => {
    const { resourceSpans } = JSON.parse(body) as { resourceSpans: { scopeSpans: { spans: SentSpan[] }[] }[] };
    spans.push(...resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans)));
    return {};
  });
  {
    await using graph = await startTestGateway({ env: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url } });
    const watching = watch(graph.connect(), 'subscription Watch { tripUpdates(tripId: "t1") { status trip { car { plate } } } }');
    await eventually(() => watching.events.length).toBe(1);
    graph.trip.moveTo('ACCEPTED');
    await eventually(() => watching.events.length).toBe(2);
    expect(graph.cars.calls.execute.map(({ caller }) => caller.spanId)).toEqual([expect.any(String), expect.any(String)]);
  }
  collector.stop();
  const events = spans.filter(({ name }) => name === 'graphql subscription Watch');
  expect(events).toHaveLength(2);
  for (const { spanId } of events) expect(spans.filter(({ parentSpanId }) => parentSpanId === spanId).map(({ name }) => name)).toEqual(['fetch cars']);
});

test('EN-06: without a collector there is no tracing at all', async () => {
  expect(await startTracing(undefined, 'gateway')).toBeNull();
  expect(await startTracing('', 'gateway')).toBeNull();
  expect(readBareConfig('{}', { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://localhost:4318' }).otlpEndpoint).toBe('http://localhost:4318');
  const gateway = await tracedGateway(undefined);
  expect((await gateway.post('{ item { name } }', { traceparent: `00-${TRACE}-b7ad6b7169203331-01` })).answer.data).toEqual({ item: { name: 'one' } });
  for (const traceparent of gateway.seen) expect(traceparent).toMatch(new RegExp(`^00-${TRACE}-[0-9a-f]{16}-01$`));
  await gateway.stop();
});

test('EN-06: a collector that is not there costs no answer', async () => {
  const gateway = await tracedGateway('http://127.0.0.1:9');
  expect((await gateway.post('{ item { name } }')).answer.data).toEqual({ item: { name: 'one' } });
  await gateway.stop();
});
