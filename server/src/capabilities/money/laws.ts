import { createTurns, type Difference, type LawReading } from '../../platform/laws.ts';
import type { Redis } from '../../platform/redis/connections.ts';
import type { Keyspace } from '../../platform/redis/keyspace.ts';
import { followLedger, isAtOrBefore, type LedgerFollower, type LedgerLine } from '../../platform/redis/ledger.ts';
import { type Books, couponFund, couponPool, emptyBooks, foldMoney, forgetEscrow } from './books.ts';
import { differencesOfOrder, escrowIn } from './strings.ts';

/** Shoppers, coupon uses and order strings looked at in one round, so that a round costs the same however many there are. */
const lookedPerRound = 200;
/** Documents of orders read in one call, and in one round: about 1.5 kB each. */
const documentsPerCall = 250;
const documentsPerRound = 5_000;
/** Looks until no order moved between a look and the end of the ledger; each is a fraction of a millisecond. */
const looksMax = 12;

/** Orders of one payment that a difference names; a payment covers no more. */
const ordersNamedMax = 8;

/** How many times a shopper may use a coupon; undefined where that is not known. */
export type UsesPerShopper = (couponId: string) => number | undefined;

function createPartitionLaws({
  redis,
  keys,
  p,
  ledger,
  perRound,
  usesPerShopper,
}: {
  redis: Redis;
  keys: Keyspace;
  p: number;
  ledger: LedgerFollower;
  perRound: number;
  usesPerShopper: UsesPerShopper;
}) {
  const k = keys.partition(p);
  const books: Books = emptyBooks();
  const shoppers = createTurns(perRound);
  const uses = createTurns(perRound);
  const strings = createTurns(perRound);
  const where = keys.partitions > 1 ? ` (partition ${p})` : '';
  /** What the documents of orders say is in escrow, of those of which anything is. */
  const inDocuments = new Map<string, bigint>();
  /** Uses that were made beyond the limit that held when they were made. */
  const beyond = new Map<string, { uses: number; limit: number }>();
  let ahead: LedgerLine[] = [];
  let live = false;

  function fold(line: LedgerLine): void {
    foldMoney(books, line);
    if (!line.fields.stock?.includes(couponPool)) return;
    for (const move of line.fields.stock.split(';')) {
      const [poolId = '', way = '', , said] = move.split(' ');
      if (!poolId.startsWith(couponPool)) continue;
      const couponId = poolId.slice(couponPool.length);
      const key = `${couponId} ${line.fields.shopper ?? ''}`;
      const made = books.uses.get(key) ?? 0;
      // A line of an earlier version does not say it; today's limit is right for those written while this follower watches.
      const limit = said !== undefined ? Number(said) : live ? usesPerShopper(couponId) : undefined;
      if (way.startsWith('free>') && limit !== undefined && made > limit) beyond.set(key, { uses: made, limit });
      else if (made <= (beyond.get(key)?.limit ?? 0)) beyond.delete(key);
    }
  }

  function keepDocument(orderId: string, text: string | null | undefined): void {
    const minor = escrowIn(text);
    if (minor === 0n) inDocuments.delete(orderId);
    else inDocuments.set(orderId, minor);
  }

  /** Folds what there is up to a line; the rest waits for the next look. */
  async function foldUpTo(lastId: string): Promise<boolean> {
    ahead.push(...(await ledger.catchUp()));
    const later = ahead.findIndex((line) => !isAtOrBefore(line.id, lastId));
    for (const line of ahead.splice(0, later === -1 ? ahead.length : later)) fold(line);
    return ledger.caughtUp();
  }

  /** Accounts, and everything that has its turn, at one moment, together with the documents of these orders. */
  async function look(orderIds: readonly string[], looked: { shoppers: string[]; uses: string[]; strings: string[] }) {
    const transaction = redis.multi().xrevrange(k.ledger, '+', '-', 'COUNT', 1).hgetall(k.accounts);
    for (const id of orderIds) transaction.get(k.order(id));
    for (const id of looked.shoppers) transaction.hmget(k.account(id), 'minor', 'at');
    for (const key of looked.uses) {
      const [couponId = '', shopperId = ''] = key.split(' ');
      transaction.hget(k.taken(`${couponPool}${couponId}`), shopperId);
    }
    for (const id of looked.strings) transaction.get(k.order(id)).lrange(k.timeline(id), 0, -1);
    const replies = ((await transaction.exec()) ?? []).map(([error, value]) => {
      // A key of another type than it should be is a find too, but not one that can be counted.
      if (error !== null) throw error;
      return value;
    });
    let next = 2;
    for (const id of orderIds) keepDocument(id, replies[next++] as string | null);
    const seen = {
      lastId: (replies[0] as [string, string[]][])[0]?.[0] ?? '0-0',
      accounts: replies[1] as Record<string, string>,
      shoppers: looked.shoppers.map((id) => ({ id, kept: replies[next++] as (string | null)[] })),
      uses: looked.uses.map((key) => ({ key, taken: Number(replies[next++] ?? 0) })),
      strings: looked.strings.map((id) => ({
        id,
        document: replies[next++] as string | null,
        entries: replies[next++] as string[],
      })),
    };
    // Documents are remembered until a line is about them; what another hand writes into one is seen when it has its turn.
    for (const { id, document } of seen.strings) keepDocument(id, document);
    return seen;
  }

  /** Reads the documents of orders that lines were about, until only so few are left that one look takes them all. */
  async function readTouched(): Promise<boolean> {
    for (let read = 0; books.touched.size > documentsPerCall; read += documentsPerCall) {
      if (read >= documentsPerRound) return false;
      const some = [...books.touched].slice(0, documentsPerCall);
      const texts = await redis.mget(...some.map((id) => k.order(id)));
      for (const [i, id] of some.entries()) {
        keepDocument(id, texts[i]);
        books.touched.delete(id);
      }
    }
    return true;
  }

  return {
    books,
    turns: () => [shoppers.done(), uses.done(), strings.done()],

    /** One round; null while the ledger is still being read. */
    async check() {
      for (const line of [...ahead, ...(await ledger.catchUp())]) fold(line);
      ahead = [];
      if (!ledger.caughtUp() || !(await readTouched())) return null;
      live = true;

      const looked = {
        shoppers: shoppers.next(() => books.shoppers.keys()),
        uses: uses.next(() => books.uses.keys()),
        strings: strings.next(() => new Set([...books.recent, ...books.escrow.keys()])),
      };
      let asked = [...books.touched];
      books.touched.clear();
      let seen = await look(asked, looked);
      if (!(await foldUpTo(seen.lastId))) return null;
      // Orders that moved between the last line folded and this look: their documents are read again, until none moved meanwhile.
      for (let looks = 1; [...books.touched].some((id) => !asked.includes(id)); looks++) {
        if (looks === looksMax) return null;
        asked = [...books.touched];
        books.touched.clear();
        seen = await look(asked, looked);
        if (!(await foldUpTo(seen.lastId))) return null;
      }
      books.touched.clear();
      return compare(seen);
    },
  };

  function compare(seen: Awaited<ReturnType<typeof look>>) {
    const money: Difference[] = [...books.wrong];
    const coupons: Difference[] = [];
    let checked = 0;
    const add = (found: Difference[], difference: Difference) => {
      checked++;
      if (difference.expected !== difference.found) found.push(difference);
    };
    const last = (what: string, { ledgerAt, keptAt }: { ledgerAt: string; keptAt: string }): Difference => ({
      subject: `${what}: its last line, ${ledgerAt || 'none'}${where}`,
      expected: 1,
      found: keptAt === ledgerAt ? 1 : 0,
    });

    const names = new Set([
      ...books.accounts.keys(),
      ...Object.keys(seen.accounts).filter((name) => !name.endsWith('@at')),
    ]);
    let sum = 0n;
    for (const name of names) {
      const ours = books.accounts.get(name);
      const kept = seen.accounts[name] ?? '0';
      sum += /^-?\d+$/.test(kept) ? BigInt(kept) : 0n;
      add(money, {
        subject: `account ${name}${where}`,
        expected: Number(ours?.minor ?? 0n),
        found: Number(kept),
        minor: true,
      });
      add(money, last(`account ${name}`, { ledgerAt: ours?.at ?? '', keptAt: seen.accounts[`${name}@at`] ?? '' }));
      if (!name.startsWith(couponFund)) continue;
      const about = { kind: 'coupon', id: name.slice(couponFund.length) } as const;
      // The fund pays and is paid back: it can never have got more back than it paid.
      const found = Math.max(0, Number(ours?.minor ?? 0n));
      add(coupons, {
        subject: `coupon ${about.id}: more came back to its fund than it paid`,
        expected: 0,
        found,
        about,
      });
    }
    add(money, { subject: `sum of all accounts${where}`, expected: 0, found: Number(sum), minor: true });

    for (const { id, kept } of seen.shoppers) {
      const before = money.length;
      const ours = books.shoppers.get(id);
      add(money, {
        subject: `account of ${id}`,
        expected: Number(ours?.minor ?? 0n),
        found: Number(kept[0] ?? 0),
        minor: true,
      });
      add(money, last(`account of ${id}`, { ledgerAt: ours?.at ?? '', keptAt: kept[1] ?? '' }));
      if (money.length > before) shoppers.again([id]);
    }

    // There may be a hundred thousand of them, so words are found for those alone that are off.
    for (const [id, group] of books.escrow) {
      const [first = ''] = group.orderIds;
      if (id !== first) continue;
      checked++;
      let found = 0n;
      for (const orderId of group.orderIds) found += inDocuments.get(orderId) ?? 0n;
      if (group.minor === 0n && found === 0n) forgetEscrow(books, group);
      if (group.minor === found) continue;
      const subject = `${[...group.orderIds].slice(0, ordersNamedMax).join(', ')}: in escrow`;
      const about = { kind: 'order', id: first } as const;
      money.push({ subject, expected: Number(group.minor), found: Number(found), minor: true, about });
    }
    // What documents say of orders of which no line ever put anything into escrow.
    for (const [id, minor] of inDocuments) {
      if (books.escrow.has(id)) continue;
      add(money, {
        subject: `${id}: in escrow`,
        expected: 0,
        found: Number(minor),
        minor: true,
        about: { kind: 'order', id },
      });
    }
    for (const { id, document, entries } of seen.strings) {
      checked++;
      const found = differencesOfOrder(id, document, entries);
      if (found.length > 0) strings.again([id]);
      money.push(...found);
    }

    let usesChecked = 0;
    for (const { key, taken } of seen.uses) {
      usesChecked++;
      const [couponId = '', shopperId = ''] = key.split(' ');
      const about = { kind: 'coupon', id: couponId } as const;
      const subject = `coupon ${couponId}: uses of ${shopperId}`;
      const expected = books.uses.get(key) ?? 0;
      if (expected !== taken) uses.again([key]);
      add(coupons, { subject, expected, found: taken, about });
    }
    for (const [key, { uses: made, limit }] of beyond) {
      const [couponId = '', shopperId = ''] = key.split(' ');
      const about = { kind: 'coupon', id: couponId } as const;
      const subject = `coupon ${couponId}: uses of ${shopperId} beyond the limit of ${limit}`;
      add(coupons, { subject, expected: limit, found: made, about });
    }
    return {
      money,
      coupons,
      checked: checked - usesChecked,
      usesChecked,
      accounts: names.size,
      escrow: books.accounts.get('escrow')?.minor ?? 0n,
      inOrders: [...inDocuments.values()].reduce((all, minor) => all + minor, 0n),
    };
  }
}

export interface MoneyReadings {
  money: LawReading;
  coupons: LawReading;
}

/**
 * The laws of money, from the ledgers alone: every account is what its lines posted, the accounts of a partition sum to nothing, escrow
 * is what the orders in escrow say, only receipt pays a seller, every shopper's account and every order's string of entries is whole (some
 * in every round, all in turn). And of coupons: each shopper's uses are what their orders used, within the limit, and no fund
 * ever gains.
 */
export function createMoneyLaws({
  redis,
  keys,
  usesPerShopper = () => undefined,
  perRound = lookedPerRound,
  follow = (p) => followLedger(redis, keys.partition(p).ledger),
}: {
  redis: Redis;
  keys: Keyspace;
  usesPerShopper?: UsesPerShopper;
  perRound?: number;
  /** Reads the ledger of a partition from its first line. */
  follow?: (p: number) => LedgerFollower;
}) {
  const partitions = Array.from({ length: keys.partitions }, (_, p) =>
    createPartitionLaws({ redis, keys, p, ledger: follow(p), perRound, usesPerShopper }),
  );
  const sumOf = (of: (partition: (typeof partitions)[number]) => number) =>
    partitions.reduce((sum, partition) => sum + of(partition), 0);

  return {
    async check(): Promise<MoneyReadings> {
      const found = await Promise.all(partitions.map((partition) => partition.check()));
      const read = found.flatMap((each) => each ?? []);
      if (read.length < partitions.length) {
        const none: LawReading = { counting: true, checked: 0, sum: '', evidence: [] };
        return { money: none, coupons: none };
      }
      const escrow = read.reduce((sum, each) => sum + each.escrow, 0n);
      const inOrders = read.reduce((sum, each) => sum + each.inOrders, 0n);
      const accounts = read.reduce((sum, each) => sum + each.accounts, 0);
      return {
        money: {
          counting: false,
          checked: read.reduce((sum, each) => sum + each.checked, 0),
          sum: `${accounts} accounts; escrow ${escrow}, the orders in escrow say ${inOrders}`,
          evidence: read.flatMap((each) => each.money),
        },
        coupons: {
          counting: false,
          checked: read.reduce((sum, each) => sum + each.usesChecked, 0),
          sum: `${sumOf(({ books }) => books.uses.size)} shoppers use coupons`,
          evidence: read.flatMap((each) => each.coupons),
        },
      };
    },
    /** How often every shopper, every coupon use and every order's string had a turn. */
    turns: () => partitions.flatMap((partition) => partition.turns()),
    books: () => partitions.map((partition) => partition.books),
    linesRead: () => sumOf(({ books }) => books.lines),
  };
}
