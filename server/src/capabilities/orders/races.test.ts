import { deals as dealsContract, type Hold } from '@elevens/shared/src/deals/contract.ts';
import type { CouponRecord, DealRecord } from '@elevens/shared/src/deals/records.ts';
import { type Order, orders as ordersContract, type Payment } from '@elevens/shared/src/orders/contract.ts';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Person } from '../../platform/caller.ts';
import { createClock, disciplineClock } from '../../platform/clock.ts';
import { createGateway } from '../../platform/gateway.ts';
import { createLogger } from '../../platform/logger.ts';
import { createMetrics } from '../../platform/metrics.ts';
import { createRandom } from '../../platform/random.ts';
import { createKeyspace, type Keyspace } from '../../platform/redis/keyspace.ts';
import { connectTestRedis } from '../../platform/redis/test-connection.ts';
import { createRelay } from '../../platform/relay.ts';
import type { Catalogue } from '../catalogue/index.ts';
import { createDeals } from '../deals/index.ts';
import { type PaymentEvent, type PaymentProvider, ProviderRefused } from '../payments/index.ts';
import { createOrders } from './index.ts';
import { orderLedger } from './test-ledger.ts';

const clock = createClock();
const random = createRandom();
let rig: Awaited<ReturnType<typeof connectTestRedis>>;
beforeAll(async () => {
  rig = await connectTestRedis();
  await disciplineClock(clock, () => rig.redis.time() as Promise<[number, number]>);
});
afterAll(() => rig.close());

/** Looked at by what it holds, as a client would. */
type Answer = ReturnType<typeof JSON.parse>;
let keys: Keyspace;
let shop: ReturnType<typeof openShop>;
let shiftMs: number;
let firstStartMs: number;
let askProvider: (paymentId: string) => Promise<void>;
let deals: DealRecord[];
let coupons: CouponRecord[];

/** A street with one brand, and a provider that keeps one session for one idempotency key, as providers do. */
function openShop(partitions: number) {
  keys = createKeyspace({ festival: `t${random.token(6)}`, partitions });
  shiftMs = 0;
  firstStartMs = clock.nowMs() - 3_600_000;
  askProvider = async () => {};
  deals = [
    {
      id: 'kettle',
      productId: 'kettle',
      when: '+0s for 2h',
      priceMinor: 9_000,
      total: 10,
      limitPerShopper: 5,
      hold: '10m',
    },
  ];
  coupons = [];
  const picture = {
    shape: 'kettle',
    tone: ['#d8472f', '#8c2a1c', '#f0907c'],
    accent: '#f2b84b',
    ground: '#2a1410',
    proportion: 100,
  };
  const product = {
    id: 'kettle',
    brandId: 'steam',
    name: 'Kettle',
    blurb: '',
    listMinor: 12_000,
    unit: 'kettle',
    picture,
  };
  const records = () => ({ deals, coupons, products: [product], brands: [] });
  const catalogue = {
    festival: () => ({
      id: 'test',
      currency: 'CNY',
      payout: { commissionPermille: 50, confirmDays: 10, refundDays: 7 },
      firstStartMs,
    }),
    all: (kind: 'deals') => records()[kind],
    get: (kind: 'deals', id: string) => records()[kind].find((record) => record.id === id),
    version: () => 1,
  } as unknown as Catalogue;
  const logger = createLogger('silent');
  const metrics = createMetrics();
  const relay = createRelay({ redis: rig.redis, logger });
  const feeds = { state: () => {}, log: () => {} };
  const shared = { redis: rig.redis, keys, random, feeds, relay, catalogue, logger, metrics };
  const dealsHere = createDeals({ ...shared, clock });
  const sessions = new Map<string, { providerId: string; url: string; asked: string }>();
  /** Runs after the provider has opened a session and before its answer arrives. */
  let meanwhile: () => void = () => {};
  const orders = createOrders({
    ...shared,
    clock: { ...clock, nowMs: () => clock.nowMs() + shiftMs },
    pools: dealsHere.pools,
    provider: {
      async createSession({ idempotencyKey, ...asked }: Parameters<PaymentProvider['createSession']>[0]) {
        const known = sessions.get(idempotencyKey);
        if (known !== undefined && known.asked !== JSON.stringify(asked))
          throw new ProviderRefused({ status: 409, code: 'idempotency-key-reused', call: 'POST /v1/sessions' });
        const providerId = known?.providerId ?? `p_${random.token(9)}`;
        const session = { providerId, url: `https://till.example/${providerId}`, asked: JSON.stringify(asked) };
        sessions.set(idempotencyKey, session);
        meanwhile();
        return session;
      },
    },
    askProvider: (paymentId) => askProvider(paymentId),
    returnUrl: (paymentId) => `/pay/${paymentId}`,
  });
  const gateway = createGateway({ clock, random, logger, metrics, checkReplies: true });
  gateway.serve(ordersContract, orders.handlers);
  gateway.serve(dealsContract, dealsHere.handlers);
  return {
    deals: dealsHere,
    orders,
    gateway,
    sessions,
    duringSession(run: () => void) {
      meanwhile = run;
    },
  };
}
beforeEach(() => {
  shop = openShop(1);
});

const stageAll = async () => {
  await shop.deals.stage();
  await shop.orders.stageCoupons();
};
const person = (more: Partial<Person> = {}): Person => ({
  shopperId: `s_${random.token(16)}`,
  displayName: 'Lin',
  locale: 'en',
  roles: ['shopper'],
  brandId: null,
  simulated: false,
  ...more,
});
async function call(name: `${'deals' | 'orders'}:${string}`, who: Person, input: object): Promise<Answer> {
  const [capability, key] = name.split(':');
  const contract = capability === 'deals' ? dealsContract : ordersContract;
  const { changes } = contract.commands[key as never] as { changes: boolean };
  const sent = changes ? { requestId: random.token(12), ...input } : input;
  return shop.gateway.call({ name, input: sent, person: who, address: 'a', socket: null });
}
async function claim(who: Person, dealId = 'kettle', quantity = 1): Promise<Hold> {
  const answer = await call('deals:claim', who, { lines: [{ dealId, quantity }] });
  if (!answer.ok) throw new Error(JSON.stringify(answer));
  return answer.reply;
}
async function placed(who: Person, totalMinor: number): Promise<{ payment: Payment; orders: Order[]; hold: Hold }> {
  const hold = await claim(who);
  const answer = await call('orders:place', who, { holdIds: [hold.holdId], totalMinor, currency: 'CNY' });
  if (!answer.ok) throw new Error(JSON.stringify(answer));
  return { ...answer.reply, hold };
}
const told = (type: PaymentEvent['type'], payment: Payment, providerId: string): PaymentEvent => ({
  eventId: random.token(9),
  type,
  providerId,
  reference: payment.paymentId,
  amountMinor: payment.amountMinor,
  currency: 'CNY',
  atMs: clock.nowMs(),
});
const settle = (event: PaymentEvent) => shop.orders.book.settle(event);
async function stock(dealId = 'kettle') {
  const counts = { free: 0, held: 0, sold: 0 };
  for (let p = 0; p < keys.partitions; p++) {
    const slice = await rig.redis.hmget(keys.partition(p).deal(dealId), 'free', 'held', 'sold');
    for (const [i, name] of (['free', 'held', 'sold'] as const).entries()) counts[name] += Number(slice[i] ?? 0);
  }
  return counts;
}
async function expectLawsWhole(): Promise<void> {
  const laws = await shop.deals.checkLaws();
  expect([...laws.stock.evidence, ...laws.holds.evidence, ...laws.coupons.evidence]).toEqual([]);
  expect(await orderLedger(rig.redis, keys)).toEqual([]);
}

describe('an order that a coupon pays whole', () => {
  const whole: CouponRecord = {
    id: 'gift',
    title: 'Gift',
    kind: 'cross-brand',
    offMinor: 9_000,
    fromMinor: 0,
    repeats: false,
    when: '+0s for 2h',
    usesPerShopper: 5,
    total: 100,
    stacksWith: [],
  };

  test('is placed once of one hold, however many tabs place it at the same moment', async () => {
    coupons = [whole];
    await stageAll();
    const lin = person();
    const hold = await claim(lin);
    const place = () => call('orders:place', lin, { holdIds: [hold.holdId], totalMinor: 0, currency: 'CNY' });
    const answers = await Promise.all([place(), place(), place()]);
    expect(answers.filter(({ ok }) => ok)).toHaveLength(1);
    expect(await stock()).toEqual({ free: 9, held: 0, sold: 1 });
    await expectLawsWhole();
  });

  test('is not placed of a hold that its shopper lets go at the same moment', async () => {
    coupons = [whole];
    await stageAll();
    for (let round = 0; round < 8; round++) {
      const lin = person();
      const hold = await claim(lin);
      const [placing, letGo] = await Promise.all([
        call('orders:place', lin, { holdIds: [hold.holdId], totalMinor: 0, currency: 'CNY' }),
        call('deals:release', lin, { holdId: hold.holdId }),
      ]);
      expect([placing.ok, letGo.ok].filter(Boolean)).toHaveLength(1);
    }
    await expectLawsWhole();
  });
});

describe("the provider's page", () => {
  test('opens after a node died between opening it and keeping it, also for somebody who reads another language by then', async () => {
    await stageAll();
    const lin = person();
    const { payment } = await placed(lin, 9_000);
    // The session is opened, and nothing of it is kept.
    const dying = () => {
      throw new Error('the node died');
    };
    shop.duringSession(dying);
    expect(await call('orders:pay', lin, { paymentId: payment.paymentId })).toMatchObject({ ok: false, fault: 'bug' });
    shop.duringSession(() => {});
    const opened = await call('orders:pay', { ...lin, locale: 'zh' }, { paymentId: payment.paymentId });
    expect(opened).toMatchObject({ ok: true });
    // From then on it is the same page in every tab, whatever is read there.
    const again = await call('orders:pay', lin, { paymentId: payment.paymentId });
    expect(again.reply.url).toBe(opened.reply.url);
  });

  test('that the provider shut is opened anew while the payment is due, as a balance over many days needs it', async () => {
    await stageAll();
    const lin = person();
    const { payment } = await placed(lin, 9_000);
    const { paymentId } = payment;
    const first = await call('orders:pay', lin, { paymentId });
    const firstId = first.reply.url.split('/').at(-1);
    expect(await settle(told('payment.expired', payment, firstId))).toBe('settled');
    const second = await call('orders:pay', lin, { paymentId });
    expect(second.reply.url).not.toBe(first.reply.url);
    expect(await shop.orders.book.find(paymentId)).toMatchObject({ open: true });
    expect(await call('orders:pay', lin, { paymentId })).toMatchObject({ reply: { url: second.reply.url } });
    // Told of the first one again, the second one stands.
    await settle(told('payment.expired', payment, firstId));
    expect(await shop.orders.book.find(paymentId)).toMatchObject({ open: true });
    expect(await settle(told('payment.succeeded', payment, second.reply.url.split('/').at(-1)))).toBe('settled');
    expect(await stock()).toEqual({ free: 9, held: 0, sold: 1 });
    await expectLawsWhole();
  });

  test('that was paid and had been forgotten here is known by its money, or a refund could never be sent', async () => {
    await stageAll();
    const lin = person();
    const { payment } = await placed(lin, 9_000);
    expect(await settle(told('payment.succeeded', payment, 'p_forgotten'))).toBe('settled');
    expect(await shop.orders.book.find(payment.paymentId)).toMatchObject({ providerId: 'p_forgotten', open: false });

    const second = await placed(lin, 9_000);
    await call('orders:cancel', lin, { paymentId: second.payment.paymentId });
    expect(await settle(told('payment.succeeded', second.payment, 'p_late'))).toBe('settled');
    const owed = await shop.orders.book.find(second.payment.paymentId);
    expect(owed).toMatchObject({ providerId: 'p_late', refunds: [{ amountMinor: 9_000 }] });
    await expectLawsWhole();
  });
});

describe('reserve and abandon', () => {
  test('counts an order that lapsed unpaid, and no longer one whose money came late, nor one that was cancelled', async () => {
    deals = deals.map((deal) => ({ ...deal, total: 1, limitPerShopper: 1 }));
    await stageAll();
    const lin = person();
    const abandoned = () => rig.redis.zcard(keys.of(lin.shopperId).abandoned(lin.shopperId));
    const cancelled = await placed(lin, 9_000);
    expect(await call('orders:cancel', lin, { paymentId: cancelled.payment.paymentId })).toMatchObject({ ok: true });
    expect(await abandoned()).toBe(0);
    const { payment } = await placed(lin, 9_000);
    shiftMs = 600_000;
    await shop.orders.due();
    expect(await abandoned()).toBe(1);
    // The unit is another's by then: it was paid for nonetheless.
    await claim(person());
    expect(await settle(told('payment.succeeded', payment, 'p_late'))).toBe('settled');
    expect(await abandoned()).toBe(0);
    expect((await shop.orders.book.find(payment.paymentId))?.refunds).toHaveLength(1);
    await expectLawsWhole();
  });
});

describe('what is due', () => {
  const presale = {
    depositMinor: 2_000,
    depositWorthMinor: 3_000,
    balanceAfter: '0s',
    balanceFor: '1h',
    forfeitPermille: 1_000,
  };
  /** A deposit is paid, and the balance's page is open when its window closes. */
  async function balanceOpen(lin: Person): Promise<{ order: Order; balance: Payment; providerId: string }> {
    deals = deals.map((deal) => ({ ...deal, presale }));
    await stageAll();
    firstStartMs -= 90 * 60_000;
    const { payment, orders } = await placed(lin, 2_000);
    expect(await settle(told('payment.succeeded', payment, 'p_deposit'))).toBe('settled');
    const { orderId } = orders[0] as Order;
    const { reply } = await call('orders:balance', lin, { orderId });
    const page = await call('orders:pay', lin, { paymentId: reply.payment.paymentId });
    shiftMs = 45 * 60_000;
    return { order: reply.order, balance: reply.payment, providerId: page.reply.url.split('/').at(-1) };
  }
  const orderNow = async (who: Person, { orderId }: Order) => (await call('orders:one', who, { orderId })).reply.order;

  test('a balance is missed only once the provider was asked: one paid in time, of which nobody could tell, is goods', async () => {
    const lin = person();
    const { order, balance, providerId } = await balanceOpen(lin);
    // The provider cannot be reached, as when a night goes wrong for both houses.
    askProvider = () => Promise.reject(new Error('nobody answers'));
    await shop.orders.due();
    expect((await orderNow(lin, order)).state.is).toBe('deposit-paid');
    // It answers again: the money had been there since before the window closed.
    askProvider = async () => void (await settle(told('payment.succeeded', balance, providerId)));
    shiftMs += 60_000;
    await shop.orders.due();
    expect((await orderNow(lin, order)).state.is).toBe('paid');
    await expectLawsWhole();
  });

  test('a balance of which the provider says nothing for an hour is missed', async () => {
    const lin = person();
    const { order } = await balanceOpen(lin);
    askProvider = () => Promise.reject(new Error('nobody answers'));
    shiftMs += 3_600_000;
    await shop.orders.due();
    expect((await orderNow(lin, order)).state).toMatchObject({ is: 'lapsed', forfeitMinor: 2_000 });
    await expectLawsWhole();
  });

  test('however many cannot be ended, those that are due behind them are', async () => {
    await stageAll();
    const lin = person();
    await placed(lin, 9_000);
    const spoilt = Array.from({ length: 2_100 }, (_, i) => `y0.unreadable-${i}`);
    await rig.redis.zadd(keys.partition(0).orderDues, ...spoilt.flatMap((id) => [1, id]));
    await rig.redis.mset(...spoilt.flatMap((id) => [keys.partition(0).payment(id), '1 {']));
    shiftMs = 3_600_000;
    for (let round = 0; round < 2; round++) await expect(shop.orders.due()).rejects.toThrow();
    expect(await stock()).toMatchObject({ held: 0, sold: 0 });
  });

  test('one that cannot be ended in one partition keeps none of another waiting', async () => {
    shop = openShop(2);
    await stageAll();
    let lin = person();
    while (keys.partitionOf(lin.shopperId) !== 1) lin = person();
    await placed(lin, 9_000);
    await rig.redis.zadd(keys.partition(0).orderDues, 1, 'y0.unreadable');
    await rig.redis.set(keys.partition(0).payment('y0.unreadable'), '1 {');
    shiftMs = 3_600_000;
    await expect(shop.orders.due()).rejects.toThrow();
    expect(await stock()).toMatchObject({ held: 0, sold: 0 });
  });
});

describe('money that comes at the worst moment', () => {
  test.for([1, 2])(
    'and twice, while the order lapses or is cancelled, ends in goods or in one refund (%i partitions)',
    { timeout: 60_000 },
    async (partitions) => {
      shop = openShop(partitions);
      deals = deals.map((deal) => ({ ...deal, total: 14, limitPerShopper: 1 }));
      await stageAll();
      const all = await Promise.all(
        Array.from({ length: 12 }, async () => {
          const who = person();
          const { payment, orders } = await placed(who, 9_000);
          const page = await call('orders:pay', who, { paymentId: payment.paymentId });
          return { who, payment, order: orders[0] as Order, providerId: page.reply.url.split('/').at(-1) };
        }),
      );
      shiftMs = 600_000;
      await Promise.all(
        all.flatMap(({ who, payment, providerId }) => [
          call('orders:cancel', who, { paymentId: payment.paymentId }),
          settle(told('payment.succeeded', payment, providerId)),
          shop.orders.due(),
          settle(told('payment.succeeded', payment, providerId)),
          call('orders:cancel', who, { paymentId: payment.paymentId }),
        ]),
      );
      await shop.orders.due();
      let goods = 0;
      for (const { who, payment, order } of all) {
        const now = (await call('orders:one', who, { orderId: order.orderId })).reply;
        expect(['paid', 'refunded']).toContain(now.order.state.is);
        expect(now.order.refundedMinor).toBe(now.order.state.is === 'paid' ? 0 : 9_000);
        const owed = (await shop.orders.book.find(payment.paymentId))?.refunds ?? [];
        expect(owed).toHaveLength(now.order.state.is === 'paid' ? 0 : 1);
        expect(now.chain.whole).toBe(true);
        if (now.order.state.is === 'paid') goods++;
      }
      expect(await stock()).toMatchObject({ held: 0, sold: goods });
      await expectLawsWhole();
    },
  );

  test('refunds asked for in parallel, in parts and whole, come to what was paid, and what is left of it goes to the seller', async () => {
    await stageAll();
    const lin = person();
    const hold = await claim(lin, 'kettle', 4);
    const { reply } = await call('orders:place', lin, { holdIds: [hold.holdId], totalMinor: 36_000, currency: 'CNY' });
    expect(await settle(told('payment.succeeded', reply.payment, 'p_1'))).toBe('settled');
    const { orderId } = reply.orders[0] as Order;
    const one = { orderId, reason: 'scratched', lines: [{ dealId: hold.lines[0]?.dealId ?? '', quantity: 1 }] };
    await call('orders:ship', person({ roles: ['shopper', 'operator'] }), { orderId, carrier: 'Mule', tracking: '1' });
    await Promise.all([
      call('orders:refund', lin, one),
      call('orders:refund', lin, one),
      call('orders:receive', lin, { orderId }),
      call('orders:refund', lin, one),
    ]);
    const { order } = (await call('orders:one', lin, { orderId })).reply;
    expect(order).toMatchObject({ refundedMinor: 27_000, state: { is: 'received' } });
    const accounts = await rig.redis.hmget(
      keys.of(lin.shopperId).accounts,
      'escrow',
      'refunds',
      'commission',
      'seller:steam',
    );
    const [escrow, refunds, commission, seller] = accounts.map(Number) as [number, number, number, number];
    expect([escrow, refunds, commission + seller, commission]).toEqual([0, 27_000, 9_000, 450]);
    expect(await stock()).toEqual({ free: 9, held: 0, sold: 1 });
    await expectLawsWhole();
  });
});
