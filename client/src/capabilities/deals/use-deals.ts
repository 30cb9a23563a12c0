import type { Brand, Product } from '@elevens/shared/src/catalogue/records.ts';
import type { Deal, Hold, Stock } from '@elevens/shared/src/deals/contract.ts';
import { recordIdOf } from '@elevens/shared/src/occurrence-ids.ts';
import { useMemo, useState } from 'react';
import { type FeedStatus } from '../../platform/feeds.ts';
import { useFeedState, useList, useNow, useSession } from '../../platform/platform.tsx';

/** A deal with what it is about. The records come as authored; the server has checked them by their schemas. */
export interface Offer {
  deal: Deal;
  product: Product;
  brand: Brand;
}

export type OffersView =
  | { is: 'loading' }
  | { is: 'failed'; fault: string }
  | { is: 'ready'; offers: Offer[]; nowMs: number };

/** The deals of these hours, each with its product and brand, by opening. */
export function useOffers(): OffersView {
  const answer = useList('deals:list');
  const nowMs = useNow(1_000);
  const reply = answer.is === 'ready' ? answer.reply : null;
  const offers = useMemo(() => {
    if (reply === null) return null;
    const products = new Map(reply.products.map((p) => [p.id, p]));
    const brands = new Map(reply.brands.map((b) => [b.id, b]));
    return reply.deals
      .flatMap((deal): Offer[] => {
        const product = products.get(deal.productId);
        const brand = brands.get(deal.brandId);
        return product === undefined || brand === undefined ? [] : [{ deal, product, brand }];
      })
      .toSorted((a, b) => a.deal.opensAtMs - b.deal.opensAtMs || a.deal.dealId.localeCompare(b.deal.dealId));
  }, [reply]);
  if (answer.is === 'failed') return { is: 'failed', fault: answer.fault.fault };
  if (offers === null) return { is: 'loading' };
  return { is: 'ready', offers, nowMs };
}

export type Phase = 'ahead' | 'open' | 'past';

export function phaseOf(deal: Pick<Deal, 'opensAtMs' | 'closesAtMs'>, nowMs: number): Phase {
  if (nowMs < deal.opensAtMs) return 'ahead';
  return nowMs < deal.closesAtMs ? 'open' : 'past';
}

/** The next time that the same deal opens, if the list already knows it. */
export function nextOpening(offers: Offer[], offer: Offer, nowMs: number): Offer | null {
  const name = recordIdOf(offer.deal.dealId);
  return offers.find((o) => recordIdOf(o.deal.dealId) === name && o.deal.opensAtMs > nowMs) ?? null;
}

/** The deal's stock as it moves; the list's own count until the feed has answered. `watch: false` follows nothing. */
export function useStock(deal: Deal, watch = true): { stock: Stock; status: FeedStatus } {
  const { view, status } = useFeedState('deals:stock', watch ? deal.dealId : null);
  return { stock: view.state ?? deal.stock, status };
}

export interface MyHolds {
  /** Null until the feed has answered. */
  holds: Hold[] | null;
}

/** The shopper's own holds that still run. */
export function useMyHolds(): MyHolds {
  const session = useSession();
  const { view } = useFeedState('deals:mine', session?.shopperId ?? null);
  const nowMs = useNow(1_000);
  const all = view.state?.holds;
  return useMemo(() => ({ holds: all?.filter((hold) => hold.lapsesAtMs > nowMs) ?? null }), [all, nowMs]);
}

export type Ended = { is: 'none' } | { is: 'lapsed'; atMs: number } | { is: 'released' };

/** What one shopper holds of one deal: the hold that lapses first, and how many units altogether. */
export interface Held {
  hold: Hold;
  quantity: number;
}

/** What is held of one deal, and how the last hold ended while this page was open. */
export function useHeldOf(dealId: string, releasedId: string | null): { held: Held | null; ended: Ended } {
  const { holds } = useMyHolds();
  const own = (holds ?? []).filter((h) => h.lines.some((line) => line.dealId === dealId));
  const hold = own.toSorted((a, b) => a.lapsesAtMs - b.lapsesAtMs)[0] ?? null;
  const [last, setLast] = useState<Hold | null>(null);
  // Kept while rendering, as React has it for state that follows from other state: an effect would render twice.
  if (hold !== null && hold !== last) setLast(hold);
  if (hold !== null) {
    const lines = own.flatMap((h) => h.lines.filter((line) => line.dealId === dealId));
    return { held: { hold, quantity: lines.reduce((sum, line) => sum + line.quantity, 0) }, ended: { is: 'none' } };
  }
  if (last === null || holds === null) return { held: null, ended: { is: 'none' } };
  if (last.holdId === releasedId) return { held: null, ended: { is: 'released' } };
  return { held: null, ended: { is: 'lapsed', atMs: last.lapsesAtMs } };
}
