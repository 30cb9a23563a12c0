import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { occurrenceOf, occurrencesNear, occurrencesOf } from './occurrences.ts';

const firstStartMs = 1_800_000_000_000;
const rain = { id: 'rain', when: 'every 10m for 3m from +4m' };
const gala = { id: 'gala', when: '+2m for 10m' };

test('a thing that happens once is known by its own id, a repeating one by its id and number', () => {
  const span = { fromMs: firstStartMs, toMs: firstStartMs + 1_800_000, max: 9 };
  expect(occurrencesOf(gala, firstStartMs, span)).toEqual([
    { id: 'gala', startsAtMs: firstStartMs + 120_000, endsAtMs: firstStartMs + 720_000 },
  ]);
  expect(occurrencesOf(rain, firstStartMs, span).map((o) => o.id)).toEqual(['rain~0', 'rain~1', 'rain~2']);
});

test('an occurrence looked up by its id is the one that the schedule gives, however far away', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 9_999_999 }), fc.integer({ min: 0, max: 1_000 }), (number, offsetMs) => {
      const found = occurrenceOf(rain, firstStartMs, `rain~${number}`);
      expect(found).not.toBeNull();
      const inside = (found?.startsAtMs ?? 0) + offsetMs;
      expect(occurrencesOf(rain, firstStartMs, { fromMs: inside, toMs: inside + 1, max: 1 })).toEqual([found]);
    }),
  );
  const [once] = occurrencesOf(gala, firstStartMs, { fromMs: 0, toMs: firstStartMs * 2, max: 1 });
  expect(occurrenceOf(gala, firstStartMs, 'gala')).toEqual(once);
  expect(occurrenceOf({ id: 'day', when: '2026-11-11T00:00:00+08:00 for 1h' }, firstStartMs, 'day')).toEqual({
    id: 'day',
    startsAtMs: Date.UTC(2026, 10, 10, 16),
    endsAtMs: Date.UTC(2026, 10, 10, 17),
  });
});

test.each([
  // rain: 4 to 7 minutes, 14 to 17, and so on.
  [rain, 5, ['rain~0', 'rain~1']],
  [rain, 8, ['rain~0', 'rain~1']],
  [rain, 13, ['rain~1', 'rain~2']],
  [{ id: 'blink', when: 'every 10s for 10s' }, 5, ['blink~30', 'blink~31']],
  [{ id: 'wink', when: 'every 20s for 10s' }, 5.25, ['wink~15', 'wink~16']],
  [gala, 1, ['gala']],
  [gala, 13, ['gala']],
  [gala, 17, []],
])('of %o after %d minutes a list shows %o', (record, minutes, ids) => {
  const near = { nowMs: firstStartMs + minutes * 60_000, behindMs: 180_000, aheadMs: 3_600_000 };
  expect(occurrencesNear(record, firstStartMs, near).map((o) => o.id)).toEqual(ids);
});

test.each([
  [rain, 'rain'],
  [rain, 'rain~'],
  [rain, 'rain~007'],
  [rain, 'rain~1.5'],
  [rain, 'rain~-1'],
  [rain, 'rain~x'],
  [rain, 'rains~1'],
  [gala, 'gala~0'],
  [gala, 'other'],
])('%o has no occurrence %s', (record, id) => {
  expect(occurrenceOf(record, firstStartMs, id)).toBeNull();
});
