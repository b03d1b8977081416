import { afterAll, beforeAll, expect, test } from 'vitest';
import { uuidOf } from '../../platform/ids.js';
import { eventually, startTestSubgraph, type TestSubgraph } from '../../test/subgraphHarness.js';
import { accepted, given, shifted } from './dispatch.given.js';
import { startDispatch } from './main.js';

let t: TestSubgraph;
let say: ReturnType<typeof given>;
beforeAll(async () => {
  t = await startTestSubgraph('dispatch', (environment) => startDispatch(environment));
  say = given(t);
});
afterAll(() => t[Symbol.asyncDispose]());

const skip = (ms: number) => t.setClock(new Date(t.environment.clock().getTime() + ms));

test('DP-33: points that a device recorded offline and sends hours later are in the route of the trip that it was on', async () => {
  const [pickup, rider] = [say.spot(), say.rider()];
  const driver = await say.driver(pickup);
  const trip = await say.ride(rider, driver, pickup, 'arriveAtPickup', 'startTrip');
  const started = t.environment.clock();
  skip(10 * 60_000);
  accepted(await say.move(driver, shifted(pickup, 3_000)));
  accepted(await say.drive(driver, 'completeTrip', trip.id));
  const completed = t.environment.clock();
  const lengthOf = async () => (await t.owner`select route_distance_m from trips where id = ${uuidOf('trp', trip.id)}`)[0]?.route_distance_m as number | null;
  skip(16_000);
  const pending = () => t.owner`select 1 from timers where kind = 'trip.route'`;
  await eventually(async () => (await pending()).length === 0, 'the route of the trip to be written');
  const before = (await lengthOf()) ?? 0;

  skip(3 * 3_600_000);
  const now = t.environment.clock().getTime();
  // A detour to the east, between the two points that are known; and one of after the trip, which is not in it.
  const way = [1, 2, 3, 4, 5, 6, 7].map((minute) => ({
    at: started.getTime() + minute * 60_000,
    to: shifted(pickup, 300 * minute, 800 * Math.min(minute, 8 - minute)),
  }));
  const after = { at: completed.getTime() + 60_000, to: shifted(pickup, 9_000) };
  const { answer } = accepted(
    await say.moveAll(
      driver,
      [...way, after].map(({ at, to }) => say.at(to, (at - now) / 1000)),
    ),
  );
  expect(answer).toMatchObject({ accepted: 8, rejected: 0 });
  await eventually(async () => (await lengthOf()) !== before && ((await lengthOf()) ?? 0) > before + 3_000, 'the late points to be in the route');
  expect(await lengthOf()).toBeLessThan(15_000);
});
