import type { Logger } from '../../platform/logger.ts';
import type { Redis } from '../../platform/redis/connections.ts';
import type { IdentityStore } from './store.ts';

export interface Revocations {
  /** Reads them, and follows from then on. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Whether a token of this person issued then has been ended. */
  ended(personId: string, issuedAtMs: number): boolean;
  /** Called with everybody who is signed out from now on, on whichever node it was decided. */
  onRevoked(listener: (personId: string) => void): void;
}

/** Without a bell (a reconnect, a lost message) a revocation is still heard within this: half of what is promised. */
const everyMs = 1_000;
/** Nodes' clocks may differ by this much, so a token this little younger than its revocation is ended as well. */
const clockSlackMs = 50;

/** Every node's copy of who was signed out: verifying a token asks nobody. */
export function createRevocations({
  store,
  subscriber,
  bell,
  logger,
}: {
  store: Pick<IdentityStore, 'revocations' | 'revocationsVersion'>;
  subscriber: Redis;
  bell: string;
  logger: Logger;
}): Revocations {
  let version = '';
  let people = new Map<string, number>();
  const listeners = new Set<(personId: string) => void>();
  let reading: Promise<void> | null = null;
  let again = false;
  let timer: NodeJS.Timeout | undefined;

  async function read(): Promise<void> {
    if (version !== '' && (await store.revocationsVersion()) === version) return;
    const known = people;
    const first = version === '';
    ({ version, people } = await store.revocations());
    if (first) return;
    for (const [personId, atMs] of people) {
      if ((known.get(personId) ?? -1) >= atMs) continue;
      for (const listener of listeners) listener(personId);
    }
  }

  /** One reading at a time; a bell during one makes another follow it, because that one may have read too early. */
  async function readInTurn(): Promise<void> {
    try {
      do {
        again = false;
        // oxlint-disable-next-line no-await-in-loop -- the next reading is only asked for while this one runs
        await read();
      } while (again);
    } catch (error) {
      // Redis is away: what is known goes on counting, and the next look is a second off.
      logger.debug({ error: String(error) }, 'revocations could not be read');
    } finally {
      reading = null;
    }
  }
  function look(): void {
    again = true;
    reading ??= readInTurn();
  }
  function onMessage(channel: string): void {
    if (channel === bell) look();
  }

  return {
    async start() {
      subscriber.on('smessage', onMessage);
      await subscriber.ssubscribe(bell);
      // After subscribing, so that nothing falls between the two. The first reading must succeed: without it, those
      // who were signed out would be let in.
      await read();
      timer = setInterval(look, everyMs);
      timer.unref();
    },
    async stop() {
      clearInterval(timer);
      subscriber.off('smessage', onMessage);
      await reading;
    },
    ended(personId, issuedAtMs) {
      const atMs = people.get(personId);
      return atMs !== undefined && issuedAtMs <= atMs + clockSlackMs;
    },
    onRevoked(listener) {
      listeners.add(listener);
    },
  };
}
