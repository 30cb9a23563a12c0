export type { BookedPayment, PaymentBook, Settlement } from './book.ts';
export { createHttpProvider } from './http-provider.ts';
export { createPayments } from './payments.ts';
export {
  type PaymentEvent,
  type PaymentProvider,
  ProviderRefused,
} from './provider.ts';
