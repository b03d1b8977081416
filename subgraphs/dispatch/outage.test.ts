import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Actor } from '../../platform/actor.js';
import { publicId } from '../../platform/ids.js';
import { eventually, startTestSubgraph, type TestSubgraph } from '../../test/subgraphHarness.js';
import { accepted, given, type OnlineDriver, type Spot, shifted } from './dispatch.given.js';
import { startDispatch } from './main.js';
import { openPositionBacklog } from './positionBacklog.js';
import { factsKey } from './positionKeys.js';
import { readFacts } from './positionValues.js';
import { type Wire, wireTo } from '../../test/given/wire.js';

let t: TestSubgraph;
let say: ReturnType<typeof given>;
let postgresWire: Wire;
let redisWire: Wire;
let admin: Redis;

beforeAll(async () => {
  t = await startTestSubgraph('dispatch', async (environment) => {
    const [database, redis] = [new URL(environment.databaseUrl), new URL(environment.redisUrl)];
    postgresWire = await wireTo(database.hostname, Number(database.port));
    redisWire = await wireTo(redis.hostname, Number(redis.port));
    admin = new Redis(environment.redisUrl);
    database.hostname = '127.0.0.1';
    database.port = String(postgresWire.port);
    return startDispatch({ ...environment, databaseUrl: database.href, redisUrl: `redis://127.0.0.1:${redisWire.port}` });
  });
  say = given(t);
});
afterAll(async () => {
  for (const wire of [postgresWire, redisWire]) wire.mend();
  await t[Symbol.asyncDispose]();
  admin.disconnect();
  for (const wire of [postgresWire, redisWire]) wire.close();
});

const telematics: Actor = { kind: 'SERVICE', id: 'telematics', scopes: ['locations:write'] };
const nearbyCount = async (place: Spot) => {
  const query = 'query($near: PointInput!) { nearbyDrivers(near: $near, radiusKm: 2) { distanceM } }';
  return accepted(await t.run<{ nearbyDrivers: unknown[] }>(say.rider(), query, { near: place })).nearbyDrivers.length;
};
const pointsOf = async (drivers: readonly OnlineDriver[]) =>
  Number((await t.owner`select count(*)::int as n from driver_location_history where driver_id in ${t.owner(drivers.map((d) => d.uuid))}`)[0]?.n);
/** Sixty seconds of points, one every three seconds, of each driver; each call carries all drivers once. */
async function aMinuteOfPoints(drivers: readonly OnlineDriver[], from: Spot, secondsAgo: number, expected = drivers.length): Promise<void> {
  for (let n = 0; n < 20; n += 1) {
    const input = drivers.map((driver, i) => ({ driverId: driver.id, ...say.at(shifted(from, 10 * n, 5 * i), 3 * n - secondsAgo) }));
    expect(accepted(await say.ingest(telematics, input)).answer).toMatchObject({ accepted: expected });
  }
}

test('DP-04: Postgres is cut for a minute of points: all are taken, drivers move meanwhile, and every one is written when it is back', async () => {
  const here = say.spot();
  const drivers = await Promise.all([0, 1, 2, 3, 4].map((i) => say.driver(shifted(here, 0, 5 * i))));
  await eventually(async () => (await pointsOf(drivers)) === 5, 'the first points are written');
  t.setClock(new Date(t.environment.clock().getTime() + 65_000));
  postgresWire.cut();
  await aMinuteOfPoints(drivers, here, 60);
  expect((await say.move({ actor: drivers[0]!.actor }, shifted(here, 400), 1)).codes, 'a driver whom Redis knows needs no Postgres').toEqual([]);
  const heard = readFacts(await admin.get(factsKey(drivers[0]!.uuid)))?.heard ?? 0;
  expect(heard, 'he is seen').toBeGreaterThan(t.environment.clock().getTime() - 30_000);
  const stranger = await say.ingest(telematics, [
    { driverId: publicId('drv', crypto.randomUUID()), ...say.at(here) },
    { driverId: drivers[1]!.id, ...say.at(shifted(here, 410), 2) },
  ]);
  expect(accepted(stranger).answer, 'whom nobody knows stops nobody else').toMatchObject({ accepted: 1, rejections: [{ index: 0, reason: 'TRY_AGAIN' }] });
  expect(await pointsOf(drivers)).toBe(5);
  postgresWire.mend();
  await eventually(async () => (await pointsOf(drivers)) === 5 + 100 + 2, 'every point is written, each once');
});

test('DP-07b: Redis is cut: points wait, the newest of each driver is on the map when it is back, and the history has all of them', async () => {
  const here = say.spot();
  const [a, b] = [await say.driver(here), await say.driver(shifted(here, 100))];
  redisWire.cut();
  for (let n = 1; n <= 5; n += 1) accepted(await say.move(a, shifted(here, 20 * n), n));
  accepted(await say.move(a, shifted(here, 15), 0.5));
  accepted(await say.move(b, shifted(here, 300), 3));
  const stranger = await say.ingest(telematics, [{ driverId: publicId('drv', crypto.randomUUID()), ...say.at(here) }]);
  expect(accepted(stranger).answer).toMatchObject({ rejections: [{ reason: 'UNKNOWN_DRIVER' }] });
  expect((await say.move(a, { lat: 91, lng: 0 }, 6)).codes, 'bad points are refused as ever').toEqual(['VALIDATION_ERROR']);
  await eventually(async () => (await pointsOf([a, b])) === 9, 'Postgres hears of all');
  redisWire.mend();
  for (const [driver, lat] of [
    [a, shifted(here, 100).lat],
    [b, shifted(here, 300).lat],
  ] as const) {
    await eventually(async () => Math.abs(((await say.positionOf(driver))?.lat ?? 0) - lat) < 1e-6, 'the newest point is there');
  }
  await eventually(async () => (await nearbyCount(here)) === 2);
});

test('DP-02: everything in Redis is lost: states and positions come back from Postgres, and who is busy is not shown', async () => {
  const here = say.spot();
  const [free, busy, off] = [await say.driver(here), await say.driver(shifted(here, 900)), await say.driver(shifted(here, 200))];
  const drivers = [free, busy, off];
  await eventually(
    async () => (await t.owner`select 1 from driver_positions where driver_id in ${t.owner(drivers.map((driver) => driver.uuid))}`).length === 3,
    'Postgres has all positions',
  );
  accepted(await say.goOffline(off));
  const rider = say.rider();
  const trip = await say.requested(rider, shifted(here, 900));
  accepted(await say.accept(busy, (await say.offer(busy)).id));
  await eventually(async () => (await say.stateOf(free)) === 'AVAILABLE');
  await admin.flushall();
  expect(await nearbyCount(here), 'without any new point').toBe(1);
  expect(await say.positionOf(free)).toMatchObject({ lat: expect.closeTo(here.lat, 6) });
  const seen = await t.run<{ trip: { driver: { position: Spot | null; connected: boolean } } }>(
    rider,
    'query($id: ID!) { trip(id: $id) { driver { position { lat } connected } } }',
    { id: trip.id },
  );
  expect(seen.data.trip.driver, 'the rider sees his driver, who has not sent anything since').toMatchObject({ position: {}, connected: false });
  await admin.flushall();
  accepted(await say.move(free, shifted(here, 50), 3));
  expect(await say.positionOf(free), 'the next point alone does it too').toMatchObject({ lat: expect.closeTo(shifted(here, 50).lat, 6) });
});

test('DP-07b: the backlog keeps the newest point of each driver, and at most so many drivers', async () => {
  const taken: string[] = [];
  let isDown = true;
  const backlog = openPositionBacklog({
    maxDrivers: 3,
    take: async (points) => {
      if (isDown) throw new Error('down');
      taken.push(...points.map((point) => `${point.driverId}@${point.recordedAt.getTime()}`));
    },
    onError: () => {},
  });
  const at = (driverId: string, time: number) => {
    const measured = { heading: null, speedKmh: null, accuracyM: null, slackM: 0, still: 0, zoneId: undefined };
    return { driverId, lat: 30, lng: 31, recordedAt: new Date(time), ...measured };
  };
  backlog.keep([at('a', 1), at('a', 3), at('a', 2)]);
  backlog.keep([at('b', 1)]);
  backlog.keep([at('b', 0)]);
  expect([backlog.waiting(), backlog.dropped(), backlog.isHolding()]).toEqual([2, 0, true]);
  backlog.keep([at('c', 5), at('d', 6)]);
  expect([backlog.waiting(), backlog.dropped()]).toEqual([3, 1]);
  isDown = false;
  await eventually(() => !backlog.isHolding());
  expect(taken).toEqual(['b@1', 'c@5', 'd@6']);
  backlog.stop();
});
