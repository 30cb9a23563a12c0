import { occurrenceId, recordIdOf } from './occurrence-ids.ts';
import { occurrencesBetween, parseWhen } from './time.ts';

/** One time that an authored record comes round: [startsAtMs, endsAtMs), under the id by which it is known everywhere. */
export interface NamedOccurrence {
  id: string;
  startsAtMs: number;
  endsAtMs: number;
}

/** Occurrences looked through for the one that ended last: at one every 10 s, the most there are in three hours. */
const overMax = 1_080;

interface Timed {
  id: string;
  when: string;
}

/** The occurrences of a record that touch [fromMs, toMs), oldest first, at most `max`. */
export function occurrencesOf(
  record: Timed,
  firstStartMs: number,
  span: { fromMs: number; toMs: number; max: number },
): NamedOccurrence[] {
  return occurrencesBetween(parseWhen(record.when), firstStartMs, span).map(({ number, startsAtMs, endsAtMs }) => ({
    id: occurrenceId(record.id, number),
    startsAtMs,
    endsAtMs,
  }));
}

/**
 * When one occurrence of a record is, however long ago or far ahead; null for an id that the record's schedule never
 * gives, such as a number for a thing that happens once or a number written another way (`rain~007`).
 */
export function occurrenceOf(record: Timed, firstStartMs: number, id: string): NamedOccurrence | null {
  if (recordIdOf(id) !== record.id) return null;
  const schedule = parseWhen(record.when);
  if (schedule.kind === 'once') {
    if (id !== record.id) return null;
    const startsAtMs = 'atMs' in schedule.start ? schedule.start.atMs : firstStartMs + schedule.start.afterStartMs;
    return { id, startsAtMs, endsAtMs: startsAtMs + schedule.forMs };
  }
  const number = Number(id.slice(record.id.length + 1));
  if (!Number.isSafeInteger(number) || number < 0 || occurrenceId(record.id, number) !== id) return null;
  const startsAtMs = firstStartMs + schedule.fromMs + number * schedule.everyMs;
  return { id, startsAtMs, endsAtMs: startsAtMs + schedule.forMs };
}

/**
 * What a list shows of a record: the occurrence that is on and the next; while none is on, the one that ended last (if
 * no longer ago than `behindMs`) and the next. However quickly it repeats, what is over never takes the place of what is on.
 */
export function occurrencesNear(
  record: Timed,
  firstStartMs: number,
  { nowMs, behindMs, aheadMs }: { nowMs: number; behindMs: number; aheadMs: number },
): NamedOccurrence[] {
  const coming = occurrencesOf(record, firstStartMs, { fromMs: nowMs, toMs: nowMs + aheadMs, max: 2 });
  if (coming[0] !== undefined && coming[0].startsAtMs <= nowMs) return coming;
  const over = occurrencesOf(record, firstStartMs, { fromMs: nowMs - behindMs, toMs: nowMs, max: overMax }).at(-1);
  return over === undefined ? coming : [over, ...coming.slice(0, 1)];
}
