import type { CommandOutcome } from '@elevens/shared/src/contracts.ts';
import type { Deal, Stock } from '@elevens/shared/src/deals/contract.ts';
import type { Held } from './use-deals.ts';

/** The one thing that can be said about a claim right now. The sign shows it; nothing else decides what the sign does. */
export type ClaimState =
  /** `more`: the limit and the stock leave room for another. */
  | { is: 'held'; held: Held; more: boolean }
  | { is: 'claiming' }
  | { is: 'offline' }
  | { is: 'early'; leftMs: number }
  | { is: 'closed' }
  | { is: 'paused' }
  | { is: 'no-answer' }
  | { is: 'limit' }
  | { is: 'too-many'; holdsMax: number }
  | { is: 'terms' }
  /** The server's verdict on a claim of ours. */
  | { is: 'lost' }
  /** Nothing free by the count: no verdict, it may come back. */
  | { is: 'none-free' }
  | { is: 'open' };

export interface ClaimFacts {
  deal: Deal;
  stock: Stock;
  held: Held | null;
  nowMs: number;
  online: boolean;
  sending: boolean;
  /** The last answer to a claim from this page, as long as it still says something. */
  outcome: CommandOutcome<'deals:claim'> | null;
}

/** From facts to the one state: what is one's own first, then what makes a claim impossible, then what it may meet. */
export function claimStateOf({ held, ...facts }: ClaimFacts): ClaimState {
  if (held === null) return unheldStateOf(facts);
  const room = held.quantity < facts.deal.limitPerShopper;
  return { is: 'held', held, more: room && unheldStateOf(facts).is === 'open' };
}

function unheldStateOf({ deal, stock, nowMs, online, sending, outcome }: Omit<ClaimFacts, 'held'>): ClaimState {
  if (sending) return { is: 'claiming' };
  if (!online) return { is: 'offline' };
  if (nowMs < deal.opensAtMs) return { is: 'early', leftMs: deal.opensAtMs - nowMs };
  if (nowMs >= deal.closesAtMs) return { is: 'closed' };
  if (stock.paused) return { is: 'paused' };
  if (outcome !== null && !outcome.ok) {
    if ('fault' in outcome) {
      if (outcome.fault === 'unknown') return { is: 'no-answer' };
    } else {
      switch (outcome.why) {
        case 'limit-reached':
          return { is: 'limit' };
        case 'too-many-holds':
          return { is: 'too-many', holdsMax: outcome.holdsMax };
        case 'terms-changed':
          // Once the list has brought the new terms, the sign may claim by them.
          return outcome.terms > deal.terms ? { is: 'terms' } : { is: 'open' };
        case 'sold-out':
          // The verdict holds as long as the count agrees with it.
          if (stock.free === 0) return { is: 'lost' };
          break;
        case 'paused':
        case 'not-open-yet':
        case 'closed':
        case 'unknown-deal':
        case 'request-id-reused':
          break;
      }
    }
  }
  return stock.free === 0 ? { is: 'none-free' } : { is: 'open' };
}
