import type { Order, Payment } from '@elevens/shared/src/orders/contract.ts';

/** The next thing on an order's string that comes by itself at a known moment. */
export interface Coming {
  what: 'goes-back' | 'decided' | 'balance' | 'balance-ends' | 'counts-as-received' | 'return-ends';
  atMs: number;
}

export function comingOf(order: Order, payment: Payment): Coming[] {
  const { state } = order;
  if (payment.state.is === 'paid-late') return [{ what: 'decided', atMs: payment.state.byMs }];
  switch (state.is) {
    case 'awaiting-payment':
      return [{ what: 'goes-back', atMs: state.dueAtMs }];
    case 'deposit-paid':
      return [
        { what: 'balance', atMs: state.balanceOpensAtMs },
        { what: 'balance-ends', atMs: state.balanceClosesAtMs },
      ];
    case 'shipped':
      return [{ what: 'counts-as-received', atMs: state.confirmByMs }];
    case 'received':
      return [{ what: 'return-ends', atMs: state.refundUntilMs }];
    case 'paid':
    case 'disputed':
    case 'closed':
    case 'lapsed':
    case 'cancelled':
    case 'refunded':
    case 'returned':
      return [];
  }
}
