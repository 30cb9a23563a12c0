import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Candidate, findBest, inLayers } from './best.ts';
import { type CouponKind, couponKinds } from './coupon-kinds.ts';
import { basketCouponsMax, basketLinesMax, priceBasket } from './price.ts';
import { priceProofSchema } from './schema.ts';
import { shareOf } from './shares.ts';
import type { Basket, CouponOffer, PricedLine, PriceProof } from './types.ts';

const nowMs = 1_000_000;

function line(dealId: string, unitMinor: number, more: Partial<PricedLine> = {}): PricedLine {
  return { dealId, productId: dealId, brandId: 'row', quantity: 1, listMinor: unitMinor * 2, unitMinor, ...more };
}

function coupon(couponId: string, kind: CouponKind, more: Partial<CouponOffer> = {}): CouponOffer {
  const branded = kind === 'brand' || kind === 'shop';
  return {
    couponId,
    kind,
    ...(branded ? { brandId: 'row' } : {}),
    offMinor: 5_000,
    fromMinor: 30_000,
    repeats: false,
    stacksWith: couponKinds.filter((k) => k !== kind),
    opensAtMs: 0,
    closesAtMs: nowMs * 2,
    usesLeft: 1,
    left: 1,
    ...more,
  };
}

function basket(lines: PricedLine[], coupons: CouponOffer[] = [], more: Partial<Basket> = {}): Basket {
  return { lines, coupons, currency: 'CNY', level: 0, nowMs, ...more };
}

/** Everything that must hold of any proof, whatever the basket. */
function mustAddUp(proof: PriceProof): void {
  expect(priceProofSchema.safeParse(proof).error).toBeUndefined();
  for (const l of proof.lines) {
    const shares = l.shares.reduce((sum, s) => sum + s.minor, 0);
    expect(l.dealMinor).toBe(l.unitMinor * l.quantity);
    expect(l.payMinor + shares + l.depositWorthMinor - l.depositMinor).toBe(l.dealMinor);
    expect(l.payMinor).toBeGreaterThanOrEqual(l.depositMinor);
  }
  expect(proof.lines.reduce((sum, l) => sum + l.payMinor, 0)).toBe(proof.totalMinor);
  expect(proof.listMinor - proof.savedMinor).toBe(proof.totalMinor);
  expect(proof.steps.at(-1)?.afterMinor).toBe(proof.totalMinor);
  for (const step of proof.steps) {
    if (step.step !== 'coupon') continue;
    const shares = proof.lines.flatMap((l) => l.shares).filter((s) => s.couponId === step.couponId);
    expect(shares.reduce((sum, s) => sum + s.minor, 0)).toBe(step.offMinor);
  }
  for (const { couponId, minor } of proof.fundedMinor) {
    const step = proof.steps.find((s) => s.step === 'coupon' && s.couponId === couponId);
    expect(step).toMatchObject({ funding: 'platform', offMinor: minor });
  }
}

// ---- an exhaustive search of its own, in big numbers, from the rules as they are documented

function exhaustive({ lines, coupons, level }: Basket): bigint {
  const sorted = lines.toSorted((a, b) => (a.dealId < b.dealId ? -1 : 1));
  const price = (l: PricedLine) => BigInt(l.unitMinor) * BigInt(l.quantity);
  const covers = (c: CouponOffer, l: PricedLine) =>
    (c.brandId === undefined || c.brandId === l.brandId) &&
    (c.productIds === undefined || c.productIds.includes(l.productId));
  const baseOf = (c: CouponOffer) => sorted.filter((l) => covers(c, l)).reduce((sum, l) => sum + price(l), 0n);
  const usable = coupons.filter(
    (c) =>
      sorted.some((l) => covers(c, l)) &&
      c.opensAtMs <= nowMs &&
      nowMs < c.closesAtMs &&
      c.usesLeft > 0 &&
      c.left > 0 &&
      level >= (c.levelMin ?? 0) &&
      baseOf(c) >= BigInt(c.fromMinor),
  );
  let lowest: bigint | null = null;
  for (let bits = 0; bits < 2 ** usable.length; bits++) {
    const key = (c: CouponOffer) => `${couponKinds.indexOf(c.kind)} ${c.brandId ?? ''} ${c.couponId}`;
    const used = usable.filter((_, i) => (bits >> i) & 1).toSorted((a, b) => (key(a) < key(b) ? -1 : 1));
    const together = used.every((a, i) =>
      used.slice(i + 1).every((b) => {
        if (a.kind === b.kind && a.brandId === b.brandId) return false;
        if (a.brandId !== undefined && b.brandId !== undefined && a.brandId !== b.brandId) return true;
        return a.stacksWith.includes(b.kind) && b.stacksWith.includes(a.kind);
      }),
    );
    if (!together) continue;
    const rests = sorted.map((l) => price(l) - BigInt(l.deposit?.worthMinor ?? 0) * BigInt(l.quantity));
    for (const c of used) {
      const at = sorted.flatMap((l, i) => (covers(c, l) ? [i] : []));
      const there = at.reduce((sum, i) => sum + (rests[i] ?? 0n), 0n);
      const times = c.repeats && c.fromMinor > 0 ? baseOf(c) / BigInt(c.fromMinor) : 1n;
      const worth = BigInt(c.offMinor) * times;
      const off = worth < there ? worth : there;
      if (off === 0n) continue;
      const shares = at.map((i) => (off * (rests[i] ?? 0n)) / there);
      const byRest = at
        .map((i, n) => ({ n, rest: (off * (rests[i] ?? 0n)) % there }))
        .toSorted((a, b) => (a.rest > b.rest ? -1 : a.rest < b.rest ? 1 : a.n - b.n));
      let left = off - shares.reduce((a, b) => a + b, 0n);
      for (const { n } of byRest) {
        if (left === 0n) break;
        shares[n] = (shares[n] ?? 0n) + 1n;
        left -= 1n;
      }
      for (const [n, i] of at.entries()) rests[i] = (rests[i] ?? 0n) - (shares[n] ?? 0n);
    }
    const deposits = sorted.reduce((sum, l) => sum + BigInt(l.deposit?.depositMinor ?? 0) * BigInt(l.quantity), 0n);
    const total = rests.reduce((a, b) => a + b, 0n) + deposits;
    if (lowest === null || total < lowest) lowest = total;
  }
  return lowest ?? 0n;
}

const brands = ['row', 'lamp', 'wave'];
const products = ['a', 'b', 'c', 'd', 'e'];
/** Amounts so small that coupons meet the ground, ordinary ones, and the largest that a field may hold. */
const scales = fc.constantFrom(12, 60_000, 1_000_000_000_000);

const someLines = (max: number) =>
  fc.tuple(scales, fc.integer({ min: 1, max })).chain(([scale, count]) =>
    fc.tuple(
      ...Array.from({ length: count }, (_, i) =>
        fc
          .record({
            unitMinor: fc.integer({ min: 0, max: scale }),
            productId: fc.constantFrom(...products),
            brandId: fc.constantFrom(...brands),
            quantity: fc.integer({ min: 1, max: scale === 12 ? 4 : 99 }),
            presale: fc.boolean(),
          })
          .map(({ presale, ...l }): PricedLine => {
            const worthMinor = Math.floor(l.unitMinor / 2);
            const deposit = { depositMinor: Math.floor(worthMinor / 2), worthMinor };
            return {
              ...l,
              dealId: `deal-${(i * 7) % 11}`,
              listMinor: l.unitMinor,
              ...(presale && i === 0 ? { deposit } : {}),
            };
          }),
      ),
    ),
  );

const someCoupons = (max: number) =>
  fc.tuple(scales, fc.integer({ min: 0, max })).chain(([scale, count]) =>
    fc.tuple(
      ...Array.from({ length: count }, (_, i) =>
        fc
          .record({
            kind: fc.constantFrom(...couponKinds),
            brandId: fc.constantFrom(...brands),
            productIds: fc.option(fc.subarray(products, { minLength: 1 }), { freq: 2 }),
            offMinor: fc.integer({ min: 1, max: scale }),
            fromMinor: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: scale })),
            repeats: fc.boolean(),
            stacksWith: fc.oneof(fc.constant([...couponKinds]), fc.subarray([...couponKinds])),
            usesLeft: fc.constantFrom(0, 1, 1, 1, 1, 2),
            left: fc.constantFrom(0, 1, 1, 1, 1, 9),
            opensAtMs: fc.constantFrom(0, 0, 0, nowMs, nowMs + 1),
            closesAtMs: fc.constantFrom(nowMs, nowMs + 1, nowMs + 9, nowMs + 9, nowMs + 9),
            levelMin: fc.integer({ min: 0, max: 2 }),
          })
          .map(
            ({ brandId, productIds, ...c }): CouponOffer => ({
              ...c,
              couponId: `coupon-${(i * 5) % 13}`,
              ...(c.kind === 'brand' || c.kind === 'shop' ? { brandId } : {}),
              ...(productIds === null ? {} : { productIds }),
            }),
          ),
      ),
    ),
  );

const someBasket = fc
  .tuple(someLines(8), someCoupons(6), fc.integer({ min: 0, max: 4 }))
  .map(([lines, coupons, level]) => basket(lines, coupons, { level }));

describe('the best price', () => {
  test('is what an exhaustive search finds, for every basket up to 8 lines and 6 coupons', () => {
    fc.assert(
      fc.property(someBasket, (b) => {
        const proof = priceBasket(b);
        mustAddUp(proof);
        expect(proof.exact).toBe(true);
        expect(BigInt(proof.totalMinor)).toBe(exhaustive(b));
      }),
      { numRuns: 3_000 },
    );
  });

  test('never rises with a coupon more, and is the same whatever the order of lines and coupons', () => {
    fc.assert(
      fc.property(someBasket, (b) => {
        const proof = priceBasket(b);
        const fewer = priceBasket({ ...b, coupons: b.coupons.slice(1) });
        expect(proof.totalMinor).toBeLessThanOrEqual(fewer.totalMinor);
        const turned = priceBasket({ ...b, lines: b.lines.toReversed(), coupons: b.coupons.toReversed() });
        expect({ ...turned, lines: turned.lines.toReversed() }).toEqual(proof);
      }),
      { numRuns: 500 },
    );
  });

  test('is found again when exactly its own coupons are chosen, and choosing cannot make it cheaper', () => {
    fc.assert(
      fc.property(someBasket, fc.infiniteStream(fc.boolean()), (b, coins) => {
        const best = priceBasket(b);
        const used = best.steps.flatMap((s) => (s.step === 'coupon' ? [s.couponId] : []));
        const again = priceBasket({ ...b, chosen: used });
        expect({ ...again, ruledOut: [] }).toEqual({ ...best, ruledOut: [] });
        const chosen = b.coupons.map((c) => c.couponId).filter(() => coins.next().value);
        const other = priceBasket({ ...b, chosen });
        mustAddUp(other);
        expect(other.totalMinor - other.couldSaveMinor).toBe(best.totalMinor);
        for (const s of other.steps) if (s.step === 'coupon') expect(chosen).toContain(s.couponId);
      }),
      { numRuns: 500 },
    );
  });

  test('says of every coupon that it is used or why not, and what it would have cost', () => {
    fc.assert(
      fc.property(someBasket, (b) => {
        const proof = priceBasket(b);
        const used = proof.steps.flatMap((s) => (s.step === 'coupon' ? [s.couponId] : []));
        const said = [...used, ...proof.ruledOut.map((r) => r.couponId)];
        expect(said.toSorted()).toEqual(b.coupons.map((c) => c.couponId).toSorted());
        for (const out of proof.ruledOut) {
          if (out.why !== 'costs-more' && out.why !== 'does-not-stack') continue;
          expect(out.byMinor).toBeGreaterThan(0);
          // Without what is used instead of it, nothing but the others could make it cheaper than it was said to be.
          const others = 'with' in out ? out.with : out.insteadOf;
          const without = priceBasket({ ...b, coupons: b.coupons.filter((c) => !others.includes(c.couponId)) });
          expect(without.totalMinor).toBeLessThanOrEqual(proof.totalMinor + (out.byMinor ?? 0));
        }
      }),
      { numRuns: 500 },
    );
  });

  test('past that size is exact as well, as long as the search is not cut short', () => {
    fc.assert(
      fc.property(someLines(11), someCoupons(11), (lines, coupons) => {
        const b = basket(lines, coupons, { level: 4 });
        const proof = priceBasket(b);
        mustAddUp(proof);
        expect(proof.exact).toBe(true);
        expect(BigInt(proof.totalMinor)).toBe(exhaustive(b));
      }),
      { numRuns: 100 },
    );
  });

  test('of a search that is cut short is a price that can be had, with a bound that none falls below', () => {
    let cutShort = 0;
    const some = fc.tuple(
      fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 4, maxLength: 4 }),
      fc.array(
        fc.record({
          kind: fc.constantFrom(...couponKinds),
          brandId: fc.constantFrom('row', 'lamp'),
          stacksWith: fc.oneof(fc.constant([...couponKinds]), fc.subarray([...couponKinds])),
          worthMinor: fc.integer({ min: 1, max: 60 }),
          wide: fc.boolean(),
        }),
        { maxLength: 10 },
      ),
    );
    fc.assert(
      fc.property(some, fc.integer({ min: 0, max: 30 }), ([capacities, made], looks) => {
        const candidates = made
          .map(({ brandId, wide, ...c }, i): Candidate => {
            const branded = c.kind === 'brand' || c.kind === 'shop';
            const places = !branded ? [0, 1, 2, 3] : brandId === 'row' ? [0, 1] : [2, 3];
            const covers = wide ? places : places.slice(0, 1);
            return { ...c, couponId: `c-${i}`, brandId: branded ? brandId : null, covers };
          })
          .toSorted(inLayers);
        const whole = findBest(capacities, candidates, { looks: 1_000_000 });
        const cut = findBest(capacities, candidates, { looks });
        expect(whole.offMinorMax).toBe(whole.offMinor);
        expect(cut.offMinor).toBeLessThanOrEqual(whole.offMinor);
        expect(cut.offMinorMax).toBeGreaterThanOrEqual(whole.offMinor);
        if (cut.offMinorMax > cut.offMinor) cutShort++;
      }),
      { numRuns: 2_000 },
    );
    expect(cutShort).toBeGreaterThan(50);
  });

  test('of a basket too large to look at all of it says so, and how good it is', () => {
    const brands = Array.from({ length: basketLinesMax / 2 }, (_, i) => `brand-${i}`);
    const lines = brands.flatMap((brandId) => [
      line(`${brandId}-cheap`, 1_000, { brandId }),
      line(`${brandId}-dear`, 100_000, { brandId }),
    ]);
    const coupons = brands.flatMap((brandId, i) => {
      const both = { brandId, fromMinor: 0, productIds: [`${brandId}-cheap`] };
      return [
        coupon(`${brandId}-brand`, 'brand', { ...both, offMinor: 700 + i }),
        coupon(`${brandId}-shop`, 'shop', { ...both, offMinor: 600 + i }),
        coupon(`${brandId}-dear`, 'shop', { brandId, fromMinor: 0, offMinor: 100, productIds: [`${brandId}-dear`] }),
      ];
    });
    const proof = priceBasket(basket(lines, coupons));
    mustAddUp(proof);
    expect(proof.exact).toBe(false);
    // 1,000 a brand at the most from the cheap line, of which brand and shop coupon together would take more.
    const leastMinor = proof.bound?.lowestPossibleMinor ?? 0;
    expect(leastMinor).toBeLessThan(proof.totalMinor);
    expect(proof.totalMinor - leastMinor).toBeLessThan(proof.totalMinor / 100);
    expect(proof.ruledOut.some((r) => 'byMinor' in r && r.byMinor === null)).toBe(true);
  });
});

describe('the steps of a price', () => {
  test('take ¥50 off every ¥300 over several brands, spread so that the parts sum exactly', () => {
    const proof = priceBasket(
      basket(
        [
          line('pan', 12_900, { quantity: 2 }),
          line('lamp', 16_800, { brandId: 'lamp' }),
          line('balm', 19_999, { brandId: 'pell' }),
        ],
        [coupon('street', 'cross-brand', { repeats: true })],
      ),
    );
    mustAddUp(proof);
    // 62,599 holds 30,000 twice.
    expect(proof.steps).toContainEqual({
      step: 'coupon',
      couponId: 'street',
      kind: 'cross-brand',
      funding: 'platform',
      offMinor: 10_000,
      baseMinor: 62_599,
      times: 2,
      nextMinor: 27_401,
      afterMinor: 52_599,
    });
    expect(proof.lines.map((l) => l.shares[0]?.minor)).toEqual([4_121, 2_684, 3_195]);
    expect(proof.fundedMinor).toEqual([{ couponId: 'street', minor: 10_000 }]);
    expect(proof.savedMinor).toBe(62_599 * 2 - 52_599);
  });

  test('take sellers’ coupons off before the platform’s, and let the thresholds of both stand on the deals’ prices', () => {
    const proof = priceBasket(
      basket(
        [line('pan', 30_000)],
        [
          coupon('lanterns', 'energy', { offMinor: 1_100, fromMinor: 30_000 }),
          coupon('street', 'cross-brand'),
          coupon('shop', 'shop', { offMinor: 2_000, fromMinor: 20_000 }),
          coupon('brand', 'brand', { offMinor: 3_000, fromMinor: 30_000 }),
        ],
      ),
    );
    expect(proof.steps.map((s) => ('couponId' in s ? s.couponId : s.step))).toEqual([
      'list',
      'deal',
      'brand',
      'shop',
      'street',
      'lanterns',
    ]);
    expect(proof.totalMinor).toBe(30_000 - 3_000 - 2_000 - 5_000 - 1_100);
    expect(proof.fundedMinor).toEqual([
      { couponId: 'street', minor: 5_000 },
      { couponId: 'lanterns', minor: 1_100 },
    ]);
  });

  test('let a deposit expand, and let no coupon eat what it counts for', () => {
    const presale = line('knit', 29_900, { deposit: { depositMinor: 5_000, worthMinor: 10_000 } });
    const proof = priceBasket(basket([presale], [coupon('all', 'shop', { offMinor: 99_999, fromMinor: 0 })]));
    mustAddUp(proof);
    expect(proof.totalMinor).toBe(5_000);
    expect(proof.depositMinor).toBe(5_000);
    expect(proof.steps.at(-1)).toEqual({
      step: 'deposit',
      depositMinor: 5_000,
      worthMinor: 10_000,
      offMinor: 5_000,
      afterMinor: 5_000,
    });
  });

  test('use the cheaper of two that do not stack and say what the other would have cost', () => {
    const b = basket(
      [line('pan', 40_000)],
      [
        coupon('small', 'brand', { offMinor: 1_000 }),
        coupon('large', 'brand', { offMinor: 4_000 }),
        coupon('street', 'cross-brand', { offMinor: 6_000, stacksWith: ['energy'] }),
        coupon('one-sided', 'energy', { offMinor: 500, stacksWith: [] }),
      ],
    );
    const proof = priceBasket(b);
    expect(proof.totalMinor).toBe(34_000);
    expect(proof.ruledOut).toEqual([
      { couponId: 'large', why: 'does-not-stack', with: ['street'], byMinor: 2_000 },
      { couponId: 'one-sided', why: 'does-not-stack', with: ['street'], byMinor: 5_500 },
      { couponId: 'small', why: 'does-not-stack', with: ['street'], byMinor: 5_000 },
    ]);
    const two = priceBasket({ ...b, coupons: b.coupons.slice(0, 2) });
    expect(two.ruledOut).toEqual([{ couponId: 'small', why: 'costs-more', byMinor: 3_000, insteadOf: ['large'] }]);
    const chosen = priceBasket({ ...b, chosen: ['small', 'street'] });
    expect(chosen).toMatchObject({ totalMinor: 34_000, couldSaveMinor: 0 });
    expect(chosen.ruledOut.find((r) => r.couponId === 'large')?.why).toBe('not-chosen');
    expect(priceBasket({ ...b, chosen: ['small'] })).toMatchObject({ totalMinor: 39_000, couldSaveMinor: 5_000 });
  });

  test('do not use up a coupon that changes nothing', () => {
    const free = coupon('free', 'brand', { offMinor: 40_000, fromMinor: 40_000 });
    const proof = priceBasket(basket([line('pan', 40_000)], [free, coupon('street', 'cross-brand')]));
    expect(proof.totalMinor).toBe(0);
    expect(proof.ruledOut).toEqual([{ couponId: 'street', why: 'no-gain', insteadOf: [] }]);
  });

  test('say why a coupon cannot be used at all', () => {
    const outs = [
      coupon('brand', 'brand', { brandId: 'other' }),
      coupon('closed', 'cross-brand', { closesAtMs: nowMs }),
      coupon('early', 'cross-brand', { opensAtMs: nowMs + 1 }),
      coupon('far', 'cross-brand', { fromMinor: 50_000 }),
      coupon('gone', 'cross-brand', { left: 0 }),
      coupon('lanterns', 'energy', { levelMin: 3 }),
      coupon('product', 'shop', { productIds: ['lamp'] }),
      coupon('used', 'cross-brand', { usesLeft: 0 }),
    ];
    const proof = priceBasket(basket([line('pan', 40_000)], outs, { level: 2 }));
    expect(proof.ruledOut).toEqual([
      { couponId: 'brand', why: 'other-brand', brandId: 'other' },
      { couponId: 'closed', why: 'expired', closedAtMs: nowMs },
      { couponId: 'early', why: 'not-open-yet', opensAtMs: nowMs + 1 },
      { couponId: 'far', why: 'not-reached', missingMinor: 10_000 },
      { couponId: 'gone', why: 'sold-out' },
      { couponId: 'lanterns', why: 'level', levelMin: 3, level: 2 },
      { couponId: 'product', why: 'other-products' },
      { couponId: 'used', why: 'used' },
    ]);
    expect(proof.totalMinor).toBe(40_000);
  });

  test('let coupons of different brands be used together without naming each other', () => {
    const lines = [line('pan', 30_000), line('lamp', 30_000, { brandId: 'lamp' })];
    const coupons = [
      coupon('pans', 'brand', { stacksWith: [] }),
      coupon('lamps', 'brand', { brandId: 'lamp', stacksWith: [] }),
    ];
    expect(priceBasket(basket(lines, coupons)).totalMinor).toBe(50_000);
  });
});

describe('a line of several units', () => {
  test('gives back its exact share for any units in any order, and all of it in the end', () => {
    fc.assert(
      fc.property(someBasket, fc.infiniteStream(fc.integer({ min: 1, max: 40 })), (b, cuts) => {
        for (const l of priceBasket(b).lines) {
          const sums = { pay: 0, deposit: 0, shares: new Map<string, number>() };
          const units = Array.from({ length: l.quantity }, (_, i) => shareOf(l, i, 1));
          for (let from = 0; from < l.quantity; ) {
            const count = Math.min(cuts.next().value ?? 1, l.quantity - from);
            const part = shareOf(l, from, count);
            const offs = part.shares.reduce((sum, s) => sum + s.minor, 0);
            expect(part.payMinor + offs + part.depositWorthMinor - part.depositMinor).toBe(l.unitMinor * count);
            expect(Math.min(part.payMinor, ...part.shares.map((s) => s.minor))).toBeGreaterThanOrEqual(0);
            // Taken one by one they are the same.
            const single = units.slice(from, from + count).reduce((sum, u) => sum + u.payMinor, 0);
            expect(part.payMinor).toBe(single);
            sums.pay += part.payMinor;
            sums.deposit += part.depositMinor;
            for (const s of part.shares) sums.shares.set(s.couponId, (sums.shares.get(s.couponId) ?? 0) + s.minor);
            from += count;
          }
          expect(sums.pay).toBe(l.payMinor);
          expect(sums.deposit).toBe(l.depositMinor);
          for (const s of l.shares) expect(sums.shares.get(s.couponId)).toBe(s.minor);
          const pays = units.map((u) => u.payMinor);
          expect(Math.max(...pays) - Math.min(...pays)).toBeLessThanOrEqual(1);
        }
      }),
      { numRuns: 300 },
    );
  });

  test('has no units beyond its own', () => {
    const [l] = priceBasket(basket([line('pan', 100, { quantity: 3 })])).lines;
    if (l === undefined) throw new Error('no line');
    expect(() => shareOf(l, 2, 2)).toThrow(new RangeError('units must be a whole number from 1 to 1, not 2'));
    expect(() => shareOf(l, 3, 1)).toThrow(RangeError);
    expect(() => shareOf(l, 0, 0.5)).toThrow(RangeError);
  });
});

describe('a basket that cannot be', () => {
  test.each<[string, Basket, RegExp]>([
    ['a negative price', basket([line('pan', -1)]), /^lines\.0\.listMinor/],
    ['a fraction', basket([line('pan', 100, { unitMinor: 1.5 })]), /^lines\.0\.unitMinor .* not 1\.5$/],
    ['not a number', basket([line('pan', 100, { unitMinor: Number.NaN })]), /^lines\.0\.unitMinor .* not NaN$/],
    ['more than can be counted', basket([line('pan', 1_000_000_000_001)]), /^lines\.0\.listMinor/],
    ['no units', basket([line('pan', 1, { quantity: 0 })]), /^lines\.0\.quantity/],
    ['a thousand million units', basket([line('pan', 1, { quantity: 1e9 })]), /^lines\.0\.quantity/],
    ['another currency', basket([line('pan', 1, { currency: 'EUR' })]), /^lines\.0\.currency must be CNY, not EUR$/],
    [
      'a coupon of another currency',
      basket([line('pan', 1)], [coupon('x', 'energy', { currency: 'VND' })]),
      /^coupons\.0\.currency must be CNY/,
    ],
    ['a deal twice', basket([line('pan', 1), line('pan', 1)]), /^lines have the dealId "pan" twice$/],
    [
      'a coupon twice',
      basket([], [coupon('x', 'energy'), coupon('x', 'energy')]),
      /^coupons have the couponId "x" twice$/,
    ],
    ['a negative coupon', basket([], [coupon('x', 'energy', { offMinor: -5 })]), /^coupons\.0\.offMinor/],
    ['a brand coupon of nobody', basket([], [{ ...coupon('x', 'energy'), kind: 'brand' }]), /^coupons\.0\.brandId/],
    ['a choice of what is not offered', basket([line('pan', 1)], [], { chosen: ['y'] }), /^chosen: the coupon "y"/],
    ['a level of no lantern', basket([], [], { level: 5 }), /^level/],
    [
      'a deposit that shrinks',
      basket([line('pan', 9, { deposit: { depositMinor: 3, worthMinor: 2 } })]),
      /^lines\.0\.deposit\.worthMinor must be at least/,
    ],
    [
      'a deposit worth more than the goods',
      basket([line('pan', 9, { deposit: { depositMinor: 3, worthMinor: 10 } })]),
      /^lines\.0\.deposit\.worthMinor must not be more/,
    ],
    [
      'too many lines',
      basket(Array.from({ length: basketLinesMax + 1 }, (_, i) => line(`d-${i}`, 1))),
      /^lines\.length/,
    ],
    [
      'too many coupons',
      basket(
        [],
        Array.from({ length: basketCouponsMax + 1 }, (_, i) => coupon(`c-${i}`, 'energy')),
      ),
      /^coupons\.length/,
    ],
  ])('%s is a RangeError that names it', (_, b, message) => {
    expect(() => priceBasket(b)).toThrow(RangeError);
    expect(() => priceBasket(b)).toThrow(message);
  });

  test('is not an empty one: that costs nothing', () => {
    expect(priceBasket(basket([]))).toMatchObject({ totalMinor: 0, exact: true });
  });
});
