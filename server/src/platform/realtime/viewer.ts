import type { Socket } from 'socket.io';
import { type EngineSocket, type EngineTransport, engineOf } from './engine-internals.ts';
import type { Room } from './room.ts';

/**
 * What the tick knows of one connection. One small record in a slot of the engine's socket: no closures and no listeners
 * of its own, because there are as many of these as there are people.
 */
export interface Viewer {
  readonly socket: Socket;
  readonly conn: EngineSocket;
  attached: boolean;
  /** Not read from at present, because it owes too much. */
  paused: boolean;
  /** The rooms it is in, and beside each how far it has been told. Made with the first room. */
  rooms: Room[] | undefined;
  positions: number[] | undefined;
  /** Personal packets that wait for the tick, and their characters. */
  own: string[] | undefined;
  ownSize: number;
  /** Answers to its commands that are ready in this turn and leave at its end. */
  answers: string[] | undefined;
  /** The last cycle in which it was listed as due, so that two changed rooms list it once. */
  dueIn: number;
  /** The transport that was seen to be websocket without compression: asked once, not at every write. */
  plain: EngineTransport | undefined;
  /** How far the engine's queue has been counted: a queue of 290,000 packets is not walked again at every look. */
  countedQueue: readonly unknown[] | undefined;
  counted: number;
  countedBytes: number;
}

const slot = Symbol('elevens.viewer');
type Slotted = EngineSocket & { [slot]?: Viewer | undefined };

export function viewerOf(socket: Socket): Viewer | undefined {
  return (engineOf(socket) as Slotted)[slot];
}

export function viewerOfEngine(conn: EngineSocket): Viewer | undefined {
  return (conn as Slotted)[slot];
}

export function createViewer(socket: Socket): Viewer {
  const conn = engineOf(socket);
  const viewer: Viewer = {
    socket,
    conn,
    attached: true,
    paused: false,
    rooms: undefined,
    positions: undefined,
    own: undefined,
    ownSize: 0,
    answers: undefined,
    dueIn: 0,
    plain: undefined,
    countedQueue: undefined,
    counted: 0,
    countedBytes: 0,
  };
  (conn as Slotted)[slot] = viewer;
  return viewer;
}

/** Takes the viewer out of its slot, so that nothing of it outlives the connection. */
export function forgetViewer(viewer: Viewer): void {
  (viewer.conn as Slotted)[slot] = undefined;
}
