import { Redis } from 'ioredis';
import type { Logger } from '../logger.ts';

/** The type of a connection, for those who are handed one: only this folder opens any. */
export type { Redis };

export type RedisTarget =
  | { url: string }
  | { path: string; password: string }
  | { host: string; port: number; password: string };

/** For `replicas:N`: a connection that may wait for replicas while decisions go on over the hot one. */
export interface Waiter {
  redis: Redis;
  /** The run id of the Redis that decides now; empty while none may. */
  decidesOn(): string;
  /** The run id of the Redis behind `redis`: after a failover the two connections may for a moment have different ones. */
  run(): Promise<string>;
}

export interface Connections {
  /** Decisions and reads. Nothing is queued while it is down and nothing is ever sent twice by itself. */
  hot: Redis;
  /** Doorbells only: sharded pub/sub. */
  subscriber: Redis;
  /** Null unless asked for. */
  waiter: Waiter | null;
  up(): boolean;
  close(): Promise<void>;
}

/** Nobody answers where Redis should be, or not to us; the message says where and why. */
export class RedisUnreachable extends Error {
  constructor(target: RedisTarget, trouble: string, cause: unknown) {
    const where = 'url' in target ? `REDIS_URL (${new URL(target.url).host})` : 'the embedded Redis';
    super(
      `Elevens cannot reach Redis at ${where}: ${trouble || 'the connection was closed'}. Check the address, the password and that it runs.`,
      { cause },
    );
    this.name = 'RedisUnreachable';
  }
}

/** A call that Redis has not answered by then is `unknown`: a paused or cut-off Redis must not hold callers for ever. */
const commandTimeoutMs = 5_000;
/** Twice the bound of a WAIT: past it, Redis itself does not answer. */
const waitTimeoutMs = 2_000;
/** How often a Redis that came back unfit is looked at again. */
const lookAgainMs = 1_000;
/** Reconnecting: quick at first, never slower than once a second, so that a restart of Redis is over in a second or two. */
const reconnectMs = (attempt: number) => Math.min(50 * 2 ** attempt, 1_000);

function optionsOf(target: RedisTarget) {
  return 'url' in target ? {} : 'path' in target ? { path: target.path, password: target.password } : { ...target };
}

function connect(target: RedisTarget, options: object): Redis {
  const all = {
    ...optionsOf(target),
    ...options,
    retryStrategy: reconnectMs,
    lazyConnect: true,
    // A master that was demoted keeps its connections: only a new one finds the Redis that decides now, and is checked.
    reconnectOnError: (error: Error) => error.message.includes('READONLY'),
  };
  return 'url' in target ? new Redis(target.url, all) : new Redis(all);
}

/** Which Redis a connection has: its run id, read once a connection and forgotten when that ends. */
function runOf(connection: Redis): { known(): string; read(): Promise<string> } {
  let run = '';
  connection.on('close', () => {
    run = '';
  });
  return {
    known: () => run,
    async read() {
      if (run === '') run = /^run_id:(\w+)/m.exec(await connection.info('server'))?.[1] ?? '';
      return run;
    },
  };
}

/**
 * Opens the connections. `onReady` runs at every connect and reconnect, before anyone is told that Redis is up: it
 * checks that this Redis keeps the promises the configuration makes, and throws where it does not.
 */
export async function openConnections(
  target: RedisTarget,
  {
    logger,
    onReady,
    onDown,
    waits = false,
  }: {
    logger: Logger;
    onReady: (hot: Redis, again: boolean) => Promise<void>;
    onDown: () => void;
    /** Whether somebody will wait for replicas. */
    waits?: boolean;
  },
): Promise<Connections> {
  // autoResendUnfulfilledCommands would run a decision twice; without maxRetriesPerRequest 0 a lost command stays pending.
  const hot = connect(target, {
    autoResendUnfulfilledCommands: false,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    commandTimeout: commandTimeoutMs,
  });
  const subscriber = connect(target, { autoResubscribe: true, enableOfflineQueue: true, maxRetriesPerRequest: null });
  const waiting = waits
    ? connect(target, {
        autoResendUnfulfilledCommands: false,
        enableOfflineQueue: false,
        maxRetriesPerRequest: 0,
        commandTimeout: waitTimeoutMs,
      })
    : null;
  const hotRun = runOf(hot);
  let checked = false;
  let first = true;
  let saidDown = false;
  let closing = false;
  let trouble = '';
  let unfit = '';
  for (const [name, connection] of Object.entries({ hot, subscriber, ...(waiting === null ? {} : { waiting }) })) {
    connection.on('error', (error: Error) => {
      trouble = error.message;
      if (!saidDown && !first) logger.warn({ connection: name, error: error.message }, 'Redis connection has trouble');
      saidDown = !first;
    });
  }
  hot.on('close', () => {
    if (checked && !closing) onDown();
    checked = false;
  });
  hot.on('ready', () => {
    if (first) return;
    void prepare(true).then(
      () => {
        checked = true;
        saidDown = false;
        unfit = '';
        logger.info({}, 'Redis is back');
      },
      (error: unknown) => {
        const why = error instanceof Error ? error.message : String(error);
        // Said when it is new: it is looked at again every second until a person has mended it.
        if (why !== unfit) logger.error({ error: why }, 'Redis came back unfit; staying down');
        unfit = why;
        setTimeout(() => !closing && hot.disconnect(true), lookAgainMs).unref();
      },
    );
  });
  async function prepare(again: boolean): Promise<void> {
    if (waits) await hotRun.read();
    await onReady(hot, again);
  }
  try {
    await Promise.all([hot.connect(), subscriber.connect(), waiting?.connect()]);
    await prepare(false);
  } catch (error) {
    hot.disconnect();
    subscriber.disconnect();
    waiting?.disconnect();
    if (error instanceof Error && error.message === 'Connection is closed.')
      throw new RedisUnreachable(target, trouble, error);
    throw error;
  }
  first = false;
  checked = true;
  return {
    hot,
    subscriber,
    waiter:
      waiting === null
        ? null
        : { redis: waiting, decidesOn: () => (checked ? hotRun.known() : ''), run: runOf(waiting).read },
    up: () => checked && hot.status === 'ready',
    async close() {
      closing = true;
      hot.disconnect();
      subscriber.disconnect();
      waiting?.disconnect();
      await Promise.resolve();
    },
  };
}
