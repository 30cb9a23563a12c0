import type { control as controlContract } from '@elevens/shared/src/control/contract.ts';
import { pointsMax } from '@elevens/shared/src/control/contract.ts';
import type { Clock } from '../../platform/clock.ts';
import type { FeedRegistry } from '../../platform/feeds.ts';
import type { HandlersOf } from '../../platform/gateway.ts';
import type { LawReading } from '../../platform/laws.ts';
import type { Logger } from '../../platform/logger.ts';
import type { NodeFacts } from '../../platform/node-facts.ts';
import type { Random } from '../../platform/random.ts';
import type { Redis } from '../../platform/redis/connections.ts';
import type { Keyspace } from '../../platform/redis/keyspace.ts';
import { createLease } from '../../platform/redis/lease.ts';
import type { Catalogue } from '../catalogue/index.ts';
import { createFigures, type ListedDeals } from './control.ts';
import { createLaws } from './laws.ts';
import { createControlStore } from './store.ts';

/** Every second look the laws are counted. */
const lawsEveryBeats = 2;
/** The node that makes the wall may miss two looks before another one takes over. */
const leaseMs = 3_000;

/** What a law answers: a reading, or pairs that should be equal (none while its ledger is still being read). */
type Comparisons = readonly { subject: string; expected: number; found: number }[];
type Count = LawReading | Comparisons;

function readingOf(count: Count, nothingToCount: boolean): LawReading {
  if ('counting' in count) return count;
  const evidence = count.filter((pair) => pair.expected !== pair.found);
  return {
    counting: count.length === 0 && !nothingToCount,
    checked: count.length,
    sum: `${count.length - evidence.length} of ${count.length} sums agree with the ledger`,
    evidence,
  };
}

/** Two readings of one law: it has been counted when both have, and is whole when both are. */
function together(one: LawReading, other: LawReading): LawReading {
  if (one.counting || other.counting) return { counting: true, checked: 0, sum: '', evidence: [] };
  return {
    counting: false,
    checked: one.checked + other.checked,
    sum: `${one.sum}; ${other.sum}`,
    evidence: [...one.evidence, ...other.evidence],
  };
}

/** Whoever asks while a count is under way gets that one: a law reads its ledger with one hand. */
function joined<T>(count: () => Promise<T>): () => Promise<T> {
  let underWay: Promise<T> | null = null;
  return () => {
    underWay ??= count().finally(() => {
      underWay = null;
    });
    return underWay;
  };
}

/**
 * The control room: how every node is, what all of them see together, and whether everything still adds up. Each node
 * says its own line; one of them, whichever has the lease, makes the figures that all operators are shown.
 */
export function createControl({
  redis,
  keys,
  clock,
  random,
  logger,
  feeds,
  catalogue,
  deals,
  money,
  redpackets,
  energy,
  live,
  nodeName,
  nodeFacts,
  durability,
}: {
  redis: Redis;
  keys: Keyspace;
  clock: Clock;
  random: Random;
  logger: Logger;
  feeds: Pick<FeedRegistry, 'state'>;
  catalogue: Pick<Catalogue, 'festival' | 'all'>;
  deals: ListedDeals & {
    checkLaws(): Promise<{ stock: LawReading; holds: LawReading; coupons: LawReading }>;
    stop(dealId: string, why: string): Promise<string>;
  };
  money: {
    checkLaws(): Promise<{ money: LawReading; coupons: LawReading }>;
    /** Lets nobody use a coupon, or lets them again; says whether there is such a one. */
    stopCoupon(couponId: string, why: string, how?: { stop?: boolean }): Promise<boolean>;
  };
  redpackets: { checkPackets(): Promise<Count> };
  energy: { checkEnergy(): Promise<Count> };
  live: { saidTotals(): Promise<{ people: number; crowd: number }> };
  nodeName: string;
  nodeFacts: () => Promise<NodeFacts>;
  /** The level that was configured, as the operator set it: fsync, memory. */
  durability: string;
}) {
  const store = createControlStore({ redis, keys, clock });
  const lease = createLease(redis, keys.desk.lease('wall'), { holdMs: leaseMs, random });

  // Several laws are counted in one go; whichever is asked first counts for all of them.
  const checkDeals = joined(() => deals.checkLaws());
  const checkMoney = joined(() => money.checkLaws());
  const laws = createLaws({
    store,
    clock,
    logger,
    counts: {
      stock: async () => (await checkDeals()).stock,
      holds: async () => (await checkDeals()).holds,
      money: async () => (await checkMoney()).money,
      coupons: async () => {
        const [units, uses] = await Promise.all([checkDeals(), checkMoney()]);
        return together(units.coupons, uses.coupons);
      },
      packets: async () => readingOf(await redpackets.checkPackets(), !(await store.anyDropSealed())),
      energy: async () => readingOf(await energy.checkEnergy(), false),
    },
    stops: {
      deal: async (dealId, why) => (JSON.parse(await deals.stop(dealId, why)) as { ok: boolean }).ok,
      coupon: (couponId, why) => money.stopCoupon(couponId, why),
    },
    letCouponGoOn: (couponId) => money.stopCoupon(couponId, 'its law holds again', { stop: false }),
  });
  const makeFigures = createFigures({ store, clock, catalogue, deals, live, laws, durability });

  feeds.state('control:wall', {
    channels: () => [store.bell],
    async read(ids) {
      let wall = await store.wall();
      if (wall === null) {
        // An operator who comes before the first beat: whoever is asked makes the first figures.
        await makeFigures();
        wall = await store.wall();
      }
      return ids.map(() => wall);
    },
    sampleMs: 250,
  });

  const handlers: HandlersOf<typeof controlContract> = {
    async history() {
      return { ok: true, reply: { points: (await store.points(pointsMax)).map(({ point }) => point) } };
    },
  };

  let beats = 0;
  let counting: Promise<void> | null = null;

  /** Says how this node is. */
  const say = async () => store.sayNode(nodeName, { ...(await nodeFacts()), seenAtMs: clock.nowMs() });

  /** Counts the laws, one round at a time: a long one must not hold up the wall, and whoever asks meanwhile joins it. */
  function checkLaws(): Promise<void> {
    counting ??= laws.check().finally(() => {
      counting = null;
    });
    return counting;
  }

  return {
    handlers,
    checkLaws,
    /**
     * Once a second, on every node: says how this one is; whichever has the lease makes the figures as well and, every
     * second time, has the laws counted beside them. Rejects while Redis is away; the wall shows that by its age.
     */
    look: async (): Promise<void> => {
      await say();
      if (!(await lease.hold())) return;
      if (beats++ % lawsEveryBeats === 0) {
        void checkLaws().catch((error: unknown) =>
          logger.debug({ error: String(error) }, 'the conservation laws could not be counted'),
        );
      }
      await makeFigures();
    },
    /** Takes this node off the wall and lets another one make it; for the end of a drain. */
    leave: async (): Promise<void> => {
      await store.forgetNode(nodeName);
      await lease.release();
    },
  };
}
