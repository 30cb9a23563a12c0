import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import axe from 'axe-core';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { afterAll, expect, test } from 'vitest';
import { readTools } from '../../.ci/find-tool.mjs';

/** A real browser before the built pages, for the tests of the surfaces. */

const root = fileURLToPath(new URL('../../', import.meta.url));
const binary = readTools().chromium?.binary;

/** Everything on a page is there within this long, also where two cores serve two servers and two browsers. */
const shownMs = 20_000;

/** As `test`, where there is a browser. Without one it is skipped and says so; in CI that is a failure. */
export const browserTest = binary === undefined && !process.env['CI'] ? test.skip : test;
if (binary === undefined) {
  console.log(
    'No Chromium was found, so the surfaces are not looked at. Run `node setup.mjs test`, which looks for one.',
  );
}

let browser: Browser | undefined;
afterAll(async () => {
  await browser?.close();
});

/** The pages as a browser gets them; built once where they are not there, as set-up does. */
export function buildClient(): void {
  if (existsSync(join(root, 'client', 'dist', 'index.html'))) return;
  execFileSync(join(root, 'node_modules', '.bin', 'vite'), ['build', 'client'], { cwd: root, stdio: 'pipe' });
}

export interface Visit {
  page: Page;
  context: BrowserContext;
  /** What the page complained of: errors on its console and exceptions that nobody caught. */
  troubles: string[];
}

/** Opens a page in a context of its own: another person, another device. */
export async function visit(
  url: string,
  { width = 390, height = 844 }: { width?: number; height?: number } = {},
): Promise<Visit> {
  if (binary === undefined) throw new Error('No Chromium was found; in CI that is a failure.');
  browser ??= await chromium.launch({ executablePath: binary, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
  const phone = width < 600;
  const context = await browser.newContext({
    viewport: { width, height },
    locale: 'en-GB',
    timezoneId: 'Europe/Amsterdam',
    hasTouch: phone,
    isMobile: phone,
    reducedMotion: 'reduce',
  });
  context.setDefaultTimeout(shownMs);
  const page = await context.newPage();
  const troubles: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error') troubles.push(message.text());
  });
  page.on('pageerror', (error) => troubles.push(String(error)));
  await page.goto(url);
  return { page, context, troubles };
}

/** What axe-core finds on the page as it stands: nothing serious, nothing critical. */
export async function expectAccessible(page: Page): Promise<void> {
  // Evaluated by the debugger and not as a script element, which the page's own security policy would refuse.
  await page.evaluate(axe.source);
  const found = await page.evaluate(async () => {
    // What is still fading in has another colour for a moment.
    interface Fading {
      finished: Promise<unknown>;
      effect: { getComputedTiming(): { endTime: number } } | null;
    }
    const { document } = globalThis as unknown as { document: { getAnimations(): Fading[] } };
    const ending = document.getAnimations().filter((a) => Number.isFinite(a.effect?.getComputedTiming().endTime));
    await Promise.allSettled(ending.map((animation) => animation.finished));
    const { axe } = globalThis as unknown as {
      axe: {
        run(
          options: object,
        ): Promise<{ violations: { id: string; impact: string; nodes: { html: string; failureSummary: string }[] }[] }>;
      };
    };
    const { violations } = await axe.run({ resultTypes: ['violations'] });
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .map(
        ({ id, nodes }) =>
          `${id}: ${nodes.map(({ html, failureSummary }) => `${html.slice(0, 160)} ${failureSummary}`).join(' | ')}`,
      );
  });
  expect(found, page.url()).toEqual([]);
}

/** Nothing sticks out sideways: a phone's page does not scroll that way. */
export async function expectNoSidewaysScroll(page: Page): Promise<void> {
  const { scroll, client } = await page.evaluate(() => {
    const { documentElement: html } = (
      globalThis as unknown as { document: { documentElement: { scrollWidth: number; clientWidth: number } } }
    ).document;
    return { scroll: html.scrollWidth, client: html.clientWidth };
  });
  expect(scroll, page.url()).toBeLessThanOrEqual(client);
}
