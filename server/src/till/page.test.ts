import type { Page } from 'playwright-core';
import { afterEach, beforeEach, describe, expect, vi } from 'vitest';
import { browserTest, expectAccessible, type Visit, visit } from '../../tests/test-browser.ts';
import { openTestHouse, type TestHouse } from './till.test-house.ts';

let house: TestHouse;
let opened: Visit[];

beforeEach(async () => {
  house = await openTestHouse();
  opened = [];
});
afterEach(async () => {
  for (const { context } of opened) await context.close();
  await house.close();
});

let numbers = 0;
const back = 'http://shop.example/orders/1';

async function pageOf(size: { width?: number; height?: number } = {}) {
  const { providerId, url } = await house.provider.createSession({
    reference: `y0.payment-${numbers}`,
    amountMinor: 18_612,
    currency: 'CNY',
    description: 'Gooseneck kettle 0.9 L, one',
    lines: [{ label: 'Kept in escrow', text: 'until you have it' }],
    returnUrl: back,
    expiresAtMs: house.nowMs() + 378_000,
    idempotencyKey: `page-key-${numbers++}`,
  });
  const visited = await visit('about:blank', size);
  opened.push(visited);
  await visited.context.route('http://shop.example/**', (route) =>
    route.fulfill({ contentType: 'text/html', body: '<h1>Back at the shop</h1>' }),
  );
  await visited.page.goto(url);
  return { ...visited, providerId, url };
}
const pay = (page: Page) => page.getByRole('button', { name: /^Pay/ }).click();
const heading = (page: Page, name: string) => page.getByRole('heading', { name }).waitFor();

/** A browser on a machine that is busy with other tests may take this long to open a page. */
vi.setConfig({ testTimeout: 60_000 });

describe('the hosted page', () => {
  browserTest('says what it costs, until when, and what each card will do', async () => {
    const { page, troubles } = await pageOf();
    await expect.poll(() => page.getByRole('timer').textContent()).toMatch(/^06:1\d$/);
    expect(await page.getByRole('radio').count()).toBe(7);
    expect(await page.getByRole('radio', { name: 'Pays at once' }).isChecked()).toBe(true);
    // 00:06:18 in UTC, which is an hour later in Amsterdam.
    expect(await page.locator('time').first().textContent()).toBe('01:06:18 Amsterdam');
    await expectAccessible(page);
    expect(troubles).toEqual([]);
  });

  browserTest('pays with one press and goes back by itself', async () => {
    const { page, troubles } = await pageOf();
    await pay(page);
    await heading(page, 'Paid');
    await page.waitForURL(back);
    await heading(page, 'Back at the shop');
    expect(troubles).toEqual([]);
  });

  browserTest('says kindly that the bank refused, and takes another card', async () => {
    const { page, providerId, troubles } = await pageOf();
    await page.getByText('Bank says no').click();
    await pay(page);
    await page.getByRole('alert').getByText('Nothing was taken').waitFor();
    await expectAccessible(page);
    await pay(page);
    await page.waitForURL(back);
    expect((await house.provider.find(providerId))?.status).toBe('succeeded');
    expect(troubles).toEqual([]);
  });

  browserTest('waits with its shopper while the bank thinks, also over a reload and in a second tab', async () => {
    const { page, context, url } = await pageOf();
    await page.getByText('Pays slowly').click();
    await pay(page);
    await heading(page, 'Your bank is thinking');
    await expectAccessible(page);
    await page.reload();
    await heading(page, 'Your bank is thinking');
    const second = await context.newPage();
    await second.goto(url);
    await heading(second, 'Your bank is thinking');
    house.at(20_000);
    await Promise.all([page.waitForURL(back), second.waitForURL(back)]);
  });

  browserTest('leads back without a payment, and the way forward stays open', async () => {
    const { page, providerId, url } = await pageOf();
    await page.getByRole('link', { name: 'Back to Elevens, nothing charged' }).click();
    await page.waitForURL(back);
    expect((await house.provider.find(providerId))?.status).toBe('open');
    await page.goto(url);
    await pay(page);
    await page.waitForURL(back);
  });

  browserTest('says so when its time is over while it is being looked at', async () => {
    const { page, providerId } = await pageOf();
    house.at(378_000);
    await pay(page);
    await heading(page, 'The time to pay is over');
    await expectAccessible(page);
    expect((await house.provider.find(providerId))?.status).toBe('expired');
  });

  browserTest('says that it got no answer, and a second press pays once', async () => {
    const { page, context, providerId } = await pageOf();
    const lost = /\/pay\/[^/]+\?lang=/;
    // The press arrives and its answer is lost.
    await context.route(lost, async (route) => {
      if (route.request().method() !== 'POST') return route.continue();
      await route.fetch();
      await route.abort();
    });
    await page.getByText('Bank says no').click();
    await pay(page);
    await page.getByRole('alert').getByText('No answer from the till').waitFor();
    await context.unroute(lost);
    await page.getByText('Pays at once').click();
    await pay(page);
    await page.waitForURL(back);
    await house.till.look();
    await house.till.look();
    expect(house.events().filter(({ type }) => type === 'payment.succeeded')).toHaveLength(1);
    expect((await house.provider.find(providerId))?.status).toBe('succeeded');
  });

  browserTest('is paid by keyboard alone', async () => {
    const { page } = await pageOf({ width: 1_440, height: 900 });
    await page.getByRole('radio', { name: 'Pays at once' }).focus();
    await page.keyboard.press('ArrowDown');
    expect(await page.getByRole('radio', { name: 'Pays slowly' }).isChecked()).toBe(true);
    await page.keyboard.press('ArrowUp');
    await page.keyboard.press('Enter');
    await page.waitForURL(back);
  });

  browserTest('speaks four languages and is readable on a desk', async () => {
    const { page, troubles } = await pageOf({ width: 1_440, height: 900 });
    for (const [tongue, words] of [
      ['Nederlands', 'Welke testkaart'],
      ['Tiếng Việt', 'Chọn thẻ thử'],
      ['中文', '选一张测试卡'],
      ['English', 'Which test card'],
    ] as const) {
      await page.getByRole('link', { name: tongue }).click();
      await heading(page, words);
      await expectAccessible(page);
    }
    expect(troubles).toEqual([]);
  });
});
