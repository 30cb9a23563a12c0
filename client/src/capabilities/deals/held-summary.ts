import type { Hold } from '@elevens/shared/src/deals/contract.ts';

/** The one thing that a slim line on any page says of what is held; null where there is nothing to say there. */
export type HeldSummary =
  /** What came back is offered for a minute: the most pressing. */
  | { is: 'offer'; hold: Hold; dealId: string }
  /** Units that wait to be paid, and the hold that lapses first. */
  | { is: 'held'; units: number; hold: Hold }
  /** Everything held is at the till; the payment that is due first. */
  | { is: 'till'; hold: Hold; paymentId: string };

/** `here`: the deal whose own page this is; what the page itself shows is not said twice. Holds come soonest first. */
export function heldSummary({
  holds,
  offers,
  here,
}: {
  holds: readonly Hold[];
  offers: readonly Hold[];
  here: string | null;
}): HeldSummary | null {
  const onlyHere = (hold: Hold): boolean => hold.lines.every((line) => line.dealId === here);
  const offer = offers.find((one) => !onlyHere(one));
  const [line] = offer?.lines ?? [];
  if (offer !== undefined && line !== undefined) return { is: 'offer', hold: offer, dealId: line.dealId };
  if (holds.every(onlyHere)) return null;
  const unpaid = holds.filter((hold) => hold.paymentId === null);
  const [first] = unpaid;
  if (first !== undefined) {
    const units = unpaid.reduce((sum, hold) => sum + hold.lines.reduce((all, one) => all + one.quantity, 0), 0);
    return { is: 'held', units, hold: first };
  }
  const till = holds.find((hold) => hold.paymentId !== null && !onlyHere(hold));
  return till === undefined || till.paymentId === null ? null : { is: 'till', hold: till, paymentId: till.paymentId };
}
