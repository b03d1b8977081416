import fc from 'fast-check';
import { expect, test } from 'vitest';
import { localRouting } from './adapters/routing.js';
import { cityClock } from './cityClock.js';
import { DRIVER_TRANSITIONS, statesBefore } from './driver.js';
import { type FareRates, earningsOf, hourPermille, priceOf } from './fare.js';
import { type Candidate, ranked, scoreOf } from './matching.js';
import { distanceM, nearestInside } from './point.js';
import { encodePolyline, lengthM, MAX_ROUTE_POINTS, simplify } from './route.js';
import { surgePermille } from './surge.js';
import { VEHICLE_TYPES } from './vehicleType.js';

const ECONOMY: FareRates = {
  vehicleType: 'ECONOMY',
  effectiveFrom: new Date(0),
  baseMinor: 1000,
  perKmMinor: 350,
  perMinuteMinor: 50,
  minimumMinor: 1500,
  bookingFeeMinor: 0,
  cancellationFeeMinor: 1000,
  tableId: '01900000-0000-7000-8005-000000000001',
  effectiveUntil: null,
  waitingFreeS: 180,
  waitingPerMinuteMinor: 50,
};
const cairo = cityClock('Africa/Cairo');
const place = fc.record({ lat: fc.double({ min: 29.6, max: 30.5, noNaN: true }), lng: fc.double({ min: 30.7, max: 31.8, noNaN: true }) });

test('DP-10: 10 km in 20 minutes, economy: 10 + 35 + 10 = 55.00', () => {
  const { fareMinor, lines } = priceOf(ECONOMY, { distanceM: 10_000, durationS: 1_200 }, { hourPermille: 1_000n, surgePermille: 1_000n });
  expect(fareMinor).toBe(5_500n);
  expect(lines.map((line) => line.amountMinor)).toEqual([1_000n, 3_500n, 1_000n]);
});

test('DP-11: prices are multiples of 0.50, never under the minimum, the sum of their lines, and never fall as a factor rises', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 50, max: 200_000 }),
      fc.integer({ min: 10, max: 20_000 }),
      fc.constantFrom(1_000n, 1_100n, 1_300n, 1_400n),
      fc.bigInt(1_000n, 3_000n),
      (meters, seconds, hour, surge) => {
        const leg = { distanceM: meters, durationS: seconds };
        const { fareMinor, lines } = priceOf(ECONOMY, leg, { hourPermille: hour, surgePermille: surge });
        expect(lines.reduce((sum, line) => sum + line.amountMinor, 0n)).toBe(fareMinor);
        expect(fareMinor % 50n).toBe(0n);
        expect(fareMinor).toBeGreaterThanOrEqual(1_500n);
        const plain = priceOf(ECONOMY, leg, { hourPermille: hour, surgePermille: 1_000n }).fareMinor;
        expect(fareMinor).toBeGreaterThanOrEqual(plain);
        const unmultiplied = priceOf({ ...ECONOMY, minimumMinor: 0 }, leg, { hourPermille: 1_000n, surgePermille: 1_000n }).fareMinor;
        expect(fareMinor).toBeLessThanOrEqual((unmultiplied * 3_500n) / 1_000n + 1_500n);
      },
    ),
  );
});

test("DP-11: rush hours, the night across midnight and Friday evening go by the city's clock", () => {
  const at = (iso: string) => Number(hourPermille(cairo(new Date(iso)))) / 1000;
  // Cairo is UTC+2 in January and UTC+3 in July; 2 January 2026 is a Friday.
  expect([at('2026-01-01T05:30:00Z'), at('2026-07-01T04:30:00Z')]).toEqual([1.2, 1.2]);
  expect([at('2026-01-01T15:00:00Z'), at('2026-01-01T18:30:00Z')]).toEqual([1.3, 1]);
  expect([at('2026-01-01T21:30:00Z'), at('2026-01-01T22:30:00Z'), at('2026-01-02T02:59:00Z'), at('2026-01-02T03:00:00Z')]).toEqual([1.1, 1.1, 1.1, 1]);
  expect([at('2026-01-02T18:30:00Z'), at('2026-01-02T21:30:00Z')]).toEqual([1.4, 1.1]);
});

test('DP-12: surge is 1.0 to 3.0, has the published steps, never falls as requests rise and never rises as drivers come', () => {
  expect([9, 10, 15, 20, 30, 40, 50, 100].map((requests) => Number(surgePermille(requests, 10)) / 1000)).toEqual([1, 1.1, 1.3, 1.5, 1.8, 2, 2.5, 3]);
  fc.assert(
    fc.property(fc.nat(1_000), fc.nat(200), (requests, drivers) => {
      const surge = surgePermille(requests, drivers);
      expect(surge >= 1_000n && surge <= 3_000n).toBe(true);
      expect(surgePermille(requests + 1, drivers)).toBeGreaterThanOrEqual(surge);
      expect(surgePermille(requests, drivers + 1)).toBeLessThanOrEqual(surge);
    }),
  );
});

test('DP-16: what the driver gets and the commission are the fare', () => {
  expect(VEHICLE_TYPES.map((type) => earningsOf(10_000n, type))).toEqual([8_500n, 8_200n, 8_000n, 8_300n]);
});

test('DP-15: local routing is deterministic, slower at rush hour, and never shorter than the straight line', () => {
  const routing = localRouting((at) => cairo(at).hour);
  fc.assert(
    fc.property(place, place, (a, b) => {
      const [rush, night] = [new Date('2026-01-01T15:30:00Z'), new Date('2026-01-01T01:00:00Z')];
      const leg = routing.leg(a, b, rush);
      expect(leg).toEqual(routing.leg(a, b, rush));
      expect(leg.distanceM).toBeGreaterThanOrEqual(Math.floor(distanceM(a, b)));
      expect(leg.durationS).toBeGreaterThanOrEqual(routing.leg(a, b, night).durationS);
    }),
  );
});

test('DP-07: the nearest allowed point is inside the area, and on the way to where one wanted to be', () => {
  const area = { centre: { lat: 30.0444, lng: 31.2357 }, radiusKm: 60 };
  fc.assert(
    fc.property(fc.record({ lat: fc.double({ min: -80, max: 80, noNaN: true }), lng: fc.double({ min: -179, max: 179, noNaN: true }) }), (wanted) => {
      const nearest = nearestInside(area, wanted);
      expect(distanceM(area.centre, nearest)).toBeLessThanOrEqual(60_000);
      if (distanceM(area.centre, wanted) > 60_000)
        expect(distanceM(area.centre, nearest) + distanceM(nearest, wanted)).toBeLessThan(distanceM(area.centre, wanted) + 10);
    }),
  );
});

test('DP-21: nearer, better rated and more reliable is never worse; scores are 0 to 1; of equals the longest waiting is first', () => {
  const count = fc.nat(50);
  const candidate: fc.Arbitrary<Candidate> = fc
    .record({
      driverId: fc.uuid(),
      vehicleType: fc.constantFrom(...VEHICLE_TYPES),
      distanceM: fc.nat(5_000),
      stars: fc.integer({ min: 1, max: 5 }),
      starsCount: count,
      offeredCount: count,
      completedCount: count,
      cancelledCount: count,
      isRepeat: fc.boolean(),
      isFavourite: fc.boolean(),
      recentTrips: fc.nat(20),
      answers: fc.record({ taken: fc.nat(40), refused: fc.nat(40), meanTakenMinor: fc.nat(20_000), meanRefusedMinor: fc.nat(20_000) }),
    })
    .map(({ stars, ...rest }) => ({ ...rest, starsSum: stars * rest.starsCount, acceptedCount: Math.floor(rest.offeredCount / 2), availableSince: null }));
  const request = { vehicleType: 'ECONOMY' as const, radiusKm: 5 };
  fc.assert(
    fc.property(candidate, (driver) => {
      const score = scoreOf(driver, request);
      expect(score >= 0 && score <= 1).toBe(true);
      expect(scoreOf({ ...driver, distanceM: driver.distanceM / 2 }, request)).toBeGreaterThanOrEqual(score);
      expect(scoreOf({ ...driver, acceptedCount: driver.offeredCount }, request)).toBeGreaterThanOrEqual(score);
      expect(scoreOf({ ...driver, isRepeat: true }, request)).toBeGreaterThanOrEqual(score);
      const [first] = ranked(
        [
          { ...driver, availableSince: new Date(2_000) },
          { ...driver, driverId: 'waits longer', availableSince: new Date(1_000) },
        ],
        request,
        new Date(3_000),
      );
      expect(first?.driverId).toBe('waits longer');
    }),
  );
});

test('DP-02: every state can be left and reached', () => {
  for (const state of Object.keys(DRIVER_TRANSITIONS) as (keyof typeof DRIVER_TRANSITIONS)[]) {
    expect(DRIVER_TRANSITIONS[state].length).toBeGreaterThan(0);
    expect(statesBefore(state).length).toBeGreaterThan(0);
  }
});

test('DP-33: a polyline is encoded as published; a simplified way keeps its ends, its length and its limit', () => {
  // The example of https://developers.google.com/maps/documentation/utilities/polylinealgorithm
  expect(
    encodePolyline([
      { lat: 38.5, lng: -120.2 },
      { lat: 40.7, lng: -120.95 },
      { lat: 43.252, lng: -126.453 },
    ]),
  ).toBe('_p~iF~ps|U_ulLnnqC_mqNvxq`@');
  const straight = Array.from({ length: 1_000 }, (_, i) => ({ lat: 30 + i / 100_000, lng: 31 }));
  expect(simplify(straight)).toEqual([straight[0], straight.at(-1)]);
  fc.assert(
    fc.property(fc.array(place, { minLength: 2, maxLength: 1_500 }), (way) => {
      const kept = simplify(way);
      expect(kept[0]).toEqual(way[0]);
      expect(kept.at(-1)).toEqual(way.at(-1));
      expect(kept.length).toBeLessThanOrEqual(MAX_ROUTE_POINTS);
      expect(lengthM(kept)).toBeLessThanOrEqual(lengthM(way) + 0.001);
    }),
    { numRuns: 30 },
  );
});
