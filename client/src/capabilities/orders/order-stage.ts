import type { Order, Payment } from '@elevens/shared/src/orders/contract.ts';

/** An order and its payment as tests begin with them. */

export const placedAtMs = 1_000_000;

export const anOrder: Order = {
  orderId: 'o0.lantern001',
  paymentId: 'y0.lantern001',
  shopperId: 's_0123456789abcdefghijkl',
  brandId: 'kettle-row',
  currency: 'CNY',
  lines: [
    {
      dealId: 'kettle~1',
      productId: 'kettle',
      name: 'Gooseneck kettle',
      quantity: 3,
      listMinor: 39_900,
      unitMinor: 19_900,
      shares: [{ couponId: 'row-ten', minor: 1_000 }],
      payMinor: 58_700,
      refundedUnits: 0,
    },
    {
      dealId: 'pan~1',
      productId: 'pan',
      name: 'Iron pan',
      quantity: 1,
      listMinor: 25_900,
      unitMinor: 12_900,
      shares: [],
      payMinor: 12_900,
      refundedUnits: 0,
    },
  ],
  totalMinor: 71_600,
  fundedMinor: 0,
  paidMinor: 0,
  refundedMinor: 0,
  presale: null,
  state: { is: 'awaiting-payment', due: 'full', dueAtMs: placedAtMs + 600_000 },
  placedAtMs,
  version: 1,
};

export const aPayment: Payment = {
  paymentId: 'y0.lantern001',
  shopperId: anOrder.shopperId,
  orderIds: [anOrder.orderId],
  what: 'full',
  amountMinor: 71_600,
  currency: 'CNY',
  dueAtMs: placedAtMs + 600_000,
  url: null,
  state: { is: 'open' },
  lastRefusedAtMs: null,
  refunds: [],
};

/** The order once it is paid. */
export const paidOrder: Order = {
  ...anOrder,
  paidMinor: 71_600,
  state: { is: 'paid', paidAtMs: placedAtMs + 60_000 },
  version: 2,
};
export const paidPayment: Payment = { ...aPayment, state: { is: 'paid', paidAtMs: placedAtMs + 60_000 } };

export const shippedOrder: Order = {
  ...paidOrder,
  state: {
    is: 'shipped',
    shippedAtMs: placedAtMs + 100_000,
    confirmByMs: placedAtMs + 900_000_000,
    carrier: 'Lantern Post',
    tracking: 'LP 1',
  },
};

export const receivedOrder: Order = {
  ...paidOrder,
  state: {
    is: 'received',
    receivedAtMs: placedAtMs + 200_000,
    by: 'shopper',
    refundUntilMs: placedAtMs + 605_000_000,
  },
};
