import { z } from 'zod';
import { brandRecord, productRecord } from '../catalogue/records.ts';
import { change, defineContract, feed, query } from '../contract.ts';
import { occurrenceIdSchema, recordIdSchema, shopperIdSchema } from '../ids.ts';
import { currencySchema, minorSchema } from '../money-schema.ts';
import { durationMs, durationSchema, momentMsSchema, whenSchema } from '../time.ts';

/** Lines in one claim: a basket of a flash sale, not a warehouse order. */
const claimLinesMax = 8;
/** Holds one shopper may have at once, so that nobody reserves a whole festival. */
export const holdsPerShopperMax = 12;

const none = z.strictObject({});
const about = z.strictObject({ dealId: occurrenceIdSchema });

export const dealRecord = z.strictObject({
  id: recordIdSchema,
  productId: recordIdSchema,
  when: whenSchema,
  priceMinor: minorSchema.min(1),
  /** Units to be had each time the deal opens. */
  total: z.int().min(1).max(10_000_000),
  limitPerShopper: z.int().min(1).max(99),
  /** How long a claimed unit waits for its shopper. */
  hold: durationSchema.refine((text) => {
    const ms = durationMs(text);
    return ms >= 10_000 && ms <= 3_600_000;
  }, 'must be from 10s to 1h'),
});
export type DealRecord = z.infer<typeof dealRecord>;

/** Counts of one deal. free + held + sold = total, always. */
export const stockSchema = z.strictObject({
  total: z.int(),
  free: z.int(),
  held: z.int(),
  sold: z.int(),
  paused: z.boolean(),
});
export type Stock = z.infer<typeof stockSchema>;

export const dealSchema = z.strictObject({
  dealId: occurrenceIdSchema,
  productId: recordIdSchema,
  brandId: recordIdSchema,
  currency: currencySchema,
  listMinor: minorSchema,
  priceMinor: minorSchema,
  limitPerShopper: z.int(),
  holdMs: z.int(),
  opensAtMs: momentMsSchema,
  closesAtMs: momentMsSchema,
  /** Grows when price, window or limit change; a claim may say which terms it saw. */
  terms: z.int(),
  stock: stockSchema,
});
export type Deal = z.infer<typeof dealSchema>;

export const holdSchema = z.strictObject({
  holdId: z.string(),
  lines: z.array(
    z.strictObject({
      dealId: occurrenceIdSchema,
      quantity: z.int(),
      priceMinor: minorSchema,
      currency: currencySchema,
    }),
  ),
  claimedAtMs: momentMsSchema,
  lapsesAtMs: momentMsSchema,
});
export type Hold = z.infer<typeof holdSchema>;

const line = z.strictObject({
  dealId: occurrenceIdSchema,
  quantity: z.int().min(1).max(99),
  terms: z.int().min(1).exactOptional(),
});

export const deals = defineContract('deals', {
  commands: {
    list: query({
      summary:
        'Deals that are open, closed a few minutes ago or open within the next hours, with their products and brands.',
      input: {},
      reply: z.strictObject({
        nowMs: momentMsSchema,
        version: z.int(),
        deals: z.array(dealSchema),
        products: z.array(productRecord),
        brands: z.array(brandRecord),
      }),
      rejections: {},
      callers: 'anyone',
      cost: 3,
    }),
    claim: change({
      summary: 'Claims units of up to 8 deals, all or nothing. They are held at that price until lapsesAtMs.',
      input: {
        lines: z
          .array(line)
          .min(1)
          .max(claimLinesMax)
          .refine((lines) => new Set(lines.map((l) => l.dealId)).size === lines.length, 'must name each deal once'),
      },
      reply: holdSchema,
      rejections: {
        'sold-out': about,
        'not-open-yet': about.extend({ opensAtMs: momentMsSchema }),
        closed: about.extend({ closedAtMs: momentMsSchema }),
        'limit-reached': about.extend({ limit: z.int(), taken: z.int() }),
        paused: about,
        'unknown-deal': about,
        'terms-changed': about.extend({ terms: z.int() }),
        'too-many-holds': z.strictObject({ holdsMax: z.int() }),
      },
      callers: ['shopper'],
      cost: 3,
    }),
    release: change({
      summary: 'Lets a hold go before it lapses; its units can be claimed again at once.',
      input: { holdId: z.string().regex(/^[\w.~-]{8,80}$/) },
      reply: z.strictObject({ holdId: z.string() }),
      rejections: { 'unknown-hold': none },
      callers: ['shopper'],
      cost: 2,
    }),
    pause: change({
      summary: 'Stops (or resumes) claims of one deal everywhere. Holds stay as they are.',
      input: { dealId: occurrenceIdSchema, paused: z.boolean(), reason: z.string().min(1).max(200) },
      reply: z.strictObject({ paused: z.boolean() }),
      rejections: { 'unknown-deal': about },
      callers: ['operator'],
      cost: 5,
    }),
  },
  feeds: {
    stock: feed({
      summary: 'The counts of one deal, sampled a few times a second.',
      kind: 'state',
      payload: stockSchema,
      id: occurrenceIdSchema,
      callers: 'anyone',
      scope: 'public',
    }),
    mine: feed({
      summary: "The caller's own holds.",
      kind: 'state',
      payload: z.strictObject({ holds: z.array(holdSchema) }),
      id: shopperIdSchema,
      callers: ['shopper'],
      scope: 'own',
    }),
  },
  records: { deals: dealRecord },
});
