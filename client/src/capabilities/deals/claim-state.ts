import type { CommandOutcome } from '@elevens/shared/src/contracts.ts';
import type { Deal, Hold, Stock } from '@elevens/shared/src/deals/contract.ts';
import type { Held } from './use-deals.ts';

/** The one thing that can be said about a claim right now. The sign shows it; nothing else decides what the sign does. */
export type ClaimState =
  /** A unit came back and waits for this shopper, for a minute. */
  | { is: 'offered'; offer: Hold }
  /** What is held has its order, which waits at the till. */
  | { is: 'paying'; held: Held; paymentId: string }
  /** `more`: limit, stock and standing leave room for another. */
  | { is: 'held'; held: Held; more: boolean }
  | { is: 'claiming' }
  | { is: 'offline' }
  /** Not open to this shopper yet; `opensAtMs` is the moment of the own door. */
  | { is: 'early'; opensAtMs: number; leftMs: number }
  | { is: 'closed' }
  | { is: 'paused' }
  | { is: 'no-answer' }
  | { is: 'limit' }
  | { is: 'too-many'; holdsMax: number }
  /** Reserve and abandon: one hold at a time until then. */
  | { is: 'one-at-a-time'; untilMs: number }
  | { is: 'terms' }
  /** Some are left, but fewer than were asked for. */
  | { is: 'few'; left: number }
  /** In line for what comes back. */
  | { is: 'waiting'; place: number }
  /** The server's verdict: no unit is free anywhere. `lost`: it was said to a claim of ours. */
  | { is: 'sold-out'; lost: boolean }
  /** The count says none, which is no verdict: units may be on their way, and only a claim finds out. */
  | { is: 'none-free' }
  | { is: 'open' };

export interface ClaimFacts {
  deal: Deal;
  stock: Stock;
  /** When this shopper's own door opens. */
  opensAtMs: number;
  held: Held | null;
  offer: Hold | null;
  /** How many holds run, and how many may; null until it is known. */
  standing: { holds: number; holdsMax: number; untilMs: number | null } | null;
  /** Place in line; null while the shopper is not waiting. */
  place: number | null;
  nowMs: number;
  online: boolean;
  sending: boolean;
  /** The last answer to a claim from this page, as long as it still says something. */
  outcome: CommandOutcome<'deals:claim'> | null;
}

/** From facts to the one state: what is one's own first, then what makes a claim impossible, then what it may meet. */
export function claimStateOf({ held, offer, ...facts }: ClaimFacts): ClaimState {
  if (offer !== null) return { is: 'offered', offer };
  if (held === null) return unheldStateOf(facts);
  if (held.hold.paymentId !== null) return { is: 'paying', held, paymentId: held.hold.paymentId };
  const room = held.quantity < facts.deal.limitPerShopper;
  return { is: 'held', held, more: room && unheldStateOf(facts).is === 'open' };
}

type Unheld = Omit<ClaimFacts, 'held' | 'offer'>;

function unheldStateOf({
  deal,
  stock,
  opensAtMs,
  standing,
  place,
  nowMs,
  online,
  sending,
  outcome,
}: Unheld): ClaimState {
  if (sending) return { is: 'claiming' };
  if (!online) return { is: 'offline' };
  // The server's word on when the door opens is newer than what this page knows of its lanterns.
  const told = outcome !== null && !outcome.ok && 'why' in outcome && outcome.why === 'not-open-yet' ? outcome : null;
  const opens = told !== null && told.opensAtMs > nowMs ? told.opensAtMs : opensAtMs;
  if (nowMs < opens) return { is: 'early', opensAtMs: opens, leftMs: opens - nowMs };
  if (nowMs >= deal.closesAtMs) return { is: 'closed' };
  if (stock.paused) return { is: 'paused' };
  // Once the count shows units again the line is over: whoever is there first may claim.
  if (place !== null && stock.free === 0) return { is: 'waiting', place };
  const met = outcome === null || outcome.ok ? null : stateAfter(outcome, { deal, stock, standing, nowMs });
  if (met !== null) return met;
  if (stock.soldOut) return { is: 'sold-out', lost: false };
  if (standing !== null && standing.holds >= standing.holdsMax) {
    return standing.untilMs !== null && standing.untilMs > nowMs
      ? { is: 'one-at-a-time', untilMs: standing.untilMs }
      : { is: 'too-many', holdsMax: standing.holdsMax };
  }
  return stock.free === 0 ? { is: 'none-free' } : { is: 'open' };
}

/** What the last refusal still says; null when what it spoke of has passed. */
function stateAfter(
  outcome: CommandOutcome<'deals:claim'> & { ok: false },
  { deal, stock, standing, nowMs }: Pick<Unheld, 'deal' | 'stock' | 'standing' | 'nowMs'>,
): ClaimState | null {
  if ('fault' in outcome) {
    return outcome.fault === 'unknown' || outcome.fault === 'pending' ? { is: 'no-answer' } : null;
  }
  // A refusal for too many holds is over as soon as none runs any more.
  const holding = standing === null || standing.holds > 0;
  switch (outcome.why) {
    case 'limit-reached':
      return { is: 'limit' };
    case 'too-many-holds':
      return holding ? { is: 'too-many', holdsMax: outcome.holdsMax } : null;
    case 'one-at-a-time':
      return holding && outcome.untilMs > nowMs ? { is: 'one-at-a-time', untilMs: outcome.untilMs } : null;
    case 'terms-changed':
      // Once the list has brought the new terms, the sign may claim by them.
      return outcome.terms > deal.terms ? { is: 'terms' } : null;
    case 'sold-out':
      // The verdict holds until the count shows that units came back.
      return stock.free === 0 ? { is: 'sold-out', lost: true } : null;
    case 'not-so-many':
      return outcome.left > 0 && stock.free > 0 ? { is: 'few', left: outcome.left } : null;
    case 'paused':
    case 'not-open-yet':
    case 'closed':
    case 'unknown-deal':
    case 'request-id-reused':
      return null;
  }
}
