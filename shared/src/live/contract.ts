import { z } from 'zod';
import { change, defineContract, feed, query } from '../contract.ts';
import { occurrenceIdSchema, recordIdSchema } from '../ids.ts';
import { momentMsSchema, whenSchema } from '../time.ts';

/** Messages a room keeps for those who come back; older ones are gone from the room, not from its record. */
export const chatKeptMax = 500;

export const sessionRecord = z.strictObject({
  id: recordIdSchema,
  brandId: recordIdSchema,
  title: z.string().min(1).max(80),
  blurb: z.string().max(280),
  hostName: z.string().min(1).max(40),
  when: whenSchema,
  /** The deals shown in the session, the first one pinned. */
  dealIds: z.array(recordIdSchema).max(20),
});
export type SessionRecord = z.infer<typeof sessionRecord>;

/** A line of chat: 1 to 200 characters, no control characters but none is a line break either. */
const chatTextSchema = z
  .string()
  .max(200)
  .regex(/^(?!\s*$)[^\p{Cc}\p{Cs}]+$/u, 'must be 1 to 200 visible characters on one line');

export const messageSchema = z.strictObject({
  messageId: z.string(),
  name: z.string(),
  /** A pseudonym for this room, the same for all messages of one person; never the shopperId. */
  author: z.string(),
  role: z.enum(['shopper', 'host', 'brand', 'operator']),
  text: z.string(),
  saidAtMs: momentMsSchema,
  /** Said by the demo's own crowd, not by a person. */
  simulated: z.boolean(),
});
export type Message = z.infer<typeof messageSchema>;

const liveSessionSchema = z.strictObject({
  sessionId: occurrenceIdSchema,
  brandId: recordIdSchema,
  title: z.string(),
  blurb: z.string(),
  hostName: z.string(),
  startsAtMs: momentMsSchema,
  endsAtMs: momentMsSchema,
  /** Occurrences of the session's deals that are open or opening next, the pinned one first. */
  dealIds: z.array(occurrenceIdSchema),
});
export type LiveSession = z.infer<typeof liveSessionSchema>;

export const live = defineContract('live', {
  commands: {
    list: query({
      summary: 'Sessions that are live, just ended or coming within the next hours.',
      input: {},
      reply: z.strictObject({ nowMs: momentMsSchema, sessions: z.array(liveSessionSchema) }),
      rejections: {},
      callers: 'anyone',
      cost: 2,
    }),
    say: change({
      summary: 'Says a line in the chat of a live session.',
      input: { sessionId: occurrenceIdSchema, text: chatTextSchema },
      reply: z.strictObject({ messageId: z.string(), position: z.string() }),
      rejections: {
        'unknown-session': z.strictObject({}),
        'not-live': z.strictObject({ startsAtMs: momentMsSchema.nullable() }),
      },
      callers: ['shopper'],
      cost: 4,
    }),
  },
  feeds: {
    chat: feed({
      summary: 'What is said in a session. Every entry counts; come back with your position and get what you missed.',
      kind: 'log',
      payload: messageSchema,
      id: occurrenceIdSchema,
      callers: 'anyone',
      scope: 'public',
    }),
    room: feed({
      summary: 'How many people are in the session now (the demo crowd is not counted), and how many lines were said.',
      kind: 'state',
      payload: z.strictObject({ people: z.int(), said: z.int() }),
      id: occurrenceIdSchema,
      callers: 'anyone',
      scope: 'public',
    }),
  },
  records: { sessions: sessionRecord },
});
