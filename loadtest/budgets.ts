import type { CommandName } from '@elevens/shared/src/contracts.ts';

/**
 * What a run may cost before it counts as failed. These are alarms for a broken server, not a race: on an idle laptop
 * every figure is a small fraction of its budget, and a machine shared with other work must still pass. How fast it is
 * belongs to the benchmarks, which compare and do not judge.
 */

/**
 * 99 of 100 answers come within this. A write waits for the disk and everybody claims in one moment, while k6 itself
 * takes a core: tens of milliseconds. Three seconds is beyond the age at which the server itself gives a queue up (2 s),
 * so only one that is stuck gets there.
 */
export const answerP99MsMax = 3_000;

/** 99 of 100 lines of chat are seen within this by everybody: a tick (50 ms), or one silence (2 s) when a bell was lost. */
export const chatP99MsMax = 4_000;

/** Calls that met a fault. Nothing here is sent faster than a person may, so hardly any should. */
export const faultShareMax = 0.01;

/** The commands of the journey. One that was never answered counts as over budget: nothing was measured. */
export const journeyCommands = [
  'identity:guest',
  'clock:now',
  'campaign:tonight',
  'deals:list',
  'redpackets:list',
  'live:list',
  'energy:tasks',
  'feeds:join',
  'live:say',
  'deals:claim',
  'redpackets:open',
  'energy:complete',
  'feeds:leave',
] as const satisfies readonly CommandName[];

/** Thresholds in k6's words, over the metrics of journeys/evening.ts. */
export function thresholds(): Record<string, string[]> {
  return {
    ...Object.fromEntries(journeyCommands.map((name) => [`answer_ms{command:${name}}`, [`p(99)<${answerP99MsMax}`]])),
    chat_seen_ms: [`p(99)<${chatP99MsMax}`],
    faults: [`rate<${faultShareMax}`],
    // A broken invariant is never within budget, and neither is a shopper who was turned away or got stuck.
    bugs: ['count==0'],
    lost_answers: ['count==0'],
    unfinished: ['count==0'],
  };
}
