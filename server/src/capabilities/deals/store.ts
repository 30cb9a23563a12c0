import {
  abandonedForMs,
  abandonedMax,
  type Hold,
  holdsPerShopperMax,
  offerMs,
  type Stock,
} from '@elevens/shared/src/deals/contract.ts';
import { energyLevels } from '@elevens/shared/src/energy/levels.ts';
import type { Clock } from '../../platform/clock.ts';
import { Fault } from '../../platform/fault.ts';
import type { AnswerKey } from '../../platform/gateway.ts';
import type { Redis } from '../../platform/redis/connections.ts';
import { type BatchMetrics, createGroupCommit } from '../../platform/redis/group-commit.ts';
import { hashOf, type Keyspace } from '../../platform/redis/keyspace.ts';
import { defineScript } from '../../platform/redis/scripts.ts';
import type { Announced } from '../../platform/relay.ts';
import type { Pools } from './pools/pools.ts';

const stageSlice = defineScript(new URL('./stage-slice.lua', import.meta.url));
const claimUnits = defineScript(new URL('./claim-units.lua', import.meta.url));
const returnUnits = defineScript(new URL('./return-units.lua', import.meta.url));
const takeOffers = defineScript(new URL('./take-offers.lua', import.meta.url));
const acceptOffer = defineScript(new URL('./accept-offer.lua', import.meta.url));
const restartHold = defineScript(new URL('./restart-hold.lua', import.meta.url));
const pauseDeal = defineScript(new URL('./pause-deal.lua', import.meta.url));
const pauseSlice = defineScript(new URL('./pause-slice.lua', import.meta.url));
const retireSlice = defineScript(new URL('./retire-slice.lua', import.meta.url));

/** An answer may be forgotten ten minutes after what it was about is over: far longer than a client retries. */
const forgetAfterMs = 600_000;
/** Changed terms take effect this much later, so that no node's clock decides whether they hold (CONSISTENCY.md 5). */
const termsAheadMs = 2_000;
/**
 * How often a claim whose slice ran dry goes to home and comes back before it is told to try again. Home grants for all who
 * wait, so a second time is rare; each takes a few milliseconds.
 */
const asksMax = 6;
/** Deals that are over looked at in one round of a partition; a round a minute keeps up with any street. */
const retiredMax = 500;

export interface DealTerms {
  dealId: string;
  total: number;
  limit: number;
  holdMs: number;
  priceMinor: number;
  currency: string;
  opensAtMs: number;
  closesAtMs: number;
  early: readonly { level: number; opensAtMs: number; priceMinor: number }[];
}

export interface ClaimRequest {
  shopperId: string;
  simulated: boolean;
  holdId: string;
  arrivedAtMs: number;
  lines: { dealId: string; quantity: number; terms: number }[];
  answer: AnswerKey;
}

/** What home has granted a slice in all, as far as those know who wait there, how many these are, and what they want in all. */
interface Grant {
  G: number;
  waiting: number;
  want: number;
  /** Who waits for home's answer now: whoever comes waits with them, instead of taking what they wait for. */
  asking: number;
  /** Settles with the next grant, whoever asked for it. */
  news: PromiseWithResolvers<void>;
}

/** A claim on its way to a decision, with what home has said for its dry lines so far; nothing for most, who never wait for home. */
interface Waiting extends ClaimRequest {
  granted: Map<string, Grant> | null;
  /** What the last call in which it was decided knew of grants, by deal. */
  carried: ReadonlyMap<string, { granted: number }>;
}

const nothingCarried: Waiting['carried'] = new Map();

/** Counts and terms as they stand in Redis. */
export interface DealState extends Stock {
  terms: number;
}

export interface Standing {
  abandoned: number;
  holdsMax: number;
  untilMs: number | null;
}

interface HeldBy {
  shopperId: string;
  holdId: string;
}

export const poolOf = (dealId: string): string => `deal:${dealId}`;
const noAnswer: AnswerKey = { requestId: '', command: '', inputHash: '' };

export type DealStore = ReturnType<typeof createDealStore>;

/** What decides about a deal, as the slices keep it (terms.lua). Its first word is the version that claims name. */
function termsText(deal: DealTerms): string {
  const early = deal.early.map((tier) => `${energyLevels[tier.level - 1]}:${tier.opensAtMs}:${tier.priceMinor}`);
  const rest = [
    deal.limit,
    deal.opensAtMs,
    deal.closesAtMs,
    deal.priceMinor,
    deal.currency,
    deal.holdMs,
    early.join(',') || '-',
  ].join(' ');
  // A hash and not a count: every partition has the same one, whichever changes it heard of.
  return `${1 + (hashOf(rest) >>> 1)} ${rest}`;
}

/** The only file of this capability, beside its pools, that knows Redis. */
export function createDealStore({
  redis,
  keys,
  clock,
  metrics,
  pools,
  announced,
}: {
  redis: Redis;
  keys: Keyspace;
  clock: Clock;
  metrics: BatchMetrics;
  pools: Pools;
  /** Told of an outbox in which something was announced. */
  announced: (outbox: string) => void;
}) {
  const partitions = Array.from({ length: keys.partitions }, (_, k) => k);
  /** How far in each partition deals that are over have been looked at. */
  const retiredTo = partitions.map(() => 0);
  const stockBell = (partition: number, dealId: string) => keys.partition(partition).bell('deals:stock', dealId);
  const mineBell = (shopperId: string) => keys.of(shopperId).bell('deals:mine', shopperId);

  async function claimBatch(partition: number, claims: Waiting[]): Promise<string[]> {
    const k = keys.partition(partition);
    const dealIndex = new Map<string, { index: number; granted: number }>();
    for (const claim of claims) {
      for (const { dealId } of claim.lines) {
        const granted = claim.granted?.get(dealId)?.G ?? 0;
        const known = dealIndex.get(dealId);
        if (known === undefined) dealIndex.set(dealId, { index: dealIndex.size + 1, granted });
        else known.granted = Math.max(known.granted, granted);
      }
    }
    const scriptKeys = [k.ledger, k.outbox, k.outboxNumbers, k.lapses, k.totals];
    // The keys of a shopper lie under the same tag as these; naming five for each of a hundred shoppers would cost the batch
    // more than deciding it.
    const args: (string | number)[] = [
      dealIndex.size,
      `energy@p${partition}`,
      holdsPerShopperMax,
      forgetAfterMs,
      abandonedMax,
      abandonedForMs,
      clock.nowMs(),
      k.answers(''),
      k.answersOrder(''),
      k.holds(''),
      k.abandoned(''),
      k.energy(''),
      k.bell('deals:mine', ''),
    ];
    for (const [dealId, { granted }] of dealIndex) {
      scriptKeys.push(k.deal(dealId), k.dealTaken(dealId));
      args.push(dealId, stockBell(partition, dealId), granted, pools.verdict(poolOf(dealId)) ?? '');
    }
    const texts: (string | number)[] = [];
    for (const claim of claims) {
      const { shopperId, answer, simulated, holdId, arrivedAtMs, lines } = claim;
      claim.carried = dealIndex;
      const head = `${answer.inputHash} ${simulated ? 1 : 0}`;
      texts.push(shopperId, answer.requestId, head, holdId, String(arrivedAtMs), lines.length);
      for (const line of lines) texts.push(dealIndex.get(line.dealId)?.index ?? 0, line.quantity, String(line.terms));
    }
    // One argument in place of a thousand: Node writes it and Redis reads it in one go.
    args.push(JSON.stringify(texts));
    const outcomes = ((await claimUnits.run(redis, scriptKeys, args)) as string).split('\n');
    if (outcomes.some(isHold)) announced(k.outbox);
    return outcomes;
  }

  const commits = partitions.map((partition) =>
    createGroupCommit<Waiting, string>({
      clock,
      onBatch: (items) => metrics.batch(claimUnits.name, items),
      bytesOf: (claim) => 320 + claim.lines.length * 90,
      run: (claims) => claimBatch(partition, claims),
    }),
  );

  /**
   * All who wait at a dry slice know of the same grants, whoever asked for them: who arrived first is decided first, and must
   * not be sent without what a later one brought. Nothing is kept when nobody waits.
   */
  const grants = new Map<string, Grant>();
  const quantityOf = ({ lines }: Waiting, dealId: string) =>
    lines.find((line) => line.dealId === dealId)?.quantity ?? 1;
  function waitForGrant(claim: Waiting, partition: number, dealId: string): Grant {
    claim.granted ??= new Map();
    const joined = claim.granted.get(dealId);
    if (joined !== undefined) return joined;
    const name = `${partition} ${dealId}`;
    const grant = grants.get(name) ?? { G: 0, waiting: 0, want: 0, asking: 0, news: Promise.withResolvers() };
    grants.set(name, grant);
    grant.waiting++;
    grant.want += quantityOf(claim, dealId);
    claim.granted.set(dealId, grant);
    return grant;
  }
  function waitNoMore(claim: Waiting, partition: number): void {
    if (claim.granted === null) return;
    for (const [dealId, grant] of claim.granted) {
      grant.want -= quantityOf(claim, dealId);
      if (--grant.waiting === 0) grants.delete(`${partition} ${dealId}`);
    }
  }

  /** Asks home for units of one deal; answers whether a grant came, by this ask or by another one in the meantime. */
  async function askFor(claim: Waiting, partition: number, dealId: string, grant: Grant): Promise<boolean> {
    const before = grant.G;
    let come = false;
    const asked = pools.ask({
      poolId: poolOf(dealId),
      partition,
      want: quantityOf(claim, dealId),
      wantOfAll: () => grant.want,
    });
    const told = asked.then((answer) => {
      come = answer.kind === 'grant';
      if (answer.kind !== 'grant' || answer.G <= grant.G) return;
      grant.G = answer.G;
      grant.news.resolve();
      grant.news = Promise.withResolvers();
    });
    grant.asking++;
    try {
      await Promise.race([told, grant.news.promise]);
    } finally {
      grant.asking--;
    }
    return come || grant.G > before;
  }

  /**
   * Asks home for all lines that are dry, at once. Answers whether units may have come for one of them, and who arrived first is
   * to be decided first. A grant that others brought while this claim was on its way needs no asking.
   */
  async function askForAll(claim: Waiting, partition: number, dry: readonly string[]): Promise<boolean> {
    const come = await Promise.all(
      dry.map(async (dealId) => {
        const grant = waitForGrant(claim, partition, dealId);
        const carried = claim.carried.get(dealId);
        if (carried !== undefined && grant.G > carried.granted) return true;
        return askFor(claim, partition, dealId, grant);
      }),
    );
    return come.includes(true);
  }

  async function holdOf(shopperId: string, holdId: string): Promise<Hold | null> {
    const kept = await redis.hget(keys.of(shopperId).holds(shopperId), holdId);
    return kept === null ? null : parseHold(kept);
  }

  /** Brings home what closed slices gave back. What does not arrive now is brought by the sweep (pools.ts). */
  async function bringHome(poolIds: string, partition: number): Promise<void> {
    if (poolIds === '') return;
    await Promise.allSettled(poolIds.split(',').map((poolId) => pools.carryHome(poolId, partition)));
  }

  /** Ends a hold by the script; the hold is read first because the script must be told which deals it touches. */
  async function giveBack(
    why: 'lapsed' | 'released',
    held: HeldBy,
    hold: Hold | null,
    nowMs: number,
    answer: AnswerKey,
  ): Promise<string> {
    const { shopperId } = held;
    const partition = keys.partitionOf(shopperId);
    const k = keys.partition(partition);
    const lines = hold?.lines ?? [];
    const [outcome, home] = (await returnUnits.run(
      redis,
      [
        k.ledger,
        k.lapses,
        k.totals,
        k.holds(shopperId),
        k.answers(shopperId),
        k.answersOrder(shopperId),
        k.abandoned(shopperId),
        ...lines.flatMap((line) => [k.deal(line.dealId), k.dealTaken(line.dealId)]),
      ],
      [
        why,
        shopperId,
        held.holdId,
        nowMs,
        answer.requestId,
        answer.inputHash,
        forgetAfterMs,
        mineBell(shopperId),
        abandonedForMs,
        ...lines.flatMap((line) => [line.dealId, line.quantity, stockBell(partition, line.dealId)]),
      ],
    )) as [string, string];
    void bringHome(home, partition);
    return outcome;
  }

  /**
   * Tells every slice the pause that home decided. Done only when all of them have said so (CONSISTENCY.md 5). Answers whether
   * any slice is there.
   */
  async function tellSlices(dealId: string, paused: string, version: string, why: string): Promise<boolean> {
    const told = await Promise.all(
      partitions.map((p) =>
        pauseSlice.run(redis, [keys.partition(p).deal(dealId)], [paused, version, why, stockBell(p, dealId)]),
      ),
    );
    return told.includes('told');
  }

  return {
    stockBells: (dealId: string) => partitions.map((p) => stockBell(p, dealId)),
    mineBell,
    outboxes: partitions.map((k) => keys.partition(k).outbox),

    /** Makes a deal's pool and its slices, or brings them up to date; the same again changes nothing. */
    async stage(deal: DealTerms, nowMs: number): Promise<void> {
      const poolId = poolOf(deal.dealId);
      const { granted } = await pools.stage({ poolId, total: deal.total, spread: true, untilMs: deal.closesAtMs });
      const [paused, version] = await redis.hmget(
        keys.partition(keys.homeOf(poolId)).pool(poolId),
        'paused',
        'pauseVersion',
      );
      await Promise.all(
        partitions.map((p) => {
          const k = keys.partition(p);
          return stageSlice.run(
            redis,
            [k.deal(deal.dealId), k.deals, k.ledger],
            [
              deal.dealId,
              nowMs,
              termsText(deal),
              nowMs + termsAheadMs,
              granted[p] ?? 0,
              paused ?? 0,
              version ?? 0,
              stockBell(p, deal.dealId),
            ],
          );
        }),
      );
    },

    /**
     * Decides one claim together with those that arrive meanwhile. Where this partition's slice ran dry, home is asked for all
     * dry lines at once, in the order of their ids, and the claim goes again with what home said; it holds nothing while it
     * waits (CONSISTENCY.md 23). The outcome as JSON, word for word as remembered.
     */
    async claim(request: ClaimRequest): Promise<string> {
      const partition = keys.partitionOf(request.shopperId);
      const commit = commits[partition];
      if (commit === undefined) throw new Error('a shopper without a partition');
      const waiting: Waiting = { ...request, granted: null, carried: nothingCarried };
      const arrival = commit.arrive();
      try {
        const asked =
          grants.size === 0
            ? []
            : request.lines.map(({ dealId }) => dealId).filter((id) => grants.get(`${partition} ${id}`)?.asking);
        // Whether home can say something is for those who asked; who only came by is decided as things are.
        let come = asked.length > 0 && (await askForAll(waiting, partition, asked.toSorted()).catch(() => false));
        for (let round = 0; round <= asksMax; round++) {
          const outcome = await (come ? commit.decideAgain(waiting, arrival) : commit.decide(waiting, arrival));
          if (outcome === 'stale') throw new Fault('overloaded', { retryAfterMs: 500 });
          if (outcome === 'failed') throw new Error('a claim could not be decided; nothing was written');
          if (outcome === 'broken')
            throw new Error(
              `a claim failed in its script; its deals are paused: ${request.lines.map((l) => l.dealId).join(', ')}`,
            );
          if (isHold(outcome)) return answerOf(outcome);
          if (!outcome.startsWith('dry ')) return outcome;
          come = await askForAll(waiting, partition, outcome.slice(4).split(' ').toSorted());
        }
      } finally {
        waitNoMore(waiting, partition);
      }
      // Others took what was granted each time: nothing was decided, and home has not said that nothing is left.
      throw new Fault('overloaded', { retryAfterMs: 250 });
    },

    async release(held: HeldBy, nowMs: number, answer: AnswerKey): Promise<string> {
      return giveBack('released', held, await holdOf(held.shopperId, held.holdId), nowMs, answer);
    },

    /** Takes an offer; it becomes a hold. The outcome as JSON. */
    async accept({ shopperId, holdId }: HeldBy, nowMs: number, answer: AnswerKey): Promise<string> {
      const k = keys.of(shopperId);
      const dealId = (await holdOf(shopperId, holdId))?.lines[0]?.dealId ?? '-';
      return (await acceptOffer.run(
        redis,
        [k.ledger, k.lapses, k.holds(shopperId), k.answers(shopperId), k.answersOrder(shopperId), k.deal(dealId)],
        [shopperId, holdId, nowMs, answer.requestId, answer.inputHash, mineBell(shopperId), forgetAfterMs],
      )) as string;
    },

    /** Begins the minutes of what was claimed anew: its shopper could only now be told of it. */
    async restart({ shopperId, requestId }: { shopperId: string; requestId: string }, nowMs: number): Promise<void> {
      const k = keys.of(shopperId);
      await restartHold.run(redis, [k.lapses, k.holds(shopperId)], [shopperId, requestId, nowMs, mineBell(shopperId)]);
    },

    /** Receives units that a home offers to the next in line here, each once, in order. Throws while an earlier one is missing. */
    async takeOffers(partition: number, source: string, entries: readonly Announced[], nowMs: number): Promise<void> {
      const k = keys.partition(partition);
      const scriptKeys = [k.cursors, k.ledger, k.lapses, k.totals];
      // Numbers are counted for each destination, and in one tag several destinations keep their cursors in one hash: under the
      // bare source this one would take another's number for its own and pass over an offer, with its unit.
      const args: (string | number)[] = [`deals ${source}`, nowMs, offerMs];
      const sourceName = hashOf(source).toString(36);
      for (const { number, payload } of entries) {
        const { poolId, shopperId, simulated } = JSON.parse(payload) as {
          poolId: string;
          shopperId: string;
          simulated: boolean;
        };
        const dealId = poolId.slice(poolOf('').length);
        scriptKeys.push(k.deal(dealId), k.dealTaken(dealId), k.holds(shopperId));
        args.push(
          number,
          dealId,
          shopperId,
          `h${partition}.offer-${sourceName}-${number}`,
          simulated ? 1 : 0,
          stockBell(partition, dealId),
          k.bell('deals:mine', shopperId),
        );
      }
      const [word, home] = (await takeOffers.run(redis, scriptKeys, args)) as [string, string];
      void bringHome(home, partition);
      if (word === 'gap') throw new Error(`offers of ${source} arrived with a gap`);
    },

    /** Gives back the units of holds that lapsed, at most `max` of each partition. Answers how many were looked at. */
    async lapse(nowMs: number, max: number): Promise<number> {
      let looked = 0;
      const failures: unknown[] = [];
      for (const p of partitions) {
        const due = await redis.zrangebyscore(keys.partition(p).lapses, '-inf', nowMs, 'LIMIT', 0, max);
        looked += due.length;
        const ended = await Promise.allSettled(
          due.map(async (member) => {
            const [shopperId = '', holdId = ''] = member.split(' ');
            await giveBack('lapsed', { shopperId, holdId }, await holdOf(shopperId, holdId), nowMs, noAnswer);
          }),
        );
        failures.push(...ended.flatMap((each) => (each.status === 'rejected' ? [each.reason] : [])));
      }
      // One that cannot be ended is said, and holds up none of the others, in its own partition or behind it.
      if (failures.length > 0) throw failures[0];
      return looked;
    },

    /** Stops or resumes a deal everywhere. Without an answer key it is the kill switch, which is told again without harm. */
    async pause(
      pause: { dealId: string; paused: boolean; who: string; why: string },
      nowMs: number,
      answer: AnswerKey = noAnswer,
    ): Promise<string> {
      const poolId = poolOf(pause.dealId);
      const home = keys.partition(keys.homeOf(poolId));
      const [outcome, paused, version, why] = (await pauseDeal.run(
        redis,
        [home.pool(poolId), home.ledger, home.answers(pause.who), home.answersOrder(pause.who)],
        [
          pause.dealId,
          pause.paused ? 1 : 0,
          pause.who,
          pause.why,
          nowMs,
          answer.requestId,
          answer.inputHash,
          forgetAfterMs,
        ],
      )) as [string, string, string, string];
      if (outcome.startsWith('{"ok":true')) {
        await tellSlices(pause.dealId, paused, version, why);
        return outcome;
      }
      // Home is gone, which is a reason to stop and none to go on: the kill switch stops the slices by themselves.
      if (answer === noAnswer && pause.paused && (await tellSlices(pause.dealId, '1', '', pause.why)))
        return JSON.stringify({ ok: true, reply: { paused: true } });
      return outcome;
    },

    /**
     * Takes away deals that are over and of which nobody holds or owns anything, looking at `max` of each partition: those behind
     * them the next time, because a deal of which something was sold stays, and many of these must not hide the others.
     */
    async retire(closedBeforeMs: number, nowMs: number, max = retiredMax): Promise<void> {
      const over = new Set<string>();
      for (const [p, from] of retiredTo.entries()) {
        const found = await redis.zrangebyscore(keys.partition(p).deals, '-inf', closedBeforeMs, 'LIMIT', from, max);
        retiredTo[p] = found.length < max ? 0 : from + max;
        for (const dealId of found) over.add(dealId);
      }
      const failures: unknown[] = [];
      for (const dealId of over) {
        try {
          if (!(await pools.retire(poolOf(dealId)))) continue;
          for (const p of partitions) {
            const k = keys.partition(p);
            await retireSlice.run(redis, [k.deal(dealId), k.dealTaken(dealId), k.deals, k.ledger], [dealId, nowMs]);
          }
        } catch (error) {
          // One that cannot be looked at is said below, and keeps none of the others.
          failures.push(error);
        }
      }
      if (failures.length > 0) throw failures[0];
    },

    /** The counts of each deal over all partitions; null for one that is not staged. Units on their way count as free. */
    async states(dealIds: readonly string[]): Promise<(DealState | null)[]> {
      if (dealIds.length === 0) return [];
      const pipeline = redis.pipeline();
      for (const dealId of dealIds) {
        for (const p of partitions)
          pipeline.hmget(keys.partition(p).deal(dealId), 'held', 'sold', 'paused', 't', 'nt', 'na');
      }
      const [homes, slices] = await Promise.all([pools.states(dealIds.map(poolOf)), pipeline.exec()]);
      const nowMs = clock.nowMs();
      return dealIds.map((_, i) => {
        const pool = homes[i];
        if (!pool) return null;
        const state = { held: 0, sold: 0, paused: false, terms: 0 };
        for (const p of partitions) {
          const [error, found] = slices?.[i * partitions.length + p] ?? [];
          if (error) throw error;
          const [held, sold, paused, now, next, nextAt] = found as (string | null)[];
          state.held += Number(held ?? 0);
          state.sold += Number(sold ?? 0);
          state.paused ||= paused === '1';
          const terms = next !== null && nowMs >= Number(nextAt) ? next : now;
          state.terms = Number.parseInt(terms ?? '0', 10) || state.terms;
        }
        const free = Math.max(0, pool.total - state.held - state.sold);
        return { total: pool.total, free, ...state, soldOut: pool.soldOut, waiting: pool.waiting };
      });
    },

    /** Holds of each shopper, newest first, and by the rule of reserve-and-abandon how many they may have. */
    async mine(shopperIds: readonly string[]): Promise<{ holds: Hold[]; standing: Standing }[]> {
      const sinceMs = clock.nowMs() - abandonedForMs;
      const pipeline = redis.pipeline();
      for (const shopperId of shopperIds) {
        const k = keys.of(shopperId);
        pipeline.hvals(k.holds(shopperId));
        pipeline.zrangebyscore(k.abandoned(shopperId), `(${sinceMs}`, '+inf', 'WITHSCORES');
      }
      const answers = ((await pipeline.exec()) ?? []).map(([error, found]) => {
        if (error) throw error;
        return found as string[];
      });
      return shopperIds.map((_, i) => ({
        holds: (answers[i * 2] ?? []).map(parseHold).toSorted((a, b) => b.claimedAtMs - a.claimedAtMs),
        standing: standingOf((answers[i * 2 + 1] ?? []).filter((_, at) => at % 2 === 1).map(Number)),
      }));
    },
  };
}

function standingOf(lapsedAtMs: number[]): Standing {
  const abandoned = lapsedAtMs.length;
  if (abandoned < abandonedMax) return { abandoned, holdsMax: holdsPerShopperMax, untilMs: null };
  return { abandoned, holdsMax: 1, untilMs: (lapsedAtMs[abandoned - abandonedMax] ?? 0) + abandonedForMs };
}

/** A claim that was granted is answered with its hold as it is kept, any other with its refusal or a word. */
const isHold = (outcome: string) => outcome.endsWith('}') && !outcome.startsWith('{');

/** What a claim was answered when it was made, whatever has become of its hold since. */
function answerOf(kept: string): string {
  const hold = kept.slice(kept.indexOf('{'));
  const asMade = hold.includes('"paymentId":null') ? hold : hold.replace(/"paymentId":"[^"]*"/, '"paymentId":null');
  return `{"ok":true,"reply":${asMade}}`;
}

/** A hold is kept as "<request id of its claim> <hash of its input> <1 if simulated> <JSON>". */
function parseHold(kept: string): Hold {
  return JSON.parse(kept.slice(kept.indexOf('{'))) as Hold;
}
