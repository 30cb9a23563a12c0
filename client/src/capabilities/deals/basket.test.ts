import type { CommandOutcome } from '@elevens/shared/src/contracts.ts';
import type { Deal, Hold } from '@elevens/shared/src/deals/contract.ts';
import { describe, expect, it } from 'vitest';
import { type BasketFacts, basketSignOf, heldParts, orderLinesMax, type WantedFacts, wantedStateOf } from './basket.ts';
import type { Offer } from './use-deals.ts';

const hold = (id: string, more: Partial<Hold> = {}): Hold => ({
  holdId: `h0.${id}-hold`,
  kind: 'hold',
  paymentId: null,
  lines: [{ dealId: id, quantity: 1, priceMinor: 100, currency: 'CNY' }],
  claimedAtMs: 0,
  lapsesAtMs: 600_000,
  ...more,
});

describe('what is held', () => {
  it('is paid together, but for presales and what is at the till', () => {
    const till = hold('lamp', { paymentId: 'y0.aaaaaaaa' });
    const too = hold('knit', { paymentId: 'y0.aaaaaaaa' });
    const parts = heldParts([hold('kettle'), till, hold('sofa'), too, hold('pan')], (id) => id === 'sofa');
    expect(parts.together.map((h) => h.holdId)).toEqual(['h0.kettle-hold', 'h0.pan-hold']);
    expect(parts.apart.map((h) => h.holdId)).toEqual(['h0.sofa-hold']);
    expect(parts.tills).toEqual([{ paymentId: 'y0.aaaaaaaa', holds: [till, too] }]);
  });
  it('goes into one order only as far as one order takes', () => {
    const lines = (n: number) =>
      Array.from({ length: n }, (_, i) => ({ dealId: `d${i}`, quantity: 1, priceMinor: 1, currency: 'CNY' as const }));
    const parts = heldParts([hold('a', { lines: lines(6) }), hold('b', { lines: lines(3) }), hold('c')], () => false);
    expect(parts.together.flatMap((h) => h.lines)).toHaveLength(7);
    expect(parts.after.map((h) => h.holdId)).toEqual(['h0.b-hold']);
    expect(parts.together.flatMap((h) => h.lines).length).toBeLessThanOrEqual(orderLinesMax);
  });
});

describe('a deal that is held at two prices', () => {
  it('is paid in two goes, because one order knows one price of it', () => {
    const line = { dealId: 'kettle', quantity: 1, priceMinor: 90, currency: 'CNY' as const };
    const parts = heldParts([hold('kettle'), hold('early', { lines: [line] }), hold('pan')], () => false);
    expect(parts.together.map((h) => h.holdId)).toEqual(['h0.kettle-hold', 'h0.pan-hold']);
    expect(parts.after.map((h) => h.holdId)).toEqual(['h0.early-hold']);
  });
});

const stock = { total: 10, free: 4, held: 6, sold: 0, paused: false, soldOut: false, waiting: 0 };
const deal = {
  dealId: 'kettle',
  limitPerShopper: 2,
  opensAtMs: 1_000,
  closesAtMs: 2_000,
  priceMinor: 100,
  early: [{ level: 1, opensAtMs: 500, priceMinor: 90 }],
} as unknown as Deal;
const wanted: WantedFacts = {
  offer: { deal } as Offer,
  stock,
  line: { dealId: 'kettle', quantity: 1 },
  lanterns: 0,
  nowMs: 1_500,
  heldUnits: 0,
  refused: null,
};
const state = (more: Partial<WantedFacts>) => wantedStateOf({ ...wanted, ...more });
const refused = (why: string, more = {}) =>
  ({ ok: false, why, dealId: 'kettle', ...more }) as CommandOutcome<'deals:claim'>;

describe('a line that is wanted', () => {
  it('can be had while it is on, from the shopper’s own door on', () => {
    expect(state({})).toEqual({ is: 'ready' });
    expect(state({ nowMs: 999 })).toEqual({ is: 'early', opensAtMs: 1_000 });
    expect(state({ nowMs: 500, lanterns: 2 })).toEqual({ is: 'ready' });
    expect(state({ nowMs: 2_000 })).toEqual({ is: 'closed' });
    expect(state({ offer: null })).toEqual({ is: 'unknown' });
  });
  it('is gone by the verdict or by an answer that names it, never by a zero', () => {
    expect(state({ stock: { ...stock, free: 0 } })).toEqual({ is: 'ready' });
    expect(state({ stock: { ...stock, free: 0, soldOut: true } })).toEqual({ is: 'sold-out' });
    expect(state({ stock: { ...stock, free: 0 }, refused: refused('sold-out') })).toEqual({ is: 'sold-out' });
    expect(state({ refused: refused('sold-out') })).toEqual({ is: 'ready' });
    expect(state({ refused: refused('sold-out', { dealId: 'pan' }), stock: { ...stock, free: 0 } })).toEqual({
      is: 'ready',
    });
  });
  it('says the limit before it is claimed, with what is held already', () => {
    expect(state({ heldUnits: 2 })).toEqual({ is: 'limit', limit: 2 });
    expect(state({ heldUnits: 1 })).toEqual({ is: 'ready' });
    expect(state({ refused: refused('limit-reached', { limit: 2, taken: 2 }) })).toEqual({ is: 'limit', limit: 2 });
  });
  it('says how many are left when they are fewer than wanted, until fewer are wanted', () => {
    const line = { dealId: 'kettle', quantity: 2 };
    expect(state({ line, refused: refused('not-so-many', { left: 1 }) })).toEqual({ is: 'few', left: 1 });
    expect(state({ refused: refused('not-so-many', { left: 1 }) })).toEqual({ is: 'ready' });
  });
});

const facts: BasketFacts = {
  online: true,
  claiming: false,
  placing: false,
  undecided: null,
  ready: 0,
  holding: false,
  totalMinor: null,
  movedToMinor: null,
  standing: { holds: 0, holdsMax: 12, untilMs: null },
  paymentId: null,
  nowMs: 0,
};
const sign = (more: Partial<BasketFacts>) => basketSignOf({ ...facts, ...more });

describe('the sign of the basket', () => {
  it('is not there when there is nothing to press it for', () => expect(sign({})).toEqual({ is: 'none' }));
  it('holds what is wanted first, so that everything is paid together', () => {
    expect(sign({ ready: 3 })).toEqual({ is: 'hold', lines: 3 });
    expect(sign({ ready: 1, holding: true, totalMinor: 500 })).toEqual({ is: 'hold', lines: 1 });
  });
  it('lets who may hold no more pay first, and says until when', () => {
    const standing = { holds: 1, holdsMax: 1, untilMs: 900 };
    expect(sign({ ready: 1, holding: true, totalMinor: 500, standing })).toMatchObject({ is: 'pay' });
    expect(sign({ ready: 1, standing })).toEqual({ is: 'one-at-a-time', untilMs: 900 });
    expect(sign({ ready: 1, standing: { ...standing, untilMs: null } })).toEqual({ is: 'too-many', holdsMax: 1 });
  });
  it('pays only a sum that was said, and asks once more when it moved', () => {
    expect(sign({ holding: true })).toEqual({ is: 'summing' });
    expect(sign({ holding: true, totalMinor: 500 })).toEqual({ is: 'pay', totalMinor: 500, moved: false });
    expect(sign({ holding: true, totalMinor: 500, movedToMinor: 600 })).toEqual({
      is: 'pay',
      totalMinor: 600,
      moved: true,
    });
  });
  it('keeps a lost answer askable, and leads back to the till', () => {
    expect(sign({ holding: true, totalMinor: 500, undecided: 'place' })).toEqual({ is: 'ask-again', of: 'place' });
    expect(sign({ paymentId: 'y0.aaaaaaaa' })).toEqual({ is: 'till', paymentId: 'y0.aaaaaaaa' });
    expect(sign({ holding: true, totalMinor: 500, online: false })).toEqual({ is: 'offline' });
  });
});
