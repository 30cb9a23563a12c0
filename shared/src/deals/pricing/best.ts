import { type CouponKind, couponKinds } from './coupon-kinds.ts';
import { spread } from './exact.ts';

/**
 * The search for the cheapest allowed combination. Coupons are taken off in the order of `couponKinds`; what a coupon is
 * worth follows from the deals' prices alone, so an earlier one never spoils a later one's threshold, and only the money
 * that is left on the lines it covers can lower it.
 */

/** A coupon that could be used: on, reached, with uses left. */
export interface Candidate {
  couponId: string;
  kind: CouponKind;
  brandId: string | null;
  stacksWith: readonly CouponKind[];
  /** What it takes off where that much is left. */
  worthMinor: number;
  /** The lines it covers, by their places. */
  covers: readonly number[];
}

interface Taken {
  candidate: Candidate;
  offMinor: number;
  /** Its part of each line, by place. */
  shares: readonly number[];
}

export interface Found {
  taken: readonly Taken[];
  offMinor: number;
  /** No combination takes off more than this; equal to offMinor where the search was complete. */
  offMinorMax: number;
}

/**
 * Whether two coupons may be used together: of one kind and brand only one; coupons of different brands have nothing to
 * do with each other; all others must name each other's kind.
 */
export function mayStack(a: Candidate, b: Candidate): boolean {
  if (sameSlot(a, b)) return false;
  if (a.brandId !== null && b.brandId !== null && a.brandId !== b.brandId) return true;
  return a.stacksWith.includes(b.kind) && b.stacksWith.includes(a.kind);
}

/** Whether only one of the two can be used, whatever they stack with. */
export function sameSlot(a: Candidate, b: Candidate): boolean {
  return a.kind === b.kind && a.brandId === b.brandId;
}

/** Order of taking off; within a kind by brand, then by id, so that the order in which coupons came decides nothing. */
export function inLayers(a: Candidate, b: Candidate): number {
  const layer = couponKinds.indexOf(a.kind) - couponKinds.indexOf(b.kind);
  if (layer !== 0) return layer;
  return compareText(a.brandId ?? '', b.brandId ?? '') || compareText(a.couponId, b.couponId);
}

export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * The combination that takes off most, found by branch and bound over one decision for each kind and brand. Of equal
 * ones, the one that uses up fewer coupons, then the one whose ids come first. `candidates` are in layers. With `must`,
 * only combinations that use it count. `looks` bounds the work: candidates looked at before the search is cut short.
 */
export function findBest(
  capacities: readonly number[],
  candidates: readonly Candidate[],
  { looks, must = null }: { looks: number; must?: Candidate | null },
): Found {
  const slots = slotsOf(must === null ? candidates : candidates.filter((c) => c === must || mayStack(c, must)));
  const mustSlot = must === null ? -1 : slots.findIndex((slot) => slot.includes(must));
  const reach = reachOf(candidates);
  let best: { taken: readonly Taken[]; offMinor: number } | null = null;
  let unseenMinor = 0;
  let left = looks;

  /**
   * What could at most be taken off from here on: in every later slot the best, as if nothing else touched its lines,
   * and of no brand more than what is left of it.
   */
  function hopeOf(slot: number, rests: readonly number[], out: ReadonlySet<Candidate>): number {
    const byBrand = new Map<string | null, number>();
    for (const ofSlot of slots.slice(slot)) {
      let most = 0;
      for (const candidate of ofSlot) {
        left--;
        if (!out.has(candidate))
          most = Math.max(most, Math.min(candidate.worthMinor, sumOver(rests, candidate.covers)));
      }
      const brandId = ofSlot[0]?.brandId ?? null;
      byBrand.set(brandId, (byBrand.get(brandId) ?? 0) + most);
    }
    let hope = 0;
    for (const [brandId, most] of byBrand) hope += Math.min(most, sumOver(rests, reach.get(brandId) ?? []));
    return Math.min(hope, sumOf(rests));
  }

  /** `out`: the candidates that do not stack with what is taken. */
  function look(
    slot: number,
    {
      rests,
      taken,
      offMinor,
      out,
    }: { rests: readonly number[]; taken: readonly Taken[]; offMinor: number; out: ReadonlySet<Candidate> },
  ): void {
    const counts = slot > mustSlot;
    if (counts && (best === null || comesBefore({ taken, offMinor }, best))) best = { taken, offMinor };
    const ofSlot = slots[slot];
    if (ofSlot === undefined) return;
    const mostMinor = offMinor + hopeOf(slot, rests, out);
    if (counts && mostMinor === offMinor) return;
    // To get further from here takes at least one more coupon: as much with as many can still come first by its ids.
    if (
      best !== null &&
      (mostMinor < best.offMinor || (mostMinor === best.offMinor && taken.length >= best.taken.length))
    )
      return;
    if (left <= 0 && best !== null) {
      unseenMinor = Math.max(unseenMinor, mostMinor);
      return;
    }
    // The largest first, so that a search that is cut short has found something good.
    for (const candidate of ofSlot.toSorted((a, b) => b.worthMinor - a.worthMinor || inLayers(a, b))) {
      if (out.has(candidate)) continue;
      const part = takeOff(rests, candidate);
      if (part.offMinor === 0 && candidate !== must) continue;
      look(slot + 1, {
        rests: rests.map((minor, i) => minor - (part.shares[i] ?? 0)),
        taken: [...taken, part],
        offMinor: offMinor + part.offMinor,
        out: new Set([...out, ...candidates.filter((c) => !mayStack(c, candidate))]),
      });
    }
    if (slot !== mustSlot) look(slot + 1, { rests, taken, offMinor, out });
  }

  look(0, { rests: capacities, taken: [], offMinor: 0, out: new Set() });
  const found = best ?? { taken: [], offMinor: 0 };
  return { ...found, offMinorMax: Math.max(found.offMinor, unseenMinor) };
}

/** The lines that some coupon of a brand covers (null: of no brand). */
function reachOf(candidates: readonly Candidate[]): Map<string | null, number[]> {
  const reach = new Map<string | null, number[]>();
  for (const { brandId, covers } of candidates)
    reach.set(brandId, [...new Set([...(reach.get(brandId) ?? []), ...covers])]);
  return reach;
}

/** Candidates of one kind and brand beside each other: at most one of them is used. */
function slotsOf(candidates: readonly Candidate[]): Candidate[][] {
  const slots: Candidate[][] = [];
  for (const candidate of candidates) {
    const last = slots.at(-1);
    if (last?.[0] !== undefined && sameSlot(last[0], candidate)) last.push(candidate);
    else slots.push([candidate]);
  }
  return slots;
}

/** Takes a coupon off what is left of the lines it covers, in proportion to that. */
function takeOff(rests: readonly number[], candidate: Candidate): Taken {
  const covered = candidate.covers.map((place) => rests[place] ?? 0);
  const offMinor = Math.min(candidate.worthMinor, sumOf(covered));
  const shares = rests.map(() => 0);
  for (const [i, minor] of spread(offMinor, covered).entries()) shares[candidate.covers[i] ?? 0] = minor;
  return { candidate, offMinor, shares };
}

function comesBefore(a: Pick<Found, 'taken' | 'offMinor'>, b: Pick<Found, 'taken' | 'offMinor'>): boolean {
  if (a.offMinor !== b.offMinor) return a.offMinor > b.offMinor;
  if (a.taken.length !== b.taken.length) return a.taken.length < b.taken.length;
  for (const [i, { candidate }] of a.taken.entries()) {
    const other = b.taken[i]?.candidate;
    if (other !== undefined && other !== candidate) return inLayers(candidate, other) < 0;
  }
  return false;
}

function sumOf(amounts: readonly number[]): number {
  return amounts.reduce((a, b) => a + b, 0);
}

function sumOver(amounts: readonly number[], places: readonly number[]): number {
  return places.reduce((sum, place) => sum + (amounts[place] ?? 0), 0);
}
