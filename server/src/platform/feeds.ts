import type { DecisionOf, Feed, InputOf } from '@elevens/shared/src/contract.ts';
import { contracts } from '@elevens/shared/src/contracts.ts';
import type { BehindEvent, feeds as feedsContract } from '@elevens/shared/src/feeds/contract.ts';
import { feedsPerSocketMax } from '@elevens/shared/src/feeds/contract.ts';
import type { Socket } from 'socket.io';
import type { Caller } from './caller.ts';
import { Fault } from './fault.ts';
import type { HandlersOf } from './gateway.ts';
import type { Logger } from './logger.ts';
import type { Random } from './random.ts';
import type { LogEntry, LogRoom, StateRoom, Tick } from './realtime/tick.ts';
import type { Confirmation } from './redis/confirmation.ts';
import type { Redis } from './redis/connections.ts';
import { defineScript } from './redis/scripts.ts';

const renewEpoch = defineScript(new URL('./redis/renew-epoch.lua', import.meta.url));

/** Where a log feed lives: its stream (offset-0 entries, field e), its meta hash (epoch, offset) and its doorbell. */
export interface LogKeys {
  stream: string;
  meta: string;
  bell: string;
  /** When stream and meta go, also where nothing was ever appended. */
  goneAtMs: number;
}

export interface FeedRegistry {
  /** A feed of which only the latest counts: re-read when its bell rings, at most once in `sampleMs`. */
  state(
    name: string,
    source: {
      /** The sharded channels that deciding scripts ring: one for each tag in which a part of the state lies. */
      channels(id: string): readonly string[];
      /** The state of each id, read together; null where there is no such id. */
      read(ids: string[]): Promise<(object | null)[]>;
      sampleMs: number;
    },
  ): void;
  /** A feed of which every entry counts. */
  log(
    name: string,
    source: {
      keysOf(id: string): Promise<LogKeys | null>;
      /** Entries in the snapshot of someone who comes anew. */
      snapshotEntries: number;
      keptMax: number;
    },
  ): void;
}

export interface Feeds extends FeedRegistry {
  handlers: HandlersOf<typeof feedsContract>;
  /** Viewers of one log feed on this node who are people (the demo crowd apart), by id. */
  viewersOf(name: string): Map<string, number>;
  leaveAll(socket: Socket): void;
  /** For `createTick({ onBehind })`: tells the client to join that room again. */
  behind(socket: Socket, room: string): void;
  /** Redis was away: every room is read again. */
  reconnected(): void;
  start(): void;
  stop(): void;
}

/** Between the feed and the id in a room's key: a line break stands in neither. */
const BREAK = '\n';
/** A room without viewers is kept this long: someone who reloads the page costs Redis nothing. */
const lingerMs = 10_000;
/** A bell may be lost without a trace (pub/sub promises nothing), so a room that heard nothing looks for itself. */
const silenceMs = 2_000;
/** Personal and other state feeds are looked at without a bell more rarely: theirs ring under the same tag as they change. */
const stateSilenceMs = 15_000;
/** Bells that wait for replicas: a second of the busiest node. One that finds no room is made up for by reading the log. */
const rungMax = 20_000;

interface OpenState {
  kind: 'state';
  feed: string;
  id: string;
  channels: readonly string[];
  room: StateRoom;
  version: number;
  full: Record<string, unknown>;
  readAtMs: number;
  emptySinceMs: number | null;
}
interface OpenLog {
  kind: 'log';
  feed: string;
  id: string;
  keys: LogKeys;
  room: LogRoom;
  epoch: string;
  lastOffset: number;
  filling: boolean;
  fillAgain: boolean;
  heardAtMs: number;
  emptySinceMs: number | null;
}
type Open = OpenState | OpenLog;
type JoinInput = InputOf<(typeof feedsContract)['commands']['join']>;

export function createFeeds({
  redis,
  subscriber,
  tick,
  clock,
  random,
  logger,
  isPerson,
  confirmation = null,
}: {
  redis: Redis;
  subscriber: Redis;
  tick: Tick;
  clock: { monotonicMs(): number };
  random: Random;
  logger: Logger;
  isPerson: (socket: Socket) => boolean;
  /**
   * Where the level asks for replicas: an entry of a log is shown once they have it. Otherwise a failover gives offsets
   * that viewers were shown to other entries (CONSISTENCY.md 14).
   */
  confirmation?: Pick<Confirmation, 'begin'> | null;
}): Feeds {
  const declared = new Map<string, Feed>();
  for (const contract of contracts) {
    for (const [key, feed] of Object.entries(contract.feeds)) declared.set(`${contract.name}:${key}`, feed);
  }
  const states = new Map<string, Parameters<FeedRegistry['state']>[1]>();
  const logs = new Map<string, Parameters<FeedRegistry['log']>[1]>();
  /** Rooms by `feed\nid`; while one is being opened, everybody who asks shares the promise. */
  const open = new Map<string, Open>();
  const opening = new Map<string, Promise<Open | null>>();
  const byChannel = new Map<string, Open>();
  /** State rooms that have rung since they were last read, by feed; empty ones stay until somebody comes. */
  const dirty = new Map<string, Set<OpenState>>();
  const joined = new WeakMap<Socket, Set<string>>();
  const parsed = new WeakMap<LogEntry, unknown>();
  /** Sockets of people (not of the demo crowd) in log rooms, for `viewersOf`. */
  const peopleIn = new Map<string, Set<Socket>>();
  const nodeWord = random.token(4);
  const timers: NodeJS.Timeout[] = [];
  /** Ten rooms for each connection a node accepts; past that, joining what nobody here follows yet is refused. */
  const roomsMax = 200_000;

  // ------------------------------------------------------------------------------------------------ log rooms
  const positionOf = (log: OpenLog, offset: number) => `${log.epoch}.${offset}`;

  function ring(log: OpenLog, message: string): void {
    log.heardAtMs = clock.monotonicMs();
    const first = message.indexOf(' ');
    const second = message.indexOf(' ', first + 1);
    const epoch = message.slice(0, first);
    const offset = Number(message.slice(first + 1, second));
    if (epoch !== log.epoch || offset > log.lastOffset + 1) return void fill(log);
    if (offset !== log.lastOffset + 1) return;
    // A read is under way and may have been answered before this entry was there: it is read once more.
    if (log.filling) return void fill(log);
    log.lastOffset = offset;
    log.room.append([{ offset, json: message.slice(second + 1) }]);
  }

  /** Bells whose entries replicas are still to confirm, in the order in which they rang. */
  let rung: { log: OpenLog; message: string }[] = [];
  let rungConfirmed = async () => {};
  let releasing = false;

  function ringConfirmed(log: OpenLog, message: string, begin: Confirmation['begin']): void {
    if (rung.length >= rungMax) return;
    // Begun with the first of them, so that it counts for all of them.
    if (rung.length === 0) rungConfirmed = begin();
    rung.push({ log, message });
    if (!releasing) void release();
  }

  /** Rings them once the replicas have what they tell of: one WAIT for all that rang during the one before. */
  async function release(): Promise<void> {
    releasing = true;
    while (rung.length > 0) {
      const batch = rung;
      rung = [];
      try {
        await rungConfirmed();
        for (const { log, message } of batch) if (byChannel.get(log.keys.bell) === log) ring(log, message);
      } catch (error) {
        logger.debug(
          { bells: batch.length, error: String(error) },
          'not confirmed yet; the logs are read again shortly',
        );
      }
    }
    releasing = false;
  }

  /** Reads what the bell did not bring. One read at a time a room; what rings meanwhile is read after it. */
  async function fill(log: OpenLog): Promise<void> {
    if (log.filling) {
      log.fillAgain = true;
      return;
    }
    log.filling = true;
    try {
      do {
        log.fillAgain = false;
        const confirmed = confirmation?.begin();
        const epoch = await redis.hget(log.keys.meta, 'epoch');
        if (epoch !== null && epoch !== log.epoch) {
          const entries = await readEntries(log.keys.stream, '-', 2_000);
          const lastOffset = entries.at(-1)?.offset ?? Number((await redis.hget(log.keys.meta, 'offset')) ?? 0);
          await confirmed?.();
          // All in one turn: whoever joined between the new epoch and its offsets would be told a position of neither.
          log.epoch = epoch;
          log.room.reset(entries[0] === undefined ? lastOffset : entries[0].offset - 1);
          log.lastOffset = lastOffset;
          log.room.append(entries);
          continue;
        }
        const entries = await readEntries(log.keys.stream, `${log.lastOffset + 1}-0`, 2_000);
        if (entries.length > 0) await confirmed?.();
        log.room.append(entries);
        log.lastOffset = entries.at(-1)?.offset ?? log.lastOffset;
        log.heardAtMs = clock.monotonicMs();
        // The log moved on while it was read: once more, so that nothing waits for the next bell.
        if (entries.length > 0) log.fillAgain = true;
      } while (log.fillAgain);
    } catch (error) {
      logger.debug({ feed: log.feed, error: String(error) }, 'a log could not be read; it is read again shortly');
    } finally {
      log.filling = false;
    }
  }

  async function readEntries(stream: string, from: string, count: number): Promise<LogEntry[]> {
    const found = await redis.xrange(stream, from, '+', 'COUNT', count);
    return found.map(([id, flat]) => ({ offset: Number(id.slice(0, id.indexOf('-'))), json: flat[1] ?? 'null' }));
  }

  /** After Redis was away: is the last entry that was shown still there, as it was? If not, a new epoch begins. */
  async function verify(log: OpenLog): Promise<void> {
    try {
      // As they are now: while Redis answers, bells may move the log on, and then its last entry is not the one asked for.
      const { epoch, lastOffset } = log;
      const shown = log.room.entriesAfter(lastOffset - 1)?.at(0);
      if (shown !== undefined) {
        const [meta, kept] = await Promise.all([
          redis.hmget(log.keys.meta, 'epoch', 'offset'),
          readEntries(log.keys.stream, `${lastOffset}-0`, 1),
        ]);
        const same = kept[0]?.offset === lastOffset && kept[0].json === shown.json;
        const trimmed = kept[0] !== undefined && kept[0].offset > lastOffset && Number(meta[1] ?? 0) > lastOffset;
        if (meta[0] === epoch && !same && !trimmed)
          await renewEpoch.run(redis, [log.keys.meta], [epoch, random.token(6)]);
      }
      await fill(log);
    } catch (error) {
      logger.debug(
        { feed: log.feed, error: String(error) },
        'a log could not be verified; it is looked at again shortly',
      );
    }
  }

  async function openLog(feed: string, id: string): Promise<Open | null> {
    const source = logs.get(feed);
    const keys = (await source?.keysOf(id)) ?? null;
    if (source === undefined || keys === null) return null;
    const key = feed + BREAK + id;
    if ((await redis.hsetnx(keys.meta, 'epoch', random.token(6))) === 1)
      await redis.pexpireat(keys.meta, keys.goneAtMs);
    const log: OpenLog = {
      kind: 'log',
      feed,
      id,
      keys,
      room: tick.logRoom(key, { event: feed, id, positionOf: (offset) => positionOf(log, offset) }),
      epoch: '',
      lastOffset: 0,
      filling: true,
      fillAgain: false,
      heardAtMs: clock.monotonicMs(),
      emptySinceMs: clock.monotonicMs(),
    };
    // The bell is hung before the log is read, so that nothing falls between.
    byChannel.set(keys.bell, log);
    let meta: (string | null)[];
    let newest: [string, string[]][];
    try {
      await subscriber.ssubscribe(keys.bell);
      const confirmed = confirmation?.begin();
      meta = await redis.hmget(keys.meta, 'epoch', 'offset');
      newest = await redis.xrevrange(keys.stream, '+', '-', 'COUNT', source.keptMax);
      // A viewer who joins meanwhile is told to come again: nothing was decided that could be pending.
      await confirmed?.().catch((cause: unknown) => {
        throw new Fault('unavailable', { cause });
      });
    } catch (error) {
      // Taken down again: whoever asks next must not be given a room whose positions are those of this attempt.
      hangDown(key, [keys.bell]);
      throw error;
    }
    const [epoch, offset] = meta;
    const entries = newest
      .map(([entryId, flat]) => ({ offset: Number(entryId.slice(0, entryId.indexOf('-'))), json: flat[1] ?? 'null' }))
      .toReversed();
    log.epoch = epoch ?? '';
    log.lastOffset = entries.at(-1)?.offset ?? Number(offset ?? 0);
    log.room.reset(entries[0] === undefined ? log.lastOffset : entries[0].offset - 1);
    log.room.append(entries);
    log.filling = false;
    await fill(log);
    return log;
  }

  const entryOf = (entry: LogEntry): unknown => {
    if (!parsed.has(entry)) parsed.set(entry, JSON.parse(entry.json));
    return parsed.get(entry);
  };

  /** What someone at `from` has missed, or undefined when it cannot all be told. */
  function missedSince(log: OpenLog, from: string): LogEntry[] | undefined {
    const dot = from.lastIndexOf('.');
    const offset = Number(from.slice(dot + 1));
    if (from.slice(0, dot) !== log.epoch || !Number.isInteger(offset) || offset > log.lastOffset || offset < 0)
      return undefined;
    return log.room.entriesAfter(offset);
  }

  // ---------------------------------------------------------------------------------------------- state rooms
  async function openState(feed: string, id: string): Promise<Open | null> {
    const source = states.get(feed);
    if (source === undefined) return null;
    const channels = source.channels(id);
    const key = feed + BREAK + id;
    // A room is only made for what exists: a stranger's spelling must not hang bells. What rings between this read and
    // the bell is caught by the read after it.
    if ((await source.read([id]))[0] === null) return null;
    let full: Record<string, unknown>;
    try {
      await Promise.all(channels.map((channel) => subscriber.ssubscribe(channel)));
      full = ((await source.read([id]))[0] ?? {}) as Record<string, unknown>;
    } catch (error) {
      hangDown(key, channels);
      throw error;
    }
    const state: OpenState = {
      kind: 'state',
      feed,
      id,
      channels,
      room: tick.stateRoom(key, { event: feed, id, positionOf: (version) => `${nodeWord}.${version}` }),
      version: 1,
      full,
      readAtMs: clock.monotonicMs(),
      emptySinceMs: clock.monotonicMs(),
    };
    for (const channel of channels) byChannel.set(channel, state);
    state.room.set(1, full, full);
    // A bell between the read and this line found no room: one more look settles it.
    mark(state);
    return state;
  }

  function update(state: OpenState, full: Record<string, unknown>): void {
    const changed: Record<string, unknown> = {};
    for (const [field, value] of Object.entries(full)) {
      if (JSON.stringify(value) !== JSON.stringify(state.full[field])) changed[field] = value;
    }
    if (Object.keys(changed).length === 0) return;
    state.full = full;
    state.version++;
    state.room.set(state.version, full, changed);
  }

  function mark(state: OpenState): void {
    const rooms = dirty.get(state.feed);
    if (rooms === undefined) dirty.set(state.feed, new Set([state]));
    else rooms.add(state);
  }

  /** Reads these rooms of one feed again, a page at a time. What could not be read stays marked. */
  async function refresh(feed: string, rooms: OpenState[]): Promise<void> {
    for (const room of rooms) dirty.get(feed)?.delete(room);
    for (let i = 0; i < rooms.length; i += 500) {
      const page = rooms.slice(i, i + 500);
      try {
        const found = (await states.get(feed)?.read(page.map((room) => room.id))) ?? [];
        for (const [at, room] of page.entries()) {
          room.readAtMs = clock.monotonicMs();
          const full = found[at];
          if (full) update(room, full as Record<string, unknown>);
        }
      } catch (error) {
        for (const room of rooms.slice(i)) mark(room);
        throw error;
      }
    }
  }

  async function sample(feed: string): Promise<void> {
    const due = [...(dirty.get(feed) ?? [])].filter((room) => room.room.size > 0);
    try {
      await refresh(feed, due);
    } catch (error) {
      logger.debug({ feed, error: String(error) }, 'states could not be read; they are read again shortly');
    }
  }

  // -------------------------------------------------------------------------------------------------- joining
  async function roomOf(feed: string, id: string): Promise<Open | null> {
    const key = feed + BREAK + id;
    const existing = open.get(key);
    if (existing !== undefined) return existing;
    const going = opening.get(key);
    if (going !== undefined) return going;
    if (open.size + opening.size >= roomsMax) throw new Fault('overloaded');
    const started = (logs.has(feed) ? openLog(feed, id) : openState(feed, id))
      .then((room) => {
        if (room !== null) open.set(key, room);
        return room;
      })
      .finally(() => opening.delete(key));
    opening.set(key, started);
    return started;
  }

  function hangDown(key: string, channels: readonly string[]): void {
    tick.dropRoom(key);
    for (const channel of channels) {
      byChannel.delete(channel);
      void subscriber.sunsubscribe(channel).catch(() => {});
    }
  }

  function close(key: string, room: Open): void {
    open.delete(key);
    if (room.kind === 'state') dirty.get(room.feed)?.delete(room);
    hangDown(key, room.kind === 'log' ? [room.keys.bell] : room.channels);
  }

  function sweep(): void {
    const nowMs = clock.monotonicMs();
    for (const [key, room] of open) {
      if (room.room.size > 0) room.emptySinceMs = null;
      else if (room.emptySinceMs === null) room.emptySinceMs = nowMs;
      else if (nowMs - room.emptySinceMs > lingerMs) {
        close(key, room);
        continue;
      }
      if (room.kind === 'log') {
        if (nowMs - room.heardAtMs > silenceMs) void fill(room);
      } else if (room.room.size > 0 && nowMs - room.readAtMs > stateSilenceMs) mark(room);
    }
  }

  subscriber.on('smessage', (channel: string, message: string) => {
    const room = byChannel.get(channel);
    if (room === undefined) return;
    if (room.kind === 'state') return mark(room);
    if (confirmation === null) return ring(room, message);
    ringConfirmed(room, message, confirmation.begin);
  });

  function isFull(socket: Socket, key: string): boolean {
    const mine = joined.get(socket);
    return mine !== undefined && !mine.has(key) && mine.size >= feedsPerSocketMax;
  }

  // The doorbells may be away while everything else answers, or come back later than it: what rang meanwhile is lost.
  subscriber.on('ready', () => {
    // Answered behind the subscriptions that are made anew on this connection, so that nothing falls between.
    void subscriber.ping().then(lookAtAll, () => {});
  });

  function lookAtAll(): void {
    for (const room of open.values()) {
      if (room.kind === 'log') void fill(room);
      else mark(room);
    }
  }

  async function join(
    caller: Caller,
    input: JoinInput,
  ): Promise<DecisionOf<(typeof feedsContract)['commands']['join']>> {
    const { socket, person } = caller;
    const feed = declared.get(input.feed);
    if (socket === null) return { ok: false, why: 'needs-socket' };
    if (feed === undefined) return { ok: false, why: 'unknown-feed' };
    if (feed.callers !== 'anyone') {
      if (person === null) throw new Fault('unauthenticated');
      if (!feed.callers.some((role) => person.roles.includes(role))) throw new Fault('forbidden');
    }
    if (!feed.id.safeParse(input.id).success) return { ok: false, why: 'unknown-id' };
    if (feed.scope === 'own' && person?.shopperId !== input.id) return { ok: false, why: 'not-yours' };
    const key = input.feed + BREAK + input.id;
    const tooMany = { ok: false, why: 'too-many-feeds', feedsMax: feedsPerSocketMax } as const;
    if (isFull(socket, key)) return tooMany;
    const room = await roomOf(input.feed, input.id);
    if (room === null) return { ok: false, why: 'unknown-id' };
    if (room.kind === 'state' && room.room.size === 0 && dirty.get(room.feed)?.has(room)) {
      // It rang while nobody watched: the first who comes back is not shown what was. Kept from being closed meanwhile.
      room.emptySinceMs = clock.monotonicMs();
      await refresh(room.feed, [room]);
    }
    // From here to the answer there is no wait: the viewer enters at exactly the position it is told.
    if (!socket.connected) throw new Fault('unavailable');
    // Looked at again: a page joins all its feeds at once, and what it came into meanwhile counts.
    if (isFull(socket, key)) return tooMany;
    const mine = joined.get(socket) ?? new Set<string>();
    mine.add(key);
    joined.set(socket, mine);
    if (room.kind === 'log' && isPerson(socket)) {
      const people = peopleIn.get(key) ?? new Set();
      peopleIn.set(key, people.add(socket));
    }
    if (room.kind === 'state') {
      room.room.join(socket, room.version);
      return { ok: true, reply: { position: `${nodeWord}.${room.version}`, snapshot: room.full } };
    }
    room.room.join(socket, room.lastOffset);
    const position = positionOf(room, room.lastOffset);
    const missed = input.from === undefined ? undefined : missedSince(room, input.from);
    if (missed !== undefined) return { ok: true, reply: { position, recovered: true, entries: missed.map(entryOf) } };
    const kept = room.room.recent();
    const shown = logs.get(room.feed)?.snapshotEntries ?? 0;
    const entries =
      kept === undefined ? [] : (room.room.entriesAfter(Math.max(kept.firstOffset - 1, room.lastOffset - shown)) ?? []);
    const snapshot = { entries: entries.map(entryOf) };
    return {
      ok: true,
      reply: input.from === undefined ? { position, snapshot } : { position, recovered: false, snapshot },
    };
  }

  function forget(socket: Socket, key: string): void {
    open.get(key)?.room.leave(socket);
    const people = peopleIn.get(key);
    if (people?.delete(socket) && people.size === 0) peopleIn.delete(key);
  }

  function leave(socket: Socket, key: string): void {
    if (joined.get(socket)?.delete(key)) forget(socket, key);
  }

  return {
    state: (name, source) => void states.set(name, source),
    log: (name, source) => void logs.set(name, source),
    handlers: {
      join,
      leave: async (caller, input) => {
        if (caller.socket !== null) leave(caller.socket, input.feed + BREAK + input.id);
        return { ok: true, reply: {} };
      },
    },
    viewersOf(name) {
      const counts = new Map<string, number>();
      for (const [key, people] of peopleIn) {
        const [feed, id = ''] = key.split(BREAK);
        if (feed === name) counts.set(id, people.size);
      }
      return counts;
    },
    leaveAll(socket) {
      for (const key of joined.get(socket) ?? []) forget(socket, key);
      joined.delete(socket);
    },
    behind(socket, room) {
      leave(socket, room);
      const [feed = '', id = ''] = room.split(BREAK);
      const notice: BehindEvent = { feed, id };
      tick.send(socket, 'feeds:behind', notice);
    },
    reconnected() {
      for (const room of open.values()) {
        if (room.kind === 'log') void verify(room);
        else mark(room);
      }
    },
    start() {
      for (const [feed, source] of states) {
        let running = false;
        const timer = setInterval(() => {
          if (running) return;
          running = true;
          void sample(feed).finally(() => {
            running = false;
          });
        }, source.sampleMs);
        timers.push(timer);
      }
      timers.push(setInterval(sweep, 1_000));
      for (const name of declared.keys()) {
        if (!states.has(name) && !logs.has(name)) throw new Error(`the feed ${name} is declared and nobody feeds it`);
      }
    },
    stop() {
      for (const timer of timers) clearInterval(timer);
    },
  };
}
