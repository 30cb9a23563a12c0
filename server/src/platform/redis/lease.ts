import type { Redis } from 'ioredis';
import type { Random } from '../random.ts';

/**
 * One node at a time does a chore that all could do (sampling, sweeping). It is only to save work: every chore is also
 * right when two do it at once, so a lease that outlives its holder's pause is harmless.
 */
export function createLease(redis: Redis, key: string, { holdMs, random }: { holdMs: number; random: Random }) {
  const mine = random.token(12);
  return {
    /** Takes or extends the lease; false when another node has it. */
    async hold(): Promise<boolean> {
      if ((await redis.set(key, mine, 'PX', holdMs, 'NX')) === 'OK') return true;
      if ((await redis.get(key)) !== mine) return false;
      await redis.pexpire(key, holdMs);
      return true;
    },
    async release(): Promise<void> {
      if ((await redis.get(key)) === mine) await redis.del(key);
    },
  };
}
