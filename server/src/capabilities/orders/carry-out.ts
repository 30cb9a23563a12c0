import { createHash } from 'node:crypto';
import { type Plan, type Scene } from '@elevens/shared/src/orders/plan.ts';
import type { Person } from '../../platform/caller.ts';
import { Fault } from '../../platform/fault.ts';
import type { AnswerKey } from '../../platform/gateway.ts';
import type { Audit } from './audit.ts';
import type { OrderStore, ReadHold } from './store.ts';

/**
 * Rounds of reading, deciding and committing. Only another command about the same order, at the same moment, costs one, so
 * this many are never needed unless somebody hammers on one order.
 */
const roundsMax = 12;
/**
 * How often one decision goes to home and comes back before it is told to try again. Home grants for all who wait, so a second
 * time is rare; each takes a few milliseconds.
 */
const asksMax = 12;

/** Refusals that pass by themselves: the same request, sent again, must be able to succeed (CONSISTENCY.md 7). */
const passing: ReadonlySet<string> = new Set(['not-open-yet', 'no-provider']);

export type Outcome = { ok: true; reply: unknown } | { ok: false; why: string; [detail: string]: unknown };

/** What one round decided, from which documents. */
export interface Decided {
  scene: Scene;
  plan: Plan | null;
  outcome: Outcome;
  holds?: readonly ReadHold[];
}

/** Pools of which it turned out that nothing is to be had: nothing is free anywhere, or this shopper may have no more. */
export type Gone = ReadonlyMap<string, 'none-left' | 'limit'>;

/** What orders ask of the home of a pool (deals' pools). Throws the fault `unavailable` where home cannot say. */
export type AskHome = (ask: {
  poolId: string;
  partition: number;
  want: number;
}) => Promise<{ kind: 'grant'; G: number } | { kind: 'sold-out' } | { kind: 'left'; units: number }>;

export const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
export const noScene: Scene = { orders: [], payments: [] };

export interface Work {
  partition: number;
  shopperId: string;
  atMs: number;
  /**
   * Who waits for the answer; null for sweeps and what the provider says. `stampMs` is when it arrived, and is held against
   * the time of Redis; null where the decision waits for somebody else, such as the provider, for as long as that takes.
   */
  asked: { person: Person; key: AnswerKey; command: string; subject: string; stampMs: number | null } | null;
}

/**
 * Reads, decides, commits, and begins anew where something moved in between, so that every decision is about what is. Where
 * units are missing in this partition home is asked for them; what home has none of is told to the next round.
 */
export function createCarryOut({ store, ask, audit }: { store: OrderStore; ask: AskHome; audit: Audit }) {
  /**
   * Commits what was decided. What this partition lacks is asked for at home, all at once and in the order of the pools' ids
   * (CONSISTENCY.md 23), and the same decision goes again at once with what was granted: a grant that waits for anything else
   * is called back for the next who asks, and two who wait would pass one unit to and fro. Answers 'again' where everything is
   * to be read anew.
   */
  async function commit(
    work: Work,
    decided: Decided,
    gone: Map<string, 'none-left' | 'limit'>,
  ): Promise<Outcome | 'again'> {
    const { asked } = work;
    const granted = new Map<string, number>();
    for (let asks = 0; asks <= asksMax; asks++) {
      const committed = await store.commit({
        partition: work.partition,
        shopperId: work.shopperId,
        atMs: work.atMs,
        scene: decided.scene,
        plan: decided.plan,
        holds: decided.holds ?? [],
        granted,
        stampMs: asked?.stampMs ?? undefined,
        answer:
          asked === null
            ? undefined
            : {
                callerId: asked.person.shopperId,
                key: asked.key,
                outcome: JSON.stringify(decided.outcome),
                ok: decided.outcome.ok,
                passing: !decided.outcome.ok && passing.has(decided.outcome.why),
              },
      });
      switch (committed.is) {
        case 'done':
          if (asked !== null && !decided.outcome.ok) {
            const { person, command, subject } = asked;
            audit.refused({ command, who: person.shopperId, why: decided.outcome.why, subject });
          }
          return decided.outcome;
        case 'remembered':
          return JSON.parse(committed.outcome) as Outcome;
        case 'moved':
          return 'again';
        case 'limit':
          gone.set(committed.poolId, 'limit');
          return 'again';
        case 'stopped':
          gone.set(committed.poolId, 'none-left');
          return 'again';
        case 'dry': {
          const goneBefore = gone.size;
          await Promise.all(
            committed.poolIds.toSorted().map(async (poolId) => {
              const want = [...(decided.plan?.stock ?? []), ...(decided.plan?.coupons ?? [])]
                .filter((move) => move.poolId === poolId && move.from === 'free')
                .reduce((sum, move) => sum + move.quantity, 0);
              const answer = await ask({ poolId, partition: work.partition, want });
              if (answer.kind === 'grant') granted.set(poolId, answer.G);
              else gone.set(poolId, 'none-left');
            }),
          );
          if (gone.size > goneBefore) return 'again';
          break;
        }
      }
    }
    // Others took what was granted each time: nothing was decided, and home has not said that nothing is left.
    throw new Fault('overloaded', { retryAfterMs: 250 });
  }

  return async function carryOut(work: Work, decideOnce: (gone: Gone) => Promise<Decided>): Promise<Outcome> {
    const gone = new Map<string, 'none-left' | 'limit'>();
    for (let round = 0; round < roundsMax; round++) {
      const outcome = await commit(work, await decideOnce(gone), gone);
      if (outcome !== 'again') return outcome;
    }
    throw new Fault('overloaded', { retryAfterMs: 250 });
  };
}
export type CarryOut = ReturnType<typeof createCarryOut>;
