import { abandonedMax, type Hold, offerMs, type Stock } from '@elevens/shared/src/deals/contract.ts';
import { expect, test } from 'vitest';
import {
  callHttp,
  type Evening,
  expectLawsWhole,
  forEachOf,
  openLine,
  readBooks,
  type Shopper,
  settle,
  shoppersOf,
  startEvening,
} from './crowd.ts';
import { call, connect, festivalOf, followState, requestId, seed, seededChance } from './test-server.ts';

interface Mine {
  holds: Hold[];
  standing: { abandoned: number; holdsMax: number };
}

const claimOf = (dealId: string) => ({ requestId: requestId(), lines: [{ dealId, quantity: 1 }] });

/** Calls at one node until it is decided, and answers with the reply. */
async function ask<T>(url: string, name: string, input: object, { token }: Shopper): Promise<T> {
  const answer = await settle([() => callHttp(url, name, { requestId: requestId(), ...input }, token)]);
  if (!answer.ok) throw new Error(`${name} was answered ${JSON.stringify(answer)}`);
  return answer.reply as T;
}

async function followMine(url: string, { shopperId, token }: Shopper) {
  return followState<Mine>(await connect(url, token), 'deals:mine', shopperId);
}

/** What waits for a moment in the future is due now, as if that moment had come: no test waits a minute for it. */
async function letLapse({ redis, keys }: Evening, { shopperId }: Shopper, { holdId }: Hold): Promise<void> {
  const moved = await redis.zadd(keys.of(shopperId).lapses, 'XX', 'CH', 1, `${shopperId} ${holdId}`);
  expect(moved).toBe(1);
}

test(`holds of a node that was killed lapse on time at the other, and each unit goes to the first in line as an offer that is bounded (seed ${seed})`, {
  timeout: 90_000,
}, async () => {
  const chance = seededChance('line');
  const festival = festivalOf({ deals: [{ id: 'kettle', total: 6, hold: '10s' }] });
  const evening = await startEvening({ festival, partitions: 4 });
  const [first = '', second = ''] = evening.urls;
  const people = await shoppersOf(evening.keys, 18);
  const holders = people.slice(0, 6);
  const waiters = chance.shuffled(people.slice(6));

  const held = new Map<Shopper, Hold>();
  for (const holder of holders) held.set(holder, await ask(first, 'deals:claim', claimOf('kettle'), holder));
  const soldOut = { ok: false, why: 'sold-out', dealId: 'kettle' };
  for (const [i, waiter] of waiters.entries()) {
    const url = [first, second][i % 2] ?? '';
    expect(await settle([() => callHttp(url, 'deals:claim', claimOf('kettle'), waiter.token)])).toEqual(soldOut);
    const { place } = await ask<{ place: number }>(url, 'deals:wait', { dealId: 'kettle' }, waiter);
    expect(place).toBe(i + 1);
  }
  const seenBy = await Promise.all(waiters.map((waiter) => followMine(second, waiter)));
  await evening.nodes[0]?.kill9();

  // The first in line are as many as units come back, in their order; nobody else is offered anything.
  const offers = await Promise.all(
    seenBy
      .slice(0, 6)
      .map(async (mine) => (await mine.until('it is offered', ({ holds }) => holds.length === 1)).holds[0] as Hold),
  );
  const lapsesAtMs = [...held.values()].map((hold) => hold.lapsesAtMs);
  for (const offer of offers) {
    expect(offer).toMatchObject({ kind: 'offer', paymentId: null, lines: [{ dealId: 'kettle', quantity: 1 }] });
    expect(offer.claimedAtMs).toBeGreaterThanOrEqual(Math.min(...lapsesAtMs));
    expect(offer.lapsesAtMs - offer.claimedAtMs).toBe(offerMs);
  }
  const { lines } = await readBooks(evening, ['kettle']);
  const lapsed = lines.filter((line) => line['e'] === 'lapsed');
  expect(new Set(lapsed.map((line) => line['hold']))).toEqual(new Set([...held.values()].map((h) => h.holdId)));
  expect(lapsed).toHaveLength(6);
  for (const line of lapsed) {
    const hold = [...held.values()].find((h) => h.holdId === line['hold']);
    expect(Number(line['t'])).toBeGreaterThanOrEqual(hold?.lapsesAtMs ?? Infinity);
  }
  const offered = lines.filter((line) => line['e'] === 'pool-offered').map((line) => line['shopper']);
  expect(offered).toEqual(waiters.slice(0, 6).map(({ shopperId }) => shopperId));

  // While people are in line, nobody who comes by takes what came back.
  const [passer] = await shoppersOf(evening.keys, 1);
  if (passer === undefined) throw new Error('nobody came by');
  expect(await settle([() => callHttp(second, 'deals:claim', claimOf('kettle'), passer.token)])).toEqual(soldOut);

  // One accepts, and has a hold with the deal's own ten seconds; one declines, one lets the minute pass: the next two in line are
  // asked. Those two offers were no holds of theirs: nobody is blamed for them.
  const [taker, decliner, sleeper] = waiters as [Shopper, Shopper, Shopper];
  const [takes, declines, sleeps] = offers as [Hold, Hold, Hold];
  const accepted = await ask<Hold>(second, 'deals:accept', { holdId: takes.holdId }, taker);
  expect(accepted).toMatchObject({ kind: 'hold', holdId: takes.holdId });
  const ms = accepted.lapsesAtMs - accepted.claimedAtMs;
  expect(ms).toBeGreaterThanOrEqual(10_000);
  expect(ms).toBeLessThan(offerMs);
  await ask(second, 'deals:release', { holdId: declines.holdId }, decliner);
  const seventh = await seenBy[6]?.until('it is offered', ({ holds }) => holds.length === 1);
  expect(seventh?.holds[0]?.kind).toBe('offer');
  await letLapse(evening, sleeper, sleeps);
  await seenBy[7]?.until('it is offered', ({ holds }) => holds.length === 1);
  const late = await settle([
    () => callHttp(second, 'deals:accept', { requestId: requestId(), holdId: sleeps.holdId }, sleeper.token),
  ]);
  expect(late).toEqual({ ok: false, why: 'unknown-hold' });
  expect(await evening.redis.zcard(evening.keys.of(sleeper.shopperId).abandoned(sleeper.shopperId))).toBe(0);

  const books = await readBooks(evening, ['kettle']);
  const kettle = books.kept.pools.get('kettle');
  expect((kettle?.held ?? 0) + (kettle?.free ?? 0)).toBe(6);
  expect(books.ledger.pools.get('kettle')).toEqual(kettle);
  await expectLawsWhole(evening.nodes[1] as Evening['nodes'][number]);
});

test('who lets holds lapse unpaid may hold one at a time, at every node', { timeout: 60_000 }, async () => {
  const ids = Array.from({ length: abandonedMax + 2 }, (_, i) => `deal-${i}`);
  const festival = festivalOf({ deals: ids.map((id) => ({ id, total: 100 })) });
  const evening = await startEvening({ festival, partitions: 4 });
  const [first = '', second = ''] = evening.urls;
  const [person] = await shoppersOf(evening.keys, 1, 2);
  if (person === undefined) throw new Error('nobody came');
  const mine = await followMine(second, person);
  for (const [i, id] of ids.slice(0, abandonedMax).entries()) {
    const hold = await ask<Hold>(first, 'deals:claim', claimOf(id), person);
    await letLapse(evening, person, hold);
    await mine.until(`${id} has lapsed`, ({ standing }) => standing.abandoned === i + 1);
  }
  const [another = '', more = ''] = ids.slice(abandonedMax);
  expect(await ask<Hold>(second, 'deals:claim', claimOf(another), person)).toMatchObject({ kind: 'hold' });
  for (const url of [first, second]) {
    const answer = await settle([() => callHttp(url, 'deals:claim', claimOf(more), person.token)]);
    expect(answer).toMatchObject({ ok: false, why: 'one-at-a-time' });
  }
});

test(`a pause is acknowledged only when every partition refuses, whichever node was asked (seed ${seed})`, {
  timeout: 60_000,
}, async () => {
  const chance = seededChance('pause');
  const rounds = 6;
  const ids = Array.from({ length: rounds }, (_, i) => `deal-${i}`);
  const festival = festivalOf({ deals: ids.map((id) => ({ id, total: 4_000, limitPerShopper: 99 })) });
  const evening = await startEvening({ festival, partitions: 4 });
  const crowd: { shopper: Shopper; call: (input: object) => ReturnType<typeof callHttp> }[] = [];
  await forEachOf(await shoppersOf(evening.keys, 40), async (shopper, i) => {
    const line = await openLine(evening.urls[(i >> 2) % 2] ?? '', shopper.token);
    crowd.push({ shopper, call: (input) => line.call('deals:claim', input) });
  });
  const desks = await Promise.all(evening.nodes.map(async (node) => connect(node.url, (await node.operator()).token)));
  const [desk, otherDesk] = desks;
  if (desk === undefined || otherDesk === undefined) throw new Error('no desk');
  for (const [round, dealId] of ids.entries()) {
    let acknowledged = false;
    const wonLate: string[] = [];
    const refused = new Set<number>();
    // Everybody claims again and again, and notes which claims were sent after the pause was acknowledged.
    const claiming = Promise.all(
      crowd.map(async ({ shopper, call: claim }) => {
        for (let tries = 0; tries < 6; tries++) {
          const sentLate = acknowledged;
          const answer = await settle([() => claim(claimOf(dealId))]);
          if (answer.ok && sentLate) wonLate.push(shopper.shopperId);
          if (answer.ok)
            await settle([
              () =>
                callHttp(
                  evening.urls[0] ?? '',
                  'deals:release',
                  { requestId: requestId(), holdId: (answer.reply as Hold).holdId },
                  shopper.token,
                ),
            ]);
          else {
            expect(answer).toEqual({ ok: false, why: 'paused', dealId });
            if (sentLate) refused.add(shopper.partition);
          }
        }
      }),
    );
    for (let i = chance.below(20); i > 0; i--) await new Promise(setImmediate);
    const pause = { requestId: requestId(), dealId, paused: true, reason: 'A kettle leaks.' };
    expect(await call(round % 2 === 0 ? desk : otherDesk, 'deals:pause', pause)).toEqual({
      ok: true,
      reply: { paused: true },
    });
    acknowledged = true;
    for (let p = 0; p < 4; p++)
      expect(await evening.redis.hget(evening.keys.partition(p).deal(dealId), 'paused')).toBe('1');
    await claiming;
    expect(wonLate).toEqual([]);
    // From every partition somebody was refused, and resuming lets them all in again.
    for (const { shopper, call: claim } of crowd.slice(0, 4)) {
      expect(await settle([() => claim(claimOf(dealId))])).toEqual({ ok: false, why: 'paused', dealId });
      refused.add(shopper.partition);
    }
    expect(refused.size).toBe(4);
    const resume = { requestId: requestId(), dealId, paused: false, reason: 'Mended.' };
    expect(await call(desk, 'deals:pause', resume)).toEqual({ ok: true, reply: { paused: false } });
    for (const { call: claim } of crowd.slice(0, 4))
      expect((await settle([() => claim(claimOf(dealId))])).ok).toBe(true);
  }
  const stock = await followState<Stock>(desk, 'deals:stock', 'deal-0');
  expect(await stock.until('four are held', (s) => s.held === 4)).toMatchObject({ paused: false });
  for (const node of evening.nodes) await expectLawsWhole(node);
});
