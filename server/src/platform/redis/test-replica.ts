import { createServer } from 'node:net';
import { Redis } from 'ioredis';
import { startTestRedis, type TestRedis } from './test-redis.ts';

/** A throwaway Redis with replicas of its own: what the tests of `replicas:N` need. */
export interface ReplicatedRedis {
  master: TestRedis;
  /** How a server reaches the master. */
  url: string;
  replicas: {
    /** A connection to the replica itself. */
    redis: Redis;
    /** Holds still, as a paused machine does: online in the master's eyes, and acknowledging nothing. */
    holdStill(): void;
    /** Ends holding still. */
    goOn(): void;
    /** Follows the master no longer; what it has so far it keeps. */
    leave(): Promise<void>;
    /** Follows the master again; resolves when the master counts it as online. */
    comeBack(): Promise<void>;
  }[];
  close(): Promise<void>;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** Starts a master with that many replicas, all of them online. `settings` are the master's. */
export async function startReplicatedRedis({
  replicas: count,
  settings = {},
}: {
  replicas: number;
  settings?: Readonly<Record<string, string>>;
}): Promise<ReplicatedRedis> {
  const port = await freePort();
  const master = await startTestRedis({
    // A new replica is sent the data at once rather than after a wait for others.
    settings: { port: String(port), bind: '127.0.0.1', 'repl-diskless-sync-delay': '0', ...settings },
  });
  const eye = new Redis(master.options);
  eye.on('error', () => {});
  // Replicas listen on no port of their own here; the one that they announce is how the master tells them apart.
  async function sees(announced: number, wanted: boolean): Promise<void> {
    const line = new RegExp(`^slave\\d+:.*\\bport=${announced},state=online\\b`, 'm');
    while (line.test(await eye.info('replication')) !== wanted) await new Promise((resolve) => setTimeout(resolve, 10));
  }
  const servers: TestRedis[] = [master];
  const replicas: ReplicatedRedis['replicas'] = [];
  for (let announced = 1; announced <= count; announced++) {
    const server = await startTestRedis({
      settings: {
        masterauth: master.options.password,
        appendonly: 'no',
        'replica-announce-port': String(announced),
      },
    });
    servers.push(server);
    const redis = new Redis(server.options);
    redis.on('error', () => {});
    await redis.replicaof('127.0.0.1', port);
    await sees(announced, true);
    const pid = Number(/^process_id:(\d+)/m.exec(await redis.info('server'))?.[1]);
    replicas.push({
      redis,
      holdStill: () => void process.kill(pid, 'SIGSTOP'),
      goOn: () => void process.kill(pid, 'SIGCONT'),
      async leave() {
        await redis.replicaof('NO', 'ONE');
        await sees(announced, false);
      },
      async comeBack() {
        await redis.replicaof('127.0.0.1', port);
        await sees(announced, true);
      },
    });
  }
  return {
    master,
    url: `redis://:${master.options.password}@127.0.0.1:${port}`,
    replicas,
    async close() {
      eye.disconnect();
      for (const { redis } of replicas) redis.disconnect();
      for (const server of servers) await server.close();
    },
  };
}
