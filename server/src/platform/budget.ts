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

/** Callers in one generation of buckets. Two are kept, so that whoever is still here is never forgotten: see below. */
const callersMax = 100_000;

/**
 * Token buckets by caller, charged before a command is looked at. Kept in this node's memory: they may be lost
 * (CONSISTENCY.md 1), and a shopper on two nodes has two buckets.
 * `spend` is told the moment, by a clock that only goes forward, and answers 0 when the cost was taken, otherwise how many milliseconds until it could be.
 */
export function createBudgets(size: BudgetSize): { spend(caller: string, cost: number, nowMs: number): number } {
  // When the young generation is full, it becomes the old one and the old one is forgotten, which only refills the buckets
  // of those who have not called for as long as all of these took. Keeping an order of last use cost every call more.
  let young = new Map<string, { tokens: number; atMs: number }>();
  let old = young;

  function bucketOf(caller: string, nowMs: number): { tokens: number; atMs: number } {
    const known = young.get(caller);
    if (known !== undefined) return known;
    if (young.size >= callersMax) {
      old = young;
      young = new Map();
    }
    const bucket = old.get(caller) ?? { tokens: size.capacity, atMs: nowMs };
    young.set(caller, bucket);
    return bucket;
  }

  return {
    spend(caller, cost, nowMs) {
      const bucket = bucketOf(caller, nowMs);
      bucket.tokens = Math.min(size.capacity, bucket.tokens + ((nowMs - bucket.atMs) / 1_000) * size.refillPerSecond);
      bucket.atMs = nowMs;
      if (bucket.tokens >= cost) {
        bucket.tokens -= cost;
        return 0;
      }
      return Math.ceil(((cost - bucket.tokens) / size.refillPerSecond) * 1_000);
    },
  };
}
