import { rawSocketOf, senderIsIdle } from './engine-internals.ts';
import { type Frames, joinedOf } from './frames.ts';
import type { Viewer } from './viewer.ts';

/**
 * How a viewer can be told now: by a write of our own on its TCP socket, through the library, or not in this tick.
 * A raw write must not overtake what the library still holds, so every queue between here and the socket has to be empty
 * (three emits leave everything but the engine's own buffer looking idle). A write that has not drained also means "not
 * now": the next ticks then travel in one write when it has.
 */
export type Route = 'raw' | 'library' | 'wait';

export function routeOf(viewer: Viewer): Route {
  const { conn } = viewer;
  if (conn.readyState !== 'open' || conn.upgrading) return 'wait';
  const transport = conn.transport;
  if (!transport.writable || conn.writeBuffer.length !== 0) return 'wait';
  const ws = transport.socket;
  // Polling: writable means that a poll is waiting for its answer. Nothing is handed over before, so nothing piles up.
  if (transport.name !== 'websocket' || ws === undefined) return 'library';
  if (ws.readyState !== 1) return 'wait';
  if (viewer.plain !== transport) {
    if (ws.extensions !== '') return ws.bufferedAmount === 0 ? 'library' : 'wait';
    viewer.plain = transport;
  }
  if (!senderIsIdle(ws)) return 'wait';
  const raw = rawSocketOf(ws);
  return raw?.writableLength === 0 && raw.writable ? 'raw' : 'wait';
}

/**
 * Above this, several parts are written by writev instead of being copied into one buffer: a copy of a few hundred bytes
 * is cheaper than another entry in Node's write queue, a copy of many kilobytes is not.
 */
const copySizeMax = 16_384;
/** Combinations of parts remembered within one cycle; viewers of the same page stand next to each other. */
const joinsMax = 64;

/** Writes a viewer's parts in one write, and remembers the joined buffer for the viewers who need the same parts. */
export function createRawWriter() {
  const joins = new Map<Frames, { parts: Frames[]; buffer: Buffer }>();

  function sameParts(a: readonly Frames[], b: readonly Frames[]): boolean {
    if (a.length !== b.length) return false;
    for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
    return true;
  }

  return {
    /** `shared` are parts that others get too, `own` is this viewer's alone. Returns the bytes written. */
    write(viewer: Viewer, shared: readonly Frames[], own: Frames | undefined): number {
      const ws = viewer.conn.transport.socket;
      const raw = ws === undefined ? null : rawSocketOf(ws);
      if (raw === null) throw new Error('A raw write to a viewer without a raw socket.');
      const first = shared[0];
      let buffer: Buffer | undefined;
      if (first !== undefined) {
        if (shared.length === 1) buffer = joinedOf(first);
        else {
          const known = joins.get(first);
          if (known !== undefined && sameParts(known.parts, shared)) buffer = known.buffer;
          else {
            buffer = Buffer.concat(shared.map(joinedOf));
            if (joins.size < joinsMax || known !== undefined) joins.set(first, { parts: [...shared], buffer });
          }
        }
      }
      if (own === undefined) {
        if (buffer === undefined) return 0;
        raw.write(buffer);
        return buffer.length;
      }
      const ownBuffer = joinedOf(own);
      if (buffer === undefined) raw.write(ownBuffer);
      else if (buffer.length <= copySizeMax) raw.write(Buffer.concat([buffer, ownBuffer]));
      else {
        raw.cork();
        raw.write(buffer);
        raw.write(ownBuffer);
        raw.uncork();
      }
      return (buffer?.length ?? 0) + ownBuffer.length;
    },

    /** Hands the packets to the library, for polling and compressed transports. Returns the characters handed over. */
    hand(viewer: Viewer, shared: readonly Frames[], own: Frames | undefined): number {
      let size = 0;
      for (const frames of own === undefined ? shared : [...shared, own]) {
        for (const text of frames.texts) {
          viewer.conn.write(text);
          size += text.length;
        }
      }
      return size;
    },

    /** Lets go of the buffers of this cycle. */
    forget(): void {
      joins.clear();
    },
  };
}
