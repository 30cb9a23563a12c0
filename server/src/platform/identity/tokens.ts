import { createHash } from 'node:crypto';
import { roles } from '@elevens/shared/src/contract.ts';
import { localeSchema } from '@elevens/shared/src/identity/contract.ts';
import { recordIdSchema, shopperIdSchema } from '@elevens/shared/src/ids.ts';
import { CompactSign, type CryptoKey, compactVerify, errors } from 'jose';
import { z } from 'zod';
import type { Person } from '../caller.ts';
import type { Clock } from '../clock.ts';

export interface SignedToken {
  token: string;
  expiresAtMs: number;
}

export type Verified =
  | { ok: true; person: Person; issuedAtMs: number; expiresAtMs: number }
  | { ok: false; reason: 'expired' | 'invalid' };

export interface Tokens {
  /**
   * A token that says who this is. The same person at the same `issuedAtMs` (now, when left out) gets the same text, so
   * an answer that held a token can be given again without the token having been kept anywhere.
   */
  sign(person: Person, issuedAtMs?: number): Promise<SignedToken>;
  /** Reads a token. Nothing a stranger sends makes it throw. */
  verify(token: string): Promise<Verified>;
}

/** A guest's evening: who stays through a festival night is renewed on the way. */
const guestLifeMs = 12 * 3_600_000;
/** Staff can do more harm with a forgotten tab, so theirs runs out sooner. */
const staffLifeMs = 4 * 3_600_000;
/** No token may be valid for longer; revocations are kept for as long (see capabilities/identity). */
export const tokenLifeMaxMs = guestLifeMs;
/** Ours have about 350 characters. Longer ones are refused before anything is computed over them. */
const tokenCharactersMax = 2_048;

const algorithm = 'HS256';
const audience = 'elevens';

const payloadSchema = z.object({
  iss: z.string(),
  aud: z.literal(audience),
  sub: shopperIdSchema,
  /** Seconds, as the standard has it; the part behind the point keeps the milliseconds that revocation compares. */
  iat: z.number().min(0).max(1e11),
  exp: z.int().min(0).max(1e11),
  name: z.string().max(64),
  locale: localeSchema,
  roles: z.array(z.enum(roles)).max(roles.length),
  brand: recordIdSchema.nullable(),
  sim: z.boolean(),
});

interface Key {
  id: string;
  key: CryptoKey;
}

/** Which secret signed a token: enough of its hash to tell a few apart, and no help in finding it. */
function keyIdOf(secret: string): string {
  return createHash('sha256').update('elevens-key-id:').update(secret).digest('base64url').slice(0, 8);
}

async function importKey(secret: string): Promise<Key> {
  const bytes = new TextEncoder().encode(secret);
  const key = await crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign', 'verify']);
  return { id: keyIdOf(secret), key };
}

/**
 * Signs and verifies tokens (docs/decisions/0002-token-algorithm.md). The first secret signs, all of them verify: to
 * rotate, put a new one in front, and take the old one out when its last token has run out.
 */
export async function createTokens({
  secrets,
  festival,
  clock,
}: {
  secrets: readonly [string, ...string[]];
  /** A token of another festival is foreign here, even under the same secret. */
  festival: string;
  clock: Clock;
}): Promise<Tokens> {
  const [first, ...older] = secrets;
  const signing = await importKey(first);
  // Imported once: importing again at every call costs more than the signature itself.
  const keys = new Map<string, CryptoKey>([[signing.id, signing.key]]);
  for (const { id, key } of await Promise.all(older.map(importKey))) if (!keys.has(id)) keys.set(id, key);
  const encoder = new TextEncoder();
  const decoder = new TextDecoder();

  return {
    async sign(person, issuedAtMs = clock.nowMs()) {
      const staff = person.roles.some((role) => role !== 'shopper');
      const expiresAtSeconds = Math.floor((issuedAtMs + (staff ? staffLifeMs : guestLifeMs)) / 1_000);
      const payload: z.infer<typeof payloadSchema> = {
        iss: festival,
        aud: audience,
        sub: person.shopperId,
        iat: issuedAtMs / 1_000,
        exp: expiresAtSeconds,
        name: person.displayName,
        locale: person.locale,
        roles: [...person.roles],
        brand: person.brandId,
        sim: person.simulated,
      };
      const token = await new CompactSign(encoder.encode(JSON.stringify(payload)))
        .setProtectedHeader({ alg: algorithm, kid: signing.id, typ: 'JWT' })
        .sign(signing.key);
      return { token, expiresAtMs: expiresAtSeconds * 1_000 };
    },

    async verify(token) {
      if (token.length > tokenCharactersMax) return { ok: false, reason: 'invalid' };
      let payload: z.infer<typeof payloadSchema>;
      try {
        const verified = await compactVerify(
          token,
          (header) => {
            const key = header.kid === undefined ? undefined : keys.get(header.kid);
            if (key === undefined) throw new errors.JWSInvalid('the key is not ours');
            return key;
          },
          { algorithms: [algorithm] },
        );
        const parsed = payloadSchema.safeParse(JSON.parse(decoder.decode(verified.payload)));
        if (!parsed.success) return { ok: false, reason: 'invalid' };
        payload = parsed.data;
      } catch {
        // Whatever is wrong with what a stranger sent, the answer is the same one word.
        return { ok: false, reason: 'invalid' };
      }
      if (payload.iss !== festival) return { ok: false, reason: 'invalid' };
      // Time is the festival's, not the machine's, so the library's own check of `exp` is not used.
      const expiresAtMs = payload.exp * 1_000;
      if (expiresAtMs <= clock.nowMs()) return { ok: false, reason: 'expired' };
      return {
        ok: true,
        issuedAtMs: Math.round(payload.iat * 1_000),
        expiresAtMs,
        person: {
          shopperId: payload.sub,
          displayName: payload.name,
          locale: payload.locale,
          roles: payload.roles,
          brandId: payload.brand,
          simulated: payload.sim,
        },
      };
    },
  };
}
