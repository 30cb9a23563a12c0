import { z } from 'zod';
import { brandRecord, productRecord } from '../catalogue/records.ts';
import { change, defineContract, feed, query } from '../contract.ts';
import { occurrenceIdSchema, recordIdSchema, shopperIdSchema } from '../ids.ts';
import { currencySchema, minorSchema } from '../money-schema.ts';
import { momentMsSchema } from '../time.ts';
import { couponRecord, dealRecord } from './records.ts';

/** Lines in one claim: a basket of a flash sale, not a warehouse order. */
const claimLinesMax = 8;
/** Holds one shopper may have at once, so that nobody reserves a whole festival. */
export const holdsPerShopperMax = 12;
/**
 * Reserve and abandon: whoever let this many holds lapse without paying within this time may hold only one at a time
 * until the oldest of them is that long ago. Letting a hold go or paying for it, even late, costs nothing; an offer that lapses does
 * not count.
 */
export const abandonedMax = 3;
export const abandonedForMs = 86_400_000;
/** How long the next in line has to take what came back. */
export const offerMs = 60_000;
/** Deals that one question about places in line may name. */
const placesMax = 20;

const holdId = z.string().regex(/^[\w.~-]{8,80}$/, 'must be a hold id');
const none = z.strictObject({});
const about = z.strictObject({ dealId: occurrenceIdSchema });

/** Counts of one deal. free + held + sold = total, always. */
export const stockSchema = z.strictObject({
  total: z.int(),
  free: z.int(),
  held: z.int(),
  sold: z.int(),
  paused: z.boolean(),
  /** Home's verdict: no unit is free anywhere. A zero of `free` alone is no verdict, because units may be on their way. */
  soldOut: z.boolean(),
  /** People in line for what comes back. */
  waiting: z.int(),
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
  /** Who comes in before the others, by lanterns lit, and at which price. */
  early: z.array(z.strictObject({ level: z.int(), opensAtMs: momentMsSchema, priceMinor: minorSchema })),
  /** Paid in two parts; null: at once. */
  presale: z
    .strictObject({
      depositMinor: minorSchema,
      depositWorthMinor: minorSchema,
      balanceOpensAtMs: momentMsSchema,
      balanceClosesAtMs: momentMsSchema,
      forfeitPermille: z.int(),
    })
    .nullable(),
  /** The lowest price of the 30 days before the deal first opened: what its discount is measured against. */
  lowMinor: minorSchema,
  stock: stockSchema,
});
export type Deal = z.infer<typeof dealSchema>;

export const holdSchema = z.strictObject({
  holdId: z.string(),
  /** An offer is a unit that came back and waits for the next in line: accept it, and it is a hold. */
  kind: z.enum(['hold', 'offer']),
  /** The payment that its order waits for; null while there is no order. */
  paymentId: z.string().nullable(),
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
        /** Some are left, but fewer than asked for. */
        'not-so-many': about.extend({ left: z.int() }),
        'too-many-holds': z.strictObject({ holdsMax: z.int() }),
        /** Reserve and abandon: too many holds lapsed unpaid, so one at a time until then. */
        'one-at-a-time': z.strictObject({ untilMs: momentMsSchema }),
      },
      callers: ['shopper'],
      cost: 3,
    }),
    accept: change({
      summary: "Takes what was offered to the next in line: it becomes a hold with the deal's own minutes.",
      input: { holdId },
      reply: holdSchema,
      rejections: { 'unknown-hold': none },
      callers: ['shopper'],
      cost: 2,
    }),
    wait: change({
      summary:
        'Joins the line for what comes back of a deal that is sold out. The first in line is offered it for a minute.',
      input: { dealId: occurrenceIdSchema },
      reply: z.strictObject({ dealId: occurrenceIdSchema, place: z.int() }),
      rejections: {
        'unknown-deal': about,
        'still-free': about,
        'already-waiting': about.extend({ place: z.int() }),
        'waitlist-full': about,
        closed: about.extend({ closedAtMs: momentMsSchema }),
      },
      callers: ['shopper'],
      cost: 3,
    }),
    unwait: change({
      summary: 'Leaves the line.',
      input: { dealId: occurrenceIdSchema },
      reply: z.strictObject({ dealId: occurrenceIdSchema }),
      rejections: { 'not-waiting': about },
      callers: ['shopper'],
      cost: 2,
    }),
    places: query({
      summary: "The caller's place in line for each of these deals; null where the caller does not wait.",
      input: { dealIds: z.array(occurrenceIdSchema).min(1).max(placesMax) },
      reply: z.strictObject({
        places: z.array(z.strictObject({ dealId: occurrenceIdSchema, place: z.int().nullable() })),
      }),
      rejections: {},
      callers: ['shopper'],
      cost: 1,
    }),
    release: change({
      summary: 'Lets a hold go before it lapses; its units can be claimed again at once.',
      input: { holdId },
      reply: z.strictObject({ holdId: z.string() }),
      rejections: { 'unknown-hold': none, 'being-paid': z.strictObject({ paymentId: z.string() }) },
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
      summary: "The caller's own holds and offers, and by the rule of reserve-and-abandon how many may be held.",
      kind: 'state',
      payload: z.strictObject({
        holds: z.array(holdSchema),
        standing: z.strictObject({ abandoned: z.int(), holdsMax: z.int(), untilMs: momentMsSchema.nullable() }),
      }),
      id: shopperIdSchema,
      callers: ['shopper'],
      scope: 'own',
    }),
  },
  records: { deals: dealRecord, coupons: couponRecord },
});
