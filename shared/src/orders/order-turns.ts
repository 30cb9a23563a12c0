import { permilleOf } from '../deals/pricing/exact.ts';
import { forfeitOf } from '../deals/pricing/presale.ts';
import { shareOf } from '../deals/pricing/shares.ts';
import type { Order, OrderLine, OrderState } from './contract.ts';
import { escrowOf, type KeptOrder, stockPool } from './documents.ts';
import { endUnpaid, fundedShares, newPayment, returnCoupons, returnHeld } from './payment-turns.ts';
import {
  type Context,
  type Decision,
  type Draft,
  type OrderEvent,
  type Refusal,
  refuse,
  type Scene,
  startPlan,
  type UnitsOf,
} from './plan.ts';
import { hasRoom, type RefundEntry, sendBack } from './refunds.ts';
import { mayHappen } from './table.ts';

type OfOrder = Extract<OrderEvent, { orderId: string }>;

/** A balance that was paid in its last seconds may be told to us later than it was made; its units wait that long. */
const balanceGraceMsMax = 120_000;
/** A short window gets a grace no longer than itself. */
export function balanceMissedAtMs({ balanceOpensAtMs, balanceClosesAtMs }: BalanceWindow): number {
  return balanceClosesAtMs + Math.min(balanceGraceMsMax, balanceClosesAtMs - balanceOpensAtMs);
}
interface BalanceWindow {
  balanceOpensAtMs: number;
  balanceClosesAtMs: number;
}

/** Decides an event of one order. */
export function decideOfOrder(scene: Scene, event: OfOrder, context: Context): Decision {
  const kept = scene.orders.find((o) => o.order.orderId === event.orderId);
  if (kept === undefined) throw new Error(`${event.is} without its order`);
  const { order } = kept;
  const refusal = mayHappen(order.state.is, event.is, context.by.role);
  if (refusal !== null) return refuse(refusal);
  switch (event.is) {
    case 'open-balance':
      return openBalance(scene, event, context, kept);
    case 'miss-balance':
      return missBalance(scene, context, kept);
    case 'ship': {
      const shippedAtMs = context.atMs;
      const { carrier, tracking } = event;
      const confirmByMs = shippedAtMs + kept.terms.confirmMs;
      const state: OrderState = { is: 'shipped', shippedAtMs, confirmByMs, carrier, tracking };
      const draft = startPlan(scene, context, 'shipped');
      draft.turn({ ...kept, order: { ...order, state } }, 'shipped', { note: `${carrier} ${tracking}`.trim() });
      return { ok: true, plan: draft.plan() };
    }
    case 'receive':
      return receive(scene, context, kept, { by: 'shopper', what: 'received', note: '' });
    case 'wait-out':
      if (order.state.is === 'shipped' && context.atMs < order.state.confirmByMs) return refuse({ why: 'not-yet' });
      return receive(scene, context, kept, { by: 'window', what: 'counts-as-received', note: '' });
    case 'settle-for-seller':
      return receive(scene, context, kept, { by: 'operator', what: 'settled-for-seller', note: event.reason });
    case 'dispute': {
      if (order.state.is !== 'shipped') return refuse({ why: 'wrong-state', state: order.state.is });
      // The window's end counts as receipt at that moment, whether or not a sweep has said so.
      if (context.atMs >= order.state.confirmByMs) return refuse({ why: 'wrong-state', state: 'received' });
      const { shippedAtMs } = order.state;
      const state: OrderState = { is: 'disputed', disputedAtMs: context.atMs, shippedAtMs, reason: event.reason };
      const draft = startPlan(scene, context, 'disputed');
      draft.turn({ ...kept, order: { ...order, state } }, 'disputed', { note: event.reason });
      return { ok: true, plan: draft.plan() };
    }
    case 'settle-for-buyer':
      return refund(scene, context, kept, {
        lines: null,
        reason: event.reason,
        why: 'settled',
        what: 'settled-for-buyer',
      });
    case 'refund':
      if (order.state.is === 'received' && context.atMs >= order.state.refundUntilMs)
        return refuse({ why: 'too-late', refundUntilMs: order.state.refundUntilMs });
      return refund(scene, context, kept, {
        lines: event.lines,
        reason: event.reason,
        why: order.state.is === 'paid' ? 'cancelled' : 'returned',
        what: order.state.is === 'paid' ? 'refunded' : 'returned',
      });
    case 'close': {
      if (order.state.is !== 'received' || context.atMs < order.state.refundUntilMs) return refuse({ why: 'not-yet' });
      const draft = startPlan(scene, context, 'closed');
      draft.turn({ ...kept, order: { ...order, state: { is: 'closed', closedAtMs: context.atMs } } }, 'closed');
      return { ok: true, plan: draft.plan() };
    }
  }
}

function openBalance(
  scene: Scene,
  event: Extract<OrderEvent, { is: 'open-balance' }>,
  context: Context,
  kept: KeptOrder,
): Decision {
  const { order, simulated } = kept;
  const { presale } = order;
  if (presale === null) return refuse({ why: 'wrong-state', state: order.state.is });
  const { balanceOpensAtMs, balanceClosesAtMs, balanceMinor } = presale;
  if (context.atMs < balanceOpensAtMs) return refuse({ why: 'not-open-yet', opensAtMs: balanceOpensAtMs });
  if (context.atMs >= balanceClosesAtMs) return refuse({ why: 'closed', closedAtMs: balanceClosesAtMs });
  const last = scene.payments.find((p) => p.payment.paymentId === order.paymentId);
  // It was opened before, in another tab: it is the same one.
  if (last?.payment.what === 'balance' && last.payment.state.is === 'open') return refuse({ why: 'nothing-to-do' });
  const draft = startPlan(scene, context, 'balance-opened');
  draft.turn({ ...kept, order: { ...order, paymentId: event.paymentId } }, 'balance-opened', {
    amountMinor: balanceMinor,
  });
  draft.setPayment(
    newPayment({
      paymentId: event.paymentId,
      shopperId: order.shopperId,
      orderIds: [order.orderId],
      what: 'balance',
      amountMinor: balanceMinor,
      currency: order.currency,
      dueAtMs: balanceClosesAtMs,
      simulated,
      openedAtMs: context.atMs,
    }),
  );
  return { ok: true, plan: draft.plan() };
}

function missBalance(scene: Scene, context: Context, kept: KeptOrder): Decision {
  const { order } = kept;
  const { presale } = order;
  if (presale === null) return refuse({ why: 'wrong-state', state: order.state.is });
  if (context.atMs < balanceMissedAtMs(presale)) return refuse({ why: 'not-yet' });
  const draft = startPlan(scene, context, 'balance-missed');
  const depositMinor = escrowOf(kept);
  const forfeitMinor = forfeitOf(depositMinor, presale.forfeitPermille);
  const backMinor = depositMinor - forfeitMinor;
  const last = draft.payment(order.paymentId);
  if (last.payment.what === 'balance' && last.payment.state.is === 'open')
    endUnpaid(draft, last, { is: 'lapsed', lapsedAtMs: context.atMs }, context);
  const paidBy = sendBack(draft, context, kept, { minor: backMinor, why: 'balance-missed' });
  draft.turn(
    {
      ...kept,
      paidBy,
      order: {
        ...order,
        refundedMinor: order.refundedMinor + backMinor,
        state: { is: 'lapsed', lapsedAtMs: context.atMs, forfeitMinor },
      },
    },
    'balance-missed',
    { amountMinor: forfeitMinor },
  );
  draft.post('escrow', -depositMinor);
  draft.post('platform', forfeitMinor);
  draft.post('refunds', backMinor);
  returnHeld(draft, kept);
  returnCoupons(draft, kept);
  return { ok: true, plan: draft.plan() };
}

/** The only way by which a seller is paid: the buyer has the goods, or the window for saying otherwise is over, or it was settled. */
function receive(
  scene: Scene,
  context: Context,
  kept: KeptOrder,
  { by, what, note }: { by: 'shopper' | 'window' | 'operator'; what: string; note: string },
): Decision {
  const { order } = kept;
  const minor = escrowOf(kept);
  const commissionMinor = permilleOf(minor, kept.terms.commissionPermille);
  const receivedAtMs = context.atMs;
  const state: OrderState = { is: 'received', receivedAtMs, by, refundUntilMs: receivedAtMs + kept.terms.refundMs };
  const draft = startPlan(scene, context, 'received');
  draft.turn({ ...kept, payout: { minor, commissionMinor, backMinor: 0 }, order: { ...order, state } }, what, {
    amountMinor: minor,
    note,
  });
  draft.post('escrow', -minor);
  draft.post(`seller:${order.brandId}`, minor - commissionMinor);
  draft.post('commission', commissionMinor);
  return { ok: true, plan: draft.plan() };
}

/** What units going back are worth: their exact share of what was paid, and of each coupon. */
function shareOfUnits(line: OrderLine, units: number): Pick<OrderLine, 'payMinor' | 'shares'> {
  if (units === 0) return { payMinor: 0, shares: [] };
  // What the deposit grew by was never paid by anyone, so no part of it goes back.
  return shareOf({ ...line, depositMinor: 0, depositWorthMinor: 0 }, line.refundedUnits, units);
}

/** How many units of each line go back; null for all that are left. */
function unitsToRefund(order: Order, wanted: readonly UnitsOf[] | null): number[] | Refusal {
  const left = order.lines.map((line) => line.quantity - line.refundedUnits);
  if (wanted === null) return left;
  const units = order.lines.map(() => 0);
  for (const { dealId, quantity } of wanted) {
    let missing = quantity;
    for (const [i, line] of order.lines.entries()) {
      if (line.dealId !== dealId) continue;
      const here = Math.min(missing, (left[i] ?? 0) - (units[i] ?? 0));
      units[i] = (units[i] ?? 0) + here;
      missing -= here;
    }
    if (missing > 0) {
      const leftOf = order.lines.reduce((sum, line, i) => sum + (line.dealId === dealId ? (left[i] ?? 0) : 0), 0);
      return { why: 'not-so-many', dealId, left: leftOf };
    }
  }
  return units;
}

function refund(
  scene: Scene,
  context: Context,
  kept: KeptOrder,
  {
    lines: wanted,
    reason,
    why,
    what,
  }: { lines: readonly UnitsOf[] | null; reason: string; why: RefundEntry['why']; what: string },
): Decision {
  const { order } = kept;
  const units = unitsToRefund(order, wanted);
  if (!Array.isArray(units)) return refuse(units);
  if (
    !kept.paidBy.every(({ paymentId }) => scene.payments.some((p) => p.payment.paymentId === paymentId && hasRoom(p)))
  )
    return refuse({ why: 'wrong-state', state: 'refunds-under-way' });
  const draft = startPlan(scene, context, what);
  const parts = order.lines.map((line, i) => shareOfUnits(line, units[i] ?? 0));
  const payMinor = parts.reduce((sum, part) => sum + part.payMinor, 0);
  const funded = fundedShares(kept, parts);
  const fundedMinor = [...funded.values()].reduce((sum, minor) => sum + minor, 0);
  const lines = order.lines.map((line, i) => ({ ...line, refundedUnits: line.refundedUnits + (units[i] ?? 0) }));
  const whole = lines.every((line) => line.refundedUnits === line.quantity);

  const ends: OrderState =
    order.state.is === 'paid'
      ? { is: 'refunded', refundedAtMs: context.atMs }
      : { is: 'returned', returnedAtMs: context.atMs };
  const paidBy = sendBack(draft, context, kept, { minor: payMinor, why });
  const gone = payMinor + fundedMinor;
  draft.turn(
    {
      ...kept,
      paidBy,
      fundedBackMinor: kept.fundedBackMinor + fundedMinor,
      payout: kept.payout === null ? null : { ...kept.payout, backMinor: kept.payout.backMinor + gone },
      order: {
        ...order,
        lines,
        refundedMinor: order.refundedMinor + payMinor,
        state: whole ? ends : order.state,
      },
    },
    whole ? what : `${what}-in-part`,
    { amountMinor: payMinor, note: reason },
  );
  takeFrom(draft, kept, gone);
  draft.post('refunds', payMinor);
  for (const [couponId, minor] of funded) draft.post(`coupon-fund:${couponId}`, minor);
  for (const [i, line] of order.lines.entries())
    draft.moveStock({
      poolId: stockPool(line.dealId),
      from: 'sold',
      to: 'free',
      quantity: units[i] ?? 0,
      limit: null,
    });
  if (whole) {
    returnCoupons(draft, kept);
    draft.announce('orders.refunded', order.orderId);
  }
  return { ok: true, plan: draft.plan() };
}

/** Takes what goes back from where the money is: from escrow, or from brand and platform in the proportion in which they got it. */
function takeFrom(draft: Draft, { order, payout }: KeptOrder, minor: number): void {
  if (payout === null) {
    draft.post('escrow', -minor);
    return;
  }
  const keptBefore = commissionBack(payout, payout.backMinor);
  const commissionMinor = commissionBack(payout, payout.backMinor + minor) - keptBefore;
  draft.post('commission', -commissionMinor);
  draft.post(`seller:${order.brandId}`, commissionMinor - minor);
}

/** What the platform gives back of its commission once so much of the sale went back: all of it with the last unit. */
function commissionBack(payout: NonNullable<KeptOrder['payout']>, backMinor: number): number {
  if (payout.minor === 0) return 0;
  // The product of two amounts may be above 2^53.
  return Number((BigInt(payout.commissionMinor) * BigInt(backMinor)) / BigInt(payout.minor));
}
