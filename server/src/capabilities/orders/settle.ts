import { setTimeout as pause } from 'node:timers/promises';
import type { KeptOrder, KeptPayment } from '@elevens/shared/src/orders/documents.ts';
import { mayDeliverLate } from '@elevens/shared/src/orders/payment-turns.ts';
import { type Decision, type OrderEvent, type Scene } from '@elevens/shared/src/orders/plan.ts';
import { type Party } from '@elevens/shared/src/orders/table.ts';
import { decide, dueOfOrder } from '@elevens/shared/src/orders/transitions.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Keyspace } from '../../platform/redis/keyspace.ts';
import type { BookedPayment, PaymentBook, PaymentEvent, Settlement } from '../payments/index.ts';
import type { Audit } from './audit.ts';
import type { Baskets } from './baskets.ts';
import { type CarryOut, type Decided, type Gone, sha256 } from './carry-out.ts';
import { paymentOf } from './orders.ts';
import { type OrderStore, partitionOfId } from './store.ts';

/** Dues looked at in one round of a partition; a full page is followed by another, at most so many times. */
const duesPerPage = 200;
const pagesMax = 10;
/** The sweep waits this long for what the provider says of one balance; others are due behind it. */
const answerMs = 2_000;
/** A provider that does not answer is asked about a missed balance again after this, and for so long. */
const askAgainMs = 30_000;
/** What could not be ended is tried again after this: sooner would hold up the others, later a payment that came late. */
const failedAgainMs = 1_000;
const unansweredMsMax = 3_600_000;

/** What happens to orders without their people: what the provider tells, and what time brings. */
export function createSettling({
  store,
  baskets,
  carryOut,
  keys,
  clock,
  audit,
  askProvider,
}: {
  store: OrderStore;
  baskets: Pick<Baskets, 'limitOf'>;
  carryOut: CarryOut;
  keys: Pick<Keyspace, 'partitions'>;
  clock: Clock;
  audit: Audit;
  /** Asks the provider about one payment now, and settles what it says. */
  askProvider: (paymentId: string) => Promise<void>;
}) {
  const done = { ok: true, reply: null } as const;

  function workOf(id: string, shopperId: string) {
    const partition = partitionOfId(id, keys.partitions);
    if (partition === null) throw new Error(`${id} names no partition`);
    return { partition, shopperId, atMs: clock.nowMs(), asked: null };
  }

  /** Decides one event about what a read finds; a refusal changes nothing, and is answered. */
  async function happen(
    event: OrderEvent,
    role: Party,
    { shopperId, read }: { shopperId: string; read: () => Promise<Scene | null> },
  ): Promise<Decision> {
    const id = 'orderId' in event ? event.orderId : event.paymentId;
    const work = workOf(id, shopperId);
    let decision: Decision = { ok: false, why: 'nothing-to-do' };
    await carryOut(work, async (): Promise<Decided> => {
      const scene = await read();
      if (scene === null) throw new Error(`${id} was there a moment ago`);
      decision = decide(scene, event, { atMs: work.atMs, by: { who: role, role }, sha256 });
      return { scene, plan: decision.ok ? decision.plan : null, outcome: done };
    });
    return decision;
  }

  const aboutPayment = ({ payment }: KeptPayment) => ({
    shopperId: payment.shopperId,
    read: () => store.sceneOfPayment(payment.paymentId),
  });

  /**
   * Ends a payment that came late, in goods or in money: goods if every unit is free now, the shopper may still have them,
   * and the coupons can be used again; otherwise all of it goes back. Home is asked for units that this partition lacks; where
   * it cannot say, this throws and is tried again until the payment's deadline.
   */
  async function concludeLate(kept: KeptPayment): Promise<void> {
    const { paymentId, shopperId } = kept.payment;
    const work = workOf(paymentId, shopperId);
    let ended: { end: 'goods' | 'refund'; why: string } | null = null;
    await carryOut(work, async (gone: Gone): Promise<Decided> => {
      const scene = await store.sceneOfPayment(paymentId);
      if (scene === null) throw new Error(`${paymentId} was there a moment ago`);
      const payment = paymentOf(scene, paymentId);
      const orders = scene.orders.filter(({ order }) => payment.payment.orderIds.includes(order.orderId));
      const [missing] = gone;
      const goods = missing === undefined && mayDeliverLate(payment, orders, work.atMs);
      const why = goods ? '' : missing === undefined ? 'no longer possible' : `${missing[1]}: ${missing[0]}`;
      const dealIds = orders.flatMap(({ order }) => order.lines.map((line) => line.dealId));
      const event: OrderEvent = goods
        ? { is: 'deliver-late', paymentId, limits: Object.fromEntries(dealIds.map((id) => [id, baskets.limitOf(id)])) }
        : { is: 'give-back-late', paymentId, note: why };
      const context = { atMs: work.atMs, by: { who: 'system', role: 'system' as const }, sha256 };
      const decision = decide(scene, event, context);
      ended = decision.ok ? { end: goods ? 'goods' : 'refund', why } : null;
      return { scene, plan: decision.ok ? decision.plan : null, outcome: done };
    });
    if (ended !== null) audit.late({ paymentId, ...(ended as { end: 'goods' | 'refund'; why: string }) });
  }

  // ------------------------------------------------------------------------------------------- the provider
  function eventOf(told: PaymentEvent): OrderEvent {
    const { reference: paymentId, providerId, amountMinor, currency, refundReference: reference = '' } = told;
    switch (told.type) {
      case 'payment.succeeded':
        return { is: 'pay', paymentId, providerId, amountMinor, currency };
      case 'payment.failed':
        return { is: 'refuse-attempt', paymentId, providerId };
      case 'payment.expired':
        return { is: 'end-session', paymentId, providerId };
      case 'refund.succeeded':
        return { is: 'confirm-refund', paymentId, reference, amountMinor, currency };
      case 'refund.failed':
        return { is: 'repeat-refund', paymentId, reference, amountMinor, currency };
    }
  }

  async function settle(told: PaymentEvent): Promise<Settlement> {
    const kept = await store.readPayment(told.reference);
    if (kept === null) return unfitting(told, 'unknown-payment');
    const decision = await happen(eventOf(told), 'provider', aboutPayment(kept));
    if (!decision.ok && decision.why !== 'nothing-to-do') {
      if (decision.why === 'amount-differs' || decision.why === 'currency-differs')
        return unfitting(told, decision.why);
      if (decision.why === 'unknown-refund') return unfitting(told, 'unknown-payment');
      throw new Error(`${told.type} of ${told.reference} cannot be settled: ${decision.why}`);
    }
    // Told again, it is no second failure.
    if (!decision.ok) return 'settled';
    if (told.type === 'refund.failed')
      audit.refundFailed({ paymentId: told.reference, reference: told.refundReference ?? '' });
    if (told.type === 'payment.succeeded') {
      const now = await store.readPayment(told.reference);
      // It is kept as late already, so whatever fails from here on is done by the sweep.
      if (now?.payment.state.is === 'paid-late') await concludeLate(now).catch(() => {});
    }
    return 'settled';
  }

  function unfitting(told: PaymentEvent, why: Exclude<Settlement, 'settled'>): Settlement {
    audit.unfitting({ eventId: told.eventId, type: told.type, paymentId: told.reference, why });
    return why;
  }

  async function find(paymentId: string): Promise<BookedPayment | null> {
    const kept = await store.readPayment(paymentId);
    if (kept === null) return null;
    const { payment, providerId, openedAtMs, sessionOver } = kept;
    const { state } = payment;
    const mayStillBePaid = state.is === 'open' || state.is === 'lapsed' || state.is === 'cancelled';
    return {
      paymentId,
      providerId,
      currency: payment.currency,
      amountMinor: payment.amountMinor,
      open: mayStillBePaid && providerId !== null && !sessionOver,
      openedAtMs,
      expiresAtMs:
        state.is === 'cancelled'
          ? state.cancelledAtMs
          : state.is === 'lapsed'
            ? Math.min(state.lapsedAtMs, payment.dueAtMs)
            : payment.dueAtMs,
      refunds: payment.refunds
        .filter((refund) => refund.state === 'asked')
        .map(({ reference, amountMinor, why, atMs }) => ({ reference, amountMinor, reason: why, decidedAtMs: atMs })),
    };
  }

  // ------------------------------------------------------------------------------------------------- time
  /**
   * Whether it is known that no money came for the balance of this order. A deposit is not forfeited because nobody could tell that
   * the balance was paid: while the provider does not answer, the order waits.
   */
  async function balanceIsMissed(order: KeptOrder): Promise<boolean> {
    const kept = await store.readPayment(order.order.paymentId);
    if (kept?.payment.what !== 'balance' || kept.payment.state.is !== 'open') return true;
    if (kept.providerId === null || kept.sessionOver) return true;
    const { paymentId } = kept.payment;
    const answered = await Promise.race([
      askProvider(paymentId).then(
        () => true,
        () => false,
      ),
      pause(answerMs, false, { ref: false }),
    ]);
    if (answered) return true;
    const asksEndAtMs = (dueOfOrder(order)?.atMs ?? 0) + unansweredMsMax;
    if (clock.nowMs() < asksEndAtMs) return false;
    audit.missedUnasked({ orderId: order.order.orderId, paymentId });
    return true;
  }

  /** What is due of one payment or order is done, if it still is. */
  async function lookAt(partition: number, due: { id: string; score: string }): Promise<void> {
    const { id } = due;
    if (id.startsWith('y')) {
      const kept = await store.readPayment(id);
      if (kept?.payment.state.is === 'paid-late') return concludeLate(kept);
      if (kept?.payment.state.is !== 'open') return store.moveDue(partition, due, null);
      await happen({ is: 'lapse', paymentId: id }, 'system', aboutPayment(kept));
      return;
    }
    const kept = await store.readOrder(id);
    const next = kept === null ? null : dueOfOrder(kept);
    if (kept === null || next === null) return store.moveDue(partition, due, null);
    const event = next.event as 'miss-balance' | 'wait-out' | 'close';
    if (event === 'miss-balance' && !(await balanceIsMissed(kept)))
      return store.moveDue(partition, due, clock.nowMs() + askAgainMs);
    const { shopperId } = kept.order;
    await happen({ is: event, orderId: id }, 'system', { shopperId, read: () => store.sceneOfOrder(id) });
  }

  const book: PaymentBook = { find, settle };
  return {
    book,
    /** Does what time brings: unpaid orders lapse, missed balances are forfeited, deliveries count as received, refund windows close,
     * late payments end. Any node may do it, at any time; each is one idempotent transition. */
    async due(): Promise<void> {
      const failures: unknown[] = [];
      for (let partition = 0; partition < keys.partitions; partition++) {
        for (let page = 0; page < pagesMax; page++) {
          const found = await store.due(partition, clock.nowMs(), duesPerPage);
          await Promise.all(
            found.map((due) =>
              lookAt(partition, due).catch((error: unknown) => {
                failures.push(error);
                // It lets those go first that are due behind it, however many cannot be ended.
                return store.moveDue(partition, due, clock.nowMs() + failedAgainMs);
              }),
            ),
          );
          if (found.length < duesPerPage) break;
        }
      }
      // One that cannot be ended is said, and holds up none of the others, in its own partition or behind it.
      if (failures.length > 0) throw failures[0];
    },
  };
}
