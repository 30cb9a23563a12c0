import type { PriceProof } from '@elevens/shared/src/deals/pricing/types.ts';
import type { Order, Payment, TimelineEntry } from '@elevens/shared/src/orders/contract.ts';
import { beforeAll, describe, expect, test } from 'vitest';
import { requestId, until } from './test-server.ts';
import {
  expectAudited,
  newShopper,
  type Placed,
  type Shop,
  type Shopper,
  shopFestival,
  startShop,
} from './test-shop.ts';

/** What is paid in two parts, and what becomes of an order once it is paid: whole processes, over the wire. */

const priceMinor = 20_000;
const depositMinor = 3_000;
/** The deposit of 30 counts for 50 when the balance comes. */
const balanceMinor = priceMinor - 5_000;
const forfeitPermille = 500;

const deposits = '+0s for 20s';
const presale = { depositMinor, depositWorthMinor: 5_000, balanceAfter: '0s', balanceFor: '10s', forfeitPermille };
const festival = shopFestival({
  deals: [
    { id: 'in-time', total: 5, priceMinor, when: deposits, presale: { ...presale, balanceFor: '2m' } },
    { id: 'missed', total: 5, priceMinor, when: deposits, presale },
    { id: 'last-second', total: 5, priceMinor, when: deposits, presale },
    { id: 'looked-at', total: 5, priceMinor, presale },
    { id: 'kettle', total: 50, limitPerShopper: 9 },
    { id: 'teapot', total: 50, limitPerShopper: 9, brandId: 'tea-house' },
  ],
});

type WithBalance = Placed & { dealId: string; shopper: Shopper; orderId: string };

let shop: Shop;
let inTime: WithBalance;
let missed: WithBalance;
let lastSecond: WithBalance;

/** Claims one of a presale and pays its deposit. */
async function payDeposit(dealId: string): Promise<WithBalance> {
  const shopper = await newShopper(shop);
  const hold = await shopper.claim(dealId);
  const placed = await shopper.change<Placed>('orders:place', await shopper.toPlace([hold], []));
  await shop.press(await shopper.pageOf(placed.payment.paymentId), '4242');
  const paid = await shopper.untilPayment(placed.payment.paymentId, 'paid');
  return { ...paid, dealId, shopper, orderId: paid.orders[0]?.orderId ?? '' };
}

// The deposits are paid before anything else, because their window is short.
beforeAll(async () => {
  shop = await startShop({ festival, delays: { lateMs: 500 } });
  [inTime, missed, lastSecond] = (await Promise.all(['in-time', 'missed', 'last-second'].map(payDeposit))) as [
    WithBalance,
    WithBalance,
    WithBalance,
  ];
}, 90_000);

interface Shown {
  order: Order;
  payment: Payment;
  timeline: TimelineEntry[];
  chain: { whole: boolean; brokenAt: number | null };
}
const look = ({ shopper, orderId }: Pick<WithBalance, 'shopper' | 'orderId'>) =>
  shopper.ask<Shown>('orders:one', { orderId });
/** What a shopper has paid in all, less what went back. */
const paidBy = async ({ shopper }: Pick<WithBalance, 'shopper'>) =>
  0 - Number((await shop.redis.hget(shop.keys.account(shopper.shopperId), 'minor')) ?? 0);

describe.concurrent('a presale', () => {
  test('takes the deposit and keeps the unit, and neither can the deposit be taken back nor the balance paid early', async () => {
    const { shopper, orderId } = inTime;
    const { order, chain } = await look(inTime);
    expect(order).toMatchObject({
      totalMinor: depositMinor + balanceMinor,
      paidMinor: depositMinor,
      state: { is: 'deposit-paid' },
      presale: { depositMinor, depositWorthMinor: 5_000, balanceMinor },
    });
    expect(chain.whole).toBe(true);
    expect(await shop.stock('in-time')).toEqual({ free: 4, held: 1, sold: 0 });
    expect(await shopper.send('orders:refund', { requestId: requestId(), orderId, reason: 'I think again' })).toEqual({
      ok: false,
      why: 'wrong-state',
      state: 'deposit-paid',
    });
    expect(await shopper.send('orders:cancel', { requestId: requestId(), paymentId: order.paymentId })).toMatchObject({
      ok: false,
      why: 'wrong-state',
    });
    await shop.accounts();
  });

  test('is not placed at its full price, and not together with what is paid at once', async () => {
    const shopper = await newShopper(shop);
    const [first, second] = [await shopper.claim('looked-at'), await shopper.claim('kettle')];
    const place = { currency: 'CNY', coupons: [] };
    expect(
      await shopper.send('orders:place', {
        requestId: requestId(),
        ...place,
        holdIds: [first.holdId],
        totalMinor: depositMinor + balanceMinor,
      }),
    ).toEqual({ ok: false, why: 'price-moved', totalMinor: depositMinor });
    expect(
      await shopper.send('orders:place', {
        requestId: requestId(),
        ...place,
        holdIds: [first.holdId, second.holdId],
        totalMinor: depositMinor + 11_100,
      }),
    ).toEqual({ ok: false, why: 'presale-apart' });
    // Refused, both are held as they were.
    expect(await shop.stock('looked-at')).toEqual({ free: 4, held: 1, sold: 0 });
    await Promise.all([first, second].map(({ holdId }) => shopper.change('deals:release', { holdId })));
  });

  test('whose balance is paid in its window is goods, for what the deposit is worth less', async () => {
    const { shopper, orderId } = inTime;
    const input = { requestId: requestId(), orderId };
    const { order } = await look(inTime);
    const { state } = order;
    if (state.is !== 'deposit-paid') throw new Error(`the order is ${state.is}`);
    const early = await shopper.send('orders:balance', input);
    expect(early).toEqual({ ok: false, why: 'not-open-yet', opensAtMs: state.balanceOpensAtMs });
    // The very same request is what a patient client sends again, so it has to succeed once the window is open.
    const opened = await until(
      'the balance can be paid',
      async () => {
        const answer = await shopper.send('orders:balance', input);
        if (!answer.ok) expect(answer).toEqual(early);
        return answer.ok && (answer.reply as { payment: Payment; order: Order });
      },
      { withinMs: 40_000, everyMs: 100 },
    );
    const { payment } = opened;
    expect(payment).toMatchObject({ what: 'balance', amountMinor: balanceMinor, state: { is: 'open' } });
    // Opened again, from another device and twice at once, it is the same payment.
    const again = await Promise.all(
      (['http', 'socket', 'http'] as const).map((how) =>
        shopper.send('orders:balance', { requestId: requestId(), orderId }, how),
      ),
    );
    for (const answer of again)
      expect(answer).toMatchObject({ ok: true, reply: { payment: { paymentId: payment.paymentId } } });
    await shop.press(await shopper.pageOf(payment.paymentId), '2222');
    await shopper.untilOrder(orderId, 'paid');
    const after = await look(inTime);
    expect(after.order).toMatchObject({ paidMinor: depositMinor + balanceMinor, refundedMinor: 0 });
    expect(after.timeline.map(({ what }) => what)).toEqual([
      'placed',
      'deposit-paid',
      'balance-opened',
      'balance-paid',
    ]);
    expect(after.chain).toEqual({ whole: true, brokenAt: null });
    expect(await paidBy(inTime)).toBe(depositMinor + balanceMinor);
    expect(await shop.stock('in-time')).toMatchObject({ sold: 1 });
    await shop.accounts();
  }, 90_000);

  test('whose balance was paid in its last second, and told after it, is goods as well', async () => {
    const { shopper, orderId } = lastSecond;
    const { payment } = await until(
      'the balance can be paid',
      async () => {
        const answer = await shopper.send('orders:balance', { requestId: requestId(), orderId });
        return answer.ok && (answer.reply as { payment: Payment });
      },
      { withinMs: 40_000, everyMs: 100 },
    );
    await shop.press(await shopper.pageOf(payment.paymentId), '1111');
    const { order } = await shopper.untilOrder(orderId, 'paid', 30_000);
    if (order.state.is !== 'paid') throw new Error('it is not paid');
    expect(order.state.paidAtMs).toBeGreaterThanOrEqual(payment.dueAtMs);
    expect(await shop.stock('last-second')).toEqual({ free: 4, held: 0, sold: 1 });
    expect(await paidBy(lastSecond)).toBe(depositMinor + balanceMinor);
  }, 90_000);

  test('whose balance is missed costs what was said, sends the rest back, and frees the unit', async () => {
    const { shopper, orderId } = missed;
    const input = () => ({ requestId: requestId(), orderId });
    const { payment } = await until(
      'the balance can be paid',
      async () => {
        const answer = await shopper.send('orders:balance', input());
        return answer.ok && (answer.reply as { payment: Payment });
      },
      { withinMs: 40_000, everyMs: 100 },
    );
    await shopper.pageOf(payment.paymentId);
    // Its page at the till ends with its window; what was under way then is waited for a while, and the unit with it.
    await until(
      'the till has shut its page',
      async () => (await shop.session(payment.paymentId)).status === 'expired',
      {
        withinMs: 30_000,
      },
    );
    expect(await shopper.send('orders:pay', { requestId: requestId(), paymentId: payment.paymentId })).toMatchObject({
      ok: false,
      why: 'wrong-state',
    });
    expect(await shop.stock('missed')).toEqual({ free: 4, held: 1, sold: 0 });
    const { order } = await shopper.untilOrder(orderId, 'lapsed', 150_000);
    const forfeitMinor = (depositMinor * forfeitPermille) / 1_000;
    expect(order).toMatchObject({
      state: { is: 'lapsed', forfeitMinor },
      paidMinor: depositMinor,
      refundedMinor: depositMinor - forfeitMinor,
    });
    expect(await shop.stock('missed')).toEqual({ free: 5, held: 0, sold: 0 });
    const deposit = await until('the rest is back', async () => {
      const found = await shopper.paymentOf(missed.payment.paymentId);
      return found.payment.refunds[0]?.state === 'confirmed' && found.payment;
    });
    expect(deposit.refunds).toMatchObject([{ amountMinor: depositMinor - forfeitMinor, why: 'balance-missed' }]);
    expect(await paidBy(missed)).toBe(forfeitMinor);
    expect((await shop.accounts())['platform']).toBe(forfeitMinor);
    const { timeline, chain } = await look(missed);
    expect(timeline.map(({ what }) => what)).toEqual([
      'placed',
      'deposit-paid',
      'balance-opened',
      'balance-missed',
      'refund-confirmed',
    ]);
    expect(chain.whole).toBe(true);
    // What is over stays over.
    expect(await shopper.send('orders:balance', input())).toMatchObject({ ok: false, why: 'wrong-state' });
  }, 240_000);
});

describe('an order that is paid', () => {
  let brand: Shopper;
  let otherBrand: Shopper;
  let desk: Shopper;
  beforeAll(async () => {
    [brand, otherBrand, desk] = await Promise.all([
      shop.brand('Kettle Row').then((session) => newShopper(shop, session)),
      shop.brand('Tea House').then((session) => newShopper(shop, session)),
      shop.server.operator().then((session) => newShopper(shop, session)),
    ]);
  });

  async function paid(...dealIds: string[]) {
    const shopper = await newShopper(shop);
    const { payment } = await shopper.order(...dealIds);
    await shop.press(await shopper.pageOf(payment.paymentId), '4242');
    const { orders } = await shopper.untilPayment(payment.paymentId, 'paid');
    return { shopper, payment, orders, orderId: orders[0]?.orderId ?? '' };
  }
  const ship = (who: Shopper, orderId: string) =>
    who.change('orders:ship', { orderId, carrier: 'Night Post', tracking: 'NP-1' });
  const moved = (after: Record<string, number>, before: Record<string, number>, name: string) =>
    (after[name] ?? 0) - (before[name] ?? 0);

  test('becomes the brand’s money at receipt and not before, once, however often it is said; and sent back it is the buyer’s again', async () => {
    const start = await shop.accounts();
    const { shopper, orderId, payment } = await paid('kettle');
    await ship(brand, orderId);
    const shipped = await shop.accounts();
    expect(moved(shipped, start, 'seller:kettle-row')).toBe(0);
    const told = await Promise.all(
      Array.from({ length: 6 }, (_, i) =>
        shopper.send('orders:receive', { requestId: requestId(), orderId }, i % 2 === 0 ? 'http' : 'socket'),
      ),
    );
    expect(told.filter((answer) => answer.ok)).toHaveLength(1);
    const received = await shop.accounts();
    expect(moved(received, start, 'seller:kettle-row')).toBe(11_100 - 555);
    expect(moved(received, start, 'commission')).toBe(555);
    await shopper.change('orders:refund', { orderId, reason: 'The lid rattles' });
    await shopper.untilOrder(orderId, 'returned');
    await until(
      'the money is back',
      async () => (await shop.session(payment.paymentId)).refunds[0]?.status === 'succeeded',
    );
    await expectAudited(shop, {
      audit: 'payment-event-settled',
      type: 'refund.succeeded',
      reference: payment.paymentId,
    });
    const end = await shop.accounts();
    for (const account of ['seller:kettle-row', 'commission', 'escrow'])
      expect(moved(end, start, account), account).toBe(0);
    const shown = await look({ shopper, orderId });
    expect(shown.chain).toEqual({ whole: true, brokenAt: null });
    // Buyer and seller see the same string.
    expect((await brand.ask<Shown>('orders:one', { orderId })).timeline).toEqual(shown.timeline);
  }, 60_000);

  test('of two brands is two orders, and each brand sends and sees its own alone', async () => {
    const { shopper, orders } = await paid('kettle', 'teapot');
    expect(orders.map(({ brandId }) => brandId).toSorted()).toEqual(['kettle-row', 'tea-house']);
    const of = (brandId: string) => orders.find((order) => order.brandId === brandId)?.orderId ?? '';
    expect(
      await brand.send('orders:ship', { requestId: requestId(), orderId: of('tea-house'), carrier: 'X', tracking: '' }),
    ).toEqual({ ok: false, why: 'unknown-order' });
    await ship(otherBrand, of('tea-house'));
    await shopper.untilOrder(of('tea-house'), 'shipped');
    expect((await look({ shopper, orderId: of('kettle-row') })).order.state.is).toBe('paid');
    const sold = await otherBrand.ask<{ orders: Order[] }>('orders:sold', { brandId: 'tea-house' });
    expect(new Set(sold.orders.map(({ brandId }) => brandId))).toEqual(new Set(['tea-house']));
  }, 60_000);

  test('and disputed keeps its money in escrow until an operator has settled it, for the one or the other, once', async () => {
    const start = await shop.accounts();
    const [forBuyer, forSeller] = await Promise.all([paid('kettle'), paid('kettle')]);
    for (const { shopper, orderId } of [forBuyer, forSeller]) {
      await ship(brand, orderId);
      await shopper.change('orders:dispute', { orderId, reason: 'It came with a hole' });
      expect(await shopper.send('orders:receive', { requestId: requestId(), orderId })).toMatchObject({
        why: 'wrong-state',
      });
      expect(await shopper.send('orders:refund', { requestId: requestId(), orderId, reason: 'At once' })).toMatchObject(
        {
          why: 'wrong-state',
        },
      );
    }
    expect(moved(await shop.accounts(), start, 'escrow')).toBe(22_200);
    const settle = (orderId: string, side: string) =>
      desk.send('orders:settle', { requestId: requestId(), orderId, for: side, reason: 'Seen on the picture' });
    // Two operators at once, who see it differently: one of them settles it.
    const both = await Promise.all([settle(forBuyer.orderId, 'buyer'), settle(forBuyer.orderId, 'buyer')]);
    expect(both.filter((answer) => answer.ok)).toHaveLength(1);
    expect(await settle(forSeller.orderId, 'seller')).toMatchObject({ ok: true });
    expect(await settle(forSeller.orderId, 'buyer')).toMatchObject({
      ok: false,
      why: 'wrong-state',
      state: 'received',
    });
    await forBuyer.shopper.untilOrder(forBuyer.orderId, 'returned');
    await expectAudited(shop, {
      audit: 'payment-event-settled',
      type: 'refund.succeeded',
      reference: forBuyer.payment.paymentId,
    });
    const end = await shop.accounts();
    expect(moved(end, start, 'escrow')).toBe(0);
    expect(moved(end, start, 'seller:kettle-row')).toBe(11_100 - 555);
    expect(await paidBy(forBuyer)).toBe(0);
    expect(await paidBy(forSeller)).toBe(11_100);
  }, 60_000);

  test('is quoted as it is charged', async () => {
    const shopper = await newShopper(shop);
    const lines = [{ dealId: 'kettle', quantity: 3 }];
    const proof = await shopper.ask<PriceProof>('orders:quote', { lines });
    const hold = await shopper.claim({ dealId: 'kettle', quantity: 3 });
    const { payment } = await shopper.change<Placed>('orders:place', {
      holdIds: [hold.holdId],
      totalMinor: proof.totalMinor,
      currency: 'CNY',
    });
    expect(payment.amountMinor).toBe(proof.totalMinor);
    await shopper.change('orders:cancel', { paymentId: payment.paymentId });
  });
});

test('and through all of it nothing went wrong that somebody would have to mend', () => {
  expect(shop.server.logged().filter(({ level }) => level >= 50)).toEqual([]);
});
