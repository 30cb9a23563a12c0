import type { KeptOrder, KeptPayment } from '@elevens/shared/src/orders/documents.ts';
import { couponPool, stockPool } from '@elevens/shared/src/orders/documents.ts';
import { type Plan } from '@elevens/shared/src/orders/plan.ts';
import {
  couponsOnSale,
  createWorld,
  type Deed,
  goods,
  type Step,
  shoppers,
} from '@elevens/shared/src/orders/test-world.ts';
import { dueOfOrder, dueOfPayment } from '@elevens/shared/src/orders/transitions.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createRandom, createSeededRandom } from '../../platform/random.ts';
import { createKeyspace, type Keyspace } from '../../platform/redis/keyspace.ts';
import { connectTestRedis } from '../../platform/redis/test-connection.ts';
import { createOrderStore, type OrderStore } from './store.ts';
import { orderLedger } from './test-ledger.ts';

const random = createRandom();
let rig: Awaited<ReturnType<typeof connectTestRedis>>;
beforeAll(async () => {
  rig = await connectTestRedis();
});
afterAll(() => rig.close());

function openStore(): { keys: Keyspace; store: OrderStore } {
  const keys = createKeyspace({ festival: `t${random.token(6)}`, partitions: 1 });
  const store = createOrderStore({ redis: rig.redis, keys, carryHome: async () => {}, announced: () => {} });
  return { keys, store };
}

/** Does a deed of the world in memory again, in Redis: claims and lapses by hand, everything of orders by the script. */
async function repeat(deed: Deed, { keys, store }: { keys: Keyspace; store: OrderStore }): Promise<void> {
  const k = keys.partition(0);
  if (deed.is !== 'commit') {
    const { hold } = deed;
    const { holdId, shopperId, dealId, quantity, lapsesAtMs } = hold;
    const to = deed.is === 'claim' ? quantity : -quantity;
    const json = {
      holdId,
      kind: 'hold',
      paymentId: null,
      lines: [{ dealId, quantity, priceMinor: 1, currency: 'CNY' }],
      claimedAtMs: 1,
      lapsesAtMs,
    };
    const work = rig.redis.multi();
    work.hincrby(k.deal(dealId), 'free', String(-to));
    work.hincrby(k.deal(dealId), 'held', String(to));
    work.hincrby(k.dealTaken(dealId), shopperId, String(to));
    if (deed.is === 'claim') {
      work.hset(k.holds(shopperId), holdId, `claim-${holdId} hash 0 ${JSON.stringify(json)}`);
      work.zadd(k.lapses, lapsesAtMs, `${shopperId} ${holdId}`);
      work.zadd(k.answersOrder(shopperId), '+inf', `claim-${holdId}`);
    } else {
      work.hdel(k.holds(shopperId), holdId);
      work.zrem(k.lapses, `${shopperId} ${holdId}`);
    }
    await work.exec();
    return;
  }
  const { plan, committed } = deed;
  const { shopperId } = plan;
  const holds = (
    await Promise.all([plan.holdsPaying].filter((ids) => ids.length > 0).map((ids) => store.readHolds(shopperId, ids)))
  ).flat();
  const work = {
    partition: 0,
    shopperId,
    atMs: plan.atMs,
    scene: { orders: [], payments: [] },
    plan,
    holds: holds.flatMap((hold) => hold ?? []),
  };
  const [first, second] = await Promise.all([store.commit(work), store.commit(work)]);
  expect(first.is, plan.event).toBe(committed);
  // Two nodes carry the same decision: the second finds that it is no longer about what is.
  expect(second.is, `${plan.event}, again`).toBe(committed === 'done' ? 'moved' : committed);
}

describe('60 generated histories', () => {
  test.each([11, 12, 13, 14, 15, 16])(
    'come to the same in Redis as in memory, every turn carried by two nodes at once (seed %i)',
    { timeout: 120_000 },
    async (seed) => {
      for (let history = 0; history < 10; history++) {
        const dice = createSeededRandom(`history ${seed} ${history}`);
        const deeds: Deed[] = [];
        const world = createWorld({ onDeed: (deed) => void deeds.push(structuredClone(deed)) });
        for (let i = 0; i < 60; i++)
          world.step({ what: dice.int(16), which: dice.int(12), amount: dice.int(12) } satisfies Step);
        world.finish();
        expect(world.laws({ atEnd: true })).toEqual([]);

        const opened = openStore();
        const { keys, store } = opened;
        const k = keys.partition(0);
        for (const { dealId, units } of goods)
          await rig.redis.hset(k.deal(dealId), { free: units, held: 0, sold: 0, g: units, r: 0, o: 0, closed: 0 });
        for (const { couponId, uses } of couponsOnSale)
          await rig.redis.hset(k.slice(couponPool(couponId)), {
            free: uses,
            held: 0,
            sold: 0,
            g: uses,
            r: 0,
            o: 0,
            closed: 0,
          });
        for (const deed of deeds) await repeat(deed, opened);

        const where = `seed ${seed}, history ${history}`;
        for (const poolId of [
          ...goods.map((g) => stockPool(g.dealId)),
          ...couponsOnSale.map((c) => couponPool(c.couponId)),
        ]) {
          const [free, held, sold] = await rig.redis.hmget(k.slice(poolId), 'free', 'held', 'sold');
          expect({ free: Number(free), held: Number(held), sold: Number(sold) }, `${poolId}, ${where}`).toEqual(
            world.pools.get(poolId),
          );
          for (const shopperId of shoppers)
            expect(Number((await rig.redis.hget(k.taken(poolId), shopperId)) ?? 0), where).toBe(
              world.taken.get(`${poolId} ${shopperId}`) ?? 0,
            );
        }
        for (const [name, minor] of world.accounts)
          expect(Number((await rig.redis.hget(k.accounts, name)) ?? 0), `${name}, ${where}`).toBe(minor);
        const dues = new Map<string, number>();
        for (const kept of world.orders.values()) {
          const { orderId } = kept.order;
          expect(await store.readOrder(orderId), where).toEqual(kept);
          expect(await store.timeline(orderId), where).toEqual(world.timelines.get(orderId));
          const due = dueOfOrder(kept);
          if (due !== null) dues.set(orderId, due.atMs);
        }
        for (const kept of world.payments.values()) {
          expect(await store.readPayment(kept.payment.paymentId), where).toEqual(kept);
          const due = dueOfPayment(kept);
          if (due !== null) dues.set(kept.payment.paymentId, due.atMs);
        }
        const kept = await rig.redis.zrange(k.orderDues, '0', '-1', 'WITHSCORES');
        expect(new Map(kept.flatMap((id, i) => (i % 2 === 0 ? [[id, Number(kept[i + 1])]] : []))), where).toEqual(dues);
        for (const shopperId of shoppers) expect(await rig.redis.hlen(k.holds(shopperId)), where).toBe(0);
        expect(await rig.redis.zcard(k.lapses), where).toBe(0);
        expect(await orderLedger(rig.redis, keys), where).toEqual([]);
      }
    },
  );
});

/** A plan that only moves money: what amounts alone go through. */
function planOf(postings: Plan['postings']): Plan {
  return {
    event: 'paid',
    atMs: 1_800_000_000_000,
    shopperId: 's_a',
    simulated: false,
    orders: [],
    payments: [],
    stock: [],
    coupons: [],
    holdsPaying: [],
    holdsEnded: [],
    holdsAbandoned: [],
    holdsForgiven: [],
    postings,
    announcements: [],
  };
}

describe('amounts', () => {
  test('of a million million major units and one minor unit come out to the last digit', async () => {
    const { keys, store } = openStore();
    const large = 1_000_000_000_000_001;
    const scene = { orders: [], payments: [] };
    const plan = planOf([
      { account: 'shoppers', minor: -large },
      { account: 'escrow', minor: large },
    ]);
    for (let i = 0; i < 3; i++) await store.commit({ partition: 0, shopperId: 's_a', atMs: plan.atMs, scene, plan });
    const k = keys.partition(0);
    expect(await rig.redis.hmget(k.accounts, 'escrow', 'shoppers')).toEqual(['3000000000000003', '-3000000000000003']);
    expect(await rig.redis.hget(k.account('s_a'), 'minor')).toBe('-3000000000000003');
    const [[id, fields] = ['', []]] = await rig.redis.xrevrange(k.ledger, '+', '-', 'COUNT', 1);
    expect(fields).toContain('shoppers -1000000000000001;escrow 1000000000000001');
    expect(await rig.redis.hget(k.accounts, 'escrow@at')).toBe(id);
    expect(await orderLedger(rig.redis, keys)).toEqual([]);
  });
});

describe('a commit', () => {
  test('that meets any other version of a document writes nothing', async () => {
    const { keys, store } = openStore();
    const k = keys.partition(0);
    await rig.redis.set(k.order('o0.aaaaaaaa'), '7 {"order":{}}');
    const kept = { order: { orderId: 'o0.aaaaaaaa', version: 9, state: { is: 'paid' } } } as unknown as KeptOrder;
    const plan: Plan = { ...planOf([]), orders: [{ versionWas: 8, kept, entries: [] }] };
    const scene = { orders: [], payments: [] };
    expect(await store.commit({ partition: 0, shopperId: 's_a', atMs: 1, scene, plan })).toEqual({ is: 'moved' });
    expect(await rig.redis.exists(k.ledger)).toBe(0);
    const read = { version: 3, payment: { paymentId: 'y0.aaaaaaaa' } } as KeptPayment;
    expect(
      await store.commit({
        partition: 0,
        shopperId: 's_a',
        atMs: 1,
        scene: { orders: [], payments: [read] },
        plan: planOf([]),
      }),
    ).toEqual({ is: 'moved' });
    expect(await rig.redis.get(k.order('o0.aaaaaaaa'))).toBe('7 {"order":{}}');
  });

  test('of a command that arrived long ago, or in the future, is not decided', async () => {
    const { keys, store } = openStore();
    const [seconds] = await rig.redis.time();
    for (const stampMs of [Number(seconds) * 1_000 - 4_000, Number(seconds) * 1_000 + 4_000]) {
      const commit = {
        partition: 0,
        shopperId: 's_a',
        atMs: stampMs,
        scene: { orders: [], payments: [] },
        plan: planOf([]),
        stampMs,
      };
      await expect(store.commit(commit)).rejects.toMatchObject({ code: 'overloaded' });
    }
    expect(await rig.redis.exists(keys.partition(0).ledger)).toBe(0);
  });

  test('gives units back to a slice that is closed by sending them home, and says so in its line', async () => {
    const { keys } = openStore();
    const carried: string[] = [];
    const store = createOrderStore({
      redis: rig.redis,
      keys,
      carryHome: async (poolId, partition) => void carried.push(`${poolId} ${partition}`),
      announced: () => {},
    });
    const k = keys.partition(0);
    await rig.redis.hset(k.deal('pan'), { free: 0, held: 0, sold: 2, g: 2, r: 0, o: 0, closed: 1 });
    await rig.redis.hset(k.dealTaken('pan'), 's_a', 2);
    const move = { poolId: stockPool('pan'), from: 'sold', to: 'free', quantity: 2, limit: null } as const;
    const plan: Plan = { ...planOf([]), stock: [move] };
    await store.commit({ partition: 0, shopperId: 's_a', atMs: plan.atMs, scene: { orders: [], payments: [] }, plan });
    expect(await rig.redis.hmget(k.deal('pan'), 'free', 'sold', 'r')).toEqual(['0', '0', '2']);
    expect(carried).toEqual(['deal:pan 0']);
    const [[, fields] = ['', []]] = await rig.redis.xrevrange(k.ledger, '+', '-', 'COUNT', 1);
    expect(fields[fields.indexOf('home') + 1]).toBe('deal:pan');
    // Its slice was retired: nothing rises again, and the line speaks of no move.
    await rig.redis.del(k.deal('pan'));
    await store.commit({ partition: 0, shopperId: 's_a', atMs: plan.atMs, scene: { orders: [], payments: [] }, plan });
    expect(await rig.redis.exists(k.deal('pan'))).toBe(0);
  });
});
