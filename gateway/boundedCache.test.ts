import { parse } from 'graphql';
import { expect, test } from 'vitest';
import { createBoundedCache } from './boundedCache.js';
import { buildGraph } from './executor/graph.js';
import { createPreparer } from './executor/prepare.js';
import { createSocketDocuments } from './socketDocuments.js';
import { compose, testSubgraph } from './testSubgraphs.js';

// Every cache that clients can fill has an end (EN-05).

const graph = () => buildGraph(compose([testSubgraph('a', 'type Query { a: Int b(n: Int): Int }', {})]));

test('EN-05: a bounded cache forgets what was used least recently', () => {
  const cache = createBoundedCache<string, number>(2);
  cache.set('a', 1);
  cache.set('b', 2);
  expect(cache.get('a')).toBe(1);
  cache.set('c', 3);
  expect([cache.get('a'), cache.get('b'), cache.get('c')]).toEqual([1, undefined, 3]);
  cache.set('a', 4);
  cache.delete('c');
  expect([cache.get('a'), cache.get('c')]).toEqual([4, undefined]);
});

test('EN-05: a cache with weights forgets until they fit, and does not take what alone is too heavy', () => {
  const cache = createBoundedCache<string, string>(100, { limit: 40, of: (_key, value) => value.length });
  for (const key of ['a', 'b', 'c', 'd']) cache.set(key, 'x'.repeat(10));
  expect(cache.keys()).toEqual(['a', 'b', 'c', 'd']);
  cache.get('a');
  cache.set('e', 'x'.repeat(9));
  expect(cache.keys()).toEqual(['c', 'd', 'a', 'e']);
  cache.set('f', 'x'.repeat(11));
  expect([cache.get('f'), cache.keys()]).toEqual([undefined, ['c', 'd', 'a', 'e']]);
  // What is replaced or taken out weighs no more.
  cache.set('c', '');
  cache.delete('d');
  for (const key of ['g', 'h']) cache.set(key, 'x'.repeat(10));
  expect(cache.keys()).toEqual(['a', 'e', 'c', 'g', 'h']);
});

test('EN-05: plans are forgotten once there are as many others as are kept', { timeout: 120_000 }, () => {
  const { prepare } = createPreparer(graph(), { maxPlans: 200 });
  const document = parse('{ a }');
  const first = prepare(document, null, {});
  expect(prepare(document, null, {})).toBe(first);
  for (let index = 0; index < 199; index += 1) prepare(parse(`{ x${index}: a }`), null, {});
  expect(prepare(document, null, {})).toBe(first);
  for (let index = 0; index < 200; index += 1) prepare(parse(`{ y${index}: a }`), null, {});
  expect(prepare(document, null, {})).not.toBe(first);
});

test('EN-05: plans of a few long documents are forgotten as those of many short ones', () => {
  const { prepare } = createPreparer(graph(), { maxPlanBytes: 2_000_000 });
  const long = (name: string) => parse(`{ ${name}: a } # ${'x'.repeat(60_000)}`);
  const document = long('z');
  const first = prepare(document, null, {});
  expect(prepare(document, null, {})).toBe(first);
  for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) prepare(long(name), null, {});
  expect(prepare(document, null, {})).not.toBe(first);
});

test('EN-05: five conditions in one document do not push each other out; there is an end to them all the same', () => {
  const { prepare } = createPreparer(graph(), { maxPlans: 40 });
  const names = ['a', 'b', 'c', 'd', 'e'];
  const document = parse(
    `query(${names.map((name) => `$${name}: Boolean!`).join(' ')}) { a ${names.map((name) => `${name}: b @include(if: $${name})`).join(' ')} }`.replace(
      'a: b',
      'z: b',
    ),
  );
  const values = (bits: number) => Object.fromEntries(names.map((name, index) => [name, ((bits >> index) & 1) === 1]));
  const first = prepare(document, null, values(0));
  expect(prepare(document, null, values(0))).toBe(first);
  const all = Array.from({ length: 32 }, (_, bits) => prepare(document, null, values(bits)));
  for (const [bits, prepared] of all.entries()) expect(prepare(document, null, values(bits))).toBe(prepared);
  for (let index = 0; index < 40; index += 1) prepare(parse(`{ y${index}: a }`), null, {});
  expect(prepare(document, null, values(0))).not.toBe(first);
});

test('EN-05: documents by their text are forgotten once there are 1,000 others', () => {
  const { schema } = graph();
  const documents = createSocketDocuments({ schema: () => schema, validationRules: [], maxTokens: null, introspection: true });
  const documentOf = (query: string) => {
    const prepared = documents.prepare({ query });
    return 'document' in prepared ? prepared.document : null;
  };
  const first = documentOf('{ a }');
  expect(first).not.toBeNull();
  expect(documentOf('{ a }')).toBe(first);
  for (let index = 0; index < 1_000; index += 1) documentOf(`{ x${index}: a }`);
  expect(documentOf('{ a }')).not.toBe(first);
});

test('EN-05: texts of a body each, valid or not, do not stay because they are few', () => {
  const { schema } = graph();
  const documents = createSocketDocuments({ schema: () => schema, validationRules: [], maxTokens: null, introspection: true });
  const documentOf = (query: string) => {
    const prepared = documents.prepare({ query });
    return 'document' in prepared ? prepared.document : null;
  };
  const first = documentOf('{ a }');
  for (let index = 0; index < 40; index += 1) documentOf(`{ x${index}: a } # ${'x'.repeat(1_000_000)}`);
  expect(documentOf('{ a }')).not.toBe(first);
  const second = documentOf('{ a }');
  for (let index = 0; index < 40; index += 1) expect(documentOf(`{ unknown${index} } # ${'x'.repeat(1_000_000)}`)).toBeNull();
  expect(documentOf('{ a }')).not.toBe(second);
  const third = documentOf('{ a }');
  for (let index = 0; index < 40; index += 1) expect(documentOf(`{ { ${index} # ${'x'.repeat(1_000_000)}`)).toBeNull();
  expect(documentOf('{ a }')).not.toBe(third);
});
