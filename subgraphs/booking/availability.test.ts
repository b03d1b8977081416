import fc from 'fast-check';
import { expect, test } from 'vitest';
import { availabilityOf, blockedRange, type BusyRange, nextFreeFrom, preparationMs, type VehicleFacts } from './availability.js';

const hour = (n: number) => new Date(Date.UTC(2027, 0, 1, n));
const range = (from: number, to: number): BusyRange => ({ from: hour(from), to: hour(to) });
const car = (more: Partial<VehicleFacts> = {}): VehicleFacts => ({
  vehicleId: '01900000-0000-7000-8002-000000000001',
  use: 'RENTAL',
  status: 'ACTIVE',
  category: 'COMFORT',
  dailyRateMinor: 1400_00n,
  currency: 'EGP',
  stationId: null,
  fleetStationId: null,
  timeZone: 'Africa/Cairo',
  title: 'Toyota Corolla 2024',
  ...more,
});

test('BK-01: preparation after the return is part of what is blocked; some classes take longer', () => {
  expect(blockedRange(hour(0), hour(5), 'COMFORT')).toEqual(range(0, 7));
  expect(blockedRange(hour(0), hour(5), 'LUXURY')).toEqual(range(0, 8));
  expect(preparationMs(undefined)).toBe(2 * 3_600_000);
});

test('BK-01: the next free time is the first gap that is long enough', () => {
  expect(nextFreeFrom([], range(5, 8))).toEqual(hour(5));
  expect(nextFreeFrom([range(0, 6)], range(5, 8))).toEqual(hour(6));
  expect(nextFreeFrom([range(8, 9), range(0, 6)], range(5, 8))).toEqual(hour(9));
  expect(nextFreeFrom([range(0, 6), range(9, 10)], range(5, 8))).toEqual(hour(6));
  expect(nextFreeFrom([range(0, 5), range(8, 20)], range(5, 8))).toEqual(hour(5));
});

test('BK-01: from the next free time on nothing is in the way, and no earlier time would do', () => {
  const ranges = fc.array(fc.tuple(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 1, max: 12 })), { maxLength: 8 });
  const isFree = (busy: readonly BusyRange[], from: number, length: number) => !busy.some((b) => b.from < hour(from + length) && hour(from) < b.to);
  fc.assert(
    fc.property(ranges, fc.integer({ min: 0, max: 60 }), fc.integer({ min: 1, max: 10 }), (made, from, length) => {
      const busy = made.map(([start, hours]) => range(start, start + hours));
      const next = (Number(nextFreeFrom(busy, range(from, from + length))) - hour(0).getTime()) / 3_600_000;
      expect(isFree(busy, next, length)).toBe(true);
      for (let earlier = from; earlier < next; earlier += 1) expect(isFree(busy, earlier, length)).toBe(false);
    }),
  );
});

test('BK-08: free means that it could be booked: the preparation afterwards counts', () => {
  const busy = [range(10, 20)];
  expect(availabilityOf(car(), busy, hour(2), hour(8))).toEqual({ free: true, busy: [], nextFreeFrom: hour(2) });
  expect(availabilityOf(car(), busy, hour(2), hour(9))).toEqual({ free: false, busy, nextFreeFrom: hour(20) });
  expect(availabilityOf(car(), busy, hour(20), hour(21)).free).toBe(true);
});

test('BK-08: a vehicle that is unknown here has no bookings; one that is not rented out is never free', () => {
  expect(availabilityOf(undefined, [], hour(2), hour(8)).free).toBe(true);
  for (const more of [{ use: 'RIDE' }, { status: 'RETIRED' }, { status: 'MAINTENANCE' }]) {
    expect(availabilityOf(car(more), [], hour(2), hour(8))).toEqual({ free: false, busy: [], nextFreeFrom: null });
  }
});
