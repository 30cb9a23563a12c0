import type { Hold, Stock } from '@elevens/shared/src/deals/contract.ts';
import { holdsPerShopperMax } from '@elevens/shared/src/deals/contract.ts';
import type { Clock } from '../../platform/clock.ts';
import { Fault } from '../../platform/fault.ts';
import type { AnswerKey } from '../../platform/gateway.ts';
import type { Redis } from '../../platform/redis/connections.ts';
import { type BatchMetrics, createGroupCommit } from '../../platform/redis/group-commit.ts';
import type { Keyspace, PartitionKeys } from '../../platform/redis/keyspace.ts';
import { defineScript } from '../../platform/redis/scripts.ts';

const stageDeal = defineScript(new URL('./stage-deal.lua', import.meta.url));
const claimUnits = defineScript(new URL('./claim-units.lua', import.meta.url));
const returnUnits = defineScript(new URL('./return-units.lua', import.meta.url));
const pauseDeal = defineScript(new URL('./pause-deal.lua', import.meta.url));
const retireDeal = defineScript(new URL('./retire-deal.lua', import.meta.url));

/** An answer may be forgotten ten minutes after what it was about is over: far longer than a client retries. */
const forgetAfterMs = 600_000;

export interface StagedDeal {
  dealId: string;
  total: number;
  limit: number;
  holdMs: number;
  priceMinor: number;
  currency: string;
  opensAtMs: number;
  closesAtMs: number;
}

export interface ClaimRequest {
  shopperId: string;
  simulated: boolean;
  holdId: string;
  arrivedAtMs: number;
  lines: { dealId: string; quantity: number; terms: number }[];
  answer: AnswerKey;
}

/** Counts and terms as they stand in Redis. */
export interface DealState extends Stock {
  terms: number;
}

interface HeldBy {
  shopperId: string;
  holdId: string;
}

export type DealStore = ReturnType<typeof createDealStore>;

/** The only file of this capability that knows Redis. With one partition, home and slice of every deal are one. */
export function createDealStore({
  redis,
  keys,
  clock,
  metrics,
}: {
  redis: Redis;
  keys: Keyspace;
  clock: Clock;
  metrics: BatchMetrics;
}) {
  const home = keys.partition(0);
  const stockBell = (dealId: string) => home.bell('deals:stock', dealId);
  const mineBell = (shopperId: string) => keys.of(shopperId).bell('deals:mine', shopperId);

  function claimBatch(k: PartitionKeys, partition: number, claims: ClaimRequest[]): Promise<unknown> {
    const dealIndex = new Map<string, number>();
    for (const claim of claims) {
      for (const line of claim.lines) if (!dealIndex.has(line.dealId)) dealIndex.set(line.dealId, dealIndex.size + 1);
    }
    const scriptKeys = [k.ledger, k.outbox, k.outboxNumbers, k.lapses, k.totals];
    const args: (string | number)[] = [
      dealIndex.size,
      claims.length,
      `energy@p${partition}`,
      holdsPerShopperMax,
      forgetAfterMs,
    ];
    for (const dealId of dealIndex.keys()) {
      scriptKeys.push(k.deal(dealId), k.dealTaken(dealId));
      args.push(dealId, stockBell(dealId));
    }
    for (const claim of claims) {
      scriptKeys.push(k.answers(claim.shopperId), k.answersOrder(claim.shopperId), k.holds(claim.shopperId));
      args.push(
        claim.shopperId,
        claim.answer.requestId,
        claim.answer.inputHash,
        claim.holdId,
        claim.arrivedAtMs,
        claim.simulated ? 1 : 0,
        mineBell(claim.shopperId),
        claim.lines.length,
      );
      for (const line of claim.lines) args.push(dealIndex.get(line.dealId) ?? 0, line.quantity, line.terms);
    }
    return claimUnits.run(redis, scriptKeys, args);
  }

  const commits = Array.from({ length: keys.partitions }, (_, partition) =>
    createGroupCommit<ClaimRequest, string>({
      clock,
      onBatch: (items) => metrics.batch(claimUnits.name, items),
      bytesOf: (claim) => 250 + claim.lines.length * 60,
      run: async (claims) => (await claimBatch(keys.partition(partition), partition, claims)) as string[],
    }),
  );

  async function holdOf(shopperId: string, holdId: string): Promise<Hold | null> {
    const kept = await redis.hget(keys.of(shopperId).holds(shopperId), holdId);
    return kept === null ? null : parseHold(kept);
  }

  /** Ends a hold by the script; the hold is read first because the script must be told which deals it touches. */
  async function giveBack(
    why: 'lapsed' | 'released',
    held: HeldBy,
    hold: Hold | null,
    nowMs: number,
    answer: AnswerKey,
  ): Promise<string> {
    const k = keys.of(held.shopperId);
    const lines = hold?.lines ?? [];
    return (await returnUnits.run(
      redis,
      [
        k.ledger,
        k.lapses,
        k.totals,
        k.holds(held.shopperId),
        k.answers(held.shopperId),
        k.answersOrder(held.shopperId),
        ...lines.flatMap((line) => [k.deal(line.dealId), k.dealTaken(line.dealId)]),
      ],
      [
        why,
        held.shopperId,
        held.holdId,
        nowMs,
        answer.requestId,
        answer.inputHash,
        forgetAfterMs,
        mineBell(held.shopperId),
        ...lines.flatMap((line) => [line.dealId, line.quantity, stockBell(line.dealId)]),
      ],
    )) as string;
  }

  return {
    stockBell,
    mineBell,
    outboxes: Array.from({ length: keys.partitions }, (_, k) => keys.partition(k).outbox),

    async stage(deal: StagedDeal, nowMs: number): Promise<string> {
      return (await stageDeal.run(
        redis,
        [home.deal(deal.dealId), home.deals, home.ledger],
        [
          deal.dealId,
          nowMs,
          deal.total,
          deal.limit,
          deal.holdMs,
          deal.priceMinor,
          deal.currency,
          deal.opensAtMs,
          deal.closesAtMs,
          stockBell(deal.dealId),
        ],
      )) as string;
    },

    /** Decides one claim together with those that arrive meanwhile. The outcome as JSON, word for word as remembered. */
    async claim(request: ClaimRequest): Promise<string> {
      const commit = commits[keys.partitionOf(request.shopperId)];
      if (commit === undefined) throw new Error('a shopper without a partition');
      const outcome = await commit.decide(request);
      if (outcome === 'stale') throw new Fault('overloaded', { retryAfterMs: 500 });
      if (outcome === 'failed') throw new Error('a claim could not be decided; nothing was written');
      if (outcome === 'broken')
        throw new Error(
          `a claim failed in its script; its deals are paused: ${request.lines.map((l) => l.dealId).join(', ')}`,
        );
      return outcome;
    },

    async release(held: HeldBy, nowMs: number, answer: AnswerKey): Promise<string> {
      return giveBack('released', held, await holdOf(held.shopperId, held.holdId), nowMs, answer);
    },

    /** Gives back the units of holds that lapsed, at most `max` of them. Answers how many were looked at. */
    async lapse(nowMs: number, max: number): Promise<number> {
      let looked = 0;
      for (let p = 0; p < keys.partitions; p++) {
        const due = await redis.zrangebyscore(keys.partition(p).lapses, '-inf', nowMs, 'LIMIT', 0, max);
        looked += due.length;
        const ended = await Promise.allSettled(
          due.map(async (member) => {
            const [shopperId = '', holdId = ''] = member.split(' ');
            const hold = await holdOf(shopperId, holdId);
            await giveBack('lapsed', { shopperId, holdId }, hold, nowMs, { requestId: '', command: '', inputHash: '' });
          }),
        );
        // One that cannot be ended is said, and holds up none of the others.
        const failed = ended.find((e) => e.status === 'rejected');
        if (failed !== undefined) throw failed.reason;
      }
      return looked;
    },

    async pause(
      pause: { dealId: string; paused: boolean; who: string; why: string },
      nowMs: number,
      answer: AnswerKey,
    ): Promise<string> {
      return (await pauseDeal.run(
        redis,
        [home.deal(pause.dealId), home.ledger, home.answers(pause.who), home.answersOrder(pause.who)],
        [
          pause.dealId,
          pause.paused ? 1 : 0,
          pause.who,
          pause.why,
          nowMs,
          answer.requestId,
          answer.inputHash,
          forgetAfterMs,
          stockBell(pause.dealId),
        ],
      )) as string;
    },

    async retire(closedBeforeMs: number, nowMs: number): Promise<void> {
      const over = await redis.zrangebyscore(home.deals, '-inf', closedBeforeMs, 'LIMIT', 0, 2_000);
      for (const dealId of over) {
        await retireDeal.run(
          redis,
          [home.deal(dealId), home.dealTaken(dealId), home.deals, home.ledger],
          [dealId, nowMs, closedBeforeMs],
        );
      }
    },

    async states(dealIds: readonly string[]): Promise<(DealState | null)[]> {
      if (dealIds.length === 0) return [];
      const pipeline = redis.pipeline();
      for (const dealId of dealIds)
        pipeline.hmget(home.deal(dealId), 'total', 'free', 'held', 'sold', 'paused', 'terms');
      const answers = (await pipeline.exec()) ?? [];
      return answers.map(([error, found]) => {
        if (error) throw error;
        const [total, free, held, sold, paused, terms] = found as (string | null)[];
        if (total === null || total === undefined) return null;
        return {
          total: Number(total),
          free: Number(free),
          held: Number(held),
          sold: Number(sold),
          paused: paused === '1',
          terms: Number(terms),
        };
      });
    },

    async holdsOf(shopperIds: readonly string[]): Promise<Hold[][]> {
      const pipeline = redis.pipeline();
      for (const shopperId of shopperIds) pipeline.hvals(keys.of(shopperId).holds(shopperId));
      const answers = (await pipeline.exec()) ?? [];
      return answers.map(([error, found]) => {
        if (error) throw error;
        return (found as string[]).map(parseHold).toSorted((a, b) => b.claimedAtMs - a.claimedAtMs);
      });
    },

    /** State and ledger at one moment, for the laws: everything in one transaction, so that it belongs together. */
    async audit(): Promise<{ stock: Map<string, Stock>; openHolds: number; ledgerAt: string }> {
      const dealIds = await redis.zrange(home.deals, '0', '-1');
      const transaction = redis.multi();
      for (const dealId of dealIds) transaction.hmget(home.deal(dealId), 'total', 'free', 'held', 'sold');
      transaction.zcard(home.lapses);
      transaction.xrevrange(home.ledger, '+', '-', 'COUNT', 1);
      const answers = ((await transaction.exec()) ?? []).map(([error, found]) => {
        if (error) throw error;
        return found;
      });
      const stock = new Map<string, Stock>();
      for (const [i, dealId] of dealIds.entries()) {
        const [total, free, held, sold] = answers[i] as (string | null)[];
        if (total !== null && total !== undefined) {
          stock.set(dealId, {
            total: Number(total),
            free: Number(free),
            held: Number(held),
            sold: Number(sold),
            paused: false,
          });
        }
      }
      const last = answers[dealIds.length + 1] as [string, string[]][];
      return { stock, openHolds: Number(answers[dealIds.length]), ledgerAt: last[0]?.[0] ?? '0-0' };
    },

    ledger: home.ledger,
    redis,
  };
}

/** A hold is kept as "<request id of its claim> <1 if simulated> <JSON>". */
function parseHold(kept: string): Hold {
  return JSON.parse(kept.slice(kept.indexOf('{'))) as Hold;
}
