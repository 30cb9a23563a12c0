import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import * as fc from 'fast-check';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { defineScript, type Script } from './scripts.ts';
import { startTestRedis, type TestRedis } from './test-redis.ts';

let server: TestRedis;
let redis: Redis;
let dir: string;
let script: Script;

/** A receiver that writes down what it applied, in the same call in which the cursor moves. */
const lua = `
-- @include ${fileURLToPath(new URL('./cursor.lua', import.meta.url))}
local source, number = ARGV[1], tonumber(ARGV[2])
local arrival = arrive(KEYS[1], source, number)
if arrival == 'next' then redis.call('RPUSH', KEYS[2], number) end
return arrival
`;

beforeAll(async () => {
  server = await startTestRedis();
  redis = new Redis(server.options);
  dir = mkdtempSync(join(tmpdir(), 'elevens-cursor-'));
  writeFileSync(join(dir, 'arrive.lua'), lua);
  script = defineScript(pathToFileURL(join(dir, 'arrive.lua')));
});
afterAll(async () => {
  redis.disconnect();
  await server.close();
  rmSync(dir, { recursive: true, force: true });
});

let runs = 0;
let keys: [string, string];
const fresh = () => {
  keys = [`{cursor-${runs}}:cursors`, `{cursor-${runs}}:applied`];
  runs++;
};
beforeEach(fresh);

const arrive = (source: string, number: number) => script.run(redis, keys, [source, number]);
const applied = async () => (await redis.lrange(keys[1], 0, -1)).map(Number);

test('events are applied in order, each once', async () => {
  expect(await arrive('deals', 1)).toBe('next');
  expect(await arrive('deals', 2)).toBe('next');
  expect(await arrive('deals', 2)).toBe('done');
  expect(await arrive('deals', 1)).toBe('done');
  expect(await applied()).toEqual([1, 2]);
});

test('an event that comes before an earlier one is a gap and moves nothing', async () => {
  expect(await arrive('deals', 2)).toBe('gap');
  expect(await redis.exists(keys[0])).toBe(0);
  await arrive('deals', 1);
  expect(await arrive('deals', 3)).toBe('gap');
  expect(await arrive('deals', 2)).toBe('next');
});

test('each source counts for itself', async () => {
  await arrive('deals', 1);
  expect(await arrive('live', 2)).toBe('gap');
  expect(await arrive('live', 1)).toBe('next');
  expect(await arrive('deals', 2)).toBe('next');
});

test('numbers past ten to the fifteenth are still told apart', async () => {
  await redis.hset(keys[0], 'deals', '1000000000000001');
  expect(await arrive('deals', 1_000_000_000_000_001)).toBe('done');
  expect(await arrive('deals', 1_000_000_000_000_003)).toBe('gap');
  expect(await arrive('deals', 1_000_000_000_000_002)).toBe('next');
  expect(await redis.hget(keys[0], 'deals')).toBe('1000000000000002');
});

test('however often, late and mixed up events come, each is applied once and in order', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 6 }), { maxLength: 40 }), async (arrivals) => {
      fresh();
      let expected = 0;
      for (const number of arrivals) {
        const answer = await arrive('deals', number);
        expect(answer).toBe(number <= expected ? 'done' : number === expected + 1 ? 'next' : 'gap');
        if (answer === 'next') expected = number;
      }
      expect(await applied()).toEqual(Array.from({ length: expected }, (_, i) => i + 1));
    }),
  );
});
