import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Refusal } from '../../platform/errors.js';
import { cappedFactors, type FareRates, hasSurgeJumped, priceOf, waitingFee } from './fare.js';
import { assertSeamless, type FarePeriod } from './fareTable.js';
import { areaOf, crossingEdges, dearestAt, isInside, priceEventSchema } from './priceEvent.js';
import { shifted } from './dispatch.given.js';
import { VEHICLE_TYPES } from './vehicleType.js';

const RATES: FareRates = {
  tableId: '01900000-0000-7000-8005-000000000001',
  vehicleType: 'ECONOMY',
  effectiveFrom: new Date(0),
  effectiveUntil: null,
  baseMinor: 1_000,
  perKmMinor: 350,
  perMinuteMinor: 50,
  minimumMinor: 1_500,
  bookingFeeMinor: 0,
  cancellationFeeMinor: 1_000,
  waitingFreeS: 180,
  waitingPerMinuteMinor: 50,
};
const permille = (min: number, max: number) => fc.integer({ min, max }).map(BigInt);
const factors = fc.record({
  hourPermille: permille(1_000, 1_400),
  trafficPermille: permille(1_000, 1_300),
  eventPermille: permille(1_000, 2_000),
  surgePermille: permille(1_000, 9_000),
});
const leg = fc.record({ distanceM: fc.nat({ max: 120_000 }), durationS: fc.nat({ max: 20_000 }) });

test('DP-11, DP-13: items add up to the price, which is a multiple of 0.50, at least the minimum and at most the cap times the plain price', () => {
  fc.assert(
    fc.property(leg, factors, permille(1_000, 5_000), (way, all, cap) => {
      const { fareMinor, lines } = priceOf(RATES, way, all, cap);
      expect(lines.reduce((sum, line) => sum + line.amountMinor, 0n)).toBe(fareMinor);
      expect(fareMinor % 50n).toBe(0n);
      expect(fareMinor).toBeGreaterThanOrEqual(BigInt(RATES.minimumMinor));
      const none = { hourPermille: 1_000n, surgePermille: 1_000n };
      const plain = priceOf({ ...RATES, minimumMinor: 0 }, way, none).fareMinor;
      const most = (plain + 25n) * cap;
      // Four roundings to a piastre and one to 0.50.
      if (fareMinor > BigInt(RATES.minimumMinor)) expect(fareMinor * 1_000n).toBeLessThanOrEqual(most + 40_000n);
    }),
  );
});

test('DP-11: the product of all multipliers stays under the cap, surge under 3.0, and surge gives way first', () => {
  fc.assert(
    fc.property(factors, permille(1_000, 5_000), (all, cap) => {
      const capped = cappedFactors(all, cap);
      const product = Object.values(capped).reduce((sum, value) => sum * value, 1n);
      // Room is rounded down at each of the four steps, to a thousandth; a factor is never below 1.0.
      expect(product).toBeLessThanOrEqual(cap * 1_000_000_000n);
      expect(capped.surgePermille).toBeLessThanOrEqual(3_000n);
      for (const value of Object.values(capped)) expect(value).toBeGreaterThanOrEqual(1_000n);
      if (capped.eventPermille < all.eventPermille) expect(capped.surgePermille).toBe(1_000n);
    }),
  );
});

test('DP-11: a higher multiplier, a longer way or a higher cap never lowers the price, not by a piastre', () => {
  const cap = permille(1_000, 5_000);
  fc.assert(
    fc.property(
      leg,
      factors,
      cap,
      fc.constantFrom(...(['hourPermille', 'trafficPermille', 'eventPermille', 'surgePermille'] as const)),
      fc.nat({ max: 500 }),
      (way, all, most, name, more) => {
        const price = priceOf(RATES, way, all, most).fareMinor;
        expect(priceOf(RATES, way, { ...all, [name]: all[name] + BigInt(more) }, most).fareMinor).toBeGreaterThanOrEqual(price);
        expect(priceOf(RATES, way, all, most + BigInt(more)).fareMinor).toBeGreaterThanOrEqual(price);
        expect(priceOf(RATES, { ...way, distanceM: way.distanceM + more }, all, most).fareMinor).toBeGreaterThanOrEqual(price);
        expect(priceOf(RATES, { ...way, durationS: way.durationS + more }, all, most).fareMinor).toBeGreaterThanOrEqual(price);
      },
    ),
    { numRuns: 2_000 },
  );
  // Where rounding what the cap leaves to thousandths once made the dearer hour 1.50 cheaper.
  const far = { distanceM: 120_000, durationS: 20_000 };
  const prices = Array.from({ length: 400 }, (_, i) => priceOf(RATES, far, { hourPermille: 1_000n + BigInt(i), surgePermille: 3_000n }, 2_000n).fareMinor);
  expect(prices).toEqual([...prices].sort((a, b) => Number(a - b)));
});

test('DP-16: waiting is free for three minutes, then costs for every begun minute, half an hour at most', () => {
  const arrived = new Date('2030-01-01T10:00:00Z');
  const fee = (seconds: number) => waitingFee(RATES, arrived, new Date(arrived.getTime() + seconds * 1000));
  expect([0, 180, 181, 240, 241, 600].map(fee)).toEqual([0n, 0n, 50n, 50n, 100n, 350n]);
  expect(fee(5 * 3_600)).toBe(1_500n);
  expect(waitingFee(RATES, null, arrived)).toBe(0n);
});

test('DP-14: a surge that has risen by more than half asks for a new quote', () => {
  expect([hasSurgeJumped(1_000, 1_500), hasSurgeJumped(1_000, 1_501), hasSurgeJumped(2_000, 1_000)]).toEqual([false, true, false]);
});

const NOW = new Date('2030-01-01T00:00:00Z');
const day = (n: number) => new Date(NOW.getTime() + n * 86_400_000);
const period = (vehicleType: FarePeriod['vehicleType'], from: Date, until: Date | null): FarePeriod => ({
  ...{ vehicleType, from, until, baseMinor: 1, perKmMinor: 1, perMinuteMinor: 1, minimumMinor: 1, bookingFeeMinor: 0, cancellationFeeMinor: 0 },
  ...{ waitingFreeMinutes: 3, waitingPerMinuteMinor: 50 },
});
const table = (economy: FarePeriod[]) => [...economy, ...VEHICLE_TYPES.filter((type) => type !== 'ECONOMY').map((type) => period(type, day(1), null))];
const ruleOf = (work: () => unknown) => {
  try {
    work();
    return 'accepted';
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return `${error.details?.rule} ${error.details?.field}`;
  }
};

test('DP-10: a rate table with a gap, an overlap, a class too few or a beginning in the past is refused, and says where', () => {
  const check = (economy: FarePeriod[]) => ruleOf(() => assertSeamless(table(economy), NOW));
  expect(check([period('ECONOMY', day(1), null)])).toBe('accepted');
  expect(check([period('ECONOMY', day(5), null), period('ECONOMY', day(1), day(5))])).toBe('accepted');
  expect(check([period('ECONOMY', day(1), day(4)), period('ECONOMY', day(5), null)])).toBe('rate_gap input.rates.1.from');
  expect(check([period('ECONOMY', day(2), null)])).toBe('rate_gap input.rates.0.from');
  expect(check([period('ECONOMY', day(1), day(5))])).toBe('rate_gap input.rates.0.until');
  expect(check([])).toBe('rate_gap input.rates');
  expect(check([period('ECONOMY', day(1), day(6)), period('ECONOMY', day(5), null)])).toBe('rate_overlap input.rates.1.from');
  expect(check([period('ECONOMY', day(1), null), period('ECONOMY', day(5), null)])).toBe('rate_overlap input.rates.1.from');
  expect(check([period('ECONOMY', day(1), day(1))])).toBe('rate_period input.rates.0.until');
  expect(check([period('ECONOMY', day(-1), null)])).toBe('rate_begins input.rates');
});

test('DP-10: whatever cuts a class into periods in order is accepted, and any of them left out is a gap', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer({ min: 2, max: 300 }), { minLength: 1, maxLength: 12 }), fc.nat(), (cuts, which) => {
      const edges = [1, ...cuts.sort((a, b) => a - b)].map(day);
      const periods = edges.map((from, i) => period('ECONOMY', from, edges[i + 1] ?? null));
      expect(assertSeamless(table(periods), NOW)).toEqual(day(1));
      const missing = periods.filter((_, i) => i !== which % periods.length);
      expect(ruleOf(() => assertSeamless(table(missing), NOW))).toContain('rate_gap');
    }),
  );
});

const CAIRO = { lat: 30.0444, lng: 31.2357 };
const corner = (north: number, east: number) => shifted(CAIRO, north * 1000, east * 1000);

test('DP-11: a polygon that crosses itself, runs back or repeats a corner is refused; any simple one is taken', () => {
  const square = [corner(0, 0), corner(0, 2), corner(2, 2), corner(2, 0)];
  const [a, b, c, d] = square as [typeof CAIRO, typeof CAIRO, typeof CAIRO, typeof CAIRO];
  expect(crossingEdges(square)).toBeNull();
  expect(crossingEdges([a, c, b, d])).not.toBeNull();
  expect(crossingEdges([a, b, a, d])).not.toBeNull();
  expect(crossingEdges([a, b, b, d])).not.toBeNull();
  const input = { name: 'Match', multiplier: 1.5, startsAt: day(1), endsAt: day(2) };
  const area = (polygon: (typeof CAIRO)[]) => ruleOf(() => areaOf(priceEventSchema.parse({ ...input, polygon })));
  expect(area([a, c, b, d])).toBe('polygon_crosses_itself input.polygon');
  expect(area([...square, a])).toBe('accepted');
  // A star around a point is simple whatever its rays are.
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0.5, max: 5, noNaN: true }), { minLength: 5, maxLength: 40 }), (rays) => {
      const star = rays.map((ray, i) => corner(ray * Math.cos((i * 2 * Math.PI) / rays.length), ray * Math.sin((i * 2 * Math.PI) / rays.length)));
      expect(crossingEdges(star)).toBeNull();
      expect(isInside({ kind: 'POLYGON', polygon: star }, CAIRO)).toBe(true);
      expect(isInside({ kind: 'POLYGON', polygon: star }, corner(6, 0))).toBe(false);
    }),
  );
});

test('DP-11: of several events at a place the dearest counts, and none where there is none', () => {
  const circle = (multiplierPermille: number, radiusKm: number) => ({ multiplierPermille, area: { kind: 'CIRCLE' as const, centre: CAIRO, radiusKm } });
  const events = [circle(1_200, 5), circle(1_500, 1)];
  expect([corner(0, 0.5), corner(0, 3), corner(0, 9)].map((place) => dearestAt(events, place)?.multiplierPermille ?? null)).toEqual([1_500, 1_200, null]);
});
