import type { Socket } from 'socket.io';
import { type EngineSocket, engineOf, libraryListenerOf } from './engine-internals.ts';
import { viewerOfEngine } from './viewer.ts';
import { type CommandPacket, readCommand } from './wire-parser.ts';

const slot = Symbol('elevens.library-listener');
type Laned = EngineSocket & { [slot]?: (data: unknown) => void };

/**
 * The short way of a command from the websocket to the gateway. A claim costs a server less than what the library spends
 * on its packet, with two turns of its queue and its emitters, so a well-formed command is read directly. Everything else
 * is handed to the library as it came: what becomes of odd packets stays as it is.
 * Connections that are attached must be looked after by the tick, which answers by `tick.answer`.
 */
export function createCommandLane(onCommand: (socket: Socket, packet: CommandPacket) => void) {
  // One listener for all connections. `this` is the engine's socket, as its emitter calls it.
  function onData(this: Laned, data: unknown): void {
    const viewer = viewerOfEngine(this);
    // Who has left the namespace may still send; what becomes of that is the library's business.
    const packet = viewer === undefined ? null : readCommand(data);
    if (viewer === undefined || packet === null) this[slot]?.(data);
    // The tick has just measured what this viewer owes, on hearing of the same packet. What slipped in before reading was
    // paused is left unanswered: an answer would only add to the debt, and a client that hears nothing asks again.
    else if (!viewer.paused) onCommand(viewer.socket, packet);
  }

  return {
    /** Reads this connection's commands from now on. */
    attach(socket: Socket): void {
      const conn = engineOf(socket) as Laned;
      const listener = libraryListenerOf(socket);
      conn[slot] = listener;
      conn.removeListener('data', listener);
      conn.on('data', onData);
    },
  };
}
