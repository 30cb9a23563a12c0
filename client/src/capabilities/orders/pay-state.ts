import type { Order, Payment } from '@elevens/shared/src/orders/contract.ts';

/** How a payment stands for the one who looks at it. Pure: the server has decided, this only says which words fit. */
export type PayState =
  /** Not at the till yet. */
  | { is: 'to-pay'; leftMs: number }
  /** Back from the till, no answer yet. From `patient: false` on one may go to the till again: it is the same payment. */
  | { is: 'waiting'; sinceMs: number; leftMs: number; patient: boolean }
  /** The bank refused an attempt, and took nothing; another can be made. */
  | { is: 'refused'; atMs: number; leftMs: number }
  /** The time is up; a payment that is under way is still looked for. */
  | { is: 'ending' }
  /** The money came late; by then it is goods or goes back. */
  | { is: 'deciding'; lateMs: number; byMs: number }
  | { is: 'paid'; lateMs: number }
  /** `maybe`: its page was open at the till, so money may still come. */
  | { is: 'lapsed'; maybe: boolean }
  | { is: 'cancelled' }
  | { is: 'refunded'; late: boolean; minor: number; confirmed: boolean; failed: boolean };

/** How long the till is given to answer before the way back to it is lit again. */
export const patienceMs = 6_000;

export interface PayFacts {
  payment: Payment;
  nowMs: number;
  /** When this page came (back) while the provider's page was open; null when it never was. */
  backAtMs: number | null;
  /** When this tab last went to the provider's page; null when it never did. */
  leftAtMs?: number | null;
}

export function payStateOf({ payment, nowMs, backAtMs, leftAtMs = null }: PayFacts): PayState {
  const { state } = payment;
  switch (state.is) {
    case 'open': {
      const leftMs = payment.dueAtMs - nowMs;
      if (leftMs <= 0) return { is: 'ending' };
      // Whoever has gone to the till once more since is waiting for the answer to that.
      if (payment.lastRefusedAtMs !== null && (leftAtMs ?? 0) <= payment.lastRefusedAtMs)
        return { is: 'refused', atMs: payment.lastRefusedAtMs, leftMs };
      if (payment.url === null || backAtMs === null) return { is: 'to-pay', leftMs };
      const sinceMs = Math.max(0, nowMs - backAtMs);
      return { is: 'waiting', sinceMs, leftMs, patient: sinceMs < patienceMs };
    }
    case 'paid':
      return { is: 'paid', lateMs: Math.max(0, state.paidAtMs - payment.dueAtMs) };
    case 'paid-late':
      return { is: 'deciding', lateMs: Math.max(0, state.paidAtMs - payment.dueAtMs), byMs: state.byMs };
    case 'lapsed':
      return { is: 'lapsed', maybe: payment.url !== null };
    case 'cancelled':
      return { is: 'cancelled' };
    case 'refunded':
      return {
        is: 'refunded',
        late: payment.refunds.some((refund) => refund.why === 'too-late'),
        minor: payment.refunds.reduce((sum, refund) => sum + refund.amountMinor, 0),
        confirmed: payment.refunds.every((refund) => refund.state === 'confirmed'),
        failed: payment.refunds.some((refund) => refund.state === 'failed'),
      };
  }
}

/** Whether an answer may still come, so that the page goes on asking. */
export function isUnderWay(state: PayState): boolean {
  return (
    state.is === 'waiting' ||
    // Another attempt may be under way in another tab, or have been told meanwhile.
    state.is === 'refused' ||
    state.is === 'ending' ||
    state.is === 'deciding' ||
    (state.is === 'refunded' && !state.confirmed)
  );
}

/** Where the hold's time began: what its four strokes are measured by. */
export function startOf(orders: readonly Order[], payment: Payment, heldFromMs: number | null): number {
  const [first] = orders;
  if (payment.what === 'balance') return first?.presale?.balanceOpensAtMs ?? payment.dueAtMs;
  return heldFromMs ?? first?.placedAtMs ?? payment.dueAtMs;
}
