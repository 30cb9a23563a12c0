import { z } from 'zod';
import { change, defineContract, query, roles } from '../contract.ts';
import { recordIdSchema, shopperIdSchema } from '../ids.ts';
import { momentMsSchema } from '../time.ts';

export const localeSchema = z.enum(['en', 'zh', 'nl', 'vi']);
/** A name as people see it: 1 to 24 characters, no control characters, no white space at its ends. */
export const displayNameSchema = z
  .string()
  .max(24)
  .regex(/^(?!\s)[^\p{C}]+(?<!\s)$/u, 'must be 1 to 24 visible characters');

const session = z.strictObject({
  token: z.string(),
  shopperId: shopperIdSchema,
  displayName: z.string(),
  locale: localeSchema,
  roles: z.array(z.enum(roles)),
  brandId: recordIdSchema.nullable(),
  expiresAtMs: momentMsSchema,
});
export type Session = z.infer<typeof session>;

export const identity = defineContract('identity', {
  commands: {
    guest: query({
      summary: 'Makes a new guest: a shopper with a token of its own. A name is chosen when none is given.',
      input: { displayName: displayNameSchema.exactOptional(), locale: localeSchema.exactOptional() },
      reply: session,
      rejections: {},
      callers: 'anyone',
      cost: 5,
    }),
    renew: query({
      summary: 'Trades a token that still holds for a fresh one.',
      input: {},
      reply: session,
      rejections: {},
      callers: ['shopper'],
      cost: 5,
    }),
    'sign-in': query({
      summary: 'Signs staff in (brand, host, operator) by name and password.',
      input: { name: z.string().min(1).max(40), password: z.string().min(1).max(200) },
      reply: session,
      rejections: {
        'wrong-credentials': z.strictObject({}),
        locked: z.strictObject({ untilMs: momentMsSchema }),
      },
      callers: 'anyone',
      cost: 20,
    }),
    'use-link': query({
      summary: 'Signs staff in by a one-click link of the demo. Links exist in demo mode only.',
      input: { link: z.string().regex(/^[\w-]{20,80}$/) },
      reply: session,
      rejections: { 'unknown-link': z.strictObject({}) },
      callers: 'anyone',
      cost: 20,
    }),
    profile: change({
      summary: 'Changes the name others see and the language; answers with a token that carries them.',
      input: { displayName: displayNameSchema, locale: localeSchema },
      reply: session,
      rejections: {},
      callers: ['shopper'],
      cost: 10,
    }),
    revoke: change({
      summary: "Takes a role from a person (or signs the person out everywhere) and closes that person's sockets.",
      input: { personId: shopperIdSchema, role: z.enum(roles), reason: z.string().min(1).max(200) },
      reply: z.strictObject({ revokedAtMs: momentMsSchema }),
      rejections: { 'not-yourself': z.strictObject({}) },
      callers: ['operator'],
      cost: 10,
    }),
  },
  feeds: {},
  records: {},
});
