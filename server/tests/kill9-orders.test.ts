import type { Hold } from '@elevens/shared/src/deals/contract.ts';
import type { Payment } from '@elevens/shared/src/orders/contract.ts';
import { expect, test } from 'vitest';
import {
  callHttp,
  type Evening,
  expectLawsWhole,
  forEachOf,
  isDecided,
  openLine,
  pressPay,
  readBooks,
  reconcile,
  type Shopper,
  settle,
  shoppersOf,
  startEvening,
  untilNothingIsOnItsWay,
} from './crowd.ts';
import { festivalOf, type Outcome, requestId, seed, seededChance, until } from './test-server.ts';

const partitions = 4;
const priceMinor = 11_100;
const units = 150;
const shopperCount = 320;

/** What one shopper did and was told, in the shopper's own words. Nothing in here is read from Redis. */
interface Journal {
  shopper: Shopper;
  node: number;
  /** Whether the shopper goes on to pay for what it holds, or only holds it. */
  pays: boolean;
  claim: object;
  /** What was answered, to the same request sent again and again until it was decided. */
  claimed: Outcome | null;
  placed: Outcome | null;
  pageUrl: string | null;
  /** The till showed that it was paid. */
  paidAtTill: boolean;
}

/** Everybody claims one unit, and half of the winners order and pay, while something is killed; nobody stops asking. */
async function spend(evening: Evening, chance: ReturnType<typeof seededChance>, kill: () => Promise<void>) {
  const { urls } = evening;
  const journals: Journal[] = (await shoppersOf(evening.keys, shopperCount)).map((shopper, i) => ({
    shopper,
    node: (i >> 2) % urls.length,
    pays: i % 2 === 0,
    claim: { requestId: requestId(), lines: [{ dealId: 'kettle', quantity: 1 }] },
    claimed: null,
    placed: null,
    pageUrl: null,
    paidAtTill: false,
  }));
  let done = 0;
  /** Calls that were not answered, or by a fault, each with how many shoppers were through by then. */
  const lost: number[] = [];
  const steps = { claimed: 0, placed: 0, paid: 0 };
  // Somebody in every stage of the journey when it happens.
  const killAt = 60 + chance.below(40);
  const killed = until('the evening is under way', () => steps.placed >= 5 && steps.claimed >= killAt, {
    withinMs: 60_000,
    everyMs: 1,
  }).then(kill);

  await forEachOf(
    chance.shuffled(journals),
    async (journal) => {
      const { shopper, node } = journal;
      const line = await openLine(urls[node] ?? '', shopper.token).catch(() => null);
      // First the own node over its line, then any node over HTTP, for as long as it takes.
      const ask = (name: string, input: object) =>
        settle(
          [
            async () => (line?.isOpen() ? line.call(name, input) : null),
            () => callHttp(urls[node] ?? '', name, input, shopper.token),
            () => callHttp(urls[(node + 1) % urls.length] ?? '', name, input, shopper.token),
          ].map((way) => async () => {
            const answer = await way();
            if (!isDecided(answer)) lost.push(done);
            return answer;
          }),
        );
      journal.claimed = await ask('deals:claim', journal.claim);
      steps.claimed++;
      if (journal.claimed.ok && journal.pays) {
        const { holdId } = journal.claimed.reply as Hold;
        const place = { requestId: requestId(), holdIds: [holdId], totalMinor: priceMinor, currency: 'CNY' };
        journal.placed = await ask('orders:place', place);
        steps.placed++;
        if (!journal.placed.ok) throw new Error(`an order was refused: ${JSON.stringify(journal.placed)}`);
        const { paymentId } = (journal.placed.reply as { payment: Payment }).payment;
        const paying = await ask('orders:pay', { requestId: requestId(), paymentId });
        if (!paying.ok) throw new Error(`the till was not opened: ${JSON.stringify(paying)}`);
        journal.pageUrl = (paying.reply as { url: string }).url;
        // Cards that pay at once, that tell it twice, in the wrong order, late or never.
        const card = chance.pick(['4242', '4242', '2222', '3210', '2020', '0404']);
        journal.paidAtTill = (await pressPay(journal.pageUrl, card)) === 303;
        steps.paid++;
      }
      line?.cut();
      done++;
    },
    48,
  );
  await killed;
  expect(done).toBe(shopperCount);
  // It hit people in the middle of what they did, and many came after them.
  expect(lost.length).toBeGreaterThan(5);
  expect(Math.min(...lost)).toBeLessThan(shopperCount / 2);
  return journals;
}

async function expectNothingLost(evening: Evening, journals: readonly Journal[]): Promise<void> {
  const [, url = ''] = evening.urls;
  const ask = async <T>(name: string, input: object, { token }: Shopper): Promise<T> => {
    const answer = await settle([() => callHttp(url, name, input, token)]);
    if (!answer.ok) throw new Error(`${name} was answered ${JSON.stringify(answer)}`);
    return answer.reply as T;
  };
  const winners = journals.filter(({ claimed }) => claimed?.ok);
  expect(winners).toHaveLength(units);
  for (const { claimed } of journals)
    if (!claimed?.ok) expect(claimed).toEqual({ ok: false, why: 'sold-out', dealId: 'kettle' });
  const holdIds = winners.map(({ claimed }) => ((claimed as { reply: unknown }).reply as Hold).holdId);
  expect(new Set(holdIds).size).toBe(units);

  // What was answered once is answered so for ever, word for word, by whoever is asked.
  await forEachOf(journals, async ({ shopper, claim, claimed }) => {
    const again = await settle([() => callHttp(url, 'deals:claim', claim, shopper.token)]);
    expect(JSON.stringify(again)).toBe(JSON.stringify(claimed));
  });

  // Every payment that the till took is goods in the end, whoever was dead when it was told.
  const payers = winners.filter(({ placed }) => placed?.ok);
  expect(payers.length).toBeGreaterThan(units / 4);
  expect(payers.every(({ paidAtTill }) => paidAtTill)).toBe(true);
  const paymentIds = new Set<string>();
  await forEachOf(payers, async ({ shopper, placed }) => {
    const { paymentId } = ((placed as { reply: unknown }).reply as { payment: Payment }).payment;
    paymentIds.add(paymentId);
    const paid = await until(
      `the shop knows that ${paymentId} is paid`,
      async () => {
        const told = await ask<{ payment: Payment; orders: { state: { is: string } }[] }>(
          'orders:payment',
          { paymentId },
          shopper,
        );
        return told.payment.state.is !== 'open' && told;
      },
      { everyMs: 100, withinMs: 45_000 },
    );
    expect(paid.payment).toMatchObject({ state: { is: 'paid' }, amountMinor: priceMinor, refunds: [] });
    expect(paid.orders.map(({ state }) => state.is)).toEqual(['paid']);
  });
  expect(paymentIds.size).toBe(payers.length);

  await untilNothingIsOnItsWay(evening, ['kettle']);
  const books = await readBooks(evening, ['kettle']);
  const expected = { total: units, free: 0, held: units - payers.length, sold: payers.length };
  expect(books.kept.pools.get('kettle')).toEqual(expected);
  expect(books.ledger.pools.get('kettle')).toEqual(expected);
  const holding = winners.filter(({ placed }) => placed === null);
  expect(new Set(books.kept.holds.keys())).toEqual(
    new Set(holding.map(({ claimed }) => ((claimed as { reply: unknown }).reply as Hold).holdId)),
  );
  expect(books.kept.taken).toEqual(new Map(winners.map(({ shopper }) => [`${shopper.shopperId} kettle`, 1])));
  for (const node of evening.nodes) await expectLawsWhole(node);
  const { code, output } = await reconcile(evening);
  expect(code, output).toBe(0);
}

const festival = festivalOf({ deals: [{ id: 'kettle', total: units, limitPerShopper: 1, priceMinor }] });

test(`kill -9 of the node that the till tells, amid claims, orders and payments: the other takes over, and nothing that was answered is lost (seed ${seed})`, {
  timeout: 120_000,
}, async () => {
  const chance = seededChance('kill9 node orders');
  const evening = await startEvening({ festival, partitions, till: true });
  const journals = await spend(evening, chance, async () => {
    await evening.nodes[0]?.kill9();
    await evening.startAgain(0);
  });
  await expectNothingLost(evening, journals);
});

test(`kill -9 of Redis and its restart, amid claims, orders and payments: nothing that was answered is lost (seed ${seed})`, {
  timeout: 120_000,
}, async () => {
  const chance = seededChance('kill9 redis orders');
  const evening = await startEvening({ festival, partitions, till: true });
  const journals = await spend(evening, chance, () => evening.crashRedis());
  for (const node of evening.nodes) await until('the node is ready again', () => node.ready());
  await expectNothingLost(evening, journals);
});
