import { z } from 'zod';

// Money is an integer of minor units with its currency beside it; it is never a fraction and never without its currency.

/** ISO 4217 codes that Elevens can price in. The size of a minor unit is `decimalsOf`. */
export const currencySchema = z.enum(['CNY', 'EUR', 'USD', 'VND']);
export type Currency = z.infer<typeof currencySchema>;

/** An amount in minor units, from nothing to ten billion major units: far below 2^53, so sums of thousands stay exact. */
export const minorSchema = z.int().min(0).max(1_000_000_000_000);

/** Decimals of a currency's minor unit (ISO 4217). */
export function decimalsOf(currency: Currency): 0 | 2 {
  return currency === 'VND' ? 0 : 2;
}

/** How much less a price is than another, in whole per cent, rounded down so that a discount is never overstated. */
export function percentOff(listMinor: number, priceMinor: number): number {
  if (listMinor <= 0 || priceMinor >= listMinor) return 0;
  return Math.floor(((listMinor - priceMinor) * 100) / listMinor);
}
