import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Logger } from '../platform/logger.ts';
import type { CrowdOrders } from './crowd.ts';

/** A crowd that crashed comes back after a while, but not for ever: the festival goes on without it. */
const restartMs = 5_000;
const restartsMax = 5;
/** How long the crowd may take to leave before it is ended. */
const leaveMs = 2_000;
/** The end of what a crashed crowd said is kept for the log. */
const lastWordsMax = 2_000;

/**
 * Starts the demo's crowd in a process of its own: one simulated shopper for each token, over the public wire at `url`.
 * The tokens travel over the process's own channel, never on a command line.
 */
export function startCrowd({ url, tokens, logger }: { url: string; tokens: string[]; logger: Logger }): {
  stop(): Promise<void>;
} {
  let child: ChildProcess | null = null;
  let ended: Promise<void> = Promise.resolve();
  let stopped = false;
  let restarts = 0;
  let timer: NodeJS.Timeout | undefined;

  function start(): void {
    // An environment and options of its own: the server's secrets are none of its business, nor is its debugger's port.
    const running = fork(fileURLToPath(new URL('./crowd.ts', import.meta.url)), {
      env: {},
      execArgv: [],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    child = running;
    let lastWords = '';
    running.stderr?.setEncoding('utf8').on('data', (text: string) => {
      lastWords = (lastWords + text).slice(-lastWordsMax);
    });
    ended = new Promise((resolve) => {
      // A process that could not be started has an error and no exit.
      running.once('error', (error) => {
        lastWords ||= error.message;
        if (running.pid === undefined) resolve();
      });
      // Not its close: that never comes for a child whose channel was let go of from here.
      running.once('exit', () => resolve());
    });
    void comeBack(() => lastWords);
    // A send that meets a child which just died is told by the exit.
    running.send({ url, tokens } satisfies CrowdOrders, () => {});
    logger.info({ crowd: tokens.length }, 'the demo crowd comes in');
  }

  async function comeBack(lastWords: () => string): Promise<void> {
    await ended;
    child = null;
    if (stopped) return;
    if (restarts++ >= restartsMax) {
      logger.warn({ lastWords: lastWords() }, 'the demo crowd keeps failing and stays away');
      return;
    }
    logger.warn({ lastWords: lastWords() }, 'the demo crowd ended and is started again');
    timer = setTimeout(start, restartMs).unref();
  }
  start();

  return {
    async stop() {
      stopped = true;
      clearTimeout(timer);
      const leaving = child;
      if (leaving === null) return;
      if (leaving.connected) leaving.disconnect();
      const impatience = setTimeout(() => leaving.kill('SIGKILL'), leaveMs);
      await ended;
      clearTimeout(impatience);
    },
  };
}
