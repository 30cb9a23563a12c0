/**
 * The rules of pools as plain functions over plain records: what pool.lua and home.lua do, without Redis. The proof runs
 * them through millions of steps, and a differential test holds the scripts to them, state by state.
 */

export interface HomeModel {
  total: number;
  target: number;
  free: number;
  paused: boolean;
  /** Offers that one call makes at most; what is left then is owed to those who wait. */
  offersMax: number;
  /** Who waits, in order; shopper n belongs to partition n modulo the number of partitions. */
  waiting: number[];
  granted: number[];
  takenBack: number[];
  offered: number[];
  /** The greatest g at which each slice said that it was closed and empty; -1: never. */
  dry: number[];
}

export interface SliceModel {
  free: number;
  held: number;
  sold: number;
  g: number;
  r: number;
  o: number;
  closed: boolean;
}

const spreadUnitsMin = 10;

export function openSlice(): SliceModel {
  return { free: 0, held: 0, sold: 0, g: 0, r: 0, o: 0, closed: true };
}

function acceptGrant(slice: SliceModel, granted: number): void {
  const units = granted - slice.g;
  if (units <= 0) return;
  slice.free += units;
  slice.g = granted;
  slice.closed = false;
}

/** Answers whether the units are on their way home. */
function giveBack(slice: SliceModel, quantity: number): boolean {
  if (slice.closed) slice.r += quantity;
  else slice.free += quantity;
  return slice.closed;
}

function closeSlice(slice: SliceModel, granted: number): void {
  acceptGrant(slice, granted);
  if (slice.closed) return;
  slice.r += slice.free;
  slice.free = 0;
  slice.closed = true;
}

export function stageHome(pool: { total: number; partitions: number; spread: boolean; offersMax: number }): HomeModel {
  const { total, partitions } = pool;
  const all = partitions === 1 || (pool.spread && total >= spreadUnitsMin * partitions);
  const each = (count: (p: number) => number) => Array.from({ length: partitions }, (_, p) => count(p));
  const granted = each((p) => (all ? Math.floor(total / partitions) + (p < total % partitions ? 1 : 0) : 0));
  return {
    total,
    target: total,
    free: all ? 0 : total,
    paused: false,
    offersMax: pool.offersMax,
    waiting: [],
    granted,
    takenBack: each(() => 0),
    offered: each(() => 0),
    dry: granted.map((units) => (units === 0 ? 0 : -1)),
  };
}

/** Changes how many units there are to be. */
function restock(home: HomeModel, total: number): void {
  home.target = total;
  if (total > home.total) {
    home.free += total - home.total;
    home.total = total;
  }
  settle(home);
}

/** What is free goes first to where it is owed: out of a pool that is to become smaller, then to those who wait. */
function settle(home: HomeModel): void {
  const surplus = Math.min(home.total - home.target, home.free);
  if (surplus > 0) {
    home.total -= surplus;
    home.free -= surplus;
  }
  for (let made = 0; made < home.offersMax && home.free > 0 && !home.paused; made++) {
    const head = home.waiting.shift();
    if (head === undefined) return;
    const p = head % home.granted.length;
    home.free--;
    home.offered[p] = (home.offered[p] ?? 0) + 1;
  }
}

/** What slice p said of itself. */
function takeBack(home: HomeModel, p: number, said: Pick<SliceModel, 'r' | 'g' | 'closed'>): void {
  const units = said.r - (home.takenBack[p] ?? 0);
  if (units > 0) {
    home.takenBack[p] = said.r;
    home.free += units;
  }
  if (said.closed && said.g > (home.dry[p] ?? 0)) home.dry[p] = said.g;
  settle(home);
}

/** Units at home that are not owed to those who wait. */
function leftAtHome(home: HomeModel): number {
  return home.paused ? home.free : Math.max(0, home.free - home.waiting.length);
}

function allDry(home: HomeModel): boolean {
  for (let p = 0; p < home.granted.length; p++) if (home.dry[p] !== home.granted[p]) return false;
  return true;
}

/** Slice p has accepted g and lacks `want` units, the smallest claim there `least`. A grant is read from `granted`. */
function ask(
  home: HomeModel,
  p: number,
  g: number,
  want: number,
  least: number,
): 'grant' | 'recall' | 'left' | 'sold-out' {
  settle(home);
  const granted = home.granted[p] ?? 0;
  if (g < granted) return 'grant';
  if (g > granted) throw new Error(`slice ${p} accepted more than it was granted`);
  const left = leftAtHome(home);
  if (left >= least) {
    const partitions = home.granted.length;
    const units = partitions === 1 ? left : Math.min(left, Math.max(want, Math.ceil(left / (2 * partitions))));
    home.granted[p] = granted + units;
    home.free -= units;
    return 'grant';
  }
  if (!allDry(home)) return 'recall';
  return left === 0 ? 'sold-out' : 'left';
}

/** Answers whether the shopper waits now. */
function join(home: HomeModel, shopper: number): boolean {
  settle(home);
  if (home.waiting.includes(shopper) || leftAtHome(home) > 0 || !allDry(home)) return false;
  home.waiting.push(shopper);
  return true;
}

function leave(home: HomeModel, shopper: number): void {
  const at = home.waiting.indexOf(shopper);
  if (at !== -1) home.waiting.splice(at, 1);
}

/** The rules together, so that a test can put a wrong one in the place of a right one. */
export const poolRules = {
  acceptGrant,
  giveBack,
  closeSlice,
  restock,
  settle,
  takeBack,
  ask,
  join,
  leave,
};
export type PoolRules = typeof poolRules;
