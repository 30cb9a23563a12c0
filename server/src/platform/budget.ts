import type { Clock } from './clock.ts';

export interface BudgetSize {
  /** Tokens that can be spent at once. */
  capacity: number;
  /** Tokens that come back each second. */
  refillPerSecond: number;
}

/** A person at a phone: fifty lines of chat in one go, forty small calls a second for ever. */
export const personBudget: BudgetSize = { capacity: 300, refillPerSecond: 40 };
/** An address may be a whole campus behind one gateway, so it is only kept from flooding a node by itself. */
export const addressBudget: BudgetSize = { capacity: 40_000, refillPerSecond: 8_000 };

/** Callers remembered at once; past that the longest unseen is forgotten, which only refills its bucket. */
const callersMax = 200_000;

/**
 * Token buckets by caller, charged before a command is looked at. Kept in this node's memory: they may be lost
 * (CONSISTENCY.md 1), and a shopper on two nodes has two buckets.
 * `spend` answers 0 when the cost was taken, otherwise how many milliseconds until it could be.
 */
export function createBudgets(clock: Clock, size: BudgetSize): { spend(caller: string, cost: number): number } {
  const buckets = new Map<string, { tokens: number; atMs: number }>();
  return {
    spend(caller, cost) {
      const nowMs = clock.monotonicMs();
      const bucket = buckets.get(caller) ?? { tokens: size.capacity, atMs: nowMs };
      bucket.tokens = Math.min(size.capacity, bucket.tokens + ((nowMs - bucket.atMs) / 1_000) * size.refillPerSecond);
      bucket.atMs = nowMs;
      // Deleted and set again, so that the map's order is that of last use.
      buckets.delete(caller);
      buckets.set(caller, bucket);
      if (buckets.size > callersMax) {
        const [oldest] = buckets.keys();
        if (oldest !== undefined) buckets.delete(oldest);
      }
      if (bucket.tokens >= cost) {
        bucket.tokens -= cost;
        return 0;
      }
      return Math.ceil(((cost - bucket.tokens) / size.refillPerSecond) * 1_000);
    },
  };
}
