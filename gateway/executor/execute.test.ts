import { readFile } from 'node:fs/promises';
import { parse } from 'graphql';
import { expect, test } from 'vitest';
import { AnswerText } from './execute.js';
import { buildGraph } from './graph.js';
import type { FetchTiming } from './run.js';
import { smallGraph } from './smallGraph.given.js';

const reference = async (entity: Record<string, unknown>) => entity;

/** Users with friends, whose names another subgraph knows. */
function friends() {
  return smallGraph({
    people: {
      sdl: 'type Query { users: [User!]! one: User } type Mutation { first: User! second: User } type User @key(fields: "id") { id: ID! friends: [User!] }',
      resolvers: {
        Query: { users: () => [{ id: '1' }, { id: '2' }, { id: '1' }], one: () => ({ id: '1' }) },
        Mutation: { first: () => ({ id: '1' }), second: () => ({ id: '2' }) },
        User: { __resolveReference: reference, friends: () => [{ id: '1' }, { id: '2' }] },
      },
    },
    names: {
      sdl: 'type User @key(fields: "id") { id: ID! name(short: Boolean): String! }',
      resolvers: { User: { __resolveReference: reference, name: ({ id }) => `name ${id}` } },
    },
  });
}

test('equal entities are sent once per fetch, and equal fetches once per request', async () => {
  const graph = friends();
  const { data } = await graph.ask('{ users { name } one { name } again: one { name } }');
  expect(data).toEqual({ users: [{ name: 'name 1' }, { name: 'name 2' }, { name: 'name 1' }], one: { name: 'name 1' }, again: { name: 'name 1' } });
  const asked = graph.fetches
    .filter(({ service }) => service === 'names')
    .map(({ variables }) => (variables.representations as { id: string }[]).map(({ id }) => id));
  expect(asked).toEqual([['1', '2'], ['1']]);
});

test('an answer as text is the answer', async () => {
  const graph = friends();
  const query = '{ users { id friends { name friends { id name } } } __typename kind: __typename }';
  const { data } = await graph.ask(query);
  const result = await graph.executor.execute({
    document: parse(query),
    operationName: undefined,
    variables: {},
    asText: true,
    fetch: async (_service, request) => {
      const ids = (JSON.parse(request.variablesText ?? '{}') as { representations?: { id: string }[] }).representations;
      const some = [
        { __typename: 'User', id: '1' },
        { __typename: 'User', id: '2' },
      ];
      const withFriends = (id: string) => ({
        __typename: 'User',
        id,
        friends: some.map((friend) => ({ ...friend, friends: some.map((each) => ({ ...each })) })),
      });
      if (!ids) return { data: { users: ['1', '2', '1'].map(withFriends) } };
      return { data: { _entities: ids.map(({ id }) => ({ _wg0_name: `name ${id}` })) } };
    },
  });
  expect(result.data).toBeInstanceOf(AnswerText);
  expect(JSON.parse((result.data as unknown as AnswerText).text)).toEqual(data);
});

test('introspection stands beside data in one operation', async () => {
  const { data } = await friends().ask(
    'query($n: String!) { one { id } t: __type(name: $n) { ...F } __schema { queryType { name } } } fragment F on __Type { name }',
    { n: 'User' },
  );
  expect(data).toEqual({ one: { id: '1' }, t: { name: 'User' }, __schema: { queryType: { name: 'Query' } } });
});

test('variables that do not fit are refused before anything is fetched', async () => {
  const graph = friends();
  const { errors, data } = await graph.ask('query($s: Boolean!) { one { name(short: $s) } }', { s: 'maybe' });
  expect([errors?.length, data, graph.fetches.length]).toEqual([1, undefined, 0]);
});

test('a failed non-null root field of a mutation ends it, as in graphql-js; fetches are timed', async () => {
  const graph = friends();
  graph.answerWith('people', () => ({ data: null, errors: [{ message: 'no', path: ['first'] }] }));
  const timings: FetchTiming[] = [];
  const { data, errors } = await graph.ask('mutation { first { name } second { name } }', {}, (timing) => void timings.push(timing));
  expect([data, errors?.map(({ path }) => path), graph.fetches.length]).toEqual([null, [['first']], 1]);
  expect(timings).toEqual([expect.objectContaining({ service: 'people', path: '', entities: 0, durationMs: expect.any(Number) })]);
});

test.each([
  ['nothing at all', () => ({})],
  ['too few entities', () => ({ data: { _entities: [] } })],
  ['no list', () => ({ data: { _entities: 'what?' } })],
  ['a refusal without a path', () => ({ errors: [{ message: 'not today' }] })],
  [
    'no answer',
    () => {
      throw new Error('connection lost');
    },
  ],
])('a subgraph that gives %s costs its own fields, and one error with the path of the first', async (_name, answer) => {
  const graph = friends();
  graph.answerWith('names', answer);
  expect(await graph.ask('{ one { id name } }')).toMatchObject({ data: { one: null }, errors: [{ path: ['one'] }] });
});

test('values of the wrong kind are errors as graphql-js gives them', async () => {
  const graph = smallGraph({ a: { sdl: 'type Query { i: Int s: String e: Color l: [Int] o: Box n: Int! id: ID } enum Color { RED } type Box { x: Int }' } });
  graph.answerWith('a', () => ({ data: { i: 1.5, s: 5, e: 'BLUE', l: 7, o: 'box', id: 12 } }));
  const { data, errors } = await graph.ask('{ i s e l o { x } id }');
  expect(data).toEqual({ i: null, s: '5', e: null, l: null, o: null, id: '12' });
  expect(errors?.map(({ path, message }) => [path?.[0], message])).toEqual([
    ['i', 'Int cannot represent non-integer value: 1.5'],
    ['e', 'Enum "Color" cannot represent value: "BLUE"'],
    ['l', 'Expected Iterable, but did not find one for field "Query.l".'],
    ['o', 'Expected an object for field "Query.o".'],
  ]);
  expect(await graph.ask('{ s n }')).toMatchObject({ data: null, errors: [{ path: ['n'], message: 'Cannot return null for non-nullable field Query.n.' }] });
});

test('an object of a type that clients cannot see is null, with an error', async () => {
  const graph = smallGraph({ a: { sdl: 'type Query { thing: Thing } union Thing = Open | Hidden type Open { x: Int } type Hidden @inaccessible { y: Int }' } });
  graph.answerWith('a', () => ({ data: { thing: { __typename: 'Hidden' } } }));
  expect(await graph.ask('{ thing { ... on Open { x } } }')).toMatchObject({ data: { thing: null }, errors: [{ path: ['thing'] }] });
});

test("the product's own supergraph is understood", async () => {
  const { schema } = buildGraph(await readFile(new URL('../../schema/supergraph.graphql', import.meta.url), 'utf8'));
  expect(schema.getQueryType()?.getFields()).toHaveProperty('node');
});
