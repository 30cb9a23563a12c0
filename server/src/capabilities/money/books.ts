import type { About, Difference } from '../../platform/laws.ts';
import type { LedgerLine } from '../../platform/redis/ledger.ts';
import type { MakeBalances } from '../../platform/redis/segments.ts';

/**
 * What the lines of one partition's ledger say of money and of coupons, added up. Pure: the monitor, the reconciliation and the
 * sealer fold the same lines into the same books. Amounts are bigint, because a sum over a festival may pass 2^53.
 */
export interface Books {
  /** Every account, with the id of its last line. */
  accounts: Map<string, Account>;
  /** Each shopper's part of the account `shoppers`. About 150 bytes a shopper who paid. */
  shoppers: Map<string, Account>;
  /** Orders that were decided together share an amount of escrow, until all of it is gone. About 300 bytes while it lasts. */
  escrow: Map<string, EscrowGroup>;
  /** Uses of coupons that are set aside or used up, by '<coupon> <shopper>'. */
  uses: Map<string, number>;
  /** Lines that no decision could have written. They stay: a ledger is only ever added to. */
  wrong: Difference[];
  /** Orders that lines were about since somebody last looked. */
  touched: Set<string>;
  /** The last orders that lines were about, the latest last. */
  recent: Set<string>;
  /** How many orders each shopper placed. */
  ordersBy: Map<string, number>;
  lines: number;
  /** The last line that was folded. */
  at: string;
}

export interface Account {
  minor: bigint;
  at: string;
}

export interface EscrowGroup {
  minor: bigint;
  orderIds: Set<string>;
}

/** Wrong lines that are kept as evidence: the first few say what is wrong. */
const wrongMax = 50;
/** Orders whose strings are looked at in turn: those of the last hours of a busy evening, about 60 bytes each. */
const recentMax = 20_000;

/** Lines after which what only a monitor needs is let go of where accounts alone are wanted: a few hundred bytes a line at most. */
const forgottenEveryLines = 10_000;

export const emptyBooks = (): Books => ({
  accounts: new Map(),
  shoppers: new Map(),
  escrow: new Map(),
  uses: new Map(),
  wrong: [],
  touched: new Set(),
  recent: new Set(),
  ordersBy: new Map(),
  lines: 0,
  at: '0-0',
});

/** What is kept in front of a coupon in the names of pools and of its fund's account. */
export const couponPool = 'coupon:';
export const couponFund = 'coupon-fund:';

const listOf = (text: string | undefined, by: string) => (text ? text.split(by) : []);

/** The postings of a line; null where they cannot be read. */
function postingsOf(text: string | undefined): [string, bigint][] | null {
  const postings: [string, bigint][] = [];
  for (const part of listOf(text, ';')) {
    const [account = '', minor = '', ...more] = part.split(' ');
    if (account === '' || more.length > 0 || !/^-?\d{1,18}$/.test(minor)) return null;
    postings.push([account, BigInt(minor)]);
  }
  return postings;
}

function post(accounts: Map<string, Account>, { name, minor, at }: { name: string; minor: bigint; at: string }): void {
  const account = accounts.get(name);
  if (account === undefined) accounts.set(name, { minor, at });
  else {
    account.minor += minor;
    account.at = at;
  }
}

/** The group of these orders: theirs, or those of several joined, or a new one. */
function escrowOf(books: Books, orderIds: readonly string[]): EscrowGroup {
  const groups = new Set(orderIds.flatMap((id) => books.escrow.get(id) ?? []));
  const [first = { minor: 0n, orderIds: new Set<string>() }, ...others] = groups;
  for (const other of others) {
    first.minor += other.minor;
    for (const id of other.orderIds) first.orderIds.add(id);
  }
  for (const id of orderIds) first.orderIds.add(id);
  for (const id of first.orderIds) books.escrow.set(id, first);
  return first;
}

/** Takes an order out of the group of which nothing is in escrow any more. */
export function forgetEscrow(books: Books, group: EscrowGroup): void {
  for (const id of group.orderIds) books.escrow.delete(id);
}

/** Adds one line to the books. What is neither money nor coupons is none of their business. */
export function foldMoney(books: Books, line: LedgerLine): void {
  const { id: at, fields } = line;
  books.lines++;
  books.at = at;
  const event = fields.e ?? '';
  if (!event.startsWith('order-')) return;
  const orderIds = listOf(fields.orders, ',');
  const shopperId = fields.shopper ?? '';
  const [named = fields.payment ?? ''] = orderIds;
  const about: About = { kind: 'order', id: named };
  const wrong = (what: string, expected: bigint, found: bigint) => {
    if (books.wrong.length >= wrongMax) return;
    const subject = `${named}: ${what} (${event}, line ${at})`;
    books.wrong.push({ subject, expected: Number(expected), found: Number(found), minor: true, about });
  };

  if (event === 'order-placed') books.ordersBy.set(shopperId, (books.ordersBy.get(shopperId) ?? 0) + orderIds.length);
  for (const id of orderIds) {
    books.touched.add(id);
    books.recent.delete(id);
    books.recent.add(id);
  }
  for (const id of books.recent) {
    if (books.recent.size <= recentMax) break;
    books.recent.delete(id);
  }

  const postings = postingsOf(fields.post);
  if (postings === null) wrong('postings that can be read, of a line', 1n, 0n);
  let sum = 0n;
  for (const [name, minor] of postings ?? []) {
    sum += minor;
    post(books.accounts, { name, minor, at });
    if (name === 'shoppers') post(books.shoppers, { name: shopperId, minor, at });
    if (name === 'escrow') escrowOf(books, orderIds).minor += minor;
    // Only receipt pays a seller, by the buyer, by the window's end or by an operator who settles: all three are this event.
    if (name.startsWith('seller:') && minor > 0n && event !== 'order-received')
      wrong(`${name} was paid without receipt`, 0n, minor);
  }
  if (sum !== 0n) wrong('sum of its postings', 0n, sum);

  for (const move of listOf(fields.stock, ';')) {
    const [poolId = '', way = '', quantity = '0'] = move.split(' ');
    if (!poolId.startsWith(couponPool)) continue;
    const key = `${poolId.slice(couponPool.length)} ${shopperId}`;
    const taken = way.endsWith('>free') ? -Number(quantity) : way.startsWith('free>') ? Number(quantity) : 0;
    const uses = (books.uses.get(key) ?? 0) + taken;
    if (uses === 0) books.uses.delete(key);
    else books.uses.set(key, uses);
  }
}

/** Every account of a partition, as a sealed segment of its ledger ends with them. */
export const moneyBalances: MakeBalances = (from) => {
  const told = (from as Record<string, { minor: string; at: string }> | undefined) ?? {};
  const accounts = new Map(Object.entries(told).map(([name, { minor, at }]) => [name, { minor: BigInt(minor), at }]));
  let books: Books = { ...emptyBooks(), accounts };
  return {
    fold(line) {
      foldMoney(books, line);
      // Shoppers, escrows and uses are no part of the balances of a segment, so nothing is kept of them.
      if (books.lines === forgottenEveryLines) books = { ...emptyBooks(), accounts: books.accounts };
    },
    told: () =>
      Object.fromEntries(
        [...books.accounts]
          .toSorted(([a], [b]) => (a < b ? -1 : 1))
          .map(([name, { minor, at }]) => [name, { minor: String(minor), at }]),
      ),
  };
};
