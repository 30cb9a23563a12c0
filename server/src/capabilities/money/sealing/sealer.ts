import type { Clock } from '../../../platform/clock.ts';
import type { Logger } from '../../../platform/logger.ts';
import type { Random } from '../../../platform/random.ts';
import type { Redis } from '../../../platform/redis/connections.ts';
import type { Keyspace } from '../../../platform/redis/keyspace.ts';
import { createLease } from '../../../platform/redis/lease.ts';
import { linesOf } from '../../../platform/redis/ledger.ts';
import {
  clearUnfinished,
  entriesInRedis,
  hasSegment,
  moveHead,
  readHead,
  readHeadBalances,
  readSegment,
  type SealedHead,
  type SegmentHeader,
  segmentFolder,
  segmentFormat,
  segmentHash,
  segmentName,
  segmentText,
  writeSegment,
} from '../../../platform/redis/segments.ts';
import { type BalancesBy, balancesFrom, balancesText } from './balances.ts';

export interface SealingLimits {
  /** Only entries older than this are sealed: long after every WAIT, so that no failover takes back what a file says. */
  safeMs: number;
  /** A segment is made of this many entries at least ... */
  entriesMin: number;
  /** ... or when the oldest entry that is not sealed is older than this. */
  waitMs: number;
  /** Text of a segment, but for a last page: it lies in memory twice while it is made, and hashing it holds up the node for some 5 ms. */
  textBytesMax: number;
  /** Segments that one round makes, about half a second each: who starts late catches up over several rounds, and a drain waits for one. */
  segmentsPerRound: number;
  /** A node without the last segment goes on with the chain only when an entry has waited this long: the one that has it seems gone. */
  takeOverMs: number;
}

export const sealingLimits: SealingLimits = {
  safeMs: 60_000,
  entriesMin: 10_000,
  waitMs: 600_000,
  textBytesMax: 4 * 1024 * 1024,
  segmentsPerRound: 8,
  takeOverMs: 1_800_000,
};

/** The node that seals may pause this long before another one takes over; two at once do no harm. */
const leaseMs = 60_000;
/** Entries read and summed up in one go, so that the node's viewers never wait for it: some milliseconds, also when each holds many claims. */
const perPage = 40;

/**
 * Seals the ledger of every partition, segment by segment behind a safe distance: written to disk, read back and compared, and only then the head in
 * Redis moves on, by comparison. Whoever dies in between leaves a file that is no part of the chain, and the same lines
 * are sealed again. Nothing is taken out of Redis.
 */
export function createSealer({
  redis,
  keys,
  clock,
  random,
  logger,
  dataDir,
  balancesBy,
  limits = sealingLimits,
}: {
  redis: Redis;
  keys: Keyspace;
  clock: Pick<Clock, 'nowMs'>;
  random: Random;
  logger: Pick<Logger, 'info' | 'warn'>;
  dataDir: string;
  balancesBy: BalancesBy;
  limits?: SealingLimits;
}) {
  const partitions = Array.from({ length: keys.partitions }, (_, p) => ({
    p,
    k: keys.partition(p),
    folder: segmentFolder({ dataDir, festival: keys.festival, p }),
    lease: createLease(redis, keys.partition(p).sealerLease, { holdMs: leaseMs, random }),
    cleared: false,
    /** The head from which this node went on without the files before it; said once. */
    saidWithout: '',
  }));
  type Partition = (typeof partitions)[number];

  /** When the oldest entry behind the head was written; null when there is none. */
  async function oldestMs({ k }: Partition, head: SealedHead | null): Promise<number | null> {
    const [first] = await redis.xrange(k.ledger, `(${head?.last ?? '0-0'}`, '+', 'COUNT', 1);
    return first === undefined ? null : Number(first[0].split('-')[0]);
  }

  /** Whether this node is the one to go on from the head. */
  async function isOurs(partition: Partition, head: SealedHead | null, waitedMs: number): Promise<boolean> {
    if (head === null || (await hasSegment(partition.folder, head.name))) return true;
    if (waitedMs < limits.takeOverMs) return false;
    if (partition.saidWithout !== head.hash)
      logger.warn(
        { partition: partition.p, segment: head.number, folder: partition.folder },
        'the sealed segments before this one are not on this disk: the chain goes on from its head',
      );
    partition.saidWithout = head.hash;
    return true;
  }

  /** Makes the next segment; says whether there may be another one. */
  async function sealNext(partition: Partition): Promise<boolean> {
    const { p, k, folder } = partition;
    const head = await readHead(redis, k.sealed);
    const nowMs = clock.nowMs();
    const beganMs = await oldestMs(partition, head);
    if (beganMs === null || nowMs - beganMs < limits.safeMs) return false;
    const overdue = nowMs - beganMs >= limits.waitMs;
    if (!overdue && (await redis.xlen(k.ledger)) - (head?.entries ?? 0) < limits.entriesMin) return false;
    if (!(await isOurs(partition, head, nowMs - beganMs))) return false;
    if (!(await partition.lease.hold())) return false;
    if (!partition.cleared) await clearUnfinished(folder, nowMs);
    partition.cleared = true;

    const sums = balancesFrom(balancesBy, await readHeadBalances(redis, k.sealed));
    const rows: string[] = [];
    let [textBytes, lines, from, to] = [0, 0, '', ''];
    const safe = { after: head?.last ?? '0-0', to: String(nowMs - limits.safeMs), perPage };
    for await (const page of entriesInRedis(redis, k.ledger, safe)) {
      for (const [id, flat] of page) {
        const row = JSON.stringify([id, ...flat]);
        rows.push(row);
        textBytes += row.length;
        if (from === '') from = id;
        to = id;
        for (const line of linesOf(id, flat)) {
          sums.fold(line);
          lines++;
        }
      }
      if (textBytes >= limits.textBytesMax) break;
    }
    if (rows.length === 0 || (rows.length < limits.entriesMin && !overdue && textBytes < limits.textBytesMax))
      return false;

    const number = (head?.number ?? 0) + 1;
    const previous = head?.hash ?? '';
    const header: SegmentHeader = {
      format: segmentFormat,
      festival: keys.festival,
      partition: p,
      segment: number,
      previous,
      after: safe.after,
      from,
      to,
      entries: rows.length,
      lines,
    };
    const balances = balancesText(sums);
    const text = segmentText(header, rows, balances);
    const name = segmentName(header);
    const bytes = await writeSegment(folder, { name, text, token: random.token(8) });
    const hash = segmentHash(previous, text);
    if (segmentHash(previous, await readSegment(folder, name)) !== hash)
      throw new Error(`${name} of partition ${p} does not read back as it was written`);

    const next: SealedHead = {
      number,
      hash,
      name,
      last: to,
      entries: (head?.entries ?? 0) + rows.length,
      lines: (head?.lines ?? 0) + lines,
      atMs: nowMs,
    };
    // Another node was faster: its segment is in the chain, and ours is a file beside it, or the same one.
    if (!(await moveHead(redis, k.sealed, { before: head, next, balances }))) return true;
    logger.info({ partition: p, segment: number, lines, bytes, hash }, 'a segment of the ledger was sealed');
    return true;
  }

  let turn = 0;
  return {
    /** One round: a segment of each partition in turn, one after another, so that sealing never takes more than a part of one core. */
    async seal(): Promise<void> {
      let made = 0;
      for (let idle = 0; idle < partitions.length && made < limits.segmentsPerRound; ) {
        const partition = partitions[turn] as Partition;
        turn = (turn + 1) % partitions.length;
        if (await sealNext(partition)) {
          made++;
          idle = 0;
        } else idle++;
      }
    },
  };
}
