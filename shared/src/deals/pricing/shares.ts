import { mustBeWhole } from './exact.ts';
import type { CouponShare, LineProof } from './types.ts';

/** What some units of a line carry of its money. dealMinor = payMinor + all shares + (depositWorthMinor - depositMinor). */
export interface UnitsShare {
  units: number;
  dealMinor: number;
  /** What goes back to the shopper when these units do. */
  payMinor: number;
  /** The part of payMinor that was the deposit. */
  depositMinor: number;
  depositWorthMinor: number;
  shares: CouponShare[];
}

/**
 * The money of the units [unitFrom, unitFrom + units) of a line, counted from 0. A line's amounts seldom divide by its
 * units: each part is divided, and what is left over of all parts is dealt out one by one, round after round, like
 * cards. So every unit comes to exactly the deal's price, two units never differ by more than one in any part, nothing is
 * negative, and whatever the order in which units go back, all of them together take back all of the line.
 */
export function shareOf(
  line: Pick<LineProof, 'quantity' | 'unitMinor' | 'shares' | 'payMinor' | 'depositMinor' | 'depositWorthMinor'>,
  unitFrom: number,
  units: number,
): UnitsShare {
  mustBeWhole(unitFrom, 'unitFrom', { min: 0, max: line.quantity - 1 });
  mustBeWhole(units, 'units', { min: 1, max: line.quantity - unitFrom });
  // What is left over of all parts together is a multiple of the units, so each round of dealing is a full one.
  let dealt = 0;
  const partOf = (minor: number): number => {
    const over = minor % line.quantity;
    const first = dealt % line.quantity;
    dealt += over;
    let sum = ((minor - over) / line.quantity) * units;
    for (let unit = unitFrom; unit < unitFrom + units; unit++) {
      if ((unit - first + line.quantity) % line.quantity < over) sum++;
    }
    return sum;
  };
  const payMinor = partOf(line.payMinor);
  const shares = line.shares.map(({ couponId, minor }) => ({ couponId, minor: partOf(minor) }));
  return {
    units,
    dealMinor: line.unitMinor * units,
    payMinor,
    depositMinor: (line.depositMinor / line.quantity) * units,
    depositWorthMinor: (line.depositWorthMinor / line.quantity) * units,
    shares,
  };
}
