import type { Order, OrderStateName, Payment, Refund } from '@elevens/shared/src/orders/contract.ts';

/**
 * What a shopper can do with an order, and what is said of it, from the order alone. Pure: the pages draw it, the server
 * decides it again.
 */

export type ActName = 'pay' | 'balance' | 'cancel' | 'receive' | 'refund' | 'return' | 'dispute';

/** Why an act is shown and cannot be done. */
export type WhyNot = 'time-is-up' | 'not-open-yet' | 'balance-over' | 'not-sent' | 'disputed' | 'deciding';

export type Act =
  | { act: ActName; can: true; untilMs: number | null }
  | { act: ActName; can: false; why: WhyNot; atMs: number | null };

export interface Acts {
  /** The one on the sign; null when nothing is left to be done. */
  main: Act | null;
  others: Act[];
}

const can = (act: ActName, untilMs: number | null = null): Act => ({ act, can: true, untilMs });
const cannot = (act: ActName, why: WhyNot, atMs: number | null = null): Act => ({ act, can: false, why, atMs });
const nothing: Acts = { main: null, others: [] };

/** Units that can still be paid back. */
export function unitsLeft(order: Order): number {
  return order.lines.reduce((sum, line) => sum + line.quantity - line.refundedUnits, 0);
}

export function actsOf({ order, payment, nowMs }: { order: Order; payment: Payment; nowMs: number }): Acts {
  const { state } = order;
  const back = (act: 'refund' | 'return', untilMs: number | null = null): Act[] =>
    unitsLeft(order) > 0 ? [can(act, untilMs)] : [];
  switch (state.is) {
    case 'awaiting-payment':
      if (nowMs >= state.dueAtMs) return { main: cannot('pay', 'time-is-up', state.dueAtMs), others: [] };
      return { main: can('pay', state.dueAtMs), others: [can('cancel', state.dueAtMs)] };
    case 'deposit-paid': {
      if (nowMs < state.balanceOpensAtMs)
        return { main: cannot('balance', 'not-open-yet', state.balanceOpensAtMs), others: [] };
      if (nowMs >= state.balanceClosesAtMs)
        return { main: cannot('balance', 'balance-over', state.balanceClosesAtMs), others: [] };
      return { main: can('balance', state.balanceClosesAtMs), others: [] };
    }
    case 'paid':
      return { main: cannot('receive', 'not-sent'), others: back('refund') };
    case 'shipped':
      return {
        main: can('receive', state.confirmByMs),
        others: [...back('return'), can('dispute', state.confirmByMs)],
      };
    case 'disputed':
      return { main: cannot('receive', 'disputed'), others: [] };
    case 'received':
      return nowMs < state.refundUntilMs ? { main: null, others: back('return', state.refundUntilMs) } : nothing;
    case 'lapsed':
    case 'cancelled':
      // Money that came after the hold was gone: goods or all of it back.
      if (payment.state.is === 'paid-late') return { main: cannot('pay', 'deciding', payment.state.byMs), others: [] };
      return nothing;
    case 'closed':
    case 'refunded':
    case 'returned':
      return nothing;
  }
}

/** The last moment to give it back, or to say that something is wrong, with the span that leads to it. */
export type LastMoment =
  | { is: 'return'; fromMs: number; untilMs: number }
  /** Not received yet: from this moment on it counts as received, and the days to return begin. */
  | { is: 'confirm'; fromMs: number; untilMs: number };

export function lastMomentOf(order: Order): LastMoment | null {
  const { state } = order;
  if (state.is === 'received') return { is: 'return', fromMs: state.receivedAtMs, untilMs: state.refundUntilMs };
  if (state.is === 'shipped') return { is: 'confirm', fromMs: state.shippedAtMs, untilMs: state.confirmByMs };
  return null;
}

/** How far an order is, on four strokes. */
const strokes: Record<OrderStateName, number> = {
  'awaiting-payment': 1,
  'deposit-paid': 1.5,
  paid: 2,
  shipped: 3,
  disputed: 3,
  received: 4,
  closed: 4,
  lapsed: 0,
  cancelled: 0,
  refunded: 0,
  returned: 0,
};
export function strokesOf(order: Order): number {
  return strokes[order.state.is];
}

/**
 * Who has the money of an order now. `way` is what goes back and has not been confirmed by the provider yet; `undecided`
 * came late, and becomes goods or goes back.
 */
export interface MoneyAt {
  who: 'you' | 'escrow' | 'seller' | 'street' | 'way' | 'undecided';
  minor: number;
}

/** What one payment brings to one of its orders. */
function partOf({ totalMinor, presale }: Order, what: Payment['what']): number {
  if (what === 'full' || presale === null) return totalMinor;
  return what === 'deposit' ? presale.depositMinor : presale.balanceMinor;
}

/** `refunds` are those of all its payments. */
export function moneyOf(order: Order, payment: Payment, refunds: readonly Refund[]): MoneyAt[] {
  const { state } = order;
  const lateMinor = payment.state.is === 'paid-late' ? partOf(order, payment.what) : 0;
  const wayMinor = refunds
    .filter((refund) => refund.state !== 'confirmed')
    .reduce((sum, refund) => sum + refund.amountMinor, 0);
  const backMinor = Math.max(0, order.refundedMinor - wayMinor);
  const forfeitMinor = state.is === 'lapsed' ? state.forfeitMinor : 0;
  const keptMinor = Math.max(0, order.paidMinor - order.refundedMinor - forfeitMinor);
  const unpaid = order.paidMinor === 0 && lateMinor === 0;
  const holder: MoneyAt['who'] = state.is === 'received' || state.is === 'closed' ? 'seller' : 'escrow';
  const found: MoneyAt[] = [
    { who: 'you', minor: unpaid ? order.totalMinor : backMinor },
    { who: holder, minor: keptMinor },
    { who: 'way', minor: wayMinor },
    { who: 'street', minor: forfeitMinor },
    { who: 'undecided', minor: lateMinor },
  ];
  return found.filter(({ minor }) => minor > 0);
}

/** The part of an id that people see: enough to tell one's own orders apart, and to read it out. */
export function shortName(id: string): string {
  return (id.split('.')[1] ?? id).replaceAll(/[_-]/g, '').slice(0, 6);
}

/** The first signs of a hash, as a knot is named. */
export function knotOf(hash: string): string {
  return hash.slice(0, 4);
}
