import type { Logger } from './logger.ts';

/** Work that comes round: sweeps, samples, looks. Each is idempotent, so that any node may do it at any time. */
export interface Chores {
  /** Runs `work` every `everyMs`, never twice at once. A failure is said once and the next round tries again. */
  every(name: string, everyMs: number, work: () => Promise<void> | void): void;
  /** Stops them all and waits for those under way. */
  stop(): Promise<void>;
}

export function createChores(logger: Logger): Chores {
  const timers: NodeJS.Timeout[] = [];
  const underWay = new Set<Promise<void>>();
  return {
    every(name, everyMs, work) {
      let running = false;
      let failing = false;
      async function round(): Promise<void> {
        running = true;
        try {
          await work();
          if (failing) logger.info({ chore: name }, 'chore works again');
          failing = false;
        } catch (error) {
          if (!failing)
            logger.warn({ chore: name, error: error instanceof Error ? error.message : String(error) }, 'chore failed');
          failing = true;
        } finally {
          running = false;
        }
      }
      timers.push(
        setInterval(() => {
          if (running) return;
          const going = round();
          underWay.add(going);
          void going.finally(() => underWay.delete(going));
        }, everyMs),
      );
    },
    async stop() {
      for (const timer of timers) clearInterval(timer);
      await Promise.all(underWay);
    },
  };
}
