import { z } from 'zod';
import { occurrenceIdSchema, recordIdSchema } from '../../ids.ts';
import { currencySchema, minorSchema } from '../../money-schema.ts';
import { momentMsSchema } from '../../time.ts';
import { couponKinds } from './coupon-kinds.ts';
import type { PriceProof } from './types.ts';

// Apart from types.ts, so that a page that only prices a basket does not load the schema library.

const levelSchema = z.int().min(0).max(4);
const kind = z.enum(couponKinds);
const couponShare = z.strictObject({ couponId: recordIdSchema, minor: minorSchema });

const lineProof = z.strictObject({
  dealId: occurrenceIdSchema,
  productId: recordIdSchema,
  brandId: recordIdSchema,
  quantity: z.int(),
  unitListMinor: minorSchema,
  unitMinor: minorSchema,
  tierLevel: levelSchema.nullable(),
  listMinor: minorSchema,
  dealMinor: minorSchema,
  shares: z.array(couponShare),
  payMinor: minorSchema,
  depositMinor: minorSchema,
  depositWorthMinor: minorSchema,
});

const priceStep = z.discriminatedUnion('step', [
  z.strictObject({ step: z.literal('list'), afterMinor: minorSchema }),
  // A deal may cost more than the list price says; then this is below nothing.
  z.strictObject({ step: z.literal('deal'), offMinor: z.int(), early: z.boolean(), afterMinor: minorSchema }),
  z.strictObject({
    step: z.literal('coupon'),
    couponId: recordIdSchema,
    kind,
    funding: z.enum(['seller', 'platform']),
    offMinor: minorSchema,
    baseMinor: minorSchema,
    times: z.int(),
    afterMinor: minorSchema,
  }),
  z.strictObject({
    step: z.literal('deposit'),
    depositMinor: minorSchema,
    worthMinor: minorSchema,
    offMinor: minorSchema,
    afterMinor: minorSchema,
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
  z.strictObject({ couponId, why: z.literal('not-reached'), missingMinor: minorSchema }),
  z.strictObject({ couponId, why: z.literal('not-chosen') }),
  z.strictObject({
    couponId,
    why: z.literal('does-not-stack'),
    with: z.array(recordIdSchema),
    byMinor: minorSchema.nullable(),
  }),
  z.strictObject({
    couponId,
    why: z.literal('costs-more'),
    byMinor: minorSchema.nullable(),
    insteadOf: z.array(recordIdSchema),
  }),
  z.strictObject({ couponId, why: z.literal('no-gain'), insteadOf: z.array(recordIdSchema) }),
]);

/** How a price came about, as it goes over the wire: what priceBasket answers. */
export const priceProofSchema = z.strictObject({
  currency: currencySchema,
  lines: z.array(lineProof),
  steps: z.array(priceStep),
  listMinor: minorSchema,
  totalMinor: minorSchema,
  depositMinor: minorSchema,
  savedMinor: z.int(),
  fundedMinor: z.array(couponShare),
  ruledOut: z.array(ruledOut),
  exact: z.boolean(),
  bound: z.strictObject({ lowestPossibleMinor: minorSchema }).nullable(),
  couldSaveMinor: minorSchema,
});

type Wire = z.infer<typeof priceProofSchema>;
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;
/** The compiler holds the schema to the type: whoever changes one is told of the other. */
true satisfies Same<Wire, PriceProof>;
