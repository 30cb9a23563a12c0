import type { Law, LawName } from '@elevens/shared/src/control/contract.ts';
import { evidenceMax, lawNames } from '@elevens/shared/src/control/contract.ts';
import type { Clock } from '../../platform/clock.ts';
import type { LawReading } from '../../platform/laws.ts';
import type { Logger } from '../../platform/logger.ts';
import type { ControlStore, KeptLaw } from './store.ts';

/** A law that has not answered for this long is not known any more, whatever it said last. */
const unknownAfterMs = 10_000;
/** A count that takes longer is given up; the next one follows. */
const countMaxMs = 8_000;

/** Counts each law once; a law that cannot be counted just now rejects. */
export type LawCounts = Record<LawName, () => Promise<LawReading>>;

/**
 * Reads the laws again and again and keeps what was found where the next node finds it, so that a difference is known
 * since when, whoever counts.
 */
export function createLaws({
  store,
  counts,
  clock,
  logger,
}: {
  store: ControlStore;
  counts: LawCounts;
  clock: Clock;
  logger: Logger;
}) {
  /** Before a law has ever answered: unknown from the start, and said to be counting until it has had its time. */
  const beganAtMs = clock.nowMs();

  function settled(law: LawName, before: KeptLaw | undefined, reading: LawReading, nowMs: number): KeptLaw {
    if (reading.counting) {
      // A count that has not come to its end does not take back what an earlier one found.
      if (before !== undefined && before.evidence.length > 0) return { ...before, heardAtMs: nowMs };
      return {
        law,
        state: 'counting',
        sum: before?.sum ?? '',
        checkedAtMs: before?.checkedAtMs ?? null,
        checked: before?.checked ?? 0,
        sinceMs: before?.state === 'counting' ? before.sinceMs : nowMs,
        evidence: [],
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
        .map(({ subject, expected, found }) => ({ subject, expected, found, sinceMs: since.get(subject) ?? nowMs })),
      heardAtMs: nowMs,
    };
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
      const now = settled(law, before, reading, clock.nowMs());
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
          return { law, state, sum: '', checkedAtMs: null, checked: 0, sinceMs: beganAtMs, evidence: [] };
        }
        const { heardAtMs, ...shown } = found;
        if (nowMs - heardAtMs <= unknownAfterMs) return shown;
        return { ...shown, state: 'unknown', sinceMs: heardAtMs };
      });
    },
  };
}
