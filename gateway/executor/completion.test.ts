import { expect, test } from 'vitest';
import { smallGraph } from './smallGraph.given.js';

// Values as graphql-js completes them, whatever a subgraph sends (EN-02); the plain text and the careful way have to agree.

const SDL = `type Query { v: Values list: [Int] strict: [Int!] nested: [[Int!]!] box: Box thing: Thing }
  type Values { int: Int float: Float string: String id: ID boolean: Boolean color: Color json: JSON } enum Color { RED GREEN } scalar JSON
  type Box { must: Int! inner: Box } interface Thing { name: String } type One implements Thing { name: String }`;

async function answer(query: string, data: unknown) {
  const graph = smallGraph({ a: { sdl: SDL } });
  graph.answerWith('a', () => ({ data }));
  const result = await graph.ask(query);
  return { data: result.data, errors: result.errors?.map(({ path, message }) => `${path?.join('.')}: ${message}`) };
}

test.each([
  ['int', 1.5, 'Int cannot represent non-integer value: 1.5'],
  ['int', 2_147_483_648, 'Int cannot represent non 32-bit signed integer value: 2147483648'],
  ['int', 'x', 'Int cannot represent non-integer value: "x"'],
  ['int', {}, 'Int cannot represent non-integer value: {}'],
  ['float', 'x', 'Float cannot represent non numeric value: "x"'],
  ['string', { a: 1 }, 'String cannot represent value: { a: 1 }'],
  ['string', ['a'], 'String cannot represent value: ["a"]'],
  ['id', true, 'ID cannot represent value: true'],
  ['id', 1.5, 'ID cannot represent value: 1.5'],
  ['boolean', 'yes', 'Boolean cannot represent a non boolean value: "yes"'],
  ['color', 'BLUE', 'Enum "Color" cannot represent value: "BLUE"'],
  ['color', 3, 'Enum "Color" cannot represent non-string value: 3'],
])('EN-02: %s of %j is null, with the error of graphql-js at its path', async (field, value, message) => {
  const result = await answer(`{ v { ${field} } }`, { v: { [field]: value } });
  expect(result.data).toEqual({ v: { [field]: null } });
  expect(result.errors).toHaveLength(1);
  expect(result.errors?.[0]).toContain(`v.${field}: `);
  expect(result.errors?.[0]).toContain(message.slice(0, 22));
});

test.each([
  ['int', -2_147_483_648, -2_147_483_648],
  ['int', true, 1],
  ['int', '7', 7],
  ['float', 1e300, 1e300],
  ['float', '1.5', 1.5],
  ['string', 5, '5'],
  ['string', false, 'false'],
  ['string', '\u2028"\\\n\ud800', '\u2028"\\\n\ud800'],
  ['id', 5, '5'],
  ['boolean', 1, true],
  ['json', { a: [1, { __proto__: null, b: null }] }, { a: [1, { b: null }] }],
])('EN-02: %s of %j is what graphql-js makes of it', async (field, value, expected) => {
  expect(await answer(`{ v { ${field} } }`, { v: { [field]: value } })).toEqual({ data: { v: { [field]: expected } }, errors: undefined });
});

test('EN-02: lists, items that may not be null, and lists in lists', async () => {
  expect(await answer('{ list }', { list: 'no list' })).toEqual({ data: { list: null }, errors: [expect.stringContaining('list: Expected Iterable')] });
  expect(await answer('{ list }', { list: [1, 'x', null, 2] })).toEqual({
    data: { list: [1, null, null, 2] },
    errors: [expect.stringContaining('list.1: Int cannot')],
  });
  expect(await answer('{ strict }', { strict: [1, null] })).toEqual({
    data: { strict: null },
    errors: ['strict.1: Cannot return null for non-nullable field Query.strict.'],
  });
  expect(await answer('{ nested }', { nested: [[1], [2, 'x']] })).toEqual({
    data: { nested: null },
    errors: [expect.stringContaining('nested.1.1: Int cannot')],
  });
});

test('EN-02: objects of the wrong kind, of no type or of a wrong one', async () => {
  expect((await answer('{ box { must } }', { box: [{ must: 1 }] })).data).toEqual({ box: null });
  expect((await answer('{ box { inner { inner { must } } must } }', { box: { must: 1, inner: { inner: {} } } })).data).toEqual({
    box: { inner: { inner: null }, must: 1 },
  });
  expect(await answer('{ thing { __typename name } }', { thing: { __typename: 'Box', name: 'x' } })).toEqual({
    data: { thing: null },
    errors: [expect.stringContaining('thing: ')],
  });
  expect(await answer('{ thing { __typename name } }', { thing: { __typename: 7, name: 'x' } })).toEqual({
    data: { thing: null },
    errors: [expect.stringContaining('thing: ')],
  });
});

test('EN-02: garbage is bounded: a flood of errors of a subgraph does not become a flood for the client', async () => {
  const graph = smallGraph({ a: { sdl: SDL } });
  graph.answerWith('a', () => ({
    data: { list: null },
    errors: Array.from({ length: 5_000 }, (_, index) => ({ message: `no ${index}`, path: ['list', index] })),
  }));
  const { errors } = await graph.ask('{ list }');
  expect(errors).toHaveLength(1_000);
  graph.answerWith('a', () => ({ data: { list: Array.from({ length: 5_000 }, () => 'x') } }));
  const wrong = await graph.ask('{ list }');
  expect(wrong.errors).toHaveLength(1_000);
  expect(wrong.data?.list).toHaveLength(5_000);
});

test.each([
  ['errors that are no list', { data: { list: [1] }, errors: 'none' }],
  ['errors without messages', { data: { list: null }, errors: [{}, null, 7, { message: 5, path: 'list' }, { message: 'm', path: [{}] }] }],
])('EN-02: %s do not break the answer', async (_name, given) => {
  const graph = smallGraph({ a: { sdl: SDL } });
  graph.answerWith('a', () => given);
  const { data } = await graph.ask('{ list }');
  expect(data).toEqual({ list: (given.data as { list: unknown }).list });
});

test('EN-02: a null with two reasons is told by the one that is known', async () => {
  const graph = smallGraph({ a: { sdl: 'type Query { pair: Pair } type Pair { one: Int! two: Int! three: Int }' } });
  const error = (field: string) => ({ message: 'No.', path: ['pair', field], extensions: { code: 'FAILED' } });
  const told = async (given: unknown, ...fields: string[]) => {
    graph.answerWith('a', () => ({ data: { pair: given }, errors: fields.map(error) }));
    const { data, errors = [] } = await graph.ask('{ pair { one two three } }');
    return [data, errors.map(({ path, extensions }) => [path?.join('.'), extensions?.code])];
  };
  expect(await told({ one: null, two: null, three: 3 }, 'two')).toEqual([{ pair: null }, [['pair.two', 'FAILED']]]);
  // What turned itself to null is no reason for what is above it.
  expect(await told({ one: null, two: 2, three: null }, 'three')).toEqual([
    { pair: null },
    [
      ['pair.three', 'FAILED'],
      ['pair.one', 'UNEXPLAINED_NULL'],
    ],
  ]);
});
