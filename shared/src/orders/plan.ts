import type { TimelineEntry } from './contract.ts';
import type { KeptOrder, KeptPayment, PoolMove } from './documents.ts';
import type { Party } from './table.ts';
import { type Sha256, tie } from './timeline.ts';

/** What happened, or is wanted, and to which order or payment. `pay` is decided as `pay-late` where the hold is gone. */
export type OrderEvent =
  /** `providerId` is the provider's id of the session in which it was paid. */
  | { is: 'pay'; paymentId: string; providerId?: string; amountMinor: number; currency: string }
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
  | { is: 'refuse-attempt'; paymentId: string; providerId: string }
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
  /** Holds that were, and are paid for now: they no longer count against their shopper. */
  holdsForgiven: string[];
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
  const holdsForgiven: string[] = [];
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
    forgiveHolds: (holdIds: readonly string[]) => void holdsForgiven.push(...holdIds),
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
        holdsForgiven,
        postings: [...postings].filter(([, minor]) => minor !== 0).map(([account, minor]) => ({ account, minor })),
        announcements,
      };
    },
  };
}
export type Draft = ReturnType<typeof startPlan>;

export const refuse = (refusal: Refusal): Decision => ({ ok: false, ...refusal });
