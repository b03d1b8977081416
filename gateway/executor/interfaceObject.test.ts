import { expect, test } from 'vitest';
import { smallGraph } from './smallGraph.given.js';

// @interfaceObject (EN-02): one subgraph knows an interface's types, others add fields to all of them without knowing any.

type Source = Record<string, unknown>;
const itself = async (entity: Source) => entity;

const people = (more = '') => ({
  sdl: `type Query { named: [Named] users: [User] } interface Named @key(fields: "id") { id: ID! name: String }
    type User implements Named @key(fields: "id") { id: ID! name: String age: Int } type Bot implements Named @key(fields: "id") { id: ID! name: String maker: String } ${more}`,
  resolvers: {
    Query: {
      named: () => [
        { __typename: 'User', id: 'u1', name: 'Ann', age: 30 },
        { __typename: 'Bot', id: 'b1', name: 'Bert', maker: 'us' },
      ],
      users: () => [{ id: 'u1', name: 'Ann', age: 30 }],
    },
    Named: {
      __resolveType: (named: Source) => String(named.__typename),
      __resolveReference: async ({ id }: Source) =>
        id === 'u1' ? { __typename: 'User', id, name: 'Ann', age: 30 } : id === 'b1' ? { __typename: 'Bot', id, name: 'Bert', maker: 'us' } : null,
    },
    User: { __resolveReference: async ({ id }: Source) => ({ id, name: 'Ann', age: 30 }) },
    Bot: { __resolveReference: async ({ id }: Source) => ({ id, name: 'Bert', maker: 'us' }) },
  },
});

const logins = {
  sdl: `type Query { seen: [Named] } type Named @key(fields: "id") @interfaceObject { id: ID! name: String @external login: String @requires(fields: "name") best: Named }`,
  resolvers: {
    Query: { seen: () => [{ id: 'b1' }, { id: 'u1' }] },
    Named: { __resolveReference: itself, login: ({ name }: Source) => `${String(name).toLowerCase()}@x`, best: () => ({ id: 'u1' }) },
  },
};

test('EN-02: fields of an interface object belong to every type of the interface', async () => {
  const graph = smallGraph({ people: people(), logins });
  expect(await graph.ask('{ named { id login } users { login name } }')).toEqual({
    data: {
      named: [
        { id: 'u1', login: 'ann@x' },
        { id: 'b1', login: 'bert@x' },
      ],
      users: [{ login: 'ann@x', name: 'Ann' }],
    },
  });
});

test('EN-02: what comes from an interface object gets its type from the subgraph that knows it', async () => {
  const graph = smallGraph({ people: people(), logins });
  expect(await graph.ask('{ seen { __typename id login ... on User { age } ... on Bot { maker best { __typename name } } } }')).toEqual({
    data: {
      seen: [
        { __typename: 'Bot', id: 'b1', login: 'bert@x', maker: 'us', best: { __typename: 'User', name: 'Ann' } },
        { __typename: 'User', id: 'u1', login: 'ann@x', age: 30 },
      ],
    },
  });
  expect(await graph.ask('{ seen { ... on User { age } } }')).toEqual({ data: { seen: [{}, { age: 30 }] } });
});

test('EN-02: a subgraph that knows one of the types adds to it, beside what is added to all', async () => {
  const ages = {
    sdl: 'type User @key(fields: "id") { id: ID! city: String }',
    resolvers: { User: { __resolveReference: itself, city: () => 'Cairo' } },
  };
  const graph = smallGraph({ people: people(), logins, ages });
  expect(await graph.ask('{ seen { id ... on User { city login } } named { ... on User { city } login } }')).toEqual({
    data: { seen: [{ id: 'b1' }, { id: 'u1', city: 'Cairo', login: 'ann@x' }], named: [{ city: 'Cairo', login: 'ann@x' }, { login: 'bert@x' }] },
  });
});

test('EN-02: an object whose type nobody can tell is null, with an error', async () => {
  const graph = smallGraph({
    people: people(),
    logins: { ...logins, resolvers: { ...logins.resolvers, Query: { seen: () => [{ id: 'gone' }, { id: 'u1' }] } } },
  });
  const { data, errors } = await graph.ask('{ seen { id ... on User { age } } }');
  expect(data).toEqual({ seen: [null, { id: 'u1', age: 30 }] });
  expect(errors?.map(({ path }) => path)).toEqual([['seen', 0]]);
  expect(await graph.ask('{ seen { id } }')).toEqual({ data: { seen: [{ id: 'gone' }, { id: 'u1' }] } });
});

test('EN-02: what a field of an interface object requires for one type does not leave the others out', async () => {
  const graph = smallGraph({ people: people(), logins });
  expect(await graph.ask('{ named { id best { name } ... on Bot { login } } }')).toEqual({
    data: {
      named: [
        { id: 'u1', best: { name: 'Ann' } },
        { id: 'b1', best: { name: 'Ann' }, login: 'bert@x' },
      ],
    },
  });
});

test('EN-02: an interface object is asked for no object that it is not told the key of', async () => {
  const graph = smallGraph({ people: people(), logins });
  const { data, errors } = await graph.ask('{ seen { best { ... on User { name } ... on Bot { id name login best { id } } } } }');
  expect(errors).toBeUndefined();
  expect(data).toEqual({ seen: [{ best: { name: 'Ann' } }, { best: { name: 'Ann' } }] });
  const told = graph.fetches.flatMap(({ variables }) => (variables.representations as Source[] | undefined) ?? []);
  expect(told.filter(({ id }) => id === undefined)).toEqual([]);
});

test('EN-06: what an interface object says of a field that is wanted of other types only is not told', async () => {
  const details = {
    sdl: 'type Named @key(fields: "id") @interfaceObject { id: ID! info: Info } type Info { size: Int weight: Int }',
    resolvers: {
      Named: { __resolveReference: itself, info: () => ({ size: 1 }) },
      Info: {
        weight: () => {
          throw new Error('Nobody has weighed it.');
        },
      },
    },
  };
  const ask = (query: string) => smallGraph({ people: people(), details }).ask(query);
  const { data, errors } = await ask('{ named { ... on User { info { size } } ... on Bot { info { size weight } } } }');
  expect(data).toEqual({ named: [{ info: { size: 1 } }, { info: { size: 1, weight: null } }] });
  expect(errors?.map(({ path }) => path)).toEqual([['named', 1, 'info', 'weight']]);
});
