import { readdirSync, readFileSync } from 'node:fs';

const lookMs = 500;

export interface CpuUse {
  /** Cores used, on average. */
  cores: number;
  /** Cores wanted and not had, on average: time in which a thread was ready to run and another process had its core. */
  waited: number;
}

interface Watched {
  pid: number;
  fromMs: number;
  toMs: number;
  /** Nanoseconds run and waited by thread, since the watch began; a thread that ended keeps what it had. */
  threads: Map<string, { ranFrom: number; ran: number; waitedFrom: number; waited: number }>;
}

/**
 * Watches how many cores processes use and how many they wait for, by Linux's own count (schedstat); elsewhere it knows
 * nothing and says nothing. A load whose generator or server is out of breath says nothing about speed, so both belong
 * beside the figures.
 */
export function watchCpu(pids: Readonly<Record<string, number>>): {
  add(name: string, pid: number): void;
  /** The averages since each was added. */
  stop(): Record<string, CpuUse>;
} {
  const watched = new Map<string, Watched>();
  const look = () => {
    for (const one of watched.values()) {
      const threads = threadsOf(one.pid);
      if (threads === null) continue;
      one.toMs = performance.now();
      for (const [thread, { ran, waited }] of threads) {
        const before = one.threads.get(thread);
        if (before === undefined) one.threads.set(thread, { ranFrom: 0, ran, waitedFrom: 0, waited });
        else Object.assign(before, { ran, waited });
      }
    }
  };
  const add = (name: string, pid: number) => {
    const threads = threadsOf(pid);
    if (threads === null) return;
    const nowMs = performance.now();
    watched.set(name, {
      pid,
      fromMs: nowMs,
      toMs: nowMs,
      threads: new Map([...threads].map(([id, t]) => [id, { ranFrom: t.ran, waitedFrom: t.waited, ...t }])),
    });
  };
  for (const [name, pid] of Object.entries(pids)) add(name, pid);
  const timer = setInterval(look, lookMs);
  return {
    add,
    stop() {
      clearInterval(timer);
      look();
      const uses: Record<string, CpuUse> = {};
      for (const [name, { fromMs, toMs, threads }] of watched) {
        const spanNs = (toMs - fromMs) * 1_000_000;
        if (spanNs <= 0) continue;
        let [ran, waited] = [0, 0];
        for (const thread of threads.values()) {
          ran += thread.ran - thread.ranFrom;
          waited += thread.waited - thread.waitedFrom;
        }
        uses[name] = { cores: ran / spanNs, waited: waited / spanNs };
      }
      return uses;
    },
  };
}

/** Nanoseconds run and waited for a core by each thread of a process, or null where this cannot be read. */
function threadsOf(pid: number): Map<string, { ran: number; waited: number }> | null {
  try {
    const found = new Map<string, { ran: number; waited: number }>();
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      const [ran = 0, waited = 0] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8')
        .split(' ')
        .map(Number);
      found.set(thread, { ran, waited });
    }
    return found;
  } catch {
    return null;
  }
}
