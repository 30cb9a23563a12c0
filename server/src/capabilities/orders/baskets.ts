import type { Hold } from '@elevens/shared/src/deals/contract.ts';
import { basketCouponsMax, priceBasket } from '@elevens/shared/src/deals/pricing/price.ts';
import type { CouponOffer, PricedLine, PriceProof } from '@elevens/shared/src/deals/pricing/types.ts';
import type { CouponRecord, DealRecord } from '@elevens/shared/src/deals/records.ts';
import { recordIdOf } from '@elevens/shared/src/occurrence-ids.ts';
import { occurrenceOf, occurrencesNear } from '@elevens/shared/src/occurrences.ts';
import type { CouponName, Order, OrderedThings } from '@elevens/shared/src/orders/contract.ts';
import { couponPool } from '@elevens/shared/src/orders/documents.ts';
import type { BalanceTerms } from '@elevens/shared/src/orders/place.ts';
import { durationMs } from '@elevens/shared/src/time.ts';
import type { Catalogue } from '../catalogue/index.ts';
import type { OrderStore } from './store.ts';

/** How far around now a coupon's window is looked for, so that one that is over or not yet on can be told as such. */
const couponNearMs = 31 * 86_400_000;
/** A coupon's uses are put in their places this long before it can be used. */
const couponAheadMs = 10 * 60_000;

/** What orders want of the catalogue. */
export type OrderCatalogue = Pick<Catalogue, 'all' | 'get' | 'festival'>;

/** What orders want of pools. */
export interface OrderPools {
  states(poolIds: readonly string[]): Promise<({ free: number; soldOut: boolean } | null)[]>;
  stage(pool: { poolId: string; total: number; spread: boolean; untilMs: number }): Promise<{ granted: number[] }>;
}

/** Units of a deal at the price at which they are held or could be claimed. */
export interface WantedLine {
  dealId: string;
  quantity: number;
  unitMinor: number;
}

export type Priced =
  | { ok: true; proof: PriceProof }
  | { ok: false; why: 'unknown-deal'; dealId: string }
  | { ok: false; why: 'unknown-coupon'; couponId: string };

/** Prices baskets from what the catalogue and Redis say: no price in here ever came from a client. */
export function createBaskets({
  catalogue,
  store,
  pools,
}: {
  catalogue: OrderCatalogue;
  store: OrderStore;
  pools: OrderPools;
}) {
  const staged = new Map<string, string>();

  function dealOf(dealId: string): { record: DealRecord; opensAtMs: number; closesAtMs: number } | null {
    const record = catalogue.get('deals', recordIdOf(dealId));
    const occurrence = record && occurrenceOf(record, catalogue.festival().firstStartMs, dealId);
    if (record === undefined || occurrence === null || occurrence === undefined) return null;
    return { record, opensAtMs: occurrence.startsAtMs, closesAtMs: occurrence.endsAtMs };
  }

  /** The price of early access by level: a tier without a price of its own has that of the one below it. */
  function tiersOf({ record, opensAtMs }: { record: DealRecord; opensAtMs: number }) {
    let { priceMinor } = record;
    return (record.early ?? []).map((tier) => {
      priceMinor = tier.priceMinor ?? priceMinor;
      return { level: tier.level, opensAtMs: opensAtMs - durationMs(tier.opensEarlier), priceMinor };
    });
  }

  /** What one unit would cost this shopper now: as held, where it is held, else as it could be claimed. */
  function unitPrice(
    dealId: string,
    { level, nowMs, holds }: { level: number; nowMs: number; holds: readonly Hold[] },
  ) {
    const deal = dealOf(dealId);
    if (deal === null) return null;
    const held = holds
      .filter((hold) => hold.kind === 'hold' && hold.paymentId === null && hold.lapsesAtMs > nowMs)
      .flatMap((hold) => hold.lines)
      .find((line) => line.dealId === dealId);
    if (held !== undefined) return held.priceMinor;
    const tiers = tiersOf(deal).filter((tier) => level >= tier.level && nowMs >= tier.opensAtMs);
    return Math.min(deal.record.priceMinor, ...tiers.map((tier) => tier.priceMinor));
  }

  function pricedLine({ dealId, quantity, unitMinor }: WantedLine): PricedLine | null {
    const deal = dealOf(dealId);
    const product = deal === null ? undefined : catalogue.get('products', deal.record.productId);
    if (deal === null || product === undefined) return null;
    const tier = tiersOf(deal).find(({ priceMinor }) => priceMinor === unitMinor && unitMinor < deal.record.priceMinor);
    const { presale } = deal.record;
    return {
      dealId,
      productId: product.id,
      brandId: product.brandId,
      quantity,
      listMinor: product.listMinor,
      unitMinor,
      ...(tier === undefined ? {} : { tierLevel: tier.level }),
      // Units held under older terms may cost less than the deposit is worth now: no deposit is worth more than its unit.
      ...(presale === undefined
        ? {}
        : {
            deposit: {
              depositMinor: Math.min(presale.depositMinor, unitMinor),
              worthMinor: Math.min(presale.depositWorthMinor, unitMinor),
            },
          }),
    };
  }

  /** The coupons that are worth a look: those that are on, for brands or products in the basket, and those asked for. */
  function couponsFor(lines: readonly PricedLine[], nowMs: number, chosen: readonly string[] | undefined) {
    const { firstStartMs } = catalogue.festival();
    const brands = new Set(lines.map((line) => line.brandId));
    const found: { record: CouponRecord; opensAtMs: number; closesAtMs: number }[] = [];
    const named = (chosen ?? []).flatMap((id) => catalogue.get('coupons', id) ?? []);
    for (const record of [...named, ...catalogue.all('coupons').filter((c) => !named.includes(c))]) {
      const isNamed = named.includes(record);
      if (!isNamed && record.brandId !== undefined && !brands.has(record.brandId)) continue;
      const near = occurrencesNear(record, firstStartMs, { nowMs, behindMs: couponNearMs, aheadMs: couponNearMs });
      const on = near.find((o) => o.startsAtMs <= nowMs && nowMs < o.endsAtMs) ?? near.at(-1);
      if (on === undefined && !isNamed) continue;
      // One whose window is nowhere near can only have been over long ago, or be far off: it is not to be had now.
      found.push({ record, opensAtMs: on?.startsAtMs ?? 0, closesAtMs: on?.endsAtMs ?? 0 });
      if (found.length === basketCouponsMax) break;
    }
    return found;
  }

  async function offersFor(
    lines: readonly PricedLine[],
    { shopperId, nowMs, chosen }: { shopperId: string | null; nowMs: number; chosen: readonly string[] | undefined },
  ): Promise<CouponOffer[]> {
    const found = couponsFor(lines, nowMs, chosen);
    const ids = found.map(({ record }) => record.id);
    const [counts, homes] = await Promise.all([
      shopperId === null
        ? ids.map(() => ({ taken: 0, sliceFree: 0, stopped: false }))
        : store.couponCounts(shopperId, ids),
      pools.states(ids.map(couponPool)),
    ]);
    return found.map(({ record, opensAtMs, closesAtMs }, i) => {
      const { taken = 0, sliceFree = 0, stopped = false } = counts[i] ?? {};
      const home = homes[i];
      // What lies free in another partition's slice can be called back, so only home's verdict says that none is left.
      const left = !home ? record.total : home.soldOut ? sliceFree : Math.max(1, sliceFree + home.free);
      const { id, kind, brandId, productIds, offMinor, fromMinor, repeats, levelMin, stacksWith } = record;
      return {
        couponId: id,
        kind,
        ...(brandId === undefined ? {} : { brandId }),
        ...(productIds === undefined ? {} : { productIds }),
        ...(levelMin === undefined ? {} : { levelMin }),
        offMinor,
        fromMinor,
        repeats,
        stacksWith,
        opensAtMs,
        closesAtMs,
        usesLeft: Math.max(0, record.usesPerShopper - taken),
        left: stopped ? 0 : left,
      };
    });
  }

  function couponNames(couponIds: readonly string[]): CouponName[] {
    return [...new Set(couponIds)].flatMap((id) => {
      const record = catalogue.get('coupons', id);
      return record === undefined ? [] : [{ id, title: record.title, kind: record.kind }];
    });
  }

  return {
    unitPrice,

    /** When the balance of each presale among these deals can be paid. */
    presalesOf(dealIds: readonly string[]): Record<string, BalanceTerms> {
      const found: Record<string, BalanceTerms> = {};
      for (const dealId of dealIds) {
        const deal = dealOf(dealId);
        const presale = deal?.record.presale;
        if (deal === null || presale === undefined) continue;
        const balanceOpensAtMs = deal.closesAtMs + durationMs(presale.balanceAfter);
        found[dealId] = {
          balanceOpensAtMs,
          balanceClosesAtMs: balanceOpensAtMs + durationMs(presale.balanceFor),
          forfeitPermille: presale.forfeitPermille,
        };
      }
      return found;
    },
    limitOf: (dealId: string): number => dealOf(dealId)?.record.limitPerShopper ?? 0,
    usesPerShopper: (couponId: string): number => catalogue.get('coupons', couponId)?.usesPerShopper ?? 0,
    /** How what is ordered is called now, by product. */
    namesOf(productIds: readonly string[]): Record<string, string> {
      return Object.fromEntries(productIds.map((id) => [id, catalogue.get('products', id)?.name ?? id]));
    },
    /** The coupons that a proof speaks of. */
    couponsIn({ steps, ruledOut }: PriceProof): CouponName[] {
      const used = steps.flatMap((step) => (step.step === 'coupon' ? [step.couponId] : []));
      return couponNames([...used, ...ruledOut.map(({ couponId }) => couponId)]);
    },
    /** What these orders speak of, as far as the street still has it. */
    thingsOf(orders: readonly Order[]): OrderedThings {
      const lines = orders.flatMap((order) => order.lines);
      const productIds = new Set(lines.map(({ productId }) => productId));
      const brandIds = new Set(orders.map(({ brandId }) => brandId));
      return {
        products: [...productIds].flatMap((id) => {
          const product = catalogue.get('products', id);
          return product === undefined ? [] : [{ id, name: product.name, picture: product.picture }];
        }),
        brands: [...brandIds].flatMap((id) => {
          const brand = catalogue.get('brands', id);
          return brand === undefined ? [] : [{ id, name: brand.name, logo: brand.logo }];
        }),
        coupons: couponNames(lines.flatMap((line) => line.shares.map(({ couponId }) => couponId))),
      };
    },
    titleOf(dealId: string): string {
      const deal = dealOf(dealId);
      return (deal && catalogue.get('products', deal.record.productId)?.name) ?? dealId;
    },

    /** The price of a basket for a shopper (null: for nobody in particular). `without` leaves coupons out that were just found gone. */
    async price(
      lines: readonly WantedLine[],
      {
        shopperId,
        nowMs,
        level,
        chosen,
        without = [],
      }: {
        shopperId: string | null;
        nowMs: number;
        level: number;
        chosen: readonly string[] | undefined;
        without?: readonly string[];
      },
    ): Promise<Priced> {
      const priced: PricedLine[] = [];
      for (const line of lines) {
        const found = pricedLine(line);
        if (found === null) return { ok: false, why: 'unknown-deal', dealId: line.dealId };
        priced.push(found);
      }
      const unknown = chosen?.find((id) => catalogue.get('coupons', id) === undefined);
      if (unknown !== undefined) return { ok: false, why: 'unknown-coupon', couponId: unknown };
      const coupons = (await offersFor(priced, { shopperId, nowMs, chosen })).map((offer) =>
        without.includes(offer.couponId) ? { ...offer, left: 0 } : offer,
      );
      const { currency } = catalogue.festival();
      const proof = priceBasket({
        lines: priced,
        coupons,
        currency,
        level,
        nowMs,
        ...(chosen === undefined ? {} : { chosen: [...new Set(chosen)] }),
      });
      return { ok: true, proof };
    },

    /** Puts the uses of every coupon that is on or soon will be into their pool and slices. Any node may do it, at any time. */
    async stageCoupons(nowMs: number): Promise<void> {
      const { firstStartMs } = catalogue.festival();
      const failures: unknown[] = [];
      for (const record of catalogue.all('coupons')) {
        const soon = occurrencesNear(record, firstStartMs, { nowMs, behindMs: 0, aheadMs: couponAheadMs });
        const terms = String(record.total);
        if (soon.length === 0 || staged.get(record.id) === terms) continue;
        try {
          const poolId = couponPool(record.id);
          const { granted } = await pools.stage({ poolId, total: record.total, spread: true, untilMs: 0 });
          await store.stageCoupon(poolId, granted, nowMs);
          staged.set(record.id, terms);
        } catch (error) {
          // One that cannot be staged is said below, and holds up none of the others.
          failures.push(error);
        }
      }
      if (failures.length > 0) throw failures[0];
    },
    /** Redis came back, perhaps without what was staged. */
    forgetStaged: () => staged.clear(),
  };
}
export type Baskets = ReturnType<typeof createBaskets>;
