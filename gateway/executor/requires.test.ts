import { expect, test } from 'vitest';
import { smallGraph } from './smallGraph.given.js';

// @requires and @external (EN-02); those of one field with several arguments and of lists of lists are in rightAnswers.test.ts.

type Source = Record<string, unknown>;
const itself = async (entity: Source) => entity;

const parcel = (sdl: string, fields: Record<string, (parcel: Source, args: Source) => unknown>) => ({
  sdl,
  resolvers: { Parcel: { __resolveReference: itself, ...fields } },
});

test('EN-02: what a field requires is fetched though nobody asked for it, and the client does not see it', async () => {
  const graph = smallGraph({
    a: {
      sdl: 'type Query { parcel: Parcel } type Parcel @key(fields: "id") { id: ID! }',
      resolvers: { Query: { parcel: () => ({ id: '1' }) } },
    },
    weights: parcel('type Parcel @key(fields: "id") { id: ID! weight: Int size: Size } type Size { w: Int h: Int }', {
      weight: () => 4,
      size: () => ({ w: 2, h: 3 }),
    }),
    fees: parcel(
      'type Parcel @key(fields: "id") { id: ID! weight: Int @external size: Size @external fee(per: Int = 1): Int @requires(fields: "weight size { h w }") } type Size { w: Int @external h: Int @external }',
      { fee: ({ weight, size }, { per }) => Number(weight) * Number((size as Source).w) * Number((size as Source).h) * Number(per) },
    ),
  });
  expect(await graph.ask('{ parcel { fee double: fee(per: 2) } }')).toEqual({ data: { parcel: { fee: 24, double: 48 } } });
  // The two arguments need two fetches of nothing: the weight and the size come once.
  expect(graph.fetches.filter(({ service }) => service === 'weights')).toHaveLength(1);
});

test('EN-02: requirements that are three subgraphs deep are met in order', async () => {
  const graph = smallGraph({
    a: {
      sdl: 'type Query { parcel: Parcel } type Parcel @key(fields: "id") { id: ID! one: Int }',
      resolvers: { Query: { parcel: () => ({ id: '1', one: 1 }) } },
    },
    b: parcel('type Parcel @key(fields: "id") { id: ID! one: Int @external two: Int @requires(fields: "one") }', { two: ({ one }) => Number(one) + 1 }),
    c: parcel('type Parcel @key(fields: "id") { id: ID! two: Int @external three: Int @requires(fields: "two") }', { three: ({ two }) => Number(two) + 1 }),
    d: parcel('type Parcel @key(fields: "id") { id: ID! three: Int @external one: Int @external four: String @requires(fields: "three one") }', {
      four: ({ three, one }) => `${Number(three) + Number(one)}`,
    }),
  });
  expect(await graph.ask('{ parcel { four } }')).toEqual({ data: { parcel: { four: '4' } } });
  expect(await graph.ask('{ parcel { four two } }')).toEqual({ data: { parcel: { four: '4', two: 2 } } });
});

test('EN-02: two fields of one type may need each other as long as they end somewhere', async () => {
  const graph = smallGraph({
    a: {
      sdl: 'type Query { posts: [Post] } type Post @key(fields: "id") { id: ID! byNovice: Boolean! @external byExpert: Boolean! @requires(fields: "byNovice") } type Author @key(fields: "id") { id: ID! years: Int! }',
      resolvers: {
        Query: { posts: () => [{ id: '1' }, { id: '2' }] },
        Post: { __resolveReference: itself, byExpert: ({ byNovice }) => !byNovice },
        Author: { __resolveReference: itself, years: ({ id }) => (id === 'a1' ? 1 : 10) },
      },
    },
    b: {
      sdl: 'type Post @key(fields: "id") { id: ID! author: Author! byNovice: Boolean! @requires(fields: "author { years }") } type Author @key(fields: "id") { id: ID! years: Int! @external }',
      resolvers: {
        Post: {
          __resolveReference: itself,
          author: ({ id }) => ({ id: `a${id}` }),
          byNovice: ({ author }) => Number((author as Source).years) < 5,
        },
      },
    },
  });
  expect(await graph.ask('{ posts { byExpert } }')).toEqual({ data: { posts: [{ byExpert: false }, { byExpert: true }] } });
  expect(await graph.ask('{ posts { byExpert byNovice author { years } } }')).toEqual({
    data: {
      posts: [
        { byExpert: false, byNovice: true, author: { years: 1 } },
        { byExpert: true, byNovice: false, author: { years: 10 } },
      ],
    },
  });
});

test('EN-02: what is required of an interface is told with the fields of each type', async () => {
  const graph = smallGraph({
    a: {
      sdl: `type Query { boxes: [Box] } type Box @key(fields: "id") { id: ID! content: Content }
        interface Content { name: String } type Food implements Content { name: String expires: Int } type Toy implements Content { name: String age: Int }`,
      resolvers: {
        Query: { boxes: () => [{ id: '1' }, { id: '2' }, { id: '3' }] },
        Box: {
          __resolveReference: itself,
          content: ({ id }) => (id === '1' ? { __typename: 'Food', name: 'rice', expires: 9 } : id === '2' ? { __typename: 'Toy', name: 'car', age: 3 } : null),
        },
      },
    },
    b: {
      sdl: `type Box @key(fields: "id") { id: ID! content: Content @external label: String @requires(fields: "content { name ... on Food { expires } ... on Toy { age } }") }
        interface Content { name: String } type Food implements Content { name: String @external expires: Int @external } type Toy implements Content { name: String @external age: Int @external }`,
      resolvers: { Box: { __resolveReference: itself, label: ({ content }) => (content ? JSON.stringify(content) : 'empty') } },
    },
  });
  const { data } = await graph.ask('{ boxes { label } }');
  const labels = JSON.parse(JSON.stringify(data).replaceAll('\\"', "'")) as unknown;
  expect(labels).toEqual({ boxes: [{ label: "{'name':'rice','expires':9}" }, { label: "{'name':'car','age':3}" }, { label: 'empty' }] });
});

test('EN-02: an object that requires something may be asked for anything below it', async () => {
  const graph = smallGraph({
    a: {
      sdl: 'type Query { feed: [Post] } type Post @key(fields: "id") { id: ID! comments(limit: Int!): [Comment] } type Comment @key(fields: "id") { id: ID! by: ID }',
      resolvers: {
        Query: { feed: () => [{ id: '1' }] },
        Post: {
          __resolveReference: itself,
          comments: (_post, { limit }) => ['x', 'y', 'z'].slice(0, Number(limit)).map((by, index) => ({ id: `${index}`, by })),
        },
        Comment: { __resolveReference: itself },
      },
    },
    b: {
      sdl: `type Post @key(fields: "id") { id: ID! comments(limit: Int!): [Comment] @external author: Author @requires(fields: "comments(limit: 3) { by }") }
        type Comment @key(fields: "id") { id: ID! by: ID @external } type Author { key: ID }`,
      resolvers: { Post: { __resolveReference: itself, author: ({ comments }) => ({ key: (comments as Source[]).map(({ by }) => by).join('') }) } },
    },
  });
  expect(
    await graph.ask(
      'query($n: Int = 1) { feed { author { key } ...A ...B } } fragment A on Post { comments(limit: $n) { id } } fragment B on Post { comments(limit: $n) { by } }',
    ),
  ).toEqual({
    data: { feed: [{ author: { key: 'xyz' }, comments: [{ id: '0', by: 'x' }] }] },
  });
});

test('EN-02: when what is required fails the error is told once, and the subgraph is not asked with half of it', async () => {
  const graph = smallGraph({
    a: {
      sdl: 'type Query { parcel: Parcel } type Parcel @key(fields: "id") { id: ID! weight: Int! }',
      resolvers: {
        Query: { parcel: () => ({ id: '1' }) },
        Parcel: {
          __resolveReference: itself,
          weight: () => {
            throw new Error('the scales are broken');
          },
        },
      },
    },
    b: parcel('type Parcel @key(fields: "id") { id: ID! weight: Int! @external fee: Int @requires(fields: "weight") }', {
      fee: ({ weight }) => Number(weight) * 2,
    }),
  });
  const { data, errors } = await graph.ask('{ parcel { fee } }');
  expect(data).toEqual({ parcel: null });
  expect(errors?.map(({ message }) => message)).toEqual(['the scales are broken']);
  expect(graph.fetches.map(({ service }) => service)).toEqual(['a']);
});

test('EN-02: an error below what a client selects does not touch what is required of the same object', async () => {
  const graph = smallGraph({
    a: {
      sdl: 'type Query { parcel: Parcel } type Parcel @key(fields: "id") { id: ID! size: Size } type Size { w: Int h: Int! }',
      resolvers: { Query: { parcel: () => ({ id: '1', size: { w: 2 } }) }, Parcel: { __resolveReference: itself, size: () => ({ w: 2 }) } },
    },
    b: parcel('type Parcel @key(fields: "id") { id: ID! size: Size @external fee: Int @requires(fields: "size { w }") } type Size { w: Int @external }', {
      fee: ({ size }) => Number((size as Source).w) * 2,
    }),
  });
  const { data, errors } = await graph.ask('{ parcel { size { h } fee } }');
  expect([data, errors?.map(({ path }) => path)]).toEqual([{ parcel: { size: null, fee: 4 } }, [['parcel', 'size', 'h']]]);
});
