import type { Order, OrderLine, OrderState, Payment } from './contract.ts';
import { type CouponUse, couponPool, type KeptOrder, type KeptPayment, stockPool } from './documents.ts';
import {
  type Context,
  type Decision,
  type Draft,
  type OrderEvent,
  type Refusal,
  refuse,
  type Scene,
  startPlan,
} from './plan.ts';
import { askRefund, tellOfRefund } from './refunds.ts';
import { mayHappen, type OrderEventName } from './table.ts';

/** How long a late payment may look for its goods before the money goes back. */
export const lateForMs = 60_000;
/** A page was just opened: nobody pays sooner than this. */
const firstLookMs = 10_000;

type OfPayment = Exclude<OrderEvent, { orderId: string }>;

/** Decides an event of a payment, with all its orders. */
export function decideOfPayment(scene: Scene, event: OfPayment, context: Context): Decision {
  const kept = scene.payments.find((p) => p.payment.paymentId === event.paymentId);
  if (kept === undefined) throw new Error(`${event.is} without its payment`);
  const orders = kept.payment.orderIds.map((id) => {
    const found = scene.orders.find((o) => o.order.orderId === id);
    if (found === undefined) throw new Error(`${event.is} without the order ${id}`);
    return found;
  });
  switch (event.is) {
    case 'pay': {
      // Opening the session can have been forgotten here, as by a replica that was promoted without it: the money tells of it, and
      // without it no refund could ever be sent.
      const { providerId = null } = event;
      return pay(scene, event, context, { kept: { ...kept, providerId: kept.providerId ?? providerId }, orders });
    }
    case 'deliver-late':
      return deliverLate(scene, event, context, { kept, orders });
    case 'give-back-late':
      return giveBackLate(scene, event, context, { kept, orders });
    case 'cancel':
      return cancel(scene, context, { kept, orders });
    case 'lapse':
      return lapse(scene, context, { kept, orders });
    case 'open-session':
    case 'end-session':
    case 'refuse-attempt':
      return changeSession(scene, event, context, kept);
    case 'confirm-refund':
    case 'repeat-refund':
      return tellOfRefund(scene, event, context, kept);
  }
}

interface Paying {
  kept: KeptPayment;
  orders: readonly KeptOrder[];
}

/** The first of the orders that the table does not let go this way. */
function firstRefusal(orders: readonly KeptOrder[], event: OrderEventName, context: Context): Refusal | null {
  for (const { order } of orders) {
    const refusal = mayHappen(order.state.is, event, context.by.role);
    if (refusal !== null) return refusal;
  }
  return null;
}

/** What one payment brings to one of its orders. */
export function partOf(order: Order, what: Payment['what']): number {
  if (what === 'full' || order.presale === null) return order.totalMinor;
  return what === 'deposit' ? order.presale.depositMinor : order.presale.balanceMinor;
}

function pay(
  scene: Scene,
  event: Extract<OrderEvent, { is: 'pay' }>,
  context: Context,
  { kept, orders }: Paying,
): Decision {
  const { payment } = kept;
  if (event.currency.toUpperCase() !== payment.currency) return refuse({ why: 'currency-differs' });
  if (event.amountMinor !== payment.amountMinor) return refuse({ why: 'amount-differs' });
  switch (payment.state.is) {
    case 'paid':
    case 'paid-late':
    case 'refunded':
      // Told twice, or out of order: the money came once.
      return refuse({ why: 'nothing-to-do' });
    case 'lapsed':
    case 'cancelled':
      return payLate(scene, context, { kept, orders });
    case 'open':
      break;
  }
  const refusal = firstRefusal(orders, 'pay', context);
  if (refusal !== null) return refuse(refusal);
  const draft = startPlan(scene, context, payment.what === 'full' ? 'paid' : `${payment.what}-paid`);
  receiveMoney(draft, context, { kept, orders }, { from: 'shoppers', unitsFrom: 'held', limits: {} });
  draft.endHolds(kept.holdIds);
  draft.setPayment({
    ...draft.payment(payment.paymentId),
    providerId: kept.providerId,
    payment: { ...payment, state: { is: 'paid', paidAtMs: context.atMs } },
    holdIds: [],
  });
  return { ok: true, plan: draft.plan() };
}

/**
 * Money for orders arrives and does its work: it goes to escrow, and where all is paid now the coupons' funds add theirs,
 * units and coupon uses are sold. `unitsFrom` free: they are taken anew, for a payment that came late.
 */
export function receiveMoney(
  draft: Draft,
  context: Context,
  { kept: { payment }, orders }: Paying,
  {
    from,
    unitsFrom,
    limits,
  }: { from: 'shoppers' | 'refunds'; unitsFrom: 'held' | 'free'; limits: Readonly<Record<string, number>> },
): void {
  for (const before of orders) {
    const { order } = before;
    const minor = partOf(order, payment.what);
    const whole = payment.what !== 'deposit' || order.presale === null;
    const state: OrderState =
      whole || order.presale === null
        ? { is: 'paid', paidAtMs: context.atMs }
        : {
            is: 'deposit-paid',
            paidAtMs: context.atMs,
            balanceOpensAtMs: order.presale.balanceOpensAtMs,
            balanceClosesAtMs: order.presale.balanceClosesAtMs,
          };
    const paid: KeptOrder = {
      ...before,
      order: { ...order, state, paidMinor: order.paidMinor + minor },
      paidBy: [...before.paidBy, { paymentId: payment.paymentId, minor, backMinor: 0 }],
    };
    const late = unitsFrom === 'free' ? 'late-payment-delivered' : null;
    draft.turn(paid, late ?? (whole ? (payment.what === 'balance' ? 'balance-paid' : 'paid') : 'deposit-paid'), {
      amountMinor: minor,
    });
    draft.post(from, -minor);
    draft.post('escrow', minor);
    if (whole) {
      for (const [couponId, share] of fundedShares(before, order.lines)) {
        draft.post(`coupon-fund:${couponId}`, -share);
        draft.post('escrow', share);
      }
      draft.announce('orders.paid', order.orderId);
    }
    for (const line of order.lines) {
      const limit = unitsFrom === 'free' ? (limits[line.dealId] ?? 0) : null;
      const move = { poolId: stockPool(line.dealId), from: unitsFrom, quantity: line.quantity, limit };
      if (whole) draft.moveStock({ ...move, to: 'sold' });
      else if (unitsFrom === 'free') draft.moveStock({ ...move, to: 'held' });
    }
    spendCoupons(draft, before, { whole, anew: unitsFrom === 'free' });
  }
}

/** What the platform's funds add for these lines, by coupon. */
export function fundedShares(kept: KeptOrder, lines: readonly Pick<OrderLine, 'shares'>[]): Map<string, number> {
  const shares = new Map<string, number>();
  for (const { couponId, minor } of lines.flatMap((line) => line.shares)) {
    if (kept.fundedBy.includes(couponId) && minor > 0) shares.set(couponId, (shares.get(couponId) ?? 0) + minor);
  }
  return shares;
}

/** A coupon is used up with the first order that is paid in full; a late payment takes it anew. */
function spendCoupons(
  draft: Draft,
  { order, placedIn }: KeptOrder,
  { whole, anew }: { whole: boolean; anew: boolean },
): void {
  const placed = draft.payment(placedIn);
  let changed = false;
  const coupons = placed.coupons.map((use): CouponUse => {
    if (!use.orderIds.includes(order.orderId)) return use;
    const poolId = couponPool(use.couponId);
    if (anew && use.is === 'back') {
      changed = true;
      const to: 'sold' | 'held' = whole ? 'sold' : 'held';
      draft.moveCoupon({ poolId, from: 'free', to, quantity: 1, limit: use.usesPerShopper });
      return { ...use, is: to, openIn: [...use.openIn, order.orderId] };
    }
    if (anew && !use.openIn.includes(order.orderId)) {
      changed = true;
      return { ...use, openIn: [...use.openIn, order.orderId] };
    }
    if (whole && use.is === 'held') {
      changed = true;
      draft.moveCoupon({ poolId, from: 'held', to: 'sold', quantity: 1, limit: null });
      return { ...use, is: 'sold' };
    }
    return use;
  });
  if (changed) draft.setPayment({ ...placed, coupons });
}

/** Nothing of this order is bought any more: coupons that no other order rests upon can be used again. */
export function returnCoupons(draft: Draft, { order, placedIn }: KeptOrder): void {
  const placed = draft.payment(placedIn);
  let changed = false;
  const coupons = placed.coupons.map((use): CouponUse => {
    if (!use.openIn.includes(order.orderId)) return use;
    changed = true;
    const openIn = use.openIn.filter((id) => id !== order.orderId);
    if (openIn.length > 0 || use.is === 'back') return { ...use, openIn };
    draft.moveCoupon({ poolId: couponPool(use.couponId), from: use.is, to: 'free', quantity: 1, limit: null });
    return { ...use, is: 'back', openIn };
  });
  if (changed) draft.setPayment({ ...placed, coupons });
}

/** All units of an order that was not paid go back. */
export function returnHeld(draft: Draft, { order }: KeptOrder): void {
  for (const line of order.lines)
    draft.moveStock({ poolId: stockPool(line.dealId), from: 'held', to: 'free', quantity: line.quantity, limit: null });
}

function cancel(scene: Scene, context: Context, { kept, orders }: Paying): Decision {
  const { payment } = kept;
  if (payment.state.is !== 'open') return refuse({ why: 'wrong-state', state: payment.state.is });
  const refusal = firstRefusal(orders, 'cancel', context);
  if (refusal !== null) return refuse(refusal);
  // From its due time on it has lapsed, whether or not a sweep has said so: cancelling then would hide that it was abandoned.
  if (context.atMs >= payment.dueAtMs) return refuse({ why: 'wrong-state', state: 'lapsed' });
  const draft = startPlan(scene, context, 'cancelled');
  for (const before of orders) {
    const state = { is: 'cancelled', cancelledAtMs: context.atMs } as const;
    draft.turn({ ...before, order: { ...before.order, state } }, 'cancelled');
    returnHeld(draft, before);
    returnCoupons(draft, before);
  }
  endUnpaid(draft, kept, { is: 'cancelled', cancelledAtMs: context.atMs }, context);
  draft.endHolds(kept.holdIds);
  return { ok: true, plan: draft.plan() };
}

/** A payment ends without money. Where a page may be open for it, the provider is asked to shut it at once. */
export function endUnpaid(draft: Draft, kept: KeptPayment, state: Payment['state'], context: Context): void {
  const { paymentId } = kept.payment;
  const now = draft.payment(paymentId);
  draft.setPayment(
    { ...now, payment: { ...now.payment, state }, holdIds: [] },
    kept.providerId === null ? null : context.atMs,
  );
}

function lapse(scene: Scene, context: Context, { kept, orders }: Paying): Decision {
  const { payment } = kept;
  // What becomes of an unpaid balance is decided with its order, by `miss-balance`.
  if (payment.state.is !== 'open' || payment.what === 'balance') return refuse({ why: 'nothing-to-do' });
  if (context.atMs < payment.dueAtMs) return refuse({ why: 'not-yet' });
  const refusal = firstRefusal(orders, 'lapse', context);
  if (refusal !== null) return refuse(refusal);
  const draft = startPlan(scene, context, 'lapsed');
  for (const before of orders) {
    const state = { is: 'lapsed', lapsedAtMs: context.atMs, forfeitMinor: 0 } as const;
    draft.turn({ ...before, order: { ...before.order, state } }, 'lapsed');
    returnHeld(draft, before);
    returnCoupons(draft, before);
  }
  endUnpaid(draft, kept, { is: 'lapsed', lapsedAtMs: context.atMs }, context);
  draft.setPayment({ ...draft.payment(payment.paymentId), abandonedHoldIds: kept.holdIds }, null);
  draft.endHolds(kept.holdIds, true);
  return { ok: true, plan: draft.plan() };
}

/** The money is there and the hold is gone: until it is known which of goods and money it becomes, it is nobody's. */
function payLate(scene: Scene, context: Context, { kept, orders }: Paying): Decision {
  const refusal = firstRefusal(orders, 'pay-late', context);
  if (refusal !== null) return refuse(refusal);
  const { payment } = kept;
  const draft = startPlan(scene, context, 'paid-late');
  for (const before of orders) draft.turn(before, 'paid-late', { amountMinor: partOf(before.order, payment.what) });
  draft.post('shoppers', -payment.amountMinor);
  draft.post('refunds', payment.amountMinor);
  const state = { is: 'paid-late', paidAtMs: context.atMs, byMs: context.atMs + lateForMs } as const;
  draft.forgiveHolds(kept.abandonedHoldIds ?? []);
  draft.setPayment({ ...kept, abandonedHoldIds: [], payment: { ...payment, state } });
  return { ok: true, plan: draft.plan() };
}

/** Whether a late payment may still become goods, as far as its documents say; units and coupons say the rest. */
export function mayDeliverLate({ payment }: KeptPayment, orders: readonly KeptOrder[], atMs: number): boolean {
  return (
    payment.state.is === 'paid-late' &&
    atMs < payment.state.byMs &&
    // A balance that came too late found its deposit forfeited, and its unit perhaps sold: it goes back.
    payment.what !== 'balance' &&
    orders.every(
      ({ order }) =>
        // Who cancelled and then paid on a page left open has told us last that they want the goods no more.
        order.state.is === 'lapsed' &&
        (payment.what === 'full' || order.presale === null || atMs < order.presale.balanceClosesAtMs),
    )
  );
}

function deliverLate(
  scene: Scene,
  event: Extract<OrderEvent, { is: 'deliver-late' }>,
  context: Context,
  { kept, orders }: Paying,
): Decision {
  const { payment } = kept;
  if (payment.state.is !== 'paid-late') return refuse({ why: 'nothing-to-do' });
  const refusal = firstRefusal(orders, 'deliver-late', context);
  if (refusal !== null) return refuse(refusal);
  if (!mayDeliverLate(kept, orders, context.atMs)) return refuse({ why: 'wrong-state', state: payment.state.is });
  const draft = startPlan(scene, context, 'late-delivered');
  receiveMoney(draft, context, { kept, orders }, { from: 'refunds', unitsFrom: 'free', limits: event.limits });
  draft.setPayment({
    ...draft.payment(payment.paymentId),
    payment: { ...payment, state: { is: 'paid', paidAtMs: payment.state.paidAtMs } },
  });
  return { ok: true, plan: draft.plan() };
}

function giveBackLate(
  scene: Scene,
  event: Extract<OrderEvent, { is: 'give-back-late' }>,
  context: Context,
  { kept, orders }: Paying,
): Decision {
  const { payment } = kept;
  if (payment.state.is !== 'paid-late') return refuse({ why: 'nothing-to-do' });
  const refusal = firstRefusal(orders, 'give-back-late', context);
  if (refusal !== null) return refuse(refusal);
  const draft = startPlan(scene, context, 'late-refunded');
  for (const before of orders) {
    const { order } = before;
    const minor = partOf(order, payment.what);
    // A balance that came too late leaves the order as its missed balance left it.
    const state: OrderState = payment.what === 'balance' ? order.state : { is: 'refunded', refundedAtMs: context.atMs };
    draft.turn(
      {
        ...before,
        order: { ...order, state, paidMinor: order.paidMinor + minor, refundedMinor: order.refundedMinor + minor },
        paidBy: [...before.paidBy, { paymentId: payment.paymentId, minor, backMinor: minor }],
      },
      'late-payment-refunded',
      { amountMinor: minor, note: event.note },
    );
    askRefund(draft, context, payment.paymentId, { orderId: order.orderId, amountMinor: minor, why: 'too-late' });
  }
  const now = draft.payment(payment.paymentId);
  draft.setPayment(
    { ...now, payment: { ...now.payment, state: { is: 'refunded', refundedAtMs: context.atMs } } },
    context.atMs,
  );
  return { ok: true, plan: draft.plan() };
}

const sessionEvents = {
  'open-session': 'session-opened',
  'end-session': 'session-over',
  'refuse-attempt': 'attempt-refused',
} as const;

function changeSession(
  scene: Scene,
  event: Extract<OrderEvent, { is: 'open-session' | 'end-session' | 'refuse-attempt' }>,
  context: Context,
  kept: KeptPayment,
): Decision {
  const draft = startPlan(scene, context, sessionEvents[event.is]);
  if (event.is === 'open-session') {
    if (kept.payment.state.is !== 'open') return refuse({ why: 'wrong-state', state: kept.payment.state.is });
    if (kept.providerId !== null && !kept.sessionOver) return refuse({ why: 'nothing-to-do' });
    const { providerId, url } = event;
    const opened = { ...kept, providerId, sessionOver: false, payment: { ...kept.payment, url } };
    draft.setPayment(opened, context.atMs + firstLookMs);
  } else if (event.is === 'refuse-attempt') {
    // One attempt took nothing and ends nothing. It is kept for who waits; told after the money came, it says nothing any more.
    if (kept.payment.state.is !== 'open' || kept.providerId !== event.providerId)
      return refuse({ why: 'nothing-to-do' });
    draft.setPayment({ ...kept, payment: { ...kept.payment, lastRefusedAtMs: context.atMs } });
  } else {
    if (kept.sessionOver || kept.providerId !== event.providerId) return refuse({ why: 'nothing-to-do' });
    draft.setPayment({ ...kept, sessionOver: true });
  }
  return { ok: true, plan: draft.plan() };
}

/** A payment as it begins. */
export function newPayment({
  simulated,
  openedAtMs,
  holdIds = [],
  coupons = [],
  ...shown
}: Omit<Payment, 'url' | 'state' | 'lastRefusedAtMs' | 'refunds'> &
  Pick<KeptPayment, 'simulated' | 'openedAtMs'> &
  Partial<Pick<KeptPayment, 'holdIds' | 'coupons'>>): KeptPayment {
  return {
    version: 0,
    payment: { ...shown, url: null, state: { is: 'open' }, lastRefusedAtMs: null, refunds: [] },
    simulated,
    openedAtMs,
    providerId: null,
    sessionOver: false,
    holdIds,
    coupons,
    refundsMade: 0,
  };
}
