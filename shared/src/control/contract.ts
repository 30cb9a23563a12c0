import { z } from 'zod';
import { defineContract, feed, query } from '../contract.ts';
import { occurrenceIdSchema } from '../ids.ts';
import { momentMsSchema } from '../time.ts';

/** A conservation law. whole: counted and true. adrift: counted and false, with the evidence. unknown: not counted lately. */
export const lawSchema = z.strictObject({
  law: z.enum(['stock', 'holds', 'packets', 'energy']),
  state: z.enum(['whole', 'counting', 'adrift', 'unknown']),
  /** The sum as checked, in words and numbers: "free 3 + held 2 + sold 0 = 5, ledger says 4". */
  sum: z.string(),
  checkedAtMs: momentMsSchema.nullable(),
  /** How many things were checked (deals, drops, shoppers). */
  checked: z.int(),
  evidence: z
    .array(z.strictObject({ subject: z.string(), expected: z.int(), found: z.int(), sinceMs: momentMsSchema }))
    .max(20),
});
export type Law = z.infer<typeof lawSchema>;

const nodeSchema = z.strictObject({
  node: z.string(),
  sockets: z.int(),
  loopLagMs: z.number(),
  queueBytes: z.int(),
  cpuShare: z.number(),
  seenAtMs: momentMsSchema,
  draining: z.boolean(),
});

/** One second of the evening. Crowd figures stand apart: the demo's simulated shoppers are never counted as people. */
const pointSchema = z.strictObject({
  atMs: momentMsSchema,
  people: z.int(),
  claims: z.int(),
  holds: z.int(),
  messages: z.int(),
  packets: z.int(),
  crowdClaims: z.int(),
});
export type WallPoint = z.infer<typeof pointSchema>;

export const wallSchema = z.strictObject({
  atMs: momentMsSchema,
  people: z.strictObject({ total: z.int(), bySurface: z.record(z.string(), z.int()), crowd: z.int() }),
  /** Per second, over the last ten seconds; orders are holds that were placed. */
  rates: z.strictObject({
    claims: z.number(),
    orders: z.number(),
    messages: z.number(),
    packets: z.number(),
    crowdClaims: z.number(),
  }),
  /** Counted since the festival's first start, people only. */
  totals: z.strictObject({
    claims: z.int(),
    heldMinor: z.int(),
    messages: z.int(),
    packets: z.int(),
    packetsMinor: z.int(),
    energy: z.int(),
  }),
  deals: z.array(
    z.strictObject({
      dealId: occurrenceIdSchema,
      title: z.string(),
      total: z.int(),
      free: z.int(),
      held: z.int(),
      sold: z.int(),
      paused: z.boolean(),
      opensAtMs: momentMsSchema,
      closesAtMs: momentMsSchema,
    }),
  ),
  drops: z.array(
    z.strictObject({
      dropId: occurrenceIdSchema,
      title: z.string(),
      packets: z.int(),
      opened: z.int(),
      fundMinor: z.int(),
      openedMinor: z.int(),
      opensAtMs: momentMsSchema,
      closesAtMs: momentMsSchema,
    }),
  ),
  laws: z.array(lawSchema),
  nodes: z.array(nodeSchema),
  redis: z.array(
    z.strictObject({
      name: z.string(),
      ok: z.boolean(),
      pingMs: z.number(),
      usedBytes: z.int(),
      clients: z.int(),
      durability: z.string(),
      aof: z.string(),
    }),
  ),
});
export type Wall = z.infer<typeof wallSchema>;

export const control = defineContract('control', {
  commands: {
    history: query({
      summary: 'The last ten minutes, a point a second.',
      input: {},
      reply: z.strictObject({ points: z.array(pointSchema) }),
      rejections: {},
      callers: ['operator'],
      cost: 5,
    }),
  },
  feeds: {
    wall: feed({
      summary: 'What operators see (id: all), once a second.',
      kind: 'state',
      payload: wallSchema,
      id: z.literal('all'),
      callers: ['operator'],
      scope: 'public',
    }),
  },
  records: {},
});
