import type { deals as dealsContract } from '@elevens/shared/src/deals/contract.ts';
import type { Clock } from '../../platform/clock.ts';
import type { FeedRegistry } from '../../platform/feeds.ts';
import type { HandlersOf } from '../../platform/gateway.ts';
import type { Logger } from '../../platform/logger.ts';
import type { Random } from '../../platform/random.ts';
import type { Redis } from '../../platform/redis/connections.ts';
import type { BatchMetrics } from '../../platform/redis/group-commit.ts';
import type { Keyspace } from '../../platform/redis/keyspace.ts';
import type { Relay } from '../../platform/relay.ts';
import type { Catalogue } from '../catalogue/index.ts';
import { createDealDecisions, stockOf } from './deals.ts';
import { createDealLaws } from './laws.ts';
import { createPools } from './pools/pools.ts';
import { createDealStore } from './store.ts';

export { createDealLaws, stockBalances } from './laws.ts';

/** Counts are shown four times a second at most: faster than a thumb, slower than a stampede. */
const sampleMs = 250;

/**
 * Flash deals: list, watch stock, claim, hold, lapse. One script in Redis decides each claim; a unit is free, held or
 * sold and never two of them.
 */
export function createDeals({
  redis,
  keys,
  clock,
  random,
  logger,
  metrics,
  feeds,
  relay,
  catalogue,
}: {
  redis: Redis;
  keys: Keyspace;
  clock: Clock;
  random: Random;
  logger: Logger;
  metrics: BatchMetrics;
  feeds: FeedRegistry;
  relay: Relay;
  catalogue: Catalogue;
}) {
  const pools = createPools({ redis, keys, clock, announced: relay.poke });
  const store = createDealStore({ redis, keys, clock, metrics, pools, announced: relay.poke });
  const decisions = createDealDecisions({
    store,
    pools,
    keys,
    catalogue,
    clock,
    random,
    logger,
  });
  const laws = createDealLaws({ redis, keys });
  for (const [partition, outbox] of store.outboxes.entries()) {
    relay.source(outbox);
    relay.destination(`deals@p${partition}`, (source, entries) =>
      store.takeOffers(partition, source, entries, clock.nowMs()),
    );
  }

  feeds.state('deals:stock', {
    channels: store.stockBells,
    read: async (ids) => (await store.states(ids)).map((state) => state && stockOf(state)),
    sampleMs,
  });
  feeds.state('deals:mine', {
    channels: (id) => [store.mineBell(id)],
    read: (ids) => store.mine(ids),
    sampleMs,
  });

  const handlers: HandlersOf<typeof dealsContract> = decisions.handlers;
  return {
    handlers,
    /** Chores that any node may do, any number of times. */
    stage: decisions.stage,
    lapse: decisions.lapse,
    /**
     * Holds of claims that were decided and could not be confirmed in time: their minutes begin when they are (CONSISTENCY.md 11).
     * Claims of others are none of ours.
     */
    async restartClocks(late: readonly { personId: string; requestId: string; command: string }[]): Promise<void> {
      const claims = late.filter(({ command }) => command === 'deals:claim' || command === 'deals:accept');
      for (const { personId, requestId } of claims) {
        await store.restart({ shopperId: personId, requestId }, clock.nowMs());
      }
    },
    retire: decisions.retire,
    forgetStaged: decisions.forgetStaged,
    listed: decisions.listed,
    titleOf: decisions.titleOf,
    /** Carries units of pools that were left on their way. */
    sweepPools: async (): Promise<void> => void (await pools.sweep()),
    checkLaws: laws.check,
    /** Pools of units, for whoever has some of its own (the uses of a coupon). */
    pools,
    /** Stops a deal by itself when a law about it is broken. */
    stop: (dealId: string, why: string) =>
      store.pause({ dealId, paused: true, who: 'kill-switch', why }, clock.nowMs()),
  };
}
