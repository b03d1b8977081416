import fc from 'fast-check';
import { expect, test } from 'vitest';
import { assertPeriod, assertWindow, rentalDays } from './rentalPeriod.js';

const CAIRO = 'Africa/Cairo';
const BERLIN = 'Europe/Berlin';
const HOUR_MS = 3_600_000;
const at = (text: string) => new Date(text);
const now = at('2026-11-20T10:00:00Z');
const refusal = (run: () => unknown) => {
  try {
    run();
    return 'accepted';
  } catch (error) {
    const { code, details } = error as { code: string; details: { field: string; rule: string } };
    return `${code} ${details.field} ${details.rule}`;
  }
};

test.each([
  // Cairo goes from +02:00 to +03:00 in the night to Friday, 30 April 2027, and back in the night to Friday, 29 October 2027.
  ['Cairo, the night of 23 hours', '2027-04-29T10:00:00+02:00', '2027-04-30T10:00:00+03:00', CAIRO, 23, 1],
  ['Cairo, a minute more', '2027-04-29T10:00:00+02:00', '2027-04-30T10:01:00+03:00', CAIRO, 23, 2],
  ['Cairo, three days over it', '2027-04-28T10:00:00+02:00', '2027-05-01T10:00:00+03:00', CAIRO, 71, 3],
  ['Cairo, the night of 25 hours', '2027-10-28T10:00:00+03:00', '2027-10-29T10:00:00+02:00', CAIRO, 25, 1],
  ['Cairo, a minute more', '2027-10-28T10:00:00+03:00', '2027-10-29T10:01:00+02:00', CAIRO, 25, 2],
  ['Cairo, inside the hour that comes twice', '2027-10-28T23:30:00+03:00', '2027-10-28T23:30:00+02:00', CAIRO, 1, 1],
  ['Berlin, the night of 23 hours', '2027-03-27T12:00:00+01:00', '2027-03-28T12:00:00+02:00', BERLIN, 23, 1],
  ['Berlin, the night of 25 hours', '2027-10-30T12:00:00+02:00', '2027-10-31T12:00:00+01:00', BERLIN, 25, 1],
  ['Berlin, a week over it', '2027-10-27T12:00:00+02:00', '2027-11-03T12:00:00+01:00', BERLIN, 169, 7],
  ['a leap day', '2028-02-28T10:00:00+02:00', '2028-03-01T10:00:00+02:00', CAIRO, 48, 2],
  ['no leap day', '2027-02-28T10:00:00+02:00', '2027-03-01T10:00:00+02:00', CAIRO, 24, 1],
  ['over the end of a year', '2026-12-31T22:00:00+02:00', '2027-01-01T22:00:01+02:00', CAIRO, 24, 2],
])('BK-05: days by the wall clock: %s', (_name, pickup, back, zone, hours, days) => {
  expect(Math.floor((at(back).getTime() - at(pickup).getTime()) / HOUR_MS)).toBe(hours);
  expect(rentalDays(at(pickup), at(back), zone)).toBe(days);
});

test('BK-05: a longer rental never has fewer days, and days are within an hour of the time that passed', () => {
  const zones = fc.constantFrom(CAIRO, BERLIN, 'America/New_York', 'Asia/Kolkata', 'Pacific/Kiritimati', 'UTC');
  const moments = fc.date({ min: at('2026-01-01T00:00:00Z'), max: at('2030-01-01T00:00:00Z'), noInvalidDate: true });
  const minutes = fc.integer({ min: 60, max: 90 * 24 * 60 });
  fc.assert(
    fc.property(zones, moments, minutes, fc.integer({ min: 61, max: 5000 }), (zone, pickup, length, more) => {
      const days = rentalDays(pickup, new Date(pickup.getTime() + length * 60_000), zone);
      const longer = rentalDays(pickup, new Date(pickup.getTime() + (length + more) * 60_000), zone);
      expect(longer).toBeGreaterThanOrEqual(days);
      expect(days).toBeGreaterThanOrEqual(Math.max(1, Math.ceil((length - 60) / 1440)));
      expect(days).toBeLessThanOrEqual(Math.ceil((length + 60) / 1440));
    }),
  );
});

test('BK-05: 1 hour to 90 days, and pick-up in the future', () => {
  const check = (pickup: string, back: string) => refusal(() => assertPeriod({ pickupAt: at(pickup), returnAt: at(back) }, CAIRO, now));
  expect(check('2026-11-21T10:00:00Z', '2026-11-21T11:00:00Z')).toBe('accepted');
  expect(check('2026-11-21T10:00:00Z', '2026-11-21T10:59:59Z')).toBe('VALIDATION_ERROR input.returnAt too_short');
  expect(check('2026-11-21T10:00:00Z', '2027-02-19T10:00:00Z')).toBe('accepted');
  expect(check('2026-11-21T10:00:00Z', '2027-02-19T10:00:01Z')).toBe('VALIDATION_ERROR input.returnAt too_long');
  expect(check('2027-10-01T10:00:00+03:00', '2027-12-30T10:00:00+02:00')).toBe('accepted');
  expect(check('2026-11-20T10:00:00Z', '2026-11-21T10:00:00Z')).toBe('VALIDATION_ERROR input.pickupAt future');
  expect(check('2026-11-22T10:00:00Z', '2026-11-21T10:00:00Z')).toBe('VALIDATION_ERROR input.returnAt after_pickup');
  expect(check('9999-11-22T10:00:00Z', '9999-11-23T10:00:00Z')).toBe('VALIDATION_ERROR input.returnAt too_late');
});

test('BK-08: a window of up to 366 days, the right way round', () => {
  const check = (from: string, to: string) => refusal(() => assertWindow(at(from), at(to)));
  expect(check('2026-01-01T00:00:00Z', '2027-01-02T00:00:00Z')).toBe('accepted');
  expect(check('2026-01-01T00:00:00Z', '2027-01-02T00:00:01Z')).toBe('VALIDATION_ERROR to too_long');
  expect(check('2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z')).toBe('VALIDATION_ERROR to after_from');
  expect(check('0000-01-01T00:00:00Z', '0000-01-02T00:00:00Z')).toBe('VALIDATION_ERROR from out_of_range');
  expect(check('9999-01-01T00:00:00Z', '9999-01-02T00:00:00Z')).toBe('VALIDATION_ERROR from out_of_range');
});
