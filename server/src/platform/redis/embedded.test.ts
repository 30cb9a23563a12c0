import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterEach, describe, expect, onTestFinished, test } from 'vitest';
import { type EmbeddedRedis, isDataInUse, readEmbeddedConnection, startEmbeddedRedis } from './embedded.ts';
import { redisBinary } from './redis-binary.ts';
import { detectHostTools, type HostTools } from './redis-process.ts';
import { startTestRedis } from './test-redis.ts';

const silent = { info() {}, warn() {}, error() {} };
const here = detectHostTools();
/** The ways to tie Redis to its server and to lock the data: what this machine has, and what any POSIX machine has. */
const hosts: [string, HostTools][] = [
  ['with this machine’s own tools', here],
  ['with sh alone', { pdeathsig: false, flock: false }],
];

const running = new Set<EmbeddedRedis>();
afterEach(async () => {
  await Promise.all([...running].map((redis) => redis.stop()));
  running.clear();
});

function newDataDir(): string {
  const dir = mkdtempSync(join(tmpdir(), 'elevens-embedded-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

async function start(
  dataDir: string,
  more: { host?: HostTools; onCrash?: (how: string) => void; onRestart?: () => void } = {},
): Promise<EmbeddedRedis> {
  let drawn = 0;
  const randomToken = () => `test-password-of-${process.pid}-${drawn++}`;
  const redis = await startEmbeddedRedis({ dataDir, binary: redisBinary(), logger: silent, randomToken, ...more });
  running.add(redis);
  return redis;
}

/** Runs one conversation with a Redis and leaves no connection behind. */
async function ask<T>(
  { connection, password }: Pick<EmbeddedRedis, 'connection' | 'password'>,
  conversation: (redis: Redis) => Promise<T>,
): Promise<T> {
  const redis = new Redis({ ...connection, password, retryStrategy: () => null, maxRetriesPerRequest: 0 });
  redis.on('error', () => {});
  try {
    return await conversation(redis);
  } finally {
    redis.disconnect();
  }
}

async function answers(redis: Pick<EmbeddedRedis, 'connection' | 'password'>): Promise<boolean> {
  return ask(redis, (client) => client.ping()).then(
    () => true,
    () => false,
  );
}

async function processId(redis: EmbeddedRedis): Promise<number> {
  const info = await ask(redis, (client) => client.info('server'));
  return Number(/process_id:(\d+)/.exec(info)?.[1]);
}

describe.each(hosts)('the embedded Redis, %s', (_title, host) => {
  test('keeps its data when the server is stopped and started again', async () => {
    const dataDir = newDataDir();
    const first = await start(dataDir, { host });
    await ask(first, (client) => client.set('stock', '11'));
    await first.stop();
    expect(await answers(first)).toBe(false);

    const second = await start(dataDir, { host });
    expect(await ask(second, (client) => client.get('stock'))).toBe('11');
  });

  test('refuses a second start on the same data, and the first goes on unharmed', async () => {
    const dataDir = newDataDir();
    const first = await start(dataDir, { host });
    const refusal = await start(dataDir, { host }).then(
      () => null,
      (error: unknown) => error,
    );
    expect(isDataInUse(refusal)).toBe(true);
    expect(String(refusal)).toContain(dataDir);
    expect(await answers(first)).toBe(true);
    expect(readEmbeddedConnection(dataDir)).toEqual({ connection: first.connection, password: first.password });
  });

  test('goes with its server even when that is killed, keeps what was acknowledged, and frees the data', async () => {
    const dataDir = newDataDir();
    const server = `
      import { startEmbeddedRedis } from ${JSON.stringify(new URL('./embedded.ts', import.meta.url).href)};
      const silent = { info() {}, warn() {}, error() {} };
      await startEmbeddedRedis({ dataDir: ${JSON.stringify(dataDir)}, binary: ${JSON.stringify(redisBinary())}, logger: silent,
        randomToken: () => 'password-of-the-killed-one', host: ${JSON.stringify(host)} });
      console.log('ready');
      setInterval(() => {}, 1e6);
    `;
    const child = spawn(process.execPath, ['--input-type=module', '-e', server], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    await once(child.stdout, 'data');
    const orphan = readEmbeddedConnection(dataDir);
    if (orphan === null) throw new Error('the running server left no note of its connection');
    await ask(orphan, (client) => client.set('sold', '7'));

    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
    await expect.poll(() => answers(orphan), { timeout: 10_000 }).toBe(false);

    const next = await start(dataDir, { host });
    expect(await ask(next, (client) => client.get('sold'))).toBe('7');
  });

  test('is restarted when it crashes, at the same address and with its data, and says so both times', async () => {
    const crashed = Promise.withResolvers<string>();
    const restarted = Promise.withResolvers<void>();
    const redis = await start(newDataDir(), { host, onCrash: crashed.resolve, onRestart: restarted.resolve });
    await ask(redis, (client) => client.set('held', '3'));
    process.kill(await processId(redis), 'SIGKILL');

    await crashed.promise;
    await restarted.promise;
    expect(await ask(redis, (client) => client.get('held'))).toBe('3');
  });

  test('stops for good when it is stopped while it is being restarted', async () => {
    const crashed = Promise.withResolvers<string>();
    const redis = await start(newDataDir(), { host, onCrash: crashed.resolve });
    process.kill(await processId(redis), 'SIGKILL');
    await crashed.promise;
    await redis.stop();
    expect(await answers(redis)).toBe(false);
  });
});

test('is tried again when the machine cannot even start a process for it', async () => {
  const restarted = Promise.withResolvers<void>();
  let failures = 0;
  // The tools are looked at whenever a process is about to be started.
  const host: HostTools = {
    flock: here.flock,
    get pdeathsig() {
      if (failures-- > 0) throw new Error('spawn ENOMEM');
      return here.pdeathsig;
    },
  };
  const redis = await start(newDataDir(), { host, onRestart: restarted.resolve });
  failures = 2;
  process.kill(await processId(redis), 'SIGKILL');
  await restarted.promise;
  expect(await answers(redis)).toBe(true);
});

test('the embedded Redis syncs every write, evicts nothing, and lets nobody in without its password', async () => {
  const dataDir = newDataDir();
  const redis = await start(dataDir);
  const read = (name: string) => ask(redis, async (client) => (await client.config('GET', name)) as unknown);
  expect(await read('appendonly')).toEqual(['appendonly', 'yes']);
  expect(await read('appendfsync')).toEqual(['appendfsync', 'always']);
  expect(await read('maxmemory-policy')).toEqual(['maxmemory-policy', 'noeviction']);
  expect(await read('save')).toEqual(['save', '']);
  await expect(ask({ ...redis, password: 'a-wrong-password' }, (client) => client.ping())).rejects.toThrow();
  expect(statSync(join(dataDir, 'redis', 'connection.json')).mode & 0o777).toBe(0o600);
  expect(statSync(join(dataDir, 'redis')).mode & 0o777).toBe(0o700);
});

test('the note of the connection goes with a server that stops', async () => {
  const dataDir = newDataDir();
  expect(readEmbeddedConnection(dataDir)).toBeNull();
  const redis = await start(dataDir);
  expect(readEmbeddedConnection(dataDir)).not.toBeNull();
  await redis.stop();
  expect(readEmbeddedConnection(dataDir)).toBeNull();
});

test('a data folder whose path is too long for a socket gets its socket elsewhere', async () => {
  const dataDir = join(newDataDir(), 'a-folder-with-a-name-that-is-far-too-long-'.repeat(3));
  mkdirSync(dataDir);
  const redis = await start(dataDir);
  expect(await answers(redis)).toBe(true);
  expect('path' in redis.connection && Buffer.byteLength(redis.connection.path)).toBeLessThanOrEqual(107);
});

test('where every socket’s path would be too long, it listens on a loopback port, still with its password', async () => {
  const dataDir = join(newDataDir(), 'a-folder-with-a-name-that-is-far-too-long-'.repeat(3));
  mkdirSync(dataDir);
  const before = process.env.TMPDIR;
  process.env.TMPDIR = dataDir;
  onTestFinished(() => {
    if (before === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = before;
  });
  const redis = await start(dataDir);
  expect(redis.connection).toEqual({ host: '127.0.0.1', port: expect.any(Number) as number });
  expect(await answers(redis)).toBe(true);
  expect(await answers({ ...redis, password: 'a-wrong-password' })).toBe(false);
});

test('a binary that does not exist is said in words', async () => {
  const dataDir = newDataDir();
  const starting = startEmbeddedRedis({
    dataDir,
    binary: join(dataDir, 'no-such-redis'),
    logger: silent,
    randomToken: () => 'a-password-that-is-never-used',
  });
  await expect(starting).rejects.toThrow(/no-such-redis.*did not start[\s\S]*setup\.mjs/);
});

test('a log that Redis cannot read is said in Redis’s own words', async () => {
  const dataDir = newDataDir();
  const redis = await start(dataDir);
  await ask(redis, (client) => client.set('stock', '11'));
  await redis.stop();
  rmSync(join(dataDir, 'redis', 'appendonlydir', 'appendonly.aof.1.incr.aof'));
  await expect(start(dataDir)).rejects.toThrow(/append/i);
});

test('a Redis for tests is real, empty, set up as asked, and leaves nothing behind', async () => {
  const redis = await startTestRedis({ settings: { appendfsync: 'everysec' } });
  const connection = { connection: { path: redis.options.path }, password: redis.options.password };
  expect(await ask(connection, (client) => client.dbsize())).toBe(0);
  expect(await ask(connection, (client) => client.config('GET', 'appendfsync'))).toEqual(['appendfsync', 'everysec']);
  await ask(connection, (client) => client.set('energy', '5'));
  await redis.crashAndRestart();
  expect(await ask(connection, (client) => client.get('energy'))).toBe('5');
  await redis.close();
  expect(existsSync(redis.options.path)).toBe(false);
});

test.runIf(existsSync('/proc/self/cmdline'))('the password stands in no command line', async () => {
  const redis = await start(newDataDir());
  const commandLine = readFileSync(`/proc/${await processId(redis)}/cmdline`, 'utf8');
  expect(commandLine).toContain('redis-server');
  expect(commandLine).not.toContain(redis.password);
});
