import type { Deal, Hold } from '@elevens/shared/src/deals/contract.ts';
import type { Session } from '@elevens/shared/src/identity/contract.ts';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { connect, type Outcome, packetClient, post, requestId } from './test-server.ts';
import {
  expectAudited,
  newShopper,
  type Placed,
  type Shop,
  type Shopper,
  shopFestival,
  signed,
  standing,
  startShop,
} from './test-shop.ts';

/** What goes wrong, by mistake or on purpose, on the way from a claim to the money; each with its own code, and nothing changed. */

/** One of these is still ahead when the rest of this file has run, on a fast machine and on a slow one. */
const openings = [12, 24, 48, 96];
const usesPerShopper = 2;

const festival = shopFestival({
  deals: [
    { id: 'kettle', total: 400, limitPerShopper: 40 },
    { id: 'teapot', total: 100, limitPerShopper: 9, brandId: 'tea-house' },
    ...openings.map((seconds) => ({ id: `at-${seconds}`, total: 10, when: `+${seconds}s for 1h` })),
  ],
  coupons: [
    {
      id: 'five-off',
      title: 'Five off',
      kind: 'shop',
      brandId: 'kettle-row',
      offMinor: 500,
      fromMinor: 0,
      repeats: false,
      when: '+0s for 12h',
      usesPerShopper,
      total: 1_000,
      stacksWith: [],
    },
    {
      id: 'last-year',
      title: 'Of last year',
      kind: 'shop',
      brandId: 'kettle-row',
      offMinor: 500,
      fromMinor: 0,
      repeats: false,
      when: '2025-11-11T00:00:00+08:00 for 24h',
      usesPerShopper: 1,
      total: 1_000,
      stacksWith: [],
    },
  ],
});

let shop: Shop;
let shopper: Shopper;
let stranger: Shopper;
beforeAll(async () => {
  shop = await startShop({ festival });
  [shopper, stranger] = await Promise.all([newShopper(shop), newShopper(shop)]);
}, 60_000);

/** Whatever this is, over HTTP and over a socket it is answered alike. */
async function bothWays(who: Shopper, name: string, input: object): Promise<Outcome> {
  const overHttp = await who.send(name, { requestId: requestId(), ...input });
  const overSocket = await who.send(name, { requestId: requestId(), ...input }, 'socket');
  expect(overSocket).toEqual(overHttp);
  return overHttp;
}

/** Refuses it both ways, and nothing is changed by it. */
async function expectRefused(who: Shopper, name: string, input: object, answer: object): Promise<void> {
  const before = await standing(shop);
  expect(await bothWays(who, name, input)).toMatchObject({ ok: false, ...answer });
  expect(await standing(shop)).toEqual(before);
}

afterEach(async () => {
  await shop.accounts();
  expect(shop.server.logged().filter(({ level }) => level >= 50)).toEqual([]);
});

describe('before there is an order', () => {
  test.each([0, -1, 0.5, 1e9, '1', null])('of a deal nobody can claim %j', async (quantity) => {
    await expectRefused(
      shopper,
      'deals:claim',
      { lines: [{ dealId: 'kettle', quantity }] },
      { fault: 'bad-input', problems: [{ path: 'lines.0.quantity' }] },
    );
    await expectAudited(shop, { audit: 'call-refused', command: 'deals:claim', why: 'bad-input' });
  });

  test.each([
    { title: 'price', extra: { priceMinor: 1 } },
    { title: 'unit price', extra: { unitMinor: 1 } },
    { title: 'currency', extra: { currency: 'EUR' } },
  ])('a claim carries no $title of the client’s own', async ({ extra }) => {
    await expectRefused(
      shopper,
      'deals:claim',
      { lines: [{ dealId: 'kettle', quantity: 1, ...extra }] },
      { fault: 'bad-input', problems: [{ path: 'lines.0' }] },
    );
  });
});

describe('an order that is placed', () => {
  let hold: Hold;
  let good: { holdIds: string[]; totalMinor: number; currency: string };
  beforeAll(async () => {
    hold = await shopper.claim('kettle');
    good = await shopper.toPlace([hold], []);
  });

  test.each([
    { title: 'a field nobody knows', bad: { discountMinor: 11_000 }, path: '' },
    { title: 'prices by line', bad: { lines: [{ dealId: 'kettle', priceMinor: 1 }] }, path: '' },
    { title: 'a negative sum', bad: { totalMinor: -1 }, path: 'totalMinor' },
    { title: 'a broken sum', bad: { totalMinor: 0.5 }, path: 'totalMinor' },
    { title: 'a sum beyond all orders', bad: { totalMinor: 1e15 }, path: 'totalMinor' },
    { title: 'a sum as text', bad: { totalMinor: '11100' }, path: 'totalMinor' },
    { title: 'a currency that is none', bad: { currency: 'GOLD' }, path: 'currency' },
    { title: 'a hold with a path in it', bad: { holdIds: ['h0.../../x'] }, path: 'holdIds.0' },
    { title: 'no holds', bad: { holdIds: [] }, path: 'holdIds' },
  ])('with $title does not fit the contract', async ({ bad, path }) => {
    await expectRefused(shopper, 'orders:place', { ...good, ...bad }, { fault: 'bad-input', problems: [{ path }] });
    await expectAudited(shop, { audit: 'call-refused', command: 'orders:place', why: 'bad-input' });
  });

  test.each([
    {
      title: 'for a fen less',
      bad: () => ({ totalMinor: 11_099 }),
      answer: { why: 'price-moved', totalMinor: 11_100 },
    },
    { title: 'for nothing', bad: () => ({ totalMinor: 0 }), answer: { why: 'price-moved', totalMinor: 11_100 } },
    { title: 'for more', bad: () => ({ totalMinor: 11_101 }), answer: { why: 'price-moved', totalMinor: 11_100 } },
    {
      title: 'in another currency',
      bad: () => ({ currency: 'EUR' }),
      answer: { why: 'wrong-currency', currency: 'CNY' },
    },
    {
      title: 'with a coupon of last year',
      bad: () => ({ coupons: ['last-year'] }),
      answer: { why: 'coupon-expired', couponId: 'last-year' },
    },
    {
      title: 'with a coupon nobody gave',
      bad: () => ({ coupons: ['all-for-nothing'] }),
      answer: { why: 'unknown-coupon', couponId: 'all-for-nothing' },
    },
    {
      title: 'with a hold that never was',
      bad: () => ({ holdIds: ['h0.aaaaaaaaaaaaaaaa'] }),
      answer: { why: 'unknown-hold', holdId: 'h0.aaaaaaaaaaaaaaaa' },
    },
  ])('$title is refused with what would be right', async ({ bad, answer }) => {
    const { coupons: _, ...rest } = { coupons: [], ...good };
    await expectRefused(shopper, 'orders:place', { coupons: [], ...rest, ...bad() }, answer);
    await expectAudited(shop, {
      audit: 'orders.refused',
      command: 'orders:place',
      who: shopper.shopperId,
      why: answer.why,
    });
  });

  test('of somebody else’s hold is refused as if there were none, and the hold stays theirs', async () => {
    await expectRefused(stranger, 'orders:place', good, { why: 'unknown-hold', holdId: hold.holdId });
    await expectAudited(shop, { audit: 'orders.refused', who: stranger.shopperId, why: 'unknown-hold' });
    await expectRefused(stranger, 'deals:release', { holdId: hold.holdId }, { why: 'unknown-hold' });
  });

  test('under the request id of another call is refused, and the first call’s answer stands', async () => {
    const id = requestId();
    const first = await shopper.send('orders:place', { requestId: id, ...good, totalMinor: 1 });
    expect(first).toMatchObject({ ok: false, why: 'price-moved' });
    const before = await standing(shop);
    for (const how of ['http', 'socket'] as const) {
      const other = { requestId: id, ...good, totalMinor: 2 };
      expect(await shopper.send('orders:place', other, how)).toEqual({ ok: false, why: 'request-id-reused' });
      expect(await shopper.send('orders:place', { requestId: id, ...good, totalMinor: 1 }, how)).toEqual(first);
      expect(
        await shopper.send('deals:claim', { requestId: id, lines: [{ dealId: 'kettle', quantity: 1 }] }, how),
      ).toEqual({ ok: false, why: 'request-id-reused' });
    }
    expect(await standing(shop)).toEqual(before);
    await expectAudited(shop, { audit: 'call-refused', command: 'orders:place', why: 'request-id-reused' });
  });

  test('by one hold from two tabs at once is one order', async () => {
    const buyer = await newShopper(shop);
    const place = await buyer.toPlace([await buyer.claim('kettle')], []);
    const id = requestId();
    const tabs = await Promise.all([
      buyer.send('orders:place', { requestId: id, ...place }),
      buyer.send('orders:place', { requestId: id, ...place }, 'socket'),
      buyer.send('orders:place', { requestId: requestId(), ...place }),
      buyer.send('orders:place', { requestId: requestId(), ...place }, 'socket'),
    ]);
    const placed = tabs.flatMap((tab) => (tab.ok ? [(tab.reply as Placed).payment.paymentId] : []));
    expect(new Set(placed).size).toBe(1);
    for (const tab of tabs)
      if (!tab.ok) expect(tab).toMatchObject({ why: 'being-paid', paymentId: placed[0], holdId: place.holdIds[0] });
    expect((await buyer.ask<{ orders: unknown[] }>('orders:mine', {})).orders).toHaveLength(1);
  });
});

test(`a coupon used 64 times at once is used ${usesPerShopper} times, which is what one shopper may`, async () => {
  const buyer = await newShopper(shop);
  const holds: Hold[] = [];
  // oxlint-disable-next-line no-await-in-loop -- twelve is what one shopper may hold
  for (let i = 0; i < 12; i++) holds.push(await buyer.claim('kettle'));
  const before = await shop.redis.hgetall(shop.keys.slice('coupon:five-off'));
  const inputs = Array.from({ length: 64 }, (_, i) => ({
    requestId: requestId(),
    holdIds: [holds[i % holds.length]?.holdId],
    coupons: ['five-off'],
    totalMinor: 10_600,
    currency: 'CNY',
  }));
  const answers = await Promise.all(
    inputs.map((input, i) => buyer.send('orders:place', input, i % 2 === 0 ? 'http' : 'socket')),
  );
  const placed = answers.filter((answer) => answer.ok);
  expect(placed).toHaveLength(usesPerShopper);
  for (const answer of answers)
    if (!answer.ok)
      expect(['coupon-used', 'being-paid'], JSON.stringify(answer)).toContain(
        'why' in answer ? answer.why : answer.fault,
      );
  const after = await shop.redis.hgetall(shop.keys.slice('coupon:five-off'));
  expect(Number(after['held'])).toBe(Number(before['held']) + usesPerShopper);
  expect(Number(after['free'])).toBe(Number(before['free']) - usesPerShopper);
  expect(await shop.redis.hget(shop.keys.taken('coupon:five-off'), buyer.shopperId)).toBe(String(usesPerShopper));
  await expectAudited(shop, { audit: 'orders.refused', who: buyer.shopperId, why: 'coupon-used' });
}, 60_000);

describe('somebody else’s order', () => {
  let placed: Placed;
  let orderId: string;
  let paymentId: string;
  let otherBrand: Shopper;
  let operator: Session;
  beforeAll(async () => {
    placed = await shopper.order('kettle');
    orderId = placed.orders[0]?.orderId ?? '';
    ({ paymentId } = placed.payment);
    await shop.press(await shopper.pageOf(paymentId), '4242');
    await shopper.untilPayment(paymentId, 'paid');
    otherBrand = await newShopper(shop, await shop.brand('Tea House'));
    operator = await shop.server.operator();
  }, 60_000);

  const reason = 'I should like the money';
  test.each([
    { command: 'orders:refund', input: () => ({ orderId, reason }), why: 'unknown-order' },
    { command: 'orders:receive', input: () => ({ orderId }), why: 'unknown-order' },
    { command: 'orders:dispute', input: () => ({ orderId, reason }), why: 'unknown-order' },
    { command: 'orders:balance', input: () => ({ orderId }), why: 'unknown-order' },
    { command: 'orders:one', input: () => ({ orderId }), why: 'unknown-order', query: true },
    { command: 'orders:export', input: () => ({ orderId, format: 'csv' }), why: 'unknown-order', query: true },
    { command: 'orders:pay', input: () => ({ paymentId }), why: 'unknown-payment' },
    { command: 'orders:cancel', input: () => ({ paymentId }), why: 'unknown-payment' },
    { command: 'orders:payment', input: () => ({ paymentId }), why: 'unknown-payment', query: true },
  ])('is none to $command', async ({ command, input, why, query }) => {
    const before = await standing(shop);
    for (const how of ['http', 'socket'] as const) {
      const body = query ? input() : { requestId: requestId(), ...input() };
      expect(await stranger.send(command, body, how)).toEqual({ ok: false, why });
    }
    expect(await standing(shop)).toEqual(before);
    await expectAudited(shop, { audit: 'orders.not-theirs', command, who: stranger.shopperId });
  });

  test.each([
    { command: 'orders:refund', bad: { orderId: 'o0.aaaaaaaaaaaaaaaa', reason } },
    { command: 'orders:receive', bad: { orderId: 'o63.aaaaaaaaaaaaaaaa' } },
  ])('that never was is none to $command either', async ({ command, bad }) => {
    await expectRefused(shopper, command, bad, { why: 'unknown-order' });
  });

  test('is not shipped by another brand, and not told of to it', async () => {
    const post = { orderId, carrier: 'Night Post', tracking: 'NP-1' };
    await expectRefused(otherBrand, 'orders:ship', post, { why: 'unknown-order' });
    await expectAudited(shop, { audit: 'orders.not-theirs', command: 'orders:ship', who: otherBrand.shopperId });
    expect(await otherBrand.send('orders:sold', { brandId: 'kettle-row' })).toMatchObject({ why: 'not-yours' });
    expect(await otherBrand.send('orders:one', { orderId })).toMatchObject({ why: 'unknown-order' });
  });

  test('and one’s own are not shipped or settled by a shopper, nor settled by a brand', async () => {
    const settle = { orderId, for: 'buyer', reason };
    await expectRefused(shopper, 'orders:settle', settle, { fault: 'forbidden' });
    await expectRefused(shopper, 'orders:ship', { orderId, carrier: 'Me', tracking: '' }, { fault: 'forbidden' });
    await expectRefused(otherBrand, 'orders:settle', settle, { fault: 'forbidden' });
    await expectAudited(shop, { audit: 'call-refused', command: 'orders:settle', why: 'forbidden' });
    await expectAudited(shop, { audit: 'call-refused', command: 'orders:ship', why: 'forbidden' });
    const { answer } = await post(shop.url, 'orders:settle', { requestId: requestId(), ...settle });
    expect(answer).toMatchObject({ ok: false, fault: 'unauthenticated' });
  });

  test('is not settled before anybody disputes it', async () => {
    const desk = await newShopper(shop, operator);
    await expectRefused(
      desk,
      'orders:settle',
      { orderId, for: 'seller', reason },
      { why: 'wrong-state', state: 'paid' },
    );
    await expectAudited(shop, { audit: 'orders.refused', command: 'orders:settle', why: 'wrong-state' });
  });

  test('refunded by its owner eight times at once is refunded once', async () => {
    const before = await shop.accounts();
    const stock = await shop.stock('kettle');
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, i) =>
        shopper.send('orders:refund', { requestId: requestId(), orderId, reason }, i % 2 === 0 ? 'http' : 'socket'),
      ),
    );
    expect(answers.filter((answer) => answer.ok)).toHaveLength(1);
    for (const answer of answers)
      if (!answer.ok) expect(answer).toEqual({ ok: false, why: 'wrong-state', state: 'refunded' });
    const { payment } = await shopper.untilOrder(orderId, 'refunded');
    expect(payment.refunds).toHaveLength(1);
    const told = await newShopper(shop);
    await expectRefused(told, 'orders:refund', { orderId, reason }, { why: 'unknown-order' });
    // The till confirms it by itself, and the money is where it was before the order.
    const { reference } = payment.refunds[0] ?? { reference: '' };
    await expectAudited(shop, { audit: 'payment-event-settled', type: 'refund.succeeded', refundReference: reference });
    const after = await shop.accounts();
    expect(after['escrow'] ?? 0).toBe((before['escrow'] ?? 0) - 11_100);
    expect(after['shoppers'] ?? 0).toBe((before['shoppers'] ?? 0) + 11_100);
    expect(after['refunds'] ?? 0).toBe(0);
    expect((await shop.session(paymentId)).refunds).toHaveLength(1);
    const now = await shop.stock('kettle');
    expect({ sold: now.sold, all: now.free + now.held + now.sold }).toEqual({ sold: stock.sold - 1, all: 400 });
  });
});

describe('what pretends to come from the till', () => {
  let placed: Placed;
  let paymentId: string;
  let session: string;
  let news = 0;
  beforeAll(async () => {
    placed = await shopper.order({ dealId: 'teapot', quantity: 2 });
    ({ paymentId } = placed.payment);
    await shopper.pageOf(paymentId);
    session = (await shop.session(paymentId)).id;
  });
  let before: Record<string, unknown>;
  beforeEach(async () => {
    before = await standing(shop);
  });

  function bodyOf(data: object = {}, type = 'payment.succeeded'): string {
    news++;
    const about = { session, reference: paymentId, amountMinor: 22_200, currency: 'CNY', ...data };
    return JSON.stringify({ id: `ev_forged-${news}`, type, createdAtMs: Date.now(), data: about });
  }
  async function deliver(body: string, signature: string | undefined) {
    const response = await fetch(shop.webhookUrl, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(signature === undefined ? {} : { 'till-signature': signature }),
      },
      body,
    });
    return { status: response.status, answer: (await response.json()) as object };
  }

  test.each([
    { title: 'no signature', sign: () => undefined },
    { title: 'a signature of another secret', sign: (body: string) => signed(body, { secret: 'x'.repeat(40) }) },
    { title: 'the signature of another body', sign: (body: string) => signed(`${body} `) },
    { title: 'a signature that is none', sign: () => 't=now,v1=yes' },
    {
      title: 'a good signature under another time',
      sign: (body: string) => signed(body).replace(/t=\d+/, `t=${Math.floor(Date.now() / 1_000) - 7}`),
    },
  ])('is refused for $title', async ({ sign }) => {
    const body = bodyOf();
    expect(await deliver(body, sign(body))).toEqual({ status: 400, answer: { ok: false, why: 'bad-signature' } });
    expect(await standing(shop)).toEqual(before);
    await expectAudited(shop, { audit: 'payment-webhook-refused', why: 'bad-signature' });
  });

  test.each([-3_600_000, 3_600_000])('is refused when it was signed %d ms from now', async (aside) => {
    const body = bodyOf();
    const answer = await deliver(body, signed(body, { atMs: Date.now() + aside }));
    expect(answer).toEqual({ status: 400, answer: { ok: false, why: 'old-timestamp' } });
    expect(await standing(shop)).toEqual(before);
    await expectAudited(shop, { audit: 'payment-webhook-refused', why: 'old-timestamp' });
  });

  test.each([
    { title: 'of no payment of ours', data: { reference: 'y0.aaaaaaaaaaaaaaaa' }, why: 'unknown-payment' },
    { title: 'of a partition that is not there', data: { reference: 'y63.aaaaaaaaaaaaaaaa' }, why: 'unknown-payment' },
    { title: 'of what is no payment', data: { reference: '../../etc' }, why: 'unknown-payment' },
    { title: 'of a fen less', data: { amountMinor: 22_199 }, why: 'amount-differs' },
    { title: 'of a fen more', data: { amountMinor: 22_201 }, why: 'amount-differs' },
    { title: 'in another currency', data: { currency: 'EUR' }, why: 'currency-differs' },
    { title: 'of another session', data: { session: 'cs_somebody-elses' }, why: 'reference-differs' },
  ])('is refused for money $title, however well it is signed', async ({ data, why }) => {
    const body = bodyOf(data);
    const { id: eventId } = JSON.parse(body) as { id: string };
    expect(await deliver(body, signed(body))).toEqual({ status: 400, answer: { ok: false, why } });
    // Sent again it is refused again; it is kept for an operator, once.
    expect(await deliver(body, signed(body))).toEqual({ status: 400, answer: { ok: false, why } });
    expect(await standing(shop)).toEqual(before);
    expect((await shopper.paymentOf(paymentId)).payment.state.is).toBe('open');
    await expectAudited(shop, { why, eventId });
  });

  test.each([
    { title: 'no JSON', body: 'paid!' },
    { title: 'a list', body: '[]' },
    { title: 'an amount with a fraction', body: '', data: { amountMinor: 22_200.5 } },
    { title: 'a negative amount', body: '', data: { amountMinor: -22_200 } },
  ])('is refused for being $title', async ({ body, data }) => {
    const sent = body === '' ? bodyOf(data) : body;
    expect(await deliver(sent, signed(sent))).toEqual({ status: 400, answer: { ok: false, why: 'malformed' } });
    expect(await standing(shop)).toEqual(before);
    await expectAudited(shop, { audit: 'payment-webhook-refused', why: 'malformed' });
  });

  test('is refused for being a hundred thousand bytes long', async () => {
    const body = bodyOf({ padding: 'x'.repeat(100_000) });
    expect(await deliver(body, signed(body))).toMatchObject({ status: 413, answer: { fault: 'too-large' } });
    expect(await standing(shop)).toEqual(before);
  });

  test('a refund that was never owed moves no money', async () => {
    const refund = { reference: `${paymentId}:1`, amountMinor: 22_200 };
    const body = bodyOf({ refund }, 'refund.succeeded');
    await deliver(body, signed(body));
    await expectAudited(shop, { audit: 'payment-event-flagged', eventId: (JSON.parse(body) as { id: string }).id });
    expect(await standing(shop)).toEqual(before);
  });

  test('news of a kind that nobody knows is taken and changes nothing', async () => {
    const body = bodyOf({}, 'session.viewed');
    expect(await deliver(body, signed(body))).toEqual({ status: 200, answer: { ok: true } });
    expect(await standing(shop)).toEqual(before);
  });

  test('true news that is told sixteen times at once counts once, and told again later not at all', async () => {
    const accounts = await shop.accounts();
    const body = bodyOf();
    const { id: eventId } = JSON.parse(body) as { id: string };
    const answers = await Promise.all(Array.from({ length: 16 }, () => deliver(body, signed(body))));
    for (const answer of answers) expect(answer).toEqual({ status: 200, answer: { ok: true } });
    await shopper.untilPayment(paymentId, 'paid');
    const paid = await standing(shop);
    const after = await shop.accounts();
    expect(after['escrow']).toBe((accounts['escrow'] ?? 0) + 22_200);
    expect(await shop.stock('teapot')).toEqual({ free: 98, held: 0, sold: 2 });
    // The same news under another name: money that came is not news.
    const other = bodyOf();
    expect(await deliver(other, signed(other))).toEqual({ status: 200, answer: { ok: true } });
    expect(await deliver(body, signed(body))).toEqual({ status: 200, answer: { ok: true } });
    await expectAudited(shop, { audit: 'payment-event-settled', eventId: (JSON.parse(other) as { id: string }).id });
    expect(await standing(shop)).toEqual(paid);
    expect(shop.audited({ audit: 'payment-event-settled', eventId })).toHaveLength(1);
  });
});

test('paying from two devices at once opens one page, and two cards pressed at once pay once', async () => {
  const buyer = await newShopper(shop);
  const { payment } = await buyer.order('kettle');
  const { paymentId } = payment;
  const before = await shop.accounts();
  const opened = await Promise.all(
    Array.from({ length: 8 }, (_, i) =>
      buyer.send('orders:pay', { requestId: requestId(), paymentId }, i % 2 === 0 ? 'http' : 'socket'),
    ),
  );
  const urls = opened.map((answer) => (answer.ok ? (answer.reply as { url: string }).url : JSON.stringify(answer)));
  expect(new Set(urls).size).toBe(1);
  await Promise.all(['4242', '2222', '4242', '3210'].map((card) => shop.press(urls[0] ?? '', card)));
  await buyer.untilPayment(paymentId, 'paid');
  expect((await shop.accounts())['escrow']).toBe((before['escrow'] ?? 0) + 11_100);
  expect(await buyer.send('orders:pay', { requestId: requestId(), paymentId })).toEqual({
    ok: false,
    why: 'wrong-state',
    state: 'paid',
  });
  expect(await buyer.send('orders:cancel', { requestId: requestId(), paymentId })).toMatchObject({
    why: 'wrong-state',
    state: 'paid',
  });
});

test('amounts that JSON cannot hold exactly are refused at the wire', async () => {
  const buyer = await newShopper(shop);
  const hold = await buyer.claim('kettle');
  const raw = await packetClient(shop.url, { token: buyer.token });
  const before = await standing(shop);
  for (const amount of ['1e309', '9007199254740993', '11100.000000000001', '-0.5', '"11100"', 'null'])
    expect(
      // oxlint-disable-next-line no-await-in-loop -- one after the other, on one connection
      await raw.call(
        'orders:place',
        `{"requestId":"${requestId()}","holdIds":["${hold.holdId}"],"totalMinor":${amount},"currency":"CNY"}`,
      ),
      amount,
    ).toMatchObject({
      ok: false,
      fault: 'bad-input',
      problems: expect.arrayContaining([expect.objectContaining({ path: 'totalMinor' })]),
    });
  expect(await standing(shop)).toEqual(before);
  raw.close();
});

test('a claim just before the opening is refused, and the same request succeeds at the opening', async () => {
  const list = await shopper.ask<{ deals: Deal[] }>('deals:list', {});
  const soon = list.deals.find(({ opensAtMs }) => opensAtMs > Date.now() + 500);
  if (soon === undefined) throw new Error('the deal is not listed');
  const early = await newShopper(shop);
  const socket = await connect(shop.url, early.token);
  const input = { requestId: requestId(), lines: [{ dealId: soon.dealId, quantity: 1 }] };
  const before = await standing(shop);
  const refusals: Outcome[] = [];
  let standingAtLast = before;
  // Sends from the last twentieth of a second on, one after the other, so that the last one before it is a millisecond away.
  const untilMs = soon.opensAtMs - Date.now() - 50;
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, untilMs)));
  let answer: Outcome | undefined;
  while (answer === undefined) {
    const told = await new Promise<Outcome>((resolve) => socket.emit('deals:claim', input, resolve));
    if (told.ok) answer = told;
    else {
      expect(told).toEqual({ ok: false, why: 'not-open-yet', dealId: soon.dealId, opensAtMs: soon.opensAtMs });
      refusals.push(told);
      if (refusals.length === 1) standingAtLast = await standing(shop);
    }
  }
  expect(refusals.length).toBeGreaterThan(0);
  expect(standingAtLast).toEqual(before);
  const hold = (answer as { reply: Hold }).reply;
  expect(hold.claimedAtMs).toBeGreaterThanOrEqual(soon.opensAtMs);
  expect(await shop.stock(soon.dealId)).toEqual({ free: 9, held: 1, sold: 0 });
  socket.close();
}, 60_000);
