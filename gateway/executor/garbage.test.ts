import { expect, test } from 'vitest';
import { smallGraph } from './smallGraph.given.js';

// What subgraphs may send in place of an answer (EN-02): it costs their own fields and nothing else, and a bounded amount of work.

const reference = async (entity: Record<string, unknown>) => entity;

function items(count: number) {
  return smallGraph({
    items: {
      sdl: 'type Query { items: [Item!]! other: Int } type Item @key(fields: "id") { id: ID! }',
      resolvers: { Query: { items: () => Array.from({ length: count }, (_, index) => ({ id: `${index}` })), other: () => 1 } },
    },
    names: {
      sdl: 'type Item @key(fields: "id") { id: ID! name: String must: String! }',
      resolvers: { Item: { __resolveReference: reference, name: ({ id }) => `name ${id}`, must: ({ id }) => `must ${id}` } },
    },
  });
}

const entities = [{ name: 'one' }];

test.each([
  ['a path that is a number', { errors: [{ message: 'odd', path: 5 }], data: { _entities: entities } }, 'odd'],
  ['a path that is an object', { errors: [{ message: 'odd', path: {} }], data: { _entities: entities } }, 'odd'],
  ['a path with an object in it', { errors: [{ message: 'odd', path: ['_entities', {}] }], data: { _entities: entities } }, 'odd'],
  ['a path that is null', { errors: [{ message: 'odd', path: null }], data: { _entities: entities } }, 'odd'],
  ['an index that is none', { errors: [{ message: 'odd', path: ['_entities', -1, 'name'] }], data: { _entities: entities } }, 'odd'],
  ['an index too far', { errors: [{ message: 'odd', path: ['_entities', 99, 'name'] }], data: { _entities: entities } }, 'odd'],
  ['a message that is no text', { errors: [{ message: { a: 1 } }], data: { _entities: entities } }, 'A subgraph failed.'],
  ['extensions that are a text', { errors: [{ message: 'odd', extensions: 'code' }], data: { _entities: entities } }, 'odd'],
  ['extensions that are a list', { errors: [{ message: 'odd', extensions: [1] }], data: { _entities: entities } }, 'odd'],
  ['an error that is a text', { errors: ['odd'], data: { _entities: entities } }, 'odd'],
  ['an error that is null', { errors: [null], data: { _entities: entities } }, 'A subgraph failed.'],
  ['errors that are a text', { errors: 'odd', data: { _entities: entities } }, 'odd'],
  ['errors that are one error', { errors: { message: 'odd' }, data: { _entities: entities } }, 'odd'],
])('EN-02: an answer with %s is told as an error, and its data are kept', async (_name, answer, message) => {
  const graph = items(1);
  graph.answerWith('names', () => answer);
  const result = await graph.ask('{ items { id name } other }');
  expect(result.data).toEqual({ items: [{ id: '0', name: 'one' }], other: 1 });
  expect(result.errors).toMatchObject([{ message, path: ['items', 0], extensions: { serviceName: 'names' } }]);
});

test.each([
  ['errors that are null and no data', { errors: null }],
  ['an empty list of errors and no data', { errors: [] }],
  ['too few entities', { data: { _entities: [] } }],
  ['too many entities', { data: { _entities: [{ name: 'one' }, { name: 'two' }] } }],
  ['entities that are an object', { data: { _entities: {} } }],
  ['an entity that is a number', { data: { _entities: [5] } }],
  ['data that are a text', { data: 'x', errors: [{ message: 'odd' }] }],
])('EN-02: an answer with %s costs its own fields', async (_name, answer) => {
  const graph = items(1);
  graph.answerWith('names', () => answer);
  expect((await graph.ask('{ items { id name } other }')).data).toEqual({ items: [{ id: '0', name: null }], other: 1 });
});

test('EN-02: garbage of root fields costs nothing else either', async () => {
  const graph = items(1);
  graph.answerWith('items', () => ({
    data: { other: 2, items: [] },
    errors: [{ message: 'odd', path: 5, extensions: 7 }, 'x', { message: 1, path: ['other'] }],
  }));
  const { data, errors } = await graph.ask('{ items { id } other }');
  expect(data).toEqual({ items: [], other: 2 });
  expect(errors?.map(({ path, message }) => [path, message])).toEqual([
    [undefined, 'odd'],
    [undefined, 'x'],
    [['other'], 'A subgraph failed.'],
  ]);
});

// Each of these took minutes when the data were walked once for every error: the time-out of a test is all that has to be kept.

test('EN-02: 60,000 errors without a path about a thousand entities', async () => {
  const graph = items(1_000);
  graph.answerWith('names', () => ({
    data: { _entities: Array.from({ length: 1_000 }, () => null) },
    errors: Array.from({ length: 60_000 }, (_, index) => ({ message: `error ${index}` })),
  }));
  const { data, errors } = await graph.ask('{ items { id name } other }');
  expect([data?.other, (data?.items as unknown[] | undefined)?.length, errors?.length]).toEqual([1, 1_000, 1_000]);
});

test('EN-02: every one of 20,000 entities fails', async () => {
  const graph = items(20_000);
  const indices = Array.from({ length: 20_000 }, (_, index) => index);
  graph.answerWith('names', () => ({
    data: { _entities: indices.map(() => ({ must: null })) },
    errors: indices.map((index) => ({ message: `error ${index}`, path: ['_entities', index, 'must'] })),
  }));
  const { data, errors } = await graph.ask('{ items { id must } }');
  expect([data, errors?.length, errors?.[0]?.path]).toEqual([null, 1_000, ['items', 0, 'must']]);
});

test('EN-02: 60,000 errors at made-up paths of an entity that stands in a thousand places', async () => {
  const graph = smallGraph({
    items: {
      sdl: 'type Query { items: [Item!]! } type Item @key(fields: "id") { id: ID! }',
      resolvers: { Query: { items: () => Array.from({ length: 1_000 }, () => ({ id: 'same' })) } },
    },
    names: { sdl: 'type Item @key(fields: "id") { id: ID! name: String }', resolvers: { Item: { __resolveReference: reference } } },
  });
  graph.answerWith('names', () => ({
    data: { _entities: [{ name: 'one' }] },
    errors: Array.from({ length: 60_000 }, (_, index) => ({ message: 'no', path: ['_entities', 0, `made up ${index}`] })),
  }));
  const { data, errors } = await graph.ask('{ items { name } }');
  expect([(data?.items as unknown[] | undefined)?.length, errors?.length]).toEqual([1_000, 1_000]);
});
