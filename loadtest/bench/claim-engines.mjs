// Two ways to decide a claim in Redis, behind one function: ours, as the server has it, and one EVALSHA a claim as a good
// engineer writes it. No sockets, no parsing of commands: what remains is the connection, the script and the disk.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { createPools } from '../../server/src/capabilities/deals/pools/pools.ts';
import { createDealStore } from '../../server/src/capabilities/deals/store.ts';
import { openConnections } from '../../server/src/platform/redis/connections.ts';
import { createGroupCommit } from '../../server/src/platform/redis/group-commit.ts';
import { createKeyspace } from '../../server/src/platform/redis/keyspace.ts';
import { defineScript } from '../../server/src/platform/redis/scripts.ts';

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
  early: [],
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
  const clock = { nowMs: () => Date.now(), monotonicMs: () => performance.now(), errorMs: () => 0 };
  const pools = createPools({ redis: hot, keys, clock, announced: quiet });
  const another = () =>
    createDealStore({
      redis: hot,
      keys,
      clock,
      pools,
      announced: quiet,
      metrics: {
        batch(_script, items) {
          batches.calls++;
          batches.items += items;
        },
      },
    });
  const store = another();
  const k = keys.partition(0);
  return {
    redis: hot,
    store,
    another,
    batches,
    stage: (deal) => store.stage(deal, Date.now()),
    claim: ({ shopperId, requestId, inputHash = sameHash, holdId, dealId, quantity = 1 }, by = store) =>
      by.claim({
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
    fill: (dealId, { from, count }) => fill(hot, k, dealId, { from, to: from + count }),
    /** Bytes of each key that a claim of this shopper wrote to; what all shoppers share is divided by how many there are. */
    async partsOf(shopperId, dealId, count) {
      const own = { hold: k.holds(shopperId), answers: k.answers(shopperId), answersOrder: k.answersOrder(shopperId) };
      const shared = { taken: k.dealTaken(dealId), lapses: k.lapses, ledgerLine: k.ledger, announced: k.outbox };
      const parts = {};
      for (const [name, key] of Object.entries({ ...own, ...shared })) {
        const bytes = (await hot.memory('USAGE', key, 'SAMPLES', '0')) ?? 0;
        parts[name] = name in own ? bytes : bytes / count;
      }
      return parts;
    },
    close,
  };
}

/** Written in one call at most, and read again by nobody: Redis copies, so that the shapes are those the product wrote. */
const fillAtOnce = 1_000;
const fillScript = `
local slice, taken, lapses, ledger, deals = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local from, count, shopper, closes, order, entry = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local prefix = string.match(slice, '^(.*:deal:)')
local tag = string.match(slice, '^({.*}:)')
for i = from, from + count - 1 do
  redis.call('COPY', slice, prefix .. 'filled.' .. i)
  redis.call('ZADD', deals, closes, 'filled.' .. i)
  local other = 'f-' .. i .. '-' .. shopper
  for _, kind in ipairs({ 'answers:', 'answers-order:', 'holds:' }) do
    redis.call('COPY', tag .. kind .. shopper, tag .. kind .. other)
  end
  redis.call('HSET', taken, other, 1)
  local hold = redis.call('HKEYS', tag .. 'holds:' .. shopper)[1]
  redis.call('ZADD', lapses, closes, other .. ' ' .. hold)
  redis.call('XADD', ledger, '*', 'e', 'claimed', 't', closes, 'shopper', other, 'hold', hold, 'lines', 'lamp.1 1 1100', 'sim', '0')
  redis.call('SET', tag .. 'order:o0.' .. i, order)
  redis.call('RPUSH', tag .. 'timeline:o0.' .. i, entry, entry)
  redis.call('ZADD', tag .. 'orders:' .. other, closes, 'o0.' .. i)
end`;

/** An order as it is kept: one JSON text, and its timeline as a list of them. */
const order = {
  orderId: 'o0.0123456789abcdef',
  paymentId: 'y0.0123456789abcdef',
  shopperId: 's_0123456789abcdefghijkl',
  brandId: 'steady-flame',
  currency: 'CNY',
  state: { is: 'paid', paidAtMs: 1_793_000_000_000 },
  lines: [
    {
      dealId: 'lamp.1',
      productId: 'lamp',
      quantity: 1,
      listMinor: 15_900,
      unitMinor: 1_100,
      shares: [{ couponId: 'welcome', minor: 100 }],
      payMinor: 1_000,
      refundedUnits: 0,
    },
  ],
  version: 3,
};
const timelineEntry = {
  atMs: 1_793_000_000_000,
  event: 'paid',
  who: 's_0123456789abcdefghijkl',
  facts: { paymentId: order.paymentId, minor: 1_000 },
  hash: '0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef',
};

async function fill(redis, k, dealId, { from: first, to }) {
  // The shopper of the one claim that was made before: everything that is copied is that one's.
  const [shopper] = (await redis.zrange(k.lapses, '0', '0'))[0].split(' ');
  for (let from = first; from < to; from += fillAtOnce) {
    await redis.eval(
      fillScript,
      5,
      k.deal(dealId),
      k.dealTaken(dealId),
      k.lapses,
      k.ledger,
      k.deals,
      from,
      Math.min(fillAtOnce, to - from),
      shopper,
      Date.now() + oneDay,
      JSON.stringify(order),
      JSON.stringify(timelineEntry),
    );
  }
}

/** Our promises without our batches: a store for each claim under way, so that each claim is a call of its own. */
export async function oursEach(target) {
  const first = await ours(target);
  const idle = [first.store];
  return {
    ...first,
    async claim(asked) {
      const store = idle.pop() ?? first.another();
      try {
        return await first.claim(asked, store);
      } finally {
        idle.push(store);
      }
    },
  };
}

/** The floor: our connection and our batches, and a script that writes what claims write and decides nothing. */
export async function floor(target) {
  const first = await ours(target);
  const k = createKeyspace({ festival: 'bench', partitions: 1 }).partition(0);
  const script = defineScript(new URL('./claim-floor.lua', import.meta.url));
  const commit = createGroupCommit({
    clock: { monotonicMs: () => performance.now() },
    bytesOf: () => 410,
    onBatch(items) {
      first.batches.calls++;
      first.batches.items += items;
    },
    async run(claims) {
      const texts = claims.flatMap(({ shopperId, requestId, holdId, dealId }) => [
        shopperId,
        requestId,
        holdId,
        dealId,
      ]);
      const { dealId } = claims[0];
      const keys = [k.deal(dealId), k.dealTaken(dealId), k.lapses, k.ledger, k.outbox];
      return (await script.run(first.redis, keys, [k.holds(''), Date.now(), JSON.stringify(texts)])).split('\n');
    },
  });
  return { ...first, claim: async (asked) => `{"ok":true,"reply":${await commit.decide(asked)}}` };
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
