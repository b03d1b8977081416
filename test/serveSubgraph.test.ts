import { createClient } from 'graphql-ws';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { ANONYMOUS, signInternalToken, systemActor } from '../platform/actor.js';
import { type ServedSubgraph, serveSubgraph } from '../platform/serveSubgraph.js';
import { startFleet } from '../subgraphs/fleet/main.js';
import { startTestSubgraph, TEST_SECRET, type TestSubgraph } from './subgraphHarness.js';

let fleet: TestSubgraph;
let served: ServedSubgraph;
let url: string;
beforeAll(async () => {
  fleet = await startTestSubgraph('fleet', startFleet);
  served = await serveSubgraph(fleet.subgraph, { port: 0, internalSecret: TEST_SECRET, log: fleet.environment.log, clock: fleet.environment.clock });
  url = `http://127.0.0.1:${served.port}`;
});
afterAll(async () => {
  await served.stop();
  await fleet[Symbol.asyncDispose]();
});

const ask = (body: string, authorization?: string) =>
  fetch(`${url}/graphql`, { method: 'POST', headers: { 'content-type': 'application/json', ...(authorization && { authorization }) }, body });
const internal = () => `Internal ${signInternalToken(ANONYMOUS, TEST_SECRET, new Date())}`;

test('GW-21: a subgraph answers gateways only', async () => {
  const query = JSON.stringify({ query: '{ stations { id } }' });
  for (const authorization of [undefined, 'Bearer x', `Internal ${signInternalToken(systemActor('x'), 'a wrong secret of enough characters!!', new Date())}`]) {
    const answer = await ask(query, authorization);
    expect(answer.status).toBe(401);
    expect(await answer.json()).toMatchObject({ errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] });
  }
  expect(await (await ask(query, internal())).json()).toEqual({ data: { stations: [] } });
});

test('GW-21: over the socket, too', async () => {
  const client = createClient({ url: `${url.replace('http', 'ws')}/graphql`, webSocketImpl: WebSocket, retryAttempts: 0 });
  const first = async () => {
    for await (const result of client.iterate({ query: '{ stations { id } }' })) return result;
    return null;
  };
  await expect(first()).rejects.toMatchObject([{ extensions: { code: 'UNAUTHENTICATED' } }]);
  await client.dispose();
});

test('what is no operation gets a clear answer', async () => {
  expect((await ask('{', internal())).status).toBe(400);
  expect((await ask('null', internal())).status).toBe(400);
  expect((await ask('{}', internal())).status).toBe(400);
  expect((await ask(JSON.stringify({ query: 'x'.repeat(5 * 1024 * 1024) }), internal())).status).toBe(413);
  expect((await fetch(`${url}/nothing`)).status).toBe(404);
});

test('PF-14: health says whether it lives and whether it can work', async () => {
  expect((await fetch(`${url}/health/live`)).status).toBe(200);
  expect(await (await fetch(`${url}/health/ready`)).json()).toEqual({ ok: true, checks: { postgres: 'ok', redis: 'ok' } });
});
