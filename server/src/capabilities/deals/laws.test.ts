import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createRandom } from '../../platform/random.ts';
import { createKeyspace, type Keyspace } from '../../platform/redis/keyspace.ts';
import { connectTestRedis } from '../../platform/redis/test-connection.ts';
import { createDealLaws, foldStock, nothingDerived } from './laws.ts';
import { createPools } from './pools/pools.ts';

const random = createRandom();
const clock = { nowMs: () => 1_000_000, monotonicMs: () => 0 };
let rig: Awaited<ReturnType<typeof connectTestRedis>>;
let keys: Keyspace;
beforeAll(async () => {
  rig = await connectTestRedis();
});
afterAll(() => rig.close());
beforeEach(() => {
  keys = createKeyspace({ festival: `t${random.token(6)}`, partitions: 2 });
});

/** A deal of 40 and a coupon of 20 uses, granted to the slices of two partitions; what the laws find, in words. */
async function watched() {
  const pools = createPools({ redis: rig.redis, keys, clock, announced: () => {} });
  for (const [poolId, total] of [
    ['deal:kettle', 40],
    ['coupon:evening', 20],
  ] as const) {
    const { granted } = await pools.stage({ poolId, total, spread: true, untilMs: 0 });
    for (const [p, units] of granted.entries()) {
      const k = keys.partition(p);
      const at = await rig.redis.xadd(
        k.ledger,
        '*',
        'e',
        'slice-granted',
        't',
        '1',
        'pool',
        poolId,
        'units',
        String(units),
        'g',
        String(units),
      );
      await rig.redis.hset(k.slice(poolId), { free: units, held: 0, sold: 0, g: units, r: 0, o: 0, at: at ?? '' });
    }
  }
  const laws = createDealLaws({ redis: rig.redis, keys });
  const found = async () => {
    const { stock, holds, coupons } = await laws.check();
    expect(stock.counting).toBe(false);
    return Object.entries({ stock, holds, coupons }).flatMap(([law, { evidence }]) =>
      evidence.map(({ subject, expected, found: is }) => `${law} ${subject}: ${expected}, ${is}`),
    );
  };
  expect(await found()).toEqual([]);
  return found;
}
const homeOf = (poolId: string) => keys.partition(keys.homeOf(poolId)).pool(poolId);

describe('what another hand writes about a pool is found', () => {
  test('at home: its total, what is free there, what it granted', async () => {
    const found = await watched();
    const p = keys.homeOf('deal:kettle');
    await rig.redis.hincrby(homeOf('deal:kettle'), 'free', 3);
    expect(await found()).toEqual([
      `stock kettle: free at home and what is out (partition ${p}): 40, 43`,
      `stock kettle: free at home (partition ${p}): 0, 3`,
    ]);
    await rig.redis.hincrby(homeOf('deal:kettle'), 'free', -3);
    await rig.redis.hincrby(homeOf('deal:kettle'), 'G:1', -1);
    expect(await found()).toEqual([
      `stock kettle: free at home and what is out (partition ${p}): 40, 39`,
      `stock kettle: granted (partition ${p}): 40, 39`,
      'stock kettle: accepted more than granted (partition 1): 19, 20',
    ]);
  });

  test('of a coupon, as a difference of coupons and not of stock', async () => {
    const found = await watched();
    const k = keys.partition(1);
    await rig.redis.hincrby(k.slice('coupon:evening'), 'sold', 1);
    expect(await found()).toEqual([
      'coupons coupon evening: free + held + sold (partition 1): 10, 11',
      'coupons coupon evening: sold (partition 1): 0, 1',
    ]);
  });

  test('a slice that was changed and changed back says by its last line that it was another hand', async () => {
    const found = await watched();
    await rig.redis.hset(keys.partition(0).slice('deal:kettle'), 'at', '5-5');
    expect((await found()).map((line) => line.replace(/, \d+-\d+ /, ' '))).toEqual([
      'stock kettle: last line of its slice (partition 0): 1, 0',
    ]);
  });

  test('a home that is gone', async () => {
    const found = await watched();
    await rig.redis.del(homeOf('deal:kettle'));
    expect(await found()).toContain(`stock kettle: total (partition ${keys.homeOf('deal:kettle')}): 40, 0`);
  });
});

describe('holds, by the lines of the ledger', () => {
  const line = (e: string, fields: Record<string, string>) => ({ id: '1-1', fields: { e, ...fields } });
  const claimed = line('claimed', { shopper: 's_ada', hold: 'h0.1', lines: 'kettle 2 100;pan 1 50' });
  const placedLine = (stock: string) =>
    line('order-placed', { shopper: 's_ada', holds: 'h0.1', payment: 'y0.1', orders: 'o0.1', stock });

  test.each([
    ['lapses', [line('lapsed', { hold: 'h0.1', lines: 'kettle 2;pan 1' })]],
    ['is let go', [line('released', { hold: 'h0.1', lines: 'kettle 2;pan 1' })]],
    ['is paid', [placedLine(''), line('order-paid', { payment: 'y0.0,y0.1' })]],
    ['pays its deposit', [placedLine(''), line('order-deposit-paid', { payment: 'y0.1' })]],
    ['is cancelled with its order', [placedLine(''), line('order-cancelled', { payment: 'y0.1' })]],
    ['lapses with its order', [placedLine(''), line('order-lapsed', { payment: 'y0.1' })]],
    ['costs nothing', [placedLine('deal:kettle held>sold 2')]],
  ])('a hold ends when it %s', (_how, lines) => {
    const derived = nothingDerived();
    foldStock(derived, claimed);
    expect(derived.holds.byId.get('h0.1')?.units).toEqual([
      { dealId: 'kettle', quantity: 2 },
      { dealId: 'pan', quantity: 1 },
    ]);
    for (const each of lines) foldStock(derived, each);
    expect(derived.holds).toEqual(nothingDerived().holds);
  });

  test('a hold whose order waits for its money neither lapses by itself nor ends with another payment', () => {
    const derived = nothingDerived();
    for (const each of [claimed, placedLine(''), line('order-paid', { payment: 'y0.2' })]) foldStock(derived, each);
    expect(derived.holds.byId.get('h0.1')?.paymentId).toBe('y0.1');
    expect(derived.holds.lapsing).toBe(0);
  });
});
