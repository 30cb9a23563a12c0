import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { Fault } from '../fault.ts';
import { createGroupCommit } from './group-commit.ts';
import { defineScript } from './scripts.ts';
import { connectTestRedis } from './test-connection.ts';

const dir = mkdtempSync(join(tmpdir(), 'elevens-commit-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
writeFileSync(
  join(dir, 'append.lua'),
  "for _, item in ipairs(ARGV) do redis.call('RPUSH', KEYS[1], item) end\nreturn 1",
);
const append = defineScript(pathToFileURL(join(dir, 'append.lua')));

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

test('the first two claims travel alone, and those that come meanwhile travel together, in order', async () => {
  const { commit, batches, finish } = rig();
  const answers = [1, 2, 3, 4, 5].map((i) => commit.decide(i));
  expect(batches).toEqual([[1], [2]]);
  await finish();
  expect(batches).toEqual([[1], [2], [3, 4, 5]]);
  answers.push(commit.decide(6));
  expect(batches).toHaveLength(3);
  await finish();
  expect(batches).toEqual([[1], [2], [3, 4, 5], [6]]);
  await finish();
  await finish();
  expect(await Promise.all(answers)).toEqual([10, 20, 30, 40, 50, 60]);
});

test('what comes back to be decided again stands before those that came after it', async () => {
  const { commit, batches, finish } = rig();
  const first = commit.arrive();
  void commit.decide(1, first);
  for (const later of [2, 3, 4]) void commit.decide(later);
  await finish();
  void commit.decide(5);
  void commit.decide(1, first);
  await finish();
  await finish();
  expect(batches).toEqual([[1], [2], [3, 4], [1, 5]]);
});

test('those who come back are decided in the order of their arrival, whoever was told first and whoever is still under way', async () => {
  const { commit, batches, finish } = rig();
  const [first, second, third] = [commit.arrive(), commit.arrive(), commit.arrive()];
  void commit.decide(2, second);
  // What it is answered makes the third come back as well.
  void commit.decide(3, third).then(() => commit.decideAgain(3, third));
  // The first of all comes back from elsewhere while the other two are under way, and behind it somebody comes for the first time.
  void commit.decideAgain(1, first);
  void commit.decide(4);
  await finish();
  expect(batches).toEqual([[2], [3]]);
  await finish();
  expect(batches).toEqual([[2], [3], [1, 3, 4]]);
  await finish();
});

test('Redis decides claims in the order in which they came, also while two calls are under way', async () => {
  const { redis, keys, close } = await connectTestRedis();
  try {
    const list = `${keys.partition(0).tag}:arrivals`;
    const { commit } = rig(async (items) => {
      // Without the script loaded the first calls are sent twice, which must not put the later ones before them.
      await append.run(redis, [list], items);
      return items;
    });
    const all = Array.from({ length: 2_000 }, (_, i) => i);
    const answers: Promise<number>[] = [];
    for (const i of all) {
      answers.push(commit.decide(i));
      // Arrivals and answers interleave, as they do on a busy node.
      if (i % 7 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await Promise.all(answers)).toEqual(all);
    expect((await redis.lrange(list, 0, -1)).map(Number)).toEqual(all);
  } finally {
    await close();
  }
});

test('a call carries at most 128 claims', async () => {
  const { commit, batches, finish } = rig();
  const answers = Array.from({ length: 300 }, (_, i) => commit.decide(i));
  for (let i = 0; i < 5; i++) await finish();
  expect(batches.map((b) => b.length)).toEqual([1, 1, 128, 128, 42]);
  expect((await Promise.all(answers)).at(-1)).toBe(2_990);
});

test('a claim that waited too long is answered with a fault and never run', async () => {
  const { commit, batches, finish, later } = rig();
  const sent = [commit.decide(1), commit.decide(2)];
  const late = commit.decide(3);
  const refused = expect(late).rejects.toMatchObject({ code: 'overloaded' });
  later(2_001);
  await finish();
  await refused;
  await finish();
  expect(await Promise.all(sent)).toEqual([10, 20]);
  expect(batches).toEqual([[1], [2]]);
});

test('a full queue refuses at once', async () => {
  const { commit } = rig();
  const waiting = Array.from({ length: 10_002 }, (_, i) => commit.decide(i));
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
