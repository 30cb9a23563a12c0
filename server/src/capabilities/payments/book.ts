import type { Currency } from '@elevens/shared/src/money.ts';
import type { PaymentEvent } from './provider.ts';

/**
 * What payments need of whoever keeps the payments (orders). It is handed in, so that payments know no other capability.
 *
 * The keeper also writes the key `paymentDues` of the payment's partition, in the same script in which it changes the
 * payment: member paymentId, score when the provider is to be asked next. It is set when a session may exist (score: a few
 * seconds later) and set to now when a refund is decided; it need not be taken out, because payments take it out once
 * `find` says that nothing is open.
 */
export interface PaymentBook {
  /** What is kept of a payment, also one long settled; null when there never was one of this id. Reads only. */
  find(paymentId: string): Promise<BookedPayment | null>;

  /**
   * Applies what happened at the provider, in one script of the payment's partition.
   *
   * It is called at least once for every event, at any time, in any order, from several nodes: whoever implements it looks
   * at the state and not at the event's time. An event that says nothing new (a second payment.succeeded, a payment.failed
   * or payment.expired after succeeded, a refund confirmed twice) is `settled` and changes nothing.
   *
   * payment.succeeded after the hold lapsed is the late payment: goods or a refund, which then stands in `refunds`.
   * refund.failed: the money is still owed; the refund goes back into `refunds` under a new reference.
   *
   * Answers `settled` only when the change is durable. Throws when it cannot tell (Redis away, versions kept moving): the
   * event is then tried again. Every other answer is kept for an operator and changes nothing.
   */
  settle(event: PaymentEvent): Promise<Settlement>;
}

export type Settlement = 'settled' | 'unknown-payment' | 'amount-differs' | 'currency-differs';

export interface BookedPayment {
  paymentId: string;
  /** The provider's id of the session; null until createSession has answered. No one can have paid before that. */
  providerId: string | null;
  currency: Currency;
  amountMinor: number;
  /** Whether it is still to be known whether this payment is made: the provider is asked until it says something final. */
  open: boolean;
  /** When it was opened; how often the provider is asked grows rarer with its age. */
  openedAtMs: number;
  /** When its session ends; from then on an open session is shut by asking the provider to. */
  expiresAtMs: number;
  /** Refunds decided and not confirmed by the provider, at most `pendingRefundsMax`. */
  refunds: readonly PendingRefund[];
}

export interface PendingRefund {
  /** Unique among all refunds of the payment, and a new one for each attempt. */
  reference: string;
  amountMinor: number;
  reason: string;
  decidedAtMs: number;
}

/** A payment covers at most 8 orders of at most 8 lines; each line may be refunded by itself. */
export const pendingRefundsMax = 64;
