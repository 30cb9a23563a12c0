import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Announced, createRelay } from '../relay.ts';
import { defineScript, type Script } from './scripts.ts';
import { startTestRedis, type TestRedis } from './test-redis.ts';

let server: TestRedis;
let redis: Redis;
let dir: string;
let script: Script;

const lua = `
-- @include ${fileURLToPath(new URL('./outbox.lua', import.meta.url))}
announce(KEYS[1], KEYS[2], ARGV[1], ARGV[2], ARGV[3])
`;

beforeAll(async () => {
  server = await startTestRedis();
  redis = new Redis(server.options);
  dir = mkdtempSync(join(tmpdir(), 'elevens-outbox-'));
  writeFileSync(join(dir, 'announce.lua'), lua);
  script = defineScript(pathToFileURL(join(dir, 'announce.lua')));
});
afterAll(async () => {
  redis.disconnect();
  await server.close();
  rmSync(dir, { recursive: true, force: true });
});

let tests = 0;
let keys: [outbox: string, numbers: string];
beforeEach(() => {
  keys = [`{outbox-${tests}}:outbox`, `{outbox-${tests}}:outbox:numbers`];
  tests++;
});

const silent = { debug() {}, info() {}, warn() {}, error() {} };
const announce = (to: string, payload: string, event = 'deals.claimed') =>
  script.run(redis, keys, [to, event, payload]);

test('events are numbered for each destination, from one and without gaps', async () => {
  await announce('energy@p0', 'a');
  await announce('energy@p1', 'b');
  await announce('energy@p0', 'c');
  const entries = (await redis.xrange(keys[0], '-', '+')).map(([, flat]) => flat);
  expect(entries).toEqual([
    ['to', 'energy@p0', 'n', '1', 'e', 'deals.claimed', 'p', 'a'],
    ['to', 'energy@p1', 'n', '1', 'e', 'deals.claimed', 'p', 'b'],
    ['to', 'energy@p0', 'n', '2', 'e', 'deals.claimed', 'p', 'c'],
  ]);
});

test('numbers go on where they were when everything that was announced has been carried away', async () => {
  await announce('energy@p0', 'a');
  await redis.xtrim(keys[0], 'MAXLEN', 0);
  await announce('energy@p0', 'b');
  expect((await redis.xrange(keys[0], '-', '+'))[0]?.[1]).toContain('2');
});

test('a number past ten to the fifteenth keeps every digit', async () => {
  await redis.hset(keys[1], 'energy@p0', '1000000000000000');
  await announce('energy@p0', 'a');
  expect((await redis.xrange(keys[0], '-', '+'))[0]?.[1]?.[3]).toBe('1000000000000001');
});

test('the relay carries what was announced to its destination, in order, word for word, and empties the outbox', async () => {
  const payloads = Array.from({ length: 600 }, (_, n) => JSON.stringify({ n, text: '“quoted”\n' }));
  for (const [n, payload] of payloads.entries()) await announce(`energy@p${n % 2}`, payload);
  const heard = new Map<string, Announced[]>();
  const relay = createRelay({ redis, logger: silent });
  for (const name of ['energy@p0', 'energy@p1'])
    relay.destination(name, async (source, entries) => {
      expect(source).toBe(keys[0]);
      heard.set(name, [...(heard.get(name) ?? []), ...entries]);
    });
  relay.source(keys[0]);
  relay.poke(keys[0]);
  await relay.stop();
  for (const [k, name] of ['energy@p0', 'energy@p1'].entries()) {
    const entries = heard.get(name) ?? [];
    expect(entries.map((entry) => entry.number)).toEqual(Array.from({ length: 300 }, (_, i) => i + 1));
    expect(entries.map((entry) => entry.payload)).toEqual(payloads.filter((_, n) => n % 2 === k));
  }
  expect(await redis.xlen(keys[0])).toBe(0);
});

test('what a destination could not apply stays in the outbox and is carried again', async () => {
  await announce('energy@p0', 'a');
  await announce('energy@p0', 'b');
  let down = true;
  const heard: string[] = [];
  const relay = createRelay({ redis, logger: silent });
  relay.destination('energy@p0', async (_, entries) => {
    if (down) throw new Error('not now');
    heard.push(...entries.map((entry) => entry.payload));
  });
  relay.source(keys[0]);
  relay.poke(keys[0]);
  await relay.stop();
  expect(await redis.xlen(keys[0])).toBe(2);
  down = false;
  relay.poke(keys[0]);
  await relay.stop();
  expect(heard).toEqual(['a', 'b']);
  expect(await redis.xlen(keys[0])).toBe(0);
});
