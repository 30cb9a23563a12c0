import type { CommandName } from '@elevens/shared/src/contracts.ts';

/**
 * What a run may cost before it counts as failed. These are alarms for a broken server, not a race: on an idle laptop
 * every figure is a small fraction of its budget, and a machine shared with other work must still pass. How fast it is
 * belongs to the benchmarks, which compare and do not judge.
 */

/**
 * 99 of 100 answers come within this. A write waits for the disk and everybody claims in one moment, while k6 itself
 * takes half a core: tens of milliseconds for most, some hundreds for the last of three hundred claims. The server gives
 * a queue up after 2 s, and builds on the same two cores were seen to add as much again; past five it is stuck.
 */
const answerP99MsMax = 5_000;

/** 99 of 100 lines of chat are seen within this: a tick (50 ms), one silence (2 s) where a bell was lost, and as above. */
const chatP99MsMax = 6_000;

/** Calls that met a fault. Nothing here is sent faster than a person may, so hardly any should. */
const faultShareMax = 0.01;

/**
 * Answers that never came. Every one is asked for again with the same requestId, so nothing is lost by it; a few are in
 * the nature of HTTP, where a kept connection may be closed in the moment in which it is used again.
 */
const lostShareMax = 0.01;

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

/** Whether a budget is about time: what a machine that is busy with other work can break by itself. */
export const isAboutTime = (budget: string) => /^(answer_ms|chat_seen_ms|lost_answers)\b/.test(budget);

/**
 * Whether the machine gave a process the cores that it asked for. One that waited for a core longer than it ran was out
 * of breath, and its times are the times of whatever ran instead: they are shown and not judged. (Beside other builds on
 * two cores the waiting was seen to be three to ten times the running.)
 */
export const wasOutOfBreath = ({ cores, waited }: { cores: number; waited: number }) => waited > cores;

/** Thresholds in k6's words, over the metrics of journeys/evening.ts. */
export function thresholds(): Record<string, string[]> {
  return {
    ...Object.fromEntries(journeyCommands.map((name) => [`answer_ms{command:${name}}`, [`p(99)<${answerP99MsMax}`]])),
    chat_seen_ms: [`p(99)<${chatP99MsMax}`],
    faults: [`rate<${faultShareMax}`],
    lost_answers: [`rate<${lostShareMax}`],
    // A broken invariant is never within budget, and neither is a shopper who was turned away or got stuck.
    bugs: ['count==0'],
    unfinished: ['count==0'],
  };
}
