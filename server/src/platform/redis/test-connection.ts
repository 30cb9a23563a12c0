import { Redis } from 'ioredis';
import { createRandom } from '../random.ts';
import { createKeyspace, type Keyspace } from './keyspace.ts';
import { startTestRedis, type TestRedis } from './test-redis.ts';

/** A throwaway Redis with a connection and a keyspace of its own: what a store's test needs. */
export async function connectTestRedis(partitions = 1): Promise<{
  server: TestRedis;
  redis: Redis;
  keys: Keyspace;
  /** Another connection, such as one for subscriptions. */
  another(): Promise<Redis>;
  close(): Promise<void>;
}> {
  const server = await startTestRedis();
  const opened: Redis[] = [];
  async function another(): Promise<Redis> {
    const redis = new Redis({
      ...server.options,
      lazyConnect: true,
      maxRetriesPerRequest: 0,
      autoResendUnfulfilledCommands: false,
    });
    // The tests that end Redis on purpose see its absence by their calls failing.
    redis.on('error', () => {});
    await redis.connect();
    opened.push(redis);
    return redis;
  }
  return {
    server,
    redis: await another(),
    keys: createKeyspace({ festival: `t${createRandom().token(6)}`, partitions }),
    another,
    async close() {
      for (const redis of opened) redis.disconnect();
      await server.close();
    },
  };
}
