import { parseArgs } from 'node:util';
import { createDealLaws, stockBalances } from './capabilities/deals/index.ts';
import { createEnergyLaw } from './capabilities/energy/index.ts';
import {
  createReconciliation,
  type Reconciled,
  readSealedLedgers,
  reconciledPerRound,
} from './capabilities/money/index.ts';
import { createPacketLaw } from './capabilities/redpackets/index.ts';
import { type Config, readConfig } from './config.ts';
import { createClock } from './platform/clock.ts';
import { createLogger } from './platform/logger.ts';
import { openConnections, type Redis, type RedisTarget } from './platform/redis/connections.ts';
import { readEmbeddedConnection } from './platform/redis/embedded.ts';
import { createKeyspace } from './platform/redis/keyspace.ts';
import type { SealedHead } from './platform/redis/segments.ts';

const usage = `Derives every balance, every stock figure, every order and every payment anew from the ledger and compares.

  npm run reconcile
  npm run reconcile -- --festival <id>   one of several festivals in one Redis
  npm run reconcile -- --head <sha256>   and look for a head of the ledger, as an order's export names it, among the sealed segments

It reads the Redis of the server that runs on DATA_DIR, or REDIS_URL, while the festival goes on, and the segments of its ledger that were sealed
under DATA_DIR; with LEDGER_SEAL=off only Redis. It writes nothing and starts nothing.
Exit: 0 everything agrees, 1 something does not (each difference is printed), 2 it could not be found out.`;

/** Why nothing could be found out; shown without a stack. */
class CouldNot extends Error {}

/** The Redis that there is. None is started: there would be two on the same data, or one without any. */
function redisTarget({ redisUrl, dataDir }: Config): { target: RedisTarget; named: string } {
  if (redisUrl !== null) return { target: { url: redisUrl }, named: 'REDIS_URL' };
  const running = readEmbeddedConnection(dataDir);
  if (running === null)
    throw new CouldNot(
      `No server runs on the data in ${dataDir}, and REDIS_URL is not set. Start the server, or set DATA_DIR or REDIS_URL.`,
    );
  return { target: { ...running.connection, password: running.password }, named: `the server on ${dataDir}` };
}

/** The festivals that this Redis keeps, each with its number of partitions. */
async function festivalsIn(redis: Redis): Promise<{ festival: string; partitions: number }[]> {
  const found: { festival: string; partitions: number }[] = [];
  let cursor = '0';
  do {
    const [next, page] = await redis.scan(cursor, 'MATCH', '{*:catalogue}:fixed', 'COUNT', 1_000);
    cursor = next;
    for (const key of page) {
      const festival = key.slice(1, key.indexOf(':catalogue}'));
      const partitions = Number(await redis.hget(key, 'partitions'));
      if (!found.some((one) => one.festival === festival)) found.push({ festival, partitions });
    }
  } while (cursor !== '0');
  return found.toSorted((a, b) => (a.festival < b.festival ? -1 : 1));
}

function told(parts: readonly Reconciled[]): string {
  const rows = parts.map(({ name, compared, what, differences }) => {
    const verdict = differences.length === 0 ? 'agree' : `${differences.length} DIFFER`;
    return `  ${name.padEnd(10)} ${String(compared).padStart(9)} ${what.padEnd(46)} ${verdict}`;
  });
  const differences = parts.flatMap(({ name, differences: found }) =>
    found.map(({ subject, expected, found: is }) => `  ${name}: ${subject}: the ledger says ${expected}, found ${is}`),
  );
  return [...rows, ...(differences.length === 0 ? [] : ['', 'Differences:', ...differences])].join('\n');
}

/** Where each ledger was sealed to: worth keeping elsewhere, because a chain that was written anew does not have it. */
function headsTold(heads: readonly (SealedHead | null)[]): string {
  return heads
    .map((head, p) => (head === null ? '' : `  head of partition ${p}: segment ${head.number}, ${head.hash}\n`))
    .join('');
}

/** Answers whether everything agrees. */
async function main(): Promise<boolean> {
  const { values } = parseArgs({
    options: { festival: { type: 'string' }, head: { type: 'string' }, help: { type: 'boolean' } },
  });
  if (values.help) {
    process.stdout.write(`${usage}\n`);
    return true;
  }
  const config = readConfig();
  const { target, named } = redisTarget(config);
  const logger = createLogger('silent');
  const connections = await openConnections(target, { logger, onReady: async () => {}, onDown: () => {} });
  try {
    const { hot: redis } = connections;
    const festivals = (await festivalsIn(redis)).filter(
      ({ festival }) => values.festival === undefined || festival === values.festival,
    );
    if (festivals.length === 0)
      throw new CouldNot(
        values.festival === undefined
          ? `No festival was ever started on ${named}.`
          : `There is no festival "${values.festival}" on ${named}.`,
      );
    const clock = createClock();
    let whole = true;
    let headIs: string | null = null;
    for (const { festival, partitions } of festivals) {
      const keys = createKeyspace({ festival, partitions });
      const beganMs = clock.monotonicMs();
      const { dataDir } = config;
      const segments = config.ledgerSeal
        ? await readSealedLedgers({ redis, keys, dataDir, stock: stockBalances })
        : null;
      const found = values.head === undefined ? null : (segments?.segmentWith(values.head.toLowerCase()) ?? null);
      if (found !== null) headIs = `${found} of ${festival}`;
      const through = segments === null ? {} : { follow: segments.follow };
      const stock = createDealLaws({ redis, keys, perRound: reconciledPerRound, ...through });
      const others = [
        { name: 'packets', what: 'sums of drops, and wallets', check: createPacketLaw({ redis, keys, ...through }) },
        { name: 'energy', what: 'sums, and shoppers', check: createEnergyLaw({ redis, keys, ...through }) },
      ];
      const sealed = segments?.part ?? null;
      const { lines, parts } = await createReconciliation({ redis, keys, stock, others, ...through, sealed }).run();
      const tookMs = clock.monotonicMs() - beganMs;
      const agrees = parts.every(({ differences }) => differences.length === 0);
      whole &&= agrees;
      const partitionsTold = partitions === 1 ? 'one partition' : `${partitions} partitions`;
      process.stdout.write(
        `${festival}, ${partitionsTold}: ${lines} lines of the ledger in ${(tookMs / 1_000).toFixed(1)} s\n${told(parts)}\n${headsTold(segments?.heads ?? [])}${
          agrees ? 'Everything agrees.' : 'It does NOT agree.'
        }\n`,
      );
    }
    if (values.head !== undefined) {
      process.stdout.write(
        headIs === null
          ? `The head ${values.head} is NOT among the sealed segments.\n`
          : `The head ${values.head} is ${headIs}.\n`,
      );
      whole &&= headIs !== null;
    }
    return whole;
  } finally {
    await connections.close();
  }
}

try {
  process.exit((await main()) ? 0 : 1);
} catch (error) {
  const worded =
    error instanceof Error &&
    (error instanceof CouldNot || error.name === 'ConfigError' || error.name === 'RedisUnreachable');
  const unknownOption = error instanceof TypeError && 'code' in error;
  const words = worded || unknownOption ? error.message : error instanceof Error ? error.stack : String(error);
  process.stderr.write(`${words}\n${unknownOption ? `\n${usage}\n` : ''}`);
  process.exit(2);
}
