import type { campaign as contract } from '@elevens/shared/src/campaign/contract.ts';
import type { DecisionOf } from '@elevens/shared/src/contract.ts';
import type { Clock } from '../../platform/clock.ts';
import type { HandlersOf } from '../../platform/gateway.ts';
import type { Catalogue } from '../catalogue/index.ts';
import { programmeOf } from './programme.ts';

/** The running order moves on by itself; who asks within the same ten seconds gets the same one. */
const bucketMs = 10_000;
/**
 * An answer is the very same object for so long, so that whoever writes it out can keep the text beside it: at midnight
 * a million shoppers ask for the same thing. Its nowMs is old by that much at most; clients measure time by clock:now.
 */
const sameAnswerMs = 250;

type Tonight = DecisionOf<(typeof contract)['commands']['tonight']>;

interface Campaign {
  handlers: HandlersOf<typeof contract>;
}

/** The festival's evening: what it is called, where its midnight is, and its running order by the clock. */
export function createCampaign({
  catalogue,
  clock,
  demo,
}: {
  catalogue: Pick<Catalogue, 'all' | 'get' | 'festival' | 'version'>;
  clock: Pick<Clock, 'nowMs'>;
  /** Whether this is the demo, which the page says of itself. */
  demo: boolean;
}): Campaign {
  let programme: { version: number; bucket: number; entries: ReturnType<typeof programmeOf> } | null = null;
  let answer: { version: number; nowMs: number; tonight: Tonight } | null = null;

  function tonightAt(nowMs: number): Tonight {
    const version = catalogue.version();
    if (answer !== null && answer.version === version && nowMs - answer.nowMs < sameAnswerMs) return answer.tonight;
    const { id, title, places, currency, firstStartMs } = catalogue.festival();
    const bucket = Math.floor(nowMs / bucketMs);
    if (programme === null || programme.version !== version || programme.bucket !== bucket) {
      programme = { version, bucket, entries: programmeOf(catalogue, { firstStartMs, nowMs }) };
    }
    const reply = { festivalId: id, title, places, currency, demo, version, nowMs, programme: programme.entries };
    answer = { version, nowMs, tonight: { ok: true, reply } };
    return answer.tonight;
  }

  return { handlers: { tonight: () => Promise.resolve(tonightAt(clock.nowMs())) } };
}
