import type { Clock } from '../../platform/clock.ts';
import type { Logger } from '../../platform/logger.ts';
import type { Random } from '../../platform/random.ts';
import type { Redis } from '../../platform/redis/connections.ts';
import type { Keyspace } from '../../platform/redis/keyspace.ts';
import { defineScript } from '../../platform/redis/scripts.ts';
import type { MakeBalances } from '../../platform/redis/segments.ts';
import { couponPool, moneyBalances } from './books.ts';
import { createMoneyLaws, type UsesPerShopper } from './laws.ts';
import { readSealed } from './sealing/read-sealed.ts';
import { createSealer } from './sealing/sealer.ts';

export { createReconciliation, type Reconciled, reconciledPerRound } from './reconciliation.ts';

const stopCouponScript = defineScript(new URL('./stop-coupon.lua', import.meta.url));

/**
 * Money, watched: the laws of accounts, escrow and coupons, counted from the ledger alone. It posts nothing and decides nothing
 * about an order; it can only stop a coupon whose figures no longer agree.
 */
export function createMoney({
  redis,
  keys,
  clock,
  usesPerShopper,
}: {
  redis: Redis;
  keys: Keyspace;
  clock: Clock;
  usesPerShopper: UsesPerShopper;
}) {
  const laws = createMoneyLaws({ redis, keys, usesPerShopper });
  return {
    checkLaws: laws.check,
    /** Stops the use of a coupon in every partition, or lets it go on; answers whether there is such a coupon. */
    async stopCoupon(couponId: string, why: string, { who = 'kill-switch', stop = true } = {}): Promise<boolean> {
      const answers = await Promise.all(
        Array.from({ length: keys.partitions }, (_, p) => {
          const k = keys.partition(p);
          const scriptKeys = [k.slice(`${couponPool}${couponId}`), k.ledger];
          return stopCouponScript.run(redis, scriptKeys, [couponId, stop ? 1 : 0, who, why, clock.nowMs()]);
        }),
      );
      return answers.some((answer) => answer !== 'unknown');
    },
  };
}

/** What a segment of the ledger ends with: every account, and every slice and home of a pool, which are another capability's to fold. */
const balancesBy = (stock: MakeBalances) => ({ money: moneyBalances, stock });

/** Seals the ledgers of a festival into segments on disk, a little in every round. */
export const createSealing = ({
  stock,
  ...needs
}: {
  redis: Redis;
  keys: Keyspace;
  clock: Clock;
  random: Random;
  logger: Logger;
  dataDir: string;
  stock: MakeBalances;
}) => createSealer({ ...needs, balancesBy: balancesBy(stock) });

/** Reads and verifies all that was sealed, and follows ledgers through it. */
export const readSealedLedgers = ({
  stock,
  ...needs
}: {
  redis: Redis;
  keys: Keyspace;
  dataDir: string;
  stock: MakeBalances;
}) => readSealed({ ...needs, balancesBy: balancesBy(stock) });
