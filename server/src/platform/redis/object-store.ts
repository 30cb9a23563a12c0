import { createClient } from 'redis';
import type { Logger } from '../logger.ts';
import type { RedisTarget } from './connections.ts';

/** The connection that redis-om's repositories read authored records over. Nothing hot goes here. */
export interface ObjectStore {
  connection: ReturnType<typeof createClient>;
  close(): Promise<void>;
}

/** As the hot connection's: quick at first, never slower than once a second. */
const reconnectMs = (attempt: number) => Math.min(50 * 2 ** attempt, 1_000);
const connectTimeoutMs = 5_000;
/** Reads in flight: a whole catalogue is asked for at once, 2,000 records of each of eight kinds. */
const queueCommandsMax = 20_000;

function optionsOf(target: RedisTarget) {
  const socket = { reconnectStrategy: reconnectMs, connectTimeout: connectTimeoutMs };
  if ('url' in target) return { url: target.url, socket };
  if ('path' in target) return { password: target.password, socket: { ...socket, path: target.path } };
  return { password: target.password, socket: { ...socket, host: target.host, port: target.port } };
}

/**
 * Opens the connection for redis-om. A read that meets a lost connection fails at once and is asked again by whoever
 * needed it; the connection comes back by itself.
 */
export async function openObjectStore(target: RedisTarget, { logger }: { logger: Logger }): Promise<ObjectStore> {
  const connection = createClient({
    ...optionsOf(target),
    disableOfflineQueue: true,
    commandsQueueMaxLength: queueCommandsMax,
  });
  let saidDown = false;
  connection.on('error', (error: Error) => {
    if (!saidDown) logger.warn({ connection: 'objects', error: error.message }, 'Redis connection has trouble');
    saidDown = true;
  });
  connection.on('ready', () => {
    saidDown = false;
  });
  await connection.connect();
  return {
    connection,
    async close() {
      if (connection.isOpen) await connection.disconnect();
    },
  };
}
