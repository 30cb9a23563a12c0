import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { type Festival, type RecordKind, readFestival } from '@elevens/shared/src/catalogue/festival.ts';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Caller } from '../../platform/caller.ts';
import { createClock } from '../../platform/clock.ts';
import type { FeedRegistry } from '../../platform/feeds.ts';
import { createLogger } from '../../platform/logger.ts';
import { createSeededRandom } from '../../platform/random.ts';
import { createKeyspace } from '../../platform/redis/keyspace.ts';
import { type ObjectStore, openObjectStore } from '../../platform/redis/object-store.ts';
import { startTestRedis, type TestRedis } from '../../platform/redis/test-redis.ts';
import { type Catalogue, createCatalogue, FestivalRefused, readFestivalFile } from './index.ts';

const logger = createLogger('silent');
const clock = createClock();
const demoPath = fileURLToPath(new URL('../../../festivals/demo.json', import.meta.url));
let server: TestRedis;
let nodes: Node[] = [];
let festivals = 0;
/** Each test plays a festival of its own, so that none sees another's records. */
let id = '';

interface Node {
  catalogue: Catalogue;
  redis: Redis;
  feed: Parameters<FeedRegistry['state']>[1];
  close(): Promise<void>;
}

beforeAll(async () => {
  server = await startTestRedis();
});
afterAll(() => server.close());
afterEach(async () => {
  await Promise.all(nodes.map((n) => n.close()));
  nodes = [];
});

async function openNode(): Promise<Node> {
  const retryStrategy = () => 20;
  const redis = new Redis({
    ...server.options,
    retryStrategy,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    lazyConnect: true,
  });
  const subscriber = new Redis({ ...server.options, retryStrategy, maxRetriesPerRequest: null });
  for (const connection of [redis, subscriber]) connection.on('error', () => {});
  await redis.connect();
  const objects: ObjectStore = await openObjectStore(server.options, { logger });
  let feed: Node['feed'] | undefined;
  const catalogue = createCatalogue({
    redis,
    subscriber,
    objects,
    keys: createKeyspace({ festival: id, partitions: 1 }),
    clock,
    random: createSeededRandom(id),
    logger,
    feeds: {
      state: (_name, source) => {
        feed = source;
      },
    },
  });
  if (feed === undefined) throw new Error('the catalogue registered no feed');
  const node: Node = {
    catalogue,
    redis,
    feed,
    async close() {
      catalogue.stop();
      redis.disconnect();
      subscriber.disconnect();
      await objects.close();
    },
  };
  nodes.push(node);
  return node;
}

async function festivalFile(change: (festival: Festival) => void = () => {}): Promise<Festival> {
  const json = JSON.parse(await readFile(demoPath, 'utf8')) as Festival;
  json.festival.id = id;
  const read = readFestival(json);
  if (!read.ok) throw new Error(JSON.stringify(read.problems));
  change(read.festival);
  const again = readFestival(read.festival);
  if (!again.ok) throw new Error(JSON.stringify(again.problems));
  return again.festival;
}

async function opened(): Promise<Node> {
  id = `night-${++festivals}`;
  const node = await openNode();
  await node.catalogue.load(await festivalFile());
  return node;
}

let requests = 0;
function answerKey(command: string, requestId = `request-${++requests}`, inputHash = 'hash') {
  return { requestId, command, inputHash };
}
function caller(role: 'operator' | 'brand', brandId: string | null = null): Caller {
  return {
    person: {
      shopperId: role === 'operator' ? 'u_desk' : `u_${brandId}`,
      displayName: 'Someone',
      locale: 'en',
      roles: ['shopper', role],
      brandId,
      simulated: false,
    },
    arrivedAtMs: clock.nowMs(),
    traceId: 'trace',
    socket: null,
  };
}
const operator = caller('operator');
const kettleRow = caller('brand', 'kettle-row');

function save(node: Node, by: Caller, kind: string, record: object, key = answerKey('catalogue:save')) {
  const input = { requestId: key.requestId, kind, record: record as Record<string, unknown> };
  return node.catalogue.handlers.save(by, input, key);
}
function remove(node: Node, by: Caller, kind: string, recordId: string, key = answerKey('catalogue:remove')) {
  return node.catalogue.handlers.remove(by, { requestId: key.requestId, kind, id: recordId }, key);
}
/** A record as an author would send it back, with something changed. */
function record(node: Node, kind: RecordKind, recordId: string, change: object = {}) {
  const found = node.catalogue.get(kind, recordId);
  if (found === undefined) throw new Error(`no ${kind} ${recordId}`);
  return { ...found, ...change };
}
function problemsIn(decision: Awaited<ReturnType<typeof save>>): { path: string; message: string }[] {
  return !decision.ok && decision.why === 'bad-record' ? decision.problems : [];
}
function changed(node: Node): Promise<void> {
  return new Promise((resolve) => node.catalogue.onChange(resolve));
}

describe('loading a festival file', () => {
  test('puts every record of the file where every node finds it', async () => {
    const node = await opened();
    expect(node.catalogue.all('products')).toHaveLength(24);
    expect(node.catalogue.get('deals', 'iron-pan')).toMatchObject({ productId: 'iron-pan', priceMinor: 12_900 });
    expect(node.catalogue.festival()).toMatchObject({ id, currency: 'CNY' });
    const other = await openNode();
    await other.catalogue.load(null);
    for (const kind of ['brands', 'products', 'deals', 'drops', 'sessions', 'tasks', 'phases', 'moments'] as const) {
      expect(other.catalogue.all(kind)).toEqual(node.catalogue.all(kind));
    }
  });

  test('again changes nothing and moves no version, and the first start stays the first', async () => {
    const node = await opened();
    const before = { version: node.catalogue.version(), festival: node.catalogue.festival() };
    const again = await openNode();
    await again.catalogue.load(await festivalFile());
    await node.catalogue.load(await festivalFile());
    expect({ version: again.catalogue.version(), festival: again.catalogue.festival() }).toEqual(before);
    expect(node.catalogue.version()).toBe(before.version);
  });

  test('on several nodes that start at the same moment writes it once', async () => {
    id = `night-${++festivals}`;
    const three = await Promise.all([openNode(), openNode(), openNode()]);
    await Promise.all(three.map(async (n) => n.catalogue.load(await festivalFile())));
    expect(new Set(three.map((n) => n.catalogue.version()))).toEqual(new Set([1]));
    expect(new Set(three.map((n) => n.catalogue.festival().firstStartMs)).size).toBe(1);
  });

  test('that changed updates what the file changed and leaves what was edited since', async () => {
    const node = await opened();
    await save(node, operator, 'deals', record(node, 'deals', 'iron-pan', { priceMinor: 11_100 }));
    await save(node, operator, 'deals', record(node, 'deals', 'night-wok', { priceMinor: 11_100 }));
    await node.catalogue.load(
      await festivalFile((f) => {
        for (const deal of f.deals) if (deal.id !== 'iron-pan') deal.total += 1;
      }),
    );
    expect(node.catalogue.get('deals', 'iron-pan')).toMatchObject({ priceMinor: 11_100, total: 80 });
    expect(node.catalogue.get('deals', 'night-wok')).toMatchObject({ priceMinor: 16_900, total: 41 });
    expect(node.catalogue.get('deals', 'salt-soak')).toMatchObject({ total: 91 });
  });

  test('takes out what the file no longer lists, but not what was edited or is still used', async () => {
    const node = await opened();
    await save(node, operator, 'deals', record(node, 'deals', 'tea-jar', { total: 7 }));
    await node.catalogue.load(
      await festivalFile((f) => {
        const gone = ['tea-jar', 'river-boat'];
        f.deals = f.deals.filter((d) => !gone.includes(d.id));
        f.products = f.products.filter((p) => !gone.includes(p.id));
        for (const session of f.sessions) session.dealIds = session.dealIds.filter((d) => !gone.includes(d));
      }),
    );
    expect(node.catalogue.get('deals', 'river-boat')).toBeUndefined();
    expect(node.catalogue.get('products', 'river-boat')).toBeUndefined();
    expect(node.catalogue.get('deals', 'tea-jar')).toMatchObject({ total: 7 });
    expect(node.catalogue.get('products', 'tea-jar')).toBeDefined();
  });

  test('does not bring back what an operator removed, unless something new in the file needs it', async () => {
    const node = await opened();
    expect(await remove(node, operator, 'products', 'tin-drum')).toMatchObject({ ok: true });
    await node.catalogue.load(await festivalFile());
    expect(node.catalogue.get('products', 'tin-drum')).toBeUndefined();
    await node.catalogue.load(
      await festivalFile((f) => {
        const [first] = f.deals;
        if (first !== undefined) f.deals.push({ ...first, id: 'tin-drum', productId: 'tin-drum' });
      }),
    );
    expect(node.catalogue.get('deals', 'tin-drum')).toBeDefined();
    expect(node.catalogue.get('products', 'tin-drum')).toBeDefined();
  });

  test('of two thousand records a kind is carried in bounded calls and found whole', async () => {
    id = `night-${++festivals}`;
    const node = await openNode();
    const file = await festivalFile((f) => {
      const copies = Array.from({ length: 2_000 - f.deals.length }, (_, i) => ({
        ...f.deals[0],
        id: `copy-${i}`,
        lot: `lot-${i}`,
      }));
      f.deals.push(...(copies as Festival['deals']));
    });
    await node.catalogue.load(file);
    expect(node.catalogue.all('deals')).toHaveLength(2_000);
    expect(await save(node, operator, 'deals', { ...file.deals[0], id: 'one-more', lot: 'one-more' })).toEqual({
      ok: false,
      why: 'catalogue-full',
      recordsMax: 2_000,
    });
  });

  test('refuses another currency, another festival, and nothing to continue', async () => {
    const node = await opened();
    const euros = await festivalFile((f) => {
      f.festival.currency = 'EUR';
    });
    await expect(node.catalogue.load(euros)).rejects.toThrow(/currency is CNY/);
    const foreign = await festivalFile((f) => {
      f.festival.id = 'another';
    });
    await expect(node.catalogue.load(foreign)).rejects.toThrow(FestivalRefused);
    id = `night-${++festivals}`;
    await expect((await openNode()).catalogue.load(null)).rejects.toThrow(/no festival yet/);
  });

  test('refuses a discount that, now that it is known when the festival starts, undercuts nothing', async () => {
    id = `night-${++festivals}`;
    const node = await openNode();
    const soldFor = (minor: number) =>
      festivalFile((f) => {
        const pan = f.products.find((p) => p.id === 'iron-pan');
        const [from, until] = [20, 10].map((days) => new Date(clock.nowMs() - days * 86_400_000).toISOString());
        if (pan !== undefined) pan.pastPrices = [{ priceMinor: minor, from: from ?? '', until: until ?? '' }];
      });
    const refused = node.catalogue.load(await soldFor(12_000));
    await expect(refused).rejects.toThrow(FestivalRefused);
    await expect(refused).rejects.toThrow(/deals\.\d+\.priceMinor: \d+ does not undercut 12000, the lowest price/);
    await node.catalogue.load(await soldFor(13_000));
  });

  test('from disk names every problem by its path', async () => {
    await expect(readFestivalFile('/nowhere/festival.json')).rejects.toThrow(/nowhere/);
    expect((await readFestivalFile(demoPath)).deals.length).toBeGreaterThan(10);
  });
});

describe('following the catalogue', () => {
  test('a record saved on one node is known to another as soon as the bell rings', async () => {
    const here = await opened();
    const there = await openNode();
    await there.catalogue.load(null);
    const heard = changed(there);
    const saved = await save(here, operator, 'deals', record(here, 'deals', 'iron-pan', { total: 81 }));
    await heard;
    expect(there.catalogue.get('deals', 'iron-pan')).toMatchObject({ total: 81 });
    expect(saved).toEqual({ ok: true, reply: { id: 'iron-pan', version: there.catalogue.version() } });
  });

  test('a record that did not change stays the same object', async () => {
    const node = await opened();
    const pan = node.catalogue.get('deals', 'iron-pan');
    await save(node, operator, 'deals', record(node, 'deals', 'night-wok', { total: 3 }));
    expect(node.catalogue.get('deals', 'iron-pan')).toBe(pan);
  });

  test('a node that heard no bell reads what it missed, even when the changes of then are gone', async () => {
    const here = await opened();
    const there = await openNode();
    await there.catalogue.catchUp();
    await save(here, operator, 'deals', record(here, 'deals', 'iron-pan', { total: 82 }));
    await here.redis.del(createKeyspace({ festival: id, partitions: 1 }).catalogue.changes);
    await save(here, operator, 'deals', record(here, 'deals', 'night-wok', { total: 42 }));
    await there.catalogue.catchUp();
    expect(there.catalogue.get('deals', 'iron-pan')).toMatchObject({ total: 82 });
    expect(there.catalogue.get('deals', 'night-wok')).toMatchObject({ total: 42 });
  });

  test('a crash of Redis is survived: the records are there and the bells ring again', async () => {
    const here = await opened();
    const there = await openNode();
    await there.catalogue.load(null);
    const before = here.catalogue.version();
    const back = Promise.all(
      [here, there].map((n) => new Promise<void>((resolve) => n.redis.once('ready', () => resolve()))),
    );
    await server.crashAndRestart();
    await back;
    // redis-om's own connection comes back in its own time; a save by another node must still be heard of.
    const heard = changed(there);
    const saved = await save(here, operator, 'deals', record(here, 'deals', 'iron-pan', { total: 83 }));
    expect(saved).toMatchObject({ ok: true, reply: { version: before + 1 } });
    await heard;
    expect(there.catalogue.get('deals', 'iron-pan')).toMatchObject({ total: 83 });
  });

  test('viewers are told the version, and nobody is told of another id', async () => {
    const node = await opened();
    expect(await node.feed.read(['all', 'other'])).toEqual([{ version: node.catalogue.version() }, null]);
  });
});

describe('saving and removing records', () => {
  test('a save that is sent again gets its first answer, word for word, and changes nothing more', async () => {
    const node = await opened();
    const key = answerKey('catalogue:save');
    const deal = record(node, 'deals', 'iron-pan', { total: 84 });
    const first = await save(node, operator, 'deals', deal, key);
    await save(node, operator, 'deals', record(node, 'deals', 'night-wok', { total: 43 }));
    const version = node.catalogue.version();
    expect(await save(node, operator, 'deals', deal, key)).toEqual(first);
    expect(node.catalogue.version()).toBe(version);
    expect(await save(node, operator, 'deals', deal, { ...key, inputHash: 'other' })).toEqual({
      ok: false,
      why: 'request-id-reused',
    });
  });

  test('a removal that is sent again is answered as it was, though the record is gone', async () => {
    const node = await opened();
    const key = answerKey('catalogue:remove');
    const first = await remove(node, operator, 'moments', 'street-toast', key);
    expect(first).toMatchObject({ ok: true });
    expect(await remove(node, operator, 'moments', 'street-toast', key)).toEqual(first);
    expect(await remove(node, operator, 'moments', 'street-toast')).toEqual({ ok: false, why: 'unknown-record' });
  });

  test('authors on many nodes at once all succeed, each with a version of its own', async () => {
    const first = await opened();
    const second = await openNode();
    await second.catalogue.load(null);
    const before = first.catalogue.version();
    const saved = await Promise.all(
      [first, second, first, second].map((node, i) =>
        save(node, operator, 'moments', { id: `moment-${i}`, title: 'A moment', blurb: '', when: '+1m for 1m' }),
      ),
    );
    const versions = saved.map((s) => (s.ok ? s.reply.version : -1)).toSorted((a, b) => a - b);
    expect(versions).toEqual([1, 2, 3, 4].map((n) => before + n));
    await Promise.all([first.catalogue.catchUp(), second.catalogue.catchUp()]);
    expect(second.catalogue.all('moments')).toEqual(first.catalogue.all('moments'));
  });

  test('a brand writes what is its own, deals through their product, and nothing else', async () => {
    const node = await opened();
    const own = await save(node, kettleRow, 'deals', record(node, 'deals', 'iron-pan', { total: 12 }));
    expect(own).toMatchObject({ ok: true });
    const theirs = record(node, 'deals', 'night-cream', { total: 12 });
    expect(await save(node, kettleRow, 'deals', theirs)).toEqual({ ok: false, why: 'not-yours' });
    const taken = record(node, 'products', 'night-cream', { brandId: 'kettle-row' });
    expect(await save(node, kettleRow, 'products', taken)).toEqual({ ok: false, why: 'not-yours' });
    const given = record(node, 'products', 'iron-pan', { brandId: 'pell-rue' });
    expect(await save(node, kettleRow, 'products', given)).toEqual({ ok: false, why: 'not-yours' });
    const phase = record(node, 'phases', 'first-lamps');
    expect(await save(node, kettleRow, 'phases', phase)).toEqual({ ok: false, why: 'not-yours' });
    expect(await remove(node, kettleRow, 'deals', 'night-cream')).toEqual({ ok: false, why: 'not-yours' });
    const brandless = caller('brand', null);
    expect(await save(node, brandless, 'phases', phase)).toEqual({ ok: false, why: 'not-yours' });
  });

  test('a record that its schema refuses is answered with the path of each wrong field', async () => {
    const node = await opened();
    const wrong = record(node, 'deals', 'iron-pan', { priceMinor: '12', when: 'sometimes', colour: 'red' });
    const answer = await save(node, operator, 'deals', wrong);
    const paths = !answer.ok && answer.why === 'bad-record' ? answer.problems.map((p) => p.path) : [];
    expect(paths).toEqual(expect.arrayContaining(['priceMinor', 'when']));
    expect(await save(node, operator, 'stalls', {})).toEqual({ ok: false, why: 'unknown-kind' });
    expect(await save(node, operator, '__proto__', {})).toEqual({ ok: false, why: 'unknown-kind' });
  });

  test('a record that names what is not there is refused, and so is removing what is still named', async () => {
    const node = await opened();
    const lost = record(node, 'sessions', 'folding-the-lamp', { dealIds: ['iron-pan', 'no-such-deal'] });
    expect(await save(node, operator, 'sessions', lost)).toMatchObject({
      ok: false,
      why: 'bad-record',
      problems: [{ path: 'dealIds.1' }],
    });
    expect(await remove(node, operator, 'deals', 'paper-lamp-4')).toEqual({
      ok: false,
      why: 'still-used',
      by: 'sessions/folding-the-lamp',
    });
  });

  test('a phase that would be on during another is refused', async () => {
    const node = await opened();
    const late = { id: 'late', title: 'Too late', blurb: '', when: '+58m for 5m' };
    expect(await save(node, operator, 'phases', late)).toMatchObject({ ok: false, why: 'bad-record' });
    const longer = record(node, 'phases', 'first-lamps', { when: 'every 1h for 9m' });
    expect(await save(node, operator, 'phases', longer)).toMatchObject({ ok: true });
  });

  test('a deal that would sell a stock while another does, or at a price that undercuts nothing, is refused', async () => {
    const node = await opened();
    const pan = record(node, 'deals', 'iron-pan');
    const [problem] = problemsIn(await save(node, operator, 'deals', { ...pan, id: 'twin' }));
    expect(problem).toMatchObject({ path: 'when', message: expect.stringContaining('"iron-pan"') });
    expect(await save(node, operator, 'deals', { ...pan, id: 'twin', lot: 'outlet' })).toMatchObject({ ok: true });
    expect(await save(node, operator, 'deals', pan)).toMatchObject({ ok: true });

    const { listMinor } = node.catalogue.get('products', 'iron-pan') ?? { listMinor: 0 };
    const dear = { ...pan, priceMinor: listMinor };
    const [undercut] = problemsIn(await save(node, operator, 'deals', dear));
    expect(undercut).toMatchObject({ path: 'priceMinor', message: expect.stringContaining(`does not undercut`) });
  });

  test('a past price that makes the discount of a deal dishonest is refused with the deal named', async () => {
    const node = await opened();
    const { firstStartMs } = node.catalogue.festival();
    const { priceMinor } = node.catalogue.get('deals', 'iron-pan') ?? { priceMinor: 0 };
    const week = 7 * 86_400_000;
    const price = (minor: number, untilMs: number) =>
      record(node, 'products', 'iron-pan', {
        pastPrices: [
          {
            priceMinor: minor,
            from: new Date(untilMs - week).toISOString(),
            until: new Date(untilMs).toISOString(),
          },
        ],
      });
    const refused = problemsIn(await save(node, operator, 'products', price(priceMinor, firstStartMs - week)));
    expect(refused).toEqual([
      { path: 'pastPrices', message: expect.stringMatching(`deal "iron-pan" .* does not undercut ${priceMinor},`) },
    ]);
    for (const fine of [price(priceMinor + 1, firstStartMs - week), price(priceMinor, firstStartMs - 5 * week)])
      expect(await save(node, operator, 'products', fine)).toMatchObject({ ok: true });
  });

  test('a brand writes coupons of its own for products of its own, and none of the street’s', async () => {
    const node = await opened();
    const coupon = {
      id: 'pans',
      title: 'Off pans',
      kind: 'brand',
      brandId: 'kettle-row',
      productIds: ['iron-pan'],
      offMinor: 1_000,
      fromMinor: 10_000,
      repeats: false,
      when: 'every 1h for 1h',
      usesPerShopper: 1,
      total: 100,
      stacksWith: [],
    };
    expect(await save(node, kettleRow, 'coupons', coupon)).toMatchObject({ ok: true });
    const { brandId: _, productIds: __, ...anybodys } = coupon;
    expect(await save(node, kettleRow, 'coupons', { ...anybodys, kind: 'cross-brand' })).toMatchObject({
      why: 'not-yours',
    });
    const foreign = { ...coupon, productIds: ['iron-pan', 'night-cream'] };
    expect(problemsIn(await save(node, kettleRow, 'coupons', foreign)).map((p) => p.path)).toEqual(['productIds.1']);
  });

  test('a removal and a save that needs the removed record cannot both succeed', async () => {
    const node = await opened();
    const other = await openNode();
    await other.catalogue.load(null);
    for (let round = 0; round < 10; round++) {
      const product = { ...record(node, 'products', 'tin-drum'), id: `drum-${round}` };
      await save(node, operator, 'products', product);
      await other.catalogue.catchUp();
      const deal = { ...record(node, 'deals', 'iron-pan'), id: `drum-${round}`, productId: `drum-${round}` };
      const [removed, saved] = await Promise.all([
        remove(node, operator, 'products', `drum-${round}`),
        save(other, operator, 'deals', deal),
      ]);
      expect([removed.ok, saved.ok].filter(Boolean)).toHaveLength(1);
    }
  });

  test('the list is what is kept, for whoever may see it', async () => {
    const node = await opened();
    const listed = await node.catalogue.handlers.list(operator, { kind: 'drops' }, answerKey(''));
    expect(listed).toEqual({
      ok: true,
      reply: { version: node.catalogue.version(), records: node.catalogue.all('drops') },
    });
  });
});
