import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ANONYMOUS } from '../../platform/actor.js';
import { eventually, startTestSubgraph, TEST_SECRET, type TestSubgraph, user } from '../../test/subgraphHarness.js';
import { given } from './booking.given.js';
import { startBooking } from './main.js';
import { redisUntilInvalidation } from './redisWall.given.js';

let booking: TestSubgraph;
let say: ReturnType<typeof given>;
beforeAll(async () => {
  booking = await startTestSubgraph('booking', startBooking);
  say = given(booking);
});
afterAll(() => booking[Symbol.asyncDispose]());

const BATCH = '%vehicle_busy_ranges(%';
async function isFree(ids: readonly string[], times: { pickupAt: string; returnAt: string }): Promise<boolean[]> {
  const { data, errors } = await booking.run<{ _entities: { availability: { free: boolean } }[] }>(
    ANONYMOUS,
    'query($r: [_Any!]!, $from: DateTime!, $to: DateTime!) { _entities(representations: $r) { ... on Vehicle { availability(from: $from, to: $to) { free } } } }',
    { r: ids.map((id) => ({ __typename: 'Vehicle', id })), from: times.pickupAt, to: times.returnAt },
  );
  expect(errors).toEqual([]);
  return data._entities.map(({ availability }) => availability.free);
}

test('GW-30: availability of any time ahead is read once, and read again when a booking comes or goes', async () => {
  const car = await say.vehicle();
  const before = await booking.statements(BATCH);
  for (let day = 1; day <= 10; day += 1) expect(await isFree([car.id], say.hoursAhead(24 * day))).toEqual([true]);
  expect((await booking.statements(BATCH)) - before).toBe(1);
  const mona = say.customer();
  const times = say.hoursAhead(48);
  const made = await say.held(mona, car.id, times);
  expect(await isFree([car.id], times)).toEqual([false]);
  await say.cancel(mona, made.id);
  expect(await isFree([car.id], times)).toEqual([true]);
  await car.change({ status: 'MAINTENANCE' });
  expect(await isFree([car.id], times)).toEqual([false]);
});

test('GW-30: while hundreds read it, a car is never shown as free once its booking has been answered, nor as taken once that has been cancelled', async () => {
  const car = await say.vehicle();
  const times = say.hoursAhead(48);
  let reading = true;
  let reads = 0;
  const readers = Array.from({ length: 8 }, async () => {
    while (reading) {
      await isFree([car.id], times);
      reads += 1;
    }
  });
  for (let round = 0; round < 20; round += 1) {
    const mona = say.customer();
    const made = await say.held(mona, car.id, times);
    expect(await Promise.all([isFree([car.id], times), isFree([car.id], times)])).toEqual([[false], [false]]);
    await say.cancel(mona, made.id);
    expect(await isFree([car.id], times)).toEqual([true]);
  }
  reading = false;
  await Promise.all(readers);
  expect(reads).toBeGreaterThan(100);
});

test('GW-30: a hundred who want the same cold car at once cost one read', async () => {
  const car = await say.vehicle();
  const before = await booking.statements(BATCH);
  await Promise.all(Array.from({ length: 100 }, () => isFree([car.id], say.hoursAhead(48))));
  expect((await booking.statements(BATCH)) - before).toBeLessThanOrEqual(2);
});

test('GW-30: a block, a move to another car and its return are seen at once', async () => {
  const admin = user('ADMIN');
  const [one, two] = [await say.vehicle(), await say.vehicle()];
  const times = say.hoursAhead(48);
  const mona = say.customer();
  const made = await say.confirmed(mona, one.id, times);
  expect(await isFree([one.id, two.id], times)).toEqual([false, true]);
  await say.replace(admin, made.id, two.id);
  expect(await isFree([one.id, two.id], times)).toEqual([true, false]);
  await say.block(admin, one.id, times.pickupAt, times.returnAt);
  expect(await isFree([one.id, two.id], times)).toEqual([false, false]);
});

test('GW-30: another process never shows a car as free once its booking has been answered here, while both read', async () => {
  const other = await startBooking(booking.environment);
  const elsewhere = async (id: string, times: { pickupAt: string; returnAt: string }) => {
    const query = `query($r: [_Any!]!, $from: DateTime!, $to: DateTime!) { _entities(representations: $r) { ... on Vehicle { availability(from: $from, to: $to) { free } } } }`;
    const variables = { r: [{ __typename: 'Vehicle', id }], from: times.pickupAt, to: times.returnAt };
    const { data } = await other.execute({ query, variables }, { actor: ANONYMOUS, traceId: '0'.repeat(32), idempotencyKey: null, clientIp: null });
    return (data as { _entities: { availability: { free: boolean } }[] })._entities[0]?.availability.free;
  };
  try {
    const car = await say.vehicle();
    const times = say.hoursAhead(48);
    let reading = true;
    let reads = 0;
    const readers = Array.from({ length: 8 }, async (_, reader) => {
      while (reading) {
        await (reader % 2 ? elsewhere(car.id, times) : isFree([car.id], times));
        reads += 1;
      }
    });
    for (let round = 0; round < 20; round += 1) {
      const mona = say.customer();
      const made = await say.held(mona, car.id, times);
      expect(await Promise.all([elsewhere(car.id, times), elsewhere(car.id, times)])).toEqual([false, false]);
      await say.cancel(mona, made.id);
      expect(await elsewhere(car.id, times)).toBe(true);
    }
    reading = false;
    await Promise.all(readers);
    expect(reads).toBeGreaterThan(100);
  } finally {
    await other.stop();
  }
});

test('GW-30: a process that dies between its commit and the cache is made good for by the event', async () => {
  const car = await say.vehicle();
  const times = say.hoursAhead(48);
  expect(await isFree([car.id], times)).toEqual([true]);
  const redis = await redisUntilInvalidation(booking.environment.redisUrl);
  const block = 'mutation($input: BlockVehicleInput!) { blockVehicle(input: $input) { id } }';
  const request = { query: block, variables: { input: { vehicleId: car.id, from: times.pickupAt, to: times.returnAt, reason: 'service' } } };
  const child = spawn(process.execPath, ['--import', '@swc-node/register/esm-register', fileURLToPath(new URL('killed.given.ts', import.meta.url))], {
    env: {
      ...process.env,
      NODE_OPTIONS: '',
      DATABASE_URL: booking.environment.databaseUrl,
      REDIS_URL: redis.url,
      INTERNAL_SECRET: TEST_SECRET,
      REQUEST: JSON.stringify(request),
    },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const gone = new Promise((resolve) => child.once('exit', resolve));
  try {
    await redis.reached;
  } finally {
    child.kill('SIGKILL');
    await gone;
    redis.close();
  }
  expect((await booking.owner`select 1 from vehicle_claims where vehicle_id = ${car.uuid} and kind = 'BLOCK'`).length).toBe(1);
  await eventually(async () => !(await isFree([car.id], times))[0], 'the car to be shown as taken');
});
