import type { Random } from '../random.ts';
import type { Redis } from '../redis/connections.ts';

/** 256 random bits: as strong as the signature made with it. */
const secretBytes = 32;

/**
 * The secret of a server that was given none: made once and kept beside the festival's data, so that a restart and a
 * second node know the tokens of the first. Development only; configuration insists on a secret in production.
 */
export async function keptSecret(redis: Redis, key: string, random: Random): Promise<string> {
  await redis.set(key, random.token(secretBytes), 'NX');
  const kept = await redis.get(key);
  if (kept === null) throw new Error(`${key} was removed while it was being made`);
  return kept;
}
