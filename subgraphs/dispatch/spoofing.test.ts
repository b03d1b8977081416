import fc from 'fast-check';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually, startTestSubgraph, type TestSubgraph } from '../../test/subgraphHarness.js';
import { accepted, given, type OnlineDriver, type Spot, shifted } from './dispatch.given.js';
import { startDispatch } from './main.js';
import { distanceM, type Place } from './point.js';
import { type Fix, FROZEN_POINTS, judge, MAX_SPEED_MPS, SLACK_BACK_MPS, SLACK_M, type TrackPoint } from './spoofing.js';

let t: TestSubgraph;
let say: ReturnType<typeof given>;
beforeAll(async () => {
  t = await startTestSubgraph('dispatch', (environment) => startDispatch(environment));
  say = given(t);
});
afterAll(() => t[Symbol.asyncDispose]());

const start: Place = { lat: 30.0444, lng: 31.2357 };
const judged = (last: Fix | null, place: Place, at: number, more: Partial<TrackPoint> = {}) =>
  judge(last, { ...place, speedKmh: null, accuracyM: null, mocked: false, ...more }, at);
const step = fc.record({
  seconds: fc.integer({ min: 1, max: 600 }),
  speed: fc.double({ min: 0, max: MAX_SPEED_MPS, noNaN: true }),
  bearing: fc.double({ min: 0, max: 2 * Math.PI, noNaN: true }),
});
const walk = (from: Place, meters: number, bearing: number) => shifted(from, meters * Math.cos(bearing), meters * Math.sin(bearing));

test('DP-08: whoever drives as fast as cars can is never flagged, and what he has of slack stays his', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 60 }), (steps) => {
      let fix: Fix | null = null;
      let [place, at] = [start, 0];
      for (const { seconds, speed, bearing } of steps) {
        place = walk(place, seconds * speed * 0.99, bearing);
        at += seconds * 1000;
        const judgement = judged(fix, place, at);
        expect(judgement.suspicion).toBeNull();
        if (judgement.suspicion === null) fix = judgement.fix;
      }
      expect(fix?.slackM).toBe(SLACK_M);
    }),
  );
});

test('DP-08: whatever is sent, the believed places are no further apart than a car, the slack and what comes back of it allow', () => {
  const jump = fc.record({
    seconds: fc.integer({ min: 1, max: 300 }),
    meters: fc.integer({ min: 0, max: 200_000 }),
    bearing: fc.double({ min: 0, max: 6.2, noNaN: true }),
  });
  fc.assert(
    fc.property(fc.array(jump, { minLength: 2, maxLength: 60 }), (jumps) => {
      let fix: Fix | null = null;
      let [at, wayM, first] = [0, 0, 0];
      for (const { seconds, meters, bearing } of jumps) {
        at += seconds * 1000;
        const place: Place = walk(fix ?? start, meters, bearing);
        const judgement = judged(fix, place, at);
        if (judgement.suspicion !== null) continue;
        if (fix === null) first = at;
        else wayM += distanceM(fix, place);
        fix = judgement.fix;
        expect(fix.slackM).toBeGreaterThanOrEqual(0);
        expect(wayM).toBeLessThanOrEqual(SLACK_M + ((at - first) / 1000) * (MAX_SPEED_MPS + SLACK_BACK_MPS) + 1);
      }
    }),
  );
});

test('DP-08: a jump, 900 km/h, an invented position and one that is played back are told apart; a flagged one changes nothing', () => {
  const known = judged(null, start, 0);
  if (known.suspicion !== null) throw new Error('the first point says nothing');
  const { fix } = known;
  expect(judged(fix, shifted(start, 100_000), 3_000).suspicion).toBe('TELEPORT');
  expect(judged(fix, shifted(start, 15_000), 60_000).suspicion).toBe('IMPOSSIBLE_SPEED');
  expect(judged(fix, shifted(start, 10), 3_000, { mocked: true }).suspicion).toBe('MOCKED');
  expect(judged(fix, shifted(start, 2_000), 3_000).suspicion, 'a fix by a cell tower').toBeNull();
  let still = fix;
  for (let n = 1; n < FROZEN_POINTS; n += 1) {
    const judgement = judged(still, start, n * 3_000, { speedKmh: 40 });
    if (judgement.suspicion !== null) throw new Error(`flagged after ${n}`);
    still = judgement.fix;
  }
  expect(judged(still, start, 60_000, { speedKmh: 40 }).suspicion).toBe('FROZEN');
  expect(judged(still, start, 60_000, { speedKmh: 0 }).suspicion, 'standing still is no crime').toBeNull();
  expect(judged(still, shifted(start, 1), 60_000, { speedKmh: 40 }).suspicion).toBeNull();
});

interface Flags {
  locationFlags: { totalCount: number; nodes: { kind: string; count: number; speedKmh: number | null; from: Spot | null; to: Spot; driver: { id: string } }[] };
}
const FLAGS = `query($driverId: ID) { locationFlags(driverId: $driverId) { totalCount
  nodes { id kind count speedKmh from { lat lng } to { lat lng } driver { id standing } } } }`;
const flagsOf = (actor: Parameters<typeof t.run>[0], driver?: OnlineDriver) => t.run<Flags>(actor, FLAGS, { driverId: driver?.id ?? null });

test('DP-08: a point that cannot be true moves nobody and is in no history; admins see it, nobody else does', async () => {
  const here = say.spot();
  const driver = await say.driver(here);
  const far = shifted(here, 90_000);
  const refused = await say.move(driver, far, 2);
  expect(refused.codes).toEqual(['VALIDATION_ERROR']);
  expect(refused.errors[0]?.extensions.details).toEqual({ field: 'input.point', rule: 'SUSPICIOUS' });
  expect(refused.errors[0]?.message).toMatch(/Check the position/);
  const mocked = await say.move(driver, shifted(here, 20), 3, { mocked: true });
  expect(mocked.errors[0]?.extensions.details).toEqual({ field: 'input.mocked', rule: 'SUSPICIOUS' });
  expect(await say.positionOf(driver)).toMatchObject({ lat: expect.closeTo(here.lat, 6) });
  accepted(await say.move(driver, shifted(here, 30), 4));
  expect(await say.positionOf(driver), 'the next true one counts').toMatchObject({ lat: expect.closeTo(shifted(here, 30).lat, 6) });

  const { nodes } = await eventually(async () => {
    const { locationFlags } = accepted(await flagsOf(say.admin, driver));
    return locationFlags.totalCount === 2 && locationFlags.nodes.length === 2 ? locationFlags : null;
  });
  expect(nodes).toMatchObject(
    expect.arrayContaining([
      expect.objectContaining({ kind: 'TELEPORT', count: 1, driver: { id: driver.id, standing: 'GOOD' } }),
      expect.objectContaining({ kind: 'MOCKED', count: 1 }),
    ]),
  );
  const teleport = nodes.find((flag) => flag.kind === 'TELEPORT');
  expect(teleport?.to.lat).toBeCloseTo(far.lat, 5);
  expect(teleport?.speedKmh).toBeGreaterThan(10_000);
  for (const actor of [driver.actor, say.rider()]) expect((await flagsOf(actor, driver)).codes).toEqual(['FORBIDDEN']);
  await eventually(async () => (await t.owner`select 1 from driver_location_history where driver_id = ${driver.uuid}`).length === 2);
  expect(Number((await t.owner`select max(lat) as lat from driver_location_history where driver_id = ${driver.uuid}`)[0]?.lat)).toBeLessThan(far.lat - 0.5);
  const asDriver = await t.asService.begin(async (sql) => {
    await sql`select set_config('waygraph.actor_id', ${driver.actor.id}, true), set_config('waygraph.actor_roles', 'DRIVER', true)`;
    return sql`select 1 from location_flags`;
  });
  expect(asDriver, 'ID-08').toHaveLength(0);
});

test('DP-08: after ten silent minutes, and when Redis has lost all, Postgres still knows where a driver was: nobody appears in an airport line', async () => {
  const here = say.spot();
  const airport = shifted(here, 60_000);
  const corners = (
    [
      [-1, -1],
      [-1, 1],
      [1, 1],
      [1, -1],
      [-1, -1],
    ] as const
  ).map(([north, east]) => shifted(airport, north * 500, east * 500));
  const zone = { kind: 'AIRPORT_QUEUE', name: 'Far airport', polygon: corners };
  accepted(await say.mutate(say.admin, 'createZone', '$input: CreateZoneInput!', { input: zone }, 'id'));
  const redis = new Redis(t.environment.redisUrl);
  const lose = async (driver: OnlineDriver) => {
    // What Redis keeps of a place lives for ten minutes of its own clock.
    const keys = await redis.keys(`*facts:${driver.uuid}`);
    expect(keys.length).toBe(1);
    await redis.del(...keys);
  };
  for (const loss of [lose, () => redis.flushall()]) {
    const driver = await say.driver(here);
    await eventually(async () => (await t.owner`select 1 from driver_positions where driver_id = ${driver.uuid}`).length > 0, 'Postgres to know the place');
    await loss(driver);
    expect((await say.move(driver, airport, 5)).errors[0]?.extensions.details).toEqual({ field: 'input.point', rule: 'SUSPICIOUS' });
    accepted(await say.move(driver, shifted(here, 100), 6));
    expect(await say.positionOf(driver)).toMatchObject({ lat: expect.closeTo(shifted(here, 100).lat, 6) });
    expect([...(await t.owner`select 1 from airport_queue where driver_id = ${driver.uuid}`)]).toEqual([]);
  }
  redis.disconnect();
});

test('DP-08: bad points within a batch do not spoil the good ones', async () => {
  const here = say.spot();
  const driver = await say.driver(here);
  const sent = [say.at(shifted(here, 100), 3), say.at(shifted(here, 120_000), 4), say.at(shifted(here, 160), 6), say.at(here, -25 * 3_600)];
  expect(accepted(await say.moveAll(driver, sent)).answer).toEqual({
    accepted: 2,
    rejected: 2,
    rejections: [
      { index: 1, reason: 'SUSPICIOUS' },
      { index: 3, reason: 'TOO_OLD' },
    ],
  });
  expect(await say.positionOf(driver)).toMatchObject({ lat: expect.closeTo(shifted(here, 160).lat, 6) });
});

test('DP-08, DP-20: repeated flags lower the standing: no offers for a day, then again', async () => {
  const pickup = say.spot();
  const [cheat, honest, rider] = [await say.driver(shifted(pickup, 100)), await say.driver(shifted(pickup, 2_000)), say.rider()];
  for (let n = 1; n <= 5; n += 1) expect((await say.move(cheat, shifted(pickup, 80_000 + n), n)).codes).toEqual(['VALIDATION_ERROR']);
  const standing = async () => accepted(await t.run<{ myDriver: { standing: string } }>(cheat.actor, '{ myDriver { standing } }')).myDriver.standing;
  await eventually(async () => (await standing()) === 'POOR');
  expect(accepted(await flagsOf(say.admin, cheat)).locationFlags.nodes, 'one row, however many points').toMatchObject([{ count: 5 }]);
  await say.requested(rider, pickup);
  await say.offer(honest);
  expect(await say.stateOf(cheat), 'asked is who is trusted').toBe('AVAILABLE');
  t.setClock(new Date(t.environment.clock().getTime() + 25 * 3_600_000));
  await eventually(async () => (await standing()) === 'GOOD', 'a day later');
});

test("DP-03: hours old, at an aeroplane's speed, from the future: refused with field, rule and a next step", async () => {
  const here = say.spot();
  const driver = await say.driver(here);
  const refusal = async (...args: [Spot, number, Record<string, unknown>?]) => {
    const answer = await say.move(driver, ...args);
    expect(answer.codes).toEqual(['VALIDATION_ERROR']);
    return [answer.errors[0]?.extensions.details, answer.errors[0]?.message];
  };
  expect(await refusal(here, -3 * 3_600)).toEqual([{ field: 'input.recordedAt', rule: 'TOO_OLD' }, expect.stringContaining('`updateLocations`')]);
  expect(await refusal(here, 1, { speedKmh: 900 })).toEqual([{ field: 'input.speedKmh', rule: 'INVALID_POINT' }, expect.stringContaining('km/h')]);
  expect(await refusal(here, 40)).toEqual([{ field: 'input.recordedAt', rule: 'FROM_THE_FUTURE' }, expect.stringContaining('clock')]);
  const swapped = await say.move(driver, { lat: here.lng, lng: here.lat }, 2);
  expect(swapped.errors[0]?.extensions.details, 'swapped coordinates are another country').toEqual({ field: 'input.point', rule: 'SUSPICIOUS' });
  expect(accepted(await say.moveAll(driver, [say.at(here, -3 * 3_600)])).answer, 'recorded offline').toMatchObject({ accepted: 1 });
  expect(await say.positionOf(driver)).toMatchObject({ lat: expect.closeTo(here.lat, 6) });
});
