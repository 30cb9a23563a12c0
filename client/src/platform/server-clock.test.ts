import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createServerClock } from './server-clock.ts';

/** A world with a true time, a monotonic clock that may sleep, a wall clock that people set, and a line with delays. */
function world() {
  const w = { trueMs: 1_000_000_000, monoMs: 5_000, wallMs: 999_000_000, delaysMs: [20], asked: 0 };
  const pass = (ms: number): void => {
    w.trueMs += ms;
    w.monoMs += ms;
    w.wallMs += ms;
  };
  const clock = createServerClock({
    monotonicMs: () => w.monoMs,
    wallMs: () => w.wallMs,
    wait: async (ms) => pass(ms),
    askNowMs: async () => {
      const delay = w.delaysMs[w.asked++ % w.delaysMs.length] ?? 0;
      // The way there may be quicker than the way back: the worst case for an offset.
      pass(delay * 0.1);
      const answer = w.trueMs;
      pass(delay * 0.9);
      return answer;
    },
  });
  return { w, clock, pass };
}

describe("the server's time in the browser", () => {
  it('is not measured before the first answer, and within half the quickest round trip after', async () => {
    const { w, clock } = world();
    w.delaysMs = [400, 30, 900, 250, 120];
    expect(clock.measured()).toBe(false);
    await clock.sync();
    expect(clock.measured()).toBe(true);
    expect(Math.abs(clock.nowMs() - w.trueMs)).toBeLessThanOrEqual(15);
  });

  it('does not care that someone sets the wall clock', async () => {
    const { w, clock, pass } = world();
    await clock.sync();
    const before = clock.nowMs();
    w.wallMs += 7 * 3_600_000;
    pass(1_000);
    expect(clock.nowMs() - before).toBeCloseTo(1_000, 6);
    w.wallMs -= 48 * 3_600_000;
    pass(1_000);
    expect(clock.nowMs() - before).toBeCloseTo(2_000, 6);
  });

  it('never goes back when a better measurement says it ran ahead, and catches up at half speed', async () => {
    const { w, clock, pass } = world();
    w.delaysMs = [4_000];
    await clock.sync();
    const ahead = clock.nowMs() - w.trueMs;
    expect(Math.abs(ahead)).toBeGreaterThan(1_000);
    // An offset measured on that lopsided line lags; force the other sign by moving the truth back.
    w.trueMs -= 6_000;
    w.delaysMs = [2];
    const before = clock.nowMs();
    await clock.sync();
    let last = clock.nowMs();
    expect(last).toBeGreaterThanOrEqual(before);
    for (let step = 0; step < 400; step++) {
      pass(50);
      const now = clock.nowMs();
      expect(now).toBeGreaterThanOrEqual(last);
      expect(now - last).toBeLessThanOrEqual(50.001);
      last = now;
    }
    expect(Math.abs(clock.nowMs() - w.trueMs)).toBeLessThanOrEqual(5);
  });

  it('believes a new measurement that contradicts the old one, because the device slept', async () => {
    const { w, clock } = world();
    await clock.sync();
    w.trueMs += 600_000;
    w.delaysMs = [300];
    await clock.sync();
    expect(Math.abs(clock.nowMs() - w.trueMs)).toBeLessThanOrEqual(150);
  });

  it('keeps a quick measurement against a slower one that agrees with it', async () => {
    const { w, clock } = world();
    w.delaysMs = [10];
    await clock.sync();
    const error = Math.abs(clock.nowMs() - w.trueMs);
    w.delaysMs = [800];
    await clock.sync();
    expect(Math.abs(clock.nowMs() - w.trueMs)).toBeLessThanOrEqual(error + 0.001);
  });

  it('stays unmeasured while no answer comes', async () => {
    const clock = createServerClock({ askNowMs: async () => null, wait: async () => undefined });
    await clock.sync();
    expect(clock.measured()).toBe(false);
  });

  describe('calls back', () => {
    beforeEach(() => vi.useFakeTimers());
    afterEach(() => vi.useRealTimers());

    it('once at each boundary of server time, one timer for all who follow one step', () => {
      const clock = createServerClock({ askNowMs: async () => null });
      const phases: number[] = [];
      const first = vi.fn(() => void phases.push(clock.nowMs() % 1_000));
      const second = vi.fn();
      const stop = clock.subscribe(1_000, first);
      clock.subscribe(1_000, second);
      expect(vi.getTimerCount()).toBe(1);
      vi.advanceTimersByTime(3_010);
      expect(first).toHaveBeenCalledTimes(3);
      for (const phase of phases) expect(phase).toBeLessThan(20);
      stop();
      vi.advanceTimersByTime(1_000);
      expect(first).toHaveBeenCalledTimes(3);
      expect(second).toHaveBeenCalledTimes(4);
    });
  });
});
