import type { Redis } from 'ioredis';

/**
 * What an acknowledgement promises. fsync: it is on this Redis's disk. replicas:N: N replicas have it in memory. Both
 * joined by a plus: both. memory: nothing, for rehearsals.
 */
export type Durability = 'fsync' | 'memory' | `replicas:${number}` | `fsync+replicas:${number}`;

/** Replicas beyond this slow every batch down and make nothing safer that five do not. */
export const replicasMax = 5;

/** The level that these words name, or null where they name none. */
export function durabilityOf(words: string): Durability | null {
  if (words === 'fsync' || words === 'memory') return words;
  const count = Number(/^(?:fsync\+)?replicas:([1-9])$/.exec(words)?.[1] ?? 0);
  if (count < 1 || count > replicasMax) return null;
  return words.startsWith('fsync') ? `fsync+replicas:${count}` : `replicas:${count}`;
}

/** Whether what is acknowledged is on this Redis's disk. */
const promisesDisk = (level: Durability): boolean => level.startsWith('fsync');

/** How many replicas have what is acknowledged; 0 where the level asks for none. */
export const replicasOf = (level: Durability): number => Number(/replicas:(\d)$/.exec(level)?.[1] ?? 0);

/** This Redis does not keep what the configuration promises; the message says how to mend it. */
export class UnfitRedis extends Error {
  constructor(problems: readonly string[]) {
    super(`this Redis cannot keep what DURABILITY promises:\n${problems.map((p) => `  - ${p}`).join('\n')}`);
    this.name = 'UnfitRedis';
  }
}

async function setting(redis: Redis, name: string): Promise<string | null> {
  try {
    const answer = await redis.config('GET', name);
    return answer[1] ?? null;
  } catch (error) {
    // Hosted Redis often forbids CONFIG. A lost connection is another matter and must not read as "forbidden".
    if (error instanceof Error && error.name === 'ReplyError') return null;
    throw error;
  }
}

/**
 * Checks the Redis behind a connection against the level (CONSISTENCY.md 9). Read at start and at every reconnect,
 * because a kill -9 cannot tell `everysec` from `always`: the page cache survives, so only the configuration can.
 * `vouched`: what cannot be read is vouched for by the operator (REDIS_VOUCHED).
 * Throws UnfitRedis with every problem and the words that mend it.
 */
export async function checkDurability(redis: Redis, level: Durability, vouched: boolean): Promise<void> {
  const problems: string[] = [];
  const info = await redis.info();
  const fact = (name: string) => new RegExp(`^${name}:(.*)$`, 'm').exec(info)?.[1]?.trim();
  if (fact('role') !== 'master')
    problems.push(`it is a ${fact('role') ?? 'server of unknown role'}: point REDIS_URL at the master`);
  const major = Number((fact('redis_version') ?? '0').split('.')[0]);
  if (major < 7)
    problems.push(
      `it is version ${fact('redis_version') ?? 'unknown'}: Redis 7 or Valkey 7.2 is needed (sharded pub/sub)`,
    );
  const replicas = replicasOf(level);
  const online = [...info.matchAll(/^slave\d+:.*\bstate=online\b/gm)].length;
  // A replica that is still being sent the data acknowledges nothing, so it does not count.
  if (online < replicas)
    problems.push(
      `it has ${online} ${online === 1 ? 'replica' : 'replicas'} online and must have ${replicas}: run "REPLICAOF <this host> <its port>" on ${replicas === 1 ? 'another Redis' : 'others'}, wait until INFO replication shows state=online, or choose DURABILITY=fsync`,
    );
  const wanted: { name: string; value: string; mend: string }[] = [
    { name: 'maxmemory-policy', value: 'noeviction', mend: 'CONFIG SET maxmemory-policy noeviction' },
  ];
  if (promisesDisk(level)) {
    wanted.push(
      { name: 'appendonly', value: 'yes', mend: 'CONFIG SET appendonly yes' },
      { name: 'appendfsync', value: 'always', mend: 'CONFIG SET appendfsync always' },
    );
  }
  for (const { name, value, mend } of wanted) {
    const found = await setting(redis, name);
    if (found === null) {
      if (!vouched)
        problems.push(`${name} cannot be read here: make sure that it is ${value}, then set REDIS_VOUCHED=1`);
    } else if (found !== value) {
      problems.push(
        `${name} is ${found} and must be ${value}: run "${mend}" and put it in redis.conf${promisesDisk(level) && name !== 'maxmemory-policy' ? ', or choose DURABILITY=memory for a rehearsal' : ''}`,
      );
    }
  }
  if (problems.length > 0) throw new UnfitRedis(problems);
}
