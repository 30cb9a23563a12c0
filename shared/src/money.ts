/** ISO 4217 codes that Elevens can price in. The size of a minor unit is `decimalsOf`. */
export const currencies = ['CNY', 'EUR', 'USD', 'VND'] as const;
export type Currency = (typeof currencies)[number];

/** Decimals of a currency's minor unit (ISO 4217). */
export function decimalsOf(currency: Currency): 0 | 2 {
  return currency === 'VND' ? 0 : 2;
}

/** How much less a price is than another, in whole per cent, rounded down so that a discount is never overstated. */
export function percentOff(listMinor: number, priceMinor: number): number {
  if (listMinor <= 0 || priceMinor >= listMinor) return 0;
  return Math.floor(((listMinor - priceMinor) * 100) / listMinor);
}
