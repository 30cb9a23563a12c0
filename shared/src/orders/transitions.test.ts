import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { orderStateSchema } from './contract.ts';
import { type Decision, type Plan } from './plan.ts';
import { mayHappen, orderEventNames, type Party, transitions } from './table.ts';
import { createWorld, dayMs, goods, runHistory, type Step } from './test-world.ts';
import { decide } from './transitions.ts';

/** Histories long enough that orders live through them; fast-check by itself makes lists of a few steps. */
const stepsOf = (length: number) =>
  fc.array(fc.record({ what: fc.nat({ max: 15 }), which: fc.nat({ max: 11 }), amount: fc.nat({ max: 11 }) }), {
    minLength: Math.floor(length / 2),
    maxLength: length,
  }) as fc.Arbitrary<Step[]>;

const states = orderStateSchema.options.map((option) => option.shape.is.value);
const parties: Party[] = ['shopper', 'brand', 'operator', 'system', 'provider'];

describe('the table', () => {
  test('speaks of every state, leads only to states, and leaves the five ends but two for good', () => {
    expect(Object.keys(transitions).toSorted()).toEqual(states.toSorted());
    for (const events of Object.values(transitions))
      for (const { to } of Object.values(events)) for (const state of to) expect(states).toContain(state);
    expect(states.filter((state) => Object.keys(transitions[state]).length === 0).toSorted()).toEqual([
      'closed',
      'refunded',
      'returned',
    ]);
  });

  test('every state but the first can be reached, and every event stands somewhere', () => {
    const reached = new Set(Object.values(transitions).flatMap((e) => Object.values(e).flatMap(({ to }) => [...to])));
    expect(states.filter((state) => !reached.has(state))).toEqual(['awaiting-payment']);
    const used = new Set(Object.values(transitions).flatMap((events) => Object.keys(events)));
    expect(orderEventNames.filter((name) => !used.has(name))).toEqual([]);
  });

  test('only receipt, the end of its window and a settlement for the seller lead to where a seller is paid', () => {
    const leading = Object.entries(transitions).flatMap(([from, events]) =>
      Object.entries(events).flatMap(([name, { to }]) =>
        to.includes('received') && from !== 'received' ? [name] : [],
      ),
    );
    expect(leading.toSorted()).toEqual(['receive', 'settle-for-seller', 'wait-out']);
  });

  test.each(states.flatMap((state) => orderEventNames.map((event) => [state, event] as const)))(
    'an order that is %s: %s',
    (state, event) => {
      for (const party of parties) {
        const refusal = mayHappen(state, event, party);
        const found = transitions[state][event];
        if (found === undefined) expect(refusal).toEqual({ why: 'wrong-state', state });
        else expect(refusal).toEqual(found.by.includes(party) ? null : { why: 'not-allowed' });
      }
    },
  );
});

describe('10,000 generated histories', () => {
  test('keep every law of money, stock, coupons and late payments, at every step and at their end', {
    timeout: 300_000,
  }, () => {
    const seen = new Map<string, number>();
    const watching: typeof decide = (scene, event, context) => {
      const decision = decide(scene, event, context);
      if (decision.ok) seen.set(decision.plan.event, (seen.get(decision.plan.event) ?? 0) + 1);
      return decision;
    };
    fc.assert(
      fc.property(stepsOf(60), (steps) => {
        expect(runHistory(steps, watching)).toBeNull();
      }),
      { numRuns: 10_000 },
    );
    // A generator that never reaches a transition proves nothing of it.
    expect([...seen.keys()].toSorted()).toEqual([
      'balance-missed',
      'balance-opened',
      'balance-paid',
      'cancelled',
      'closed',
      'deposit-paid',
      'disputed',
      'lapsed',
      'late-delivered',
      'late-refunded',
      'paid',
      'paid-late',
      'received',
      'refund-confirmed',
      'refund-failed',
      'refunded',
      'returned',
      'settled-for-buyer',
      'shipped',
    ]);
    for (const [event, count] of seen) expect(count, event).toBeGreaterThan(20);
  });
});

/** Changes what one transition decides, as a slip of the pen would. */
function planted(event: string, slip: (plan: Plan) => Plan): typeof decide {
  return (scene, happened, context): Decision => {
    const decision = decide(scene, happened, context);
    return decision.ok && decision.plan.event === event ? { ok: true, plan: slip(decision.plan) } : decision;
  };
}
const without = (list: Plan['postings'], account: string) => list.filter((post) => !post.account.startsWith(account));

describe('a bug planted in one transition is caught:', () => {
  test.each<[string, typeof decide]>([
    ['a refund leaves its units sold', planted('refunded', (plan) => ({ ...plan, stock: [] }))],
    ['a return keeps its coupon used', planted('returned', (plan) => ({ ...plan, coupons: [] }))],
    [
      'a return pays the shopper and forgets the platform',
      planted('returned', (plan) => ({ ...plan, postings: without(plan.postings, 'commission') })),
    ],
    [
      'a payment pays the seller at once',
      planted('paid', (plan) => ({
        ...plan,
        postings: plan.postings.map((post) =>
          post.account === 'escrow' ? { ...post, account: 'seller:steam' } : post,
        ),
      })),
    ],
    [
      'a lapse gives a unit too many back',
      planted('lapsed', (plan) => ({ ...plan, stock: [...plan.stock, ...plan.stock] })),
    ],
    ['a cancelled order keeps its units held', planted('cancelled', (plan) => ({ ...plan, stock: [] }))],
    [
      'a late payment is delivered without taking a unit',
      planted('late-delivered', (plan) => ({ ...plan, stock: [] })),
    ],
    [
      'a late payment is refunded and its order paid as well',
      planted('late-refunded', (plan) => ({
        ...plan,
        orders: plan.orders.map((o) => ({
          ...o,
          kept: { ...o.kept, order: { ...o.kept.order, state: { is: 'paid' as const, paidAtMs: plan.atMs } } },
        })),
      })),
    ],
    [
      'a missed balance keeps the whole deposit',
      planted('balance-missed', (plan) => ({
        ...plan,
        postings: [
          { account: 'escrow', minor: plan.postings.find((p) => p.account === 'escrow')?.minor ?? 0 },
          { account: 'platform', minor: -(plan.postings.find((p) => p.account === 'escrow')?.minor ?? 0) },
        ],
      })),
    ],
    [
      'a confirmed refund is booked and not marked',
      planted('refund-confirmed', (plan) => ({
        ...plan,
        payments: plan.payments.map((p) => ({
          ...p,
          kept: {
            ...p.kept,
            payment: {
              ...p.kept.payment,
              refunds: p.kept.payment.refunds.map((r) => ({ ...r, state: 'asked' as const })),
            },
          },
        })),
      })),
    ],
    [
      'a receipt pays more than came in',
      planted('received', (plan) => ({
        ...plan,
        postings: plan.postings.map((post) => (post.account === 'escrow' ? post : { ...post, minor: post.minor + 1 })),
      })),
    ],
    [
      'an entry is left out of the timeline',
      planted('shipped', (plan) => ({ ...plan, orders: plan.orders.map((o) => ({ ...o, entries: [] })) })),
    ],
  ])('%s', { timeout: 120_000 }, (_what, decideWith) => {
    const found = fc.check(
      fc.property(stepsOf(60), (steps) => runHistory(steps, decideWith) === null),
      { numRuns: 10_000, endOnFailure: true },
    );
    expect(found.failed).toBe(true);
  });
});

// ------------------------------------------------------------------------------------------------- told by hand
function bought(quantity = 3) {
  const world = createWorld();
  const [kettle] = goods;
  if (kettle === undefined) throw new Error('no goods');
  world.claim('s_a', kettle, quantity);
  const plan = world.planPlacing([...world.holds.values()], true);
  if (plan === null) throw new Error('nothing to place');
  world.commit(plan);
  const [orderId = ''] = world.orders.keys();
  const [paymentId = ''] = world.payments.keys();
  world.succeed(paymentId);
  return { world, orderId, paymentId };
}
function received() {
  const rig = bought();
  rig.world.happen({ is: 'ship', orderId: rig.orderId, carrier: 'crane', tracking: '1' }, 'u_brand', 'brand');
  rig.world.happen({ is: 'receive', orderId: rig.orderId }, 's_a', 'shopper');
  return rig;
}
const refundAll = (orderId: string) => ({ is: 'refund', orderId, reason: 'no', lines: null }) as const;

describe('the refund window of seven days', () => {
  test('is open in its last millisecond', () => {
    const { world, orderId } = received();
    world.pass(7 * dayMs - 1);
    expect(world.happen(refundAll(orderId), 's_a', 'shopper').ok).toBe(true);
    expect(world.laws()).toEqual([]);
  });
  test('is shut at second 0 of day 8, also before any sweep has closed the order', () => {
    const { world, orderId } = received();
    const untilMs = world.now() + 7 * dayMs;
    world.pass(7 * dayMs);
    expect(world.happen(refundAll(orderId), 's_a', 'shopper')).toEqual({
      ok: false,
      why: 'too-late',
      refundUntilMs: untilMs,
    });
  });
});

describe('a partial refund', () => {
  test.each([[[1, 1, 1]], [[2, 1]], [[1, 2]], [[3]]])(
    'of units %j takes back, with the others, all that was paid, and all the commission',
    (units) => {
      for (const rig of [bought(), received()]) {
        const { world, orderId } = rig;
        const paid = world.orders.get(orderId)?.order.paidMinor;
        for (const quantity of units)
          expect(
            world.happen(
              { is: 'refund', orderId, reason: 'no', lines: [{ dealId: 'kettle', quantity }] },
              's_a',
              'shopper',
            ).ok,
          ).toBe(true);
        const kept = world.orders.get(orderId);
        expect(kept?.order.refundedMinor).toBe(paid);
        for (const account of ['escrow', 'seller:steam', 'commission', 'coupon-fund:fifty'])
          expect(world.accounts.get(account) ?? 0, account).toBe(0);
        expect(world.laws()).toEqual([]);
      }
    },
  );

  test('of more units than are left is refused, and says how many are', () => {
    const { world, orderId } = bought();
    const lines = [{ dealId: 'kettle', quantity: 4 }];
    expect(world.happen({ is: 'refund', orderId, reason: 'no', lines }, 's_a', 'shopper')).toEqual({
      ok: false,
      why: 'not-so-many',
      dealId: 'kettle',
      left: 3,
    });
  });
});

describe('money from the provider', () => {
  test('of another amount or currency changes nothing', () => {
    const world = createWorld();
    const [kettle] = goods;
    if (kettle !== undefined) world.claim('s_a', kettle, 1);
    const plan = world.planPlacing([...world.holds.values()], false);
    if (plan !== null) world.commit(plan);
    const [paymentId = ''] = world.payments.keys();
    const right = { is: 'pay', paymentId, amountMinor: 19_999, currency: 'CNY' } as const;
    expect(world.happen({ ...right, amountMinor: 19_998 }, 'provider', 'provider')).toEqual({
      ok: false,
      why: 'amount-differs',
    });
    expect(world.happen({ ...right, currency: 'USD' }, 'provider', 'provider')).toEqual({
      ok: false,
      why: 'currency-differs',
    });
    expect(world.payments.get(paymentId)?.version).toBe(1);
    // Providers write currencies in small letters.
    expect(world.happen({ ...right, currency: 'cny' }, 'provider', 'provider').ok).toBe(true);
  });

  test('told twice counts once', () => {
    const { world, paymentId } = bought();
    const before = JSON.stringify([...world.accounts]);
    const { amountMinor = 0 } = world.payments.get(paymentId)?.payment ?? {};
    expect(world.happen({ is: 'pay', paymentId, amountMinor, currency: 'CNY' }, 'provider', 'provider')).toEqual({
      ok: false,
      why: 'nothing-to-do',
    });
    expect(JSON.stringify([...world.accounts])).toBe(before);
  });
});
