import { mkdirSync } from 'node:fs';
import type { BrowserContext, Page } from 'playwright-core';
import { beforeAll, describe, expect } from 'vitest';
import { browserTest, buildClient, expectAccessible, expectNoSidewaysScroll, visit } from './test-browser.ts';
import { until } from './test-server.ts';
import { newShopper, type Shop, shopFestival, startShop } from './test-shop.ts';

/**
 * Every way in which paying can go, on a phone: from the storefront to the till's own page and back. Each ends in goods or
 * in money, and never in both or neither: on the page, in Redis, and in the till's books.
 */

const priceMinor = 11_100;
const price = '¥111.00';

/** Long enough for a browser on a busy machine to get to the till, short enough to be waited out. */
const lateHold = '15s';

/** A deal for each journey, so that each finds its stock as it left it. */
const journeys = [
  'at-once',
  'declined',
  'slow',
  'twice',
  'disorder',
  'never-told',
  'gone-home',
  'turned-back',
  'double-tap',
  'two-tabs',
  'two-devices',
] as const;
const festival = shopFestival({
  deals: [
    ...journeys.map((id) => ({ id, total: 3, priceMinor })),
    { id: 'late-free', total: 3, priceMinor, hold: lateHold },
    { id: 'late-gone', total: 1, priceMinor, hold: lateHold },
    { id: 'unpaid', total: 3, priceMinor, hold: lateHold },
  ],
});

let shop: Shop;
beforeAll(async () => {
  buildClient();
  shop = await startShop({ festival, delays: { slowMs: 3_000, lateMs: 2_000, refundMs: 1_000 } });
}, 120_000);

const picturesDir = process.env['ELEVENS_PICTURES'];
/** For people to look at, where ELEVENS_PICTURES names a folder. */
async function picture(page: Page, name: string): Promise<void> {
  if (picturesDir === undefined) return;
  mkdirSync(picturesDir, { recursive: true });
  await page.screenshot({ path: `${picturesDir}/${name}.png`, fullPage: true });
}

const sign = (page: Page, name: RegExp) => page.getByRole('button', { name });
const heading = (page: Page, name: string | RegExp) => page.getByRole('heading', { name });
const onPayPage = (url: URL) => url.origin === shop.url && url.pathname.startsWith('/pay/');
const atTheTill = (url: URL) => url.origin !== shop.url && url.pathname.startsWith('/pay/');

/** Claims one of a deal and orders it; the page is then the one that leads to the till. */
async function toPay(page: Page, dealId: string): Promise<string> {
  await page.goto(`${shop.url}/deals/${dealId}`);
  await sign(page, /^Claim one for ¥111/).click();
  await sign(page, /^Pay ¥111\.00/).click();
  await page.waitForURL(onPayPage);
  return page.url().split('/').at(-1) ?? '';
}

/** And on, to the till. */
async function toTheTill(page: Page, dealId: string): Promise<string> {
  const paymentId = await toPay(page, dealId);
  await heading(page, 'It is yours to pay').waitFor();
  await sign(page, /^To the till, ¥111\.00/).click();
  await page.waitForURL(atTheTill);
  return paymentId;
}

/** Chooses a test card by its name and presses Pay. */
async function payWith(page: Page, card: string): Promise<void> {
  await page.getByRole('radio', { name: card }).check();
  await sign(page, /^Pay ¥111\.00/).click();
}

async function expectGood(page: Page): Promise<void> {
  await expectAccessible(page);
  await expectNoSidewaysScroll(page);
}

/** What stands of a payment and its order, of its shopper's money, and at the till. */
async function standingOf(paymentId: string) {
  const { payment } = (await shop.kept.payment(paymentId)) ?? { payment: null };
  if (payment === null) throw new Error(`${paymentId} is not kept`);
  const [order] = await Promise.all(payment.orderIds.map((orderId) => shop.kept.order(orderId)));
  const paidMinor = 0 - Number((await shop.redis.hget(shop.keys.account(payment.shopperId), 'minor')) ?? 0);
  await shop.accounts();
  return { payment, order: order?.order.state.is, orders: payment.orderIds.length, paidMinor };
}

/** It ended in goods: sold once, paid once, nothing sent back. */
async function expectGoods(paymentId: string, dealId: string, total = 3): Promise<void> {
  const { payment, order, orders, paidMinor } = await standingOf(paymentId);
  expect({ payment: payment.state.is, order, orders, paidMinor, refunds: payment.refunds }).toEqual({
    payment: 'paid',
    order: 'paid',
    orders: 1,
    paidMinor: priceMinor,
    refunds: [],
  });
  expect(await shop.stock(dealId)).toEqual({ free: total - 1, held: 0, sold: 1 });
  expect(await shop.session(paymentId)).toMatchObject({ status: 'succeeded', refunds: [] });
}

/** It ended without anything: nothing sold, nothing paid. */
async function expectNothing(paymentId: string, dealId: string, is: 'cancelled' | 'lapsed'): Promise<void> {
  const { payment, order, paidMinor } = await standingOf(paymentId);
  expect({ payment: payment.state.is, order, paidMinor }).toEqual({ payment: is, order: is, paidMinor: 0 });
  expect(await shop.stock(dealId)).toEqual({ free: 3, held: 0, sold: 0 });
  const session = await until('the till has shut its page', async () => {
    const found = await shop.session(paymentId);
    return found.status === 'expired' && found;
  });
  expect(session.refunds).toEqual([]);
}

async function expectPaidPage(page: Page): Promise<void> {
  await page.waitForURL(onPayPage);
  await heading(page, 'Paid. It is yours').waitFor();
  await page.getByText(`${price} is in escrow`).waitFor();
}

/** How often the till told of a payment, and that we settled each piece of news once. */
function toldOf(paymentId: string, type: string) {
  const told = shop.passed.filter((one) => one.reference === paymentId && one.type === type);
  return {
    deliveries: told.length,
    events: new Set(told.map(({ id }) => id)).size,
    settled: shop.audited({ audit: 'payment-event-settled', reference: paymentId, type }).length,
  };
}

/** Another device of the same person: what the first one keeps is on it as well. */
async function sameAccountOn(context: BrowserContext, page: Page): Promise<void> {
  const { origins } = await context.storageState();
  const kept = origins.find(({ origin }) => origin === shop.url)?.localStorage ?? [];
  await page.evaluate((items) => {
    const { localStorage } = globalThis as unknown as { localStorage: { setItem(name: string, value: string): void } };
    for (const { name, value } of items) localStorage.setItem(name, value);
  }, kept);
  await page.reload();
}

describe('paying', () => {
  browserTest(
    'at once: from the deal to the till and back, and the order hangs in Mine',
    async () => {
      const { page, context, troubles } = await visit(shop.url);
      const paymentId = await toPay(page, 'at-once');
      await heading(page, 'It is yours to pay').waitFor();
      await expectGood(page);
      await picture(page, '1-to-pay');
      await sign(page, /^To the till, ¥111\.00/).click();
      await page.waitForURL(atTheTill);
      await expectGood(page);
      await picture(page, '2-till');
      await payWith(page, 'Pays at once');
      await expectPaidPage(page);
      await expectGood(page);
      await picture(page, '3-paid');
      await expectGoods(paymentId, 'at-once');
      // Who pays and who sells are told of the money apart: it is not the brand's before it is received.
      expect((await shop.accounts())['seller:kettle-row'] ?? 0).toBe(0);
      await sign(page, /^See your order/).click();
      await page.waitForURL('**/order/o*');
      await page.getByText('Kettle at-once').first().waitFor();
      await expectGood(page);
      await picture(page, '4-order');
      await page.goto(`${shop.url}/mine`);
      await page.getByText('Kettle at-once').first().waitFor();
      await picture(page, '5-mine');
      expect(troubles).toEqual([]);
      await context.close();
    },
    90_000,
  );

  browserTest(
    'with a card that the bank refuses and then with another: paid once, and the refused one took nothing',
    async () => {
      const { page, context, troubles } = await visit(shop.url);
      const paymentId = await toTheTill(page, 'declined');
      await payWith(page, 'Bank says no');
      const refused = page.getByRole('alert').filter({ hasText: 'Your bank said no' });
      await refused.waitFor();
      await expectGood(page);
      await picture(page, 'declined-1-till');
      await until('the refusal was told', () => toldOf(paymentId, 'payment.failed').deliveries === 1);
      expect((await standingOf(paymentId)).payment.state.is).toBe('open');
      expect(await shop.stock('declined')).toEqual({ free: 2, held: 1, sold: 0 });
      await payWith(page, 'Pays at once');
      await expectPaidPage(page);
      await expectGoods(paymentId, 'declined');
      expect(troubles).toEqual([]);
      await context.close();
    },
    90_000,
  );

  browserTest(
    'slowly, and loaded anew in the middle of it: one comes back to the same place, here and at the till',
    async () => {
      const { page, context, troubles } = await visit(shop.url);
      const paymentId = await toPay(page, 'slow');
      await page.reload();
      await heading(page, 'It is yours to pay').waitFor();
      expect(page.url()).toBe(`${shop.url}/pay/${paymentId}`);
      await sign(page, /^To the till/).click();
      await page.waitForURL(atTheTill);
      const till = page.url();
      await payWith(page, 'Pays slowly');
      await heading(page, 'Your bank is thinking').waitFor();
      await page.reload();
      await heading(page, 'Your bank is thinking').waitFor();
      expect(page.url().split('?')[0]).toBe(till.split('?')[0]);
      await picture(page, 'slow-1-till');
      // Somebody who does not wait at the till waits here, also after a reload.
      await page.getByRole('link', { name: /^Back to Elevens/ }).click();
      await page.waitForURL(onPayPage);
      await heading(page, /^(Waiting for the till|Paid\. It is yours)$/).waitFor();
      await picture(page, 'slow-2-waiting');
      await page.reload();
      await expectPaidPage(page);
      await expectGoods(paymentId, 'slow');
      expect(toldOf(paymentId, 'payment.succeeded')).toEqual({ deliveries: 1, events: 1, settled: 1 });
      expect(troubles).toEqual([]);
      await context.close();
    },
    90_000,
  );

  browserTest(
    'told twice: the same news two times is one payment',
    async () => {
      const { page, context, troubles } = await visit(shop.url);
      const paymentId = await toTheTill(page, 'twice');
      await payWith(page, 'Pays, told twice');
      await expectPaidPage(page);
      await until('both copies have arrived', () => toldOf(paymentId, 'payment.succeeded').deliveries === 2);
      expect(toldOf(paymentId, 'payment.succeeded')).toEqual({ deliveries: 2, events: 1, settled: 1 });
      await expectGoods(paymentId, 'twice');
      expect(troubles).toEqual([]);
      await context.close();
    },
    90_000,
  );

  browserTest(
    'told in disorder: an older “no” that arrives after the “paid” takes nothing away',
    async () => {
      const { page, context, troubles } = await visit(shop.url);
      const paymentId = await toTheTill(page, 'disorder');
      await payWith(page, 'Pays, told in disorder');
      await expectPaidPage(page);
      await until('the older news has been settled', () => toldOf(paymentId, 'payment.failed').settled === 1);
      await expectGoods(paymentId, 'disorder');
      await page.reload();
      await expectPaidPage(page);
      expect(troubles).toEqual([]);
      await context.close();
    },
    90_000,
  );

  browserTest(
    'never told: who comes back is told all the same, because the shop asks',
    async () => {
      const { page, context, troubles } = await visit(shop.url);
      const paymentId = await toTheTill(page, 'never-told');
      await payWith(page, 'Pays, never told');
      // Until the shop asks, which it does some seconds after the page was opened, it says that nothing has arrived.
      await expectPaidPage(page);
      await expectGoods(paymentId, 'never-told');
      expect(shop.passed.filter(({ reference }) => reference === paymentId)).toEqual([]);
      expect(troubles).toEqual([]);
      await context.close();
    },
    90_000,
  );

  browserTest(
    'not after all: back from the till it is let go, and somebody else can have it at once',
    async () => {
      const { page, context, troubles } = await visit(shop.url);
      const paymentId = await toTheTill(page, 'turned-back');
      await page.getByRole('link', { name: /nothing charged/ }).click();
      await page.waitForURL(onPayPage);
      await heading(page, 'Waiting for the till').waitFor();
      expect(await shop.stock('turned-back')).toEqual({ free: 2, held: 1, sold: 0 });
      await sign(page, /^Let it go, nothing charged/).click();
      await heading(page, 'You let it go').waitFor();
      await expectGood(page);
      await picture(page, 'turned-back');
      await expectNothing(paymentId, 'turned-back', 'cancelled');
      // The page that is left open at the till takes no money any more.
      await page.goBack();
      await page.reload();
      await heading(page, 'The time to pay is over').waitFor();
      await picture(page, 'turned-back-till');
      expect(troubles).toEqual([]);
      await context.close();
    },
    90_000,
  );

  browserTest(
    'with two quick taps on everything: one unit, one order, one payment',
    async () => {
      const { page, context, troubles } = await visit(shop.url);
      await page.goto(`${shop.url}/deals/double-tap`);
      await sign(page, /^Claim one for ¥111/).dblclick();
      await sign(page, /^Pay ¥111\.00/).dblclick();
      await page.waitForURL(onPayPage);
      const paymentId = page.url().split('/').at(-1) ?? '';
      expect(await shop.stock('double-tap')).toEqual({ free: 2, held: 1, sold: 0 });
      await sign(page, /^To the till/).dblclick();
      await page.waitForURL(atTheTill);
      await page.getByRole('radio', { name: 'Pays at once' }).check();
      await sign(page, /^Pay ¥111\.00/).dblclick();
      await expectPaidPage(page);
      await expectGoods(paymentId, 'double-tap');
      const { payment } = await standingOf(paymentId);
      expect(await shop.redis.zcard(shop.keys.shopperOrders(payment.shopperId))).toBe(1);
      expect(troubles).toEqual([]);
      await context.close();
    },
    90_000,
  );

  browserTest(
    'in two tabs of one phone: both lead to the same page of the till, and both say that it is paid',
    async () => {
      const { page, context, troubles } = await visit(shop.url);
      const paymentId = await toPay(page, 'two-tabs');
      await heading(page, 'It is yours to pay').waitFor();
      const second = await context.newPage();
      await second.goto(`${shop.url}/pay/${paymentId}`);
      await heading(second, 'It is yours to pay').waitFor();
      await Promise.all([page, second].map((tab) => sign(tab, /^(To|Back to) the till/).click()));
      await Promise.all([page, second].map((tab) => tab.waitForURL(atTheTill)));
      expect(new URL(second.url()).pathname).toBe(new URL(page.url()).pathname);
      await Promise.all([page, second].map((tab) => tab.getByRole('radio', { name: 'Pays at once' }).check()));
      await Promise.all([page, second].map((tab) => sign(tab, /^Pay ¥111\.00/).click()));
      await Promise.all([page, second].map(expectPaidPage));
      await expectGoods(paymentId, 'two-tabs');
      expect(troubles).toEqual([]);
      await context.close();
    },
    90_000,
  );

  browserTest(
    'on two devices of one account: paid on one, the other says so by itself',
    async () => {
      const phone = await visit(shop.url);
      const paymentId = await toPay(phone.page, 'two-devices');
      const tablet = await visit(shop.url, { width: 1_024, height: 768 });
      await sameAccountOn(phone.context, tablet.page);
      await tablet.page.goto(`${shop.url}/pay/${paymentId}`);
      await heading(tablet.page, 'It is yours to pay').waitFor();
      await picture(tablet.page, 'two-devices-tablet');
      await sign(phone.page, /^To the till/).click();
      await phone.page.waitForURL(atTheTill);
      await payWith(phone.page, 'Pays at once');
      await Promise.all([expectPaidPage(phone.page), expectPaidPage(tablet.page)]);
      await expectGoods(paymentId, 'two-devices');
      // One a person: what was bought on the phone is not to be had once more on the tablet.
      await tablet.page.goto(`${shop.url}/deals/two-devices`);
      await sign(tablet.page, /^Claim one for ¥111/).click();
      await sign(tablet.page, /^You have yours/).waitFor();
      await expectGoods(paymentId, 'two-devices');
      expect([...phone.troubles, ...tablet.troubles]).toEqual([]);
      await phone.context.close();
      await tablet.context.close();
    },
    90_000,
  );
});

// These wait for the end of a hold or for the shop's own round of questions, so they wait together.
describe.concurrent('paying, and then waiting', () => {
  browserTest(
    'never told, and nobody comes back: the shop finds the payment on its rounds',
    async () => {
      const { page, context, troubles } = await visit(shop.url);
      const paymentId = await toTheTill(page, 'gone-home');
      await page.getByRole('radio', { name: 'Pays, never told' }).check();
      // The page goes before it leads back.
      const pressed = page.waitForResponse((response) => response.request().method() === 'POST');
      await sign(page, /^Pay ¥111\.00/).click();
      await pressed;
      await page.close();
      await until('the payment is found', async () => (await standingOf(paymentId)).payment.state.is === 'paid', {
        withinMs: 40_000,
        everyMs: 100,
      });
      expect(shop.passed.filter(({ reference }) => reference === paymentId)).toEqual([]);
      await expectGoods(paymentId, 'gone-home');
      const later = await context.newPage();
      await later.goto(`${shop.url}/pay/${paymentId}`);
      await expectPaidPage(later);
      expect(troubles).toEqual([]);
      await context.close();
    },
    90_000,
  );

  browserTest(
    'too late, with the unit still free: it is goods after all, and said to be late',
    async () => {
      const { page, context, troubles } = await visit(shop.url);
      const paymentId = await toTheTill(page, 'late-free');
      await payWith(page, 'Pays too late');
      await heading(page, 'Your bank is thinking').waitFor();
      const lapsed = await until('the hold has lapsed', async () => {
        const found = await standingOf(paymentId);
        return found.payment.state.is === 'lapsed' && found;
      });
      expect({ order: lapsed.order, paidMinor: lapsed.paidMinor }).toEqual({ order: 'lapsed', paidMinor: 0 });
      await page.waitForURL(onPayPage);
      await heading(page, 'Late, and still yours').waitFor();
      await expectGood(page);
      await picture(page, 'late-free-goods');
      await expectGoods(paymentId, 'late-free');
      expect(troubles).toEqual([]);
      await context.close();
    },
    90_000,
  );

  browserTest(
    'too late, with the unit taken by somebody else: all of the money goes back, and the page says so',
    async () => {
      const { page, context, troubles } = await visit(shop.url);
      const other = await newShopper(shop);
      const paymentId = await toTheTill(page, 'late-gone');
      await payWith(page, 'Pays too late');
      // Whoever waits on the own page sees each step of it.
      await heading(page, 'Your bank is thinking').waitFor();
      await page.getByRole('link', { name: /^Back to Elevens/ }).click();
      await page.waitForURL(onPayPage);
      const hold = await until(
        'somebody else has claimed it',
        async () => {
          const answer = await other.send('deals:claim', {
            requestId: `other-${Math.random().toString(36).slice(2)}`,
            lines: [{ dealId: 'late-gone', quantity: 1 }],
          });
          return answer.ok && (answer.reply as { holdId: string });
        },
        { withinMs: 20_000, everyMs: 50 },
      );
      await heading(page, 'It has gone, your money returns').waitFor();
      await page
        .getByText(`Your ${price} arrived after the hold had lapsed, and none was left. ${price} goes back`)
        .waitFor();
      await heading(page, 'Back with you').first().waitFor();
      await expectGood(page);
      await picture(page, 'late-gone-money');
      const { payment, order, paidMinor } = await standingOf(paymentId);
      expect({ payment: payment.state.is, order, paidMinor }).toEqual({
        payment: 'refunded',
        order: 'refunded',
        paidMinor: 0,
      });
      expect(payment.refunds).toMatchObject([{ amountMinor: priceMinor, why: 'too-late', state: 'confirmed' }]);
      const session = await shop.session(paymentId);
      expect(session.refunds).toMatchObject([{ amountMinor: priceMinor, status: 'succeeded' }]);
      // The other one has it.
      expect(await shop.stock('late-gone')).toEqual({ free: 0, held: 1, sold: 0 });
      await other.change('deals:release', { holdId: hold.holdId });
      expect(troubles).toEqual([]);
      await context.close();
    },
    90_000,
  );

  browserTest(
    'not at all: the time runs out, and it is on the counter again',
    async () => {
      const { page, context, troubles } = await visit(shop.url);
      const paymentId = await toTheTill(page, 'unpaid');
      await page.getByRole('link', { name: /nothing charged/ }).click();
      await page.waitForURL(onPayPage);
      await heading(page, 'Your time ran out').waitFor({ timeout: 30_000 });
      await expectGood(page);
      await picture(page, 'unpaid');
      await expectNothing(paymentId, 'unpaid', 'lapsed');
      expect(troubles).toEqual([]);
      await context.close();
    },
    90_000,
  );
});

browserTest(
  'when every journey is over, what is owed is back, and in escrow lies the price of what was sold',
  async () => {
    const accounts = await shop.accounts();
    const sold = await Promise.all(festival.deals.map(async ({ id }) => (await shop.stock(id)).sold));
    expect(accounts['refunds'] ?? 0).toBe(0);
    expect(accounts['escrow']).toBe(sold.reduce((sum, units) => sum + units, 0) * priceMinor);
    expect(shop.server.logged().filter(({ level }) => level >= 50)).toEqual([]);
  },
);
