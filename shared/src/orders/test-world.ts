import type { CouponKind } from '../deals/pricing/coupon-kinds.ts';
import { priceBasket } from '../deals/pricing/price.ts';
import type { TimelineEntry } from './contract.ts';
import { couponPool, escrowOf, type KeptOrder, type KeptPayment, type PoolMove, stockPool } from './documents.ts';
import { mayDeliverLate } from './payment-turns.ts';
import { type BalanceTerms, placeOrders } from './place.ts';
import { type Context, type Decision, type OrderEvent, type Plan, type Scene } from './plan.ts';
import { type Party } from './table.ts';
import { hashText } from './test-hash.ts';
import { verifyChain } from './timeline.ts';
import { decide, dueOfOrder, dueOfPayment } from './transitions.ts';

/**
 * A small festival in memory, for tests: what the committing script does, done again in the plainest way, so that generated
 * histories can be run by the thousand and a real Redis compared with it. Beside it a journal of what a payment provider
 * would know, which no decision ever reads.
 */

export interface Goods {
  dealId: string;
  brandId: string;
  units: number;
  unitMinor: number;
  limit: number;
  presale?: BalanceTerms & { depositMinor: number; worthMinor: number };
}
export interface CouponGoods {
  couponId: string;
  kind: CouponKind;
  brandId?: string;
  offMinor: number;
  fromMinor: number;
  uses: number;
  usesPerShopper: number;
}
export interface Step {
  what: number;
  which: number;
  amount: number;
}
type Counts = { free: number; held: number; sold: number };
type Decide = typeof decide;

export const dayMs = 86_400_000;
const terms = { commissionPermille: 53, confirmMs: 10 * dayMs, refundMs: 7 * dayMs };
const startMs = 1_800_000_000_000;
const minute = 60_000;

export const goods: readonly Goods[] = [
  { dealId: 'kettle', brandId: 'steam', units: 4, unitMinor: 19_999, limit: 3 },
  { dealId: 'pan', brandId: 'steam', units: 3, unitMinor: 7_301, limit: 2 },
  { dealId: 'lamp', brandId: 'moon', units: 2, unitMinor: 33_333, limit: 2 },
  {
    dealId: 'sofa',
    brandId: 'moon',
    units: 2,
    unitMinor: 50_001,
    limit: 2,
    presale: {
      depositMinor: 10_000,
      worthMinor: 20_000,
      balanceOpensAtMs: startMs + 2 * 3_600_000,
      balanceClosesAtMs: startMs + 4 * 3_600_000,
      forfeitPermille: 333,
    },
  },
];
export const couponsOnSale: readonly CouponGoods[] = [
  { couponId: 'fifty', kind: 'cross-brand', offMinor: 5_000, fromMinor: 20_000, uses: 2, usesPerShopper: 1 },
  { couponId: 'steam-ten', kind: 'brand', brandId: 'steam', offMinor: 1_001, fromMinor: 0, uses: 3, usesPerShopper: 2 },
];
export const shoppers = ['s_a', 's_b'] as const;

export interface Hold {
  holdId: string;
  shopperId: string;
  dealId: string;
  quantity: number;
  lapsesAtMs: number;
  paying: boolean;
}

/** What was done to the world, so that it can be done again elsewhere. */
export type Deed =
  | { is: 'claim' | 'lapse'; hold: Hold }
  | { is: 'commit'; plan: Plan; committed: 'done' | 'moved' | 'dry' | 'limit' };

export function createWorld({
  decideWith = decide,
  onDeed = () => {},
}: {
  decideWith?: Decide;
  onDeed?: (deed: Deed) => void;
} = {}) {
  const pools = new Map<string, Counts>();
  const taken = new Map<string, number>();
  const accounts = new Map<string, number>();
  const orders = new Map<string, KeptOrder>();
  const payments = new Map<string, KeptPayment>();
  const timelines = new Map<string, TimelineEntry[]>();
  const holds = new Map<string, Hold>();
  const announced: string[] = [];
  /** What the provider would say: payments that were really made, and refunds that really went out. */
  const charged = new Map<string, number>();
  const sentBack = new Map<string, number>();
  const late = new Map<string, Set<'goods' | 'refund'>>();
  const broken: string[] = [];
  let nowMs = startMs;
  let serial = 0;
  for (const { dealId, units } of goods) pools.set(stockPool(dealId), { free: units, held: 0, sold: 0 });
  for (const { couponId, uses } of couponsOnSale) pools.set(couponPool(couponId), { free: uses, held: 0, sold: 0 });

  const takenKey = (poolId: string, shopperId: string) => `${poolId} ${shopperId}`;
  const sum = (account: string) => accounts.get(account) ?? 0;
  const context = (who: string, role: Party): Context => ({ atMs: nowMs, by: { who, role }, sha256: hashText });
  const next = (letter: string) => `${letter}0.${String(++serial).padStart(10, '0')}`;

  function commit(plan: Plan): 'done' | 'moved' | 'dry' | 'limit' {
    const committed = compareAndWrite(plan);
    onDeed({ is: 'commit', plan, committed });
    return committed;
  }

  /** What the script does: compares, looks, writes. */
  function compareAndWrite(plan: Plan): 'done' | 'moved' | 'dry' | 'limit' {
    for (const { versionWas, kept } of plan.orders)
      if ((orders.get(kept.order.orderId)?.order.version ?? 0) !== versionWas) return 'moved';
    for (const { versionWas, kept } of plan.payments)
      if ((payments.get(kept.payment.paymentId)?.version ?? 0) !== versionWas) return 'moved';
    const moves: PoolMove[] = [...plan.stock, ...plan.coupons];
    const needed = new Map<string, number>();
    for (const move of moves) {
      if (move.from !== 'free') continue;
      const units = (needed.get(move.poolId) ?? 0) + move.quantity;
      needed.set(move.poolId, units);
      const had = taken.get(takenKey(move.poolId, plan.shopperId)) ?? 0;
      if (had + units > (move.limit ?? 0)) return 'limit';
    }
    for (const [poolId, units] of needed) if ((pools.get(poolId)?.free ?? 0) < units) return 'dry';

    for (const { poolId, from, to, quantity } of moves) {
      const counts = pools.get(poolId);
      if (counts === undefined) throw new Error(`no pool ${poolId}`);
      counts[from] -= quantity;
      counts[to] += quantity;
      const change = from === 'free' ? quantity : to === 'free' ? -quantity : 0;
      const key = takenKey(poolId, plan.shopperId);
      taken.set(key, (taken.get(key) ?? 0) + change);
    }
    for (const { account, minor } of plan.postings) {
      accounts.set(account, sum(account) + minor);
      if (account.startsWith('seller:') && minor > 0 && plan.event !== 'received')
        broken.push(`${plan.event} pays ${account}`);
    }
    if (plan.postings.reduce((total, { minor }) => total + minor, 0) !== 0)
      broken.push(`${plan.event} does not post to nothing`);
    for (const { kept, entries } of plan.orders) {
      const { orderId } = kept.order;
      orders.set(orderId, kept);
      timelines.set(orderId, [...(timelines.get(orderId) ?? []), ...entries]);
    }
    for (const { kept } of plan.payments) payments.set(kept.payment.paymentId, kept);
    for (const holdId of plan.holdsPaying) {
      const hold = holds.get(holdId);
      if (hold !== undefined) hold.paying = true;
    }
    for (const holdId of plan.holdsEnded) holds.delete(holdId);
    for (const { event, orderId } of plan.announcements) announced.push(`${event} ${orderId}`);
    return 'done';
  }

  function sceneOf(paymentIds: readonly string[], orderIds: readonly string[]): Scene {
    const found = orderIds.flatMap((id) => orders.get(id) ?? []);
    const wanted = new Set([
      ...paymentIds,
      ...found.flatMap((o) => [o.placedIn, o.order.paymentId, ...o.paidBy.map((p) => p.paymentId)]),
    ]);
    return { orders: found, payments: [...wanted].flatMap((id) => payments.get(id) ?? []) };
  }
  const scenePayment = (paymentId: string) => sceneOf([paymentId], payments.get(paymentId)?.payment.orderIds ?? []);
  const sceneOrder = (orderId: string) => sceneOf([], [orderId]);

  function happen(event: OrderEvent, who: string, role: Party): Decision {
    const scene = 'orderId' in event ? sceneOrder(event.orderId) : scenePayment(event.paymentId);
    const decision = decideWith(scene, event, context(who, role));
    if (decision.ok) {
      const committed = commit(decision.plan);
      if (committed !== 'done' && event.is !== 'deliver-late')
        broken.push(`${event.is} could not be committed: ${committed}`);
      if (committed !== 'done') return { ok: false, why: 'not-yet' };
    }
    return decision;
  }

  // ------------------------------------------------------------------------------------------- what people do
  function claim(shopperId: string, { dealId, limit }: Goods, quantity: number): void {
    const counts = pools.get(stockPool(dealId));
    const key = takenKey(stockPool(dealId), shopperId);
    if (counts === undefined || counts.free < quantity || (taken.get(key) ?? 0) + quantity > limit) return;
    counts.free -= quantity;
    counts.held += quantity;
    taken.set(key, (taken.get(key) ?? 0) + quantity);
    const holdId = next('h');
    const hold = { holdId, shopperId, dealId, quantity, lapsesAtMs: nowMs + 10 * minute, paying: false };
    holds.set(holdId, hold);
    onDeed({ is: 'claim', hold: { ...hold } });
  }

  /** The plan of an order for these holds, with what coupons are there; null where a shopper could not place them. */
  function planPlacing(mine: readonly Hold[], withCoupons: boolean): Plan | null {
    const [first] = mine;
    if (first === undefined) return null;
    const wanted = new Map<string, number>();
    for (const { dealId, quantity } of mine) wanted.set(dealId, (wanted.get(dealId) ?? 0) + quantity);
    const deals = goods.filter((each) => wanted.has(each.dealId));
    const presales = deals.filter((deal) => deal.presale !== undefined);
    if (presales.length > 0 && presales.length < deals.length) return null;
    const proof = priceBasket({
      lines: deals.map(({ dealId, brandId, unitMinor, presale }) => ({
        dealId,
        productId: dealId,
        brandId,
        quantity: wanted.get(dealId) ?? 0,
        listMinor: unitMinor,
        unitMinor,
        ...(presale === undefined
          ? {}
          : { deposit: { depositMinor: presale.depositMinor, worthMinor: presale.worthMinor } }),
      })),
      coupons: (withCoupons ? couponsOnSale : []).map(({ uses: _uses, usesPerShopper, ...coupon }) => ({
        ...coupon,
        repeats: false,
        stacksWith: ['brand', 'cross-brand'],
        opensAtMs: 0,
        closesAtMs: nowMs + 1,
        usesLeft: usesPerShopper - (taken.get(takenKey(couponPool(coupon.couponId), first.shopperId)) ?? 0),
        left: pools.get(couponPool(coupon.couponId))?.free ?? 0,
      })),
      currency: 'CNY',
      level: 0,
      nowMs,
    });
    return placeOrders(
      {
        paymentId: next('y'),
        newOrderId: () => next('o'),
        shopperId: first.shopperId,
        simulated: false,
        holdIds: mine.map(({ holdId }) => holdId),
        dueAtMs: Math.min(...mine.map(({ lapsesAtMs }) => lapsesAtMs)),
        proof,
        names: {},
        presales: Object.fromEntries(
          presales.flatMap(({ dealId, presale }) => (presale === undefined ? [] : [[dealId, presale]])),
        ),
        usesPerShopper: Object.fromEntries(couponsOnSale.map((c) => [c.couponId, c.usesPerShopper])),
        terms,
      },
      context(first.shopperId, 'shopper'),
    );
  }

  /** The provider took money: once, whatever is told of it how often. */
  function succeed(paymentId: string): void {
    const kept = payments.get(paymentId);
    if (kept === undefined || kept.payment.amountMinor === 0) return;
    const { amountMinor, currency } = kept.payment;
    const first = !charged.has(paymentId);
    charged.set(paymentId, amountMinor);
    happen({ is: 'pay', paymentId, amountMinor, currency }, 'provider', 'provider');
    if (first && payments.get(paymentId)?.payment.state.is === 'paid-late') late.set(paymentId, new Set());
  }

  function concludeLate(paymentId: string): void {
    const scene = scenePayment(paymentId);
    const kept = payments.get(paymentId);
    const own = scene.orders.filter(({ order }) => kept?.payment.orderIds.includes(order.orderId));
    const ends = late.get(paymentId) ?? new Set();
    late.set(paymentId, ends);
    if (kept !== undefined && mayDeliverLate(kept, own, nowMs)) {
      const limits = Object.fromEntries(goods.map(({ dealId, limit }) => [dealId, limit]));
      if (happen({ is: 'deliver-late', paymentId, limits }, 'system', 'system').ok) return void ends.add('goods');
    }
    if (happen({ is: 'give-back-late', paymentId, note: '' }, 'system', 'system').ok) ends.add('refund');
  }

  function sweep(): void {
    for (const hold of holds.values()) {
      if (hold.paying || hold.lapsesAtMs > nowMs) continue;
      const counts = pools.get(stockPool(hold.dealId));
      if (counts === undefined) continue;
      counts.held -= hold.quantity;
      counts.free += hold.quantity;
      const key = takenKey(stockPool(hold.dealId), hold.shopperId);
      taken.set(key, (taken.get(key) ?? 0) - hold.quantity);
      holds.delete(hold.holdId);
      onDeed({ is: 'lapse', hold: { ...hold } });
    }
    for (const kept of payments.values()) {
      const { paymentId, state } = kept.payment;
      const due = dueOfPayment(kept);
      if (due === null || due.atMs > nowMs) continue;
      if (state.is === 'paid-late') concludeLate(paymentId);
      else happen({ is: 'lapse', paymentId }, 'system', 'system');
    }
    for (const kept of orders.values()) {
      const due = dueOfOrder(kept);
      if (due === null || due.atMs > nowMs) continue;
      happen({ is: due.event as 'close', orderId: kept.order.orderId }, 'system', 'system');
    }
  }

  function tellRefunds(failed: boolean): void {
    for (const { payment } of payments.values()) {
      for (const { reference, amountMinor, state } of payment.refunds) {
        if (state !== 'asked') continue;
        const is = failed ? 'repeat-refund' : 'confirm-refund';
        if (!failed) sentBack.set(reference, amountMinor);
        const { paymentId, currency } = payment;
        happen({ is, paymentId, reference, amountMinor, currency }, 'provider', 'provider');
        // Told twice, as webhooks are.
        if (!failed) happen({ is, paymentId, reference, amountMinor, currency }, 'provider', 'provider');
      }
    }
  }

  const pick = <T>(list: readonly T[], which: number): T | undefined => list[which % Math.max(1, list.length)];
  const inState = (...states: string[]) => [...orders.values()].filter(({ order }) => states.includes(order.state.is));

  /** One step of a history. Whatever it says, something that could happen happens. */
  function step({ what, which, amount }: Step): void {
    const shopperId = pick(shoppers, which) ?? 's_a';
    const any = pick([...orders.values()], which);
    const anyPayment = pick([...payments.values()], which);
    switch (what % 16) {
      case 0:
      case 1: {
        const deal = pick(goods, which);
        if (deal !== undefined) claim(shopperId, deal, 1 + (amount % 2));
        return;
      }
      case 2:
      case 3: {
        const mine = [...holds.values()].filter((hold) => hold.shopperId === shopperId && !hold.paying);
        const plan = planPlacing(mine.slice(0, 1 + (amount % 4)), amount % 3 !== 0);
        if (plan !== null) commit(plan);
        return;
      }
      case 4:
      case 5: {
        const open = pick(
          [...payments.values()].filter((p) => p.payment.state.is === 'open'),
          which,
        );
        if (open !== undefined) succeed(open.payment.paymentId);
        return;
      }
      case 6:
        // Any payment at all, whatever became of it: late, twice, after a cancellation.
        if (anyPayment !== undefined) succeed(anyPayment.payment.paymentId);
        return;
      case 7:
        if (anyPayment !== undefined)
          happen({ is: 'cancel', paymentId: anyPayment.payment.paymentId }, shopperId, 'shopper');
        return;
      case 8:
        nowMs += [1, 5 * minute, 11 * minute, 90 * minute, 3 * dayMs, 8 * dayMs][amount % 6] ?? 1;
        if (which % 4 !== 0) sweep();
        return;
      case 9: {
        const shippable = pick(inState('paid'), which);
        const orderId = (shippable ?? any)?.order.orderId;
        if (orderId !== undefined)
          happen({ is: 'ship', orderId, carrier: 'crane', tracking: String(amount) }, 'u_brand', 'brand');
        return;
      }
      case 10: {
        const orderId = (pick(inState('shipped'), which) ?? any)?.order.orderId;
        if (orderId !== undefined)
          happen({ is: amount % 3 === 0 ? 'dispute' : 'receive', orderId, reason: 'torn' }, shopperId, 'shopper');
        return;
      }
      case 11: {
        const orderId = (pick(inState('disputed'), which) ?? any)?.order.orderId;
        const is = amount % 2 === 0 ? 'settle-for-buyer' : 'settle-for-seller';
        if (orderId !== undefined) happen({ is, orderId, reason: 'looked at' }, 'u_operator', 'operator');
        return;
      }
      case 12:
      case 13: {
        const orderId = (pick(inState('paid', 'shipped', 'received'), which) ?? any)?.order.orderId;
        const line = any && pick(orders.get(orderId ?? '')?.order.lines ?? [], amount);
        const lines = amount % 2 === 0 || line === undefined ? null : [{ dealId: line.dealId, quantity: 1 }];
        if (orderId !== undefined)
          happen({ is: 'refund', orderId, reason: 'changed my mind', lines }, shopperId, 'shopper');
        return;
      }
      case 14:
        tellRefunds(amount % 4 === 0);
        return;
      case 15: {
        const orderId = (pick(inState('deposit-paid'), which) ?? any)?.order.orderId;
        if (orderId === undefined) return;
        if (nowMs < startMs + 2 * 3_600_000 && amount % 2 === 0) nowMs = startMs + 2 * 3_600_000;
        const opened = happen({ is: 'open-balance', orderId, paymentId: next('y') }, shopperId, 'shopper');
        if (opened.ok && amount % 3 !== 0) succeed(orders.get(orderId)?.order.paymentId ?? '');
      }
    }
  }

  /** Lets everything that time and the provider bring come to its end. */
  function finish(): void {
    for (let round = 0; round < 8; round++) {
      tellRefunds(false);
      nowMs += 8 * dayMs;
      sweep();
    }
    tellRefunds(false);
  }

  /** Every law that does not hold now, in words. */
  function laws({ atEnd = false }: { atEnd?: boolean } = {}): string[] {
    const found = [...broken];
    const equal = (what: string, expected: number, is: number) => {
      if (expected !== is) found.push(`${what}: expected ${expected}, found ${is}`);
    };
    const all = [...orders.values()];
    const total = (of: (kept: KeptOrder) => number) => all.reduce((adding, kept) => adding + of(kept), 0);
    const chargedMinor = [...charged.values()].reduce((a, b) => a + b, 0);
    const sentMinor = [...sentBack.values()].reduce((a, b) => a + b, 0);

    equal(
      'all money',
      0,
      [...accounts.values()].reduce((a, b) => a + b, 0),
    );
    equal('shoppers, beside the provider', sentMinor - chargedMinor, sum('shoppers'));
    equal('escrow', total(escrowOf), sum('escrow'));
    for (const kept of all) if (escrowOf(kept) < 0) found.push(`${kept.order.orderId} has less than nothing in escrow`);
    equal(
      'refunds under way',
      [...payments.values()].reduce(
        (adding, { payment }) =>
          adding +
          (payment.state.is === 'paid-late' ? payment.amountMinor : 0) +
          payment.refunds.reduce((sums, r) => sums + (r.state === 'asked' ? r.amountMinor : 0), 0),
        0,
      ),
      sum('refunds'),
    );
    equal(
      'forfeited deposits',
      total(({ order }) => (order.state.is === 'lapsed' ? order.state.forfeitMinor : 0)),
      sum('platform'),
    );
    equal(
      'what brands and platform earned',
      total(({ payout }) => (payout === null ? 0 : payout.minor - payout.backMinor)),
      [...accounts].reduce(
        (a, [name, minor]) => a + (name.startsWith('seller:') || name === 'commission' ? minor : 0),
        0,
      ),
    );
    const bought = ['paid', 'shipped', 'disputed', 'received', 'closed'];
    const waiting = ['awaiting-payment', 'deposit-paid'];
    equal(
      'coupon funds',
      -total(({ order, fundedBackMinor }) =>
        bought.includes(order.state.is) ? order.fundedMinor - fundedBackMinor : 0,
      ),
      [...accounts].reduce((a, [name, minor]) => a + (name.startsWith('coupon-fund:') ? minor : 0), 0),
    );
    for (const { dealId, units, limit } of goods) {
      const counts = pools.get(stockPool(dealId));
      if (counts === undefined) continue;
      equal(`units of ${dealId}`, units, counts.free + counts.held + counts.sold);
      if (Math.min(counts.free, counts.held, counts.sold) < 0) found.push(`${dealId} counts below nothing`);
      const unitsIn = (states: string[]) =>
        total(({ order }) =>
          states.includes(order.state.is)
            ? order.lines.reduce((n, l) => n + (l.dealId === dealId ? l.quantity - l.refundedUnits : 0), 0)
            : 0,
        );
      const loose = [...holds.values()].reduce((n, h) => n + (h.dealId === dealId && !h.paying ? h.quantity : 0), 0);
      equal(`sold of ${dealId}`, unitsIn(bought), counts.sold);
      equal(`held of ${dealId}`, unitsIn(waiting) + loose, counts.held);
      for (const shopperId of shoppers) {
        const had = taken.get(takenKey(stockPool(dealId), shopperId)) ?? 0;
        if (had < 0 || had > limit) found.push(`${shopperId} has ${had} of ${dealId}`);
      }
    }
    const uses = [...payments.values()].flatMap(({ coupons, payment }) => coupons.map((use) => ({ ...use, payment })));
    for (const { couponId, uses: there, usesPerShopper } of couponsOnSale) {
      const counts = pools.get(couponPool(couponId));
      if (counts === undefined) continue;
      equal(`uses of ${couponId}`, there, counts.free + counts.held + counts.sold);
      for (const is of ['held', 'sold'] as const)
        equal(
          `${is} uses of ${couponId}`,
          uses.filter((u) => u.couponId === couponId && u.is === is).length,
          counts[is],
        );
      for (const shopperId of shoppers) {
        const had = taken.get(takenKey(couponPool(couponId), shopperId)) ?? 0;
        if (had < 0 || had > usesPerShopper) found.push(`${shopperId} used ${couponId} ${had} times`);
      }
    }
    for (const { is, openIn, couponId } of uses) {
      if ((is === 'back') !== (openIn.length === 0))
        found.push(`${couponId} is ${is} and rests under ${openIn.length}`);
    }

    for (const kept of all) {
      const { order } = kept;
      const name = `${order.orderId} (${order.state.is})`;
      const entries = timelines.get(order.orderId) ?? [];
      equal(`entries of ${name}`, order.version, entries.length);
      if (atEnd && !verifyChain({ orderId: order.orderId, entries, entriesExpected: order.version }, hashText).whole)
        found.push(`the chain of ${name} is broken`);
      equal(
        `payments of ${name}`,
        order.paidMinor,
        kept.paidBy.reduce((n, p) => n + p.minor, 0),
      );
      equal(
        `back of ${name}`,
        order.refundedMinor,
        kept.paidBy.reduce((n, p) => n + p.backMinor, 0),
      );
      const whole = order.lines.every((line) => line.refundedUnits === line.quantity);
      if (bought.includes(order.state.is)) {
        equal(`paid for ${name}`, order.totalMinor, order.paidMinor);
        if (whole) found.push(`${name} has nothing left and is not over`);
      }
      if (order.state.is === 'refunded' || order.state.is === 'returned')
        equal(`all money back of ${name}`, order.paidMinor, order.refundedMinor);
      if (order.state.is === 'lapsed')
        equal(`what is left of ${name}`, order.state.forfeitMinor, order.paidMinor - order.refundedMinor);
      if (order.state.is === 'cancelled') equal(`paid for ${name}`, 0, order.paidMinor);
      const paidEvents = announced.filter((a) => a === `orders.paid ${order.orderId}`).length;
      const refundEvents = announced.filter((a) => a === `orders.refunded ${order.orderId}`).length;
      if (refundEvents > paidEvents || paidEvents > 1) found.push(`points of ${name}: +${paidEvents} -${refundEvents}`);
    }
    for (const [paymentId, ends] of late) {
      const { payment } = payments.get(paymentId) ?? {};
      if (ends.size > 1) found.push(`${paymentId} ended in goods and in a refund`);
      if (atEnd && ends.size !== 1) found.push(`${paymentId} came late and ended in neither`);
      if (payment?.state.is === 'paid-late' && ends.size > 0) found.push(`${paymentId} has ended and is still late`);
    }
    if (atEnd) {
      const open = ['awaiting-payment', 'deposit-paid', 'shipped', 'received'];
      for (const { order } of all) if (open.includes(order.state.is)) found.push(`${order.orderId} waits for ever`);
      equal('refunds at the end', 0, sum('refunds'));
    }
    return found;
  }

  return {
    step,
    finish,
    laws,
    commit,
    claim,
    planPlacing,
    succeed,
    happen,
    sweep,
    tellRefunds,
    now: () => nowMs,
    pass: (ms: number) => {
      nowMs += ms;
    },
    pools,
    taken,
    accounts,
    orders,
    payments,
    timelines,
    holds,
    late,
  };
}

/** Runs one history and answers the first laws that broke, and after which step; null where all hold to the end. */
export function runHistory(
  steps: readonly Step[],
  decideWith: Decide = decide,
): { atStep: number; broken: string[] } | null {
  const world = createWorld({ decideWith });
  for (const [atStep, each] of steps.entries()) {
    world.step(each);
    const broken = world.laws();
    if (broken.length > 0) return { atStep, broken };
  }
  world.finish();
  const broken = world.laws({ atEnd: true });
  return broken.length > 0 ? { atStep: steps.length, broken } : null;
}
