import type { AnswerKey } from '../../platform/gateway.ts';
import type { Redis } from '../../platform/redis/connections.ts';
import type { Keyspace } from '../../platform/redis/keyspace.ts';
import { defineScript } from '../../platform/redis/scripts.ts';
import type { PaymentEvent } from './provider.ts';

const takeEvent = defineScript(new URL('./take-event.lua', import.meta.url));
const concludeEvent = defineScript(new URL('./conclude-event.lua', import.meta.url));
const forgetEvents = defineScript(new URL('./forget-events.lua', import.meta.url));
const replayEvent = defineScript(new URL('./replay-event.lua', import.meta.url));
const takeDues = defineScript(new URL('./take-dues.lua', import.meta.url));
const moveDue = defineScript(new URL('./move-due.lua', import.meta.url));

/** waiting: to be settled. settled: applied, kept for a while. flagged: an operator must look; `why` says what is wrong. */
export type EntryState = 'waiting' | 'settled' | 'flagged';

export interface Entry {
  state: EntryState;
  /** How often settling it has failed. */
  attempts: number;
  why: string | null;
  event: PaymentEvent;
}

/**
 * Entries a partition keeps at most. At 430 bytes each (Redis 7, measured over 50,000) that is 215 MB; above it the oldest
 * that are settled go, and only when there are none are webhooks answered 503, so that the provider keeps what we cannot.
 */
const entriesMaxDefault = 500_000;
/** Forgotten in one script call: under a millisecond of Redis. */
const forgottenMax = 200;
/** An operator's answer is remembered as long as any other. */
const answerKeptMs = 600_000;

/**
 * The shelf orders the inbox in one sorted set, by three ranges of scores that cannot meet: below zero what is flagged
 * (minus when), then what waits (when it is due), and from here on what is settled (this plus when).
 */
const settledFrom = 100_000_000_000_000;
const placeOf = {
  flagged: (atMs: number) => -atMs,
  waiting: (dueMs: number) => dueMs,
  settled: (atMs: number) => settledFrom + atMs,
} satisfies Record<EntryState, (ms: number) => number>;

function written({ state, attempts, why, event }: Entry): string {
  return `${state} ${attempts} ${why ?? '-'} ${JSON.stringify(event)}`;
}

function readEntry(text: string): Entry {
  const [, state, attempts, why, json] = /^(waiting|settled|flagged) (\d+) (\S+) (.*)$/s.exec(text) ?? [];
  if (json === undefined) throw new Error(`an entry of the payment inbox cannot be read: ${text.slice(0, 80)}`);
  return {
    state: state as EntryState,
    attempts: Number(attempts),
    why: why === '-' || why === undefined ? null : why,
    event: JSON.parse(json) as PaymentEvent,
  };
}

/** Where the inbox of the payment provider's events lies: in the partition of the payment that each speaks of. */
export function createStore({
  redis,
  keys,
  entriesMax = entriesMaxDefault,
}: {
  redis: Redis;
  keys: Keyspace;
  entriesMax?: number;
}) {
  const inboxOf = (partition: number) => {
    const { paymentInbox, paymentInboxDue } = keys.partition(partition);
    return [paymentInbox, paymentInboxDue] as const;
  };

  return {
    /**
     * Keeps an event unless it is kept already; then it answers that entry. `atMs` is when it is next due, or since when it
     * is flagged.
     */
    async take(partition: number, entry: Entry, atMs: number): Promise<'taken' | 'full' | Entry> {
      const answer = (await takeEvent.run(redis, inboxOf(partition), [
        entry.event.eventId,
        written(entry),
        placeOf[entry.state](atMs),
        entriesMax,
        settledFrom,
      ])) as string;
      return answer === 'taken' || answer === 'full' ? answer : readEntry(answer);
    },

    /** Writes what came of an event that was taken until `takenUntilMs`; nothing, if somebody else took it since. */
    async conclude(partition: number, takenUntilMs: number, entry: Entry, atMs: number): Promise<'done' | 'moved'> {
      const answer = await concludeEvent.run(redis, inboxOf(partition), [
        entry.event.eventId,
        placeOf.waiting(takenUntilMs),
        written(entry),
        placeOf[entry.state](atMs),
      ]);
      return answer as 'done' | 'moved';
    },

    /** Takes waiting entries that are due, until then. One that cannot be read is told of, and left where it is. */
    async takeDue(
      partition: number,
      { nowMs, untilMs, max }: { nowMs: number; untilMs: number; max: number },
    ): Promise<{ due: Entry[]; unreadable: unknown[] }> {
      const [inbox, shelf] = inboxOf(partition);
      const taken = (await takeDues.run(redis, [shelf], [nowMs, untilMs, max])) as string[];
      const due: Entry[] = [];
      const unreadable: unknown[] = [];
      for (const text of taken.length === 0 ? [] : await redis.hmget(inbox, ...taken)) {
        if (text === null) continue;
        try {
          due.push(readEntry(text));
        } catch (error) {
          unreadable.push(error);
        }
      }
      return { due, unreadable };
    },

    /** Makes an event due at once, for an operator. Answers the outcome as JSON text. */
    async replay(partition: number, operatorId: string, answer: AnswerKey, eventId: string, nowMs: number) {
      const p = keys.partition(partition);
      return (await replayEvent.run(
        redis,
        [p.answers(operatorId), p.answersOrder(operatorId), ...inboxOf(partition)],
        [
          answer.requestId,
          answer.inputHash,
          eventId,
          nowMs,
          nowMs + answerKeptMs,
          JSON.stringify({ ok: false, why: 'unknown-event' }),
          JSON.stringify({ ok: true, reply: { eventId } }),
        ],
      )) as string;
    },

    /** Forgets what was settled before one moment, and what was flagged before another. Answers how many went. */
    async forget(partition: number, before: { settledMs: number; flaggedMs: number }): Promise<number> {
      return (await forgetEvents.run(redis, inboxOf(partition), [
        forgottenMax,
        settledFrom,
        placeOf.settled(before.settledMs),
        placeOf.flagged(before.flaggedMs),
        '(0',
      ])) as number;
    },

    /** What is flagged in a partition, the latest first, how many there are, and how many entries wait. */
    async unsettled(partition: number, max: number) {
      const [inbox, shelf] = inboxOf(partition);
      const [places, total, waiting] = await Promise.all([
        redis.zrangebyscore(shelf, '-inf', '(0', 'WITHSCORES', 'LIMIT', 0, max),
        redis.zcount(shelf, '-inf', '(0'),
        redis.zcount(shelf, 0, `(${settledFrom}`),
      ]);
      const ids = places.filter((_, i) => i % 2 === 0);
      const texts = ids.length === 0 ? [] : await redis.hmget(inbox, ...ids);
      const flagged = texts.flatMap((text, i) =>
        // Between the two reads one may have been replayed.
        text?.startsWith('flagged ') ? [{ ...readEntry(text), flaggedAtMs: -Number(places[2 * i + 1]) }] : [],
      );
      return { flagged, total, waiting };
    },

    // --- which payments the provider is to be asked about: written by their keeper, moved here

    async takePayments(
      partition: number,
      { nowMs, untilMs, max }: { nowMs: number; untilMs: number; max: number },
    ): Promise<string[]> {
      const { paymentDues } = keys.partition(partition);
      return (await takeDues.run(redis, [paymentDues], [nowMs, untilMs, max])) as string[];
    },

    /** Says when a payment that was taken is due again, or never (null); nothing, if its keeper set another time since. */
    async movePayment(partition: number, paymentId: string, takenUntilMs: number, nextMs: number | null) {
      const { paymentDues } = keys.partition(partition);
      await moveDue.run(redis, [paymentDues], [paymentId, takenUntilMs, nextMs ?? '']);
    },
  };
}
