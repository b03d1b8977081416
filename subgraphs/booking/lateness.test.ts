import fc from 'fast-check';
import { expect, test } from 'vitest';
import { distanceKm, expectedBackAt } from './lateness.js';

const cairo = { lat: 30.0444, lng: 31.2357 };
const place = fc.record({ lat: fc.double({ min: -90, max: 90, noNaN: true }), lng: fc.double({ min: -180, max: 180, noNaN: true }) });
const moment = fc.date({ min: new Date('2026-01-01'), max: new Date('2030-01-01'), noInvalidDate: true });

test('BK-06b: distances are those of an atlas', () => {
  expect(distanceKm(cairo, { lat: 31.2001, lng: 29.9187 })).toBeCloseTo(179, -1);
  expect(distanceKm(cairo, { lat: 24.0889, lng: 32.8998 })).toBeCloseTo(682, -1);
  expect(distanceKm(cairo, cairo)).toBe(0);
  // Over the date line and the poles the short way is meant.
  expect(distanceKm({ lat: 0, lng: 179.5 }, { lat: 0, lng: -179.5 })).toBeCloseTo(111, 0);
});

test('BK-06b: nobody is expected before the agreed return, nor before having driven there; farther is never earlier', () => {
  fc.assert(
    fc.property(place, place, moment, moment, (seen, station, at, returnAt) => {
      const back = expectedBackAt({ returnAt }, { place: seen, at }, station);
      expect(back.getTime()).toBeGreaterThanOrEqual(returnAt.getTime());
      expect(back.getTime()).toBeGreaterThanOrEqual(at.getTime());
      expect(expectedBackAt({ returnAt }, { place: station, at }, station).getTime()).toBe(Math.max(returnAt.getTime(), at.getTime()));
      const half = { lat: (seen.lat + station.lat) / 2, lng: station.lng };
      if (seen.lng === station.lng) expect(expectedBackAt({ returnAt }, { place: half, at }, station) <= back).toBe(true);
    }),
  );
});
