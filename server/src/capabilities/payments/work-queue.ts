/**
 * Runs jobs a few at a time and keeps a bounded number waiting. What does not fit is not taken: the caller leaves it where
 * it is durable, and a sweep finds it there.
 */
export interface WorkQueue {
  /** False when it is full: the job will not be run. A job never throws. */
  add(job: () => Promise<void>): boolean;
  /** Resolves when nothing waits or runs any more. */
  idle(): Promise<void>;
}

export function createWorkQueue({ atOnceMax, waitingMax }: { atOnceMax: number; waitingMax: number }): WorkQueue {
  const waiting: (() => Promise<void>)[] = [];
  let running = 0;
  let onIdle: (() => void)[] = [];

  async function run(first: () => Promise<void>): Promise<void> {
    running++;
    for (let job: (() => Promise<void>) | undefined = first; job !== undefined; job = waiting.shift()) await job();
    running--;
    if (running > 0) return;
    const told = onIdle;
    onIdle = [];
    for (const tell of told) tell();
  }

  return {
    add(job) {
      if (running < atOnceMax) void run(job);
      else if (waiting.length < waitingMax) waiting.push(job);
      else return false;
      return true;
    },
    idle: () => (running === 0 ? Promise.resolve() : new Promise((resolve) => onIdle.push(resolve))),
  };
}
