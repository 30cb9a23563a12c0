import type { Stock } from '@elevens/shared/src/deals/contract.ts';
import type { Session } from '@elevens/shared/src/identity/contract.ts';
import type { Page } from 'playwright-core';
import { beforeAll, expect } from 'vitest';
import { browserTest, buildClient, expectAccessible, expectNoSidewaysScroll, visit } from './test-browser.ts';
import {
  connect,
  festivalOf,
  followState,
  guests,
  post,
  requestId,
  startServer,
  type TestServer,
  until,
} from './test-server.ts';

const festival = festivalOf({
  deals: [
    { id: 'red', total: 20, hold: '30m' },
    { id: 'later', total: 20, when: '+30m for 1h' },
  ],
  sessions: [{ id: 'stage', dealIds: ['red'] }],
  drops: [{ id: 'rain', fundMinor: 50_000, packets: 50 }],
  tasks: [{ id: 'look-in', title: 'Look in', blurb: 'Come by.', on: 'check-in', energy: 11, when: '+0s for 12h' }],
});

let server: TestServer;
beforeAll(async () => {
  buildClient();
  server = await startServer({ festival });
}, 120_000);

/** The seconds that a text such as 29:58 or 1:29:58 says. */
function secondsOf(text: string): number {
  return text.split(':').reduce((sum, part) => sum * 60 + Number(part), 0);
}

/** What an element says, frame by frame, until it has said this many different things. */
function differentTexts(page: Page, selector: string, count: number): Promise<string[]> {
  return page.evaluate(
    ({ selector, count }) =>
      new Promise<string[]>((resolve) => {
        const { document, requestAnimationFrame } = globalThis as unknown as {
          document: { querySelectorAll(s: string): Iterable<{ textContent: string | null }> };
          requestAnimationFrame(step: () => void): void;
        };
        const seen: string[] = [];
        const step = () => {
          const text = Array.from(document.querySelectorAll(selector), (element) => element.textContent ?? '').join('');
          if (/\d/.test(text) && seen.at(-1) !== text) seen.push(text);
          if (seen.length >= count) resolve(seen);
          else requestAnimationFrame(step);
        };
        step();
      }),
    { selector, count },
  );
}

function expectToRunDown(seconds: number[]): void {
  for (const [i, now] of seconds.entries()) {
    const before = seconds[i - 1];
    if (before !== undefined) expect(now, `the countdown said ${seconds.join(', ')}`).toBeLessThan(before);
  }
}

async function say(speaker: Session, text: string): Promise<void> {
  const input = { requestId: requestId(), sessionId: 'stage', text };
  const { answer } = await post(server.url, 'live:say', input, { token: speaker.token });
  if (!answer.ok) throw new Error(`"${text}" was answered ${JSON.stringify(answer)}`);
}

browserTest(
  'on a phone, tonight counts down to the next thing and its digits never jump back',
  async () => {
    const { page, context, troubles } = await visit(server.url);
    await page.getByRole('timer').first().waitFor();
    const digits = await differentTexts(page, '.clock .lan b', 5);
    const seconds = digits.map((text) => secondsOf(`${text.slice(0, 2)}:${text.slice(2)}`));
    expectToRunDown(seconds);
    expect(seconds[0]).toBeLessThanOrEqual(30 * 60);
    expect(seconds[0]).toBeGreaterThan(25 * 60);
    // It is measured again when the page is looked at again; that must not make it jump either.
    await page.evaluate(() => {
      const { dispatchEvent, Event } = globalThis as unknown as {
        dispatchEvent(e: unknown): void;
        Event: new (n: string) => unknown;
      };
      for (const name of ['focus', 'online']) dispatchEvent(new Event(name));
    });
    const after = (await differentTexts(page, '.clock .lan b', 3)).map((text) =>
      secondsOf(`${text.slice(0, 2)}:${text.slice(2)}`),
    );
    expectToRunDown([...seconds.slice(-1).map((last) => last + 1), ...after]);

    for (const name of ['Deals', 'Live', 'Packets', 'Mine', 'Tonight']) {
      // oxlint-disable-next-line no-await-in-loop -- one page after the other
      await page.getByRole('navigation').getByRole('link', { name, exact: true }).click();
      // oxlint-disable-next-line no-await-in-loop
      await page.getByRole('heading').first().waitFor();
      // oxlint-disable-next-line no-await-in-loop
      await page.waitForLoadState('networkidle').catch(() => {});
      // oxlint-disable-next-line no-await-in-loop
      await expectAccessible(page);
      // oxlint-disable-next-line no-await-in-loop
      await expectNoSidewaysScroll(page);
    }
    expect(troubles).toEqual([]);
    await context.close();
  },
  90_000,
);

browserTest(
  'a deal is claimed by one tap, two quick taps are one hold, its time runs down, and it can be let go',
  async () => {
    const stock = await followState<Stock>(await connect(server.url), 'deals:stock', 'red');
    const { held } = stock.now();
    const { page, context, troubles } = await visit(server.url);
    await page.getByRole('navigation').getByRole('link', { name: 'Deals', exact: true }).click();
    await page
      .getByRole('link', { name: /Kettle red/ })
      .first()
      .click();
    await page.waitForURL('**/deals/red');
    const sign = page.getByRole('button', { name: /^Claim one for/ });
    await sign.waitFor();
    await expectAccessible(page);
    await sign.dblclick();
    await page.getByRole('heading', { name: 'One kettle is yours to pay' }).waitFor();
    await stock.until('one unit is held and no second', (s) => s.held === held + 1);
    const left = (await differentTexts(page, '[role=timer]', 3)).map(secondsOf);
    expectToRunDown(left);
    expect(left[0]).toBeLessThanOrEqual(30 * 60);
    expect(left[0]).toBeGreaterThan(28 * 60);
    await expectAccessible(page);
    await expectNoSidewaysScroll(page);
    expect(stock.now().held).toBe(held + 1);

    // Someone who loads the page again still has it.
    await page.reload();
    await page.getByRole('heading', { name: 'One kettle is yours to pay' }).waitFor();
    await page.getByRole('button', { name: 'Let it go to the next person' }).click();
    await page.getByText('You let it go').waitFor();
    await stock.until('the unit is back on the counter', (s) => s.held === held);
    await page.getByRole('button', { name: /^Claim one for/ }).waitFor();
    expect(troubles).toEqual([]);
    await context.close();
  },
  90_000,
);

browserTest(
  'in a live session what is typed is kept while the line is broken, and what was said meanwhile is caught up without a gap',
  async () => {
    const [speaker] = await guests(server.url, 1);
    if (speaker === undefined) throw new Error('no guest');
    const { page, context, troubles } = await visit(`${server.url}/live/stage`);
    const field = page.getByRole('textbox', { name: 'Say something' });
    const chat = page.getByRole('list', { name: 'Chat' });
    await field.waitFor();
    await field.fill('Is the kettle iron?');
    await page.getByRole('button', { name: 'Send' }).click();
    await chat.getByText('Is the kettle iron?').waitFor();
    expect(await field.inputValue()).toBe('');
    await say(speaker, 'first line from afar');
    await chat.getByText('first line from afar').waitFor();
    await expectAccessible(page);
    await expectNoSidewaysScroll(page);

    const told = troubles.length;
    await context.setOffline(true);
    await page.getByText(/What you typed is kept/).waitFor();
    await field.fill('And how heavy is it?');
    const missed = Array.from({ length: 20 }, (_, i) => `said meanwhile ${i}.`);
    for (const text of missed) {
      // oxlint-disable-next-line no-await-in-loop -- in this order
      await say(speaker, text);
    }
    await expectAccessible(page);
    expect(await chat.getByText('said meanwhile').count()).toBe(0);
    await context.setOffline(false);
    await chat.getByText('said meanwhile 19.').waitFor();
    expect(await field.inputValue()).toBe('And how heavy is it?');
    // A browser writes its own failed requests on the console while the line is broken; nothing else may stand there.
    for (const trouble of troubles.splice(told))
      expect(trouble).toMatch(/ERR_INTERNET_DISCONNECTED|WebSocket connection to/);

    await page.getByRole('button', { name: 'Send' }).click();
    await chat.getByText('And how heavy is it?').waitFor();
    const lines = (await chat.getByRole('listitem').allTextContents()).map(
      (line) =>
        /(said meanwhile \d+\.|first line from afar|Is the kettle iron\?|And how heavy is it\?)$/.exec(line)?.[1],
    );
    expect(lines).toEqual(['Is the kettle iron?', 'first line from afar', ...missed, 'And how heavy is it?']);
    expect(troubles).toEqual([]);
    await context.close();
  },
  90_000,
);

browserTest(
  'a red packet is opened by a tap, lies in the wallet after it, and a second one is not to be had',
  async () => {
    const { page, context, troubles } = await visit(`${server.url}/packets/rain`);
    const tap = page.getByRole('button', { name: /Tap to open/ });
    await tap.waitFor();
    await expectAccessible(page);
    await tap.click();
    await page.getByText('You have opened yours. One packet a person.').waitFor();
    await expectAccessible(page);
    await expectNoSidewaysScroll(page);
    await page.getByRole('button', { name: /See my wallet/ }).click();
    await page.waitForURL('**/mine');
    await page.getByText('from one packet tonight').waitFor();
    await expectAccessible(page);

    await page.goto(`${server.url}/packets/rain`);
    await page.getByText('You have opened yours. One packet a person.').waitFor();
    expect(await page.getByRole('button', { name: /Tap to open/ }).count()).toBe(0);
    const drop = await followState<{ opened: number }>(await connect(server.url), 'redpackets:drop', 'rain');
    await until('one packet is opened and no second', () => drop.now().opened === 1);
    expect(troubles).toEqual([]);
    await context.close();
  },
  90_000,
);

browserTest(
  'addresses that lead nowhere, and a desk’s width, are pages like all others',
  async () => {
    const { page, context, troubles } = await visit(`${server.url}/deals/never-heard-of`, {
      width: 1_280,
      height: 800,
    });
    await page.getByText('This deal is not on the street').waitFor();
    await expectAccessible(page);
    for (const path of ['/', '/deals', '/deals/red', '/basket', '/live/stage', '/packets', '/mine']) {
      // oxlint-disable-next-line no-await-in-loop -- one page after the other
      await page.goto(`${server.url}${path}`);
      // oxlint-disable-next-line no-await-in-loop
      await page.getByRole('heading').first().waitFor();
      // oxlint-disable-next-line no-await-in-loop
      await expectAccessible(page);
      // oxlint-disable-next-line no-await-in-loop
      await expectNoSidewaysScroll(page);
    }
    expect(troubles).toEqual([]);
    await context.close();
  },
  90_000,
);
