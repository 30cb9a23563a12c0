import { z } from 'zod';

/** A moment in milliseconds since 1970 UTC, up to the year 5138. */
export const momentMsSchema = z.int().min(0).max(100_000_000_000_000);

const UNIT_MS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** A length of time as people write it: `90s`, `2m`, `1h30m`, `2d`. */
const DURATION = /^(?:\d{1,6}[smhd]){1,4}$/;
export const durationSchema = z.string().regex(DURATION, 'must be a duration such as 90s, 2m or 1h30m');

/** Milliseconds of a duration. Throws a RangeError for text that is none. */
export function durationMs(text: string): number {
  if (!DURATION.test(text)) throw new RangeError(`not a duration: ${text}`);
  let total = 0;
  for (const [, count, unit] of text.matchAll(/(\d+)([smhd])/g)) {
    total += Number(count) * UNIT_MS[unit as keyof typeof UNIT_MS];
  }
  return total;
}

/**
 * When something happens. Three forms:
 * - `+2m for 10m`: once, two minutes after the festival's first start;
 * - `2026-11-11T00:00:00+08:00 for 30m`: once, at a stated moment (an offset or Z is required);
 * - `every 10m for 3m` or `every 10m for 3m from +4m`: again and again, counted from the first start.
 */
const WHEN =
  /^(?:(?<at>\+\S+|\d{4}-\d\d-\d\dT\S+) for (?<once>\S+)|every (?<every>\S+) for (?<each>\S+?)(?: from (?<from>\+\S+))?)$/;

export type Schedule =
  | { kind: 'once'; start: { afterStartMs: number } | { atMs: number }; forMs: number }
  | { kind: 'every'; everyMs: number; forMs: number; fromMs: number };

/** One time that a schedule comes round: [startsAtMs, endsAtMs), numbered from 0, or null for a thing that happens once. */
export interface Occurrence {
  number: number | null;
  startsAtMs: number;
  endsAtMs: number;
}

const DAY_MS = 86_400_000;

/** Reads a `when` text. Throws a RangeError that says what is wrong with it. */
export function parseWhen(text: string): Schedule {
  const groups = WHEN.exec(text)?.groups;
  if (!groups)
    throw new RangeError(
      'must read like "+2m for 10m", "2026-11-11T00:00:00+08:00 for 30m" or "every 10m for 3m from +4m"',
    );
  if (groups.every !== undefined) {
    const everyMs = durationMs(groups.every);
    const forMs = durationMs(groups.each ?? '');
    if (everyMs < 10_000) throw new RangeError('must repeat at most every 10 s');
    if (forMs <= 0 || forMs > everyMs)
      throw new RangeError('must last longer than nothing and no longer than its repetition');
    return { kind: 'every', everyMs, forMs, fromMs: groups.from === undefined ? 0 : durationMs(groups.from.slice(1)) };
  }
  const forMs = durationMs(groups.once ?? '');
  if (forMs <= 0 || forMs > 400 * DAY_MS) throw new RangeError('must last longer than nothing and at most 400 days');
  const at = groups.at ?? '';
  if (at.startsWith('+')) return { kind: 'once', start: { afterStartMs: durationMs(at.slice(1)) }, forMs };
  const atMs = Date.parse(at);
  if (!Number.isFinite(atMs) || !/(Z|[+-]\d\d:\d\d)$/.test(at))
    throw new RangeError(`must be a moment with an offset, such as 2026-11-11T00:00:00+08:00, not ${at}`);
  return { kind: 'once', start: { atMs }, forMs };
}

export const whenSchema = z
  .string()
  .max(80)
  .superRefine((text, context) => {
    try {
      parseWhen(text);
    } catch (error) {
      context.addIssue({ code: 'custom', message: error instanceof Error ? error.message : 'is not a time' });
    }
  });

/**
 * The occurrences that touch [fromMs, toMs), oldest first, at most `max` (the nearest to the start of the span).
 * `firstStartMs` is the moment the festival was first started: what relative times count from.
 */
export function occurrencesBetween(
  schedule: Schedule,
  firstStartMs: number,
  span: { fromMs: number; toMs: number; max: number },
): Occurrence[] {
  if (schedule.kind === 'once') {
    const startsAtMs = 'atMs' in schedule.start ? schedule.start.atMs : firstStartMs + schedule.start.afterStartMs;
    const endsAtMs = startsAtMs + schedule.forMs;
    return endsAtMs > span.fromMs && startsAtMs < span.toMs ? [{ number: null, startsAtMs, endsAtMs }] : [];
  }
  const origin = firstStartMs + schedule.fromMs;
  const found: Occurrence[] = [];
  let number = Math.max(0, Math.floor((span.fromMs - origin - schedule.forMs) / schedule.everyMs) + 1);
  for (; found.length < span.max; number++) {
    const startsAtMs = origin + number * schedule.everyMs;
    if (startsAtMs >= span.toMs) break;
    const endsAtMs = startsAtMs + schedule.forMs;
    if (endsAtMs > span.fromMs) found.push({ number, startsAtMs, endsAtMs });
  }
  return found;
}
