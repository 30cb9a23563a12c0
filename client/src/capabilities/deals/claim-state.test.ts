import type { CommandOutcome } from '@elevens/shared/src/contracts.ts';
import type { Deal, Hold } from '@elevens/shared/src/deals/contract.ts';
import { describe, expect, it } from 'vitest';
import { type ClaimFacts, claimStateOf } from './claim-state.ts';

const stock = { total: 10, free: 4, held: 6, sold: 0, paused: false };
const deal: Deal = {
  dealId: 'kettle~1',
  productId: 'kettle',
  brandId: 'kettle-row',
  currency: 'CNY',
  listMinor: 39_900,
  priceMinor: 19_900,
  limitPerShopper: 1,
  holdMs: 600_000,
  opensAtMs: 1_000,
  closesAtMs: 2_000,
  terms: 2,
  stock,
};
const hold: Hold = {
  holdId: 'h',
  lines: [{ dealId: 'kettle~1', quantity: 1, priceMinor: 19_900, currency: 'CNY' }],
  claimedAtMs: 1_100,
  lapsesAtMs: 9_000,
};
const facts: ClaimFacts = { deal, stock, held: null, nowMs: 1_500, online: true, sending: false, outcome: null };
const refused = (why: string, more = {}) =>
  ({ ok: false, why, dealId: 'kettle~1', ...more }) as CommandOutcome<'deals:claim'>;
const state = (change: Partial<ClaimFacts>) => claimStateOf({ ...facts, ...change }).is;

describe('what the sign says about a claim', () => {
  it('is open while units are free', () => expect(state({})).toBe('open'));
  it('counts down before the opening, and is closed from the very moment of closing', () => {
    expect(claimStateOf({ ...facts, nowMs: 400 })).toEqual({ is: 'early', leftMs: 600 });
    expect(state({ nowMs: 1_000 })).toBe('open');
    expect(state({ nowMs: 2_000 })).toBe('closed');
  });
  it('puts a hold of one’s own before everything else, even offline and after closing', () => {
    expect(state({ held: { hold, quantity: 1 }, online: false, nowMs: 5_000 })).toBe('held');
  });
  it('offers one more only while limit, stock and time leave room for it', () => {
    const held = { hold, quantity: 1 };
    const two = { ...deal, limitPerShopper: 2 };
    expect(claimStateOf({ ...facts, held })).toMatchObject({ is: 'held', more: false });
    expect(claimStateOf({ ...facts, held, deal: two })).toMatchObject({ is: 'held', more: true });
    expect(claimStateOf({ ...facts, held, deal: two, nowMs: 2_000 })).toMatchObject({ more: false });
    expect(claimStateOf({ ...facts, held, deal: two, stock: { ...stock, free: 0 } })).toMatchObject({ more: false });
    expect(
      claimStateOf({ ...facts, held, deal: two, outcome: refused('limit-reached', { limit: 2, taken: 2 }) }),
    ).toMatchObject({ more: false });
  });
  it('says offline rather than something that may no longer be so', () =>
    expect(state({ online: false })).toBe('offline'));
  it('says paused before it says gone', () =>
    expect(state({ stock: { ...stock, free: 0, paused: true } })).toBe('paused'));
  it('calls a zero none free, and lost only after the server’s verdict', () => {
    expect(state({ stock: { ...stock, free: 0 } })).toBe('none-free');
    expect(state({ stock: { ...stock, free: 0 }, outcome: refused('sold-out') })).toBe('lost');
  });
  it('lights again when a unit comes back after a lost race', () =>
    expect(state({ outcome: refused('sold-out') })).toBe('open'));
  it('keeps a lost answer askable', () => {
    expect(state({ outcome: { ok: false, fault: 'unknown', retryAfterMs: 500 } })).toBe('no-answer');
  });
  it('waits for new terms, and is open once they are here', () => {
    expect(state({ outcome: refused('terms-changed', { terms: 3 }) })).toBe('terms');
    expect(state({ outcome: refused('terms-changed', { terms: 3 }), deal: { ...deal, terms: 3 } })).toBe('open');
  });
  it('says the limit and the number of holds', () => {
    expect(state({ outcome: refused('limit-reached', { limit: 1, taken: 1 }) })).toBe('limit');
    expect(claimStateOf({ ...facts, outcome: refused('too-many-holds', { holdsMax: 12 }) })).toEqual({
      is: 'too-many',
      holdsMax: 12,
    });
  });
});
