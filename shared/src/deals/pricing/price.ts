import { type Candidate, compareText, type Found, findBest, inLayers, mayStack, sameSlot } from './best.ts';
import { couponKinds, fundingOf } from './coupon-kinds.ts';
import { mustBeMinor, mustBeUnits, mustBeWhole } from './exact.ts';
import type {
  Basket,
  CouponOffer,
  CouponShare,
  LineProof,
  PricedLine,
  PriceProof,
  PriceStep,
  RuledOut,
} from './types.ts';

/** Lines of a basket: several times what one claim can hold. */
export const basketLinesMax = 64;
/** Coupons looked at for one basket. */
export const basketCouponsMax = 128;

/**
 * The price of a basket with the cheapest allowed coupons, every step of it, and why each other coupon was left out.
 *
 * - A coupon's threshold is measured on the deals' prices of the lines it covers, before any coupon: what else is used
 *   never moves it. `repeats` takes `offMinor` off for every full `fromMinor`.
 * - Coupons are taken off in the order of `couponKinds`, each in proportion to what is left of the lines it covers, by the
 *   largest remainder. No line falls below 0, nor below what its deposit counts for.
 * - Which may be used together is said by `mayStack`. Of equally cheap combinations the one with fewer coupons is used.
 *
 * Throws a RangeError that names the field for what no basket can be: fractions, negative or too large amounts, quantities
 * out of 1 to 99, another currency, a deal or coupon that is there twice, a choice of what is not offered.
 */
export function priceBasket(basket: Basket): PriceProof {
  check(basket);
  // What is shared by lines must not depend on their order, so they are worked on by id and told in the basket's order.
  const lines = basket.lines.toSorted((a, b) => compareText(a.dealId, b.dealId));
  const deals = lines.map((line) => line.unitMinor * line.quantity);
  const capacities = lines.map((line, i) => (deals[i] ?? 0) - (line.deposit?.worthMinor ?? 0) * line.quantity);
  const offers = basket.coupons.toSorted((a, b) => compareText(a.couponId, b.couponId));
  const judged = offers.map((offer) => ({ offer, ...judge(offer, basket, lines, deals) }));
  const usable = judged.flatMap((j) => (j.candidate === null ? [] : [j.candidate])).toSorted(inLayers);
  const chosen = basket.chosen === undefined ? null : new Set(basket.chosen);
  const candidates = usable.filter((c) => chosen === null || chosen.has(c.couponId));

  const best = findBest(capacities, candidates, { looks: looksMax });
  const used = new Map(best.taken.map((t) => [t.candidate.couponId, t]));
  const out = candidates.filter((c) => !used.has(c.couponId));
  const looksEach = Math.floor(looksMax / Math.max(1, out.length));

  const ruledOut: RuledOut[] = judged.flatMap(({ offer: { couponId }, candidate, why }): RuledOut[] => {
    if (why !== null) return [{ couponId, ...why }];
    if (candidate === null || used.has(couponId)) return [];
    if (!candidates.includes(candidate)) return [{ couponId, why: 'not-chosen' }];
    return [whyLeftOut(candidate, best, findBest(capacities, candidates, { looks: looksEach, must: candidate }))];
  });

  const proofs = lines.map((line, i): LineProof => {
    const shares = best.taken.flatMap((t): CouponShare[] => {
      const minor = t.shares[i] ?? 0;
      return minor === 0 ? [] : [{ couponId: t.candidate.couponId, minor }];
    });
    const depositMinor = (line.deposit?.depositMinor ?? 0) * line.quantity;
    const depositWorthMinor = (line.deposit?.worthMinor ?? 0) * line.quantity;
    const dealMinor = deals[i] ?? 0;
    return {
      dealId: line.dealId,
      productId: line.productId,
      brandId: line.brandId,
      quantity: line.quantity,
      // A list price that was lowered below the deal's since is no price to be measured against.
      unitListMinor: Math.max(line.listMinor, line.unitMinor),
      unitMinor: line.unitMinor,
      tierLevel: line.tierLevel ?? null,
      listMinor: Math.max(line.listMinor, line.unitMinor) * line.quantity,
      dealMinor,
      shares,
      payMinor: dealMinor - sumOf(shares.map((s) => s.minor)) - (depositWorthMinor - depositMinor),
      depositMinor,
      depositWorthMinor,
    };
  });
  const byDeal = new Map(proofs.map((p) => [p.dealId, p]));
  const listMinor = sumOf(proofs.map((p) => p.listMinor));
  const totalMinor = sumOf(proofs.map((p) => p.payMinor));
  const exact = best.offMinorMax === best.offMinor;
  const anyBest = chosen === null ? best : findBest(capacities, usable, { looks: looksMax });
  return {
    currency: basket.currency,
    lines: basket.lines.flatMap((line) => byDeal.get(line.dealId) ?? []),
    steps: stepsOf(proofs, best, judged),
    listMinor,
    totalMinor,
    depositMinor: sumOf(proofs.map((p) => p.depositMinor)),
    savedMinor: listMinor - totalMinor,
    fundedMinor: best.taken
      .filter((t) => fundingOf(t.candidate.kind) === 'platform')
      .map((t) => ({ couponId: t.candidate.couponId, minor: t.offMinor })),
    ruledOut,
    exact,
    bound: exact ? null : { lowestPossibleMinor: totalMinor - (best.offMinorMax - best.offMinor) },
    couldSaveMinor: Math.max(0, anyBest.offMinor - best.offMinor),
  };
}

/**
 * Coupons looked at in one search before it is cut short: all combinations of six coupons are found with a few hundred;
 * this is some ten milliseconds of a processor.
 */
const looksMax = 100_000;

/** Why an offer cannot be used at all. */
type Obstacle = RuledOut extends infer R ? (R extends { couponId: string } ? Omit<R, 'couponId'> : never) : never;

interface Judged {
  candidate: Candidate | null;
  why: Obstacle | null;
  baseMinor: number;
  times: number;
}

/** Whether an offer could be used for this basket by itself, and what it is worth. */
function judge(offer: CouponOffer, basket: Basket, lines: readonly PricedLine[], deals: readonly number[]): Judged {
  const no = (why: Obstacle): Judged => ({ candidate: null, why, baseMinor: 0, times: 0 });
  const { brandId, productIds, levelMin = 0 } = offer;
  if (brandId !== undefined && lines.every((line) => line.brandId !== brandId))
    return no({ why: 'other-brand', brandId });
  const covers = [...lines.entries()]
    .filter(([, line]) => brandId === undefined || line.brandId === brandId)
    .filter(([, line]) => productIds === undefined || productIds.includes(line.productId))
    .map(([place]) => place);
  if (covers.length === 0) return no({ why: 'other-products' });
  if (basket.nowMs < offer.opensAtMs) return no({ why: 'not-open-yet', opensAtMs: offer.opensAtMs });
  if (basket.nowMs >= offer.closesAtMs) return no({ why: 'expired', closedAtMs: offer.closesAtMs });
  if (offer.usesLeft === 0) return no({ why: 'used' });
  if (offer.left === 0) return no({ why: 'sold-out' });
  if (basket.level < levelMin) return no({ why: 'level', levelMin, level: basket.level });
  const baseMinor = covers.reduce((sum, place) => sum + (deals[place] ?? 0), 0);
  if (baseMinor < offer.fromMinor) return no({ why: 'not-reached', missingMinor: offer.fromMinor - baseMinor });
  const times = offer.repeats && offer.fromMinor > 0 ? Math.floor(baseMinor / offer.fromMinor) : 1;
  // Compared before it is multiplied: a product above 2^53 would no longer be exact.
  const worthMinor = times > baseMinor / offer.offMinor ? baseMinor : offer.offMinor * times;
  const { couponId, kind, stacksWith } = offer;
  return {
    candidate: { couponId, kind, brandId: brandId ?? null, stacksWith, worthMinor, covers },
    why: null,
    baseMinor,
    times,
  };
}

function whyLeftOut(candidate: Candidate, best: Found, withIt: Found): RuledOut {
  const { couponId } = candidate;
  const known = best.offMinorMax === best.offMinor && withIt.offMinorMax === withIt.offMinor;
  const byMinor = known ? best.offMinor - withIt.offMinor : null;
  const against = best.taken.map((t) => t.candidate).filter((c) => !mayStack(c, candidate));
  const insteadOf = against.map((c) => c.couponId);
  if (byMinor === 0) return { couponId, why: 'no-gain', insteadOf };
  if (against.some((c) => !sameSlot(c, candidate)))
    return { couponId, why: 'does-not-stack', with: insteadOf, byMinor };
  return { couponId, why: 'costs-more', byMinor, insteadOf };
}

function stepsOf(
  lines: readonly LineProof[],
  best: Found,
  judged: readonly (Judged & { offer: CouponOffer })[],
): PriceStep[] {
  const listMinor = sumOf(lines.map((l) => l.listMinor));
  let afterMinor = sumOf(lines.map((l) => l.dealMinor));
  const early = lines.some((l) => l.tierLevel !== null);
  const steps: PriceStep[] = [
    { step: 'list', afterMinor: listMinor },
    { step: 'deal', offMinor: listMinor - afterMinor, early, afterMinor },
  ];
  for (const { candidate, offMinor } of best.taken) {
    const { baseMinor = 0, times = 1, offer } = judged.find((j) => j.candidate === candidate) ?? {};
    const { couponId, kind } = candidate;
    const again = offer !== undefined && offer.repeats && offer.fromMinor > 0;
    const nextMinor = again ? offer.fromMinor * (times + 1) - baseMinor : null;
    const funding = fundingOf(kind);
    afterMinor -= offMinor;
    steps.push({ step: 'coupon', couponId, kind, funding, offMinor, baseMinor, times, nextMinor, afterMinor });
  }
  const depositMinor = sumOf(lines.map((l) => l.depositMinor));
  const worthMinor = sumOf(lines.map((l) => l.depositWorthMinor));
  if (worthMinor > 0) {
    const offMinor = worthMinor - depositMinor;
    afterMinor -= offMinor;
    steps.push({ step: 'deposit', depositMinor, worthMinor, offMinor, afterMinor });
  }
  return steps;
}

function check({ lines, coupons, currency, level, nowMs, chosen }: Basket): void {
  mustBeWhole(lines.length, 'lines.length', { min: 0, max: basketLinesMax });
  mustBeWhole(coupons.length, 'coupons.length', { min: 0, max: basketCouponsMax });
  mustBeWhole(level, 'level', { min: 0, max: 4 });
  mustBeWhole(nowMs, 'nowMs', { min: 0, max: Number.MAX_SAFE_INTEGER });
  for (const [i, line] of lines.entries()) checkLine(line, `lines.${i}`, currency);
  for (const [i, coupon] of coupons.entries()) checkCoupon(coupon, `coupons.${i}`, currency);
  mustBeUnique(
    lines.map((l) => l.dealId),
    'lines',
    'dealId',
  );
  mustBeUnique(
    coupons.map((c) => c.couponId),
    'coupons',
    'couponId',
  );
  const offered = new Set(coupons.map((c) => c.couponId));
  for (const id of chosen ?? [])
    if (!offered.has(id)) throw new RangeError(`chosen: the coupon "${id}" is not offered`);
}

function checkLine(line: PricedLine, at: string, currency: string): void {
  mustBeUnits(line.quantity, `${at}.quantity`);
  mustBeMinor(line.listMinor, `${at}.listMinor`);
  mustBeMinor(line.unitMinor, `${at}.unitMinor`);
  mustBeCurrency(line.currency, `${at}.currency`, currency);
  if (line.tierLevel !== undefined) mustBeWhole(line.tierLevel, `${at}.tierLevel`, { min: 1, max: 4 });
  if (line.deposit === undefined) return;
  mustBeMinor(line.deposit.depositMinor, `${at}.deposit.depositMinor`);
  mustBeMinor(line.deposit.worthMinor, `${at}.deposit.worthMinor`);
  if (line.deposit.worthMinor < line.deposit.depositMinor)
    throw new RangeError(`${at}.deposit.worthMinor must be at least depositMinor`);
  if (line.deposit.worthMinor > line.unitMinor)
    throw new RangeError(`${at}.deposit.worthMinor must not be more than unitMinor`);
}

function checkCoupon(coupon: CouponOffer, at: string, currency: string): void {
  mustBeMinor(coupon.offMinor, `${at}.offMinor`);
  mustBeMinor(coupon.fromMinor, `${at}.fromMinor`);
  mustBeCurrency(coupon.currency, `${at}.currency`, currency);
  for (const field of ['usesLeft', 'left', 'opensAtMs', 'closesAtMs'] as const)
    mustBeWhole(coupon[field], `${at}.${field}`, { min: 0, max: Number.MAX_SAFE_INTEGER });
  if (!couponKinds.includes(coupon.kind)) throw new RangeError(`${at}.kind is no kind of coupon: ${coupon.kind}`);
  if ((fundingOf(coupon.kind) === 'seller') !== (coupon.brandId !== undefined))
    throw new RangeError(`${at}.brandId must be there for brand and shop coupons, and for no others`);
}

function mustBeCurrency(said: string | undefined, field: string, currency: string): void {
  if (said !== undefined && said !== currency) throw new RangeError(`${field} must be ${currency}, not ${said}`);
}

function mustBeUnique(ids: readonly string[], list: string, field: string): void {
  const twice = ids.find((id, i) => ids.indexOf(id) !== i);
  if (twice !== undefined) throw new RangeError(`${list} have the ${field} "${twice}" twice`);
}

function sumOf(amounts: readonly number[]): number {
  return amounts.reduce((a, b) => a + b, 0);
}
