import type { Redis } from 'ioredis';

/** One line of a ledger: what a deciding script wrote, as field and text. */
export interface LedgerLine {
  id: string;
  fields: Record<string, string>;
}

/**
 * Claims that were decided in one call are one entry, and in it one text with a line for each:
 * `<shopper> <hold> <when> <1 if simulated> <lines>`. A field for each would cost every reader more than what it says.
 */
const claimsOfBatch = 'claims';

/** The lines of one entry of a ledger. Every reader of a ledger reads by this. */
export function linesOf(id: string, flat: readonly string[]): LedgerLine[] {
  if (flat[1] === claimsOfBatch) {
    return (flat[5] ?? '').split('\n').map((text) => {
      const [shopper = '', hold = '', t = '', sim = ''] = text.split(' ', 4);
      const lines = text.slice(shopper.length + hold.length + t.length + sim.length + 4);
      return { id, fields: { e: 'claimed', t, shopper, hold, lines, sim } };
    });
  }
  const fields: Record<string, string> = {};
  for (let i = 0; i + 1 < flat.length; i += 2) fields[flat[i] ?? ''] = flat[i + 1] ?? '';
  return [{ id, fields }];
}

/** Entries read in one call. */
export const pageLines = 1_000;
/** Pages read in one round: a follower that starts late catches up over several rounds and starves nobody. */
const pagesPerRound = 50;
/** And no more lines than these, but for a last page: an entry of a stampede holds up to 128 claims, and all of a round lies in memory. */
export const linesPerRound = 50_000;

/** Reads a ledger on, some in every round. */
export interface LedgerFollower {
  /** The lines since the last round, or as many of them as one round reads. */
  catchUp(): Promise<LedgerLine[]>;
  /** Whether the last round reached the end. */
  caughtUp(): boolean;
}

/** Follows a ledger from its first line, or from behind an entry. Each law folds what it is given into sums of its own. */
export function followLedger(redis: Redis, ledger: string, behind?: string): LedgerFollower {
  let after = behind === undefined ? '-' : `(${behind}`;
  let caughtUp = false;
  return {
    caughtUp: () => caughtUp,
    async catchUp() {
      const lines: LedgerLine[] = [];
      for (let page = 0; page < pagesPerRound && lines.length < linesPerRound; page++) {
        let found: [string, string[]][];
        try {
          found = await redis.xrange(ledger, after, '+', 'COUNT', pageLines);
        } catch (error) {
          caughtUp = false;
          // What was read before counts: it is not read again. The next round goes on behind it.
          if (lines.length > 0) return lines;
          throw error;
        }
        for (const [id, flat] of found) lines.push(...linesOf(id, flat));
        const last = found.at(-1);
        if (last !== undefined) after = `(${last[0]}`;
        caughtUp = found.length < pageLines;
        if (caughtUp) break;
      }
      return lines;
    },
  };
}

/**
 * Follows the ledgers of all partitions, each from its first line: the lines of partition k are at index k. They are
 * ordered within a partition and not between two, so what is folded must not depend on the order of partitions.
 */
export function followLedgers(
  redis: Redis,
  ledgers: readonly string[],
): { catchUp(): Promise<LedgerLine[][]>; caughtUp(): boolean } {
  const followers = ledgers.map((ledger) => followLedger(redis, ledger));
  return {
    caughtUp: () => followers.every((follower) => follower.caughtUp()),
    async catchUp() {
      const read = await Promise.allSettled(followers.map((follower) => follower.catchUp()));
      const lines = read.map((one) => (one.status === 'fulfilled' ? one.value : []));
      const failed = read.find((one) => one.status === 'rejected');
      // What was read of other partitions counts: it is not read again. Those that failed are behind, and say so.
      if (failed !== undefined && lines.every((some) => some.length === 0)) throw failed.reason;
      return lines;
    },
  };
}

/** Whether a ledger id is at or before another: ids are `<ms>-<number>`. */
export function isAtOrBefore(id: string, other: string): boolean {
  // Nearly always both have as many digits, and then the order of their characters is that of their numbers.
  if (id.length === other.length && id.indexOf('-') === other.indexOf('-')) return id <= other;
  const [aMs = 0, aNumber = 0] = id.split('-').map(Number);
  const [bMs = 0, bNumber = 0] = other.split('-').map(Number);
  return aMs < bMs || (aMs === bMs && aNumber <= bNumber);
}
