import type { Currency } from '@elevens/shared/src/money.ts';

/**
 * What Elevens asks of a payment provider with a hosted page. Its shape is that of Stripe Checkout, so that an adapter
 * for Stripe (or Adyen, Mollie) fits behind it without a change here; each part says which call of Stripe it stands for.
 *
 * Every call is safe to send again: it carries an idempotency key or changes nothing the second time. Errors: the fault
 * `unavailable` when the provider could not be asked (the same call may be sent again), a ProviderRefused when it
 * answered and said no.
 */
export interface PaymentProvider {
  /** The HTTP header in which a webhook carries its signature. Stripe: `stripe-signature`. */
  readonly signatureHeader: string;

  /**
   * Opens a hosted page on which this payment can be made. The same idempotencyKey gives the same session again.
   * Stripe: `POST /v1/checkout/sessions` with `client_reference_id` (reference), `line_items`, `success_url` and
   * `cancel_url` (both returnUrl), `expires_at` and the header `Idempotency-Key`. Stripe keeps a session open for at
   * least 30 minutes: whoever needs it shut earlier calls `expire`.
   */
  createSession(session: NewSession): Promise<{ providerId: string; url: string }>;

  /**
   * What the provider knows of a session now; null when it knows none of this id. Stripe:
   * `GET /v1/checkout/sessions/:id?expand[]=payment_intent.latest_charge.refunds`.
   */
  find(providerId: string): Promise<ProviderPayment | null>;

  /**
   * Shuts an open session, and answers its status afterwards: `expired` when nothing can be paid any more; `succeeded`
   * or `processing` when the shopper was quicker, and then the money counts. Stripe: `POST
   * /v1/checkout/sessions/:id/expire`, which refuses what is not open; the adapter then looks with `find`.
   */
  expire(providerId: string): Promise<PaymentStatus>;

  /**
   * Sends money back. The same reference never sends it twice: it answers how that refund stands. Stripe: `POST
   * /v1/refunds` with `payment_intent` (of the session), `amount`, `metadata.reference` and the header `Idempotency-Key`.
   */
  refund(refund: NewRefund): Promise<{ refundId: string; status: RefundStatus }>;

  /**
   * Reads a webhook from the bytes as they came, because the signature is over those and not over what they mean.
   * Stripe: `stripe.webhooks.constructEvent`, where `checkout.session.completed` (paid) and
   * `checkout.session.async_payment_succeeded` are payment.succeeded, `payment_intent.payment_failed` is payment.failed,
   * `checkout.session.expired` and `checkout.session.async_payment_failed` are payment.expired, and `refund.updated` is
   * refund.succeeded or refund.failed.
   */
  readWebhook(rawBody: Buffer, signatureHeader: string | undefined, nowMs: number): WebhookReading;
}

export interface NewSession {
  /** Our paymentId, `y<k>.<token>`: it comes back in every event and leads to the payment's partition. */
  reference: string;
  amountMinor: number;
  currency: Currency;
  /** What the page says is paid for, in the shopper's language. */
  description: string;
  /** Further rows for the page, for reading only: the amount alone is charged. */
  lines?: readonly { label: string; text: string }[];
  /** Where the page sends the shopper, whether paid or not. Absolute, or a path when the page is on our own host. */
  returnUrl: string;
  /** When the page stops taking payments. Stripe allows 24 hours: its adapter asks for less, and payment.expired tells of it. */
  expiresAtMs: number;
  locale?: 'en' | 'zh' | 'nl' | 'vi';
  idempotencyKey: string;
}

/**
 * open: waits for the shopper. processing: paid, and the bank has not answered. succeeded: the money is there. failed:
 * the last attempt failed and no other can be made. expired: shut without a payment. The last three are final.
 */
export type PaymentStatus = 'open' | 'processing' | 'succeeded' | 'failed' | 'expired';

/** pending: accepted and under way. The other two are final; after `failed` the money is still with us. */
export type RefundStatus = 'pending' | 'succeeded' | 'failed';

export interface ProviderPayment {
  status: PaymentStatus;
  amountMinor: number;
  currency: string;
  /** The reference it was opened with. */
  reference: string;
  refunds: readonly { reference: string; amountMinor: number; status: RefundStatus }[];
}

export interface NewRefund {
  providerId: string;
  /** Names this refund for good; it is its idempotency key as well. A refund that failed is tried again under a new one. */
  reference: string;
  amountMinor: number;
  currency: Currency;
  /** A word for the provider's records, such as `late-payment` or `returned`. */
  reason: string;
}

/**
 * payment.failed tells of one attempt that took nothing; the session may be open still, so it ends nothing.
 * payment.expired says that this session can never be paid any more.
 */
export type PaymentEventType =
  | 'payment.succeeded'
  | 'payment.failed'
  | 'payment.expired'
  | 'refund.succeeded'
  | 'refund.failed';

/** Something that happened at the provider, however we came to know of it: by webhook, or by asking. */
export interface PaymentEvent {
  /** The provider's own id of it; of an answer to our question, one that is derived from what it says. */
  eventId: string;
  type: PaymentEventType;
  providerId: string;
  /** Our paymentId. */
  reference: string;
  /** Which refund, for refund.*. */
  refundReference?: string;
  /** Of the payment; for refund.* of the refund. */
  amountMinor: number;
  /** As the provider says it: it is compared with ours, so it need not be one of ours. */
  currency: string;
  /** When it happened, by the provider's clock. For the eye and the timeline only: nothing is decided by it. */
  atMs: number;
}

/** An event of null: genuine, and about something that Elevens does not follow; it is answered with 2xx and dropped. */
export type WebhookReading =
  | { ok: true; event: PaymentEvent }
  | { ok: true; event: null; type: string }
  | { ok: false; why: 'bad-signature' | 'old-timestamp' | 'malformed' };

/** The provider answered and said no: sending the same again cannot help. */
export class ProviderRefused extends Error {
  readonly status: number;
  /** The provider's own word for it, such as `refund-exceeds-payment`. */
  readonly code: string;
  constructor({ status, code, call }: { status: number; code: string; call: string }) {
    super(`the payment provider refused ${call}: ${code} (${status})`);
    this.name = 'ProviderRefused';
    this.status = status;
    this.code = code;
  }
}
