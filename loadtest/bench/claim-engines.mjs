// Two ways to decide a claim in Redis, behind one function: ours, as the server has it, and one EVALSHA a claim as a good
// engineer writes it. No sockets, no parsing of commands: what remains is the connection, the script and the disk.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { createDealStore } from '../../server/src/capabilities/deals/store.ts';
import { openConnections } from '../../server/src/platform/redis/connections.ts';
import { createKeyspace } from '../../server/src/platform/redis/keyspace.ts';

const quiet = () => {};
const silent = { debug: quiet, info: quiet, warn: quiet, error: console.error };

const oneDay = 86_400_000;
/** The one deal that everybody wants, open since yesterday. */
export const dealOf = ({ dealId, total, limit = 2 }) => ({
  dealId,
  total,
  limit,
  holdMs: oneDay,
  priceMinor: 1_100,
  currency: 'CNY',
  opensAtMs: Date.now() - oneDay,
  closesAtMs: Date.now() + oneDay,
});

/** What the gateway makes of an input: the word by which a repeat is known. */
const sameHash = createHash('sha256')
  .update('{"lines":[{"dealId":"lamp.1","quantity":1}]}')
  .digest('base64url')
  .slice(0, 16);

/** Our store on its own connection, with the settings of the server's. */
export async function ours(target) {
  const { hot, close } = await openConnections(target, { logger: silent, onReady: async () => {}, onDown: quiet });
  const keys = createKeyspace({ festival: 'bench', partitions: 1 });
  const batches = { calls: 0, items: 0 };
  const store = createDealStore({
    redis: hot,
    keys,
    clock: { nowMs: () => Date.now(), monotonicMs: () => performance.now(), errorMs: () => 0 },
    metrics: {
      batch(_script, items) {
        batches.calls++;
        batches.items += items;
      },
    },
  });
  return {
    redis: hot,
    keys,
    store,
    batches,
    stage: (deal) => store.stage(deal, Date.now()),
    claim: ({ shopperId, requestId, inputHash = sameHash, holdId, dealId, quantity = 1 }) =>
      store.claim({
        shopperId,
        simulated: false,
        holdId,
        arrivedAtMs: Date.now(),
        lines: [{ dealId, quantity, terms: 0 }],
        answer: { requestId, command: 'deals:claim', inputHash },
      }),
    async counts(dealId) {
      const [state] = await store.states([dealId]);
      return { free: state.free, held: state.held };
    },
    close,
  };
}

/** One EVALSHA a claim through ioredis with its default settings; it sends without waiting for the answer before. */
export async function evalsha(target) {
  const redis = typeof target === 'string' ? new Redis(target) : new Redis({ ...target });
  await redis.ping();
  redis.defineCommand('claimOne', {
    numberOfKeys: 6,
    lua: readFileSync(join(import.meta.dirname, 'claim-one.lua'), 'utf8'),
  });
  const tag = '{bench}';
  return {
    redis,
    batches: { calls: 0, items: 0 },
    stage: ({ dealId, total, limit, holdMs, priceMinor, currency, opensAtMs, closesAtMs }) =>
      redis.hset(`${tag}:deal:${dealId}`, {
        free: total,
        held: 0,
        limit,
        holdMs,
        price: priceMinor,
        currency,
        opens: opensAtMs,
        closes: closesAtMs,
      }),
    claim: ({ shopperId, requestId, inputHash = sameHash, holdId, dealId, quantity = 1 }) =>
      redis.claimOne(
        `${tag}:deal:${dealId}`,
        `${tag}:taken:${dealId}`,
        `${tag}:answers:${shopperId}`,
        `${tag}:holds:${shopperId}`,
        `${tag}:lapses`,
        `${tag}:ledger`,
        shopperId,
        requestId,
        inputHash,
        holdId,
        Date.now(),
        quantity,
        dealId,
      ),
    async counts(dealId) {
      const [free, held] = await redis.hmget(`${tag}:deal:${dealId}`, 'free', 'held');
      return { free: Number(free), held: Number(held) };
    },
    async close() {
      redis.disconnect();
    },
  };
}

/** CPU microseconds that Redis has used, all its threads. */
export async function redisCpuUs(redis) {
  const info = await redis.info('cpu');
  const seconds = (name) => Number(new RegExp(`^${name}:(.*)$`, 'm').exec(info)[1]);
  return (seconds('used_cpu_user') + seconds('used_cpu_sys')) * 1e6;
}

export function nodeCpuUs() {
  const { user, system } = process.cpuUsage();
  return user + system;
}
