import fc from 'fast-check';
import { expect, test } from 'vitest';
import { divideHalfUp, exponentOf, formatAmount, money } from '../../platform/money.js';
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
/** All that a price depends on, in any combination: the currencies are those that extras and fees have prices in. */
const rentals = fc.record({
  dailyRate: fc.record({ amountMinor: rates, currency: fc.constantFrom('EGP', 'USD', 'EUR') }),
  days: lengths,
  extras: fc.uniqueArray(fc.constantFrom(...EXTRAS)),
  promotion: fc.option(fc.record({ code: fc.constant('SUMMER-10'), percent: fc.integer({ min: 1, max: 90 }) })),
  youngDriver: fc.boolean(),
  oneWay: fc.boolean(),
});
type Rental = Parameters<typeof priceRental>[0];
const totalOf = (rental: Rental) => priceRental(rental).total.amountMinor;

test('BK-03: no price is below zero, and its lines add up to it, whatever is in it', () => {
  fc.assert(
    fc.property(rentals, (rental) => {
      const { lines, total } = priceRental(rental);
      expect(total.amountMinor).toBeGreaterThanOrEqual(0n);
      expect(lines.reduce((sum, line) => sum + BigInt(line.amountMinor), 0n)).toBe(total.amountMinor);
      expect(lines.filter((line) => BigInt(line.amountMinor) < 0n).every((line) => line.kind === 'DISCOUNT')).toBe(true);
      const kinds = lines.map(({ kind }) => kind);
      const of = (kind: string) => kinds.filter((each) => each === kind).length;
      expect([of('RENTAL'), of('EXTRA'), of('FEE'), of('TAX'), kinds.at(-1)]).toEqual([
        1,
        rental.extras.length,
        Number(rental.youngDriver) + Number(rental.oneWay),
        1,
        'TAX',
      ]);
      expect(of('DISCOUNT')).toBe(Number(discountFor(rental.days) !== undefined) + Number(rental.promotion !== null));
    }),
  );
});

test('BK-03: discounts never take more than the rental itself: what is left is at least extras and fees with their tax', () => {
  fc.assert(
    fc.property(rentals, (rental) => {
      const added = priceRental(rental).lines.filter(({ kind }) => kind === 'EXTRA' || kind === 'FEE');
      const least = added.reduce((sum, { amountMinor }) => sum + BigInt(amountMinor), 0n);
      expect(totalOf(rental)).toBeGreaterThanOrEqual(least + divideHalfUp(least * 14n, 100n));
    }),
  );
});

test('BK-03: a longer rental is never cheaper than a part of it, beyond the stated discounts', () => {
  fc.assert(
    fc.property(rentals, lengths, (rental, other) => {
      const [short, long] = rental.days < other ? [rental.days, other] : [other, rental.days];
      const full = (days: number) => 100n - (discountFor(days)?.percent ?? 0n);
      const least = divideHalfUp(totalOf({ ...rental, days: short }) * full(long), full(short));
      // Up to four lines were rounded on either side: two discounts, tax, and the comparison itself.
      expect(totalOf({ ...rental, days: long }) + 4n).toBeGreaterThanOrEqual(least);
      if (full(short) === full(long)) expect(totalOf({ ...rental, days: long })).toBeGreaterThanOrEqual(totalOf({ ...rental, days: short }));
    }),
  );
});

test('BK-03: one more extra, a younger driver, another station, a smaller promotion or a higher rate never makes it cheaper', () => {
  fc.assert(
    fc.property(rentals, fc.constantFrom(...EXTRAS), (rental, extra) => {
      const total = totalOf(rental);
      const { amountMinor, currency } = rental.dailyRate;
      expect(totalOf({ ...rental, dailyRate: money(amountMinor + 1n, currency) })).toBeGreaterThanOrEqual(total);
      if (!rental.extras.includes(extra)) expect(totalOf({ ...rental, extras: [...rental.extras, extra] })).toBeGreaterThan(total);
      if (!rental.youngDriver) expect(totalOf({ ...rental, youngDriver: true })).toBe(total + feeWithTax(rental, 'youngDriver'));
      if (!rental.oneWay) expect(totalOf({ ...rental, oneWay: true })).toBe(total + feeWithTax(rental, 'oneWay'));
      expect(totalOf({ ...rental, promotion: null })).toBeGreaterThanOrEqual(total);
    }),
  );
});

/** What a fee adds: itself, and what the tax line grows by. */
function feeWithTax(rental: Rental, fee: 'youngDriver' | 'oneWay'): bigint {
  const linesOf = (more: boolean) => priceRental({ ...rental, [fee]: more }).lines.map(({ amountMinor }) => BigInt(amountMinor));
  const [withFee, without] = [linesOf(true), linesOf(false)];
  const sum = (lines: bigint[]) => lines.slice(0, -1).reduce((all, line) => all + line, 0n);
  const added = sum(withFee) - sum(without);
  expect(added).toBeGreaterThan(0n);
  return added + divideHalfUp(sum(withFee) * 14n, 100n) - divideHalfUp(sum(without) * 14n, 100n);
}

test("BK-06: free until 24 h before pick-up, then one day's rate, never above the total", () => {
  const pickupAt = new Date('2027-03-02T10:00:00Z');
  const confirmed = { status: 'CONFIRMED', pickupAt, dailyRateMinor: 500n, totalMinor: 1710n, atRiskSince: null, atRiskUntil: null };
  expect(cancellationFeeMinor(confirmed, 'CUSTOMER', new Date('2027-03-01T10:00:00Z'))).toBe(0n);
  expect(cancellationFeeMinor(confirmed, 'CUSTOMER', new Date('2027-03-01T10:00:00.001Z'))).toBe(500n);
  expect(cancellationFeeMinor({ ...confirmed, totalMinor: 300n }, 'CUSTOMER', pickupAt)).toBe(300n);
  expect(cancellationFeeMinor({ ...confirmed, status: 'HELD' }, 'CUSTOMER', pickupAt)).toBe(0n);
  expect(cancellationFeeMinor(confirmed, 'ADMIN', pickupAt)).toBe(0n);
  expect(cancellationFeeMinor({ ...confirmed, atRiskSince: pickupAt }, 'CUSTOMER', pickupAt)).toBe(0n);
});

test('BK-03: the exponent of the currency is respected: the same digits, in pounds, dinars or yen, are the same minor units', () => {
  const currencies = fc.constantFrom('EGP', 'USD', 'KWD', 'JPY');
  const promotions = fc.option(fc.record({ code: fc.constant('SUMMER-10'), percent: fc.integer({ min: 1, max: 90 }) }));
  fc.assert(
    fc.property(currencies, rates, lengths, promotions, (currency, rate, days, promotion) => {
      const inCurrency = (of: string) => priceRental({ dailyRate: money(rate, of), days, extras: [], promotion });
      const { lines, total } = inCurrency(currency);
      expect(total).toEqual({ ...inCurrency('EGP').total, currency });
      const digits = exponentOf(currency);
      const shape = digits === 0 ? /^\d+$/ : new RegExp(`^\\d+\\.\\d{${digits}}$`);
      expect(formatAmount(total)).toMatch(shape);
      expect(lines[0]?.label).toContain(formatAmount(money(rate, currency)));
    }),
  );
  // What has no price in a currency is refused, and not priced in another one's units.
  for (const more of [{ youngDriver: true }, { oneWay: true }]) {
    expect(() => priceRental({ dailyRate: money(1000n, 'KWD'), days: 1, extras: [], ...more })).toThrow(/not offered/);
  }
});
