import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { createHttpProvider } from '../capabilities/payments/http-provider.ts';
import type { PaymentProvider } from '../capabilities/payments/provider.ts';
import { createLogger } from '../platform/logger.ts';
import { createSeededRandom } from '../platform/random.ts';
import { createTill, type Till } from './till.ts';

/** What a shop was told at its webhook address. */
export interface Told {
  body: Buffer;
  headers: IncomingHttpHeaders;
}

/** A till that is open, a shop's address for its webhooks, and the shop's adapter: all over HTTP, in a time set by hand. */
export interface TestHouse {
  url: string;
  till: Till;
  provider: PaymentProvider;
  told: Told[];
  events(): { id: string; type: string; createdAtMs: number; data: Record<string, unknown> }[];
  /** What the shop answers to the webhooks that come next. */
  answerWith(status: number): void;
  at(ms: number): void;
  nowMs(): number;
  press(providerId: string, card: string): Promise<Response>;
  /** Closes the till and opens another on the same journal, as after a restart. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

export const apiKey = 'sk_test_copper_0123456789';
const webhookSecret = 'whsec_copper_0123456789abcdef';
const startMs = 1_794_355_200_000;
let houses = 0;

function listen(server: Server): Promise<string> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));
  });
}

export async function openTestHouse({
  journalFile = null,
  webhookUrl,
  path = '',
  sessionsMax,
  fontsDir,
}: {
  journalFile?: string | null;
  /** Where webhooks go; without one, to an address that keeps them for the test. */
  webhookUrl?: () => string;
  path?: '' | `/${string}`;
  sessionsMax?: number;
  fontsDir?: string;
} = {}): Promise<TestHouse> {
  let nowMs = startMs;
  let status = 200;
  const told: Told[] = [];
  const shop = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      told.push({ body: Buffer.concat(chunks), headers: request.headers });
      response.writeHead(status).end();
    });
  });
  const shopUrl = await listen(shop);
  let till: Till;
  const app = express();
  app.use(path === '' ? '/' : path, (request, response, next) => till.router(request, response, next));
  const http = createServer(app);
  const url = `${await listen(http)}${path}`;
  const random = createSeededRandom(`house ${houses++}`);
  const open = () =>
    createTill({
      publicUrl: () => url,
      apiKey,
      webhookSecrets: [webhookSecret],
      webhookUrl: webhookUrl ?? (() => `${shopUrl}/hook`),
      journalFile,
      clock: { nowMs: () => nowMs, monotonicMs: () => nowMs - startMs, errorMs: () => 0 },
      random,
      logger: createLogger('silent'),
      delays: { slowMs: 20_000, lateMs: 5_000, refundMs: 2_000, retryMs: 500 },
      ...(sessionsMax === undefined ? {} : { sessionsMax }),
      ...(fontsDir === undefined ? {} : { fontsDir }),
    });
  till = await open();
  const provider = createHttpProvider({
    baseUrl: () => url,
    apiKey,
    webhookSecrets: [webhookSecret],
    retryWaitsMs: [1, 1],
  });
  return {
    url,
    get till() {
      return till;
    },
    provider,
    told,
    events: () => told.map(({ body }) => JSON.parse(body.toString('utf8'))),
    answerWith: (next) => {
      status = next;
    },
    at: (ms) => {
      nowMs = startMs + ms;
    },
    nowMs: () => nowMs,
    press: (providerId, card) =>
      fetch(`${url}/pay/${providerId}`, {
        method: 'POST',
        headers: { accept: 'application/json' },
        body: new URLSearchParams({ card }),
      }),
    async restart() {
      await till.stop();
      till = await open();
    },
    async close() {
      await till.stop();
      for (const server of [http, shop]) {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      }
    },
  };
}
