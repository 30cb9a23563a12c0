import type { deals as dealsContract } from '@elevens/shared/src/deals/contract.ts';
import type { Clock } from '../../platform/clock.ts';
import type { FeedRegistry } from '../../platform/feeds.ts';
import type { HandlersOf } from '../../platform/gateway.ts';
import type { Random } from '../../platform/random.ts';
import type { Redis } from '../../platform/redis/connections.ts';
import type { BatchMetrics } from '../../platform/redis/group-commit.ts';
import type { Keyspace } from '../../platform/redis/keyspace.ts';
import type { Relay } from '../../platform/relay.ts';
import type { Catalogue } from '../catalogue/index.ts';
import { createDealDecisions } from './deals.ts';
import { createDealLaws } from './laws.ts';
import { createDealStore } from './store.ts';

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
  metrics,
  feeds,
  relay,
  catalogue,
}: {
  redis: Redis;
  keys: Keyspace;
  clock: Clock;
  random: Random;
  metrics: BatchMetrics;
  feeds: FeedRegistry;
  relay: Relay;
  catalogue: Catalogue;
}) {
  const store = createDealStore({ redis, keys, clock, metrics });
  const decisions = createDealDecisions({
    store,
    catalogue,
    clock,
    random,
    announced: (shopperId) => relay.poke(keys.of(shopperId).outbox),
  });
  const laws = createDealLaws(store);
  for (const outbox of store.outboxes) relay.source(outbox);

  feeds.state('deals:stock', {
    channel: store.stockBell,
    read: async (ids) =>
      (await store.states(ids)).map(
        (s) => s && { total: s.total, free: s.free, held: s.held, sold: s.sold, paused: s.paused },
      ),
    sampleMs,
  });
  feeds.state('deals:mine', {
    channel: store.mineBell,
    read: async (ids) => (await store.holdsOf(ids)).map((holds) => ({ holds })),
    sampleMs,
  });

  const handlers: HandlersOf<typeof dealsContract> = decisions.handlers;
  return {
    handlers,
    /** Chores that any node may do, any number of times. */
    stage: decisions.stage,
    lapse: decisions.lapse,
    retire: decisions.retire,
    forgetStaged: decisions.forgetStaged,
    listed: decisions.listed,
    titleOf: decisions.titleOf,
    checkLaws: laws.check,
  };
}
