import { createHmac } from 'node:crypto';
import type { Clock } from '../platform/clock.ts';
import type { Logger } from '../platform/logger.ts';
import type { Notice, Session } from './session.ts';

/** Who does not answer a webhook within this is sent it again. */
const answerMs = 5_000;

/** The signature as everybody in this trade makes it: the time, and an HMAC over the time and the bytes sent. */
function signatureHeader(body: string, atMs: number, secrets: readonly string[]): string {
  const t = Math.floor(atMs / 1_000);
  const all = secrets.map((secret) => `v1=${createHmac('sha256', secret).update(`${t}.${body}`).digest('hex')}`);
  return [`t=${t}`, ...all].join(',');
}

function bodyOf(session: Session, notice: Notice): string {
  const refund = session.refunds.find(({ reference }) => reference === notice.refundReference);
  return JSON.stringify({
    id: notice.id,
    type: notice.type,
    createdAtMs: notice.atMs,
    data: {
      session: session.id,
      reference: session.reference,
      amountMinor: session.amountMinor,
      currency: session.currency,
      ...(refund === undefined ? {} : { refund: { reference: refund.reference, amountMinor: refund.amountMinor } }),
    },
  });
}

/** Delivers a webhook once, in as many copies as it is to have. Answers whether all were taken (2xx). */
export function createDelivery({
  webhookUrl,
  secrets,
  clock,
  logger,
}: {
  webhookUrl: () => string;
  secrets: readonly string[];
  clock: Clock;
  logger: Logger;
}) {
  async function post(session: Session, notice: Notice): Promise<boolean> {
    const body = bodyOf(session, notice);
    try {
      const response = await fetch(webhookUrl(), {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'till-signature': signatureHeader(body, clock.nowMs(), secrets),
        },
        body,
        redirect: 'error',
        signal: AbortSignal.timeout(answerMs),
      });
      await response.body?.cancel();
      if (!response.ok) logger.debug({ event: notice.type, status: response.status }, 'a webhook was not taken');
      return response.ok;
    } catch (error) {
      logger.debug({ event: notice.type, error: String(error) }, 'a webhook could not be delivered');
      return false;
    }
  }
  return async (session: Session, notice: Notice): Promise<boolean> => {
    const taken = await Promise.all(Array.from({ length: notice.copies }, () => post(session, notice)));
    return taken.every(Boolean);
  };
}
