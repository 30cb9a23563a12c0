import { mustBeMinor, mustBeUnits, mustBeWhole, permilleOf } from './exact.ts';

/** A presale of one line, amounts of one unit. */
export interface PresaleOffer {
  unitMinor: number;
  quantity: number;
  depositMinor: number;
  depositWorthMinor: number;
  forfeitPermille: number;
  /** When the deposit window closes; the balance opens so long after it, and for so long. */
  closesAtMs: number;
  balanceAfterMs: number;
  balanceForMs: number;
  /** What coupons take off the line; 0 if absent. */
  couponsMinor?: number;
}

/** What a presale asks for, when, and what is lost; all of it can be said before anything is paid. */
export interface PresaleSteps {
  depositMinor: number;
  /** What the deposit counts for at the balance. */
  worthMinor: number;
  balanceMinor: number;
  /** Deposit and balance. */
  totalMinor: number;
  /** The balance can be paid in [balanceOpensAtMs, balanceClosesAtMs). */
  balanceOpensAtMs: number;
  balanceClosesAtMs: number;
  /** Of the deposit, if the balance is not paid by then: what is lost, and what goes back. */
  missed: { lostMinor: number; backMinor: number };
}

/** The steps of a presale. Throws a RangeError that names the field for what no presale can be. */
export function presaleSteps(offer: PresaleOffer): PresaleSteps {
  const { unitMinor, quantity, closesAtMs, balanceAfterMs, balanceForMs, couponsMinor = 0 } = offer;
  mustBeUnits(quantity, 'quantity');
  mustBeMinor(unitMinor, 'unitMinor');
  mustBeMinor(offer.depositMinor, 'depositMinor');
  mustBeWhole(offer.depositWorthMinor, 'depositWorthMinor', { min: offer.depositMinor, max: unitMinor });
  const times = { min: 0, max: Number.MAX_SAFE_INTEGER };
  mustBeWhole(closesAtMs, 'closesAtMs', times);
  mustBeWhole(balanceAfterMs, 'balanceAfterMs', times);
  mustBeWhole(balanceForMs, 'balanceForMs', times);
  const depositMinor = offer.depositMinor * quantity;
  const worthMinor = offer.depositWorthMinor * quantity;
  mustBeWhole(couponsMinor, 'couponsMinor', { min: 0, max: unitMinor * quantity - worthMinor });
  const balanceMinor = unitMinor * quantity - worthMinor - couponsMinor;
  const lostMinor = forfeitOf(depositMinor, offer.forfeitPermille);
  return {
    depositMinor,
    worthMinor,
    balanceMinor,
    totalMinor: depositMinor + balanceMinor,
    balanceOpensAtMs: closesAtMs + balanceAfterMs,
    balanceClosesAtMs: closesAtMs + balanceAfterMs + balanceForMs,
    missed: { lostMinor, backMinor: depositMinor - lostMinor },
  };
}

/** What is lost of a deposit whose balance was not paid, rounded in the shopper's favour. */
export function forfeitOf(depositMinor: number, forfeitPermille: number): number {
  mustBeWhole(depositMinor, 'depositMinor', { min: 0, max: Number.MAX_SAFE_INTEGER });
  mustBeWhole(forfeitPermille, 'forfeitPermille', { min: 0, max: 1_000 });
  return permilleOf(depositMinor, forfeitPermille);
}
