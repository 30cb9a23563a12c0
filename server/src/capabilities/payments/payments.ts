import type { payments as contract, UnsettledWhy } from '@elevens/shared/src/payments/contract.ts';
import { inboxShownMax, unsettledWhys } from '@elevens/shared/src/payments/contract.ts';
import { personOf } from '../../platform/caller.ts';
import type { Clock } from '../../platform/clock.ts';
import { Fault } from '../../platform/fault.ts';
import type { HandlersOf } from '../../platform/gateway.ts';
import type { RawAnswer, RawRoute } from '../../platform/http/app.ts';
import type { Logger } from '../../platform/logger.ts';
import type { Redis } from '../../platform/redis/connections.ts';
import type { Keyspace } from '../../platform/redis/keyspace.ts';
import { createAudit } from './audit.ts';
import { type BookedPayment, type PaymentBook, pendingRefundsMax } from './book.ts';
import { partitionOfPayment } from './payment-ids.ts';
import { type PaymentEvent, type PaymentProvider, ProviderRefused } from './provider.ts';
import { createStore, type Entry } from './store.ts';
import { createWorkQueue } from './work-queue.ts';

type Handlers = HandlersOf<typeof contract>;

/** No provider's event is longer; Stripe's largest session has about 10 kB. */
const webhookBytesMax = 64 * 1024;
/** Who takes an event has this long to settle it before any node's sweep may. */
const settleMs = 10_000;
/** Who takes a payment to ask about has this long: three tries of five seconds, for the session and a refund, fit. */
const askMs = 60_000;
/** Events settled at once on a node, and those waiting for it; the rest is left to the sweep. */
const settlingMax = 32;
const settlingWaitMax = 1_000;
/** Events and payments taken of one partition in one round. */
const duePerRound = 64;
/** Calls to the provider under way at once in a round: enough to keep up, too few to trouble it. */
const asksAtOnceMax = 8;
/** Waits after failures grow from here by doubling; with this many tries an event is tried for about an hour. */
const retryMs = 1_000;
const retryMsMax = 300_000;
const attemptsMax = 20;
/** What is settled is kept for a replay; what is flagged as long as a festival is talked about. */
const settledKeptMs = 7 * 86_400_000;
const flaggedKeptMs = 30 * 86_400_000;
/** Entries are forgotten in script calls of two hundred; so many calls a round keep up with any evening. */
const forgetCallsMax = 10;
/** How soon the provider is asked about a payment again, at the earliest and at the latest. */
const askAgainMsMin = 2_000;
const askAgainMsMax = 300_000;
/** An open session is shut this long after its end; the provider had time to do it by itself. */
const shutAfterMs = 1_000;
/** Shoppers who come back from the page ask at most this often about one payment, however often they reload. */
const onDemandMs = 1_000;
const onDemandKeptMax = 10_000;

export interface Payments {
  handlers: Handlers;
  /** Where the provider delivers its webhooks. */
  webhook: RawRoute;
  /** Settles what waits in the inbox and forgets what is old. Any node, at any time: about once a second. */
  sweep(): Promise<void>;
  /**
   * Asks the provider about every payment that is due, sends refunds that are owed, and settles what it says. Any node, at
   * any time: about once a second. Rejects with the first failure, after trying the rest.
   */
  reconcile(): Promise<void>;
  /**
   * Asks the provider about one payment now, such as when its shopper comes back from the page; at most once a second for
   * each. Resolves when what it said is settled or was left to the sweep. Faults: `unavailable`.
   */
  ask(paymentId: string): Promise<void>;
  /** Resolves when everything that this node took in is settled or left to another. For the end of a node. */
  idle(): Promise<void>;
}

export function createPayments({
  redis,
  keys,
  clock,
  logger,
  provider,
  book,
  mayChange = () => true,
}: {
  redis: Redis;
  keys: Keyspace;
  clock: Clock;
  logger: Logger;
  provider: PaymentProvider;
  book: PaymentBook;
  /** Whether what is written now is kept as promised; while it is not, webhooks are answered 503 and come again. */
  mayChange?: () => boolean;
}): Payments {
  const store = createStore({ redis, keys });
  const audit = createAudit(logger, clock);
  const settling = createWorkQueue({ atOnceMax: settlingMax, waitingMax: settlingWaitMax });
  const partitions = Array.from({ length: keys.partitions }, (_, k) => k);

  // ------------------------------------------------------------------------------------------------ settling
  /** Settles an entry that this node has until then, and writes what came of it. Never throws. */
  async function settle(partition: number, entry: Entry, takenUntilMs: number): Promise<void> {
    // It waited here for so long that another node may have it by now.
    if (clock.nowMs() >= takenUntilMs) return;
    const { event } = entry;
    try {
      const came = await outcomeOf(entry);
      if (came.state === 'flagged') audit.flagged(event, came.why);
      const nowMs = clock.nowMs();
      const atMs = came.state === 'waiting' ? nowMs + came.waitMs : nowMs;
      await store.conclude(
        partition,
        takenUntilMs,
        {
          state: came.state,
          attempts: came.state === 'waiting' ? came.attempts : entry.attempts,
          why: came.state === 'flagged' ? came.why : null,
          event,
        },
        atMs,
      );
    } catch (error) {
      // Redis is away: the entry stays taken until its time is up, and then a sweep settles it once more.
      audit.failed(event, entry.attempts, error);
    }
  }

  async function outcomeOf({
    event,
    attempts,
  }: Entry): Promise<
    | { state: 'settled' }
    | { state: 'flagged'; why: UnsettledWhy }
    | { state: 'waiting'; attempts: number; waitMs: number }
  > {
    try {
      const settlement = await book.settle(event);
      if (settlement !== 'settled') return { state: 'flagged', why: settlement };
      audit.settled(event);
      return { state: 'settled' };
    } catch (error) {
      // What passes by itself is waited out, however long it takes; what does not is a bug that no repetition mends.
      const passes = error instanceof Fault && error.retryAfterMs !== null;
      const tried = passes ? attempts : attempts + 1;
      audit.failed(event, tried, error);
      if (tried >= attemptsMax) return { state: 'flagged', why: 'gave-up' };
      return { state: 'waiting', attempts: tried, waitMs: Math.min(retryMs * 2 ** tried, retryMsMax) };
    }
  }

  async function sweepPartition(partition: number): Promise<void> {
    const nowMs = clock.nowMs();
    const untilMs = nowMs + settleMs;
    const { due, unreadable } = await store.takeDue(partition, { nowMs, untilMs, max: duePerRound });
    for (const error of unreadable) audit.unswept(error);
    await Promise.all(
      due.map(
        (entry) =>
          new Promise<void>((done) => {
            if (!settling.add(() => settle(partition, entry, untilMs).finally(done))) done();
          }),
      ),
    );
    for (let calls = 0; calls < forgetCallsMax; calls++) {
      const before = { settledMs: nowMs - settledKeptMs, flaggedMs: nowMs - flaggedKeptMs };
      if ((await store.forget(partition, before)) === 0) break;
    }
  }

  // ------------------------------------------------------------------------------------------------ webhooks
  async function handle(body: Buffer, header: (name: string) => string | undefined): Promise<RawAnswer> {
    const arrivedAtMs = clock.nowMs();
    const refuse = (why: string): RawAnswer => ({ status: 400, answer: { ok: false, why } });
    const reading = provider.readWebhook(body, header(provider.signatureHeader), arrivedAtMs);
    if (!reading.ok) {
      audit.webhookRefused(reading.why);
      return refuse(reading.why);
    }
    if (!mayChange()) throw new Fault('unavailable');
    const { event } = reading;
    if (event === null) return { status: 200, answer: { ok: true } };
    const partition = partitionOfPayment(event.reference, keys.partitions);
    if (partition === null) {
      audit.unplaceable(event);
      return refuse('unknown-payment');
    }
    const why = amiss(await book.find(event.reference), event);
    const untilMs = clock.nowMs() + settleMs;
    const taken = await store.take(
      partition,
      { state: why === null ? 'waiting' : 'flagged', attempts: 0, why, event },
      why === null ? untilMs : arrivedAtMs,
    );
    if (taken === 'full') throw new Fault('overloaded');
    if (taken !== 'taken') {
      // A repeat hears what the first one heard; that we gave up on it is nothing the sender could mend.
      return taken.state === 'flagged' && taken.why !== null && taken.why !== 'gave-up'
        ? refuse(taken.why)
        : { status: 200, answer: { ok: true } };
    }
    if (why !== null) {
      audit.flagged(event, why);
      return refuse(why);
    }
    const entry: Entry = { state: 'waiting', attempts: 0, why: null, event };
    // Answered before it is settled: it is durable, and if this node dies now any other settles it.
    settling.add(() => settle(partition, entry, untilMs));
    return { status: 200, answer: { ok: true } };
  }

  // ------------------------------------------------------------------------------------------- reconciliation
  /** Settles what the provider answered, by way of the inbox like everything that it tells. */
  async function raise(partition: number, booked: BookedPayment, event: PaymentEvent): Promise<void> {
    const why = amiss(booked, event);
    const nowMs = clock.nowMs();
    const untilMs = nowMs + settleMs;
    const entry: Entry = { state: why === null ? 'waiting' : 'flagged', attempts: 0, why, event };
    const taken = await store.take(partition, entry, why === null ? untilMs : nowMs);
    if (taken === 'full') throw new Fault('overloaded');
    if (taken === 'taken' && why !== null) audit.flagged(event, why);
    else if (taken === 'taken') await settle(partition, entry, untilMs);
    // It was settled once and the book says again that it is open, as after a restored backup: it is told once more.
    else if (taken.state === 'settled') await book.settle(event);
  }

  async function askAbout(partition: number, booked: BookedPayment & { providerId: string }): Promise<void> {
    const { paymentId, providerId } = booked;
    const found = await provider.find(providerId);
    if (found === null || found.reference !== paymentId) {
      audit.sessionAmiss({ paymentId, providerId, why: found === null ? 'unknown-session' : 'reference-differs' });
      return;
    }
    const told = { providerId, reference: paymentId, currency: found.currency, atMs: clock.nowMs() };
    if (booked.open) {
      const shut = found.status === 'open' && clock.nowMs() >= booked.expiresAtMs + shutAfterMs;
      const status = shut ? await provider.expire(providerId) : found.status;
      const type =
        status === 'succeeded'
          ? 'payment.succeeded'
          : status === 'open' || status === 'processing'
            ? null
            : 'payment.expired';
      if (type !== null) {
        const eventId = `found:${providerId}:${type}`;
        await raise(partition, booked, { ...told, eventId, type, amountMinor: found.amountMinor });
      }
    }
    for (const owed of booked.refunds.slice(0, pendingRefundsMax)) {
      const known = found.refunds.find(({ reference }) => reference === owed.reference);
      const status = known?.status ?? (await sendRefund(booked, owed));
      if (status === null || status === 'pending') continue;
      const type = `refund.${status}` as const;
      await raise(partition, booked, {
        ...told,
        eventId: `found:${providerId}:${owed.reference}:${type}`,
        type,
        refundReference: owed.reference,
        amountMinor: known?.amountMinor ?? owed.amountMinor,
      });
    }
  }

  /** Hands a refund to the provider; null when it refuses, which a person has to look at and which hinders no other. */
  async function sendRefund(
    { paymentId, providerId, currency }: BookedPayment & { providerId: string },
    { reference, amountMinor, reason }: BookedPayment['refunds'][number],
  ) {
    try {
      const sent = await provider.refund({ providerId, reference, amountMinor, currency, reason });
      audit.refundSent({ paymentId, reference, amountMinor, refundId: sent.refundId });
      return sent.status;
    } catch (error) {
      if (!(error instanceof ProviderRefused)) throw error;
      audit.refundRefused({ paymentId, reference, amountMinor, code: error.code });
      return null;
    }
  }

  /** Looks after one payment and answers when it is to be asked about again; null when nothing about it is open. */
  async function lookAfter(partition: number, paymentId: string): Promise<number | null> {
    const booked = await book.find(paymentId);
    if (booked === null) {
      audit.sessionAmiss({ paymentId, providerId: null, why: 'unknown-payment' });
      return null;
    }
    const { providerId } = booked;
    if (nextAskMs(booked, clock.nowMs()) === null) return null;
    if (providerId === null) return nextAskMs(booked, clock.nowMs());
    await askAbout(partition, { ...booked, providerId });
    const after = await book.find(paymentId);
    return after === null ? null : nextAskMs(after, clock.nowMs());
  }

  async function reconcile(): Promise<void> {
    const asking = createWorkQueue({ atOnceMax: asksAtOnceMax, waitingMax: duePerRound * partitions.length });
    const failures: unknown[] = [];
    for (const partition of partitions) {
      const nowMs = clock.nowMs();
      const untilMs = nowMs + askMs;
      for (const paymentId of await store.takePayments(partition, { nowMs, untilMs, max: duePerRound })) {
        asking.add(async () => {
          try {
            await store.movePayment(partition, paymentId, untilMs, await lookAfter(partition, paymentId));
          } catch (error) {
            // It stays taken and comes round again when its time is up.
            failures.push(error);
          }
        });
      }
    }
    await asking.idle();
    if (failures.length > 0) throw failures[0];
  }

  /** What is being asked, and when what was asked lately was. */
  const asked = new Map<string, { atMs: number; answer: Promise<void> }>();

  async function ask(paymentId: string): Promise<void> {
    const partition = partitionOfPayment(paymentId, keys.partitions);
    if (partition === null) return;
    const nowMs = clock.monotonicMs();
    const last = asked.get(paymentId);
    if (last !== undefined && nowMs - last.atMs < onDemandMs) return last.answer;
    if (asked.size >= onDemandKeptMax) asked.clear();
    const answer = lookAfter(partition, paymentId).then(() => {});
    asked.set(paymentId, { atMs: nowMs, answer });
    return answer;
  }

  // ------------------------------------------------------------------------------------------------- commands
  async function inbox(): Promise<Awaited<ReturnType<Handlers['inbox']>>> {
    const read = await Promise.all(partitions.map((partition) => store.unsettled(partition, inboxShownMax)));
    const unsettled = read
      .flatMap(({ flagged }) => flagged)
      .toSorted((a, b) => b.flaggedAtMs - a.flaggedAtMs)
      .slice(0, inboxShownMax)
      .map(({ event, why, flaggedAtMs }) => ({
        ...event,
        refundReference: event.refundReference ?? null,
        why: unsettledWhys.find((known) => known === why) ?? 'gave-up',
        flaggedAtMs,
      }));
    const sum = (of: 'total' | 'waiting') => read.reduce((all, one) => all + one[of], 0);
    return { ok: true, reply: { unsettled, unsettledTotal: sum('total'), waiting: sum('waiting') } };
  }

  async function replay(
    ...[caller, { eventId, reference }, answer]: Parameters<Handlers['replay']>
  ): Promise<Awaited<ReturnType<Handlers['replay']>>> {
    const partition = partitionOfPayment(reference, keys.partitions);
    if (partition === null) return { ok: false, why: 'unknown-event' };
    const { shopperId } = personOf(caller);
    const outcome = await store.replay(partition, shopperId, answer, eventId, clock.nowMs());
    const decision = JSON.parse(outcome) as Awaited<ReturnType<Handlers['replay']>>;
    if (decision.ok) {
      audit.replayed(shopperId, { eventId, reference });
      // Should this node not come to it, the sweep of another does.
      settling.add(() => sweepPartition(partition).catch((error: unknown) => audit.unswept(error)));
    }
    return decision;
  }

  return {
    handlers: { inbox, replay },
    webhook: { path: '/api/payments/webhook', bodyBytesMax: webhookBytesMax, handle },
    async sweep() {
      const swept = await Promise.allSettled(partitions.map(sweepPartition));
      // One partition that cannot be swept is said, and holds up none of the others.
      const failed = swept.find((each) => each.status === 'rejected');
      if (failed !== undefined) throw failed.reason;
    },
    reconcile,
    ask,
    idle: () => settling.idle(),
  };
}

/** What is wrong with an event, as far as it can be seen by what is kept of its payment; null when it may be settled. */
function amiss(booked: BookedPayment | null, event: PaymentEvent): UnsettledWhy | null {
  if (booked === null) return 'unknown-payment';
  if (booked.providerId !== null && booked.providerId !== event.providerId) return 'reference-differs';
  if (booked.currency !== event.currency.toUpperCase()) return 'currency-differs';
  const expected =
    event.refundReference === undefined
      ? booked.amountMinor
      : // Of a refund that is no longer owed the book knows the sum, and compares it when settling.
        booked.refunds.find(({ reference }) => reference === event.refundReference)?.amountMinor;
  return expected === undefined || expected === event.amountMinor ? null : 'amount-differs';
}

/**
 * When to ask about a payment again; null when nothing about it is open. Each wait is a quarter of how long it has been
 * open already, so the waits grow by themselves and nothing needs to be counted; its end is not missed.
 */
function nextAskMs(booked: BookedPayment, nowMs: number): number | null {
  const since = [...(booked.open ? [booked.openedAtMs] : []), ...booked.refunds.map(({ decidedAtMs }) => decidedAtMs)];
  if (since.length === 0) return null;
  const waitMs = Math.min(Math.max((nowMs - Math.max(...since)) / 4, askAgainMsMin), askAgainMsMax);
  const next = Math.ceil(nowMs + waitMs);
  const shutMs = booked.expiresAtMs + shutAfterMs;
  return booked.open && nowMs < shutMs ? Math.min(next, shutMs) : next;
}
