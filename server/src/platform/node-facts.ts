import type { Clock } from './clock.ts';
import type { Metrics } from './metrics.ts';
import type { Tick } from './realtime/tick.ts';

/** What a node knows of itself, for whoever watches over all of them. */
export interface NodeFacts {
  /** Connections that are looked after. */
  sockets: number;
  /** People here by surface, and the demo's own crowd apart. */
  bySurface: Record<string, number>;
  crowd: number;
  /** How late the event loop ran at its worst hundredth since this was last asked, in milliseconds. */
  loopLagMs: number;
  /** Of one core since this was last asked; above 1 is possible, because disk and compression have threads of their own. */
  cpuShare: number;
  /** Bytes that wait in this process for viewers, as last swept. */
  queueBytes: number;
  draining: boolean;
}

/** Measures this process, each time from where it was last asked: ask at an even pace, from one place. */
export function createNodeFacts({
  clock,
  tick,
  metrics,
  census,
  draining,
}: {
  clock: Clock;
  tick: Pick<Tick, 'viewers'>;
  metrics: Pick<Metrics, 'loopLagMs' | 'registry'>;
  census: () => { bySurface: Record<string, number>; crowd: number };
  draining: () => boolean;
}): () => Promise<NodeFacts> {
  let spentBefore = process.cpuUsage();
  let askedAtMs = clock.monotonicMs();
  return async () => {
    const nowMs = clock.monotonicMs();
    const spent = process.cpuUsage();
    const spentMs = (spent.user + spent.system - spentBefore.user - spentBefore.system) / 1_000;
    const cpuShare = spentMs / Math.max(1, nowMs - askedAtMs);
    spentBefore = spent;
    askedAtMs = nowMs;
    const queue = await metrics.registry.getSingleMetric('elevens_queue_bytes')?.get();
    const { bySurface, crowd } = census();
    return {
      sockets: tick.viewers(),
      bySurface,
      crowd,
      loopLagMs: Math.round(metrics.loopLagMs() * 10) / 10,
      cpuShare: Math.round(cpuShare * 1_000) / 1_000,
      queueBytes: queue?.values[0]?.value ?? 0,
      draining: draining(),
    };
  };
}
