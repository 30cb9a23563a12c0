import { createHmac } from 'node:crypto';
import type { Currency } from '@elevens/shared/src/money.ts';
import { recordIdOf } from '@elevens/shared/src/occurrence-ids.ts';
import { type NamedOccurrence, occurrenceOf, occurrencesOf } from '@elevens/shared/src/occurrences.ts';
import type { Drop, DropRecord, redpackets } from '@elevens/shared/src/redpackets/contract.ts';
import { seedHash, splitFromSeed } from '@elevens/shared/src/redpackets/split.ts';
import { personOf } from '../../platform/caller.ts';
import type { Clock } from '../../platform/clock.ts';
import { Fault } from '../../platform/fault.ts';
import type { FeedRegistry } from '../../platform/feeds.ts';
import type { HandlersOf } from '../../platform/gateway.ts';
import type { Logger } from '../../platform/logger.ts';
import type { Random } from '../../platform/random.ts';
import type { Redis } from '../../platform/redis/connections.ts';
import { type BatchMetrics, createGroupCommit } from '../../platform/redis/group-commit.ts';
import type { Keyspace } from '../../platform/redis/keyspace.ts';
import type { Relay } from '../../platform/relay.ts';
import { type Comparison, createPacketLaw } from './law.ts';
import { createStore, type DropTerms, type SealedDrop, type StampGuard, type Tap } from './store.ts';

/** What red packets want of the catalogue. */
export interface DropCatalogue {
  festival(): { currency: Currency; firstStartMs: number };
  all(kind: 'drops'): readonly DropRecord[];
  get(kind: 'drops', id: string): DropRecord | undefined;
}

type Handlers = HandlersOf<typeof redpackets>;
type OpenDecision = Awaited<ReturnType<Handlers['open']>>;
type ProofDecision = Awaited<ReturnType<Handlers['proof']>>;

/** A drop is sealed this long before it opens: its hash is out well before anyone can tap. */
const sealAheadMs = 600_000;
/** Drops sealed in one sweep: even the largest take a tenth of a second each, and the next sweep is a second away. */
const sealsPerSweep = 10;
/** Occurrences of one record looked at: at one every 10 s, the most there are within the time ahead. */
const aheadMax = 64;
/** A list shows what is running, what ended this recently, and what comes within a day. */
const justEndedMs = 600_000;
const comingMs = 86_400_000;
const comingPerRecordMax = 4;
const listedMax = 100;
/** How old this node's copy of the sealed drops may be. A drop is sealed minutes before it opens. */
const sealedAgeMaxMs = 1_000;
/** The state of a drop changes with every tap; four times a second is as fast as anyone reads it. */
const sampleMs = 250;

export interface RedPackets {
  handlers: Handlers;
  /**
   * Seals what opens within ten minutes and puts away what closed an hour ago. For any node, at any time, as often as
   * one likes: about once a second. Rejects with the first thing that failed, after trying the rest.
   */
  sweep(): Promise<void>;
  /**
   * What should be equal and what is found, for every drop that is not put away yet; equal pairs too. Empty while the
   * ledger has not been read to its end.
   */
  checkPackets(): Promise<Comparison[]>;
}

export function createRedPackets({
  redis,
  keys,
  clock,
  random,
  metrics,
  logger,
  catalogue,
  feeds,
  relay,
  stampGuard,
}: {
  redis: Redis;
  keys: Keyspace;
  clock: Clock;
  random: Random;
  metrics: BatchMetrics;
  logger: Logger;
  catalogue: DropCatalogue;
  feeds: FeedRegistry;
  relay: Pick<Relay, 'source' | 'poke'>;
  /** How far a stamp may be from the time of Redis; by default 2 s old and 50 ms ahead. Rehearsals in another time widen it. */
  stampGuard?: StampGuard;
}): RedPackets {
  const store = createStore({ redis, keys, stampGuard });
  relay.source(store.outbox);

  const taps = createGroupCommit<Tap, { outcome: string | null }>({
    clock,
    onBatch: (items) => metrics.batch('open-packets', items),
    // The four keys of a shopper, the ids and the stamp, generously.
    bytesOf: () => 512,
    async run(items) {
      const outcomes = await store.open(items, clock.nowMs());
      relay.poke(store.outbox);
      // Boxed, because a group commit takes a missing answer for a lost one, and null is an answer here.
      return outcomes.map((outcome) => (outcome instanceof Error ? outcome : { outcome }));
    },
  });

  // --------------------------------------------------------------------------------------------- what is sealed
  /** Sealed drops never change, so a copy of one is true as long as it is listed. */
  let sealed = new Map<string, SealedDrop>();
  let sealedReadAtMs = Number.NEGATIVE_INFINITY;
  let reading: Promise<void> | null = null;

  async function sealedDrops(ageMaxMs = sealedAgeMaxMs): Promise<ReadonlyMap<string, SealedDrop>> {
    if (clock.monotonicMs() - sealedReadAtMs < ageMaxMs) return sealed;
    // Everyone who asks at once shares one read.
    reading ??= readSealed().finally(() => {
      reading = null;
    });
    await reading;
    return sealed;
  }

  async function readSealed(): Promise<void> {
    const drops = await store.ready(sealed);
    sealed = new Map(drops.map((drop) => [drop.dropId, drop]));
    sealedReadAtMs = clock.monotonicMs();
  }

  /** The drop as the catalogue has it now; null for an id that it does not know. */
  function authored(dropId: string): DropTerms | null {
    const record = catalogue.get('drops', recordIdOf(dropId));
    if (record === undefined) return null;
    const occurrence = occurrenceOf(record, catalogue.festival().firstStartMs, dropId);
    return occurrence === null ? null : termsOf(record, occurrence);
  }

  function termsOf(record: DropRecord, occurrence: NamedOccurrence): DropTerms {
    return {
      dropId: occurrence.id,
      brandId: record.brandId,
      title: record.title,
      opensAtMs: occurrence.startsAtMs,
      closesAtMs: occurrence.endsAtMs,
      currency: catalogue.festival().currency,
      fundMinor: record.fundMinor,
      packets: record.packets,
      leastMinor: record.leastMinor,
    };
  }

  // --------------------------------------------------------------------------------------------------- sweeping
  async function seal(terms: DropTerms): Promise<void> {
    const freshSeed = random.bytes(32).toString('hex');
    const { dealt, drop, seedHex } = await store.seal(terms, {
      seedHex: freshSeed,
      seedHash: await seedHash(freshSeed),
      salt: random.token(32),
    });
    if (dealt) return;
    // From here on what counts is what was sealed, perhaps by another node and with other terms.
    await store.deal(drop.dropId, await splitFromSeed({ ...drop, seedHex }), clock.nowMs());
    logger.info({ dropId: drop.dropId, packets: drop.packets, seedHash: drop.seedHash }, 'drop sealed');
  }

  async function sweep(): Promise<void> {
    const nowMs = clock.nowMs();
    const known = await sealedDrops(0);
    const { firstStartMs } = catalogue.festival();
    const due = catalogue
      .all('drops')
      .flatMap((record) =>
        occurrencesOf(record, firstStartMs, { fromMs: nowMs, toMs: nowMs + sealAheadMs, max: aheadMax }).map((o) =>
          termsOf(record, o),
        ),
      )
      .filter((terms) => !known.has(terms.dropId))
      .toSorted((a, b) => a.opensAtMs - b.opensAtMs)
      .slice(0, sealsPerSweep);
    // One drop that cannot be sealed must not keep the others shut.
    const failures: unknown[] = [];
    for (const terms of due) await seal(terms).catch((error: unknown) => failures.push(error));
    await store.retire(nowMs).catch((error: unknown) => failures.push(error));
    if (due.length > 0) await sealedDrops(0);
    if (failures.length > 0) throw failures[0];
  }

  // --------------------------------------------------------------------------------------------------- commands
  async function list(): Promise<Awaited<ReturnType<Handlers['list']>>> {
    const nowMs = clock.nowMs();
    const span = { fromMs: nowMs - justEndedMs, toMs: nowMs + comingMs };
    const drops = new Map<string, Drop>();
    const { firstStartMs } = catalogue.festival();
    for (const record of catalogue.all('drops')) {
      // What is over and was never sealed did not take place.
      for (const o of occurrencesOf(record, firstStartMs, { ...span, fromMs: nowMs, max: comingPerRecordMax }))
        drops.set(o.id, { ...termsOf(record, o), seedHash: null });
    }
    for (const drop of (await sealedDrops()).values()) {
      if (drop.closesAtMs > span.fromMs) drops.set(drop.dropId, drop);
      else drops.delete(drop.dropId);
    }
    const inOrder = [...drops.values()].toSorted((a, b) => a.opensAtMs - b.opensAtMs || (a.dropId < b.dropId ? -1 : 1));
    return { ok: true, reply: { nowMs, drops: inOrder.slice(0, listedMax) } };
  }

  async function open(...[caller, { dropId }, answer]: Parameters<Handlers['open']>): Promise<OpenDecision> {
    const { shopperId, simulated } = personOf(caller);
    const tap: Tap = { dropId, shopperId, simulated, arrivedAtMs: caller.arrivedAtMs, answer };
    const { outcome } = await taps.decide(tap);
    if (outcome !== null) return JSON.parse(outcome) as OpenDecision;

    // Not there to open: what the catalogue says about it is not remembered, so that a repeat may fare better.
    const terms = authored(dropId);
    if (terms === null) return { ok: false, why: 'unknown-drop' };
    if (caller.arrivedAtMs < terms.opensAtMs) return { ok: false, why: 'not-open-yet', opensAtMs: terms.opensAtMs };
    if (caller.arrivedAtMs >= terms.closesAtMs) return { ok: false, why: 'closed', closedAtMs: terms.closesAtMs };
    // It should be open and its packets are still being laid: a matter of seconds, after a start in the middle of it.
    throw new Fault('unavailable');
  }

  /** Proofs being read, so that everyone who asks after the same drop at once costs one read. */
  const proofs = new Map<string, Promise<ProofDecision>>();

  function proof(dropId: string): Promise<ProofDecision> {
    const going = proofs.get(dropId);
    if (going !== undefined) return going;
    const started = readProof(dropId).finally(() => proofs.delete(dropId));
    proofs.set(dropId, started);
    return started;
  }

  async function readProof(dropId: string): Promise<ProofDecision> {
    const drop = (await sealedDrops()).get(dropId) ?? (await sealedDrops(0)).get(dropId);
    const salt = drop === undefined ? null : await store.salt(dropId);
    if (drop === undefined || salt === null) {
      const terms = authored(dropId);
      if (terms === null || terms.closesAtMs <= clock.nowMs()) return { ok: false, why: 'unknown-drop' };
      return { ok: false, why: 'not-sealed-yet' };
    }
    // The seed first: after that nothing more is opened, so the list beside a seed is complete.
    const seed = await store.reveal(dropId, clock.nowMs());
    const opened = await store.opened(dropId);
    return {
      ok: true,
      reply: {
        dropId,
        fundMinor: drop.fundMinor,
        packets: drop.packets,
        leastMinor: drop.leastMinor,
        seedHash: drop.seedHash,
        seed,
        opened: opened.map(({ shopperId, index, amountMinor }) => ({
          index,
          amountMinor,
          // 96 bits: no two shoppers of a drop share one, and without the salt it leads to nobody.
          pseudonym: createHmac('sha256', salt).update(shopperId).digest('base64url').slice(0, 16),
        })),
      },
    };
  }

  // ------------------------------------------------------------------------------------------------------ feeds
  feeds.state('redpackets:drop', {
    channels: (id) => [store.dropBell(id)],
    sampleMs,
    async read(ids) {
      const found = await store.counts(ids);
      return ids.map((id, i) => {
        const counts = found[i] ?? null;
        if (counts !== null) return counts;
        // One that is still to come has a fund and nothing opened; one that is over and put away is no more.
        const terms = authored(id);
        if (terms === null || terms.closesAtMs <= clock.nowMs()) return null;
        return { packets: terms.packets, opened: 0, fundMinor: terms.fundMinor, openedMinor: 0 };
      });
    },
  });
  feeds.state('redpackets:mine', {
    channels: (id) => [store.ownBell(id)],
    sampleMs,
    async read(ids) {
      const { currency } = catalogue.festival();
      return Promise.all(ids.map(async (id) => ({ currency, ...(await store.mine(id)) })));
    },
  });

  return {
    handlers: { list, open, proof: (_caller, { dropId }) => proof(dropId) },
    sweep,
    checkPackets: createPacketLaw({ redis, keys }),
  };
}
