import { afterAll, beforeAll, expect, test } from 'vitest';
import { createKeyspace } from './keyspace.ts';
import { fixPartitions } from './partitions.ts';
import { connectTestRedis } from './test-connection.ts';

let rig: Awaited<ReturnType<typeof connectTestRedis>>;
beforeAll(async () => {
  rig = await connectTestRedis();
});
afterAll(() => rig.close());

test('the first start fixes the number of partitions, and every later one is told it', async () => {
  const [four, two] = [4, 2].map((partitions) => createKeyspace({ festival: 'eleven', partitions }));
  if (four === undefined || two === undefined) throw new Error('no keyspace');
  const first = await Promise.all([fixPartitions(rig.redis, four), fixPartitions(await rig.another(), four)]);
  expect(first).toEqual([4, 4]);
  expect(await fixPartitions(rig.redis, two)).toBe(4);
});

test('a festival from before the number was kept has one partition', async () => {
  const keys = createKeyspace({ festival: 'earlier', partitions: 8 });
  await rig.redis.hset(keys.catalogue.meta, 'version', '3');
  expect(await fixPartitions(rig.redis, keys)).toBe(1);
});

test('festivals beside each other have each their own number', async () => {
  const [red, lantern] = ['red', 'lantern'].map((festival, i) => createKeyspace({ festival, partitions: i + 2 }));
  if (red === undefined || lantern === undefined) throw new Error('no keyspace');
  expect([await fixPartitions(rig.redis, red), await fixPartitions(rig.redis, lantern)]).toEqual([2, 3]);
});
