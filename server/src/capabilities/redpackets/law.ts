import type { Redis } from '../../platform/redis/connections.ts';
import type { Keyspace } from '../../platform/redis/keyspace.ts';
import { followLedger, isAtOrBefore, type LedgerFollower, type LedgerLine } from '../../platform/redis/ledger.ts';

/** Two numbers that the law says are equal. Whole numbers: packets, or minor units of money. */
export interface Comparison {
  /** What was compared, in words that begin with the drop's id. */
  subject: string;
  /** What the ledger says. */
  expected: number;
  /** What Redis holds. */
  found: number;
}

/** What the ledger's lines make of a drop. */
interface Derived {
  fundMinor: number;
  packets: number;
  opened: number;
  openedMinor: number;
  /** By how much the money was out when the amounts still unopened were last added up. */
  driftMinor: number;
}

/** Up to this many unopened amounts are read and added up in every round; that takes Redis about a millisecond. */
const amountsEveryRound = 5_000;
/** Larger lists are read in one round of this many: 100,000 amounts take Redis some 10 ms. */
const largeEveryRounds = 30;
/** Drops put away with a wrong sum are evidence for as long as the node runs; this many are enough of it. */
const wrongRetiredMax = 20;
/** Wallets looked at in one round, all in turn, so that a round costs Redis the same however many came. */
const walletsPerRound = 200;

/**
 * The law of red packets: what was opened and what is left is the fund, what was opened is in the wallets, and the ledger
 * says the same. The ledger's sums are this node's own, folded line by line from the first (about a hundred bytes a
 * shopper), so a state that was changed by hand agrees with nobody.
 */
export function createPacketLaw({
  redis,
  keys,
  follow = (p) => followLedger(redis, keys.partition(p).ledger),
}: {
  redis: Redis;
  keys: Keyspace;
  /** Reads the ledger of a partition from its first line. */
  follow?: (p: number) => LedgerFollower;
}): () => Promise<Comparison[]> {
  const p = keys.partition(0);
  const ledger = follow(0);
  const derived = new Map<string, Derived>();
  const wrongRetired: Comparison[] = [];
  /** Lines that were written after the state was read: they belong to the next round. */
  let ahead: LedgerLine[] = [];
  let round = 0;
  const wallets = new Map<string, number>();
  /** In the order in which they first came; where the next round begins to look. */
  const shoppers: string[] = [];
  let nextShopper = 0;

  function fold({ fields }: LedgerLine): void {
    const dropId = fields.drop ?? '';
    switch (fields.e ?? '') {
      case 'drop-staged':
        derived.set(dropId, {
          fundMinor: Number(fields.fund),
          packets: Number(fields.packets),
          opened: 0,
          openedMinor: 0,
          driftMinor: 0,
        });
        return;
      case 'packet-opened': {
        const shopperId = fields.shopper ?? '';
        const wallet = wallets.get(shopperId);
        if (wallet === undefined) shoppers.push(shopperId);
        wallets.set(shopperId, (wallet ?? 0) + Number(fields.amount));
        const drop = derived.get(dropId);
        if (drop === undefined) return;
        drop.opened++;
        drop.openedMinor += Number(fields.amount);
        return;
      }
      case 'drop-retired': {
        const drop = derived.get(dropId);
        derived.delete(dropId);
        if (drop === undefined) return;
        const sums: Comparison[] = [
          { subject: `${dropId} packets opened in all`, expected: drop.opened, found: Number(fields.opened) },
          {
            subject: `${dropId} fund, opened and returned`,
            expected: drop.fundMinor,
            found: drop.openedMinor + Number(fields.returned),
          },
        ];
        wrongRetired.push(...sums.filter((sum) => sum.expected !== sum.found));
        wrongRetired.splice(wrongRetiredMax);
        return;
      }
    }
  }

  return async () => {
    for (const line of [...ahead, ...(await ledger.catchUp())]) fold(line);
    ahead = [];
    if (!ledger.caughtUp()) return [];

    // State and the ledger's last line in one transaction, so that both are of one moment; then the lines up to it.
    round++;
    const large = round % largeEveryRounds === 1;
    const ids = [...derived.keys()];
    const transaction = redis.multi().xrevrange(p.ledger, '+', '-', 'COUNT', 1);
    const added = new Set<string>();
    for (const id of ids) {
      const drop = derived.get(id);
      const adds = large || (drop !== undefined && drop.packets - drop.opened <= amountsEveryRound);
      if (adds) added.add(id);
      transaction
        .hmget(p.drop(id), 'opened', 'openedMinor')
        .llen(p.dropAmounts(id))
        .hlen(p.dropOpened(id))
        // -1 to -2 reads nothing.
        .lrange(p.dropAmounts(id), adds ? 0 : -1, adds ? -1 : -2);
    }
    if (nextShopper >= shoppers.length) nextShopper = 0;
    const looked = shoppers.slice(nextShopper, nextShopper + walletsPerRound);
    nextShopper += walletsPerRound;
    for (const shopperId of looked) transaction.hget(p.wallet(shopperId), 'minor');
    const replies = ((await transaction.exec()) ?? []).map(([error, value]) => {
      // A key of another type than it should be is a find too, but not one that can be counted.
      if (error !== null) throw error;
      return value;
    });
    const lastId = (replies[0] as [string, string[]][] | undefined)?.[0]?.[0];
    for (const line of await ledger.catchUp()) {
      if (lastId !== undefined && isAtOrBefore(line.id, lastId)) fold(line);
      else ahead.push(line);
    }
    if (!ledger.caughtUp()) return [];

    const comparisons = [...wrongRetired];
    for (const [i, id] of ids.entries()) {
      const drop = derived.get(id);
      if (drop === undefined) continue;
      const [counts, left, shoppers, amounts] = replies.slice(1 + 4 * i, 5 + 4 * i) as [
        (string | null)[],
        number,
        number,
        string[],
      ];
      const opened = Number(counts[0] ?? 0);
      const openedMinor = Number(counts[1] ?? 0);
      if (added.has(id))
        drop.driftMinor = openedMinor + amounts.reduce((sum, amount) => sum + Number(amount), 0) - drop.fundMinor;
      comparisons.push(
        { subject: `${id} packets opened`, expected: drop.opened, found: opened },
        { subject: `${id} money opened`, expected: drop.openedMinor, found: openedMinor },
        { subject: `${id} shoppers who opened`, expected: drop.opened, found: shoppers },
        { subject: `${id} packets opened and left`, expected: drop.packets, found: opened + left },
        { subject: `${id} fund, opened and left`, expected: drop.fundMinor, found: drop.fundMinor + drop.driftMinor },
      );
    }
    for (const [i, shopperId] of looked.entries()) {
      comparisons.push({
        subject: `wallet of ${shopperId}`,
        expected: wallets.get(shopperId) ?? 0,
        found: Number(replies[1 + 4 * ids.length + i] ?? 0),
      });
    }
    return comparisons;
  };
}
