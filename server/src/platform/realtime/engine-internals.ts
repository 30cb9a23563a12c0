/* oxlint-disable no-underscore-dangle -- these are the private names of ws, all of them in this one file */
import type { Socket as NetSocket } from 'node:net';
import type { Socket } from 'socket.io';

/**
 * What of engine.io and ws is used beyond their public types. `private-fields.test.ts` pins every name here, so that a
 * version which drops or renames one fails there and not at a festival.
 */
export interface EngineSocket {
  readonly readyState: 'opening' | 'open' | 'closing' | 'closed';
  /** A second transport is being tried; until that is settled, a packet could overtake another. */
  readonly upgrading: boolean;
  readonly transport: EngineTransport;
  /** Packets that wait until the transport is writable. Replaced by a new array at each flush. */
  readonly writeBuffer: readonly { data?: string | Buffer }[];
  /** The HTTP request of the handshake. */
  request: unknown;
  write(data: string): unknown;
  close(discard: boolean): void;
  on(event: 'packet' | 'data', listener: (this: EngineSocket, data: unknown) => void): unknown;
  removeListener(event: 'packet' | 'data', listener: (this: EngineSocket, data: unknown) => void): unknown;
}

export interface EngineTransport {
  readonly name: 'polling' | 'websocket' | 'webtransport';
  readonly writable: boolean;
  /** The ws socket, on the websocket transport only. */
  readonly socket?: WsSocket;
}

export interface WsSocket {
  readonly readyState: number;
  /** The extensions agreed on, '' when frames are not compressed. */
  readonly extensions: string;
  /** Bytes that wait on the raw socket and in the sender. */
  readonly bufferedAmount: number;
  /** 0 while nothing is being compressed or read from a blob; what is sent meanwhile waits in the queue. */
  readonly _sender: { readonly _state: number; readonly _queue: readonly unknown[] };
  /** Null once closed. */
  readonly _socket: NetSocket | null;
  pause(): void;
  resume(): void;
  terminate(): void;
}

export function engineOf(socket: Socket): EngineSocket {
  return socket.conn as unknown as EngineSocket;
}

/** What Socket.IO reads a connection's messages with: its listener for the engine's `data`. */
export function libraryListenerOf(socket: Socket): (data: unknown) => void {
  return (socket.client as unknown as { ondata: (data: unknown) => void }).ondata;
}

/** The TCP socket under a ws socket. */
export function rawSocketOf(ws: WsSocket): NetSocket | null {
  return ws._socket;
}

/** Whether ws holds nothing back: a raw write then comes after all that was sent before. */
export function senderIsIdle(ws: WsSocket): boolean {
  return ws._sender._state === 0 && ws._sender._queue.length === 0;
}
