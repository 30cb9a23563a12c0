import type { ProgrammeEntry } from '@elevens/shared/src/campaign/contract.ts';
import { type Tonight, tonightAt } from '@elevens/shared/src/campaign/programme.ts';
import { useMemo } from 'react';
import { useList, useMeasured, useNow } from '../../platform/platform.tsx';

export type TonightView =
  | { is: 'loading' }
  | { is: 'failed'; fault: string }
  | { is: 'ready'; nowMs: number; measured: boolean; tonight: Tonight; programme: ProgrammeEntry[]; demo: boolean };

/** The evening as it stands this second. What is on and what is next follow from the clock alone. */
export function useTonight(): TonightView {
  const answer = useList('campaign:tonight');
  const nowMs = useNow(1_000);
  const measured = useMeasured();
  const programme = answer.is === 'ready' ? answer.reply.programme : null;
  const tonight = useMemo(() => (programme === null ? null : tonightAt(programme, nowMs)), [programme, nowMs]);
  if (answer.is === 'failed') return { is: 'failed', fault: answer.fault.fault };
  if (answer.is === 'loading' || tonight === null || programme === null) return { is: 'loading' };
  return { is: 'ready', nowMs, measured, tonight, programme, demo: answer.reply.demo };
}

/** Where an entry of the running order leads; a phase or a moment is no place to go to. */
export function addressOf(entry: ProgrammeEntry): string | null {
  switch (entry.kind) {
    case 'deal':
      return `/deals/${entry.id}`;
    case 'drop':
      return `/packets/${entry.id}`;
    case 'session':
      return `/live/${entry.id}`;
    case 'phase':
    case 'moment':
      return null;
  }
}

/** Rows of the running order: enough for the next half hour, few enough to be read at a glance. */
const pastMax = 2;
const onMax = 4;
const aheadMax = 7;

export interface Row {
  entry: ProgrammeEntry;
  when: 'past' | 'now' | 'ahead';
}

/** The rows to show: the last that is over, what is on, and what comes, by start. A phase shows only where it begins. */
export function rowsOf(tonight: Tonight): Row[] {
  const row =
    (when: Row['when']) =>
    (entry: ProgrammeEntry): Row => ({ entry, when });
  const byStart = (a: Row, b: Row): number => a.entry.startsAtMs - b.entry.startsAtMs;
  return [
    ...tonight.past
      .filter((e) => e.kind !== 'phase')
      .slice(0, pastMax)
      .map(row('past'))
      .toSorted(byStart),
    ...tonight.on.slice(0, onMax).map(row('now')).toSorted(byStart),
    ...tonight.ahead.slice(0, aheadMax).map(row('ahead')),
  ];
}

/** What a late comer missed: over before they came, each thing once, with the time it comes round again if it does. */
export interface Missed {
  entry: ProgrammeEntry;
  again: ProgrammeEntry | null;
}
const missedMax = 6;

export function missedBefore(tonight: Tonight, arrivedAtMs: number): Missed[] {
  const nameOf = (entry: ProgrammeEntry): string => `${entry.kind} ${entry.id.split('~', 1)[0]}`;
  const seen = new Set(tonight.on.map(nameOf));
  const missed: Missed[] = [];
  for (const entry of tonight.past) {
    if (entry.kind === 'phase' || entry.kind === 'moment' || entry.endsAtMs > arrivedAtMs || seen.has(nameOf(entry)))
      continue;
    seen.add(nameOf(entry));
    missed.push({ entry, again: tonight.ahead.find((e) => nameOf(e) === nameOf(entry)) ?? null });
    if (missed.length === missedMax) break;
  }
  return missed;
}
