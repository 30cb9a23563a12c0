import type { UnsettledWhy } from '@elevens/shared/src/payments/contract.ts';
import { createSayOnce, type Logger } from '../../platform/logger.ts';
import type { PaymentEvent } from './provider.ts';

/** What of an event goes into the log: ids and sums, no person. */
function factsOf({ eventId, type, reference, refundReference, providerId, amountMinor, currency }: PaymentEvent) {
  return { eventId, type, reference, refundReference, providerId, amountMinor, currency };
}

/** The lines of the audit log that speak of payments: one for each thing that can happen, marked by `audit`. */
export function createAudit(logger: Logger, clock: { monotonicMs(): number }) {
  // Anybody may send what is not signed, as often as they like: of those, one line a minute and kind, with their number.
  const sayOnce = createSayOnce(logger, clock);
  return {
    webhookRefused(why: 'bad-signature' | 'old-timestamp' | 'malformed'): void {
      sayOnce(`webhook ${why}`, { audit: 'payment-webhook-refused', why }, 'a payment webhook was refused');
    },
    unplaceable(event: PaymentEvent): void {
      logger.warn(
        { audit: 'payment-event-refused', why: 'unknown-payment', ...factsOf(event) },
        'a payment event names a payment that cannot be one of ours',
      );
    },
    flagged(event: PaymentEvent, why: UnsettledWhy): void {
      logger.warn(
        { audit: 'payment-event-flagged', why, ...factsOf(event) },
        'a payment event could not be settled and is kept for an operator',
      );
    },
    settled(event: PaymentEvent): void {
      logger.info({ audit: 'payment-event-settled', ...factsOf(event) }, 'a payment event was settled');
    },
    failed(event: PaymentEvent, attempts: number, error: unknown): void {
      logger.warn(
        { audit: 'payment-event-failed', attempts, error: wordsOf(error), ...factsOf(event) },
        'settling a payment event failed and is tried again',
      );
    },
    unswept(error: unknown): void {
      sayOnce(
        'unswept',
        { audit: 'payment-inbox-unswept', error: wordsOf(error) },
        'the payment inbox could not be swept',
      );
    },
    replayed(operatorId: string, event: { eventId: string; reference: string }): void {
      logger.info({ audit: 'payment-event-replayed', by: operatorId, ...event }, 'a payment event is settled again');
    },
    refundSent(facts: { paymentId: string; reference: string; amountMinor: number; refundId: string }): void {
      logger.info({ audit: 'payment-refund-sent', ...facts }, 'a refund was handed to the payment provider');
    },
    refundRefused(facts: { paymentId: string; reference: string; amountMinor: number; code: string }): void {
      logger.error(
        { audit: 'payment-refund-refused', ...facts },
        'the payment provider refuses a refund that is owed; somebody must look',
      );
    },
    /** Ours and the provider's books disagree about which payment a session is. */
    sessionAmiss(facts: { paymentId: string; providerId: string | null; why: string }): void {
      logger.error({ audit: 'payment-session-amiss', ...facts }, 'a payment cannot be found where it should be');
    },
  };
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
