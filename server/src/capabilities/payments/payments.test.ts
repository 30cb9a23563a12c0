import { payments as contract } from '@elevens/shared/src/payments/contract.ts';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Fault } from '../../platform/fault.ts';
import { createKeyspace, type Keyspace } from '../../platform/redis/keyspace.ts';
import { connectTestRedis } from '../../platform/redis/test-connection.ts';
import {
  createTestBook,
  createTestClock,
  operator,
  signed,
  startMs,
  startNode,
  type TestBook,
  webhookOf,
} from './payments.test-kit.ts';
import { createStore } from './store.ts';

let rig: Awaited<ReturnType<typeof connectTestRedis>>;
let redis: Redis;
let keys: Keyspace;
let clock: ReturnType<typeof createTestClock>;
let shop: TestBook;
let node: ReturnType<typeof startNode>;
let festivals = 0;

beforeAll(async () => {
  rig = await connectTestRedis();
  redis = rig.redis;
});
afterAll(() => rig.close());
beforeEach(() => {
  keys = createKeyspace({ festival: `payments-${festivals++}`, partitions: 4 });
  clock = createTestClock();
  shop = createTestBook();
  node = startNode({ redis, keys, clock, book: shop.book });
});

const y = 'y2.payment-0001';
const succeeded = { id: 'ev_paid', type: 'payment.succeeded', reference: y };
const ok = { status: 200, answer: { ok: true } };
const refused = (why: string) => ({ status: 400, answer: { ok: false, why } });

async function inbox(of = node) {
  const answer = await of.handlers.inbox(callerAt(), {}, { requestId: '', command: '', inputHash: '' });
  if (!answer.ok) throw new Error('no inbox');
  return contract.commands.inbox.reply.parse(answer.reply);
}
const callerAt = () => ({ person: operator, arrivedAtMs: clock.nowMs(), traceId: 't', socket: null });
const replay = (requestId: string, input: { eventId: string; reference: string }, inputHash = 'hash') =>
  node.handlers.replay(callerAt(), { requestId, ...input }, { requestId, command: 'payments:replay', inputHash });

describe('a webhook', () => {
  test('is taken in, and what it tells is settled once', async () => {
    shop.open(y);
    expect(await node.deliver(webhookOf(succeeded))).toEqual(ok);
    await node.idle();
    expect(shop.changes).toEqual([`paid ${y}`]);
    expect(await inbox()).toEqual({ unsettled: [], unsettledTotal: 0, waiting: 0 });
    expect(node.audited.map(({ audit }) => audit)).toEqual(['payment-event-settled']);
  });

  test('may write its currency in small letters, as some houses do', async () => {
    shop.open(y);
    expect(await node.deliver(webhookOf({ ...succeeded, currency: 'cny' }))).toEqual(ok);
    await node.idle();
    expect(shop.changes).toEqual([`paid ${y}`]);
  });

  test('is answered before it is settled, because it is kept already', async () => {
    shop.open(y);
    let goOn = () => {};
    shop.beforeSettling(() => new Promise((resolve) => (goOn = resolve)));
    expect(await node.deliver(webhookOf(succeeded))).toEqual(ok);
    expect(shop.changes).toEqual([]);
    expect((await inbox()).waiting).toBe(1);
    goOn();
    await node.idle();
    expect(shop.changes).toEqual([`paid ${y}`]);
  });

  test('that comes 64 times at once over two nodes is settled once', async () => {
    shop.open(y);
    const other = startNode({ redis: await rig.another(), keys, clock, book: shop.book });
    const answers = await Promise.all(
      Array.from({ length: 64 }, (_, i) => (i % 2 === 0 ? node : other).deliver(webhookOf(succeeded))),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    await Promise.all([node.idle(), other.idle()]);
    expect(shop.calls).toHaveLength(1);
    expect(await redis.hlen(keys.partition(2).paymentInbox)).toBe(1);
  });

  test('of an older refusal that comes after the payment changes nothing', async () => {
    shop.open(y);
    await node.deliver(webhookOf(succeeded));
    await node.deliver(webhookOf({ id: 'ev_older', type: 'payment.failed', reference: y }));
    await node.deliver(webhookOf({ id: 'ev_end', type: 'payment.expired', reference: y }));
    await node.idle();
    expect(shop.changes).toEqual([`paid ${y}`]);
    expect((await inbox()).unsettledTotal).toBe(0);
  });

  test('about something that is not followed is taken and dropped', async () => {
    expect(await node.deliver(webhookOf({ id: 'ev_x', type: 'customer.created', reference: y }))).toEqual(ok);
    expect(await redis.exists(keys.partition(2).paymentInbox)).toBe(0);
  });

  test('is kept in the partition that its payment names', async () => {
    for (let k = 0; k < 4; k++) {
      shop.open(`y${k}.payment-0001`);
      await node.deliver(webhookOf({ ...succeeded, reference: `y${k}.payment-0001` }));
    }
    await node.idle();
    for (let k = 0; k < 4; k++) expect(await redis.hlen(keys.partition(k).paymentInbox)).toBe(1);
    expect(shop.paid.size).toBe(4);
  });
});

describe('a webhook that is wrong changes nothing, is answered with its own word and said in the audit log:', () => {
  async function refuses(webhook: ReturnType<typeof webhookOf>, why: string, audit: string): Promise<void> {
    expect(await node.deliver(webhook)).toEqual(refused(why));
    await node.idle();
    expect(shop.calls).toEqual([]);
    expect(node.audited).toEqual([expect.objectContaining({ audit, why })]);
  }

  test('a wrong signature', async () => {
    shop.open(y);
    await refuses(webhookOf(succeeded, { secret: 'whsec_somebody_else' }), 'bad-signature', 'payment-webhook-refused');
    expect((await inbox()).unsettledTotal).toBe(0);
  });
  test('a body changed after it was signed', async () => {
    shop.open(y);
    const webhook = webhookOf(succeeded);
    const body = Buffer.from(webhook.body.toString().replace('18612', '1'));
    await refuses({ ...webhook, body }, 'bad-signature', 'payment-webhook-refused');
  });
  test('an old timestamp', async () => {
    shop.open(y);
    const old = webhookOf(succeeded, { signedAtMs: startMs - 301_000 });
    await refuses(old, 'old-timestamp', 'payment-webhook-refused');
  });
  test.each([
    ['no JSON', '{"id":'],
    ['no object', '[]'],
    ['no id', '{"type":"payment.succeeded","createdAtMs":1,"data":{}}'],
    [
      'an amount with a fraction',
      JSON.stringify({
        id: 'e',
        type: 'payment.succeeded',
        createdAtMs: 1,
        data: { session: 'cs_1', reference: y, amountMinor: 1.5, currency: 'CNY' },
      }),
    ],
    [
      'a negative amount',
      JSON.stringify({
        id: 'e',
        type: 'payment.succeeded',
        createdAtMs: 1,
        data: { session: 'cs_1', reference: y, amountMinor: -1, currency: 'CNY' },
      }),
    ],
    [
      'a refund that is not named',
      JSON.stringify({
        id: 'e',
        type: 'refund.succeeded',
        createdAtMs: 1,
        data: { session: 'cs_1', reference: y, amountMinor: 1, currency: 'CNY' },
      }),
    ],
  ])('%s', async (_, text) => {
    await refuses(signed(text), 'malformed', 'payment-webhook-refused');
  });
  test.each(['nothing', 'y9.payment-0001', 'y2.', 'o2.payment-0001'])(
    'a payment that cannot be ours: %s',
    async (reference) => {
      await refuses(webhookOf({ ...succeeded, reference }), 'unknown-payment', 'payment-event-refused');
    },
  );
  test('a payment that there never was', async () => {
    await refuses(webhookOf(succeeded), 'unknown-payment', 'payment-event-flagged');
    expect((await inbox()).unsettled).toMatchObject([
      { eventId: 'ev_paid', why: 'unknown-payment', flaggedAtMs: startMs },
    ]);
  });
  test('an amount that differs', async () => {
    shop.open(y);
    await refuses(webhookOf({ ...succeeded, amountMinor: 18_611 }), 'amount-differs', 'payment-event-flagged');
    expect((await inbox()).unsettled).toMatchObject([{ why: 'amount-differs', amountMinor: 18_611 }]);
  });
  test('another currency', async () => {
    shop.open(y);
    await refuses(webhookOf({ ...succeeded, currency: 'VND' }), 'currency-differs', 'payment-event-flagged');
  });
  test('another session of the provider', async () => {
    shop.open(y);
    await refuses(webhookOf({ ...succeeded, session: 'cs_2' }), 'reference-differs', 'payment-event-flagged');
  });

  test('and a repeat of it hears the same and is kept once', async () => {
    shop.open(y);
    const wrong = webhookOf({ ...succeeded, amountMinor: 1 });
    for (let n = 0; n < 3; n++) expect(await node.deliver(wrong)).toEqual(refused('amount-differs'));
    expect((await inbox()).unsettledTotal).toBe(1);
    expect(node.audited).toHaveLength(1);
  });
});

describe('what was taken in is settled in the end', () => {
  test('by another node, when the one that took it died before it was done', async () => {
    shop.open(y);
    const dying = createTestBook();
    dying.open(y);
    dying.beforeSettling(() => new Promise(() => {}));
    const dead = startNode({ redis, keys, clock, book: dying.book });
    expect(await dead.deliver(webhookOf(succeeded))).toEqual(ok);

    clock.at(9_000);
    await node.sweep();
    expect(shop.calls).toEqual([]);
    clock.at(10_000);
    await node.sweep();
    expect(shop.changes).toEqual([`paid ${y}`]);
    clock.at(60_000);
    await node.sweep();
    expect(shop.calls).toHaveLength(1);
  });

  test('and is not opened again by the one that took it, came back late and failed', async () => {
    shop.open(y);
    const slow = createTestBook();
    slow.open(y);
    let fail = () => {};
    slow.beforeSettling(() => new Promise((_, reject) => (fail = () => reject(new Error('came back late')))));
    const other = startNode({ redis, keys, clock, book: slow.book });
    await other.deliver(webhookOf(succeeded));
    clock.at(10_000);
    await node.sweep();
    fail();
    await other.idle();
    expect(shop.changes).toEqual([`paid ${y}`]);
    expect(await inbox()).toMatchObject({ unsettledTotal: 0, waiting: 0 });
  });

  test('by the sweep, when settling failed at first', async () => {
    shop.open(y);
    let failures = 3;
    shop.beforeSettling(async () => {
      if (failures-- > 0) throw new Fault('unavailable');
    });
    await node.deliver(webhookOf(succeeded));
    await node.idle();
    for (let s = 1; shop.changes.length === 0 && s < 60; s++) {
      clock.at(s * 1_000);
      await node.sweep();
    }
    expect(shop.changes).toEqual([`paid ${y}`]);
    expect((await inbox()).waiting).toBe(0);
  });

  test('also over a crash of Redis: what was answered 200 is on disk', async () => {
    shop.open(y);
    shop.beforeSettling(() => new Promise(() => {}));
    expect(await node.deliver(webhookOf(succeeded))).toEqual(ok);
    await rig.server.crashAndRestart();
    redis = await rig.another();
    const after = createTestBook();
    after.open(y);
    clock.at(20_000);
    await startNode({ redis, keys, clock, book: after.book }).sweep();
    expect(after.changes).toEqual([`paid ${y}`]);
  });

  test('by the sweep beside an entry that cannot be read and a partition that cannot be swept', async () => {
    shop.open(y);
    let failures = 1;
    shop.beforeSettling(async () => {
      if (failures-- > 0) throw new Error('not now');
    });
    await node.deliver(webhookOf(succeeded));
    await node.idle();
    expect(shop.changes).toEqual([]);
    await redis.hset(keys.partition(2).paymentInbox, 'ev_spoilt', 'nobody can read this');
    await redis.zadd(keys.partition(2).paymentInboxDue, 1, 'ev_spoilt');
    await redis.set(keys.partition(0).paymentInboxDue, 'not a sorted set');
    clock.at(60_000);
    await expect(node.sweep()).rejects.toThrow();
    await node.idle();
    expect(shop.changes).toEqual([`paid ${y}`]);
  });

  test('by an operator’s replay, when it was given up', async () => {
    shop.open(y);
    shop.beforeSettling(() => Promise.reject(new Error('a bug of ours')));
    await node.deliver(webhookOf(succeeded));
    await node.idle();
    let rounds = 0;
    for (; (await inbox()).unsettledTotal === 0 && rounds < 100; rounds++) {
      clock.at(rounds * 400_000);
      await node.sweep();
    }
    expect(shop.calls).toHaveLength(20);
    expect((await inbox()).unsettled).toMatchObject([{ eventId: 'ev_paid', why: 'gave-up' }]);
    // The provider hears no refusal for what is our own trouble.
    expect(await node.deliver(webhookOf(succeeded, { signedAtMs: clock.nowMs() }))).toEqual(ok);

    shop.beforeSettling(async () => {});
    expect(await replay('request-1', { eventId: 'ev_paid', reference: y })).toEqual({
      ok: true,
      reply: { eventId: 'ev_paid' },
    });
    await node.idle();
    expect(shop.changes).toEqual([`paid ${y}`]);
    expect((await inbox()).unsettledTotal).toBe(0);
    expect(node.audited).toContainEqual(expect.objectContaining({ audit: 'payment-event-replayed', by: 'u_rae' }));
  });
});

describe('a replay', () => {
  test('of what was settled already settles it again, which changes nothing', async () => {
    shop.open(y);
    await node.deliver(webhookOf(succeeded));
    await node.idle();
    await replay('request-1', { eventId: 'ev_paid', reference: y });
    await node.idle();
    expect(shop.calls).toHaveLength(2);
    expect(shop.changes).toEqual([`paid ${y}`]);
    expect((await inbox()).waiting).toBe(0);
  });

  test('of an event that was flagged settles it once its payment is mended', async () => {
    await node.deliver(webhookOf(succeeded));
    shop.open(y);
    await replay('request-1', { eventId: 'ev_paid', reference: y });
    await node.idle();
    expect(shop.changes).toEqual([`paid ${y}`]);
  });

  test('with the same requestId is one replay, and with another body none', async () => {
    shop.open(y);
    await node.deliver(webhookOf(succeeded));
    await node.idle();
    await replay('request-1', { eventId: 'ev_paid', reference: y });
    await node.idle();
    const again = await replay('request-1', { eventId: 'ev_paid', reference: y });
    await node.idle();
    expect(again).toEqual({ ok: true, reply: { eventId: 'ev_paid' } });
    expect(shop.calls).toHaveLength(2);
    expect(await replay('request-1', { eventId: 'ev_other', reference: y }, 'another')).toEqual({
      ok: false,
      why: 'request-id-reused',
    });
  });

  test('of an event that is not kept is refused', async () => {
    expect(await replay('request-1', { eventId: 'ev_no', reference: y })).toEqual({ ok: false, why: 'unknown-event' });
    expect(await replay('request-2', { eventId: 'ev_no', reference: 'y7.payment-0001' })).toEqual({
      ok: false,
      why: 'unknown-event',
    });
  });
});

describe('the inbox', () => {
  test('keeps what is settled for seven days and what is flagged for thirty', async () => {
    shop.open(y);
    await node.deliver(webhookOf(succeeded));
    await node.deliver(webhookOf({ id: 'ev_wrong', type: 'payment.succeeded', reference: y, amountMinor: 1 }));
    await node.idle();
    const { paymentInbox, paymentInboxDue } = keys.partition(2);
    const days = 86_400_000;
    clock.at(7 * days - 1);
    await node.sweep();
    expect(await redis.hlen(paymentInbox)).toBe(2);
    clock.at(7 * days);
    await node.sweep();
    expect(await redis.hkeys(paymentInbox)).toEqual(['ev_wrong']);
    clock.at(30 * days - 1);
    await node.sweep();
    expect((await inbox()).unsettledTotal).toBe(1);
    clock.at(30 * days);
    await node.sweep();
    expect(await redis.exists(paymentInbox, paymentInboxDue)).toBe(0);
  });

  test('shows the latest hundred and says how many there are', async () => {
    for (let n = 0; n < 120; n++) {
      clock.at(n);
      await node.deliver(webhookOf({ ...succeeded, id: `ev_${n}`, reference: `y${n % 4}.payment-0001` }));
    }
    const { unsettled, unsettledTotal } = await inbox();
    expect(unsettledTotal).toBe(120);
    expect(unsettled.map(({ eventId }) => eventId)).toEqual(Array.from({ length: 100 }, (_, n) => `ev_${119 - n}`));
  });

  test('that is full lets go of what was settled longest ago, and never of what is not', async () => {
    const small = createStore({ redis, keys, entriesMax: 4 });
    const take = async (n: number, state: 'waiting' | 'flagged' | 'settled') => {
      const told = { eventId: `ev_${n}`, type: 'payment.succeeded', providerId: 'cs_1', reference: y } as const;
      const event = { ...told, amountMinor: 1, currency: 'CNY', atMs: startMs };
      const taken = await small.take(2, { state: 'waiting', attempts: 0, why: null, event }, startMs + n);
      const why = state === 'flagged' ? 'amount-differs' : null;
      if (state !== 'waiting' && taken === 'taken')
        await small.conclude(2, startMs + n, { state, attempts: 0, why, event }, startMs + n);
      return taken;
    };
    await take(1, 'flagged');
    await take(2, 'waiting');
    await take(3, 'settled');
    await take(4, 'settled');
    expect(await take(5, 'waiting')).toBe('taken');
    expect((await redis.hkeys(keys.partition(2).paymentInbox)).toSorted()).toEqual(['ev_1', 'ev_2', 'ev_5']);
    expect(await take(6, 'waiting')).toBe('taken');
    expect(await take(7, 'waiting')).toBe('full');
    expect(await take(6, 'waiting')).toMatchObject({ state: 'waiting' });
  });

  test('takes in nothing while what it takes would not be kept', async () => {
    shop.open(y);
    const unfit = startNode({ redis, keys, clock, book: shop.book, mayChange: () => false });
    await expect(unfit.deliver(webhookOf(succeeded))).rejects.toMatchObject({ code: 'unavailable' });
    expect(await redis.exists(keys.partition(2).paymentInbox)).toBe(0);
  });
});
