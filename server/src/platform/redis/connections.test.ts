import { Redis } from 'ioredis';
import { afterEach, expect, test } from 'vitest';
import { createLogger } from '../logger.ts';
import { openConnections } from './connections.ts';
import { checkDurability } from './durability.ts';
import { startReplicatedRedis } from './test-replica.ts';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 10));
}

test('a master that is demoted under its connections is left, and found again once it decides', async () => {
  const { master, url, close } = await startReplicatedRedis({ replicas: 1 });
  closing.push(close);
  const connections = await openConnections(
    { url },
    {
      logger: createLogger('silent'),
      onReady: (hot) => checkDurability(hot, 'replicas:1', false),
      onDown: () => {},
      waits: true,
    },
  );
  closing.push(connections.close);
  const { hot, waiter } = connections;
  const before = waiter?.decidesOn();
  expect(before).toBe(await waiter?.run());
  expect(before).toMatch(/^\w{40}$/);

  const operator = new Redis(master.options);
  closing.push(async () => operator.disconnect());
  // Port 1 answers nobody, so it stays what it was and is only no master any more.
  await operator.replicaof('127.0.0.1', 1);
  await expect(hot.set('{t:p0}:hold', 'amber')).rejects.toThrow('READONLY');
  await until(() => !connections.up());
  expect(waiter?.decidesOn()).toBe('');

  await operator.replicaof('NO', 'ONE');
  await until(() => connections.up());
  expect(await hot.set('{t:p0}:hold', 'amber')).toBe('OK');
});
