import type { Hold } from '@elevens/shared/src/deals/contract.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Person } from '../../platform/caller.ts';
import { createClock, disciplineClock } from '../../platform/clock.ts';
import { createRandom } from '../../platform/random.ts';
import { connectTestRedis } from '../../platform/redis/test-connection.ts';
import { createDealLaws } from '../deals/index.ts';
import { createMoney, createReconciliation } from './index.ts';
import { createMoneyLaws } from './laws.ts';
import { openShop, type Placed, type Shop } from './shop.test-stage.ts';

const clock = createClock();
const random = createRandom();
let rig: Awaited<ReturnType<typeof connectTestRedis>>;
beforeAll(async () => {
  rig = await connectTestRedis();
  await disciplineClock(clock, () => rig.redis.time() as Promise<[number, number]>);
});
afterAll(() => rig.close());

const open = (partitions = 1, seed = 'one') =>
  openShop(rig.redis, { festival: `t${random.token(6)}`, partitions, clock, seed });

const orderIdOf = ({ orders }: Placed) => orders[0]?.orderId ?? '';
/** Claims and places, where nothing stands in the way of it. */
async function placed(shop: Shop, who: Person, lines: { dealId: string; quantity: number }[]): Promise<Placed> {
  const found = await shop.place(who, lines);
  if (found === null) throw new Error('it was not placed');
  return found;
}

/** A shop with one order in each of the states that matter, and the laws that watch it. */
async function busyShop() {
  const shop = await open();
  const { redis } = rig;
  const lin = shop.person();
  const paid = await placed(shop, lin, [{ dealId: 'kettle', quantity: 2 }]);
  await shop.pay(paid.payment);
  const received = await placed(shop, lin, [{ dealId: 'lamp', quantity: 1 }]);
  await shop.pay(received.payment);
  const receivedId = orderIdOf(received);
  await shop.call('ship', shop.operator, { orderId: receivedId, carrier: 'Mule', tracking: '7' });
  await shop.call('receive', lin, { orderId: receivedId });
  const waiting = await placed(shop, lin, [{ dealId: 'pan', quantity: 1 }]);
  const held = (await shop.claim(lin, 'pan')) as Hold;
  const k = shop.keys.of(lin.shopperId);
  const dealLaws = createDealLaws({ redis, keys: shop.keys });
  const moneyLaws = createMoneyLaws({ redis, keys: shop.keys, usesPerShopper: () => 2 });
  async function differences() {
    const [ofDeals, ofMoney] = await Promise.all([dealLaws.check(), moneyLaws.check()]);
    const readings = { ...ofDeals, money: ofMoney.money, uses: ofMoney.coupons };
    for (const reading of Object.values(readings)) expect(reading.counting).toBe(false);
    return Object.entries(readings).flatMap(([law, { evidence }]) =>
      evidence.map(({ subject, expected: ledger, found }) => `${law} ${subject}: ${ledger}, ${found}`),
    );
  }
  expect(await differences()).toEqual([]);
  return {
    shop,
    lin,
    k,
    redis,
    differences,
    paid,
    receivedId,
    waiting,
    held,
    paidId: orderIdOf(paid),
  };
}
const reconciled = async (shop: Shop) => {
  const stock = createDealLaws({ redis: rig.redis, keys: shop.keys });
  const { parts, lines } = await createReconciliation({ redis: rig.redis, keys: shop.keys, stock, others: [] }).run();
  return {
    lines,
    found: parts.flatMap(({ name, differences }) => differences.map(({ subject }) => `${name} ${subject}`)),
    parts,
  };
};

describe('the laws over what shoppers, brands and the provider do', () => {
  test.for([
    [1, 'ada'],
    [1, 'bo'],
    [3, 'cy'],
  ] as const)(
    '300 deeds leave every law whole, and so does a reconciliation (%i partitions, seed %s)',
    { timeout: 60_000 },
    async ([partitions, seed]) => {
      const shop = await open(partitions, seed);
      const people = Array.from({ length: 12 }, () => shop.person());
      const done: Parameters<Shop['doSomething']>[1] = [];
      const dealLaws = createDealLaws({ redis: rig.redis, keys: shop.keys });
      const moneyLaws = createMoneyLaws({ redis: rig.redis, keys: shop.keys, usesPerShopper: () => 2 });
      let counted = 0;
      for (let deed = 0; deed < 300; deed += 4) {
        // Several at once, and the laws are counted while they go on: nothing that is under way may be taken for a difference.
        const going = [0, 1, 2, 3].map(() => shop.doSomething(people, done));
        const [ofDeals, ofMoney] = await Promise.all([dealLaws.check(), moneyLaws.check()]);
        for (const reading of [ofDeals.stock, ofDeals.holds, ofDeals.coupons, ofMoney.money, ofMoney.coupons]) {
          expect(reading.evidence).toEqual([]);
          if (!reading.counting) counted++;
        }
        await Promise.all(going);
      }
      expect(counted).toBeGreaterThan(300);
      const whole = await reconciled(shop);
      expect(whole.found).toEqual([]);
      expect(whole.parts.find(({ name }) => name === 'orders')?.compared).toBe(
        done.reduce((sum, { reply }) => sum + reply.orders.length, 0),
      );
      expect(whole.parts.find(({ name }) => name === 'coupons')?.compared).toBeGreaterThan(2);
    },
  );
});

describe('what another hand writes is found, and named', () => {
  test('units in a slice', async () => {
    const { differences, k, redis } = await busyShop();
    await redis.hincrby(k.slice('deal:kettle'), 'sold', 1);
    expect(await differences()).toEqual(['stock kettle: free + held + sold: 60, 61', 'stock kettle: sold: 2, 3']);
  });

  test('the uses of a coupon, in its slice and of one shopper', async () => {
    const { differences, k, redis, lin } = await busyShop();
    await redis.hincrby(k.slice('coupon:evening'), 'free', -1);
    await redis.hincrby(k.slice('coupon:evening'), 'held', 1);
    await redis.hincrby(k.taken('coupon:evening'), lin.shopperId, 1);
    const found = await differences();
    expect(found.map((line) => line.replace(/: \d+, \d+$/, ''))).toEqual([
      'coupons coupon evening: free',
      'coupons coupon evening: held',
      `uses coupon evening: uses of ${lin.shopperId}`,
    ]);
  });

  test('more uses of a coupon than its shopper might have when they were made, also for whoever begins to count later', async () => {
    const { shop, k, redis, lin } = await busyShop();
    const of = async () => (await createMoneyLaws({ redis, keys: shop.keys }).check()).coupons.evidence;
    expect(await of()).toEqual([]);
    const placedLine = (await redis.xrange(k.ledger, '-', '+')).find(([, flat]) => flat.includes('order-placed'));
    expect(placedLine?.[1].find((text) => text.includes('coupon:evening free>held'))).toMatch(/free>held 1 2(;|$)/);
    const line = { e: 'order-placed', t: '1', orders: '', shopper: lin.shopperId, payment: '', post: '', home: '' };
    await redis.xadd(k.ledger, '*', ...Object.entries(line).flat(), 'stock', 'coupon:evening free>held 3 2');
    const subject = `coupon evening: uses of ${lin.shopperId} beyond the limit of 2`;
    expect((await of()).find((found) => found.subject === subject)).toMatchObject({ expected: 2 });
  });

  test('the units of a hold, a hold that was taken away, and one that nobody ever claimed', async () => {
    const { differences, k, redis, lin, held } = await busyShop();
    const { shopperId } = lin;
    const text = (await redis.hget(k.holds(shopperId), held.holdId)) ?? '';
    await redis.hset(k.holds(shopperId), held.holdId, text.replace('"quantity":1', '"quantity":4'));
    expect(await differences()).toEqual([`holds pan: units of the hold ${held.holdId} of ${shopperId}: 1, 4`]);
    await redis.hdel(k.holds(shopperId), held.holdId);
    await redis.zrem(k.lapses, `${shopperId} ${held.holdId}`);
    expect(await differences()).toEqual([
      'holds open holds: 1, 0',
      `holds pan: units of the hold ${held.holdId} of ${shopperId}: 1, 0`,
      `holds pan: the hold ${held.holdId} of ${shopperId} is among those that lapse: 1, 0`,
    ]);
    await redis.hset(k.holds(shopperId), held.holdId, text, 'h0.planted', text);
    await redis.zadd(k.lapses, 9e12, `${shopperId} ${held.holdId}`);
    expect(await differences()).toEqual([`holds pan: units of the hold h0.planted of ${shopperId}: 0, 1`]);
  });

  test('a hold that is paid for and its payment that nothing would ever end', async () => {
    const { differences, k, redis, lin, waiting } = await busyShop();
    const { paymentId } = waiting.payment;
    await redis.zrem(k.orderDues, paymentId);
    expect(await differences()).toEqual([`holds payment ${paymentId} is among those that fall due: 1, 0`]);
    await redis.zadd(k.orderDues, waiting.payment.dueAtMs, paymentId);
    const holds = await redis.hgetall(k.holds(lin.shopperId));
    const [holdId = '', text = ''] = Object.entries(holds).find(([, kept]) => kept.includes(paymentId)) ?? [];
    await redis.hset(k.holds(lin.shopperId), holdId, text.replace(`"${paymentId}"`, 'null'));
    expect(await differences()).toEqual([
      `holds pan: the hold ${holdId} of ${lin.shopperId} waits for ${paymentId}: 1, 0`,
    ]);
  });

  test('an account, and the sum of all of them', async () => {
    const { differences, k, redis } = await busyShop();
    const before = Number(await redis.hget(k.accounts, 'commission'));
    await redis.hincrby(k.accounts, 'commission', 7);
    expect(await differences()).toEqual([
      `money account commission: ${before}, ${before + 7}`,
      'money sum of all accounts: 0, 7',
    ]);
  });

  test('the account of one shopper', async () => {
    const { differences, k, redis, lin } = await busyShop();
    await redis.hincrby(k.account(lin.shopperId), 'minor', -100);
    expect((await differences()).map((line) => line.split(':')[0])).toEqual([`money account of ${lin.shopperId}`]);
  });

  test('escrow that an order’s document does not have, by the order’s name', async () => {
    const { differences, k, redis, paidId } = await busyShop();
    const text = (await redis.get(k.order(paidId))) ?? '';
    await redis.set(k.order(paidId), text.replace('"is":"paid"', '"is":"closed"'));
    expect((await differences())[0]).toMatch(`money ${paidId}: in escrow: `);
    await redis.set(k.order(paidId), text);
    expect(await differences()).toEqual([]);
  });

  test('a seller who is paid by another line than receipt', async () => {
    const { differences, k, redis, paidId, lin } = await busyShop();
    const at = await redis.xadd(
      k.ledger,
      '*',
      'e',
      'order-shipped',
      't',
      '1',
      'orders',
      paidId,
      'shopper',
      lin.shopperId,
      'payment',
      '',
      'stock',
      '',
      'post',
      'escrow -100;seller:steam 100',
      'home',
      '',
    );
    await redis.hincrby(k.accounts, 'escrow', -100);
    await redis.hincrby(k.accounts, 'seller:steam', 100);
    await redis.hset(k.accounts, { 'escrow@at': at, 'seller:steam@at': at });
    const found = await differences();
    expect(found[0]).toBe(`money ${paidId}: seller:steam was paid without receipt (order-shipped, line ${at}): 0, 100`);
    expect(found[1]).toMatch(`money ${paidId}: in escrow`);
    expect(found).toHaveLength(2);
  });

  test('a line whose postings do not sum to nothing', async () => {
    const { differences, k, redis, paidId, lin } = await busyShop();
    const at = await redis.xadd(
      k.ledger,
      '*',
      'e',
      'order-shipped',
      't',
      '1',
      'orders',
      paidId,
      'shopper',
      lin.shopperId,
      'payment',
      '',
      'stock',
      '',
      'post',
      'platform 5',
      'home',
      '',
    );
    await redis.hset(k.accounts, { platform: 5, 'platform@at': at });
    expect(await differences()).toEqual([
      `money ${paidId}: sum of its postings (order-shipped, line ${at}): 0, 5`,
      'money sum of all accounts: 0, 5',
    ]);
  });

  test('an entry removed from a timeline, one edited, one added', async () => {
    const { differences, k, redis, receivedId } = await busyShop();
    const timeline = k.timeline(receivedId);
    const entries = await redis.lrange(timeline, 0, -1);
    const put = async (texts: string[]) => {
      await redis.del(timeline);
      await redis.rpush(timeline, ...texts);
    };
    await put(entries.toSpliced(1, 1));
    expect(await differences()).toEqual([
      `money ${receivedId}: entries of its timeline tied as they were, up to entry 2: ${entries.length}, 1`,
    ]);
    await put(entries.toSpliced(2, 1, entries[2]?.replace('Mule 7', 'Mule 8') ?? ''));
    expect((await differences())[0]).toMatch('up to entry 3');
    await put(entries.slice(0, -1));
    expect((await differences())[0]).toMatch(`up to entry ${entries.length}`);
    await put([...entries, entries.at(-1) ?? '']);
    expect((await differences())[0]).toMatch(`up to entry ${entries.length + 1}`);
    await put(entries);
    expect(await differences()).toEqual([]);
  });

  test('an account that was changed and set back under a line that is not its last', async () => {
    const { differences, k, redis } = await busyShop();
    await redis.hset(k.accounts, 'escrow@at', '1-1');
    expect((await differences()).map((line) => line.split(',')[0])).toEqual(['money account escrow: its last line']);
  });
});

describe('a reconciliation', () => {
  test('finds payments that do not say what their orders were paid, documents that are gone, and orders nobody placed', async () => {
    const { shop, k, redis, paid, paidId } = await busyShop();
    expect((await reconciled(shop)).found).toEqual([]);
    const { paymentId } = paid.payment;
    const text = (await redis.get(k.payment(paymentId))) ?? '';
    await redis.set(k.payment(paymentId), text.replace(/"amountMinor":\d+/, '"amountMinor":1'));
    expect((await reconciled(shop)).found.map((line) => line.split(' of ')[0])).toEqual([
      `payments payment ${paymentId}: what it brought to its orders`,
      'payments account',
    ]);
    await redis.set(k.payment(paymentId), text);
    const order = (await redis.get(k.order(paidId))) ?? '';
    await redis.set(k.order('o0.planted'), order.replaceAll(paidId, 'o0.planted'));
    expect((await reconciled(shop)).found).toEqual(["orders o0.planted: is among its shopper's orders"]);
    await redis.del(k.order('o0.planted'));
    await redis.del(k.order(paidId));
    expect((await reconciled(shop)).found).toContain(`orders ${paidId}: its document`);
  });
});

describe('a coupon that is stopped', () => {
  test('is used by nobody in any partition, the others go on, and it goes on when it is let', async () => {
    const shop = await open(2);
    const money = createMoney({ redis: rig.redis, keys: shop.keys, clock, usesPerShopper: () => 2 });
    const usedBy = async () => {
      const found = await placed(shop, shop.person(), [{ dealId: 'kettle', quantity: 1 }]);
      return found.orders[0]?.lines[0]?.shares.map((share) => share.couponId);
    };
    expect(await usedBy()).toEqual(['evening']);
    expect(await money.stopCoupon('evening', 'a test')).toBe(true);
    expect(await money.stopCoupon('evening', 'a test')).toBe(true);
    expect(await usedBy()).toEqual(['row']);
    expect(await money.stopCoupon('evening', 'mended', { who: 'u_operator', stop: false })).toBe(true);
    expect(await usedBy()).toEqual(['evening']);
    expect(await money.stopCoupon('no-such-coupon', 'a test')).toBe(false);
  });
});
