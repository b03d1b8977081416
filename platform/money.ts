import { Refusal } from './errors.js';

/** An exact amount: whole minor units (piastres, cents) of one ISO 4217 currency. Never a float. */
export interface Money {
  amountMinor: bigint;
  currency: string;
}

/** Digits after the point per ISO 4217 currency, for those that the company trades in; the list is closed so that a typo is refused. */
const EXPONENTS: Readonly<Record<string, number>> = { EGP: 2, USD: 2, EUR: 2, GBP: 2, SAR: 2, AED: 2, KWD: 3, BHD: 3, JOD: 3, JPY: 0 };

export const DEFAULT_CURRENCY = 'EGP';
/** Largest amount of one operation, in minor units: ten billion of a two-digit currency, far inside bigint and far outside any fare. */
const MAX_AMOUNT_MINOR = 1_000_000_000_000n;

export function exponentOf(currency: string, field = 'currency'): number {
  const exponent = EXPONENTS[currency];
  if (exponent === undefined) {
    throw new Refusal('VALIDATION_ERROR', `Currency ${currency} is not supported. Use one of ${Object.keys(EXPONENTS).join(', ')}.`, {
      details: { field, rule: 'supported_currency' },
    });
  }
  return exponent;
}

export function money(amountMinor: bigint, currency: string = DEFAULT_CURRENCY): Money {
  return { amountMinor, currency };
}

/**
 * Reads a decimal string such as `12.50` exactly.
 * @throws Refusal VALIDATION_ERROR when it is no plain decimal, has more digits after the point than the currency, or is out of range
 */
export function parseAmount(amount: string, currency: string, field = 'amount'): Money {
  const exponent = exponentOf(currency, field.endsWith('.amount') ? field.replace(/amount$/, 'currency') : undefined);
  const match = /^(-?)(\d{1,15})(?:\.(\d{1,15}))?$/.exec(amount);
  const refuse = (rule: string, message: string) => new Refusal('VALIDATION_ERROR', `${field}: ${message}`, { details: { field, rule } });
  if (!match) throw refuse('decimal', 'must be a plain decimal such as "12.50".');
  const [, sign, whole = '0', fraction = ''] = match;
  if (fraction.length > exponent) throw refuse('precision', `${currency} has ${exponent} digits after the point.`);
  const minor = BigInt(whole + fraction.padEnd(exponent, '0'));
  if (minor > MAX_AMOUNT_MINOR) throw refuse('too_large', `must not be above ${formatAmount(money(MAX_AMOUNT_MINOR, currency))}.`);
  return money(sign === '-' ? -minor : minor, currency);
}

/** Like `parseAmount`, for amounts that a client wants moved: zero and below are refused. */
export function parsePositiveAmount(amount: string, currency: string, field = 'amount'): Money {
  const parsed = parseAmount(amount, currency, field);
  if (parsed.amountMinor > 0n) return parsed;
  throw new Refusal('VALIDATION_ERROR', `${field}: must be above zero.`, { details: { field, rule: 'positive' } });
}

/** The decimal string of an amount, always with the currency's full number of digits: `12.50`, never `12.5`. */
export function formatAmount({ amountMinor, currency }: Money): string {
  const exponent = exponentOf(currency);
  const digits = (amountMinor < 0n ? -amountMinor : amountMinor).toString().padStart(exponent + 1, '0');
  const whole = digits.slice(0, digits.length - exponent);
  const sign = amountMinor < 0n ? '-' : '';
  return exponent === 0 ? sign + whole : `${sign}${whole}.${digits.slice(-exponent)}`;
}

/** The public shape `Money { amount currency }`. */
export function toDecimalMoney(value: Money): { amount: string; currency: string } {
  return { amount: formatAmount(value), currency: value.currency };
}

/** numerator / denominator of whole numbers, rounded half up (away from zero at .5), as prices are. */
export function divideHalfUp(numerator: bigint, denominator: bigint): bigint {
  const negative = numerator < 0n !== denominator < 0n;
  const n = numerator < 0n ? -numerator : numerator;
  const d = denominator < 0n ? -denominator : denominator;
  const rounded = (2n * n + d) / (2n * d);
  return negative ? -rounded : rounded;
}

/**
 * Splits an amount by weights so that the parts add up to the whole (largest remainder, ties to the earlier part).
 * Weights are whole numbers, at least one above zero.
 */
export function split(amountMinor: bigint, weights: readonly bigint[]): bigint[] {
  const total = weights.reduce((sum, weight) => sum + weight, 0n);
  if (total <= 0n || weights.some((weight) => weight < 0n)) throw new Error('weights must be non-negative with a positive sum');
  const parts = weights.map((weight) => (amountMinor * weight) / total);
  const rest = amountMinor - parts.reduce((sum, part) => sum + part, 0n);
  const step = rest < 0n ? -1n : 1n;
  const byRemainder = weights
    .map((weight, index) => ({ index, remainder: (amountMinor * weight) % total }))
    .sort((a, b) => (a.remainder === b.remainder ? a.index - b.index : (a.remainder > b.remainder ? -1 : 1) * Number(step)));
  for (let i = 0n; i < rest * step; i += 1n) {
    const index = byRemainder[Number(i)]?.index;
    if (index === undefined) break;
    parts[index] = (parts[index] ?? 0n) + step;
  }
  return parts;
}
