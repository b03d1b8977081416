import { expect, test } from 'vitest';
import { smallGraph } from './smallGraph.given.js';

// Mutations (EN-02, EN-03): each root field once, one after the other, and no further than graphql-js goes.

type Source = Record<string, unknown>;
const itself = async (entity: Source) => entity;

/** Two subgraphs that count together, and a third that knows the names of what comes out. */
function counting() {
  const state = { value: 0 };
  const log: string[] = [];
  const step =
    (name: string, change: (value: number, by: number) => number) =>
    (_root: Source, { by }: Source) => {
      log.push(name);
      state.value = change(state.value, Number(by));
      if (by === 13) throw new Error('unlucky');
      return { id: `${state.value}` };
    };
  const graph = smallGraph({
    a: {
      sdl: 'type Query { q: Int } type Mutation { add(by: Int): Result! addMaybe(by: Int): Result } type Result @key(fields: "id") { id: ID! }',
      resolvers: { Mutation: { add: step('add', (a, b) => a + b), addMaybe: step('addMaybe', (a, b) => a + b) } },
    },
    b: {
      sdl: 'type Mutation { times(by: Int): Result! } type Result @key(fields: "id") { id: ID! }',
      resolvers: { Mutation: { times: step('times', (a, b) => a * b) } },
    },
    names: {
      sdl: 'type Result @key(fields: "id") { id: ID! name: String! maybe: String }',
      resolvers: {
        Result: {
          __resolveReference: itself,
          name: ({ id }) => {
            log.push(`name ${id}`);
            if (id === '5') throw new Error('five has no name');
            return `number ${id}`;
          },
        },
      },
    },
  });
  return { ...graph, log, state };
}

test('EN-02: root fields of several subgraphs run in the order in which they are written', async () => {
  const graph = counting();
  expect(await graph.ask('mutation { five: addMaybe(by: 5) { id } ten: times(by: 2) { id } twelve: add(by: 2) { id } again: times(by: 2) { id } }')).toEqual({
    data: { five: { id: '5' }, ten: { id: '10' }, twelve: { id: '12' }, again: { id: '24' } },
  });
  expect(graph.log).toEqual(['addMaybe', 'times', 'add', 'times']);
});

test('EN-02: what follows a field is complete before the next field runs', async () => {
  const graph = counting();
  await graph.ask('mutation { one: add(by: 1) { name } two: add(by: 1) { name } four: times(by: 2) { name } }');
  expect(graph.log).toEqual(['add', 'name 1', 'add', 'name 2', 'times', 'name 4']);
});

test('EN-03: a joined null that reaches the root ends the mutation; one that stops on the way does not', async () => {
  const ended = counting();
  const { data, errors } = await ended.ask('mutation { add(by: 5) { name } times(by: 2) { id } }');
  expect([data, errors?.map(({ path }) => path)]).toEqual([null, [['add', 'name']]]);
  expect(ended.log).toEqual(['add', 'name 5']);
  const going = counting();
  const result = await going.ask('mutation { addMaybe(by: 5) { name } times(by: 2) { id } }');
  expect([result.data, result.errors?.map(({ path }) => path)]).toEqual([{ addMaybe: null, times: { id: '10' } }, [['addMaybe', 'name']]]);
});

test('EN-03: a field that fails and may be null is followed by the next', async () => {
  const graph = counting();
  const { data, errors } = await graph.ask('mutation { addMaybe(by: 13) { id } times(by: 2) { id } add(by: 1) { id } }');
  expect([data, errors?.map(({ path }) => path)]).toEqual([{ addMaybe: null, times: { id: '26' }, add: { id: '27' } }, [['addMaybe']]]);
  const stopped = await graph.ask('mutation { add(by: 13) { id } times(by: 2) { id } }');
  expect([stopped.data, stopped.errors?.map(({ path }) => path)]).toEqual([null, [['add']]]);
  expect(graph.log).toEqual(['addMaybe', 'times', 'add', 'add']);
});

test('EN-02: what is joined to a field is read before the next field runs, and read again after it', async () => {
  const state = { value: 0 };
  const changedBy =
    (by: number) =>
    (_root: Source, { id }: Source) => {
      state.value += by;
      return { id };
    };
  const graph = smallGraph({
    touches: {
      sdl: 'type Query { q: Int } type Mutation { touch(id: ID!): Thing rename(id: ID!): Thing } type Thing @key(fields: "id") { id: ID! }',
      resolvers: { Mutation: { touch: (_root, { id }) => ({ id }), rename: changedBy(10) } },
    },
    counts: {
      sdl: 'type Mutation { bump(id: ID!): Thing } type Thing @key(fields: "id") { id: ID! count: Int }',
      resolvers: { Mutation: { bump: changedBy(1) }, Thing: { __resolveReference: itself, count: () => state.value } },
    },
  });
  const query = 'mutation { a: touch(id: 1) { count } bump(id: 1) { id } b: touch(id: 1) { count } rename(id: 1) { count } c: touch(id: 1) { count } }';
  expect(await graph.ask(query)).toEqual({ data: { a: { count: 0 }, bump: { id: '1' }, b: { count: 1 }, rename: { count: 11 }, c: { count: 11 } } });
});

test('EN-02: a mutation through a fragment and with type name keeps its order and its names', async () => {
  const graph = counting();
  expect(
    await graph.ask('mutation { __typename ...M x: add(by: 1) { id } } fragment M on Mutation { x: add(by: 1) { name } kind: __typename times(by: 3) { id } }'),
  ).toEqual({
    data: { __typename: 'Mutation', x: { name: 'number 1', id: '1' }, kind: 'Mutation', times: { id: '3' } },
  });
  expect(graph.log).toEqual(['add', 'name 1', 'times']);
});
