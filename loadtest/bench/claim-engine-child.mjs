// Decides claims in a process of its own, with a Redis of its own. Arguments: the way, and what is written to disk when.
import { startTestRedis } from '../../server/src/platform/redis/test-redis.ts';
import { dealOf, evalsha, nodeCpuUs, ours, redisCpuUs } from './claim-engines.mjs';
import { answerQuestions } from './processes.mjs';

const [way, durability] = process.argv.slice(2);
const settings = durability === 'memory' ? { appendonly: 'no', appendfsync: 'no' } : {};
const redis = await startTestRedis({ settings });
const engine = await (way === 'ours' ? ours : evalsha)(redis.options);
const dealId = 'lamp.1';
let next = 0;

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
  async end() {
    await engine.close();
    await redis.close();
    return {};
  },
});
