import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { createClient } from 'graphql-ws';
import { useServer } from 'graphql-ws/use/ws';
import { expect, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { parse } from 'graphql';
import { ANONYMOUS } from '../platform/actor.js';
import { createLog } from '../platform/log.js';
import type { Caller, Subgraph } from '../platform/subgraph.js';
import { bareConfigSchema, startBareGateway } from './bareGateway.js';
import { eventually, watch } from './testGateway.js';
import { compose, testGraph } from './testSubgraphs.js';

const nobody: Caller = { actor: ANONYMOUS, traceId: '', idempotencyKey: null, clientIp: null };

test("any supergraph, at the addresses that it names, with the client's own credentials", async () => {
  const graph = testGraph();
  const seen: (string | undefined)[] = [];
  const servers = await Promise.all(graph.subgraphs.map((subgraph) => serveForeign(subgraph, seen)));
  const urls = new Map(graph.subgraphs.map(({ name }, index) => [name, servers[index]?.url as string]));
  const gateway = await startBareGateway({
    supergraphSdl: compose(graph.subgraphs, (name) => urls.get(name) as string),
    port: 0,
    config: bareConfigSchema.parse({}),
    log: createLog({ service: 'test', level: 'silent' }),
  });
  const url = `http://localhost:${gateway.port}`;
  expect((await fetch(`${url}/health/ready`)).status).toBe(200);
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: 'Bearer theirs' },
    body: JSON.stringify({ query: '{ trip(id: "t1") { car { plate label } } boom }' }),
  });
  const answer = (await response.json()) as { data: unknown; errors: { message: string }[] };
  expect(answer.data).toEqual({ trip: { car: { plate: 'plate-car-t1', label: '4 seats' } }, boom: null });
  expect(answer.errors[0]?.message).toContain('ECONNREFUSED');
  expect(new Set(seen)).toEqual(new Set(['Bearer theirs']));

  const client = createClient({ url: `ws://localhost:${gateway.port}/graphql`, webSocketImpl: WebSocket, retryAttempts: 0 });
  const query = 'subscription { tripUpdates(tripId: "t1") { sequence trip { car { plate } } } }';
  const watchers = [watch(client, query), watch(client, query)];
  await eventually(() => watchers.map(({ events }) => events.length)).toEqual([1, 1]);
  expect(watchers[0]?.events).toEqual([{ tripUpdates: { sequence: 1, trip: { car: { plate: 'plate-car-t1' } } } }]);
  await client.dispose();

  // Where it sends subscriptions that are posted they are served.
  const refused = (await (
    await fetch(`${url}/graphql`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ query }) })
  ).json()) as { errors: { message: string }[] };
  expect(refused.errors[0]?.message).toContain('text/event-stream');
  const leaving = new AbortController();
  const stream = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'text/event-stream', authorization: 'Bearer theirs' },
    body: JSON.stringify({ query }),
    signal: leaving.signal,
  });
  const reader = (stream.body as ReadableStream<Uint8Array>).getReader();
  let told = '';
  while (!told.includes('plate-car-t1')) told += new TextDecoder().decode((await reader.read()).value);
  expect(told).toContain('event: next\ndata: {"data":{"tripUpdates":{"sequence":1,');
  leaving.abort();
  await gateway.stop();
  for (const server of servers) server.stop();
});

/** A subgraph of somebody else: another path, no tokens of ours. */
async function serveForeign(subgraph: Subgraph, seen: (string | undefined)[]): Promise<{ url: string; stop(): void }> {
  const server = createServer(async (request, response) => {
    seen.push(request.headers.authorization);
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(await subgraph.execute(JSON.parse(Buffer.concat(chunks).toString()), nobody)));
  });
  const sockets = new WebSocketServer({ server, path: '/v1/query' });
  useServer(
    {
      onSubscribe: (_context, _id, { query, variables }) => ({
        schema: undefined as never,
        document: parse(query),
        variableValues: variables,
        rootValue: query,
      }),
      subscribe: ({ rootValue, variableValues }) =>
        subgraph.subscribe({ query: rootValue as string, variables: variableValues as Record<string, unknown> }, nobody),
    },
    sockets,
  );
  await once(server.listen(0), 'listening');
  return { url: `http://localhost:${(server.address() as AddressInfo).port}/v1/query`, stop: () => void server.close() };
}
