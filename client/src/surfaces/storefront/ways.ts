import type { ClaimWays } from '../../capabilities/deals/use-claim.ts';
import { go } from '../../platform/router.tsx';

/** Where what is held leads on this surface. */
export const ways: ClaimWays = {
  toBasket: () => go('/basket'),
  toTill: (paymentId) => go(`/pay/${paymentId}`),
};
