import type { DecisionOf, InputOf, ReplyOf } from '@elevens/shared/src/contract.ts';
import type { Deal, deals as dealsContract, Stock } from '@elevens/shared/src/deals/contract.ts';
import { lowOf } from '@elevens/shared/src/deals/pricing/authoring.ts';
import type { DealRecord } from '@elevens/shared/src/deals/records.ts';
import { recordIdOf } from '@elevens/shared/src/occurrence-ids.ts';
import { type NamedOccurrence, occurrencesNear, occurrencesOf } from '@elevens/shared/src/occurrences.ts';
import { durationMs } from '@elevens/shared/src/time.ts';
import { type Caller, personOf } from '../../platform/caller.ts';
import type { Clock } from '../../platform/clock.ts';
import { type AnswerKey, decisionOf, type HandlersOf } from '../../platform/gateway.ts';
import type { Logger } from '../../platform/logger.ts';
import type { Random } from '../../platform/random.ts';
import type { Keyspace } from '../../platform/redis/keyspace.ts';
import type { Catalogue } from '../catalogue/index.ts';
import type { Pools } from './pools/pools.ts';
import { type DealState, type DealStore, type DealTerms, poolOf } from './store.ts';

type Contract = typeof dealsContract;

/** Deals are staged this long before they open, so that the first claim finds everything in its place. */
const stageAheadMs = 10 * 60_000;
/** How far ahead the list looks, and how long a closed deal is still shown. */
const listAheadMs = 3 * 3_600_000;
const listBehindMs = 3 * 60_000;
/** Openings of one deal staged at once: the one that is on and the next. */
const stagedPerDealMax = 2;
const dealsListedMax = 300;
/** The list is the same for everyone and asked for by everyone at midnight, so it is read at most four times a second. */
const listFreshMs = 250;
/** A deal is taken away an hour after it closed, when nobody holds anything of it. */
const retireAfterMs = 3_600_000;

const noStock: Stock = { total: 0, free: 0, held: 0, sold: 0, paused: false, soldOut: false, waiting: 0 };

/** What of a deal's state is shown to everyone. */
export function stockOf({ total, free, held, sold, paused, soldOut, waiting }: DealState): Stock {
  return { total, free, held, sold, paused, soldOut, waiting };
}

export function createDealDecisions({
  store,
  pools,
  keys,
  catalogue,
  clock,
  random,
  logger,
}: {
  store: DealStore;
  pools: Pools;
  keys: Pick<Keyspace, 'partitionOf'>;
  catalogue: Catalogue;
  clock: Clock;
  random: Random;
  logger: Logger;
}) {
  /** What was last staged, by deal: staging again the same would only cost Redis a call. */
  const staged = new Map<string, string>();
  let listed: { atMs: number; reply: Promise<ReplyOf<Contract['commands']['list']>> } | null = null;

  const openingOf = (o: NamedOccurrence) => ({ dealId: o.id, opensAtMs: o.startsAtMs, closesAtMs: o.endsAtMs });

  function earlyOf(record: DealRecord, opensAtMs: number): DealTerms['early'] {
    let priceMinor = record.priceMinor;
    return (record.early ?? []).map((tier) => {
      // A tier without a price of its own has that of the level below it.
      priceMinor = tier.priceMinor ?? priceMinor;
      return { level: tier.level, opensAtMs: opensAtMs - durationMs(tier.opensEarlier), priceMinor };
    });
  }

  function termsOf(
    record: DealRecord,
    occurrence: { dealId: string; opensAtMs: number; closesAtMs: number },
  ): DealTerms {
    return {
      ...occurrence,
      total: record.total,
      limit: record.limitPerShopper,
      holdMs: durationMs(record.hold),
      priceMinor: record.priceMinor,
      currency: catalogue.festival().currency,
      early: earlyOf(record, occurrence.opensAtMs),
    };
  }

  /** Puts every deal that is open or opens soon where claims are decided. Any node may do it, at any time. */
  async function stage(): Promise<void> {
    const nowMs = clock.nowMs();
    const { firstStartMs } = catalogue.festival();
    const span = { fromMs: nowMs, toMs: nowMs + stageAheadMs, max: stagedPerDealMax };
    const wanted = catalogue
      .all('deals')
      .flatMap((record) => occurrencesOf(record, firstStartMs, span).map((o) => termsOf(record, openingOf(o))));
    const failures: unknown[] = [];
    for (const deal of wanted) {
      const terms = JSON.stringify(deal);
      if (staged.get(deal.dealId) === terms) continue;
      try {
        await store.stage(deal, nowMs);
        staged.set(deal.dealId, terms);
      } catch (error) {
        // One that cannot be staged is said below, and holds up none of the others.
        failures.push(error);
      }
    }
    const current = new Set(wanted.map((deal) => deal.dealId));
    for (const dealId of staged.keys()) if (!current.has(dealId)) staged.delete(dealId);
    if (failures.length > 0) throw failures[0];
  }

  async function readList(): Promise<ReplyOf<Contract['commands']['list']>> {
    const nowMs = clock.nowMs();
    const festival = catalogue.festival();
    const span = { nowMs, behindMs: listBehindMs, aheadMs: listAheadMs };
    const found = catalogue
      .all('deals')
      .flatMap((record) =>
        occurrencesNear(record, festival.firstStartMs, span).map((o) => ({ record, ...openingOf(o) })),
      )
      .toSorted((a, b) => a.opensAtMs - b.opensAtMs)
      .slice(0, dealsListedMax);
    const states = await store.states(found.map((deal) => deal.dealId));
    const list: Deal[] = [];
    for (const [i, { record, dealId, opensAtMs, closesAtMs }] of found.entries()) {
      const product = catalogue.get('products', record.productId);
      if (product === undefined) continue;
      const state = states[i];
      const { presale } = record;
      const balanceOpensAtMs = presale === undefined ? 0 : closesAtMs + durationMs(presale.balanceAfter);
      list.push({
        dealId,
        productId: product.id,
        brandId: product.brandId,
        currency: festival.currency,
        listMinor: product.listMinor,
        priceMinor: record.priceMinor,
        limitPerShopper: record.limitPerShopper,
        holdMs: durationMs(record.hold),
        opensAtMs,
        closesAtMs,
        terms: state?.terms ?? 1,
        early: [...earlyOf(record, opensAtMs)],
        presale:
          presale === undefined
            ? null
            : {
                depositMinor: presale.depositMinor,
                depositWorthMinor: presale.depositWorthMinor,
                balanceOpensAtMs,
                balanceClosesAtMs: balanceOpensAtMs + durationMs(presale.balanceFor),
                forfeitPermille: presale.forfeitPermille,
              },
        lowMinor: lowOf(product, record, festival.firstStartMs).lowMinor,
        stock: state ? stockOf(state) : { ...noStock, total: record.total, free: record.total },
      });
    }
    const productIds = new Set(list.map((deal) => deal.productId));
    const brandIds = new Set(list.map((deal) => deal.brandId));
    return {
      nowMs,
      version: catalogue.version(),
      deals: list,
      products: catalogue.all('products').filter((p) => productIds.has(p.id)),
      brands: catalogue.all('brands').filter((b) => brandIds.has(b.id)),
    };
  }

  async function list() {
    const nowMs = clock.monotonicMs();
    if (listed === null || nowMs - listed.atMs > listFreshMs) {
      const reply = readList();
      listed = { atMs: nowMs, reply };
      // A failed read is not kept: the next caller tries again.
      reply.catch(() => {
        listed = null;
      });
    }
    return { ok: true, reply: await listed.reply } as const;
  }

  async function claim(caller: Caller, input: InputOf<Contract['commands']['claim']>, answer: AnswerKey) {
    const person = personOf(caller);
    const outcome = await store.claim({
      shopperId: person.shopperId,
      simulated: person.simulated,
      holdId: `h${keys.partitionOf(person.shopperId)}.${random.token(12)}`,
      arrivedAtMs: caller.arrivedAtMs,
      lines: input.lines.map((line) => ({ dealId: line.dealId, quantity: line.quantity, terms: line.terms ?? 0 })),
      answer,
    });
    return decisionOf<DecisionOf<Contract['commands']['claim']>>(outcome);
  }

  /** Whoever names a hold that is not theirs, or is over, is told that there is none; it is written down. */
  function noSuchHold(command: string, who: string, holdId: string): void {
    logger.info({ audit: 'deals.unknown-hold', command, who, holdId }, 'somebody named a hold that they do not have');
  }

  const handlers: HandlersOf<Contract> = {
    list,
    claim,
    async release(caller, input, answer) {
      const { shopperId } = personOf(caller);
      const outcome = JSON.parse(await store.release({ shopperId, holdId: input.holdId }, caller.arrivedAtMs, answer));
      if (outcome.why === 'unknown-hold') noSuchHold('deals:release', shopperId, input.holdId);
      return outcome;
    },
    async accept(caller, input, answer) {
      const { shopperId } = personOf(caller);
      const outcome = JSON.parse(await store.accept({ shopperId, holdId: input.holdId }, caller.arrivedAtMs, answer));
      if (outcome.why === 'unknown-hold') noSuchHold('deals:accept', shopperId, input.holdId);
      return outcome;
    },
    async wait(caller, { dealId }, answer) {
      const { shopperId, simulated } = personOf(caller);
      return JSON.parse(await pools.join({ poolId: poolOf(dealId), shopperId, simulated, about: { dealId } }, answer));
    },
    async unwait(caller, { dealId }, answer) {
      const { shopperId } = personOf(caller);
      return JSON.parse(await pools.leave({ poolId: poolOf(dealId), shopperId, about: { dealId } }, answer));
    },
    async places(caller, { dealIds }) {
      const places = await pools.placesOf(dealIds.map(poolOf), personOf(caller).shopperId);
      return { ok: true, reply: { places: dealIds.map((dealId, i) => ({ dealId, place: places[i] ?? null })) } };
    },
    async pause(caller, input, answer) {
      const who = personOf(caller).shopperId;
      return JSON.parse(
        await store.pause(
          { dealId: input.dealId, paused: input.paused, who, why: input.reason },
          caller.arrivedAtMs,
          answer,
        ),
      );
    },
  };

  return {
    handlers,
    stage,
    /** Gives back what lapsed. A full page means there may be more: the next look follows at once. */
    async lapse(): Promise<void> {
      const page = 500;
      for (let pages = 0; pages < 20; pages++) if ((await store.lapse(clock.nowMs(), page)) < page) return;
    },
    async retire(): Promise<void> {
      await store.retire(clock.nowMs() - retireAfterMs, clock.nowMs());
    },
    /** Deals that are on or next, as the control room shows them. */
    async listed() {
      return (await list()).reply.deals;
    },
    titleOf(dealId: string): string {
      const record = catalogue.get('deals', recordIdOf(dealId));
      return (record && catalogue.get('products', record.productId)?.name) ?? dealId;
    },
    /** Redis came back, perhaps without what was staged: everything is staged again. */
    forgetStaged: () => staged.clear(),
  };
}
