import type { InputOf } from '@elevens/shared/src/contract.ts';
import {
  type Order,
  orderLinesMax,
  type orders as ordersContract,
  ordersPerPage,
  type Payment,
  type Refund,
} from '@elevens/shared/src/orders/contract.ts';
import { couponPool, type KeptOrder, type KeptPayment } from '@elevens/shared/src/orders/documents.ts';
import { placeOrders } from '@elevens/shared/src/orders/place.ts';
import {
  type Decision,
  type OrderEvent,
  type Plan,
  type Refusal,
  type Scene,
} from '@elevens/shared/src/orders/plan.ts';
import { type Party } from '@elevens/shared/src/orders/table.ts';
import { exportTimeline, verifyChain } from '@elevens/shared/src/orders/timeline.ts';
import { decide } from '@elevens/shared/src/orders/transitions.ts';
import { type Caller, type Person, personOf } from '../../platform/caller.ts';
import type { Clock } from '../../platform/clock.ts';
import { Fault } from '../../platform/fault.ts';
import type { AnswerKey, HandlersOf } from '../../platform/gateway.ts';
import type { Random } from '../../platform/random.ts';
import type { Keyspace } from '../../platform/redis/keyspace.ts';
import { type PaymentProvider, ProviderRefused } from '../payments/index.ts';
import type { Audit } from './audit.ts';
import type { Baskets, OrderCatalogue, WantedLine } from './baskets.ts';
import { type CarryOut, type Decided, type Gone, noScene, type Outcome, sha256 } from './carry-out.ts';
import type { OrderStore, ReadHold } from './store.ts';

type Contract = typeof ordersContract;
type Commands = Contract['commands'];

/** The largest amount that an order may come to (minorSchema): more could not be told. */
const amountMax = 1_000_000_000_000;
/** Of a payment's description on the provider's page. */
const descriptionMax = 200;

const dayMs = 86_400_000;
const idBytes = 12;
/** 80 bits tell the few inputs of one payment apart. */
const idempotencyCharacters = 20;

export function createOrderDecisions({
  store,
  baskets,
  carryOut,
  catalogue,
  keys,
  clock,
  random,
  audit,
  provider,
  askProvider,
  returnUrl,
}: {
  store: OrderStore;
  baskets: Baskets;
  carryOut: CarryOut;
  catalogue: OrderCatalogue;
  keys: Pick<Keyspace, 'partitionOf' | 'partitions'>;
  clock: Clock;
  random: Random;
  audit: Audit;
  /** Null where no payments can be made. */
  provider: Pick<PaymentProvider, 'createSession'> | null;
  /** Asks the provider about one payment now, at most once a second for each. */
  askProvider: (paymentId: string) => Promise<void>;
  /** Where the provider's page sends the shopper back to. */
  returnUrl: (paymentId: string) => string;
}) {
  const newId = (letter: 'o' | 'y', partition: number) => `${letter}${partition}.${random.token(idBytes)}`;
  const refused = (why: string, details: object = {}): Outcome => ({ ok: false, why, ...details });

  // ------------------------------------------------------------------------------------------- whose it is
  /** The shopper's own payment; anybody else learns that there is none, and is written down. */
  async function ownPayment(person: Person, paymentId: string, command: string): Promise<KeptPayment | null> {
    const kept = await store.readPayment(paymentId);
    if (kept !== null && kept.payment.shopperId === person.shopperId) return kept;
    if (kept !== null) audit.notTheirs({ command, who: person.shopperId, subject: paymentId });
    return null;
  }

  /** As which party somebody stands to an order; null: it is none of theirs, and for them there is no such order. */
  function partyTo({ order }: KeptOrder, person: Person): Party | null {
    if (order.shopperId === person.shopperId) return 'shopper';
    if (person.roles.includes('brand') && person.brandId === order.brandId) return 'brand';
    return person.roles.includes('operator') ? 'operator' : null;
  }

  async function theirOrder(
    person: Person,
    orderId: string,
    command: string,
    as: readonly Party[],
  ): Promise<{ kept: KeptOrder; role: Party } | null> {
    const kept = await store.readOrder(orderId);
    if (kept === null) return null;
    const parties: Party[] = [partyTo(kept, person) ?? 'system'];
    // An operator may also be the buyer, or of the brand: what they may do is looked at for each.
    if (person.roles.includes('operator')) parties.push('operator');
    if (person.roles.includes('brand') && person.brandId === kept.order.brandId) parties.push('brand');
    const role = as.find((party) => parties.includes(party));
    if (role !== undefined) return { kept, role };
    audit.notTheirs({ command, who: person.shopperId, subject: orderId });
    return null;
  }

  // ------------------------------------------------------------------------------------------------ changes
  interface Asked {
    caller: Caller;
    answer: AnswerKey;
    subject: string;
  }

  function workOf({ caller, answer, subject }: Asked, partition: number, shopperId: string) {
    const { arrivedAtMs } = caller;
    const asked = { person: personOf(caller), key: answer, command: answer.command, subject, stampMs: arrivedAtMs };
    return { partition, shopperId, atMs: arrivedAtMs, asked };
  }

  /** One command about one order: decided by the table, told as the order that came of it. */
  async function changeOrder(
    asked: Asked,
    {
      event,
      as,
      told,
    }: { event: OrderEvent & { orderId: string }; as: readonly Party[]; told?: (plan: Plan) => object },
  ): Promise<Outcome> {
    const { caller, answer } = asked;
    const person = personOf(caller);
    const theirs = await theirOrder(person, event.orderId, answer.command, as);
    if (theirs === null) return refused('unknown-order');
    const { shopperId } = theirs.kept.order;
    const context = { atMs: caller.arrivedAtMs, by: { who: person.shopperId, role: theirs.role }, sha256 };
    return carryOut(workOf(asked, keys.partitionOf(shopperId), shopperId), async () => {
      const scene = await sceneThere(store.sceneOfOrder(event.orderId), event.orderId);
      const decision = decide(scene, event, context);
      return outcomeOf(scene, decision, (plan) => ({
        order: orderIn(plan, event.orderId),
        ...told?.(plan),
      }));
    });
  }

  function outcomeOf(scene: Scene, decision: Decision, reply: (plan: Plan) => object): Decided {
    return decision.ok
      ? { scene, plan: decision.plan, outcome: { ok: true, reply: reply(decision.plan) } }
      : { scene, plan: null, outcome: refusalOf(decision) };
  }

  // ---------------------------------------------------------------------------------------------- quote, place
  async function quote(
    caller: Caller,
    input: InputOf<Commands['quote']>,
  ): Promise<Awaited<ReturnType<HandlersOf<Contract>['quote']>>> {
    const shopperId = caller.person?.shopperId ?? null;
    const nowMs = caller.arrivedAtMs;
    const [level, holds] =
      shopperId === null ? [0, []] : await Promise.all([store.level(shopperId), store.allHolds(shopperId)]);
    const lines: WantedLine[] = [];
    for (const { dealId, quantity } of input.lines) {
      const unitMinor = baskets.unitPrice(dealId, { level, nowMs, holds });
      if (unitMinor === null) return { ok: false, why: 'unknown-deal', dealId };
      lines.push({ dealId, quantity, unitMinor });
    }
    const priced = await baskets.price(lines, { shopperId, nowMs, level, chosen: input.coupons });
    if (!priced.ok) return priced;
    mustBePayable(priced.proof.totalMinor);
    return { ok: true, reply: { ...priced.proof, coupons: baskets.couponsIn(priced.proof) } };
  }

  async function place(caller: Caller, input: InputOf<Commands['place']>, answer: AnswerKey): Promise<Outcome> {
    const person = personOf(caller);
    const { shopperId } = person;
    const partition = keys.partitionOf(shopperId);
    const asked = { caller, answer, subject: input.holdIds.join(' ') };
    return carryOut(workOf(asked, partition, shopperId), (gone) =>
      decidePlace({ caller, person, partition, input, gone }),
    );
  }

  async function decidePlace({
    caller,
    person,
    partition,
    input,
    gone,
  }: {
    caller: Caller;
    person: Person;
    partition: number;
    input: InputOf<Commands['place']>;
    gone: Gone;
  }): Promise<Decided> {
    const { shopperId } = person;
    const nowMs = caller.arrivedAtMs;
    const no = (why: string, details: object = {}): Decided => ({
      scene: noScene,
      plan: null,
      outcome: refused(why, details),
    });

    const found = await store.readHolds(shopperId, input.holdIds);
    const holds: ReadHold[] = [];
    for (const [i, holdId] of input.holdIds.entries()) {
      const read = found[i];
      if (read === null || read === undefined)
        return (await store.lapsed(shopperId, holdId)) ? no('hold-lapsed', { holdId }) : no('unknown-hold', { holdId });
      const { hold } = read;
      if (hold.paymentId !== null) return no('being-paid', { holdId, paymentId: hold.paymentId });
      if (hold.lapsesAtMs <= nowMs) return no('hold-lapsed', { holdId });
      if (hold.kind === 'offer') return no('not-accepted', { holdId });
      holds.push(read);
    }

    const lines = new Map<string, WantedLine>();
    for (const { dealId, quantity, priceMinor } of holds.flatMap(({ hold }) => hold.lines)) {
      const known = lines.get(dealId);
      if (known !== undefined && known.unitMinor !== priceMinor) return no('prices-differ', { dealId });
      lines.set(dealId, { dealId, quantity: quantity + (known?.quantity ?? 0), unitMinor: priceMinor });
    }
    const wanted = [...lines.values()];
    if (wanted.length > orderLinesMax || wanted.some((line) => line.quantity > 99))
      return no('too-many-lines', { linesMax: orderLinesMax });
    const presales = baskets.presalesOf([...lines.keys()]);
    const presaleCount = Object.keys(presales).length;
    if (presaleCount > 0 && presaleCount < wanted.length) return no('presale-apart');
    const { currency, payout } = catalogue.festival();
    if (input.currency !== currency) return no('wrong-currency', { currency });

    const chosen = input.coupons;
    for (const couponId of chosen ?? []) {
      const found = gone.get(couponPool(couponId));
      if (found === 'limit') return no('coupon-used', { couponId, usesPerShopper: baskets.usesPerShopper(couponId) });
      if (found === 'none-left') return no('coupon-gone', { couponId });
    }
    const priced = await baskets.price(wanted, {
      shopperId,
      nowMs,
      level: await store.level(shopperId),
      chosen,
      without: [...gone.keys()].map((poolId) => poolId.slice(couponPool('').length)),
    });
    if (!priced.ok) {
      if (priced.why === 'unknown-coupon') return no('unknown-coupon', { couponId: priced.couponId });
      // Its deal was taken out of the catalogue while it was held: it cannot be sold, and lapses.
      return no('unknown-hold', { holdId: holdOf(holds, priced.dealId) });
    }
    const { proof } = priced;
    for (const couponId of chosen ?? []) {
      const out = proof.ruledOut.find((each) => each.couponId === couponId);
      if (out === undefined) continue;
      if (out.why === 'expired') return no('coupon-expired', { couponId });
      if (out.why === 'used') return no('coupon-used', { couponId, usesPerShopper: baskets.usesPerShopper(couponId) });
      if (out.why === 'sold-out') return no('coupon-gone', { couponId });
      return no('coupon-not-fitting', { couponId, reason: out.why });
    }
    mustBePayable(proof.totalMinor);

    const used = proof.steps.flatMap((step) => (step.step === 'coupon' ? [step.couponId] : []));
    const plan = placeOrders(
      {
        paymentId: newId('y', partition),
        newOrderId: () => newId('o', partition),
        shopperId,
        simulated: person.simulated,
        holdIds: input.holdIds,
        dueAtMs: Math.min(...holds.map(({ hold }) => hold.lapsesAtMs)),
        proof,
        names: baskets.namesOf(proof.lines.map(({ productId }) => productId)),
        presales,
        usesPerShopper: Object.fromEntries(used.map((id) => [id, baskets.usesPerShopper(id)])),
        terms: {
          commissionPermille: payout.commissionPermille,
          confirmMs: payout.confirmDays * dayMs,
          refundMs: payout.refundDays * dayMs,
        },
      },
      { atMs: nowMs, by: { who: shopperId, role: 'shopper' }, sha256 },
    );
    const [payment] = plan.payments.map(({ kept }) => kept.payment);
    if (payment === undefined) throw new Error('orders were placed without a payment');
    // What the client says it costs is compared and never used.
    if (payment.amountMinor !== input.totalMinor) return no('price-moved', { totalMinor: payment.amountMinor });
    const reply = { payment, orders: plan.orders.map(({ kept }) => kept.order) };
    return { scene: noScene, plan, holds, outcome: { ok: true, reply } };
  }

  // ------------------------------------------------------------------------------------------------- paying
  async function pay(caller: Caller, { paymentId }: InputOf<Commands['pay']>, answer: AnswerKey): Promise<Outcome> {
    const person = personOf(caller);
    if ((await ownPayment(person, paymentId, answer.command)) === null) return refused('unknown-payment');
    const { shopperId } = person;
    const work = workOf({ caller, answer, subject: paymentId }, keys.partitionOf(shopperId), shopperId);
    const context = { atMs: caller.arrivedAtMs, by: { who: shopperId, role: 'shopper' as const }, sha256 };
    // The provider may take longer than a stamp is good for.
    return carryOut({ ...work, asked: { ...work.asked, stampMs: null } }, async () => {
      const scene = await sceneThere(store.sceneOfPayment(paymentId), paymentId);
      const kept = paymentOf(scene, paymentId);
      const { payment } = kept;
      const no = (why: string, details: object = {}): Decided => ({
        scene,
        plan: null,
        outcome: refused(why, details),
      });
      if (payment.state.is !== 'open') return no('wrong-state', { state: payment.state.is });
      if (caller.arrivedAtMs >= payment.dueAtMs) return no('wrong-state', { state: 'lapsed' });
      // Asked again, also by another tab or after a lost answer: the page is the same one.
      // One that the provider shut is opened anew: a balance may be paid over more days than a provider keeps a page.
      if (payment.url !== null && !kept.sessionOver)
        return { scene, plan: null, outcome: { ok: true, reply: { payment, url: payment.url } } };
      if (provider === null) return no('no-provider');
      let session: { providerId: string; url: string };
      try {
        const page = {
          reference: paymentId,
          amountMinor: payment.amountMinor,
          currency: payment.currency,
          ...describe(scene.orders, payment),
          returnUrl: returnUrl(paymentId),
          expiresAtMs: payment.dueAtMs,
          locale: person.locale,
        };
        // A provider refuses one key for two inputs, and between two tries of one payment its shopper may have chosen another
        // language. Pages beyond the one that is kept are shown to nobody, and end by themselves.
        const input = sha256(JSON.stringify([kept.providerId, page])).slice(0, idempotencyCharacters);
        session = await provider.createSession({ ...page, idempotencyKey: `${paymentId}:${input}` });
      } catch (error) {
        if (!(error instanceof ProviderRefused)) throw error;
        audit.sessionRefused({ paymentId, error: error.message });
        return no('no-provider');
      }
      return outcomeOf(scene, decide(scene, { is: 'open-session', paymentId, ...session }, context), (plan) => ({
        payment: paymentIn(plan, paymentId),
        url: session.url,
      }));
    });
  }

  function describe(orders: readonly KeptOrder[], payment: Payment) {
    const own = orders.filter(({ order }) => payment.orderIds.includes(order.orderId));
    const lines = own.flatMap(({ order }) => order.lines);
    const description = lines.map((line) => `${line.quantity} × ${baskets.titleOf(line.dealId)}`).join(', ');
    return {
      description: description.length > descriptionMax ? `${description.slice(0, descriptionMax - 1)}…` : description,
      lines: lines.map((line) => ({ label: baskets.titleOf(line.dealId), text: `× ${line.quantity}` })),
    };
  }

  async function cancel(
    caller: Caller,
    { paymentId }: InputOf<Commands['cancel']>,
    answer: AnswerKey,
  ): Promise<Outcome> {
    const person = personOf(caller);
    if ((await ownPayment(person, paymentId, answer.command)) === null) return refused('unknown-payment');
    const { shopperId } = person;
    const asked = { caller, answer, subject: paymentId };
    const context = { atMs: caller.arrivedAtMs, by: { who: shopperId, role: 'shopper' as const }, sha256 };
    return carryOut(workOf(asked, keys.partitionOf(shopperId), shopperId), async () => {
      const scene = await sceneThere(store.sceneOfPayment(paymentId), paymentId);
      const decision = decide(scene, { is: 'cancel', paymentId }, context);
      return outcomeOf(scene, decision, (plan) => ({ payment: paymentIn(plan, paymentId) }));
    });
  }

  async function balance(
    caller: Caller,
    { orderId }: InputOf<Commands['balance']>,
    answer: AnswerKey,
  ): Promise<Outcome> {
    const person = personOf(caller);
    const theirs = await theirOrder(person, orderId, answer.command, ['shopper']);
    if (theirs === null) return refused('unknown-order');
    const { shopperId } = person;
    const partition = keys.partitionOf(shopperId);
    const asked = { caller, answer, subject: orderId };
    const context = { atMs: caller.arrivedAtMs, by: { who: shopperId, role: 'shopper' as const }, sha256 };
    const paymentId = newId('y', partition);
    return carryOut(workOf(asked, partition, shopperId), async () => {
      const scene = await sceneThere(store.sceneOfOrder(orderId), orderId);
      const decision = decide(scene, { is: 'open-balance', orderId, paymentId }, context);
      if (!decision.ok && decision.why === 'nothing-to-do') {
        const { order } = orderOf(scene, orderId);
        const reply = { order, payment: paymentOf(scene, order.paymentId).payment };
        return { scene, plan: null, outcome: { ok: true, reply } };
      }
      return outcomeOf(scene, decision, (plan) => ({
        order: orderIn(plan, orderId),
        payment: paymentIn(plan, paymentId),
      }));
    });
  }

  // ------------------------------------------------------------------------------------------------ reading
  /** A page of what was read, one more than fits: orders placed in one moment stay on one page, or the next would miss some. */
  function pageOf(found: readonly KeptOrder[]): { orders: Order[]; more: boolean } {
    const orders = found.map(({ order }) => order);
    const next = orders[ordersPerPage];
    if (next === undefined) return { orders, more: false };
    const whole = orders.slice(0, ordersPerPage).filter((order) => order.placedAtMs !== next.placedAtMs);
    return { orders: whole.length > 0 ? whole : orders.slice(0, ordersPerPage), more: true };
  }

  const beforeOf = (before: number | undefined) => before ?? clock.nowMs() + dayMs;

  async function mine(caller: Caller, { before }: InputOf<Commands['mine']>) {
    const { shopperId } = personOf(caller);
    const { orders, more } = pageOf(await store.ordersOf({ shopperId }, beforeOf(before), ordersPerPage + 1));
    const paymentIds = [...new Set(orders.map((order) => order.paymentId))];
    const payments = (await store.readPayments(paymentIds))
      .flatMap((kept) => kept?.payment ?? [])
      .filter(({ state }) => state.is === 'open' || state.is === 'paid-late');
    return { ok: true, reply: { orders, payments, things: baskets.thingsOf(orders), more } } as const;
  }

  async function sold(caller: Caller, { brandId, before }: InputOf<Commands['sold']>) {
    const person = personOf(caller);
    if (!person.roles.includes('operator') && person.brandId !== brandId) {
      audit.notTheirs({ command: 'orders:sold', who: person.shopperId, subject: brandId });
      return { ok: false, why: 'not-yours' } as const;
    }
    return {
      ok: true,
      reply: pageOf(await store.ordersOf({ brandId }, beforeOf(before), ordersPerPage + 1)),
    } as const;
  }

  async function lookAt(caller: Caller, orderId: string, command: string) {
    const theirs = await theirOrder(personOf(caller), orderId, command, ['shopper', 'brand', 'operator']);
    if (theirs === null) return null;
    const { order } = theirs.kept;
    // An entry may have been tied since the order was read: what is told is as long as the order that is told says.
    const timeline = (await store.timeline(orderId)).slice(0, order.version);
    return { kept: theirs.kept, order, timeline };
  }

  /** What goes back of an order, by whichever of its payments it came (a presale has two), oldest first. */
  function refundsOf({ order: { orderId } }: KeptOrder, payments: readonly KeptPayment[]): Refund[] {
    return payments
      .flatMap(({ payment }) => payment.refunds)
      .filter((refund) => refund.orderId === orderId)
      .toSorted((a, b) => a.atMs - b.atMs);
  }

  const handlers: HandlersOf<Contract> = {
    quote,
    place: async (caller, input, answer) => (await place(caller, input, answer)) as never,
    pay: async (caller, input, answer) => (await pay(caller, input, answer)) as never,
    balance: async (caller, input, answer) => (await balance(caller, input, answer)) as never,
    cancel: async (caller, input, answer) => (await cancel(caller, input, answer)) as never,
    receive: async (caller, { orderId }, answer) =>
      (await changeOrder(
        { caller, answer, subject: orderId },
        { event: { is: 'receive', orderId }, as: ['shopper'] },
      )) as never,
    refund: async (caller, { orderId, reason, lines }, answer) =>
      (await changeOrder(
        { caller, answer, subject: orderId },
        {
          event: { is: 'refund', orderId, reason, lines: lines ?? null },
          as: ['shopper'],
          told: (plan) => ({ refundMinor: plan.orders[0]?.entries.at(-1)?.amountMinor ?? 0 }),
        },
      )) as never,
    dispute: async (caller, { orderId, reason }, answer) =>
      (await changeOrder(
        { caller, answer, subject: orderId },
        { event: { is: 'dispute', orderId, reason }, as: ['shopper'] },
      )) as never,
    ship: async (caller, { orderId, carrier, tracking }, answer) =>
      (await changeOrder(
        { caller, answer, subject: orderId },
        { event: { is: 'ship', orderId, carrier, tracking }, as: ['brand', 'operator'] },
      )) as never,
    settle: async (caller, { orderId, for: side, reason }, answer) =>
      (await changeOrder(
        { caller, answer, subject: orderId },
        {
          event: { is: side === 'buyer' ? 'settle-for-buyer' : 'settle-for-seller', orderId, reason },
          as: ['operator'],
        },
      )) as never,
    mine,
    sold,
    async one(caller, { orderId }) {
      const seen = await lookAt(caller, orderId, 'orders:one');
      if (seen === null) return { ok: false, why: 'unknown-order' };
      const { kept, order, timeline } = seen;
      const paymentIds = new Set([order.paymentId, kept.placedIn, ...kept.paidBy.map(({ paymentId }) => paymentId)]);
      const payments = (await store.readPayments([...paymentIds])).flatMap((found) => found ?? []);
      const last = payments.find(({ payment }) => payment.paymentId === order.paymentId);
      if (last === undefined) throw new Error(`${orderId} has lost its payment`);
      const chain = verifyChain({ orderId, entries: timeline, entriesExpected: order.version }, sha256);
      const refunds = refundsOf(kept, payments);
      const things = baskets.thingsOf([order]);
      return { ok: true, reply: { order, payment: last.payment, refunds, things, timeline, chain } };
    },
    async payment(caller, { paymentId }) {
      const person = personOf(caller);
      let kept = await ownPayment(person, paymentId, 'orders:payment');
      if (kept === null) return { ok: false, why: 'unknown-payment' };
      if (kept.payment.state.is === 'open' && kept.payment.url !== null) {
        // Whoever asks has come back from the provider's page, and the provider may have told nobody. It is asked at most once a
        // second; where it does not answer, what is known is said, and the sweep goes on asking.
        await askProvider(paymentId).catch(() => {});
        kept = (await ownPayment(person, paymentId, 'orders:payment')) ?? kept;
      }
      const orders = (await store.readOrders(kept.payment.orderIds)).flatMap((found) => found?.order ?? []);
      return { ok: true, reply: { payment: kept.payment, orders, things: baskets.thingsOf(orders) } };
    },
    async export(caller, { orderId, format }) {
      const seen = await lookAt(caller, orderId, 'orders:export');
      if (seen === null) return { ok: false, why: 'unknown-order' };
      const ledgerHead = await store.ledgerHead(orderId);
      return { ok: true, reply: exportTimeline(seen.order, seen.timeline, { format, ledgerHead }) };
    },
  };
  return { handlers };
}

function mustBePayable(totalMinor: number): void {
  if (totalMinor > amountMax)
    throw new Fault('bad-input', { problems: [{ path: '', message: 'comes to more than one order can' }] });
}

/** A refusal of the table in the words of the contract: what is already so, or not for this party, is a wrong state to them. */
function refusalOf(decision: { ok: false } & Refusal): Outcome {
  const { ok: _ok, ...refusal } = decision;
  if (refusal.why === 'nothing-to-do' || refusal.why === 'not-yet' || refusal.why === 'not-allowed')
    return { ok: false, why: 'wrong-state', state: refusal.why };
  return { ok: false, ...refusal };
}

async function sceneThere(reading: Promise<Scene | null>, id: string): Promise<Scene> {
  const scene = await reading;
  if (scene === null) throw new Error(`${id} was there a moment ago`);
  return scene;
}

export function paymentOf(scene: Scene, paymentId: string): KeptPayment {
  const found = scene.payments.find(({ payment }) => payment.paymentId === paymentId);
  if (found === undefined) throw new Error(`${paymentId} is not in the scene`);
  return found;
}
function orderOf(scene: Scene, orderId: string): KeptOrder {
  const found = scene.orders.find(({ order }) => order.orderId === orderId);
  if (found === undefined) throw new Error(`${orderId} is not in the scene`);
  return found;
}
function orderIn(plan: Plan, orderId: string): Order {
  return orderOf({ orders: plan.orders.map(({ kept }) => kept), payments: [] }, orderId).order;
}
function paymentIn(plan: Plan, paymentId: string): Payment {
  return paymentOf({ orders: [], payments: plan.payments.map(({ kept }) => kept) }, paymentId).payment;
}
function holdOf(holds: readonly ReadHold[], dealId: string): string {
  return holds.find(({ hold }) => hold.lines.some((line) => line.dealId === dealId))?.holdId ?? '';
}
