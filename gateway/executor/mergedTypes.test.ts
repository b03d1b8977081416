import { expect, test } from 'vitest';
import { smallGraph } from './smallGraph.given.js';

// Unions, interfaces, enums, inputs and value types that several subgraphs define, each a part (EN-02); @inaccessible; fragments.

type Source = Record<string, unknown>;
const itself = async (entity: Source) => entity;

const actions = () => {
  const only = (name: 'A' | 'B', own: Source) => ({
    sdl: `type Query { root${name}: Box shared: Box @shareable } type Box @key(fields: "id") { id: ID! wrap: Wrap @shareable ${name === 'B' ? 'bWrap: Wrap' : ''} }
      type Wrap @shareable { actions: [Action!]! } union Action = Common | Only${name} type Common @shareable { label: String } type Only${name} { ${name.toLowerCase()}: String }`,
    resolvers: {
      Query: { [`root${name}`]: () => ({ id: '1' }), shared: () => ({ id: '1', wrap: { actions: [{ __typename: 'Common', label: 'c' }] } }) },
      Box: {
        __resolveReference: itself,
        wrap: ({ wrap }: Source) => wrap ?? { actions: [{ __typename: 'Common', label: 'c' }, own] },
        bWrap: () => ({ actions: [{ __typename: 'Common', label: 'c' }, own] }),
      },
    },
  });
  return smallGraph({ a: only('A', { __typename: 'OnlyA', a: 'aa' }), b: only('B', { __typename: 'OnlyB', b: 'bb' }) });
};
const ALL = '{ actions { __typename ... on Common { label } ... on OnlyA { a } ... on OnlyB { b } } }';
const common = { __typename: 'Common', label: 'c' };

test('EN-02: of a union that subgraphs know in part, each is asked for what it knows', async () => {
  const graph = actions();
  expect(await graph.ask(`{ rootA { wrap ${ALL} } rootB { wrap ${ALL} } shared { wrap ${ALL} } }`)).toEqual({
    data: {
      rootA: { wrap: { actions: [common, { __typename: 'OnlyA', a: 'aa' }] } },
      rootB: { wrap: { actions: [common, { __typename: 'OnlyB', b: 'bb' }] } },
      shared: { wrap: { actions: [common] } },
    },
  });
});

test('EN-02: below a hop to another subgraph the types are those of that subgraph', async () => {
  expect(await actions().ask(`{ rootA { bWrap ${ALL} wrap { actions { __typename ... on OnlyB { b } } } } }`)).toEqual({
    data: { rootA: { bWrap: { actions: [common, { __typename: 'OnlyB', b: 'bb' }] }, wrap: { actions: [{ __typename: 'Common' }, { __typename: 'OnlyA' }] } } },
  });
});

const appliances = () =>
  smallGraph({
    a: {
      sdl: `type Query { products: [Product] nodes: [Node] toasters: [Toaster] } union Product = Oven | Toaster interface Node { id: ID! } interface WithWarranty { warranty: Int }
        type Oven @key(fields: "id") { id: ID! } type Toaster implements Node & WithWarranty @key(fields: "id") { id: ID! warranty: Int }`,
      resolvers: {
        Query: {
          products: () => [
            { __typename: 'Oven', id: 'o' },
            { __typename: 'Toaster', id: 't', warranty: 3 },
          ],
          nodes: () => [{ __typename: 'Toaster', id: 't', warranty: 3 }],
          toasters: () => [{ id: 't', warranty: 3 }],
        },
        Oven: { __resolveReference: itself },
        Toaster: { __resolveReference: itself },
      },
    },
    b: {
      sdl: 'interface Node { id: ID! } interface WithWarranty { warranty: Int } type Oven implements Node & WithWarranty @key(fields: "id") { id: ID! warranty: Int }',
      resolvers: { Oven: { __resolveReference: itself, warranty: () => 1 } },
    },
  });

test.each([
  ['{ products { ... on Node { id } } }', { products: [{ id: 'o' }, { id: 't' }] }],
  ['{ products { ... on WithWarranty { warranty } } }', { products: [{ warranty: 1 }, { warranty: 3 }] }],
  ['{ nodes { ... on Toaster { warranty } ... on Oven { id } } }', { nodes: [{ warranty: 3 }] }],
  ['{ nodes { ... on Node { id ... on Node { id ... on WithWarranty { warranty } } } } }', { nodes: [{ id: 't', warranty: 3 }] }],
  ['{ toasters { ...T ...N } } fragment T on Toaster { id } fragment N on Node { id __typename }', { toasters: [{ id: 't', __typename: 'Toaster' }] }],
  ['{ nodes { ... on WithWarranty @include(if: false) { warranty } ... { k: __typename } } }', { nodes: [{ k: 'Toaster' }] }],
])('EN-02: interfaces that a type implements in one subgraph only hold everywhere: %s', async (query, data) => {
  expect(await appliances().ask(query)).toEqual({ data });
});

test('EN-02: an enum has the values of all, an input the fields that all know', async () => {
  const graph = smallGraph({
    a: {
      sdl: 'type Query { a(by: Filter): Int first: Color } enum Color { RED GREEN } input Filter { n: Int! only: String }',
      resolvers: { Query: { a: (_: unknown, { by }: Source) => Number((by as Source).n), first: () => 'GREEN' } as never },
    },
    b: {
      sdl: 'type Query { b(by: Filter): Int last: Color } enum Color { RED BLUE } input Filter { n: Int! }',
      resolvers: { Query: { b: () => 2, last: () => 'BLUE' } },
    },
  });
  expect(await graph.ask('query($n: Int!) { a(by: { n: $n }) b(by: { n: 1 }) first last }', { n: 5 })).toEqual({
    data: { a: 5, b: 2, first: 'GREEN', last: 'BLUE' },
  });
  await expect(graph.ask('{ a(by: { n: 1, only: "x" }) }')).rejects.toThrow('"only" is not defined');
});

test('EN-02: a value type is put together from the subgraphs that define parts of it, under one entity', async () => {
  const graph = smallGraph({
    a: {
      sdl: 'type Query { item: Item } type Item @key(fields: "id") { id: ID! size: Size @shareable } type Size { w: Int unit: Unit @shareable } type Unit { name: String @shareable }',
      resolvers: { Query: { item: () => ({ id: '1' }) }, Item: { __resolveReference: itself, size: () => ({ w: 2, unit: { name: 'cm' } }) } },
    },
    b: {
      sdl: 'type Item @key(fields: "id") { id: ID! size: Size @shareable } type Size { h: Int unit: Unit @shareable } type Unit { name: String @shareable long: String }',
      resolvers: { Item: { __resolveReference: itself, size: () => ({ h: 3, unit: { name: 'cm', long: 'centimetre' } }) } },
    },
  });
  expect(await graph.ask('{ item { size { w h unit { name long } } } }')).toEqual({
    data: { item: { size: { w: 2, h: 3, unit: { name: 'cm', long: 'centimetre' } } } },
  });
});

test('EN-02: what is hidden cannot be asked for, and an object or a value that is hidden does not come out', async () => {
  const graph = smallGraph({
    a: {
      sdl: 'type Query { colors: [Color] thing: Thing secret: Int @inaccessible } enum Color { RED GREY @inaccessible } union Thing = Open | Hidden type Open { x: Int } type Hidden @inaccessible { y: Int }',
      resolvers: { Query: { colors: () => ['RED', 'GREY'], thing: () => ({ __typename: 'Hidden', y: 1 }), secret: () => 1 } },
    },
  });
  await expect(graph.ask('{ secret }')).rejects.toThrow('Cannot query field "secret"');
  const { data, errors } = await graph.ask('{ colors thing { __typename } }');
  expect(data).toEqual({ colors: ['RED', null], thing: null });
  expect(errors?.map(({ path }) => path)).toEqual([['colors', 1], ['thing']]);
});

test('EN-02: equal fields that fragments of every kind select are merged, and types that do not apply add nothing', async () => {
  const graph = appliances();
  const query =
    `query($on: Boolean!) { products { ...All ... on Toaster @include(if: $on) { w: warranty id } ... @skip(if: $on) { never: __typename } ...All } }
    fragment All on Product { __typename ...Deep ... on Oven { id ... on Toaster { never: id } } } fragment Deep on WithWarranty { w: warranty ... on Node { id } }`.replace(
      '... on Toaster { never: id } ',
      '',
    );
  expect(await graph.ask(query, { on: true })).toEqual({
    data: {
      products: [
        { __typename: 'Oven', w: 1, id: 'o' },
        { __typename: 'Toaster', w: 3, id: 't' },
      ],
    },
  });
});

test.each([
  ['User', { code: 'u-1' }],
  ['Shop', { numbers: [1, 2] }],
])('EN-02: fields of one name and different types are asked of both types that only one subgraph of a shared field knows: %s', async (type, expected) => {
  const graph = smallGraph({
    a: {
      sdl: `type Query { pick: Thing @shareable only: Int } union Thing = Book | User | Shop
        type Book @key(fields: "id") { id: ID! } type User { code: String } type Shop { code: [Int] }`,
      resolvers: {
        Query: { pick: () => ({ type }), only: () => 1 },
        Thing: { __resolveType: () => type },
        User: { code: () => 'u-1' },
        Shop: { code: () => [1, 2] },
      },
    },
    b: { sdl: 'type Query { pick: Thing @shareable } union Thing = Book type Book @key(fields: "id") { id: ID! title: String }' },
  });
  const { data, errors } = await graph.ask('{ only pick { __typename ... on Book { id } ... on User { code } ... on Shop { numbers: code } } }');
  expect(errors).toBeUndefined();
  expect(data).toEqual({ only: 1, pick: { __typename: type, ...expected } });
});
