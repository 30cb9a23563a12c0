import type { Redis } from './connections.ts';
import type { Keyspace } from './keyspace.ts';
import { defineScript } from './scripts.ts';

const fixPartitionsScript = defineScript(new URL('./fix-partitions.lua', import.meta.url));

/**
 * Fixes the number of partitions with the festival's first start and answers the number that holds. Another one would
 * look for every person, hold and order under other keys, so whoever gets another answer than asked for must not start.
 */
export async function fixPartitions(redis: Redis, keys: Keyspace): Promise<number> {
  const { fixed, meta } = keys.catalogue;
  return Number(await fixPartitionsScript.run(redis, [fixed, meta], [keys.partitions]));
}
