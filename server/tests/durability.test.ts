import { createServer } from 'node:net';
import { Redis } from 'ioredis';
import { afterEach, expect, test } from 'vitest';
import { createKeyspace } from '../src/platform/redis/keyspace.ts';
import { startTestRedis } from '../src/platform/redis/test-redis.ts';
import { type ReplicatedRedis, startReplicatedRedis } from '../src/platform/redis/test-replica.ts';
import {
  call,
  connect,
  festivalOf,
  followLog,
  guest,
  guests,
  type Outcome,
  requestId,
  runRefused,
  startServer,
  tempDir,
  until,
} from './test-server.ts';

const festival = festivalOf({ deals: [{ id: 'kettle', total: 10 }] });

const running: { close(): Promise<void> }[] = [];
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

// ------------------------------------------------------------------------------------------------- replicas:N
async function replicated(replicas: number, settings: Record<string, string> = {}): Promise<ReplicatedRedis> {
  const redis = await startReplicatedRedis({ replicas, settings });
  running.push(redis);
  return redis;
}

const keys = createKeyspace({ festival: 'rehearsal', partitions: 1 });
const claimOf = (dealId: string) => ({ requestId: requestId(), lines: [{ dealId, quantity: 1 }] });
const isFault = (answer: Outcome, code: string) => !answer.ok && 'fault' in answer && answer.fault === code;

test('a Redis with fewer replicas than are promised is refused, with the words that mend it', async () => {
  const alone = await redisWith({});
  const refused = await runRefused({ festival, env: { REDIS_URL: alone, DURABILITY: 'replicas:1' } });
  expect(refused.code).toBe(1);
  expect(refused.output).toContain('it has 0 replicas online and must have 1');
  expect(refused.output).toContain('REPLICAOF');
  expect(refused.output).not.toMatch(/\n {4}at /);
});

test('where disk and replicas are promised, all that lacks of either is said at once', async () => {
  const { url } = await replicated(1, { appendfsync: 'everysec' });
  const refused = await runRefused({ festival, env: { REDIS_URL: url, DURABILITY: 'fsync+replicas:2' } });
  expect(refused.code).toBe(1);
  expect(refused.output).toContain('it has 1 replica online and must have 2');
  expect(refused.output).toContain('appendfsync is everysec and must be always');
});

test('a replica is not taken for the master', async () => {
  const { replicas, url } = await replicated(1);
  const port = Number(new URL(url).port);
  const replica = replicas[0]!.redis;
  const own = await freePort();
  await replica.config('SET', 'port', String(own));
  const address = url.replace(`:${port}`, `:${own}`);
  const refused = await runRefused({ festival, env: { REDIS_URL: address, DURABILITY: 'memory' } });
  expect(refused.code).toBe(1);
  expect(refused.output).toContain('it is a slave: point REDIS_URL at the master');
});

test('what was acknowledged is on the replica when the master is killed, also what came while replicas fell away', async () => {
  const total = 2_000;
  const { url, master, replicas } = await replicated(1);
  const replica = replicas[0]!;
  const server = await startServer({
    festival: festivalOf({ deals: [{ id: 'kettle', total, limitPerShopper: 99 }] }),
    env: { REDIS_URL: url, DURABILITY: 'replicas:1' },
  });
  const people = await guests(server.url, 20);
  const journal: { shopperId: string; requestId: string; answer: Outcome }[] = [];
  const evening = { over: false };
  const shoppers = people.map(async (person) => {
    const socket = await connect(server.url, person.token);
    while (!evening.over) {
      const claim = claimOf('kettle');
      // The socket may go with the server; what it was not told is in nobody's journal.
      const answer = await call(socket, 'deals:claim', claim).catch(() => null);
      if (answer === null) return;
      journal.push({ shopperId: person.shopperId, requestId: claim.requestId, answer });
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  });
  await until('some claims are acknowledged', () => journal.filter(({ answer }) => answer.ok).length > 60);
  // It goes on answering readers and has all it had, but follows no longer: from here on nothing may be acknowledged.
  await replica.leave();
  await until('a claim is pending', () => journal.some(({ answer }) => isFault(answer, 'pending')));
  await master.close();
  await until('the server has seen it', () => journal.slice(-20).every(({ answer }) => !answer.ok));
  evening.over = true;
  await Promise.all(shoppers);
  await server.stop();

  const told = journal.filter(({ answer }) => answer.ok || 'why' in answer);
  for (const { shopperId, requestId: id, answer } of told) {
    const k = keys.of(shopperId);
    // A success is remembered by its hold, a refusal among the answers.
    const kept = answer.ok
      ? await replica.redis.hget(k.holds(shopperId), (answer.reply as { holdId: string }).holdId)
      : await replica.redis.hget(k.answers(shopperId), id);
    expect(kept, JSON.stringify(answer)).not.toBeNull();
    if (answer.ok) expect(kept?.startsWith(`${id} `)).toBe(true);
  }
  expect(told.length).toBeGreaterThan(60);
});

test('without its replica a claim is pending, then nothing new is taken up, and the same request learns its outcome later', async () => {
  const { url, replicas } = await replicated(1);
  const replica = replicas[0]!;
  const server = await startServer({ festival, env: { REDIS_URL: url, DURABILITY: 'fsync+replicas:1' } });
  const [amber, jade] = await guests(server.url, 2);
  const socket = await connect(server.url, amber!.token);
  const other = await connect(server.url, jade!.token);
  const claim = claimOf('kettle');
  await replica.leave();
  expect(await call(socket, 'deals:claim', claim)).toMatchObject({ fault: 'pending', retryAfterMs: 1_000 });
  // Decided, and not said to be undone; of what is new nothing is done.
  expect(await call(socket, 'deals:claim', claim)).toMatchObject({ fault: 'pending' });
  const refused = claimOf('kettle');
  expect(await call(other, 'deals:claim', refused)).toMatchObject({ fault: 'unavailable' });
  // Questions are answered all the while.
  expect(await call(other, 'deals:list', {})).toMatchObject({ ok: true });

  await replica.comeBack();
  const answer = await until('the claim is answered', async () => {
    const told = await call(socket, 'deals:claim', claim);
    return told.ok ? told : null;
  });
  expect(answer).toMatchObject({ ok: true, reply: { holdId: expect.any(String) } });
  expect(await call(other, 'deals:claim', refused)).toMatchObject({ ok: true });
  // One unit each, however often was asked.
  expect(await replica.redis.hlen(keys.of(amber!.shopperId).holds(amber!.shopperId))).toBe(1);
  await server.stop();
});

test('a line is shown to nobody before replicas have it', async () => {
  const { url, replicas } = await replicated(1);
  const replica = replicas[0]!;
  const server = await startServer({
    festival: festivalOf({ sessions: [{ id: 'stage' }] }),
    env: { REDIS_URL: url, DURABILITY: 'replicas:1' },
  });
  const [speaker, listener] = await guests(server.url, 2);
  const speaking = await connect(server.url, speaker!.token);
  const watch = await followLog(await connect(server.url, listener!.token), 'live:chat', 'stage');
  const say = (text: string) => call(speaking, 'live:say', { requestId: requestId(), sessionId: 'stage', text });
  expect(await say('first')).toMatchObject({ ok: true });
  await watch.until('the first line is shown', (all) => all.length === 1);
  await replica.leave();
  // The answer takes the whole bound of a WAIT: unconfirmed lines would have been shown many ticks before it.
  expect(await say('second')).toMatchObject({ fault: 'pending' });
  expect(watch.all()).toHaveLength(1);
  await replica.comeBack();
  await watch.until('the second line is shown', (all) => all.length === 2);
  await server.stop();
});

test('a festival is continued only with the partitions it was created with, and the words name both numbers', async () => {
  const dataDir = tempDir();
  const server = await startServer({ festival, dataDir, env: { PARTITIONS: '1' } });
  await server.term();
  const refused = await runRefused({ festival, dataDir, env: { PARTITIONS: '4' } });
  expect(refused.code).toBe(1);
  expect(refused.output).toContain('was created with 1 and is started with 4');
  expect(refused.output).toContain('set PARTITIONS=1');
  expect(refused.output).not.toMatch(/\n {4}at /);
});
