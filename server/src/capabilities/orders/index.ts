import type { Clock } from '../../platform/clock.ts';
import type { FeedRegistry } from '../../platform/feeds.ts';
import type { Logger } from '../../platform/logger.ts';
import type { Random } from '../../platform/random.ts';
import type { Redis } from '../../platform/redis/connections.ts';
import type { Keyspace } from '../../platform/redis/keyspace.ts';
import type { Relay } from '../../platform/relay.ts';
import type { PaymentProvider } from '../payments/index.ts';
import { createAudit } from './audit.ts';
import { createBaskets, type OrderCatalogue, type OrderPools } from './baskets.ts';
import { type AskHome, createCarryOut } from './carry-out.ts';
import { createOrderDecisions } from './orders.ts';
import { createSettling } from './settle.ts';
import { createOrderStore } from './store.ts';

export type { OrderCatalogue } from './baskets.ts';

/** A shopper watches the own order; a tenth of a second is at once. */
const sampleMs = 100;

/**
 * Orders: from what is held to the money in the seller's hands. Every turn of an order is decided by one table and committed
 * by one script, with its stock, coupons, money, timeline and answer.
 */
export function createOrders({
  redis,
  keys,
  clock,
  random,
  logger,
  feeds,
  relay,
  catalogue,
  pools,
  provider,
  askProvider,
  returnUrl,
}: {
  redis: Redis;
  keys: Keyspace;
  clock: Clock;
  random: Random;
  logger: Logger;
  feeds: Pick<FeedRegistry, 'state'>;
  relay: Pick<Relay, 'poke'>;
  catalogue: OrderCatalogue;
  /** The pools of stock and coupons (deals' own). */
  pools: OrderPools & { ask: AskHome; carryHome(poolId: string, partition: number): Promise<void> };
  /** Null where no payments can be made: `pay` says so. */
  provider: Pick<PaymentProvider, 'createSession'> | null;
  /** Asks the provider about one payment now, at most once a second for each. */
  askProvider: (paymentId: string) => Promise<void>;
  returnUrl: (paymentId: string) => string;
}) {
  const audit = createAudit(logger);
  const store = createOrderStore({
    redis,
    keys,
    carryHome: (poolId, partition) => pools.carryHome(poolId, partition),
    announced: (outbox) => relay.poke(outbox),
  });
  const baskets = createBaskets({ catalogue, store, pools });
  const carryOut = createCarryOut({ store, ask: (ask) => pools.ask(ask), audit });
  const decisions = createOrderDecisions({
    store,
    baskets,
    carryOut,
    catalogue,
    keys,
    clock,
    random,
    audit,
    provider,
    askProvider,
    returnUrl,
  });
  const settling = createSettling({ store, baskets, carryOut, keys, clock, audit, askProvider });

  feeds.state('orders:mine', {
    channels: (id) => [store.mineBell(id)],
    read: (ids) => store.mine(ids),
    sampleMs,
  });

  return {
    handlers: decisions.handlers,
    /** What payments need of whoever keeps them. */
    book: settling.book,
    /** Chores that any node may do, any number of times. */
    due: settling.due,
    stageCoupons: () => baskets.stageCoupons(clock.nowMs()),
    forgetStaged: baskets.forgetStaged,
  };
}
export type Orders = ReturnType<typeof createOrders>;
