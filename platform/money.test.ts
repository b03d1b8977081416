import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Refusal } from './errors.js';
import { divideHalfUp, formatAmount, money, parseAmount, parsePositiveAmount, split } from './money.js';

describe('PL-03: exact amounts', () => {
  test('what is formatted reads back as the same amount, in every currency', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -1_000_000_000_000n, max: 1_000_000_000_000n }), fc.constantFrom('EGP', 'KWD', 'JPY'), (minor, currency) => {
        expect(parseAmount(formatAmount(money(minor, currency)), currency)).toEqual({ amountMinor: minor, currency });
      }),
    );
  });

  test.each([
    ['12.5', 'EGP', 1250n],
    ['0.01', 'EGP', 1n],
    ['-3', 'EGP', -300n],
    ['1.234', 'KWD', 1234n],
    ['7', 'JPY', 7n],
  ])('%s %s is %s', (text, currency, minor) => {
    expect(parseAmount(text, currency).amountMinor).toBe(minor);
  });

  test.each([
    ['1.005', 'EGP', 'precision'],
    ['1.5', 'JPY', 'precision'],
    ['1e3', 'EGP', 'decimal'],
    ['', 'EGP', 'decimal'],
    ['99999999999999', 'EGP', 'too_large'],
    ['1', 'XXX', 'supported_currency'],
  ])('%s %s breaks the rule %s', (text, currency, rule) => {
    expect(() => parseAmount(text, currency)).toThrowError(expect.objectContaining({ code: 'VALIDATION_ERROR', details: expect.objectContaining({ rule }) }));
  });

  test('zero and below move no money', () => {
    for (const text of ['0', '0.00', '-1']) expect(() => parsePositiveAmount(text, 'EGP')).toThrow(Refusal);
  });
});

describe('PL-03: splitting', () => {
  test('parts add up to the whole, and each is within one unit of its exact share', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: -10_000_000n, max: 10_000_000n }),
        fc.array(fc.bigInt({ min: 0n, max: 1_000n }), { minLength: 1, maxLength: 12 }).filter((weights) => weights.some((weight) => weight > 0n)),
        (amount, weights) => {
          const parts = split(amount, weights);
          const total = weights.reduce((sum, weight) => sum + weight, 0n);
          expect(parts.reduce((sum, part) => sum + part, 0n)).toBe(amount);
          parts.forEach((part, index) => {
            const exact = amount * (weights[index] ?? 0n);
            const error = part * total - exact;
            expect(error < total && error > -total).toBe(true);
          });
        },
      ),
    );
  });

  test.each([
    [5n, 2n, 3n],
    [-5n, 2n, -3n],
    [4n, 2n, 2n],
    [1n, 3n, 0n],
    [2n, 3n, 1n],
  ])('%s / %s rounds half up to %s', (a, b, result) => {
    expect(divideHalfUp(a, b)).toBe(result);
  });
});
