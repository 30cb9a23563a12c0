import { z } from 'zod';
import { change, defineContract, query } from '../contract.ts';
import { momentMsSchema } from '../time.ts';

/** Entries shown at once; who has more to look through settles the first ones first. */
export const inboxShownMax = 100;

const none = z.strictObject({});

/** What kept an event from being settled. gave-up: it failed every time for half an hour, each failure is in the log. */
export const unsettledWhys = [
  'unknown-payment',
  'amount-differs',
  'currency-differs',
  'reference-differs',
  'gave-up',
] as const;
export type UnsettledWhy = (typeof unsettledWhys)[number];

/** An id as the provider makes it. */
const eventIdSchema = z.string().regex(/^[\w.:-]{1,240}$/, 'must be the id of an event');
const paymentIdSchema = z.string().regex(/^y\d{1,4}\.[\w-]{8,40}$/, 'must be the id of a payment');

const inboxEntrySchema = z.strictObject({
  eventId: z.string(),
  type: z.string(),
  /** The payment that it speaks of. */
  reference: z.string(),
  providerId: z.string(),
  /** The refund that it speaks of, for refund.*. */
  refundReference: z.string().nullable(),
  amountMinor: z.int(),
  currency: z.string(),
  /** When it happened, by the provider's clock. */
  atMs: momentMsSchema,
  why: z.enum(unsettledWhys),
  flaggedAtMs: momentMsSchema,
});

export const payments = defineContract('payments', {
  commands: {
    inbox: query({
      summary: `What the payment provider told and could not be settled, the latest ${inboxShownMax}, and how much still waits.`,
      input: {},
      reply: z.strictObject({
        unsettled: z.array(inboxEntrySchema).max(inboxShownMax),
        unsettledTotal: z.int(),
        /** Taken in and not settled yet; more than a handful for more than some seconds is trouble. */
        waiting: z.int(),
      }),
      rejections: {},
      callers: ['operator'],
      cost: 5,
    }),
    replay: change({
      summary:
        'Settles an event again, as it was received. What it says already holds is left as it is, so it never counts twice. Events are kept for seven days, those that could not be settled for thirty.',
      input: { eventId: eventIdSchema, reference: paymentIdSchema },
      reply: z.strictObject({ eventId: z.string() }),
      rejections: { 'unknown-event': none },
      callers: ['operator'],
      cost: 5,
    }),
  },
  feeds: {},
  records: {},
});
