import { createHash } from 'node:crypto';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { isMainThread } from 'node:worker_threads';
import {
  detectHostTools,
  type HostTools,
  type LaunchedRedis,
  launchRedis,
  type RedisAddress,
  type RedisProcess,
  redisSettings,
} from './redis-process.ts';

type Logger = {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
};

/** How to reach the embedded Redis. It stays the same when Redis is restarted after a crash. */
export type EmbeddedConnection = { connection: RedisAddress; password: string };

export type EmbeddedRedis = EmbeddedConnection & {
  /** Lets Redis write out what it has and end; settles when it is gone. A second call waits for the same end. */
  stop(): Promise<void>;
};

/** A unix socket's path must fit into the kernel's 108 bytes with its closing zero. */
const socketPathBytesMax = 107;

/** Reading back a log of several GB takes minutes; a Redis that needs longer than this is stuck. */
const readyMs = 300_000;

/** Time enough to flush and sync the log. There is no snapshot to write and no replica to wait for. */
const stopGraceMs = 15_000;

/**
 * The Redis of a server that was just killed needs a moment to see it and to close its log. A lock that is held for
 * longer than this belongs to a server that lives.
 */
const lockWaitMs = 3_000;
const lockRetryMs = 100;

/** A crashed Redis is tried again after the first wait, then after twice as long each time, up to the last, without end:
 * what stops it (a full disk, say) is mended by a person, and then it must come back by itself. */
const restartFirstMs = 100;
const restartLastMs = 5_000;

/** After this long without a crash the next one counts as the first again. */
const restartForgetMs = 30_000;

/**
 * Runs a real redis-server as a child of this process, with its data under `dataDir`: every acknowledged write is on
 * disk, the data survive any end of either process, and the child ends when this process does. When it crashes it is
 * started again on the same data and the same address; `onCrash` and `onRestart` frame the time in which it is away.
 *
 * Rejects with an error that `isDataInUse` knows when another server runs on the same data, and in words when Redis
 * cannot be started. `randomToken` makes the password: letters, digits, `-` and `_` from a secure source.
 */
export async function startEmbeddedRedis({
  dataDir,
  binary,
  logger,
  randomToken,
  onCrash,
  onRestart,
  host = detectHostTools(),
}: {
  dataDir: string;
  binary: string;
  logger: Logger;
  randomToken: () => string;
  onCrash?: (how: string) => void;
  onRestart?: () => void;
  host?: HostTools;
}): Promise<EmbeddedRedis> {
  if (!isMainThread) {
    throw new Error('The embedded Redis must be started on the main thread: it ends with the thread that started it.');
  }
  const password = randomToken();
  if (!/^[\w-]{16,}$/.test(password)) {
    throw new Error('The embedded Redis needs a password of at least 16 letters, digits, - or _.');
  }
  mkdirSync(join(dataDir, 'redis'), { recursive: true, mode: 0o700 });
  const dir = realpathSync(join(dataDir, 'redis'));
  const lockWithoutFlock = host.flock ? null : await holdLockSocket(dir);
  const address = await chooseAddress(dir);
  const config = redisSettings({
    dir,
    address,
    password,
    // Redis works in `dir`, so the short name always fits; only the clients may need another path.
    ...('path' in address && address.path === join(dir, socketName) ? { socketFile: socketName } : {}),
  });
  const launch = () =>
    launchRedis({
      binary,
      config,
      host,
      lockFile: join(dir, 'lock'),
      readyMs,
      onWarning: (line) => {
        // Redis says at this level that it starts, too; only what a person should look at is passed on.
        if (/\b(warning|error|fail|corrupt|truncat|misconf|bad |can't|unable)/i.test(line) && !/overcommit/i.test(line))
          logger.warn({ redis: line }, 'Redis warns');
      },
    });

  let running: RedisProcess;
  try {
    running = await firstLaunch({ launch, dataDir, binary });
  } catch (error) {
    lockWithoutFlock?.close();
    throw error;
  }
  writeConnection(dir, { connection: address, password });
  logger.info({ pid: running.pid, ...address }, 'embedded Redis is ready');

  let stopping = false;
  let wakeUp = () => {};
  const pause = (ms: number) =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      wakeUp = () => {
        clearTimeout(timer);
        resolve();
      };
    });

  const supervise = async () => {
    let waitMs = restartFirstMs;
    while (true) {
      const forget = setTimeout(() => {
        waitMs = restartFirstMs;
      }, restartForgetMs);
      const how = await running.exited;
      clearTimeout(forget);
      if (stopping) return;
      logger.error({ how }, 'embedded Redis went away; it is being restarted');
      onCrash?.(how);
      while (true) {
        if (!stopping) await pause(waitMs);
        if (stopping) return;
        waitMs = Math.min(waitMs * 2, restartLastMs);
        // Starting a process throws when the machine has no memory left, which may be why Redis went in the first place.
        const launched = await launch().catch(
          (cause: unknown): LaunchedRedis => ({ kind: 'failed', why: String(cause), cause }),
        );
        if (launched.kind === 'ready') {
          running = launched.process;
          break;
        }
        logger.error({ why: whyNot(launched), againAfterMs: waitMs }, 'embedded Redis could not be restarted');
      }
      if (stopping) return;
      logger.info({ pid: running.pid }, 'embedded Redis is back');
      onRestart?.();
    }
  };
  const supervised = supervise();

  const stop = async () => {
    stopping = true;
    wakeUp();
    await running.terminate(stopGraceMs);
    // A restart that was under way when stopping began has brought up a Redis of its own.
    await supervised;
    await running.terminate(stopGraceMs);
    rmSync(join(dir, connectionName), { force: true });
    if ('path' in address && dirname(address.path) !== dir)
      rmSync(dirname(address.path), { recursive: true, force: true });
    lockWithoutFlock?.close();
  };
  let stopped: Promise<void> | undefined;
  return {
    connection: address,
    password,
    stop: () => {
      stopped ??= stop();
      return stopped;
    },
  };
}

/** Whether an error of `startEmbeddedRedis` means that another server runs on the same data. */
export function isDataInUse(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && error.code === 'data-in-use';
}

/**
 * How to reach the embedded Redis of a server that runs on `dataDir`, for a command beside it; null when none runs
 * there. A server that was killed leaves the note behind, so connecting may still fail.
 */
export function readEmbeddedConnection(dataDir: string): EmbeddedConnection | null {
  let text: string;
  try {
    text = readFileSync(join(dataDir, 'redis', connectionName), 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
  return JSON.parse(text) as EmbeddedConnection;
}

const socketName = 'redis.sock';
const connectionName = 'connection.json';

function dataInUse(dataDir: string): Error {
  const message = `Another server is already running on the data in ${dataDir}. Stop it, or start this one with another DATA_DIR.`;
  return Object.assign(new Error(message), { code: 'data-in-use' as const });
}

function whyNot(launched: Exclude<LaunchedRedis, { kind: 'ready' }>): string {
  return launched.kind === 'locked' ? 'its data are locked by another process' : launched.why;
}

async function firstLaunch({
  launch,
  dataDir,
  binary,
}: {
  launch: () => Promise<LaunchedRedis>;
  dataDir: string;
  binary: string;
}): Promise<RedisProcess> {
  for (let triesLeft = Math.ceil(lockWaitMs / lockRetryMs); ; triesLeft--) {
    const launched = await launch();
    switch (launched.kind) {
      case 'ready':
        return launched.process;
      case 'failed':
        throw new Error(
          `The embedded Redis (${binary}) did not start: ${launched.why}\n` +
            'Run `node setup.mjs start`, which finds or brings redis-server, or set REDIS_URL to use a Redis of your own.',
          { cause: launched.cause },
        );
      case 'locked':
        if (triesLeft <= 0) throw dataInUse(dataDir);
        await new Promise((resolve) => setTimeout(resolve, lockRetryMs));
    }
  }
}

/** The note is replaced as a whole, so that nobody reads half of it, and only its owner may read it. */
function writeConnection(dir: string, connection: EmbeddedConnection): void {
  const file = join(dir, connectionName);
  writeFileSync(`${file}.new`, `${JSON.stringify(connection)}\n`, { mode: 0o600 });
  chmodSync(`${file}.new`, 0o600);
  renameSync(`${file}.new`, file);
}

/**
 * A socket in the data folder; where its path is too long, one in a private folder under the temporary directory, whose
 * name follows from the data's; where that is not to be had either, a free loopback port.
 */
async function chooseAddress(dir: string): Promise<RedisAddress> {
  if (process.platform !== 'win32') {
    const beside = join(dir, socketName);
    if (Buffer.byteLength(beside) <= socketPathBytesMax) return { path: beside };
    const folder = join(tmpdir(), `elevens-${createHash('sha256').update(dir).digest('hex').slice(0, 16)}`);
    const short = join(folder, socketName);
    if (Buffer.byteLength(short) <= socketPathBytesMax && isPrivateFolder(folder)) return { path: short };
  }
  return { host: '127.0.0.1', port: await freePort() };
}

/** Anyone may write to the temporary directory: a folder that somebody else made there first is not to be trusted. */
function isPrivateFolder(folder: string): boolean {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const found = lstatSync(folder);
    return found.isDirectory() && found.uid === process.getuid?.() && (found.mode & 0o077) === 0;
  } catch {
    return false;
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('No free loopback port for the embedded Redis.');
  return address.port;
}

/**
 * The lock for machines without flock: a socket in the data folder that this process listens on. It is free when nobody
 * answers there, and neither does a Redis that outlives its killed server by a moment.
 */
async function holdLockSocket(dir: string): Promise<Server> {
  // Relative to nothing shorter: where even this path is too long, the folder under the temporary directory is used.
  const beside = join(dir, 'lock.sock');
  const path =
    Buffer.byteLength(beside) <= socketPathBytesMax
      ? beside
      : join(tmpdir(), `elevens-${createHash('sha256').update(dir).digest('hex').slice(0, 16)}.lock`);
  const left = [path, join(dir, socketName)];
  for (let triesLeft = Math.ceil(lockWaitMs / lockRetryMs); ; triesLeft--) {
    const answered = await Promise.all(left.map(answers));
    if (!answered.includes(true)) break;
    if (triesLeft <= 0) throw dataInUse(join(dir, '..'));
    await new Promise((resolve) => setTimeout(resolve, lockRetryMs));
  }
  rmSync(path, { force: true });
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
  server.unref();
  return server;
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
