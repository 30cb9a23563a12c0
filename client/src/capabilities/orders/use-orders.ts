import type { Order, OrderedThings, Payment } from '@elevens/shared/src/orders/contract.ts';
import { useCallback, useEffect, useMemo, useState } from 'react';
import { useFeedState, useNow, usePlatform, useSession } from '../../platform/platform.tsx';
import type { ReplyOfName } from '../../platform/wire.ts';
import { isUnderWay, payStateOf } from './pay-state.ts';
import { type Asked, useAsked } from './use-asked.ts';

/** Grows with every change of the shopper's orders and payments, on whichever device it was made; null until it is known. */
function useBell(): number | null {
  const session = useSession();
  const { view } = useFeedState('orders:mine', session?.shopperId ?? null);
  return view.state?.version ?? null;
}

/** One order with its payment and timeline, kept fresh. */
export function useOrder(orderId: string): { asked: Asked<'orders:one'>; again: () => void } {
  return useAsked('orders:one', { orderId }, { bell: useBell() });
}

/** One payment with its orders, kept fresh; while an answer is under way it is also asked for of its own accord. */
export function usePayment(
  paymentId: string,
  backAtMs: number | null,
): { asked: Asked<'orders:payment'>; again: () => void } {
  const [waiting, setWaiting] = useState(false);
  const view = useAsked('orders:payment', { paymentId }, { bell: useBell(), waiting });
  const nowMs = useNow(1_000);
  const payment = view.asked.is === 'ready' ? view.asked.reply.payment : null;
  const wanted = payment !== null && isUnderWay(payStateOf({ payment, nowMs, backAtMs }));
  if (wanted !== waiting) setWaiting(wanted);
  return view;
}

export interface MyOrders {
  asked: Asked<'orders:mine'>;
  /** All that were fetched, newest first. */
  orders: Order[];
  payments: Payment[];
  things: Things;
  more: { is: 'none' } | { is: 'some'; busy: boolean; fault: string | null; fetch: () => void };
  again: () => void;
}

/** The shopper's orders, page by page, and the payments that are open. */
export function useMyOrders(): MyOrders {
  const { connection } = usePlatform();
  const { asked, again } = useAsked('orders:mine', {}, { bell: useBell() });
  const [older, setOlder] = useState<Pick<ReplyOfName<'orders:mine'>, 'orders' | 'things' | 'more'> | null>(null);
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState<string | null>(null);
  const first = asked.is === 'ready' ? asked.reply : null;

  const orders = useMemo(() => {
    const known = new Map<string, Order>();
    for (const order of [...(first?.orders ?? []), ...(older?.orders ?? [])]) {
      const before = known.get(order.orderId);
      if (before === undefined || before.version < order.version) known.set(order.orderId, order);
    }
    return [...known.values()].toSorted((a, b) => b.placedAtMs - a.placedAtMs || a.orderId.localeCompare(b.orderId));
  }, [first, older]);

  const last = orders.at(-1);
  const fetchMore = useCallback(() => {
    if (busy || last === undefined) return;
    setBusy(true);
    void connection.call('orders:mine', { before: last.placedAtMs }).then((outcome) => {
      setBusy(false);
      if (!outcome.ok) return setFault('fault' in outcome ? outcome.fault : null);
      setFault(null);
      setOlder((before) => ({
        orders: [...(before?.orders ?? []), ...outcome.reply.orders],
        things: joined(before?.things ?? noThings, outcome.reply.things),
        more: outcome.reply.more,
      }));
      return undefined;
    });
  }, [busy, connection, last]);

  const things = useThings(first?.things ?? noThings, older?.things);
  const some = older?.more ?? first?.more ?? false;
  return {
    asked,
    orders,
    payments: first?.payments ?? [],
    things,
    more: some ? { is: 'some', busy, fault, fetch: fetchMore } : { is: 'none' },
    again,
  };
}

/** What orders speak of: how it is drawn and called, as far as the street still has it. */
export interface Things {
  product: (productId: string) => OrderedThings['products'][number] | undefined;
  brand: (brandId: string) => OrderedThings['brands'][number] | undefined;
  /** A name in any case: that of the record, or the words of its id. */
  brandName: (brandId: string) => string;
  couponTitle: (couponId: string) => string;
}

const noThings: OrderedThings = { products: [], brands: [], coupons: [] };

function joined(a: OrderedThings, b: OrderedThings): OrderedThings {
  return {
    products: [...a.products, ...b.products],
    brands: [...a.brands, ...b.brands],
    coupons: [...a.coupons, ...b.coupons],
  };
}

const words = (id: string): string => {
  const text = id.replaceAll('-', ' ');
  return text.slice(0, 1).toLocaleUpperCase() + text.slice(1);
};

/** What came with orders; of what came twice, `told` is the newer. */
export function useThings(told: OrderedThings, older: OrderedThings = noThings): Things {
  return useMemo(() => {
    const all = joined(older, told);
    const products = new Map(all.products.map((product) => [product.id, product]));
    const brands = new Map(all.brands.map((brand) => [brand.id, brand]));
    const coupons = new Map(all.coupons.map((coupon) => [coupon.id, coupon]));
    return {
      product: (id) => products.get(id),
      brand: (id) => brands.get(id),
      brandName: (id) => brands.get(id)?.name ?? words(id),
      couponTitle: (id) => coupons.get(id)?.title ?? words(id),
    };
  }, [told, older]);
}

/** Since when the units of a payment are held, as far as their hold is still known. */
export function useHeldFrom(paymentId: string): number | null {
  const session = useSession();
  const { view } = useFeedState('deals:mine', session?.shopperId ?? null);
  const held = view.state?.holds.filter((hold) => hold.paymentId === paymentId) ?? [];
  return held.length === 0 ? null : Math.min(...held.map((hold) => hold.claimedAtMs));
}

/**
 * When this page came back from the provider's: at its first look at a payment whose page was opened before, and again when
 * the browser brings the page back as it was left.
 */
export function useBackAt(opened: boolean | null): number | null {
  const { clock } = usePlatform();
  const [backAtMs, setBackAtMs] = useState<number | null>(null);
  const [looked, setLooked] = useState(false);
  if (opened !== null && !looked) {
    setLooked(true);
    if (opened) setBackAtMs(clock.nowMs());
  }
  useEffect(() => {
    const onShow = (event: PageTransitionEvent): void => {
      if (event.persisted) setBackAtMs(clock.nowMs());
    };
    window.addEventListener('pageshow', onShow);
    return () => window.removeEventListener('pageshow', onShow);
  }, [clock]);
  return backAtMs;
}

/** When this tab last went to the provider's page for a payment, also across a reload; where storage is refused nobody knows. */
export function useTrip(paymentId: string): { leftAtMs: number | null; leave: () => void } {
  const { clock } = usePlatform();
  const key = `elevens.till ${paymentId}`;
  const [leftAtMs, setLeftAtMs] = useState<number | null>(() => {
    try {
      const kept = sessionStorage.getItem(key);
      return kept === null ? null : Number(kept);
    } catch {
      return null;
    }
  });
  const leave = useCallback(() => {
    const nowMs = clock.nowMs();
    setLeftAtMs(nowMs);
    try {
      sessionStorage.setItem(key, String(nowMs));
    } catch {
      // Refused storage costs no more than this: after a refusal one is told of it until the next answer.
    }
  }, [clock, key]);
  return { leftAtMs, leave };
}
