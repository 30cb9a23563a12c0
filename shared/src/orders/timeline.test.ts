import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { TimelineEntry } from './contract.ts';
import { hashText } from './test-hash.ts';
import { chainStart, exportTimeline, type Knot, tie, verifyChain } from './timeline.ts';

const orderId = 'o0.abcdefgh';

function tied(notes: readonly string[], of = orderId): TimelineEntry[] {
  const entries: TimelineEntry[] = [];
  let before = { n: 0, hash: chainStart(of) };
  for (const [i, note] of notes.entries()) {
    const knot: Knot = { atMs: 1_000 + i, who: 's_a', role: 'shopper', what: 'placed', amountMinor: i, note };
    before = tie(before, knot, hashText);
    entries.push(before as TimelineEntry);
  }
  return entries;
}
const check = (entries: readonly TimelineEntry[], entriesExpected = entries.length, of = orderId) =>
  verifyChain({ orderId: of, entries, entriesExpected }, hashText);

describe('the string of an order', () => {
  test('holds when nothing was touched, and shows the first entry that was changed, taken out, put in or put elsewhere', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string(), { minLength: 2, maxLength: 12 }),
        fc.nat(),
        fc.constantFrom('note', 'amountMinor', 'who', 'atMs', 'what', 'hash'),
        (notes, which, field) => {
          const entries = tied(notes);
          expect(check(entries)).toEqual({ whole: true, brokenAt: null });
          const at = which % entries.length;
          const entry = entries[at] as TimelineEntry;
          const value = entry[field];
          const other = typeof value === 'number' ? value + 1 : `${value}x`;
          const whole = entries.length;
          expect(check(entries.with(at, { ...entry, [field]: other }))).toEqual({ whole: false, brokenAt: at + 1 });
          expect(check(entries.toSpliced(at, 1), whole).brokenAt).toBe(at + 1);
          expect(check(entries.toSpliced(at, 0, entry), whole + 1).brokenAt).toBe(at === 0 ? 2 : at + 2);
          const swapped = at === 0 ? 1 : at - 1;
          const first = Math.min(at, swapped);
          expect(check(entries.with(at, entries[swapped] as TimelineEntry).with(swapped, entry)).brokenAt).toBe(
            first + 1,
          );
        },
      ),
      { numRuns: 500 },
    );
  });

  test('of one order cannot be hung on another', () => {
    expect(check(tied(['a', 'b']), 2, 'o0.ijklmnop')).toEqual({ whole: false, brokenAt: 1 });
  });

  test('shows entries that were cut off at its end by the order’s own count', () => {
    expect(check(tied(['a', 'b', 'c']).slice(0, 2), 3)).toEqual({ whole: false, brokenAt: 3 });
  });
});

describe('an export', () => {
  const order = { orderId, currency: 'CNY' as const, version: 1 };

  test.each([
    ['=1+1', "'=1+1"],
    ['+49', "'+49"],
    ['-1', "'-1"],
    ['@SUM(A1)', "'@SUM(A1)"],
    ['\t=1', "'\t=1"],
    ['  =1', "'  =1"],
    ['a,b', '"a,b"'],
    ['say "hi"', '"say ""hi"""'],
    ['two\nlines', '"two\nlines"'],
    ['小心', '小心'],
  ])('as CSV writes the note %j as %j, which no spreadsheet runs', (note, expected) => {
    const { text, name } = exportTimeline(order, tied([note]), { format: 'csv', ledgerHead: null });
    expect(name).toBe('order-o0-abcdefgh.csv');
    const cells = `,CNY,${expected},`;
    expect(text).toContain(cells);
  });

  test('as JSON brings all that is needed to check it again', () => {
    const entries = tied(['a', 'b']);
    const ledgerHead = { segment: 7, sha256: 'ab'.repeat(32), upTo: '1700000000000-3' };
    const file = JSON.parse(exportTimeline({ ...order, version: 2 }, entries, { format: 'json', ledgerHead }).text);
    expect(check(file.entries, file.version, file.orderId)).toEqual({ whole: true, brokenAt: null });
    expect(file.chainStart).toBe(chainStart(orderId));
    expect(file.ledgerHead).toEqual(ledgerHead);
  });
});
