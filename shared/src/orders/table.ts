import type { OrderStateName, TimelineEntry } from './contract.ts';

/**
 * THE table of an order: which event leads from which state to which, and whose it is. Whatever is not in here is
 * refused. Which of several states it becomes depends on the amounts: a refund of some units leaves an order where it is.
 */
export const transitions: Readonly<Record<OrderStateName, Readonly<Partial<Record<OrderEventName, Transition>>>>> = {
  'awaiting-payment': {
    pay: { to: ['paid', 'deposit-paid'], by: ['provider', 'system'] },
    cancel: { to: ['cancelled'], by: ['shopper'] },
    lapse: { to: ['lapsed'], by: ['system'] },
  },
  'deposit-paid': {
    'open-balance': { to: ['deposit-paid'], by: ['shopper'] },
    pay: { to: ['paid'], by: ['provider'] },
    'miss-balance': { to: ['lapsed'], by: ['system'] },
  },
  paid: {
    ship: { to: ['shipped'], by: ['brand', 'operator'] },
    refund: { to: ['paid', 'refunded'], by: ['shopper'] },
  },
  shipped: {
    receive: { to: ['received'], by: ['shopper'] },
    'wait-out': { to: ['received'], by: ['system'] },
    dispute: { to: ['disputed'], by: ['shopper'] },
    refund: { to: ['shipped', 'returned'], by: ['shopper'] },
  },
  disputed: {
    'settle-for-buyer': { to: ['returned'], by: ['operator'] },
    'settle-for-seller': { to: ['received'], by: ['operator'] },
  },
  received: {
    refund: { to: ['received', 'returned'], by: ['shopper'] },
    close: { to: ['closed'], by: ['system'] },
  },
  closed: {},
  lapsed: {
    'pay-late': { to: ['lapsed'], by: ['provider'] },
    'deliver-late': { to: ['paid', 'deposit-paid'], by: ['system'] },
    'give-back-late': { to: ['refunded', 'lapsed'], by: ['system'] },
  },
  cancelled: {
    'pay-late': { to: ['cancelled'], by: ['provider'] },
    'give-back-late': { to: ['refunded'], by: ['system'] },
  },
  refunded: {},
  returned: {},
};

export const orderEventNames = [
  'pay',
  'pay-late',
  'deliver-late',
  'give-back-late',
  'cancel',
  'lapse',
  'open-balance',
  'miss-balance',
  'ship',
  'receive',
  'wait-out',
  'dispute',
  'settle-for-buyer',
  'settle-for-seller',
  'refund',
  'close',
] as const;
export type OrderEventName = (typeof orderEventNames)[number];
export type Party = TimelineEntry['role'];
export interface Transition {
  to: readonly OrderStateName[];
  by: readonly Party[];
}

/** Whether the table lets this party do this in this state. */
export function mayHappen(
  state: OrderStateName,
  event: OrderEventName,
  role: Party,
): { why: 'wrong-state'; state: string } | { why: 'not-allowed' } | null {
  const found = transitions[state][event];
  if (found === undefined) return { why: 'wrong-state', state };
  return found.by.includes(role) ? null : { why: 'not-allowed' };
}
