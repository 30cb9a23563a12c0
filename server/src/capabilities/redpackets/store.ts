import type { Currency } from '@elevens/shared/src/money.ts';
import type { Packet } from '@elevens/shared/src/redpackets/contract.ts';
import { Fault } from '../../platform/fault.ts';
import type { AnswerKey } from '../../platform/gateway.ts';
import type { Redis } from '../../platform/redis/connections.ts';
import type { Keyspace } from '../../platform/redis/keyspace.ts';
import { defineScript } from '../../platform/redis/scripts.ts';

const sealDrop = defineScript(new URL('./seal-drop.lua', import.meta.url));
const dealAmounts = defineScript(new URL('./deal-amounts.lua', import.meta.url));
const openPackets = defineScript(new URL('./open-packets.lua', import.meta.url));
const revealSeed = defineScript(new URL('./reveal-seed.lua', import.meta.url));
const retireDrop = defineScript(new URL('./retire-drop.lua', import.meta.url));

/** The terms of a drop as they were when it was sealed. Later changes of the record are for later drops. */
export interface DropTerms {
  dropId: string;
  brandId: string;
  title: string;
  opensAtMs: number;
  closesAtMs: number;
  currency: Currency;
  fundMinor: number;
  packets: number;
  leastMinor: number;
}

export interface SealedDrop extends DropTerms {
  seedHash: string;
}

/** One tap on its way to be decided. */
export interface Tap {
  dropId: string;
  shopperId: string;
  simulated: boolean;
  arrivedAtMs: number;
  answer: AnswerKey;
}

/** Amounts laid by one script call: a call of some 10 kB holds Redis for well under a millisecond. */
const amountsPerCall = 1_000;
/** A drop is put away, and its answers may be forgotten, this long after it closed: time enough to check its proof. */
const retireAfterMs = 3_600_000;
/** A rejection is remembered for at least this long, so that a repeat within any sane retry gets the same words. */
const rejectionKeptMs = 600_000;
/** How far the stamp of a tap may be from the time of Redis, when the script decides with it. */
export interface StampGuard {
  oldMs: number;
  aheadMs: number;
}
const stampGuardDefault: StampGuard = { oldMs: 2_000, aheadMs: 50 };
/** A tap that arrived in time may still be on its way for as long as its stamp is good. The seed is told after that. */
const revealGraceMs = 3_000;
const openedPerRead = 1_000;

/**
 * Where red packets live in Redis: the first partition, whoever opens them, so that a drop's home and its only slice are one.
 * What is announced goes to the partition of the shopper.
 */
export function createStore({
  redis,
  keys,
  stampGuard = stampGuardDefault,
}: {
  redis: Redis;
  keys: Keyspace;
  stampGuard: StampGuard | undefined;
}) {
  const p = keys.partition(0);
  const ownBell = (shopperId: string) => p.bell('redpackets:mine', shopperId);
  const dropBell = (dropId: string) => p.bell('redpackets:drop', dropId);

  return {
    ownBell,
    dropBell,
    outbox: p.outbox,

    /** Fixes terms and seed, unless they are fixed already; answers how they stand, with the seed only until all is dealt. */
    async seal(
      terms: DropTerms,
      chance: { seedHex: string; seedHash: string; salt: string },
    ): Promise<{ dealt: boolean; drop: SealedDrop; seedHex: string }> {
      const { dropId } = terms;
      const answer = (await sealDrop.run(
        redis,
        [p.drop(dropId), p.dropSeed(dropId), p.drops],
        [
          dropId,
          chance.seedHex,
          chance.seedHash,
          chance.salt,
          JSON.stringify(terms),
          JSON.stringify(terms.title),
          terms.opensAtMs,
          terms.closesAtMs,
          terms.closesAtMs + retireAfterMs,
          terms.fundMinor,
          terms.packets,
          terms.currency,
        ],
      )) as [string, string, string, string];
      const [state, sealed, seedHex, seedHash] = answer;
      return { dealt: state !== 'dealing', drop: { ...(JSON.parse(sealed) as DropTerms), seedHash }, seedHex };
    },

    /** Lays all amounts of a sealed drop; with the last one it becomes ready. May be done by several nodes at once. */
    async deal(dropId: string, amounts: readonly number[], nowMs: number): Promise<void> {
      let laid = 0;
      while (laid !== -1) {
        const next = amounts.slice(laid, laid + amountsPerCall);
        if (next.length === 0)
          throw new Error(`${dropId} has ${laid} amounts laid and wants more than it was split into`);
        laid = (await dealAmounts.run(
          redis,
          [p.drop(dropId), p.dropAmounts(dropId), p.ledger],
          [dropId, nowMs, laid, dropBell(dropId), ...next],
        )) as number;
      }
    },

    /** The drops that are sealed, dealt and not put away. What is `known` already is not read again: it cannot have changed. */
    async ready(known: ReadonlyMap<string, SealedDrop>): Promise<SealedDrop[]> {
      const ids = await redis.zrange(p.drops, '0', '-1');
      const found = await Promise.all(ids.map(async (id) => known.get(id) ?? (await readDrop(id))));
      return found.filter((drop) => drop !== null);
    },

    /**
     * Decides taps in one script call, each on its own. Answers for each its outcome as JSON text, null when the drop is
     * not there to open, or an Error.
     */
    async open(taps: readonly Tap[], nowMs: number): Promise<(string | null | Error)[]> {
      const drops = [...new Set(taps.map((tap) => tap.dropId))];
      const which = new Map(drops.map((dropId, i) => [dropId, i + 1]));
      const answers = (await openPackets.run(
        redis,
        [
          p.ledger,
          p.totals,
          p.outbox,
          p.outboxNumbers,
          ...drops.flatMap((dropId) => [p.drop(dropId), p.dropAmounts(dropId), p.dropOpened(dropId)]),
          ...taps.flatMap(({ shopperId }) => [
            p.answers(shopperId),
            p.answersOrder(shopperId),
            p.wallet(shopperId),
            p.packets(shopperId),
          ]),
        ],
        [
          nowMs,
          nowMs + rejectionKeptMs,
          drops.length,
          stampGuard.oldMs,
          stampGuard.aheadMs,
          ...drops.flatMap((dropId) => [dropId, dropBell(dropId)]),
          ...taps.flatMap((tap) => [
            tap.answer.requestId,
            tap.answer.inputHash,
            which.get(tap.dropId) ?? 0,
            tap.shopperId,
            tap.arrivedAtMs,
            tap.simulated ? '1' : '0',
            ownBell(tap.shopperId),
            `energy@p${keys.partitionOf(tap.shopperId)}`,
          ]),
        ],
      )) as string[];
      return answers.map((answer) => {
        if (answer === 'unstaged') return null;
        if (answer === 'stale') return new Fault('overloaded', { retryAfterMs: 500 });
        // The drop stands still because its state is not to be trusted; it was said loudly when that was found.
        if (answer === 'broken') return new Fault('unavailable', { retryAfterMs: 60_000 });
        return answer.startsWith('!') ? new Error(answer.slice(1)) : answer;
      });
    },

    /** The seed, once the drop is over and no tap can be on its way any more; null before. */
    async reveal(dropId: string, nowMs: number): Promise<string | null> {
      return (await revealSeed.run(redis, [p.drop(dropId), p.dropSeed(dropId)], [nowMs, revealGraceMs])) as
        | string
        | null;
    },

    /** The secret that makes pseudonyms of shoppers, one for each drop, so that nobody can be followed from drop to drop. */
    salt: (dropId: string): Promise<string | null> => redis.hget(p.drop(dropId), 'salt'),

    /** Who opened which packet, by index. Read in steps, so that a large drop never holds Redis up. */
    async opened(dropId: string): Promise<{ shopperId: string; index: number; amountMinor: number }[]> {
      const byIndex = new Map<number, { shopperId: string; index: number; amountMinor: number }>();
      let cursor = '0';
      do {
        const [next, flat] = await redis.hscan(p.dropOpened(dropId), cursor, 'COUNT', openedPerRead);
        for (let i = 0; i + 1 < flat.length; i += 2) {
          const [index, amountMinor] = (flat[i + 1] ?? '').split(' ').map(Number);
          // A scan may tell of one twice.
          byIndex.set(index ?? 0, { shopperId: flat[i] ?? '', index: index ?? 0, amountMinor: amountMinor ?? 0 });
        }
        cursor = next;
      } while (cursor !== '0');
      return [...byIndex.values()].toSorted((a, b) => a.index - b.index);
    },

    /** How much of each drop is opened; null for one that is not sealed. */
    async counts(dropIds: readonly string[]): Promise<(DropCounts | null)[]> {
      const found = await Promise.all(
        dropIds.map((id) => redis.hmget(p.drop(id), 'packets', 'opened', 'fund', 'openedMinor')),
      );
      return found.map(([packets, opened, fund, openedMinor]) =>
        packets === null || packets === undefined
          ? null
          : {
              packets: Number(packets),
              opened: Number(opened),
              fundMinor: Number(fund),
              openedMinor: Number(openedMinor),
            },
      );
    },

    /** A shopper's sum and last packets. */
    async mine(shopperId: string): Promise<{ walletMinor: number; packets: Packet[] }> {
      const [minor, packets] = await Promise.all([
        redis.hget(p.wallet(shopperId), 'minor'),
        redis.lrange(p.packets(shopperId), 0, -1),
      ]);
      return { walletMinor: Number(minor ?? 0), packets: packets.map((json) => JSON.parse(json) as Packet) };
    },

    /** Puts away the drops whose time has come. */
    async retire(nowMs: number): Promise<void> {
      for (const dropId of await redis.zrangebyscore(p.drops, '-inf', nowMs, 'LIMIT', 0, 100)) {
        await retireDrop.run(
          redis,
          [p.drop(dropId), p.dropSeed(dropId), p.dropAmounts(dropId), p.dropOpened(dropId), p.drops, p.ledger],
          [dropId, nowMs],
        );
      }
    },
  };

  async function readDrop(dropId: string): Promise<SealedDrop | null> {
    const [state, terms, seedHash] = await redis.hmget(p.drop(dropId), 'state', 'terms', 'seedHash');
    if (!state || state === 'dealing' || !terms || !seedHash) return null;
    return { ...(JSON.parse(terms) as DropTerms), seedHash };
  }
}

export interface DropCounts {
  packets: number;
  opened: number;
  fundMinor: number;
  openedMinor: number;
}
