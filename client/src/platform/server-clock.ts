/**
 * The server's time in the browser, and the only file here that reads a clock. The offset is measured by a handful of round
 * trips, of which the quickest is kept; between measurements the monotonic clock runs, so a changed wall clock changes
 * nothing. Time as shown never goes back: where a better measurement says that the clock ran ahead, it runs at half speed
 * until the truth has caught up.
 */

/** Round trips a measurement takes: five of them meet at least one quick one on an ordinary mobile line. */
const roundTrips = 5;
/** Pause between the round trips of one measurement, so that they do not all queue behind the same burst. */
const pauseMs = 120;
/** How fast two quartz clocks part, at worst: 100 parts in a million. An old measurement loses its worth at this rate. */
const driftShare = 0.0001;
/** An error above this is not slewed: it would take a minute, and a clock that is wrong that long is worse than one step. */
const slewMaxMs = 30_000;
/** Measured again after this long even if nothing happened: by then drift is about as large as a slow round trip. */
const resyncAfterMs = 300_000;

export interface ServerClock {
  /** The server's time in milliseconds. Never goes back once the clock has been measured. */
  nowMs(): number;
  /** Whether the offset has been measured yet; before that, nowMs is the device's own guess. */
  measured(): boolean;
  /** Measures anew. Calls that overlap share one measurement. */
  sync(): Promise<void>;
  /** Calls back at each boundary of stepMs in server time, and when the clock is first measured. */
  subscribe(stepMs: number, onStep: () => void): () => void;
  /** Milliseconds of a clock that only runs on; for durations, not for dates. */
  monotonicMs(): number;
}

export interface ServerClockNeeds {
  /** One round trip of clock:now; null when no answer came. */
  askNowMs: () => Promise<number | null>;
  monotonicMs?: () => number;
  wallMs?: () => number;
  wait?: (ms: number) => Promise<void>;
}

interface Measured {
  offsetMs: number;
  errorMs: number;
  atMs: number;
}

export function createServerClock(needs: ServerClockNeeds): ServerClock {
  const monotonicMs = needs.monotonicMs ?? (() => performance.now());
  const wallMs = needs.wallMs ?? (() => Date.now());
  const wait = needs.wait ?? ((ms: number) => new Promise<void>((resolve) => void setTimeout(resolve, ms)));

  // Until the first measurement the wall clock is read once: later changes of it are not followed either.
  const guessOffsetMs = wallMs() - monotonicMs();
  let best: Measured | null = null;
  let shown: { valueMs: number; atMs: number } | null = null;
  let running: Promise<void> | null = null;

  const tickers = new Map<number, { listeners: Set<() => void>; timer: ReturnType<typeof setTimeout> | null }>();

  function nowMs(): number {
    const atMs = monotonicMs();
    if (best === null) return atMs + guessOffsetMs;
    const truthMs = atMs + best.offsetMs;
    let valueMs = truthMs;
    if (shown !== null && shown.valueMs > truthMs && shown.valueMs - truthMs <= slewMaxMs) {
      valueMs = Math.max(truthMs, shown.valueMs + (atMs - shown.atMs) / 2);
    }
    shown = { valueMs, atMs };
    return valueMs;
  }

  function adopt(sample: Measured): void {
    if (best === null) {
      best = sample;
      return;
    }
    const agedErrorMs = best.errorMs + (sample.atMs - best.atMs) * driftShare;
    // Outside both error bounds one of the two is wrong: the device slept, or the server's clock was set. The new one counts.
    const contradicts = Math.abs(sample.offsetMs - best.offsetMs) > agedErrorMs + sample.errorMs;
    if (contradicts || sample.errorMs <= agedErrorMs) best = sample;
  }

  async function measure(): Promise<void> {
    let quickest: Measured | null = null;
    for (let n = 0; n < roundTrips; n++) {
      if (n > 0) await wait(pauseMs);
      const sentMs = monotonicMs();
      const answeredMs = await needs.askNowMs();
      const atMs = monotonicMs();
      if (answeredMs === null) continue;
      const errorMs = (atMs - sentMs) / 2;
      if (quickest === null || errorMs < quickest.errorMs) {
        quickest = { offsetMs: answeredMs - (sentMs + atMs) / 2, errorMs, atMs };
        // The first answer is good enough to show a countdown by; the others refine it.
        if (best === null) {
          best = quickest;
          for (const ticker of tickers.values()) for (const listener of ticker.listeners) listener();
        }
      }
    }
    if (quickest !== null) adopt(quickest);
  }

  function sync(): Promise<void> {
    running ??= measure().finally(() => {
      running = null;
    });
    return running;
  }

  function schedule(stepMs: number): void {
    const ticker = tickers.get(stepMs);
    if (ticker === undefined) return;
    // A few milliseconds past the boundary, so that a timer that fires early does not show the old step once more.
    const inMs = stepMs - (nowMs() % stepMs) + 4;
    ticker.timer = setTimeout(() => {
      for (const listener of ticker.listeners) listener();
      schedule(stepMs);
    }, inMs);
  }

  return {
    nowMs,
    monotonicMs,
    measured: () => best !== null,
    sync,
    subscribe(stepMs, onStep) {
      let ticker = tickers.get(stepMs);
      if (ticker === undefined) {
        ticker = { listeners: new Set(), timer: null };
        tickers.set(stepMs, ticker);
        schedule(stepMs);
      }
      ticker.listeners.add(onStep);
      return () => {
        ticker.listeners.delete(onStep);
        if (ticker.listeners.size > 0) return;
        if (ticker.timer !== null) clearTimeout(ticker.timer);
        tickers.delete(stepMs);
      };
    },
  };
}

/**
 * Measures again whenever the old measurement may no longer hold: the page comes back to the front (the device may have
 * slept), the network returns, or five minutes have passed. Answers with a function that stops it.
 */
export function keepMeasured(clock: ServerClock): () => void {
  const again = (): void => {
    if (document.visibilityState === 'visible') void clock.sync();
  };
  window.addEventListener('focus', again);
  window.addEventListener('online', again);
  document.addEventListener('visibilitychange', again);
  const timer = setInterval(again, resyncAfterMs);
  return () => {
    window.removeEventListener('focus', again);
    window.removeEventListener('online', again);
    document.removeEventListener('visibilitychange', again);
    clearInterval(timer);
  };
}
