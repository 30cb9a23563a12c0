import { fundingOf } from '../deals/pricing/coupon-kinds.ts';
import type { LineProof, PriceProof } from '../deals/pricing/types.ts';
import type { Order } from './contract.ts';
import { couponPool, type KeptOrder, type OrderTerms } from './documents.ts';
import { newPayment, partOf, receiveMoney } from './payment-turns.ts';
import { type Context, type Plan, startPlan } from './plan.ts';
import { chainStart } from './timeline.ts';

/** When the balance of a presale can be paid, and what missing it costs. */
export interface BalanceTerms {
  balanceOpensAtMs: number;
  balanceClosesAtMs: number;
  forfeitPermille: number;
}

export interface Placing {
  paymentId: string;
  /** Makes the id of another order. */
  newOrderId: () => string;
  shopperId: string;
  simulated: boolean;
  holdIds: readonly string[];
  /** The earliest lapse of its holds. */
  dueAtMs: number;
  proof: PriceProof;
  /** How what is ordered is called now, by product. */
  names: Readonly<Record<string, string>>;
  /** The deals that are presales; their lines are an order each, because each has a balance window of its own. */
  presales: Readonly<Record<string, BalanceTerms>>;
  usesPerShopper: Readonly<Record<string, number>>;
  terms: OrderTerms;
}

/**
 * Makes one order a brand (a presale: one a deal) and one payment of all, from what a basket was proven to cost. Its units
 * stay held, its coupons are held as well; where nothing is to be paid it is paid at once.
 */
export function placeOrders(placing: Placing, context: Context): Plan {
  const { proof, shopperId, simulated } = placing;
  const used = proof.steps.flatMap((step) => (step.step === 'coupon' ? [step] : []));
  const fundedBy = used.filter(({ kind }) => fundingOf(kind) === 'platform').map(({ couponId }) => couponId);
  const orders = grouped(proof.lines, placing.presales).map((lines) => orderOf(lines, placing, context, fundedBy));
  const coupons = used.map(({ couponId }) => {
    const orderIds = orders
      .filter(({ order }) => order.lines.some((line) => line.shares.some((share) => share.couponId === couponId)))
      .map(({ order }) => order.orderId);
    const usesPerShopper = placing.usesPerShopper[couponId] ?? 1;
    return { couponId, is: 'held' as const, usesPerShopper, orderIds, openIn: orderIds };
  });
  const what = orders.some(({ order }) => order.presale !== null) ? 'deposit' : 'full';
  const payment = newPayment({
    paymentId: placing.paymentId,
    shopperId,
    orderIds: orders.map(({ order }) => order.orderId),
    what,
    amountMinor: orders.reduce((sum, { order }) => sum + partOf(order, what), 0),
    currency: proof.currency,
    dueAtMs: placing.dueAtMs,
    simulated,
    openedAtMs: context.atMs,
    holdIds: [...placing.holdIds],
    coupons,
  });

  const draft = startPlan({ orders, payments: [payment] }, context, 'placed');
  const placed = orders.map((kept) => draft.turn(kept, 'placed', { amountMinor: kept.order.totalMinor }));
  for (const { couponId, usesPerShopper } of coupons)
    draft.moveCoupon({ poolId: couponPool(couponId), from: 'free', to: 'held', quantity: 1, limit: usesPerShopper });
  draft.setPayment(payment);
  if (payment.payment.amountMinor > 0) {
    draft.payHolds(placing.holdIds);
    return draft.plan();
  }
  receiveMoney(
    draft,
    { ...context, by: { who: 'system', role: 'system' } },
    { kept: payment, orders: placed },
    { from: 'shoppers', unitsFrom: 'held', limits: {} },
  );
  const paid = draft.payment(placing.paymentId);
  const state = { is: 'paid', paidAtMs: context.atMs } as const;
  draft.setPayment({ ...paid, payment: { ...paid.payment, state }, holdIds: [] });
  draft.endHolds(placing.holdIds);
  return draft.plan();
}

function grouped(lines: readonly LineProof[], presales: Placing['presales']): LineProof[][] {
  const groups = new Map<string, LineProof[]>();
  for (const line of lines) {
    const key = line.dealId in presales ? `deal ${line.dealId}` : `brand ${line.brandId}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [line]);
    else group.push(line);
  }
  return [...groups.values()];
}

function orderOf(
  lines: readonly LineProof[],
  { paymentId, newOrderId, shopperId, simulated, dueAtMs, proof, names, presales, terms }: Placing,
  context: Context,
  fundedBy: readonly string[],
): KeptOrder {
  const sum = (of: (line: LineProof) => number) => lines.reduce((total, line) => total + of(line), 0);
  const [first] = lines;
  if (first === undefined) throw new Error('an order without lines');
  const orderId = newOrderId();
  const totalMinor = sum((line) => line.payMinor);
  const depositMinor = sum((line) => line.depositMinor);
  const balance = presales[first.dealId];
  // A deposit that is worth the whole price leaves no balance: it is paid like anything else.
  const presale: Order['presale'] =
    balance === undefined || depositMinor >= totalMinor
      ? null
      : {
          depositMinor,
          depositWorthMinor: sum((line) => line.depositWorthMinor),
          balanceMinor: totalMinor - depositMinor,
          balanceOpensAtMs: balance.balanceOpensAtMs,
          balanceClosesAtMs: balance.balanceClosesAtMs,
          forfeitPermille: balance.forfeitPermille,
        };
  return {
    order: {
      orderId,
      paymentId,
      shopperId,
      brandId: first.brandId,
      currency: proof.currency,
      lines: lines.map((line) => ({
        dealId: line.dealId,
        productId: line.productId,
        name: names[line.productId] ?? line.productId,
        quantity: line.quantity,
        listMinor: line.unitListMinor,
        unitMinor: line.unitMinor,
        shares: line.shares.filter(({ minor }) => minor > 0),
        payMinor: line.payMinor,
        refundedUnits: 0,
      })),
      totalMinor,
      fundedMinor: sum((line) =>
        line.shares.reduce((funded, share) => funded + (fundedBy.includes(share.couponId) ? share.minor : 0), 0),
      ),
      paidMinor: 0,
      refundedMinor: 0,
      presale,
      state: { is: 'awaiting-payment', due: presale === null ? 'full' : 'deposit', dueAtMs },
      placedAtMs: context.atMs,
      version: 0,
    },
    simulated,
    terms,
    placedIn: paymentId,
    fundedBy: fundedBy.filter((couponId) =>
      lines.some((line) => line.shares.some((share) => share.couponId === couponId)),
    ),
    fundedBackMinor: 0,
    paidBy: [],
    payout: null,
    head: chainStart(orderId),
  };
}
