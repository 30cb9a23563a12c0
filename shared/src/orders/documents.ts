import type { Order, Payment } from './contract.ts';

/**
 * What is kept of orders and payments: what is shown of them, and beside it what only decisions need. Decisions read
 * these and answer new ones; the script that commits compares their versions.
 */

/** What the festival promised when the order was placed; a later change of the festival's terms does not reach it. */
export interface OrderTerms {
  /** The platform's part of the sale, in thousandths. */
  commissionPermille: number;
  /** How long after shipping the order counts as received by itself. */
  confirmMs: number;
  /** How long after receipt it can be sent back. */
  refundMs: number;
}

export interface KeptOrder {
  order: Order;
  simulated: boolean;
  terms: OrderTerms;
  /** The payment under which it was placed: that one keeps the coupons. */
  placedIn: string;
  /** Coupons that the platform's fund pays. The others only lower the price. */
  fundedBy: string[];
  /** What went back to the coupons' funds by refunds. */
  fundedBackMinor: number;
  /** The payments that paid it, in their order: what each brought, and what of that was sent back since. */
  paidBy: { paymentId: string; minor: number; backMinor: number }[];
  /** What was split between brand and platform at receipt, and what of it went back since; null before. */
  payout: { minor: number; commissionMinor: number; backMinor: number } | null;
  /** The hash of the last entry of its timeline. */
  head: string;
}

/** A coupon used by the orders of one payment: one use, however many of them it lowers. */
export interface CouponUse {
  couponId: string;
  /** held while nothing is paid, sold from the first order that is paid in full, back when none rests upon it any more. */
  is: 'held' | 'sold' | 'back';
  usesPerShopper: number;
  /** The orders that it lowered, and those among them that still rest upon it. */
  orderIds: string[];
  openIn: string[];
}

export interface KeptPayment {
  /** Grows with every change. */
  version: number;
  payment: Payment;
  simulated: boolean;
  openedAtMs: number;
  /** The provider's id of its session, the last one if there were several; null until it was opened. */
  providerId: string | null;
  /** The provider said that this session cannot be paid any more. */
  sessionOver: boolean;
  /** Its holds, while it waits for its money. */
  holdIds: string[];
  /** Those of them that count as abandoned, since it lapsed; none once its money came late. */
  abandonedHoldIds?: string[];
  coupons: CouponUse[];
  /** Refunds ever decided of it: the last number given to one. */
  refundsMade: number;
}

/** Units that change hands in one pool: a deal's stock or a coupon's uses. */
export interface PoolMove {
  poolId: string;
  from: 'free' | 'held' | 'sold';
  to: 'free' | 'held' | 'sold';
  quantity: number;
  /** Of what leaves `free`: how many of this pool one shopper may have. Null where nothing leaves `free`. */
  limit: number | null;
}

export const stockPool = (dealId: string) => `deal:${dealId}`;
export const couponPool = (couponId: string) => `coupon:${couponId}`;

/** What of an order lies in escrow: money that is paid and not yet anyone's. */
export function escrowOf({ order, fundedBackMinor }: KeptOrder): number {
  switch (order.state.is) {
    case 'deposit-paid':
      return order.paidMinor - order.refundedMinor;
    case 'paid':
    case 'shipped':
    case 'disputed':
      return order.paidMinor + order.fundedMinor - order.refundedMinor - fundedBackMinor;
    case 'awaiting-payment':
    case 'received':
    case 'closed':
    case 'lapsed':
    case 'cancelled':
    case 'refunded':
    case 'returned':
      return 0;
  }
}
