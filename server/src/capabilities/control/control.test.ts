import { pointSchema, wallSchema } from '@elevens/shared/src/control/contract.ts';
import type { DealRecord } from '@elevens/shared/src/deals/records.ts';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Caller } from '../../platform/caller.ts';
import { createClock } from '../../platform/clock.ts';
import type { FeedRegistry } from '../../platform/feeds.ts';
import type { LawReading } from '../../platform/laws.ts';
import { createMetrics } from '../../platform/metrics.ts';
import type { NodeFacts } from '../../platform/node-facts.ts';
import { createSeededRandom } from '../../platform/random.ts';
import { createKeyspace, type Keyspace } from '../../platform/redis/keyspace.ts';
import { startTestRedis, type TestRedis } from '../../platform/redis/test-redis.ts';
import { createRelay } from '../../platform/relay.ts';
import type { Catalogue } from '../catalogue/index.ts';
import { createDeals } from '../deals/index.ts';
import { createControl } from './index.ts';

const silent = { debug() {}, info() {}, warn() {}, error() {} };
const whole: LawReading = { counting: false, checked: 3, sum: 'all of 3', evidence: [] };
const deal = (id: string): DealRecord => ({
  id,
  productId: 'kettle',
  when: '+0s for 1h',
  priceMinor: 19_900,
  total: 5,
  limitPerShopper: 2,
  hold: '10m',
});
const kettle = deal('kettle');

let server: TestRedis;
let redis: Redis;
let keys: Keyspace;
let festivals = 0;
let requests = 0;
const real = createClock();
/** How far the time of this file's nodes has been put forward. */
let aheadMs = 0;
const clock = { ...real, nowMs: () => real.nowMs() + aheadMs };

beforeAll(async () => {
  server = await startTestRedis();
  redis = new Redis(server.options);
});
afterAll(async () => {
  redis.disconnect();
  await server.close();
});
const open = (partitions: number) => {
  keys = createKeyspace({ festival: `control-${festivals++}`, partitions });
};
beforeEach(() => {
  open(1);
  aheadMs = 0;
});

const facts = (own: Partial<NodeFacts> = {}): NodeFacts => ({
  sockets: 0,
  bySurface: {},
  crowd: 0,
  loopLagMs: 1.5,
  cpuShare: 0.2,
  queueBytes: 0,
  draining: false,
  ...own,
});

/** A node with a control room and real deals. Its other laws and its own facts are set by the test. */
async function startNode(nodeName: string, sold: readonly DealRecord[] = [kettle]) {
  const firstStartMs = real.nowMs() - 1_000;
  const given = {
    facts: facts(),
    packets: async (): Promise<LawReading | { subject: string; expected: number; found: number }[]> => whole,
    energy: async (): Promise<LawReading> => whole,
    money: async (): Promise<{ money: LawReading; coupons: LawReading }> => ({ money: whole, coupons: whole }),
    said: { people: 0, crowd: 0 },
  };
  const errors: { facts: object; message: string }[] = [];
  const catalogue = {
    festival: () => ({ id: keys.festival, title: 'Test', places: [], currency: 'CNY', firstStartMs }),
    all: (kind: string) => (kind === 'deals' ? sold : []),
    get: (kind: string, id: string) =>
      kind === 'deals'
        ? sold.find((record) => record.id === id)
        : { id: 'kettle', name: 'Iron kettle', brandId: 'b', listMinor: 1 },
    version: () => 1,
  } as unknown as Catalogue;
  const states = new Map<string, Parameters<FeedRegistry['state']>[1]>();
  const feeds: FeedRegistry = { state: (name, source) => void states.set(name, source), log() {} };
  const needs = { redis, keys, clock, random: createSeededRandom(nodeName), feeds, catalogue };
  const deals = createDeals({
    metrics: createMetrics(),
    ...needs,
    logger: silent,
    clock: real,
    relay: createRelay({ redis, logger: silent }),
  });
  await deals.stage();
  const stoppedCoupons: string[] = [];
  const control = createControl({
    ...needs,
    logger: { ...silent, error: (about, message) => errors.push({ facts: about, message }) },
    deals,
    money: {
      checkLaws: () => given.money(),
      async stopCoupon(couponId, _why, { stop = true } = {}) {
        stoppedCoupons.push(stop ? couponId : `${couponId} goes on`);
        return true;
      },
    },
    redpackets: { checkPackets: () => given.packets() },
    energy: { checkEnergy: () => given.energy() },
    live: { saidTotals: async () => given.said },
    nodeName,
    nodeFacts: async () => given.facts,
    durability: 'fsync',
  });
  return {
    given,
    errors,
    stoppedCoupons,
    look: control.look,
    leave: control.leave,
    checkLaws: control.checkLaws,
    resume: () =>
      deals.handlers.pause(
        callerOf('u_ada', false),
        { requestId: `request-${requests}`, dealId: 'kettle', paused: false, reason: 'a person has looked' },
        { requestId: `request-${requests++}`, command: 'deals:pause', inputHash: 'same' },
      ),
    async history() {
      const answer = await control.handlers.history(callerOf('u_ada', false), {}, noAnswer);
      if (!answer.ok) throw new Error('history is never refused');
      return answer.reply.points;
    },
    /** What operators see next, once the laws have been counted. */
    async wall() {
      await control.look();
      await control.checkLaws();
      aheadMs += 1_000;
      await control.look();
      return wallSchema.parse((await states.get('control:wall')?.read(['all']))?.[0]);
    },
    claim: (shopper: string, { simulated = false, dealId = 'kettle' } = {}) =>
      deals.handlers.claim(
        callerOf(`s_${shopper.padEnd(22, 'x')}`, simulated),
        { requestId: `request-${requests}`, lines: [{ dealId, quantity: 1 }] },
        { requestId: `request-${requests++}`, command: 'deals:claim', inputHash: 'same' },
      ),
  };
}

const noAnswer = { requestId: '', command: '', inputHash: '' };
const callerOf = (shopperId: string, simulated: boolean): Caller => ({
  person: { shopperId, displayName: 'x', locale: 'en', roles: ['shopper'], brandId: null, simulated },
  arrivedAtMs: real.nowMs(),
  traceId: 't',
  socket: null,
});
const stateOf = (wall: { laws: { law: string; state: string }[] }, law: string) =>
  wall.laws.find((found) => found.law === law)?.state;

describe('the figures of all nodes together', () => {
  test('people are added up over the nodes by surface, and the demo crowd stands apart', async () => {
    const one = await startNode('one');
    const two = await startNode('two');
    one.given.facts = facts({ bySurface: { storefront: 3, 'control-room': 1 }, crowd: 7, sockets: 11 });
    two.given.facts = facts({ bySurface: { storefront: 2 }, crowd: 5, sockets: 7 });
    await one.look();
    await two.look();
    const wall = await one.wall();
    expect(wall.people).toEqual({ total: 6, bySurface: { storefront: 5, 'control-room': 1 } });
    expect(wall.crowd.here).toBe(12);
    expect(wall.nodes.map(({ node, sockets }) => ({ node, sockets }))).toEqual([
      { node: 'one', sockets: 11 },
      { node: 'two', sockets: 7 },
    ]);
  });

  test('a node that has been silent for five seconds is not counted, and after a minute its line is gone', async () => {
    const one = await startNode('one');
    const two = await startNode('two');
    two.given.facts = facts({ bySurface: { storefront: 9 } });
    await one.look();
    await two.look();
    expect((await one.wall()).people.total).toBe(9);
    aheadMs += 5_000;
    const wall = await one.wall();
    expect(wall.people.total).toBe(0);
    expect(wall.nodes.map(({ node }) => node)).toEqual(['one']);
    expect(await redis.hexists(keys.desk.nodes, 'two')).toBe(1);
    aheadMs += 60_000;
    await one.wall();
    expect(await redis.hexists(keys.desk.nodes, 'two')).toBe(0);
  });

  test('a node that leaves is off the wall at once and another one makes it', async () => {
    const one = await startNode('one');
    const two = await startNode('two');
    one.given.facts = facts({ bySurface: { storefront: 4 } });
    await one.look();
    await one.leave();
    const wall = await two.wall();
    expect(wall.nodes.map(({ node }) => node)).toEqual(['two']);
    expect(wall.people.total).toBe(0);
  });

  test('claims of simulated shoppers are never counted as those of people', async () => {
    const node = await startNode('one');
    expect((await node.claim('ada')).ok).toBe(true);
    expect((await node.claim('crowd1', { simulated: true })).ok).toBe(true);
    expect((await node.claim('crowd2', { simulated: true })).ok).toBe(true);
    node.given.said = { people: 4, crowd: 31 };
    const wall = await node.wall();
    expect(wall.totals).toMatchObject({ claims: 1, holds: 1, units: 1, heldMinor: 19_900, messages: 4 });
    expect(wall.crowd).toMatchObject({ claims: 2, holds: 2, messages: 31 });
    // Stock is one: units that the crowd holds are not free for people either.
    expect(wall.deals).toMatchObject([{ dealId: 'kettle', title: 'Iron kettle', total: 5, free: 2, held: 3 }]);
  });

  test('rates are over the last ten seconds, whichever node made the figures before', async () => {
    const one = await startNode('one');
    const two = await startNode('two');
    await one.look();
    for (const shopper of ['ada', 'bo', 'cy']) expect((await one.claim(shopper)).ok).toBe(true);
    expect((await one.claim('crowd', { simulated: true })).ok).toBe(true);
    await one.leave();
    aheadMs += 5_000;
    await two.look();
    aheadMs += 3_500;
    const { rates, crowd } = await two.wall();
    // Three claims in the nine and a half seconds since the first figures.
    expect(rates.claims).toBe(0.3);
    expect(rates.holds).toBe(rates.claims);
    expect(crowd.claimsPerSecond).toBe(0.1);
    aheadMs += 20_000;
    expect((await two.wall()).rates.claims).toBe(0);
    const points = await one.history();
    for (const point of points) pointSchema.parse(point);
    expect(points.map((point) => point.claims).filter((claims) => claims > 0)).toEqual([0.6]);
  });

  test('figures that were made earlier never replace later ones', async () => {
    const node = await startNode('one');
    const later = await node.wall();
    aheadMs -= 8_000;
    const wall = await node.wall();
    expect(wall.atMs).toBe(later.atMs);
    expect(wall.version).toBe(later.version);
    expect(await node.history()).toHaveLength(2);
  });

  test('after the time of Redis was set back the wall goes on from there', async () => {
    const node = await startNode('one');
    const later = await node.wall();
    aheadMs -= 3_600_000;
    expect((await node.claim('ada')).ok).toBe(true);
    const wall = await node.wall();
    expect(wall.atMs).toBeLessThan(later.atMs);
    expect(wall.version).toBeGreaterThan(later.version);
    expect(wall.totals.claims).toBe(1);
  });

  test('Redis is shown with what it was asked to keep', async () => {
    const node = await startNode('one');
    const [shown] = (await node.wall()).redis;
    expect(shown).toMatchObject({ ok: true, aof: 'ok', durability: 'fsync' });
    expect(shown?.usedBytes).toBeGreaterThan(100_000);
  });
});

describe('the conservation laws', () => {
  test('a festival in which everything adds up has six whole laws', async () => {
    const node = await startNode('one');
    await node.claim('ada');
    const wall = await node.wall();
    expect(wall.laws.map(({ law, state }) => `${law} ${state}`)).toEqual([
      'stock whole',
      'holds whole',
      'money whole',
      'coupons whole',
      'packets whole',
      'energy whole',
    ]);
  });

  test('a unit that is written by hand turns the stock law adrift at the next count, and mending it turns it back', async () => {
    const node = await startNode('one');
    await node.claim('ada');
    expect(stateOf(await node.wall(), 'stock')).toBe('whole');

    await redis.hincrby(keys.partition(0).deal('kettle'), 'free', 1);
    const broken = await node.wall();
    const law = broken.laws.find(({ law }) => law === 'stock');
    expect(law?.state).toBe('adrift');
    expect(law?.sum).toBe('free 5 + held 1 + sold 0 = 6; the ledger says 5');
    expect(law?.evidence.map(({ subject, expected, found }) => ({ subject, expected, found }))).toContainEqual({
      subject: 'kettle: free',
      expected: 4,
      found: 5,
    });
    expect(stateOf(broken, 'holds')).toBe('whole');

    await redis.hincrby(keys.partition(0).deal('kettle'), 'free', -1);
    const mended = await node.wall();
    expect(stateOf(mended, 'stock')).toBe('whole');
    expect(mended.laws.find(({ law }) => law === 'stock')?.evidence).toEqual([]);
  });

  test('a count that is given up is waited for, and not begun a second time beside itself', async () => {
    const node = await startNode('one');
    const begun: ((reading: LawReading) => void)[] = [];
    node.given.packets = () => new Promise<LawReading>((resolve) => void begun.push(resolve));
    const given: (() => void)[] = [];
    const spy = vi.spyOn(globalThis, 'setTimeout').mockImplementation(((ring: () => void) => {
      given.push(ring);
      return 0;
    }) as unknown as typeof setTimeout);
    try {
      const first = node.checkLaws();
      while (begun.length === 0) await new Promise((resolve) => setImmediate(resolve));
      for (const ring of given.splice(0)) ring();
      await first;
      const second = node.checkLaws();
      while (given.length === 0) await new Promise((resolve) => setImmediate(resolve));
      expect(begun).toHaveLength(1);
      for (const settle of begun) settle(whole);
      node.given.packets = async () => whole;
      await second;
    } finally {
      spy.mockRestore();
    }
    expect(stateOf(await node.wall(), 'packets')).toBe('whole');
  });

  test('evidence says since when it is so, whichever node counts, and the log says it once', async () => {
    const one = await startNode('one');
    const two = await startNode('two');
    await redis.hincrby(keys.partition(0).deal('kettle'), 'free', 1);
    const first = await one.wall();
    await one.leave();
    aheadMs += 5_000;
    const second = await two.wall();
    const evidenceOf = (wall: typeof first) => wall.laws.find(({ law }) => law === 'stock')?.evidence;
    expect(evidenceOf(second)).toEqual(evidenceOf(first));
    const told = [...one.errors, ...two.errors].map(({ message }) => message);
    expect(told).toEqual(['a conservation law does not hold', 'the kill switch stopped what a broken law is about']);
    expect(one.errors[0]?.message).toBe('a conservation law does not hold');
    expect(one.errors[0]?.facts).toMatchObject({ law: 'stock', evidence: evidenceOf(first) });
  });

  test('pairs that should be equal are a law too: whole when they are, counting while there are none', async () => {
    const node = await startNode('one');
    await redis.zadd(keys.partition(0).drops, 1, 'rain~1');
    node.given.packets = async () => [];
    expect(stateOf(await node.wall(), 'packets')).toBe('counting');
    node.given.packets = async () => [
      { subject: 'rain~1 packets opened', expected: 3, found: 3 },
      { subject: 'rain~1 money opened', expected: 900, found: 900 },
    ];
    expect(stateOf(await node.wall(), 'packets')).toBe('whole');
    node.given.packets = async () => [{ subject: 'rain~1 money opened', expected: 900, found: 901 }];
    expect(stateOf(await node.wall(), 'packets')).toBe('adrift');
  });

  test('a festival without any sealed drop has nothing of packets to count, and that is whole', async () => {
    const node = await startNode('one');
    node.given.packets = async () => [];
    expect(stateOf(await node.wall(), 'packets')).toBe('whole');
  });

  test('a count that has not come to its end does not take back what was found before', async () => {
    const node = await startNode('one');
    node.given.energy = async () => ({ ...whole, evidence: [{ subject: 'ada', expected: 10, found: 11 }] });
    expect(stateOf(await node.wall(), 'energy')).toBe('adrift');
    node.given.energy = async () => ({ counting: true, checked: 0, sum: '', evidence: [] });
    expect(stateOf(await node.wall(), 'energy')).toBe('adrift');
    node.given.energy = async () => whole;
    expect(stateOf(await node.wall(), 'energy')).toBe('whole');
  });

  test('a law that could not be counted for ten seconds is unknown, and the others go on', async () => {
    const node = await startNode('one');
    expect(stateOf(await node.wall(), 'energy')).toBe('whole');
    node.given.energy = () => Promise.reject(new Error('a key of another type'));
    expect(stateOf(await node.wall(), 'energy')).toBe('whole');
    aheadMs += 10_000;
    const wall = await node.wall();
    expect(stateOf(wall, 'energy')).toBe('unknown');
    expect(stateOf(wall, 'stock')).toBe('whole');
  });
});

describe('the kill switch', () => {
  const stockOf = (wall: { laws: { law: string }[] }) => wall.laws.find(({ law }) => law === 'stock');
  const told = (node: { errors: { facts: object; message: string }[] }) =>
    node.errors.filter(({ message }) => message.startsWith('the kill switch stopped'));

  test('pauses the deal of a broken law by itself, in every partition, and sells all others; it is told once', async () => {
    open(3);
    const node = await startNode('one', [kettle, deal('pan')]);
    await node.checkLaws();
    await redis.hincrby(keys.partition(1).deal('kettle'), 'free', 1);
    await node.checkLaws();
    // One count is not enough: it might have fallen between two steps of something under way.
    expect((await node.claim('ada')).ok).toBe(true);
    await node.checkLaws();
    const wall = await node.wall();
    expect(stockOf(wall)).toMatchObject({ state: 'adrift', acts: [{ kind: 'deal', id: 'kettle' }] });
    for (const shopper of ['bo', 'cy', 'di', 'ed']) {
      expect(await node.claim(shopper)).toMatchObject({ ok: false, why: 'paused', dealId: 'kettle' });
      expect((await node.claim(shopper, { dealId: 'pan' })).ok).toBe(true);
    }
    await node.checkLaws();
    await node.checkLaws();
    expect(told(node).map(({ facts }) => facts)).toMatchObject([{ law: 'stock', stopped: 'deal', id: 'kettle' }]);
    const lines = await redis.xrange(keys.partition(keys.homeOf('deal:kettle')).ledger, '-', '+');
    const paused = lines.filter(([, fields]) => fields.includes('deal-paused')).map(([, fields]) => fields.join(' '));
    expect(paused).toHaveLength(1);
    expect(paused[0]).toMatch(/who kill-switch why stock: kettle: free \+ held \+ sold \(partition 1\)/);
  });

  test('whoever resumes a deal while it is off is not overruled; once mended and off again it is paused again', async () => {
    const node = await startNode('one');
    await node.checkLaws();
    const off = (units: number) => redis.hincrby(keys.partition(0).deal('kettle'), 'free', units);
    await off(1);
    for (let count = 0; count < 3; count++) await node.checkLaws();
    expect((await node.claim('ada')).ok).toBe(false);
    await node.resume();
    for (let count = 0; count < 3; count++) await node.checkLaws();
    expect((await node.claim('ada')).ok).toBe(true);
    await off(-1);
    await node.checkLaws();
    expect(stockOf(await node.wall())).toMatchObject({ state: 'whole', acts: [] });
    await off(2);
    for (let count = 0; count < 2; count++) await node.checkLaws();
    expect((await node.claim('bo')).ok).toBe(false);
    expect(told(node)).toHaveLength(2);
  });

  test('acts upon what two counts in a row show, and upon nothing that was gone in between or is still being counted', async () => {
    const node = await startNode('one');
    const about = { kind: 'coupon' as const, id: 'evening' };
    const off: LawReading = { ...whole, evidence: [{ subject: 'coupon evening: held', expected: 1, found: 2, about }] };
    const counting: LawReading = { counting: true, checked: 0, sum: '', evidence: [] };
    for (const coupons of [off, whole, off, counting, off]) {
      node.given.money = async () => ({ money: whole, coupons });
      await node.checkLaws();
      expect(node.stoppedCoupons).toEqual([]);
    }
    await node.checkLaws();
    expect(node.stoppedCoupons).toEqual(['evening']);
    await node.checkLaws();
    expect(node.stoppedCoupons).toEqual(['evening']);
    // Mended, it goes on by itself, and not at the first count that happens to find nothing.
    node.given.money = async () => ({ money: whole, coupons: whole });
    await node.checkLaws();
    expect(node.stoppedCoupons).toEqual(['evening']);
    await node.checkLaws();
    await node.checkLaws();
    expect(node.stoppedCoupons).toEqual(['evening', 'evening goes on']);
  });

  test('a broken law of money names its order and stops nothing', async () => {
    const node = await startNode('one');
    const about = { kind: 'order' as const, id: 'o0.abc' };
    const off = {
      ...whole,
      evidence: [{ subject: 'o0.abc: in escrow', expected: 1, found: 2, minor: true as const, about }],
    };
    node.given.money = async () => ({ money: off, coupons: whole });
    await node.checkLaws();
    await node.checkLaws();
    const wall = await node.wall();
    expect(wall.laws.find(({ law }) => law === 'money')).toMatchObject({
      state: 'adrift',
      evidence: [{ about }],
      acts: [],
    });
    expect(told(node)).toEqual([]);
    expect((await node.claim('ada')).ok).toBe(true);
  });
});
