import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { createClock, disciplineClock } from '../../../platform/clock.ts';
import { createRandom } from '../../../platform/random.ts';
import type { Redis } from '../../../platform/redis/connections.ts';
import { createKeyspace, type Keyspace } from '../../../platform/redis/keyspace.ts';
import { linesOf } from '../../../platform/redis/ledger.ts';
import { readHead, segmentFolder } from '../../../platform/redis/segments.ts';
import { connectTestRedis } from '../../../platform/redis/test-connection.ts';
import { createDealLaws, stockBalances } from '../../deals/index.ts';
import { moneyBalances } from '../books.ts';
import { createReconciliation } from '../index.ts';
import { openShop, type Shop } from '../shop.test-stage.ts';
import { readSealed } from './read-sealed.ts';
import { createSealer, type SealingLimits, sealingLimits } from './sealer.ts';

const clock = createClock();
const random = createRandom();
let rig: Awaited<ReturnType<typeof connectTestRedis>>;
beforeAll(async () => {
  rig = await connectTestRedis();
  await disciplineClock(clock, () => rig.redis.time() as Promise<[number, number]>);
});
afterAll(() => rig.close());

const balancesBy = { money: moneyBalances, stock: stockBalances };
function folder(): string {
  const dir = mkdtempSync(join(tmpdir(), 'elevens-sealed-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** One who seals, as a node does, some minutes after what there is was written. */
function sealerOf(
  keys: Keyspace,
  dataDir: string,
  {
    redis = rig.redis,
    laterMs = sealingLimits.waitMs + 1_000,
    ...limits
  }: Partial<SealingLimits> & { redis?: Redis; laterMs?: number } = {},
) {
  const said: object[] = [];
  const logger = { info: (fields: object) => said.push(fields), warn: (fields: object) => said.push(fields) };
  const sealer = createSealer({
    redis,
    keys,
    clock: { nowMs: () => clock.nowMs() + laterMs },
    random,
    logger,
    dataDir,
    balancesBy,
    limits: { ...sealingLimits, ...limits },
  });
  return { ...sealer, said };
}

/** Segments of a shop of the size of a page, so that a small festival has several. */
const small = { textBytesMax: 1, segmentsPerRound: 1 };

async function busyShop(partitions: number, deeds = 40): Promise<Shop> {
  const shop = await openShop(rig.redis, { festival: `t${random.token(6)}`, partitions, clock, seed: 'sealed' });
  const lin = shop.person();
  const bought = await shop.place(lin, [{ dealId: 'lamp', quantity: 1 }]);
  const orderId = bought?.orders[0]?.orderId ?? '';
  if (bought !== null) await shop.pay(bought.payment);
  await shop.call('ship', shop.operator, { orderId, carrier: 'Mule', tracking: '7' });
  expect((await shop.call('receive', lin, { orderId })).ok).toBe(true);
  await moreDeeds(shop, deeds);
  return shop;
}
async function moreDeeds(shop: Shop, deeds = 16): Promise<void> {
  const people = Array.from({ length: 10 }, () => shop.person());
  const done: Parameters<Shop['doSomething']>[1] = [];
  for (let deed = 0; deed < deeds; deed += 4) await Promise.all([0, 1, 2, 3].map(() => shop.doSomething(people, done)));
  // Whatever chance had the others do, every partition has something to tell.
  for (let p = 0; p < shop.keys.partitions; p++) {
    let who = shop.person();
    while (shop.keys.partitionOf(who.shopperId) !== p) who = shop.person();
    expect(await shop.claim(who, 'kettle')).not.toBeNull();
  }
  // Claims that arrive together are one entry of the ledger.
  await Promise.all(Array.from({ length: 12 }, () => shop.claim(shop.person(), 'pan')));
}

const sealedOf = (keys: Keyspace, dataDir: string) => readSealed({ redis: rig.redis, keys, dataDir, balancesBy });
const subjectsOf = async (keys: Keyspace, dataDir: string) =>
  (await sealedOf(keys, dataDir)).part.differences.map(({ subject }) => subject);

/** The whole reconciliation through what was sealed. */
async function reconciled({ keys }: Shop, dataDir: string) {
  const { part: sealed, follow } = await sealedOf(keys, dataDir);
  const stock = createDealLaws({ redis: rig.redis, keys, follow });
  const through = { redis: rig.redis, keys, stock, others: [], follow, sealed };
  const { lines, parts } = await createReconciliation(through).run();
  return {
    lines,
    found: parts.flatMap(({ name, differences }) => differences.map(({ subject }) => `${name} ${subject}`)),
  };
}

const linesIn = async (keys: Keyspace, p: number) =>
  (await rig.redis.xrange(keys.partition(p).ledger, '-', '+')).flatMap(([id, flat]) => linesOf(id, flat));
const filesOf = (keys: Keyspace, dataDir: string, p = 0) => {
  const dir = segmentFolder({ dataDir, festival: keys.festival, p });
  return (existsSync(dir) ? readdirSync(dir).toSorted() : []).map((name) => join(dir, name));
};
function rewrite(file: string, change: (text: string) => string): void {
  const before = gunzipSync(readFileSync(file)).toString();
  const after = change(before);
  expect(after).not.toBe(before);
  writeFileSync(file, gzipSync(after));
}

/** A shop whose ledgers are sealed in three segments each, with a tail. */
async function sealedShop(partitions = 1) {
  const shop = await busyShop(partitions);
  const dataDir = folder();
  for (let round = 0; round < 3; round++) {
    await sealerOf(shop.keys, dataDir, { ...small, segmentsPerRound: partitions }).seal();
    // The node that sealed is gone: the next one need not wait for its lease.
    for (let p = 0; p < partitions; p++) await rig.redis.del(shop.keys.partition(p).sealerLease);
    await moreDeeds(shop);
  }
  const files = filesOf(shop.keys, dataDir);
  expect(files).toHaveLength(3);
  return { shop, dataDir, files, keys: shop.keys };
}

describe('what is sealed', () => {
  test('is every line of three partitions once, as Redis had it, tied by hashes that anybody can work out', async () => {
    const { shop, dataDir, keys } = await sealedShop(3);
    let sealedLines = 0;
    for (let p = 0; p < 3; p++) {
      const head = await readHead(rig.redis, keys.partition(p).sealed);
      const raw: string[] = [];
      let previous = '';
      for (const file of filesOf(keys, dataDir, p)) {
        const text = gunzipSync(readFileSync(file));
        const rows = text.toString().trimEnd().split('\n');
        expect(JSON.parse(rows[0] ?? '')).toMatchObject({ previous, partition: p, entries: rows.length - 2 });
        raw.push(...rows.slice(1, -1));
        previous = createHash('sha256').update(`${previous}\n`).update(text).digest('hex');
      }
      expect(head).toMatchObject({ number: 3, hash: previous, entries: raw.length });
      const inRedis = await rig.redis.xrange(keys.partition(p).ledger, '-', head?.last ?? '');
      expect(raw).toEqual(inRedis.map(([id, flat]) => JSON.stringify([id, ...flat])));
      sealedLines += head?.lines ?? 0;
    }
    // Claims that were decided together are one entry and several lines.
    const entries = (await sealedOf(keys, dataDir)).heads.reduce((sum, head) => sum + (head?.entries ?? 0), 0);
    expect(sealedLines).toBeGreaterThan(entries);
    expect((await sealedOf(keys, dataDir)).part).toMatchObject({ compared: 9, differences: [] });

    const whole = await reconciled(shop, dataDir);
    expect(whole.found).toEqual([]);
    const all = await Promise.all([0, 1, 2].map((p) => linesIn(keys, p)));
    expect(whole.lines).toBe(all.flat().length);
    expect(whole.lines).toBeGreaterThan(sealedLines);
  });

  test('ends with the balances that Redis had there', async () => {
    const shop = await busyShop(1);
    const dataDir = folder();
    await sealerOf(shop.keys, dataDir).seal();
    const k = shop.keys.partition(0);
    const [file = ''] = filesOf(shop.keys, dataDir);
    const last = gunzipSync(readFileSync(file)).toString().trimEnd().split('\n').at(-1) ?? '';
    const { balances } = JSON.parse(last) as {
      balances: {
        money: Record<string, { minor: string; at: string }>;
        stock: {
          slices: Record<string, Record<string, unknown>>;
          homes: Record<string, { total: number; free: number }>;
        };
      };
    };
    const accounts = Object.entries(balances.money).flatMap(([name, { minor, at }]) => [
      [name, minor],
      [`${name}@at`, at],
    ]);
    expect(accounts.length).toBeGreaterThan(6);
    expect(Object.fromEntries(accounts)).toEqual(await rig.redis.hgetall(k.accounts));
    const slice = balances.stock.slices['deal:pan'] ?? {};
    const kept = await rig.redis.hgetall(k.slice('deal:pan'));
    expect(slice).toEqual(
      Object.fromEntries(
        ['free', 'held', 'sold', 'g', 'r', 'o'].map((f) => [f, Number(kept[f])]).concat([['at', kept['at'] ?? '']]),
      ),
    );
    expect(balances.stock.homes['deal:pan']).toMatchObject({
      total: 30,
      free: Number(await rig.redis.hget(k.pool('deal:pan'), 'free')),
    });
  });

  test('keeps a safe distance, and waits for many lines or for long', async () => {
    const shop = await busyShop(1);
    const dataDir = folder();
    const head = () => readHead(rig.redis, shop.keys.partition(0).sealed);
    const entries = await rig.redis.xlen(shop.keys.partition(0).ledger);
    await sealerOf(shop.keys, dataDir, { laterMs: 0, entriesMin: 1 }).seal();
    await sealerOf(shop.keys, dataDir, { laterMs: sealingLimits.safeMs + 1_000, entriesMin: entries + 1 }).seal();
    expect(await head()).toBeNull();
    expect(filesOf(shop.keys, dataDir)).toEqual([]);
    await sealerOf(shop.keys, dataDir, { laterMs: sealingLimits.safeMs + 5_000, entriesMin: entries }).seal();
    expect(await head()).toMatchObject({ number: 1, entries });
  });

  test('is nothing of a ledger that is empty', async () => {
    const keys = createKeyspace({ festival: `t${random.token(6)}`, partitions: 3 });
    const dataDir = folder();
    await sealerOf(keys, dataDir).seal();
    expect(readdirSync(dataDir)).toEqual([]);
    const { part, heads, follow } = await sealedOf(keys, dataDir);
    expect(part).toMatchObject({ compared: 0, differences: [] });
    expect(heads).toEqual([null, null, null]);
    const follower = follow(2);
    expect(await follower.catchUp()).toEqual([]);
    expect(follower.caughtUp()).toBe(true);
  });
});

describe('whoever dies or is not alone', () => {
  test('a node that dies between the file and the head leaves a file beside the chain, and no line is lost or told twice', async () => {
    const shop = await busyShop(1);
    const dataDir = folder();
    const dying = await rig.another();
    dying.evalsha = () => Promise.reject(new Error('Connection is closed.'));
    await expect(sealerOf(shop.keys, dataDir, { redis: dying }).seal()).rejects.toThrow();
    expect(filesOf(shop.keys, dataDir)).toHaveLength(1);
    expect(await readHead(rig.redis, shop.keys.partition(0).sealed)).toBeNull();
    expect(await reconciled(shop, dataDir)).toMatchObject({ found: [] });

    // What came meanwhile goes into the segment that takes its place.
    await rig.redis.del(shop.keys.partition(0).sealerLease);
    await moreDeeds(shop);
    await sealerOf(shop.keys, dataDir).seal();
    expect(filesOf(shop.keys, dataDir)).toHaveLength(2);
    expect((await sealedOf(shop.keys, dataDir)).part).toMatchObject({
      compared: 1,
      what: expect.stringContaining('1 files beside them'),
      differences: [],
    });
    expect(await reconciled(shop, dataDir)).toEqual({ found: [], lines: (await linesIn(shop.keys, 0)).length });
  });

  test('one that had already written the very same segment takes it as it is', async () => {
    const shop = await busyShop(1);
    const dataDir = folder();
    const dying = await rig.another();
    dying.evalsha = () => Promise.reject(new Error('Connection is closed.'));
    await expect(sealerOf(shop.keys, dataDir, { redis: dying }).seal()).rejects.toThrow();
    const [file = ''] = filesOf(shop.keys, dataDir);
    const before = readFileSync(file);
    await rig.redis.del(shop.keys.partition(0).sealerLease);
    await sealerOf(shop.keys, dataDir).seal();
    expect(filesOf(shop.keys, dataDir)).toEqual([file]);
    expect(readFileSync(file)).toEqual(before);
    expect((await sealedOf(shop.keys, dataDir)).part).toMatchObject({ compared: 1, differences: [] });
  });

  test('two that seal at once never fork the chain, also when the lease of one outlived its pause', async () => {
    const shop = await busyShop(1);
    const dataDir = folder();
    // Another lease each: as if each took the other for dead. They cut their segments at different lengths.
    const unleased = (name: string): Keyspace => ({
      ...shop.keys,
      partition: (p) => ({ ...shop.keys.partition(p), sealerLease: `${shop.keys.partition(p).sealerLease}:${name}` }),
    });
    for (let round = 0; round < 6; round++) {
      await Promise.all([
        sealerOf(unleased(`a${round}`), dataDir, small).seal(),
        sealerOf(unleased(`b${round}`), dataDir, { ...small, laterMs: sealingLimits.waitMs + 900 }).seal(),
        moreDeeds(shop, 8),
      ]);
    }
    await sealerOf(unleased('last'), dataDir, { segmentsPerRound: 50 }).seal();
    const { part, heads } = await sealedOf(shop.keys, dataDir);
    expect(part.differences).toEqual([]);
    expect(heads[0]).toMatchObject({ entries: await rig.redis.xlen(shop.keys.partition(0).ledger) });
    expect(await reconciled(shop, dataDir)).toEqual({ found: [], lines: (await linesIn(shop.keys, 0)).length });
  });

  test('of two with leases, one seals and the other leaves it alone', async () => {
    const shop = await busyShop(1);
    const dataDir = folder();
    const one = sealerOf(shop.keys, dataDir, small);
    const other = sealerOf(shop.keys, dataDir, small);
    await one.seal();
    await moreDeeds(shop);
    await other.seal();
    expect(other.said).toEqual([]);
    await one.seal();
    expect(one.said).toHaveLength(2);
  });

  test('a node without the earlier segments leaves it to the one that has them, and goes on from the head when that one is gone', async () => {
    const shop = await busyShop(1);
    const [here, there] = [folder(), folder()];
    const { sealerLease, sealed } = shop.keys.partition(0);
    await sealerOf(shop.keys, here).seal();
    await rig.redis.del(sealerLease);
    await moreDeeds(shop);
    const other = sealerOf(shop.keys, there);
    await other.seal();
    expect(filesOf(shop.keys, there)).toEqual([]);
    const later = sealerOf(shop.keys, there, { laterMs: sealingLimits.takeOverMs + 60_000 });
    await later.seal();
    expect(later.said[0]).toMatchObject({ partition: 0, segment: 1 });
    expect(await readHead(rig.redis, sealed)).toMatchObject({ number: 2 });
    expect(await subjectsOf(shop.keys, there)).toEqual([
      expect.stringMatching(/^segment 1 of partition 0 in .*elevens-sealed-/),
    ]);
    // What is not on this disk is read from Redis, so everything else can still be counted.
    expect((await reconciled(shop, there)).found).toHaveLength(1);
    // The files of both in one folder are one chain.
    for (const file of filesOf(shop.keys, here)) copyFileSync(file, file.replace(here, there));
    expect((await reconciled(shop, there)).found).toEqual([]);
  });
});

describe('what another hand does to it is found, and named', () => {
  test('a line that was changed, and one that was left out', async () => {
    const { keys, dataDir, files, shop } = await sealedShop();
    rewrite(files[1] ?? '', (text) => text.replace(/"claimed"|"claims"/, '"gifted"'));
    expect(await subjectsOf(keys, dataDir)).toEqual([
      expect.stringMatching(
        /^segment 2 of partition 0, 000002-.*, is as it was sealed \(its SHA-256 is [0-9a-f]{64}, and [0-9a-f]{64} was sealed\)$/,
      ),
    ]);
    // Its lines are taken from Redis, so that nothing else is accused.
    expect((await reconciled(shop, dataDir)).found).toHaveLength(1);
    rewrite(files[2] ?? '', (text) => text.split('\n').toSpliced(3, 1).join('\n'));
    expect((await subjectsOf(keys, dataDir)).map((subject) => subject.slice(0, 24))).toEqual([
      'segment 2 of partition 0',
      'segment 3 of partition 0',
    ]);
  });

  test('lines that changed places, balances that were written up, and a file that is no file of ours', async () => {
    for (const change of [
      (text: string) => {
        const rows = text.split('\n');
        return [rows[0], rows[2], rows[1], ...rows.slice(3)].join('\n');
      },
      (text: string) => text.replace('"deal:kettle":{"free":', '"deal:kettle":{"free":9'),
      () => 'a file\n',
    ]) {
      const { keys, dataDir, files } = await sealedShop();
      rewrite(files[2] ?? '', change);
      expect(await subjectsOf(keys, dataDir)).toEqual([
        expect.stringMatching(/^segment 3 of partition 0, .* is as it was sealed/),
      ]);
    }
    const { keys, dataDir, files } = await sealedShop();
    writeFileSync(files[0] ?? '', 'not even zipped');
    expect(await subjectsOf(keys, dataDir)).toEqual([
      expect.stringMatching(/^segment 1 of partition 0, .* is as it was sealed/),
    ]);
  });

  test('a segment that is missing, at the end, in the middle and at the beginning', async () => {
    for (const i of [2, 1, 0]) {
      const { keys, dataDir, files, shop } = await sealedShop();
      rmSync(files[i] ?? '');
      expect(await subjectsOf(keys, dataDir)).toEqual([expect.stringContaining(`segment ${i + 1} of partition 0 in `)]);
      expect((await reconciled(shop, dataDir)).found).toHaveLength(1);
    }
  });

  test('segments that changed places', async () => {
    const { keys, dataDir, files } = await sealedShop();
    const [one = '', two = ''] = files;
    renameSync(one, `${one}.kept`);
    renameSync(two, one);
    renameSync(`${one}.kept`, two);
    expect(await subjectsOf(keys, dataDir)).toEqual([
      expect.stringMatching(/^segment 1 of partition 0, .*it says of itself that it is segment 2/),
      expect.stringMatching(/^segment 2 of partition 0, .*it says of itself that it is segment 1/),
    ]);
  });

  test('a segment of another partition in the place of one', async () => {
    const { keys, dataDir, files } = await sealedShop(2);
    const [other = ''] = filesOf(keys, dataDir, 1);
    copyFileSync(other, files[0] ?? '');
    expect(await subjectsOf(keys, dataDir)).toEqual([
      expect.stringMatching(/^segment 1 of partition 0, .*it says of itself that it is segment 1 of partition 1/),
    ]);
  });

  test('a line that was taken out of the sealed part of Redis', async () => {
    const { keys, dataDir } = await sealedShop();
    const { ledger } = keys.partition(0);
    const [, second] = await rig.redis.xrange(ledger, '-', '+', 'COUNT', 2);
    await rig.redis.xdel(ledger, second?.[0] ?? '');
    expect(await subjectsOf(keys, dataDir)).toEqual([
      `segment 1 of partition 0: line ${second?.[0]} is in Redis as well`,
    ]);
  });

  test('a line of Redis that was changed, and one that was put in', async () => {
    const { keys, dataDir } = await sealedShop();
    const { ledger } = keys.partition(0);
    const entries = await rig.redis.xrange(ledger, '-', '+');
    const changed = entries[1]?.[0] ?? '';
    const msOf = (at: number) => entries[at]?.[0].split('-')[0];
    const before = entries.findIndex((_, at) => at > 1 && msOf(at) !== msOf(at + 1));
    const put = `${msOf(before)}-1000000`;
    await rig.redis.del(ledger);
    for (const [at, [id, flat]] of entries.entries()) {
      await rig.redis.xadd(ledger, id, ...flat, ...(id === changed ? ['more', '1'] : []));
      if (at === before) await rig.redis.xadd(ledger, put, 'e', 'energy-credited');
    }
    expect(await subjectsOf(keys, dataDir)).toEqual([
      `segment 1 of partition 0: line ${changed} is the same in Redis`,
      `segment 1 of partition 0: line ${put}, which Redis has, is in it`,
    ]);
  });

  test('a head in Redis that is not the last segment’s', async () => {
    const { keys, dataDir } = await sealedShop();
    await rig.redis.hset(keys.partition(0).sealed, 'hash', 'ab'.repeat(32));
    expect(await subjectsOf(keys, dataDir)).toEqual([expect.stringMatching(/^segment 3 of partition 0, .*was sealed/)]);
  });

  test('a chain that was written anew from its first line: by a head that was told before', async () => {
    const { keys, dataDir, shop } = await sealedShop();
    const { sealed, ledger, sealerLease } = keys.partition(0);
    const told = (await readHead(rig.redis, sealed))?.hash ?? '';
    expect((await sealedOf(keys, dataDir)).segmentWith(told)).toBe('segment 3 of partition 0');
    // Another hand leaves an entry out, sums up what is left and seals all of it again.
    const entries = await rig.redis.xrange(ledger, '-', '+');
    await rig.redis.del(ledger, sealed, sealerLease);
    for (const [id, flat] of entries.toSpliced(5, 1)) await rig.redis.xadd(ledger, id, ...flat);
    rmSync(join(dataDir, 'ledger'), { recursive: true });
    await sealerOf(keys, dataDir).seal();
    const anew = await sealedOf(keys, dataDir);
    expect(anew.part.differences).toEqual([]);
    expect(anew.segmentWith(told)).toBeNull();
    expect((await reconciled(shop, dataDir)).found.length).toBeGreaterThan(0);
  });
});
