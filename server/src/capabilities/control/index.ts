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
  deals: ListedDeals & { checkLaws(): Promise<{ stock: LawReading; holds: LawReading }> };
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

  // Stock and holds are counted in one go; whichever is asked first counts for both.
  let dealLaws: ReturnType<typeof deals.checkLaws> | null = null;
  const checkDeals = () => {
    dealLaws ??= deals.checkLaws().finally(() => {
      dealLaws = null;
    });
    return dealLaws;
  };
  const laws = createLaws({
    store,
    clock,
    logger,
    counts: {
      stock: async () => (await checkDeals()).stock,
      holds: async () => (await checkDeals()).holds,
      packets: async () => readingOf(await redpackets.checkPackets(), !(await store.anyDropSealed())),
      energy: async () => readingOf(await energy.checkEnergy(), false),
    },
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
