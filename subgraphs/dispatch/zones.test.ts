import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ANONYMOUS } from '../../platform/actor.js';
import { publicId } from '../../platform/ids.js';
import { eventually, startTestSubgraph, type TestSubgraph } from '../../test/subgraphHarness.js';
import { accepted, given, type OnlineDriver, type Spot, shifted } from './dispatch.given.js';
import { startDispatch } from './main.js';
import { distanceM, type Place } from './point.js';
import { airportAt, assertInService, assertPickup, contains, faultOf, MAX_CORNERS, type Zone, type ZoneKind } from './zone.js';

let t: TestSubgraph;
let say: ReturnType<typeof given>;
beforeAll(async () => {
  t = await startTestSubgraph('dispatch', (environment) => startDispatch(environment));
  say = given(t);
});
afterAll(() => t[Symbol.asyncDispose]());

const cairo: Place = { lat: 30.0444, lng: 31.2357 };
const square = (centre: Spot, halfM: number): Spot[] => {
  const corner = (north: number, east: number) => shifted(centre, north * halfM, east * halfM);
  return [corner(-1, -1), corner(-1, 1), corner(1, 1), corner(1, -1), corner(-1, -1)];
};
/** A star around a centre: simple by construction, with teeth. */
const star = (radiiM: readonly number[], centre: Spot = cairo): Spot[] => {
  const corners = radiiM.map((radius, i) => {
    const angle = (2 * Math.PI * i) / radiiM.length;
    return shifted(centre, radius * Math.cos(angle), radius * Math.sin(angle));
  });
  return [...corners, corners[0] as Spot];
};
const zone = (kind: ZoneKind, polygon: Place[]): Zone => ({ id: kind, kind, name: kind, polygon });
const circle = { centre: cairo, radiusKm: 60 };
const radii = (min: number, max: number) => fc.array(fc.integer({ min, max }), { minLength: 5, maxLength: 40 });
const somewhere = fc.record({ north: fc.integer({ min: -60_000, max: 60_000 }), east: fc.integer({ min: -60_000, max: 60_000 }) });
const refusalOf = (work: () => void): { code: string; nearest: Place | null } | null => {
  try {
    work();
    return null;
  } catch (error) {
    const { code, details } = error as { code: string; details: { nearest: Place | null } };
    return { code, nearest: details.nearest };
  }
};

test('DP-07: a polygon has to be closed, simple, large enough and not too large', () => {
  const fine = square(cairo, 1_000);
  expect(faultOf(fine)).toBeNull();
  expect(faultOf([...fine].reverse())).toBeNull();
  expect(faultOf(fine.slice(0, 4))).toMatch('closed');
  expect(faultOf(fine.slice(0, 3))).toMatch('three corners');
  const [a, b, c, d] = fine as [Spot, Spot, Spot, Spot];
  expect(faultOf([a, c, b, d, a]), 'a bow tie').toMatch('cross');
  expect(faultOf([a, b, c, b, d, a]), 'there and back').toMatch('cross');
  expect(faultOf([a, b, b, c, d, a])).toMatch('twice');
  expect(faultOf([a, b, a, a])).toMatch(/twice|cross/);
  expect(faultOf(square(cairo, 10))).toMatch('square metres');
  expect(faultOf(square(cairo, 200_000))).toMatch('km');
  expect(faultOf([shifted(cairo, 0, 0), { lat: 30, lng: -179 }, { lat: 31, lng: -179 }, shifted(cairo, 0, 0)])).toMatch('date line');
  fc.assert(
    fc.property(radii(500, 20_000), (radiiM) => {
      expect(faultOf(star(radiiM))).toBeNull();
    }),
  );
});

test('DP-07: inside is inside: by distance for a circle of many corners, and turned the other way round too', () => {
  const round = star(Array(200).fill(10_000) as number[]);
  fc.assert(
    fc.property(somewhere, ({ north, east }) => {
      const place = shifted(cairo, north, east);
      const away = distanceM(cairo, place);
      fc.pre(Math.abs(away - 10_000) > 60);
      expect(contains(round, place)).toBe(away < 10_000);
      expect(contains([...round].reverse(), place)).toBe(away < 10_000);
    }),
  );
});

test('DP-07: who is refused is told of a place that is not, and of none much further than the nearest', () => {
  fc.assert(
    fc.property(radii(5_000, 30_000), radii(500, 4_000), somewhere, somewhere, (area, hole, at, where) => {
      const restricted = star(hole, shifted(cairo, at.north / 3, at.east / 3));
      const zones = [zone('SERVICE_AREA', star(area)), zone('RESTRICTED', restricted)];
      const place = shifted(cairo, where.north, where.east);
      const refused = refusalOf(() => assertPickup(zones, circle, place, 'input.pickup'));
      const isServed = contains(zones[0]!.polygon, place);
      expect(refused?.code ?? null).toBe(isServed ? (contains(restricted, place) ? 'PICKUP_RESTRICTED' : null) : 'OUTSIDE_SERVICE_AREA');
      if (!refused) return;
      expect(refused.nearest).not.toBeNull();
      const nearest = refused.nearest as Place;
      expect(
        refusalOf(() => assertPickup(zones, circle, nearest, 'input.pickup')),
        'the place is allowed',
      ).toBeNull();
      const awayM = distanceM(place, nearest);
      // Walking around in a circle a little smaller than the answer, nobody finds an allowed place.
      for (let i = 0; i < 60; i += 1) {
        const other = shifted(place, Math.cos(i) * (awayM * 0.98 - 60), Math.sin(i) * (awayM * 0.98 - 60));
        if (awayM > 100) expect(refusalOf(() => assertPickup(zones, circle, other, 'input.pickup'))).not.toBeNull();
      }
    }),
    { numRuns: 60 },
  );
});

test('DP-07: where a restricted area cuts the border off, the nearest place is beside where the two borders cross', () => {
  const zones = [zone('SERVICE_AREA', square(cairo, 5_000)), zone('RESTRICTED', square(shifted(cairo, 5_000, 0), 1_000))];
  const refused = refusalOf(() => assertPickup(zones, circle, shifted(cairo, 5_500, 200), 'input.pickup'));
  expect(refused?.code).toBe('OUTSIDE_SERVICE_AREA');
  // 800 metres along the border to the end of the restricted area, 500 metres to the south.
  expect(distanceM(shifted(cairo, 5_000, 1_000), refused?.nearest as Place)).toBeLessThan(15);
});

test('DP-07: unknown zones refuse nobody, no zones leave the circle; only pickups mind restricted areas', () => {
  const alexandria = { lat: 31.2001, lng: 29.9187 };
  expect(refusalOf(() => assertPickup(null, circle, alexandria, 'x'))).toBeNull();
  expect(refusalOf(() => assertInService(null, circle, alexandria, 'x'))).toBeNull();
  expect(refusalOf(() => assertPickup([], circle, alexandria, 'x'))?.code).toBe('OUTSIDE_SERVICE_AREA');
  const restricted = [zone('RESTRICTED', square(cairo, 500))];
  expect(refusalOf(() => assertPickup(restricted, circle, cairo, 'x'))).toMatchObject({ code: 'PICKUP_RESTRICTED', nearest: { lat: expect.any(Number) } });
  expect(refusalOf(() => assertInService(restricted, circle, cairo, 'x'))).toBeNull();
  expect(airportAt(restricted, cairo)).toBeNull();
});

const ZONE = 'id kind name polygon { lat lng } retiredAt waitingDrivers';
interface ZoneAnswer {
  id: string;
  retiredAt: string | null;
  waitingDrivers: number | null;
}
const create = (actor: Parameters<typeof t.run>[0], kind: ZoneKind, polygon: Spot[], name = 'A zone') =>
  say.mutate<ZoneAnswer>(actor, 'createZone', '$input: CreateZoneInput!', { input: { kind, name, polygon } }, ZONE);
const retire = (actor: Parameters<typeof t.run>[0], id: string) => say.mutate<ZoneAnswer>(actor, 'retireZone', '$id: ID!', { id }, ZONE);
const made = async (kind: ZoneKind, polygon: Spot[]) => accepted(await create(say.admin, kind, polygon)).answer as ZoneAnswer;

test('DP-07: admins draw and retire zones; bad polygons are refused with the field and the rule', async () => {
  const here = say.spot();
  const fieldOf = async (polygon: Spot[], name?: string) => {
    const refused = await create(say.admin, 'RESTRICTED', polygon, name);
    return [refused.codes[0], (refused.errors[0]?.extensions.details as { field?: string })?.field];
  };
  expect(await fieldOf(square(here, 500).slice(0, 4))).toEqual(['VALIDATION_ERROR', 'input.polygon']);
  expect(await fieldOf([])).toEqual(['VALIDATION_ERROR', 'input.polygon']);
  expect(await fieldOf(Array(MAX_CORNERS + 1).fill(here) as Spot[])).toEqual(['VALIDATION_ERROR', 'input.polygon']);
  expect(await fieldOf([{ lat: 91, lng: 0 }, ...square(here, 500)])).toEqual(['VALIDATION_ERROR', 'input.polygon.0.lat']);
  expect(await fieldOf(square(here, 500), ' ')).toEqual(['VALIDATION_ERROR', 'input.name']);
  for (const [actor, code] of [
    [say.rider(), 'FORBIDDEN'],
    [say.person('DRIVER'), 'FORBIDDEN'],
    [ANONYMOUS, 'UNAUTHENTICATED'],
  ] as const) {
    expect((await create(actor, 'RESTRICTED', square(here, 500))).codes).toEqual([code]);
  }
  const drawn = await made('RESTRICTED', square(here, 500));
  const list = async () => accepted(await t.run<{ zones: ZoneAnswer[] }>(say.rider(), `{ zones(kind: RESTRICTED) { ${ZONE} } }`)).zones.map(({ id }) => id);
  expect(await list()).toEqual([drawn.id]);
  expect((await retire(say.rider(), drawn.id)).codes).toEqual(['FORBIDDEN']);
  const retired = accepted(await retire(say.admin, drawn.id)).answer;
  expect(retired?.retiredAt).toEqual(expect.any(String));
  expect(accepted(await retire(say.admin, drawn.id)).answer, 'repeated').toEqual(retired);
  for (const id of ['nonsense', publicId('zon', crypto.randomUUID()), publicId('drv', crypto.randomUUID())])
    expect((await retire(say.admin, id)).codes).toEqual(['NOT_FOUND']);
  expect(await list()).toEqual([]);
});

test('DP-07: pickups in a restricted area and outside the service area are refused with the nearest allowed point, until the zone is retired', async () => {
  const here = say.spot();
  const rider = say.rider();
  const restricted = await made('RESTRICTED', square(here, 500));
  const refused = await say.quotes(rider, shifted(here, 300, 0), shifted(here, 5_000));
  expect(refused.codes).toEqual(['PICKUP_RESTRICTED']);
  const { nearest, field, rule } = refused.errors[0]!.extensions.details as { nearest: Spot; field: string; rule: string };
  expect([field, rule]).toEqual(['input.pickup', 'restricted_area']);
  expect(distanceM(shifted(here, 300, 0), nearest)).toBeLessThan(230);
  accepted(await say.quotes(rider, nearest, shifted(here, 5_000)));
  accepted(await say.quotes(rider, shifted(here, 5_000), here));
  accepted(await retire(say.admin, restricted.id));
  accepted(await say.quotes(rider, here, shifted(here, 5_000)));

  const area = await made('SERVICE_AREA', square(here, 8_000));
  const outside = await say.quotes(rider, shifted(here, 9_000), here);
  expect(outside.codes).toEqual(['OUTSIDE_SERVICE_AREA']);
  const inside = (outside.errors[0]!.extensions.details as { nearest: Spot }).nearest;
  expect(distanceM(shifted(here, 9_000), inside)).toBeLessThan(1_100);
  accepted(await say.quotes(rider, inside, here));
  expect((await say.quotes(rider, here, shifted(here, 9_000))).codes, 'destinations too').toEqual(['OUTSIDE_SERVICE_AREA']);
  accepted(await retire(say.admin, area.id));
  accepted(await say.quotes(rider, here, shifted(here, 9_000)));
});

const queue = async (driver: OnlineDriver) =>
  accepted(await t.run<{ myDriver: { airportQueue: { position: number } | null } }>(driver.actor, '{ myDriver { airportQueue { position } } }')).myDriver
    .airportQueue?.position ?? null;
const inLine = async (...drivers: OnlineDriver[]) => Promise.all(drivers.map(queue));

test('DP-07: drivers wait in line at an airport in the order of their coming; leaving takes three points in a row', async () => {
  const here = say.spot();
  const outside = shifted(here, 1_500);
  const airport = await made('AIRPORT_QUEUE', square(here, 600));
  const [a, b] = [await say.driver(outside), await say.driver(outside)];
  const send = async (driver: OnlineDriver, to: Spot) => {
    t.setClock(new Date(t.environment.clock().getTime() + 30_000));
    accepted(await say.move(driver, to));
  };
  await send(a, here);
  await eventually(async () => (await queue(a)) === 1, 'in at once');
  await send(b, shifted(here, 10));
  await eventually(async () => (await queue(b)) === 2);
  await send(a, outside);
  await send(a, shifted(outside, 5));
  await send(a, here);
  await send(a, outside);
  await send(a, shifted(outside, 5));
  await t.owner`select pg_sleep(1)`;
  expect(await inLine(a, b), 'never three in a row').toEqual([1, 2]);
  expect(accepted(await t.run<{ zones: ZoneAnswer[] }>(say.admin, `{ zones(kind: AIRPORT_QUEUE) { ${ZONE} } }`)).zones).toMatchObject([{ waitingDrivers: 2 }]);
  expect(accepted(await t.run<{ zones: ZoneAnswer[] }>(a.actor, `{ zones { ${ZONE} } }`)).zones).toMatchObject([{ waitingDrivers: null }]);
  await send(a, shifted(outside, 10));
  await eventually(async () => (await queue(a)) === null, 'out');
  expect(await queue(b)).toBe(1);
  await send(a, here);
  await eventually(async () => (await queue(a)) === 2, 'back at the end');
  accepted(await say.goOffline(b));
  expect(await inLine(a, b)).toEqual([1, null]);
  accepted(await retire(say.admin, airport.id));
  expect(await queue(a)).toBeNull();
});

test('DP-07: Redis forgets who is where: nobody loses his place by it, and who has really left is out after three points', async () => {
  const here = say.spot();
  const outside = shifted(here, 1_500);
  const airport = await made('AIRPORT_QUEUE', square(here, 600));
  const [a, b] = [await say.driver(here), await say.driver(shifted(here, 20))];
  await eventually(async () => (await queue(b)) === 2);
  const { Redis } = await import('ioredis');
  const admin = new Redis(t.environment.redisUrl);
  await admin.flushall();
  admin.disconnect();
  accepted(await say.move(b, shifted(here, 30), 1));
  accepted(await say.move(a, outside, 1));
  accepted(await say.move(a, outside, 2));
  await t.owner`select pg_sleep(1)`;
  expect(await inLine(a, b)).toEqual([1, 2]);
  accepted(await say.move(a, outside, 3));
  await eventually(async () => (await queue(a)) === null);
  expect(await queue(b)).toBe(1);
  accepted(await retire(say.admin, airport.id));
});

test('DP-07: a pickup at the airport goes to the first in line, then to the next, whoever is nearer; a trip costs the place', async () => {
  const here = say.spot();
  const airport = await made('AIRPORT_QUEUE', square(here, 600));
  const first = await say.driver(shifted(here, 500));
  await eventually(async () => (await queue(first)) === 1);
  const second = await say.driver(shifted(here, 300));
  await eventually(async () => (await queue(second)) === 2);
  const near = await say.driver(shifted(here, 650));
  await eventually(async () => (await t.owner`select 1 from driver_positions where driver_id in (${first.uuid}, ${second.uuid}, ${near.uuid})`).length === 3);
  const trip = await say.requested(say.rider(), shifted(here, 590));
  accepted(await say.decline(first, (await say.offer(first)).id));
  const offer = await say.offer(second);
  const asked =
    await t.owner`select driver_id from offers where trip_id = (select trip_id from offers where driver_id = ${second.uuid} and status = 'PENDING')`;
  expect(asked.map((row) => row.driver_id).sort()).toEqual([first.uuid, second.uuid].sort());
  expect(accepted(await say.accept(second, offer.id)).answer).toMatchObject({ id: trip.id, status: 'ACCEPTED' });
  expect(await inLine(first, second, near)).toEqual([1, null, null]);
  accepted(await say.cancel(say.admin, trip.id));
  accepted(await say.move(second, shifted(here, 310), 5));
  await eventually(async () => (await queue(second)) === 2, 'behind those who waited meanwhile');
  accepted(await retire(say.admin, airport.id));
});
