import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Actor, ANONYMOUS } from '../../platform/actor.js';
import { newUuid, publicId } from '../../platform/ids.js';
import { createLog } from '../../platform/log.js';
import { connectDatabase } from '../../platform/postgres.js';
import { appUrl } from '../../platform/migrate.js';
import { eventually, startTestSubgraph, TEST_SECRET, type TestSubgraph } from '../../test/subgraphHarness.js';
import { accepted, given, type Spot, shifted } from './dispatch.given.js';
import { openLocationBuffer } from './locationBuffer.js';
import { startDispatch } from './main.js';
import { availableKey, factsKey } from './positionKeys.js';
import { openPositions } from './positions.js';

let t: TestSubgraph;
let say: ReturnType<typeof given>;
beforeAll(async () => {
  t = await startTestSubgraph('dispatch', (environment) => startDispatch(environment));
  say = given(t);
});
afterAll(() => t[Symbol.asyncDispose]());

const service = (...scopes: string[]): Actor => ({ kind: 'SERVICE', id: 'telematics', scopes });
const near = (actor: Actor, place: Spot, more: Record<string, unknown> = {}) =>
  t.run<{ nearbyDrivers: { position: Spot; distanceM: number; vehicleType: string; heading: number | null }[] }>(
    actor,
    `query($near: PointInput!, $radiusKm: Float, $vehicleType: VehicleType, $first: Int) {
      nearbyDrivers(near: $near, radiusKm: $radiusKm, vehicleType: $vehicleType, first: $first) {
      position { lat lng } distanceM vehicleType heading lastSeenAt } }`,
    { near: place, ...more },
  );

test('DP-03: an older point is taken, and does not move the driver back', async () => {
  const here = say.spot();
  const driver = await say.driver(here);
  const there = shifted(here, 400);
  expect(accepted(await say.move(driver, there, 2, { heading: 90 })).answer).toEqual({ accepted: 1, rejected: 0, rejections: [] });
  expect(accepted(await say.move(driver, shifted(here, 9_000), -60)).answer).toMatchObject({ accepted: 1 });
  expect(await say.positionOf(driver)).toMatchObject({ lat: expect.closeTo(there.lat, 6) });
  expect(accepted(await near(say.rider(), here)).nearbyDrivers).toMatchObject([{ distanceM: expect.closeTo(400, -1), heading: 90 }]);
  const kept = await eventually(async () => {
    const rows = await t.owner`select lat from driver_location_history where driver_id = ${driver.uuid} order by recorded_at`;
    return rows.length === 3 ? rows : null;
  });
  expect(kept[0]?.lat).toBeCloseTo(shifted(here, 9_000).lat, 6);
  await eventually(async () => (await t.owner`select lat from driver_positions where driver_id = ${driver.uuid}`)[0]?.lat === there.lat);
});

test('DP-03: a driver is present for 30 s after his device sent anything, an older point too, and not for having been in Postgres', async () => {
  let now = new Date();
  const redis = new Redis(t.environment.redisUrl);
  const [driverId, userId] = [newUuid(), newUuid()];
  const positions = openPositions({
    redis,
    clock: () => now,
    readStandings: async () => [{ driverId, userId, vehicleType: 'XL', state: 'OFFLINE', tripId: null, version: 1 }],
    readPlaces: async () => [],
    readKnown: async () => [],
    onError: (error) => expect.unreachable(String(error)),
  });
  const begun = now.getTime();
  const later = (seconds: number) => {
    now = new Date(begun + seconds * 1_000);
  };
  const send = async (recordedAt: Date) => {
    const [move] = await positions.move([
      { driverId, ...say.spot(), heading: null, speedKmh: null, accuracyM: null, recordedAt, slackM: 0, still: 0, zoneId: null },
    ]);
    return move?.moved;
  };
  expect(await positions.isPresent(driverId), 'before he sent anything').toBe(false);
  expect(await send(now)).toBe(true);
  later(29);
  expect(await positions.isPresent(driverId)).toBe(true);
  later(31);
  expect(await positions.isPresent(driverId)).toBe(false);
  expect(await send(new Date(begun - 60_000)), 'an older one moves nobody').toBe(false);
  expect(await positions.isPresent(driverId)).toBe(true);
  expect((await positions.lastSeen(driverId))?.at.getTime()).toBe(begun);
  expect(await redis.pttl(factsKey(driverId)), 'what is known of him is forgotten in time').toBeGreaterThan(0);
  redis.disconnect();
});

test('DP-05: who went silent is no longer searched for; who sends again while a search still sees him silent is found from then on', async () => {
  let now = new Date();
  const redis = new Redis(t.environment.redisUrl);
  const here = say.spot();
  const [silent, back] = [newUuid(), newUuid()];
  const positions = openPositions({
    redis,
    clock: () => now,
    readStandings: async (ids) => ids.map((driverId) => ({ driverId, userId: driverId, vehicleType: 'XL', state: 'AVAILABLE', tripId: null, version: 1 })),
    readPlaces: async () => [],
    readKnown: async () => [],
    onError: (error) => expect.unreachable(String(error)),
  });
  const send = (driverId: string) =>
    positions.move([{ driverId, ...here, heading: null, speedKmh: null, accuracyM: null, recordedAt: now, slackM: 0, still: 0, zoneId: null }]);
  const search = async () => (await positions.nearby(here, 1, ['XL'], 10)).map(({ driverId }) => driverId);
  await send(silent);
  await send(back);
  expect((await search()).sort()).toEqual([silent, back].sort());
  now = new Date(now.getTime() + 61_000);
  // Between what a search reads of them and what it makes of it.
  const read = redis.mget.bind(redis) as (keys: string[]) => Promise<(string | null)[]>;
  let meanwhile: (() => Promise<unknown>) | null = () => send(back);
  redis.mget = (async (keys: string[]) => {
    const texts = await read(keys);
    const todo = meanwhile;
    meanwhile = null;
    await todo?.();
    return texts;
  }) as typeof redis.mget;
  expect(await search(), 'as it was when the search began').toEqual([]);
  expect(await search()).toEqual([back]);
  expect(await redis.zscore(availableKey('XL'), silent)).toBeNull();
  redis.disconnect();
});

test('DP-03: impossible points are refused, with the field: off the globe, not a number, from the future', async () => {
  const here = say.spot();
  const driver = await say.driver(here);
  for (const [point, field] of [
    [{ lat: 90.1, lng: 0 }, 'input.point.lat'],
    [{ lat: 0, lng: -180.5 }, 'input.point.lng'],
  ] as const) {
    const refused = await say.move(driver, point);
    expect(refused.codes).toEqual(['VALIDATION_ERROR']);
    expect(refused.errors[0]?.extensions.details).toMatchObject({ field, rule: 'INVALID_POINT' });
  }
  for (const lat of [Number.NaN, Number.POSITIVE_INFINITY]) expect((await say.move(driver, { lat, lng: 31 })).codes).toEqual(['BAD_USER_INPUT']);
  expect((await say.move(driver, here, 0, { heading: 400 })).codes).toEqual(['VALIDATION_ERROR']);
  const future = await say.move(driver, shifted(here, 100), 40);
  expect(future.errors[0]?.extensions.details).toEqual({ field: 'input.recordedAt', rule: 'FROM_THE_FUTURE' });
  expect(accepted(await say.move(driver, shifted(here, 100), 20)).answer).toMatchObject({ accepted: 1 });
  expect((await say.goOnline(driver, { lat: 91, lng: 0 })).codes).toEqual(['VALIDATION_ERROR']);
});

test('DP-03: points recorded offline come in any order, and only the newest counts; bad ones are named', async () => {
  const here = say.spot();
  const driver = await say.driver(here);
  const sent = [say.at(shifted(here, 100), 3), say.at(shifted(here, 300), 5), say.at({ lat: 95, lng: 0 }, 6), say.at(shifted(here, 200), 4), say.at(here, 100)];
  expect(accepted(await say.moveAll(driver, sent)).answer).toEqual({
    accepted: 3,
    rejected: 2,
    rejections: [
      { index: 2, reason: 'INVALID_POINT' },
      { index: 4, reason: 'FROM_THE_FUTURE' },
    ],
  });
  expect(await say.positionOf(driver)).toMatchObject({ lat: expect.closeTo(shifted(here, 300).lat, 6) });
  expect((await say.moveAll(driver, Array(501).fill(say.at(here)))).codes).toEqual(['VALIDATION_ERROR']);
  expect(accepted(await say.moveAll(driver, [])).answer).toMatchObject({ accepted: 0, rejected: 0 });
});

test('DP-04: a service key reports many drivers at once; without its scope nobody does', async () => {
  const here = say.spot();
  const drivers = await Promise.all([0, 1, 2].map((i) => say.driver(shifted(here, 10 * i))));
  const input = [
    ...drivers.map((driver, i) => ({ driverId: driver.id, ...say.at(shifted(here, 1_000 + i), 1) })),
    { driverId: publicId('drv', crypto.randomUUID()), ...say.at(here) },
    { driverId: 'nonsense', ...say.at(here) },
  ];
  expect(accepted(await say.ingest(service('locations:write'), input)).answer).toEqual({
    accepted: 3,
    rejected: 2,
    rejections: [
      { index: 3, reason: 'UNKNOWN_DRIVER' },
      { index: 4, reason: 'UNKNOWN_DRIVER' },
    ],
  });
  expect(await say.positionOf(drivers[2]!)).toMatchObject({ lat: expect.closeTo(shifted(here, 1_002).lat, 6) });
  for (const [actor, code] of [
    [service('other'), 'FORBIDDEN'],
    [drivers[0]!.actor, 'FORBIDDEN'],
    [ANONYMOUS, 'UNAUTHENTICATED'],
  ] as const) {
    expect((await say.ingest(actor, input)).codes).toEqual([code]);
  }
  expect((await say.move({ actor: say.person('DRIVER') }, here)).codes, 'not registered').toEqual(['NOT_FOUND']);
  expect((await say.move({ actor: say.rider() }, here)).codes).toEqual(['FORBIDDEN']);
});

test('DP-05: nearby drivers are free ones, nearest first, by class, without a name', async () => {
  const here = say.spot();
  const rider = say.rider();
  const [a, b, c] = [await say.driver(shifted(here, 2_500)), await say.driver(shifted(here, 300), 'XL'), await say.driver(shifted(here, 900))];
  const found = async (more?: Record<string, unknown>) =>
    accepted(await near(rider, here, more)).nearbyDrivers.map((driver) => Math.round(driver.distanceM / 100));
  expect(await found()).toEqual([3, 9, 25]);
  expect(await found({ first: 2 })).toEqual([3, 9]);
  expect(await found({ first: 0 })).toEqual([]);
  expect(await found({ radiusKm: 1 })).toEqual([3, 9]);
  expect(await found({ vehicleType: 'XL' })).toEqual([3]);
  accepted(await say.goOffline(c));
  await eventually(async () => (await found()).length === 2);
  accepted(await say.move(c, shifted(here, 800), 1));
  expect(await found(), 'offline: his points do not show him').toEqual([3, 25]);
  accepted(await say.goOnline(c, shifted(here, 800)));
  expect(await found()).toEqual([3, 8, 25]);
  expect(a.id).not.toBe(b.id);
  for (const radiusKm of [0, -1, 51]) expect((await near(rider, here, { radiusKm })).codes).toEqual(['VALIDATION_ERROR']);
  for (const first of [-1, 101]) expect((await near(rider, here, { first })).codes).toEqual(['VALIDATION_ERROR']);
  expect((await near(rider, { lat: 0, lng: 181 })).errors[0]?.extensions.details).toMatchObject({ field: 'near.lng' });
  expect((await near(ANONYMOUS, here)).codes).toEqual(['UNAUTHENTICATED']);
  expect((await t.run(rider, 'query($near: PointInput!) { nearbyDrivers(near: $near) { id } }', { near: here })).codes).toEqual(['GRAPHQL_VALIDATION_FAILED']);
});

test('DP-13: one quote per class, with lines that add up; bad input is refused with its field', async () => {
  const here = say.spot();
  const rider = say.rider();
  const all = accepted(await say.quotes(rider, here)).quoteTrip;
  expect(all.map((quote) => quote.vehicleType)).toEqual(['ECONOMY', 'COMFORT', 'PREMIUM', 'XL']);
  for (const quote of all) {
    const sum = quote.lines.reduce((total, line) => total + Math.round(Number(line.amount.amount) * 100), 0);
    expect(sum).toBe(Math.round(Number(quote.price.amount) * 100));
    expect(sum % 50).toBe(0);
    expect(quote).toMatchObject({ pickupEtaSeconds: null, surge: 1 });
    expect(quote.tripEtaSeconds).toBeGreaterThan(300);
  }
  const fieldOf = async (...input: Parameters<typeof say.quotes>) => {
    const refused = await say.quotes(...input);
    return [refused.codes[0], (refused.errors[0]?.extensions.details as { field?: string })?.field];
  };
  expect(await fieldOf(rider, here, shifted(here, 40))).toEqual(['VALIDATION_ERROR', 'input.destination']);
  expect(await fieldOf(rider, here, { lat: -91, lng: 0 })).toEqual(['VALIDATION_ERROR', 'input.destination.lat']);
  expect(await fieldOf(rider, here, undefined, { vehicleTypes: [] })).toEqual(['VALIDATION_ERROR', 'input.vehicleTypes']);
  expect(await fieldOf(rider, here, undefined, { vehicleTypes: ['XL', 'XL'] })).toEqual(['VALIDATION_ERROR', 'input.vehicleTypes']);
  expect(await fieldOf(rider, here, undefined, { departAt: '2020-01-01T00:00:00Z' })).toEqual(['VALIDATION_ERROR', 'input.departAt']);
  expect((await say.quotes(ANONYMOUS, here)).codes).toEqual(['UNAUTHENTICATED']);
});

test('DP-07: where we do not drive, the nearest place where we do is named', async () => {
  const alexandria = { lat: 31.2001, lng: 29.9187 };
  const refused = await say.quotes(say.rider(), alexandria, { lat: 30.05, lng: 31.24 });
  expect(refused.codes).toEqual(['OUTSIDE_SERVICE_AREA']);
  const { nearest, field } = refused.errors[0]!.extensions.details as { nearest: Spot; field: string };
  expect(field).toBe('input.pickup');
  accepted(await say.quotes(say.rider(), nearest, { lat: 30.05, lng: 31.24 }));
});

test('DP-04: while Postgres does not answer, points wait in a bounded buffer, and none is written twice', async () => {
  const driver = await say.driver(say.spot());
  const log = createLog({ service: 'test', level: 'fatal' });
  const down = connectDatabase({ url: 'postgres://nobody:x@127.0.0.1:1/none', log, clock: t.environment.clock, applicationName: 'test' });
  const real = connectDatabase({ url: appUrl(t.environment.databaseUrl, 'dispatch', TEST_SECRET), log, clock: t.environment.clock, applicationName: 'test' });
  const db = { ...real, orm: down.orm };
  const buffer = openLocationBuffer({ db, maxPoints: 50 });
  const point = (i: number) => ({
    driverId: driver.uuid,
    lat: 30 + i / 1000,
    lng: 31,
    heading: null,
    speedKmh: null,
    accuracyM: null,
    recordedAt: new Date(Date.UTC(2026, 0, 1, 0, 0, i)),
  });
  buffer.add(Array.from({ length: 40 }, (_, i) => point(i)));
  await buffer.flush();
  buffer.add(Array.from({ length: 20 }, (_, i) => point(30 + i)));
  expect([buffer.waiting(), buffer.dropped()]).toEqual([50, 10]);
  db.orm = real.orm;
  await buffer.stop();
  expect(buffer.waiting()).toBe(0);
  const [row] =
    await t.owner`select count(*)::int as n, min(lat) as first from driver_location_history where driver_id = ${driver.uuid} and recorded_at < '2026-02-01'`;
  expect(row).toEqual({ n: 40, first: 30.01 });
  await Promise.all([down.close(), real.close()]);
});

test('DP-03: the latest position is written at most every five seconds per driver', async () => {
  const here = say.spot();
  const driver = await say.driver(here);
  const written = () => t.statements('insert into driver_positions%');
  await eventually(async () => (await t.owner`select 1 from driver_positions where driver_id = ${driver.uuid}`).length > 0);
  await sleep(1_100);
  const before = await written();
  for (let i = 1; i <= 10; i += 1) {
    accepted(await say.move(driver, shifted(here, i), i));
    await sleep(200);
  }
  expect((await written()) - before).toBeLessThanOrEqual(1);
});
