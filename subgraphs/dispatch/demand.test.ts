import fc from 'fast-check';
import { gridDisk } from 'h3-js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually, startTestSubgraph, type TestSubgraph } from '../../test/subgraphHarness.js';
import { cityClock } from './cityClock.js';
import { bestProspect, learned, nextSeasons, type Prospect, QUARTER_MS, quarterOf, reliableLevel, type Season, SLOTS, slotOf } from './demand.js';
import { accepted, given, shifted } from './dispatch.given.js';
import { startDispatch } from './main.js';
import { cellOf, shapeOf } from './surge.js';

const cairo = cityClock('Africa/Cairo');

test('DP-35: the quarter of the week goes by the city’s clock', () => {
  // 2026-01-04 is a Sunday; Cairo is two hours ahead of UTC in winter, three in summer.
  const slot = (iso: string) => slotOf(quarterOf(new Date(iso)), cairo);
  expect([slot('2026-01-03T22:00:00Z'), slot('2026-01-03T22:14:59Z'), slot('2026-01-03T22:15:00Z'), slot('2026-01-03T21:59:00Z')]).toEqual([
    0,
    0,
    1,
    SLOTS - 1,
  ]);
  expect(slot('2026-07-04T21:30:00Z')).toBe(2);
});

/** Numbers that look random and are the same each time. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 4_294_967_296;
  };
}
function poisson(mean: number, next: () => number): number {
  const limit = Math.exp(-mean);
  let [count, product] = [0, next()];
  while (product > limit) [count, product] = [count + 1, product * next()];
  return count;
}
/** What a cell's demand really is on average: two rushes on working days, long evenings before the weekend. */
function trueRate(slot: number): number {
  const [day, hour] = [Math.floor(slot / 96), (slot % 96) / 4];
  const rush = (at: number, width: number) => Math.exp(-(((hour - at) / width) ** 2));
  const isWeekend = day === 5 || day === 6;
  return 0.4 + (isWeekend ? 6 * rush(21, 3) : 9 * rush(8, 1) + 7 * rush(18, 1.5));
}

test('DP-35: learnt from eight weeks, a season is nearly as good as knowing the true rate, and tells how far off it is', () => {
  const next = random(7);
  const seasons = new Map<number, Season>();
  for (let week = 0; week < 8; week += 1) {
    for (let slot = 0; slot < SLOTS; slot += 1) seasons.set(slot, learned(seasons.get(slot), poisson(trueRate(slot), next)));
  }
  const error = { forecast: 0, truth: 0 };
  for (let slot = 0; slot < SLOTS; slot += 1) {
    const actual = poisson(trueRate(slot), next);
    error.forecast += Math.abs(actual - (seasons.get(slot)?.level ?? 0)) / SLOTS;
    error.truth += Math.abs(actual - trueRate(slot)) / SLOTS;
  }
  expect(error.forecast).toBeLessThan(error.truth * 1.25);
  const told = [...seasons.values()].reduce((sum, season) => sum + season.meanError, 0) / SLOTS;
  expect(Math.abs(told - error.forecast)).toBeLessThan(error.forecast * 0.35);
});

test('DP-35: quiet weeks count also where nobody ever asked; a single request is no reason to drive there', () => {
  const asked = new Map([['cell', 1]]);
  const level = (weeksBefore: number) => nextSeasons(new Map(), asked, weeksBefore).get('cell')?.level;
  expect([level(0), level(1), level(2)]).toEqual([1, 0.5, expect.closeTo(1 / 3)]);
  // The same, whether the quiet weeks were seen or are known of.
  let seen = new Map<string, Season>([['cell', { level: 1, meanError: 0, weeks: 1 }]]);
  for (let week = 1; week < 4; week += 1) seen = nextSeasons(seen, new Map(), week);
  expect(seen.get('cell')).toMatchObject({ weeks: 4, level: expect.closeTo((1 / 3) * 0.7) });
  let quiet = seen;
  for (let week = 4; week < 30; week += 1) quiet = nextSeasons(quiet, new Map(), week);
  expect(quiet.size, 'forgotten').toBe(0);
  const here: Prospect = { cell: 'here', expected: 0, available: 1, awayM: 0 };
  const there = (season: Season | undefined): Prospect[] => [{ cell: 'cell', expected: reliableLevel(season!), available: 0, awayM: 500 }];
  expect(bestProspect(here, there(nextSeasons(new Map(), asked, 0).get('cell')), 0.5)).toBeNull();
  expect(bestProspect(here, there(nextSeasons(new Map(), new Map([['cell', 4]]), 0).get('cell')), 0.5)?.cell).toBe('cell');
});

test('DP-35: levels stay within what was seen', () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 50 }), { minLength: 1, maxLength: 60 }), (counts) => {
      const season = counts.reduce<Season | undefined>((so, count) => learned(so, count), undefined);
      expect(season?.level).toBeGreaterThanOrEqual(Math.min(...counts));
      expect(season?.level).toBeLessThanOrEqual(Math.max(...counts));
      expect(season?.weeks).toBe(counts.length);
    }),
  );
});

test('DP-35: drivers are sent to where more is asked for per driver, not all to one place, and not for nothing', () => {
  const prospect = (cell: string, expected: number, available: number, awayM = 1_000): Prospect => ({ cell, expected, available, awayM });
  const here = prospect('here', 1, 3, 0);
  expect(bestProspect(here, [], 0.5)).toBeNull();
  expect(bestProspect(here, [prospect('quiet', 0.5, 0)], 0.5), 'noise').toBeNull();
  expect(bestProspect(here, [prospect('crowded', 6, 20)], 0.5)).toBeNull();
  expect(bestProspect(here, [prospect('far', 1.5, 0, 9_000)], 0.5)).toBeNull();
  const places = [prospect('busy', 8, 1), prospect('busier', 9, 0)];
  const told = Array.from({ length: 100 }, (_, i) => bestProspect(here, places, i / 100)?.cell);
  const share = told.filter((cell) => cell === 'busier').length;
  expect(share).toBeGreaterThan(50);
  expect(share).toBeLessThan(90);
  expect(told.every((cell) => cell === 'busy' || cell === 'busier')).toBe(true);
  expect(bestProspect(prospect('here', 12, 1, 0), places, 0.5), 'better here').toBeNull();
});

let t: TestSubgraph;
let say: ReturnType<typeof given>;
beforeAll(async () => {
  t = await startTestSubgraph('dispatch', (environment) => startDispatch(environment));
  say = given(t);
  t.setClock(new Date('2031-06-01T09:01:00Z'));
});
afterAll(() => t[Symbol.asyncDispose]());

test('DP-35: requests are counted once per cell and quarter hour, also after a pause, and the forecast learns from them', async () => {
  const here = say.spot();
  const counted = async () =>
    [...(await t.owner`select quarter_at, requests from demand_counts where cell = ${cellOf(here)} order by quarter_at`)].map(
      (row) => `${(row.quarter_at as Date).toISOString().slice(11, 16)} ${row.requests}`,
    );
  const until = async () => new Date((await t.owner`select payload->>'countedUntil' as until from timers where kind = 'city.demand'`)[0]?.until as string);
  await eventually(async () => (await until()).getTime() === Date.parse('2031-06-01T09:00:00Z'), 'the first count');
  for (let i = 0; i < 3; i += 1) await say.requested(say.rider(), here);
  t.setClock(new Date('2031-06-01T09:16:00Z'));
  await eventually(async () => (await counted()).length === 1, 'the quarter to be counted');
  await say.requested(say.rider(), here);
  // An hour of silence is caught up quarter by quarter.
  t.setClock(new Date('2031-06-01T10:16:00Z'));
  await eventually(async () => (await until()).getTime() === Date.parse('2031-06-01T10:15:00Z'), 'the pause to be caught up');
  expect(await counted()).toEqual(['09:00 3', '09:15 1']);
  const seasonsOf = (cell: string) => t.owner`select slot, level, weeks from demand_seasons where cell = ${cell} order by slot`;
  // 9:00 UTC is noon in Cairo in June, of a Sunday.
  expect([...(await seasonsOf(cellOf(here)))]).toEqual([
    { slot: 48, level: 3, weeks: 1 },
    { slot: 49, level: 1, weeks: 1 },
  ]);
  // Two weeks later somebody asks once from somewhere else: two weeks of three were quiet there.
  t.setClock(new Date('2031-06-15T09:01:00Z'));
  await eventually(async () => (await until()).getTime() === Date.parse('2031-06-15T09:00:00Z'), 'a week to be caught up');
  const elsewhere = say.spot();
  await say.requested(say.rider(), elsewhere);
  t.setClock(new Date('2031-06-15T09:16:00Z'));
  await eventually(async () => (await until()).getTime() === Date.parse('2031-06-15T09:15:00Z'), 'the quarter to be counted');
  expect([...(await seasonsOf(cellOf(elsewhere)))]).toEqual([{ slot: 48, level: expect.closeTo(1 / 3), weeks: 3 }]);
  expect((await seasonsOf(cellOf(here)))[0]).toEqual({ slot: 48, level: 1, weeks: 3 });
});

test('DP-35: an idle driver gets a hint to a busier cell near him; a busy one, and who stands well, gets none', async () => {
  const here = say.spot();
  const driver = await say.driver(here);
  const hint = (actor = driver.actor) =>
    t.run<{ repositionHint: { cell: string; expectedRequests: number; availableDrivers: number } | null }>(
      actor,
      '{ repositionHint { place { lat lng } cell expectedRequests availableDrivers distanceM } }',
    );
  expect(accepted(await hint()).repositionHint).toBeNull();
  expect((await hint(say.rider())).codes).toEqual(['FORBIDDEN']);
  expect((await hint(say.person('DRIVER'))).codes).toEqual(['NOT_FOUND']);
  const busy = gridDisk(cellOf(here), 2).at(-1) as string;
  const slot = slotOf(quarterOf(new Date(t.environment.clock().getTime() + QUARTER_MS)), cairo);
  await t.owner`insert into demand_seasons (cell, slot, level, mean_error, weeks, updated_at) values (${busy}, ${slot}, 6, 1, 4, now())`;
  expect(accepted(await hint()).repositionHint).toMatchObject({ cell: busy, expectedRequests: 4.8, availableDrivers: 0 });
  await say.ride(say.rider(), driver, shifted(here, 100));
  expect(accepted(await hint()).repositionHint).toBeNull();
});

test('DP-35: a place where many wait does not look empty from afar, however many wait nearer', async () => {
  const here = say.spot();
  const driver = await say.driver(here);
  const busy = gridDisk(cellOf(here), 4).at(-1) as string;
  const hint = async () =>
    accepted(await t.run<{ repositionHint: { cell: string; availableDrivers: number } | null }>(driver.actor, '{ repositionHint { cell availableDrivers } }'))
      .repositionHint;
  const slot = slotOf(quarterOf(new Date(t.environment.clock().getTime() + QUARTER_MS)), cairo);
  await t.owner`insert into demand_seasons (cell, slot, level, mean_error, weeks, updated_at) values (${busy}, ${slot}, 8, 1, 4, now())`;
  const waits = async (count: number, at: { lat: number; lng: number }) => {
    await t.owner`with made as (insert into drivers (id, user_id, vehicle_id, vehicle_type, make, model, year, seats, plate, licence_number, approval, state,
        version, created_at) select gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'ECONOMY', 'Kia', 'Rio', 2022, 5, 'W', 'W', 'APPROVED',
        'AVAILABLE', 1, now() from generate_series(1, ${count}) returning id)
      insert into driver_positions (driver_id, lat, lng, recorded_at) select id, ${at.lat}, ${at.lng}, ${t.environment.clock()} from made`;
    t.setClock(new Date(t.environment.clock().getTime() + 11_000));
    accepted(await say.move(driver, here, 0));
  };
  await waits(220, here);
  expect(await hint()).toMatchObject({ cell: busy, availableDrivers: 0 });
  await waits(12, shapeOf(busy).center);
  expect(await hint(), 'half a request for each').toBeNull();
});
