import { hash } from 'node:crypto';
import type { LiveSession, live as liveContract, Message, SessionRecord } from '@elevens/shared/src/live/contract.ts';
import { recordIdOf } from '@elevens/shared/src/occurrence-ids.ts';
import { occurrenceOf, occurrencesNear, occurrencesOf } from '@elevens/shared/src/occurrences.ts';
import { type Person, personOf } from '../../platform/caller.ts';
import type { Clock } from '../../platform/clock.ts';
import type { HandlersOf } from '../../platform/gateway.ts';
import type { Random } from '../../platform/random.ts';
import type { Catalogue } from '../catalogue/index.ts';
import { type createLiveStore, keptAfterEndMs } from './store.ts';

const listAheadMs = 3 * 3_600_000;
const listBehindMs = 10 * 60_000;
/** Of one record looked at: at one every 10 s, the most there are in a day. */
const begunMax = 8_640;
/** The list is the same for everyone and holds nothing that changes by the second. */
const listFreshMs = 1_000;

/** A word for a person in one room: the same for all lines there, another in every other room, and no way back. */
function pseudonym(shopperId: string, sessionId: string): string {
  return hash('sha256', `${sessionId} ${shopperId}`, 'base64url').slice(0, 10);
}

export function createLiveDecisions({
  store,
  catalogue,
  clock,
  random,
  announced,
}: {
  store: ReturnType<typeof createLiveStore>;
  catalogue: Catalogue;
  clock: Clock;
  random: Random;
  announced: (sessionId: string) => void;
}) {
  let listed: { atMs: number; sessions: LiveSession[] } | null = null;
  const uncounted = { people: 0, crowd: 0 };

  /** The window of a session, or null where there is none of that name. */
  function windowOf(sessionId: string): { record: SessionRecord; startsAtMs: number; endsAtMs: number } | null {
    const record = catalogue.get('sessions', recordIdOf(sessionId));
    if (record === undefined) return null;
    const found = occurrenceOf(record, catalogue.festival().firstStartMs, sessionId);
    return found === null || found.startsAtMs > clock.nowMs() + listAheadMs ? null : { record, ...found };
  }

  /** The same of a session that can be looked at: not of one whose chat is gone. */
  function watchable(sessionId: string) {
    const window = windowOf(sessionId);
    return window !== null && window.endsAtMs + keptAfterEndMs > clock.nowMs() ? window : null;
  }

  /** The session's deals that are open, or where none is the next opening of each; the pinned one first. */
  function dealsOf(record: SessionRecord, span: { fromMs: number; toMs: number }): string[] {
    return record.dealIds.flatMap((dealId) => {
      const deal = catalogue.get('deals', dealId);
      if (deal === undefined) return [];
      const [next] = occurrencesOf(deal, catalogue.festival().firstStartMs, { ...span, max: 1 });
      return next === undefined ? [] : [next.id];
    });
  }

  function sessionsAt(nowMs: number): LiveSession[] {
    const span = { nowMs, behindMs: listBehindMs, aheadMs: listAheadMs };
    return catalogue
      .all('sessions')
      .flatMap((record) =>
        occurrencesNear(record, catalogue.festival().firstStartMs, span).map((o) => ({
          sessionId: o.id,
          brandId: record.brandId,
          title: record.title,
          blurb: record.blurb,
          hostName: record.hostName,
          startsAtMs: o.startsAtMs,
          endsAtMs: o.endsAtMs,
          dealIds: dealsOf(record, { fromMs: Math.max(nowMs, o.startsAtMs), toMs: nowMs + listAheadMs }),
        })),
      )
      .toSorted((a, b) => a.startsAtMs - b.startsAtMs);
  }

  function roleOf(person: Person, record: SessionRecord): Message['role'] {
    if (person.roles.includes('operator')) return 'operator';
    if (person.brandId !== record.brandId) return 'shopper';
    return person.roles.includes('host') ? 'host' : person.roles.includes('brand') ? 'brand' : 'shopper';
  }

  const handlers: HandlersOf<typeof liveContract> = {
    async list() {
      const nowMs = clock.nowMs();
      if (listed === null || nowMs - listed.atMs > listFreshMs) listed = { atMs: nowMs, sessions: sessionsAt(nowMs) };
      return { ok: true, reply: { nowMs, sessions: listed.sessions } };
    },
    async say(caller, input, answer) {
      const person = personOf(caller);
      const session = windowOf(input.sessionId);
      if (session === null) return { ok: false, why: 'unknown-session' };
      const saidAtMs = caller.arrivedAtMs;
      if (saidAtMs < session.startsAtMs) return { ok: false, why: 'not-live', startsAtMs: session.startsAtMs };
      if (saidAtMs >= session.endsAtMs) return { ok: false, why: 'not-live', startsAtMs: null };
      const message: Message = {
        messageId: random.token(9),
        name: person.displayName,
        author: pseudonym(person.shopperId, input.sessionId),
        role: roleOf(person, session.record),
        text: input.text,
        saidAtMs,
        simulated: person.simulated,
      };
      const { endsAtMs } = session;
      const outcome = JSON.parse(
        await store.say({
          sessionId: input.sessionId,
          shopperId: person.shopperId,
          message,
          epoch: random.token(6),
          endsAtMs,
          answer,
        }),
      );
      // A repeat answers with the id of the first message, so that only a line that was really said is counted.
      if (outcome.ok && outcome.reply.messageId === message.messageId) {
        uncounted[person.simulated ? 'crowd' : 'people']++;
        announced(input.sessionId);
      }
      return outcome;
    },
  };

  return {
    handlers,
    watchable,
    /** Sessions that began in this time, however they repeat: whose outboxes may still hold something. */
    begunBetween: (fromMs: number, toMs: number) =>
      catalogue
        .all('sessions')
        .flatMap((record) => occurrencesOf(record, catalogue.festival().firstStartMs, { fromMs, toMs, max: begunMax }))
        .map((o) => o.id),
    takeUncounted() {
      const taken = { ...uncounted };
      uncounted.people = 0;
      uncounted.crowd = 0;
      return taken;
    },
  };
}
