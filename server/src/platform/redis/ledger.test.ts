import { afterEach, expect, test } from 'vitest';
import { followLedger, followLedgers } from './ledger.ts';
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

test('all partitions are followed at once, and one that cannot be read holds up none of the others', async () => {
  const { redis, keys, another, close } = await connectTestRedis(4);
  closing.push(close);
  const ledgers = Array.from({ length: 4 }, (_, k) => keys.partition(k).ledger);
  const pipeline = redis.pipeline();
  for (const [k, ledger] of ledgers.entries())
    for (let i = 0; i < 10 * k; i++) pipeline.xadd(ledger, '*', 'e', 'claimed', 'i', `${k}.${i}`);
  await pipeline.exec();

  const reader = await another();
  const { xrange } = reader;
  let cut = true;
  reader.xrange = ((...args: Parameters<typeof xrange>) =>
    cut && args[0] === ledgers[2]
      ? Promise.reject(new Error('Connection is closed.'))
      : xrange.apply(reader, args)) as typeof xrange;
  const follower = followLedgers(reader, ledgers);
  const first = await follower.catchUp();
  expect(first.map((lines) => lines.length)).toEqual([0, 10, 0, 30]);
  expect(follower.caughtUp()).toBe(false);
  await expect(follower.catchUp()).rejects.toThrow('closed');
  cut = false;
  const second = await follower.catchUp();
  expect(second.map((lines) => lines.length)).toEqual([0, 0, 20, 0]);
  expect(second[2]?.map(({ fields }) => fields.i)).toEqual(Array.from({ length: 20 }, (_, i) => `2.${i}`));
  expect(follower.caughtUp()).toBe(true);
});
