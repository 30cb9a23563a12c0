import type { Payment } from '@elevens/shared/src/orders/contract.ts';
import { describe, expect, it } from 'vitest';
import { anOrder, aPayment, placedAtMs } from './order-stage.ts';
import { isUnderWay, patienceMs, payStateOf, startOf } from './pay-state.ts';

const dueAtMs = aPayment.dueAtMs;
const atTill: Payment = { ...aPayment, url: '/till/session' };
const state = (payment: Payment, nowMs: number, backAtMs: number | null = null) =>
  payStateOf({ payment, nowMs, backAtMs });
const refund = {
  reference: 'y0.lantern001-r1',
  orderId: anOrder.orderId,
  amountMinor: 71_600,
  why: 'too-late' as const,
  state: 'asked' as const,
  atMs: dueAtMs + 46_000,
};

describe('how a payment stands', () => {
  it('is refused once the bank said no, and waiting again for whoever has gone to the till since', () => {
    const payment: Payment = { ...aPayment, url: '/till/1', lastRefusedAtMs: placedAtMs + 5_000 };
    const facts = { payment, nowMs: placedAtMs + 9_000, backAtMs: placedAtMs + 8_000 };
    expect(payStateOf({ ...facts, leftAtMs: placedAtMs + 1_000 })).toMatchObject({
      is: 'refused',
      atMs: placedAtMs + 5_000,
    });
    expect(payStateOf({ ...facts, leftAtMs: placedAtMs + 6_000 }).is).toBe('waiting');
    expect(payStateOf({ ...facts, nowMs: payment.dueAtMs }).is).toBe('ending');
  });
  it('waits to be paid while the hold runs', () => {
    expect(state(aPayment, placedAtMs)).toEqual({ is: 'to-pay', leftMs: 600_000 });
  });
  it('waits for the till after coming back, patiently at first', () => {
    const backAtMs = placedAtMs + 10_000;
    expect(state(atTill, backAtMs, backAtMs)).toMatchObject({ is: 'waiting', sinceMs: 0, patient: true });
    expect(state(atTill, backAtMs + patienceMs, backAtMs)).toMatchObject({ is: 'waiting', patient: false });
  });
  it('comes back to the same place after a reload and in a second tab: the payment itself says so', () => {
    const again = placedAtMs + 30_000;
    expect(state(atTill, again + 1_000, again)).toMatchObject({ is: 'waiting', sinceMs: 1_000 });
  });
  it('offers no paying from the very moment at which it is due', () => {
    expect(state(atTill, dueAtMs - 1, placedAtMs).is).toBe('waiting');
    expect(state(atTill, dueAtMs, placedAtMs).is).toBe('ending');
  });
  it('says by how much money came late, and until when that is decided', () => {
    const late: Payment = {
      ...atTill,
      state: { is: 'paid-late', paidAtMs: dueAtMs + 42_000, byMs: dueAtMs + 102_000 },
    };
    expect(state(late, dueAtMs + 43_000)).toEqual({ is: 'deciding', lateMs: 42_000, byMs: dueAtMs + 102_000 });
    const given: Payment = { ...atTill, state: { is: 'paid', paidAtMs: dueAtMs + 42_000 } };
    expect(state(given, dueAtMs + 43_000)).toEqual({ is: 'paid', lateMs: 42_000 });
    const inTime: Payment = { ...atTill, state: { is: 'paid', paidAtMs: dueAtMs - 1 } };
    expect(state(inTime, dueAtMs + 43_000)).toEqual({ is: 'paid', lateMs: 0 });
  });
  it('says that all of a late payment goes back, and when it is back', () => {
    const gone: Payment = { ...atTill, refunds: [refund], state: { is: 'refunded', refundedAtMs: refund.atMs } };
    expect(state(gone, refund.atMs)).toEqual({
      is: 'refunded',
      late: true,
      minor: 71_600,
      confirmed: false,
      failed: false,
    });
    const back = { ...gone, refunds: [{ ...refund, state: 'confirmed' as const }] };
    expect(state(back, refund.atMs)).toMatchObject({ confirmed: true });
  });
  it('does not promise that nothing can come any more where the till had been opened', () => {
    const lapsed = { is: 'lapsed', lapsedAtMs: dueAtMs } as const;
    expect(state({ ...aPayment, state: lapsed }, dueAtMs)).toEqual({ is: 'lapsed', maybe: false });
    expect(state({ ...atTill, state: lapsed }, dueAtMs)).toEqual({ is: 'lapsed', maybe: true });
  });
  it('goes on asking while an answer may come, and stops when all is said', () => {
    expect(isUnderWay(state(atTill, placedAtMs + 1, placedAtMs))).toBe(true);
    expect(isUnderWay(state(atTill, dueAtMs + 1))).toBe(true);
    expect(isUnderWay(state(aPayment, placedAtMs))).toBe(false);
    expect(isUnderWay({ is: 'paid', lateMs: 0 })).toBe(false);
  });
  it('measures its strokes from the claim where that is known, and a balance from its opening', () => {
    expect(startOf([anOrder], aPayment, placedAtMs - 60_000)).toBe(placedAtMs - 60_000);
    expect(startOf([anOrder], aPayment, null)).toBe(placedAtMs);
    const presale = {
      depositMinor: 1,
      depositWorthMinor: 2,
      balanceMinor: 3,
      balanceOpensAtMs: 77,
      balanceClosesAtMs: 99,
      forfeitPermille: 0,
    };
    expect(startOf([{ ...anOrder, presale }], { ...aPayment, what: 'balance' }, null)).toBe(77);
  });
});
