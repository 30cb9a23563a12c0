import { z } from 'zod';
import { defineContract, query } from '../contract.ts';
import { positionSchema } from '../ids.ts';

const feedName = z.string().regex(/^[a-z]{1,24}:[a-z-]{1,24}$/, 'must be the name of a feed, such as live:chat');
const feedId = z.string().min(1).max(64);

/** Feeds one connection may follow at once: a page shows a few dozen deals. */
export const feedsPerSocketMax = 128;

export const feeds = defineContract('feeds', {
  commands: {
    join: query({
      summary:
        'Follows a feed. With `from`, answers what was missed since (recovered: true and entries), or recovered: false and a snapshot: never a part.',
      input: { feed: feedName, id: feedId, from: positionSchema.exactOptional() },
      reply: z.union([
        z.strictObject({ position: positionSchema, recovered: z.literal(true), entries: z.array(z.unknown()) }),
        z.strictObject({
          position: positionSchema,
          recovered: z.literal(false).exactOptional(),
          snapshot: z.unknown(),
        }),
      ]),
      rejections: {
        'unknown-feed': z.strictObject({}),
        'unknown-id': z.strictObject({}),
        'not-yours': z.strictObject({}),
        'too-many-feeds': z.strictObject({ feedsMax: z.int() }),
        'needs-socket': z.strictObject({}),
      },
      callers: 'anyone',
      cost: 1,
    }),
    leave: query({
      summary: 'Stops following a feed. Leaving one that was not joined is no error.',
      input: { feed: feedName, id: feedId },
      reply: z.strictObject({}),
      rejections: {},
      callers: 'anyone',
      cost: 1,
    }),
  },
  feeds: {},
  records: {},
});

/** What a feed event carries: `'<capability>:<feed>'` with one of these. */
export interface LogEvent<Entry = unknown> {
  id: string;
  position: string;
  entries: Entry[];
}
export interface StateEvent<State extends object = Record<string, unknown>> {
  id: string;
  position: string;
  /** The fields that changed, or all of them. */
  state: Partial<State>;
}
/** `feeds:behind`: the server no longer holds what this client lacks; join again with the last position. */
export interface BehindEvent {
  feed: string;
  id: string;
}
