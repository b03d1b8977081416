import { afterAll, beforeAll, expect, test } from 'vitest';
import { ANONYMOUS } from '../../platform/actor.js';
import { startTestSubgraph, type TestSubgraph, user } from '../../test/subgraphHarness.js';
import { given } from './booking.given.js';
import { startBooking } from './main.js';

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

test('GW-30: while hundreds read it, a car is never shown as free once its booking has been answered, nor as taken once that has been cancelled', {
  timeout: 60_000,
}, async () => {
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
