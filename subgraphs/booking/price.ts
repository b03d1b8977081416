import { Refusal } from '../../platform/errors.js';
import { divideHalfUp, formatAmount, money, type Money } from '../../platform/money.js';
import { keptWaiting, type Waiting } from './charges.js';

export const EXTRAS = ['CHILD_SEAT', 'GPS', 'EXTRA_DRIVER', 'FULL_INSURANCE'] as const;
export type Extra = (typeof EXTRAS)[number];

export const LINE_KINDS = ['RENTAL', 'DISCOUNT', 'EXTRA', 'FEE', 'TAX'] as const;

/** One line of a quote, as it is stored: the amount in minor units of the quote's currency, as digits, because JSON has no bigint. */
export interface PriceLine {
  kind: (typeof LINE_KINDS)[number];
  label: string;
  amountMinor: string;
}

/** Off the rental itself, by its length; the longest that applies counts. Extras are not discounted. */
const DISCOUNTS = [
  { fromDays: 30, percent: 20n, label: 'Monthly discount' },
  { fromDays: 7, percent: 10n, label: 'Weekly discount' },
] as const;

/** Egyptian value-added tax (Law 67 of 2016, standard rate), on the whole price. */
const TAX_PERCENT = 14n;

const EXTRA_LABELS: Readonly<Record<Extra, string>> = { CHILD_SEAT: 'Child seat', GPS: 'GPS', EXTRA_DRIVER: 'Extra driver', FULL_INSURANCE: 'Full insurance' };

/** Price of an extra per day, in minor units, per currency of the vehicle. A currency that is not here has no extras. */
const EXTRA_DAILY_MINOR: Readonly<Record<string, Readonly<Record<Extra, bigint>>>> = {
  EGP: { CHILD_SEAT: 50_00n, GPS: 40_00n, EXTRA_DRIVER: 100_00n, FULL_INSURANCE: 250_00n },
  USD: { CHILD_SEAT: 2_00n, GPS: 1_50n, EXTRA_DRIVER: 4_00n, FULL_INSURANCE: 9_00n },
  EUR: { CHILD_SEAT: 2_00n, GPS: 1_50n, EXTRA_DRIVER: 4_00n, FULL_INSURANCE: 9_00n },
};

/** Fees, in minor units, per currency of the vehicle: per day for a driver under 25, who costs more to insure, and once for a return elsewhere. */
const FEES_MINOR: Readonly<Record<string, { youngDriverDaily: bigint; oneWay: bigint }>> = {
  EGP: { youngDriverDaily: 150_00n, oneWay: 750_00n },
  USD: { youngDriverDaily: 6_00n, oneWay: 30_00n },
  EUR: { youngDriverDaily: 6_00n, oneWay: 30_00n },
};
/** Below this age a driver pays the young-driver fee. */
export const YOUNG_DRIVER_BELOW = 25;
export const MIN_DRIVER_AGE = 18;

/** A code that takes a whole percentage off the rental, after the discount for its length. */
export interface Promotion {
  code: string;
  percent: number;
}

/** The discount of a rental of so many days; undefined when it is too short for one. */
export function discountFor(days: number): (typeof DISCOUNTS)[number] | undefined {
  return DISCOUNTS.find(({ fromDays }) => days >= fromDays);
}

const daysInWords = (days: number) => (days === 1 ? '1 day' : `${days} days`);

/**
 * Price of a rental (BK-03): days × rate, less the discounts, plus extras and fees, plus tax. Each line is rounded once, half up; the total is their sum.
 * @throws Refusal VALIDATION_ERROR for an extra that is named twice, or one or a fee that has no price in the vehicle's currency
 */
export function priceRental(rental: {
  dailyRate: Money;
  days: number;
  extras: readonly Extra[];
  promotion?: Promotion | null;
  youngDriver?: boolean;
  oneWay?: boolean;
}): { lines: PriceLine[]; total: Money } {
  const { dailyRate, days, extras, promotion } = rental;
  const { currency } = dailyRate;
  const lines: PriceLine[] = [];
  let sumMinor = 0n;
  const add = (kind: PriceLine['kind'], label: string, amountMinor: bigint) => {
    lines.push({ kind, label, amountMinor: amountMinor.toString() });
    sumMinor += amountMinor;
  };
  const rentalMinor = dailyRate.amountMinor * BigInt(days);
  add('RENTAL', `${daysInWords(days)} at ${formatAmount(dailyRate)} ${currency}`, rentalMinor);
  const discount = discountFor(days);
  if (discount) add('DISCOUNT', `${discount.label}, ${discount.percent} %`, -divideHalfUp(rentalMinor * discount.percent, 100n));
  if (promotion) add('DISCOUNT', `Promotion ${promotion.code}, ${promotion.percent} %`, -divideHalfUp(sumMinor * BigInt(promotion.percent), 100n));
  for (const [index, extra] of extras.entries()) {
    const field = `input.extras.${index}`;
    if (extras.indexOf(extra) !== index) throw new Refusal('VALIDATION_ERROR', `${field}: ${extra} is named twice.`, { details: { field, rule: 'unique' } });
    const dailyMinor = EXTRA_DAILY_MINOR[currency]?.[extra];
    if (dailyMinor === undefined)
      throw new Refusal('VALIDATION_ERROR', `${field}: not offered for a vehicle priced in ${currency}.`, { details: { field, rule: 'not_offered' } });
    add('EXTRA', `${EXTRA_LABELS[extra]}, ${daysInWords(days)} at ${formatAmount(money(dailyMinor, currency))} ${currency}`, dailyMinor * BigInt(days));
  }
  if (rental.youngDriver) {
    const dailyMinor = feesIn(currency, 'input.driverAge').youngDriverDaily;
    add(
      'FEE',
      `Driver under ${YOUNG_DRIVER_BELOW}, ${daysInWords(days)} at ${formatAmount(money(dailyMinor, currency))} ${currency}`,
      dailyMinor * BigInt(days),
    );
  }
  if (rental.oneWay) add('FEE', 'Return at another station', feesIn(currency, 'input.returnStationId').oneWay);
  add('TAX', `Tax, ${TAX_PERCENT} %`, divideHalfUp(sumMinor * TAX_PERCENT, 100n));
  return { lines, total: money(sumMinor, currency) };
}

/** What a young driver costs more on a rental that was priced without the fee, tax included; nothing in a currency that has no such fee. */
export function youngDriverFeeMinor(days: number, currency: string): bigint {
  const feeMinor = (FEES_MINOR[currency]?.youngDriverDaily ?? 0n) * BigInt(days);
  return feeMinor + divideHalfUp(feeMinor * TAX_PERCENT, 100n);
}

function feesIn(currency: string, field: string) {
  const fees = FEES_MINOR[currency];
  if (fees) return fees;
  throw new Refusal('VALIDATION_ERROR', `${field}: not offered for a vehicle priced in ${currency}.`, { details: { field, rule: 'not_offered' } });
}

const FREE_CANCELLATION_MS = 24 * 3_600_000;

/**
 * What a cancellation costs (BK-06), in minor units: nothing until 24 h before pick-up, then one day's rate, never more than the booking's total.
 * Nothing either while the booking is only held, when the company cancels, and when the car may not be there, or was not.
 */
export function cancellationFeeMinor(
  booking: Waiting & { status: string; dailyRateMinor: bigint; totalMinor: bigint },
  by: 'CUSTOMER' | 'ADMIN' | 'SYSTEM',
  now: Date,
): bigint {
  const early = booking.pickupAt.getTime() - now.getTime() >= FREE_CANCELLATION_MS;
  if (by !== 'CUSTOMER' || booking.status === 'HELD' || early || keptWaiting(booking)) return 0n;
  if (booking.dailyRateMinor > booking.totalMinor) return booking.totalMinor;
  return booking.dailyRateMinor;
}
