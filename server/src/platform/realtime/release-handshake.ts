import type { Socket } from 'socket.io';
import { engineOf } from './engine-internals.ts';

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
  const response = conn.request?.res;
  // A listener on the raw socket holds the response, and the response holds the request.
  if (response) response.req = undefined;
  conn.request = undefined;
  (socket as { handshake: Handshake }).handshake = released;
}
