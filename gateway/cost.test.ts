import { readFileSync } from 'node:fs';
import path from 'node:path';
import { getOperationAST, parse } from 'graphql';
import { expect, test } from 'vitest';
import { packageRoot } from '../platform/packageRoot.js';
import { readGatewayConfig } from './config.js';
import { costOf } from './executor/cost.js';
import { buildGraph } from './executor/graph.js';
import { DEFAULT_LIMITS } from './limits.js';
import { readSavedOperations } from './playground/playground.js';
import { eventually, INTERNAL_SECRET, startTestGateway, watch } from './testGateway.js';
import { compose, testSubgraph } from './testSubgraphs.js';

// What an operation may cost (GW-23).

const SDL = `type Query { people(first: Int = 20, after: String): People! all: [Person!]! some(ids: [ID!]!): [Person]! top(limit: Int): [Person!]! me: Person n: Int
    dear: Int @cost(weight: 50) pages(count: Int, max: Int): Pages @listSize(slicingArguments: ["count", "max"], sizedFields: ["rows"])
    few: [Person!]! @listSize(assumedSize: 3) }
  type Mutation { rename(id: ID!): Person }
  type People { edges: [Edge!]! nodes: [Person!]! page: Page! total: Int }
  type Pages { rows: [Person!]! others: [Person!]! }
  type Edge { node: Person! } type Page { next: String }
  type Person { id: ID! name: String friends(first: Int): People pets: [Pet!] heavy: Heavy } type Pet { name: String } type Heavy @cost(weight: 7) { x: Int }`;
const graph = buildGraph(compose([testSubgraph('a', SDL, {})]));

function cost(query: string, variables: Record<string, unknown> = {}, over = graph) {
  const document = parse(query);
  const operation = getOperationAST(document);
  if (!operation) throw new Error('Name one operation.');
  return costOf(over, document, operation, variables);
}

test.each([
  ['leaves cost nothing', '{ n }', {}, 0],
  ['an object is one', '{ me { id name } }', {}, 1],
  ['a list of which nobody says how long it is has ten', '{ all { id } }', {}, 10],
  ['lists in lists multiply', '{ all { pets { name } } }', {}, 110],
  ['a connection has as many as `first` says', '{ people(first: 5) { nodes { id } page { next } } }', {}, 7],
  ['by its default otherwise', '{ people { nodes { id } } }', {}, 21],
  ['edges and what is behind them', '{ people(first: 5) { edges { node { id } } } }', {}, 11],
  ['connections in connections', '{ people(first: 100) { nodes { friends(first: 100) { nodes { id } } } } }', {}, 1 + 100 * (1 + 1 + 100)],
  ['variables', 'query($n: Int) { people(first: $n) { nodes { id } } }', { n: 50 }, 51],
  ['and their defaults', 'query($n: Int = 7) { people(first: $n) { nodes { id } } }', {}, 8],
  ['one that is not given leaves the default of the field', 'query($n: Int) { people(first: $n) { nodes { id } } }', {}, 21],
  ['less than none is none', '{ people(first: -5) { nodes { id } } }', {}, 1],
  ['`limit` of a list', '{ top(limit: 4) { id } }', {}, 4],
  ['as many as there are ids', 'query($ids: [ID!]!) { some(ids: $ids) { id } other: some(ids: ["a", "b"]) { id } }', { ids: ['1', '2', '3'] }, 5],
  ['under aliases each time', '{ a: me { id } b: me { id } }', {}, 2],
  [
    'in fragments as often as they are spread',
    '{ ...F a: me { ...P } } fragment F on Query { b: me { ...P } c: all { ...P } } fragment P on Person { pets { name } }',
    {},
    132,
  ],
  ['not what is left out', 'query($no: Boolean!) { all @include(if: $no) { id } me @skip(if: true) { id } }', { no: false }, 0],
  ['a mutation writes', 'mutation { rename(id: "1") { id } }', {}, 10],
  ['`@cost` of a field, and of a type', '{ dear me { heavy { x } } }', {}, 58],
  ['`@listSize` with arguments of its own', '{ pages(count: 3, max: 6) { rows { id } others { id } } }', {}, 17],
  ['`@listSize` that assumes', '{ few { id } }', {}, 3],
])('GW-23: the cost of an operation: %s', (_name, query, variables, expected) => {
  expect(cost(query, variables)).toBe(expected);
});

test('GW-23: what doubles with every fragment is counted in no time', () => {
  const doubling = Array.from({ length: 200 }, (_, level) => `fragment F${level} on Person { pets { name } ...F${level + 1} ...F${level + 1} }`).join(' ');
  expect(cost(`{ me { ...F0 } } ${doubling} fragment F200 on Person { pets { name } }`)).toBeGreaterThan(2 ** 100);
});

const NESTED = 'query($n: Int!) { many(first: $n) { nodes { again(first: 100) { nodes { leaf } } } } }';
const LISTS = `type Query { many(first: Int): Many } type Subscription { listed: Many } type Many { nodes: [Thing!] again(first: Int): Many }
  type Thing { leaf: Int again(first: Int): Many }`;

test('GW-23: too dear an operation is refused before it runs, over HTTP, WebSocket and event streams alike, with what it costs and what it may', async () => {
  const lists = testSubgraph('lists', LISTS, { Query: { many: () => ({ nodes: [] }) } });
  await using served = await startTestGateway({ env: { MAX_OPERATION_COST: '1000' }, besides: [lists] });
  const details = { limit: 'cost', max: 1_000, actual: 1_021, cost: 1_021 };
  const fits = await served.query(NESTED, { n: 9 });
  expect([fits.status, fits.data]).toEqual([200, { many: { nodes: [] } }]);
  const refused = await served.query(NESTED, { n: 10 });
  expect([refused.status, refused.errors?.[0]?.extensions]).toMatchObject([400, { code: 'QUERY_TOO_COMPLEX', details }]);
  expect(refused.errors?.[0]?.message).toContain('Ask for shorter lists');
  for (const query of [
    NESTED,
    NESTED.replace('query($n: Int!) { many(first: $n)', 'subscription($n: Int!) { listed').replace('again(first: 100)', 'again(first: $n)'),
  ]) {
    const variables = { n: query.startsWith('query') ? 10 : 200 };
    const socket = watch(served.connect(), query, variables);
    await eventually(() => socket.errors?.[0]?.extensions).toMatchObject({ code: 'QUERY_TOO_COMPLEX', details: { limit: 'cost', max: 1_000 } });
    const stream = await served.post({ query, variables }, { accept: 'text/event-stream' });
    expect([stream.status, ((await stream.json()) as typeof refused).errors?.[0]?.extensions]).toMatchObject([400, { code: 'QUERY_TOO_COMPLEX' }]);
  }
  expect(lists.calls.execute).toHaveLength(1);
});

test('GW-23: saved operations cost far less than they may', () => {
  const ours = buildGraph(readFileSync(path.join(packageRoot, 'schema', 'supergraph.graphql'), 'utf8'));
  const dear = readSavedOperations().flatMap(({ query }) => {
    const costs = cost(query, {}, ours);
    return costs > DEFAULT_LIMITS.cost / 5 ? [{ query, costs }] : [];
  });
  expect(dear).toEqual([]);
});

test('GW-23: the maximum is a whole number above nothing', () => {
  const env = { NODE_ENV: 'test', INTERNAL_SECRET };
  expect(readGatewayConfig({ ...env, MAX_OPERATION_COST: '5000' }).maxCost).toBe(5_000);
  for (const bad of ['0', '-1', 'much', '1.5']) expect(() => readGatewayConfig({ ...env, MAX_OPERATION_COST: bad })).toThrow('MAX_OPERATION_COST');
});
