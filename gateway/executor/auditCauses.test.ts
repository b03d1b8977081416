import { expect, test } from 'vitest';
import { smallGraph } from './smallGraph.given.js';

// What the public audit of federation gateways (github.com/graphql-hive/federation-gateway-audit) tries and our other tests here do not: the same
// causes, in graphs of our own (EN-02). docs/status.md says which suite of the audit is covered where.

type Source = Record<string, unknown>;
const itself = async (entity: Source) => entity;
const FED1 = '';

test.each([
  ['Federation 1 on both sides', FED1, FED1],
  ['Federation 1 that extends Federation 2', undefined, FED1],
  ['Federation 2 with `extend`', undefined, undefined],
])('EN-02: a type is extended with its key marked as external: %s', async (_name, ownerLink, otherLink) => {
  const graph = smallGraph({
    stock: {
      link: ownerLink,
      sdl: 'type Query { lamps: [Lamp] lamp: Lamp } type Lamp @key(fields: "serial") { serial: ID! watts: Int weight: Int }',
      resolvers: {
        Query: {
          lamps: () => ['1', '2'].map((serial) => ({ serial, watts: Number(serial) * 10, weight: 3 })),
          lamp: () => ({ serial: '9', watts: 90, weight: 1 }),
        },
        Lamp: { __resolveReference: async ({ serial }) => ({ serial, watts: Number(serial) * 10, weight: 3 }) },
      },
    },
    shop: {
      link: otherLink,
      sdl: `extend type Query { best: Lamp } extend type Lamp @key(fields: "serial") { serial: ID! @external weight: Int @external price: Int postage: Int @requires(fields: "weight") }`,
      resolvers: {
        Query: { best: () => ({ serial: '2' }) },
        Lamp: { __resolveReference: itself, price: ({ serial }) => Number(serial) * 100, postage: ({ weight }) => Number(weight) * 7 },
      },
    },
  });
  expect(await graph.ask('{ lamps { price watts } best { watts serial price postage } lamp { postage } }')).toEqual({
    data: {
      lamps: [
        { price: 100, watts: 10 },
        { price: 200, watts: 20 },
      ],
      best: { watts: 20, serial: '2', price: 200, postage: 21 },
      lamp: { postage: 7 },
    },
  });
});

test('EN-02: one name may be null in one type of a union and not in the other, as one of the subgraphs has it, at every depth', async () => {
  const peers = () => [
    { __typename: 'Guest', id: 'g', name: 'Guest g' },
    { __typename: 'Host', id: 'h', name: 'Host h' },
  ];
  const graph = smallGraph({
    people: {
      sdl: `type Query { guests: [Guest!] everybody: [Somebody!]! } union Somebody = Guest | Host
        type Guest @key(fields: "id") { id: ID! name: String peers: [Somebody!]! } type Host { id: ID name: String peers: [Somebody!]! }`,
      resolvers: {
        Query: { guests: () => [{ id: 'g', name: 'Guest g' }], everybody: peers },
        Guest: { __resolveReference: itself, peers },
        Host: { peers },
      },
    },
    names: { sdl: 'type Guest @key(fields: "id") { id: ID nights: [Int!] }', resolvers: { Guest: { __resolveReference: itself, nights: () => [1, 2] } } },
  });
  const both = (inner: string) => `... on Guest { id name nights ${inner} } ... on Host { id name ${inner} }`;
  const guest = (inner: object) => ({ id: 'g', name: 'Guest g', nights: [1, 2], ...inner });
  const host = (inner: object) => ({ id: 'h', name: 'Host h', ...inner });
  const pair = (inner: object) => [guest(inner), host(inner)];
  expect(await graph.ask(`{ guests { id name } everybody { ${both(`peers { ${both(`peers { ${both('')} }`)} }`)} } }`)).toEqual({
    data: { guests: [{ id: 'g', name: 'Guest g' }], everybody: pair({ peers: pair({ peers: pair({}) }) }) },
  });
});

test('EN-02: an interface whose types lead back to it, over two subgraphs', async () => {
  const graph = smallGraph({
    a: {
      sdl: 'type Query { part: Part } interface Part { within: Part } type Bolt implements Part @key(fields: "id") { id: ID! within: Part }',
      resolvers: {
        Query: { part: () => ({ __typename: 'Bolt', id: '1' }) },
        Bolt: { __resolveReference: itself, within: ({ id }) => (Number(id) < 4 ? { __typename: 'Bolt', id: `${Number(id) + 1}` } : null) },
      },
    },
    b: { sdl: 'type Bolt @key(fields: "id") { id: ID! size: Int }', resolvers: { Bolt: { __resolveReference: itself, size: ({ id }) => Number(id) } } },
  });
  expect(await graph.ask('{ part { __typename ... on Bolt { size within { ... on Bolt { id size within { within { ... on Bolt { size } } } } } } } }')).toEqual(
    {
      data: { part: { __typename: 'Bolt', size: 1, within: { id: '2', size: 2, within: { within: { size: 4 } } } } },
    },
  );
});

test('EN-02: what is provided of a union, of an interface and of one of its types is taken from there, and the rest is fetched', async () => {
  const graph = smallGraph({
    shelf: {
      sdl: `type Query { of: [Medium] @provides(fields: "... on Disc { title }") any: Titled @provides(fields: "... on Disc { title minutes }") }
        union Medium = Disc | Roll interface Titled { id: ID! title: String }
        type Disc implements Titled @key(fields: "id") { id: ID! title: String @external minutes: Int @external } type Roll implements Titled @key(fields: "id") { id: ID! title: String @external }`,
      resolvers: {
        Query: {
          of: () => [
            { __typename: 'Disc', id: 'd', title: 'provided' },
            { __typename: 'Roll', id: 'r' },
          ],
          any: () => ({ __typename: 'Disc', id: 'd', title: 'provided', minutes: 7 }),
        },
      },
    },
    archive: {
      sdl: `type Disc @key(fields: "id") { id: ID! title: String @shareable minutes: Int @shareable year: Int } type Roll @key(fields: "id") { id: ID! title: String @shareable metres: Int }`,
      resolvers: {
        Disc: { __resolveReference: itself, title: () => 'archived', minutes: () => 70, year: () => 1999 },
        Roll: { __resolveReference: itself, title: () => 'archived roll', metres: () => 30 },
      },
    },
  });
  expect(await graph.ask('{ of { ... on Disc { title } } any { title ... on Disc { minutes } } }')).toEqual({
    data: { of: [{ title: 'provided' }, {}], any: { title: 'provided', minutes: 7 } },
  });
  expect(graph.fetches.map(({ service }) => service)).toEqual(['shelf']);
  expect(await graph.ask('{ of { ... on Disc { title year } ... on Roll { title metres } } }')).toEqual({
    data: {
      of: [
        { title: 'provided', year: 1999 },
        { title: 'archived roll', metres: 30 },
      ],
    },
  });
});

test('EN-02: a field that has moved, of an interface’s type, and one that requires something', async () => {
  const graph = smallGraph({
    old: {
      sdl: `type Query { posts: [Post] first: Post } interface Post { id: ID! at: String } type Photo implements Post @key(fields: "id") { id: ID! at: String likes: Int }`,
      resolvers: {
        Query: { posts: () => [{ __typename: 'Photo', id: 'p' }], first: () => ({ __typename: 'Photo', id: 'p' }) },
        Photo: { __resolveReference: itself, at: () => 'old', likes: () => 4 },
      },
    },
    fresh: {
      sdl: `type Query { photo: Photo } interface Post { id: ID! at: String } type Photo implements Post @key(fields: "id")
        { id: ID! at: String @override(from: "old") likes: Int @external fame: String @requires(fields: "likes") @override(from: "older") }`,
      resolvers: {
        Query: { photo: () => ({ id: 'p' }) },
        Photo: { __resolveReference: itself, at: () => 'fresh', fame: ({ likes }) => `${String(likes)} likes` },
      },
    },
  });
  expect(await graph.ask('{ posts { at } first { ... on Photo { at fame } } photo { at fame likes } }')).toEqual({
    data: { posts: [{ at: 'fresh' }], first: { at: 'fresh', fame: '4 likes' }, photo: { at: 'fresh', fame: '4 likes', likes: 4 } },
  });
});

test('EN-02: what is required of a union or an interface in fragments is told for the type that is there', async () => {
  const graph = smallGraph({
    trips: {
      sdl: `type Query { trips: [Trip] } type Trip @key(fields: "id") { id: ID! by: Way } union Way = Road | Rail interface Timed { at: Stamp } type Stamp @shareable { day: Int hour: Int }
        type Road @shareable { lanes: Int surface: Surface } type Surface @shareable { name: String } type Rail implements Timed @shareable { gauge: Int at: Stamp }`,
      resolvers: {
        Query: {
          trips: () => [
            { id: '1', by: { __typename: 'Road', lanes: 2, surface: { name: 'gravel' } } },
            { id: '2', by: { __typename: 'Rail', gauge: 1435, at: { day: 3, hour: 4 } } },
            { id: '3', by: null },
          ],
        },
        Trip: { __resolveReference: itself },
      },
    },
    prices: {
      sdl: `type Trip @key(fields: "id") { id: ID! by: Way @external price: String @requires(fields: "by { ... on Road { lanes surface { name } } ... on Rail { ... on Timed { at { day } } gauge } }") }
        union Way = Road | Rail interface Timed { at: Stamp } type Stamp @shareable { day: Int } type Road @shareable { lanes: Int surface: Surface } type Surface @shareable { name: String }
        type Rail implements Timed @shareable { gauge: Int at: Stamp }`,
      resolvers: { Trip: { __resolveReference: itself, price: ({ by }) => JSON.stringify(by) } },
    },
  });
  const { data, errors } = await graph.ask('{ trips { price by { ... on Road { lanes: lanes width: lanes } } } }');
  expect(errors).toBeUndefined();
  const trips = data?.trips as { price: string; by: unknown }[] | undefined;
  const told = trips?.map(({ price, by }) => [JSON.parse(price) as unknown, by]);
  expect(told).toMatchObject([
    [
      { lanes: 2, surface: { name: 'gravel' } },
      { lanes: 2, width: 2 },
    ],
    [{ at: { day: 3 }, gauge: 1435 }, {}],
    [null, null],
  ]);
});

test('EN-02: types of an interface object are extended by a third subgraph, and reached through a second', async () => {
  const graph = smallGraph({
    home: {
      sdl: `type Query { asset: Asset } interface Asset @key(fields: "id") { id: ID! title: String } type Clip implements Asset @key(fields: "id") { id: ID! title: String seconds: Int }
        type Essay implements Asset @key(fields: "id") { id: ID! title: String words: Int }`,
      resolvers: {
        Query: { asset: () => ({ __typename: 'Clip', id: '1', title: 'one', seconds: 60 }) },
        Asset: {
          __resolveReference: async ({ id }) => ({ __typename: id === '2' ? 'Essay' : 'Clip', id, title: `title ${String(id)}`, seconds: 60, words: 900 }),
        },
        Clip: { __resolveReference: async ({ id }) => ({ id, title: `title ${String(id)}`, seconds: 60 }) },
        Essay: { __resolveReference: async ({ id }) => ({ id, title: `title ${String(id)}`, words: 900 }) },
      },
    },
    lists: {
      sdl: 'type Query { list: [Asset] } type Asset @key(fields: "id") @interfaceObject { id: ID! }',
      resolvers: { Query: { list: () => [{ id: '1' }, { id: '2' }] }, Asset: { __resolveReference: itself } },
    },
    authors: {
      sdl: 'type Clip @key(fields: "id") { id: ID! director: String }',
      resolvers: { Clip: { __resolveReference: itself, director: ({ id }) => `director ${String(id)}` } },
    },
  });
  expect(
    await graph.ask('{ asset { title ... on Clip { seconds director } } list { id __typename ... on Clip { seconds director } ... on Essay { words } } }'),
  ).toEqual({
    data: {
      asset: { title: 'one', seconds: 60, director: 'director 1' },
      list: [
        { id: '1', __typename: 'Clip', seconds: 60, director: 'director 1' },
        { id: '2', __typename: 'Essay', words: 900 },
      ],
    },
  });
});

test('EN-02: directives of a graph’s own may stand on fields, and go nowhere', async () => {
  const sdl = (name: string) => `directive @note(level: Level! = LOW) on FIELD enum Level { LOW HIGH } type Query { ${name}: String }`;
  const graph = smallGraph({
    a: { sdl: sdl('one'), resolvers: { Query: { one: () => 'one' } } },
    b: { sdl: sdl('two'), resolvers: { Query: { two: () => 'two' } } },
  });
  expect(await graph.ask('{ one @note two @note(level: HIGH) }')).toEqual({ data: { one: 'one', two: 'two' } });
});

test('EN-02: what only the parent’s key leads to is fetched through the parent, also from within lists', async () => {
  const graph = smallGraph({
    goods: {
      sdl: 'type Query { goods: [Good] } type Good @key(fields: "id maker") { id: ID! maker: ID! group: Group @shareable } type Group @key(fields: "id") { id: ID! }',
      resolvers: {
        Query: { goods: () => ['1', '2'].map((id) => ({ id, maker: `m${id}`, group: { id: `g${id}` } })) },
        Good: { __resolveReference: async ({ id, maker }) => ({ id, maker, group: { id: `g${String(id)}` } }) },
      },
    },
    places: {
      sdl: 'type Good @key(fields: "id maker") { id: ID! maker: ID! group: Group @shareable place: Place } type Group { details: Details } type Details { n: Int } type Place { hall: String }',
      resolvers: {
        Good: {
          __resolveReference: itself,
          group: ({ id }) => ({ details: { n: Number(id) } }),
          place: ({ maker }) => ({ hall: `hall ${String(maker)}` }),
        },
      },
    },
  });
  expect(await graph.ask('{ goods { place { hall } group { id details { n } } } }')).toEqual({
    data: {
      goods: ['1', '2'].map((id) => ({ place: { hall: `hall m${id}` }, group: { id: `g${id}`, details: { n: Number(id) } } })),
    },
  });
});
