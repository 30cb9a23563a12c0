import { z } from 'zod';
import { momentRecord, phaseRecord } from '../catalogue/records.ts';
import { defineContract, query } from '../contract.ts';
import { occurrenceIdSchema, recordIdSchema } from '../ids.ts';
import { currencySchema } from '../money-schema.ts';
import { momentMsSchema } from '../time.ts';

/** One line of the running order: a phase, deal, drop, session or moment with its window. */
const entry = z.strictObject({
  id: occurrenceIdSchema,
  kind: z.enum(['phase', 'moment', 'deal', 'drop', 'session']),
  title: z.string(),
  blurb: z.string(),
  brandId: recordIdSchema.nullable(),
  startsAtMs: momentMsSchema,
  endsAtMs: momentMsSchema,
});
export type ProgrammeEntry = z.infer<typeof entry>;

export const placeSchema = z.strictObject({ city: z.string().min(1).max(40), timeZone: z.string().min(1).max(60) });

export const campaign = defineContract('campaign', {
  commands: {
    tonight: query({
      summary: 'The festival and its running order from an hour back to a few hours ahead, by start.',
      input: {},
      reply: z.strictObject({
        festivalId: recordIdSchema,
        title: z.string(),
        /** The first place is the festival's own; times are shown in it and in the shopper's. */
        places: z.array(placeSchema).min(1),
        currency: currencySchema,
        demo: z.boolean(),
        version: z.int(),
        nowMs: momentMsSchema,
        programme: z.array(entry),
      }),
      rejections: {},
      callers: 'anyone',
      cost: 2,
    }),
  },
  feeds: {},
  records: { phases: phaseRecord, moments: momentRecord },
});
