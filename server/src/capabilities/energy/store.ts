import type { EnergyState } from '@elevens/shared/src/energy/contract.ts';
import { energyLevels, levelOf } from '@elevens/shared/src/energy/levels.ts';
import type { AnswerKey } from '../../platform/gateway.ts';
import type { Redis } from '../../platform/redis/connections.ts';
import type { Keyspace } from '../../platform/redis/keyspace.ts';
import { defineScript } from '../../platform/redis/scripts.ts';

const completeTask = defineScript(new URL('./complete-task.lua', import.meta.url));
const applyEvents = defineScript(new URL('./apply-events.lua', import.meta.url));

/** A task that is to be credited, if it has not been. */
export interface Credit {
  taskId: string;
  energy: number;
  closesAtMs: number;
}

/** An announced event as far as energy has read it; one that touches nobody still moves the cursor. */
export interface EnergyEvent {
  number: number;
  touches: readonly Touch[];
}

/** What an event does to one shopper's energy. */
export interface Touch {
  shopperId: string;
  atMs: number;
  simulated: boolean;
  /** The order that it is about, if any: what it credits is taken back when the order is refunded. */
  orderId: string;
  takesBack: boolean;
  credits: readonly Credit[];
}

/** Shoppers touched in one script call, or a little more: with a handful of tasks each, about a millisecond of Redis. */
const touchesPerCall = 64;
/** An answer is remembered for at least this long, and a success while the task's window is open. */
const answerKeptMs = 600_000;

/** Where energy lives in Redis: each shopper's in the shopper's partition. */
export function createStore({ redis, keys }: { redis: Redis; keys: Keyspace }) {
  const bell = (shopperId: string) => keys.of(shopperId).bell('energy:mine', shopperId);

  return {
    bell,

    /** Decides a tap; `refusal` is what the schedule says already, as JSON text, or ''. Answers the outcome as JSON text. */
    async complete(tap: {
      shopperId: string;
      simulated: boolean;
      arrivedAtMs: number;
      nowMs: number;
      answer: AnswerKey;
      taskId: string;
      decided: { refusal: string } | { credit: Credit };
    }): Promise<string> {
      const { shopperId, nowMs } = tap;
      const p = keys.of(shopperId);
      const { energy, closesAtMs } = 'refusal' in tap.decided ? { energy: 0, closesAtMs: 0 } : tap.decided.credit;
      return (await completeTask.run(
        redis,
        [
          p.answers(shopperId),
          p.answersOrder(shopperId),
          p.energy(shopperId),
          p.energyDone(shopperId),
          p.energyHistory(shopperId),
          p.ledger,
          p.totals,
        ],
        [
          tap.answer.requestId,
          tap.answer.inputHash,
          tap.taskId,
          shopperId,
          tap.arrivedAtMs,
          nowMs,
          Math.max(closesAtMs, nowMs + answerKeptMs),
          tap.simulated ? '1' : '0',
          bell(shopperId),
          'refusal' in tap.decided ? tap.decided.refusal : '',
          energy,
          closesAtMs,
          ...energyLevels,
        ],
      )) as string;
    },

    /** Applies events of one source to a partition, in order. Throws when an earlier one is missing. */
    async apply(partition: number, source: string, events: readonly EnergyEvent[], nowMs: number): Promise<void> {
      const p = keys.partition(partition);
      for (let from = 0; from < events.length; ) {
        let to = from;
        for (let touched = 0; to < events.length && touched < touchesPerCall; to++)
          touched += events[to]?.touches.length ?? 0;
        const page = events.slice(from, to);
        from = to;
        const applied = await applyEvents.run(
          redis,
          [
            p.cursors,
            p.ledger,
            p.totals,
            ...page.flatMap(({ touches }) =>
              touches.flatMap(({ shopperId }) => [
                p.energy(shopperId),
                p.energyDone(shopperId),
                p.energyHistory(shopperId),
              ]),
            ),
          ],
          [
            source,
            nowMs,
            ...page.flatMap(({ number, touches }) => [
              number,
              touches.length,
              ...touches.flatMap((touch) => [
                touch.shopperId,
                touch.atMs,
                touch.simulated ? '1' : '0',
                p.bell('energy:mine', touch.shopperId),
                touch.orderId,
                touch.takesBack ? 'take-back' : 'credit',
                touch.credits.length,
                ...touch.credits.flatMap((credit) => [credit.taskId, credit.energy, credit.closesAtMs]),
              ]),
            ]),
          ],
        );
        if (applied === 'gap')
          throw new Error(`events of ${source} from ${page[0]?.number ?? 0} on came before an earlier one`);
      }
    },

    async mine(shopperId: string, nowMs: number): Promise<EnergyState> {
      const p = keys.of(shopperId);
      const [energy, done, history] = await Promise.all([
        redis.hget(p.energy(shopperId), 'energy'),
        redis.zrangebyscore(p.energyDone(shopperId), `(${nowMs}`, '+inf'),
        redis.lrange(p.energyHistory(shopperId), 0, -1),
      ]);
      return {
        energy: Number(energy ?? 0),
        level: levelOf(Number(energy ?? 0)),
        done,
        history: history.map((json) => JSON.parse(json) as EnergyState['history'][number]),
      };
    },
  };
}
