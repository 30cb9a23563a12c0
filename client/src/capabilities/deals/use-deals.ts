import type { Brand, Product } from '@elevens/shared/src/catalogue/records.ts';
import type { Deal, Hold, Stock } from '@elevens/shared/src/deals/contract.ts';
import { levelOf } from '@elevens/shared/src/energy/levels.ts';
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

/** Lanterns that the shopper's energy has lit: they open early doors. 0 until it is known. */
export function useLanterns(): number {
  const session = useSession();
  const { view } = useFeedState('energy:mine', session?.shopperId ?? null);
  return levelOf(view.state?.energy ?? 0);
}

/** How many holds run and how many may, by the rule of reserve-and-abandon. */
export interface Standing {
  holds: number;
  holdsMax: number;
  untilMs: number | null;
}

export interface MyHolds {
  /** What is held and runs, with what waits at the till; null until the feed has answered. */
  holds: Hold[] | null;
  /** What came back and is offered to this shopper for a minute. */
  offers: Hold[];
  standing: Standing | null;
}

/** Whether a hold still says something: until it lapses, and while its order is at the till. */
function isRunning(hold: Hold, nowMs: number): boolean {
  return hold.lapsesAtMs > nowMs || hold.paymentId !== null;
}

/** The shopper's own holds and offers that still run, the first to lapse first. */
export function useMyHolds(): MyHolds {
  const session = useSession();
  const { view } = useFeedState('deals:mine', session?.shopperId ?? null);
  const nowMs = useNow(1_000);
  const { state } = view;
  return useMemo(() => {
    if (state === null) return { holds: null, offers: [], standing: null };
    const running = state.holds
      .filter((hold) => isRunning(hold, nowMs))
      .toSorted((a, b) => a.lapsesAtMs - b.lapsesAtMs || a.holdId.localeCompare(b.holdId));
    const holds = running.filter((hold) => hold.kind === 'hold');
    return {
      holds,
      offers: running.filter((hold) => hold.kind === 'offer'),
      standing: { holds: holds.length, holdsMax: state.standing.holdsMax, untilMs: state.standing.untilMs },
    };
  }, [state, nowMs]);
}

export type Ended =
  | { is: 'none' }
  | { is: 'lapsed'; atMs: number }
  | { is: 'released' }
  /** Its order has it from here. */
  | { is: 'ordered'; paymentId: string }
  /** An offer that was not taken in its minute. */
  | { is: 'passed' };

/** What one shopper holds of one deal: the hold that lapses first, and how many units altogether. */
export interface Held {
  hold: Hold;
  quantity: number;
}

/** What is held and offered of one deal, and how the last of it ended while this page was open. */
export function useHeldOf(
  dealId: string,
  releasedId: string | null,
): { held: Held | null; offer: Hold | null; ended: Ended } {
  const { holds, offers } = useMyHolds();
  const of = (all: readonly Hold[]): Hold[] => all.filter((h) => h.lines.some((line) => line.dealId === dealId));
  const own = of(holds ?? []);
  // What still has to be paid comes first: that is what a press is for.
  const hold = own.find((one) => one.paymentId === null) ?? own[0] ?? null;
  const offer = of(offers)[0] ?? null;
  const [last, setLast] = useState<Hold | null>(null);
  const seen = offer ?? hold;
  // Kept while rendering, as React has it for state that follows from other state: an effect would render twice.
  if (seen !== null && seen !== last) setLast(seen);
  if (hold !== null) {
    const lines = own
      .filter((one) => (one.paymentId === null) === (hold.paymentId === null))
      .flatMap((h) => h.lines.filter((line) => line.dealId === dealId));
    const quantity = lines.reduce((sum, line) => sum + line.quantity, 0);
    return { held: { hold, quantity }, offer, ended: { is: 'none' } };
  }
  return { held: null, offer, ended: offer !== null || holds === null ? { is: 'none' } : endOf(last, releasedId) };
}

function endOf(last: Hold | null, releasedId: string | null): Ended {
  if (last === null) return { is: 'none' };
  if (last.holdId === releasedId) return { is: 'released' };
  if (last.kind === 'offer') return { is: 'passed' };
  if (last.paymentId !== null) return { is: 'ordered', paymentId: last.paymentId };
  return { is: 'lapsed', atMs: last.lapsesAtMs };
}
