import type { Difference } from '../../../platform/laws.ts';
import type { Redis } from '../../../platform/redis/connections.ts';
import type { Keyspace } from '../../../platform/redis/keyspace.ts';
import { isAtOrBefore, type LedgerFollower, linesOf } from '../../../platform/redis/ledger.ts';
import {
  type ChainLink,
  entriesInRedis,
  entriesOf,
  followSealed,
  readChain,
  readHead,
  type SealedHead,
  sealedParts,
  segmentFolder,
} from '../../../platform/redis/segments.ts';
import type { Reconciled } from '../reconciliation.ts';
import { type AllBalances, type BalancesBy, balancesFrom, balancesText } from './balances.ts';

/** Differences that are told. One is enough to fail; a thousand would say no more. */
const differencesMax = 50;
/** Lines of one segment that are named; how many more there are is said. */
const linesNamedMax = 3;

export interface ReadSealed {
  part: Reconciled;
  /** Reads the ledger of a partition from its first line: what is sealed and whole from disk, the rest from Redis. */
  follow(p: number): LedgerFollower;
  heads: (SealedHead | null)[];
  /** The segment that has this hash, in words; null when none of the chains has it. */
  segmentWith(hash: string): string | null;
}

/**
 * Reads all sealed segments of a festival: that each is what was sealed, by the chain of hashes that ends in the head in Redis; that its lines are
 * those that Redis has; and that its balances are what all lines up to there add up to. Writes nothing.
 */
export async function readSealed({
  redis,
  keys,
  dataDir,
  balancesBy,
}: {
  redis: Redis;
  keys: Keyspace;
  dataDir: string;
  balancesBy: BalancesBy;
}): Promise<ReadSealed> {
  const differences: Difference[] = [];
  const differs = (subject: string, expected = 1, found = 0) => {
    if (differences.length < differencesMax) differences.push({ subject, expected, found });
  };
  const sum = { segments: 0, lines: 0, beside: 0 };
  const partitions = await Promise.all(
    Array.from({ length: keys.partitions }, async (_, p) => {
      const k = keys.partition(p);
      const folder = segmentFolder({ dataDir, festival: keys.festival, p });
      const head = await readHead(redis, k.sealed);
      return { p, k, folder, head, ...(await readChain(folder, { head, festival: keys.festival, p })) };
    }),
  );
  type Partition = (typeof partitions)[number];
  type WholeLink = Extract<ChainLink, { is: 'whole' }>;
  const nameOf = ({ p }: Partition, number: number) => `segment ${number} of partition ${p}`;

  /** Names what is not as it was sealed; a stretch of segments that are not there is one difference. */
  function tellLinks(partition: Partition): void {
    const { links, folder } = partition;
    for (const [i, link] of links.entries()) {
      if (link.is === 'changed')
        differs(`${nameOf(partition, link.number)}, ${link.name}, is as it was sealed (${link.why})`);
      if (link.is !== 'missing' || links[i - 1]?.is === 'missing') continue;
      const end = links.findIndex((other, at) => at > i && other.is !== 'missing');
      const last = end === -1 ? links.length : end;
      const missing = last - i;
      const which =
        missing === 1 ? `segment ${link.number}` : `segments ${link.number} to ${link.number + missing - 1}`;
      differs(`${which} of partition ${partition.p} in ${folder}`, missing, 0);
    }
  }

  /** Compares the lines of a segment with those of Redis, and folds them into the sums. */
  async function compareWithRedis(partition: Partition, link: WholeLink, sums: AllBalances): Promise<void> {
    const { header } = link;
    const { entries, balances } = await entriesOf(partition.folder, link);
    const wrong: string[] = [];
    let next = 0;
    for await (const page of entriesInRedis(redis, partition.k.ledger, header)) {
      for (const [id, flat] of page) {
        // What is on disk and before this one is not in Redis.
        for (
          let gone = entries[next];
          gone !== undefined && gone[0] !== id && isAtOrBefore(gone[0], id);
          gone = entries[++next]
        )
          wrong.push(`line ${gone[0]} is in Redis as well`);
        const sealed = entries[next];
        if (sealed?.[0] !== id) wrong.push(`line ${id}, which Redis has, is in it`);
        else {
          if (JSON.stringify(sealed) !== JSON.stringify([id, ...flat])) wrong.push(`line ${id} is the same in Redis`);
          next++;
        }
      }
    }
    for (const [id] of entries.slice(next)) wrong.push(`line ${id} is in Redis as well`);
    const where = nameOf(partition, link.number);
    for (const what of wrong.slice(0, linesNamedMax)) differs(`${where}: ${what}`);
    if (wrong.length > linesNamedMax) differs(`${where}: lines that are not the same in Redis`, 0, wrong.length);

    let lines = 0;
    for (const [id, ...flat] of entries)
      for (const line of linesOf(id, flat)) {
        sums.fold(line);
        lines++;
      }
    if (entries.length !== header.entries) differs(`${where}: entries`, header.entries, entries.length);
    if (lines !== header.lines) differs(`${where}: lines`, header.lines, lines);
    if (balancesText(sums) !== balances) differs(`${where}: its balances are what all lines up to its end add up to`);
    sum.lines += lines;
  }

  for (const partition of partitions) {
    const { head, links, beside, k } = partition;
    tellLinks(partition);
    sum.segments += links.length;
    sum.beside += beside;
    const sums = balancesFrom(balancesBy, null);
    for (const part of sealedParts(links, head)) {
      if (part.from === 'disk') await compareWithRedis(partition, part.link, sums);
      else
        for await (const page of entriesInRedis(redis, k.ledger, part))
          for (const [id, flat] of page) for (const line of linesOf(id, flat)) sums.fold(line);
    }
    const last = links.at(-1);
    if (head !== null && last?.is === 'whole' && last.header.to !== head.last)
      differs(`${nameOf(partition, head.number)} ends where the head in Redis says, at ${head.last}`);
  }

  const strays = sum.beside === 0 ? '' : `, ${sum.beside} files beside them`;
  return {
    part: {
      name: 'sealed',
      compared: sum.segments,
      what: `segments of the ledger, ${sum.lines} lines${strays}`,
      differences,
    },
    follow(p) {
      const partition = partitions[p];
      if (partition === undefined) throw new RangeError(`no partition ${p} of ${keys.partitions}`);
      return followSealed({ redis, ledger: partition.k.ledger, ...partition });
    },
    heads: partitions.map(({ head }) => head),
    segmentWith(hash) {
      for (const partition of partitions) {
        const found = partition.links.find((link) => link.is === 'whole' && link.hash === hash);
        if (found !== undefined) return nameOf(partition, found.number);
      }
      return null;
    },
  };
}
