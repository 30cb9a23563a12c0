import { describe, expect, test } from 'vitest';
import { durationMs, durationSchema, momentMsSchema, occurrencesBetween, parseWhen, whenSchema } from './time.ts';

const firstStartMs = Date.parse('2026-11-10T15:00:00Z');
const minute = 60_000;

function startsOf(when: string, span: { fromMs: number; toMs: number; max?: number }): number[] {
  return occurrencesBetween(parseWhen(when), firstStartMs, { max: 100, ...span }).map(
    (o) => (o.startsAtMs - firstStartMs) / minute,
  );
}

describe('a duration', () => {
  test('is the sum of its parts', () => {
    expect(durationMs('90s')).toBe(90_000);
    expect(durationMs('1h30m')).toBe(5_400_000);
    expect(durationMs('2d')).toBe(172_800_000);
    expect(durationMs('1d2h3m4s')).toBe(93_784_000);
  });

  test.each(['', '5', 'm', '-5m', '1.5h', '5 m', '5ms', '1234567s', '1m1m1m1m1m', '٣m'])('is not %j', (text) => {
    expect(() => durationMs(text)).toThrow(RangeError);
    expect(durationSchema.safeParse(text).success).toBe(false);
  });
});

describe('a when', () => {
  test('counts from the first start, names a moment, or comes round again', () => {
    expect(parseWhen('+2m for 10m')).toEqual({ kind: 'once', start: { afterStartMs: 120_000 }, forMs: 600_000 });
    expect(parseWhen('2026-11-11T00:00:00+08:00 for 30m')).toEqual({
      kind: 'once',
      start: { atMs: Date.parse('2026-11-10T16:00:00Z') },
      forMs: 1_800_000,
    });
    expect(parseWhen('every 10m for 3m')).toEqual({ kind: 'every', everyMs: 600_000, forMs: 180_000, fromMs: 0 });
    expect(parseWhen('every 10m for 3m from +4m')).toMatchObject({ fromMs: 240_000 });
  });

  test.each([
    ['soon', 'must read like'],
    ['every 10m', 'must read like'],
    ['+2m', 'must read like'],
    ['every 5s for 1s', 'at most every 10 s'],
    ['every 1m for 2m', 'no longer than its repetition'],
    ['every 1m for 0s', 'longer than nothing'],
    ['+2m for 0s', 'longer than nothing'],
    ['+2m for 401d', 'at most 400 days'],
    ['2026-11-11T00:00:00 for 30m', 'with an offset'],
    ['2026-13-41T00:00:00Z for 30m', 'with an offset'],
    ['+soon for 2m', 'not a duration'],
    ['every 10m for 3m from 4m', 'must read like'],
    ['every 10m for 3m from +4m and again', 'must read like'],
  ])('%j is refused with words that mend it', (text, words) => {
    expect(() => parseWhen(text)).toThrow(words);
    const checked = whenSchema.safeParse(text);
    expect(checked.success ? '' : checked.error.issues[0]?.message).toContain(words);
  });

  test('of a hundred thousand characters is refused at once', () => {
    expect(whenSchema.safeParse(`every ${'1m'.repeat(50_000)} for 1m`).success).toBe(false);
  });
});

describe('the times a schedule comes round', () => {
  test('are numbered from the first, and a thing that happens once has no number', () => {
    const span = { fromMs: firstStartMs, toMs: firstStartMs + 30 * minute, max: 100 };
    const found = occurrencesBetween(parseWhen('every 10m for 3m from +4m'), firstStartMs, span);
    expect(found.map((o) => o.number)).toEqual([0, 1, 2]);
    expect(found[0]).toEqual({
      number: 0,
      startsAtMs: firstStartMs + 4 * minute,
      endsAtMs: firstStartMs + 7 * minute,
    });
    expect(occurrencesBetween(parseWhen('+1m for 1m'), firstStartMs, span)[0]?.number).toBeNull();
  });

  test('begin with the first: nothing comes round before the festival did', () => {
    const span = { fromMs: firstStartMs - 60 * minute, toMs: firstStartMs + 15 * minute };
    expect(startsOf('every 10m for 10m', span)).toEqual([0, 10]);
    expect(startsOf('every 10m for 10m from +4m', span)).toEqual([4, 14]);
  });

  test('touch the span with what has begun before it and what ends after it, but not with what ends as it begins', () => {
    const at = (m: number) => firstStartMs + m * minute;
    expect(startsOf('every 10m for 3m', { fromMs: at(12), toMs: at(20) })).toEqual([10]);
    expect(startsOf('every 10m for 3m', { fromMs: at(13), toMs: at(20) })).toEqual([]);
    expect(startsOf('every 10m for 3m', { fromMs: at(13), toMs: at(20) + 1 })).toEqual([20]);
    expect(startsOf('+10m for 3m', { fromMs: at(12), toMs: at(20) })).toEqual([10]);
    expect(startsOf('+10m for 3m', { fromMs: at(13), toMs: at(20) })).toEqual([]);
  });

  test('are the nearest to the start of the span where there are more than asked for', () => {
    const span = { fromMs: firstStartMs, toMs: firstStartMs + 1_000 * minute, max: 3 };
    expect(startsOf('every 10m for 3m', span)).toEqual([0, 10, 20]);
  });

  test('are the same whichever span they are seen through, a year on as on the first day', () => {
    const schedule = parseWhen('every 7m for 5m from +3m');
    const yearMs = 365 * 86_400_000;
    const whole = occurrencesBetween(schedule, firstStartMs, {
      fromMs: firstStartMs + yearMs,
      toMs: firstStartMs + yearMs + 120 * minute,
      max: 1_000,
    });
    for (const occurrence of whole) {
      const inside = { fromMs: occurrence.endsAtMs - 1, toMs: occurrence.endsAtMs, max: 10 };
      expect(occurrencesBetween(schedule, firstStartMs, inside)).toEqual([occurrence]);
    }
    expect(whole.length).toBeGreaterThan(15);
  });
});

describe('a moment', () => {
  test.each([Number.NaN, Number.POSITIVE_INFINITY, -1, 1.5, 2 ** 53 + 2, '1', 1n, null])('is not %s', (value) => {
    expect(momentMsSchema.safeParse(value).success).toBe(false);
  });
});
