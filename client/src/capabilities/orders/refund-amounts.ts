import { shareOf } from '@elevens/shared/src/deals/pricing/shares.ts';
import type { Order, OrderLine } from '@elevens/shared/src/orders/contract.ts';
import { unitsLeft } from './order-acts.ts';

/** What comes back for units of an order, to the smallest unit of money, before it is asked for. */

/** Units chosen to go back, by deal. */
export type Chosen = Readonly<Record<string, number>>;

export const leftOf = (line: OrderLine): number => line.quantity - line.refundedUnits;

/** Everything that is left. */
export function allLeft(order: Order): Chosen {
  return Object.fromEntries(order.lines.map((line) => [line.dealId, leftOf(line)]));
}

/** What is sent: nothing named when all of it goes back, so that it is all even if the page is behind. */
export function linesOf(order: Order, chosen: Chosen): { dealId: string; quantity: number }[] | null {
  const lines = order.lines
    .map((line) => ({ dealId: line.dealId, quantity: Math.min(chosen[line.dealId] ?? 0, leftOf(line)) }))
    .filter((line) => line.quantity > 0);
  const units = lines.reduce((sum, line) => sum + line.quantity, 0);
  return units === unitsLeft(order) ? null : lines;
}

export const countOf = (chosen: Chosen): number => Object.values(chosen).reduce((sum, units) => sum + units, 0);

/** What comes back for these units: the same shares as the server takes, so that the button says the exact amount. */
export function amountOf(order: Order, chosen: Chosen): number {
  return order.lines.reduce((sum, line) => {
    const units = Math.min(chosen[line.dealId] ?? 0, leftOf(line));
    if (units === 0) return sum;
    const priced = { ...line, depositMinor: 0, depositWorthMinor: 0 };
    return sum + shareOf(priced, line.refundedUnits, units).payMinor;
  }, 0);
}
