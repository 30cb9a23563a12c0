/**
 * The one place that reads the time. Wall time is disciplined: it starts from the machine's clock, is corrected towards
 * Redis `TIME` (so that all nodes agree) and advances by the monotonic clock, so a changed wall clock never moves it.
 */
export interface Clock {
  /** Milliseconds since 1970 UTC, as this festival counts them. Never goes back. */
  nowMs(): number;
  /** Milliseconds from an arbitrary start; for measuring how long something took. */
  monotonicMs(): number;
  /** How far `nowMs` may be from the time of Redis: half the round trip of the best measurement plus drift since. */
  errorMs(): number;
}

export interface DisciplinedClock extends Clock {
  /**
   * Takes one measurement of the reference: the reference's time between two monotonic readings. The best of the
   * recent ones (the shortest round trip) wins; a correction that would go back is held until time has caught up.
   */
  measured(sample: { referenceMs: number; sentAtMs: number; receivedAtMs: number }): void;
}

/** Crystal drift allowed for between measurements: 100 parts per million, a poor quartz. */
const DRIFT_SHARE = 100e-6;

export function createClock(): DisciplinedClock {
  const monotonicMs = () => performance.now();
  let offsetMs = Date.now() - monotonicMs();
  let best: { halfTripMs: number; atMs: number } | null = null;
  let lastMs = 0;
  const errorOf = (m: { halfTripMs: number; atMs: number }) => m.halfTripMs + (monotonicMs() - m.atMs) * DRIFT_SHARE;
  return {
    monotonicMs,
    nowMs() {
      lastMs = Math.max(lastMs, Math.floor(offsetMs + monotonicMs()));
      return lastMs;
    },
    errorMs: () => (best === null ? Number.POSITIVE_INFINITY : errorOf(best)),
    measured({ referenceMs, sentAtMs, receivedAtMs }) {
      const candidate = { halfTripMs: (receivedAtMs - sentAtMs) / 2, atMs: receivedAtMs };
      if (best !== null && errorOf(best) < candidate.halfTripMs) return;
      best = candidate;
      offsetMs = referenceMs - (sentAtMs + candidate.halfTripMs);
    },
  };
}

/** Asks Redis for its time and disciplines the clock with it: five quick round trips, the quickest counts. */
export async function disciplineClock(
  clock: DisciplinedClock,
  time: () => Promise<[number | string, number | string]>,
): Promise<void> {
  for (let i = 0; i < 5; i++) {
    const sentAtMs = clock.monotonicMs();
    const [seconds, micros] = await time();
    clock.measured({
      referenceMs: Number(seconds) * 1000 + Number(micros) / 1000,
      sentAtMs,
      receivedAtMs: clock.monotonicMs(),
    });
  }
}
