import type { Hold } from '@elevens/shared/src/deals/contract.ts';
import type { Payment } from '@elevens/shared/src/orders/contract.ts';
import { expect, test } from 'vitest';
import {
  type Books,
  callHttp,
  type Evening,
  expectLawsWhole,
  forEachOf,
  isDecided,
  type Line,
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

const clientCount = 2_000;
const units = 500;
const limit = 2;
const priceMinor = 11_100;

type Chance = ReturnType<typeof seededChance>;

/** One claim in a client's own journal: what was sent, and every answer that reached the client, in the order in which it did. */
interface Entry {
  input: { requestId: string; lines: { dealId: string; quantity: number }[] };
  answers: Outcome[];
}

interface Client {
  shopper: Shopper;
  node: number;
  line: Line;
  journal: Entry[];
}

const holdOf = ({ answers: [first] }: Entry): Hold | null => (first?.ok ? (first.reply as Hold) : null);
const holdsOf = (client: Client): Hold[] => client.journal.flatMap((entry) => holdOf(entry) ?? []);
const whyOf = ({ answers: [first] }: Entry): string => (first?.ok ? 'ok' : String((first as { why?: string })?.why));

/** An answer may be held back until later ones have passed it. The last ones are let go when nothing else comes. */
function createReordering(chance: Chance) {
  const held: (() => void)[] = [];
  const letGo = () => held.splice(chance.below(held.length), 1)[0]?.();
  const idle = setInterval(() => held.length > 0 && letGo(), 2);
  return {
    async pass<T>(answer: T): Promise<T> {
      if (held.length > 0 && chance.below(2) === 0) letGo();
      if (chance.below(4) === 0) await new Promise<void>((resolve) => held.push(resolve));
      return answer;
    },
    end: () => clearInterval(idle),
  };
}

/** Everybody's lines: half of the crowd at each node. */
async function gather({ keys, urls }: Evening, chance: Chance): Promise<Client[]> {
  const people = chance.shuffled(await shoppersOf(keys, clientCount));
  const clients: Client[] = [];
  await forEachOf(people, async (shopper, i) => {
    const node = i % urls.length;
    clients.push({ shopper, node, line: await openLine(urls[node] ?? '', shopper.token), journal: [] });
  });
  return clients;
}

/**
 * Sends one claim over a network that loses answers, delivers them twice, and lets them overtake each other. The client
 * does what every client should: without an answer it sends the same request again, another way.
 */
async function claim(
  { urls }: Evening,
  client: Client,
  entry: Entry,
  chance: Chance,
  pass: <T>(answer: T) => Promise<T>,
): Promise<void> {
  const { shopper, line, node } = client;
  const overSocket = () => line.call('deals:claim', entry.input);
  const overHttp = (at: number) => callHttp(urls[at % urls.length] ?? '', 'deals:claim', entry.input, shopper.token);
  const ways = chance.shuffled([overSocket, () => overHttp(node), () => overHttp(node + 1)]);
  const hear = async (answering: Promise<Outcome | null> | undefined) => {
    const answer = await pass(await answering);
    if (answer !== undefined && isDecided(answer)) entry.answers.push(answer);
  };
  switch (chance.below(10)) {
    case 0:
      // The line is cut behind the claim: it is decided or not, and the answer has nowhere to go.
      void overSocket();
      line.cut();
      break;
    case 1:
      // The answer comes and is lost on its last yards.
      await ways[0]?.();
      break;
    case 2:
      // Both copies arrive, at one node or at two.
      await Promise.all([hear(ways[0]?.()), hear(ways[1]?.())]);
      break;
    case 3:
      // Somebody impatient sends again before the answer can have come.
      await Promise.all([hear(ways[0]?.()), hear(ways[0]?.()), hear(ways[1]?.())]);
      break;
    default:
      await hear(ways[0]?.());
  }
  while (entry.answers.length === 0) await hear(settle(ways));
}

/** All that a client was told, against the ledger, against what Redis keeps, and against the limit. */
function expectJournalsToAgree(clients: readonly Client[], books: Books, dealIds: readonly string[]): void {
  const held = new Map<string, { shopperId: string; lines: string }>();
  const taken = new Map<string, number>();
  for (const { shopper, journal } of clients) {
    for (const entry of journal) {
      // However often it was asked and answered: one request, one answer.
      expect(new Set(entry.answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
      const hold = holdOf(entry);
      if (hold === null) continue;
      expect(held.has(hold.holdId)).toBe(false);
      const lines = hold.lines.map((l) => `${l.dealId} ${l.quantity} ${l.priceMinor}`).join(';');
      held.set(hold.holdId, { shopperId: shopper.shopperId, lines });
      for (const { dealId, quantity } of hold.lines) {
        const name = `${shopper.shopperId} ${dealId}`;
        taken.set(name, (taken.get(name) ?? 0) + quantity);
      }
    }
  }
  const sorted = <T>(map: Map<string, T>) => [...map].toSorted(([a], [b]) => (a < b ? -1 : 1));
  expect(sorted(books.ledger.holds)).toEqual(sorted(held));
  expect(sorted(books.kept.holds)).toEqual(sorted(held));
  expect(sorted(books.kept.taken)).toEqual(sorted(taken));
  for (const dealId of dealIds) {
    const had = [...taken].filter(([name]) => name.endsWith(` ${dealId}`)).reduce((sum, [, count]) => sum + count, 0);
    for (const book of [books.ledger.pools.get(dealId), books.kept.pools.get(dealId)])
      expect(book, dealId).toEqual({ total: book?.total, free: (book?.total ?? 0) - had, held: had, sold: 0 });
  }
}

async function expectReconciled(evening: Evening): Promise<void> {
  const { code, output } = await reconcile(evening);
  expect(code, output).toBe(0);
}

/** Places an order for all that a client holds and pays it on the till's page. Answers with the payment when the shop has it. */
async function buy({ urls }: Evening, client: Client): Promise<Payment> {
  const { shopper, node } = client;
  const ask = async <T>(name: string, input: object): Promise<T> => {
    const answer = await settle([() => callHttp(urls[node] ?? '', name, input, shopper.token)]);
    if (!answer.ok) throw new Error(`${name} was answered ${JSON.stringify(answer)}`);
    return answer.reply as T;
  };
  const holds = holdsOf(client);
  const placed = await ask<{ payment: Payment }>('orders:place', {
    requestId: requestId(),
    holdIds: holds.map(({ holdId }) => holdId),
    totalMinor: holds.length * priceMinor,
    currency: 'CNY',
  });
  const { paymentId } = placed.payment;
  const { url } = await ask<{ url: string }>('orders:pay', { requestId: requestId(), paymentId });
  expect(await pressPay(url, '4242')).toBe(303);
  return until(
    `the shop knows that ${paymentId} is paid`,
    async () => {
      const { payment } = await ask<{ payment: Payment }>('orders:payment', { paymentId });
      return payment.state.is === 'paid' && payment;
    },
    { everyMs: 50, withinMs: 45_000 },
  );
}

test.for([1, 4])(
  `${clientCount} clients at two nodes want ${units} units, with %i partitions, over a network that loses, doubles and reorders answers: exactly ${units} are held, then sold (seed ${seed})`,
  { timeout: 150_000 },
  async (partitions) => {
    const chance = seededChance(`stampede ${partitions}`);
    const festival = festivalOf({ deals: [{ id: 'kettle', total: units, limitPerShopper: limit, priceMinor }] });
    const evening = await startEvening({ festival, partitions, till: true });
    const clients = await gather(evening, chance);

    // Most want one; some want as many as they may have, and some more than that.
    const wants = clients.flatMap((client) =>
      Array.from({ length: chance.pick([1, 1, 1, 2, 2, limit + 2]) }, () => {
        const entry: Entry = {
          input: { requestId: requestId(), lines: [{ dealId: 'kettle', quantity: 1 }] },
          answers: [],
        };
        client.journal.push(entry);
        return { client, entry };
      }),
    );
    const reordering = createReordering(chance);
    await Promise.all(
      chance.shuffled(wants).map(({ client, entry }) => claim(evening, client, entry, chance, reordering.pass)),
    );
    reordering.end();

    const told = Object.groupBy(wants, ({ entry }) => whyOf(entry));
    expect(told.ok).toHaveLength(units);
    for (const why of Object.keys(told)) expect(['ok', 'sold-out', 'limit-reached']).toContain(why);
    expect(told['sold-out']?.length).toBeGreaterThan(clientCount / 2);
    for (const client of clients) {
      expect(holdsOf(client).length).toBeLessThanOrEqual(limit);
      for (const entry of client.journal.filter((e) => whyOf(e) === 'limit-reached')) {
        expect(entry.answers[0]).toEqual({ ok: false, why: 'limit-reached', dealId: 'kettle', limit, taken: limit });
        expect(holdsOf(client)).toHaveLength(limit);
      }
    }

    // Copies that were long under way arrive when everything is over, at the other node: they change nothing.
    await forEachOf(
      wants.filter(() => chance.below(5) === 0),
      async ({ client, entry }) => {
        const { shopper, node } = client;
        const url = evening.urls[(node + 1) % 2] ?? '';
        entry.answers.push(await settle([() => callHttp(url, 'deals:claim', entry.input, shopper.token)]));
      },
    );
    await untilNothingIsOnItsWay(evening, ['kettle']);
    expectJournalsToAgree(clients, await readBooks(evening, ['kettle']), ['kettle']);

    const buyers = clients.filter((client) => holdsOf(client).length > 0);
    let paidMinor = 0;
    await forEachOf(
      buyers,
      async (client) => {
        const { amountMinor } = await buy(evening, client);
        paidMinor += amountMinor;
      },
      24,
    );
    expect(paidMinor).toBe(units * priceMinor);
    const after = await readBooks(evening, ['kettle']);
    const sold = { total: units, free: 0, held: 0, sold: units };
    expect(after.ledger.pools.get('kettle')).toEqual(sold);
    expect(after.kept.pools.get('kettle')).toEqual(sold);
    expect(after.kept.holds.size).toBe(0);

    for (const node of evening.nodes) await expectLawsWhole(node);
    await expectReconciled(evening);
  },
);

test.for([1, 4])(
  `baskets of two and three deals in any order, with %i partitions: all or nothing, no one waits for ever, and nobody is told sold out of what is left (seed ${seed})`,
  { timeout: 90_000 },
  async (partitions) => {
    const chance = seededChance(`baskets ${partitions}`);
    // Few units, so that every slice runs dry; more of some than anybody wants.
    const totals = new Map(Array.from({ length: 9 }, (_, i) => [`deal-${i}`, i < 6 ? 3 + 9 * i : 2_000]));
    const dealIds = [...totals.keys()];
    const festival = festivalOf({ deals: [...totals].map(([id, total]) => ({ id, total, limitPerShopper: 1 })) });
    const evening = await startEvening({ festival, partitions });
    const { urls } = evening;
    const people = await shoppersOf(evening.keys, 360);
    const clients: Client[] = [];
    await forEachOf(people, async (shopper, i) => {
      const node = i % 2;
      clients.push({ shopper, node, line: await openLine(urls[node] ?? '', shopper.token), journal: [] });
    });
    const wants = clients.flatMap((client) =>
      Array.from({ length: 2 }, (_, nth) => {
        // Two baskets of one shopper have no deal in common, so that the limit is in nobody's way.
        const ids = dealIds.filter((_id, i) => i % 2 === nth);
        const lines = chance
          .shuffled(ids)
          .slice(0, 2 + chance.below(2))
          .map((dealId) => ({ dealId, quantity: 1 }));
        const entry: Entry = { input: { requestId: requestId(), lines }, answers: [] };
        client.journal.push(entry);
        return { client, entry };
      }),
    );
    await Promise.all(
      chance.shuffled(wants).map(async ({ client, entry }) => {
        const ways = [
          () => client.line.call('deals:claim', entry.input),
          () => callHttp(urls[1 - client.node] ?? '', 'deals:claim', entry.input, client.shopper.token),
        ];
        entry.answers.push(await settle(chance.shuffled(ways)));
      }),
    );
    await untilNothingIsOnItsWay(evening, dealIds);
    const books = await readBooks(evening, dealIds);
    expectJournalsToAgree(clients, books, dealIds);

    // Nothing came back, so what is left at the end was left all the time: a basket that fitted was never refused.
    const free = (dealId: string) => books.kept.pools.get(dealId)?.free ?? 0;
    const told = Object.groupBy(wants, ({ entry }) => whyOf(entry));
    expect(Object.keys(told).toSorted()).toEqual(['ok', 'sold-out']);
    for (const { entry } of told['sold-out'] ?? []) {
      const { dealId } = entry.answers[0] as unknown as { dealId: string };
      expect(entry.input.lines.map((line) => line.dealId)).toContain(dealId);
      expect(free(dealId), `${dealId} was said to be sold out`).toBe(0);
    }
    expect(dealIds.filter((id) => free(id) === 0).length).toBeGreaterThan(2);
    for (const node of evening.nodes) await expectLawsWhole(node);
    await expectReconciled(evening);
  },
);
