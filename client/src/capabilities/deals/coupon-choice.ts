import type { PriceProof, RuledOut } from '@elevens/shared/src/deals/pricing/types.ts';

/** Which coupons a shopper chose; null: the best ones, whichever they are. */
export type CouponChoice = readonly string[] | null;

/** What is used now. */
function usedIn(proof: PriceProof): string[] {
  return proof.steps.flatMap((step) => (step.step === 'coupon' ? [step.couponId] : []));
}

/** The choice without this coupon: what else is used stays. */
export function withoutCoupon(proof: PriceProof, couponId: string): CouponChoice {
  return usedIn(proof).filter((id) => id !== couponId);
}

/** The choice with a coupon that was left out: what it cannot be used beside makes place for it. */
export function withCoupon(proof: PriceProof, out: RuledOut): CouponChoice {
  const inTheWay = out.why === 'does-not-stack' ? out.with : 'insteadOf' in out ? out.insteadOf : [];
  return [...usedIn(proof).filter((id) => !inTheWay.includes(id)), out.couponId];
}
