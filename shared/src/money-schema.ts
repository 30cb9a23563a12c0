import { z } from 'zod';
import { currencies } from './money.ts';

// Apart from money.ts, so that a page that only counts does not load the schema library.

export const currencySchema = z.enum(currencies);

/** An amount in minor units, from nothing to ten billion major units: far below 2^53, so sums of thousands stay exact. */
export const minorSchema = z.int().min(0).max(1_000_000_000_000);
