/** A payment's id is `y<k>.<token>`: k is its partition, so a webhook finds the payment by its reference alone. */
const PAYMENT_ID = /^y(\d{1,4})\.[\w-]{8,40}$/;

/** The partition that a payment's id names; null for what is no payment's id among so many partitions. */
export function partitionOfPayment(paymentId: string, partitions: number): number | null {
  const k = PAYMENT_ID.exec(paymentId)?.[1];
  return k === undefined || Number(k) >= partitions ? null : Number(k);
}
