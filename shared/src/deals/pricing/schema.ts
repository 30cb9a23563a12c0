import { z } from 'zod';
import { occurrenceIdSchema, recordIdSchema } from '../../ids.ts';
import { currencySchema, minorSchema } from '../../money-schema.ts';
import { momentMsSchema } from '../../time.ts';
import { couponKinds } from './coupon-kinds.ts';
import type { PriceProof } from './types.ts';

// Apart from types.ts, so that a page that only prices a basket does not load the schema library.

/** A sum over lines: more than one field may hold (64 lines of 99 units stay below 2^53), and exact. */
const sumSchema = z.int().min(0);
const levelSchema = z.int().min(0).max(4);
const kind = z.enum(couponKinds);
const couponShare = z.strictObject({ couponId: recordIdSchema, minor: sumSchema });

const lineProof = z.strictObject({
  dealId: occurrenceIdSchema,
  productId: recordIdSchema,
  brandId: recordIdSchema,
  quantity: z.int(),
  unitListMinor: minorSchema,
  unitMinor: minorSchema,
  tierLevel: levelSchema.nullable(),
  listMinor: sumSchema,
  dealMinor: sumSchema,
  shares: z.array(couponShare),
  payMinor: sumSchema,
  depositMinor: sumSchema,
  depositWorthMinor: sumSchema,
});

const priceStep = z.discriminatedUnion('step', [
  z.strictObject({ step: z.literal('list'), afterMinor: sumSchema }),
  z.strictObject({ step: z.literal('deal'), offMinor: sumSchema, early: z.boolean(), afterMinor: sumSchema }),
  z.strictObject({
    step: z.literal('coupon'),
    couponId: recordIdSchema,
    kind,
    funding: z.enum(['seller', 'platform']),
    offMinor: sumSchema,
    baseMinor: sumSchema,
    times: z.int(),
    nextMinor: sumSchema.nullable(),
    afterMinor: sumSchema,
  }),
  z.strictObject({
    step: z.literal('deposit'),
    depositMinor: sumSchema,
    worthMinor: sumSchema,
    offMinor: sumSchema,
    afterMinor: sumSchema,
  }),
]);

const couponId = recordIdSchema;
const ruledOut = z.discriminatedUnion('why', [
  z.strictObject({ couponId, why: z.literal('other-brand'), brandId: recordIdSchema }),
  z.strictObject({ couponId, why: z.literal('other-products') }),
  z.strictObject({ couponId, why: z.literal('not-open-yet'), opensAtMs: momentMsSchema }),
  z.strictObject({ couponId, why: z.literal('expired'), closedAtMs: momentMsSchema }),
  z.strictObject({ couponId, why: z.literal('used') }),
  z.strictObject({ couponId, why: z.literal('sold-out') }),
  z.strictObject({ couponId, why: z.literal('level'), levelMin: levelSchema, level: levelSchema }),
  z.strictObject({ couponId, why: z.literal('not-reached'), missingMinor: sumSchema }),
  z.strictObject({ couponId, why: z.literal('not-chosen') }),
  z.strictObject({
    couponId,
    why: z.literal('does-not-stack'),
    with: z.array(recordIdSchema),
    byMinor: sumSchema.nullable(),
  }),
  z.strictObject({
    couponId,
    why: z.literal('costs-more'),
    byMinor: sumSchema.nullable(),
    insteadOf: z.array(recordIdSchema),
  }),
  z.strictObject({ couponId, why: z.literal('no-gain'), insteadOf: z.array(recordIdSchema) }),
]);

/** How a price came about, as it goes over the wire: what priceBasket answers. */
export const priceProofSchema = z.strictObject({
  currency: currencySchema,
  lines: z.array(lineProof),
  steps: z.array(priceStep),
  listMinor: sumSchema,
  totalMinor: sumSchema,
  depositMinor: sumSchema,
  savedMinor: sumSchema,
  fundedMinor: z.array(couponShare),
  ruledOut: z.array(ruledOut),
  exact: z.boolean(),
  bound: z.strictObject({ lowestPossibleMinor: sumSchema }).nullable(),
  couldSaveMinor: sumSchema,
});

type Wire = z.infer<typeof priceProofSchema>;
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;
/** The compiler holds the schema to the type: whoever changes one is told of the other. */
true satisfies Same<Wire, PriceProof>;
