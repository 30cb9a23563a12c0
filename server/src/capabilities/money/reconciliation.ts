import type { Difference, LawReading } from '../../platform/laws.ts';
import type { Redis } from '../../platform/redis/connections.ts';
import type { Keyspace } from '../../platform/redis/keyspace.ts';
import type { LedgerFollower } from '../../platform/redis/ledger.ts';
import { createMoneyLaws } from './laws.ts';
import { differencesOfOrder, keptOrder, keptPayment } from './strings.ts';

/** What was compared in one part of a reconciliation. */
export interface Reconciled {
  name: string;
  compared: number;
  what: string;
  differences: Difference[];
}

/** A law that goes round everything there is, some in every round. */
interface RoundLaw<Name extends string> {
  check(): Promise<Record<Name, LawReading>>;
  /** How often everyone of each kind had their turn. */
  turns(): readonly number[];
  linesRead(): number;
}

/** A law that answers pairs that should be equal, some of them in every round; none while its ledger is still being read. */
export interface PairLaw {
  name: string;
  what: string;
  check(): Promise<readonly Difference[]>;
}

/** Shoppers, holds, uses and strings looked at in one round: nobody watches, so a round may be larger than the monitor's. */
export const reconciledPerRound = 1_000;
/** Orders read at once of one shopper. */
const ordersPerRead = 100;
/** A shopper whose orders move while they are read is read again; somebody who never rests is a fault of ours. */
const readsMax = 50;
/** Lines that a follower of a ledger reads in one round, at least. */
const linesPerRound = 10_000;
/** Keys asked for in one page of a scan. */
const scanPage = 1_000;
/** Differences that are told of one part. One is enough to fail; a thousand would say no more. */
const differencesMax = 50;

/** Adds one round's differences to those found before: the same thing is told once, as it was found last. */
function gather(into: Map<string, Difference>, more: readonly Difference[]): void {
  for (const difference of more) if (into.size < differencesMax) into.set(difference.subject, difference);
}

/**
 * Re-derives every balance and every stock figure of a festival from its ledgers' first lines, and reads every order and payment, while
 * the festival may go on. Nothing is written. Memory: one page of lines, and what is open or owned (about 150 bytes a shopper who
 * paid, 250 an open hold, 300 an order in escrow).
 */
export function createReconciliation({
  redis,
  keys,
  stock,
  others,
  follow,
  sealed,
}: {
  redis: Redis;
  keys: Keyspace;
  /** The laws of deals, made for a reconciliation. */
  stock: RoundLaw<'stock' | 'holds' | 'coupons'>;
  /** The laws of what else the ledger tells of: packets, energy. */
  others: readonly PairLaw[];
  /** Reads the ledger of a partition from its first line; through what was sealed, where anything was. */
  follow?: (p: number) => LedgerFollower;
  /** What was found of the sealed segments; null where none were read. */
  sealed?: Reconciled | null;
}) {
  const perRound = reconciledPerRound;
  const money = createMoneyLaws({ redis, keys, perRound, ...(follow === undefined ? {} : { follow }) });

  /** Counts until the ledger's end is reached and everything had its turn; each part with all that was found. */
  async function wholeRound<Name extends string>(
    law: RoundLaw<Name>,
    names: readonly Name[],
  ): Promise<Record<Name, { reading: LawReading; compared: number; found: Map<string, Difference> }>> {
    const parts = Object.fromEntries(
      names.map((name) => [name, { compared: 0, found: new Map() }]),
    ) as unknown as Record<Name, { reading: LawReading; compared: number; found: Map<string, Difference> }>;
    let begun: readonly number[] | null = null;
    for (;;) {
      const readings = await law.check();
      if (names.some((name) => readings[name].counting)) continue;
      for (const name of names) {
        const part = parts[name];
        part.reading = readings[name];
        part.compared = Math.max(part.compared, readings[name].checked);
        gather(part.found, readings[name].evidence);
      }
      // The turn that was under way when the ledger's end was reached began before it: the one after that is of all there is.
      begun ??= law.turns();
      const since = begun;
      if (law.turns().every((done, i) => done >= (since[i] ?? 0) + 2)) return parts;
    }
  }

  /** Counts until no round brings anything that was not compared before. */
  async function wholePairs({ name, what, check }: PairLaw, lines: number): Promise<Reconciled> {
    const compared = new Map<string, Difference>();
    // A follower reads so many lines a round, and says nothing until it has read them all.
    const silentMax = 3 + Math.ceil(lines / linesPerRound);
    for (let silent = 0; silent < silentMax; ) {
      const before = compared.size;
      for (const pair of await check()) compared.set(pair.subject, pair);
      silent = compared.size > before ? 0 : silent + 1;
    }
    const differences = [...compared.values()].filter((pair) => pair.expected !== pair.found).slice(0, differencesMax);
    return { name, what, compared: compared.size, differences };
  }

  /** All of one shopper at one moment: read again until no decision fell in between. */
  async function readShopper(k: ReturnType<Keyspace['partition']>, shopperId: string) {
    for (let reads = 0; reads < readsMax; reads++) {
      const before = await redis.hmget(k.account(shopperId), 'v', 'minor');
      const orderIds = await redis.zrange(k.shopperOrders(shopperId), '0', '-1');
      const orders: { id: string; text: string | null; entries: string[] }[] = [];
      for (let from = 0; from < orderIds.length; from += ordersPerRead) {
        const some = orderIds.slice(from, from + ordersPerRead);
        const pipeline = redis.pipeline();
        for (const id of some) pipeline.get(k.order(id)).lrange(k.timeline(id), 0, -1);
        const found = ((await pipeline.exec()) ?? []).map(([error, value]) => {
          if (error !== null) throw error;
          return value;
        });
        orders.push(
          ...some.map((id, i) => ({ id, text: found[2 * i] as string | null, entries: found[2 * i + 1] as string[] })),
        );
      }
      const paymentIds = new Set(
        orders.flatMap(({ text }) => {
          const kept = keptOrder(text)?.kept;
          return kept === undefined
            ? []
            : [kept.placedIn, kept.order.paymentId, ...kept.paidBy.map(({ paymentId }) => paymentId)];
        }),
      );
      const texts = paymentIds.size === 0 ? [] : await redis.mget(...[...paymentIds].map((id) => k.payment(id)));
      const after = await redis.hget(k.account(shopperId), 'v');
      if (after !== before[0]) continue;
      const payments = [...paymentIds].map((id, i) => ({ id, document: keptPayment(texts[i] ?? null) }));
      return { minor: Number(before[1] ?? 0), orders, payments };
    }
    throw new Error(`the orders of ${shopperId} moved ${readsMax} times while they were read`);
  }

  type Shopper = Awaited<ReturnType<typeof readShopper>>;

  function differencesOfPayments(shopperId: string, { minor, orders, payments }: Shopper): Difference[] {
    const found: Difference[] = [];
    const compare = (subject: string, expected: number, is: number) => {
      if (expected !== is) found.push({ subject, expected, found: is });
    };
    const kept = orders.flatMap(({ text }) => keptOrder(text)?.kept ?? []);
    let inMinor = 0;
    for (const { id, document } of payments) {
      if (document === null) {
        compare(`payment ${id}: its document`, 1, 0);
        continue;
      }
      const { payment } = document.kept;
      compare(`payment ${id}: version of its document`, document.kept.version, document.version);
      const came = payment.state.is === 'paid' || payment.state.is === 'paid-late' || payment.state.is === 'refunded';
      if (came) inMinor += payment.amountMinor;
      for (const refund of payment.refunds) if (refund.state === 'confirmed') inMinor -= refund.amountMinor;
      const parts = kept.flatMap((order) => order.paidBy.filter(({ paymentId }) => paymentId === id));
      const brought = parts.reduce((sum, part) => sum + part.minor, 0);
      // A late payment is not yet any order's.
      compare(
        `payment ${id}: what it brought to its orders`,
        came && payment.state.is !== 'paid-late' ? payment.amountMinor : 0,
        brought,
      );
      const asked = payment.refunds.reduce((sum, refund) => sum + refund.amountMinor, 0);
      const back = parts.reduce((sum, part) => sum + part.backMinor, 0);
      compare(`payment ${id}: what of it was sent back`, asked, back);
    }
    compare(`account of ${shopperId} and what their payments say`, -inMinor, minor);
    return found;
  }

  /** Every order and payment of every shopper that the ledger knows, and orders that it does not know. */
  async function ordersAndPayments(): Promise<{ orders: Reconciled; payments: Reconciled }> {
    const ordersFound = new Map<string, Difference>();
    const paymentsFound = new Map<string, Difference>();
    const sum = { orders: 0, entries: 0, payments: 0, refunds: 0 };
    for (const [p, books] of money.books().entries()) {
      const k = keys.partition(p);
      for (const shopperId of books.ordersBy.keys()) {
        const shopper = await readShopper(k, shopperId);
        sum.orders += shopper.orders.length;
        for (const { id, text, entries } of shopper.orders) {
          sum.entries += entries.length;
          gather(ordersFound, differencesOfOrder(id, text, entries));
        }
        const placed = books.ordersBy.get(shopperId) ?? 0;
        // More may have been placed since the ledger was read to its end.
        if (shopper.orders.length < placed)
          gather(ordersFound, [{ subject: `orders of ${shopperId}`, expected: placed, found: shopper.orders.length }]);
        sum.payments += shopper.payments.length;
        for (const { document } of shopper.payments) sum.refunds += document?.kept.payment.refunds.length ?? 0;
        gather(paymentsFound, differencesOfPayments(shopperId, shopper));
      }
      gather(ordersFound, await strayOrders(p));
    }
    return {
      orders: {
        name: 'orders',
        compared: sum.orders,
        what: `orders, ${sum.entries} entries of their timelines`,
        differences: [...ordersFound.values()],
      },
      payments: {
        name: 'payments',
        compared: sum.payments,
        what: `payments, ${sum.refunds} refunds`,
        differences: [...paymentsFound.values()],
      },
    };
  }

  /** Documents of orders that no list of a shopper's orders names: nobody but another hand can have put them there. */
  async function strayOrders(p: number): Promise<Difference[]> {
    const k = keys.partition(p);
    const prefix = k.order('');
    const found: Difference[] = [];
    const pattern = `${prefix.replaceAll(/[\\[\]*?]/g, (sign) => `\\${sign}`)}*`;
    let cursor = '0';
    do {
      const [next, page] = await redis.scan(cursor, 'MATCH', pattern, 'COUNT', scanPage);
      cursor = next;
      for (const key of page) {
        const orderId = key.slice(prefix.length);
        const document = keptOrder(await redis.get(key));
        const { shopperId = '' } = document?.kept.order ?? {};
        const listed = await redis.zscore(k.shopperOrders(shopperId), orderId);
        if (listed === null && found.length < differencesMax)
          found.push({ subject: `${orderId}: is among its shopper's orders`, expected: 1, found: 0 });
      }
    } while (cursor !== '0');
    return found;
  }

  return {
    /** The whole of it. Rejects where Redis cannot say. */
    async run(): Promise<{ lines: number; parts: Reconciled[] }> {
      const ofStock = await wholeRound(stock, ['stock', 'holds', 'coupons']);
      const ofMoney = await wholeRound(money, ['money', 'coupons']);
      const { orders, payments } = await ordersAndPayments();
      const part = (
        name: string,
        what: string,
        ...from: { compared: number; found: Map<string, Difference> }[]
      ): Reconciled => ({
        name,
        what,
        compared: from.reduce((sum, { compared }) => sum + compared, 0),
        differences: from.flatMap(({ found }) => [...found.values()]),
      });
      const parts = [
        ...(sealed ? [sealed] : []),
        part('stock', 'deals, at home and in every slice', ofStock.stock),
        part('holds', 'open holds', ofStock.holds),
        part('money', 'accounts, shoppers, escrows and strings', ofMoney.money),
        part('coupons', 'pools and uses of coupons', ofStock.coupons, ofMoney.coupons),
        orders,
        payments,
      ];
      const lines = money.linesRead();
      for (const law of others) parts.push(await wholePairs(law, lines));
      return { lines, parts };
    },
  };
}
