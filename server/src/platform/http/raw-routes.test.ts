import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Fault } from '../fault.ts';
import { createGateway } from '../gateway.ts';
import { createLogger } from '../logger.ts';
import { createMetrics } from '../metrics.ts';
import { createRandom } from '../random.ts';
import { createHttpApp, httpServerOptions, type RawRoute } from './app.ts';

const clock = { nowMs: () => 1_794_355_200_000, monotonicMs: () => performance.now(), errorMs: () => 0 };
const logger = createLogger('silent');
const bytesMax = 1_000;
let server: Server;
let url: string;
let received: { body: Buffer; signature: string | undefined }[];
let handle: RawRoute['handle'];

beforeEach(async () => {
  received = [];
  handle = async (body, header) => {
    received.push({ body, signature: header('till-signature') });
    return { status: 200, answer: { ok: true } };
  };
  const random = createRandom();
  const metrics = createMetrics();
  const app = createHttpApp({
    gateway: createGateway({ clock, random, logger, metrics, checkReplies: true }),
    authenticate: async () => ({ ok: false, reason: 'invalid' }),
    contracts: [],
    config: { allowedOrigins: { kind: 'same-host' }, trustProxy: 0 },
    readiness: async () => ({ ready: true, failing: [] }),
    clientDir: '/nonexistent',
    documents: {},
    rawRoutes: [
      {
        path: '/api/payments/webhook',
        bodyBytesMax: bytesMax,
        handle: (body, header) => handle(body, header),
      },
    ],
    sites: [{ path: '/till', handler: (request, response) => void response.send(`the till at ${request.url}`) }],
    version: '0',
    logger,
    random,
    metrics,
  });
  server = createServer(httpServerOptions, app);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const post = (body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}) =>
  fetch(`${url}/api/payments/webhook`, { method: 'POST', body, headers });

test('a raw route is handed the bytes as they were sent, whatever type they are said to be', async () => {
  const odd = Buffer.from([0x7b, 0x22, 0xff, 0x00, 0x0a, 0x7d]);
  for (const type of ['application/json', 'text/plain', 'application/x-www-form-urlencoded'])
    expect((await post(odd, { 'content-type': type, 'till-signature': 't=1' })).status).toBe(200);
  expect(received).toEqual(Array.from({ length: 3 }, () => ({ body: odd, signature: 't=1' })));
  expect((await fetch(`${url}/api/payments/webhook`, { method: 'POST' })).status).toBe(200);
  expect(received[3]?.body).toHaveLength(0);
});

test('a raw route says what its handler says', async () => {
  handle = async () => ({ status: 400, answer: { ok: false, why: 'bad-signature' } });
  const answer = await post('x');
  expect(answer.status).toBe(400);
  expect(await answer.json()).toEqual({ ok: false, why: 'bad-signature' });
});

test('a raw route takes no more than its bytes, and nothing compressed', async () => {
  expect((await post('x'.repeat(bytesMax))).status).toBe(200);
  expect((await post('x'.repeat(bytesMax + 1))).status).toBe(413);
  expect((await post(gzipSync('{}'), { 'content-encoding': 'gzip' })).status).toBe(415);
  expect(received).toHaveLength(1);
});

test('a raw route answers a fault with its status, so that the sender tries again, and a bug with its number', async () => {
  handle = () => Promise.reject(new Fault('unavailable'));
  const away = await post('x');
  expect(away.status).toBe(503);
  expect(await away.json()).toMatchObject({ fault: 'unavailable' });
  handle = () => Promise.reject(new Error('a secret detail of the inside'));
  const broken = await post('x');
  expect(broken.status).toBe(500);
  expect(await broken.text()).not.toContain('secret');
});

test('a raw route takes POST alone', async () => {
  const answer = await fetch(`${url}/api/payments/webhook`);
  expect(answer.status).toBe(405);
  expect(answer.headers.get('allow')).toBe('POST');
});

test('a site beside ours is served under its path', async () => {
  expect(await (await fetch(`${url}/till/pay/cs_1`)).text()).toBe('the till at /pay/cs_1');
  expect((await fetch(`${url}/tillage`)).status).toBe(404);
});
