import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { buildSchema, parse, specifiedRules, validate } from 'graphql';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { packageRoot } from '../platform/packageRoot.js';
import { BOMBS } from './bombs.given.js';
import { DEFAULT_LIMITS, limitsRule } from './limits.js';
import { eventually, startTestGateway, watch } from './testGateway.js';

let graph: Awaited<ReturnType<typeof startTestGateway>>;
beforeAll(async () => {
  graph = await startTestGateway();
});
afterAll(() => graph[Symbol.asyncDispose]());

test.each(BOMBS)('GW-23: %s: refused before anything runs, over HTTP and WebSocket alike', async (_name, query, code) => {
  const answer = await graph.query(query);
  expect([answer.status, answer.data]).toEqual([400, undefined]);
  const codes = answer.errors?.map(({ extensions }) => extensions.code);
  expect(codes).toContain(code);
  const socket = watch(graph.connect(), query);
  await eventually(() => socket.errors?.map(({ extensions }) => extensions.code)).toContain(code);
  expect(graph.subgraphs.flatMap(({ calls }) => calls.execute)).toEqual([]);
  // Not a wall of errors either.
  expect(JSON.stringify(answer.errors).length).toBeLessThan(60_000);
});

test('GW-23: batches are refused, and so are bodies that are too large or too deep', async () => {
  const batch = await graph.post(Array.from({ length: 100 }, () => ({ query: '{ whoami }' })));
  expect([batch.status, ((await batch.json()) as { errors: { extensions: object }[] }).errors[0]?.extensions]).toMatchObject([
    400,
    { traceId: expect.any(String) },
  ]);
  const large = await graph.post(JSON.stringify({ query: '{ whoami }', variables: { a: 'x'.repeat(1_100_000) } }));
  expect([large.status, await large.json()]).toMatchObject([413, { errors: [{ extensions: { code: 'INVALID_REQUEST' } }] }]);
  const deep = await graph.post(`{"query":"query($id: ID!) { trip(id: $id) { id } }","variables":{"id":${'['.repeat(200_000)}${']'.repeat(200_000)}}}`);
  expect(deep.status).toBe(400);
  expect(graph.subgraphs.flatMap(({ calls }) => calls.execute)).toEqual([]);
  expect((await graph.query('{ whoami }')).errors).toBeUndefined();
});

test('GW-23: in our own schema, too, none of them passes', async () => {
  const schema = buildSchema(await readFile(path.join(packageRoot, 'schema', 'api.graphql'), 'utf8'));
  const refused = (query: string) => {
    try {
      return validate(schema, parse(query, { maxTokens: DEFAULT_LIMITS.tokens }), [...specifiedRules, limitsRule(DEFAULT_LIMITS)]).length > 0;
    } catch {
      return true;
    }
  };
  expect(BOMBS.filter(([, query]) => !refused(query))).toEqual([]);
});
