import { expect, test } from 'vitest';
import { type SmallResolvers, smallGraph } from './smallGraph.given.js';

// @key in all its forms (EN-02): each graph is made so that only the right way leads to the answer.

type Source = Record<string, unknown>;
const reference = (known: (key: Source) => unknown) => async (key: Source) => known(key);
const root = (answer: unknown): SmallResolvers[string] => ({ item: () => answer });

test('EN-02: a compound key is sent whole, and only where the subgraph wants it', async () => {
  const graph = smallGraph({
    a: {
      sdl: 'type Query { item: Item } type Item @key(fields: "id region") { id: ID! region: String! }',
      resolvers: { Query: root({ id: '1', region: 'eu' }) },
    },
    b: {
      sdl: 'type Item @key(fields: "id region") { id: ID! region: String! price: String }',
      resolvers: { Item: { __resolveReference: reference((item) => item), price: ({ id, region }) => `${id} in ${region}` } },
    },
  });
  expect(await graph.ask('{ item { price } }')).toEqual({ data: { item: { price: '1 in eu' } } });
  expect(graph.fetches[1]?.variables.representations).toEqual([{ __typename: 'Item', id: '1', region: 'eu' }]);
});

test('EN-02: of several keys that one is used which both sides know, by way of a third subgraph if need be', async () => {
  const graph = smallGraph({
    a: { sdl: 'type Query { item: Item } type Item @key(fields: "id") { id: ID! }', resolvers: { Query: root({ id: '1' }) } },
    bridge: {
      sdl: 'type Item @key(fields: "id") @key(fields: "sku") { id: ID! sku: String! }',
      resolvers: { Item: { __resolveReference: reference(({ id }) => ({ id, sku: `sku-${id}` })) } },
    },
    c: {
      sdl: 'type Item @key(fields: "sku") { sku: String! price: String }',
      resolvers: { Item: { __resolveReference: reference((item) => item), price: ({ sku }) => `price of ${sku}` } },
    },
  });
  expect(await graph.ask('{ item { price } }')).toEqual({ data: { item: { price: 'price of sku-1' } } });
  expect(graph.fetches.map(({ service }) => service)).toEqual(['a', 'bridge', 'c']);
});

test('EN-02: a nested key goes down into the object that it names', async () => {
  const graph = smallGraph({
    a: {
      sdl: 'type Query { item: Item } type Item @key(fields: "maker { id } serial") { maker: Maker! serial: Int! } type Maker { id: ID! @shareable country: String }',
      resolvers: { Query: root({ maker: { id: 'm1', country: 'EG' }, serial: 7 }) },
    },
    b: {
      sdl: 'type Item @key(fields: "maker { id } serial") { maker: Maker! serial: Int! label: String } type Maker { id: ID! @shareable }',
      resolvers: { Item: { __resolveReference: reference((item) => item), label: ({ maker, serial }) => `${(maker as Source).id}/${serial}` } },
    },
  });
  expect(await graph.ask('{ item { label maker { country } } }')).toEqual({ data: { item: { label: 'm1/7', maker: { country: 'EG' } } } });
  expect(graph.fetches[1]?.variables.representations).toEqual([{ __typename: 'Item', maker: { id: 'm1' }, serial: 7 }]);
});

test('EN-02: a key through a list is sent as the list it is', async () => {
  const graph = smallGraph({
    a: {
      sdl: 'type Query { item: Item } type Item @key(fields: "parts { id }") { parts: [Part!]! } type Part { id: ID! @shareable }',
      resolvers: { Query: root({ parts: [{ id: 'x' }, { id: 'y' }] }) },
    },
    b: {
      sdl: 'type Item @key(fields: "parts { id }") { parts: [Part!]! sum: String } type Part { id: ID! @shareable }',
      resolvers: { Item: { __resolveReference: reference((item) => item), sum: ({ parts }) => (parts as Source[]).map(({ id }) => id).join('+') } },
    },
  });
  expect(await graph.ask('{ item { sum } }')).toEqual({ data: { item: { sum: 'x+y' } } });
});

test('EN-02: a subgraph that only refers to a type is never asked for it', async () => {
  const graph = smallGraph({
    orders: {
      sdl: 'type Query { order: Order } type Order { item: Item } type Item @key(fields: "id", resolvable: false) { id: ID! }',
      resolvers: { Query: { order: () => ({ item: { id: '1' } }) } },
    },
    items: {
      sdl: 'type Item @key(fields: "id") { id: ID! name: String }',
      resolvers: { Item: { __resolveReference: reference((item) => item), name: ({ id }) => `item ${id}` } },
    },
  });
  expect(await graph.ask('{ order { item { id name } } }')).toEqual({ data: { order: { item: { id: '1', name: 'item 1' } } } });
  expect(graph.fetches.map(({ service }) => service)).toEqual(['orders', 'items']);
});

test('EN-02: an entity whose key is null or unknown to its owner is null where it may be, and its neighbours stay', async () => {
  const graph = smallGraph({
    a: {
      sdl: 'type Query { items: [Item] } type Item @key(fields: "id") { id: ID }',
      resolvers: { Query: { items: () => [{ id: '1' }, { id: null }, { id: '3' }] } },
    },
    b: {
      sdl: 'type Item @key(fields: "id") { id: ID name: String must: Int! }',
      resolvers: { Item: { __resolveReference: reference(({ id }) => (id === '1' ? { id } : null)), name: () => 'one', must: () => 1 } },
    },
  });
  expect(await graph.ask('{ items { id name } }')).toEqual({
    data: {
      items: [
        { id: '1', name: 'one' },
        { id: null, name: null },
        { id: '3', name: null },
      ],
    },
  });
  const { data, errors } = await graph.ask('{ items { must } }');
  expect(data).toEqual({ items: [{ must: 1 }, null, null] });
  expect(errors?.map(({ path }) => path)).toEqual([
    ['items', 1, 'must'],
    ['items', 2, 'must'],
  ]);
});

test('EN-02: a hidden key joins two subgraphs and stays hidden', async () => {
  const graph = smallGraph({
    a: {
      sdl: 'type Query { item: Item } type Item @key(fields: "ref") { id: ID! ref: ID! @inaccessible }',
      resolvers: { Query: root({ id: '1', ref: 'r1' }) },
    },
    b: {
      sdl: 'type Item @key(fields: "ref") { ref: ID! @inaccessible name: String }',
      resolvers: { Item: { __resolveReference: reference((item) => item), name: ({ ref }) => `name of ${ref}` } },
    },
  });
  expect(await graph.ask('{ item { id name } }')).toEqual({ data: { item: { id: '1', name: 'name of r1' } } });
  await expect(graph.ask('{ item { ref } }')).rejects.toThrow('Cannot query field "ref"');
});
