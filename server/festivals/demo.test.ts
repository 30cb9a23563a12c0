import { readFileSync } from 'node:fs';
import { type Festival, problemsInTime, readFestival } from '@elevens/shared/src/catalogue/festival.ts';
import { lowOf } from '@elevens/shared/src/deals/pricing/authoring.ts';
import { couponKinds } from '@elevens/shared/src/deals/pricing/coupon-kinds.ts';
import { priceBasket } from '@elevens/shared/src/deals/pricing/price.ts';
import type { PricedLine } from '@elevens/shared/src/deals/pricing/types.ts';
import { kindOf } from '@elevens/shared/src/deals/records.ts';
import { durationMs, type Occurrence, occurrencesBetween, parseWhen } from '@elevens/shared/src/time.ts';
import { describe, expect, test } from 'vitest';

const festival = demo();
/** A first start at an odd moment: nothing in the programme may lean on the hour of the clock. */
const firstStartMs = Date.parse('2026-11-10T21:37:11Z');
const dayMs = 86_400_000;
/** The demo is left running: a day after a week is no different from the first. */
const days = [firstStartMs, firstStartMs + 7 * dayMs];

function demo(): Festival {
  const read = readFestival(JSON.parse(readFileSync(new URL('./demo.json', import.meta.url), 'utf8')));
  if (!read.ok) throw new Error(read.problems.map((p) => `${p.path}: ${p.message}`).join('\n'));
  return read.festival;
}

function occurrencesOf(record: { when: string }, span: { fromMs: number; toMs: number }): Occurrence[] {
  return occurrencesBetween(parseWhen(record.when), firstStartMs, { ...span, max: 100_000 });
}

/** Every ten seconds of the day from there. */
function* moments(fromMs: number): Generator<number> {
  for (let atMs = fromMs; atMs < fromMs + dayMs; atMs += 10_000) yield atMs;
}

/** How many of these records are open at each moment of a day. */
function openThrough(records: readonly { when: string }[], fromMs: number): number[] {
  const spans = records.flatMap((r) => occurrencesOf(r, { fromMs, toMs: fromMs + dayMs }));
  return [...moments(fromMs)].map((atMs) => spans.filter((s) => s.startsAtMs <= atMs && atMs < s.endsAtMs).length);
}

describe('the demo festival, whatever minute someone comes', () => {
  test('has 6 brands, 24 products with pictures of their own, and two live sessions', () => {
    expect(festival.brands).toHaveLength(6);
    expect(festival.products).toHaveLength(24);
    expect(new Set(festival.products.map((p) => JSON.stringify(p.picture))).size).toBe(24);
    expect(festival.sessions).toHaveLength(2);
    for (const brand of festival.brands) {
      expect(festival.products.filter((p) => p.brandId === brand.id)).toHaveLength(4);
    }
  });

  test('always has a live session', () => {
    for (const fromMs of days) expect(Math.min(...openThrough(festival.sessions, fromMs))).toBeGreaterThanOrEqual(1);
  });

  test('always has three deals open at once, and never the whole street', () => {
    for (const fromMs of days) {
      const open = openThrough(festival.deals, fromMs);
      expect(Math.min(...open)).toBeGreaterThanOrEqual(3);
      expect(Math.max(...open)).toBeLessThanOrEqual(12);
    }
  });

  test('opens a deal or a drop within the next two minutes', () => {
    for (const fromMs of days) {
      const openings = [...festival.deals, ...festival.drops]
        .flatMap((r) => occurrencesOf(r, { fromMs, toMs: fromMs + 2 * dayMs }))
        .map((o) => o.startsAtMs)
        .toSorted((a, b) => a - b);
      let next = 0;
      for (const atMs of moments(fromMs)) {
        while ((openings[next] ?? Number.POSITIVE_INFINITY) < atMs) next++;
        expect((openings[next] ?? Number.POSITIVE_INFINITY) - atMs).toBeLessThanOrEqual(120_000);
      }
    }
  });

  test('is in exactly one phase of the evening', () => {
    for (const fromMs of days) expect(new Set(openThrough(festival.phases, fromMs))).toEqual(new Set([1]));
  });

  test('rains red packets at least every four minutes', () => {
    const span = { fromMs: firstStartMs, toMs: firstStartMs + dayMs };
    const starts = festival.drops.flatMap((d) => occurrencesOf(d, span)).map((o) => o.startsAtMs);
    const sorted = [firstStartMs, ...starts].toSorted((a, b) => a - b);
    for (const [i, startMs] of sorted.slice(1).entries()) {
      expect(startMs - (sorted[i] ?? 0)).toBeLessThanOrEqual(240_000);
    }
    for (const drop of festival.drops) {
      expect(drop.packets).toBeGreaterThanOrEqual(60);
      expect(drop.packets).toBeLessThanOrEqual(200);
    }
  });

  test('always has something to earn energy by, of every kind but a packet before the first rain', () => {
    const kinds = new Set(festival.tasks.map((t) => t.on));
    expect(kinds.size).toBe(4);
    for (const kind of kinds) {
      const tasks = festival.tasks.filter((t) => t.on === kind);
      const fromMs = kind === 'redpackets.opened' ? firstStartMs + 60_000 : firstStartMs;
      expect(Math.min(...openThrough(tasks, fromMs))).toBeGreaterThanOrEqual(1);
    }
  });

  test('uses nothing up for ever: all that is sold, given or shown comes round again', () => {
    const records = [
      festival.deals,
      festival.coupons,
      festival.drops,
      festival.sessions,
      festival.tasks,
      festival.phases,
      festival.moments,
    ];
    for (const record of records.flat()) expect(parseWhen(record.when).kind).toBe('every');
    // Uses of a coupon do not come round, so there are more than a demo left running for a month gives away.
    for (const coupon of festival.coupons) expect(coupon.total).toBeGreaterThanOrEqual(1_000_000);
  });

  test('has no deal whose next round begins while holds of the last are still running', () => {
    for (const deal of festival.deals) {
      const schedule = parseWhen(deal.when);
      if (schedule.kind !== 'every') throw new Error('not a repeating deal');
      const earlierMs = Math.max(0, ...(deal.early ?? []).map((tier) => durationMs(tier.opensEarlier)));
      expect(earlierMs + schedule.forMs + durationMs(deal.hold)).toBeLessThanOrEqual(schedule.everyMs);
    }
  });

  test('sells below the list price, some of it scarce and some of it plenty', () => {
    for (const deal of festival.deals) {
      const product = festival.products.find((p) => p.id === deal.productId);
      expect(deal.priceMinor).toBeLessThan(product?.listMinor ?? 0);
      expect(durationMs(deal.hold)).toBeGreaterThanOrEqual(60_000);
      expect(durationMs(deal.hold)).toBeLessThanOrEqual(180_000);
    }
    expect(Math.min(...festival.deals.map((d) => d.total))).toBe(5);
    expect(Math.max(...festival.deals.map((d) => d.total))).toBeGreaterThanOrEqual(150);
  });

  test('undercuts, whenever it starts, the lowest price of the 30 days before, also where there was a lower one', () => {
    for (const startMs of [
      '2026-03-20T00:00:00Z',
      '2026-06-30T00:00:00Z',
      '2026-11-10T21:37:11Z',
      '2031-01-01T00:00:00Z',
    ])
      expect(problemsInTime(festival, Date.parse(startMs))).toEqual([]);
    const lows = festival.deals.flatMap((deal) => {
      const product = festival.products.find((p) => p.id === deal.productId);
      return product === undefined ? [] : [{ listMinor: product.listMinor, ...lowOf(product, deal, firstStartMs) }];
    });
    // Some were cheaper than their list price lately, and their pages say so.
    expect(lows.filter((low) => low.lowMinor < low.listMinor).length).toBeGreaterThanOrEqual(5);
  });

  test('has a presale whose balance can be paid a few minutes after somebody came, before the next deposits', () => {
    const presales = festival.deals.filter((d) => kindOf(d) === 'presale');
    expect(presales).toHaveLength(1);
    for (const { when, presale } of presales) {
      const schedule = parseWhen(when);
      if (schedule.kind !== 'every' || presale === undefined) throw new Error('not a repeating presale');
      const balanceMs = durationMs(presale.balanceAfter) + durationMs(presale.balanceFor);
      expect(schedule.fromMs + schedule.forMs + durationMs(presale.balanceAfter)).toBeLessThanOrEqual(10 * 60_000);
      expect(schedule.forMs + balanceMs).toBeLessThanOrEqual(schedule.everyMs);
      expect(presale.depositWorthMinor).toBeGreaterThan(presale.depositMinor);
    }
  });

  test('lets whoever lit lanterns in earlier, and for less', () => {
    const early = festival.deals.flatMap((d) => (d.early ?? []).map((tier) => ({ ...tier, dealMinor: d.priceMinor })));
    expect(early.map((tier) => tier.level)).toEqual([1, 2, 4]);
    expect(early.some((tier) => (tier.priceMinor ?? tier.dealMinor) < tier.dealMinor)).toBe(true);
  });

  test('has coupons of every kind that are always on, and baskets for which one is left out on purpose', () => {
    expect(new Set(festival.coupons.map((c) => c.kind)).size).toBe(4);
    for (const kind of couponKinds.filter((k) => k !== 'shop')) {
      const coupons = festival.coupons.filter((c) => c.kind === kind);
      expect(Math.min(...openThrough(coupons, firstStartMs))).toBeGreaterThanOrEqual(1);
    }
    const lines = ['field-headphones', 'night-cream', 'iron-pan'].map((id): PricedLine => {
      const deal = festival.deals.find((d) => d.id === id);
      const product = festival.products.find((p) => p.id === deal?.productId);
      if (deal === undefined || product === undefined) throw new Error(`no deal ${id}`);
      const { priceMinor: unitMinor, productId } = deal;
      return { dealId: id, productId, brandId: product.brandId, quantity: 1, listMinor: product.listMinor, unitMinor };
    });
    const coupons = festival.coupons.map((c) => {
      const window = { opensAtMs: 0, closesAtMs: firstStartMs + dayMs };
      return { ...c, couponId: c.id, ...window, usesLeft: c.usesPerShopper, left: c.total };
    });
    const proof = priceBasket({ lines, coupons, currency: 'CNY', level: 2, nowMs: firstStartMs });
    expect(proof.steps.flatMap((s) => (s.step === 'coupon' ? [s.couponId] : []))).toEqual([
      'kettle-row-iron',
      'pell-rue-three-jars',
      'street-50-off-300',
      'two-lanterns',
    ]);
    expect(proof.ruledOut).toContainEqual({
      couponId: 'hollow-wave-pads',
      why: 'does-not-stack',
      with: ['street-50-off-300'],
      byMinor: 1_000,
    });
  });

  test('shows in a session what is open while it runs, the pinned deal throughout', () => {
    const span = { fromMs: firstStartMs, toMs: firstStartMs + dayMs };
    for (const session of festival.sessions) {
      const pinned = festival.deals.find((d) => d.id === session.dealIds[0]);
      expect(pinned).toBeDefined();
      for (const shown of occurrencesOf(session, span)) {
        const open = occurrencesOf(pinned ?? { when: '' }, { fromMs: shown.startsAtMs, toMs: shown.endsAtMs });
        expect(open[0]?.startsAtMs).toBe(shown.startsAtMs);
        expect(open[0]?.endsAtMs).toBe(shown.endsAtMs);
      }
    }
  });
});
