import type { ProgrammeEntry } from './contract.ts';

/** What is on, what is next and what is over, computed from the clock: no timer decides it and nothing is sent. */
export interface Tonight {
  phase: ProgrammeEntry | null;
  on: ProgrammeEntry[];
  /** The next thing that starts, phases included: what the countdown counts to. */
  next: ProgrammeEntry | null;
  ahead: ProgrammeEntry[];
  past: ProgrammeEntry[];
}

/** Sorts the running order for a moment. An entry is on in [startsAtMs, endsAtMs). */
export function tonightAt(programme: readonly ProgrammeEntry[], nowMs: number): Tonight {
  const on = programme.filter((e) => e.startsAtMs <= nowMs && nowMs < e.endsAtMs);
  const ahead = programme.filter((e) => e.startsAtMs > nowMs).toSorted((a, b) => a.startsAtMs - b.startsAtMs);
  const past = programme.filter((e) => e.endsAtMs <= nowMs).toSorted((a, b) => b.endsAtMs - a.endsAtMs);
  return {
    phase: on.find((e) => e.kind === 'phase') ?? null,
    on: on.filter((e) => e.kind !== 'phase'),
    next: ahead[0] ?? null,
    ahead,
    past,
  };
}
