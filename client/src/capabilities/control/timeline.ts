import type { ProgrammeEntry } from '@elevens/shared/src/campaign/contract.ts';
import { recordIdOf } from '@elevens/shared/src/occurrence-ids.ts';

/** What a line across a wall has room for, with titles that can be read from five metres. */
const shownMax = 5;
const pastMax = 1;
const onMax = 2;

/** Deals are the stalls below; the line shows what the evening itself does. */
function isLandmark(entry: ProgrammeEntry): boolean {
  return entry.kind !== 'deal';
}

export interface Timeline {
  entries: { entry: ProgrammeEntry; state: 'done' | 'on' | 'next' }[];
  /** Where now is, in entries: 2.5 is halfway between the third and the fourth. */
  here: number;
}

/** What comes round again is shown the next time only. */
function firstOfEach(entries: readonly ProgrammeEntry[]): ProgrammeEntry[] {
  const seen = new Set<string>();
  return entries.filter((entry) => {
    const record = recordIdOf(entry.id);
    if (seen.has(record)) return false;
    seen.add(record);
    return true;
  });
}

/** A few landmarks around now, by their starts: what was, what is on, what comes. */
export function timelineOf(programme: readonly ProgrammeEntry[], nowMs: number): Timeline {
  const landmarks = programme.filter(isLandmark).toSorted((a, b) => a.startsAtMs - b.startsAtMs);
  const started = landmarks.filter((entry) => entry.startsAtMs <= nowMs);
  const on = started.filter((entry) => entry.endsAtMs > nowMs).slice(-onMax);
  const past = started.filter((entry) => entry.endsAtMs <= nowMs).slice(-pastMax);
  const next = firstOfEach(landmarks.filter((entry) => entry.startsAtMs > nowMs)).slice(
    0,
    shownMax - on.length - past.length,
  );
  const shown = [...past, ...on].toSorted((a, b) => a.startsAtMs - b.startsAtMs);
  const last = shown.at(-1);
  const coming = next[0];
  const share =
    last === undefined || coming === undefined
      ? 0.5
      : (nowMs - last.startsAtMs) / Math.max(1, coming.startsAtMs - last.startsAtMs);
  return {
    entries: [
      ...shown.map((entry) => ({ entry, state: entry.endsAtMs > nowMs ? ('on' as const) : ('done' as const) })),
      ...next.map((entry) => ({ entry, state: 'next' as const })),
    ],
    here: Math.max(0, shown.length - 1 + Math.min(0.96, share)),
  };
}
