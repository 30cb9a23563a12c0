import type { KeptOrder, KeptPayment } from './documents.ts';
import { balanceMissedAtMs, decideOfOrder } from './order-turns.ts';
import { decideOfPayment } from './payment-turns.ts';
import type { Context, Decision, OrderEvent, Scene } from './plan.ts';
import type { OrderEventName } from './table.ts';

/** Decides one event. Pure: the same documents, event and context give the same answer, and nothing is changed here. */
export function decide(scene: Scene, event: OrderEvent, context: Context): Decision {
  return 'orderId' in event ? decideOfOrder(scene, event, context) : decideOfPayment(scene, event, context);
}

/** When a sweep has to look at an order, and what it then finds to decide; null where time alone changes nothing. */
export function dueOfOrder({ order: { state } }: KeptOrder): { atMs: number; event: OrderEventName } | null {
  switch (state.is) {
    case 'deposit-paid':
      return { atMs: balanceMissedAtMs(state), event: 'miss-balance' };
    case 'shipped':
      return { atMs: state.confirmByMs, event: 'wait-out' };
    case 'received':
      return { atMs: state.refundUntilMs, event: 'close' };
    case 'awaiting-payment':
    case 'paid':
    case 'disputed':
    case 'closed':
    case 'lapsed':
    case 'cancelled':
    case 'refunded':
    case 'returned':
      return null;
  }
}

/** When a sweep has to look at a payment. One that came late is looked at at once, and again until it is goods or money. */
export function dueOfPayment({ payment }: KeptPayment): { atMs: number } | null {
  switch (payment.state.is) {
    case 'open':
      return payment.what === 'balance' ? null : { atMs: payment.dueAtMs };
    case 'paid-late':
      return { atMs: payment.state.paidAtMs };
    case 'paid':
    case 'lapsed':
    case 'cancelled':
    case 'refunded':
      return null;
  }
}
