import type { Redis } from '../../platform/redis/connections.ts';
import type { Keyspace, PartitionKeys } from '../../platform/redis/keyspace.ts';
import { followLedger, isAtOrBefore, type LedgerFollower, type LedgerLine } from '../../platform/redis/ledger.ts';

/** Two numbers that the law says are equal. */
export interface Comparison {
  subject: string;
  /** What the ledger says. */
  expected: number;
  /** What Redis holds. */
  found: number;
}

/** Shoppers looked at in one round, so that a round costs Redis the same whether a hundred or a hundred thousand came. */
const shoppersPerRound = 200;

/**
 * The law of energy: what the ledger credited and took back is what the counters show, in all and shopper by shopper (some in every
 * round, all in turn). The ledger's sums are this node's own, about a hundred bytes a shopper.
 */
export function createEnergyLaw({
  redis,
  keys,
  follow = (p) => followLedger(redis, keys.partition(p).ledger),
}: {
  redis: Redis;
  keys: Keyspace;
  /** Reads the ledger of a partition from its first line. */
  follow?: (p: number) => LedgerFollower;
}): () => Promise<Comparison[]> {
  const partitions = Array.from({ length: keys.partitions }, (_, p) =>
    createPartitionLaw({ redis, p: keys.partition(p), ledger: follow(p) }),
  );
  return async () => (await Promise.all(partitions.map((check) => check()))).flat();
}

function createPartitionLaw({
  redis,
  p,
  ledger,
}: {
  redis: Redis;
  p: PartitionKeys;
  ledger: LedgerFollower;
}): () => Promise<Comparison[]> {
  const credited = { people: 0, crowd: 0 };
  const byShopper = new Map<string, number>();
  /** In the order in which they first came; where the next round begins to look. */
  const shoppers: string[] = [];
  let next = 0;
  /** Lines that were written after the state was read: they belong to the next round. */
  let ahead: LedgerLine[] = [];

  function fold({ fields }: LedgerLine): void {
    if (fields.e !== 'energy-credited' && fields.e !== 'energy-taken-back') return;
    const shopperId = fields.shopper ?? '';
    const energy = fields.e === 'energy-credited' ? Number(fields.energy) : -Number(fields.energy);
    credited[fields.sim === '1' ? 'crowd' : 'people'] += energy;
    const before = byShopper.get(shopperId);
    if (before === undefined) shoppers.push(shopperId);
    byShopper.set(shopperId, (before ?? 0) + energy);
  }

  return async () => {
    for (const line of [...ahead, ...(await ledger.catchUp())]) fold(line);
    ahead = [];
    if (!ledger.caughtUp()) return [];

    if (next >= shoppers.length) next = 0;
    const looked = shoppers.slice(next, next + shoppersPerRound);
    next += shoppersPerRound;
    // State and the ledger's last line in one transaction, so that both are of one moment; then the lines up to it.
    const transaction = redis.multi().xrevrange(p.ledger, '+', '-', 'COUNT', 1).hmget(p.totals, 'energy', 'energy:sim');
    for (const shopperId of looked) transaction.hget(p.energy(shopperId), 'energy');
    const replies = ((await transaction.exec()) ?? []).map(([error, value]) => {
      if (error !== null) throw error;
      return value;
    });
    const [lines, totals, ...energies] = replies as [[string, string[]][], (string | null)[], ...(string | null)[]];
    const lastId = lines[0]?.[0];
    for (const line of await ledger.catchUp()) {
      if (lastId !== undefined && isAtOrBefore(line.id, lastId)) fold(line);
      else ahead.push(line);
    }
    if (!ledger.caughtUp()) return [];

    return [
      { subject: `energy of people in ${p.tag}`, expected: credited.people, found: Number(totals[0] ?? 0) },
      { subject: `energy of the crowd in ${p.tag}`, expected: credited.crowd, found: Number(totals[1] ?? 0) },
      ...looked.map((shopperId, i) => ({
        subject: `energy of ${shopperId}`,
        expected: byShopper.get(shopperId) ?? 0,
        found: Number(energies[i] ?? 0),
      })),
    ];
  };
}
