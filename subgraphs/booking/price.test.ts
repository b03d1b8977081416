import fc from 'fast-check';
import { expect, test } from 'vitest';
import { divideHalfUp, money } from '../../platform/money.js';
import { cancellationFeeMinor, discountFor, EXTRAS, type Extra, priceRental } from './price.js';

const price = (rateMinor: bigint, days: number, extras: readonly Extra[] = []) => priceRental({ dailyRate: money(rateMinor), days, extras });
const amounts = (rateMinor: bigint, days: number, extras: readonly Extra[] = []) =>
  price(rateMinor, days, extras).lines.map((line) => `${line.kind} ${line.amountMinor}`);

test('BK-03: days at the rate, and 14 % tax', () => {
  expect(amounts(1400_00n, 3)).toEqual(['RENTAL 420000', 'TAX 58800']);
  expect(price(1400_00n, 3).total).toEqual(money(4788_00n));
  expect(price(1400_00n, 3).lines[0]?.label).toBe('3 days at 1400.00 EGP');
});

test('BK-03: a week is 10 % off, a month 20 %, extras are not discounted', () => {
  expect(amounts(1000_00n, 7, ['GPS'])).toEqual(['RENTAL 700000', 'DISCOUNT -70000', 'EXTRA 28000', 'TAX 92120']);
  expect(amounts(1000_00n, 30)).toEqual(['RENTAL 3000000', 'DISCOUNT -600000', 'TAX 336000']);
});

test('BK-03: each line is rounded once, half up', () => {
  expect(amounts(25n, 1)).toEqual(['RENTAL 25', 'TAX 4']); // 3.5 piastres of tax
  expect(amounts(15n, 7)).toEqual(['RENTAL 105', 'DISCOUNT -11', 'TAX 13']); // 10.5 off; 13.16 of tax
});

test('BK-03: an extra that is named twice, or that the currency has no price for, is refused', () => {
  expect(() => price(1000n, 1, ['GPS', 'GPS'])).toThrow(/named twice/);
  expect(() => priceRental({ dailyRate: money(1000n, 'KWD'), days: 1, extras: ['GPS'] })).toThrow(/not offered/);
});

const rates = fc.bigInt({ min: 0n, max: 1_000_000_000_000n });
const lengths = fc.integer({ min: 1, max: 90 });
const someExtras = fc.uniqueArray(fc.constantFrom(...EXTRAS));

test('BK-03: no price is below zero, and its lines add up to it', () => {
  fc.assert(
    fc.property(rates, lengths, someExtras, (rate, days, extras) => {
      const { lines, total } = price(rate, days, extras);
      expect(total.amountMinor).toBeGreaterThanOrEqual(0n);
      expect(lines.reduce((sum, line) => sum + BigInt(line.amountMinor), 0n)).toBe(total.amountMinor);
      expect(lines.filter((line) => BigInt(line.amountMinor) < 0n).every((line) => line.kind === 'DISCOUNT')).toBe(true);
    }),
  );
});

test('BK-03: a longer rental is never cheaper than a part of it, beyond the stated discounts', () => {
  fc.assert(
    fc.property(rates, lengths, lengths, someExtras, (rate, a, b, extras) => {
      const [short, long] = a < b ? [a, b] : [b, a];
      const full = (days: number) => 100n - (discountFor(days)?.percent ?? 0n);
      const least = divideHalfUp(price(rate, short, extras).total.amountMinor * full(long), full(short));
      // Three lines were rounded on either side.
      expect(price(rate, long, extras).total.amountMinor + 3n).toBeGreaterThanOrEqual(least);
      if (full(short) === full(long)) expect(price(rate, long, extras).total.amountMinor).toBeGreaterThanOrEqual(price(rate, short, extras).total.amountMinor);
    }),
  );
});

test('BK-03: one more extra, or a higher rate, never makes it cheaper', () => {
  fc.assert(
    fc.property(rates, lengths, someExtras, fc.constantFrom(...EXTRAS), (rate, days, extras, extra) => {
      const { total } = price(rate, days, extras);
      expect(price(rate + 1n, days, extras).total.amountMinor).toBeGreaterThanOrEqual(total.amountMinor);
      if (!extras.includes(extra)) expect(price(rate, days, [...extras, extra]).total.amountMinor).toBeGreaterThan(total.amountMinor);
    }),
  );
});

test("BK-06: free until 24 h before pick-up, then one day's rate, never above the total", () => {
  const pickupAt = new Date('2027-03-02T10:00:00Z');
  const confirmed = { status: 'CONFIRMED', pickupAt, dailyRateMinor: 500n, totalMinor: 1710n };
  expect(cancellationFeeMinor(confirmed, 'CUSTOMER', new Date('2027-03-01T10:00:00Z'))).toBe(0n);
  expect(cancellationFeeMinor(confirmed, 'CUSTOMER', new Date('2027-03-01T10:00:00.001Z'))).toBe(500n);
  expect(cancellationFeeMinor({ ...confirmed, totalMinor: 300n }, 'CUSTOMER', pickupAt)).toBe(300n);
  expect(cancellationFeeMinor({ ...confirmed, status: 'HELD' }, 'CUSTOMER', pickupAt)).toBe(0n);
  expect(cancellationFeeMinor(confirmed, 'ADMIN', pickupAt)).toBe(0n);
});
