import { permilleOf } from '../deals/pricing/exact.ts';
import { forfeitOf } from '../deals/pricing/presale.ts';
import { shareOf } from '../deals/pricing/shares.ts';
import type { Order, OrderLine, OrderState, OrderStateName, Payment, TimelineEntry } from './contract.ts';
import {
  type CouponUse,
  couponPool,
  escrowOf,
  type KeptOrder,
  type KeptPayment,
  type PoolMove,
  stockPool,
} from './documents.ts';
import { type Sha256, tie } from './timeline.ts';

/**
 * THE table of an order: which event leads from which state to which, and whose it is. Whatever is not in here is
 * refused. Which of several states it becomes depends on the amounts: a refund of some units leaves an order where it is.
 */
export const transitions: Readonly<Record<OrderStateName, Readonly<Partial<Record<OrderEventName, Transition>>>>> = {
  'awaiting-payment': {
    pay: { to: ['paid', 'deposit-paid'], by: ['provider', 'system'] },
    cancel: { to: ['cancelled'], by: ['shopper'] },
    lapse: { to: ['lapsed'], by: ['system'] },
  },
  'deposit-paid': {
    'open-balance': { to: ['deposit-paid'], by: ['shopper'] },
    pay: { to: ['paid'], by: ['provider'] },
    'miss-balance': { to: ['lapsed'], by: ['system'] },
  },
  paid: {
    ship: { to: ['shipped'], by: ['brand', 'operator'] },
    refund: { to: ['paid', 'refunded'], by: ['shopper'] },
  },
  shipped: {
    receive: { to: ['received'], by: ['shopper'] },
    'wait-out': { to: ['received'], by: ['system'] },
    dispute: { to: ['disputed'], by: ['shopper'] },
    refund: { to: ['shipped', 'returned'], by: ['shopper'] },
  },
  disputed: {
    'settle-for-buyer': { to: ['returned'], by: ['operator'] },
    'settle-for-seller': { to: ['received'], by: ['operator'] },
  },
  received: {
    refund: { to: ['received', 'returned'], by: ['shopper'] },
    close: { to: ['closed'], by: ['system'] },
  },
  closed: {},
  lapsed: {
    'pay-late': { to: ['lapsed'], by: ['provider'] },
    'deliver-late': { to: ['paid', 'deposit-paid'], by: ['system'] },
    'give-back-late': { to: ['refunded', 'lapsed'], by: ['system'] },
  },
  cancelled: {
    'pay-late': { to: ['cancelled'], by: ['provider'] },
    'give-back-late': { to: ['refunded'], by: ['system'] },
  },
  refunded: {},
  returned: {},
};

export const orderEventNames = [
  'pay',
  'pay-late',
  'deliver-late',
  'give-back-late',
  'cancel',
  'lapse',
  'open-balance',
  'miss-balance',
  'ship',
  'receive',
  'wait-out',
  'dispute',
  'settle-for-buyer',
  'settle-for-seller',
  'refund',
  'close',
] as const;
export type OrderEventName = (typeof orderEventNames)[number];
export type Party = TimelineEntry['role'];
export interface Transition {
  to: readonly OrderStateName[];
  by: readonly Party[];
}

/** How long a late payment may look for its goods before the money goes back. */
export const lateForMs = 60_000;
/** A balance that was paid in its last seconds may be told to us later than it was made; its units wait that long. */
export const balanceGraceMs = 120_000;
/** A page was just opened: nobody pays sooner than this. */
const firstLookMs = 10_000;
/** A refund that failed is tried again after a pause, because what refused it a second ago refuses it now. */
const repeatRefundMs = 30_000;
/** Refunds told in a payment's document; older ones that are done are summed up. Those under way are never left out. */
const refundsShownMax = 64;

/** What happened, or is wanted, and to which order or payment. `pay` is decided as `pay-late` where the hold is gone. */
export type OrderEvent =
  | { is: 'pay'; paymentId: string; amountMinor: number; currency: string }
  | { is: 'deliver-late'; paymentId: string; limits: Readonly<Record<string, number>> }
  | { is: 'give-back-late'; paymentId: string; note: string }
  | { is: 'cancel'; paymentId: string }
  | { is: 'lapse'; paymentId: string }
  | { is: 'open-balance'; orderId: string; paymentId: string }
  | { is: 'miss-balance'; orderId: string }
  | { is: 'ship'; orderId: string; carrier: string; tracking: string }
  | { is: 'receive'; orderId: string }
  | { is: 'wait-out'; orderId: string }
  | { is: 'dispute'; orderId: string; reason: string }
  | { is: 'settle-for-buyer'; orderId: string; reason: string }
  | { is: 'settle-for-seller'; orderId: string; reason: string }
  | { is: 'refund'; orderId: string; reason: string; lines: readonly UnitsOf[] | null }
  | { is: 'close'; orderId: string }
  // What changes a payment only, and of an order no more than its timeline.
  | { is: 'open-session'; paymentId: string; providerId: string; url: string }
  | { is: 'end-session'; paymentId: string; providerId: string }
  | { is: 'confirm-refund'; paymentId: string; reference: string; amountMinor: number; currency: string }
  | { is: 'repeat-refund'; paymentId: string; reference: string; amountMinor: number; currency: string };

export interface UnitsOf {
  dealId: string;
  quantity: number;
}

export interface Context {
  /** The moment that decides: when the command arrived, or the sweep's now. */
  atMs: number;
  by: { who: string; role: Party };
  sha256: Sha256;
}

/** The documents that an event is about: the payment with its orders, or the order with the payments that paid it. */
export interface Scene {
  orders: readonly KeptOrder[];
  payments: readonly KeptPayment[];
}

export type Refusal =
  /** It is so already: whoever repeats it changes nothing. */
  | { why: 'nothing-to-do' }
  | { why: 'not-yet' }
  | { why: 'not-allowed' }
  | { why: 'wrong-state'; state: string }
  | { why: 'amount-differs' }
  | { why: 'currency-differs' }
  | { why: 'unknown-refund' }
  | { why: 'too-late'; refundUntilMs: number }
  | { why: 'not-so-many'; dealId: string; left: number }
  | { why: 'not-open-yet'; opensAtMs: number }
  | { why: 'closed'; closedAtMs: number };

/** All that one decision changes. Whoever commits it compares the versions, looks that units are there, and writes all or nothing. */
export interface Plan {
  event: string;
  atMs: number;
  shopperId: string;
  simulated: boolean;
  /** `versionWas` 0: it is new. */
  orders: { versionWas: number; kept: KeptOrder; entries: TimelineEntry[] }[];
  payments: { versionWas: number; kept: KeptPayment; askProviderAtMs: number | null }[];
  stock: PoolMove[];
  coupons: PoolMove[];
  /** Holds whose order waits for money from here on, and holds that are over. */
  holdsPaying: string[];
  holdsEnded: string[];
  /** Those of them that were let lapse without paying. */
  holdsAbandoned: string[];
  /** Sums to nothing. */
  postings: { account: string; minor: number }[];
  announcements: { event: 'orders.paid' | 'orders.refunded'; orderId: string }[];
}

export type Decision = { ok: true; plan: Plan } | ({ ok: false } & Refusal);

/** Collects what a decision changes. It works on copies: what was handed in stays as it was. */
export function startPlan(scene: Scene, context: Context, event: string) {
  const orders = new Map(scene.orders.map((kept) => [kept.order.orderId, kept]));
  const payments = new Map(scene.payments.map((kept) => [kept.payment.paymentId, kept]));
  const entries = new Map<string, TimelineEntry[]>();
  const touched = new Map<string, number | null>();
  const postings = new Map<string, number>();
  const stock: PoolMove[] = [];
  const coupons: PoolMove[] = [];
  const holdsPaying: string[] = [];
  const holdsEnded: string[] = [];
  const holdsAbandoned: string[] = [];
  const announcements: Plan['announcements'] = [];

  function add(moves: PoolMove[], move: PoolMove): void {
    if (move.quantity === 0) return;
    const same = moves.find((m) => m.poolId === move.poolId && m.from === move.from && m.to === move.to);
    if (same === undefined) moves.push({ ...move });
    else same.quantity += move.quantity;
  }
  function known<T>(map: ReadonlyMap<string, T>, id: string): T {
    const found = map.get(id);
    if (found === undefined) throw new Error(`${event} was decided without ${id}`);
    return found;
  }
  const order = (orderId: string) => known(orders, orderId);
  const payment = (paymentId: string) => known(payments, paymentId);

  return {
    order,
    payment,
    /** Changes an order and ties the entry that says so. The amount is what it was about, null where none was. */
    turn(
      kept: KeptOrder,
      what: string,
      { amountMinor = null, note = '' }: { amountMinor?: number | null; note?: string } = {},
    ): KeptOrder {
      const { orderId, version } = kept.order;
      const knot = { atMs: context.atMs, ...context.by, what, amountMinor, note };
      const entry = tie({ n: version, hash: kept.head }, knot, context.sha256);
      const turned = { ...kept, head: entry.hash, order: { ...kept.order, version: entry.n } };
      orders.set(orderId, turned);
      entries.set(orderId, [...(entries.get(orderId) ?? []), entry]);
      return turned;
    },
    /** Changes a payment; it is asked about at the provider then, where that is said. */
    setPayment(kept: KeptPayment, askProviderAtMs: number | null = null): void {
      const { paymentId } = kept.payment;
      payments.set(paymentId, kept);
      const before = touched.get(paymentId) ?? null;
      touched.set(paymentId, before === null ? askProviderAtMs : Math.min(before, askProviderAtMs ?? before));
    },
    post(account: string, minor: number): void {
      postings.set(account, (postings.get(account) ?? 0) + minor);
    },
    moveStock: (move: PoolMove) => add(stock, move),
    moveCoupon: (move: PoolMove) => add(coupons, move),
    payHolds: (holdIds: readonly string[]) => void holdsPaying.push(...holdIds),
    endHolds(holdIds: readonly string[], abandoned = false): void {
      holdsEnded.push(...holdIds);
      if (abandoned) holdsAbandoned.push(...holdIds);
    },
    announce: (name: Plan['announcements'][number]['event'], orderId: string) =>
      void announcements.push({ event: name, orderId }),
    plan(): Plan {
      const first = [...payments.values()][0] ?? [...orders.values()][0];
      if (first === undefined) throw new Error(`${event} is about nothing`);
      const versionOf = (id: string) => scene.payments.find((was) => was.payment.paymentId === id)?.version ?? 0;
      return {
        event,
        atMs: context.atMs,
        shopperId: 'payment' in first ? first.payment.shopperId : first.order.shopperId,
        simulated: first.simulated,
        orders: [...entries].map(([orderId, tied]) => ({
          versionWas: order(orderId).order.version - tied.length,
          kept: order(orderId),
          entries: tied,
        })),
        payments: [...touched].map(([paymentId, askProviderAtMs]) => ({
          versionWas: versionOf(paymentId),
          kept: { ...payment(paymentId), version: versionOf(paymentId) + 1 },
          askProviderAtMs,
        })),
        stock,
        coupons,
        holdsPaying,
        holdsEnded,
        holdsAbandoned,
        postings: [...postings].filter(([, minor]) => minor !== 0).map(([account, minor]) => ({ account, minor })),
        announcements,
      };
    },
  };
}
export type Draft = ReturnType<typeof startPlan>;

const refuse = (refusal: Refusal): Decision => ({ ok: false, ...refusal });

/** Decides one event. Pure: the same documents, event and context give the same answer, and nothing is changed here. */
export function decide(scene: Scene, event: OrderEvent, context: Context): Decision {
  return 'orderId' in event ? decideOfOrder(scene, event, context) : decideOfPayment(scene, event, context);
}

/** Whether the table lets this party do this in this state. */
export function mayHappen(state: OrderStateName, event: OrderEventName, role: Party): Refusal | null {
  const found = transitions[state][event];
  if (found === undefined) return { why: 'wrong-state', state };
  return found.by.includes(role) ? null : { why: 'not-allowed' };
}

// ------------------------------------------------------------------------------------------------------ payments
type PaymentOnly = Extract<OrderEvent, { is: 'open-session' | 'end-session' | 'confirm-refund' | 'repeat-refund' }>;
type OfPayment = Exclude<OrderEvent, { orderId: string }>;
type OfOrder = Exclude<Extract<OrderEvent, { orderId: string }>, PaymentOnly>;

function decideOfPayment(scene: Scene, event: OfPayment, context: Context): Decision {
  const kept = scene.payments.find((p) => p.payment.paymentId === event.paymentId);
  if (kept === undefined) throw new Error(`${event.is} without its payment`);
  const orders = kept.payment.orderIds.map((id) => {
    const found = scene.orders.find((o) => o.order.orderId === id);
    if (found === undefined) throw new Error(`${event.is} without the order ${id}`);
    return found;
  });
  switch (event.is) {
    case 'pay':
      return pay(scene, event, context, { kept, orders });
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
function fundedShares(kept: KeptOrder, lines: readonly Pick<OrderLine, 'shares'>[]): Map<string, number> {
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
function returnCoupons(draft: Draft, { order, placedIn }: KeptOrder): void {
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
function returnHeld(draft: Draft, { order }: KeptOrder): void {
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
function endUnpaid(draft: Draft, kept: KeptPayment, state: Payment['state'], context: Context): void {
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
  draft.setPayment({ ...kept, payment: { ...payment, state } });
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

function changeSession(
  scene: Scene,
  event: Extract<OrderEvent, { is: 'open-session' | 'end-session' }>,
  context: Context,
  kept: KeptPayment,
): Decision {
  const draft = startPlan(scene, context, event.is === 'open-session' ? 'session-opened' : 'session-over');
  if (event.is === 'open-session') {
    if (kept.payment.state.is !== 'open') return refuse({ why: 'wrong-state', state: kept.payment.state.is });
    if (kept.providerId !== null) return refuse({ why: 'nothing-to-do' });
    const { providerId, url } = event;
    draft.setPayment({ ...kept, providerId, payment: { ...kept.payment, url } }, context.atMs + firstLookMs);
  } else {
    if (kept.sessionOver || kept.providerId !== event.providerId) return refuse({ why: 'nothing-to-do' });
    draft.setPayment({ ...kept, sessionOver: true });
  }
  return { ok: true, plan: draft.plan() };
}

// ------------------------------------------------------------------------------------------------------- refunds
type RefundEntry = Payment['refunds'][number];

const refundReference = (paymentId: string, number: number) => `${paymentId}-r${number}`;

/** Decides that money goes back by the provider: it is owed from here on, whatever happens to the call. */
function askRefund(
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
function hasRoom({ payment }: KeptPayment): boolean {
  return payment.refunds.filter((r) => r.state !== 'confirmed').length < refundsShownMax;
}

function tellOfRefund(
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
function sendBack(
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

// -------------------------------------------------------------------------------------------------------- orders
function decideOfOrder(scene: Scene, event: OfOrder, context: Context): Decision {
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

/** A payment as it begins. */
export function newPayment({
  simulated,
  openedAtMs,
  holdIds = [],
  coupons = [],
  ...shown
}: Omit<Payment, 'url' | 'state' | 'refunds'> &
  Pick<KeptPayment, 'simulated' | 'openedAtMs'> &
  Partial<Pick<KeptPayment, 'holdIds' | 'coupons'>>): KeptPayment {
  return {
    version: 0,
    payment: { ...shown, url: null, state: { is: 'open' }, refunds: [] },
    simulated,
    openedAtMs,
    providerId: null,
    sessionOver: false,
    holdIds,
    coupons,
    refundsMade: 0,
  };
}

function missBalance(scene: Scene, context: Context, kept: KeptOrder): Decision {
  const { order } = kept;
  const { presale } = order;
  if (presale === null) return refuse({ why: 'wrong-state', state: order.state.is });
  if (context.atMs < presale.balanceClosesAtMs + balanceGraceMs) return refuse({ why: 'not-yet' });
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

// ---------------------------------------------------------------------------------------------------------- dues
/** When a sweep has to look at an order, and what it then finds to decide; null where time alone changes nothing. */
export function dueOfOrder({ order: { state } }: KeptOrder): { atMs: number; event: OrderEventName } | null {
  switch (state.is) {
    case 'deposit-paid':
      return { atMs: state.balanceClosesAtMs + balanceGraceMs, event: 'miss-balance' };
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
