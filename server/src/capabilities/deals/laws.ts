import type { LawReading } from '../../platform/laws.ts';
import type { Redis } from '../../platform/redis/connections.ts';
import type { Keyspace } from '../../platform/redis/keyspace.ts';
import { followLedger, isAtOrBefore, type LedgerLine } from '../../platform/redis/ledger.ts';

type Difference = LawReading['evidence'][number];

/** A slice as it is kept and as the ledger makes it; all are units. */
const sliceFields = ['free', 'held', 'sold', 'g', 'r', 'o'] as const;
type Slice = Record<(typeof sliceFields)[number], number>;

/** A pool at home: what it has, and what went to each slice, came back and was offered there. */
interface Home {
  total: number;
  free: number;
  granted: Map<number, number>;
  takenBack: Map<number, number>;
  offered: Map<number, number>;
}

const noSlice = (): Slice => ({ free: 0, held: 0, sold: 0, g: 0, r: 0, o: 0 });
const noHome = (): Home => ({ total: 0, free: 0, granted: new Map(), takenBack: new Map(), offered: new Map() });
const sumOf = (by: Map<number, number>) => [...by.values()].reduce((sum, units) => sum + units, 0);
const grow = (by: Map<number, number>, k: number, units: number) => by.set(k, (by.get(k) ?? 0) + units);
const listOf = (text: string | undefined) => (text ? text.split(text.includes(';') ? ';' : ',') : []);

/** What the lines of one partition's ledger add up to. */
interface Derived {
  slices: Map<string, Slice>;
  homes: Map<string, Home>;
  openHolds: number;
}

/** Adds a line of a ledger to the sums. What other capabilities write in it is none of stock's business. */
export function foldStock(derived: Derived, { fields }: LedgerLine): void {
  const poolId = fields.pool ?? '';
  const units = Number(fields.units ?? 0);
  const sliceOf = (id: string) => {
    const found = derived.slices.get(id) ?? noSlice();
    derived.slices.set(id, found);
    return found;
  };
  const homeOf = (id: string) => {
    const found = derived.homes.get(id) ?? noHome();
    derived.homes.set(id, found);
    return found;
  };
  const boundHome = new Set(listOf(fields.home));
  const giveBack = (id: string, quantity: number) => {
    sliceOf(id)[boundHome.has(id) ? 'r' : 'free'] += quantity;
  };
  const lines = () =>
    listOf(fields.lines).map((line) => {
      const [dealId = '', quantity = '0'] = line.split(' ');
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
    case 'claimed':
      derived.openHolds++;
      for (const { id, quantity } of lines()) {
        const slice = sliceOf(id);
        slice.free -= quantity;
        slice.held += quantity;
      }
      return;
    case 'offered':
      derived.openHolds++;
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
      derived.openHolds--;
      for (const { id, quantity } of lines()) {
        sliceOf(id).held -= quantity;
        giveBack(id, quantity);
      }
      return;
    default:
      if (!fields.e?.startsWith('order-')) return;
      // A hold whose order was placed no longer lapses by itself.
      derived.openHolds -= listOf(fields.holds).length;
      for (const move of listOf(fields.stock)) {
        const [id = '', way = '', quantity = '0'] = move.split(' ');
        const [from, to] = way.split('>') as [keyof Slice, keyof Slice];
        sliceOf(id)[from] -= Number(quantity);
        if (to === 'free') giveBack(id, Number(quantity));
        else sliceOf(id)[to] += Number(quantity);
      }
  }
}

/**
 * Counts stock a second time, from the ledgers alone, and compares: what each slice and each home says must be what their
 * lines add up to, free + held + sold = g - r + o in every slice, total = free + granted - taken back + offered in every home, and
 * no slice has more than home granted or less than it gave back (CONSISTENCY.md 24). Ours and not the ledger's is
 * whatever was written by any other hand.
 */
export function createDealLaws({ redis, keys }: { redis: Redis; keys: Keyspace }) {
  const partitions = Array.from({ length: keys.partitions }, (_, p) => ({
    p,
    k: keys.partition(p),
    follower: followLedger(redis, keys.partition(p).ledger),
    derived: { slices: new Map(), homes: new Map(), openHolds: 0 } as Derived,
    /** Lines past the moment of the last look: they count from the next one on. */
    ahead: [] as LedgerLine[],
  }));
  type Partition = (typeof partitions)[number];

  /** Slices, homes and holds of one partition at one moment, with the last line of its ledger then. */
  async function look({ p, k }: Partition, poolIds: readonly string[]) {
    const own = poolIds.filter((poolId) => keys.homeOf(poolId) === p);
    const transaction = redis.multi();
    for (const poolId of poolIds) transaction.hmget(k.slice(poolId), ...sliceFields);
    for (const poolId of own) transaction.hgetall(k.pool(poolId));
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
      slices.set(poolId, Object.fromEntries(sliceFields.map((f, at) => [f, Number(values[at])])) as Slice);
    }
    const homes = new Map<string, Home>();
    for (const [i, poolId] of own.entries()) {
      const h = found[poolIds.length + i] as Record<string, string>;
      if (h['total'] === undefined) continue;
      const home: Home = { ...noHome(), total: Number(h['total']), free: Number(h['free']) };
      for (const [field, value] of Object.entries(h)) {
        const [letter, number] = field.split(':');
        if (number === undefined) continue;
        if (letter === 'G') home.granted.set(Number(number), Number(value));
        if (letter === 'R') home.takenBack.set(Number(number), Number(value));
        if (letter === 'O') home.offered.set(Number(number), Number(value));
      }
      homes.set(poolId, home);
    }
    const last = found.at(-1) as [string, string[]][];
    return { slices, homes, openHolds: Number(found.at(-2)), ledgerAt: last[0]?.[0] ?? '0-0' };
  }

  type Seen = Awaited<ReturnType<typeof look>>;

  /** Differences within one partition, at the moment it was looked at. */
  function differencesOf({ p, derived }: Partition, seen: Seen, missable: ReadonlySet<string>): Difference[] {
    const found: Difference[] = [];
    const compare = (poolId: string, what: string, expected: number, is: number) => {
      if (expected !== is)
        found.push({
          subject: `${poolId.replace(/^deal:/, '')}: ${what}${keys.partitions > 1 ? ` (partition ${p})` : ''}`,
          expected,
          found: is,
        });
    };
    for (const [poolId, slice] of seen.slices) {
      const ledger = derived.slices.get(poolId) ?? noSlice();
      compare(poolId, 'free + held + sold', slice.g - slice.r + slice.o, slice.free + slice.held + slice.sold);
      for (const field of sliceFields) compare(poolId, field, ledger[field], slice[field]);
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

  async function check(): Promise<{ stock: LawReading; holds: LawReading }> {
    const pools = await Promise.all(partitions.map(({ k }) => redis.zrange(k.pools, '0', '-1')));
    const poolIds = [...new Set(pools.flat())];
    const stock: Difference[] = [];
    const holds: Difference[] = [];
    const sum = { ledgerTotal: 0, free: 0, held: 0, sold: 0, openHolds: 0, ledgerHolds: 0 };
    let counting = false;
    for (const partition of partitions) {
      const { derived } = partition;
      // One that is staged while this look begins has its line in it and not yet its state: it is missed from the next one on.
      const missable = new Set([...derived.homes.keys(), ...derived.slices.keys()]);
      const seen = await look(partition, poolIds);
      partition.ahead.push(...(await partition.follower.catchUp()));
      const counted = partition.ahead.findIndex((line) => !isAtOrBefore(line.id, seen.ledgerAt));
      for (const line of partition.ahead.splice(0, counted === -1 ? partition.ahead.length : counted))
        foldStock(derived, line);
      counting ||= !partition.follower.caughtUp();
      if (counting) continue;
      stock.push(...differencesOf(partition, seen, missable));
      for (const home of derived.homes.values()) sum.ledgerTotal += home.total;
      for (const home of seen.homes.values()) sum.free += home.free;
      for (const slice of seen.slices.values()) {
        sum.free += slice.free;
        sum.held += slice.held;
        sum.sold += slice.sold;
      }
      sum.openHolds += seen.openHolds;
      sum.ledgerHolds += derived.openHolds;
      if (seen.openHolds !== derived.openHolds)
        holds.push({
          subject: `open holds${keys.partitions > 1 ? ` (partition ${partition.p})` : ''}`,
          expected: derived.openHolds,
          found: seen.openHolds,
        });
    }
    if (counting) {
      const none: LawReading = { counting: true, checked: 0, sum: '', evidence: [] };
      return { stock: none, holds: none };
    }
    stock.push(...(await betweenPartitions(poolIds)));
    return {
      stock: {
        counting: false,
        checked: poolIds.length,
        // With several partitions, units on their way between two of them are in neither: that is no difference.
        sum: `free ${sum.free} + held ${sum.held} + sold ${sum.sold} = ${sum.free + sum.held + sum.sold}; the ledger says ${sum.ledgerTotal}`,
        evidence: stock,
      },
      holds: {
        counting: false,
        checked: sum.openHolds,
        sum: `${sum.openHolds} holds open; the ledger says ${sum.ledgerHolds}`,
        evidence: holds,
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
      for (const { p } of partitions) {
        const at = i * partitions.length + p;
        const [g, o] = (before[at] ?? []).map(Number);
        const r = Number(after[at]?.[2] ?? 0);
        const [G, R, O] = ['G', 'R', 'O'].map((letter) => Number(home[`${letter}:${p}`] ?? 0));
        const subject = (what: string) => `${poolId.replace(/^deal:/, '')}: ${what} (partition ${p})`;
        if ((g ?? 0) > (G ?? 0))
          found.push({ subject: subject('accepted more than granted'), expected: G ?? 0, found: g ?? 0 });
        if ((o ?? 0) > (O ?? 0))
          found.push({ subject: subject('took more offers than were made'), expected: O ?? 0, found: o ?? 0 });
        if ((R ?? 0) > r)
          found.push({ subject: subject('home took back more than was given'), expected: r, found: R ?? 0 });
      }
    }
    return found;
  }

  return { check };
}
