import { occurrencesBetween, type Schedule } from '../time.ts';

/**
 * Whether two schedules are ever on at once. Moments counted from the first start and moments of the calendar can only
 * be compared once the start is known: with null they pass.
 */
export function everOverlap(a: Schedule, b: Schedule, firstStartMs: number | null): boolean {
  if (a.kind === 'every' && b.kind === 'every') {
    // The distances between their starts are one distance plus all multiples of the greatest common divisor.
    const step = greatestCommonDivisor(a.everyMs, b.everyMs);
    const apart = (((b.fromMs - a.fromMs) % step) + step) % step;
    return apart < a.forMs || step - apart < b.forMs;
  }
  if (firstStartMs === null && isInCalendar(a) !== isInCalendar(b)) return false;
  const originMs = firstStartMs ?? 0;
  const [once, other] = a.kind === 'once' ? [a, b] : [b, a];
  const [stretch] = occurrencesBetween(once, originMs, { fromMs: 0, toMs: Number.MAX_SAFE_INTEGER, max: 1 });
  if (stretch === undefined) return false;
  const span = { fromMs: stretch.startsAtMs, toMs: stretch.endsAtMs, max: 1 };
  return occurrencesBetween(other, originMs, span).length > 0;
}

function isInCalendar(schedule: Schedule): boolean {
  return schedule.kind === 'once' && 'atMs' in schedule.start;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

/** A schedule that begins so much earlier and ends when it did. */
export function openedEarlier(schedule: Schedule, earlierMs: number): Schedule {
  const forMs = schedule.forMs + earlierMs;
  if (schedule.kind === 'every') return { ...schedule, forMs, fromMs: schedule.fromMs - earlierMs };
  const { start } = schedule;
  if ('atMs' in start) return { kind: 'once', start: { atMs: start.atMs - earlierMs }, forMs };
  return { kind: 'once', start: { afterStartMs: start.afterStartMs - earlierMs }, forMs };
}

/** When a schedule is first on; null where that counts from a first start that is not known. */
export function firstOpensAtMs(schedule: Schedule, firstStartMs: number | null): number | null {
  const { start } = schedule.kind === 'every' ? { start: { afterStartMs: schedule.fromMs } } : schedule;
  if ('atMs' in start) return start.atMs;
  return firstStartMs === null ? null : firstStartMs + start.afterStartMs;
}
