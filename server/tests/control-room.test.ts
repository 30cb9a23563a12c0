import { beforeAll, expect } from 'vitest';
import { createKeyspace } from '../src/platform/redis/keyspace.ts';
import { browserTest, buildClient, expectAccessible, visit } from './test-browser.ts';
import { ask, connect, festivalOf, guests, requestId, startServer, type TestServer, until } from './test-server.ts';

const festival = festivalOf({
  deals: [{ id: 'red', total: 20 }],
  sessions: [{ id: 'stage', dealIds: ['red'] }],
  drops: [{ id: 'rain', fundMinor: 50_000, packets: 50 }],
});
const keys = createKeyspace({ festival: 'rehearsal', partitions: 1 }).partition(0);

let server: TestServer;
beforeAll(async () => {
  buildClient();
  server = await startServer({ festival });
}, 120_000);

function controlRoom(): string {
  const link = server.links.find(({ label }) => label === 'control room');
  if (link === undefined) throw new Error(`no link to the control room in:\n${server.output()}`);
  return link.url;
}

browserTest(
  'by the link that the server prints an operator sees who is here, what is held, and all laws whole; stock written by another hand turns its light',
  async () => {
    const people = await guests(server.url, 3);
    const sockets = await Promise.all(
      people.map((person) => connect(server.url, undefined, { auth: { token: person.token, surface: 'storefront' } })),
    );
    for (const socket of sockets) {
      // oxlint-disable-next-line no-await-in-loop -- three
      await ask(socket, 'deals:claim', { requestId: requestId(), lines: [{ dealId: 'red', quantity: 1 }] });
    }
    const { page, context, troubles } = await visit(controlRoom(), { width: 1_440, height: 900 });
    const laws = page.getByRole('region', { name: 'What must always add up' });
    await laws.waitFor();
    const lawIs = (name: string, words: string | RegExp) =>
      laws.getByRole('listitem').filter({ hasText: name }).filter({ hasText: words }).waitFor();
    await Promise.all(['Stock', 'Holds', 'Packets', 'Energy'].map((name) => lawIs(name, 'whole')));
    await page.getByText('3 in the shop').waitFor();
    await page.getByText('3 holds').first().waitFor();
    await page.getByText('Nothing needs you now.').waitFor();
    // The link's secret does not stay in the address bar.
    expect(page.url()).not.toContain('link=');
    await expectAccessible(page);

    const redis = await server.redis();
    await redis.hincrby(keys.deal('red'), 'free', 5);
    await lawIs('Stock', /5 too many/);
    await page.getByText('Stock does not add up').waitFor();
    await page.getByRole('region', { name: 'Stock: the evidence' }).waitFor();
    await expectAccessible(page);
    await Promise.all(['Packets', 'Energy'].map((name) => lawIs(name, 'whole')));
    expect(server.output()).toContain('a conservation law does not hold');

    // Put right again, it is counted away by itself.
    await redis.hincrby(keys.deal('red'), 'free', -5);
    await lawIs('Stock', 'whole');
    await page.getByText('Nothing needs you now.').waitFor();
    expect(troubles).toEqual([]);
    await context.close();
  },
  120_000,
);

browserTest(
  'without a link the control room asks who one is, and a guest of the storefront stays outside',
  async () => {
    const { page, context, troubles } = await visit(`${server.url}/control-room`, { width: 1_280, height: 800 });
    await page.getByRole('heading', { name: 'Watch the night from above' }).waitFor();
    await expectAccessible(page);
    await page.getByLabel('Name').fill('demo-operator');
    await page.getByLabel('Password').fill('a guess');
    await page
      .getByRole('button', { name: /^Sign in/ })
      .first()
      .click();
    await page.getByText('That name and password do not go together.').waitFor();
    expect(await page.getByText('What must always add up').count()).toBe(0);
    // A refused sign-in is an answer of 409, which browsers write on the console themselves.
    for (const trouble of troubles) expect(trouble).toContain('409');
    await context.close();

    const phone = await visit(controlRoom());
    await phone.page.getByRole('region', { name: 'What must always add up' }).waitFor();
    await until('the figures are there', () =>
      phone.page
        .getByText('whole')
        .count()
        .then((count) => count >= 4),
    );
    await expectAccessible(phone.page);
    expect(phone.troubles).toEqual([]);
    await phone.context.close();
  },
  90_000,
);
