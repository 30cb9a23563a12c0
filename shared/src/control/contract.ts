import { z } from 'zod';
import { defineContract, feed, query } from '../contract.ts';
import { occurrenceIdSchema } from '../ids.ts';
import { currencySchema } from '../money-schema.ts';
import { momentMsSchema } from '../time.ts';

/** The laws that are counted again all evening, in the order in which the control room hangs their lanterns. */
export const lawNames = ['stock', 'holds', 'money', 'coupons', 'packets', 'energy'] as const;
export type LawName = (typeof lawNames)[number];

/** Differences shown of one law: the first few say what is wrong; a thousand would say no more. */
export const evidenceMax = 20;
/** Things stopped by themselves that are shown of one law; more than these are stopped as well. */
export const actsMax = 20;
/** Points kept: ten minutes, one a second. */
export const pointsMax = 600;

/**
 * A conservation law. whole: counted and true. counting: the ledger is still being read. adrift: counted and false, with
 * the evidence. unknown: could not be counted for ten seconds; evidence found before that stands until it is counted away.
 */
export const lawSchema = z.strictObject({
  law: z.enum(lawNames),
  state: z.enum(['whole', 'counting', 'adrift', 'unknown']),
  /** The sum as checked, in words and numbers: "free 3 + held 2 + sold 0 = 5; the ledger says 4". */
  sum: z.string(),
  /** When the last count was finished; null before the first. */
  checkedAtMs: momentMsSchema.nullable(),
  /** How many things were compared (deals, holds, sums of drops, shoppers). */
  checked: z.int(),
  /** Since when the law has been in this state. */
  sinceMs: momentMsSchema,
  evidence: z
    .array(
      z.strictObject({
        subject: z.string(),
        expected: z.int(),
        found: z.int(),
        sinceMs: momentMsSchema,
        /** Both figures are amounts of money, in the festival's minor units. */
        minor: z.literal(true).optional(),
        /** What it is about, where that is one deal, coupon or order. */
        about: z.strictObject({ kind: z.enum(['deal', 'coupon', 'order']), id: z.string() }).optional(),
      }),
    )
    .max(evidenceMax),
  /** What was stopped by itself because two counts in a row showed a difference about it; a person lets it go on. */
  acts: z
    .array(z.strictObject({ kind: z.enum(['deal', 'coupon']), id: z.string(), atMs: momentMsSchema }))
    .max(actsMax),
});
export type Law = z.infer<typeof lawSchema>;

const nodeSchema = z.strictObject({
  node: z.string(),
  sockets: z.int(),
  /** How late the event loop ran at its worst hundredth in the last second. */
  loopLagMs: z.number(),
  /** Bytes that wait in this node for viewers. */
  queueBytes: z.int(),
  /** Of one core, in the last second. */
  cpuShare: z.number(),
  seenAtMs: momentMsSchema,
  draining: z.boolean(),
});
export type WallNode = z.infer<typeof nodeSchema>;

/**
 * One moment of the evening, about a second after the one before. All but `people` is per second since then, of people;
 * `crowdClaims` alone is of the demo's simulated shoppers, who are never counted as people.
 */
export const pointSchema = z.strictObject({
  atMs: momentMsSchema,
  people: z.int(),
  claims: z.number(),
  holds: z.number(),
  messages: z.number(),
  packets: z.number(),
  crowdClaims: z.number(),
});
export type WallPoint = z.infer<typeof pointSchema>;

export const wallSchema = z.strictObject({
  /** When these figures were made, and how many times figures have been made. */
  atMs: momentMsSchema,
  version: z.int(),
  currency: currencySchema,
  /** People here now, one a surface however many tabs. */
  people: z.strictObject({ total: z.int(), bySurface: z.record(z.string(), z.int()) }),
  /** The newest point of the history, so that a chart goes on without asking again. */
  point: pointSchema,
  /** Per second, over the last ten seconds, of people. A hold is a claim that was granted: an order that waits to be paid. */
  rates: z.strictObject({ claims: z.number(), holds: z.number(), messages: z.number(), packets: z.number() }),
  /** Counted since the festival's first start, of people. */
  totals: z.strictObject({
    claims: z.int(),
    holds: z.int(),
    units: z.int(),
    /** What all holds were worth when they were placed, also those that lapsed or were let go since. */
    heldMinor: z.int(),
    lapsed: z.int(),
    released: z.int(),
    messages: z.int(),
    packets: z.int(),
    packetsMinor: z.int(),
    energy: z.int(),
  }),
  /** The demo's simulated shoppers, apart from everything that is about people. */
  crowd: z.strictObject({
    here: z.int(),
    claimsPerSecond: z.number(),
    claims: z.int(),
    holds: z.int(),
    messages: z.int(),
    packets: z.int(),
  }),
  /** Deals that are on, were just on or are next. Their units are everybody's: stock is one. */
  deals: z.array(
    z.strictObject({
      dealId: occurrenceIdSchema,
      title: z.string(),
      total: z.int(),
      free: z.int(),
      held: z.int(),
      sold: z.int(),
      paused: z.boolean(),
      /** Home's verdict that nothing is left, and how many wait for what comes back. */
      soldOut: z.boolean(),
      waiting: z.int(),
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
      /** off: not kept on disk. err: the last write to disk failed. */
      aof: z.enum(['ok', 'err', 'off']),
    }),
  ),
});
export type Wall = z.infer<typeof wallSchema>;
export type WallDeal = Wall['deals'][number];
export type WallDrop = Wall['drops'][number];
export type WallRedis = Wall['redis'][number];

export const control = defineContract('control', {
  commands: {
    history: query({
      summary: 'The last ten minutes, a point a second.',
      input: {},
      reply: z.strictObject({ points: z.array(pointSchema).max(pointsMax) }),
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
