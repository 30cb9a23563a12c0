import type { Law, LawName } from '@elevens/shared/src/control/contract.ts';
import { actsMax, evidenceMax, lawNames } from '@elevens/shared/src/control/contract.ts';
import type { Clock } from '../../platform/clock.ts';
import type { About, Difference, LawReading } from '../../platform/laws.ts';
import type { Logger } from '../../platform/logger.ts';
import type { ControlStore, KeptLaw } from './store.ts';

/** A law that has not answered for this long is not known any more, whatever it said last. */
const unknownAfterMs = 10_000;
/** A count that takes longer is given up; the next one follows. */
const countMaxMs = 8_000;

/** Differences of one count that are remembered until the next: a law that is off in more places than these is off everywhere. */
const suspectsMax = 1_000;

/** What can be stopped by itself. Each says whether it stopped it; stopping what stands changes nothing. */
export type Stops = Record<Exclude<About['kind'], 'order'>, (id: string, why: string) => Promise<boolean>>;

/** Counts each law once; a law that cannot be counted just now rejects. */
export type LawCounts = Record<LawName, () => Promise<LawReading>>;

/**
 * Reads the laws again and again and keeps what was found where the next node finds it, so that a difference is known
 * since when, whoever counts.
 */
export function createLaws({
  store,
  counts,
  stops,
  letCouponGoOn,
  clock,
  logger,
}: {
  store: ControlStore;
  counts: LawCounts;
  stops: Stops;
  letCouponGoOn: (couponId: string) => Promise<unknown>;
  clock: Clock;
  logger: Logger;
}) {
  /** Before a law has ever answered: unknown from the start, and said to be counting until it has had its time. */
  const beganAtMs = clock.nowMs();

  function settled(law: LawName, before: KeptLaw | undefined, reading: LawReading, nowMs: number): KeptLaw {
    if (reading.counting) {
      // A count that has not come to its end does not take back what an earlier one found.
      if (before !== undefined && before.evidence.length > 0) return { ...before, suspects: [], heardAtMs: nowMs };
      return {
        law,
        state: 'counting',
        sum: before?.sum ?? '',
        checkedAtMs: before?.checkedAtMs ?? null,
        checked: before?.checked ?? 0,
        sinceMs: before?.state === 'counting' ? before.sinceMs : nowMs,
        evidence: [],
        acts: before?.acts ?? [],
        stopped: before?.stopped ?? [],
        // What an earlier node found is not in a row with what this one will find after it has read the ledger.
        suspects: [],
        heardAtMs: nowMs,
      };
    }
    const since = new Map(before?.evidence.map((found) => [found.subject, found.sinceMs]));
    const state = reading.evidence.length > 0 ? 'adrift' : 'whole';
    return {
      law,
      state,
      sum: reading.sum,
      checkedAtMs: nowMs,
      checked: reading.checked,
      sinceMs: before?.state === state ? before.sinceMs : nowMs,
      evidence: reading.evidence
        .slice(0, evidenceMax)
        .map((difference) => ({ ...difference, sinceMs: since.get(difference.subject) ?? nowMs })),
      acts: state === 'whole' ? [] : (before?.acts ?? []),
      // Coupons that are stopped still are let go on below; a deal is resumed by people.
      stopped: (before?.stopped ?? []).filter((key) => state === 'adrift' || key.startsWith('coupon ')),
      suspects: reading.evidence.slice(0, suspectsMax).map(({ subject }) => subject),
      heardAtMs: nowMs,
    };
  }

  /**
   * The kill switch: stops what a difference is about, and that alone, once two counts in a row have shown it. Stopped once, it is left
   * to people: whoever lets it go on while the law is still off knows what they do.
   */
  async function stopWhatIsOff(
    law: LawName,
    { before, reading }: { before: KeptLaw | undefined; reading: LawReading },
    nowMs: number,
  ): Promise<KeptLaw['acts']> {
    const seenBefore = new Set(before?.suspects);
    const stopped = new Set(before?.stopped);
    const acts: KeptLaw['acts'] = [];
    const confirmed = new Map<string, Difference & { about: About }>();
    for (const difference of reading.evidence) {
      const { about } = difference;
      if (about === undefined || about.kind === 'order' || !seenBefore.has(difference.subject)) continue;
      const key = `${about.kind} ${about.id}`;
      if (!stopped.has(key) && !confirmed.has(key)) confirmed.set(key, { ...difference, about });
    }
    for (const { about, subject, expected, found } of confirmed.values()) {
      const { kind, id } = about;
      if (kind === 'order') continue;
      try {
        const why = `${law}: ${subject}: the ledger says ${expected}, found ${found}`.slice(0, 200);
        if (!(await stops[kind](id, why))) continue;
        acts.push({ kind, id, atMs: nowMs });
        logger.error({ law, stopped: kind, id, why }, 'the kill switch stopped what a broken law is about');
      } catch (error) {
        // The next count tries again: what could not be stopped is not among what was.
        logger.warn(
          { law, kind, id, error: String(error) },
          'the kill switch could not stop what a broken law is about',
        );
      }
    }
    return acts;
  }

  /** Coupons have no key to resume them by: what was stopped by itself goes on by itself, once two counts in a row found all whole. */
  async function letGoOn(law: LawName, now: KeptLaw): Promise<string[]> {
    const left: string[] = [];
    for (const key of now.stopped) {
      const couponId = key.slice('coupon '.length);
      try {
        await letCouponGoOn(couponId);
        logger.info({ law, couponId }, 'a coupon that the kill switch stopped goes on');
      } catch {
        // The next count tries again.
        left.push(key);
      }
    }
    return left;
  }

  function tell(before: KeptLaw | undefined, now: KeptLaw): void {
    const wasAdrift = before !== undefined && before.evidence.length > 0;
    if (now.state === 'adrift' && !wasAdrift) {
      logger.error({ law: now.law, sum: now.sum, evidence: now.evidence }, 'a conservation law does not hold');
    } else if (now.state === 'whole' && wasAdrift) {
      logger.info({ law: now.law, sum: now.sum, adriftSinceMs: before.sinceMs }, 'a conservation law holds again');
    }
  }

  /** Counts that were given up and still go on: a law reads its ledger with one hand, and two would read the same lines twice. */
  const going = new Map<LawName, Promise<LawReading>>();

  function read(law: LawName): Promise<LawReading> {
    const reading = going.get(law) ?? counts[law]().finally(() => going.delete(law));
    going.set(law, reading);
    return reading;
  }

  async function count(law: LawName, before: KeptLaw | undefined): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    try {
      const reading = await Promise.race([
        read(law),
        new Promise<never>((_, reject) => {
          timer = setTimeout(() => reject(new Error(`not counted within ${countMaxMs} ms`)), countMaxMs);
        }),
      ]);
      const nowMs = clock.nowMs();
      const now = settled(law, before, reading, nowMs);
      if (now.state === 'adrift' && !reading.counting) {
        const acts = await stopWhatIsOff(law, { before, reading }, nowMs);
        now.acts = [...now.acts, ...acts].slice(-actsMax);
        now.stopped = [...now.stopped, ...acts.map(({ kind, id }) => `${kind} ${id}`)].slice(-suspectsMax);
      }
      if (now.state === 'whole' && before?.state === 'whole') now.stopped = await letGoOn(law, now);
      await store.keepLaw(now);
      tell(before, now);
    } catch (error) {
      // What could not be counted is shown by the age of what is kept; the next count follows in two seconds.
      logger.debug({ law, error: String(error) }, 'a conservation law could not be counted');
    } finally {
      clearTimeout(timer);
    }
  }

  return {
    /** Counts every law once and keeps the result. Never rejects for a law that cannot be counted. */
    async check(): Promise<void> {
      const before = await store.laws();
      await Promise.all(lawNames.map((law) => count(law, before.get(law))));
    },

    /** All laws as they stand now: what was not heard of for ten seconds is unknown. */
    async standing(nowMs: number): Promise<Law[]> {
      const kept = await store.laws();
      return lawNames.map((law): Law => {
        const found = kept.get(law);
        if (found === undefined) {
          const state = nowMs - beganAtMs > unknownAfterMs ? 'unknown' : 'counting';
          return { law, state, sum: '', checkedAtMs: null, checked: 0, sinceMs: beganAtMs, evidence: [], acts: [] };
        }
        const { heardAtMs, suspects: _suspects, stopped: _stopped, ...shown } = found;
        if (nowMs - heardAtMs <= unknownAfterMs) return shown;
        return { ...shown, state: 'unknown', sinceMs: heardAtMs };
      });
    },
  };
}
