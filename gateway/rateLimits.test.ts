import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { parse } from 'graphql';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type EmbeddedRedis, startEmbeddedRedis } from '../platform/embeddedRedis.js';
import { createLog } from '../platform/log.js';
import { connectRedis } from '../platform/queue.js';
import { networkOf } from './rateLimiter.js';
import { classesOf } from './rates.js';
import { localWindows, type RateWindow, type RateWindows, redisWindows } from './rateWindows.js';
import { ALICE, BOB, eventually, startTestGateway, watch } from './testGateway.js';

const silent = createLog({ service: 'test', level: 'silent' });
const TRIP = '{ trip(id: "t1") { status } }';

let dir: string;
let redis: EmbeddedRedis;
beforeAll(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'waygraph-rates-'));
  redis = await startEmbeddedRedis({ dataDir: dir });
});
afterAll(async () => {
  await redis.stop();
  await rm(dir, { recursive: true, force: true });
});

let keys = 0;
const minute = (limit: number, cost = 1, key = `k${(keys += 1)}`): RateWindow => ({ key, limit, windowMs: 60_000, cost });

describe.each(['native Redis', 'Redis in memory', 'this process'] as const)('GW-22: windows in %s', (where) => {
  let windows: RateWindows;
  let connection: Redis | undefined;
  let server: EmbeddedRedis | undefined;
  beforeAll(async () => {
    if (where === 'Redis in memory') server = await startEmbeddedRedis({ dataDir: path.join(dir, 'memory'), allowNative: false });
    if (where !== 'this process') connection = connectRedis((server ?? redis).url, silent);
    windows = connection ? redisWindows(connection) : localWindows();
  });
  afterAll(async () => {
    connection?.disconnect();
    await server?.stop();
  });
  const outcomes = async (window: RateWindow, times: number) => {
    const verdicts = await Promise.all(Array.from({ length: times }, () => windows.take([window], null)));
    return verdicts.map(({ outcome }) => outcome).sort();
  };

  test('of many at once exactly as many pass as are allowed', async () => {
    expect(await outcomes(minute(7), 40)).toEqual([...Array(33).fill('REFUSED'), ...Array(7).fill('TAKEN')]);
  });

  test('all windows take, or none does; several places at once are taken or not', async () => {
    const [wide, narrow] = [minute(10), minute(2)];
    const both = () => windows.take([wide, narrow], null);
    expect(await both()).toMatchObject({ outcome: 'TAKEN', window: 1, remaining: 1, waitMs: 0 });
    expect(await both()).toMatchObject({ outcome: 'TAKEN', window: 1, remaining: 0 });
    const refused = await both();
    expect(refused).toMatchObject({ outcome: 'REFUSED', window: 1, remaining: 0, justBlocked: false });
    expect(refused.waitMs).toBeGreaterThan(0);
    expect(refused.waitMs).toBeLessThanOrEqual(60_000);
    expect(await windows.take([{ ...wide, cost: 9 }], null)).toMatchObject({ outcome: 'REFUSED' });
    expect(await windows.take([{ ...wide, cost: 8 }], null)).toMatchObject({ outcome: 'TAKEN', remaining: 0 });
    expect(await windows.take([minute(3, 4)], null)).toMatchObject({ outcome: 'REFUSED' });
  });

  test('a place is free again when its time is over', async () => {
    const short: RateWindow = { ...minute(2), windowMs: 300 };
    expect(await outcomes(short, 3)).toEqual(['REFUSED', 'TAKEN', 'TAKEN']);
    await eventually(async () => (await windows.take([short], null)).outcome).toBe('TAKEN');
  });

  test('who goes on after refusals is shut out for a while, and then let in again', async () => {
    const window: RateWindow = { ...minute(1), windowMs: 100 };
    const blocking = { key: window.key, strikes: 3, strikesWithinMs: 60_000, blockMs: 400 };
    const knock = async () => windows.take([{ ...window, windowMs: 60_000 }], blocking);
    expect((await knock()).outcome).toBe('TAKEN');
    expect([(await knock()).justBlocked, (await knock()).justBlocked]).toEqual([false, false]);
    expect(await knock()).toMatchObject({ outcome: 'REFUSED', justBlocked: true, waitMs: 400 });
    expect(await windows.take([minute(5)], blocking)).toMatchObject({ outcome: 'BLOCKED', justBlocked: false });
    // Others are not concerned.
    expect((await windows.take([minute(5)], { ...blocking, key: 'else' })).outcome).toBe('TAKEN');
    await eventually(async () => (await windows.take([minute(5)], blocking)).outcome).toBe('TAKEN');
  });
});

test('GW-22: in no stretch of a window’s length do more pass than allowed, and nobody is refused who would fit', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ pause: fc.integer({ min: 0, max: 50 }), cost: fc.integer({ min: 1, max: 3 }) }), { maxLength: 60 }),
      async (steps) => {
        let now = 1_000;
        const windows = localWindows(() => now);
        const taken: number[] = [];
        for (const { pause, cost } of steps) {
          now += pause;
          const inWindow = taken.filter((at) => at > now - 100).length;
          const { outcome, waitMs } = await windows.take([{ key: 'a', limit: 5, windowMs: 100, cost }], null);
          expect(outcome).toBe(inWindow + cost <= 5 ? 'TAKEN' : 'REFUSED');
          if (outcome === 'TAKEN') taken.push(...Array<number>(cost).fill(now));
          // Whoever waits as long as they were told is let through, if nobody else comes first.
          else expect(taken.filter((at) => at > now + waitMs - 100).length + cost).toBeLessThanOrEqual(5);
        }
      },
    ),
  );
});

test('GW-22: root fields are counted under aliases, in fragments and in fragments of fragments, in linear time', () => {
  const document = parse(
    `mutation { a: signIn ... { b: signIn } ...F ...F quoteTrip } fragment F on Mutation { signIn ...G } fragment G on Mutation { signUp }`,
  );
  expect([...classesOf(document, document.definitions[0] as never)].sort()).toEqual([
    ['quote', 1],
    ['signIn', 4],
    ['signUp', 2],
  ]);
  const levels = Array.from({ length: 60 }, (_, level) => `fragment F${level} on Mutation { ...F${level + 1} ...F${level + 1} }`).join(' ');
  const bomb = parse(`mutation { ...F0 } ${levels} fragment F60 on Mutation { signIn }`);
  expect(classesOf(bomb, bomb.definitions[0] as never).get('signIn')).toBe(2 ** 60);
});

test('GW-22: addresses of one network of IPv6 count together', () => {
  expect(['2001:db8:1:2:3:4:5:6', '2001:0db8:1:2::9', '2001:db8:1:2::'].map(networkOf)).toEqual(Array(3).fill('2001:db8:1:2::/64'));
  expect(['::1', '10.0.0.1', null].map(networkOf)).toEqual(['0:0:0:0::/64', '10.0.0.1', 'unknown']);
});

test('GW-22: each address, person and key has limits of its own; the headers say how much is left', async () => {
  await using graph = await startTestGateway({ env: { RATE_LIMIT_RATES: 'anonymous=2/60,signedIn=3/60', TRUSTED_PROXIES: '1' }, redisUrl: redis.url });
  const from = (address: string, more: Record<string, string> = {}) => graph.query(TRIP, {}, { 'x-forwarded-for': address, ...more });
  const first = await from('198.51.100.1');
  expect(['limit', 'remaining', 'reset'].map((name) => first.headers.get(`ratelimit-${name}`))).toEqual(['2', '1', expect.stringMatching(/^(60|59)$/)]);
  expect((await from('198.51.100.1')).headers.get('ratelimit-remaining')).toBe('0');
  const refused = await from('198.51.100.1');
  expect([refused.status, refused.data]).toEqual([429, undefined]);
  expect(refused.errors?.[0]?.extensions).toMatchObject({
    code: 'RATE_LIMITED',
    retryAfter: expect.any(Number),
    details: { limit: 'anonymous', max: 2, windowSeconds: 60 },
  });
  expect(refused.headers.get('retry-after')).toBe(String(refused.errors?.[0]?.extensions.retryAfter));
  expect(refused.headers.get('ratelimit-remaining')).toBe('0');
  // What a client writes in front of the last hop is not believed: it would have as many addresses as it likes.
  expect((await from('203.0.113.9, 198.51.100.1')).status).toBe(429);
  expect((await from('198.51.100.2')).status).toBe(200);
  // Behind the same address people have limits of their own.
  for (const id of [ALICE, BOB]) {
    const authorization = `Bearer ${await graph.identity.token(id)}`;
    const statuses = [];
    for (let count = 0; count < 4; count += 1) statuses.push((await from('198.51.100.1', { authorization })).status);
    expect(statuses).toEqual([200, 200, 200, 429]);
  }
  const warned = graph.logLines.filter((line) => line.includes('suspicious'));
  expect(warned).toHaveLength(3);
  expect(graph.logLines.join('')).not.toContain('198.51.100');
});

test('GW-22: sign-in is counted by address, each attempt, over HTTP and WebSocket together, and tokens that are guessed count', async () => {
  await using graph = await startTestGateway({ env: { RATE_LIMIT_RATES: 'anonymous=30/60,signIn=5/60' }, redisUrl: redis.url });
  const attempts = (count: number) => `mutation { ${Array.from({ length: count }, (_, index) => `a${index}: signIn(password: "${index}")`).join(' ')} }`;
  const three = await graph.query(attempts(3));
  expect([three.status, three.headers.get('ratelimit-limit'), three.headers.get('ratelimit-remaining')]).toEqual([200, '5', '2']);
  const socket = watch(graph.connect(), attempts(1));
  await eventually(() => socket.completed).toBe(true);
  const tooMany = await graph.query(attempts(2));
  expect([tooMany.status, tooMany.errors?.[0]?.extensions.details]).toEqual([429, { limit: 'signIn', max: 5, windowSeconds: 60 }]);
  expect(tooMany.headers.get('retry-after')).toMatch(/^\d+$/);
  const overSocket = watch(graph.connect(), attempts(2));
  await eventually(() => overSocket.events[0] ?? overSocket.errors).toMatchObject({ errors: [{ extensions: { code: 'RATE_LIMITED' } }] });
  expect(graph.trips.calls.execute.flatMap(({ query }) => query.match(/signIn\(/g) ?? [])).toHaveLength(4);
  // Everything else goes on, until guessing has used up what an address has.
  expect((await graph.query(TRIP)).status).toBe(200);
  const guesses = [];
  for (let count = 0; count < 30; count += 1) guesses.push((await graph.query(TRIP, {}, { authorization: `Bearer guess${count}` })).status);
  expect([guesses[0], guesses.at(-1)]).toEqual([401, 429]);
});

test('GW-22: operations over WebSocket are counted, subscriptions too; the socket stays open', async () => {
  await using graph = await startTestGateway({ env: { RATE_LIMIT_RATES: 'signedIn=2/60' }, redisUrl: redis.url });
  const client = graph.connect({ authorization: `Bearer ${await graph.identity.token('00000000-0000-4000-8000-00000000000d')}` });
  const first = watch(client, TRIP);
  await eventually(() => first.completed).toBe(true);
  const watching = watch(client, 'subscription { tripUpdates(tripId: "t1") { sequence } }');
  await eventually(() => watching.events.length).toBe(1);
  const third = watch(client, 'subscription { tripUpdates(tripId: "t1") { sequence } }');
  await eventually(() => third.errors?.[0]?.extensions).toMatchObject({ code: 'RATE_LIMITED', retryAfter: expect.any(Number), details: { limit: 'signedIn' } });
  graph.trip.moveTo('SEARCHING');
  await eventually(() => watching.events.length).toBe(2);
});

test('GW-22: allowed subjects have no limits; a key has the limit of its contract', async () => {
  const { createHash } = await import('node:crypto');
  const key = (name: string) => `${name}:${createHash('sha256').update(name).digest('hex')}:x`;
  await using graph = await startTestGateway({
    env: {
      SERVICE_KEYS: ['big', 'small', 'free'].map(key).join(','),
      RATE_LIMIT_RATES: 'anonymous=1/60,key=1/60,key:big=3/60',
      RATE_LIMIT_ALLOW: 'ip:127.0.0.1,ip:::1,key:free',
    },
    redisUrl: redis.url,
  });
  const statuses = async (name: string | null) => {
    const seen = [];
    for (let count = 0; count < 4; count += 1) seen.push((await graph.query(TRIP, {}, name ? { 'x-api-key': name } : {})).status);
    return seen;
  };
  expect(await statuses(null)).toEqual([200, 200, 200, 200]);
  expect(await statuses('free')).toEqual([200, 200, 200, 200]);
  await using strict = await startTestGateway({
    env: { SERVICE_KEYS: ['big', 'small'].map(key).join(','), RATE_LIMIT_RATES: 'key=1/60,key:big=3/60' },
    redisUrl: redis.url,
  });
  const strictly = async (name: string) => {
    const seen = [];
    for (let count = 0; count < 4; count += 1) seen.push((await strict.query(TRIP, {}, { 'x-api-key': name })).status);
    return seen;
  };
  expect([await strictly('big'), await strictly('small')]).toEqual([
    [200, 200, 200, 429],
    [200, 429, 429, 429],
  ]);
});

test('GW-22: an address that does not stop is shut out, anonymous only; the log knows it by a hash', async () => {
  await using graph = await startTestGateway({ env: { RATE_LIMIT_RATES: 'anonymous=1/1', TRUSTED_PROXIES: '1' }, redisUrl: redis.url });
  const knock = (headers: Record<string, string> = {}) => graph.query(TRIP, {}, { 'x-forwarded-for': '192.0.2.77', ...headers });
  await eventually(async () => {
    const answers = await Promise.all(Array.from({ length: 50 }, () => knock()));
    return answers.some(({ errors }) => errors?.[0]?.message.includes('sign in'));
  }).toBe(true);
  const blocked = await knock();
  expect(blocked.status).toBe(429);
  // Longer than any window of this gateway.
  expect(Number(blocked.headers.get('retry-after'))).toBeGreaterThan(60);
  const authorization = `Bearer ${await graph.identity.token('00000000-0000-4000-8000-00000000000e')}`;
  expect((await knock({ authorization })).status).toBe(200);
  const shutOut = graph.logLines.filter((line) => line.includes('shut out'));
  expect(shutOut).toHaveLength(1);
  expect(JSON.parse(shutOut[0] as string)).toMatchObject({ who: expect.stringMatching(/^ip:[0-9a-f]{20}$/), blocked: true });
  expect(graph.logLines.join('')).not.toContain('192.0.2.77');
});

test('GW-22: while Redis is away rates are counted all the same, and nobody is turned away for it; then in Redis again', async () => {
  const own = path.join(dir, 'own');
  let server = await startEmbeddedRedis({ dataDir: own });
  const port = Number(new URL(server.url).port);
  await using graph = await startTestGateway({ env: { RATE_LIMIT_RATES: 'anonymous=5/60' }, redisUrl: server.url });
  const statuses = async (count: number) => {
    const seen = [];
    for (let done = 0; done < count; done += 1) seen.push((await graph.query(TRIP)).status);
    return seen;
  };
  await eventually(() => statuses(1)).toEqual([200]);
  await server.stop();
  expect(await statuses(7)).toEqual([200, 200, 200, 200, 200, 429, 429]);
  expect(graph.logLines.filter((line) => line.includes('counts rates for itself'))).toHaveLength(1);
  server = await startEmbeddedRedis({ dataDir: own, port });
  // The count in Redis knows nothing of what was counted here: who was refused is let in again, and its limit holds as before.
  await eventually(async () => {
    await statuses(1);
    return graph.logLines.some((line) => line.includes('counted in Redis again'));
  }).toBe(true);
  await eventually(async () => (await statuses(1))[0]).toBe(429);
  await server.stop();
});
