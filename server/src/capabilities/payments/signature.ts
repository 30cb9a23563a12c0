import { createHmac, timingSafeEqual } from 'node:crypto';

/**
 * The signature of a webhook, as Stripe makes it: the header `t=<unix seconds>,v1=<hex>`, where v1 is the HMAC-SHA256 of
 * `<t>.<raw body>` under the shared secret (https://docs.stripe.com/webhooks#verify-manually). While a secret is being
 * changed the sender puts in a v1 for each; one that fits is enough. The time is signed as well, so a webhook that
 * somebody recorded is worth nothing after the tolerance.
 */

/** How far the time of a signature may be from ours, both ways: clocks differ, and a queue at the sender is no attack. */
export const signatureToleranceMs = 300_000;
/** A header with more signatures than anyone rotates through is refused before one is computed. */
const signaturesMax = 8;
const headerCharactersMax = 1_024;

function signatureOf(rawBody: Buffer, timeSeconds: number | string, secret: string): string {
  return createHmac('sha256', secret).update(`${timeSeconds}.`).update(rawBody).digest('hex');
}

/** Whether these bytes were signed with one of our secrets, and lately. The signature is judged before the time. */
export function verifySignature({
  rawBody,
  header,
  secrets,
  nowMs,
}: {
  rawBody: Buffer;
  header: string | undefined;
  secrets: readonly string[];
  nowMs: number;
}): 'genuine' | 'bad-signature' | 'old-timestamp' {
  const read = readHeader(header);
  if (read === null) return 'bad-signature';
  let genuine = false;
  for (const secret of secrets) {
    const expected = Buffer.from(signatureOf(rawBody, read.time, secret), 'hex');
    // Every one is compared whole, so that the time taken tells nothing about which of them was nearly right.
    for (const given of read.signatures) if (timingSafeEqual(given, expected)) genuine = true;
  }
  if (!genuine) return 'bad-signature';
  return Math.abs(nowMs - Number(read.time) * 1_000) > signatureToleranceMs ? 'old-timestamp' : 'genuine';
}

function readHeader(header: string | undefined): { time: string; signatures: Buffer[] } | null {
  if (header === undefined || header.length > headerCharactersMax) return null;
  const times: string[] = [];
  const signatures: Buffer[] = [];
  for (const part of header.split(',')) {
    const [name, value = ''] = part.trim().split('=', 2);
    if (name === 't') times.push(value);
    // Other schemes (v0) are skipped: one that we do not know must not make a good v1 worthless.
    else if (name === 'v1' && /^[0-9a-f]{64}$/i.test(value)) signatures.push(Buffer.from(value, 'hex'));
  }
  const [time] = times;
  if (time === undefined || times.length > 1 || !/^\d{1,12}$/.test(time)) return null;
  if (signatures.length === 0 || signatures.length > signaturesMax) return null;
  return { time, signatures };
}
