import type { Order, Payment } from '@elevens/shared/src/orders/contract.ts';
import { transitions } from '@elevens/shared/src/orders/table.ts';
import { describe, expect, it } from 'vitest';
import { actsOf, knotOf, lastMomentOf, moneyOf, shortName } from './order-acts.ts';
import { anOrder, aPayment, paidOrder, paidPayment, placedAtMs, receivedOrder, shippedOrder } from './order-stage.ts';
import { comingOf } from './to-come.ts';

const acts = (order: Order, { payment = aPayment, nowMs = placedAtMs }: { payment?: Payment; nowMs?: number } = {}) => {
  const { main, others } = actsOf({ order, payment, nowMs });
  return { main, others: others.map(({ act }) => act) };
};
const late: Payment = {
  ...aPayment,
  state: { is: 'paid-late', paidAtMs: placedAtMs + 642_000, byMs: placedAtMs + 702_000 },
};
const presale: Order = {
  ...anOrder,
  totalMinor: 60_000,
  paidMinor: 10_000,
  presale: {
    depositMinor: 10_000,
    depositWorthMinor: 21_600,
    balanceMinor: 50_000,
    balanceOpensAtMs: 2_000_000,
    balanceClosesAtMs: 3_000_000,
    forfeitPermille: 500,
  },
  state: { is: 'deposit-paid', paidAtMs: placedAtMs, balanceOpensAtMs: 2_000_000, balanceClosesAtMs: 3_000_000 },
};

describe('what can be done with an order', () => {
  it('is paying or letting go until the very moment at which it is due', () => {
    const dueAtMs = placedAtMs + 600_000;
    expect(acts(anOrder, { nowMs: dueAtMs - 1 })).toEqual({
      main: { act: 'pay', can: true, untilMs: dueAtMs },
      others: ['cancel'],
    });
    expect(acts(anOrder, { nowMs: dueAtMs })).toEqual({
      main: { act: 'pay', can: false, why: 'time-is-up', atMs: dueAtMs },
      others: [],
    });
  });

  it('is waiting while late money is being decided, also where the order has already lapsed', () => {
    const lapsed: Order = { ...anOrder, state: { is: 'lapsed', lapsedAtMs: placedAtMs + 600_000, forfeitMinor: 0 } };
    expect(acts(lapsed, { payment: late }).main).toEqual({
      act: 'pay',
      can: false,
      why: 'deciding',
      atMs: placedAtMs + 702_000,
    });
    expect(acts(lapsed)).toEqual({ main: null, others: [] });
  });

  it('is the balance within its window only, and what is said before and after it', () => {
    expect(acts(presale, { nowMs: 1_999_999 }).main).toMatchObject({
      can: false,
      why: 'not-open-yet',
      atMs: 2_000_000,
    });
    expect(acts(presale, { nowMs: 2_000_000 }).main).toEqual({ act: 'balance', can: true, untilMs: 3_000_000 });
    expect(acts(presale, { nowMs: 3_000_000 }).main).toMatchObject({ can: false, why: 'balance-over' });
  });

  it('is cancelling before it is sent, and no receiving', () => {
    expect(acts(paidOrder, { payment: paidPayment })).toEqual({
      main: { act: 'receive', can: false, why: 'not-sent', atMs: null },
      others: ['refund'],
    });
  });

  it('is receiving, giving back or telling the desk once it is on its way', () => {
    expect(acts(shippedOrder, { payment: paidPayment })).toMatchObject({
      main: { act: 'receive', can: true },
      others: ['return', 'dispute'],
    });
  });

  it('is giving back until the last moment to the millisecond, and nothing from it on', () => {
    const untilMs = placedAtMs + 605_000_000;
    expect(acts(receivedOrder, { nowMs: untilMs - 1 }).others).toEqual(['return']);
    expect(acts(receivedOrder, { nowMs: untilMs })).toEqual({ main: null, others: [] });
  });

  it('is not giving back what has all gone back', () => {
    const lines = receivedOrder.lines.map((line) => ({ ...line, refundedUnits: line.quantity }));
    expect(acts({ ...receivedOrder, lines }).others).toEqual([]);
  });

  it('is never more than the one table of orders allows a shopper', () => {
    const event = {
      pay: 'pay',
      balance: 'open-balance',
      cancel: 'cancel',
      receive: 'receive',
      refund: 'refund',
      return: 'refund',
      dispute: 'dispute',
    } as const;
    for (const order of [anOrder, presale, paidOrder, shippedOrder, receivedOrder]) {
      const { main, others } = actsOf({ order, payment: aPayment, nowMs: 2_500_000 - 1_000_000 });
      for (const act of [main, ...others]) {
        if (act?.can !== true || act.act === 'pay') continue;
        expect(transitions[order.state.is][event[act.act]]?.by, `${order.state.is} ${act.act}`).toContain('shopper');
      }
    }
  });
});

describe('the last moment', () => {
  it('is that of giving back after receipt, and of saying how it came before', () => {
    expect(lastMomentOf(receivedOrder)).toEqual({
      is: 'return',
      fromMs: placedAtMs + 200_000,
      untilMs: placedAtMs + 605_000_000,
    });
    expect(lastMomentOf(shippedOrder)).toMatchObject({ is: 'confirm', untilMs: placedAtMs + 900_000_000 });
    expect(lastMomentOf(paidOrder)).toBeNull();
  });
  it('also hangs on the string as what is to come', () => {
    expect(comingOf(receivedOrder, paidPayment)).toEqual([{ what: 'return-ends', atMs: placedAtMs + 605_000_000 }]);
    expect(comingOf(anOrder, late)).toEqual([{ what: 'decided', atMs: placedAtMs + 702_000 }]);
  });
});

describe('who has the money', () => {
  const refund = {
    reference: 'r1',
    orderId: anOrder.orderId,
    amountMinor: 20_000,
    why: 'returned' as const,
    atMs: placedAtMs,
  };
  it('is the shopper before paying, escrow after, and the seller from receipt on', () => {
    expect(moneyOf(anOrder, aPayment, [])).toEqual([{ who: 'you', minor: 71_600 }]);
    expect(moneyOf(shippedOrder, paidPayment, [])).toEqual([{ who: 'escrow', minor: 71_600 }]);
    expect(moneyOf(receivedOrder, paidPayment, [])).toEqual([{ who: 'seller', minor: 71_600 }]);
  });
  it('is on its way until the provider has confirmed, and then back with the shopper', () => {
    const order = { ...receivedOrder, refundedMinor: 20_000 };
    const way = moneyOf(order, paidPayment, [{ ...refund, state: 'asked' }]);
    expect(way).toEqual([
      { who: 'seller', minor: 51_600 },
      { who: 'way', minor: 20_000 },
    ]);
    const back = moneyOf(order, paidPayment, [{ ...refund, state: 'confirmed' }]);
    expect(back).toEqual([
      { who: 'you', minor: 20_000 },
      { who: 'seller', minor: 51_600 },
    ]);
  });
  it('is nobody’s while a late payment is decided, and what the terms say of a missed balance', () => {
    expect(moneyOf(anOrder, late, [])).toEqual([{ who: 'undecided', minor: 71_600 }]);
    const missed: Order = {
      ...presale,
      refundedMinor: 5_000,
      state: { is: 'lapsed', lapsedAtMs: 3_000_000, forfeitMinor: 5_000 },
    };
    expect(
      moneyOf(missed, { ...aPayment, what: 'balance', state: { is: 'lapsed', lapsedAtMs: 3_000_000 } }, []),
    ).toEqual([
      { who: 'you', minor: 5_000 },
      { who: 'street', minor: 5_000 },
    ]);
  });
  it('always adds up to what was paid', () => {
    for (const order of [paidOrder, shippedOrder, receivedOrder, { ...receivedOrder, refundedMinor: 333 }]) {
      const sum = moneyOf(order, paidPayment, []).reduce((total, { minor }) => total + minor, 0);
      expect(sum).toBe(order.paidMinor);
    }
  });
});

describe('names', () => {
  it('of orders and knots are short enough to read out', () => {
    expect(shortName('o12.Xk3_9aBcDeFg')).toBe('Xk39aB');
    expect(knotOf('9f2c41d7b08e')).toBe('9f2c');
  });
});
