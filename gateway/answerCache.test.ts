import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type EmbeddedRedis, startEmbeddedRedis } from '../platform/embeddedRedis.js';
import { generationOf } from '../platform/entityCache.js';
import { createLog } from '../platform/log.js';
import { connectRedis } from '../platform/queue.js';
import { connectAnswerCache } from './answerCache.js';
import { ALICE, eventually, type GraphqlAnswer, startTestGateway } from './testGateway.js';
import { testSubgraph } from './testSubgraphs.js';

const log = createLog({ service: 'test', level: 'silent' });
let dir: string;
let redis: EmbeddedRedis;
let admin: ReturnType<typeof connectRedis>;
beforeAll(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'waygraph-answers-'));
  redis = await startEmbeddedRedis({ dataDir: dir });
  admin = connectRedis(redis.url, log);
});
afterAll(async () => {
  admin.disconnect();
  await redis.stop();
  await rm(dir, { recursive: true, force: true });
});
beforeEach(() => admin.flushall());

const LINK = `extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key", "@shareable", "@composeDirective"])
  @link(url: "https://specs.waygraph.dev/cacheControl/v0.1", import: ["@cacheControl"]) @composeDirective(name: "@cacheControl")
  directive @cacheControl(maxAge: Int, inheritMaxAge: Boolean) on FIELD_DEFINITION`;
const SDL = `type Query {
    book(id: ID, want: Want): Book @cacheControl(maxAge: 60)
    news: String @cacheControl(maxAge: 5)
    never: String @cacheControl(maxAge: 0)
    unsaid: String
    broken: String @cacheControl(maxAge: 60)
    something: Something @cacheControl(maxAge: 60)
  }
  type Mutation { write: Book }
  input Want { size: Int }
  interface Something { id: ID! }
  type Book implements Something @key(fields: "id") {
    id: ID! @cacheControl(inheritMaxAge: true)
    title: String @cacheControl(inheritMaxAge: true)
    margin: String
    next: Book @cacheControl(inheritMaxAge: true)
    unsaidNext: Book
  }`;

/** A gateway over a library that counts how often it is asked, and has to be told what to answer. */
async function library(redisUrl: string | undefined = redis.url) {
  const state = { title: 'Emma', wait: Promise.resolve() };
  const book = () => ({
    __typename: 'Book',
    id: '1',
    title: state.title,
    margin: 'for one reader',
    next: { id: '2', title: 'Persuasion' },
    unsaidNext: { id: '3' },
  });
  const resolvers = {
    Query: {
      book: async () => {
        // Read first, and then slow: what a cache must not keep when it has changed meanwhile.
        const read = book();
        await state.wait;
        return read;
      },
      news: () => 'none',
      never: () => 'x',
      unsaid: () => 'x',
      something: book,
      broken: () => {
        throw new Error('not today');
      },
    },
    Mutation: { write: book },
  };
  const subgraph = testSubgraph('library', SDL, resolvers as never, [], LINK);
  const graph = await startTestGateway({ besides: [subgraph], ...(redisUrl !== undefined && { redisUrl }) });
  const asked = () => subgraph.calls.execute.length;
  return Object.assign(graph, { state, asked });
}

const told = ({ headers }: GraphqlAnswer) => ({ control: headers.get('cache-control'), found: headers.get('x-cache'), age: headers.get('age') });
const KEPT_BY_NOBODY = { control: 'no-store', found: null, age: null };
const MISS = { control: 'public, max-age=60', found: 'MISS', age: null };

test('GW-30: what is the same for all is asked for once, and HTTP is told how old it is and for how long it is good', async () => {
  await using graph = await library();
  // The first look may come before Redis does.
  await eventually(async () => (await graph.query('{ news }')).headers.get('x-cache')).not.toBe(null);
  const before = graph.asked();
  const query = 'query($id: ID) { book(id: $id) { __typename id title next { title } } }';
  const first = await graph.query(query, { id: '1' });
  expect(told(first)).toEqual(MISS);
  // Whoever asks, signed in or not; the variables that the operation does not have make no difference.
  const again = await graph.query(query, { id: '1', other: 2 }, { authorization: `Bearer ${await graph.identity.token(ALICE)}` });
  expect(told(again)).toEqual({ control: 'public, max-age=60', found: 'HIT', age: expect.stringMatching(/^\d+$/) });
  expect(again.data).toEqual(first.data);
  expect(again.headers.get('vary')).toMatch(/accept/i);
  expect(graph.asked()).toBe(before + 1);
  expect(told(await graph.query(query, { id: '2' }))).toEqual(MISS);
  // Of several the shortest counts.
  expect(told(await graph.query('{ news book { title } }')).control).toBe('public, max-age=5');
});

test('GW-30: the age of an answer is counted from when it was made', async () => {
  await using graph = await library();
  await eventually(async () => told(await graph.query('{ book { title } }')).found).toBe('HIT');
  const [key = ''] = await admin.keys('*:answer:*');
  const kept = JSON.parse((await admin.get(key)) ?? '') as { madeAt: number };
  await admin.set(key, JSON.stringify({ ...kept, madeAt: kept.madeAt - 20_000 }));
  const age = Number(told(await graph.query('{ book { title } }')).age);
  expect(age).toBeGreaterThanOrEqual(20);
  expect(age).toBeLessThan(60);
  const ttl = await admin.ttl(key);
  expect(ttl).toBe(-1);
  await admin.del(key);
  await graph.query('{ book { title } }');
  expect(await admin.ttl(key)).toBeGreaterThan(50);
});

test.each([
  ['a field that says nothing, for it may be personal', '{ book { title margin } }'],
  ['such a field in a fragment', 'fragment F on Book { title margin } { book { ...F } }'],
  ['such a field under a condition that does not hold', '{ book { title margin @include(if: false) } }'],
  ['such a field beside one that may be kept', '{ book { title } unsaid }'],
  ['an object that says nothing', '{ book { unsaidNext { title } } }'],
  ['a field of an interface', '{ something { id } }'],
  ['a field of another subgraph', '{ book { title } me }'],
  ['what is never good for long', '{ never book { title } }'],
  ['a mutation', 'mutation { write { title } }'],
  ['an error', '{ book { title } broken }'],
  ['the schema', '{ __schema { queryType { name } } }'],
  ['the schema beside data', '{ book { title } __type(name: "Book") { name } }'],
  ['a query that is not valid', '{ nothing }'],
])('GW-30: nobody keeps %s', async (_what, query) => {
  await using graph = await library();
  await eventually(async () => told(await graph.query('{ news }')).found).toBe('HIT');
  for (let turn = 0; turn < 2; turn += 1) expect(told(await graph.query(query))).toEqual(KEPT_BY_NOBODY);
  expect(await admin.keys('*:answer:*')).toHaveLength(1);
});

test('GW-30: a change that was told is seen by the next who asks, and what was read before it is not kept after it', async () => {
  await using graph = await library();
  const query = '{ book { title } }';
  await eventually(async () => told(await graph.query(query)).found).toBe('HIT');
  graph.state.title = 'Northanger Abbey';
  await admin.set(generationOf('library'), 'another');
  const [after, later] = [await graph.query(query), await graph.query(query)];
  expect([after.data, told(after).found, told(later).found]).toEqual([{ book: { title: 'Northanger Abbey' } }, 'MISS', 'HIT']);

  // One who has read the old state, and comes to keep it once the change has been told.
  await admin.set(generationOf('library'), 'a third');
  let letGo: () => void = () => {};
  graph.state.wait = new Promise((resolve) => (letGo = resolve));
  const before = graph.asked();
  const slow = graph.query(query);
  await eventually(() => graph.asked()).toBe(before + 1);
  graph.state.title = 'Sanditon';
  await admin.set(generationOf('library'), 'a fourth');
  // Nor does anybody who asks now wait for the one who began before.
  const next = graph.query(query);
  await eventually(() => graph.asked()).toBe(before + 2);
  letGo();
  expect((await slow).data).toEqual({ book: { title: 'Northanger Abbey' } });
  expect((await next).data).toEqual({ book: { title: 'Sanditon' } });
  expect((await graph.query(query)).data).toEqual({ book: { title: 'Sanditon' } });
});

test('GW-30: fifty who want the same cold answer at once cost one fetch, and none of them a failure that is not theirs', async () => {
  await using graph = await library();
  await eventually(async () => told(await graph.query('{ news }')).found).toBe('HIT');
  let letGo: () => void = () => {};
  graph.state.wait = new Promise((resolve) => (letGo = resolve));
  const before = graph.asked();
  // The first one leaves: whoever waits behind it makes the answer then.
  const leaving = new AbortController();
  const left = fetch(`${graph.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query: '{ book { title } }' }),
    signal: leaving.signal,
  }).catch((error: Error) => error.name);
  await eventually(() => graph.asked()).toBe(before + 1);
  const all = Array.from({ length: 50 }, () => graph.query('{ book { title } }'));
  leaving.abort();
  expect(await left).toBe('AbortError');
  letGo();
  const answers = await Promise.all(all);
  expect(answers.every(({ data, errors }) => !errors && JSON.stringify(data) === '{"book":{"title":"Emma"}}')).toBe(true);
  await admin.flushall();
  graph.state.wait = new Promise((resolve) => (letGo = resolve));
  const cold = graph.asked();
  const together = Array.from({ length: 50 }, () => graph.query('{ book { title } }'));
  await eventually(() => graph.asked()).toBeGreaterThan(cold);
  letGo();
  await Promise.all(together);
  // Two, when the first was done before the last had looked.
  expect(graph.asked() - cold).toBeLessThanOrEqual(2);
});

test('GW-30: a client may ask for what is now, and for nothing to be kept', async () => {
  await using graph = await library();
  const query = '{ book { title } }';
  await eventually(async () => told(await graph.query(query)).found).toBe('HIT');
  graph.state.title = 'Lady Susan';
  expect(told(await graph.query(query)).found).toBe('HIT');
  const fresh = await graph.query(query, {}, { 'cache-control': 'max-age=0' });
  expect([fresh.data, told(fresh)]).toEqual([{ book: { title: 'Lady Susan' } }, MISS]);
  // And so does everybody who comes after.
  expect((await graph.query(query)).data).toEqual(fresh.data);
  await admin.flushall();
  await graph.query('{ news }', {}, { 'cache-control': 'no-store' });
  expect(await admin.keys('*:answer:*')).toEqual([]);
});

test('GW-30: without Redis everything is made anew, and HTTP is told the same', async () => {
  await using graph = await library('redis://127.0.0.1:1');
  const before = graph.asked();
  for (let turn = 0; turn < 2; turn += 1) {
    const answer = await graph.query('{ book { title } }');
    expect([answer.data, told(answer)]).toEqual([{ book: { title: 'Emma' } }, { control: 'public, max-age=60', found: null, age: null }]);
  }
  expect(graph.asked()).toBe(before + 2);
});

test('GW-30: a GET, which HTTP caches for others, is told as a POST is', async () => {
  await using graph = await library();
  const get = async (query: string) => fetch(`${graph.url}/graphql?query=${encodeURIComponent(query)}`, { headers: { 'apollo-require-preflight': 'yes' } });
  await eventually(async () => (await get('{ book { title } }')).headers.get('x-cache')).toBe('HIT');
  expect((await get('{ book { margin } }')).headers.get('cache-control')).toBe('no-store');
});

test('GW-30: a process keeps so much in a minute, and no more, and no answer that is large', async () => {
  let now = 1_000;
  const cache = connectAnswerCache(redis.url, log, () => now, 100);
  try {
    const policy = { maxAgeS: 60, services: ['library'], key: '', variableNames: [] };
    const keep = async (key: string, chars: number) => {
      await (await cache.look(policy, key))?.keep('x'.repeat(chars));
      return (await cache.look(policy, key))?.kept?.text.length ?? null;
    };
    await eventually(() => cache.look(policy, 'ready')).not.toBeNull();
    expect([await keep('a', 60), await keep('b', 60), await keep('c', 40), await keep('d', 1)]).toEqual([60, null, 40, null]);
    now += 60_000;
    expect([await keep('b', 60), await keep('e', 300_000)]).toEqual([60, null]);
  } finally {
    cache.close();
  }
});
