import { chatKeptMax } from '@elevens/shared/src/live/contract.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Feeds } from '../../platform/feeds.ts';
import type { Random } from '../../platform/random.ts';
import type { Redis } from '../../platform/redis/connections.ts';
import type { Keyspace } from '../../platform/redis/keyspace.ts';
import type { Relay } from '../../platform/relay.ts';
import type { Catalogue } from '../catalogue/index.ts';
import { createLiveDecisions } from './live.ts';
import { createLiveStore, keptAfterEndMs } from './store.ts';

/** Lines that someone who comes anew is shown: what fits on a screen and a little above it. */
const snapshotEntries = 50;

/** Outboxes are looked at for this long after their session ended: whoever said the last line may have died with it. */
const carriedBehindMs = 600_000;

/** Live sessions: who is in the room, and what is said in it. */
export function createLive({
  redis,
  keys,
  clock,
  random,
  feeds,
  relay,
  catalogue,
  nodeName,
}: {
  redis: Redis;
  keys: Keyspace;
  clock: Clock;
  random: Random;
  feeds: Feeds;
  relay: Relay;
  catalogue: Catalogue;
  nodeName: string;
}) {
  const store = createLiveStore({ redis, keys });
  const decisions = createLiveDecisions({
    store,
    catalogue,
    clock,
    random,
    announced: (sessionId) => {
      carryFrom(sessionId);
      relay.poke(store.outboxOf(sessionId));
    },
  });
  /** Outboxes that are carried from, by session, with how to stop. */
  const carried = new Map<string, () => void>();
  /** What this node last said about its rooms, so that an unchanged count is only renewed every other second. */
  const counted = new Map<string, { people: number; atMs: number }>();

  function carryFrom(sessionId: string): void {
    if (!carried.has(sessionId)) carried.set(sessionId, relay.source(store.outboxOf(sessionId)));
  }

  feeds.log('live:chat', {
    keysOf: async (id) => {
      const window = decisions.watchable(id);
      return window === null ? null : store.keysOf(id, window.endsAtMs);
    },
    snapshotEntries,
    keptMax: chatKeptMax,
  });
  feeds.state('live:room', {
    channels: (id) => [store.roomBell(id)],
    read: async (ids) => {
      const known = ids.map((id) => decisions.watchable(id) !== null);
      const rooms = await store.rooms(ids, clock.nowMs());
      return rooms.map((room, i) => (known[i] ? room : null));
    },
    sampleMs: 1_000,
  });

  /** Sessions that left something to be carried when this node came, and still do; null before they were looked for. */
  let behind: string[] | null = null;

  /** Once a second on every node: tells who is here, how much was said, and carries what a dead node left behind. */
  async function look(): Promise<void> {
    const nowMs = clock.nowMs();
    // Sessions may have ended while no node was there: what they announced is carried first of all, however long ago.
    behind = await store.uncarried(behind ?? decisions.begunBetween(nowMs - keptAfterEndMs, nowMs));
    const current = new Set([...behind, ...decisions.begunBetween(nowMs - carriedBehindMs, nowMs)]);
    for (const sessionId of current) carryFrom(sessionId);
    for (const [sessionId, stop] of carried) {
      if (current.has(sessionId)) continue;
      stop();
      carried.delete(sessionId);
    }
    const here = feeds.viewersOf('live:chat');
    for (const sessionId of new Set([...here.keys(), ...counted.keys()])) {
      const people = here.get(sessionId) ?? 0;
      const last = counted.get(sessionId);
      if (last?.people === people && nowMs - last.atMs < 2_000) continue;
      await store.countPeople(sessionId, nodeName, people, nowMs);
      if (people === 0) counted.delete(sessionId);
      else counted.set(sessionId, { people, atMs: nowMs });
    }
    const said = decisions.takeUncounted();
    if (said.people + said.crowd > 0) await store.addSaid(said.people, said.crowd);
  }

  return { handlers: decisions.handlers, look, saidTotals: store.saidTotals };
}
