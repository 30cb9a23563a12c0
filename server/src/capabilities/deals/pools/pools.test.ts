import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createClock, disciplineClock } from '../../../platform/clock.ts';
import { createRandom, createSeededRandom } from '../../../platform/random.ts';
import { createKeyspace, type Keyspace } from '../../../platform/redis/keyspace.ts';
import { connectTestRedis } from '../../../platform/redis/test-connection.ts';
import { createPools, type Pools } from './pools.ts';
import { defineSliceScripts, type SliceScripts } from './slice-scripts.test-stage.ts';

const clock = createClock();
const random = createRandom();
const poolId = 'deal:kettle';
const about = { dealId: 'kettle' };
let rig: Awaited<ReturnType<typeof connectTestRedis>>;
let alone: SliceScripts;
let keys: Keyspace;
let pools: Pools;
let poked: string[];

beforeAll(async () => {
  rig = await connectTestRedis();
  alone = defineSliceScripts();
  await disciplineClock(clock, () => rig.redis.time() as Promise<[number, number]>);
});
afterAll(async () => {
  await rig.close();
  alone.close();
});
beforeEach(() => {
  begin(4);
});

const node = () => createPools({ redis: rig.redis, keys, clock, announced: (outbox) => void poked.push(outbox) });
function begin(partitions: number): void {
  keys = createKeyspace({ festival: `t${random.token(6)}`, partitions });
  poked = [];
  pools = node();
}
const slice = (p: number) => [keys.partition(p).slice(poolId), keys.partition(p).ledger];
const home = () => keys.partition(keys.homeOf(poolId));

async function stage(total: number, more: { spread?: boolean; untilMs?: number; by?: Pools } = {}) {
  const staged = await (more.by ?? pools).stage({
    poolId,
    total,
    spread: more.spread ?? true,
    untilMs: more.untilMs ?? 0,
  });
  for (const [p, granted] of staged.granted.entries()) {
    await alone.open.run(rig.redis, slice(p).slice(0, 1), []);
    await alone.claim.run(rig.redis, slice(p), [poolId, clock.nowMs(), granted, 0]);
  }
  return staged;
}
/** What a claim does: tries its slice, asks home, and tries again with what home granted. */
async function claim(p: number, quantity = 1, by = pools): Promise<'held' | 'sold-out' | `left ${number}` | 'busy'> {
  let granted = 0;
  for (let tries = 0; tries < 8; tries++) {
    if ((await alone.claim.run(rig.redis, slice(p), [poolId, clock.nowMs(), granted, quantity])) === 1) return 'held';
    const answer = await by.ask({ poolId, partition: p, want: quantity });
    if (answer.kind === 'sold-out') return 'sold-out';
    if (answer.kind === 'left') return `left ${answer.units}`;
    granted = answer.G;
  }
  return 'busy';
}
/** A unit comes back; whether it is on its way home. */
const giveBack = async (p: number, quantity = 1) =>
  (await alone.giveBack.run(rig.redis, slice(p).slice(0, 1), [quantity])) === 1;

async function counts() {
  const state = (await pools.states([poolId]))[0];
  if (state === null || state === undefined) throw new Error('no pool');
  const slices = await Promise.all(
    state.slices.map(async (_, p) => {
      const s = await rig.redis.hgetall(keys.partition(p).slice(poolId));
      return {
        free: Number(s['free']),
        held: Number(s['held']),
        g: Number(s['g']),
        r: Number(s['r']),
        o: Number(s['o']),
      };
    }),
  );
  const sum = (of: (s: (typeof slices)[number]) => number) => slices.reduce((all, s) => all + of(s), 0);
  return { ...state, slices, held: sum((s) => s.held), inSlices: sum((s) => s.free) };
}
/** The laws of CONSISTENCY.md 24, read in a safe order: R before r, g and o before G and O. */
async function expectLaws() {
  const before = (await pools.states([poolId]))[0];
  const { slices } = await counts();
  const after = (await pools.states([poolId]))[0];
  if (!before || !after) throw new Error('no pool');
  for (const [p, s] of slices.entries()) {
    expect(s.free + s.held).toBe(s.g - s.r + s.o);
    expect(before.slices[p]?.takenBack).toBeLessThanOrEqual(s.r);
    expect(after.slices[p]?.granted).toBeGreaterThanOrEqual(s.g);
    expect(after.slices[p]?.offered).toBeGreaterThanOrEqual(s.o);
  }
  const out = after.slices.reduce((all, s) => all + s.granted - s.takenBack + s.offered, 0);
  expect(after.free + out).toBe(after.total);
}

/** A shopper of partition p. */
function shopperOf(p: number): string {
  for (;;) {
    const shopperId = `s_${random.token(12)}`;
    if (keys.partitionOf(shopperId) === p) return shopperId;
  }
}
const answer = (command = 'deals:wait') => ({ requestId: random.token(12), command, inputHash: 'hash' });
const waiter = (shopperId: string) => ({ poolId, shopperId, simulated: false, about });
const join = async (shopperId: string, key = answer()) => JSON.parse(await pools.join(waiter(shopperId), key));
async function announced() {
  const entries = await rig.redis.xrange(home().outbox, '-', '+');
  return entries.map(([, flat]) => ({ to: flat[1], event: flat[5], payload: JSON.parse(flat[7] ?? '') }));
}

describe('a stampede over partitions', () => {
  test.for([
    { seed: 1, partitions: 1, spread: true },
    { seed: 2, partitions: 4, spread: true },
    { seed: 3, partitions: 4, spread: false },
    { seed: 4, partitions: 3, spread: true },
  ])(
    '240 claims for 80 units by three nodes: exactly 80 are held, all others hear sold-out (seed $seed, $partitions partitions)',
    async ({ seed, partitions, spread }) => {
      begin(partitions);
      await stage(80, { spread });
      const dice = createSeededRandom(`pools ${seed}`);
      const nodes = [node(), node(), node()];
      const calls = Array.from({ length: 240 }, () => ({
        p: dice.int(partitions),
        by: nodes[dice.int(3)] as Pools,
        returns: dice.int(4) === 0,
      }));
      const journal = await Promise.all(
        calls.map(async ({ p, by, returns }) => {
          const told = await until(() => claim(p, 1, by));
          if (told !== 'held' || !returns) return told;
          // Comes back at once, and whoever is told that it is on its way home carries it; half of them die before.
          if ((await giveBack(p)) && dice.int(2) === 0) await by.carryHome(poolId, p);
          return 'returned';
        }),
      );
      for (let round = 0; round < partitions + 1; round++) await pools.sweep();
      const held = journal.filter((told) => told === 'held').length;
      expect(held, `seed ${seed}`).toBe((await counts()).held);
      expect(held, `seed ${seed}`).toBeLessThanOrEqual(80);
      await expectLaws();
      // What is left goes to who asks, and the next one hears the truth.
      for (let more = held; more < 80; more++)
        expect(await until(() => claim(dice.int(partitions), 1, node()))).toBe('held');
      for (let p = 0; p < partitions; p++) expect(await claim(p, 1, node())).toBe('sold-out');
      expect(await counts()).toMatchObject({ held: 80, free: 0, inSlices: 0, soldOut: true, total: 80 });
      await expectLaws();
    },
  );

  /** A claim is told `unavailable` when others were quicker in every round; it comes again, like a client. */
  async function until(work: () => ReturnType<typeof claim>) {
    for (;;) {
      try {
        const told = await work();
        if (told !== 'busy') return told;
      } catch (error) {
        expect(error).toMatchObject({ code: 'unavailable' });
      }
    }
  }
});

describe('asking home', () => {
  test('finds a unit that lies in another slice', async () => {
    await stage(1);
    expect(await claim(2)).toBe('held');
    expect(await giveBack(2)).toBe(false);
    expect(await counts()).toMatchObject({ free: 0, inSlices: 1 });
    expect(await claim(0)).toBe('held');
    expect(await claim(1)).toBe('sold-out');
    await expectLaws();
  });

  test('says how many are left to someone who wants more, and gives those to someone who wants them', async () => {
    await stage(40);
    for (let p = 0; p < 4; p++) expect(await claim(p, 9)).toBe('held');
    expect(await claim(3, 5)).toBe('left 4');
    expect(await claim(2, 5, node())).toBe('left 4');
    expect(await counts()).toMatchObject({ soldOut: false });
    expect(await claim(1, 4)).toBe('held');
    expect(await claim(1, 1)).toBe('sold-out');
    await expectLaws();
  });

  test('asks once for all who wait in a partition', async () => {
    await stage(1_000, { spread: false });
    const answers = await Promise.all(Array.from({ length: 300 }, () => pools.ask({ poolId, partition: 1, want: 1 })));
    const lines = await rig.redis.xrange(home().ledger, '-', '+');
    const grants = lines.filter(([, flat]) => flat[1] === 'pool-granted').map(([, flat]) => Number(flat[9]));
    expect(grants).toEqual([300]);
    expect(new Set(answers.map((each) => JSON.stringify(each)))).toEqual(new Set(['{"kind":"grant","G":300}']));
  });

  test('repeats a grant that did not arrive, and grants nothing beside it', async () => {
    await stage(100, { spread: false });
    const first = await pools.ask({ poolId, partition: 1, want: 5 });
    expect(await node().ask({ poolId, partition: 1, want: 5 })).toEqual(first);
    expect(await claim(1)).toBe('held');
    expect(await counts()).toMatchObject({ held: 1, free: 87 });
  });

  test('a grant whose carrier died reaches its slice by the sweep of another node', async () => {
    await stage(100, { spread: false });
    const granted = await pools.ask({ poolId, partition: 1, want: 5 });
    expect(granted).toEqual({ kind: 'grant', G: 13 });
    expect(await counts()).toMatchObject({ inSlices: 0 });
    await node().sweep();
    expect(await counts()).toMatchObject({ inSlices: 13 });
    await node().sweep();
    expect(await counts()).toMatchObject({ inSlices: 13 });
    await expectLaws();
  });

  test('is no verdict but a fault where home cannot be asked', async () => {
    await stage(1);
    const redis = await rig.another();
    const cutOff = createPools({ redis, keys, clock, announced: () => {} });
    redis.disconnect();
    await expect(cutOff.ask({ poolId, partition: 0, want: 1 })).rejects.toMatchObject({ code: 'unavailable' });
    expect(cutOff.verdict(poolId)).toBe(null);
    await expect(pools.ask({ poolId: 'deal:none', partition: 0, want: 1 })).rejects.toMatchObject({
      code: 'unavailable',
    });
  });

  test('believes a verdict for a quarter of a second and then asks again', async () => {
    let monotonicMs = 0;
    const slow = createPools({
      redis: rig.redis,
      keys,
      clock: { nowMs: clock.nowMs, monotonicMs: () => monotonicMs },
      announced: () => {},
    });
    await stage(1);
    expect(await claim(0)).toBe('held');
    expect(await claim(1, 1, slow)).toBe('sold-out');
    expect(slow.verdict(poolId)).toBe(0);
    expect(await giveBack(0)).toBe(true);
    await pools.carryHome(poolId, 0);
    monotonicMs = 249;
    expect(await claim(1, 1, slow)).toBe('sold-out');
    monotonicMs = 250;
    expect(slow.verdict(poolId)).toBe(null);
    expect(await claim(1, 1, slow)).toBe('held');
  });
});

describe('a unit that comes back to a closed slice', () => {
  test('is home as soon as it is carried, and the verdict ends', async () => {
    await stage(1);
    expect(await claim(3)).toBe('held');
    expect(await claim(1)).toBe('sold-out');
    expect(await giveBack(3)).toBe(true);
    await pools.carryHome(poolId, 3);
    expect(await counts()).toMatchObject({ free: 1, soldOut: false });
    // The node that carried it does not repeat its verdict.
    expect(await claim(1)).toBe('held');
    await expectLaws();
  });

  test('is carried by the sweep of any node when the one that heard of it died', async () => {
    await stage(1);
    expect(await claim(3)).toBe('held');
    expect(await claim(1)).toBe('sold-out');
    expect(await giveBack(3)).toBe(true);
    expect(await counts()).toMatchObject({ free: 0, soldOut: true });
    await node().sweep();
    await node().sweep();
    expect(await counts()).toMatchObject({ free: 1, soldOut: false });
    await expectLaws();
  });

  test('is found among more pools than one round of the sweep looks at', async () => {
    const pipeline = rig.redis.pipeline();
    // Six hundred that go on, and two thousand that ended long ago and keep nobody waiting.
    for (let i = 0; i < 600; i++) pipeline.zadd(home().pools, '+inf', `deal:a${i}`);
    for (let i = 0; i < 2_000; i++) pipeline.zadd(home().pools, 1, `deal:b${i}`);
    await pipeline.exec();
    await stage(1);
    expect(await claim(3)).toBe('held');
    expect(await claim(1)).toBe('sold-out');
    expect(await giveBack(3)).toBe(true);
    const sweeper = node();
    for (let round = 0; round < 4 && (await counts()).free === 0; round++) await sweeper.sweep();
    expect(await counts()).toMatchObject({ free: 1 });
  });
});

describe('the line', () => {
  test('is open only under the verdict, keeps its order, and gives the same answer to the same request', async () => {
    await stage(2);
    const [ada, bo, cy] = [shopperOf(0), shopperOf(1), shopperOf(2)];
    expect(await join(ada)).toEqual({ ok: false, why: 'still-free', dealId: 'kettle' });
    expect(await claim(0, 2)).toBe('held');
    // The slices have not been asked yet, so home does not know that nothing is left.
    expect(await join(ada)).toEqual({ ok: false, why: 'still-free', dealId: 'kettle' });
    expect(await claim(0)).toBe('sold-out');
    const key = answer();
    expect(await join(ada, key)).toEqual({ ok: true, reply: { dealId: 'kettle', place: 1 } });
    expect(await join(bo)).toEqual({ ok: true, reply: { dealId: 'kettle', place: 2 } });
    expect(await join(cy)).toEqual({ ok: true, reply: { dealId: 'kettle', place: 3 } });
    expect(await join(ada, key)).toEqual({ ok: true, reply: { dealId: 'kettle', place: 1 } });
    expect(await join(ada, { ...key, inputHash: 'other' })).toEqual({ ok: false, why: 'request-id-reused' });
    expect(await join(cy)).toEqual({ ok: false, why: 'already-waiting', dealId: 'kettle', place: 3 });
    expect(await pools.placesOf([poolId, 'deal:none'], bo)).toEqual([2, null]);
    expect(await counts()).toMatchObject({ waiting: 3, soldOut: true });

    const leaving = { poolId, shopperId: bo, about };
    const left = answer('deals:unwait');
    expect(JSON.parse(await pools.leave(leaving, left))).toEqual({ ok: true, reply: { dealId: 'kettle' } });
    expect(JSON.parse(await pools.leave(leaving, left))).toEqual({ ok: true, reply: { dealId: 'kettle' } });
    expect(JSON.parse(await pools.leave(leaving, answer('deals:unwait')))).toEqual({
      ok: false,
      why: 'not-waiting',
      dealId: 'kettle',
    });
    expect(await pools.placesOf([poolId], cy)).toEqual([2]);
  });

  test('is offered what comes back, one unit each, in order, and only then does the verdict end', async () => {
    await stage(3);
    expect(await claim(0, 3)).toBe('held');
    expect(await claim(1)).toBe('sold-out');
    const [ada, bo] = [shopperOf(2), shopperOf(1)];
    await join(ada);
    await join(bo);
    await giveBack(0);
    await pools.carryHome(poolId, 0);
    expect(poked).toEqual([home().outbox]);
    expect(await announced()).toEqual([
      { to: 'deals@p2', event: 'deals.offered', payload: { poolId, shopperId: ada, offerNo: 1, simulated: false } },
    ]);
    expect(await counts()).toMatchObject({ free: 0, soldOut: true, waiting: 1 });
    expect(await claim(3, 1, node())).toBe('sold-out');
    await giveBack(0, 2);
    await pools.carryHome(poolId, 0);
    expect((await announced()).map((each) => [each.to, each.payload.shopperId])).toEqual([
      ['deals@p2', ada],
      ['deals@p1', bo],
    ]);
    expect(await counts()).toMatchObject({ free: 1, soldOut: false, waiting: 0 });
    await expectLaws();
  });

  test('comes before everyone else when there is more stock, and is not offered what is paused', async () => {
    await stage(1);
    expect(await claim(0)).toBe('held');
    expect(await claim(1)).toBe('sold-out');
    await join(shopperOf(2));
    await rig.redis.hset(home().pool(poolId), 'paused', 1);
    expect((await stage(3)).word).toBe('restocked');
    expect(await announced()).toEqual([]);
    await rig.redis.hset(home().pool(poolId), 'paused', 0);
    await pools.sweep();
    expect(await announced()).toHaveLength(1);
    expect(await counts()).toMatchObject({ total: 3, free: 1, waiting: 0 });
    expect((await stage(3)).word).toBe('same');
    await expectLaws();
  });

  test('is served in portions when it is long; what is owed to it is given to nobody else meanwhile', async () => {
    await stage(1);
    expect(await claim(0)).toBe('held');
    expect(await claim(1)).toBe('sold-out');
    await join(shopperOf(2));
    const others = Array.from({ length: 699 }, (_, i) => [i + 2, `${i % 4} s_other${i} 0`] as const);
    await rig.redis.zadd(home().poolWaiting(poolId), ...others.flat());
    await stage(702);
    expect(await announced()).toHaveLength(500);
    expect(await counts()).toMatchObject({ free: 201, waiting: 200, soldOut: false });
    // The next ask makes the rest of the offers first, and is granted the one unit that nobody waits for.
    expect(await pools.ask({ poolId, partition: 3, want: 2, least: 1 })).toEqual({ kind: 'grant', G: 1 });
    expect(await announced()).toHaveLength(700);
    expect((await announced())[0]).toMatchObject({ to: 'deals@p2' });
    expect(await counts()).toMatchObject({ free: 0, waiting: 0 });
  });

  test('ends when the deal closes', async () => {
    await stage(1);
    expect(await claim(0)).toBe('held');
    expect(await claim(1)).toBe('sold-out');
    const ada = shopperOf(2);
    await join(ada);
    const untilMs = clock.nowMs();
    expect((await stage(1, { untilMs })).word).toBe('changed');
    expect(await join(shopperOf(2))).toEqual({ ok: false, why: 'closed', dealId: 'kettle', closedAtMs: untilMs });
    await giveBack(0);
    await node().sweep();
    expect(await announced()).toEqual([]);
    expect(await counts()).toMatchObject({ free: 1, waiting: 0 });
    expect(await pools.placesOf([poolId], ada)).toEqual([null]);
  });

  test('is gone with its deal though nothing ever comes back', async () => {
    await stage(1, { untilMs: clock.nowMs() + 3_600_000 });
    expect(await claim(0)).toBe('held');
    expect(await claim(1)).toBe('sold-out');
    await join(shopperOf(2));
    await rig.redis.hset(home().pool(poolId), 'until', clock.nowMs());
    expect(await counts()).toMatchObject({ waiting: 1, soldOut: true });
    await node().sweep();
    expect(await counts()).toMatchObject({ waiting: 0, soldOut: true });
  });

  test('is refused for a pool that is not there', async () => {
    expect(await join(shopperOf(0))).toEqual({ ok: false, why: 'unknown-deal', dealId: 'kettle' });
  });
});

describe('how many units there are', () => {
  test('shrinks at once by what is free anywhere, and by what is held when it comes home', async () => {
    await stage(40);
    expect(await claim(0, 5)).toBe('held');
    expect((await stage(3)).word).toBe('restocked');
    expect(await counts()).toMatchObject({ total: 5, held: 5, free: 0, inSlices: 0, soldOut: true });
    await giveBack(0, 4);
    await pools.carryHome(poolId, 0);
    expect(await counts()).toMatchObject({ total: 3, held: 1, free: 2 });
    expect((await stage(3)).word).toBe('same');
    await expectLaws();
  });

  test('is granted to all slices beforehand when there are enough, and all of it with one partition', async () => {
    expect((await stage(43)).granted).toEqual([11, 11, 11, 10]);
    begin(4);
    expect((await stage(39)).granted).toEqual([0, 0, 0, 0]);
    begin(1);
    expect((await stage(3, { spread: false })).granted).toEqual([3]);
  });

  test('is nothing any more when the pool is retired, which it is only with every unit at home', async () => {
    await stage(40);
    expect(await claim(0)).toBe('held');
    expect(await pools.retire(poolId)).toBe(false);
    await giveBack(0);
    await pools.carryHome(poolId, 0);
    expect(await pools.retire(poolId)).toBe(true);
    expect(await pools.states([poolId])).toEqual([null]);
    expect(await pools.retire(poolId)).toBe(true);
  });
});
