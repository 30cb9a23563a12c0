import { createServer } from 'node:net';
import { Redis } from 'ioredis';
import { afterEach, expect, test } from 'vitest';
import { startTestRedis, type TestRedis } from '../src/platform/redis/test-redis.ts';
import { call, connect, festivalOf, guest, requestId, runRefused, startServer } from './test-server.ts';

const festival = festivalOf({ deals: [{ id: 'kettle', total: 10 }] });

const running: TestRedis[] = [];
afterEach(async () => {
  for (const redis of running.splice(0)) await redis.close();
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** A Redis of somebody's own, set up as given, and the address by which a server reaches it. */
async function redisWith(settings: Record<string, string>): Promise<string> {
  const port = await freePort();
  const redis = await startTestRedis({ settings: { port: String(port), bind: '127.0.0.1', ...settings } });
  running.push(redis);
  return `redis://:${redis.options.password}@127.0.0.1:${port}`;
}

const unfit = [
  {
    title: 'a Redis without a log',
    settings: { appendonly: 'no' },
    says: ['appendonly is no and must be yes', 'CONFIG SET appendonly yes', 'DURABILITY=memory'],
  },
  {
    title: 'a Redis that writes its log once a second',
    settings: { appendfsync: 'everysec' },
    says: ['appendfsync is everysec and must be always', 'CONFIG SET appendfsync always', 'DURABILITY=memory'],
  },
  {
    title: 'a Redis that evicts',
    settings: { 'maxmemory-policy': 'allkeys-lru' },
    says: ['maxmemory-policy is allkeys-lru and must be noeviction', 'CONFIG SET maxmemory-policy noeviction'],
  },
];

for (const { title, settings, says } of unfit) {
  test(`${title} is refused under fsync, with the words that mend it`, async () => {
    const refused = await runRefused({ festival, env: { REDIS_URL: await redisWith(settings) } });
    expect(refused.code).toBe(1);
    for (const words of says) expect(refused.output).toContain(words);
    expect(refused.output).not.toContain('elevens-test-only');
    expect(refused.output).not.toMatch(/\n {4}at /);
    expect(refused.output).not.toContain('Elevens is live');
  });
}

test('everything that is wrong with a Redis is said at once', async () => {
  const settings = { appendonly: 'no', appendfsync: 'no', 'maxmemory-policy': 'volatile-ttl' };
  const refused = await runRefused({ festival, env: { REDIS_URL: await redisWith(settings) } });
  expect(refused.code).toBe(1);
  for (const name of ['appendonly', 'appendfsync', 'maxmemory-policy']) expect(refused.output).toContain(`${name} is `);
});

test('for a rehearsal in memory a Redis without a log will do, and an evicting one still will not', async () => {
  const plain = await redisWith({ appendonly: 'no', appendfsync: 'everysec' });
  const server = await startServer({ festival, env: { REDIS_URL: plain, DURABILITY: 'memory' } });
  const socket = await connect(server.url, (await guest(server.url)).token);
  const claim = { requestId: requestId(), lines: [{ dealId: 'kettle', quantity: 1 }] };
  expect((await call(socket, 'deals:claim', claim)).ok).toBe(true);
  await server.stop();

  const evicting = await redisWith({ appendonly: 'no', 'maxmemory-policy': 'allkeys-random' });
  const refused = await runRefused({ festival, env: { REDIS_URL: evicting, DURABILITY: 'memory' } });
  expect(refused.code).toBe(1);
  expect(refused.output).toContain('maxmemory-policy is allkeys-random and must be noeviction');
});

test('a Redis that cannot be reached is said in words that name the setting', async () => {
  const port = await freePort();
  const refused = await runRefused({ festival, env: { REDIS_URL: `redis://127.0.0.1:${port}` } });
  expect(refused.code).toBe(1);
  expect(refused.output).toContain('REDIS_URL');
  expect(refused.output).not.toMatch(/\n {4}at /);
});

test('a Redis that comes back without its promise decides nothing, not even before that has been seen', async () => {
  const url = await redisWith({});
  const server = await startServer({ festival, env: { REDIS_URL: url } });
  const shoppers = await Promise.all(
    Array.from({ length: 8 }, async () => connect(server.url, (await guest(server.url)).token)),
  );
  const redis = new Redis(url);
  await redis.config('SET', 'appendfsync', 'everysec');
  await redis.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
  // The server comes back again and again to see whether it has been mended; meanwhile everybody goes on trying.
  const answers = await Promise.all(
    shoppers.map(async (socket) => {
      const said: { ok: boolean }[] = [];
      for (let i = 0; i < 90; i++) {
        said.push(
          await call(socket, 'deals:claim', { requestId: requestId(), lines: [{ dealId: 'kettle', quantity: 1 }] }),
        );
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      return said;
    }),
  );
  // Unknown: a call that was sent over the very connection that was ended.
  for (const answer of answers.flat())
    expect(answer).toMatchObject({ ok: false, fault: expect.stringMatching(/^(unavailable|unknown)$/) });
  await redis.config('SET', 'appendfsync', 'always');
  redis.disconnect();
  const [socket] = shoppers;
  const claim = { requestId: requestId(), lines: [{ dealId: 'kettle', quantity: 1 }] };
  while (!(await call(socket!, 'deals:claim', claim)).ok) await new Promise((resolve) => setTimeout(resolve, 50));
  await server.stop();
});

test('a node drains in order although its Redis is away', async () => {
  const server = await startServer({ festival, env: { REDIS_URL: await redisWith({}), DRAIN_MS: '0' } });
  await running[0]?.close();
  expect(await server.term()).toEqual({ code: 0, signal: null });
});
