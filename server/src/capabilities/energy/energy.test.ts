import { energy as contract, energyStateSchema, type TaskRecord } from '@elevens/shared/src/energy/contract.ts';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { FeedRegistry } from '../../platform/feeds.ts';
import { createSeededRandom } from '../../platform/random.ts';
import { createKeyspace, type Keyspace } from '../../platform/redis/keyspace.ts';
import { startTestRedis, type TestRedis } from '../../platform/redis/test-redis.ts';
import { type Announced, createRelay } from '../../platform/relay.ts';
import { createEnergy, type Energy } from './index.ts';

/** Printed by every failure, so that it can be run again with ELEVENS_SEED. */
const seed = process.env.ELEVENS_SEED ?? String(Date.now());

let server: TestRedis;
let redis: Redis;
let festivals = 0;

beforeAll(async () => {
  server = await startTestRedis();
  redis = new Redis(server.options);
});
afterAll(async () => {
  redis.disconnect();
  await server.close();
});

type StateSource = Parameters<FeedRegistry['state']>[1];
type Apply = (source: string, entries: Announced[]) => Promise<void>;

const checkIn: TaskRecord = {
  id: 'check-in',
  title: 'Light the first lantern',
  blurb: '',
  on: 'check-in',
  energy: 111,
  when: 'every 10m for 5m',
};
const firstClaim: TaskRecord = { ...checkIn, id: 'first-claim', on: 'deals.claimed', energy: 300, when: '+0s for 10m' };
const say: TaskRecord = { ...checkIn, id: 'say', on: 'live.said', energy: 50, when: 'every 1m for 1m' };
const sayToo: TaskRecord = { ...checkIn, id: 'say-too', on: 'live.said', energy: 7, when: '+0s for 1h' };

/** A node of a festival whose time is set by hand. Several may share one Redis and one keyspace. */
function startNode(keys: Keyspace) {
  const firstStartMs = 1_900_000_000_000;
  let nowMs = firstStartMs;
  let tasks = [checkIn, firstClaim, say, sayToo];
  const feeds = new Map<string, StateSource>();
  const destinations = new Map<string, Apply>();
  const errors: object[] = [];
  const logger = { debug() {}, info() {}, warn() {}, error: (facts: object) => void errors.push(facts) };
  const relay = createRelay({ redis, logger });
  const energy = createEnergy({
    redis,
    keys,
    clock: { nowMs: () => nowMs, monotonicMs: () => performance.now(), errorMs: () => 0 },
    logger,
    catalogue: {
      festival: () => ({ firstStartMs }),
      all: () => tasks,
      get: (_, id) => tasks.find((task) => task.id === id),
    },
    feeds: { state: (feed, source) => void feeds.set(feed, source), log() {} },
    relay: {
      destination(name, apply) {
        destinations.set(name, apply);
        relay.destination(name, apply);
      },
    },
  });
  const callerOf = (shopperId: string, simulated: boolean) => ({
    person: {
      shopperId,
      displayName: 'Lan',
      locale: 'vi' as const,
      roles: ['shopper' as const],
      brandId: null,
      simulated,
    },
    arrivedAtMs: nowMs,
    traceId: 'trace',
    socket: null,
  });
  return {
    ...energy,
    relay,
    errors,
    author: (...records: TaskRecord[]) => {
      tasks = records;
    },
    at: (afterStartMs: number) => {
      nowMs = firstStartMs + afterStartMs;
    },
    nowMs: () => nowMs,
    deliver: async (partition: number, source: string, entries: Announced[]) =>
      destinations.get(`energy@p${partition}`)?.(source, entries),
    mine: async (shopperId: string) =>
      energyStateSchema.parse((await feeds.get('energy:mine')?.read([shopperId]))?.[0]),
    complete: (
      shopperId: string,
      taskId: string,
      requestId: string,
      more: { simulated?: boolean; input?: string } = {},
    ) =>
      energy.handlers.complete(
        callerOf(shopperId, more.simulated ?? false),
        { taskId, requestId },
        { requestId, command: 'energy:complete', inputHash: more.input ?? taskId },
      ),
    tasks: () => energy.handlers.tasks(callerOf('', false), {}, { requestId: '', command: '', inputHash: '' }),
  };
}

const shopper = (n: number) => `s_${String(n).padStart(22, '0')}`;

let keys: Keyspace;
let node: ReturnType<typeof startNode>;

beforeEach(() => {
  keys = createKeyspace({ festival: `energy-${process.pid}-${festivals++}`, partitions: 1 });
  node = startNode(keys);
});

const p = () => keys.partition(0);

/** Adrift: what the law found unequal. */
const adrift = async (one: Pick<Energy, 'checkEnergy'>) =>
  (await one.checkEnergy()).filter((c) => c.expected !== c.found);

function announced(number: number, event: string, shopperId: string, afterStartMs = 0, more: object = {}): Announced {
  const payload = { shopperId, atMs: 1_900_000_000_000 + afterStartMs, simulated: false, ...more };
  return { number, event, payload: JSON.stringify(payload) };
}

describe('a tap', () => {
  test('credits its task: energy, level, history, ledger and totals tell the same', async () => {
    const answer = await node.complete(shopper(1), 'check-in~0', 'request-1');
    expect(answer).toEqual({ ok: true, reply: { energy: 111, level: 0, credited: 111 } });
    if (answer.ok) contract.commands.complete.reply.parse(answer.reply);
    expect(await node.mine(shopper(1))).toEqual({
      energy: 111,
      level: 0,
      done: ['check-in~0'],
      history: [{ taskId: 'check-in~0', energy: 111, creditedAtMs: node.nowMs() }],
    });
    expect(await redis.hgetall(p().totals)).toEqual({ energy: '111' });
    const [line] = await redis.xrange(p().ledger, '-', '+');
    expect(line?.[1]).toEqual(
      expect.arrayContaining(['energy-credited', 'shopper', shopper(1), 'task', 'check-in~0', 'energy', '111']),
    );
    expect(await redis.hget(p().energy(shopper(1)), 'at')).toBe(line?.[0]);
  });

  test('is credited once for each time the window comes round', async () => {
    await node.complete(shopper(1), 'check-in~0', 'request-1');
    expect(await node.complete(shopper(1), 'check-in~0', 'request-2')).toEqual({ ok: false, why: 'already-credited' });
    node.at(600_000);
    expect(await node.complete(shopper(1), 'check-in~1', 'request-3')).toMatchObject({ reply: { energy: 222 } });
    expect((await node.mine(shopper(1))).done).toEqual(['check-in~1']);
  });

  test('of the demo crowd is counted apart from people', async () => {
    await node.complete(shopper(1), 'check-in~0', 'request-1', { simulated: true });
    expect(await redis.hgetall(p().totals)).toEqual({ 'energy:sim': '111' });
    expect(await adrift(node)).toEqual([]);
  });

  test('with the same request gets the same answer, also when the window has closed', async () => {
    const first = await node.complete(shopper(1), 'check-in~0', 'request-1');
    expect(await node.complete(shopper(1), 'check-in~0', 'request-1')).toEqual(first);
    node.at(400_000);
    expect(await node.complete(shopper(1), 'check-in~0', 'request-1')).toEqual(first);
    expect((await node.mine(shopper(1))).energy).toBe(111);
  });

  test('with the same request id and another input is refused', async () => {
    await node.complete(shopper(1), 'check-in~0', 'request-1');
    expect(await node.complete(shopper(1), 'check-in~0', 'request-1', { input: 'other' })).toEqual({
      ok: false,
      why: 'request-id-reused',
    });
  });

  test('is refused for a task that is unknown, not by tap, not open yet or closed, and not remembered for it', async () => {
    expect(await node.complete(shopper(1), 'nothing', 'request-1')).toEqual({ ok: false, why: 'unknown-task' });
    expect(await node.complete(shopper(1), 'check-in', 'request-1')).toEqual({ ok: false, why: 'unknown-task' });
    expect(await node.complete(shopper(1), 'check-in~00', 'request-1')).toEqual({ ok: false, why: 'unknown-task' });
    expect(await node.complete(shopper(1), 'first-claim', 'request-1')).toEqual({ ok: false, why: 'not-by-tap' });
    node.at(300_000);
    expect(await node.complete(shopper(1), 'check-in~0', 'request-1')).toEqual({ ok: false, why: 'task-closed' });
    expect(await node.complete(shopper(1), 'check-in~1', 'request-1')).toEqual({ ok: false, why: 'task-closed' });
    node.at(600_000);
    expect(await node.complete(shopper(1), 'check-in~1', 'request-1')).toMatchObject({ ok: true });
  });

  test('lights a lantern at its mark', async () => {
    await redis.hset(p().energy(shopper(1)), 'energy', String(278 - 111 - 1));
    expect(await node.complete(shopper(1), 'check-in~0', 'request-1')).toMatchObject({
      reply: { energy: 277, level: 0 },
    });
    await redis.hset(p().energy(shopper(2)), 'energy', String(1_111 - 111));
    expect(await node.complete(shopper(2), 'check-in~0', 'request-1')).toMatchObject({
      reply: { energy: 1_111, level: 4 },
    });
  });

  test('repeated by a crowd over two nodes credits each shopper once', async () => {
    const chance = createSeededRandom(seed);
    const nodes = [node, startNode(keys)];
    const journal = await Promise.all(
      Array.from({ length: 300 }, async (_, i) => {
        const who = shopper(chance.int(100));
        const answer = await nodes[i % 2]?.complete(who, 'check-in~0', `request-${chance.int(3)}`);
        return { who, answer };
      }),
    );
    const came = new Set(journal.map(({ who }) => who));
    for (const who of came) expect((await node.mine(who)).energy, `seed ${seed}`).toBe(111);
    expect(await redis.hget(p().totals, 'energy'), `seed ${seed}`).toBe(String(111 * came.size));
    for (const { answer } of journal)
      expect(answer, `seed ${seed}`).toEqual(expect.toSatisfy((a) => a.ok || a.why === 'already-credited'));
    expect(await adrift(node), `seed ${seed}`).toEqual([]);
  });
});

describe('announced events', () => {
  test('credit the tasks that name them, as their windows were when it happened', async () => {
    node.at(130_000);
    await node.deliver(0, 'deals', [
      announced(1, 'deals.claimed', shopper(1), 5_000),
      announced(2, 'live.said', shopper(1), 59_999),
      announced(3, 'live.said', shopper(1), 60_000),
      announced(4, 'redpackets.opened', shopper(1), 60_000),
      announced(5, 'live.said', shopper(2), 60_000, { simulated: true }),
    ]);
    const mine = await node.mine(shopper(1));
    expect(mine.energy).toBe(300 + 50 + 7 + 50);
    expect(mine.level).toBe(1);
    expect(mine.history.map((h) => [h.taskId, h.creditedAtMs - 1_900_000_000_000])).toEqual([
      ['say~1', 60_000],
      ['say-too', 59_999],
      ['say~0', 59_999],
      ['first-claim', 5_000],
    ]);
    expect(await redis.hgetall(p().totals)).toEqual({ energy: '407', 'energy:sim': '57' });
    expect(await adrift(node)).toEqual([]);
  });

  test('what an order earned is taken back when it is paid back, once, and can be earned again', async () => {
    node.author({ ...firstClaim, id: 'first-order', on: 'orders.paid', energy: 300 });
    node.at(5_000);
    const [first, second] = ['o0.the-first-order', 'o0.a-second-order'];
    await node.deliver(0, 'orders', [
      announced(1, 'orders.paid', shopper(1), 1_000, { orderId: first }),
      announced(2, 'orders.paid', shopper(1), 2_000, { orderId: second }),
    ]);
    expect((await node.mine(shopper(1))).energy).toBe(300);
    // The second order earned nothing, so nothing goes with it.
    await node.deliver(0, 'orders', [announced(3, 'orders.refunded', shopper(1), 3_000, { orderId: second })]);
    expect((await node.mine(shopper(1))).energy).toBe(300);
    const refunded = announced(4, 'orders.refunded', shopper(1), 4_000, { orderId: first });
    await node.deliver(0, 'orders', [refunded]);
    await node.deliver(0, 'orders', [refunded, announced(5, 'orders.refunded', shopper(1), 4_500, { orderId: first })]);
    const mine = await node.mine(shopper(1));
    expect(mine).toMatchObject({ energy: 0, done: [] });
    expect(mine.history.map((entry) => entry.energy)).toEqual([-300, 300]);
    await node.deliver(0, 'orders', [announced(6, 'orders.paid', shopper(1), 5_000, { orderId: 'o0.another-order' })]);
    expect((await node.mine(shopper(1))).energy).toBe(300);
    expect(await adrift(node)).toEqual([]);
  });

  test('outside of every window credit nothing', async () => {
    node.at(3_600_000);
    await node.deliver(0, 'deals', [announced(1, 'deals.claimed', shopper(1), 600_000)]);
    expect((await node.mine(shopper(1))).energy).toBe(0);
  });

  test('delivered twice, in part again or by two nodes at once, credit once', async () => {
    const entries = Array.from({ length: 200 }, (_, i) => announced(i + 1, 'live.said', shopper(i % 7), i * 1_000));
    node.at(200_000);
    const other = startNode(keys);
    other.at(200_000);
    await Promise.all([
      node.deliver(0, 'live', entries),
      other.deliver(0, 'live', entries),
      node.deliver(0, 'live', entries.slice(0, 50)),
    ]);
    await other.deliver(0, 'live', entries.slice(120));
    // Seven shoppers, four minutes begun: each says once a minute, and once in all for the other task.
    for (let n = 0; n < 7; n++) expect((await node.mine(shopper(n))).energy).toBe(4 * 50 + 7);
    expect(await redis.hget(p().cursors, 'live')).toBe('200');
    expect(await adrift(node)).toEqual([]);
  });

  test('that come before an earlier one wait for it, and then credit in order', async () => {
    const [one, two, three] = [1, 2, 3].map((n) => announced(n, 'live.said', shopper(n)));
    if (one === undefined || two === undefined || three === undefined) throw new Error('three were made');
    await expect(node.deliver(0, 'live', [two, three])).rejects.toThrow('before an earlier one');
    expect((await node.mine(shopper(2))).energy).toBe(0);
    await expect(node.deliver(0, 'live', [one, three])).rejects.toThrow('before an earlier one');
    expect((await node.mine(shopper(1))).energy).toBe(57);
    await node.deliver(0, 'live', [one, two, three]);
    for (const n of [1, 2, 3]) expect((await node.mine(shopper(n))).energy).toBe(57);
  });

  test('of two sources are numbered apart', async () => {
    await node.deliver(0, 'live', [announced(1, 'live.said', shopper(1))]);
    await node.deliver(0, 'deals', [announced(1, 'deals.claimed', shopper(1))]);
    expect((await node.mine(shopper(1))).energy).toBe(357);
  });

  test('that cannot be read credit nothing, are said, and hold up nobody', async () => {
    await node.deliver(0, 'live', [
      { number: 1, event: 'live.said', payload: '{"shopperId":' },
      announced(2, 'live.said', 'no shopper'),
      announced(3, 'live.said', shopper(1), 0, { atMs: 'now' }),
      announced(4, 'live.said', shopper(1)),
    ]);
    expect(node.errors).toHaveLength(3);
    expect((await node.mine(shopper(1))).energy).toBe(57);
    expect(await redis.hget(p().cursors, 'live')).toBe('4');
  });

  test('of a shopper whose keys are spoilt fail loudly once and hold up nobody behind', async () => {
    await redis.set(p().energyDone(shopper(1)), 'spoilt');
    const entries = [announced(1, 'live.said', shopper(1)), announced(2, 'live.said', shopper(2))];
    await expect(node.deliver(0, 'live', entries)).rejects.toThrow('WRONGTYPE');
    await node.deliver(0, 'live', entries);
    expect((await node.mine(shopper(2))).energy).toBe(57);
  });

  test('that come more than an hour after a window closed cannot credit a task a second time', async () => {
    await node.deliver(0, 'live', [announced(1, 'live.said', shopper(1))]);
    // A later credit makes the shopper's memory drop what closed long ago.
    node.at(2 * 3_600_000 + 10_000);
    await node.complete(shopper(1), 'check-in~12', 'request-1');
    expect(await redis.zrange(p().energyDone(shopper(1)), '0', '-1')).toEqual(['say-too', 'check-in~12']);
    await node.deliver(0, 'live', [announced(2, 'live.said', shopper(1))]);
    expect((await node.mine(shopper(1))).energy).toBe(57 + 111);
  });

  test('reach the shopper’s own partition by the relay', async () => {
    keys = createKeyspace({ festival: `energy-${process.pid}-${festivals++}`, partitions: 3 });
    node = startNode(keys);
    const source = '{somewhere}:outbox';
    for (let n = 0; n < 30; n++) {
      const home = keys.partitionOf(shopper(n));
      const number = await redis.hincrby('{somewhere}:numbers', String(home), 1);
      const { payload } = announced(number, 'live.said', shopper(n));
      await redis.xadd(source, '*', 'to', `energy@p${home}`, 'n', number, 'e', 'live.said', 'p', payload);
    }
    node.relay.source(source);
    node.relay.poke(source);
    await node.relay.stop();
    for (let n = 0; n < 30; n++) expect((await node.mine(shopper(n))).energy).toBe(57);
    expect(await redis.xlen(source)).toBe(0);
    expect(await adrift(node)).toEqual([]);
    await redis.del('{somewhere}:numbers', source);
  });
});

describe('what is kept', () => {
  test('the history shows the last thirty credits', async () => {
    for (let n = 0; n < 40; n++) {
      node.at(n * 60_000);
      await node.deliver(0, 'live', [announced(n + 1, 'live.said', shopper(1), n * 60_000)]);
    }
    const mine = await node.mine(shopper(1));
    expect(mine.history).toHaveLength(30);
    expect(mine.history[0]?.taskId).toBe('say~39');
    expect(mine.energy).toBe(40 * 50 + 7);
  });

  test('the memory of tasks done goes when there is nothing left to remember', async () => {
    await node.deliver(0, 'live', [announced(1, 'live.said', shopper(1))]);
    const closesAtMs = 1_900_000_000_000 + 3_600_000;
    expect(await redis.pexpiretime(p().energyDone(shopper(1)))).toBe(closesAtMs + 3_600_000 + 60_000);
  });
});

describe('the list of tasks', () => {
  test('shows what is open and what comes next, in the order of opening', async () => {
    const answer = await node.tasks();
    if (!answer.ok) throw new Error('no tasks');
    contract.commands.tasks.reply.parse(answer.reply);
    expect(answer.reply.tasks.map((task) => task.taskId)).toEqual([
      'check-in~0',
      'first-claim',
      'say-too',
      'say~0',
      'say~1',
      'check-in~1',
    ]);
  });
});

describe('the law of energy', () => {
  test('holds at every look while a crowd is credited', async () => {
    const crowd = Promise.all(
      Array.from({ length: 150 }, (_, n) => node.complete(shopper(n), 'check-in~0', 'request-1')),
    );
    for (let look = 0; look < 10; look++) expect(await adrift(node)).toEqual([]);
    await crowd;
    const found = await node.checkEnergy();
    expect(found.filter((c) => c.expected !== c.found)).toEqual([]);
    expect(found).toHaveLength(2 + 150);
    expect(await adrift(startNode(keys))).toEqual([]);
  });

  test('finds a total changed by hand', async () => {
    await node.complete(shopper(1), 'check-in~0', 'request-1');
    await redis.hincrby(p().totals, 'energy', 5);
    expect(await adrift(node)).toEqual([{ subject: `energy of people in ${p().tag}`, expected: 111, found: 116 }]);
  });

  test('finds one shopper’s energy changed by hand within a full turn of its rounds', async () => {
    const entries = Array.from({ length: 450 }, (_, n) => announced(n + 1, 'live.said', shopper(n)));
    await node.deliver(0, 'live', entries);
    expect(await adrift(node)).toEqual([]);
    await redis.hincrby(p().energy(shopper(444)), 'energy', -7);
    const turn = [await adrift(node), await adrift(node), await adrift(node)].flat();
    expect(turn).toEqual([{ subject: `energy of ${shopper(444)}`, expected: 57, found: 50 }]);
  });
});
