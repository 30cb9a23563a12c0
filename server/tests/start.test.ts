import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { festivalOf, runRefused, startServer, tempDir } from './test-server.ts';

const festival = festivalOf({ deals: [{ id: 'kettle', total: 10 }] });

/** A refusal that a person can act on: words, one exit code, no stack, nothing live. */
function expectWords(refused: { code: number | null; output: string }, words: readonly string[]): void {
  for (const word of words) expect(refused.output).toContain(word);
  expect(refused.code).toBe(1);
  expect(refused.output).not.toMatch(/\n {4}at /);
  expect(refused.output).not.toContain('Elevens is live');
}

test('settings that cannot be used are all named at once', async () => {
  const env = {
    NODE_ENV: 'production',
    PORT: 'three thousand',
    TICK_MS: '1',
    DURABILITY: 'hope',
    ALLOWED_ORIGINS: '*',
  };
  const refused = await runRefused({ festival, env });
  expectWords(refused, ['PORT', 'three thousand', 'TICK_MS', 'DURABILITY', 'TOKEN_SECRET', 'ALLOWED_ORIGINS']);
});

test('a secret that is too short is refused without being repeated', async () => {
  const refused = await runRefused({ festival, env: { TOKEN_SECRET: 'hunter2hunter2' } });
  expectWords(refused, ['TOKEN_SECRET']);
  expect(refused.output).not.toContain('hunter2');
});

test('a festival file with mistakes lists them by their paths', async () => {
  const [deal] = festival.deals;
  const mistaken = {
    ...festival,
    festival: { ...festival.festival, currency: 'gold' },
    deals: [
      { ...deal, priceMinor: '111' },
      { ...deal, id: 'lamp', when: 'at midnight' },
    ],
  };
  expectWords(await runRefused({ festival: mistaken }), ['festival.currency', 'deals.0.priceMinor', 'deals.1.when']);
});

test('a festival file whose records name what is not there says which', async () => {
  const [deal] = festival.deals;
  const dangling = { ...festival, deals: [{ ...deal, productId: 'no-such-ware' }, { ...deal }] };
  expectWords(await runRefused({ festival: dangling }), ['deals.0.productId', 'no-such-ware', 'deals.1.id']);
});

test('a festival file that is not JSON, or is not there, is said in words', async () => {
  const file = join(tempDir(), 'festival.json');
  expectWords(await runRefused({ env: { FESTIVAL: file } }), [file]);
  writeFileSync(file, '{ "festival": ');
  expectWords(await runRefused({ env: { FESTIVAL: file } }), [file]);
});

test('a port in use is said in words, and the Redis of who was refused does not stay behind', async () => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  const address = taken.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const dataDir = tempDir();
  const refused = await runRefused({ festival, dataDir, env: { PORT: String(address.port) } });
  expectWords(refused, ['PORT', String(address.port), 'in use']);
  const metrics = await runRefused({ festival, dataDir, env: { METRICS_PORT: String(address.port) } });
  expectWords(metrics, ['METRICS_PORT', String(address.port)]);
  taken.close();
  // The data are free again: the next start takes them over at once.
  const next = await startServer({ festival, dataDir });
  await next.stop();
});

test('in production with its own secret and origins it starts without the demo: no links are printed', async () => {
  const env = {
    NODE_ENV: 'production',
    TOKEN_SECRET: 'lanterns-hang-on-every-third-pole-of-the-street',
    ALLOWED_ORIGINS: 'https://shop.example',
  };
  const server = await startServer({ festival, env });
  expect(server.links).toEqual([]);
  expect(server.output()).not.toContain('#link=');
  const own = await fetch(`${server.url}/api/identity/guest`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin: 'https://shop.example' },
    body: '{}',
  });
  expect(own.status).toBe(200);
  expect(own.headers.get('access-control-allow-origin')).toBe('https://shop.example');
  const foreign = await fetch(`${server.url}/api/identity/guest`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin: server.url },
    body: '{}',
  });
  expect(foreign.status).toBe(403);
  await server.stop();
});
