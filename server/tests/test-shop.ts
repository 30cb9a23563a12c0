import { type ChildProcess, spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Hold } from '@elevens/shared/src/deals/contract.ts';
import type { PriceProof } from '@elevens/shared/src/deals/pricing/types.ts';
import type { Session } from '@elevens/shared/src/identity/contract.ts';
import type { Order, Payment } from '@elevens/shared/src/orders/contract.ts';
import type { KeptOrder, KeptPayment } from '@elevens/shared/src/orders/documents.ts';
import type { Redis } from 'ioredis';
import type { Socket } from 'socket.io-client';
import { afterAll, expect } from 'vitest';
import { createKeyspace } from '../src/platform/redis/keyspace.ts';
import {
  call,
  connect,
  type FestivalParts,
  festivalOf,
  guest,
  type Outcome,
  post,
  requestId,
  startServer,
  tempDir,
  until,
} from './test-server.ts';

/** A whole festival with a payment provider of its own in another process, for the tests of orders and of paying. */

const root = fileURLToPath(new URL('../../', import.meta.url));
const tillMain = join(root, 'server', 'src', 'till', 'main.ts');
const pinned = join(root, 'node_modules', '.bin', 'node');
const node = existsSync(pinned) ? pinned : process.execPath;

const apiKey = 'a-key-for-rehearsals-only';
/** All that this test knows and a stranger does not. */
const webhookSecret = 'what-the-till-signs-with-0123456789';

const tills = new Set<ChildProcess>();
const relays = new Set<Server>();
process.once('exit', () => {
  for (const till of tills) till.kill('SIGKILL');
});
// Runs after the tests of whichever file imports this, also when one of them failed.
afterAll(async () => {
  const ends = [...tills].map((child) => new Promise((resolve) => child.once('exit', resolve)));
  for (const till of tills) till.kill('SIGKILL');
  for (const relay of relays) {
    relay.close();
    relay.closeAllConnections();
  }
  await Promise.all(ends);
});

/** A port that was free a moment ago: the address to come back to has to be known before the server is there. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createTcpServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => resolve(port));
    });
  });
}

async function bytesOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** A webhook as it went by on its way from the till to the server. */
interface Passed {
  id: string;
  type: string;
  reference: string;
  status: number;
}

/** Stands between till and server and writes down what goes by, changing nothing. */
async function startRelay(target: string) {
  const passed: Passed[] = [];
  const relay = createServer((request, response) => {
    void (async () => {
      const body = await bytesOf(request);
      const answer = await fetch(target, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'till-signature': String(request.headers['till-signature'] ?? ''),
        },
        body,
      });
      const text = await answer.text();
      const event = JSON.parse(body.toString()) as { id: string; type: string; data: { reference: string } };
      passed.push({ id: event.id, type: event.type, reference: event.data.reference, status: answer.status });
      response.writeHead(answer.status, { 'content-type': 'application/json' }).end(text);
    })().catch(() => response.writeHead(502).end());
  });
  await new Promise<void>((resolve) => relay.listen(0, '127.0.0.1', resolve));
  relays.add(relay);
  return { url: `http://127.0.0.1:${(relay.address() as AddressInfo).port}/`, passed };
}

async function startTill(webhookUrl: string, delays: object): Promise<string> {
  const file = join(tempDir(), 'till.json');
  writeFileSync(file, JSON.stringify({ apiKey, webhookSecrets: [webhookSecret], webhookUrl, delays }));
  const child = spawn(node, [tillMain, file], {
    cwd: root,
    env: { PATH: process.env['PATH'] ?? '' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  tills.add(child);
  child.once('exit', () => tills.delete(child));
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-20_000);
    });
  const found = await until(
    () => `the till opens; it said ${said}`,
    () => /The till is open: (\S+)/.exec(said),
  );
  return found[1] ?? '';
}

interface ShopParts extends Omit<FestivalParts, 'deals'> {
  deals: (NonNullable<FestivalParts['deals']>[number] & { brandId?: string; presale?: object })[];
  coupons?: object[];
}

/** A festival of two brands: what no deal says otherwise is Kettle Row's. */
export function shopFestival({ deals, coupons = [], ...rest }: ShopParts) {
  const base = festivalOf({ ...rest, deals: deals.map(({ brandId: _brandId, ...deal }) => deal) });
  return {
    ...base,
    brands: [
      ...base.brands,
      {
        id: 'tea-house',
        name: 'Tea House',
        tagline: 'Leaves and patience.',
        logo: { form: 'gate', cut: 'steam', tone: '#2f6dd8', on: '#fff1da' },
      },
    ],
    products: base.products.map((product, i) => ({ ...product, brandId: deals[i]?.brandId ?? product.brandId })),
    coupons,
  };
}

export type Shop = Awaited<ReturnType<typeof startShop>>;

/** Starts a till and a server that takes its payments there. */
export async function startShop({
  festival,
  delays = {},
  env = {},
}: {
  festival: object;
  delays?: { slowMs?: number; lateMs?: number; refundMs?: number; retryMs?: number };
  env?: Record<string, string>;
}) {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const webhookUrl = `${url}/api/payments/webhook`;
  const relay = await startRelay(webhookUrl);
  const tillUrl = await startTill(relay.url, { slowMs: 3_000, lateMs: 1_000, refundMs: 500, retryMs: 200, ...delays });
  const server = await startServer({
    festival,
    env: {
      PORT: String(port),
      PUBLIC_URL: url,
      TILL_URL: tillUrl,
      TILL_API_KEY: apiKey,
      TILL_WEBHOOK_SECRETS: webhookSecret,
      LOG_LEVEL: 'info',
      ...env,
    },
  });
  const redis = await server.redis();
  const keys = createKeyspace({ festival: 'rehearsal', partitions: 1 }).partition(0);

  async function document<T>(key: string): Promise<T | null> {
    const text = await redis.get(key);
    return text === null ? null : (JSON.parse(text.slice(text.indexOf('{'))) as T);
  }

  return {
    server,
    url,
    webhookUrl,
    redis,
    keys,
    passed: relay.passed,
    kept: {
      order: (orderId: string) => document<KeptOrder>(keys.order(orderId)),
      payment: (paymentId: string) => document<KeptPayment>(keys.payment(paymentId)),
    },
    /** The units of a deal as the only slice has them, and those that home has. */
    async stock(dealId: string) {
      const [free, held, sold] = await redis.hmget(keys.slice(`deal:${dealId}`), 'free', 'held', 'sold');
      const home = await redis.hget(keys.pool(`deal:${dealId}`), 'free');
      return { free: Number(free) + Number(home), held: Number(held), sold: Number(sold) };
    },
    /** What lies on each account, and that all of it sums to nothing. */
    async accounts(): Promise<Record<string, number>> {
      const all = Object.entries(await redis.hgetall(keys.accounts))
        .filter(([name]) => !name.endsWith('@at'))
        .map(([name, minor]) => [name, Number(minor)] as const);
      expect(
        all.reduce((sum, [, minor]) => sum + minor, 0),
        'what is posted sums to nothing',
      ).toBe(0);
      return Object.fromEntries(all);
    },
    /** The till's own view of a payment. */
    async session(paymentId: string) {
      const kept = await document<KeptPayment>(keys.payment(paymentId));
      const response = await fetch(`${tillUrl}/v1/sessions/${kept?.providerId}`, {
        headers: { authorization: `Bearer ${apiKey}` },
      });
      return (await response.json()) as {
        id: string;
        status: string;
        refunds: { reference: string; amountMinor: number; status: string }[];
      };
    },
    /** A session of the people of a brand, by the link that the server printed. */
    async brand(name: string): Promise<Session> {
      const link = server.links.find(({ label }) => label === name);
      const { answer } = await post(url, 'identity:use-link', { link: link?.code });
      if (!answer.ok) throw new Error(`${name}: ${JSON.stringify(answer)}`);
      return answer.reply as Session;
    },
    /** Presses Pay on the hosted page with a test card, as its form does. */
    async press(pageUrl: string, card: string): Promise<string> {
      const response = await fetch(pageUrl, {
        method: 'POST',
        headers: { accept: 'application/json' },
        body: new URLSearchParams({ card }),
      });
      return ((await response.json()) as { status: string }).status;
    },
    /** The lines of the audit log that say this. */
    audited: (facts: Record<string, unknown>) =>
      server.logged().filter((line) => Object.entries(facts).every(([name, value]) => line[name] === value)),
  };
}

/** Waits for a line of the audit log: the log is written beside the answer, not before it. */
export async function expectAudited(shop: Pick<Shop, 'audited'>, facts: Record<string, unknown>): Promise<void> {
  await until(
    () => `the audit log says ${JSON.stringify(facts)}`,
    () => shop.audited(facts).length > 0,
    { withinMs: 3_000 },
  );
}

/**
 * All that stands in the partition of stock, coupons, money, holds and orders. What a refusal may write is left out: the
 * answer that it is given again with, the inbox of what the till told, when the till is asked next, and how many claims there were.
 */
export async function standing(shop: Pick<Shop, 'redis' | 'keys'>): Promise<Record<string, unknown>> {
  const { redis, keys } = shop;
  const moving = /:(answers|answers-order|payment-inbox|payment-dues|totals|cursors|outbox|outbox:numbers)(:|$)/;
  const names = (await redis.keys('*')).filter((name) => name.startsWith(keys.tag) && !moving.test(name)).toSorted();
  const all: Record<string, unknown> = {};
  // oxlint-disable-next-line no-await-in-loop -- one key after the other; there are a few dozen
  for (const name of names) all[name.slice(keys.tag.length)] = await wholeOf(redis, name);
  return all;
}

async function wholeOf(redis: Redis, key: string): Promise<unknown> {
  switch (await redis.type(key)) {
    case 'hash':
      return redis.hgetall(key);
    case 'string':
      return redis.get(key);
    case 'list':
      return redis.lrange(key, 0, -1);
    case 'zset':
      return redis.zrangebyscore(key, '-inf', '+inf', 'WITHSCORES');
    case 'stream':
      return redis.xlen(key);
    case 'none':
      return null;
    default:
      throw new Error(`what kind of key is ${key}?`);
  }
}

export interface Placed {
  payment: Payment;
  orders: Order[];
}
export type Shopper = Awaited<ReturnType<typeof newShopper>>;

/** Somebody with a phone: calls over HTTP, or over a socket where one is asked for. */
export async function newShopper(shop: Pick<Shop, 'url'>, session?: Session) {
  const { token, shopperId } = session ?? (await guest(shop.url));
  let socket: Socket | null = null;

  /** Sends once more what the budget was too small for; every other answer is the answer. */
  async function send(name: string, input: object, how: 'http' | 'socket' = 'http'): Promise<Outcome> {
    if (how === 'socket') socket ??= await connect(shop.url, token);
    return until(`${name} is answered within the budget`, async () => {
      const answer =
        how === 'http'
          ? (await post(shop.url, name, input, { token })).answer
          : await call(socket as Socket, name, input);
      return !answer.ok && 'fault' in answer && answer.fault === 'rate-limited' ? null : answer;
    });
  }
  async function ask<T>(name: string, input: object): Promise<T> {
    const answer = await send(name, input);
    if (!answer.ok) throw new Error(`${name} was answered ${JSON.stringify(answer)}`);
    return answer.reply as T;
  }
  const change = <T>(name: string, input: object) => ask<T>(name, { requestId: requestId(), ...input });

  async function claim(...wanted: (string | { dealId: string; quantity: number })[]): Promise<Hold> {
    const lines = wanted.map((want) => (typeof want === 'string' ? { dealId: want, quantity: 1 } : want));
    return change<Hold>('deals:claim', { lines });
  }
  /** What `place` is to be sent for these holds: their sum as the server quotes it. */
  async function toPlace(holds: readonly Hold[], coupons?: string[]) {
    const lines = holds.flatMap((hold) => hold.lines.map(({ dealId, quantity }) => ({ dealId, quantity })));
    const chosen = coupons === undefined ? {} : { coupons };
    const proof = await ask<PriceProof>('orders:quote', { lines, ...chosen });
    const totalMinor = proof.depositMinor > 0 ? proof.depositMinor : proof.totalMinor;
    return { holdIds: holds.map(({ holdId }) => holdId), totalMinor, currency: 'CNY', ...chosen };
  }
  async function order(...wanted: (string | { dealId: string; quantity: number })[]): Promise<Placed> {
    return change<Placed>('orders:place', await toPlace([await claim(...wanted)], []));
  }
  const paymentOf = (paymentId: string) => ask<Placed>('orders:payment', { paymentId });

  return {
    shopperId,
    token,
    send,
    ask,
    change,
    claim,
    toPlace,
    order,
    paymentOf,
    /** Opens the till's page for a payment. */
    pageOf: async (paymentId: string) => (await change<{ url: string }>('orders:pay', { paymentId })).url,
    /** Waits until a payment has come to this. */
    untilPayment: (paymentId: string, is: Payment['state']['is'], withinMs = 15_000) =>
      until(
        `the payment ${paymentId} is ${is}`,
        async () => {
          const found = await paymentOf(paymentId);
          return found.payment.state.is === is && found;
        },
        { withinMs, everyMs: 50 },
      ),
    untilOrder: (orderId: string, is: Order['state']['is'], withinMs = 15_000) =>
      until(
        `the order ${orderId} is ${is}`,
        async () => {
          const found = await ask<{ order: Order; payment: Payment; chain: { whole: boolean } }>('orders:one', {
            orderId,
          });
          return found.order.state.is === is && found;
        },
        { withinMs, everyMs: 50 },
      ),
  };
}

/** Signs a webhook as the till does. */
export function signed(
  body: string,
  { secret = webhookSecret, atMs = Date.now() }: { secret?: string; atMs?: number } = {},
): string {
  const t = Math.floor(atMs / 1_000);
  return `t=${t},v1=${createHmac('sha256', secret).update(`${t}.${body}`).digest('hex')}`;
}
