import { z } from 'zod';
import { defineContract, query } from '../contract.ts';
import { momentMsSchema } from '../time.ts';

export const clock = defineContract('clock', {
  commands: {
    now: query({
      summary: "The server's time. A client measures its offset by a handful of these and keeps the quickest.",
      input: {},
      reply: z.strictObject({ nowMs: momentMsSchema }),
      rejections: {},
      callers: 'anyone',
      cost: 1,
    }),
  },
  feeds: {},
  records: {},
});
