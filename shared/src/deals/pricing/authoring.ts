import { everOverlap, firstOpensAtMs, openedEarlier } from '../../catalogue/overlap.ts';
import type { Problem } from '../../faults.ts';
import { durationMs, parseWhen, type Schedule } from '../../time.ts';
import { type DealRecord, lotOf } from '../records.ts';
import { checkDiscount, type LowPrice, type PricedProduct, priorDays } from './discount.ts';

/** When a deal is on for anybody: its earliest opening for the highest level included. */
function openingsOf(deal: Pick<DealRecord, 'when' | 'early'>): Schedule {
  const earlierMs = Math.max(0, ...(deal.early ?? []).map((tier) => durationMs(tier.opensEarlier)));
  return openedEarlier(parseWhen(deal.when), earlierMs);
}

/**
 * The low that a deal's price is measured against, for the page that shows it: the lowest price of the product in the 30
 * days before the deal first opened to anybody, and since when it was asked (0: as long as is known).
 */
export function lowOf(product: PricedProduct, deal: DealRecord, firstStartMs: number): LowPrice {
  return checkDiscount({ product, deal, firstOpensAtMs: firstOpensAtMs(openingsOf(deal), firstStartMs) }).low;
}

/** What is dishonest about a deal's discount: each of its prices that does not undercut the low, with that figure. */
export function discountProblems(product: PricedProduct, deal: DealRecord, firstStartMs: number | null): Problem[] {
  const { low, tooDear } = checkDiscount({
    product,
    deal,
    firstOpensAtMs: firstOpensAtMs(openingsOf(deal), firstStartMs),
  });
  const since = low.sinceMs === 0 ? '' : ` (asked since ${new Date(low.sinceMs).toISOString()})`;
  return tooDear.map(({ path, priceMinor }) => ({
    path,
    message: `${priceMinor} does not undercut ${low.lowMinor}, the lowest price of the ${priorDays} days before it first opens${since}`,
  }));
}

/**
 * Deals that are on while an earlier one of the same product and lot is: each with its place and the other's id. One unit
 * would be sold by two.
 */
export function overlappingDeals(
  deals: readonly Pick<DealRecord, 'id' | 'productId' | 'lot' | 'when' | 'early'>[],
  firstStartMs: number | null,
): { index: number; with: string }[] {
  const byLot = new Map<string, { id: string; schedule: Schedule }[]>();
  const found: { index: number; with: string }[] = [];
  for (const [index, deal] of deals.entries()) {
    const key = `${deal.productId} ${lotOf(deal)}`;
    const earlier = byLot.get(key) ?? [];
    byLot.set(key, earlier);
    const schedule = openingsOf(deal);
    const other = earlier.find((d) => d.id !== deal.id && everOverlap(d.schedule, schedule, firstStartMs));
    if (other !== undefined) found.push({ index, with: other.id });
    earlier.push({ id: deal.id, schedule });
  }
  return found;
}

/** How an overlap is told to whoever wrote it. */
export function overlapProblem(deal: Pick<DealRecord, 'productId' | 'lot'>, otherId: string): Problem {
  return {
    path: 'when',
    message: `is on while the deal "${otherId}" is (early openings included), and both sell "${deal.productId}" from the lot "${lotOf(deal)}": give one another time or another lot`,
  };
}
