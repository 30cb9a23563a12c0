export type { BookedPayment, PaymentBook, PendingRefund, Settlement } from './book.ts';
export { pendingRefundsMax } from './book.ts';
export { createHttpProvider } from './http-provider.ts';
export { partitionOfPayment } from './payment-ids.ts';
export { createPayments, type Payments } from './payments.ts';
export {
  type NewSession,
  type PaymentEvent,
  type PaymentProvider,
  type PaymentStatus,
  ProviderRefused,
} from './provider.ts';
