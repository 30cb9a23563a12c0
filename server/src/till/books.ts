import type { Clock } from '../platform/clock.ts';
import type { Logger } from '../platform/logger.ts';
import type { Random } from '../platform/random.ts';
import { createForgetfulJournal, type Journal, openJournal, readJournal } from './journal.ts';
import { isQuiet, type Moment, type Notice, pass, type Session } from './session.ts';

/** Sessions kept: at about 1.5 kB each, 75 MB. Above it the oldest that is over goes; if none is, no more are opened. */
const sessionsMaxDefault = 50_000;
/** What is over is kept this long, so that a refund within the festival's terms finds its payment. */
const keptMs = 30 * 86_400_000;
/** Webhooks under way at once. */
const deliveriesMax = 16;
/** A webhook that nobody takes is sent again with doubling waits, for about ten minutes, and then given up. */
const deliveryAttemptsMax = 12;
const retryMsMax = 120_000;

export interface Books {
  get(id: string): Session | undefined;
  byKey(idempotencyKey: string): Session | undefined;
  /** False when the books are full. */
  open(session: Session): boolean;
  /** Keeps a session as it is now; `durable` says when. */
  save(session: Session): void;
  durable(): Promise<void>;
  moment(): Moment;
  /** Lets happen what is due and sends what is to be told. Resolves when what it sent has been answered. */
  look(): Promise<void>;
  close(): Promise<void>;
}

/** All sessions in memory and in the journal, and the clockwork that moves them. */
export async function openBooks({
  journalFile,
  clock,
  random,
  logger,
  deliver,
  retryMs,
  sessionsMax = sessionsMaxDefault,
}: {
  /** Null keeps nothing over a restart. */
  journalFile: string | null;
  clock: Clock;
  random: Random;
  logger: Logger;
  deliver: (session: Session, notice: Notice) => Promise<boolean>;
  /** The first wait after a webhook that was not taken. */
  retryMs: number;
  sessionsMax?: number;
}): Promise<Books> {
  const sessions = new Map<string, Session>();
  const keysUsed = new Map<string, string>();
  /** Those to which time can still bring something. */
  const restless = new Set<Session>();
  const underWay = new Set<string>();

  function put(session: Session): void {
    sessions.set(session.id, session);
    keysUsed.set(session.idempotencyKey, session.id);
    if (isQuiet(session)) restless.delete(session);
    else restless.add(session);
  }

  const nowMs = clock.nowMs();
  const journal: Journal = await (async () => {
    if (journalFile === null) return createForgetfulJournal();
    const last = new Map((readJournal(journalFile) as Session[]).map((session) => [session.id, session]));
    for (const session of last.values()) if (!isQuiet(session) || session.endedAtMs > nowMs - keptMs) put(session);
    return openJournal(journalFile, () => sessions.values());
  })();

  function moment(): Moment {
    return { nowMs: clock.nowMs(), newId: (prefix) => `${prefix}${random.token(18)}` };
  }

  function save(session: Session): void {
    put(session);
    journal.write(session);
  }

  /** Makes room by forgetting the oldest that is over. */
  function room(): boolean {
    if (sessions.size < sessionsMax) return true;
    for (const session of sessions.values()) {
      if (restless.has(session)) continue;
      sessions.delete(session.id);
      keysUsed.delete(session.idempotencyKey);
      return true;
    }
    return false;
  }

  async function send(session: Session, notice: Notice): Promise<void> {
    underWay.add(notice.id);
    try {
      // Nobody is told what a crash could still undo.
      await journal.durable();
      const taken = await deliver(session, notice);
      notice.attempts++;
      if (taken || notice.attempts >= deliveryAttemptsMax) {
        session.notices = session.notices.filter(({ id }) => id !== notice.id);
        if (!taken) logger.warn({ event: notice.type, attempts: notice.attempts }, 'the till gave a webhook up');
      } else notice.nextAtMs = clock.nowMs() + Math.min(retryMs * 2 ** (notice.attempts - 1), retryMsMax);
      save(session);
      await journal.durable();
    } finally {
      underWay.delete(notice.id);
    }
  }

  return {
    get: (id) => sessions.get(id),
    byKey: (key) => sessions.get(keysUsed.get(key) ?? ''),
    open(session) {
      if (!room()) return false;
      save(session);
      return true;
    },
    save,
    durable: () => journal.durable(),
    moment,
    async look() {
      const now = moment();
      const sent: Promise<void>[] = [];
      for (const session of restless) {
        if (pass(session, now)) save(session);
        for (const notice of session.notices) {
          if (underWay.size >= deliveriesMax) break;
          if (underWay.has(notice.id) || notice.nextAtMs > now.nowMs) continue;
          if (session.notices.some(({ id }) => id === notice.after)) continue;
          sent.push(send(session, notice));
        }
      }
      await Promise.all([journal.durable(), ...sent]);
    },
    close: () => journal.close(),
  };
}
