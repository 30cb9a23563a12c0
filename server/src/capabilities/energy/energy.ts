import type { energy as contract, Task, TaskRecord } from '@elevens/shared/src/energy/contract.ts';
import { shopperIdSchema } from '@elevens/shared/src/ids.ts';
import { recordIdOf } from '@elevens/shared/src/occurrence-ids.ts';
import { type NamedOccurrence, occurrenceOf, occurrencesOf } from '@elevens/shared/src/occurrences.ts';
import { momentMsSchema } from '@elevens/shared/src/time.ts';
import { z } from 'zod';
import { personOf } from '../../platform/caller.ts';
import type { Clock } from '../../platform/clock.ts';
import type { FeedRegistry } from '../../platform/feeds.ts';
import type { HandlersOf } from '../../platform/gateway.ts';
import type { Logger } from '../../platform/logger.ts';
import type { Redis } from '../../platform/redis/connections.ts';
import type { Keyspace } from '../../platform/redis/keyspace.ts';
import type { Announced, Relay } from '../../platform/relay.ts';
import { type Comparison, createEnergyLaw } from './law.ts';
import { type Credit, createStore, type EnergyEvent, type Touch } from './store.ts';

/** What energy wants of the catalogue. */
export interface TaskCatalogue {
  festival(): { firstStartMs: number };
  all(kind: 'tasks'): readonly TaskRecord[];
  get(kind: 'tasks', id: string): TaskRecord | undefined;
}

type Handlers = HandlersOf<typeof contract>;
type CompleteDecision = Awaited<ReturnType<Handlers['complete']>>;

/** Of every announced event this much is read; what else it carries is for others. */
const announcedSchema = z.object({
  shopperId: shopperIdSchema,
  atMs: momentMsSchema,
  simulated: z.boolean(),
  /** There when it is about an order. */
  orderId: z.string().max(64).default(''),
});
/** An order that is paid back takes with it what it earned. */
const takesBack = 'orders.refunded';

/** The tasks shown: of each record what is open and what comes next, within a day. */
const shownAheadMs = 86_400_000;
const shownPerRecordMax = 2;
const shownMax = 200;
/** Energy changes by a shopper's own doing, which should be seen at once. */
const sampleMs = 100;

export interface Energy {
  handlers: Handlers;
  /**
   * What should be equal and what is found: the totals, and some shoppers in every round; equal pairs too. Empty while
   * the ledger has not been read to its end.
   */
  checkEnergy(): Promise<Comparison[]>;
}

export function createEnergy({
  redis,
  keys,
  clock,
  logger,
  catalogue,
  feeds,
  relay,
}: {
  redis: Redis;
  keys: Keyspace;
  clock: Clock;
  logger: Logger;
  catalogue: TaskCatalogue;
  feeds: FeedRegistry;
  relay: Pick<Relay, 'destination'>;
}): Energy {
  const store = createStore({ redis, keys });

  // ---------------------------------------------------------------------------------------------------- events
  /** The occurrence of each task that was found last: nearly every event falls into the same one. */
  const lastFound = new WeakMap<TaskRecord, NamedOccurrence>();

  function occurrenceAt(record: TaskRecord, atMs: number): NamedOccurrence | null {
    const last = lastFound.get(record);
    if (last !== undefined && last.startsAtMs <= atMs && atMs < last.endsAtMs) return last;
    const { firstStartMs } = catalogue.festival();
    const [found] = occurrencesOf(record, firstStartMs, { fromMs: atMs, toMs: atMs + 1, max: 1 });
    if (found === undefined) return null;
    lastFound.set(record, found);
    return found;
  }

  function creditsOf(event: string, atMs: number): Credit[] {
    return catalogue.all('tasks').flatMap((record) => {
      if (record.on !== event) return [];
      const found = occurrenceAt(record, atMs);
      return found === null ? [] : [{ taskId: found.id, energy: record.energy, closesAtMs: found.endsAtMs }];
    });
  }

  /** An event tells of one shopper, or of a list of them: claims that were decided together are announced together. */
  function read(partition: number, source: string, { number, event, payload }: Announced): EnergyEvent {
    // What nothing is credited for, and nothing was, need not be read.
    if (event !== takesBack && !catalogue.all('tasks').some((task) => task.on === event))
      return { number, touches: [] };
    const told = parse(payload);
    const touches = (Array.isArray(told) ? told : [told]).flatMap((one): Touch[] => {
      const parsed = announcedSchema.safeParse(one);
      if (!parsed.success || keys.partitionOf(parsed.data.shopperId) !== partition) {
        // It can never be applied. It is passed over, so that it does not stand in the way of all behind it for ever.
        logger.error({ source, number, event }, 'an announced event cannot be read and credits nothing');
        return [];
      }
      const touch = { ...parsed.data, takesBack: event === takesBack, credits: creditsOf(event, parsed.data.atMs) };
      return touch.takesBack || touch.credits.length > 0 ? [touch] : [];
    });
    return { number, touches };
  }

  for (let k = 0; k < keys.partitions; k++) {
    relay.destination(`energy@p${k}`, async (source, entries) => {
      const events = entries.map((entry) => read(k, source, entry));
      await store.apply(k, source, events, clock.nowMs());
    });
  }

  // --------------------------------------------------------------------------------------------------- commands
  async function tasks(): Promise<Awaited<ReturnType<Handlers['tasks']>>> {
    const nowMs = clock.nowMs();
    const { firstStartMs } = catalogue.festival();
    const span = { fromMs: nowMs, toMs: nowMs + shownAheadMs, max: shownPerRecordMax };
    const shown = catalogue
      .all('tasks')
      .flatMap((record) => occurrencesOf(record, firstStartMs, span).map((o) => taskOf(record, o)))
      .toSorted((a, b) => a.opensAtMs - b.opensAtMs || (a.taskId < b.taskId ? -1 : 1));
    return { ok: true, reply: { nowMs, tasks: shown.slice(0, shownMax) } };
  }

  /** What the schedule says to a tap: the credit that it asks for, or why there is none. */
  function decide(taskId: string, atMs: number): { credit: Credit } | { refusal: CompleteDecision } {
    const record = catalogue.get('tasks', recordIdOf(taskId));
    const occurrence = record === undefined ? null : occurrenceOf(record, catalogue.festival().firstStartMs, taskId);
    if (record === undefined || occurrence === null) return { refusal: { ok: false, why: 'unknown-task' } };
    if (record.on !== 'check-in') return { refusal: { ok: false, why: 'not-by-tap' } };
    if (atMs < occurrence.startsAtMs || atMs >= occurrence.endsAtMs)
      return { refusal: { ok: false, why: 'task-closed' } };
    return { credit: { taskId, energy: record.energy, closesAtMs: occurrence.endsAtMs } };
  }

  async function complete(
    ...[caller, { taskId }, answer]: Parameters<Handlers['complete']>
  ): Promise<CompleteDecision> {
    const { shopperId, simulated } = personOf(caller);
    const { arrivedAtMs } = caller;
    const decided = decide(taskId, arrivedAtMs);
    // Even a refused tap asks Redis: a request that was answered before gets that answer again, whatever the time is now.
    const outcome = await store.complete({
      shopperId,
      simulated,
      arrivedAtMs,
      nowMs: clock.nowMs(),
      answer,
      taskId,
      decided: 'refusal' in decided ? { refusal: JSON.stringify(decided.refusal) } : decided,
    });
    return JSON.parse(outcome) as CompleteDecision;
  }

  // ------------------------------------------------------------------------------------------------------ feeds
  feeds.state('energy:mine', {
    channels: (id) => [store.bell(id)],
    sampleMs,
    read: (ids) => Promise.all(ids.map((id) => store.mine(id, clock.nowMs()))),
  });

  return { handlers: { tasks, complete }, checkEnergy: createEnergyLaw({ redis, keys }) };
}

function taskOf(record: TaskRecord, occurrence: NamedOccurrence): Task {
  return {
    taskId: occurrence.id,
    title: record.title,
    blurb: record.blurb,
    on: record.on,
    energy: record.energy,
    opensAtMs: occurrence.startsAtMs,
    closesAtMs: occurrence.endsAtMs,
  };
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
