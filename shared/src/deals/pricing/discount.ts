/**
 * Honest discounts. The source is Article 6a of Directive 98/6/EC, put there by Article 2 of Directive (EU) 2019/2161
 * (the "Omnibus" directive): whoever announces a price reduction indicates the prior price, which is the lowest price
 * applied in a period of at least 30 days before the reduction (6a(2)).
 *
 * The reduction is the festival's. Its deals are announced together and open again and again, so what counts is what the
 * product cost before its deal FIRST opened: earlier rounds of the same deal are the reduction itself and not a price
 * before it, as 6a(5) says of one that is increased step by step, where the prior price is the one before its first
 * step. Were each round measured against the round before, no deal could open twice at one price.
 */

const dayMs = 86_400_000;
/** The period of 6a(2). */
export const priorDays = 30;

/** A price and when it was asked: [fromMs, untilMs). */
export interface PriceSpan {
  priceMinor: number;
  fromMs: number;
  untilMs: number;
}

/** The lowest price before a reduction, and since when it was to be had (0: as long as is known). */
export interface LowPrice {
  lowMinor: number;
  sinceMs: number;
}

/** What a product costs and cost, as authored. */
export interface PricedProduct {
  listMinor: number;
  pastPrices?: readonly { priceMinor: number; from: string; until?: string }[];
}

/** Since and until for ever. */
const alwaysMs = Number.MAX_SAFE_INTEGER;

/** All that a product ever cost, oldest first: its past prices, and the list price wherever they say nothing. */
export function historyOf({ listMinor, pastPrices = [] }: PricedProduct): PriceSpan[] {
  const known = pastPrices
    .map(({ priceMinor, from, until }): PriceSpan => {
      return { priceMinor, fromMs: Date.parse(from), untilMs: until === undefined ? alwaysMs : Date.parse(until) };
    })
    .toSorted((a, b) => a.fromMs - b.fromMs || a.untilMs - b.untilMs);
  const history: PriceSpan[] = [];
  let saidUntilMs = 0;
  for (const span of known) {
    if (span.fromMs > saidUntilMs) history.push({ priceMinor: listMinor, fromMs: saidUntilMs, untilMs: span.fromMs });
    history.push(span);
    saidUntilMs = Math.max(saidUntilMs, span.untilMs);
  }
  if (saidUntilMs < alwaysMs) history.push({ priceMinor: listMinor, fromMs: saidUntilMs, untilMs: alwaysMs });
  return history;
}

/** The lowest price asked in the days before a moment; null where nothing is known of them. */
export function lowestOf(
  history: readonly PriceSpan[],
  { untilMs, days = priorDays }: { untilMs: number; days?: number },
): LowPrice | null {
  const fromMs = untilMs - days * dayMs;
  let low: LowPrice | null = null;
  for (const span of history) {
    if (span.untilMs <= fromMs || span.fromMs >= untilMs) continue;
    if (low === null || span.priceMinor < low.lowMinor) low = { lowMinor: span.priceMinor, sinceMs: span.fromMs };
  }
  return low;
}

/** A deal's prices of one unit, as authored. */
export interface PricedDeal {
  priceMinor: number;
  presale?: { depositMinor: number; depositWorthMinor: number };
  early?: readonly { priceMinor?: number }[];
}

/**
 * The low that a deal is measured against, and which of its prices do not undercut it, by their path. A presale's price
 * is what deposit and balance come to. `firstOpensAtMs` is null while the festival's first start is not known: then what
 * counts is the price that still is when it begins.
 */
export function checkDiscount({
  product,
  deal,
  firstOpensAtMs,
}: {
  product: PricedProduct;
  deal: PricedDeal;
  firstOpensAtMs: number | null;
}): { low: LowPrice; tooDear: { path: string; priceMinor: number }[] } {
  const low = lowestOf(historyOf(product), { untilMs: firstOpensAtMs ?? alwaysMs }) ?? {
    lowMinor: product.listMinor,
    sinceMs: 0,
  };
  const growsMinor = deal.presale === undefined ? 0 : deal.presale.depositWorthMinor - deal.presale.depositMinor;
  const prices = [
    { path: 'priceMinor', priceMinor: deal.priceMinor - growsMinor },
    ...(deal.early ?? []).flatMap(({ priceMinor }, i) =>
      priceMinor === undefined ? [] : [{ path: `early.${i}.priceMinor`, priceMinor: priceMinor - growsMinor }],
    ),
  ];
  return { low, tooDear: prices.filter((p) => p.priceMinor >= low.lowMinor) };
}
