import type { Payment } from './contract.ts';
import type { KeptOrder, KeptPayment } from './documents.ts';
import { type Context, type Decision, type Draft, type OrderEvent, refuse, type Scene, startPlan } from './plan.ts';

/** A refund that failed is tried again after a pause, because what refused it a second ago refuses it now. */
const repeatRefundMs = 30_000;
/** Refunds told in a payment's document; older ones that are done are summed up. Those under way are never left out. */
const refundsShownMax = 64;

export type RefundEntry = Payment['refunds'][number];

const refundReference = (paymentId: string, number: number) => `${paymentId}-r${number}`;

/** Decides that money goes back by the provider: it is owed from here on, whatever happens to the call. */
export function askRefund(
  draft: Draft,
  context: Context,
  paymentId: string,
  refund: Pick<RefundEntry, 'orderId' | 'amountMinor' | 'why'>,
): void {
  if (refund.amountMinor === 0) return;
  const kept = draft.payment(paymentId);
  const refundsMade = kept.refundsMade + 1;
  const entry: RefundEntry = {
    reference: refundReference(paymentId, refundsMade),
    ...refund,
    state: 'asked',
    atMs: context.atMs,
  };
  const refunds = [...summedUp(kept.payment.refunds), entry];
  draft.setPayment({ ...kept, refundsMade, payment: { ...kept.payment, refunds } }, context.atMs);
}

/** Where there is no room for another entry, two that are done for one order become one. */
function summedUp(refunds: readonly RefundEntry[]): RefundEntry[] {
  if (refunds.length < refundsShownMax) return [...refunds];
  const done = refunds.filter((r) => r.state === 'confirmed');
  const first = done.find((r) =>
    done.some((other) => other !== r && other.orderId === r.orderId && other.why === r.why),
  );
  const second = done.find((r) => r !== first && r.orderId === first?.orderId && r.why === first.why);
  if (first === undefined || second === undefined) return [...refunds];
  return refunds.flatMap((r) =>
    r === first ? [] : r === second ? [{ ...second, amountMinor: first.amountMinor + second.amountMinor }] : [r],
  );
}

/** Whether one more refund of this payment could be asked for now: those under way are bounded. */
export function hasRoom({ payment }: KeptPayment): boolean {
  return payment.refunds.filter((r) => r.state !== 'confirmed').length < refundsShownMax;
}

export function tellOfRefund(
  scene: Scene,
  event: Extract<OrderEvent, { is: 'confirm-refund' | 'repeat-refund' }>,
  context: Context,
  kept: KeptPayment,
): Decision {
  const { payment } = kept;
  const refund = payment.refunds.find((r) => r.reference === event.reference);
  if (refund === undefined) {
    const prefix = refundReference(payment.paymentId, 0).slice(0, -1);
    const number = event.reference.startsWith(prefix) ? Number(event.reference.slice(prefix.length)) : Number.NaN;
    // One that was tried again under another number, or summed up since, is long known.
    const past = Number.isInteger(number) && number >= 1 && number <= kept.refundsMade;
    return refuse({ why: past ? 'nothing-to-do' : 'unknown-refund' });
  }
  if (event.currency.toUpperCase() !== payment.currency) return refuse({ why: 'currency-differs' });
  if (event.amountMinor !== refund.amountMinor) return refuse({ why: 'amount-differs' });
  if (refund.state === 'confirmed') return refuse({ why: 'nothing-to-do' });
  const confirmed = event.is === 'confirm-refund';
  const draft = startPlan(scene, context, confirmed ? 'refund-confirmed' : 'refund-failed');
  const refundsMade = confirmed ? kept.refundsMade : kept.refundsMade + 1;
  const is: RefundEntry = confirmed
    ? { ...refund, state: 'confirmed', atMs: context.atMs }
    : { ...refund, reference: refundReference(payment.paymentId, refundsMade), atMs: context.atMs };
  draft.turn(draft.order(refund.orderId), confirmed ? 'refund-confirmed' : 'refund-tried-again', {
    amountMinor: refund.amountMinor,
  });
  if (confirmed) {
    draft.post('refunds', -refund.amountMinor);
    draft.post('shoppers', refund.amountMinor);
  }
  const refunds = payment.refunds.map((r) => (r === refund ? is : r));
  draft.setPayment(
    { ...kept, refundsMade, payment: { ...payment, refunds } },
    confirmed ? null : context.atMs + repeatRefundMs,
  );
  return { ok: true, plan: draft.plan() };
}

/** Sends what an order was paid back to where it came from, the last payment first, and marks payments of which nothing is left. */
export function sendBack(
  draft: Draft,
  context: Context,
  kept: KeptOrder,
  { minor, why }: { minor: number; why: RefundEntry['why'] },
): KeptOrder['paidBy'] {
  let left = minor;
  const paidBy = kept.paidBy.toReversed().map((part) => {
    const here = Math.min(left, part.minor - part.backMinor);
    left -= here;
    askRefund(draft, context, part.paymentId, { orderId: kept.order.orderId, amountMinor: here, why });
    return { ...part, backMinor: part.backMinor + here };
  });
  if (left !== 0) throw new Error(`${kept.order.orderId}: more is to go back than was paid`);
  for (const { paymentId } of paidBy) {
    const now = draft.payment(paymentId);
    const sent = now.payment.refunds.reduce((sum, r) => sum + r.amountMinor, 0);
    if (now.payment.state.is === 'paid' && sent === now.payment.amountMinor && sent > 0)
      draft.setPayment(
        { ...now, payment: { ...now.payment, state: { is: 'refunded', refundedAtMs: context.atMs } } },
        context.atMs,
      );
  }
  return paidBy.toReversed();
}
