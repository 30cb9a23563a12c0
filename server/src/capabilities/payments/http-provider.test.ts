import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { createHttpProvider } from './http-provider.ts';

/** What the adapter does with a provider that misbehaves on the wire. How it gets on with one that does not is the till's test. */

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
  server = undefined;
});

async function providerThat(listener: RequestListener, more: { callMs?: number; inFlightMax?: number } = {}) {
  const running = createServer(listener);
  server = running;
  await new Promise<void>((resolve) => running.listen(0, '127.0.0.1', resolve));
  const { port } = running.address() as AddressInfo;
  return createHttpProvider({
    baseUrl: () => `http://127.0.0.1:${port}`,
    apiKey: 'sk_test_copper_0123456789',
    webhookSecrets: ['whsec_copper_0123456789abcdef'],
    retryWaitsMs: [1, 1],
    ...more,
  });
}

const session = {
  id: 'cs_1',
  url: 'http://till.example/pay/cs_1',
  status: 'open',
  reference: 'y0.payment-0001',
  amountMinor: 1,
  currency: 'CNY',
  refunds: [],
};
const asked = {
  reference: 'y0.payment-0001',
  amountMinor: 1,
  currency: 'CNY',
  description: 'x',
  returnUrl: '/',
  expiresAtMs: 1,
  idempotencyKey: 'key-00000001',
} as const;

test('a call that failed twice is sent a third time, under the same idempotency key', async () => {
  const keys: (string | undefined)[] = [];
  const provider = await providerThat((request, response) => {
    keys.push(String(request.headers['idempotency-key']));
    if (keys.length === 1) request.socket.destroy();
    else if (keys.length === 2) response.writeHead(502).end('<html>');
    else response.writeHead(201).end(JSON.stringify(session));
  });
  expect(await provider.createSession(asked)).toEqual({ providerId: 'cs_1', url: session.url });
  expect(keys).toEqual(Array.from({ length: 3 }, () => 'key-00000001'));
});

test('a provider that stays away is the fault unavailable, after three tries', async () => {
  let tries = 0;
  const provider = await providerThat((_request, response) => {
    tries++;
    response.writeHead(503).end();
  });
  await expect(provider.find('cs_1')).rejects.toMatchObject({ name: 'Fault', code: 'unavailable' });
  expect(tries).toBe(3);
});

test('a provider that does not answer in time is the fault unavailable', async () => {
  const provider = await providerThat(() => {}, { callMs: 20 });
  await expect(provider.find('cs_1')).rejects.toMatchObject({ name: 'Fault', code: 'unavailable' });
});

test('a refusal is told by its word and never tried again', async () => {
  let tries = 0;
  const provider = await providerThat((_request, response) => {
    tries++;
    response.writeHead(400).end(JSON.stringify({ error: { code: 'bad-amountMinor' } }));
  });
  await expect(provider.createSession(asked)).rejects.toMatchObject({
    name: 'ProviderRefused',
    status: 400,
    code: 'bad-amountMinor',
  });
  expect(tries).toBe(1);
});

test.each([
  ['that is no JSON', '<html>'],
  ['without a status', JSON.stringify({ ...session, status: undefined })],
  ['with a status nobody knows', JSON.stringify({ ...session, status: 'paid-ish' })],
  ['with half a cent', JSON.stringify({ ...session, amountMinor: 0.5 })],
  ['longer than any', `"${'x'.repeat(300_000)}"`],
])('nothing is built on an answer %s', async (_, text) => {
  const provider = await providerThat((_request, response) => response.writeHead(200).end(text));
  await expect(provider.find('cs_1')).rejects.toMatchObject({ name: 'Fault', code: 'unavailable' });
});

test('the key follows no redirect', async () => {
  const asked: (string | undefined)[] = [];
  const provider = await providerThat((request, response) => {
    asked.push(request.url);
    response.writeHead(302, { location: '/somewhere-else' }).end();
  });
  await expect(provider.find('cs_1')).rejects.toMatchObject({ code: 'unavailable' });
  expect(new Set(asked)).toEqual(new Set(['/v1/sessions/cs_1']));
});

test('more calls at once than are allowed are the fault overloaded', async () => {
  const provider = await providerThat((_request, response) => response.end(JSON.stringify(session)), {
    inFlightMax: 2,
  });
  const answers = await Promise.allSettled([1, 2, 3].map(() => provider.find('cs_1')));
  expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected']);
  expect(await provider.find('cs_1')).toMatchObject({ status: 'open' });
});
