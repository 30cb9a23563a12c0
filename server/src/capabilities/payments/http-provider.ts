import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { Fault } from '../../platform/fault.ts';
import {
  type NewRefund,
  type NewSession,
  type PaymentEvent,
  type PaymentProvider,
  type PaymentStatus,
  ProviderRefused,
  type RefundStatus,
  type WebhookReading,
} from './provider.ts';
import { verifySignature } from './signature.ts';

/** A provider that has not answered by then is asked again or given up; nobody's tap waits longer. */
const callMsDefault = 5_000;
/** Waits before the second and the third try. Every call is safe to repeat: it reads, or carries an idempotency key. */
const retryWaitsMsDefault = [150, 600] as const;
/** Calls under way at once from this node; beyond it the answer is a fault instead of a queue that grows. */
const inFlightMaxDefault = 128;
/** No answer of the provider is longer: a session with 64 refunds has about 10 kB. */
const answerBytesMax = 256 * 1024;

const statusSchema = z.enum(['open', 'processing', 'succeeded', 'failed', 'expired']);
const refundStatusSchema = z.enum(['pending', 'succeeded', 'failed']);
const refundSchema = z.object({
  id: z.string().max(80),
  reference: z.string().max(120),
  amountMinor: z.int().min(0),
  status: refundStatusSchema,
});
const sessionSchema = z.object({
  id: z.string().max(80),
  url: z.string().max(2_000),
  status: statusSchema,
  reference: z.string().max(120),
  amountMinor: z.int().min(0),
  currency: z.string().max(8),
  refunds: z.array(refundSchema).max(1_000),
});
const refusalSchema = z.object({ error: z.object({ code: z.string().max(80) }) });

const eventTypes = [
  'payment.succeeded',
  'payment.failed',
  'payment.expired',
  'refund.succeeded',
  'refund.failed',
] as const;
const webhookSchema = z.object({
  id: z.string().regex(/^[\w.:-]{1,120}$/),
  type: z.string().max(80),
  createdAtMs: z.int().min(0),
  data: z.unknown(),
});
const webhookDataSchema = z.object({
  session: z.string().regex(/^[\w.:-]{1,80}$/),
  reference: z.string().min(1).max(120),
  amountMinor: z.int().min(0),
  currency: z.string().min(1).max(8),
  refund: z.object({ reference: z.string().min(1).max(120), amountMinor: z.int().min(0) }).exactOptional(),
});

export interface HttpProviderNeeds {
  /** Where the provider's API is, such as `https://pay.example`. Asked at every call, because a port may be free to choose. */
  baseUrl: () => string;
  apiKey: string;
  /** All verify: while a secret is being changed there are two. */
  webhookSecrets: readonly [string, ...string[]];
  callMs?: number;
  retryWaitsMs?: readonly number[];
  inFlightMax?: number;
}

/** The adapter that speaks HTTP with the Copper Till, the sandbox; the one for another house would look much like it. */
export function createHttpProvider({
  baseUrl,
  apiKey,
  webhookSecrets,
  callMs = callMsDefault,
  retryWaitsMs = retryWaitsMsDefault,
  inFlightMax = inFlightMaxDefault,
}: HttpProviderNeeds): PaymentProvider {
  let inFlight = 0;

  interface Call {
    method: 'GET' | 'POST';
    path: string;
    body?: object;
    idempotencyKey?: string;
  }

  async function once({ method, path, body, idempotencyKey }: Call): Promise<{ status: number; answer: unknown }> {
    const response = await fetch(`${baseUrl()}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${apiKey}`,
        accept: 'application/json',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      // The key must not follow a redirect to somebody else.
      redirect: 'error',
      signal: AbortSignal.timeout(callMs),
    });
    return { status: response.status, answer: await readBounded(response) };
  }

  /** Sends until there is an answer that stands; 5xx and 429 are none. */
  async function send(call: Call): Promise<{ status: number; answer: unknown }> {
    if (inFlight >= inFlightMax) throw new Fault('overloaded');
    inFlight++;
    try {
      let trouble: unknown;
      for (const waitMs of [0, ...retryWaitsMs]) {
        if (waitMs > 0) await pause(waitMs);
        try {
          const got = await once(call);
          if (got.status < 500 && got.status !== 429) return got;
          trouble = new Error(`the payment provider answered ${got.status}`);
        } catch (error) {
          trouble = error;
        }
      }
      throw new Fault('unavailable', { cause: trouble });
    } finally {
      inFlight--;
    }
  }

  function refused(call: Call, { status, answer }: { status: number; answer: unknown }): ProviderRefused {
    const read = refusalSchema.safeParse(answer);
    const code = read.success ? read.data.error.code : 'unworded';
    return new ProviderRefused({ status, code, call: `${call.method} ${call.path}` });
  }

  /** An answer that is not what the provider promises is trouble on the way, not a decision: nothing may be built on it. */
  function parsed<S extends z.ZodType>(schema: S, answer: unknown): z.output<S> {
    const read = schema.safeParse(answer);
    if (!read.success) throw new Fault('unavailable', { cause: read.error });
    return read.data;
  }

  const sessionPath = (providerId: string) => `/v1/sessions/${encodeURIComponent(providerId)}`;

  async function find(providerId: string) {
    const call: Call = { method: 'GET', path: sessionPath(providerId) };
    const got = await send(call);
    if (got.status === 404) return null;
    if (got.status !== 200) throw refused(call, got);
    const { status, amountMinor, currency, reference, refunds } = parsed(sessionSchema, got.answer);
    return { status, amountMinor, currency, reference, refunds };
  }

  return {
    signatureHeader: 'till-signature',

    async createSession({ idempotencyKey, ...session }: NewSession) {
      const call: Call = { method: 'POST', path: '/v1/sessions', body: session, idempotencyKey };
      const got = await send(call);
      if (got.status !== 200 && got.status !== 201) throw refused(call, got);
      const { id, url } = parsed(sessionSchema, got.answer);
      return { providerId: id, url };
    },

    find,

    async expire(providerId): Promise<PaymentStatus> {
      const call: Call = { method: 'POST', path: `${sessionPath(providerId)}/expire` };
      const got = await send(call);
      if (got.status === 200) return parsed(sessionSchema, got.answer).status;
      // What is not open cannot be shut: how it stands instead is what was asked.
      const now = got.status === 409 ? await find(providerId) : null;
      if (now === null) throw refused(call, got);
      return now.status;
    },

    async refund({ providerId, ...refund }: NewRefund): Promise<{ refundId: string; status: RefundStatus }> {
      const call: Call = {
        method: 'POST',
        path: '/v1/refunds',
        body: { session: providerId, ...refund },
        idempotencyKey: `refund:${refund.reference}`,
      };
      const got = await send(call);
      if (got.status !== 200 && got.status !== 201) throw refused(call, got);
      const { id, status } = parsed(refundSchema, got.answer);
      return { refundId: id, status };
    },

    readWebhook(rawBody, header, nowMs) {
      const verdict = verifySignature({ rawBody, header, secrets: webhookSecrets, nowMs });
      return verdict === 'genuine' ? readEvent(rawBody) : { ok: false, why: verdict };
    },
  };
}

function readEvent(rawBody: Buffer): WebhookReading {
  const malformed = { ok: false, why: 'malformed' } as const;
  let json: unknown;
  try {
    json = JSON.parse(rawBody.toString('utf8'));
  } catch {
    return malformed;
  }
  const envelope = webhookSchema.safeParse(json);
  if (!envelope.success) return malformed;
  const type = eventTypes.find((known) => known === envelope.data.type);
  if (type === undefined) return { ok: true, event: null, type: envelope.data.type };
  const read = webhookDataSchema.safeParse(envelope.data.data);
  if (!read.success) return malformed;
  const { session, reference, amountMinor, currency, refund } = read.data;
  const event: PaymentEvent = {
    eventId: envelope.data.id,
    type,
    providerId: session,
    reference,
    amountMinor,
    currency,
    atMs: envelope.data.createdAtMs,
  };
  if (!type.startsWith('refund.')) return { ok: true, event };
  if (refund === undefined) return malformed;
  return {
    ok: true,
    event: { ...event, refundReference: refund.reference, amountMinor: refund.amountMinor },
  };
}

async function readBounded(response: Response): Promise<unknown> {
  if (response.body === null) return null;
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size > answerBytesMax) throw new Error(`the payment provider answered more than ${answerBytesMax} bytes`);
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch {
    // Its status still says something; a success without JSON fails where it is parsed.
    return null;
  }
}
