import type { DropRecord } from '@elevens/shared/src/redpackets/contract.ts';
import { redpackets as contract } from '@elevens/shared/src/redpackets/contract.ts';
import { seedHash, splitFromSeed } from '@elevens/shared/src/redpackets/split.ts';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Caller } from '../../platform/caller.ts';
import { Fault } from '../../platform/fault.ts';
import type { FeedRegistry } from '../../platform/feeds.ts';
import { createMetrics } from '../../platform/metrics.ts';
import { createSeededRandom } from '../../platform/random.ts';
import { createKeyspace, type Keyspace } from '../../platform/redis/keyspace.ts';
import { startTestRedis, type TestRedis } from '../../platform/redis/test-redis.ts';
import { createRelay } from '../../platform/relay.ts';
import { createRedPackets, type RedPackets } from './index.ts';

const silent = { debug() {}, info() {}, warn() {}, error() {} };
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

/** A node of a festival whose time is set by hand. Several may share one Redis and one keyspace. */
function startNode(keys: Keyspace, name: string, realTime = false) {
  let nowMs = realTime ? Date.now() : 1_800_000_000_000;
  const firstStartMs = nowMs;
  let drops: DropRecord[] = [];
  const feeds = new Map<string, StateSource>();
  const clock = { nowMs: () => nowMs, monotonicMs: () => performance.now(), errorMs: () => 0 };
  const redPackets = createRedPackets({
    metrics: createMetrics(),
    redis,
    keys,
    clock,
    random: createSeededRandom(`${seed} ${name}`),
    logger: silent,
    catalogue: {
      festival: () => ({ currency: 'CNY', firstStartMs }),
      all: () => drops,
      get: (_, id) => drops.find((drop) => drop.id === id),
    },
    feeds: { state: (feed, source) => void feeds.set(feed, source), log() {} },
    relay: createRelay({ redis, logger: silent }),
    // The hand that sets the clock does not set that of Redis.
    ...(realTime ? {} : { stampGuard: { oldMs: 1e15, aheadMs: 1e15 } }),
  });
  return {
    ...redPackets,
    author: (...records: DropRecord[]) => {
      drops = records;
    },
    at: (afterStartMs: number) => {
      nowMs = firstStartMs + afterStartMs;
    },
    nowMs: () => nowMs,
    state: async (feed: string, id: string) => (await feeds.get(feed)?.read([id]))?.[0],
    async open(
      shopperId: string,
      dropId: string,
      requestId: string,
      more: { simulated?: boolean; input?: string } = {},
    ) {
      const caller = callerOf(shopperId, nowMs, more.simulated ?? false);
      const answer = { requestId, command: 'redpackets:open', inputHash: more.input ?? dropId };
      return redPackets.handlers.open(caller, { dropId, requestId }, answer);
    },
    async proof(dropId: string) {
      return redPackets.handlers.proof(callerOf('', nowMs, false), { dropId }, noAnswer);
    },
    async list() {
      return redPackets.handlers.list(callerOf('', nowMs, false), {}, noAnswer);
    },
  };
}

const noAnswer = { requestId: '', command: '', inputHash: '' };

function callerOf(shopperId: string, arrivedAtMs: number, simulated: boolean): Caller {
  return {
    person: { shopperId, displayName: 'Lan', locale: 'vi', roles: ['shopper'], brandId: null, simulated },
    arrivedAtMs,
    traceId: 'trace',
    socket: null,
  };
}

const shopper = (n: number) => `s_${String(n).padStart(22, '0')}`;
const rain: DropRecord = {
  id: 'rain',
  brandId: 'lume',
  title: 'Lantern "rain"',
  when: '+1m for 1m',
  fundMinor: 88_800,
  packets: 100,
  leastMinor: 50,
};
const sumOf = (numbers: readonly number[]) => numbers.reduce((sum, n) => sum + n, 0);

let keys: Keyspace;
let node: ReturnType<typeof startNode>;

beforeEach(() => {
  keys = createKeyspace({ festival: `packets-${process.pid}-${festivals++}`, partitions: 1 });
  node = startNode(keys, 'one');
  node.author(rain);
});

const p = () => keys.partition(0);

/** Adrift: what the law found unequal. */
const adrift = async (one: Pick<RedPackets, 'checkPackets'>) =>
  (await one.checkPackets()).filter((c) => c.expected !== c.found);

async function sealedAndOpen() {
  await node.sweep();
  node.at(60_000);
}

describe('sealing', () => {
  test('a drop is sealed before it opens: its hash is published, its amounts are those of its seed', async () => {
    await node.sweep();
    const listed = await node.list();
    const drop = listed.ok ? listed.reply.drops[0] : undefined;
    const seedHex = (await redis.get(p().dropSeed('rain'))) ?? '';
    expect(drop?.seedHash).toBe(await seedHash(seedHex));
    expect((await redis.lrange(p().dropAmounts('rain'), 0, -1)).map(Number)).toEqual(
      await splitFromSeed({ ...rain, seedHex }),
    );
    const [line] = await redis.xrange(p().ledger, '-', '+');
    expect(line?.[1]).toEqual(
      expect.arrayContaining(['drop-staged', 'fund', '88800', 'packets', '100', 'hash', drop?.seedHash]),
    );
    expect(await redis.hget(p().drop('rain'), 'at')).toBe(line?.[0]);
  });

  test('a drop that opens later than in ten minutes is not sealed yet', async () => {
    node.author({ ...rain, when: '+11m for 1m' });
    await node.sweep();
    expect(await redis.exists(p().drop('rain'))).toBe(0);
    expect(await node.proof('rain')).toEqual({ ok: false, why: 'not-sealed-yet' });
    const listed = await node.list();
    expect(listed.ok && listed.reply.drops.map((d) => [d.dropId, d.seedHash])).toEqual([['rain', null]]);
  });

  test('nodes that seal at the same time seal one drop, once, with one seed', async () => {
    const nodes = [node, startNode(keys, 'two'), startNode(keys, 'three')];
    for (const one of nodes) one.author({ ...rain, packets: 5_000, fundMinor: 1_000_000 });
    await Promise.all(nodes.flatMap((one) => [one.sweep(), one.sweep()]));
    const amounts = (await redis.lrange(p().dropAmounts('rain'), 0, -1)).map(Number);
    expect(amounts).toHaveLength(5_000);
    expect(sumOf(amounts)).toBe(1_000_000);
    const seedHex = (await redis.get(p().dropSeed('rain'))) ?? '';
    expect(amounts).toEqual(await splitFromSeed({ seedHex, fundMinor: 1_000_000, packets: 5_000, leastMinor: 50 }));
    expect(await redis.xlen(p().ledger)).toBe(1);
  });

  test('a node that died while it dealt the amounts is taken over with the same seed and the same terms', async () => {
    await node.sweep();
    const [seedHex, dealt] = await Promise.all([
      redis.get(p().dropSeed('rain')),
      redis.lrange(p().dropAmounts('rain'), 0, -1),
    ]);
    // As it was after a third of the amounts.
    await redis.hset(p().drop('rain'), 'state', 'dealing');
    await redis.ltrim(p().dropAmounts('rain'), 0, 32);
    await redis.del(p().ledger);
    const other = startNode(keys, 'two');
    other.author({ ...rain, fundMinor: 99_999_999 });
    await other.sweep();
    expect(await redis.get(p().dropSeed('rain'))).toBe(seedHex);
    expect(await redis.lrange(p().dropAmounts('rain'), 0, -1)).toEqual(dealt);
    expect(await redis.xlen(p().ledger)).toBe(1);
  });

  test('a changed record changes the drops that are not sealed yet, and no other', async () => {
    node.author({ ...rain, when: 'every 10m for 1m from +1m' });
    await node.sweep();
    node.author({ ...rain, when: 'every 10m for 1m from +1m', fundMinor: 200_000, title: 'Late rain' });
    node.at(120_000);
    await node.sweep();
    const listed = await node.list();
    expect(listed.ok && listed.reply.drops.slice(0, 2).map((d) => [d.dropId, d.fundMinor, d.title])).toEqual([
      ['rain~0', 88_800, 'Lantern "rain"'],
      ['rain~1', 200_000, 'Late rain'],
    ]);
    expect(sumOf((await redis.lrange(p().dropAmounts('rain~0'), 0, -1)).map(Number))).toBe(88_800);
    expect(sumOf((await redis.lrange(p().dropAmounts('rain~1'), 0, -1)).map(Number))).toBe(200_000);
  });

  test('one drop that cannot be sealed does not keep the others shut', async () => {
    await redis.set(p().drop('bad'), 'not a drop');
    node.author({ ...rain, id: 'bad', when: '+30s for 1m' }, rain);
    await expect(node.sweep()).rejects.toThrow('WRONGTYPE');
    node.at(60_000);
    expect(await node.open(shopper(1), 'rain', 'request-1')).toMatchObject({ ok: true });
  });

  test('with more partitions a drop lies whole in the first, and energy hears of a packet in that of its shopper', async () => {
    keys = createKeyspace({ festival: `packets-${process.pid}-${festivals++}`, partitions: 3 });
    node = startNode(keys, 'one');
    node.author(rain);
    await sealedAndOpen();
    for (let n = 0; n < 6; n++) expect(await node.open(shopper(n), 'rain', `request-${n}`)).toMatchObject({ ok: true });
    const told = (await redis.xrange(p().outbox, '-', '+')).map(([, flat]) => flat[1]);
    expect(told).toEqual(Array.from({ length: 6 }, (_, n) => `energy@p${keys.partitionOf(shopper(n))}`));
    expect(new Set(told).size).toBeGreaterThan(1);
    expect(await adrift(node)).toEqual([]);
  });
});

describe('opening', () => {
  test('a shopper opens one packet: wallet, packets, counts, ledger, totals, answer and event tell the same', async () => {
    await sealedAndOpen();
    const first = Number(await redis.lindex(p().dropAmounts('rain'), 0));
    const answer = await node.open(shopper(1), 'rain', 'request-1');
    expect(answer).toEqual({ ok: true, reply: { amountMinor: first, currency: 'CNY', index: 0, walletMinor: first } });
    if (answer.ok) contract.commands.open.reply.parse(answer.reply);

    expect(await node.state('redpackets:mine', shopper(1))).toEqual({
      currency: 'CNY',
      walletMinor: first,
      packets: [{ dropId: 'rain', title: 'Lantern "rain"', amountMinor: first, index: 0, openedAtMs: node.nowMs() }],
    });
    expect(await node.state('redpackets:drop', 'rain')).toEqual({
      packets: 100,
      opened: 1,
      fundMinor: 88_800,
      openedMinor: first,
    });
    expect(await redis.hgetall(p().totals)).toEqual({ packets: '1', packetsMinor: String(first) });
    const line = (await redis.xrevrange(p().ledger, '+', '-', 'COUNT', 1))[0];
    expect(line?.[1]).toEqual(
      expect.arrayContaining(['packet-opened', 'shopper', shopper(1), 'i', '0', 'amount', String(first), 'sim', '0']),
    );
    expect(await redis.hget(p().drop('rain'), 'at')).toBe(line?.[0]);
    expect(await redis.hget(p().wallet(shopper(1)), 'at')).toBe(line?.[0]);
    const announced = (await redis.xrange(p().outbox, '-', '+')).map(([, flat]) => flat);
    expect(announced).toEqual([
      [
        'to',
        'energy@p0',
        'n',
        '1',
        'e',
        'redpackets.opened',
        'p',
        JSON.stringify({ shopperId: shopper(1), dropId: 'rain', atMs: node.nowMs(), simulated: false }),
      ],
    ]);
  });

  test('the demo crowd is counted apart from people', async () => {
    await sealedAndOpen();
    await node.open(shopper(1), 'rain', 'request-1', { simulated: true });
    expect(Object.keys(await redis.hgetall(p().totals)).toSorted()).toEqual(['packets:sim', 'packetsMinor:sim']);
  });

  test('the same request gets the same answer word for word, also after the drop has closed', async () => {
    await sealedAndOpen();
    const first = await node.open(shopper(1), 'rain', 'request-1');
    expect(first.ok).toBe(true);
    expect(await node.open(shopper(1), 'rain', 'request-1')).toEqual(first);
    node.at(119_999_999);
    expect(await node.open(shopper(1), 'rain', 'request-1')).toEqual(first);
    expect(await redis.hget(p().drop('rain'), 'opened')).toBe('1');
  });

  test('the same request id with another input is refused', async () => {
    await sealedAndOpen();
    await node.open(shopper(1), 'rain', 'request-1');
    expect(await node.open(shopper(1), 'rain', 'request-1', { input: 'other' })).toEqual({
      ok: false,
      why: 'request-id-reused',
    });
  });

  test('a second tap of the same shopper opens nothing and is told what the first one held', async () => {
    await sealedAndOpen();
    const first = await node.open(shopper(1), 'rain', 'request-1');
    expect(await node.open(shopper(1), 'rain', 'request-2')).toEqual({
      ok: false,
      why: 'already-opened',
      amountMinor: first.ok ? first.reply.amountMinor : -1,
      index: 0,
    });
  });

  test('the arrival decides: a moment before opening is too early, the moment of closing is too late', async () => {
    await node.sweep();
    node.at(59_999);
    expect(await node.open(shopper(1), 'rain', 'request-1')).toEqual({
      ok: false,
      why: 'not-open-yet',
      opensAtMs: node.nowMs() + 1,
    });
    // What the clock refused is not remembered: the same request succeeds when its time has come.
    node.at(60_000);
    expect(await node.open(shopper(1), 'rain', 'request-1')).toMatchObject({ ok: true });
    node.at(119_999);
    expect(await node.open(shopper(2), 'rain', 'request-2')).toMatchObject({ ok: true });
    node.at(120_000);
    expect(await node.open(shopper(3), 'rain', 'request-3')).toEqual({
      ok: false,
      why: 'closed',
      closedAtMs: node.nowMs(),
    });
  });

  test('a stamp far from the time of Redis decides nothing, and the same request may come again', async () => {
    const real = startNode(keys, 'on real time', true);
    real.author({ ...rain, when: '+0s for 1h' });
    await real.sweep();
    const startedMs = real.nowMs();
    for (const awayMs of [-3_000, 30_000]) {
      real.at(awayMs);
      await expect(real.open(shopper(1), 'rain', 'request-1')).rejects.toMatchObject({ code: 'overloaded' });
    }
    expect(await redis.hget(p().drop('rain'), 'opened')).toBe('0');
    real.at(Date.now() - startedMs);
    const first = await real.open(shopper(1), 'rain', 'request-1');
    expect(first).toMatchObject({ ok: true });
    // What was answered is answered again, whatever the stamp of the repeat.
    real.at(-3_000);
    expect(await real.open(shopper(1), 'rain', 'request-1')).toEqual(first);
  });

  test('a drop that nobody sealed answers by the catalogue, and while it should be open with a fault worth repeating', async () => {
    expect(await node.open(shopper(1), 'flood', 'request-1')).toEqual({ ok: false, why: 'unknown-drop' });
    expect(await node.open(shopper(1), 'rain~3', 'request-1')).toEqual({ ok: false, why: 'unknown-drop' });
    expect(await node.open(shopper(1), 'rain', 'request-1')).toEqual({
      ok: false,
      why: 'not-open-yet',
      opensAtMs: node.nowMs() + 60_000,
    });
    node.at(60_000);
    await expect(node.open(shopper(1), 'rain', 'request-1')).rejects.toThrow(Fault);
    node.at(120_000);
    expect(await node.open(shopper(1), 'rain', 'request-1')).toEqual({
      ok: false,
      why: 'closed',
      closedAtMs: node.nowMs(),
    });
  });

  test('when all are opened the next shopper is told so', async () => {
    node.author({ ...rain, packets: 2, fundMinor: 200 });
    await sealedAndOpen();
    await node.open(shopper(1), 'rain', 'request-1');
    await node.open(shopper(2), 'rain', 'request-2');
    expect(await node.open(shopper(3), 'rain', 'request-3')).toEqual({ ok: false, why: 'all-opened' });
  });

  test('a wallet of ten to the fifteenth keeps every digit', async () => {
    await sealedAndOpen();
    await redis.hset(p().wallet(shopper(1)), 'minor', '1000000000000001');
    const answer = await node.open(shopper(1), 'rain', 'request-1');
    const amount = answer.ok ? answer.reply.amountMinor : Number.NaN;
    expect(answer.ok && answer.reply.walletMinor).toBe(1_000_000_000_000_001 + amount);
    expect(await redis.hget(p().wallet(shopper(1)), 'minor')).toBe(String(1_000_000_000_000_001n + BigInt(amount)));
  });

  test('a shopper’s list keeps the last fifty packets and the sum of all', async () => {
    node.author(
      ...Array.from({ length: 52 }, (_, i) => ({ ...rain, id: `rain-${i}`, packets: 1, fundMinor: 100 + i })),
    );
    for (let round = 0; round < 6; round++) await node.sweep();
    node.at(60_000);
    for (let i = 0; i < 52; i++) await node.open(shopper(1), `rain-${i}`, `request-${i}`);
    const mine = (await node.state('redpackets:mine', shopper(1))) as {
      walletMinor: number;
      packets: { dropId: string }[];
    };
    expect(mine.packets).toHaveLength(50);
    expect(mine.packets[0]?.dropId).toBe('rain-51');
    expect(mine.walletMinor).toBe(sumOf(Array.from({ length: 52 }, (_, i) => 100 + i)));
    contract.feeds.mine.payload.parse(mine);
  });

  test('one spoilt drop fails its own taps; those of another drop in the same batch go on', async () => {
    node.author(rain, { ...rain, id: 'bad' });
    await sealedAndOpen();
    await redis.lset(p().dropAmounts('bad'), 0, '1.5e3');
    const [bad, good] = await Promise.allSettled([
      node.open(shopper(1), 'bad', 'request-1'),
      node.open(shopper(2), 'rain', 'request-2'),
      // The first call goes alone; these two travel together behind it.
      node.open(shopper(3), 'bad', 'request-3'),
      node.open(shopper(4), 'rain', 'request-4'),
    ]);
    expect(bad).toMatchObject({ status: 'rejected', reason: { message: expect.stringContaining('1.5e3') } });
    expect(good).toMatchObject({ status: 'fulfilled', value: { ok: true } });
    expect(await redis.hget(p().drop('rain'), 'opened')).toBe('2');
    expect(await redis.hget(p().drop('bad'), 'opened')).toBe('0');
  });

  test('an opening that fails half way stops its drop, which then answers with a fault', async () => {
    await sealedAndOpen();
    await redis.set(p().wallet(shopper(1)), 'not a wallet');
    await expect(node.open(shopper(1), 'rain', 'request-1')).rejects.toThrow(`stopped at the tap of ${shopper(1)}`);
    await expect(node.open(shopper(2), 'rain', 'request-2')).rejects.toThrow(Fault);
  });
});

describe('proving', () => {
  test('before the end the seed is kept, after it anyone can deal the drop again', async () => {
    await sealedAndOpen();
    for (let n = 0; n < 7; n++) await node.open(shopper(n), 'rain', `request-${n}`);
    const running = await node.proof('rain');
    expect(running.ok && running.reply.seed).toBeNull();
    // Taps that arrived in time may be on their way for seconds after closing.
    node.at(120_000 + 2_999);
    expect(await node.proof('rain')).toMatchObject({ ok: true, reply: { seed: null } });

    node.at(120_000 + 3_000);
    const over = await node.proof('rain');
    if (!over.ok) throw new Error('no proof');
    contract.commands.proof.reply.parse(over.reply);
    const { seed: seedHex, opened } = over.reply;
    expect(await seedHash(seedHex ?? '')).toBe(over.reply.seedHash);
    const dealt = await splitFromSeed({ ...over.reply, seedHex: seedHex ?? '' });
    expect(opened.map((o) => o.index)).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(opened.map((o) => o.amountMinor)).toEqual(dealt.slice(0, 7));
  });

  test('once the seed is told nothing more is dealt, even to a tap stamped in time', async () => {
    await sealedAndOpen();
    node.at(130_000);
    expect(await node.proof('rain')).toMatchObject({ reply: { seed: expect.any(String) } });
    node.at(119_000);
    expect(await node.open(shopper(1), 'rain', 'request-1')).toMatchObject({ ok: false, why: 'closed' });
  });

  test('a shopper has another pseudonym in every drop, and none that leads to the shopper', async () => {
    node.author({ ...rain, id: 'rain-a' }, { ...rain, id: 'rain-b' });
    await sealedAndOpen();
    const names = new Set<string>();
    for (const dropId of ['rain-a', 'rain-b']) {
      await node.open(shopper(1), dropId, `request-${dropId}`);
      const proof = await node.proof(dropId);
      const name = proof.ok ? (proof.reply.opened[0]?.pseudonym ?? '') : '';
      expect(name).toMatch(/^[\w-]{16}$/);
      names.add(name);
    }
    expect(names.size).toBe(2);
    expect([...names].join()).not.toContain(shopper(1));
  });

  test('a proof of a drop that never was is refused', async () => {
    expect(await node.proof('flood')).toEqual({ ok: false, why: 'unknown-drop' });
    expect(await node.proof('rain')).toEqual({ ok: false, why: 'not-sealed-yet' });
  });

  test('a large drop is proved whole', async () => {
    node.author({ ...rain, packets: 3_000, fundMinor: 1_000_000 });
    await sealedAndOpen();
    await Promise.all(Array.from({ length: 2_500 }, (_, n) => node.open(shopper(n), 'rain', `request-${n}`)));
    const proof = await node.proof('rain');
    const opened = proof.ok ? proof.reply.opened : [];
    expect(opened.map((o) => o.index)).toEqual(Array.from({ length: 2_500 }, (_, i) => i));
    expect(new Set(opened.map((o) => o.pseudonym)).size).toBe(2_500);
  });
});

describe('putting away', () => {
  test('an hour after closing the drop goes, the ledger keeps its sums and its seed, the wallet stays', async () => {
    await sealedAndOpen();
    const answer = await node.open(shopper(1), 'rain', 'request-1');
    const amount = answer.ok ? answer.reply.amountMinor : 0;
    const seedHex = await redis.get(p().dropSeed('rain'));
    node.at(120_000 + 3_600_000 - 1);
    await node.sweep();
    expect(await redis.exists(p().drop('rain'))).toBe(1);
    node.at(120_000 + 3_600_000);
    await node.sweep();
    await node.sweep();
    expect(
      await redis.exists(
        p().drop('rain'),
        p().dropSeed('rain'),
        p().dropAmounts('rain'),
        p().dropOpened('rain'),
        p().drops,
      ),
    ).toBe(0);
    const lines = (await redis.xrange(p().ledger, '-', '+')).map(([, flat]) => flat);
    expect(lines.map((flat) => flat[1])).toEqual(['drop-staged', 'packet-opened', 'drop-retired']);
    expect(lines[2]).toEqual(
      expect.arrayContaining([
        'opened',
        '1',
        'openedMinor',
        String(amount),
        'returned',
        String(88_800 - amount),
        'seed',
        seedHex,
      ]),
    );
    expect(await node.state('redpackets:mine', shopper(1))).toMatchObject({ walletMinor: amount });
    expect(await node.state('redpackets:drop', 'rain')).toBeNull();
    expect(await node.proof('rain')).toEqual({ ok: false, why: 'unknown-drop' });
    expect(await adrift(node)).toEqual([]);
  });
});

describe('the law of red packets', () => {
  test('holds while packets are opened, and counts every drop', async () => {
    await sealedAndOpen();
    for (let n = 0; n < 5; n++) {
      await node.open(shopper(n), 'rain', `request-${n}`);
      const found = await node.checkPackets();
      expect(found.filter((c) => c.expected !== c.found)).toEqual([]);
      expect(found).toContainEqual({ subject: 'rain packets opened', expected: n + 1, found: n + 1 });
    }
    expect(await adrift(startNode(keys, 'a node that starts late'))).toEqual([]);
  });

  test('holds at every look while a crowd opens', async () => {
    await sealedAndOpen();
    const crowd = Promise.all(Array.from({ length: 90 }, (_, n) => node.open(shopper(n), 'rain', `request-${n}`)));
    for (let look = 0; look < 10; look++) expect(await adrift(node)).toEqual([]);
    await crowd;
    expect(await adrift(node)).toEqual([]);
  });

  test.each([
    ['the sum opened', () => redis.hincrby(p().drop('rain'), 'openedMinor', 100), 'rain money opened'],
    ['the count opened', () => redis.hincrby(p().drop('rain'), 'opened', -1), 'rain packets opened and left'],
    ['a wallet', () => redis.hincrby(p().wallet(shopper(1)), 'minor', 1), `wallet of ${shopper(1)}`],
    ['an amount yet to come', () => redis.lset(p().dropAmounts('rain'), 3, '999999'), 'rain fund, opened and left'],
    ['a packet slipped in', () => redis.rpush(p().dropAmounts('rain'), '1'), 'rain packets opened and left'],
    [
      'a shopper taken out, to open again',
      () => redis.hdel(p().dropOpened('rain'), shopper(1)),
      'rain shoppers who opened',
    ],
    ['the whole drop', () => redis.del(p().drop('rain')), 'rain packets opened'],
  ])('finds a change by hand: %s', async (_, plant, subject) => {
    await sealedAndOpen();
    await node.open(shopper(1), 'rain', 'request-1');
    expect(await adrift(node)).toEqual([]);
    await plant();
    expect((await adrift(node)).map((c) => c.subject)).toContain(subject);
  });

  test('remembers a drop that was put away with a wrong sum', async () => {
    await sealedAndOpen();
    await node.open(shopper(1), 'rain', 'request-1');
    await node.checkPackets();
    await redis.hincrby(p().drop('rain'), 'openedMinor', 700);
    node.at(120_000 + 3_600_000);
    await node.sweep();
    const found = await adrift(node);
    expect(found).toEqual([{ subject: 'rain fund, opened and returned', expected: 88_800, found: 88_100 }]);
    expect(await adrift(node)).toEqual(found);
  });
});

describe('stampede', () => {
  test('400 shoppers who each tap twice open exactly 100 packets, the fund to the last unit, and nobody two', async () => {
    const chance = createSeededRandom(`stampede ${seed}`);
    const other = startNode(keys, 'two');
    other.author(rain);
    await sealedAndOpen();
    other.at(60_000);

    interface Entry {
      shopperId: string;
      requestId: string;
      answer: Awaited<ReturnType<typeof node.open>>;
    }
    const taps = Array.from({ length: 400 }, (_, n) => {
      // Half resend the same request, half tap anew, some over the other node.
      const first = { shopperId: shopper(n), requestId: `request-${n}` };
      const again = chance.int(2) === 0 ? first : { shopperId: shopper(n), requestId: `request-${n}-again` };
      return [first, again];
    }).flat();
    for (let i = taps.length - 1; i > 0; i--) {
      const j = chance.int(i + 1);
      [taps[i], taps[j]] = [taps[j] as (typeof taps)[0], taps[i] as (typeof taps)[0]];
    }
    const journal: Entry[] = await Promise.all(
      taps.map(async (tap) => ({
        ...tap,
        answer: await (chance.int(3) === 0 ? other : node).open(tap.shopperId, 'rain', tap.requestId),
      })),
    );

    const why = `seed ${seed}`;
    const byRequest = new Map<string, Entry[]>();
    for (const entry of journal) byRequest.set(entry.requestId, [...(byRequest.get(entry.requestId) ?? []), entry]);
    for (const entries of byRequest.values())
      for (const entry of entries) expect(entry.answer, why).toEqual(entries[0]?.answer);

    const won = [...byRequest.values()].flatMap((entries) => {
      const entry = entries[0];
      return entry?.answer.ok ? [{ shopperId: entry.shopperId, ...entry.answer.reply }] : [];
    });
    expect(won.length, why).toBe(100);
    expect(new Set(won.map((w) => w.shopperId)).size, why).toBe(100);
    expect(
      won.map((w) => w.index).toSorted((a, b) => a - b),
      why,
    ).toEqual(Array.from({ length: 100 }, (_, i) => i));
    expect(sumOf(won.map((w) => w.amountMinor)), why).toBe(88_800);
    for (const { answer } of journal)
      if (!answer.ok) expect(['all-opened', 'already-opened'], why).toContain(answer.why);

    // The shoppers' own journal against Redis: who, which, how much; wallets; amounts by the seed.
    const opened = await redis.hgetall(p().dropOpened('rain'));
    expect(opened, why).toEqual(
      Object.fromEntries(won.map((w) => [w.shopperId, `${w.index} ${w.amountMinor} ${node.nowMs()}`])),
    );
    for (const w of won) {
      expect(await redis.hget(p().wallet(w.shopperId), 'minor'), why).toBe(String(w.walletMinor));
      expect(w.walletMinor, why).toBe(w.amountMinor);
    }
    const dealt = await splitFromSeed({ ...rain, seedHex: (await redis.get(p().dropSeed('rain'))) ?? '' });
    for (const w of won) expect(w.amountMinor, why).toBe(dealt[w.index]);
    expect(await redis.llen(p().dropAmounts('rain')), why).toBe(0);
    expect(await adrift(node), why).toEqual([]);
  });
});
