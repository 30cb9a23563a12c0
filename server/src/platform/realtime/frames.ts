import { Sender } from 'ws';

// ws exports its Sender at run time but does not type it; the private-fields test pins what is used here.
declare module 'ws' {
  export const Sender: {
    frame(
      data: Buffer,
      options: { fin: boolean; opcode: 1 | 2; mask: false; rsv1: boolean; readOnly: boolean },
    ): Buffer[];
  };
}

/** Some packets for one position, built once and shared by every viewer who stands there. */
export interface Frames {
  /** Socket.IO packets as text, `2["event",{...}]`, for the library's own path. */
  readonly texts: readonly string[];
  /** The position a viewer has reached once these are written. */
  readonly to: number;
  /** Characters of all texts: what a viewer is about to owe, close enough for bounds. */
  readonly size: number;
  /** Entries, states and personal events in these packets. */
  readonly deliveries: number;
  /** The last cycle in which they were used, so that their room can let go of them after it. */
  usedIn: number;
  /** The same packets as websocket frames in one buffer, made when the first viewer needs it. */
  joined: Buffer | undefined;
}

/** The `{...}` of a log event: the entries are already JSON and are not parsed again. */
export function logPacket(
  head: string,
  position: string,
  entries: readonly { json: string }[],
  from: number,
  to: number,
): string {
  let text = `${head}"position":${JSON.stringify(position)},"entries":[`;
  for (let i = from; i < to; i++) text += i === from ? entries[i]?.json : `,${entries[i]?.json}`;
  return `${text}]}]`;
}

/** The `{...}` of a state event. */
export function statePacket(head: string, position: string, stateJson: string): string {
  return `${head}"position":${JSON.stringify(position)},"state":${stateJson}}]`;
}

/** What all packets of one feed begin with, up to and with the comma after its id. */
export function packetHead(event: string, id: string): string {
  return `2[${JSON.stringify(event)},{"id":${JSON.stringify(id)},`;
}

/** A packet that belongs to no feed. */
export function eventPacket(event: string, payload: unknown): string {
  return `2${JSON.stringify([event, payload])}`;
}

/** Bytes of a frame's header: two, and the length where it does not fit in seven bits. */
function headerSize(size: number): number {
  return size < 126 ? 2 : size < 65_536 ? 4 : 10;
}

/**
 * Packets of one viewer alone as websocket frames in one buffer, written in place: for an answer of two hundred bytes the
 * buffers that ws makes of header and text cost more than the text.
 */
export function framed(texts: readonly string[]): Buffer {
  let total = 0;
  for (const text of texts) {
    const size = Buffer.byteLength(text) + 1;
    total += headerSize(size) + size;
  }
  const buffer = Buffer.allocUnsafe(total);
  let at = 0;
  for (const text of texts) {
    const size = Buffer.byteLength(text) + 1;
    buffer[at] = 0x81;
    if (size < 126) buffer[at + 1] = size;
    else if (size < 65_536) {
      buffer[at + 1] = 126;
      buffer.writeUInt16BE(size, at + 2);
    } else {
      buffer[at + 1] = 127;
      buffer.writeUInt32BE(0, at + 2);
      buffer.writeUInt32BE(size, at + 6);
    }
    at += headerSize(size);
    // Engine.IO's `message`, before the packet of Socket.IO.
    buffer[at] = 0x34;
    buffer.write(text, at + 1);
    at += size;
  }
  return buffer;
}

/** The frames of these packets as one buffer: each stays an ordinary text frame `42["event",...]` of its own. */
export function joinedOf(frames: Frames): Buffer {
  if (frames.joined === undefined) {
    const pieces: Buffer[] = [];
    for (const text of frames.texts) {
      pieces.push(
        ...Sender.frame(Buffer.from(`4${text}`), { fin: true, opcode: 1, mask: false, rsv1: false, readOnly: false }),
      );
    }
    frames.joined = Buffer.concat(pieces);
  }
  return frames.joined;
}
