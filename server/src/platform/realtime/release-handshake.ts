import type { Socket as NetSocket } from 'node:net';
import type { Socket } from 'socket.io';
import { engineOf, rawSocketOf } from './engine-internals.ts';

type Handshake = Socket['handshake'];

/** What stands where the handshake was. One for all: nothing may be written to it. */
const released: Handshake = Object.freeze({
  headers: Object.freeze({}),
  time: '',
  address: '',
  xdomain: false,
  secure: false,
  issued: 0,
  url: '',
  query: Object.freeze({}),
  auth: Object.freeze({}),
});

/**
 * Lets go of the HTTP request that opened this connection: its headers, its query and the token in it are of no use any
 * more once they have been looked at, but Socket.IO keeps them for as long as the connection lasts. Afterwards
 * `socket.request` is undefined and `socket.handshake` is empty; copy what is needed before.
 */
export function releaseHandshake(socket: Socket): void {
  const conn = engineOf(socket);
  conn.request = undefined;
  (socket as { handshake: Handshake }).handshake = released;
  const ws = conn.transport.socket;
  if (ws !== undefined) forgetResponse(rawSocketOf(ws));
}

/**
 * engine.io makes a stand-in for a response, for middlewares that want to know when it closes, and a listener on the raw
 * socket keeps that, and through it the request, alive. Nobody waits for it any more once the socket is open. It is the
 * only nameless one-time listener there; if a version changes that, this frees nothing and harms nothing, and the
 * private-fields test says so.
 */
function forgetResponse(raw: NetSocket | null): void {
  if (raw === null) return;
  for (const listener of raw.rawListeners('close') as (((...args: unknown[]) => void) & { listener?: () => void })[]) {
    if (listener.listener?.name === '') raw.removeListener('close', listener.listener);
  }
}
