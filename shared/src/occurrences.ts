import { occurrenceId, recordIdOf } from './occurrence-ids.ts';
import { occurrencesBetween, parseWhen } from './time.ts';

/** One time that an authored record comes round: [startsAtMs, endsAtMs), under the id by which it is known everywhere. */
export interface NamedOccurrence {
  id: string;
  startsAtMs: number;
  endsAtMs: number;
}

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
