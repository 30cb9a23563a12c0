import type { Logger } from '../../platform/logger.ts';

/** What is written down of orders for whoever looks into them later: one helper for each business event, ids and amounts only. */
export function createAudit(logger: Logger) {
  return {
    /** A command was refused, and nothing was changed by it. */
    refused(facts: { command: string; who: string; why: string; subject: string }): void {
      logger.info({ audit: 'orders.refused', ...facts }, 'a command about an order was refused');
    },
    /** Somebody asked for an order or payment that is not theirs to see; they were told that there is none. */
    notTheirs(facts: { command: string; who: string; subject: string }): void {
      logger.warn({ audit: 'orders.not-theirs', ...facts }, 'somebody named what is not theirs');
    },
    /** What the provider told does not fit what is kept; it stays with the provider's events for an operator. */
    unfitting(facts: { eventId: string; type: string; paymentId: string; why: string }): void {
      logger.warn({ audit: 'orders.unfitting-event', ...facts }, 'what the payment provider told does not fit');
    },
    /** How a payment that came after its hold ended. */
    late(facts: { paymentId: string; end: 'goods' | 'refund'; why: string }): void {
      logger.info({ audit: 'orders.late-payment', ...facts }, 'a late payment came to its end');
    },
    /** A balance counts as missed although the provider could not be asked for as long as anybody waits: a person may ask it. */
    missedUnasked(facts: { orderId: string; paymentId: string }): void {
      logger.warn(
        { audit: 'orders.missed-unasked', ...facts },
        'a balance counts as missed, and the provider never answered',
      );
    },
    refundFailed(facts: { paymentId: string; reference: string }): void {
      logger.warn(
        { audit: 'orders.refund-failed', ...facts },
        'the provider could not send money back; it is tried again',
      );
    },
    /** The provider will not open a page for a payment, whatever is sent. */
    sessionRefused(facts: { paymentId: string; error: string }): void {
      logger.error({ audit: 'orders.session-refused', ...facts }, 'the payment provider refused to open a page');
    },
  };
}
export type Audit = ReturnType<typeof createAudit>;
