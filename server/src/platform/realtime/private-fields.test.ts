/* oxlint-disable no-underscore-dangle, unbound-method -- this file is about private names, and only looks at them */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { IncomingMessage } from 'node:http';
import { Socket as NetSocket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Sender } from 'ws';
import { type EngineSocket, engineOf, libraryListenerOf } from './engine-internals.ts';
import { framed } from './frames.ts';
import { releaseHandshake } from './release-handshake.ts';
import { type Rig, startRig } from './test-rig.ts';

// The tick writes past the library, so it looks at things that no version has to keep. Each is named here with what it has
// to be, so that an upgrade which changes one fails in this file and not at a festival.
/** The versions in the tree, for the message of a pin that no longer holds. */
const versions = ['socket.io', 'engine.io', 'ws', 'socket.io-parser']
  .map((name) => {
    try {
      const text = readFileSync(new URL(`../../../../node_modules/${name}/package.json`, import.meta.url), 'utf8');
      return `${name} ${(JSON.parse(text) as { version: string }).version}`;
    } catch {
      return name;
    }
  })
  .join(', ');

let rig: Rig;
let conn: EngineSocket;
beforeEach(async () => {
  rig = await startRig();
  const { socket } = await rig.client();
  conn = engineOf(socket);
});
afterEach(() => rig.stop());

function pinned(name: string, value: unknown, holds: boolean): void {
  expect(
    holds,
    `${name} is ${value === null ? 'null' : typeof value} (${String(value).slice(0, 40)}) and not what raw writes rely on (${versions}). Read C19 of docs/ARCHITECTURE.md, engine-internals.ts and raw-writer.ts before changing this test.`,
  ).toBe(true);
}

describe('the private fields that raw writes rely on', () => {
  it('are what they were on an idle websocket connection', () => {
    pinned('conn.readyState', conn.readyState, conn.readyState === 'open');
    pinned('conn.upgrading', conn.upgrading, typeof conn.upgrading === 'boolean' && !conn.upgrading);
    pinned('conn.writeBuffer', conn.writeBuffer, Array.isArray(conn.writeBuffer) && conn.writeBuffer.length === 0);
    pinned('conn.write', conn.write, typeof conn.write === 'function');
    pinned('conn.close', conn.close, typeof conn.close === 'function');
    pinned('conn.request', conn.request, conn.request instanceof IncomingMessage);
    const { transport } = conn;
    pinned('transport.name', transport.name, transport.name === 'websocket');
    pinned('transport.writable', transport.writable, typeof transport.writable === 'boolean' && transport.writable);
    const ws = transport.socket;
    pinned('transport.socket', ws, ws !== undefined);
    if (ws === undefined) return;
    pinned('ws.readyState', ws.readyState, ws.readyState === 1);
    pinned('ws.extensions', ws.extensions, ws.extensions === '');
    pinned('ws.bufferedAmount', ws.bufferedAmount, ws.bufferedAmount === 0);
    for (const name of ['pause', 'resume', 'terminate'] as const) {
      pinned(`ws.${name}`, ws[name], typeof ws[name] === 'function');
    }
    const { _sender: sender, _socket: raw } = ws as unknown as Record<string, Record<string, unknown>>;
    pinned('ws._sender', sender, sender?.constructor === (Sender as unknown));
    pinned('ws._sender._state', sender?._state, sender?._state === 0);
    pinned('ws._sender._queue', sender?._queue, Array.isArray(sender?._queue) && sender._queue.length === 0);
    pinned('ws._socket', raw, (raw as unknown) instanceof NetSocket);
    pinned('ws._socket.writableLength', raw?.writableLength, raw?.writableLength === 0);
  });

  it('show what the library still holds, packet by packet', () => {
    const socket = [...rig.io.sockets.sockets.values()][0];
    socket?.emit('a', 1);
    socket?.emit('b', 2);
    socket?.emit('c', 3);
    pinned('transport.writable after an emit', conn.transport.writable, !conn.transport.writable);
    const waiting = conn.writeBuffer.map((packet) => packet.data);
    pinned('conn.writeBuffer[].data', waiting, JSON.stringify(waiting) === JSON.stringify(['2["b",2]', '2["c",3]']));
  });

  it('frame a text as the websocket protocol says', () => {
    const [header, data] = Sender.frame(Buffer.from('42["a"]'), {
      fin: true,
      opcode: 1,
      mask: false,
      rsv1: false,
      readOnly: false,
    });
    expect(header).toEqual(Buffer.from([0x81, 7]));
    expect(data?.toString()).toBe('42["a"]');
  });

  it.for([0, 1, 123, 124, 125, 65_532, 65_533, 65_534, 65_535, 70_000])(
    'frame an answer of %i characters byte for byte as ws does',
    (size) => {
      const texts = ['ü'.repeat(size), 'a'];
      const theirs = texts.flatMap((text) =>
        Sender.frame(Buffer.from(`4${text}`), { fin: true, opcode: 1, mask: false, rsv1: false, readOnly: false }),
      );
      expect(framed(texts).equals(Buffer.concat(theirs))).toBe(true);
    },
  );

  it('lead every message of a connection to one listener of the library, which can be taken off and called', () => {
    const socket = [...rig.io.sockets.sockets.values()][0];
    if (socket === undefined) throw new Error('nobody is connected');
    const listener = libraryListenerOf(socket);
    const listeners = (conn as unknown as { listeners(event: string): unknown[] }).listeners('data');
    pinned('client.ondata', listener, typeof listener === 'function');
    pinned("conn's listeners of data", listeners, listeners.length === 1 && listeners[0] === listener);
    let heard: unknown;
    socket.onAny((event: unknown) => {
      heard = event;
    });
    listener('27["lamp:light",{}]');
    return vi.waitUntil(() => heard === 'lamp:light');
  });

  it('are true of compression too', async () => {
    await rig.stop();
    rig = await startRig({ server: { perMessageDeflate: { threshold: 0 } } });
    const { socket } = await rig.client({ transports: ['websocket'], perMessageDeflate: { threshold: 0 } });
    const extensions = engineOf(socket).transport.socket?.extensions;
    pinned('ws.extensions with compression', extensions, extensions === 'permessage-deflate');
  });

  it('let the handshake request be collected once it is released', async () => {
    const { socket } = await rig.client();
    const request = socket.request;
    releaseHandshake(socket);
    // What remains on the raw socket must not lead to the request any more: ws's own listeners, and no nameless one-time one.
    const raw = request.socket;
    const nameless = raw.rawListeners('close').filter((f) => (f as { listener?: () => void }).listener?.name === '');
    pinned("the raw socket's nameless close listeners", nameless.length, nameless.length === 0);
    const named = raw.listeners('close').map((f) => f.name);
    pinned("ws's close listener", named, named.includes('socketOnClose'));
    expect(socket.request).toBeUndefined();
    expect(socket.handshake.headers).toEqual({});
    // And the connection ends as it always does.
    const ended = once(socket, 'disconnect');
    raw.destroy();
    await ended;
  });

  it('engine.io still hangs its response on the raw socket by a nameless listener, which release takes away', async () => {
    const { socket } = await rig.client();
    const raw = socket.request.socket;
    const nameless = () =>
      raw.rawListeners('close').filter((f) => (f as { listener?: () => void }).listener?.name === '').length;
    pinned('nameless close listeners before release', nameless(), nameless() === 1);
    releaseHandshake(socket);
    expect(nameless()).toBe(0);
  });
});
