import type { CommandOutcome } from '@elevens/shared/src/contracts.ts';
import type { Hold, Stock } from '@elevens/shared/src/deals/contract.ts';
import { doorOf } from './terms.ts';
import type { Offer } from './use-deals.ts';
import type { WantedLine } from './wanted.ts';

/** As many lines and holds as one order takes. */
export const orderLinesMax = 8;

/** What is held, by how it is paid. */
export interface HeldParts {
  /** Paid together, in one go; the first to lapse come first. */
  together: Hold[];
  /** Presales, each of which is paid by itself because it is paid in two parts. */
  apart: Hold[];
  /** More than one order takes, or a deal at another price than in it: paid after it. */
  after: Hold[];
  /** What waits at the till already, by payment. */
  tills: { paymentId: string; holds: Hold[] }[];
}

/** Holds come the first to lapse first. */
export function heldParts(holds: readonly Hold[], isPresale: (dealId: string) => boolean): HeldParts {
  const parts: HeldParts = { together: [], apart: [], after: [], tills: [] };
  let lines = 0;
  const differs = ({ dealId, priceMinor }: Hold['lines'][number]): boolean =>
    parts.together.some((one) => one.lines.some((line) => line.dealId === dealId && line.priceMinor !== priceMinor));
  for (const hold of holds) {
    const { paymentId } = hold;
    if (paymentId !== null) {
      const till = parts.tills.find((one) => one.paymentId === paymentId);
      if (till === undefined) parts.tills.push({ paymentId, holds: [hold] });
      else till.holds.push(hold);
    } else if (hold.lines.some((line) => isPresale(line.dealId))) parts.apart.push(hold);
    else if (lines + hold.lines.length > orderLinesMax || hold.lines.some(differs)) parts.after.push(hold);
    else {
      lines += hold.lines.length;
      parts.together.push(hold);
    }
  }
  return parts;
}

/** Whether a wanted line can be had now, and if not, exactly why. */
export type WantedState =
  | { is: 'ready' }
  | { is: 'early'; opensAtMs: number }
  | { is: 'closed' }
  | { is: 'paused' }
  | { is: 'sold-out' }
  | { is: 'few'; left: number }
  | { is: 'limit'; limit: number }
  /** Its deal is not on the street any more. */
  | { is: 'unknown' };

export interface WantedFacts {
  offer: Offer | null;
  stock: Stock | null;
  line: WantedLine;
  lanterns: number;
  nowMs: number;
  /** Units of the deal that are held already. */
  heldUnits: number;
  /** The last claim of the whole list, where it was refused and nothing has changed since. */
  refused: CommandOutcome<'deals:claim'> | null;
}

export function wantedStateOf(facts: WantedFacts): WantedState {
  const { offer, stock, line, lanterns, nowMs, heldUnits, refused } = facts;
  if (offer === null || stock === null) return { is: 'unknown' };
  const { deal } = offer;
  const { opensAtMs } = doorOf(deal, lanterns);
  if (nowMs < opensAtMs) return { is: 'early', opensAtMs };
  if (nowMs >= deal.closesAtMs) return { is: 'closed' };
  if (stock.paused) return { is: 'paused' };
  if (heldUnits + line.quantity > deal.limitPerShopper) return { is: 'limit', limit: deal.limitPerShopper };
  const named =
    refused !== null && !refused.ok && 'why' in refused && 'dealId' in refused && refused.dealId === line.dealId
      ? refused
      : null;
  switch (named?.why) {
    case 'sold-out':
      // The answer holds until the count shows that units came back.
      if (stock.free === 0) return { is: 'sold-out' };
      break;
    case 'not-so-many':
      if (named.left === 0) return { is: 'sold-out' };
      if (named.left < line.quantity) return { is: 'few', left: named.left };
      break;
    case 'limit-reached':
      return { is: 'limit', limit: named.limit };
    case 'not-open-yet':
      if (named.opensAtMs > nowMs) return { is: 'early', opensAtMs: named.opensAtMs };
      break;
    case 'closed':
      return { is: 'closed' };
    case 'unknown-deal':
      return { is: 'unknown' };
    case 'paused':
    case 'terms-changed':
    case undefined:
      break;
  }
  return stock.soldOut ? { is: 'sold-out' } : { is: 'ready' };
}

/** Whether a line can still come to something without being changed: it waits in the list rather than aside. */
export function isWaitingItsTime(state: WantedState): boolean {
  return state.is === 'ready' || state.is === 'early' || state.is === 'paused';
}

/** The one thing that the basket's sign can do. */
export type BasketSign =
  | { is: 'none' }
  | { is: 'offline' }
  | { is: 'claiming' }
  | { is: 'placing' }
  /** The answer to the last press got lost: the same press learns it. */
  | { is: 'ask-again'; of: 'claim' | 'place' }
  | { is: 'one-at-a-time'; untilMs: number }
  | { is: 'too-many'; holdsMax: number }
  | { is: 'hold'; lines: number }
  | { is: 'summing' }
  | { is: 'pay'; totalMinor: number; moved: boolean }
  | { is: 'till'; paymentId: string };

export interface BasketFacts {
  online: boolean;
  claiming: boolean;
  placing: boolean;
  /** What of the last claim or order is still unknown. */
  undecided: 'claim' | 'place' | null;
  /** Wanted lines that can be had now. */
  ready: number;
  /** Whether anything is held that this sign pays for. */
  holding: boolean;
  /** The server's sum of that; null while it is asked for. */
  totalMinor: number | null;
  /** The sum that the server said instead when it was to be paid. */
  movedToMinor: number | null;
  standing: { holds: number; holdsMax: number; untilMs: number | null } | null;
  paymentId: string | null;
  nowMs: number;
}

/** First what is under way, then holding what is wanted (so that all is paid together), then paying what is held. */
export function basketSignOf(facts: BasketFacts): BasketSign {
  if (facts.claiming) return { is: 'claiming' };
  if (facts.placing) return { is: 'placing' };
  const something = facts.ready > 0 || facts.holding || facts.paymentId !== null;
  if (!something) return { is: 'none' };
  if (!facts.online) return { is: 'offline' };
  if (facts.undecided !== null) return { is: 'ask-again', of: facts.undecided };
  if (facts.ready > 0) {
    const { standing } = facts;
    const full = standing !== null && standing.holds >= standing.holdsMax;
    // Who may hold no more pays for what is held first.
    if (!full) return { is: 'hold', lines: facts.ready };
    if (!facts.holding) {
      return standing.untilMs !== null && standing.untilMs > facts.nowMs
        ? { is: 'one-at-a-time', untilMs: standing.untilMs }
        : { is: 'too-many', holdsMax: standing.holdsMax };
    }
  }
  if (facts.holding) {
    const totalMinor = facts.movedToMinor ?? facts.totalMinor;
    return totalMinor === null ? { is: 'summing' } : { is: 'pay', totalMinor, moved: facts.movedToMinor !== null };
  }
  return facts.paymentId === null ? { is: 'none' } : { is: 'till', paymentId: facts.paymentId };
}
