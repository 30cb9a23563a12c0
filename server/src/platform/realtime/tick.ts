import type { Socket } from 'socket.io';
import { type EngineSocket, engineOf, rawSocketOf } from './engine-internals.ts';
import { eventPacket, type Frames, framed } from './frames.ts';
import { createLogRing, type LogEntry, type LogInit } from './log-ring.ts';
import { createRawWriter, routeOf } from './raw-writer.ts';
import { enterRoom, leaveRoom, type Room } from './room.ts';
import { createStateCell, type StateInit } from './state-cell.ts';
import { createViewer, forgetViewer, type Viewer, viewerOf, viewerOfEngine } from './viewer.ts';
import { cutOff, type DebtBounds, debtBytesOf, defaultBounds, pauseReading, resumeReading } from './viewer-debt.ts';

export type { LogEntry, LogInit, StateInit };
export { type DebtBounds, defaultBounds };

/**
 * Why a connection was cut off. slow-reader: it owed too much. node-full: all together did, and it owed the most.
 * lingering: it had left the namespace, or was being closed, and stayed. write-failed: a bug, logged as such.
 */
export type CutCode = 'slow-reader' | 'node-full' | 'lingering' | 'write-failed';

/** Where the tick counts. Every method is called at most once a tick or once a sweep, never once a viewer. */
export interface TickMetrics {
  ticked(sums: {
    /** Entries, states and personal events written to viewers, each counted once a viewer. */
    deliveries: number;
    /** Writes made for them. */
    writes: number;
    bytes: number;
    /** Viewers who could not be written to and get it later, joined. */
    skippedViewers: number;
    /** States left out because the viewer owed too much. */
    skippedState: number;
    /** Viewers who had fallen further behind than is kept. */
    behind: number;
    /** How long the cycle took, from its first to its last viewer. */
    ms: number;
  }): void;
  swept(sums: { viewers: number; queueBytes: number; pausedViewers: number }): void;
  cutOff(code: CutCode, sockets: number): void;
}

export interface TickOptions {
  /** From one cycle to the next: each room is written at most once in it. */
  tickMs: number;
  clock: { monotonicMs(): number };
  metrics: TickMetrics;
  logger: { warn(fields: object, message: string): void; error(fields: object, message: string): void };
  /** The viewer lacks more than is kept and has left the room. Called once; the client should join again. */
  onBehind: (socket: Socket, room: string) => void;
  /** Entries kept in each log room for viewers who fall behind or come back. */
  recentMax: number;
  bounds?: DebtBounds;
}

export interface LogRoom {
  /** Adds the next entries. What is already here is left out; after a gap the viewers before it are told that they are behind. */
  append(entries: readonly LogEntry[]): void;
  /** From the next cycle on the viewer is sent what is above this offset. Joining again moves it. */
  join(socket: Socket, afterOffset: number): void;
  leave(socket: Socket): void;
  /** Begins a new epoch: nothing kept counts any more, and every viewer has left and is told that it is behind. */
  reset(lastOffset?: number): void;
  readonly size: number;
  /** What is kept, or undefined before the room knows where its log stands. firstOffset is lastOffset + 1 when nothing is. */
  recent(): { firstOffset: number; lastOffset: number } | undefined;
  /** The entries above this offset, or undefined if some of them are no longer kept. */
  entriesAfter(offset: number): LogEntry[] | undefined;
}

export interface StateRoom {
  /**
   * Takes a newer version: the whole state, and the fields that changed since the version given before. Both are read
   * again at the next cycle, so they must not be changed afterwards. A version that is not newer changes nothing.
   */
  set(version: number, full: object, changed: object): void;
  /** From the next cycle on the viewer is sent what is newer than this version. */
  join(socket: Socket, version: number): void;
  leave(socket: Socket): void;
  readonly size: number;
}

/**
 * Tells the crowd: what happened since the last cycle is framed once a room and written once a viewer, as ordinary
 * Socket.IO packets that any stock client reads. One viewer's slowness costs nobody else anything.
 */
export interface Tick {
  start(): void;
  /** Writes what is still to be said, waiting a moment for viewers who are busy, then stops. */
  stop(): Promise<void>;
  /** The log room of this key, made if there is none. Its packets: `42["live:chat",{"id","position","entries":[...]}]`. */
  logRoom(key: string, init: LogInit): LogRoom;
  /** The state room of this key, made if there is none. Its packets: `42["deals:stock",{"id","position","state":{...}}]`. */
  stateRoom(key: string, init: StateInit): StateRoom;
  /** Forgets a room; viewers still in it leave it silently. */
  dropRoom(key: string): void;
  /** An event for one viewer: after what its rooms have for it in the same cycle, in the order of the calls, in the same write. */
  send(socket: Socket, event: string, payload: unknown): void;
  /**
   * Answers the command of this id with this JSON: at the end of this turn, together with other answers to the same connection, in a write
   * of its own where one is safe and through the library where it is not.
   */
  answer(socket: Socket, id: number, json: string): void;
  /** Begins to look after a connection; ends by itself when it disconnects. */
  attach(socket: Socket): void;
  /** Bytes that wait in this process for this viewer. */
  debtOf(socket: Socket): number;
  /** Whether a command of this socket should be taken up. When it is false, the socket is not read from either. */
  mayRead(socket: Socket): boolean;
  viewers(): number;
}

/** All sockets are looked over this often. */
const sweepMs = 1_000;
/**
 * Sweeps for which a connection may stay open once its viewer has left. An orderly close waits for what is not being read,
 * and a client may leave the namespace and hold the connection: neither is in anybody's books any more.
 */
const lingerSweeps = 3;
/** A cycle lets commands and answers through after this long: ten thousand writes take longer than a tick. */
const sliceMs = 10;
/** Viewers served between two looks at the clock. */
const sliceViewers = 64;
/** Characters kept for each log room, whatever its entries' size: 500 entries of 2 KiB. */
const keptSizeMax = 1_048_576;

/** How long stopping waits for viewers who cannot be written to: about the time an answer needs to drain on a phone. */
const lastWordsMs = 500;

export function createTick(options: TickOptions): Tick {
  const { tickMs, clock, metrics, logger, onBehind, recentMax, bounds = defaultBounds } = options;
  const rooms = new Map<string, { room: Room; handle: LogRoom | StateRoom }>();
  const viewers = new Set<Viewer>();
  /** Rooms with something new since the last cycle. */
  const changed = new Set<Room>();
  /** Viewers who lack something although their rooms may be quiet: skipped, just joined, or with a personal event. */
  const lagging = new Set<Viewer>();
  const paused = new Set<Viewer>();
  /** Viewers whose connection is still open after they left, and the sweeps it has left. */
  const leaving = new Map<Viewer, number>();
  const writer = createRawWriter();
  /** Viewers with answers that wait for the end of this turn. */
  let answered: Viewer[] = [];

  let due: Viewer[] = [];
  let cursor = 0;
  let cycle = 0;
  let cycleBeganMs = 0;
  let nextCycleMs = 0;
  let running = false;
  let timer: NodeJS.Timeout | undefined;
  let sweeper: NodeJS.Timeout | undefined;
  const noSums = { deliveries: 0, writes: 0, bytes: 0, skippedViewers: 0, skippedState: 0, behind: 0 };
  let sums = { ...noSums };
  const cuts = new Map<CutCode, { sockets: number; debtBytes: number }>();

  // One listener function for all sockets, not a closure for each.
  function onPacket(this: EngineSocket): void {
    const viewer = viewerOfEngine(this);
    if (viewer !== undefined) holdToBounds(viewer, debtBytesOf(viewer));
  }
  function onDisconnect(this: Socket, reason: string): void {
    const viewer = viewerOf(this);
    if (viewer === undefined) return;
    // Ws closes politely and waits half a minute for the other side's word. Nobody is there to give it after a ping
    // time-out, and on a socket that is not read from it would not be heard.
    const deaf = viewer.paused || reason === 'ping timeout';
    detach(viewer);
    if (deaf) cutOff(viewer);
    if (viewer.conn.readyState !== 'closed') leaving.set(viewer, lingerSweeps);
  }

  function detach(viewer: Viewer): void {
    if (!viewer.attached) return;
    viewer.attached = false;
    viewers.delete(viewer);
    lagging.delete(viewer);
    paused.delete(viewer);
    for (const room of viewer.rooms ?? []) room.members.delete(viewer);
    viewer.rooms = undefined;
    viewer.positions = undefined;
    viewer.own = undefined;
    viewer.ownSize = 0;
    viewer.answers = undefined;
    viewer.conn.removeListener('packet', onPacket);
    forgetViewer(viewer);
  }

  function cut(viewer: Viewer, code: CutCode, debtBytes: number): void {
    const sofar = cuts.get(code);
    cuts.set(code, { sockets: (sofar?.sockets ?? 0) + 1, debtBytes: (sofar?.debtBytes ?? 0) + debtBytes });
    detach(viewer);
    cutOff(viewer);
  }

  /** Pauses or cuts off a viewer that owes too much. Answers whether it may still be read from. */
  function holdToBounds(viewer: Viewer, debtBytes: number): boolean {
    if (debtBytes > bounds.cutBytes) {
      cut(viewer, 'slow-reader', debtBytes);
      return false;
    }
    if (debtBytes <= bounds.pauseCommandsBytes) return !viewer.paused;
    if (!viewer.paused) {
      pauseReading(viewer);
      paused.add(viewer);
    }
    return false;
  }

  /** Reads again from those whose debt has shrunk to half the bound: at the bound itself reading would flap on and off. */
  function resumePaid(): void {
    for (const viewer of paused) {
      const debtBytes = debtBytesOf(viewer);
      if (debtBytes <= bounds.pauseCommandsBytes / 2) {
        paused.delete(viewer);
        resumeReading(viewer);
      } else holdToBounds(viewer, debtBytes);
    }
  }

  /** Rooms that built packets in this cycle. A room stands here once for each distinct stretch. */
  const used: Room[] = [];
  const parts: Frames[] = [];
  const lost: Room[] = [];

  function serve(viewer: Viewer): void {
    if (!viewer.attached) return;
    const route = routeOf(viewer);
    if (route === 'wait') {
      lagging.add(viewer);
      sums.skippedViewers++;
      return;
    }
    parts.length = 0;
    lost.length = 0;
    let size = 0;
    let deliveries = 0;
    const viewerRooms = viewer.rooms;
    const positions = viewer.positions;
    if (viewerRooms !== undefined && positions !== undefined) {
      for (let i = 0; i < viewerRooms.length; i++) {
        const room = viewerRooms[i] as Room;
        const frames = room.framesAfter(positions[i] as number);
        if (frames === undefined) continue;
        if (frames === 'behind') lost.push(room);
        else if (size > bounds.skipStateBytes) {
          // What this write already holds is a debt in itself: the rest goes out by position when it has drained.
          if (room.kind === 'state') sums.skippedState++;
          lagging.add(viewer);
        } else {
          parts.push(frames);
          if (frames.usedIn !== cycle) {
            frames.usedIn = cycle;
            used.push(room);
          }
          positions[i] = frames.to;
          size += frames.size;
          deliveries += frames.deliveries;
          if (frames.to < room.shownTo()) lagging.add(viewer);
        }
      }
    }
    let own: Frames | undefined;
    if (viewer.own !== undefined) {
      own = {
        texts: viewer.own,
        to: 0,
        size: viewer.ownSize,
        deliveries: viewer.own.length,
        usedIn: 0,
        joined: undefined,
      };
      deliveries += viewer.own.length;
      viewer.own = undefined;
      viewer.ownSize = 0;
    }
    if (parts.length > 0 || own !== undefined) {
      const bytes = route === 'raw' ? writer.write(viewer, parts, own) : writer.hand(viewer, parts, own);
      sums.writes++;
      sums.bytes += bytes;
      sums.deliveries += deliveries;
    }
    for (const room of lost) leaveRoom(room, viewer);
    sums.behind += lost.length;
    // Last, because it may join, leave and send.
    for (const room of lost.splice(0)) onBehind(viewer.socket, room.key);
  }

  function listDue(viewer: Viewer): void {
    if (viewer.dueIn === cycle) return;
    viewer.dueIn = cycle;
    due.push(viewer);
  }

  function beginCycle(): void {
    cycle++;
    cycleBeganMs = clock.monotonicMs();
    due = [];
    cursor = 0;
    for (const room of changed) {
      room.show();
      for (const viewer of room.members) listDue(viewer);
    }
    changed.clear();
    for (const viewer of lagging) listDue(viewer);
    lagging.clear();
  }

  /** Serves the viewers who are due until `untilMs`; answers whether all have been served. */
  function serveUntil(untilMs: number): boolean {
    while (cursor < due.length) {
      const viewer = due[cursor++] as Viewer;
      try {
        serve(viewer);
      } catch (err) {
        // A bug must not take the tick of everybody else along. The viewer's position is uncertain now, so it has to come back.
        logger.error({ err }, 'a viewer could not be served and is cut off');
        if (viewer.attached) cut(viewer, 'write-failed', 0);
      }
      if (cursor % sliceViewers === 0 && clock.monotonicMs() > untilMs) return cursor >= due.length;
    }
    return true;
  }

  function writeAnswers(): void {
    const viewersNow = answered;
    answered = [];
    for (const viewer of viewersNow) {
      const texts = viewer.answers;
      viewer.answers = undefined;
      // Whoever has disconnected meanwhile is not waiting any more.
      if (texts === undefined) continue;
      try {
        const ws = viewer.conn.transport.socket;
        const raw = ws !== undefined && routeOf(viewer) === 'raw' ? rawSocketOf(ws) : null;
        // Where a raw write might overtake something, the library queues the answers behind it.
        if (raw === null) for (const text of texts) viewer.conn.write(text);
        else raw.write(framed(texts));
      } catch (err) {
        // Nobody else's answer may be lost by it. This client comes back and asks again with the same requestId.
        logger.error({ err }, 'an answer could not be written and its connection is cut off');
        if (viewer.attached) cut(viewer, 'write-failed', 0);
      }
    }
  }

  function endCycle(): void {
    due = [];
    for (const room of used) room.forgetFrames();
    used.length = 0;
    writer.forget();
    metrics.ticked({ ...sums, ms: clock.monotonicMs() - cycleBeganMs });
    sums = { ...noSums };
  }

  function runCycle(): void {
    resumePaid();
    beginCycle();
    runSlice();
  }

  function runSlice(): void {
    if (!running) return;
    if (!serveUntil(clock.monotonicMs() + sliceMs)) {
      setImmediate(runSlice);
      return;
    }
    endCycle();
    const now = clock.monotonicMs();
    // A cycle that took longer than a tick is followed at once by the next, which then carries more.
    nextCycleMs = Math.max(nextCycleMs + tickMs, now);
    timer = setTimeout(runCycle, nextCycleMs - now);
  }

  function sweep(): void {
    let queueBytes = 0;
    const debtors: { viewer: Viewer; debtBytes: number }[] = [];
    for (const viewer of viewers) {
      const debtBytes = debtBytesOf(viewer);
      if (debtBytes === 0) continue;
      holdToBounds(viewer, debtBytes);
      if (!viewer.attached) continue;
      queueBytes += debtBytes;
      debtors.push({ viewer, debtBytes });
    }
    if (queueBytes > bounds.nodeBytes) {
      debtors.sort((a, b) => b.debtBytes - a.debtBytes);
      for (const { viewer, debtBytes } of debtors) {
        if (queueBytes <= bounds.nodeBytes) break;
        cut(viewer, 'node-full', debtBytes);
        queueBytes -= debtBytes;
      }
    }
    for (const [viewer, sweeps] of leaving) {
      if (viewer.conn.readyState === 'closed' || viewerOfEngine(viewer.conn) !== undefined) leaving.delete(viewer);
      else if (sweeps > 0) leaving.set(viewer, sweeps - 1);
      else {
        leaving.delete(viewer);
        cut(viewer, 'lingering', debtBytesOf(viewer));
      }
    }
    // Counted up and said once a sweep: a thousand phones in a tunnel are one line.
    for (const [code, { sockets, debtBytes }] of cuts) {
      metrics.cutOff(code, sockets);
      logger.warn({ code, sockets, debtBytes }, 'connections were cut off');
    }
    cuts.clear();
    metrics.swept({ viewers: viewers.size, queueBytes, pausedViewers: paused.size });
  }

  function viewerIn(room: Room, socket: Socket, position: number): void {
    const viewer = viewerOf(socket);
    // A socket that has just disconnected has no record any more: there is nobody to tell.
    if (viewer === undefined) return;
    enterRoom(room, viewer, position);
    lagging.add(viewer);
  }

  function viewerOut(room: Room, socket: Socket): void {
    const viewer = viewerOf(socket);
    if (viewer !== undefined) leaveRoom(room, viewer);
  }

  return {
    start() {
      if (running) return;
      running = true;
      nextCycleMs = clock.monotonicMs() + tickMs;
      timer = setTimeout(runCycle, tickMs);
      sweeper = setInterval(sweep, sweepMs);
    },

    async stop() {
      if (!running) return;
      running = false;
      clearTimeout(timer);
      clearInterval(sweeper);
      // Whoever was still to be served in a cycle under way lacks something: the last cycles begin with them.
      for (; cursor < due.length; cursor++) lagging.add(due[cursor] as Viewer);
      const untilMs = clock.monotonicMs() + lastWordsMs;
      for (;;) {
        beginCycle();
        serveUntil(Number.POSITIVE_INFINITY);
        endCycle();
        const waitMs = untilMs - clock.monotonicMs();
        if (lagging.size === 0 || waitMs <= 0) break;
        // Answers on their way out, or a phone that reads slowly: it is given a moment, and the rest is lost with the connection.
        await new Promise((resolve) => setTimeout(resolve, Math.min(tickMs, waitMs)));
      }
      sweep();
    },

    logRoom(key, init) {
      const known = rooms.get(key);
      if (known !== undefined) {
        if (known.room.kind !== 'log') throw new Error(`The room ${key} is not a log.`);
        return known.handle as LogRoom;
      }
      const ring = createLogRing({
        ...init,
        entriesMax: recentMax,
        keptSizeMax,
        catchUpSizeMax: bounds.skipStateBytes,
      });
      const room: Room = {
        key,
        kind: 'log',
        members: new Set(),
        show: ring.show,
        framesAfter: ring.framesAfter,
        shownTo: ring.shownTo,
        forgetFrames: ring.forgetFrames,
      };
      const handle: LogRoom = {
        append(entries) {
          if (ring.append(entries)) changed.add(room);
        },
        join: (socket, afterOffset) => viewerIn(room, socket, afterOffset),
        leave: (socket) => viewerOut(room, socket),
        reset(lastOffset) {
          ring.reset(lastOffset);
          // A copy: whoever is told may join again at once.
          const members = [...room.members];
          for (const viewer of members) {
            leaveRoom(room, viewer);
            onBehind(viewer.socket, key);
          }
        },
        get size() {
          return room.members.size;
        },
        recent: ring.recent,
        entriesAfter: ring.entriesAfter,
      };
      rooms.set(key, { room, handle });
      return handle;
    },

    stateRoom(key, init) {
      const known = rooms.get(key);
      if (known !== undefined) {
        if (known.room.kind !== 'state') throw new Error(`The room ${key} is not a state.`);
        return known.handle as StateRoom;
      }
      const cell = createStateCell(init);
      const room: Room = {
        key,
        kind: 'state',
        members: new Set(),
        show: cell.show,
        framesAfter: cell.framesAfter,
        shownTo: cell.shownTo,
        forgetFrames: cell.forgetFrames,
      };
      const handle: StateRoom = {
        set(version, full, changedFields) {
          if (cell.set(version, full, changedFields)) changed.add(room);
        },
        join: (socket, version) => viewerIn(room, socket, version),
        leave: (socket) => viewerOut(room, socket),
        get size() {
          return room.members.size;
        },
      };
      rooms.set(key, { room, handle });
      return handle;
    },

    dropRoom(key) {
      const known = rooms.get(key);
      if (known === undefined) return;
      rooms.delete(key);
      changed.delete(known.room);
      for (const viewer of known.room.members) leaveRoom(known.room, viewer);
    },

    send(socket, event, payload) {
      const viewer = viewerOf(socket);
      if (viewer === undefined) return;
      const text = eventPacket(event, payload);
      viewer.own ??= [];
      viewer.own.push(text);
      viewer.ownSize += Buffer.byteLength(text);
      lagging.add(viewer);
      if (viewer.ownSize > bounds.cutBytes) holdToBounds(viewer, debtBytesOf(viewer));
    },

    answer(socket, id, json) {
      const viewer = viewerOf(socket);
      if (viewer === undefined) return;
      const text = `3${id}[${json}]`;
      if (viewer.answers !== undefined) {
        viewer.answers.push(text);
        return;
      }
      viewer.answers = [text];
      // After the promises of this turn: a batch of decisions settles all of its callers in one.
      if (answered.push(viewer) === 1) process.nextTick(writeAnswers);
    },

    attach(socket) {
      if (viewerOf(socket) !== undefined) return;
      if (socket.nsp.name !== '/') throw new Error('The tick frames packets of the main namespace only.');
      viewers.add(createViewer(socket));
      engineOf(socket).on('packet', onPacket);
      socket.on('disconnect', onDisconnect);
    },

    debtOf(socket) {
      const viewer = viewerOf(socket);
      return viewer === undefined ? 0 : debtBytesOf(viewer);
    },

    mayRead(socket) {
      const viewer = viewerOf(socket);
      return viewer !== undefined && holdToBounds(viewer, debtBytesOf(viewer));
    },

    viewers: () => viewers.size,
  };
}
