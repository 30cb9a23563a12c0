import type { Currency } from '@elevens/shared/src/money.ts';

/**
 * The two sums of shared/src/money.ts that pages need. They are not imported from there, because that file builds schemas and
 * would bring the whole schema library into the first load; a test holds both to the same answers.
 */
export type { Currency };

/** Decimals of a currency's minor unit. */
export function decimalsOf(currency: Currency): 0 | 2 {
  return currency === 'VND' ? 0 : 2;
}

/** How much less a price is than another, in whole per cent, rounded down. */
export function percentOff(listMinor: number, priceMinor: number): number {
  if (listMinor <= 0 || priceMinor >= listMinor) return 0;
  return Math.floor(((listMinor - priceMinor) * 100) / listMinor);
}

/** The authored id of an occurrence: what stands before the tilde. */
export function recordIdOf(occurrence: string): string {
  return occurrence.split('~', 1)[0] ?? occurrence;
}
