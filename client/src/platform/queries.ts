import type { CommandOutcome } from '@elevens/shared/src/contracts.ts';
import type { FaultAnswer } from '@elevens/shared/src/faults.ts';
import { randomBetween, spreadOut } from './chance.ts';
import type { QueryName } from './socket.ts';
import type { ReplyOfName } from './wire.ts';

/**
 * Lists that several pages show (the running order, the deals, ...), asked for once and kept. They are asked for again when
 * the catalogue moves, after a reconnect, and when the programme passes a point at which the list must read differently.
 */

export type Answer<T> =
  | { is: 'loading' }
  | { is: 'ready'; reply: T; refreshing: boolean }
  | { is: 'failed'; fault: FaultAnswer };

export interface Queries {
  read<N extends ListName>(name: N): Answer<ReplyOfName<N>>;
  subscribe(name: ListName, onChange: () => void): () => void;
  refresh(name: ListName): void;
  /** Everything that is shown is asked for again, spread over the given span. */
  refreshAll(overMs: number): void;
}

/** Queries without input, whose reply can be kept under their name. */
export type ListName = Extract<
  QueryName,
  'campaign:tonight' | 'deals:list' | 'live:list' | 'redpackets:list' | 'energy:tasks'
>;

interface Kept {
  answer: Answer<unknown>;
  followers: Set<() => void>;
  asking: boolean;
  again: boolean;
  cancelDue: (() => void) | null;
  failures: number;
}

interface QueriesNeeds {
  call: (name: ListName) => Promise<CommandOutcome<ListName>>;
  nowMs: () => number;
  later: (ms: number, act: () => void) => () => void;
}

/** The end of an occurrence is the same moment for everyone, so the lists are asked for again over this span after it. */
const jitterMs = 2_500;
/** However the programme is made, a list is not asked for more often than this of its own accord. */
const dueLeastMs = 4_000;
/** And it is asked for at least this often, so that a programme's far end comes into view. */
const dueMostMs = 300_000;
/** A failed question is asked again after this long, doubled each time up to eightfold. */
const failedPauseMs = 1_500;

/** The moments in a reply after which it reads differently: the ends and starts of what it names. */
function momentsIn(reply: unknown): number[] {
  const found: number[] = [];
  for (const list of Object.values(reply as Record<string, unknown>)) {
    if (!Array.isArray(list)) continue;
    for (const item of list as Record<string, unknown>[]) {
      for (const field of ['endsAtMs', 'closesAtMs']) {
        const at = item[field];
        if (typeof at === 'number') found.push(at);
      }
    }
  }
  return found;
}

export function createQueries({ call, nowMs, later }: QueriesNeeds): Queries {
  const kept = new Map<ListName, Kept>();
  const loading: Answer<never> = { is: 'loading' };

  function entryOf(name: ListName): Kept {
    let entry = kept.get(name);
    if (entry === undefined) {
      entry = { answer: loading, followers: new Set(), asking: false, again: false, cancelDue: null, failures: 0 };
      kept.set(name, entry);
    }
    return entry;
  }

  function show(entry: Kept, answer: Answer<unknown>): void {
    entry.answer = answer;
    for (const follower of entry.followers) follower();
  }

  function due(name: ListName, entry: Kept, inMs: number): void {
    entry.cancelDue?.();
    entry.cancelDue = later(inMs, () => {
      entry.cancelDue = null;
      // A list that nobody shows is dropped instead, so that it is fresh when it is shown again.
      if (entry.followers.size > 0) void ask(name);
      else kept.delete(name);
    });
  }

  async function ask(name: ListName): Promise<void> {
    const entry = entryOf(name);
    if (entry.asking) {
      entry.again = true;
      return;
    }
    entry.asking = true;
    if (entry.answer.is === 'failed') show(entry, loading);
    const outcome = await call(name);
    entry.asking = false;
    if (outcome.ok) {
      entry.failures = 0;
      show(entry, { is: 'ready', reply: outcome.reply, refreshing: false });
      const next = Math.min(...momentsIn(outcome.reply).filter((at) => at > nowMs()), Number.POSITIVE_INFINITY);
      const inMs = Math.min(Math.max(next - nowMs() + randomBetween(150, jitterMs), dueLeastMs), dueMostMs);
      due(name, entry, inMs);
    } else if ('fault' in outcome) {
      // What was shown before stays: an old running order is better than none.
      if (entry.answer.is !== 'ready') show(entry, { is: 'failed', fault: outcome });
      entry.failures++;
      due(name, entry, spreadOut(failedPauseMs * 2 ** Math.min(entry.failures, 3)));
    }
    if (entry.again) {
      entry.again = false;
      void ask(name);
    }
  }

  return {
    read: (name) => (kept.get(name)?.answer ?? loading) as Answer<never>,
    subscribe(name, onChange) {
      const entry = entryOf(name);
      entry.followers.add(onChange);
      if (!entry.asking && entry.cancelDue === null) void ask(name);
      return () => entry.followers.delete(onChange);
    },
    refresh: (name) => void ask(name),
    refreshAll(overMs) {
      for (const [name, entry] of kept) due(name, entry, randomBetween(0, overMs));
    },
  };
}
