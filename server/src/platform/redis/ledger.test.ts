import { afterEach, expect, test } from 'vitest';
import { followLedger } from './ledger.ts';
import { connectTestRedis } from './test-connection.ts';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

test('each line is read once, also when Redis goes away in the middle of it', async () => {
  const { redis, keys, another, close } = await connectTestRedis();
  closing.push(close);
  const { ledger } = keys.partition(0);
  const pipeline = redis.pipeline();
  for (let i = 0; i < 2_500; i++) pipeline.xadd(ledger, '*', 'e', 'claimed', 'i', i);
  await pipeline.exec();

  const reader = await another();
  const { xrange } = reader;
  let pages = 0;
  reader.xrange = ((...args: Parameters<typeof xrange>) =>
    ++pages === 2 ? Promise.reject(new Error('Connection is closed.')) : xrange.apply(reader, args)) as typeof xrange;
  const follower = followLedger(reader, ledger);
  const lines = await follower.catchUp();
  expect(follower.caughtUp()).toBe(false);
  lines.push(...(await follower.catchUp()));
  expect(follower.caughtUp()).toBe(true);
  expect(lines.map(({ fields }) => Number(fields.i))).toEqual(Array.from({ length: 2_500 }, (_, i) => i));
});
