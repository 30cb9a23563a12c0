import { Redis } from 'ioredis';
import { afterEach, expect, test } from 'vitest';
import { checkDurability } from './durability.ts';
import { startTestRedis } from './test-redis.ts';

const opened: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const { close } of opened.splice(0)) await close();
});

async function redisWith(settings: Record<string, string>): Promise<Redis> {
  const server = await startTestRedis({ settings });
  const redis = new Redis(server.options);
  opened.push({
    close: async () => {
      redis.disconnect();
      await server.close();
    },
  });
  return redis;
}

test('a Redis that writes every acknowledged change to disk and evicts nothing is fit', async () => {
  await expect(checkDurability(await redisWith({}), 'fsync', false)).resolves.toBeUndefined();
});

test('every problem is said at once, each with the words that mend it', async () => {
  const redis = await redisWith({ appendonly: 'no', appendfsync: 'everysec', 'maxmemory-policy': 'allkeys-lru' });
  const error = await checkDurability(redis, 'fsync', false).catch((e: unknown) => e as Error);
  expect(String(error)).toContain('CONFIG SET appendonly yes');
  expect(String(error)).toContain('CONFIG SET appendfsync always');
  expect(String(error)).toContain('CONFIG SET maxmemory-policy noeviction');
});

test('a rehearsal needs no disk, but still a Redis that evicts nothing', async () => {
  const redis = await redisWith({ appendonly: 'no' });
  await expect(checkDurability(redis, 'memory', false)).resolves.toBeUndefined();
  await redis.config('SET', 'maxmemory-policy', 'volatile-ttl');
  await expect(checkDurability(redis, 'memory', false)).rejects.toThrow('maxmemory-policy is volatile-ttl');
});

test('what cannot be read must be vouched for', async () => {
  const redis = await redisWith({});
  await redis.call('ACL', 'SETUSER', 'hosted', 'on', '>secret-of-the-test', '~*', '&*', '+@all', '-config');
  const hosted = redis.duplicate({ username: 'hosted', password: 'secret-of-the-test' });
  try {
    await expect(checkDurability(hosted, 'fsync', false)).rejects.toThrow('REDIS_VOUCHED=1');
    await expect(checkDurability(hosted, 'fsync', true)).resolves.toBeUndefined();
  } finally {
    hosted.disconnect();
  }
});
