import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    // Processes and not threads: an embedded Redis is tied to the thread that starts it, and a crash stays in its file.
    pool: 'forks',
    // Each file may start a Redis and a server of its own; more at a time than this only makes all of them slower.
    maxWorkers: 2,
    projects: [
      {
        test: {
          name: 'node',
          environment: 'node',
          include: ['{server,shared,loadtest}/**/*.test.ts'],
          // Whole processes start within seconds; on a busy machine of two cores they get several times that.
          testTimeout: 20_000,
          hookTimeout: 30_000,
        },
      },
      './client/vitest.config.ts',
    ],
  },
});
