import type { Brand, Picture, Product } from '@elevens/shared/src/catalogue/records.ts';
import { deals as dealsContract, type Hold } from '@elevens/shared/src/deals/contract.ts';
import type { CouponRecord, DealRecord } from '@elevens/shared/src/deals/records.ts';
import type { Order, Payment } from '@elevens/shared/src/orders/contract.ts';
import { orders as ordersContract } from '@elevens/shared/src/orders/contract.ts';
import { couponPool, stockPool } from '@elevens/shared/src/orders/documents.ts';
import { lateForMs } from '@elevens/shared/src/orders/payment-turns.ts';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Person } from '../../platform/caller.ts';
import { createClock, disciplineClock } from '../../platform/clock.ts';
import { createGateway, type Gateway } from '../../platform/gateway.ts';
import { createLogger, type Logger } from '../../platform/logger.ts';
import { createMetrics } from '../../platform/metrics.ts';
import { createRandom } from '../../platform/random.ts';
import { createKeyspace, type Keyspace } from '../../platform/redis/keyspace.ts';
import { connectTestRedis } from '../../platform/redis/test-connection.ts';
import type { Relay } from '../../platform/relay.ts';
import type { Catalogue } from '../catalogue/index.ts';
import { createDeals } from '../deals/index.ts';
import type { PaymentEvent } from '../payments/index.ts';
import type { OrderCatalogue } from './baskets.ts';
import { createOrders, type Orders } from './index.ts';
import { orderLedger } from './test-ledger.ts';

const clock = createClock();
const random = createRandom();
const metrics = createMetrics();
const dayMs = 86_400_000;
let rig: Awaited<ReturnType<typeof connectTestRedis>>;

beforeAll(async () => {
  rig = await connectTestRedis();
  await disciplineClock(clock, () => rig.redis.time() as Promise<[number, number]>);
});
afterAll(() => rig.close());

const picture: Picture = {
  shape: 'kettle',
  tone: ['#d8472f', '#8c2a1c', '#f0907c'],
  accent: '#f2b84b',
  ground: '#2a1410',
  proportion: 100,
};
const logo: Brand['logo'] = { form: 'disc', cut: 'steam', tone: '#d8472f', on: '#2a1410' };
const product = (id: string, brandId: string, listMinor: number): Product => ({
  id,
  brandId,
  name: id,
  blurb: '',
  listMinor,
  unit: id,
  picture,
});
const flash = (id: string, productId: string, priceMinor: number, more: Partial<DealRecord> = {}): DealRecord => ({
  id,
  productId,
  when: '+0s for 2h',
  priceMinor,
  total: 10,
  limitPerShopper: 3,
  hold: '10m',
  ...more,
});
const coupon = (id: string, more: Partial<CouponRecord> = {}): CouponRecord => ({
  id,
  title: id,
  kind: 'cross-brand',
  offMinor: 5_000,
  fromMinor: 0,
  repeats: false,
  when: '+0s for 2h',
  usesPerShopper: 1,
  total: 100,
  stacksWith: [],
  ...more,
});

interface Node {
  deals: ReturnType<typeof createDeals>;
  orders: Orders;
  gateway: Gateway;
}
let keys: Keyspace;
let nodes: Node[];
let shiftMs: number;
let firstStartMs: number;
let records: { deals: DealRecord[]; coupons: CouponRecord[]; products: Product[]; brands: Brand[] };
let sessions: string[];
let audited: Record<string, unknown>[];
let provided: boolean;

/** A fresh festival with two nodes beside one Redis. */
function open(partitions: number): void {
  keys = createKeyspace({ festival: `t${random.token(6)}`, partitions });
  shiftMs = 0;
  firstStartMs = clock.nowMs() - 3_600_000;
  sessions = [];
  audited = [];
  provided = true;
  records = {
    deals: [flash('kettle', 'kettle', 19_999), flash('pan', 'pan', 7_301), flash('lamp', 'lamp', 33_333)],
    coupons: [],
    products: [product('kettle', 'steam', 29_900), product('pan', 'steam', 9_900), product('lamp', 'moon', 40_000)],
    brands: [],
  };
  const catalogue: OrderCatalogue = {
    festival: () => ({
      id: 'test',
      title: 'Test',
      places: [],
      currency: 'CNY',
      payout: { commissionPermille: 53, confirmDays: 10, refundDays: 7 },
      firstStartMs,
    }),
    all: (kind) => records[kind as 'products'] as never,
    get: (kind, id) => (catalogue.all(kind) as readonly { id: string }[]).find((record) => record.id === id) as never,
  };
  const shifted = { ...clock, nowMs: () => clock.nowMs() + shiftMs };
  const logger: Logger = {
    ...createLogger('silent'),
    info: (facts) => void audited.push(facts as Record<string, unknown>),
    warn: (facts) => void audited.push(facts as Record<string, unknown>),
  };
  // What is announced stays in the outboxes: nobody carries it in these tests.
  const relay: Relay = {
    destination: () => {},
    source: () => () => {},
    poke: () => {},
    start: () => {},
    stop: async () => {},
  };
  const feeds = { state: () => {}, log: () => {} };
  nodes = [0, 1].map(() => {
    const shared = { redis: rig.redis, keys, random, feeds, relay, logger };
    const deals = createDeals({ ...shared, clock, metrics, catalogue: catalogue as Catalogue });
    const orders = createOrders({
      ...shared,
      clock: shifted,
      catalogue,
      pools: deals.pools,
      provider: {
        // The provider of these tests: it keeps its promise of one page for one payment.
        async createSession({ reference, amountMinor }) {
          if (!provided) throw new Error('nobody asked for a page');
          sessions.push(`${reference} ${amountMinor}`);
          return { providerId: `p_${reference}`, url: `https://till.example/${reference}` };
        },
      },
      askProvider: async () => {},
      returnUrl: (paymentId) => `/pay/${paymentId}`,
    });
    const gateway = createGateway({ clock, random, logger, metrics, checkReplies: true });
    gateway.serve(ordersContract, orders.handlers);
    gateway.serve(dealsContract, deals.handlers);
    return { deals, orders, gateway };
  });
}
beforeEach(() => open(1));

async function stageAll(): Promise<void> {
  await nodes[0]?.deals.stage();
  await nodes[0]?.orders.stageCoupons();
}

function person(more: Partial<Person> = {}): Person {
  const shopperId = `s_${random.token(16)}`;
  return {
    shopperId,
    displayName: 'Lin',
    locale: 'en',
    roles: ['shopper'],
    brandId: null,
    simulated: false,
    ...more,
  };
}
/** Somebody of a partition. */
function personOf(partition: number): Person {
  for (;;) {
    const found = person();
    if (keys.partitionOf(found.shopperId) === partition) return found;
  }
}
const brand = (brandId: string) => person({ shopperId: 'u_brand', roles: ['shopper', 'brand'], brandId });
const operator = person({ shopperId: 'u_operator', roles: ['shopper', 'operator'] });

/** Looked at by what it holds, as a client would. */
type Answer = ReturnType<typeof JSON.parse>;
/** Calls through the gateway of a node, as a socket would. */
async function call(name: string, who: Person | null, input: object, node = 0): Promise<Answer> {
  const command = ordersContract.commands[name as 'place'];
  const sent = command.changes ? { requestId: random.token(12), ...input } : input;
  return (nodes[node] as Node).gateway.call({
    name: `orders:${name}`,
    input: sent,
    person: who,
    address: 'a',
    socket: null,
  });
}

async function claim(who: Person, wanted: { dealId: string; quantity?: number }[]): Promise<Hold> {
  const lines = wanted.map(({ dealId, quantity = 1 }) => ({ dealId, quantity }));
  const answer = await askDeals('claim', who, { lines });
  if (!answer.ok) throw new Error(`a claim was refused: ${JSON.stringify(answer)}`);
  return answer.reply;
}
async function askDeals(name: string, who: Person, input: object): Promise<Answer> {
  const sent = { requestId: random.token(12), ...input };
  return (nodes[0] as Node).gateway.call({
    name: `deals:${name}`,
    input: sent,
    person: who,
    address: 'a',
    socket: null,
  });
}
async function totalOf(
  who: Person,
  lines: { dealId: string; quantity?: number }[],
  coupons?: string[],
): Promise<number> {
  const wanted = lines.map(({ dealId, quantity = 1 }) => ({ dealId, quantity }));
  const quoted = await call('quote', who, { lines: wanted, ...(coupons === undefined ? {} : { coupons }) });
  if (!quoted.ok) throw new Error(`no quote: ${JSON.stringify(quoted)}`);
  return quoted.reply.depositMinor > 0 ? quoted.reply.depositMinor : quoted.reply.totalMinor;
}
/** Claims and places; answers the payment and its orders. */
async function placed(
  who: Person,
  lines: { dealId: string; quantity?: number }[],
): Promise<{ payment: Payment; orders: Order[]; hold: Hold }> {
  const hold = await claim(who, lines);
  const totalMinor = await totalOf(who, lines);
  const answer = await call('place', who, { holdIds: [hold.holdId], totalMinor, currency: 'CNY' });
  if (!answer.ok) throw new Error(`not placed: ${JSON.stringify(answer)}`);
  return { ...answer.reply, hold };
}

const told = (type: PaymentEvent['type'], payment: Payment, more: Partial<PaymentEvent> = {}): PaymentEvent => ({
  eventId: random.token(9),
  type,
  providerId: `p_${payment.paymentId}`,
  reference: payment.paymentId,
  amountMinor: payment.amountMinor,
  currency: 'cny',
  atMs: clock.nowMs(),
  ...more,
});
const settle = (event: PaymentEvent, node = 0) => (nodes[node] as Node).orders.book.settle(event);
async function paid(who: Person, lines: { dealId: string; quantity?: number }[]) {
  const found = await placed(who, lines);
  expect(await settle(told('payment.succeeded', found.payment))).toBe('settled');
  return found;
}
async function confirmRefunds(paymentId: string): Promise<void> {
  const kept = await nodes[0]?.orders.book.find(paymentId);
  for (const refund of kept?.refunds ?? []) {
    expect(
      await settle({
        ...told('refund.succeeded', { paymentId, amountMinor: refund.amountMinor } as Payment),
        refundReference: refund.reference,
      }),
    ).toBe('settled');
  }
}

const stock = async (dealId: string, partition = 0) => {
  const [free, held, sold] = await rig.redis.hmget(keys.partition(partition).deal(dealId), 'free', 'held', 'sold');
  return { free: Number(free), held: Number(held), sold: Number(sold) };
};
const uses = async (couponId: string, partition = 0) => {
  const slice = keys.partition(partition).slice(couponPool(couponId));
  const [free, held, sold] = await rig.redis.hmget(slice, 'free', 'held', 'sold');
  return { free: Number(free), held: Number(held), sold: Number(sold) };
};
const account = async (name: string, partition = 0) =>
  Number((await rig.redis.hget(keys.partition(partition).accounts, name)) ?? 0);
/** All of Redis that this festival has, for "nothing changed"; answers that are remembered apart. */
async function everything(): Promise<string> {
  const found: [string, unknown][] = [];
  for (const key of (await rig.redis.keys(`{${keys.festival}:*`)).toSorted()) {
    if (key.includes(':answers')) continue;
    found.push([key, await rig.redis.dump(key)]);
  }
  return JSON.stringify(found);
}
async function expectLawsWhole(): Promise<void> {
  // A node that has counted nothing yet: the whole ledger from its first line.
  const laws = await (nodes[1] as Node).deals.checkLaws();
  expect(laws.stock.counting).toBe(false);
  expect([...laws.stock.evidence, ...laws.holds.evidence]).toEqual([]);
  expect(await orderLedger(rig.redis, keys)).toEqual([]);
}

describe('an order goes', () => {
  test('from a hold to the money in the seller’s hands, each step once, told the same to buyer and seller', async () => {
    await stageAll();
    const lin = person();
    const lines = [{ dealId: 'kettle', quantity: 2 }, { dealId: 'lamp' }];
    const { payment, orders, hold } = await placed(lin, lines);
    expect(payment).toMatchObject({ what: 'full', amountMinor: 2 * 19_999 + 33_333, dueAtMs: hold.lapsesAtMs });
    expect(orders.map((order) => [order.brandId, order.totalMinor])).toEqual([
      ['steam', 39_998],
      ['moon', 33_333],
    ]);
    expect(await stock('kettle')).toEqual({ free: 8, held: 2, sold: 0 });
    await expectLawsWhole();

    const page = await call('pay', lin, { paymentId: payment.paymentId });
    expect(page.reply.url).toBe(`https://till.example/${payment.paymentId}`);
    expect((await call('pay', lin, { paymentId: payment.paymentId }, 1)).reply).toEqual(page.reply);
    expect(sessions).toEqual([`${payment.paymentId} 73331`]);

    expect(await settle(told('payment.succeeded', payment))).toBe('settled');
    expect(await stock('kettle')).toEqual({ free: 8, held: 0, sold: 2 });
    expect([await account('shoppers'), await account('escrow')]).toEqual([-73_331, 73_331]);
    expect(await rig.redis.hlen(keys.of(lin.shopperId).holds(lin.shopperId))).toBe(0);

    const [steam] = orders;
    const orderId = steam?.orderId ?? '';
    expect((await call('receive', lin, { orderId })).why).toBe('wrong-state');
    const shipped = await call('ship', brand('steam'), { orderId, carrier: 'Crane', tracking: 'C 1' });
    expect(shipped.reply.order.state).toMatchObject({ is: 'shipped', carrier: 'Crane' });
    expect(await account('seller:steam')).toBe(0);
    expect((await call('receive', lin, { orderId })).reply.order.state.by).toBe('shopper');
    const commission = Math.floor((39_998 * 53) / 1_000);
    expect([await account('seller:steam'), await account('commission'), await account('escrow')]).toEqual([
      39_998 - commission,
      commission,
      33_333,
    ]);

    const seen = (await call('one', lin, { orderId })).reply;
    expect(seen.chain).toEqual({ whole: true, brokenAt: null });
    expect(seen.timeline.map((entry: { what: string }) => entry.what)).toEqual([
      'placed',
      'paid',
      'shipped',
      'received',
    ]);
    expect((await call('one', brand('steam'), { orderId })).reply).toEqual(seen);
    expect((await call('one', operator, { orderId })).reply).toEqual(seen);

    shiftMs = 8 * dayMs;
    await nodes[1]?.orders.due();
    expect((await call('one', lin, { orderId })).reply.order.state.is).toBe('closed');
    await expectLawsWhole();
  });

  test('back when it is refunded: units, money, commission, coupon and points in one decision', async () => {
    records.coupons = [coupon('fifty')];
    await stageAll();
    const lin = person();
    const { payment, orders } = await paid(lin, [{ dealId: 'kettle', quantity: 2 }]);
    const orderId = orders[0]?.orderId ?? '';
    expect(payment.amountMinor).toBe(34_998);
    expect(await uses('fifty')).toEqual({ free: 99, held: 0, sold: 1 });
    expect([await account('escrow'), await account('coupon-fund:fifty')]).toEqual([39_998, -5_000]);
    await call('ship', brand('steam'), { orderId, carrier: 'Crane', tracking: '' });
    await call('receive', lin, { orderId });

    const half = await call('refund', lin, {
      orderId,
      reason: 'one too many',
      lines: [{ dealId: 'kettle', quantity: 1 }],
    });
    expect(half.reply).toMatchObject({ refundMinor: 17_499, order: { state: { is: 'received' } } });
    expect(await uses('fifty')).toEqual({ free: 99, held: 0, sold: 1 });
    const rest = await call('refund', lin, { orderId, reason: 'the other too' });
    expect(rest.reply).toMatchObject({ refundMinor: 17_499, order: { state: { is: 'returned' } } });
    expect(await stock('kettle')).toEqual({ free: 10, held: 0, sold: 0 });
    expect(await uses('fifty')).toEqual({ free: 100, held: 0, sold: 0 });
    for (const name of ['escrow', 'seller:steam', 'commission', 'coupon-fund:fifty'])
      expect(await account(name), name).toBe(0);
    expect(await account('refunds')).toBe(34_998);
    await confirmRefunds(payment.paymentId);
    expect([await account('refunds'), await account('shoppers')]).toEqual([0, 0]);
    const events = (await rig.redis.xrange(keys.partition(0).outbox, '-', '+')).map(([, flat]) => flat[5]);
    expect(events.filter((event) => event?.startsWith('orders.'))).toEqual(['orders.paid', 'orders.refunded']);
    await expectLawsWhole();
  });

  test('through a deposit and its balance, or loses what its terms say', async () => {
    const presale = {
      depositMinor: 10_000,
      depositWorthMinor: 15_000,
      balanceAfter: '0s',
      balanceFor: '1h',
      forfeitPermille: 250,
    };
    records.deals = [flash('sofa', 'lamp', 33_333, { when: '+0s for 2h', presale })];
    await stageAll();
    const [lin, wei] = [person(), person()];
    const first = await paid(lin, [{ dealId: 'sofa' }]);
    const second = await paid(wei, [{ dealId: 'sofa' }]);
    expect(first.payment).toMatchObject({ what: 'deposit', amountMinor: 10_000 });
    expect(await stock('sofa')).toEqual({ free: 8, held: 2, sold: 0 });
    const orderId = first.orders[0]?.orderId ?? '';
    expect((await call('balance', lin, { orderId })).why).toBe('not-open-yet');

    // The deposit window of a deal that closed half an hour ago: its balance is open.
    firstStartMs -= 90 * 60_000;
    const late = await paid(person(), [{ dealId: 'sofa' }]);
    const opened = await call(
      'balance',
      { ...lin, shopperId: late.payment.shopperId },
      { orderId: late.orders[0]?.orderId },
    );
    expect(opened.reply.payment).toMatchObject({ what: 'balance', amountMinor: 18_333 });
    const again = await call(
      'balance',
      { ...lin, shopperId: late.payment.shopperId },
      { orderId: late.orders[0]?.orderId },
      1,
    );
    expect(again.reply).toEqual(opened.reply);
    expect(await settle(told('payment.succeeded', opened.reply.payment))).toBe('settled');
    expect(await stock('sofa')).toEqual({ free: 7, held: 2, sold: 1 });
    expect(await account('escrow')).toBe(20_000 + 28_333);

    shiftMs = 5 * 3_600_000;
    await nodes[0]?.orders.due();
    const lapsed = (await call('one', wei, { orderId: second.orders[0]?.orderId })).reply.order;
    expect(lapsed.state).toMatchObject({ is: 'lapsed', forfeitMinor: 2_500 });
    expect([await account('platform'), await account('refunds')]).toEqual([5_000, 15_000]);
    expect(await stock('sofa')).toEqual({ free: 9, held: 0, sold: 1 });
    await expectLawsWhole();
  });

  test('to nobody when it is not paid in time: its units are free again and it counts as abandoned; cancelled it does not', async () => {
    await stageAll();
    const lin = person();
    const first = await placed(lin, [{ dealId: 'kettle' }]);
    expect((await call('cancel', lin, { paymentId: first.payment.paymentId })).ok).toBe(true);
    const second = await placed(lin, [{ dealId: 'kettle' }]);
    shiftMs = 600_001;
    await Promise.all(nodes.map((node) => node.orders.due()));
    expect((await call('payment', lin, { paymentId: second.payment.paymentId })).reply.payment.state.is).toBe('lapsed');
    expect(await stock('kettle')).toEqual({ free: 10, held: 0, sold: 0 });
    const k = keys.of(lin.shopperId);
    expect(await rig.redis.zrange(k.abandoned(lin.shopperId), '0', '-1')).toEqual([second.hold.holdId]);
    expect(await rig.redis.hget(k.dealTaken('kettle'), lin.shopperId)).toBeNull();
    expect((await call('place', lin, { holdIds: [second.hold.holdId], totalMinor: 1, currency: 'CNY' })).why).toBe(
      'hold-lapsed',
    );
    expect(await rig.redis.zcard(k.orderDues)).toBe(0);
    await expectLawsWhole();
  });

  test('as received when nobody says otherwise for ten days, and not while it is disputed', async () => {
    await stageAll();
    const lin = person();
    const { orders } = await paid(lin, [{ dealId: 'kettle' }, { dealId: 'lamp' }]);
    const [kettle = '', lamp = ''] = orders.map((order) => order.orderId);
    await call('ship', brand('steam'), { orderId: kettle, carrier: 'Crane', tracking: '' });
    await call('ship', operator, { orderId: lamp, carrier: 'Crane', tracking: '' });
    expect((await call('dispute', lin, { orderId: lamp, reason: 'it is torn' })).reply.order.state.is).toBe('disputed');
    shiftMs = 10 * dayMs - 1_000;
    await nodes[0]?.orders.due();
    expect(await account('seller:steam')).toBe(0);
    shiftMs = 10 * dayMs + 1_000;
    await nodes[0]?.orders.due();
    expect((await call('one', lin, { orderId: kettle })).reply.order.state).toMatchObject({
      is: 'received',
      by: 'window',
    });
    expect([await account('seller:steam'), await account('seller:moon')]).toEqual([19_999 - 1_059, 0]);
    expect(
      (await call('settle', operator, { orderId: lamp, for: 'buyer', reason: 'torn indeed' })).reply.order.state.is,
    ).toBe('returned');
    expect(await account('seller:moon')).toBe(0);
    await expectLawsWhole();
  });
});

describe('an order that a coupon pays whole', () => {
  test('is paid as it is placed, asks no provider, and gives the fund its money back', async () => {
    records.coupons = [coupon('all', { offMinor: 50_000 })];
    await stageAll();
    const lin = person();
    const { payment, orders } = await placed(lin, [{ dealId: 'kettle' }]);
    expect([payment.amountMinor, payment.state.is, orders[0]?.state.is]).toEqual([0, 'paid', 'paid']);
    expect([await stock('kettle'), await uses('all')]).toEqual([
      { free: 9, held: 0, sold: 1 },
      { free: 99, held: 0, sold: 1 },
    ]);
    expect([await account('escrow'), await account('coupon-fund:all')]).toEqual([19_999, -19_999]);
    expect((await call('pay', lin, { paymentId: payment.paymentId })).why).toBe('wrong-state');
    expect(sessions).toEqual([]);
    const back = await call('refund', lin, { orderId: orders[0]?.orderId, reason: 'no' });
    expect(back.reply).toMatchObject({ refundMinor: 0, order: { state: { is: 'refunded' } } });
    expect([await account('escrow'), await account('coupon-fund:all')]).toEqual([0, 0]);
    expect([await stock('kettle'), await uses('all')]).toEqual([
      { free: 10, held: 0, sold: 0 },
      { free: 100, held: 0, sold: 0 },
    ]);
    await expectLawsWhole();
  });
});

describe('an attempt that the provider refused', () => {
  test('ends nothing and is kept for who waits, and says nothing once the money has come', async () => {
    await stageAll();
    const lin = person();
    const { payment } = await placed(lin, [{ dealId: 'kettle' }]);
    await call('pay', lin, { paymentId: payment.paymentId });
    expect(await settle(told('payment.failed', payment, { providerId: 'p_another' }))).toBe('settled');
    const open = async () => (await call('payment', lin, { paymentId: payment.paymentId })).reply.payment;
    expect(await open()).toMatchObject({ state: { is: 'open' }, lastRefusedAtMs: null });
    expect(await settle(told('payment.failed', payment))).toBe('settled');
    const { lastRefusedAtMs } = await open();
    expect(lastRefusedAtMs).toBeGreaterThan(0);
    expect(await open()).toMatchObject({ state: { is: 'open' } });
    expect(await stock('kettle')).toEqual({ free: 9, held: 1, sold: 0 });

    expect(await settle(told('payment.succeeded', payment))).toBe('settled');
    // Told out of order, as it may be.
    expect(await settle(told('payment.failed', payment))).toBe('settled');
    expect(await open()).toMatchObject({ state: { is: 'paid' }, lastRefusedAtMs });
    await expectLawsWhole();
  });
});

describe('a late payment', () => {
  async function lapsed(who: Person, lines: { dealId: string; quantity?: number }[]) {
    const found = await placed(who, lines);
    shiftMs = 600_001;
    await nodes[0]?.orders.due();
    return found;
  }

  test('gets its goods where every unit is free, told any number of times', async () => {
    await stageAll();
    const lin = person();
    const { payment, orders } = await lapsed(lin, [{ dealId: 'kettle', quantity: 2 }, { dealId: 'lamp' }]);
    const events = Array.from({ length: 12 }, () => told('payment.succeeded', payment));
    expect(new Set(await Promise.all(events.map((event, i) => settle(event, i % 2))))).toEqual(new Set(['settled']));
    await Promise.all(nodes.map((node) => node.orders.due()));
    const now = (await call('payment', lin, { paymentId: payment.paymentId })).reply;
    expect(now.payment).toMatchObject({ state: { is: 'paid' }, refunds: [] });
    expect(now.orders.map((order: Order) => order.state.is)).toEqual(['paid', 'paid']);
    expect([await stock('kettle'), await stock('lamp')]).toEqual([
      { free: 8, held: 0, sold: 2 },
      { free: 9, held: 0, sold: 1 },
    ]);
    expect([await account('shoppers'), await account('escrow'), await account('refunds')]).toEqual([
      -payment.amountMinor,
      payment.amountMinor,
      0,
    ]);
    expect(orders).toHaveLength(2);
    await expectLawsWhole();
  });

  test('goes back whole where one unit is gone, and none of its other units is taken', async () => {
    records.deals = [flash('kettle', 'kettle', 19_999), flash('lamp', 'lamp', 33_333, { total: 1 })];
    await stageAll();
    const lin = person();
    const { payment } = await lapsed(lin, [{ dealId: 'kettle' }, { dealId: 'lamp' }]);
    await claim(person(), [{ dealId: 'lamp' }]);
    await Promise.all(nodes.map((_, i) => settle(told('payment.succeeded', payment), i)));
    const now = (await call('payment', lin, { paymentId: payment.paymentId })).reply;
    expect(now.payment.state.is).toBe('refunded');
    expect(now.payment.refunds.map((r: { amountMinor: number; why: string }) => [r.amountMinor, r.why])).toEqual([
      [19_999, 'too-late'],
      [33_333, 'too-late'],
    ]);
    expect(now.orders.map((order: Order) => order.state.is)).toEqual(['refunded', 'refunded']);
    expect(await stock('kettle')).toEqual({ free: 10, held: 0, sold: 0 });
    await confirmRefunds(payment.paymentId);
    expect([await account('shoppers'), await account('refunds')]).toEqual([0, 0]);
    expect(audited.some((facts) => facts['audit'] === 'orders.late-payment' && facts['end'] === 'refund')).toBe(true);
    await expectLawsWhole();
  });

  test('goes back where the shopper has since taken all that one may have, and where the order was cancelled', async () => {
    await stageAll();
    const lin = person();
    const { payment } = await lapsed(lin, [{ dealId: 'kettle', quantity: 2 }]);
    await claim(lin, [{ dealId: 'kettle', quantity: 2 }]);
    await settle(told('payment.succeeded', payment));
    expect((await call('payment', lin, { paymentId: payment.paymentId })).reply.payment.state.is).toBe('refunded');

    shiftMs = 0;
    const wei = person();
    const cancelled = await placed(wei, [{ dealId: 'lamp' }]);
    await call('cancel', wei, { paymentId: cancelled.payment.paymentId });
    await settle(told('payment.succeeded', cancelled.payment));
    const now = (await call('payment', wei, { paymentId: cancelled.payment.paymentId })).reply;
    expect([now.payment.state.is, now.orders[0].state.is]).toEqual(['refunded', 'refunded']);
    await expectLawsWhole();
  });

  test('asks home for a unit that lies in another partition', async () => {
    open(4);
    records.deals = [flash('kettle', 'kettle', 19_999, { total: 3 })];
    await stageAll();
    const lin = personOf(2);
    const { payment } = await lapsed(lin, [{ dealId: 'kettle', quantity: 2 }]);
    // The units have gone to another partition and come free there.
    const other = personOf(1);
    const hold = await claim(other, [{ dealId: 'kettle', quantity: 3 }]);
    await askDeals('release', other, { holdId: hold.holdId });
    await settle(told('payment.succeeded', payment));
    await nodes[0]?.orders.due();
    expect((await call('payment', lin, { paymentId: payment.paymentId })).reply.payment.state.is).toBe('paid');
    expect((await stock('kettle', 2)).sold).toBe(2);
    await nodes[0]?.deals.sweepPools();
    await expectLawsWhole();
  });

  test('that cannot be brought to its end waits for its deadline and then goes back', async () => {
    await stageAll();
    const lin = person();
    const { payment } = await lapsed(lin, [{ dealId: 'kettle' }]);
    // Home is away: the pool's own hash is not there, and the slice has nothing.
    const home = keys.partition(keys.homeOf(stockPool('kettle'))).pool(stockPool('kettle'));
    const kept = await rig.redis.dump(home);
    const slice = keys.of(lin.shopperId).deal('kettle');
    await rig.redis.rename(home, `${home}-away`);
    await rig.redis.hincrby(slice, 'free', '-10');
    expect(await settle(told('payment.succeeded', payment))).toBe('settled');
    await expect(nodes[0]?.orders.due()).rejects.toThrow();
    expect((await call('payment', lin, { paymentId: payment.paymentId })).reply.payment.state.is).toBe('paid-late');
    shiftMs += lateForMs + 1;
    await nodes[1]?.orders.due();
    expect((await call('payment', lin, { paymentId: payment.paymentId })).reply.payment.state.is).toBe('refunded');
    await rig.redis.rename(`${home}-away`, home);
    await rig.redis.hincrby(slice, 'free', '10');
    expect(kept).not.toBeNull();
    await expectLawsWhole();
  });
});

describe('sent twice and at once, over two nodes,', () => {
  test('every command changes things once and answers the same words', async () => {
    await stageAll();
    const lin = person();
    async function both(name: string, who: Person, input: object): Promise<Answer> {
      const requestId = random.token(12);
      const answers = await Promise.all([0, 1, 0, 1].map((node) => call(name, who, { requestId, ...input }, node)));
      const later = await call(name, who, { requestId, ...input });
      for (const answer of [...answers, later]) expect(answer).toEqual(answers[0]);
      return answers[0];
    }
    const hold = await claim(lin, [{ dealId: 'kettle', quantity: 2 }, { dealId: 'lamp' }]);
    const placing = await both('place', lin, { holdIds: [hold.holdId], totalMinor: 73_331, currency: 'CNY' });
    expect(placing.ok).toBe(true);
    const { payment, orders } = placing.reply as { payment: Payment; orders: Order[] };
    const [kettle = '', lamp = ''] = orders.map((order) => order.orderId);
    expect((await both('pay', lin, { paymentId: payment.paymentId })).ok).toBe(true);
    await Promise.all([0, 1, 0, 1].map((node) => settle(told('payment.succeeded', payment), node)));
    expect((await both('ship', brand('steam'), { orderId: kettle, carrier: 'Crane', tracking: '1' })).ok).toBe(true);
    expect((await both('ship', operator, { orderId: lamp, carrier: 'Crane', tracking: '1' })).ok).toBe(true);
    expect((await both('receive', lin, { orderId: kettle })).ok).toBe(true);
    const one = [{ dealId: 'kettle', quantity: 1 }];
    expect((await both('refund', lin, { orderId: kettle, reason: 'one', lines: one })).reply.refundMinor).toBe(19_999);
    expect((await both('dispute', lin, { orderId: lamp, reason: 'torn' })).ok).toBe(true);
    expect((await both('settle', operator, { orderId: lamp, for: 'seller', reason: 'it was whole' })).ok).toBe(true);
    expect(await stock('kettle')).toEqual({ free: 9, held: 0, sold: 1 });
    const timeline = (await call('one', lin, { orderId: kettle })).reply.timeline;
    expect(timeline.map((entry: { what: string }) => entry.what)).toEqual([
      'placed',
      'paid',
      'shipped',
      'received',
      'returned-in-part',
    ]);
    await expectLawsWhole();
  });

  test('one hold makes one order, whoever asks and however often', async () => {
    await stageAll();
    const lin = person();
    const hold = await claim(lin, [{ dealId: 'kettle' }]);
    const input = { holdIds: [hold.holdId], totalMinor: 19_999, currency: 'CNY' };
    const answers = await Promise.all(Array.from({ length: 16 }, (_, i) => call('place', lin, input, i % 2)));
    const won = answers.filter((answer) => answer.ok);
    expect(won).toHaveLength(1);
    const { paymentId } = won[0].reply.payment;
    for (const answer of answers)
      if (!answer.ok) expect(answer).toEqual({ ok: false, why: 'being-paid', holdId: hold.holdId, paymentId });
    expect(await rig.redis.zcard(keys.of(lin.shopperId).shopperOrders(lin.shopperId))).toBe(1);
    await expectLawsWhole();
  });

  test('one coupon used 64 times at once is used as often as one shopper may, and no more', async () => {
    records.coupons = [coupon('fifty', { usesPerShopper: 2 })];
    records.deals = [flash('kettle', 'kettle', 19_999, { limitPerShopper: 20, total: 20 })];
    await stageAll();
    const lin = person();
    const holds = await Promise.all(Array.from({ length: 8 }, () => claim(lin, [{ dealId: 'kettle' }])));
    const answers = await Promise.all(
      Array.from({ length: 64 }, (_, i) =>
        call(
          'place',
          lin,
          { holdIds: [holds[i % 8]?.holdId], coupons: ['fifty'], totalMinor: 14_999, currency: 'CNY' },
          i % 2,
        ),
      ),
    );
    const whys = new Map<string, number>();
    for (const answer of answers)
      whys.set(answer.ok ? 'ok' : answer.why, (whys.get(answer.ok ? 'ok' : answer.why) ?? 0) + 1);
    expect(whys.get('ok')).toBe(2);
    expect([...whys.keys()].toSorted()).toEqual(['being-paid', 'coupon-used', 'ok']);
    expect(await uses('fifty')).toEqual({ free: 98, held: 2, sold: 0 });
    await expectLawsWhole();
  });

  test.each([1, 4])(
    '64 shoppers share what is left of a coupon, and no use is made or lost (%i partitions)',
    async (partitions) => {
      open(partitions);
      records.coupons = [coupon('five', { total: 5 })];
      records.deals = [flash('kettle', 'kettle', 19_999, { total: 100 })];
      await stageAll();
      const answers = await Promise.all(
        Array.from({ length: 64 }, async (_, i) => {
          const who = person();
          const hold = await claim(who, [{ dealId: 'kettle' }]);
          return call(
            'place',
            who,
            { holdIds: [hold.holdId], coupons: ['five'], totalMinor: 14_999, currency: 'CNY' },
            i % 2,
          );
        }),
      );
      expect(answers.filter((answer) => answer.ok)).toHaveLength(5);
      for (const answer of answers)
        if (!answer.ok) expect(answer).toEqual({ ok: false, why: 'coupon-gone', couponId: 'five' });
      await nodes[0]?.deals.sweepPools();
      await expectLawsWhole();
    },
  );
});

describe('bad input changes nothing:', () => {
  const places: [string, (hold: Hold) => object, object][] = [
    ['a price that the client made up', () => ({ totalMinor: 1 }), { why: 'price-moved', totalMinor: 19_999 }],
    ['another currency', () => ({ currency: 'USD' }), { why: 'wrong-currency', currency: 'CNY' }],
    ['a negative price', () => ({ totalMinor: -19_999 }), { fault: 'bad-input' }],
    ['a fractional price', () => ({ totalMinor: 19_999.5 }), { fault: 'bad-input' }],
    ['a hold of nobody', () => ({ holdIds: ['h0.nosuchhold'] }), { why: 'unknown-hold', holdId: 'h0.nosuchhold' }],
    ['a hold twice', ({ holdId }) => ({ holdIds: [holdId, holdId] }), { fault: 'bad-input' }],
    ['a coupon of nobody', () => ({ coupons: ['nothing'] }), { why: 'unknown-coupon', couponId: 'nothing' }],
    ['an expired coupon', () => ({ coupons: ['old'] }), { why: 'coupon-expired', couponId: 'old' }],
    [
      'a coupon of another brand',
      () => ({ coupons: ['moon'] }),
      { why: 'coupon-not-fitting', couponId: 'moon', reason: 'other-brand' },
    ],
    ['an unknown field', () => ({ priceMinor: 1 }), { fault: 'bad-input' }],
  ];
  test.each(places)('placing with %s', async (_what, more, expected) => {
    records.coupons = [
      coupon('old', { when: '+0s for 10m' }),
      coupon('moon', { kind: 'brand', brandId: 'moon', offMinor: 100 }),
    ];
    await stageAll();
    const lin = person();
    const hold = await claim(lin, [{ dealId: 'kettle' }]);
    const before = await everything();
    const answer = await call('place', lin, {
      holdIds: [hold.holdId],
      totalMinor: 19_999,
      currency: 'CNY',
      ...more(hold),
    });
    expect(answer).toMatchObject({ ok: false, ...expected });
    expect(await everything()).toBe(before);
    if ('why' in expected)
      expect(audited).toContainEqual(expect.objectContaining({ audit: 'orders.refused', why: answer.why }));
  });

  test('placing holds that do not go together', async () => {
    const presale = {
      depositMinor: 10_000,
      depositWorthMinor: 15_000,
      balanceAfter: '0s',
      balanceFor: '1h',
      forfeitPermille: 250,
    };
    records.deals.push(flash('sofa', 'lamp', 33_333, { presale }));
    await stageAll();
    const lin = person();
    const [first, second, sofa, offer] = await Promise.all(
      ['kettle', 'kettle', 'sofa', 'pan'].map((dealId) => claim(lin, [{ dealId }])),
    );
    const holds = keys.of(lin.shopperId).holds(lin.shopperId);
    // Held at an early price, and offered to the next in line: as the deals' own scripts write it.
    async function rewrite(hold: Hold | undefined, from: string, to: string): Promise<void> {
      const text = (await rig.redis.hget(holds, hold?.holdId ?? '')) ?? '';
      await rig.redis.hset(holds, hold?.holdId ?? '', text.replace(from, to));
    }
    await rewrite(second, '"priceMinor":19999', '"priceMinor":18000');
    await rewrite(offer, '"kind":"hold"', '"kind":"offer"');
    const before = await everything();
    const place = (...wanted: (Hold | undefined)[]) =>
      call('place', lin, { holdIds: wanted.map((hold) => hold?.holdId), totalMinor: 19_999, currency: 'CNY' });
    expect(await place(first, second)).toEqual({ ok: false, why: 'prices-differ', dealId: 'kettle' });
    expect(await place(first, sofa)).toEqual({ ok: false, why: 'presale-apart' });
    expect(await place(offer)).toEqual({ ok: false, why: 'not-accepted', holdId: offer?.holdId });
    expect(await everything()).toBe(before);
  });

  test('placing another’s hold', async () => {
    await stageAll();
    const hold = await claim(person(), [{ dealId: 'kettle' }]);
    const before = await everything();
    const answer = await call('place', person(), { holdIds: [hold.holdId], totalMinor: 19_999, currency: 'CNY' });
    expect(answer).toEqual({ ok: false, why: 'unknown-hold', holdId: hold.holdId });
    expect(await everything()).toBe(before);
  });

  test.each([0, -1, 0.5, 1_000_000_000, '1', null])('a quantity of %s, quoted or refunded', async (quantity) => {
    await stageAll();
    const lin = person();
    const { orders } = await paid(lin, [{ dealId: 'kettle' }]);
    const before = await everything();
    const lines = [{ dealId: 'kettle', quantity }];
    expect(await call('quote', lin, { lines })).toMatchObject({ fault: 'bad-input' });
    expect(await call('refund', lin, { orderId: orders[0]?.orderId, reason: 'x', lines })).toMatchObject({
      fault: 'bad-input',
    });
    expect(await everything()).toBe(before);
  });

  test('another’s order and payment: there is none for a stranger, and it is written down', async () => {
    await stageAll();
    const lin = person();
    const { orders, payment } = await paid(lin, [{ dealId: 'kettle' }]);
    const [{ orderId } = { orderId: '' }] = orders;
    const { paymentId } = payment;
    const before = await everything();
    const reason = 'mine';
    const asked: [string, Person, object, string][] = [
      ['one', person(), { orderId }, 'unknown-order'],
      ['one', brand('moon'), { orderId }, 'unknown-order'],
      ['export', person(), { orderId, format: 'csv' }, 'unknown-order'],
      ['receive', person(), { orderId }, 'unknown-order'],
      ['refund', person(), { orderId, reason }, 'unknown-order'],
      ['dispute', brand('steam'), { orderId, reason }, 'unknown-order'],
      ['balance', person(), { orderId }, 'unknown-order'],
      ['ship', brand('moon'), { orderId, carrier: 'x', tracking: '' }, 'unknown-order'],
      ['pay', person(), { paymentId }, 'unknown-payment'],
      ['cancel', person(), { paymentId }, 'unknown-payment'],
      ['payment', person(), { paymentId }, 'unknown-payment'],
      ['sold', brand('moon'), { brandId: 'steam' }, 'not-yours'],
    ];
    for (const [name, who, input, why] of asked) expect(await call(name, who, input), name).toEqual({ ok: false, why });
    expect(audited.filter((facts) => facts['audit'] === 'orders.not-theirs')).toHaveLength(asked.length);
    for (const strange of ['o0.doesnotexist', 'o7.doesnotexist', 'o999.doesnotexist'])
      expect(await call('one', lin, { orderId: strange })).toEqual({ ok: false, why: 'unknown-order' });
    expect((await call('ship', lin, { orderId, carrier: 'x', tracking: '' })).fault).toBe('forbidden');
    expect((await call('settle', brand('steam'), { orderId, for: 'seller', reason })).fault).toBe('forbidden');
    expect(await everything()).toBe(before);
  });

  test('a requestId used again with another body', async () => {
    await stageAll();
    const lin = person();
    const hold = await claim(lin, [{ dealId: 'kettle' }]);
    const requestId = random.token(12);
    const input = { requestId, holdIds: [hold.holdId], totalMinor: 19_999, currency: 'CNY' };
    expect((await call('place', lin, { ...input, totalMinor: 5 })).why).toBe('price-moved');
    const before = await everything();
    expect(await call('place', lin, input)).toEqual({ ok: false, why: 'request-id-reused' });
    expect(await everything()).toBe(before);
  });

  test('money of another amount or currency, for no payment, or a refund nobody asked for', async () => {
    await stageAll();
    const { payment } = await placed(person(), [{ dealId: 'kettle' }]);
    const before = await everything();
    expect(await settle(told('payment.succeeded', payment, { amountMinor: 1 }))).toBe('amount-differs');
    expect(await settle(told('payment.succeeded', payment, { currency: 'usd' }))).toBe('currency-differs');
    expect(await settle(told('payment.succeeded', payment, { reference: 'y0.nosuchpayment' }))).toBe('unknown-payment');
    expect(await settle(told('payment.succeeded', payment, { reference: 'y900.nosuchpayment' }))).toBe(
      'unknown-payment',
    );
    expect(await settle(told('refund.succeeded', payment, { refundReference: `${payment.paymentId}-r1` }))).toBe(
      'unknown-payment',
    );
    expect(await settle(told('payment.failed', payment))).toBe('settled');
    expect(await everything()).toBe(before);
    expect(audited.filter((facts) => facts['audit'] === 'orders.unfitting-event')).toHaveLength(5);
  });

  test('a coupon that the shopper has used up, without which it is another price', async () => {
    records.coupons = [coupon('fifty')];
    await stageAll();
    const lin = person();
    await placed(lin, [{ dealId: 'kettle' }]);
    const hold = await claim(lin, [{ dealId: 'kettle' }]);
    const input = { holdIds: [hold.holdId], totalMinor: 14_999, currency: 'CNY' };
    expect(await call('place', lin, { ...input, coupons: ['fifty'] })).toEqual({
      ok: false,
      why: 'coupon-used',
      couponId: 'fifty',
      usesPerShopper: 1,
    });
    expect(await call('place', lin, input)).toEqual({ ok: false, why: 'price-moved', totalMinor: 19_999 });
  });
});

describe('what is told of orders', () => {
  test('names things as they were sold, and shows them as the street has them now', async () => {
    records.coupons = [coupon('fifty', { title: 'Fifty off' })];
    records.brands = [{ id: 'steam', name: 'Steam Row', tagline: '', logo }];
    await stageAll();
    const lin = person();
    const { payment, orders } = await placed(lin, [{ dealId: 'kettle' }]);
    const orderId = orders[0]?.orderId ?? '';
    records.products = records.products.map((each) => ({ ...each, name: `${each.id}, renamed` }));
    const things = {
      products: [{ id: 'kettle', name: 'kettle, renamed', picture }],
      brands: [{ id: 'steam', name: 'Steam Row', logo }],
      coupons: [{ id: 'fifty', title: 'Fifty off', kind: 'cross-brand' }],
    };
    for (const answer of [
      await call('one', lin, { orderId }),
      await call('mine', lin, {}),
      await call('payment', lin, { paymentId: payment.paymentId }),
    ]) {
      const { order, orders: [first = order] = [] } = answer.reply;
      expect(first.lines[0].name).toBe('kettle');
      expect(answer.reply.things).toEqual(things);
    }
    // What is no longer on the street keeps its name in the order, and has no picture.
    records.products = [];
    const gone = (await call('one', lin, { orderId })).reply;
    expect([gone.order.lines[0].name, gone.things.products]).toEqual(['kettle', []]);
  });

  test('tells the refunds of all its payments: that of the deposit too, once a balance was opened and missed', async () => {
    const presale = {
      depositMinor: 5_000,
      depositWorthMinor: 6_000,
      balanceAfter: '0s',
      balanceFor: '1h',
      forfeitPermille: 400,
    };
    records.deals = [flash('kettle', 'kettle', 20_000, { presale })];
    await stageAll();
    // Its deposit window closed half an hour ago, so its balance is open.
    firstStartMs -= 90 * 60_000;
    const lin = person();
    const { payment, orders } = await paid(lin, [{ dealId: 'kettle' }]);
    const orderId = orders[0]?.orderId ?? '';
    const opened = (await call('balance', lin, { orderId })).reply.payment;
    shiftMs = 3 * 3_600_000;
    await nodes[0]?.orders.due();
    const now = (await call('one', lin, { orderId })).reply;
    expect(now.order.state).toMatchObject({ is: 'lapsed', forfeitMinor: 2_000 });
    expect([now.payment.paymentId, now.payment.refunds]).toEqual([opened.paymentId, []]);
    expect(now.refunds).toMatchObject([{ orderId, amountMinor: 3_000, why: 'balance-missed', state: 'asked' }]);
    await confirmRefunds(payment.paymentId);
    expect((await call('one', lin, { orderId })).reply.refunds).toMatchObject([{ state: 'confirmed' }]);
  });

  test('a page of many goes on where the last one ended, for buyer and seller', async () => {
    records.deals = [flash('kettle', 'kettle', 19_999, { limitPerShopper: 40, total: 40 })];
    await stageAll();
    const lin = person();
    for (let i = 0; i < 23; i++)
      await placed(lin, [{ dealId: 'kettle' }]).then(({ payment }) => settle(told('payment.succeeded', payment)));
    for (const [name, who, more] of [
      ['mine', lin, {}],
      ['sold', brand('steam'), { brandId: 'steam' }],
    ] as const) {
      const first = await call(name, who, more);
      expect(first.reply.more).toBe(true);
      const before = first.reply.orders.at(-1).placedAtMs;
      const second = await call(name, who, { ...more, before });
      const ids = [...first.reply.orders, ...second.reply.orders].map((order: Order) => order.orderId);
      expect(new Set(ids).size).toBe(23);
      expect(second.reply.more).toBe(false);
    }
  });

  test('an export of its timeline can be checked again, and no note of it runs as a formula', async () => {
    await stageAll();
    const lin = person();
    const { orders } = await paid(lin, [{ dealId: 'kettle' }]);
    const orderId = orders[0]?.orderId ?? '';
    await call('refund', lin, { orderId, reason: '=HYPERLINK("http://x","a"),\nb' });
    const csv = (await call('export', brand('steam'), { orderId, format: 'csv' })).reply;
    expect(csv.type).toContain('text/csv');
    expect(csv.text).toContain(`"'=HYPERLINK(""http://x"",""a""),\nb"`);
    const json = (await call('export', lin, { orderId, format: 'json' })).reply;
    expect(JSON.parse(json.text).entries).toHaveLength(3);
  });

  test('an entry that is changed or taken out breaks the chain at its place', async () => {
    await stageAll();
    const lin = person();
    const { orders } = await paid(lin, [{ dealId: 'kettle' }]);
    const orderId = orders[0]?.orderId ?? '';
    const key = keys.of(lin.shopperId).timeline(orderId);
    const [first = ''] = await rig.redis.lrange(key, 0, 0);
    await rig.redis.lset(key, 0, first.replace('19999', '10000'));
    expect((await call('one', lin, { orderId })).reply.chain).toEqual({ whole: false, brokenAt: 1 });
    await rig.redis.lset(key, 0, first);
    await rig.redis.rpop(key);
    expect((await call('one', lin, { orderId })).reply.chain).toEqual({ whole: false, brokenAt: 2 });
  });

  test('a quote says what is held costs as held, and which coupons were left out', async () => {
    records.coupons = [coupon('fifty'), coupon('big', { fromMinor: 90_000 })];
    await stageAll();
    const lin = person();
    await claim(lin, [{ dealId: 'kettle' }]);
    records.deals = records.deals.map((deal) => ({ ...deal, priceMinor: 25_000 }));
    const quoted = (await call('quote', lin, { lines: [{ dealId: 'kettle', quantity: 1 }] })).reply;
    expect(quoted.totalMinor).toBe(14_999);
    expect(quoted.ruledOut).toEqual([{ couponId: 'big', why: 'not-reached', missingMinor: 70_001 }]);
    expect((await call('quote', null, { lines: [{ dealId: 'kettle', quantity: 1 }] })).reply.totalMinor).toBe(20_000);
    expect(await call('quote', lin, { lines: [{ dealId: 'moped', quantity: 1 }] })).toEqual({
      ok: false,
      why: 'unknown-deal',
      dealId: 'moped',
    });
  });
});
