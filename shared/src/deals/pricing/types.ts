import type { Currency } from '../../money.ts';
import type { CouponFunding, CouponKind } from './coupon-kinds.ts';

// Amounts are whole minor units. What is said of a unit has `unit` in its name; everything else is of the whole line.

/** A line of a basket, as the server knows it: no price in here ever came from a client. */
export interface PricedLine {
  /** Names the line: a basket has each deal once. */
  dealId: string;
  productId: string;
  brandId: string;
  quantity: number;
  /** Of one unit, outside the festival. */
  listMinor: number;
  /** Of one unit, at this deal, for this shopper: early access may have a price of its own. */
  unitMinor: number;
  /** Lanterns by which the early price was had. */
  tierLevel?: number;
  /** Of one unit of a presale: what is paid first, and what it counts for at the balance. */
  deposit?: { depositMinor: number; worthMinor: number };
  /** Where said, it must be the basket's. */
  currency?: Currency;
}

/** A coupon as it stands for one shopper now. */
export interface CouponOffer {
  couponId: string;
  kind: CouponKind;
  brandId?: string;
  productIds?: readonly string[];
  offMinor: number;
  /** What the covered goods must come to at the deals' prices, before any coupon. */
  fromMinor: number;
  repeats: boolean;
  levelMin?: number;
  stacksWith: readonly CouponKind[];
  /** On in [opensAtMs, closesAtMs). */
  opensAtMs: number;
  closesAtMs: number;
  /** Uses left to this shopper, and to everybody together. */
  usesLeft: number;
  left: number;
  currency?: Currency;
}

export interface Basket {
  lines: readonly PricedLine[];
  coupons: readonly CouponOffer[];
  currency: Currency;
  /** Lanterns that the shopper's energy has lit, 0 to 4. */
  level: number;
  nowMs: number;
  /** Only these may be used; absent: all that are offered. */
  chosen?: readonly string[];
}

export interface CouponShare {
  couponId: string;
  minor: number;
}

/** What happened to the price of one line. dealMinor = payMinor + all shares + what the deposit grew by. */
export interface LineProof {
  dealId: string;
  productId: string;
  brandId: string;
  quantity: number;
  unitListMinor: number;
  unitMinor: number;
  /** Null where the price is everybody's. */
  tierLevel: number | null;
  listMinor: number;
  dealMinor: number;
  shares: CouponShare[];
  /** All that the shopper pays for the line; a presale's deposit and balance together. */
  payMinor: number;
  /** The part of payMinor that is paid first, and what it counts for; 0 and 0 where there is no presale. */
  depositMinor: number;
  depositWorthMinor: number;
}

/** The way from the list price to what is paid; each step says what is left after it. */
export type PriceStep =
  | { step: 'list'; afterMinor: number }
  /** `early`: a price of early access is among them. */
  | { step: 'deal'; offMinor: number; early: boolean; afterMinor: number }
  | {
      step: 'coupon';
      couponId: string;
      kind: CouponKind;
      funding: CouponFunding;
      offMinor: number;
      /** What the threshold was compared with, and how often it was reached (1 where it does not repeat). */
      baseMinor: number;
      times: number;
      /** What more of the covered goods would be taken off for once more; null where it does not repeat. */
      nextMinor: number | null;
      afterMinor: number;
    }
  /** The deposit expands: depositMinor counts for worthMinor, so offMinor need not be paid. */
  | { step: 'deposit'; depositMinor: number; worthMinor: number; offMinor: number; afterMinor: number };

/** Why a coupon was left out. `byMinor` is null where the search was cut short and it is not known exactly. */
export type RuledOut = { couponId: string } & (
  | { why: 'other-brand'; brandId: string }
  | { why: 'other-products' }
  | { why: 'not-open-yet'; opensAtMs: number }
  | { why: 'expired'; closedAtMs: number }
  | { why: 'used' }
  | { why: 'sold-out' }
  | { why: 'level'; levelMin: number; level: number }
  | { why: 'not-reached'; missingMinor: number }
  | { why: 'not-chosen' }
  /** Not allowed beside what is used; the cheapest combination with it costs byMinor more. */
  | { why: 'does-not-stack'; with: string[]; byMinor: number | null }
  /** Only one of its kind and brand can be used, and with it the basket costs byMinor more. */
  | { why: 'costs-more'; byMinor: number | null; insteadOf: string[] }
  /** It could be used, and nothing would be cheaper: it is kept for later. */
  | { why: 'no-gain'; insteadOf: string[] }
);

export interface PriceProof {
  currency: Currency;
  lines: LineProof[];
  steps: PriceStep[];
  listMinor: number;
  totalMinor: number;
  /** The part of totalMinor that is paid first; 0 without a presale. */
  depositMinor: number;
  savedMinor: number;
  /** What the platform's fund pays, by coupon. */
  fundedMinor: CouponShare[];
  ruledOut: RuledOut[];
  /** Whether no allowed combination is cheaper; otherwise `bound` says below what none can be. */
  exact: boolean;
  bound: { lowestPossibleMinor: number } | null;
  /** How much less it would cost with the coupons that were not chosen; 0 unless some were chosen. */
  couldSaveMinor: number;
}
