import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { redisBinary } from './redis-binary.ts';
import { detectHostTools, type HostTools, launchRedis, type RedisProcess, redisSettings } from './redis-process.ts';

/** A throwaway Redis for the tests of one file. */
export type TestRedis = {
  /** What a client needs to connect; spread it into ioredis's options. */
  options: { path: string; password: string };
  /** Ends it as a crash would and starts it again on the same data and the same socket. */
  crashAndRestart(): Promise<void>;
  /** Ends it and removes its data. */
  close(): Promise<void>;
};

/** A test's Redis starts in tens of milliseconds; on a machine that is very busy it may take seconds. */
const readyMs = 20_000;

let host: HostTools | undefined;

/**
 * Starts a real, empty Redis on a unix socket in a temporary folder, under the same settings as the embedded one
 * (every write on disk before it is acknowledged, no eviction). `settings` override them, for tests of a Redis that is
 * set up wrongly. It ends with the process that runs the tests, whether or not `close` was called.
 */
export async function startTestRedis({
  settings = {},
}: {
  settings?: Readonly<Record<string, string>>;
} = {}): Promise<TestRedis> {
  host ??= detectHostTools();
  const dir = mkdtempSync(join(tmpdir(), 'elevens-test-'));
  const options = { path: join(dir, 'r.sock'), password: 'elevens-test-only' };
  const config = redisSettings({ dir, address: options, password: options.password, settings });
  const launch = async (): Promise<RedisProcess> => {
    const launched = await launchRedis({ binary: redisBinary(), config, host: host ?? detectHostTools(), readyMs });
    if (launched.kind === 'ready') return launched.process;
    const why = launched.kind === 'failed' ? launched.why : 'locked';
    throw new Error(`No Redis for the tests: ${why}\nRun \`node setup.mjs test\`, which finds or brings redis-server.`);
  };
  let running: RedisProcess;
  try {
    running = await launch();
  } catch (error) {
    rmSync(dir, { recursive: true, force: true });
    throw error;
  }
  return {
    options,
    async crashAndRestart() {
      await running.kill();
      running = await launch();
    },
    async close() {
      await running.kill();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
