import type { CommandOutcome } from '@elevens/shared/src/contracts.ts';
import type { Deal, Hold } from '@elevens/shared/src/deals/contract.ts';
import { describe, expect, it } from 'vitest';
import { type ClaimFacts, claimStateOf } from './claim-state.ts';

const stock = { total: 10, free: 4, held: 6, sold: 0, paused: false, soldOut: false, waiting: 0 };
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
  early: [{ level: 2, opensAtMs: 700, priceMinor: 18_900 }],
  presale: null,
  lowMinor: 24_900,
  stock,
};
const hold: Hold = {
  holdId: 'h0.aaaaaaaa',
  kind: 'hold',
  paymentId: null,
  lines: [{ dealId: 'kettle~1', quantity: 1, priceMinor: 19_900, currency: 'CNY' }],
  claimedAtMs: 1_100,
  lapsesAtMs: 9_000,
};
const facts: ClaimFacts = {
  deal,
  stock,
  opensAtMs: 1_000,
  held: null,
  offer: null,
  standing: { holds: 0, holdsMax: 12, untilMs: null },
  place: null,
  nowMs: 1_500,
  online: true,
  sending: false,
  outcome: null,
};
const refused = (why: string, more = {}) =>
  ({ ok: false, why, dealId: 'kettle~1', ...more }) as CommandOutcome<'deals:claim'>;
const whole = (change: Partial<ClaimFacts>) => claimStateOf({ ...facts, ...change });
const state = (change: Partial<ClaimFacts>) => whole(change).is;
const none = { ...stock, free: 0 };
const soldOut = { ...none, soldOut: true };

describe('what the sign says about a claim', () => {
  it('is open while units are free', () => expect(state({})).toBe('open'));
  it('counts down before the opening, and is closed from the very moment of closing', () => {
    expect(whole({ nowMs: 400 })).toEqual({ is: 'early', opensAtMs: 1_000, leftMs: 600 });
    expect(state({ nowMs: 999 })).toBe('early');
    expect(state({ nowMs: 1_000 })).toBe('open');
    expect(state({ nowMs: 2_000 })).toBe('closed');
  });
  it('opens at the shopper’s own door, and not before it', () => {
    expect(whole({ opensAtMs: 700, nowMs: 690 })).toEqual({ is: 'early', opensAtMs: 700, leftMs: 10 });
    expect(state({ opensAtMs: 700, nowMs: 700 })).toBe('open');
  });
  it('believes the server about the door, until that moment has come', () => {
    const outcome = refused('not-open-yet', { opensAtMs: 1_000 });
    expect(whole({ opensAtMs: 700, nowMs: 800, outcome })).toEqual({ is: 'early', opensAtMs: 1_000, leftMs: 200 });
    expect(state({ opensAtMs: 700, nowMs: 1_000, outcome })).toBe('open');
  });
  it('puts a hold of one’s own before everything else, even offline and after closing', () => {
    expect(state({ held: { hold, quantity: 1 }, online: false, nowMs: 5_000 })).toBe('held');
  });
  it('leads back to the till while what is held is being paid', () => {
    const paying = { ...hold, paymentId: 'y0.aaaaaaaa' };
    expect(whole({ held: { hold: paying, quantity: 1 } })).toMatchObject({ is: 'paying', paymentId: 'y0.aaaaaaaa' });
  });
  it('puts an offer before even that, because it waits only a minute', () => {
    const offer: Hold = { ...hold, holdId: 'h0.bbbbbbbb', kind: 'offer' };
    expect(whole({ offer, held: { hold, quantity: 1 }, place: 1, stock: soldOut })).toEqual({ is: 'offered', offer });
  });
  it('offers one more only while limit, stock, standing and time leave room for it', () => {
    const held = { hold, quantity: 1 };
    const two = { ...deal, limitPerShopper: 2 };
    expect(whole({ held })).toMatchObject({ is: 'held', more: false });
    expect(whole({ held, deal: two })).toMatchObject({ is: 'held', more: true });
    expect(whole({ held, deal: two, nowMs: 2_000 })).toMatchObject({ more: false });
    expect(whole({ held, deal: two, stock: none })).toMatchObject({ more: false });
    expect(whole({ held, deal: two, standing: { holds: 1, holdsMax: 1, untilMs: 9_000 } })).toMatchObject({
      more: false,
    });
    expect(whole({ held, deal: two, outcome: refused('limit-reached', { limit: 2, taken: 2 }) })).toMatchObject({
      more: false,
    });
  });
  it('says offline rather than something that may no longer be so', () =>
    expect(state({ online: false })).toBe('offline'));
  it('says paused before it says gone', () => expect(state({ stock: { ...soldOut, paused: true } })).toBe('paused'));
  it('keeps a lost or unconfirmed answer askable', () => {
    expect(state({ outcome: { ok: false, fault: 'unknown', retryAfterMs: 500 } })).toBe('no-answer');
    expect(state({ outcome: { ok: false, fault: 'pending', retryAfterMs: 500 } })).toBe('no-answer');
  });
  it('waits for new terms, and is open once they are here', () => {
    expect(state({ outcome: refused('terms-changed', { terms: 3 }) })).toBe('terms');
    expect(state({ outcome: refused('terms-changed', { terms: 3 }), deal: { ...deal, terms: 3 } })).toBe('open');
  });
  it('says how many are left when they are fewer than asked for', () => {
    expect(whole({ outcome: refused('not-so-many', { left: 2 }) })).toEqual({ is: 'few', left: 2 });
    expect(state({ outcome: refused('not-so-many', { left: 2 }), stock: soldOut })).toBe('sold-out');
  });
});

describe('the verdict', () => {
  it('is never read from a zero: a claim may still be tried', () => expect(state({ stock: none })).toBe('none-free'));
  it('is the server’s, said to all or to a claim of ours', () => {
    expect(whole({ stock: soldOut })).toEqual({ is: 'sold-out', lost: false });
    expect(whole({ stock: none, outcome: refused('sold-out') })).toEqual({ is: 'sold-out', lost: true });
  });
  it('ends when a unit came back', () => expect(state({ outcome: refused('sold-out') })).toBe('open'));
  it('leads to the line, and from there the place is said', () => {
    expect(whole({ stock: soldOut, place: 3, outcome: refused('sold-out') })).toEqual({ is: 'waiting', place: 3 });
    expect(state({ place: 3 })).toBe('open');
    expect(state({ place: 3, stock: soldOut, nowMs: 2_000 })).toBe('closed');
  });
});

describe('how much one person may hold', () => {
  it('is said as the limit', () =>
    expect(state({ outcome: refused('limit-reached', { limit: 1, taken: 1 }) })).toBe('limit'));
  it('is known before a tap, with until when', () => {
    expect(whole({ standing: { holds: 1, holdsMax: 1, untilMs: 8_000 } })).toEqual({
      is: 'one-at-a-time',
      untilMs: 8_000,
    });
    expect(whole({ standing: { holds: 12, holdsMax: 12, untilMs: null } })).toEqual({ is: 'too-many', holdsMax: 12 });
    expect(state({ standing: { holds: 0, holdsMax: 1, untilMs: 8_000 } })).toBe('open');
  });
  it('is over when nothing is held any more, or the time has come', () => {
    const outcome = refused('one-at-a-time', { untilMs: 8_000 });
    const standing = { holds: 1, holdsMax: 12, untilMs: null };
    expect(whole({ outcome, standing })).toEqual({ is: 'one-at-a-time', untilMs: 8_000 });
    expect(state({ outcome })).toBe('open');
    expect(state({ outcome, standing, nowMs: 8_000, deal: { ...deal, closesAtMs: 9_000 } })).toBe('open');
    expect(whole({ outcome: refused('too-many-holds', { holdsMax: 12 }), standing })).toEqual({
      is: 'too-many',
      holdsMax: 12,
    });
  });
});
