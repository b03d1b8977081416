import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ANONYMOUS } from '../../platform/actor.js';
import { eventually, startTestSubgraph, type TestSubgraph } from '../../test/subgraphHarness.js';
import { accepted, given, type Spot, shifted } from './dispatch.given.js';
import { startDispatch } from './main.js';
import { openNearbyMap } from './nearbyMap.js';
import { distanceM } from './point.js';
import type { NearbyDriver } from './ringSearch.js';

let t: TestSubgraph;
let say: ReturnType<typeof given>;
beforeAll(async () => {
  t = await startTestSubgraph('dispatch', (environment) => startDispatch(environment));
  say = given(t);
});
afterAll(() => t[Symbol.asyncDispose]());

const FEED = `subscription($near: PointInput!, $radiusKm: Float) {
  nearbyDriversUpdated(near: $near, radiusKm: $radiusKm) { position { lat lng } distanceM vehicleType heading lastSeenAt } }`;
type Frame = { position: Spot; distanceM: number; vehicleType: string }[];

test('DP-07b: the map shows who is free around, and again whenever somebody moves, comes or goes; without names', async () => {
  const here = say.spot();
  const driver = await say.driver(shifted(here, 400));
  const frames = await say.stream(say.rider(), FEED, { near: here, radiusKm: 3 });
  const next = async () => ((await frames.next()).value as { data: { nearbyDriversUpdated: Frame } }).data.nearbyDriversUpdated;
  expect(await next()).toMatchObject([{ distanceM: expect.closeTo(400, -1), vehicleType: 'ECONOMY' }]);
  accepted(await say.move(driver, shifted(here, 500), 1));
  expect(await next()).toMatchObject([{ distanceM: expect.closeTo(500, -1) }]);
  const other = await say.driver(shifted(here, 100), 'XL');
  expect((await next()).map((each) => each.vehicleType)).toEqual(['XL', 'ECONOMY']);
  accepted(await say.goOffline(driver));
  expect((await next()).map((each) => each.vehicleType)).toEqual(['XL']);
  accepted(await say.goOffline(other));
  expect(await next(), 'nobody is news too').toEqual([]);
  const waiting = frames.next();
  await frames.return(undefined);
  expect((await waiting).done, 'it ends while it waits').toBe(true);
  expect(await say.subscribe(say.rider(), FEED.replace('position {', 'id position {'), { near: here })).toMatchObject({ errors: [{}] });
});

test('DP-07b: only who is signed in may look, at a place on earth, within 50 km', async () => {
  const here = say.spot();
  const codeOf = async (actor: Parameters<typeof say.subscribe>[0], variables: Record<string, unknown>) => {
    const outcome = await say.subscribe(actor, FEED, variables);
    return Symbol.asyncIterator in outcome ? null : outcome.errors?.[0]?.extensions.code;
  };
  expect(await codeOf(ANONYMOUS, { near: here })).toBe('UNAUTHENTICATED');
  for (const radiusKm of [0, -1, 51]) expect(await codeOf(say.rider(), { near: here, radiusKm })).toBe('VALIDATION_ERROR');
  expect(await codeOf(say.rider(), { near: { lat: 95, lng: 0 } })).toBe('VALIDATION_ERROR');
});

test('DP-07b: who looks at the same part of the city shares one search a second, a slow reader gets the newest, and nothing is searched for nobody', async () => {
  let [searches, lat] = [0, 30];
  const map = openNearbyMap({
    positions: {
      nearby: async () => {
        searches += 1;
        lat += 0.0001;
        return [{ driverId: 'a', vehicleType: 'XL', distanceM: 0, place: { lat, lng: 31 }, heading: null, at: new Date(0) }] satisfies NearbyDriver[];
      },
    },
    onError: () => {},
  });
  const place = { lat: 30, lng: 31 };
  const watchers = Array.from({ length: 50 }, (_, i) => map.watch(shifted(place, i / 10), 5));
  const first = await Promise.all(watchers.map((watcher) => watcher.next()));
  expect(first.every((step) => step.value?.length === 1)).toBe(true);
  expect([map.open(), searches]).toEqual([1, 1]);
  const elsewhere = map.watch(shifted(place, 5_000), 5);
  await elsewhere.next();
  expect(map.open()).toBe(2);
  await eventually(() => searches >= 6, 'four more seconds');
  const slow = (await watchers[0]!.next()).value as NearbyDriver[];
  expect(slow[0]?.place.lat, 'the newest, not the next').toBeGreaterThan(30.0002);
  await Promise.all([...watchers, elsewhere].map((watcher) => watcher.return?.()));
  expect(map.open()).toBe(0);
  const before = searches;
  await new Promise((resolve) => setTimeout(resolve, 1_300));
  expect(searches).toBe(before);
  const kept = Array.from({ length: 1_000 }, (_, i) => map.watch(shifted(place, 500 * i), 1));
  expect(() => map.watch(shifted(place, -5_000), 1)).toThrowError(/Too many maps/);
  await Promise.all(kept.map((watcher) => watcher.return?.()));
  map.stop();
});

test('DP-06b: growing rings find what a look at everybody finds, also behind drivers who went silent', async () => {
  const here = say.spot();
  const people = await Promise.all(Array.from({ length: 24 }, (_, i) => say.driver(shifted(here, 0, i))));
  const telematics = { kind: 'SERVICE', id: 'telematics', scopes: ['locations:write'] } as const;
  const offsets = fc.array(fc.tuple(fc.integer({ min: -2_900, max: 2_900 }), fc.integer({ min: -2_900, max: 2_900 }), fc.boolean()), {
    minLength: 24,
    maxLength: 24,
  });
  // One place is left to fill, and five who went silent stand one behind the other before the driver who fills it.
  const inARow = people.map((_, i): [number, number, boolean] => (i < 8 ? [0, 0, false] : i < 18 ? [0, 1_200 + i, true] : [0, 2_000 + i, false]));
  let round = 0;
  await fc.assert(
    fc.asyncProperty(offsets, fc.constantFrom(0.7, 1, 1.6, 2, 4.5, 6), fc.integer({ min: 1, max: 30 }), async (places, radiusKm, first) => {
      // Eight minutes later everybody may be anywhere, and nobody is free but those who send now. Not ten: then all would be taken off the road as silent, if
      // the look for those came before the points.
      round += 1;
      t.setClock(new Date(t.environment.clock().getTime() + 8 * 60_000));
      const sent = people.map((driver, i) => ({ driver, place: shifted(here, places[i]![0], places[i]![1]), isSilent: places[i]![2] }));
      const points = sent.map(({ driver, place, isSilent }) => ({ driverId: driver.id, ...say.at(place, isSilent ? -90 : 0) }));
      expect(accepted(await say.ingest(telematics, points)).answer).toMatchObject({ accepted: 24 });
      const query = 'query($near: PointInput!, $radiusKm: Float, $first: Int) { nearbyDrivers(near: $near, radiusKm: $radiusKm, first: $first) { distanceM } }';
      const found = accepted(await t.run<{ nearbyDrivers: { distanceM: number }[] }>(say.rider(), query, { near: here, radiusKm, first })).nearbyDrivers;
      const expected = sent
        .filter(({ isSilent }) => !isSilent)
        .map(({ place }) => Math.round(distanceM(here, place)))
        .filter((awayM) => awayM <= radiusKm * 1000 - 2)
        .sort((a, b) => a - b);
      const border = sent.some(({ place }) => Math.abs(distanceM(here, place) - radiusKm * 1000) < 2);
      // Redis keeps a place in 52 bits, a third of a metre off at most, and so may take the next driver for the last one wanted when they are half a metre apart.
      const [last = 0, next = Number.POSITIVE_INFINITY] = expected.slice(first - 1, first + 1);
      if (!border && next - last !== 1) expect(found.map(({ distanceM: awayM }) => awayM)).toEqual(expected.slice(0, first));
    }),
    { numRuns: 25, examples: [[inARow, 4.5, 9]] },
  );
  expect(round).toBeGreaterThan(20);
});
