import { type About, createTurns, type Difference, type LawReading } from '../../platform/laws.ts';
import type { Redis } from '../../platform/redis/connections.ts';
import type { Keyspace } from '../../platform/redis/keyspace.ts';
import { followLedger, isAtOrBefore, type LedgerFollower, type LedgerLine } from '../../platform/redis/ledger.ts';
import type { MakeBalances } from '../../platform/redis/segments.ts';

/** A slice as it is kept and as the ledger makes it; all are units. */
const sliceFields = ['free', 'held', 'sold', 'g', 'r', 'o'] as const;
type Slice = Record<(typeof sliceFields)[number], number> & {
  /** The id of its last line in the ledger, where one is kept. */
  at: string;
};

/** A pool at home: what it has, and what went to each slice, came back and was offered there. */
interface Home {
  total: number;
  free: number;
  granted: Map<number, number>;
  takenBack: Map<number, number>;
  offered: Map<number, number>;
  at: string;
}

/** A hold that is open, as the lines tell of it. */
interface OpenHold {
  shopperId: string;
  units: { dealId: string; quantity: number }[];
  /** The payment that its order waits for; null while it may lapse by itself. */
  paymentId: string | null;
}

/** What of the holds and unpaid payments of one partition is open, by the lines of its ledger. About 250 bytes a hold. */
export interface OpenHolds {
  byId: Map<string, OpenHold>;
  byShopper: Map<string, Set<string>>;
  /** Payments that wait for their money, with the holds that end with them. */
  payments: Map<string, readonly string[]>;
  /** Holds that may lapse by themselves. */
  lapsing: number;
}

/** Holds and payments looked at in one round, so that a round costs the same however many are open. */
const shoppersPerRound = 200;
const paymentsPerRound = 200;

const noSlice = (): Slice => ({ free: 0, held: 0, sold: 0, g: 0, r: 0, o: 0, at: '' });
const noHome = (): Home => ({
  total: 0,
  free: 0,
  granted: new Map(),
  takenBack: new Map(),
  offered: new Map(),
  at: '',
});
const sumOf = (by: Map<number, number>) => [...by.values()].reduce((sum, units) => sum + units, 0);
const grow = (by: Map<number, number>, k: number, units: number) => by.set(k, (by.get(k) ?? 0) + units);
const listOf = (text: string | undefined) => (text ? text.split(text.includes(';') ? ';' : ',') : []);

/** What the lines of one partition's ledger add up to. */
export interface Derived {
  slices: Map<string, Slice>;
  homes: Map<string, Home>;
  holds: OpenHolds;
}

export const nothingDerived = (): Derived => ({
  slices: new Map(),
  homes: new Map(),
  holds: { byId: new Map(), byShopper: new Map(), payments: new Map(), lapsing: 0 },
});

/** The events by which a payment stops waiting for its money, and its holds end with it. */
const paymentEnds = new Set(['order-paid', 'order-deposit-paid', 'order-cancelled', 'order-lapsed']);

const unitsOf = (lines: string | undefined) =>
  listOf(lines).map((line) => {
    const [dealId = '', quantity = '0'] = line.split(' ', 2);
    return { dealId, quantity: Number(quantity) };
  });

function openHold(holds: OpenHolds, { fields }: LedgerLine, units = unitsOf(fields.lines)): void {
  const { hold = '', shopper: shopperId = '' } = fields;
  holds.byId.set(hold, { shopperId, units, paymentId: null });
  const theirs = holds.byShopper.get(shopperId);
  if (theirs === undefined) holds.byShopper.set(shopperId, new Set([hold]));
  else theirs.add(hold);
  holds.lapsing++;
}

/** A claim is most of what a ledger says in a stampede, so it is read once and makes nothing that it does not need. */
function foldClaim(derived: Derived, line: LedgerLine): void {
  const units = unitsOf(line.fields.lines);
  openHold(derived.holds, line, units);
  for (const { dealId, quantity } of units) {
    const poolId = `deal:${dealId}`;
    const slice = derived.slices.get(poolId) ?? noSlice();
    derived.slices.set(poolId, slice);
    slice.free -= quantity;
    slice.held += quantity;
    slice.at = line.id;
  }
}

function endHold(holds: OpenHolds, holdId: string): void {
  const hold = holds.byId.get(holdId);
  if (hold === undefined) return;
  holds.byId.delete(holdId);
  if (hold.paymentId === null) holds.lapsing--;
  const theirs = holds.byShopper.get(hold.shopperId);
  theirs?.delete(holdId);
  if (theirs?.size === 0) holds.byShopper.delete(hold.shopperId);
}

/** What an order's line does to the holds it was placed from. */
function foldPayments(holds: OpenHolds, { fields }: LedgerLine): void {
  const paymentIds = listOf(fields.payment);
  if (fields.e === 'order-placed') {
    const holdIds = listOf(fields.holds);
    // Where nothing is to be paid the units are sold at once, and nobody waits for anything.
    if (listOf(fields.stock).some((move) => /^deal:\S+ held>sold /.test(move))) {
      for (const holdId of holdIds) endHold(holds, holdId);
      return;
    }
    const [paymentId = ''] = paymentIds;
    holds.payments.set(paymentId, holdIds);
    for (const holdId of holdIds) {
      const hold = holds.byId.get(holdId);
      if (hold === undefined || hold.paymentId !== null) continue;
      hold.paymentId = paymentId;
      // A hold whose order was placed no longer lapses by itself.
      holds.lapsing--;
    }
    return;
  }
  if (!paymentEnds.has(fields.e ?? '')) return;
  for (const paymentId of paymentIds) {
    for (const holdId of holds.payments.get(paymentId) ?? []) endHold(holds, holdId);
    holds.payments.delete(paymentId);
  }
}

/** Adds a line of a ledger to the sums. What other capabilities write in it is none of stock's business. */
export function foldStock(derived: Derived, line: LedgerLine): void {
  if (line.fields.e === 'claimed') {
    foldClaim(derived, line);
    return;
  }
  const { id: lineId, fields } = line;
  const poolId = fields.pool ?? '';
  const units = Number(fields.units ?? 0);
  const sliceOf = (id: string) => {
    const found = derived.slices.get(id) ?? noSlice();
    derived.slices.set(id, found);
    found.at = lineId;
    return found;
  };
  const homeOf = (id: string) => {
    const found = derived.homes.get(id) ?? noHome();
    derived.homes.set(id, found);
    found.at = lineId;
    return found;
  };
  const boundHome = new Set(listOf(fields.home));
  const giveBack = (id: string, quantity: number) => {
    sliceOf(id)[boundHome.has(id) ? 'r' : 'free'] += quantity;
  };
  const lines = () =>
    listOf(fields.lines).map((part) => {
      const [dealId = '', quantity = '0'] = part.split(' ');
      return { id: `deal:${dealId}`, quantity: Number(quantity) };
    });
  switch (fields.e ?? '') {
    case 'pool-staged':
    case 'pool-restocked': {
      const home = homeOf(poolId);
      home.total += units;
      home.free += units;
      return;
    }
    case 'pool-granted': {
      const home = homeOf(poolId);
      home.free -= units;
      grow(home.granted, Number(fields.k), units);
      return;
    }
    case 'pool-taken-back': {
      const home = homeOf(poolId);
      home.free += units;
      grow(home.takenBack, Number(fields.k), units);
      return;
    }
    case 'pool-offered': {
      const home = homeOf(poolId);
      home.free -= 1;
      grow(home.offered, Number(fields.k), 1);
      return;
    }
    case 'pool-retired':
      derived.homes.delete(poolId);
      return;
    case 'slice-granted': {
      const slice = sliceOf(poolId);
      slice.free += units;
      slice.g += units;
      return;
    }
    case 'slice-recalled': {
      const slice = sliceOf(poolId);
      slice.free -= units;
      slice.r += units;
      return;
    }
    case 'slice-retired':
      derived.slices.delete(poolId);
      return;
    case 'offered':
      openHold(derived.holds, line);
      for (const { id, quantity } of lines()) {
        const slice = sliceOf(id);
        slice.o += quantity;
        slice.held += quantity;
      }
      return;
    case 'offer-passed':
      sliceOf(poolId).o += 1;
      giveBack(poolId, 1);
      return;
    case 'lapsed':
    case 'released':
      endHold(derived.holds, fields.hold ?? '');
      for (const { id, quantity } of lines()) {
        sliceOf(id).held -= quantity;
        giveBack(id, quantity);
      }
      return;
    default:
      if (!fields.e?.startsWith('order-')) return;
      foldPayments(derived.holds, line);
      for (const move of listOf(fields.stock)) {
        const [id = '', way = '', quantity = '0'] = move.split(' ');
        const [from, to] = way.split('>') as [(typeof sliceFields)[number], (typeof sliceFields)[number]];
        sliceOf(id)[from] -= Number(quantity);
        if (to === 'free') giveBack(id, Number(quantity));
        else sliceOf(id)[to] += Number(quantity);
      }
  }
}

const byName = <T>(entries: Iterable<[string, T]>) =>
  Object.fromEntries([...entries].toSorted(([a], [b]) => (a < b ? -1 : 1)));
const byNumber = (by: Map<number, number>) => Object.fromEntries([...by].toSorted(([a], [b]) => a - b));
const numbered = (by: Record<string, number>) => new Map(Object.entries(by).map(([k, units]) => [Number(k), units]));

/** Every slice and every home of a partition, as a sealed segment of its ledger ends with them. */
export const stockBalances: MakeBalances = (from) => {
  interface Told {
    slices: Record<string, Slice>;
    homes: Record<string, Omit<Home, 'granted' | 'takenBack' | 'offered'> & Record<Counters, Record<string, number>>>;
  }
  type Counters = 'granted' | 'takenBack' | 'offered';
  const { slices, homes } = (from as Told | undefined) ?? { slices: {}, homes: {} };
  const derived: Derived = {
    ...nothingDerived(),
    slices: new Map(Object.entries(slices).map(([poolId, slice]) => [poolId, { ...slice }])),
    homes: new Map(
      Object.entries(homes).map(([poolId, { granted, takenBack, offered, ...home }]) => [
        poolId,
        { ...home, granted: numbered(granted), takenBack: numbered(takenBack), offered: numbered(offered) },
      ]),
    ),
  };
  return {
    fold: (line) => foldStock(derived, line),
    told: () => ({
      slices: byName(derived.slices),
      homes: byName(
        [...derived.homes].map(([poolId, { granted, takenBack, offered, ...home }]): [string, unknown] => [
          poolId,
          { ...home, granted: byNumber(granted), takenBack: byNumber(takenBack), offered: byNumber(offered) },
        ]),
      ),
    }),
  };
};

const couponPrefix = 'coupon:';
const nameOf = (poolId: string) =>
  poolId.startsWith(couponPrefix) ? `coupon ${poolId.slice(couponPrefix.length)}` : poolId.replace(/^deal:/, '');
function aboutPool(poolId: string): About {
  const colon = poolId.indexOf(':');
  return { kind: poolId.startsWith(couponPrefix) ? 'coupon' : 'deal', id: poolId.slice(colon + 1) };
}

/** A hold as it is kept: '<request id of its claim> <hash of its input> <1 if simulated> <JSON>'. Null where nothing can be read out of it. */
function keptHold(text: string): { units: Map<string, number>; paymentId: string | null } | null {
  try {
    const hold = JSON.parse(text.slice(text.indexOf('{'))) as {
      paymentId: string | null;
      lines: { dealId: string; quantity: number }[];
    };
    const units = new Map<string, number>();
    for (const { dealId, quantity } of hold.lines) units.set(dealId, (units.get(dealId) ?? 0) + quantity);
    return { units, paymentId: hold.paymentId };
  } catch {
    return null;
  }
}

/**
 * Counts stock, holds and the uses of coupons a second time, from the ledgers alone, and compares: what each slice and each home
 * says must be what their lines add up to, free + held + sold = g - r + o in every slice, total = free + granted - taken back +
 * offered in every home, and no slice has more than home granted or less than it gave back (CONSISTENCY.md 24). Every open hold is there
 * with its units, and either lapses or waits for a payment that is due (some in every round, all in turn). Ours and not the
 * ledger's is whatever was written by any other hand.
 */
export function createDealLaws({
  redis,
  keys,
  perRound = shoppersPerRound,
  follow = (p) => followLedger(redis, keys.partition(p).ledger),
}: {
  redis: Redis;
  keys: Keyspace;
  /** How many shoppers' holds a round looks at, and how many payments. */
  perRound?: number;
  /** Reads the ledger of a partition from its first line. */
  follow?: (p: number) => LedgerFollower;
}) {
  const partitions = Array.from({ length: keys.partitions }, (_, p) => ({
    p,
    k: keys.partition(p),
    follower: follow(p),
    derived: nothingDerived(),
    shoppers: createTurns(perRound),
    payments: createTurns(perRound === shoppersPerRound ? paymentsPerRound : perRound),
    /** Lines past the moment of the last look: they count from the next one on. */
    ahead: [] as LedgerLine[],
    linesRead: 0,
  }));
  type Partition = (typeof partitions)[number];
  const inPartition = (p: number) => (keys.partitions > 1 ? ` (partition ${p})` : '');

  /** Slices, homes and holds of one partition at one moment, with the last line of its ledger then. */
  async function look({ p, k, derived, shoppers, payments }: Partition, poolIds: readonly string[]) {
    const own = poolIds.filter((poolId) => keys.homeOf(poolId) === p);
    const holders = shoppers.next(() => derived.holds.byShopper.keys());
    const lapsing = holders.flatMap((shopperId) =>
      [...(derived.holds.byShopper.get(shopperId) ?? [])].filter(
        (id) => derived.holds.byId.get(id)?.paymentId === null,
      ),
    );
    const waiting = payments.next(() => derived.holds.payments.keys());
    const transaction = redis.multi();
    for (const poolId of poolIds) transaction.hmget(k.slice(poolId), ...sliceFields, 'at');
    for (const poolId of own) transaction.hgetall(k.pool(poolId));
    for (const shopperId of holders) transaction.hgetall(k.holds(shopperId));
    for (const holdId of lapsing)
      transaction.zscore(k.lapses, `${derived.holds.byId.get(holdId)?.shopperId ?? ''} ${holdId}`);
    for (const paymentId of waiting) transaction.zscore(k.orderDues, paymentId);
    transaction.zcard(k.lapses);
    transaction.xrevrange(k.ledger, '+', '-', 'COUNT', 1);
    const found = ((await transaction.exec()) ?? []).map(([error, value]) => {
      if (error) throw error;
      return value;
    });
    const slices = new Map<string, Slice>();
    for (const [i, poolId] of poolIds.entries()) {
      const values = found[i] as (string | null)[];
      if (values[3] === null || values[3] === undefined) continue;
      const units = Object.fromEntries(sliceFields.map((f, at) => [f, Number(values[at])])) as Omit<Slice, 'at'>;
      slices.set(poolId, { ...units, at: values[sliceFields.length] ?? '' });
    }
    const homes = new Map<string, Home>();
    for (const [i, poolId] of own.entries()) {
      const h = found[poolIds.length + i] as Record<string, string>;
      if (h['total'] === undefined) continue;
      const home: Home = { ...noHome(), total: Number(h['total']), free: Number(h['free']), at: h['at'] ?? '' };
      for (const [field, value] of Object.entries(h)) {
        const [letter, number] = field.split(':');
        if (number === undefined) continue;
        if (letter === 'G') home.granted.set(Number(number), Number(value));
        if (letter === 'R') home.takenBack.set(Number(number), Number(value));
        if (letter === 'O') home.offered.set(Number(number), Number(value));
      }
      homes.set(poolId, home);
    }
    let next = poolIds.length + own.length;
    const held = new Map(holders.map((shopperId) => [shopperId, found[next++] as Record<string, string>]));
    const lapses = new Map(lapsing.map((holdId) => [holdId, found[next++] !== null]));
    const dues = new Map(waiting.map((paymentId) => [paymentId, found[next++] !== null]));
    const last = found.at(-1) as [string, string[]][];
    return { slices, homes, held, lapses, dues, lapsing: Number(found.at(-2)), ledgerAt: last[0]?.[0] ?? '0-0' };
  }

  type Seen = Awaited<ReturnType<typeof look>>;

  /** Differences of pools within one partition, at the moment it was looked at. */
  function differencesOf({ p, derived }: Partition, seen: Seen, missable: ReadonlySet<string>): Difference[] {
    const found: Difference[] = [];
    const compare = (poolId: string, what: string, expected: number, is: number) => {
      if (expected !== is)
        found.push({
          subject: `${nameOf(poolId)}: ${what}${inPartition(p)}`,
          expected,
          found: is,
          about: aboutPool(poolId),
        });
    };
    /** The last line is a mark, not a figure: as it should be or not. */
    const compareAt = (poolId: string, what: string, ledger: string, is: string) =>
      compare(poolId, `last line of ${what}, ${ledger || 'none'}`, 1, is === ledger ? 1 : 0);
    for (const [poolId, slice] of seen.slices) {
      const ledger = derived.slices.get(poolId) ?? noSlice();
      compare(poolId, 'free + held + sold', slice.g - slice.r + slice.o, slice.free + slice.held + slice.sold);
      for (const field of sliceFields) compare(poolId, field, ledger[field], slice[field]);
      compareAt(poolId, 'its slice', ledger.at, slice.at);
    }
    for (const [poolId, home] of seen.homes) {
      const ledger = derived.homes.get(poolId) ?? noHome();
      const out = sumOf(home.granted) - sumOf(home.takenBack) + sumOf(home.offered);
      compare(poolId, 'free at home and what is out', home.total, home.free + out);
      compare(poolId, 'total', ledger.total, home.total);
      compare(poolId, 'free at home', ledger.free, home.free);
      compare(poolId, 'granted', sumOf(ledger.granted), sumOf(home.granted));
      compare(poolId, 'taken back', sumOf(ledger.takenBack), sumOf(home.takenBack));
      compare(poolId, 'offered', sumOf(ledger.offered), sumOf(home.offered));
      compareAt(poolId, 'its home', ledger.at, home.at);
    }
    for (const [poolId, ledger] of derived.homes) {
      if (!seen.homes.has(poolId) && missable.has(poolId) && ledger.total !== 0)
        compare(poolId, 'total', ledger.total, 0);
    }
    for (const [poolId, ledger] of derived.slices) {
      const units = ledger.free + ledger.held + ledger.sold;
      if (!seen.slices.has(poolId) && missable.has(poolId)) compare(poolId, 'units of its slice', units, 0);
    }
    return found;
  }

  /** Differences of holds: how many may lapse, and of those looked at each one's units and what it waits for. */
  function differencesOfHolds({ p, derived, shoppers, payments }: Partition, seen: Seen): Difference[] {
    const { holds } = derived;
    const found: Difference[] = [];
    const add = (difference: Difference) => {
      if (difference.expected !== difference.found) found.push(difference);
    };
    add({ subject: `open holds${inPartition(p)}`, expected: holds.lapsing, found: seen.lapsing });
    for (const [shopperId, texts] of seen.held) {
      const before = found.length;
      const kept = new Map(Object.entries(texts).map(([holdId, text]) => [holdId, keptHold(text)]));
      for (const holdId of new Set([...(holds.byShopper.get(shopperId) ?? []), ...kept.keys()])) {
        const open = holds.byId.get(holdId);
        const is = kept.get(holdId);
        const dealIds = new Set([...(open?.units ?? []).map(({ dealId }) => dealId), ...(is?.units.keys() ?? [])]);
        for (const dealId of dealIds) {
          const expected = (open?.units ?? []).reduce((sum, u) => sum + (u.dealId === dealId ? u.quantity : 0), 0);
          const subject = `${dealId}: units of the hold ${holdId} of ${shopperId}`;
          add({ subject, expected, found: is?.units.get(dealId) ?? 0, about: { kind: 'deal', id: dealId } });
        }
        const [first] = dealIds;
        if (open === undefined || is === undefined || is === null || first === undefined) continue;
        const waits = open.paymentId ?? 'no payment';
        const subject = `${first}: the hold ${holdId} of ${shopperId} waits for ${waits}`;
        const about: About = { kind: 'deal', id: first };
        add({ subject, expected: 1, found: is.paymentId === open.paymentId ? 1 : 0, about });
      }
      if (found.length > before) shoppers.again([shopperId]);
    }
    for (const [holdId, lapses] of seen.lapses) {
      const open = holds.byId.get(holdId);
      const dealId = open?.units[0]?.dealId;
      if (open === undefined || open.paymentId !== null || dealId === undefined) continue;
      const subject = `${dealId}: the hold ${holdId} of ${open.shopperId} is among those that lapse`;
      if (!lapses) shoppers.again([open.shopperId]);
      add({ subject, expected: 1, found: lapses ? 1 : 0, about: { kind: 'deal', id: dealId } });
    }
    for (const [paymentId, due] of seen.dues) {
      if (!holds.payments.has(paymentId)) continue;
      if (!due) payments.again([paymentId]);
      add({ subject: `payment ${paymentId} is among those that fall due`, expected: 1, found: due ? 1 : 0 });
    }
    return found;
  }

  async function check(): Promise<{ stock: LawReading; holds: LawReading; coupons: LawReading }> {
    const pools = await Promise.all(partitions.map(({ k }) => redis.zrange(k.pools, '0', '-1')));
    const poolIds = [...new Set(pools.flat())];
    const found: Difference[] = [];
    const holds: Difference[] = [];
    const sum = { ledgerTotal: 0, free: 0, held: 0, sold: 0, lapsing: 0, ledgerLapsing: 0, holds: 0, uses: 0 };
    let counting = false;
    for (const partition of partitions) {
      const { derived } = partition;
      // One that is staged while this look begins has its line in it and not yet its state: it is missed from the next one on.
      const missable = new Set([...derived.homes.keys(), ...derived.slices.keys()]);
      const seen = await look(partition, poolIds);
      const read = await partition.follower.catchUp();
      partition.linesRead += read.length;
      partition.ahead.push(...read);
      const counted = partition.ahead.findIndex((line) => !isAtOrBefore(line.id, seen.ledgerAt));
      for (const line of partition.ahead.splice(0, counted === -1 ? partition.ahead.length : counted))
        foldStock(derived, line);
      counting ||= !partition.follower.caughtUp();
      if (counting) continue;
      found.push(...differencesOf(partition, seen, missable));
      holds.push(...differencesOfHolds(partition, seen));
      for (const [poolId, home] of derived.homes) if (poolId.startsWith('deal:')) sum.ledgerTotal += home.total;
      for (const [poolId, home] of seen.homes) if (poolId.startsWith('deal:')) sum.free += home.free;
      for (const [poolId, slice] of seen.slices) {
        if (!poolId.startsWith('deal:')) {
          sum.uses += slice.held + slice.sold;
          continue;
        }
        sum.free += slice.free;
        sum.held += slice.held;
        sum.sold += slice.sold;
      }
      sum.lapsing += seen.lapsing;
      sum.ledgerLapsing += derived.holds.lapsing;
      sum.holds += derived.holds.byId.size;
    }
    if (counting) {
      const none: LawReading = { counting: true, checked: 0, sum: '', evidence: [] };
      return { stock: none, holds: none, coupons: none };
    }
    found.push(...(await betweenPartitions(poolIds)));
    const ofCoupons = (difference: Difference) => difference.about?.kind === 'coupon';
    const couponPools = poolIds.filter((poolId) => poolId.startsWith(couponPrefix)).length;
    return {
      stock: {
        counting: false,
        checked: poolIds.length - couponPools,
        // With several partitions, units on their way between two of them are in neither: that is no difference.
        sum: `free ${sum.free} + held ${sum.held} + sold ${sum.sold} = ${sum.free + sum.held + sum.sold}; the ledger says ${sum.ledgerTotal}`,
        evidence: found.filter((difference) => !ofCoupons(difference)),
      },
      holds: {
        counting: false,
        checked: sum.holds,
        sum: `${sum.lapsing} holds may lapse; the ledger says ${sum.ledgerLapsing}, and ${sum.holds - sum.ledgerLapsing} wait for their payment`,
        evidence: holds,
      },
      coupons: {
        counting: false,
        checked: couponPools,
        sum: `${sum.uses} coupons used or set aside`,
        evidence: found.filter(ofCoupons),
      },
    };
  }

  /**
   * What home and slices say of each other, as inequalities read in a safe order: a grant that is under way is never an alarm.
   * What a slice accepted is read before what home granted; what home took back before what the slice gave.
   */
  async function betweenPartitions(poolIds: readonly string[]): Promise<Difference[]> {
    const homeOf = (poolId: string) => keys.partition(keys.homeOf(poolId)).pool(poolId);
    const read = async <T>(queue: (pipeline: ReturnType<Redis['pipeline']>) => void): Promise<T[]> => {
      const pipeline = redis.pipeline();
      queue(pipeline);
      return ((await pipeline.exec()) ?? []).map(([error, value]) => {
        if (error) throw error;
        return value as T;
      });
    };
    const slicesNow = () =>
      read<(string | null)[]>((pipeline) => {
        for (const poolId of poolIds) for (const { k } of partitions) pipeline.hmget(k.slice(poolId), 'g', 'o', 'r');
      });
    const before = await slicesNow();
    const homes = await read<Record<string, string>>((pipeline) => {
      for (const poolId of poolIds) pipeline.hgetall(homeOf(poolId));
    });
    const after = await slicesNow();
    const found: Difference[] = [];
    for (const [i, poolId] of poolIds.entries()) {
      const home = homes[i] ?? {};
      if (home['total'] === undefined) continue;
      const about = aboutPool(poolId);
      for (const { p } of partitions) {
        const at = i * partitions.length + p;
        const [g, o] = (before[at] ?? []).map(Number);
        const r = Number(after[at]?.[2] ?? 0);
        const [G, R, O] = ['G', 'R', 'O'].map((letter) => Number(home[`${letter}:${p}`] ?? 0));
        const subject = (what: string) => `${nameOf(poolId)}: ${what} (partition ${p})`;
        if ((g ?? 0) > (G ?? 0))
          found.push({ subject: subject('accepted more than granted'), expected: G ?? 0, found: g ?? 0, about });
        if ((o ?? 0) > (O ?? 0))
          found.push({ subject: subject('took more offers than were made'), expected: O ?? 0, found: o ?? 0, about });
        if ((R ?? 0) > r)
          found.push({ subject: subject('home took back more than was given'), expected: r, found: R ?? 0, about });
      }
    }
    return found;
  }

  return {
    check,
    /** How often every holder and every waiting payment had a turn. */
    turns: () => partitions.flatMap(({ shoppers, payments }) => [shoppers.done(), payments.done()]),
    linesRead: () => partitions.reduce((sum, { linesRead }) => sum + linesRead, 0),
  };
}
