import { createHmac } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { Person } from '../../platform/caller.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Keyspace } from '../../platform/redis/keyspace.ts';
import type { BookedPayment, PaymentBook } from './book.ts';
import { createHttpProvider } from './http-provider.ts';
import { createPayments, type Payments } from './payments.ts';
import type { PaymentEvent, PaymentProvider } from './provider.ts';

const webhookSecret = 'whsec_copper_0123456789abcdef';
export const startMs = 1_794_355_200_000;

/** A time set by hand, which several nodes share. */
export function createTestClock(): Clock & { at(ms: number): void } {
  let nowMs = startMs;
  return {
    nowMs: () => nowMs,
    monotonicMs: () => nowMs - startMs,
    errorMs: () => 0,
    at: (ms) => {
      nowMs = startMs + ms;
    },
  };
}

/** A keeper of payments in memory: as small as one can be that keeps the promises of the port. */
export function createTestBook() {
  const payments = new Map<string, BookedPayment>();
  const paid = new Set<string>();
  /** Every call of settle, and what it changed. */
  const calls: PaymentEvent[] = [];
  const changes: string[] = [];
  let before: (event: PaymentEvent) => Promise<void> = async () => {};
  const book: PaymentBook = {
    find: async (paymentId) => payments.get(paymentId) ?? null,
    async settle(event) {
      calls.push(event);
      await before(event);
      const payment = payments.get(event.reference);
      if (payment === undefined) return 'unknown-payment';
      if (event.refundReference !== undefined) {
        const owed = payment.refunds.find(({ reference }) => reference === event.refundReference);
        if (owed === undefined) return 'settled';
        if (owed.amountMinor !== event.amountMinor) return 'amount-differs';
        if (event.type === 'refund.failed') return 'settled';
        payments.set(event.reference, { ...payment, refunds: payment.refunds.filter((refund) => refund !== owed) });
        changes.push(`refunded ${event.reference}`);
        return 'settled';
      }
      if (payment.amountMinor !== event.amountMinor) return 'amount-differs';
      if (event.type === 'payment.failed' || !payment.open) return 'settled';
      payments.set(event.reference, { ...payment, open: false });
      if (event.type === 'payment.succeeded') paid.add(event.reference);
      changes.push(`${event.type === 'payment.succeeded' ? 'paid' : 'over'} ${event.reference}`);
      return 'settled';
    },
  };
  return {
    book,
    calls,
    changes,
    paid,
    payments,
    /** Runs before each settling: throws or waits as a Redis in trouble would. */
    beforeSettling(work: (event: PaymentEvent) => Promise<void>) {
      before = work;
    },
    open(paymentId: string, more: Partial<BookedPayment> = {}): BookedPayment {
      const payment: BookedPayment = {
        paymentId,
        providerId: 'cs_1',
        currency: 'CNY',
        amountMinor: 18_612,
        open: true,
        openedAtMs: startMs,
        expiresAtMs: startMs + 600_000,
        refunds: [],
        ...more,
      };
      payments.set(paymentId, payment);
      return payment;
    },
  };
}

export type TestBook = ReturnType<typeof createTestBook>;

/** A node that takes in payments. What it says for the audit log is kept. */
export function startNode({
  redis,
  keys,
  clock,
  book,
  provider = createHttpProvider({
    baseUrl: () => 'http://127.0.0.1:9',
    apiKey: 'sk_test_copper_0123456789',
    webhookSecrets: [webhookSecret],
    retryWaitsMs: [],
  }),
  mayChange,
}: {
  redis: Redis;
  keys: Keyspace;
  clock: Clock;
  book: PaymentBook;
  provider?: PaymentProvider;
  mayChange?: () => boolean;
}): Payments & { audited: { audit: string; why?: string }[]; deliver(webhook: Webhook): ReturnType<Deliver> } {
  const audited: { audit: string; why?: string }[] = [];
  const say = (facts: object) => {
    if ('audit' in facts) audited.push(facts as { audit: string });
  };
  const logger = { debug: say, info: say, warn: say, error: say };
  const payments = createPayments({
    redis,
    keys,
    clock,
    logger,
    provider,
    book,
    ...(mayChange === undefined ? {} : { mayChange }),
  });
  return {
    ...payments,
    audited,
    deliver: ({ body, signature }) =>
      payments.webhook.handle(body, (name) => (name === 'till-signature' ? signature : undefined)),
  };
}

type Deliver = Payments['webhook']['handle'];
export interface Webhook {
  body: Buffer;
  signature: string;
}

/** A webhook as the till sends it; `secret` and `signedAtMs` make it wrong. */
export function webhookOf(
  event: { id: string; type: string; reference: string; amountMinor?: number; currency?: string; session?: string },
  { secret = webhookSecret, signedAtMs = startMs }: { secret?: string; signedAtMs?: number } = {},
): Webhook {
  const { id, type, reference, amountMinor = 18_612, currency = 'CNY', session = 'cs_1' } = event;
  return signed(
    JSON.stringify({ id, type, createdAtMs: startMs, data: { session, reference, amountMinor, currency } }),
    { secret, signedAtMs },
  );
}

export function signed(text: string, { secret = webhookSecret, signedAtMs = startMs } = {}): Webhook {
  const t = Math.floor(signedAtMs / 1_000);
  const v1 = createHmac('sha256', secret).update(`${t}.${text}`).digest('hex');
  return { body: Buffer.from(text), signature: `t=${t},v1=${v1}` };
}

export const operator: Person = {
  shopperId: 'u_rae',
  displayName: 'Rae',
  locale: 'en',
  roles: ['operator'],
  brandId: null,
  simulated: false,
};
