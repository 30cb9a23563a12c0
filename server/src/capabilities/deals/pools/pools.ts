import type { Clock } from '../../../platform/clock.ts';
import { Fault } from '../../../platform/fault.ts';
import type { AnswerKey } from '../../../platform/gateway.ts';
import type { Redis } from '../../../platform/redis/connections.ts';
import type { Keyspace } from '../../../platform/redis/keyspace.ts';
import { defineScript, faultOf, isRedisAway } from '../../../platform/redis/scripts.ts';

const stagePool = defineScript(new URL('./stage-pool.lua', import.meta.url));
const retirePool = defineScript(new URL('./retire-pool.lua', import.meta.url));
const askPool = defineScript(new URL('./ask-pool.lua', import.meta.url));
const takeBack = defineScript(new URL('./take-back.lua', import.meta.url));
const recallSlice = defineScript(new URL('./recall-slice.lua', import.meta.url));
const readHomes = defineScript(new URL('./read-homes.lua', import.meta.url));
const readSlices = defineScript(new URL('./read-slices.lua', import.meta.url));
const acceptGrant = defineScript(new URL('./accept-grant.lua', import.meta.url));
const joinWaitlist = defineScript(new URL('./join-waitlist.lua', import.meta.url));
const leaveWaitlist = defineScript(new URL('./leave-waitlist.lua', import.meta.url));

/**
 * A verdict is believed this long by the node that heard it. Well under the second by which it may be older than the truth
 * (CONSISTENCY.md 22), of which bringing a returned unit home takes the rest; long enough that a crowd at a sold-out deal
 * costs home four calls a second and node, whatever its size.
 */
const verdictMs = 250;
/** Verdicts kept; those that nobody needed are dropped by the sweep. More pools than this are not sold out in one moment. */
const verdictsMax = 10_000;
/** Recalls of one ask. Two suffice when nobody else asks; more are needed only when others take what was just recalled. */
const askRoundsMax = 8;
/** Pools a sweep looks at in one round, so that a round stays short whatever the festival's size. */
const sweepPoolsMax = 256;
/** Of these, so many that ended long ago: refunds still return units to them, but nobody waits for those. */
const sweepEndedMax = 16;
/** A pool ended long ago when its last holds have lapsed: none stands longer than an hour. */
const endedAfterMs = 3_600_000;
/** An answer may be forgotten ten minutes later: far longer than a client retries. */
const forgetAfterMs = 600_000;
/** People in one line. Nobody behind this place would live to see a unit; the set takes about 100 bytes for each. */
const waitlistMax = 100_000;

export type AskAnswer =
  /** Home has granted this slice G units in all: carry G in the call that decides the claims again. */
  | { kind: 'grant'; G: number }
  /** Home's verdict: no unit is free anywhere. */
  | { kind: 'sold-out' }
  /** Home's verdict for this quantity: so many units are left, fewer than the one who wants least. */
  | { kind: 'left'; units: number };

export interface Ask {
  poolId: string;
  /** The partition whose slice ran dry. */
  partition: number;
  /** Units wanted by all who wait for this answer. */
  want: number;
  /**
   * Units wanted by all who wait at this slice, asked for when home is: also by those who did not join this ask because they
   * are just being decided once more. Without them, whoever came last would be served first.
   */
  wantOfAll?: () => number;
  /** Units wanted by the one of them who wants least; `want` when left out. */
  least?: number;
}

/** An ask on its way, with what all want who joined it. */
interface Going extends Ask {
  least: number;
  answer: Promise<AskAnswer>;
}

export interface PoolState {
  total: number;
  /** Units at home that are in no slice. */
  free: number;
  /** Home's verdict: no unit is free anywhere, except those owed to people in line. */
  soldOut: boolean;
  waiting: number;
  /** What each slice has been granted, has given back and was sent as offers, as home knows it. */
  slices: { granted: number; takenBack: number; offered: number }[];
}

export interface StagedPool {
  poolId: string;
  total: number;
  /** Whether a new pool is granted to all slices beforehand (if it has units enough for each). */
  spread: boolean;
  /** From then on nobody waits any more, and nothing is offered: when the deal closes. 0: no end. */
  untilMs: number;
}

/** Of a shopper who waits, or wants to; `about` is what every answer names, such as the deal. */
export interface Waiter {
  poolId: string;
  shopperId: string;
  simulated: boolean;
  about: Readonly<Record<string, string>>;
}

export type Pools = ReturnType<typeof createPools>;

/**
 * The carrier of pools: takes asks home and units between home and slices (CONSISTENCY.md 21 to 23). Every message says how
 * much in all, so any node may carry any message, late, twice or out of order; what a node that dies has not carried, the
 * sweep of another one does. `announced` hears of outboxes into which offers were put.
 */
export function createPools({
  redis,
  keys,
  clock,
  announced,
}: {
  redis: Redis;
  keys: Keyspace;
  clock: Pick<Clock, 'nowMs' | 'monotonicMs'>;
  announced: (outbox: string) => void;
}) {
  const partitions = Array.from({ length: keys.partitions }, (_, k) => k);
  const verdicts = new Map<string, { units: number; untilMs: number }>();
  const asks = new Map<string, Going>();
  const carries = new Map<string, { again: boolean; done: Promise<void> }>();
  const sweptTo = { live: { partition: 0, offset: 0 }, ended: { partition: 0, offset: 0 } };

  const homeKeys = (poolId: string) => keys.partition(keys.homeOf(poolId));
  function fiveKeys(poolId: string): string[] {
    const home = homeKeys(poolId);
    return [home.pool(poolId), home.poolWaiting(poolId), home.ledger, home.outbox, home.outboxNumbers];
  }
  const threeArgs = (poolId: string) => [poolId, clock.nowMs(), keys.partitions];
  function offersMade(poolId: string, count: number): void {
    if (count > 0) announced(homeKeys(poolId).outbox);
  }

  /** Units left by the last verdict of home, while it may be believed; null when home must be asked. */
  function verdict(poolId: string): number | null {
    const kept = verdicts.get(poolId);
    return kept === undefined || kept.untilMs <= clock.monotonicMs() ? null : kept.units;
  }
  function believe(poolId: string, units: number, askedAtMs: number): void {
    if (verdicts.size >= verdictsMax) verdicts.delete(verdicts.keys().next().value ?? '');
    verdicts.set(poolId, { units, untilMs: askedAtMs + verdictMs });
  }

  /** Closes slices, each accepting first what it was granted. Answers what they said of themselves, as arguments for home. */
  async function recall(poolId: string, named: string): Promise<Map<number, [r: number, g: number]>> {
    const said = new Map<number, [r: number, g: number]>();
    await Promise.all(
      named.split(' ').map(async (each) => {
        const [p, granted] = each.split(':').map(Number) as [number, number];
        const k = keys.partition(p);
        const [g, r, closed] = (await recallSlice.run(
          redis,
          [k.slice(poolId), k.ledger],
          [poolId, clock.nowMs(), granted],
        )) as (string | null)[];
        // A slice that is not there yet is still being staged, and has nothing to say.
        if (closed === '1') said.set(p, [Number(r), Number(g)]);
      }),
    );
    return said;
  }
  const reports = (said: Map<number, [r: number, g: number]>) => [...said].flatMap(([p, [r, g]]) => [p, r, g, 1]);

  async function askHome(ask: Going): Promise<AskAnswer> {
    const { poolId, partition } = ask;
    let said = new Map<number, [r: number, g: number]>();
    let g = Number((await redis.hget(keys.partition(partition).slice(poolId), 'g')) ?? 0);
    for (let round = 0; round < askRoundsMax; round++) {
      g = said.get(partition)?.[1] ?? g;
      const askedAtMs = clock.monotonicMs();
      const [answer, offers] = (await askPool.run(redis, fiveKeys(poolId), [
        ...threeArgs(poolId),
        partition,
        g,
        Math.max(ask.want, ask.wantOfAll?.() ?? 0),
        ask.least,
        ...reports(said),
      ])) as [string, number];
      offersMade(poolId, offers);
      const space = answer.indexOf(' ');
      const [word, rest] = space === -1 ? [answer, ''] : [answer.slice(0, space), answer.slice(space + 1)];
      switch (word) {
        case 'grant':
          verdicts.delete(poolId);
          return { kind: 'grant', G: Number(rest) };
        case 'sold-out':
          believe(poolId, 0, askedAtMs);
          return { kind: 'sold-out' };
        case 'left':
          believe(poolId, Number(rest), askedAtMs);
          return { kind: 'left', units: Number(rest) };
        case 'recall':
          said = await recall(poolId, rest);
          break;
        default:
          // The pool was retired, or is being staged: nobody can say that nothing is left.
          throw new Fault('unavailable');
      }
    }
    throw new Fault('unavailable');
  }

  /** A lost answer is no doubt here: an ask decides nothing for the shopper and may be made again. */
  function unavailable(error: unknown): never {
    if (error instanceof Fault || isRedisAway(error)) throw new Fault('unavailable', { cause: faultOf(error) });
    throw error;
  }

  /** One ask a pool and partition is on its way; those who come meanwhile are counted in when home is next asked. */
  function askTogether(ask: Ask): Promise<AskAnswer> {
    const { poolId, partition, want, least = want } = ask;
    const name = `${partition} ${poolId}`;
    const going = asks.get(name);
    if (going !== undefined) {
      going.want += want;
      going.least = Math.min(going.least, least);
      return going.answer;
    }
    const own: Going = { ...ask, least, answer: undefined as never as Promise<AskAnswer> };
    own.answer = askHome(own)
      .catch(unavailable)
      .finally(() => asks.delete(name));
    asks.set(name, own);
    return own.answer;
  }

  /** What slice k says of itself is brought home; it is read anew for those who ask meanwhile. */
  async function carry(poolId: string, partition: number): Promise<void> {
    const [g, r, closed] = await redis.hmget(keys.partition(partition).slice(poolId), 'g', 'r', 'closed');
    if (g === null || g === undefined) return;
    await bringHome(poolId, [partition, Number(r), Number(g), closed === '1' ? 1 : 0]);
  }

  async function bringHome(poolId: string, said: number[]): Promise<void> {
    const [, left, offers] = (await takeBack.run(redis, fiveKeys(poolId), [...threeArgs(poolId), ...said])) as [
      string,
      number,
      number,
    ];
    offersMade(poolId, offers);
    if (left > 0) verdicts.delete(poolId);
  }

  const isOver = (untilMs: number) => untilMs !== 0 && clock.nowMs() >= untilMs;

  async function readStates(poolIds: readonly string[]): Promise<(PoolState | null)[]> {
    if (poolIds.length === 0) return [];
    const pipeline = redis.pipeline();
    for (const poolId of poolIds) {
      const home = homeKeys(poolId);
      pipeline.hgetall(home.pool(poolId));
      pipeline.zcard(home.poolWaiting(poolId));
    }
    const found = ((await pipeline.exec()) ?? []).map(([error, value]) => {
      if (error) throw error;
      return value;
    });
    return poolIds.map((_, i) => {
      const h = found[i * 2] as Record<string, string>;
      const waiting = found[i * 2 + 1] as number;
      if (h['total'] === undefined) return null;
      const free = Number(h['free']);
      const untilMs = Number(h['until'] ?? 0);
      const owed = h['paused'] === '1' || isOver(untilMs) ? 0 : waiting;
      return {
        total: Number(h['total']),
        free,
        soldOut: free <= owed && partitions.every((k) => h[`D:${k}`] === (h[`G:${k}`] ?? '0')),
        waiting,
        slices: partitions.map((k) => ({
          granted: Number(h[`G:${k}`] ?? 0),
          takenBack: Number(h[`R:${k}`] ?? 0),
          offered: Number(h[`O:${k}`] ?? 0),
        })),
      };
    });
  }

  /** The next `max` pools of a sweep, going round all homes; those of which something is missed meanwhile come in the next round. */
  async function nextPools(kind: 'live' | 'ended', max: number): Promise<string[]> {
    const at = sweptTo[kind];
    const edge = clock.nowMs() - endedAfterMs;
    const [from, to] = kind === 'live' ? [`(${edge}`, '+inf'] : ['-inf', String(edge)];
    const found: string[] = [];
    for (let looked = 0; looked < partitions.length && found.length < max; looked++) {
      const room = max - found.length;
      const page = await redis.zrangebyscore(keys.partition(at.partition).pools, from, to, 'LIMIT', at.offset, room);
      found.push(...page);
      if (page.length === room) at.offset += room;
      else {
        at.partition = (at.partition + 1) % partitions.length;
        at.offset = 0;
      }
    }
    return found;
  }

  return {
    verdict,

    /**
     * Asks home for units for a slice that ran dry: closes the other slices where home says so, brings home what they had,
     * and answers with a grant or a verdict. Throws the fault `unavailable` where home cannot be asked, or where others were
     * quicker in every round.
     */
    async ask(ask: Ask): Promise<AskAnswer> {
      const least = ask.least ?? ask.want;
      for (let round = 0; round < askRoundsMax; round++) {
        const known = verdict(ask.poolId);
        if (known !== null && known < least) return known === 0 ? { kind: 'sold-out' } : { kind: 'left', units: known };
        const answer = await askTogether(ask);
        // A verdict for someone who joined wanting more than this is none for who wants less.
        if (answer.kind !== 'left' || answer.units < least) return answer;
      }
      throw new Fault('unavailable');
    },

    /**
     * Brings home what a closed slice has given back. Called after every script that answered so; whoever dies before is
     * followed by the sweep.
     */
    carryHome(poolId: string, partition: number): Promise<void> {
      const name = `${partition} ${poolId}`;
      const going = carries.get(name);
      if (going !== undefined) {
        going.again = true;
        return going.done;
      }
      const own = { again: false, done: undefined as never as Promise<void> };
      async function untilCarried(): Promise<void> {
        try {
          do {
            own.again = false;
            await carry(poolId, partition);
          } while (own.again);
        } finally {
          carries.delete(name);
        }
      }
      own.done = untilCarried();
      carries.set(name, own);
      return own.done;
    },

    /**
     * Carries what nodes that died left on its way, at most `sweepPoolsMax` pools a round: units that slices gave back, grants that
     * never arrived, offers beyond what one call makes. Answers how many pools were looked at.
     */
    async sweep(): Promise<number> {
      const nowMs = clock.monotonicMs();
      for (const [poolId, kept] of verdicts) if (kept.untilMs <= nowMs) verdicts.delete(poolId);
      const [live, ended] = await Promise.all([
        nextPools('live', sweepPoolsMax - sweepEndedMax),
        nextPools('ended', sweepEndedMax),
      ]);
      const poolIds = [...new Set([...live, ...ended])];
      if (poolIds.length === 0) return 0;
      const [homes, slices] = await Promise.all([
        Promise.all(
          partitions.map(async (p) => {
            const here = poolIds.filter((poolId) => keys.homeOf(poolId) === p);
            if (here.length === 0) return [];
            const k = keys.partition(p);
            const pairs = here.flatMap((poolId) => [k.pool(poolId), k.poolWaiting(poolId)]);
            const known = (await readHomes.run(redis, pairs, [keys.partitions])) as string[];
            return here.map((poolId, i) => [poolId, numbersOf(known[i] ?? '')] as const);
          }),
        ),
        Promise.all(
          partitions.map(async (p) => {
            const k = keys.partition(p);
            const said = (await readSlices.run(redis, poolIds.map(k.slice), [])) as string[];
            return said.map(numbersOf);
          }),
        ),
      ]);
      const known = new Map(homes.flat());
      const carried = await Promise.allSettled(
        poolIds.map(async (poolId, i) => {
          const [free = 0, waiting = 0, untilMs = 0, ...figures] = known.get(poolId) ?? [];
          if (figures.length === 0) return;
          const said: number[] = [];
          for (const p of partitions) {
            const [g, r = 0, closed = 0] = slices[p]?.[i] ?? [];
            const [granted = 0, takenBack = 0] = figures.slice(p * 2, p * 2 + 2);
            if (g === undefined) continue;
            if (r > takenBack) said.push(p, r, g, closed);
            if (granted > g) {
              const k = keys.partition(p);
              await acceptGrant.run(redis, [k.slice(poolId), k.ledger], [poolId, clock.nowMs(), granted]);
            }
          }
          if (said.length > 0 || (waiting > 0 && (free > 0 || isOver(untilMs)))) await bringHome(poolId, said);
        }),
      );
      // One that cannot be carried is said, and holds up none of the others.
      const failed = carried.find((each) => each.status === 'rejected');
      if (failed !== undefined) throw failed.reason;
      return poolIds.length;
    },

    /**
     * Makes a pool or changes how many units it has; the same call again changes nothing. Units that are to go are taken from
     * home, and from slices by closing them; those held or sold go as they come home. Answers what each slice has been
     * granted, to be accepted by the script that stages the slice.
     */
    async stage(pool: StagedPool): Promise<{ word: 'staged' | 'same' | 'changed' | 'restocked'; granted: number[] }> {
      const [word, granted, open, offers] = (await stagePool.run(
        redis,
        [...fiveKeys(pool.poolId), homeKeys(pool.poolId).pools],
        [...threeArgs(pool.poolId), pool.total, pool.spread ? 1 : 0, pool.untilMs],
      )) as ['staged' | 'same' | 'changed' | 'restocked', string, string, number];
      offersMade(pool.poolId, offers);
      if (word !== 'same') verdicts.delete(pool.poolId);
      if (open !== '') {
        const said = reports(await recall(pool.poolId, open));
        if (said.length > 0) await bringHome(pool.poolId, said);
      }
      return { word, granted: granted.split(' ').map(Number) };
    },

    /**
     * Ends a pool whose units are all at home, closing its slices first. Answers whether it is gone; only then may its slices be
     * removed. A pool of which anything is held or sold stays.
     */
    async retire(poolId: string): Promise<boolean> {
      for (let round = 0; round < 2; round++) {
        const [word, open] = (await retirePool.run(
          redis,
          [...fiveKeys(poolId), homeKeys(poolId).pools],
          threeArgs(poolId),
        )) as [string, string];
        if (word === 'retired') return true;
        if (open === '') return false;
        const said = reports(await recall(poolId, open));
        if (said.length > 0) await bringHome(poolId, said);
      }
      return false;
    },

    /**
     * Joins the line, at home, under home's verdict that nothing is left. The outcome as JSON, word for word as remembered: the
     * place, or `unknown-<kind of pool>`, `closed`, `still-free`, `already-waiting`, `waitlist-full`.
     */
    async join(waiter: Waiter, answer: AnswerKey): Promise<string> {
      const { poolId, shopperId } = waiter;
      const home = homeKeys(poolId);
      const [outcome, offers] = (await joinWaitlist.run(
        redis,
        [...fiveKeys(poolId), home.answers(shopperId), home.answersOrder(shopperId)],
        [
          ...threeArgs(poolId),
          keys.partitionOf(shopperId),
          shopperId,
          waiter.simulated ? 1 : 0,
          answer.requestId,
          answer.command,
          answer.inputHash,
          forgetAfterMs,
          waitlistMax,
          membersOf(waiter.about),
        ],
      )) as [string, number];
      offersMade(poolId, offers);
      return outcome;
    },

    /** Leaves the line. The outcome as JSON: fine, or `not-waiting`. */
    async leave(waiter: Omit<Waiter, 'simulated'>, answer: AnswerKey): Promise<string> {
      const { poolId, shopperId } = waiter;
      const home = homeKeys(poolId);
      return (await leaveWaitlist.run(
        redis,
        [home.poolWaiting(poolId), home.answers(shopperId), home.answersOrder(shopperId)],
        [
          keys.partitionOf(shopperId),
          shopperId,
          clock.nowMs(),
          answer.requestId,
          answer.command,
          answer.inputHash,
          forgetAfterMs,
          membersOf(waiter.about),
        ],
      )) as string;
    },

    /** The shopper's place in each line, from 1; null where the shopper does not wait. */
    async placesOf(poolIds: readonly string[], shopperId: string): Promise<(number | null)[]> {
      if (poolIds.length === 0) return [];
      const pipeline = redis.pipeline();
      for (const poolId of poolIds) {
        for (const simulated of [0, 1])
          pipeline.zrank(
            homeKeys(poolId).poolWaiting(poolId),
            `${keys.partitionOf(shopperId)} ${shopperId} ${simulated}`,
          );
      }
      const ranks = ((await pipeline.exec()) ?? []).map(([error, rank]) => {
        if (error) throw error;
        return rank as number | null;
      });
      return poolIds.map((_, i) => {
        const rank = ranks[i * 2] ?? ranks[i * 2 + 1] ?? null;
        return rank === null ? null : rank + 1;
      });
    },

    /** What home knows of each pool; null for one that is not there. */
    states: readStates,
  };
}

/** The members of a JSON object without its braces, to be put into an answer made by a script. */
function membersOf(about: Readonly<Record<string, string>>): string {
  return JSON.stringify(about).slice(1, -1);
}

/** Numbers of a line that a script answered; none of an empty line. */
function numbersOf(text: string): number[] {
  return text === '' ? [] : text.split(' ').map(Number);
}
