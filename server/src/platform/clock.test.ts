import { expect, test } from 'vitest';
import { createClock, disciplineClock } from './clock.ts';

test('festival time follows the reference and not the machine', () => {
  const clock = createClock();
  const atMs = clock.monotonicMs();
  clock.measured({ referenceMs: 5_000_000_000_000, sentAtMs: atMs - 2, receivedAtMs: atMs });
  expect(clock.nowMs()).toBeGreaterThanOrEqual(5_000_000_000_000);
  expect(clock.errorMs()).toBeGreaterThanOrEqual(1);
  expect(clock.errorMs()).toBeLessThan(2);
});

test('festival time never goes back, and stands still until the reference has caught up', () => {
  const clock = createClock();
  const beforeMs = clock.nowMs();
  const atMs = clock.monotonicMs();
  clock.measured({ referenceMs: beforeMs - 10_000, sentAtMs: atMs, receivedAtMs: atMs });
  expect(clock.nowMs()).toBe(beforeMs);
  expect(clock.nowMs()).toBe(beforeMs);
});

test('a quick measurement is not replaced by a slow one', () => {
  const clock = createClock();
  const atMs = clock.monotonicMs();
  clock.measured({ referenceMs: 5_000_000_000_000, sentAtMs: atMs, receivedAtMs: atMs + 1 });
  clock.measured({ referenceMs: 6_000_000_000_000, sentAtMs: atMs, receivedAtMs: atMs + 400 });
  expect(clock.nowMs()).toBeLessThan(5_000_000_010_000);
});

test('before the first measurement the error is not known', async () => {
  const clock = createClock();
  expect(clock.errorMs()).toBe(Number.POSITIVE_INFINITY);
  await disciplineClock(clock, async () => [1_790_000_000, 500_000]);
  expect(clock.errorMs()).toBeLessThan(1_000);
});
