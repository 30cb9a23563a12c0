import type { Hold } from '@elevens/shared/src/deals/contract.ts';
import type { CouponRecord, DealRecord } from '@elevens/shared/src/deals/records.ts';
import { type Order, orders as ordersContract, type Payment } from '@elevens/shared/src/orders/contract.ts';
import type { Redis } from 'ioredis';
import type { Caller, Person } from '../../platform/caller.ts';
import type { Clock } from '../../platform/clock.ts';
import { createGateway } from '../../platform/gateway.ts';
import { createLogger } from '../../platform/logger.ts';
import { createMetrics } from '../../platform/metrics.ts';
import { createSeededRandom } from '../../platform/random.ts';
import { createKeyspace } from '../../platform/redis/keyspace.ts';
import { createRelay } from '../../platform/relay.ts';
import type { Catalogue } from '../catalogue/index.ts';
import { createDeals } from '../deals/index.ts';
import { createOrders } from '../orders/index.ts';

const wares = [
  { id: 'kettle', productId: 'kettle', brandId: 'steam', priceMinor: 19_999, listMinor: 29_900, total: 60 },
  { id: 'pan', productId: 'pan', brandId: 'steam', priceMinor: 7_301, listMinor: 9_900, total: 30 },
  { id: 'lamp', productId: 'lamp', brandId: 'moon', priceMinor: 33_333, listMinor: 40_000, total: 12 },
];
const coupon = (id: string, kind: CouponRecord['kind'], more: Partial<CouponRecord> = {}): CouponRecord => ({
  id,
  title: id,
  kind,
  offMinor: 1_500,
  fromMinor: 5_000,
  repeats: false,
  when: '+0s for 12h',
  usesPerShopper: 2,
  total: 20,
  stacksWith: [],
  ...more,
});
const coupons = [
  coupon('evening', 'cross-brand'),
  coupon('row', 'brand', { brandId: 'steam', offMinor: 700, total: 8 }),
];

/** What was placed together. */
export interface Placed {
  payment: Payment;
  orders: Order[];
}

/** A small festival that sells through the real stores, for whoever counts it a second time. */
export async function openShop(
  redis: Redis,
  { festival, partitions, clock, seed }: { festival: string; partitions: number; clock: Clock; seed: string },
) {
  const keys = createKeyspace({ festival, partitions });
  const random = createSeededRandom(`${festival} ${seed}`);
  const firstStartMs = clock.nowMs() - 3_600_000;
  const records = {
    products: wares.map((d) => ({ ...d, id: d.productId, name: d.id, blurb: '', unit: d.id, picture: {} })),
    brands: [],
    deals: wares.map(
      ({ id, productId, priceMinor, total }): DealRecord => ({
        id,
        productId,
        when: '+0s for 12h',
        priceMinor,
        total,
        limitPerShopper: 5,
        hold: '10m',
      }),
    ),
    coupons,
  };
  const catalogue = {
    festival: () => ({
      id: festival,
      title: 'Test',
      places: [],
      currency: 'CNY',
      payout: { commissionPermille: 53, confirmDays: 10, refundDays: 7 },
      firstStartMs,
    }),
    all: (kind: string) => records[kind as 'coupons'],
    get: (kind: string, id: string) => records[kind as 'coupons'].find((record) => record.id === id),
    version: () => 1,
  } as unknown as Catalogue;
  const logger = createLogger('silent');
  const metrics = createMetrics();
  const feeds = { state: () => {}, log: () => {} };
  const relay = createRelay({ redis, logger });
  const deals = createDeals({ redis, keys, clock, random, logger, metrics, feeds, relay, catalogue });
  const orders = createOrders({
    redis,
    keys,
    clock,
    random,
    logger,
    feeds,
    relay,
    catalogue,
    pools: deals.pools,
    provider: null,
    askProvider: async () => {},
    returnUrl: () => '',
  });
  const gateway = createGateway({ clock, random, logger, metrics, checkReplies: false });
  gateway.serve(ordersContract, orders.handlers);
  await deals.stage();
  await orders.stageCoupons();

  const person = (more: Partial<Person> = {}): Person => ({
    shopperId: `s_${random.token(16)}`,
    displayName: 'Lin',
    locale: 'en',
    roles: ['shopper'],
    brandId: null,
    simulated: false,
    ...more,
  });
  const operator = person({ shopperId: 'u_operator', roles: ['shopper', 'operator'] });
  async function call(name: string, who: Person, input: object): Promise<{ ok: boolean; reply?: unknown }> {
    const { changes } = ordersContract.commands[name as 'place'];
    return gateway.call({
      name: `orders:${name}`,
      input: changes ? { requestId: random.token(12), ...input } : input,
      person: who,
      address: 'a',
      socket: null,
    });
  }

  /** Claims; answers the hold, or null where it was refused. */
  async function claim(who: Person, dealId: string, quantity = 1): Promise<Hold | null> {
    const caller: Caller = { person: who, arrivedAtMs: clock.nowMs(), traceId: 't', socket: null };
    const requestId = random.token(12);
    const answer = { requestId, command: 'deals:claim', inputHash: 'same' };
    const outcome = await deals.handlers.claim(caller, { requestId, lines: [{ dealId, quantity }] }, answer);
    return outcome.ok ? outcome.reply : null;
  }

  /** Claims and places; answers the payment with its orders, or null where it was refused. */
  async function place(who: Person, lines: { dealId: string; quantity: number }[]): Promise<Placed | null> {
    const holdIds: string[] = [];
    for (const { dealId, quantity } of lines) {
      const hold = await claim(who, dealId, quantity);
      if (hold !== null) holdIds.push(hold.holdId);
    }
    if (holdIds.length === 0) return null;
    const wanted = lines.slice(0, holdIds.length);
    const quote = await call('quote', who, { lines: wanted });
    if (!quote.ok) return null;
    const { totalMinor } = quote.reply as { totalMinor: number };
    const placed = await call('place', who, { holdIds, totalMinor, currency: 'CNY' });
    return placed.ok ? (placed.reply as Placed) : null;
  }

  const tell = (type: 'payment.succeeded' | 'refund.succeeded', paymentId: string, more: object) =>
    orders.book.settle({
      eventId: random.token(9),
      type,
      providerId: `p_${paymentId}`,
      reference: paymentId,
      currency: 'cny',
      atMs: clock.nowMs(),
      amountMinor: 0,
      ...more,
    });
  const pay = (payment: { paymentId: string; amountMinor: number }) =>
    tell('payment.succeeded', payment.paymentId, { amountMinor: payment.amountMinor });

  /** Does something of what shoppers, brands, the provider and time do; some of it is refused, as in life. */
  async function doSomething(people: readonly Person[], placed: { who: Person; reply: Placed }[]): Promise<void> {
    const who = people[random.int(people.length)] as Person;
    const any = placed[random.int(Math.max(1, placed.length))];
    const orderId = any?.reply.orders[random.int(any.reply.orders.length)]?.orderId ?? '';
    switch (random.int(10)) {
      case 0:
      case 1:
      case 2: {
        const lines = ['kettle', 'pan', 'lamp']
          .filter(() => random.int(2) === 0)
          .map((dealId) => ({ dealId, quantity: 1 + random.int(2) }));
        const reply = lines.length === 0 ? null : await place(who, lines);
        if (reply !== null) placed.push({ who, reply });
        return;
      }
      case 3:
        await claim(who, 'pan');
        return;
      case 4:
      case 5:
        if (any !== undefined) await pay(any.reply.payment);
        return;
      case 6:
        if (any !== undefined) await call('cancel', any.who, { paymentId: any.reply.payment.paymentId });
        return;
      case 7:
        await call('ship', operator, { orderId, carrier: 'Mule', tracking: '1' });
        return;
      case 8:
        if (any !== undefined) await call('receive', any.who, { orderId });
        return;
      case 9: {
        if (any === undefined) return;
        await call('refund', any.who, { orderId, reason: 'too heavy' });
        const kept = await orders.book.find(any.reply.payment.paymentId);
        for (const refund of random.int(2) === 0 ? (kept?.refunds ?? []) : [])
          await tell('refund.succeeded', any.reply.payment.paymentId, {
            amountMinor: refund.amountMinor,
            refundReference: refund.reference,
          });
      }
    }
  }

  return { keys, random, orders, person, operator, call, claim, place, pay, doSomething };
}
export type Shop = Awaited<ReturnType<typeof openShop>>;
