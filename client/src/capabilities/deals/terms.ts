import type { Deal } from '@elevens/shared/src/deals/contract.ts';
import { forfeitOf } from '@elevens/shared/src/deals/pricing/presale.ts';

/** The door by which one shopper comes in: when it opens for them, and what they pay behind it. */
export interface Door {
  /** Lanterns that it asks for; 0 is the door for everyone. */
  level: number;
  opensAtMs: number;
  priceMinor: number;
}

/** All doors of a deal, the first to open first; the last is everyone's. */
export function doorsOf(deal: Pick<Deal, 'early' | 'opensAtMs' | 'priceMinor'>): Door[] {
  const everyone = { level: 0, opensAtMs: deal.opensAtMs, priceMinor: deal.priceMinor };
  return [...deal.early, everyone].toSorted((a, b) => a.opensAtMs - b.opensAtMs || b.level - a.level);
}

/** The best door that somebody with this many lanterns lit may use: the highest level, which is never later nor dearer. */
export function doorOf(deal: Pick<Deal, 'early' | 'opensAtMs' | 'priceMinor'>, level: number): Door {
  const own = doorsOf(deal).filter((door) => door.level <= level);
  return own.reduce((best, door) => (door.level > best.level ? door : best));
}

/** What a presale asks and when, for a number of units at the price that the shopper pays. Before coupons. */
export interface PresaleSum {
  depositMinor: number;
  depositWorthMinor: number;
  balanceMinor: number;
  /** What of the deposit is lost when the balance is not paid in its window. */
  lostMinor: number;
  balanceOpensAtMs: number;
  balanceClosesAtMs: number;
}

export function presaleSum(
  presale: NonNullable<Deal['presale']>,
  { priceMinor, quantity }: { priceMinor: number; quantity: number },
): PresaleSum {
  const depositMinor = presale.depositMinor * quantity;
  const depositWorthMinor = presale.depositWorthMinor * quantity;
  return {
    depositMinor,
    depositWorthMinor,
    balanceMinor: Math.max(0, priceMinor * quantity - depositWorthMinor),
    lostMinor: forfeitOf(depositMinor, presale.forfeitPermille),
    balanceOpensAtMs: presale.balanceOpensAtMs,
    balanceClosesAtMs: presale.balanceClosesAtMs,
  };
}
