import { expect, test } from 'vitest';
import { forfeitOf, type PresaleOffer, presaleSteps } from './presale.ts';
import { priceBasket } from './price.ts';

const offer: PresaleOffer = {
  unitMinor: 49_900,
  quantity: 2,
  depositMinor: 10_000,
  depositWorthMinor: 20_000,
  forfeitPermille: 500,
  closesAtMs: 1_000_000,
  balanceAfterMs: 60_000,
  balanceForMs: 300_000,
};

test('a deposit of ¥100 is worth ¥200 at the balance, and what a missed balance costs is said beforehand', () => {
  expect(presaleSteps(offer)).toEqual({
    depositMinor: 20_000,
    worthMinor: 40_000,
    balanceMinor: 59_800,
    totalMinor: 79_800,
    balanceOpensAtMs: 1_060_000,
    balanceClosesAtMs: 1_360_000,
    missed: { lostMinor: 10_000, backMinor: 10_000 },
  });
});

test('coupons lower the balance alone, by as much as the basket’s price says', () => {
  const { unitMinor, quantity, depositMinor, depositWorthMinor: worthMinor } = offer;
  const proof = priceBasket({
    lines: [
      {
        dealId: 'knit',
        productId: 'knit',
        brandId: 'otter',
        quantity,
        listMinor: 59_900,
        unitMinor,
        deposit: { depositMinor, worthMinor },
      },
    ],
    coupons: [
      {
        couponId: 'street',
        kind: 'cross-brand',
        offMinor: 5_000,
        fromMinor: 30_000,
        repeats: true,
        stacksWith: [],
        opensAtMs: 0,
        closesAtMs: 2,
        usesLeft: 1,
        left: 1,
      },
    ],
    currency: 'CNY',
    level: 0,
    nowMs: 1,
  });
  const steps = presaleSteps({ ...offer, couponsMinor: 15_000 });
  expect(proof.totalMinor).toBe(steps.totalMinor);
  expect(proof.depositMinor).toBe(steps.depositMinor);
  expect(steps.balanceMinor).toBe(44_800);
});

test('a part of a deposit is rounded in the shopper’s favour, and never more than all of it', () => {
  expect(forfeitOf(999, 333)).toBe(332);
  expect(forfeitOf(1, 999)).toBe(0);
  expect(forfeitOf(99_000_000_000_000, 1_000)).toBe(99_000_000_000_000);
  expect(forfeitOf(99_000_000_000_001, 999)).toBe(98_901_000_000_000);
  expect(forfeitOf(500, 0)).toBe(0);
});

test.each<[string, Partial<PresaleOffer>, RegExp]>([
  ['that shrinks', { depositWorthMinor: 9_999 }, /^depositWorthMinor/],
  ['worth more than the goods', { depositWorthMinor: 49_901 }, /^depositWorthMinor/],
  ['below nothing', { depositMinor: -1 }, /^depositMinor/],
  ['of a fraction', { depositMinor: 0.5 }, /^depositMinor/],
  ['with coupons beyond its balance', { couponsMinor: 59_801 }, /^couponsMinor/],
  ['of which more than all is lost', { forfeitPermille: 1_001 }, /^forfeitPermille/],
])('there is no deposit %s', (_, change, message) => {
  expect(() => presaleSteps({ ...offer, ...change })).toThrow(RangeError);
  expect(() => presaleSteps({ ...offer, ...change })).toThrow(message);
});
