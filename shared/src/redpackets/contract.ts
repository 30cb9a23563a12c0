import { z } from 'zod';
import { change, defineContract, feed, query } from '../contract.ts';
import { occurrenceIdSchema, recordIdSchema, shopperIdSchema } from '../ids.ts';
import { currencySchema, minorSchema } from '../money-schema.ts';
import { momentMsSchema, whenSchema } from '../time.ts';

export const dropRecord = z
  .strictObject({
    id: recordIdSchema,
    brandId: recordIdSchema,
    title: z.string().min(1).max(80),
    when: whenSchema,
    fundMinor: minorSchema.min(1),
    packets: z.int().min(1).max(100_000),
    /** The least that a packet holds. */
    leastMinor: minorSchema.min(1),
  })
  .refine((d) => d.fundMinor >= d.packets * d.leastMinor, {
    path: ['fundMinor'],
    message: 'must hold at least leastMinor for every packet',
  });
export type DropRecord = z.infer<typeof dropRecord>;

const dropSchema = z.strictObject({
  dropId: occurrenceIdSchema,
  brandId: recordIdSchema,
  title: z.string(),
  opensAtMs: momentMsSchema,
  closesAtMs: momentMsSchema,
  currency: currencySchema,
  fundMinor: minorSchema,
  packets: z.int(),
  leastMinor: minorSchema,
  /** SHA-256 of the seed in hex, published before the drop opens; null until it has been sealed. */
  seedHash: z.string().nullable(),
});
export type Drop = z.infer<typeof dropSchema>;

const packetSchema = z.strictObject({
  dropId: occurrenceIdSchema,
  title: z.string(),
  amountMinor: minorSchema,
  index: z.int(),
  openedAtMs: momentMsSchema,
});
export type Packet = z.infer<typeof packetSchema>;

export const redpackets = defineContract('redpackets', {
  commands: {
    list: query({
      summary: 'Drops that are running, just ended or coming.',
      input: {},
      reply: z.strictObject({ nowMs: momentMsSchema, drops: z.array(dropSchema) }),
      rejections: {},
      callers: 'anyone',
      cost: 2,
    }),
    open: change({
      summary: 'Opens one packet of a drop. Each shopper opens one.',
      input: { dropId: occurrenceIdSchema },
      reply: z.strictObject({
        amountMinor: minorSchema,
        currency: currencySchema,
        index: z.int(),
        walletMinor: minorSchema,
      }),
      rejections: {
        'unknown-drop': z.strictObject({}),
        'not-open-yet': z.strictObject({ opensAtMs: momentMsSchema }),
        closed: z.strictObject({ closedAtMs: momentMsSchema }),
        'all-opened': z.strictObject({}),
        'already-opened': z.strictObject({ amountMinor: minorSchema, index: z.int() }),
      },
      callers: ['shopper'],
      cost: 3,
    }),
    proof: query({
      summary:
        'What anyone needs to check a drop: the hash from before, the seed from after, who opened which packet by pseudonym.',
      input: { dropId: occurrenceIdSchema },
      reply: z.strictObject({
        dropId: occurrenceIdSchema,
        fundMinor: minorSchema,
        packets: z.int(),
        leastMinor: minorSchema,
        seedHash: z.string(),
        /** Hex; null while the drop runs. */
        seed: z.string().nullable(),
        opened: z.array(z.strictObject({ index: z.int(), amountMinor: minorSchema, pseudonym: z.string() })),
      }),
      rejections: { 'unknown-drop': z.strictObject({}), 'not-sealed-yet': z.strictObject({}) },
      callers: 'anyone',
      cost: 5,
    }),
  },
  feeds: {
    drop: feed({
      summary: 'How much of a drop has been opened.',
      kind: 'state',
      payload: z.strictObject({ packets: z.int(), opened: z.int(), fundMinor: minorSchema, openedMinor: minorSchema }),
      id: occurrenceIdSchema,
      callers: 'anyone',
      scope: 'public',
    }),
    mine: feed({
      summary: "The caller's own packets, newest first (the last 50), and the sum of all.",
      kind: 'state',
      payload: z.strictObject({ walletMinor: minorSchema, currency: currencySchema, packets: z.array(packetSchema) }),
      id: shopperIdSchema,
      callers: ['shopper'],
      scope: 'own',
    }),
  },
  records: { drops: dropRecord },
});
