import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createTestBook, operator, startNode, type TestBook } from '../capabilities/payments/payments.test-kit.ts';
import { createKeyspace, type Keyspace } from '../platform/redis/keyspace.ts';
import { connectTestRedis } from '../platform/redis/test-connection.ts';
import { openTestHouse, type TestHouse } from './till.test-house.ts';

/** The two houses together, over HTTP both ways, with a real Redis and a time that the test sets. */

let rig: Awaited<ReturnType<typeof connectTestRedis>>;
let redis: Redis;
let keys: Keyspace;
let shop: TestBook;
let house: TestHouse;
let node: ReturnType<typeof startNode>;
let door: Server;
let festivals = 0;

beforeAll(async () => {
  rig = await connectTestRedis();
  redis = rig.redis;
});
afterAll(() => rig.close());

function nodeOf() {
  const clock = { nowMs: () => house.nowMs(), monotonicMs: () => house.nowMs(), errorMs: () => 0 };
  return startNode({ redis, keys, clock, book: shop.book, provider: house.provider });
}

beforeEach(async () => {
  keys = createKeyspace({ festival: `till-${festivals++}`, partitions: 2 });
  shop = createTestBook();
  // The shop's own door for webhooks: the bytes as they came, and the answer that the node gives.
  door = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const header = (name: string) => String(request.headers[name]);
      void node.webhook.handle(Buffer.concat(chunks), header).then(
        ({ status, answer }) => response.writeHead(status).end(JSON.stringify(answer)),
        () => response.writeHead(503).end(),
      );
    });
  });
  await new Promise<void>((resolve) => door.listen(0, '127.0.0.1', resolve));
  const doorUrl = `http://127.0.0.1:${(door.address() as AddressInfo).port}/api/payments/webhook`;
  house = await openTestHouse({ webhookUrl: () => doorUrl });
  node = nodeOf();
});
afterEach(async () => {
  await node.idle();
  await house.close();
  door.closeAllConnections();
  await new Promise((resolve) => door.close(resolve));
});

const y = 'y1.payment-0001';

/** Opens a payment at both houses, and puts it among those to be asked about, as its keeper does. */
async function open(paymentId = y): Promise<string> {
  const expiresAtMs = house.nowMs() + 600_000;
  const { providerId } = await house.provider.createSession({
    reference: paymentId,
    amountMinor: 18_612,
    currency: 'CNY',
    description: 'Kettle',
    returnUrl: '/orders/1',
    expiresAtMs,
    idempotencyKey: `open-${paymentId}`,
  });
  shop.open(paymentId, { providerId, openedAtMs: house.nowMs(), expiresAtMs });
  await due(paymentId, house.nowMs() + 2_000);
  return providerId;
}
const dues = () => keys.partition(1).paymentDues;
const due = (paymentId: string, atMs: number) => redis.zadd(dues(), atMs, paymentId);
async function settle(): Promise<void> {
  for (let i = 0; i < 4; i++) {
    await house.till.look();
    await node.idle();
  }
}
/** Lets the time pass as a service does: every second everybody looks. */
async function pass(fromMs: number, toMs: number, stepMs = 1_000): Promise<void> {
  for (let ms = fromMs; ms <= toMs; ms += stepMs) {
    house.at(ms);
    await settle();
    await node.sweep();
    await node.reconcile();
  }
}
async function unsettled() {
  const caller = { person: operator, arrivedAtMs: house.nowMs(), traceId: 't', socket: null };
  const answer = await node.handlers.inbox(caller, {}, { requestId: '', command: '', inputHash: '' });
  if (!answer.ok) throw new Error('no inbox');
  return answer.reply;
}

describe('every card ends in one thing:', () => {
  test.each(['4242', '2222', '3210'])('%s is paid, once', async (card) => {
    const providerId = await open();
    await house.press(providerId, card);
    await settle();
    expect(shop.changes).toEqual([`paid ${y}`]);
    expect(await unsettled()).toEqual({ unsettled: [], unsettledTotal: 0, waiting: 0 });
  });

  test('0404, of which we are never told, is found by asking', async () => {
    const providerId = await open();
    await house.press(providerId, '0404');
    await settle();
    expect(shop.changes).toEqual([]);
    await pass(1_000, 3_000);
    expect(shop.changes).toEqual([`paid ${y}`]);
    await pass(4_000, 6_000);
    expect(await redis.zcard(dues())).toBe(0);
  });

  test('0404 is found at once when its shopper comes back from the page', async () => {
    const providerId = await open();
    await house.press(providerId, '0404');
    await Promise.all(Array.from({ length: 16 }, () => node.ask(y)));
    expect(shop.changes).toEqual([`paid ${y}`]);
    expect(shop.calls).toHaveLength(1);
  });

  test('2020 is paid when the bank has answered, and asking before that changes nothing', async () => {
    const providerId = await open();
    await house.press(providerId, '2020');
    await pass(1_000, 19_000);
    expect(shop.changes).toEqual([]);
    await pass(20_000, 21_000);
    expect(shop.changes).toEqual([`paid ${y}`]);
  });

  test('1111 is not given up when its session is over, and is paid late', async () => {
    const providerId = await open();
    await house.press(providerId, '1111');
    await pass(595_000, 604_000);
    expect(shop.changes).toEqual([]);
    await pass(605_000, 606_000);
    expect(shop.changes).toEqual([`paid ${y}`]);
  });

  test('0002 leaves the payment open until it is over', async () => {
    const providerId = await open();
    await house.press(providerId, '0002');
    await pass(1_000, 3_000);
    expect(shop.changes).toEqual([]);
    await pass(600_000, 602_000);
    expect(shop.changes).toEqual([`over ${y}`]);
  });

  test('a page that is left is over in the end, though the till be silent about it', async () => {
    await open();
    // The till does not look: nothing ends by itself and nothing is told.
    for (let ms = 1_000; ms <= 605_000; ms += 1_000) {
      house.at(ms);
      await node.reconcile();
    }
    expect(shop.changes).toEqual([`over ${y}`]);
    expect(await redis.zcard(dues())).toBe(0);
  });
});

describe('asking the provider', () => {
  test('grows rarer with the age of a payment, and never misses its end', async () => {
    await open();
    const asked: number[] = [];
    for (let ms = 0; ms <= 590_000; ms += 500) {
      house.at(ms);
      const before = await redis.zscore(dues(), y);
      await node.reconcile();
      if ((await redis.zscore(dues(), y)) !== before) asked.push(ms);
    }
    const waits = asked.map((ms, i) => ms - (asked[i - 1] ?? 0));
    expect(asked.length).toBeLessThan(40);
    expect(Math.max(...waits)).toBeLessThan(150_000);
    expect(waits).toEqual(waits.toSorted((a, b) => a - b));
    expect(Number(await redis.zscore(dues(), y))).toBeLessThanOrEqual((shop.payments.get(y)?.expiresAtMs ?? 0) + 1_000);
  });

  test('is done by one node of two, and once for what both ask about', async () => {
    const ids = Array.from({ length: 40 }, (_, n) => `y1.payment-${1_000 + n}`);
    for (const id of ids) await house.press(await open(id), '0404');
    const other = nodeOf();
    house.at(2_000);
    await Promise.all([node.reconcile(), other.reconcile()]);
    expect(shop.changes.toSorted()).toEqual(ids.map((id) => `paid ${id}`));
    expect(shop.calls).toHaveLength(40);
  });

  test('is taken up by another node when one dies in the middle', async () => {
    const providerId = await open();
    await house.press(providerId, '0404');
    house.at(2_000);
    const dying = nodeOf();
    let first = true;
    shop.beforeSettling(() => {
      if (!first) return Promise.resolve();
      first = false;
      return new Promise(() => {});
    });
    void dying.reconcile();
    await expect.poll(() => shop.calls.length).toBe(1);
    await pass(3_000, 65_000);
    expect(shop.changes).toEqual([`paid ${y}`]);
  });

  test('leaves the time alone that the keeper set meanwhile', async () => {
    const providerId = await open();
    await house.press(providerId, '4242');
    shop.beforeSettling(async () => void (await due(y, house.nowMs() + 77)));
    house.at(2_000);
    await node.reconcile();
    expect(Number(await redis.zscore(dues(), y))).toBe(house.nowMs() + 77);
  });

  test('fails and comes round again when the provider is away; the other payments are not held up', async () => {
    const providerId = await open();
    await house.press(providerId, '0404');
    // A member that is no payment of ours stands for whatever cannot be asked about.
    await due('y1.payment-none', house.nowMs());
    await pass(2_000, 3_000);
    expect(shop.changes).toEqual([`paid ${y}`]);
    expect(node.audited).toContainEqual(
      expect.objectContaining({ audit: 'payment-session-amiss', why: 'unknown-payment' }),
    );
  });

  test('flags a session that the provider says was about another sum', async () => {
    const providerId = await open();
    shop.open(y, { providerId, amountMinor: 1 });
    await house.press(providerId, '0404');
    await pass(2_000, 10_000);
    expect(shop.changes).toEqual([]);
    expect((await unsettled()).unsettled).toMatchObject([{ why: 'amount-differs', amountMinor: 18_612 }]);
  });

  test('says in the audit log when the provider does not know the session, or knows another payment by it', async () => {
    const providerId = await open();
    shop.open(y, { providerId: 'cs_none' });
    await pass(2_000, 2_000);
    shop.open('y1.payment-0002', { providerId });
    await due('y1.payment-0002', house.nowMs());
    await node.reconcile();
    expect(node.audited.map(({ why }) => why)).toEqual(['unknown-session', 'reference-differs']);
    expect(shop.changes).toEqual([]);
  });
});

describe('a refund that is owed', () => {
  async function owed(...amounts: number[]): Promise<string> {
    const providerId = await open();
    await house.press(providerId, '4242');
    await settle();
    shop.open(y, {
      providerId,
      open: false,
      refunds: amounts.map((amountMinor, n) => ({
        reference: `${y}.r${n}`,
        amountMinor,
        reason: 'returned',
        decidedAtMs: house.nowMs(),
      })),
    });
    await due(y, house.nowMs());
    return providerId;
  }

  test('is sent and confirmed', async () => {
    const providerId = await owed(5_000, 600);
    await pass(0, 10_000);
    expect(
      (await house.provider.find(providerId))?.refunds.map(({ amountMinor, status }) => [amountMinor, status]),
    ).toEqual([
      [5_000, 'succeeded'],
      [600, 'succeeded'],
    ]);
    expect(shop.changes).toEqual([`paid ${y}`, `refunded ${y}`, `refunded ${y}`]);
    expect(await redis.zcard(dues())).toBe(0);
  });

  test('is sent once, however many nodes see it', async () => {
    const providerId = await owed(5_000);
    const nodes = [node, nodeOf(), nodeOf()];
    await Promise.all(nodes.flatMap((each) => [each.ask(y), each.reconcile()]));
    await pass(0, 10_000);
    expect((await house.provider.find(providerId))?.refunds).toHaveLength(1);
    expect(shop.changes).toEqual([`paid ${y}`, `refunded ${y}`]);
  });

  test('is confirmed by asking when its webhook is never sent', async () => {
    const providerId = await open();
    await house.press(providerId, '0404');
    await pass(2_000, 3_000);
    shop.open(y, {
      providerId,
      open: false,
      refunds: [{ reference: 'r-0', amountMinor: 1, reason: 'late-payment', decidedAtMs: house.nowMs() }],
    });
    await due(y, house.nowMs());
    await pass(4_000, 20_000);
    expect(shop.changes).toEqual([`paid ${y}`, `refunded ${y}`]);
  });

  test('that the provider refuses is said, and hinders no other', async () => {
    await owed(18_613, 600);
    await pass(0, 10_000);
    expect(shop.changes).toEqual([`paid ${y}`, `refunded ${y}`]);
    expect(node.audited).toContainEqual(
      expect.objectContaining({ audit: 'payment-refund-refused', code: 'refund-exceeds-payment' }),
    );
    expect(shop.payments.get(y)?.refunds).toHaveLength(1);
    expect(await redis.zcard(dues())).toBe(1);
  });
});
