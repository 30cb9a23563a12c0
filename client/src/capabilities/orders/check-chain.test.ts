import { createHash } from 'node:crypto';
import type { TimelineEntry } from '@elevens/shared/src/orders/contract.ts';
import { chainStart, tie } from '@elevens/shared/src/orders/timeline.ts';
import { describe, expect, it } from 'vitest';
import { checkChain } from './check-chain.ts';

const orderId = 'o0.lantern01';
const hash = (text: string): string => createHash('sha256').update(text).digest('hex');

/** A string as the server ties it, with its own SHA-256. */
function tied(whats: string[]): TimelineEntry[] {
  const entries: TimelineEntry[] = [];
  for (const [i, what] of whats.entries()) {
    const before = entries.at(-1) ?? { n: 0, hash: chainStart(orderId) };
    const knot = { atMs: 1_000 * i, who: 's_1', role: 'shopper' as const, what, amountMinor: 19_900, note: '¥, lượng' };
    entries.push(tie(before, knot, hash));
  }
  return entries;
}
const check = (entries: TimelineEntry[], entriesExpected = entries.length) =>
  checkChain({ orderId, entries, entriesExpected });

describe('a string checked in the browser', () => {
  const whole = tied(['placed', 'paid', 'shipped', 'received']);

  it('is whole as the server tied it', async () => {
    expect(await check(whole)).toEqual({ is: 'whole' });
  });
  it('names the first entry that was changed, even when its own hash was left alone', async () => {
    const changed = whole.map((entry) => (entry.n === 2 ? { ...entry, amountMinor: 1 } : entry));
    expect(await check(changed)).toEqual({ is: 'broken', at: 2 });
  });
  it('is broken where an entry was taken out, and where the end was cut off', async () => {
    expect(await check(whole.filter((entry) => entry.n !== 3))).toEqual({ is: 'broken', at: 3 });
    expect(await check(whole.slice(0, 3), 4)).toEqual({ is: 'broken', at: 4 });
  });
  it('cannot be hung on another order', async () => {
    expect(await checkChain({ orderId: 'o0.another01', entries: whole, entriesExpected: 4 })).toEqual({
      is: 'broken',
      at: 1,
    });
  });
});
