import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fuelFeeMinor, lateFeeMinor, noShowFeeMinor } from './charges.js';

const returnAt = new Date('2027-03-01T10:00:00Z');
const late = (minutes: number, rate = 600n) => lateFeeMinor({ returnAt, dailyRateMinor: rate }, new Date(returnAt.getTime() + minutes * 60_000));

test('BK-07: half an hour late is free, then each hour begun costs a sixth of a day, and a day at most one and a half', () => {
  expect([-600, 0, 30].map((minutes) => late(minutes))).toEqual([0n, 0n, 0n]);
  expect([31, 60, 61, 9 * 60, 23 * 60, 24 * 60, 24 * 60 + 1, 48 * 60].map((minutes) => late(minutes))).toEqual([
    100n,
    100n,
    200n,
    900n,
    900n,
    900n,
    1000n,
    1800n,
  ]);
});

test('BK-07: coming later never costs less', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 20_000 }), fc.integer({ min: 0, max: 20_000 }), fc.bigInt({ min: 0n, max: 10n ** 9n }), (a, b, rate) => {
      expect(late(Math.max(a, b), rate)).toBeGreaterThanOrEqual(late(Math.min(a, b), rate));
      expect(late(a, rate)).toBeGreaterThanOrEqual(0n);
    }),
  );
});

test('BK-07: only missing fuel is charged, where we have a price for it', () => {
  expect(fuelFeeMinor(90, 50, 'EGP')).toBe(40_000n);
  expect(fuelFeeMinor(50, 90, 'EGP')).toBe(0n);
  expect(fuelFeeMinor(90, 50, 'KWD')).toBe(0n);
});

test('BK-10: a no-show costs a day, never more than the booking', () => {
  const pickupAt = new Date('2027-03-01T10:00:00Z');
  const inTime = { pickupAt, atRiskSince: null, atRiskUntil: null };
  expect(noShowFeeMinor({ ...inTime, dailyRateMinor: 500n, totalMinor: 1000n })).toBe(500n);
  expect(noShowFeeMinor({ ...inTime, dailyRateMinor: 500n, totalMinor: 300n })).toBe(300n);
  // A car that was away until after the pick-up is the company's fault; one that came back in time is not.
  const owes = (waiting: object) => noShowFeeMinor({ ...inTime, dailyRateMinor: 500n, totalMinor: 1000n, ...waiting });
  expect(owes({ atRiskSince: new Date('2027-03-01T08:00:00Z') })).toBe(0n);
  expect(owes({ atRiskUntil: new Date('2027-03-01T10:00:00.001Z') })).toBe(0n);
  expect(owes({ atRiskUntil: pickupAt })).toBe(500n);
});
