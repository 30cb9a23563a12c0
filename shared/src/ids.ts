import { z } from 'zod';

/** Made by the client, once for each intention: 8 to 64 URL-safe characters, any scheme (a UUID fits). */
export const requestIdSchema = z.string().regex(/^[\w-]{8,64}$/, 'must be 8 to 64 of A-Z a-z 0-9 _ -');

/** The name of an authored record: lower case words joined by hyphens, at most 48 characters. */
export const recordIdSchema = z.string().regex(/^[a-z0-9][a-z0-9-]{0,47}$/, 'must be 1 to 48 of a-z 0-9 -');

/**
 * One occurrence of an authored record. A record that happens once bears its own id; the n-th time of a repeating one is
 * `<id>~<n>`, so that each has stock, limits and history of its own.
 */
export const occurrenceIdSchema = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,47}(~\d{1,7})?$/, 'must be a record id, or one with ~ and its number');

/** A person: `s_` and 22 URL-safe characters (128 random bits) for a guest, `u_` and a name for staff. */
export const shopperIdSchema = z.string().regex(/^(s_[\w-]{22}|u_[a-z0-9-]{1,40})$/, 'must be a shopper id');

/** Where a follower stands in a feed. Opaque to clients: hand back what was received. */
export const positionSchema = z.string().regex(/^[\w.:-]{1,64}$/, 'must be a position received from this feed');
