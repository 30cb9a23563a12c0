/**
 * The kinds of coupons, in the order in which they are taken off. The sellers' own come first, so that the platform's
 * fund pays only for what is left of a price.
 */
export const couponKinds = ['brand', 'shop', 'cross-brand', 'energy'] as const;
export type CouponKind = (typeof couponKinds)[number];

/** Who pays for a coupon: the seller, whose price it lowers, or the platform's coupon fund. */
export type CouponFunding = 'seller' | 'platform';

const fundings: Readonly<Record<CouponKind, CouponFunding>> = {
  brand: 'seller',
  shop: 'seller',
  'cross-brand': 'platform',
  energy: 'platform',
};

/** Who pays for coupons of a kind. */
export function fundingOf(kind: CouponKind): CouponFunding {
  return fundings[kind];
}
