import { expect, test } from 'vitest';
import { smallGraph } from './smallGraph.given.js';

// Who answers a field: @shareable, @provides, @override (EN-02).

type Source = Record<string, unknown>;
const itself = async (entity: Source) => entity;
const never = (what: string) => () => {
  throw new Error(`${what} must not be asked here`);
};

test('EN-02: a field that is provided is not fetched from its owner, and only what is selected is asked of the provider', async () => {
  const graph = smallGraph({
    owner: {
      sdl: 'type Item @key(fields: "id") { id: ID! name: String! @shareable about: String! @shareable extra: String! }',
      resolvers: { Item: { __resolveReference: itself, name: never('name'), about: never('about'), extra: ({ id }) => `extra of ${id}` } },
    },
    provider: {
      sdl: 'type Query { items: [Item!]! @provides(fields: "name about") bare: Item } type Item @key(fields: "id") { id: ID! name: String! @external about: String! @external }',
      resolvers: {
        Query: {
          items: () => [
            { id: '1', name: 'one' },
            { id: '2', name: 'two' },
          ],
          bare: () => ({ id: '3', name: 'never shown' }),
        },
        Item: { __resolveReference: itself, about: never('about') },
      },
    },
  });
  expect(await graph.ask('{ items { title: name ... on Item { extra } ... on Item @skip(if: true) { about } } }')).toEqual({
    data: {
      items: [
        { title: 'one', extra: 'extra of 1' },
        { title: 'two', extra: 'extra of 2' },
      ],
    },
  });
  // Where it is not provided its owner is asked.
  const { errors } = await graph.ask('{ bare { name } }');
  expect(errors?.map(({ message }) => message)).toEqual(['name must not be asked here']);
});

test('EN-02: what is provided below another object is taken from there', async () => {
  const graph = smallGraph({
    a: {
      sdl: 'type Query { order: Order @provides(fields: "item { name }") } type Order { id: ID! item: Item } type Item @key(fields: "id") { id: ID! name: String @external }',
      resolvers: { Query: { order: () => ({ id: 'o', item: { id: '1', name: 'from the order' } }) } },
    },
    b: {
      sdl: 'type Item @key(fields: "id") { id: ID! name: String @shareable price: Int }',
      resolvers: { Item: { __resolveReference: itself, name: never('name'), price: () => 5 } },
    },
  });
  expect(await graph.ask('{ order { item { name price } } }')).toEqual({ data: { order: { item: { name: 'from the order', price: 5 } } } });
});

test('EN-02: a shareable field is asked of one subgraph, that one which is asked anyway', async () => {
  const named = (by: string) => ({ __resolveReference: itself, name: () => `by ${by}`, only: () => by });
  const graph = smallGraph({
    a: {
      sdl: 'type Query { item: Item } type Item @key(fields: "id") { id: ID! name: String @shareable }',
      resolvers: { Query: { item: () => ({ id: '1' }) }, Item: named('a') },
    },
    b: { sdl: 'type Item @key(fields: "id") { id: ID! name: String @shareable only: String }', resolvers: { Item: named('b') } },
  });
  expect(await graph.ask('{ item { name } }')).toEqual({ data: { item: { name: 'by a' } } });
  expect(graph.fetches.map(({ service }) => service)).toEqual(['a']);
});

test('EN-02: root fields that several subgraphs share give one answer, put together from what each knows', async () => {
  const graph = smallGraph({
    names: {
      sdl: 'type Query { shop: Shop @shareable } type Shop @shareable { id: ID! name: Name } type Name { first: String @shareable short: String }',
      resolvers: { Query: { shop: () => ({ id: '1', name: { first: 'first', short: 's' } }) } },
    },
    prices: {
      sdl: 'type Query { shop: Shop @shareable } type Shop @shareable { id: ID! price: Int name: Name } type Name { first: String @shareable long: String }',
      resolvers: { Query: { shop: () => ({ id: '1', price: 3, name: { first: 'first', long: 'llll' } }) } },
    },
  });
  // `price` is known to one of them only: the other cannot complete it, and there is no key.
  expect(await graph.ask('{ shop { id price name { first short long } } }')).toEqual({
    data: { shop: { id: '1', price: 3, name: { first: 'first', short: 's', long: 'llll' } } },
  });
});

test('EN-02: a field that has moved is asked of its new subgraph, wherever the object comes from', async () => {
  const graph = smallGraph({
    old: {
      sdl: 'type Query { fromOld: Item } type Item @key(fields: "id") { id: ID! name: String place: String }',
      resolvers: { Query: { fromOld: () => ({ id: '1' }) }, Item: { __resolveReference: itself, name: never('old name'), place: () => 'shelf' } },
    },
    new: {
      sdl: 'type Query { fromNew: Item } type Item @key(fields: "id") { id: ID! name: String @override(from: "old") }',
      resolvers: { Query: { fromNew: () => ({ id: '2' }) }, Item: { __resolveReference: itself, name: ({ id }) => `new ${id}` } },
    },
  });
  expect(await graph.ask('{ fromOld { name place } fromNew { name place } }')).toEqual({
    data: { fromOld: { name: 'new 1', place: 'shelf' }, fromNew: { name: 'new 2', place: 'shelf' } },
  });
});

test('EN-02: a field that overrides a subgraph which is not there is simply its own', async () => {
  const graph = smallGraph({
    a: {
      sdl: 'type Query { item: Item } type Item @key(fields: "id") { id: ID! made: String @override(from: "gone") }',
      resolvers: { Query: { item: () => ({ id: '1', made: 'today' }) } },
    },
  });
  expect(await graph.ask('{ item { made } }')).toEqual({ data: { item: { made: 'today' } } });
});

test.each([
  ['percent(100)', 'new'],
  ['percent(0)', 'old'],
])('EN-02: a field on the move, %s, is answered by %s', async (label, by) => {
  const item = (name: string) => ({ __resolveReference: itself, name: () => name });
  const graph = smallGraph({
    old: {
      sdl: 'type Query { item: Item } type Item @key(fields: "id") { id: ID! name: String }',
      resolvers: { Query: { item: () => ({ id: '1' }) }, Item: item('old') },
    },
    new: { sdl: `type Item @key(fields: "id") { id: ID! name: String @override(from: "old", label: "${label}") }`, resolvers: { Item: item('new') } },
  });
  expect(await graph.ask('{ item { name } }')).toEqual({ data: { item: { name: by } } });
});

test('EN-02: a field on the move by half goes to both in turn, by one draw per operation', async () => {
  const item = (name: string) => ({ __resolveReference: itself, name: () => name });
  const graph = smallGraph({
    old: {
      sdl: 'type Query { item: Item } type Item @key(fields: "id") { id: ID! name: String }',
      resolvers: { Query: { item: () => ({ id: '1' }) }, Item: item('old') },
    },
    new: { sdl: 'type Item @key(fields: "id") { id: ID! name: String @override(from: "old", label: "percent(50)") }', resolvers: { Item: item('new') } },
  });
  const answers = new Set<unknown>();
  for (let count = 0; count < 100; count += 1) answers.add(JSON.stringify((await graph.ask('{ item { name } }')).data));
  expect([...answers].sort()).toEqual(['{"item":{"name":"new"}}', '{"item":{"name":"old"}}']);
});
