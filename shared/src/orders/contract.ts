import { z } from 'zod';
import { brandRecord, productRecord } from '../catalogue/records.ts';
import { change, defineContract, feed, query } from '../contract.ts';
import { couponKinds } from '../deals/pricing/coupon-kinds.ts';
import { priceProofSchema } from '../deals/pricing/schema.ts';
import { occurrenceIdSchema, recordIdSchema, shopperIdSchema } from '../ids.ts';
import { currencySchema, minorSchema } from '../money-schema.ts';
import { momentMsSchema } from '../time.ts';

/** Ids that leave carry their partition, so that whoever brings one back finds it without a search. */
const holdIdSchema = z.string().regex(/^h\d{1,3}\.[\w-]{8,40}$/, 'must be a hold id');
const orderIdSchema = z.string().regex(/^o\d{1,3}\.[\w-]{8,40}$/, 'must be an order id');
const paymentIdSchema = z.string().regex(/^y\d{1,3}\.[\w-]{8,40}$/, 'must be a payment id');

/** Lines of one order: what fits in one claim, from a few holds. */
export const orderLinesMax = 8;
/** Orders told in one page of a list. */
export const ordersPerPage = 20;
const couponsPerOrderMax = 6;
const reasonSchema = z.string().trim().min(1).max(300);

/**
 * Where an order stands. Money is the shopper's until `paid`, in escrow until `received`, the brand's after that; every
 * end is one of closed, lapsed, cancelled, refunded and returned.
 */
export const orderStateSchema = z.discriminatedUnion('is', [
  /** Its units are held. `due` says what is to be paid: all of it, or a presale's deposit. */
  z.strictObject({ is: z.literal('awaiting-payment'), due: z.enum(['full', 'deposit']), dueAtMs: momentMsSchema }),
  /** The deposit is paid; the balance can be paid in its window, and its units stay held until then. */
  z.strictObject({
    is: z.literal('deposit-paid'),
    paidAtMs: momentMsSchema,
    balanceOpensAtMs: momentMsSchema,
    balanceClosesAtMs: momentMsSchema,
  }),
  z.strictObject({ is: z.literal('paid'), paidAtMs: momentMsSchema }),
  /** On its way. Unless the buyer says otherwise before `confirmByMs`, it then counts as received. */
  z.strictObject({
    is: z.literal('shipped'),
    shippedAtMs: momentMsSchema,
    confirmByMs: momentMsSchema,
    carrier: z.string(),
    tracking: z.string(),
  }),
  /** The buyer says that something is wrong: the money stays in escrow until an operator has settled it. */
  z.strictObject({
    is: z.literal('disputed'),
    disputedAtMs: momentMsSchema,
    shippedAtMs: momentMsSchema,
    reason: z.string(),
  }),
  /** The money is the brand's. Until `refundUntilMs` (not included) the goods can still be sent back. */
  z.strictObject({
    is: z.literal('received'),
    receivedAtMs: momentMsSchema,
    by: z.enum(['shopper', 'window', 'operator']),
    refundUntilMs: momentMsSchema,
  }),
  z.strictObject({ is: z.literal('closed'), closedAtMs: momentMsSchema }),
  /** Not paid in time: the units went back. `forfeitMinor` is what a missed balance cost, by the deal's terms. */
  z.strictObject({ is: z.literal('lapsed'), lapsedAtMs: momentMsSchema, forfeitMinor: minorSchema }),
  z.strictObject({ is: z.literal('cancelled'), cancelledAtMs: momentMsSchema }),
  /** Paid back before anything was sent (also after a payment that came too late for its goods). */
  z.strictObject({ is: z.literal('refunded'), refundedAtMs: momentMsSchema }),
  /** Sent back after it was shipped or received, and paid back. */
  z.strictObject({ is: z.literal('returned'), returnedAtMs: momentMsSchema }),
]);
export type OrderState = z.infer<typeof orderStateSchema>;
export type OrderStateName = OrderState['is'];

export const orderLineSchema = z.strictObject({
  dealId: occurrenceIdSchema,
  productId: recordIdSchema,
  /** What it was called when it was ordered: a record that changes later renames nothing that was sold. */
  name: z.string(),
  quantity: z.int(),
  /** Of one unit: outside the festival, and as claimed. */
  listMinor: minorSchema,
  unitMinor: minorSchema,
  /** What each coupon took off this line. */
  shares: z.array(z.strictObject({ couponId: z.string(), minor: minorSchema })),
  /** What the shopper pays for the whole line. */
  payMinor: minorSchema,
  /** Units that were paid back since. */
  refundedUnits: z.int(),
});
export type OrderLine = z.infer<typeof orderLineSchema>;

/** What of an order is paid in two parts: the deposit counts for more than was paid when the balance comes. */
const presaleSchema = z.strictObject({
  depositMinor: minorSchema,
  depositWorthMinor: minorSchema,
  balanceMinor: minorSchema,
  balanceOpensAtMs: momentMsSchema,
  balanceClosesAtMs: momentMsSchema,
  /** Of a thousand parts of the deposit, how many are lost when the balance is not paid. */
  forfeitPermille: z.int(),
});

export const orderSchema = z.strictObject({
  orderId: orderIdSchema,
  /** The payment that is or was last open for it. */
  paymentId: paymentIdSchema,
  shopperId: shopperIdSchema,
  brandId: recordIdSchema,
  currency: currencySchema,
  lines: z.array(orderLineSchema).min(1).max(orderLinesMax),
  /** What the shopper pays in all, and what the platform's coupons add to it in escrow. */
  totalMinor: minorSchema,
  fundedMinor: minorSchema,
  paidMinor: minorSchema,
  refundedMinor: minorSchema,
  presale: presaleSchema.nullable(),
  state: orderStateSchema,
  placedAtMs: momentMsSchema,
  /** Grows with every entry of the timeline; the timeline has as many entries. */
  version: z.int(),
});
export type Order = z.infer<typeof orderSchema>;

/**
 * One knot of an order's string: the same for buyer and seller. `hash` is the SHA-256 of the hash before it and of this
 * entry's other fields, so that an entry that is taken out or changed breaks the chain from there on.
 */
export const timelineEntrySchema = z.strictObject({
  n: z.int(),
  atMs: momentMsSchema,
  who: z.string(),
  role: z.enum(['shopper', 'brand', 'operator', 'system', 'provider']),
  what: z.string(),
  /** The amount it was about; null where no money moved or was promised. */
  amountMinor: minorSchema.nullable(),
  note: z.string(),
  hash: z.string(),
});
export type TimelineEntry = z.infer<typeof timelineEntrySchema>;

const paymentStateSchema = z.discriminatedUnion('is', [
  z.strictObject({ is: z.literal('open') }),
  z.strictObject({ is: z.literal('paid'), paidAtMs: momentMsSchema }),
  /** The money came after the hold was gone: by `byMs` it ends in goods or in a refund. */
  z.strictObject({ is: z.literal('paid-late'), paidAtMs: momentMsSchema, byMs: momentMsSchema }),
  z.strictObject({ is: z.literal('lapsed'), lapsedAtMs: momentMsSchema }),
  z.strictObject({ is: z.literal('cancelled'), cancelledAtMs: momentMsSchema }),
  /** All of it went back, or is going back: `refunds` says which. */
  z.strictObject({ is: z.literal('refunded'), refundedAtMs: momentMsSchema }),
]);

const refundSchema = z.strictObject({
  reference: z.string(),
  orderId: orderIdSchema,
  amountMinor: minorSchema,
  why: z.enum(['cancelled', 'returned', 'too-late', 'settled', 'balance-missed']),
  state: z.enum(['asked', 'confirmed', 'failed']),
  atMs: momentMsSchema,
});
export type Refund = z.infer<typeof refundSchema>;

export const paymentSchema = z.strictObject({
  paymentId: paymentIdSchema,
  shopperId: shopperIdSchema,
  orderIds: z.array(orderIdSchema).min(1).max(orderLinesMax),
  what: z.enum(['full', 'deposit', 'balance']),
  amountMinor: minorSchema,
  currency: currencySchema,
  dueAtMs: momentMsSchema,
  /** The provider's page; null until it was asked for. */
  url: z.string().nullable(),
  state: paymentStateSchema,
  /** When the provider last told that an attempt was refused: nothing was taken, and another may be made. Null: never. */
  lastRefusedAtMs: momentMsSchema.nullable(),
  refunds: z.array(refundSchema),
});
export type Payment = z.infer<typeof paymentSchema>;

const couponNameSchema = z.strictObject({ id: recordIdSchema, title: z.string(), kind: z.enum(couponKinds) });
export type CouponName = z.infer<typeof couponNameSchema>;

/** What orders speak of, as far as the street still has it: how it is called and drawn. */
const thingsSchema = z.strictObject({
  products: z.array(productRecord.pick({ id: true, name: true, picture: true })),
  brands: z.array(brandRecord.pick({ id: true, name: true, logo: true })),
  coupons: z.array(couponNameSchema),
});
export type OrderedThings = z.infer<typeof thingsSchema>;

const none = z.strictObject({});
const unknownOrder = { 'unknown-order': none } as const;
const wrongState = { 'wrong-state': z.strictObject({ state: z.string() }) } as const;
const couponRefusal = z.strictObject({ couponId: z.string() });
const told = z.strictObject({ order: orderSchema });
const linesToRefund = z
  .array(z.strictObject({ dealId: occurrenceIdSchema, quantity: z.int().min(1).max(99) }))
  .min(1)
  .max(orderLinesMax);

export const orders = defineContract('orders', {
  commands: {
    quote: query({
      summary: 'What lines would cost now with the best coupons (or with those named), and how that was found.',
      input: {
        lines: z
          .array(z.strictObject({ dealId: occurrenceIdSchema, quantity: z.int().min(1).max(99) }))
          .min(1)
          .max(orderLinesMax)
          .refine((lines) => new Set(lines.map((l) => l.dealId)).size === lines.length, 'must name each deal once'),
        coupons: z.array(recordIdSchema).max(couponsPerOrderMax).exactOptional(),
      },
      /** `coupons` names every coupon that the proof speaks of. */
      reply: priceProofSchema.extend({ coupons: z.array(couponNameSchema) }),
      rejections: {
        'unknown-deal': z.strictObject({ dealId: occurrenceIdSchema }),
        'unknown-coupon': couponRefusal,
      },
      callers: 'anyone',
      cost: 3,
    }),
    place: change({
      summary:
        'Makes orders, one a brand, and one payment of what is held. Without `coupons` the best ones are used. `totalMinor` is what the shopper was shown; another total is refused, never charged.',
      input: {
        holdIds: z
          .array(holdIdSchema)
          .min(1)
          .max(orderLinesMax)
          .refine((ids) => new Set(ids).size === ids.length, 'must name each hold once'),
        coupons: z.array(recordIdSchema).max(couponsPerOrderMax).exactOptional(),
        totalMinor: minorSchema,
        currency: currencySchema,
      },
      reply: z.strictObject({ payment: paymentSchema, orders: z.array(orderSchema) }),
      rejections: {
        'unknown-hold': z.strictObject({ holdId: z.string() }),
        'hold-lapsed': z.strictObject({ holdId: z.string() }),
        'being-paid': z.strictObject({ holdId: z.string(), paymentId: paymentIdSchema }),
        'not-accepted': z.strictObject({ holdId: z.string() }),
        'too-many-lines': z.strictObject({ linesMax: z.int() }),
        /** One deal, held at two prices: each hold is paid by itself. */
        'prices-differ': z.strictObject({ dealId: occurrenceIdSchema }),
        /** A presale is paid in two parts, so it is paid apart from what is paid at once. */
        'presale-apart': none,
        /** What was to be paid (of a presale: its deposit) is not what the shopper was shown. */
        'price-moved': z.strictObject({ totalMinor: minorSchema }),
        'wrong-currency': z.strictObject({ currency: currencySchema }),
        'unknown-coupon': couponRefusal,
        'coupon-expired': couponRefusal,
        'coupon-used': couponRefusal.extend({ usesPerShopper: z.int() }),
        'coupon-gone': couponRefusal,
        'coupon-not-fitting': couponRefusal.extend({ reason: z.string() }),
      },
      callers: ['shopper'],
      cost: 4,
    }),
    pay: change({
      summary: "Opens the provider's page for a payment; asked again it is the same page.",
      input: { paymentId: paymentIdSchema },
      reply: z.strictObject({ payment: paymentSchema, url: z.string() }),
      rejections: { 'unknown-payment': none, ...wrongState, 'no-provider': none },
      callers: ['shopper'],
      cost: 4,
    }),
    balance: change({
      summary: "Opens the payment of a presale's balance, within its window.",
      input: { orderId: orderIdSchema },
      reply: z.strictObject({ payment: paymentSchema, order: orderSchema }),
      rejections: {
        ...unknownOrder,
        ...wrongState,
        'not-open-yet': z.strictObject({ opensAtMs: momentMsSchema }),
        closed: z.strictObject({ closedAtMs: momentMsSchema }),
      },
      callers: ['shopper'],
      cost: 4,
    }),
    cancel: change({
      summary: 'Lets a payment that was not made go, with all its orders: their units can be claimed again at once.',
      input: { paymentId: paymentIdSchema },
      reply: z.strictObject({ payment: paymentSchema }),
      rejections: { 'unknown-payment': none, ...wrongState },
      callers: ['shopper'],
      cost: 3,
    }),
    receive: change({
      summary: 'The buyer has the goods and they are good: the money goes to the brand.',
      input: { orderId: orderIdSchema },
      reply: told,
      rejections: { ...unknownOrder, ...wrongState },
      callers: ['shopper'],
      cost: 3,
    }),
    refund: change({
      summary:
        'Pays units of an order back (all that are left without `lines`): before shipping at once, after it as a return, until seven days after receipt.',
      input: { orderId: orderIdSchema, reason: reasonSchema, lines: linesToRefund.exactOptional() },
      reply: told.extend({ refundMinor: minorSchema }),
      rejections: {
        ...unknownOrder,
        ...wrongState,
        'too-late': z.strictObject({ refundUntilMs: momentMsSchema }),
        'not-so-many': z.strictObject({ dealId: occurrenceIdSchema, left: z.int() }),
      },
      callers: ['shopper'],
      cost: 3,
    }),
    dispute: change({
      summary: 'Something is wrong with what came, or nothing came: the money stays in escrow until it is settled.',
      input: { orderId: orderIdSchema, reason: reasonSchema },
      reply: told,
      rejections: { ...unknownOrder, ...wrongState },
      callers: ['shopper'],
      cost: 3,
    }),
    ship: change({
      summary: 'The brand sent an order.',
      input: {
        orderId: orderIdSchema,
        carrier: z.string().trim().min(1).max(60),
        tracking: z.string().trim().max(60),
      },
      reply: told,
      rejections: { ...unknownOrder, ...wrongState },
      callers: ['brand', 'operator'],
      cost: 2,
    }),
    settle: change({
      summary: 'An operator ends a dispute: for the buyer (paid back) or for the seller (counts as received).',
      input: { orderId: orderIdSchema, for: z.enum(['buyer', 'seller']), reason: reasonSchema },
      reply: told,
      rejections: { ...unknownOrder, ...wrongState },
      callers: ['operator'],
      cost: 3,
    }),
    mine: query({
      summary: "The caller's orders, newest first, and the payments that are open.",
      input: { before: momentMsSchema.exactOptional() },
      reply: z.strictObject({
        orders: z.array(orderSchema).max(ordersPerPage),
        payments: z.array(paymentSchema),
        things: thingsSchema,
        more: z.boolean(),
      }),
      rejections: {},
      callers: ['shopper'],
      cost: 3,
    }),
    sold: query({
      summary: "A brand's orders that were paid (of a presale: the deposit), newest first. Operators name the brand.",
      input: { brandId: recordIdSchema, before: momentMsSchema.exactOptional() },
      reply: z.strictObject({ orders: z.array(orderSchema).max(ordersPerPage), more: z.boolean() }),
      rejections: { 'not-yours': none },
      callers: ['brand', 'operator'],
      cost: 5,
    }),
    one: query({
      summary: 'An order with its payment, its refunds and its whole timeline, as its buyer and its seller see it.',
      input: { orderId: orderIdSchema },
      reply: z.strictObject({
        order: orderSchema,
        payment: paymentSchema,
        /** All that went back or goes back of it, by whichever of its payments it came. */
        refunds: z.array(refundSchema),
        things: thingsSchema,
        timeline: z.array(timelineEntrySchema),
        /** Whether the chain of hashes holds, and if not the first entry at which it breaks. */
        chain: z.strictObject({ whole: z.boolean(), brokenAt: z.int().nullable() }),
      }),
      rejections: unknownOrder,
      callers: ['shopper', 'brand', 'operator'],
      cost: 2,
    }),
    payment: query({
      summary: 'A payment as it stands; what a page asks that came back from the provider.',
      input: { paymentId: paymentIdSchema },
      reply: z.strictObject({ payment: paymentSchema, orders: z.array(orderSchema), things: thingsSchema }),
      rejections: { 'unknown-payment': none },
      callers: ['shopper'],
      cost: 1,
    }),
    export: query({
      summary: "An order's timeline as a file.",
      input: { orderId: orderIdSchema, format: z.enum(['json', 'csv']) },
      reply: z.strictObject({ name: z.string(), type: z.string(), text: z.string() }),
      rejections: unknownOrder,
      callers: ['shopper', 'brand', 'operator'],
      cost: 3,
    }),
  },
  feeds: {
    mine: feed({
      summary: "Tells when the caller's orders or payments changed: the newest change of each that is not over.",
      kind: 'state',
      payload: z.strictObject({
        /** Grows with every change. */
        version: z.int(),
        /** Of the orders that changed last: their version and state. */
        orders: z.array(
          z.strictObject({ orderId: orderIdSchema, version: z.int(), state: z.string(), paymentId: paymentIdSchema }),
        ),
      }),
      id: shopperIdSchema,
      callers: ['shopper'],
      scope: 'own',
    }),
  },
  records: {},
});
