import { readFileSync } from 'node:fs';

/** Linux counts processor time in hundredths of a second. */
const ticksPerSecond = 100;
const lookMs = 500;

/**
 * Watches how many cores processes use, by Linux's own count; elsewhere it knows nothing and says nothing. A load whose
 * generator is out of breath says nothing about the server, so both belong beside the figures.
 */
export function watchCpu(pids: Readonly<Record<string, number>>): {
  add(name: string, pid: number): void;
  /** The average since each was added, in cores. */
  stop(): Record<string, number>;
} {
  const watched = new Map<string, { pid: number; fromMs: number; fromTicks: number; toMs: number; toTicks: number }>();
  const add = (name: string, pid: number) => {
    const ticks = ticksOf(pid);
    const nowMs = performance.now();
    if (ticks !== null) watched.set(name, { pid, fromMs: nowMs, fromTicks: ticks, toMs: nowMs, toTicks: ticks });
  };
  const look = () => {
    for (const one of watched.values()) {
      const ticks = ticksOf(one.pid);
      if (ticks === null) continue;
      one.toTicks = ticks;
      one.toMs = performance.now();
    }
  };
  for (const [name, pid] of Object.entries(pids)) add(name, pid);
  const timer = setInterval(look, lookMs);
  return {
    add,
    stop() {
      clearInterval(timer);
      look();
      const cores: Record<string, number> = {};
      for (const [name, one] of watched) {
        const seconds = (one.toMs - one.fromMs) / 1_000;
        if (seconds > 0) cores[name] = (one.toTicks - one.fromTicks) / ticksPerSecond / seconds;
      }
      return cores;
    },
  };
}

/** User and system time of a process, or null where this cannot be read. */
function ticksOf(pid: number): number | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name stands in parentheses and may hold anything; the fields after it are counted from the third.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return Number(fields[11]) + Number(fields[12]);
  } catch {
    return null;
  }
}
