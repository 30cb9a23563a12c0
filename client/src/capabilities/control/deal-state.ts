import type { WallDeal } from '@elevens/shared/src/control/contract.ts';

export type DealState = 'selling' | 'soldOut' | 'paused' | 'next' | 'over';

/** How a deal stands. Paused counts before anything else: it is what an operator did. */
export function dealStateOf(deal: WallDeal, nowMs: number): DealState {
  if (deal.paused) return 'paused';
  if (deal.opensAtMs > nowMs) return 'next';
  if (deal.closesAtMs <= nowMs) return 'over';
  return deal.free === 0 ? 'soldOut' : 'selling';
}
