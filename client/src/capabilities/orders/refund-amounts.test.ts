import { describe, expect, it } from 'vitest';
import { leftIn } from './LastMoment.tsx';
import { anOrder, receivedOrder } from './order-stage.ts';
import { allLeft, amountOf, countOf, linesOf } from './refund-amounts.ts';
import { sumOf } from './Slip.tsx';

describe('what comes back', () => {
  it('is all that was paid when all of it goes back', () => {
    expect(amountOf(receivedOrder, allLeft(receivedOrder))).toBe(receivedOrder.totalMinor);
  });
  it('is the exact share of the units, and the shares of one after the other add up to the whole', () => {
    // 587.00 over three kettles: two cost a cent more than the third.
    const one = { 'kettle~1': 1 };
    let order = receivedOrder;
    let sum = 0;
    for (let unit = 0; unit < 3; unit++) {
      const minor = amountOf(order, one);
      expect([19_566, 19_567]).toContain(minor);
      sum += minor;
      const lines = order.lines.map((line) =>
        line.dealId === 'kettle~1' ? { ...line, refundedUnits: line.refundedUnits + 1 } : line,
      );
      order = { ...order, lines };
    }
    expect(sum).toBe(58_700);
    expect(amountOf(order, one)).toBe(0);
  });
  it('names no lines when everything goes back, and only those that do otherwise', () => {
    expect(linesOf(receivedOrder, allLeft(receivedOrder))).toBeNull();
    expect(linesOf(receivedOrder, { 'kettle~1': 2, 'pan~1': 0 })).toEqual([{ dealId: 'kettle~1', quantity: 2 }]);
    expect(countOf({ 'kettle~1': 2, 'pan~1': 0 })).toBe(2);
  });
});

describe('the receipt', () => {
  it('adds up from the list price to what is paid', () => {
    const sum = sumOf([anOrder]);
    expect(sum).toEqual({
      listMinor: 145_600,
      festivalMinor: 73_000,
      coupons: [{ couponId: 'row-ten', minor: 1_000 }],
      grownMinor: 0,
      totalMinor: 71_600,
    });
    expect(sum.listMinor - sum.festivalMinor - 1_000).toBe(sum.totalMinor);
  });
});

describe('the time left', () => {
  it('is said in its two largest units', () => {
    expect(leftIn(6 * 86_400_000 + 9 * 3_600_000 + 5)).toEqual([
      { unit: 'days', value: 6 },
      { unit: 'hours', value: 9 },
    ]);
    expect(leftIn(3_600_000 + 120_000)).toEqual([
      { unit: 'hours', value: 1 },
      { unit: 'minutes', value: 2 },
    ]);
    expect(leftIn(7_000)).toEqual([
      { unit: 'minutes', value: 0 },
      { unit: 'seconds', value: 7 },
    ]);
  });
});
