/* oxlint-disable no-async-endpoint-handlers -- Express 5 hands a rejected promise to the error handler by itself. */
import { createHash, timingSafeEqual } from 'node:crypto';
import express, { type ErrorRequestHandler, type Response, Router } from 'express';
import { z } from 'zod';
import type { Books } from './books.ts';
import { type Delays, locales, pass, refund, type Session, shut } from './session.ts';

/** A session of eight orders with their lines is a few kilobytes. */
const bodyBytesMax = 32 * 1024;
/** How far ahead a session may end: the balance of a presale may be paid over weeks. */
const aheadMsMax = 31 * 86_400_000;

const keySchema = z.string().regex(/^[\w.:~-]{8,120}$/);
/** Where a shopper is sent: another site, or a path of the host that serves this page. Never `//host` or a script. */
const returnUrlSchema = z
  .string()
  .max(1_000)
  .refine((text) => /^\/(?![/\\])/.test(text) || (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)));
const newSessionSchema = z.strictObject({
  reference: z.string().regex(/^[\w.:-]{1,80}$/),
  amountMinor: z.int().min(1).max(1_000_000_000_000),
  currency: z.string().regex(/^[A-Z]{3}$/),
  description: z.string().min(1).max(200),
  lines: z
    .array(z.strictObject({ label: z.string().min(1).max(120), text: z.string().max(120) }))
    .max(64)
    .default([]),
  returnUrl: returnUrlSchema,
  expiresAtMs: z.int().min(0),
  locale: z.enum(locales).nullable().default(null),
});
const newRefundSchema = z.strictObject({
  session: z.string().max(80),
  reference: z.string().regex(/^[\w.:-]{1,100}$/),
  amountMinor: z.int().min(1).max(1_000_000_000_000),
  currency: z.string().regex(/^[A-Z]{3}$/),
  reason: z.string().max(80),
});

function hashOf(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/** The API for shops: sessions and refunds, as JSON, under a key. */
export function createApi({
  books,
  apiKey,
  publicUrl,
  delays,
}: {
  books: Books;
  apiKey: string;
  publicUrl: () => string;
  delays: Delays;
}): Router {
  const api = Router();
  const keyHash = hashOf(apiKey);

  function shown(session: Session): object {
    return {
      id: session.id,
      url: `${publicUrl()}/pay/${session.id}${session.locale === null ? '' : `?lang=${session.locale}`}`,
      status: session.status,
      reference: session.reference,
      amountMinor: session.amountMinor,
      currency: session.currency,
      expiresAtMs: session.expiresAtMs,
      refunds: session.refunds.map(({ id, reference, amountMinor, status }) => ({
        id,
        reference,
        amountMinor,
        status,
      })),
    };
  }
  function refuse(response: Response, status: number, code: string): void {
    response.status(status).json({ error: { code } });
  }
  /** Answers only what is on disk: a shop builds on what it is told. */
  async function answer(response: Response, status: number, body: () => object): Promise<void> {
    await books.durable();
    response.status(status).json(body());
  }
  /** The session as it is at this moment. */
  function current(id: string | undefined): Session | undefined {
    const session = books.get(id ?? '');
    if (session !== undefined && pass(session, books.moment())) books.save(session);
    return session;
  }

  api.use((request, response, next) => {
    response.setHeader('Cache-Control', 'no-store');
    const given = /^Bearer (\S{1,200})$/.exec(request.headers.authorization ?? '')?.[1];
    if (given !== undefined && timingSafeEqual(hashOf(given), keyHash)) next();
    else refuse(response, 401, 'wrong-api-key');
  });
  api.use(express.json({ limit: bodyBytesMax, inflate: false }));

  api.post('/sessions', async (request, response) => {
    const key = keySchema.safeParse(request.get('idempotency-key'));
    if (!key.success) return refuse(response, 400, 'no-idempotency-key');
    const asked = newSessionSchema.safeParse(request.body);
    if (!asked.success) return refuse(response, 400, `bad-${String(asked.error.issues[0]?.path[0] ?? 'body')}`);
    const inputHash = hashOf(JSON.stringify(asked.data)).toString('base64url');
    const before = books.byKey(key.data);
    if (before !== undefined) {
      if (before.inputHash !== inputHash) return refuse(response, 409, 'idempotency-key-reused');
      return answer(response, 200, () => shown(before));
    }
    const { nowMs, newId } = books.moment();
    if (asked.data.expiresAtMs <= nowMs || asked.data.expiresAtMs > nowMs + aheadMsMax)
      return refuse(response, 400, 'bad-expiresAtMs');
    const session: Session = {
      ...asked.data,
      id: newId('cs_'),
      createdAtMs: nowMs,
      idempotencyKey: key.data,
      inputHash,
      status: 'open',
      card: null,
      pressedAtMs: 0,
      answersAtMs: 0,
      declines: 0,
      declinedAtMs: 0,
      endedAtMs: 0,
      refunds: [],
      notices: [],
    };
    if (!books.open(session)) return refuse(response, 503, 'too-many-sessions');
    return answer(response, 201, () => shown(session));
  });

  api.get('/sessions/:id', async (request, response) => {
    const session = current(request.params.id);
    if (session === undefined) return refuse(response, 404, 'unknown-session');
    return answer(response, 200, () => shown(session));
  });

  api.post('/sessions/:id/expire', async (request, response) => {
    const session = current(request.params.id);
    if (session === undefined) return refuse(response, 404, 'unknown-session');
    const wasOpen = session.status === 'open';
    if (!shut(session, books.moment())) return refuse(response, 409, 'session-not-open');
    if (wasOpen) books.save(session);
    return answer(response, 200, () => shown(session));
  });

  api.post('/refunds', async (request, response) => {
    if (!keySchema.safeParse(request.get('idempotency-key')).success)
      return refuse(response, 400, 'no-idempotency-key');
    const asked = newRefundSchema.safeParse(request.body);
    if (!asked.success) return refuse(response, 400, `bad-${String(asked.error.issues[0]?.path[0] ?? 'body')}`);
    const session = current(asked.data.session);
    if (session === undefined) return refuse(response, 404, 'unknown-session');
    const verdict = refund(session, asked.data, delays, books.moment());
    if (!verdict.ok) return refuse(response, 409, verdict.code);
    if (!verdict.again) books.save(session);
    const { id, reference, amountMinor } = verdict.refund;
    return answer(response, verdict.again ? 200 : 201, () => ({
      id,
      reference,
      amountMinor,
      status: verdict.refund.status,
    }));
  });

  api.use((_request, response) => refuse(response, 404, 'unknown-address'));

  const onError: ErrorRequestHandler = (error: unknown, _request, response, next) => {
    const status = typeof error === 'object' && error !== null && 'status' in error ? Number(error.status) : 500;
    if (response.headersSent || !(status >= 400 && status < 500)) next(error);
    else refuse(response, status, 'bad-body');
  };
  api.use(onError);
  return api;
}
