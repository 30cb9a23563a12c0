// Decides claims in a process of its own, with a Redis of its own. Arguments: the way, and what is written to disk when.
import { startTestRedis } from '../../server/src/platform/redis/test-redis.ts';
import { dealOf, evalsha, floor, nodeCpuUs, ours, oursEach, redisCpuUs } from './claim-engines.mjs';
import { answerQuestions } from './processes.mjs';

const [way, durability] = process.argv.slice(2);
const settings = durability === 'memory' ? { appendonly: 'no', appendfsync: 'no' } : {};
const redis = await startTestRedis({ settings });
const engine = await { evalsha, floor, ours, 'ours-each': oursEach }[way](redis.options);
const dealId = 'lamp.1';
let next = 0;

async function usedBytes() {
  return Number(/^used_memory:(\d+)/m.exec(await engine.redis.info('memory'))[1]);
}

answerQuestions({
  async stage({ total }) {
    await engine.stage(dealOf({ dealId, total }));
    return {};
  },
  /** So many claims of as many shoppers, `concurrency` of them under way at any time. */
  async claim({ claims, concurrency }) {
    const began = { wallMs: performance.now(), nodeUs: nodeCpuUs(), redisUs: await redisCpuUs(engine.redis) };
    const batches = { ...engine.batches };
    let left = claims;
    let successes = 0;
    const waits = [];
    const shopper = async () => {
      while (left > 0) {
        left--;
        const n = next++;
        const sentMs = performance.now();
        const outcome = await engine.claim({
          shopperId: `s${(n * 2_654_435_761) % 4_294_967_296}-${n}`,
          requestId: `r${n}-7f3a9c51`,
          holdId: `h0.${String(n).padStart(16, 'x')}`,
          dealId,
        });
        if (n % 16 === 0) waits.push(performance.now() - sentMs);
        if (outcome.startsWith('{"ok":true')) successes++;
      }
    };
    await Promise.all(Array.from({ length: concurrency }, shopper));
    const wallMs = performance.now() - began.wallMs;
    const nodeUs = nodeCpuUs() - began.nodeUs;
    const redisUs = (await redisCpuUs(engine.redis)) - began.redisUs;
    waits.sort((a, b) => a - b);
    return {
      claims,
      successes,
      wallMs,
      nodeUs: nodeUs / claims,
      redisUs: redisUs / claims,
      batchItems: (engine.batches.items - batches.items) / Math.max(1, engine.batches.calls - batches.calls),
      p50Ms: waits[waits.length >> 1],
      p99Ms: waits[Math.floor(waits.length * 0.99)],
    };
  },
  counts: () => engine.counts(dealId),
  /** So many deals, shoppers, holds, answers and lines more, as copies of what is there: the shapes are the product's own. */
  async fill({ from, count }) {
    await engine.fill(dealId, { from, count });
    return { usedBytes: await usedBytes() };
  },
  /** Bytes for each of `count` shoppers who claim once, are then refused for the limit, and are refused again. */
  async bytes({ count }) {
    await engine.stage(dealOf({ dealId, total: 10_000_000, limit: 1 }));
    const each = async (work) => {
      const before = await usedBytes();
      await work();
      return ((await usedBytes()) - before) / count;
    };
    const shopperOf = (n) => `s_${String(n).padStart(22, '0')}`;
    const all = async (word) => {
      const outcomes = [];
      for (let from = 0; from < count; from += 1_000) {
        const some = Array.from({ length: Math.min(1_000, count - from) }, (_, i) =>
          engine.claim({
            shopperId: shopperOf(from + i),
            requestId: `${word}-${from + i}-7f3a9c51`,
            holdId: `h0.${String(from + i).padStart(16, 'x')}`,
            dealId,
          }),
        );
        outcomes.push(...(await Promise.all(some)));
      }
      return outcomes;
    };
    const expect = (outcomes, words) => {
      const odd = outcomes.find((outcome) => !outcome.includes(words));
      if (odd !== undefined) throw new Error(`not ${words} but ${odd}`);
    };
    const success = await each(async () => expect(await all('first'), '"ok":true'));
    const parts = await engine.partsOf(shopperOf(0), dealId, count);
    const refusal = await each(async () => expect(await all('second'), 'limit-reached'));
    const furtherRefusal = await each(async () => expect(await all('third'), 'limit-reached'));
    return { success, parts, refusal, furtherRefusal };
  },
  async end() {
    await engine.close();
    await redis.close();
    return {};
  },
});
