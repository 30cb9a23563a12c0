import type { Hold } from '@elevens/shared/src/deals/contract.ts';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createClock, disciplineClock } from '../../platform/clock.ts';
import { createLogger } from '../../platform/logger.ts';
import { createMetrics } from '../../platform/metrics.ts';
import { createRandom, createSeededRandom } from '../../platform/random.ts';
import { createKeyspace } from '../../platform/redis/keyspace.ts';
import { connectTestRedis } from '../../platform/redis/test-connection.ts';
import { createRelay } from '../../platform/relay.ts';
import { createDealLaws } from './laws.ts';
import { createPools } from './pools/pools.ts';
import { type ClaimRequest, createDealStore, type DealStore } from './store.ts';

const clock = createClock();
const random = createRandom();
let rig: Awaited<ReturnType<typeof connectTestRedis>>;
let store: DealStore;
let pools: ReturnType<typeof createPools>;
let relay: ReturnType<typeof createRelay>;
let keys: ReturnType<typeof createKeyspace>;

beforeAll(async () => {
  rig = await connectTestRedis();
  await disciplineClock(clock, () => rig.redis.time() as Promise<[number, number]>);
});
afterAll(() => rig.close());
beforeEach(() => open(1));

/** A fresh festival; what homes announce to slices is carried by a relay as in a server. */
function open(partitions: number): void {
  keys = createKeyspace({ festival: `t${random.token(6)}`, partitions });
  relay = createRelay({ redis: rig.redis, logger: createLogger('silent') });
  pools = createPools({ redis: rig.redis, keys, clock, announced: relay.poke });
  store = createDealStore({ redis: rig.redis, keys, clock, metrics: createMetrics(), pools, announced: relay.poke });
  for (const [p, outbox] of store.outboxes.entries()) {
    relay.source(outbox);
    relay.destination(`energy@p${p}`, async () => {});
    relay.destination(`deals@p${p}`, (source, entries) => store.takeOffers(p, source, entries, clock.nowMs()));
  }
}

const shopper = () => `s_${random.token(16)}`;
function claimOf(
  shopperId: string,
  dealIds: string[],
  more: Partial<ClaimRequest> & { requestId?: string; quantity?: number } = {},
): ClaimRequest {
  const { requestId = random.token(12), quantity = 1, ...rest } = more;
  return {
    shopperId,
    simulated: false,
    holdId: `h0.${random.token(12)}`,
    arrivedAtMs: clock.nowMs(),
    lines: dealIds.map((dealId) => ({ dealId, quantity, terms: 0 })),
    answer: { requestId, command: 'deals:claim', inputHash: `hash${dealIds.join()}${quantity}` },
    ...rest,
  };
}
async function stage(
  dealId: string,
  total: number,
  more: { limit?: number; holdMs?: number; opensInMs?: number; closesInMs?: number; priceMinor?: number } = {},
) {
  const nowMs = clock.nowMs();
  return store.stage(
    {
      dealId,
      total,
      limit: more.limit ?? 1,
      holdMs: more.holdMs ?? 60_000,
      priceMinor: more.priceMinor ?? 19_900,
      currency: 'CNY',
      opensAtMs: nowMs + (more.opensInMs ?? -1_000),
      closesAtMs: nowMs + (more.closesInMs ?? 60_000),
      early: [],
    },
    nowMs,
  );
}
const stock = async (dealId: string) => (await store.states([dealId]))[0];
async function expectLawsWhole() {
  const laws = await createDealLaws({ redis: rig.redis, keys }).check();
  expect(laws.stock.evidence).toEqual([]);
  expect(laws.holds.evidence).toEqual([]);
  expect(laws.stock.counting).toBe(false);
}

describe('a stampede', () => {
  test.for([
    [1, 1],
    [2, 1],
    [3, 3],
    [4, 4],
  ] as const)(
    '400 shoppers claim 100 units twice each: exactly 100 are held, nobody has two (seed %i, %i partitions)',
    async ([seed, partitions]) => {
      open(partitions);
      await stage('kettle', 100);
      const dice = createSeededRandom(`stampede ${seed}`);
      const people = Array.from({ length: 400 }, shopper);
      const calls = people.flatMap((person) => {
        const claim = claimOf(person, ['kettle']);
        // A lost answer asked for again, and a second tap: the first must not double, the second must be refused.
        return [claim, { ...claim, holdId: `h0.${random.token(12)}` }, claimOf(person, ['kettle'])];
      });
      const shuffled = calls.map((call) => ({ call, at: dice.fraction() })).toSorted((a, b) => a.at - b.at);
      const journal = await Promise.all(shuffled.map(async ({ call }) => ({ call, outcome: await store.claim(call) })));

      const holds = new Map<string, Set<string>>();
      const whys = new Map<string, number>();
      for (const { call, outcome } of journal) {
        const answer = JSON.parse(outcome);
        if (answer.ok) holds.set(call.shopperId, (holds.get(call.shopperId) ?? new Set()).add(answer.reply.holdId));
        else whys.set(answer.why, (whys.get(answer.why) ?? 0) + 1);
      }
      expect(holds.size, `seed ${seed}`).toBe(100);
      for (const mine of holds.values()) expect(mine.size, `seed ${seed}`).toBe(1);
      expect([...whys.keys()].toSorted()).toEqual(['limit-reached', 'sold-out']);
      expect(await stock('kettle')).toMatchObject({ total: 100, free: 0, held: 100, sold: 0 });
      await expectLawsWhole();
    },
  );

  test('units that lapse meanwhile go to others, and none is lost or made', async () => {
    await stage('lamp', 20, { holdMs: 30, limit: 1 });
    const people = Array.from({ length: 60 }, shopper);
    let won = 0;
    const deadlineMs = clock.nowMs() + 10_000;
    for (const waiting = new Set(people); waiting.size > 0 && clock.nowMs() < deadlineMs; ) {
      await Promise.all(
        [...waiting].map(async (person) => {
          if (!JSON.parse(await store.claim(claimOf(person, ['lamp']))).ok) return;
          won++;
          waiting.delete(person);
        }),
      );
      await store.lapse(clock.nowMs(), 500);
    }
    expect(won).toBe(60);
    while ((await stock('lamp'))?.held !== 0) await store.lapse(clock.nowMs(), 500);
    expect(await stock('lamp')).toMatchObject({ free: 20, held: 0 });
    await expectLawsWhole();
  });
});

describe('a claim', () => {
  test('of several deals is all or nothing, and names the deal that cannot be had', async () => {
    await stage('pan', 5);
    await stage('wok', 1);
    await store.claim(claimOf(shopper(), ['wok']));
    expect(JSON.parse(await store.claim(claimOf(shopper(), ['pan', 'wok'])))).toEqual({
      ok: false,
      why: 'sold-out',
      dealId: 'wok',
    });
    expect(await stock('pan')).toMatchObject({ free: 5, held: 0 });
    await expectLawsWhole();
  });

  test('sent again with the same requestId gets the same words, even after its hold lapsed', async () => {
    await stage('jar', 3, { holdMs: 20 });
    const claim = claimOf(shopper(), ['jar']);
    const first = await store.claim(claim);
    expect(await store.claim({ ...claim, holdId: 'h0.another-hold' })).toBe(first);
    while ((await stock('jar'))?.held !== 0) await store.lapse(clock.nowMs(), 10);
    expect(await store.claim(claim)).toBe(first);
    expect(await stock('jar')).toMatchObject({ free: 3, held: 0 });
  });

  test('with a requestId that was used for something else is refused', async () => {
    await stage('toy', 3);
    const person = shopper();
    await store.claim(claimOf(person, ['toy'], { requestId: 'the-same-id' }));
    const again = claimOf(person, ['toy'], { requestId: 'the-same-id', quantity: 2 });
    expect(JSON.parse(await store.claim(again))).toEqual({ ok: false, why: 'request-id-reused' });
  });

  test('a millisecond before the opening is refused, is not remembered, and succeeds at the opening', async () => {
    await stage('knit', 1, { opensInMs: 40 });
    const opensAtMs = Number((await rig.redis.hget(keys.partition(0).deal('knit'), 't'))?.split(' ')[2]);
    const claim = claimOf(shopper(), ['knit'], { arrivedAtMs: opensAtMs - 1 });
    while (clock.nowMs() < opensAtMs) await new Promise((resolve) => setImmediate(resolve));
    expect(JSON.parse(await store.claim(claim))).toEqual({ ok: false, why: 'not-open-yet', dealId: 'knit', opensAtMs });
    expect(JSON.parse(await store.claim({ ...claim, arrivedAtMs: opensAtMs })).ok).toBe(true);
  });

  test('after the closing, of a paused deal, of an unknown one, or with old terms is refused by its own word', async () => {
    await stage('over', 1, { closesInMs: -1 });
    await stage('held-back', 1);
    await store.pause({ dealId: 'held-back', paused: true, who: 'u_operator', why: 'a test' }, clock.nowMs(), {
      requestId: 'pause-one',
      command: 'deals:pause',
      inputHash: 'h',
    });
    await stage('moved', 1);
    const terms = (await stock('moved'))?.terms ?? 0;
    const why = async (claim: ClaimRequest) => JSON.parse(await store.claim(claim)).why;
    expect(await why(claimOf(shopper(), ['over']))).toBe('closed');
    expect(await why(claimOf(shopper(), ['held-back']))).toBe('paused');
    expect(await why(claimOf(shopper(), ['nowhere']))).toBe('unknown-deal');
    const saw = claimOf(shopper(), ['moved']);
    expect(
      JSON.parse(await store.claim({ ...saw, lines: [{ dealId: 'moved', quantity: 1, terms: terms + 1 }] })),
    ).toMatchObject({ why: 'terms-changed', terms });
    expect(JSON.parse(await store.claim({ ...saw, lines: [{ dealId: 'moved', quantity: 1, terms }] }))).toMatchObject({
      ok: true,
    });
  });

  test('pays the old price until the moment at which the new one was said to hold, and the new one from then on', async () => {
    open(3);
    const opensAtMs = clock.nowMs() - 5_000;
    const at = (priceMinor: number) => ({ ...terms, priceMinor });
    const terms = {
      dealId: 'moved',
      total: 9,
      limit: 9,
      holdMs: 60_000,
      priceMinor: 19_900,
      currency: 'CNY',
      opensAtMs,
      closesAtMs: opensAtMs + 60_000,
      early: [],
    };
    const longAgoMs = clock.nowMs() - 10_000;
    await store.stage(terms, longAgoMs);
    // Saved just under two seconds ago: not yet. Saved two seconds ago: now, in every partition.
    await store.stage(at(17_900), clock.nowMs() - 1_000);
    const price = async () =>
      JSON.parse(await store.claim(claimOf(shopper(), ['moved']))).reply.lines[0].priceMinor as number;
    expect(await price()).toBe(19_900);
    const before = (await stock('moved'))?.terms;
    await store.stage(at(15_900), clock.nowMs() - 2_000);
    expect(await Promise.all(Array.from({ length: 6 }, price))).toEqual(Array.from({ length: 6 }, () => 15_900));
    expect((await stock('moved'))?.terms).not.toBe(before);
  });

  test('stamped too long ago, or in the future, is not decided', async () => {
    await stage('lamp', 1);
    await expect(
      store.claim(claimOf(shopper(), ['lamp'], { arrivedAtMs: clock.nowMs() - 3_000 })),
    ).rejects.toMatchObject({ code: 'overloaded' });
    await expect(store.claim(claimOf(shopper(), ['lamp'], { arrivedAtMs: clock.nowMs() + 500 }))).rejects.toMatchObject(
      { code: 'overloaded' },
    );
    expect(await stock('lamp')).toMatchObject({ free: 1 });
  });

  test('of a shopper with twelve holds is refused', async () => {
    const person = shopper();
    for (let i = 0; i < 13; i++) await stage(`deal-${i}`, 5);
    for (let i = 0; i < 12; i++) expect(JSON.parse(await store.claim(claimOf(person, [`deal-${i}`]))).ok).toBe(true);
    expect(JSON.parse(await store.claim(claimOf(person, ['deal-12'])))).toEqual({
      ok: false,
      why: 'too-many-holds',
      holdsMax: 12,
    });
  });

  test('that fails while it is written pauses its deal, is named, and leaves other deals alone', async () => {
    await stage('fine', 5);
    await stage('cracked', 5);
    // A state that no script of ours writes: where events are numbered lies a text, so writing fails behind the decision.
    const [person, other] = [shopper(), shopper()];
    await rig.redis.set(keys.of(person).outboxNumbers, 'not a hash');
    await expect(store.claim(claimOf(person, ['cracked']))).rejects.toThrow('cracked');
    await rig.redis.del(keys.of(person).outboxNumbers);
    expect((await store.mine([person]))[0]?.holds).toEqual([]);
    expect(JSON.parse(await store.claim(claimOf(other, ['fine']))).ok).toBe(true);
    expect(JSON.parse(await store.claim(claimOf(other, ['cracked'])))).toMatchObject({ why: 'paused' });
    const laws = await createDealLaws({ redis: rig.redis, keys }).check();
    expect([...laws.stock.evidence, ...laws.holds.evidence].length).toBeGreaterThan(0);
  });

  test('of a deal whose counts cannot be read, or a shopper whose count is none, is not decided; the others are', async () => {
    await stage('fine', 5);
    await stage('blurred', 5);
    await stage('halved', 5, { limit: 5 });
    await rig.redis.hset(keys.partition(0).deal('blurred'), 'held', 'not a number');
    const [person, half, third] = [shopper(), shopper(), shopper()];
    await rig.redis.hset(keys.partition(0).dealTaken('halved'), half, '1.5', third, 'one');
    const outcomes = await Promise.allSettled([
      store.claim(claimOf(person, ['blurred'])),
      store.claim(claimOf(half, ['halved'])),
      store.claim(claimOf(third, ['halved'])),
      store.claim(claimOf(shopper(), ['fine'])),
      store.claim(claimOf(shopper(), ['halved'])),
    ]);
    expect(outcomes.map((o) => o.status)).toEqual(['rejected', 'rejected', 'rejected', 'fulfilled', 'fulfilled']);
    for (const nobody of [person, half, third])
      expect(await rig.redis.exists(keys.of(nobody).holds(nobody), keys.of(nobody).answers(nobody))).toBe(0);
  });

  test('of a shopper whose answers cannot be read is not decided, and undoes nobody who came before in its batch', async () => {
    await stage('fine', 9);
    const unreadable = shopper();
    await rig.redis.set(keys.of(unreadable).answers(unreadable), 'not a hash');
    const people = [shopper(), shopper(), shopper(), shopper(), unreadable, shopper()];
    const outcomes = await Promise.allSettled(people.map((one) => store.claim(claimOf(one, ['fine']))));
    expect(outcomes.map((o) => o.status === 'fulfilled')).toEqual(people.map((one) => one !== unreadable));
    expect(await stock('fine')).toMatchObject({ free: 4, held: 5 });
    await expectLawsWhole();
  });

  test('gets the same words again while its hold waits, is paid for or is over; and its id is good for nothing else', async () => {
    await stage('jar', 3);
    const person = shopper();
    const claim = claimOf(person, ['jar']);
    const first = await store.claim(claim);
    const { holdId } = JSON.parse(first).reply as Hold;
    const key = keys.of(person).holds(person);
    const kept = (await rig.redis.hget(key, holdId)) ?? '';
    await rig.redis.hset(key, holdId, kept.replace('"paymentId":null', '"paymentId":"y0.some-payment"'));
    expect(await store.claim(claim)).toBe(first);
    await rig.redis.hset(key, holdId, kept);
    const held = { shopperId: person, holdId };
    const asClaim = { requestId: claim.answer.requestId, command: 'deals:release', inputHash: 'x' };
    expect(JSON.parse(await store.release(held, clock.nowMs(), asClaim))).toMatchObject({ why: 'request-id-reused' });
    await store.release(held, clock.nowMs(), { ...asClaim, requestId: 'let-it-go-now' });
    expect(await store.claim(claim)).toBe(first);
    expect(JSON.parse(await store.release(held, clock.nowMs(), asClaim))).toMatchObject({ why: 'request-id-reused' });
    await expectLawsWhole();
  });
});

describe('a hold', () => {
  test('that is let go gives its unit back once, whoever asks and however often', async () => {
    await stage('pan', 1);
    const person = shopper();
    const { reply } = JSON.parse(await store.claim(claimOf(person, ['pan']))) as { reply: Hold };
    const release = { requestId: 'let-it-go-1', command: 'deals:release', inputHash: 'x' };
    const foreign = await store.release({ shopperId: shopper(), holdId: reply.holdId }, clock.nowMs(), {
      ...release,
      requestId: 'foreign-1',
    });
    expect(JSON.parse(foreign)).toEqual({ ok: false, why: 'unknown-hold' });
    const answers = await Promise.all(
      [1, 2, 3].map(() => store.release({ shopperId: person, holdId: reply.holdId }, clock.nowMs(), release)),
    );
    expect(new Set(answers).size).toBe(1);
    expect(JSON.parse(answers[0] ?? '')).toEqual({ ok: true, reply: { holdId: reply.holdId } });
    expect(await stock('pan')).toMatchObject({ free: 1, held: 0 });
    expect(JSON.parse(await store.claim(claimOf(person, ['pan']))).ok).toBe(true);
    await expectLawsWhole();
  });

  test('is shown to its shopper with its price and its end', async () => {
    await stage('pan', 3, { priceMinor: 12_900, limit: 2 });
    const person = shopper();
    const { reply } = JSON.parse(await store.claim(claimOf(person, ['pan'], { quantity: 2 }))) as { reply: Hold };
    expect((await store.mine([person, shopper()])).map((mine) => mine.holds)).toEqual([[reply], []]);
    expect(reply.lines).toEqual([{ dealId: 'pan', quantity: 2, priceMinor: 12_900, currency: 'CNY' }]);
  });
});

describe.each([1, 4])('the line for what comes back (%i partitions)', (partitions) => {
  const key = (what: string) => ({ requestId: `${what}-${random.token(8)}`, command: `deals:${what}`, inputHash: 'x' });
  async function offerOf(person: string): Promise<Hold> {
    for (;;) {
      const found = (await store.mine([person]))[0]?.holds.find((hold) => hold.kind === 'offer');
      if (found !== undefined) return found;
      await pools.sweep();
      for (const outbox of store.outboxes) relay.poke(outbox);
    }
  }
  async function join(person: string) {
    const waiter = { poolId: 'deal:lamp', shopperId: person, simulated: false, about: { dealId: 'lamp' } };
    return JSON.parse(await pools.join(waiter, key('wait')));
  }
  async function soldOut(people: string[]) {
    open(partitions);
    await stage('lamp', people.length);
    const holds: Hold[] = [];
    for (const person of people) holds.push(JSON.parse(await store.claim(claimOf(person, ['lamp']))).reply);
    expect(JSON.parse(await store.claim(claimOf(shopper(), ['lamp'])))).toMatchObject({ why: 'sold-out' });
    return holds;
  }

  test('is joined only when nothing is left, and the first in it is offered the unit before any passer-by', async () => {
    open(partitions);
    await stage('lamp', 1);
    const [owner, first, second, passer] = [shopper(), shopper(), shopper(), shopper()];
    expect(await join(first)).toMatchObject({ ok: false, why: 'still-free' });
    const [hold] = await soldOut([owner]);
    expect(await join(first)).toEqual({ ok: true, reply: { dealId: 'lamp', place: 1 } });
    expect(await join(second)).toEqual({ ok: true, reply: { dealId: 'lamp', place: 2 } });
    expect(await join(second)).toMatchObject({ why: 'already-waiting', place: 2 });
    await store.release({ shopperId: owner, holdId: hold?.holdId ?? '' }, clock.nowMs(), key('release'));
    expect(JSON.parse(await store.claim(claimOf(passer, ['lamp'])))).toMatchObject({ why: 'sold-out' });
    const offer = await offerOf(first);
    const held = { shopperId: first, holdId: offer.holdId };
    const accept = key('accept');
    const accepted = JSON.parse(await store.accept(held, clock.nowMs(), accept));
    expect(accepted).toMatchObject({ ok: true, reply: { holdId: offer.holdId, kind: 'hold' } });
    expect(accepted.reply.lapsesAtMs).toBeGreaterThan(clock.nowMs() + 50_000);
    expect(JSON.parse(await store.accept(held, clock.nowMs(), accept))).toEqual(accepted);
    expect(await stock('lamp')).toMatchObject({ free: 0, held: 1, waiting: 1, soldOut: true });
    await expectLawsWhole();
  });

  test('passes an offer that nobody takes to the next, and what nobody wants is free again', async () => {
    const [owner, first, second] = [shopper(), shopper(), shopper()];
    const [hold] = await soldOut([owner]);
    await join(first);
    await join(second);
    await store.release({ shopperId: owner, holdId: hold?.holdId ?? '' }, clock.nowMs(), key('release'));
    const offer = await offerOf(first);
    // Time goes by for the sweep alone: an offer lapses by the moment that it is told.
    await store.lapse(offer.lapsesAtMs + 1, 10);
    expect((await store.mine([first]))[0]).toMatchObject({ holds: [], standing: { abandoned: 0 } });
    const next = await offerOf(second);
    await store.release({ shopperId: second, holdId: next.holdId }, clock.nowMs(), key('release'));
    const passer = shopper();
    for (let outcome = { ok: false }; !outcome.ok; ) outcome = JSON.parse(await store.claim(claimOf(passer, ['lamp'])));
    await expectLawsWhole();
  });
});

describe('on a bad night', () => {
  test('a hold that cannot be ended in one partition keeps none of another from lapsing', async () => {
    open(2);
    await stage('jar', 20, { holdMs: 1_000 });
    const of = (p: number) => Array.from({ length: 40 }, shopper).find((one) => keys.partitionOf(one) === p) ?? '';
    const [unreadable, other] = [of(0), of(1)];
    const { reply } = JSON.parse(await store.claim(claimOf(other, ['jar']))) as { reply: Hold };
    await rig.redis.zadd(keys.partition(0).lapses, 1, `${unreadable} h0.spoilt`);
    await rig.redis.set(keys.partition(0).holds(unreadable), 'not a hash');
    await expect(store.lapse(reply.lapsesAtMs, 10)).rejects.toThrow();
    expect(await stock('jar')).toMatchObject({ free: 20, held: 0 });
  });

  test('deals that are over are taken away also behind many that were sold of', async () => {
    const sold = ['cup', 'jug', 'pot'];
    for (const dealId of sold) {
      await stage(dealId, 3, { closesInMs: 5_000 });
      await store.claim(claimOf(shopper(), [dealId]));
    }
    await stage('vase', 3, { closesInMs: 6_000 });
    const nowMs = clock.nowMs();
    for (let round = 0; round < 2; round++) await store.retire(nowMs + 10_000, nowMs, 2);
    expect((await store.states([...sold, 'vase'])).map((state) => state === null)).toEqual([false, false, false, true]);
  });

  test('the kill switch stops a deal in every slice also where its home is gone', async () => {
    open(2);
    await stage('jar', 40);
    const home = keys.partition(keys.homeOf('deal:jar'));
    await rig.redis.del(home.pool('deal:jar'));
    const stopped = { dealId: 'jar', paused: true, who: 'kill-switch', why: 'its home is gone' };
    expect(JSON.parse(await store.pause(stopped, clock.nowMs()))).toEqual({ ok: true, reply: { paused: true } });
    const people = [0, 1].map((p) => Array.from({ length: 40 }, shopper).find((s) => keys.partitionOf(s) === p) ?? '');
    for (const one of people)
      expect(JSON.parse(await store.claim(claimOf(one, ['jar'])))).toMatchObject({ why: 'paused' });
    // Nobody resumes what is not there, and a deal that never was cannot be stopped.
    const never = await store.pause({ ...stopped, dealId: 'nowhere' }, clock.nowMs());
    expect(JSON.parse(never)).toMatchObject({ ok: false, why: 'unknown-deal' });
  });

  test('a unit offered into a partition whose slice a dying node left out goes home, and is not lost when it is staged', async () => {
    open(2);
    await stage('lamp', 1);
    const homeAt = keys.homeOf('deal:lamp');
    const of = (p: number) => Array.from({ length: 40 }, shopper).find((one) => keys.partitionOf(one) === p) ?? '';
    const [owner, first] = [of(homeAt), of(1 - homeAt)];
    await rig.redis.del(keys.partition(1 - homeAt).deal('lamp'));
    const { reply } = JSON.parse(await store.claim(claimOf(owner, ['lamp']))) as { reply: Hold };
    while (JSON.parse(await store.claim(claimOf(of(homeAt), ['lamp']))).why !== 'sold-out') await pools.sweep();
    const waiter = { poolId: 'deal:lamp', shopperId: first, simulated: false, about: { dealId: 'lamp' } };
    const key = (what: string) => ({ requestId: `${what}-it-now`, command: `deals:${what}`, inputHash: 'x' });
    expect(JSON.parse(await pools.join(waiter, key('wait')))).toMatchObject({ ok: true });
    await store.release({ shopperId: owner, holdId: reply.holdId }, clock.nowMs(), key('release'));
    const offered = () => rig.redis.hget(keys.partition(homeAt).pool('deal:lamp'), `O:${1 - homeAt}`);
    while ((await offered()) !== '1') await pools.sweep();
    const arrived = () => rig.redis.hget(keys.partition(1 - homeAt).deal('lamp'), 'o');
    while ((await arrived()) !== '1') for (const outbox of store.outboxes) relay.poke(outbox);
    await stage('lamp', 1);
    const passer = of(1 - homeAt);
    for (let outcome = { ok: false }; !outcome.ok; ) {
      await pools.sweep();
      outcome = JSON.parse(await store.claim(claimOf(passer, ['lamp'])));
    }
    await expectLawsWhole();
  });
});

describe('reserve and abandon', () => {
  test('three holds that lapse unpaid cost the right to hold more than one, until the oldest of them is a day ago', async () => {
    const person = shopper();
    for (let i = 0; i < 5; i++) await stage(`deal-${i}`, 5, { holdMs: 1_000 });
    const lapsedAtMs: number[] = [];
    for (let i = 0; i < 3; i++) {
      const { reply } = JSON.parse(await store.claim(claimOf(person, [`deal-${i}`]))) as { reply: Hold };
      lapsedAtMs.push(reply.lapsesAtMs);
      await store.lapse(reply.lapsesAtMs, 10);
    }
    const untilMs = (lapsedAtMs[0] ?? 0) + 86_400_000;
    expect((await store.mine([person]))[0]?.standing).toEqual({ abandoned: 3, holdsMax: 1, untilMs });
    expect(JSON.parse(await store.claim(claimOf(person, ['deal-3'])))).toMatchObject({ ok: true });
    expect(JSON.parse(await store.claim(claimOf(person, ['deal-4'])))).toEqual({
      ok: false,
      why: 'one-at-a-time',
      untilMs,
    });
    await expectLawsWhole();
  });
});

describe('the ledger', () => {
  test('finds an oversell that was written by hand, and is whole again when it is mended', async () => {
    await stage('kettle', 10);
    await store.claim(claimOf(shopper(), ['kettle']));
    const laws = createDealLaws({ redis: rig.redis, keys });
    expect((await laws.check()).stock.evidence).toEqual([]);
    await rig.redis.hincrby(keys.partition(0).deal('kettle'), 'free', 2);
    expect((await laws.check()).stock.evidence).toContainEqual({
      subject: 'kettle: free + held + sold',
      expected: 10,
      found: 12,
      about: { kind: 'deal', id: 'kettle' },
    });
    await rig.redis.hincrby(keys.partition(0).deal('kettle'), 'free', -2);
    expect((await laws.check()).stock.evidence).toEqual([]);
  });

  test('takes a deal that is staged while it is counted for no loss, and one that is gone for a loss', async () => {
    await stage('kettle', 10);
    const laws = createDealLaws({ redis: rig.redis, keys });
    const { zrange } = rig.redis;
    rig.redis.zrange = (async (...args: [string, string, string]) => {
      const found = await zrange.apply(rig.redis, args);
      await stage('wok', 5);
      return found;
    }) satisfies typeof zrange;
    const during = await laws.check();
    rig.redis.zrange = zrange;
    expect(during.stock.evidence).toEqual([]);
    expect((await laws.check()).stock.evidence).toEqual([]);
    await rig.redis.del(keys.partition(0).deal('wok'));
    expect((await laws.check()).stock.evidence).toEqual([
      { subject: 'wok: units of its slice', expected: 5, found: 0, about: { kind: 'deal', id: 'wok' } },
    ]);
  });

  test('holds amounts past 10^15 exactly', async () => {
    await stage('palace', 3, { priceMinor: 999_999_999_999, limit: 99 });
    const { reply } = JSON.parse(await store.claim(claimOf(shopper(), ['palace'], { quantity: 2 }))) as { reply: Hold };
    expect(reply.lines[0]?.priceMinor).toBe(999_999_999_999);
    await rig.redis.hset(keys.partition(0).totals, 'heldMinor', '1000000000000001');
    await store.claim(claimOf(shopper(), ['palace']));
    expect(await rig.redis.hget(keys.partition(0).totals, 'heldMinor')).toBe('1001000000000000');
  });

  test('more stock is added to what is free, less is taken from what is free only', async () => {
    await stage('wok', 3, { limit: 3 });
    await store.claim(claimOf(shopper(), ['wok'], { quantity: 2 }));
    await stage('wok', 10, { limit: 3 });
    expect(await stock('wok')).toMatchObject({ total: 10, free: 8, held: 2 });
    await stage('wok', 1, { limit: 3 });
    expect(await stock('wok')).toMatchObject({ total: 2, free: 0, held: 2 });
    await expectLawsWhole();
  });

  test('a deal that is over and whole is taken away; one with a hold or a difference stays', async () => {
    for (const id of ['done', 'held', 'odd']) await stage(id, 2, { closesInMs: 30 });
    await store.claim(claimOf(shopper(), ['held']));
    await rig.redis.hincrby(keys.partition(0).deal('odd'), 'free', 1);
    await store.retire(clock.nowMs() + 1_000, clock.nowMs());
    expect((await store.states(['done', 'held', 'odd'])).map((s) => s !== null)).toEqual([false, true, true]);
    const { stock: law } = await createDealLaws({ redis: rig.redis, keys }).check();
    expect(law.evidence.map((e) => e.subject)).toEqual(['odd: free + held + sold', 'odd: free']);
  });
});
