import { expect, test } from 'vitest';
import { Fault } from '../fault.ts';
import { createGroupCommit } from './group-commit.ts';

function rig(run?: (items: number[]) => Promise<(number | Error)[]>) {
  const batches: number[][] = [];
  const open: ((value: void) => void)[] = [];
  let nowMs = 0;
  const commit = createGroupCommit<number, number>({
    clock: { nowMs: () => nowMs, monotonicMs: () => nowMs, errorMs: () => 0 },
    bytesOf: () => 100,
    onBatch: () => {},
    run:
      run ??
      (async (items) => {
        batches.push(items);
        await new Promise<void>((resolve) => open.push(resolve));
        return items.map((i) => i * 10);
      }),
  });
  return {
    commit,
    batches,
    later: (ms: number) => {
      nowMs += ms;
    },
    async finish() {
      open.shift()?.();
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

test('the first claim travels alone, and those that come meanwhile travel together, in order', async () => {
  const { commit, batches, finish } = rig();
  const answers = [1, 2, 3, 4].map((i) => commit.decide(i));
  expect(batches).toEqual([[1]]);
  await finish();
  expect(batches).toEqual([[1], [2, 3, 4]]);
  await finish();
  expect(await Promise.all(answers)).toEqual([10, 20, 30, 40]);
});

test('a call carries at most 128 claims', async () => {
  const { commit, batches, finish } = rig();
  const answers = Array.from({ length: 300 }, (_, i) => commit.decide(i));
  for (let i = 0; i < 4; i++) await finish();
  expect(batches.map((b) => b.length)).toEqual([1, 128, 128, 43]);
  expect((await Promise.all(answers)).at(-1)).toBe(2_990);
});

test('a claim that waited too long is answered with a fault and never run', async () => {
  const { commit, batches, finish, later } = rig();
  const first = commit.decide(1);
  const second = commit.decide(2);
  const refused = expect(second).rejects.toMatchObject({ code: 'overloaded' });
  later(2_001);
  await finish();
  await refused;
  expect(await first).toBe(10);
  expect(batches).toEqual([[1]]);
});

test('a full queue refuses at once', async () => {
  const { commit } = rig();
  const waiting = Array.from({ length: 10_001 }, (_, i) => commit.decide(i));
  for (const w of waiting) w.catch(() => {});
  await expect(commit.decide(99_999)).rejects.toBeInstanceOf(Fault);
});

test('a failed call fails its own claims and not the next ones', async () => {
  let call = 0;
  const { commit } = rig(async (items) => {
    if (call++ === 0) throw new Fault('unknown');
    return items;
  });
  const first = commit.decide(1);
  const second = commit.decide(2);
  await expect(first).rejects.toMatchObject({ code: 'unknown' });
  expect(await second).toBe(2);
});
