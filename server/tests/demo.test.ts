import { fileURLToPath } from 'node:url';
import { beforeAll, expect } from 'vitest';
import { browserTest, buildClient, visit } from './test-browser.ts';
import { startServer, type TestServer, until } from './test-server.ts';

/** The picture in the README: made from the demo by `UPDATE_DOCS=1 npx vitest run server/tests/demo.test.ts`. */
const picture = fileURLToPath(new URL('../../docs/storefront.png', import.meta.url));

let server: TestServer;
beforeAll(async () => {
  buildClient();
  server = await startServer({ env: { DEMO_CROWD: '6' } });
}, 120_000);

browserTest(
  'the demo is live the moment it starts: a countdown runs, a session is on and the crowd talks',
  async () => {
    const { page, context, troubles } = await visit(server.url, { width: 1280, height: 800 });
    await page.getByRole('heading', { name: 'On now' }).waitFor();
    await page.getByRole('timer').first().waitFor();
    const session = page.getByRole('link', { name: /Folding the No\. 4/ }).first();
    await session.waitFor();
    if (process.env['UPDATE_DOCS']) await page.screenshot({ path: picture });
    await session.click();
    const lines = page.getByRole('region', { name: 'Chat' }).locator('li:not(.sys)');
    await until('the crowd talks', async () => (await lines.count()) >= 2, { withinMs: 40_000 });
    expect(troubles).toEqual([]);
    await context.close();
  },
  60_000,
);
