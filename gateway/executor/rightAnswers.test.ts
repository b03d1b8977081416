import { parse } from 'graphql';
import { expect, test } from 'vitest';
import { checkPlan } from './planCheck.js';
import { smallGraph } from './smallGraph.given.js';

// Each of these an unmodified Apollo gateway answers wrongly, mostly without any error (EN-02, EN-02b).

const byId = (answer: (source: Record<string, unknown>) => unknown) => async (reference: Record<string, unknown>) => answer(reference);

test('a key that a subgraph does not resolve is not used to come back to it with what a field requires', async () => {
  const graph = smallGraph({
    stock: {
      sdl: `type Query { item: Item }
        type Item @key(fields: "sku", resolvable: false) @key(fields: "id") { id: ID! sku: String! weight: Int @external fee: String @requires(fields: "weight") }`,
      resolvers: {
        Query: { item: () => ({ id: '1', sku: 's' }) },
        Item: { __resolveReference: byId(({ id, weight }) => id && { id, weight }), fee: ({ weight }) => `fee ${weight}` },
      },
    },
    catalogue: {
      sdl: 'type Item @key(fields: "sku") @key(fields: "id") { id: ID! sku: String! weight: Int }',
      resolvers: { Item: { __resolveReference: byId((item) => item), weight: () => 7 } },
    },
  });
  expect(await graph.ask('{ item { fee } }')).toEqual({ data: { item: { fee: 'fee 7' } } });
});

const prices = () =>
  smallGraph({
    shop: {
      sdl: `type Query { item: Item } type Item @key(fields: "id") { id: ID! tags(limit: Int): [String!]! }`,
      resolvers: {
        Query: { item: () => ({ id: '1' }) },
        Item: { __resolveReference: byId((item) => item), tags: (_item, { limit }) => ['a', 'b', 'c', 'd'].slice(0, (limit as number | undefined) ?? 4) },
      },
    },
    search: {
      sdl: `type Item @key(fields: "id") { id: ID! tags(limit: Int): [String!]! @external
          three: String @requires(fields: "tags(limit: 3)") two: String @requires(fields: "tags(limit: 2)") }`,
      resolvers: {
        Item: { __resolveReference: byId((item) => item), three: ({ tags }) => (tags as string[]).join(), two: ({ tags }) => (tags as string[]).join() },
      },
    },
  });

test("a client's arguments and those of a requirement do not meet", async () => {
  expect(await prices().ask('{ item { tags(limit: 1) three } }')).toEqual({ data: { item: { tags: ['a'], three: 'a,b,c' } } });
  expect(await prices().ask('{ item { three tags } }')).toEqual({ data: { item: { three: 'a,b,c', tags: ['a', 'b', 'c', 'd'] } } });
  expect(await prices().ask('query($n: Int) { item { tags(limit: $n) three } }', { n: 2 })).toEqual({ data: { item: { tags: ['a', 'b'], three: 'a,b,c' } } });
});

test('two fields that require the same field with different arguments both get what they require', async () => {
  expect(await prices().ask('{ item { three two tags(limit: 1) } }')).toEqual({ data: { item: { three: 'a,b,c', two: 'a,b', tags: ['a'] } } });
});

const media = () =>
  smallGraph({
    library: {
      sdl: 'type Query { medium: Medium } interface Medium @key(fields: "id") { id: ID! title: String } type Book implements Medium @key(fields: "id") { id: ID! title: String pages: Int }',
      resolvers: {
        Query: { medium: () => ({ __typename: 'Book', id: '1' }) },
        Medium: { __resolveReference: byId(({ id }) => ({ __typename: 'Book', id })), __resolveType: () => 'Book' },
        Book: { __resolveReference: byId((book) => book), title: () => 'Emma', pages: () => 474 },
      },
    },
    reviews: {
      sdl: 'type Query { best: Medium } type Medium @key(fields: "id") @interfaceObject { id: ID! stars: Int }',
      resolvers: { Query: { best: () => ({ id: '1' }) }, Medium: { __resolveReference: byId((medium) => medium), stars: () => 5 } },
    },
  });

test('an interface object keeps its fields when its type name is asked for', async () => {
  expect(await media().ask('{ best { __typename stars title ... on Book { pages } } }')).toEqual({
    data: { best: { __typename: 'Book', stars: 5, title: 'Emma', pages: 474 } },
  });
  expect(await media().ask('{ best { stars } medium { stars __typename } }')).toEqual({
    data: { best: { stars: 5 }, medium: { stars: 5, __typename: 'Book' } },
  });
});

test('a field that no fetch of the plan gives is an error, not a null', () => {
  const { graph } = media().executor;
  // What the planner gives for an interface object that no subgraph in reach can resolve: an empty plan.
  expect(() => checkPlan(graph, parse('{ best { __typename stars } }'), undefined)).toThrow('Query.best');
});

test('one object under two aliases is two answers: an error turns one to null and leaves the other', async () => {
  const graph = smallGraph({
    a: {
      sdl: 'type Query { box: Box } type Box { good: Int bad: Int! }',
      resolvers: { Query: { box: () => ({ good: 1 }) } },
    },
  });
  const { data, errors } = await graph.ask('{ one: box { good } two: box { good bad } }');
  expect(data).toEqual({ one: { good: 1 }, two: null });
  expect(errors?.map(({ path }) => path)).toEqual([['two', 'bad']]);
});

test('zero, false and the empty text survive where names had to be changed for a subgraph', async () => {
  const graph = smallGraph({
    all: {
      sdl: 'type Query { things: [Thing] } interface Thing { id: ID! } type A implements Thing { id: ID! v: Int } type B implements Thing { id: ID! v: String } type C implements Thing { id: ID! v: Boolean }',
      resolvers: {
        Query: {
          things: () => [
            { __typename: 'A', id: '1', v: 0 },
            { __typename: 'B', id: '2', v: '' },
            { __typename: 'C', id: '3', v: false },
          ],
        },
      },
    },
  });
  expect(await graph.ask('{ things { ... on A { a: v } ... on B { b: v } ... on C { c: v } } }')).toEqual({
    data: { things: [{ a: 0 }, { b: '' }, { c: false }] },
  });
});

test('what is required through lists of lists arrives whole', async () => {
  const graph = smallGraph({
    grid: {
      sdl: 'type Query { board: Board } type Board @key(fields: "id") { id: ID! cells: [[Cell]] } type Cell { n: Int }',
      resolvers: { Query: { board: () => ({ id: '1' }) }, Board: { __resolveReference: byId((board) => board), cells: () => [[{ n: 1 }, null], [{ n: 3 }]] } },
    },
    sums: {
      sdl: 'type Board @key(fields: "id") { id: ID! cells: [[Cell]] @external sum: String @requires(fields: "cells { n }") } type Cell { n: Int @external }',
      resolvers: { Board: { __resolveReference: byId((board) => board), sum: ({ cells }) => JSON.stringify(cells) } },
    },
  });
  expect(await graph.ask('{ board { sum } }')).toEqual({ data: { board: { sum: '[[{"n":1},null],[{"n":3}]]' } } });
});

test('a mutation that is written twice with another between runs once', async () => {
  const ran: string[] = [];
  const run = (name: string) => () => {
    ran.push(name);
    return { x: 1, y: 2 };
  };
  const graph = smallGraph({
    one: { sdl: 'type Query { q: Int } type Mutation { a: Done } type Done @shareable { x: Int y: Int }', resolvers: { Mutation: { a: run('a') } } },
    two: { sdl: 'type Mutation { b: Done } type Done @shareable { x: Int y: Int }', resolvers: { Mutation: { b: run('b') } } },
  });
  expect(await graph.ask('mutation { a { x } b { x } a @skip(if: false) { y } }')).toEqual({ data: { a: { x: 1, y: 2 }, b: { x: 1 } } });
  expect(ran).toEqual(['a', 'b']);
  ran.length = 0;
  expect(await graph.ask('mutation($no: Boolean!) { b { x } a { x } again: a { y } b @skip(if: $no) { y } }', { no: false })).toEqual({
    data: { b: { x: 1, y: 2 }, a: { x: 1 }, again: { y: 2 } },
  });
  expect(ran).toEqual(['b', 'a', 'a']);
});

test('a field under a condition does not take the fetch of its neighbour with it', async () => {
  const graph = smallGraph({
    a: {
      sdl: 'type Query { f: F } type F @key(fields: "id") { id: ID! base: Int }',
      resolvers: { Query: { f: () => ({ id: '1' }) }, F: { __resolveReference: byId((f) => f), base: () => 4 } },
    },
    b: {
      sdl: 'type F @key(fields: "id") { id: ID! base: Int @external calc: Int @requires(fields: "base") other: Int }',
      resolvers: { F: { __resolveReference: byId((f) => f), calc: ({ base }) => (base as number) * 2, other: () => 9 } },
    },
  });
  const query = 'query($v: Boolean!) { f { calc @skip(if: $v) other } }';
  expect(await graph.ask(query, { v: true })).toEqual({ data: { f: { other: 9 } } });
  expect(await graph.ask(query, { v: false })).toEqual({ data: { f: { calc: 8, other: 9 } } });
});

test('an alias that is the name of a key stays an alias', async () => {
  const graph = smallGraph({
    a: {
      sdl: 'type Query { item: Item } type Item @key(fields: "id") { id: ID! sku: String }',
      resolvers: { Query: { item: () => ({ id: '1', sku: 's9' }) } },
    },
    b: {
      sdl: 'type Item @key(fields: "id") { id: ID! price: String }',
      resolvers: { Item: { __resolveReference: byId((item) => item), price: ({ id }) => `price of ${id}` } },
    },
  });
  expect(await graph.ask('{ item { id: sku price } }')).toEqual({ data: { item: { id: 's9', price: 'price of 1' } } });
  expect(await graph.ask('{ item { sku: id __typename: sku id: price } }'.replace('__typename: sku ', ''))).toEqual({
    data: { item: { sku: '1', id: 'price of 1' } },
  });
});

test('nested fragments on a known type keep their fields', async () => {
  const graph = smallGraph({
    a: {
      sdl: 'type Query { node: Node } interface Node { id: ID! } type A implements Node @key(fields: "id") { id: ID! x: Int }',
      resolvers: { Query: { node: () => ({ __typename: 'A', id: '1', x: 3 }) } },
    },
    b: { sdl: 'type A @key(fields: "id") { id: ID! y: Int }', resolvers: { A: { __resolveReference: byId((a) => a), y: () => 4 } } },
  });
  expect(await graph.ask('{ node { ... on A { ... on Node { __typename ... on A { x ... on Node { ... on A { y } } } } } } }')).toEqual({
    data: { node: { __typename: 'A', x: 3, y: 4 } },
  });
});

test('lists of lists of shared values from two subgraphs are merged item by item', async () => {
  const cells = (field: string) => () => [[{ [field]: 1 }, { [field]: 2 }], [{ [field]: 3 }]];
  const graph = smallGraph({
    a: {
      sdl: 'type Query { board: Board } type Board @key(fields: "id") { id: ID! cells: [[Cell]] @shareable } type Cell { x: Int }',
      resolvers: { Query: { board: () => ({ id: '1' }) }, Board: { cells: cells('x') } },
    },
    b: {
      sdl: 'type Board @key(fields: "id") { id: ID! cells: [[Cell]] @shareable } type Cell { y: Int }',
      resolvers: { Board: { __resolveReference: byId((b) => b), cells: cells('y') } },
    },
  });
  expect(await graph.ask('{ board { cells { x y } } }')).toEqual({
    data: {
      board: {
        cells: [
          [
            { x: 1, y: 1 },
            { x: 2, y: 2 },
          ],
          [{ x: 3, y: 3 }],
        ],
      },
    },
  });
});

test('a field that requires what requires something itself is computed from the right values', async () => {
  const graph = smallGraph({
    a: {
      sdl: 'type Query { item: Item } type Item @key(fields: "id") { id: ID! base: Int }',
      resolvers: { Query: { item: () => ({ id: '1', base: 2 }) }, Item: { __resolveReference: byId(({ id }) => ({ id, base: 2 })) } },
    },
    b: {
      sdl: 'type Item @key(fields: "id") { id: ID! base: Int @external twice: Int @requires(fields: "base") }',
      resolvers: { Item: { __resolveReference: byId((item) => item), twice: ({ base }) => (base as number) * 2 } },
    },
    c: {
      sdl: 'type Query { other: Item } type Item @key(fields: "id") { id: ID! base: Int @external twice: Int @external sum(plus: Int): Int @requires(fields: "twice base") }',
      resolvers: {
        Query: { other: () => ({ id: '1' }) },
        Item: {
          __resolveReference: byId((item) => item),
          sum: ({ twice, base }, { plus }) => (twice as number) + (base as number) + ((plus as number | undefined) ?? 0),
        },
      },
    },
  });
  expect(await graph.ask('query($p: Int) { item { sum more: sum(plus: $p) } other { sum twice } }', { p: 10 })).toEqual({
    data: { item: { sum: 6, more: 16 }, other: { sum: 6, twice: 4 } },
  });
});

test('list indices in error paths count every item, and each place of an entity has its error', async () => {
  const fail = () => {
    throw new Error('no');
  };
  const graph = smallGraph({
    a: {
      sdl: 'type Query { all: [Thing] } union Thing = A | B type A @key(fields: "id") { id: ID! } type B @key(fields: "id") { id: ID! }',
      resolvers: {
        Query: { all: () => [{ __typename: 'B', id: '0' }, null, { __typename: 'A', id: '1' }, { __typename: 'A', id: '2' }, { __typename: 'A', id: '1' }] },
      },
    },
    b: {
      sdl: 'type A @key(fields: "id") { id: ID! x: Int }',
      resolvers: { A: { __resolveReference: byId((a) => a), x: ({ id }) => (id === '1' ? fail() : 5) } },
    },
  });
  const { data, errors } = await graph.ask('{ list: all { ... on A { first: x second: x } } }');
  expect(data).toEqual({ list: [{}, null, { first: null, second: null }, { first: 5, second: 5 }, { first: null, second: null }] });
  expect(errors?.map(({ path }) => path?.join('.'))).toEqual(['list.2.first', 'list.2.second', 'list.4.first', 'list.4.second']);
});
