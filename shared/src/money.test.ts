import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { decimalsOf, percentOff } from './money.ts';
import { currencySchema, minorSchema } from './money-schema.ts';

test('a discount is what the price is under the list price, in whole per cent', () => {
  expect(percentOff(10_000, 7_500)).toBe(25);
  expect(percentOff(10_000, 10_000)).toBe(0);
  expect(percentOff(10_000, 0)).toBe(100);
});

test('a discount is rounded down, so that it is never overstated', () => {
  expect(percentOff(3, 2)).toBe(33);
  expect(percentOff(1_000, 1)).toBe(99);
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1_000_000_000_000 }),
      fc.integer({ min: 0, max: 1_000_000_000_000 }),
      (list, price) => {
        const percent = percentOff(list, price);
        expect(Number.isInteger(percent) && percent >= 0 && percent <= 100).toBe(true);
        // With exact integers, so that the check does not share the rounding of what it checks.
        const off = BigInt(list) - BigInt(price);
        expect(BigInt(percent) * BigInt(list) <= (off > 0n ? off : 0n) * 100n).toBe(true);
        if (off > 0n) expect(BigInt(percent + 1) * BigInt(list) > off * 100n).toBe(true);
      },
    ),
  );
});

test('a price above the list price, or a list price of nothing, is no discount', () => {
  expect(percentOff(100, 101)).toBe(0);
  expect(percentOff(0, 0)).toBe(0);
});

test('every currency has its decimals of ISO 4217', () => {
  expect(currencySchema.options.map((currency) => [currency, decimalsOf(currency)])).toEqual([
    ['CNY', 2],
    ['EUR', 2],
    ['USD', 2],
    ['VND', 0],
  ]);
});

test.each([-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 1_000_000_000_001, '5', null])(
  'an amount is whole minor units within bounds: %s is none',
  (amount) => {
    expect(minorSchema.safeParse(amount).success).toBe(false);
  },
);

test('the largest amount and nothing at all are amounts', () => {
  expect(minorSchema.parse(1_000_000_000_000)).toBe(1_000_000_000_000);
  expect(minorSchema.parse(0)).toBe(0);
});
