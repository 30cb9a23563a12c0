import { describe, expect, test } from 'vitest';
import type { DealRecord } from '../records.ts';
import { discountProblems, lowOf, overlappingDeals } from './authoring.ts';
import { checkDiscount, historyOf, lowestOf } from './discount.ts';

const dayMs = 86_400_000;
const opensAtMs = Date.parse('2026-11-11T00:00:00+08:00');
const at = (daysBefore: number, ms = 0) => new Date(opensAtMs - daysBefore * dayMs + ms).toISOString();

const deal: DealRecord = {
  id: 'pan',
  productId: 'pan',
  when: '2026-11-11T00:00:00+08:00 for 30m',
  priceMinor: 12_900,
  total: 10,
  limitPerShopper: 1,
  hold: '1m',
};

describe('the lowest price before a deal', () => {
  test('is the list price where there is no history', () => {
    expect(lowOf({ listMinor: 25_900 }, deal, 0)).toEqual({ lowMinor: 25_900, sinceMs: 0 });
  });

  test('counts a price that ended within the 30 days, and not one that ended as they began', () => {
    const until = (end: string) => ({
      listMinor: 25_900,
      pastPrices: [{ priceMinor: 15_000, from: at(90), until: end }],
    });
    expect(lowOf(until(at(30)), deal, 0)).toEqual({ lowMinor: 25_900, sinceMs: Date.parse(at(30)) });
    expect(lowOf(until(at(30, 1)), deal, 0)).toEqual({ lowMinor: 15_000, sinceMs: Date.parse(at(90)) });
  });

  test('counts nothing from the opening on', () => {
    const product = { listMinor: 25_900, pastPrices: [{ priceMinor: 100, from: at(0), until: at(-1) }] };
    expect(lowOf(product, deal, 0).lowMinor).toBe(25_900);
    // Whoever is let in an hour earlier compares with an hour earlier.
    const hour = { listMinor: 25_900, pastPrices: [{ priceMinor: 100, from: at(0, -3_600_000), until: at(-1) }] };
    expect(lowOf(hour, deal, 0).lowMinor).toBe(100);
    expect(lowOf(hour, { ...deal, early: [{ level: 1, opensEarlier: '1h' }] }, 0).lowMinor).toBe(25_900);
  });

  test('takes the list price wherever the history says nothing', () => {
    const pastPrices = [
      { priceMinor: 30_000, from: at(20), until: at(10) },
      { priceMinor: 28_000, from: at(60), until: at(20) },
    ];
    expect(historyOf({ listMinor: 29_000, pastPrices }).map((s) => s.priceMinor)).toEqual([
      29_000, 28_000, 30_000, 29_000,
    ]);
    expect(lowestOf(historyOf({ listMinor: 29_000, pastPrices }), { untilMs: opensAtMs, days: 15 })?.lowMinor).toBe(
      29_000,
    );
    expect(lowestOf([], { untilMs: opensAtMs })).toBeNull();
  });

  test('is found among prices that were asked at the same time', () => {
    const pastPrices = [
      { priceMinor: 20_000, from: at(40) },
      { priceMinor: 18_000, from: at(35), until: at(29) },
      { priceMinor: 21_000, from: at(34), until: at(1) },
    ];
    expect(lowOf({ listMinor: 10_000, pastPrices }, deal, 0).lowMinor).toBe(18_000);
  });

  test('does not count the same deal’s earlier rounds: they are the discount itself', () => {
    const again = { ...deal, when: 'every 10m for 3m' };
    expect(lowOf({ listMinor: 25_900 }, again, opensAtMs)).toEqual({ lowMinor: 25_900, sinceMs: 0 });
    expect(discountProblems({ listMinor: 25_900 }, again, opensAtMs)).toEqual([]);
  });
});

describe('a discount', () => {
  const product = { listMinor: 25_900, pastPrices: [{ priceMinor: 12_900, from: at(90), until: at(3) }] };

  test('that does not undercut the low is told with that figure', () => {
    expect(discountProblems(product, deal, 0)).toEqual([
      {
        path: 'priceMinor',
        message: `12900 does not undercut 12900, the lowest price of the 30 days before it first opens (asked since ${at(90)})`,
      },
    ]);
    expect(discountProblems(product, { ...deal, priceMinor: 12_899 }, 0)).toEqual([]);
  });

  test('of early access is measured by itself', () => {
    const early = [{ level: 1, opensEarlier: '1m', priceMinor: 12_000 }];
    expect(discountProblems(product, { ...deal, early }, 0).map((p) => p.path)).toEqual(['priceMinor']);
    const both = [...early, { level: 2, opensEarlier: '2m', priceMinor: 13_000 }];
    expect(discountProblems(product, { ...deal, early: both }, 0).map((p) => p.path)).toEqual([
      'priceMinor',
      'early.1.priceMinor',
    ]);
  });

  test('of a presale is measured by what deposit and balance come to', () => {
    const presale = { depositMinor: 1_000, depositWorthMinor: 2_000 };
    const check = (priceMinor: number) =>
      checkDiscount({ product, deal: { priceMinor, presale }, firstOpensAtMs: opensAtMs }).tooDear;
    expect(check(13_899)).toEqual([]);
    expect(check(13_900)).toEqual([{ path: 'priceMinor', priceMinor: 12_900 }]);
  });

  test('of a festival that has not started is measured by the price that is asked when it starts', () => {
    const relative = { ...deal, when: '+1m for 10m' };
    expect(discountProblems(product, relative, null)).toEqual([]);
    expect(discountProblems(product, relative, opensAtMs).map((p) => p.path)).toEqual(['priceMinor']);
    const still = { listMinor: 25_900, pastPrices: [{ priceMinor: 12_900, from: at(90) }] };
    expect(discountProblems(still, relative, null).map((p) => p.path)).toEqual(['priceMinor']);
  });
});

describe('deals of one stock', () => {
  const lamp = { ...deal, id: 'a', when: 'every 10m for 3m' };

  test('may follow each other but not be on at once, early openings included', () => {
    const next = { ...lamp, id: 'b', when: 'every 10m for 3m from +3m' };
    expect(overlappingDeals([lamp, next], null)).toEqual([]);
    const earlier = { ...next, early: [{ level: 2, opensEarlier: '1s' }] };
    expect(overlappingDeals([lamp, earlier], null)).toEqual([{ index: 1, with: 'a' }]);
    expect(overlappingDeals([earlier, lamp], null)).toEqual([{ index: 1, with: 'b' }]);
  });

  test('are not those of another lot or another product', () => {
    expect(overlappingDeals([lamp, { ...lamp, id: 'b', lot: 'outlet' }], null)).toEqual([]);
    expect(overlappingDeals([lamp, { ...lamp, id: 'b', productId: 'lamp' }], null)).toEqual([]);
    expect(overlappingDeals([lamp, { ...lamp, id: 'b', lot: 'main' }], null)).toHaveLength(1);
  });

  test('of which one is counted from the first start are compared once that is known', () => {
    const once = { ...lamp, id: 'b', when: '2026-11-11T00:00:00+08:00 for 1m' };
    expect(overlappingDeals([lamp, once], null)).toEqual([]);
    expect(overlappingDeals([lamp, once], opensAtMs)).toHaveLength(1);
    expect(overlappingDeals([lamp, once], opensAtMs - 5 * 60_000)).toEqual([]);
  });
});
