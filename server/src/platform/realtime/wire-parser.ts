import { Decoder, Encoder } from 'socket.io-parser';

/** A packet that Elevens never uses: the connection that sent it is closed with the code `bad-packet`. */
export class BadPacket extends Error {
  constructor(what: string) {
    super(what);
    this.name = 'BadPacket';
  }
}

/** Deepest nesting of any command's input is four; JSON past this exists only to hurt whoever walks it. */
const depthMax = 32;
/** Text this short cannot nest deep enough to matter. */
const shallowCharacters = 128;
/** Acknowledgement ids are counted by clients from 0; past 15 digits they are no exact numbers any more. */
const ackIdDigitsMax = 15;

/** `<type>[/<namespace>,][<ack id>]<json>`: what stands before the JSON of a packet without attachments. */
const HEAD = /^([0-4])(\/[^,]*,)?(\d*)/;

function isTooDeep(text: string): boolean {
  let depth = 0;
  let inText = false;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (inText) {
      if (c === 92) i++;
      else if (c === 34) inText = false;
    } else if (c === 34) inText = true;
    else if (c === 91 || c === 123) {
      if (++depth > depthMax) return true;
    } else if (c === 93 || c === 125) depth--;
  }
  return false;
}

/** Throws BadPacket for what no client of ours sends; what passes is for the stock decoder to read. */
export function refuseBadPacket(chunk: unknown): void {
  if (typeof chunk !== 'string') throw new BadPacket('binary data');
  const head = HEAD.exec(chunk);
  if (head === null) throw new BadPacket('a binary packet, or none at all');
  const [, , namespace, ackId = ''] = head;
  if (namespace !== undefined && namespace !== '/,') throw new BadPacket('a namespace other than /');
  if (ackId.length > ackIdDigitsMax) throw new BadPacket('an endless acknowledgement id');
  if (chunk.length > shallowCharacters && isTooDeep(chunk)) throw new BadPacket(`nested deeper than ${depthMax}`);
}

/** A command with the id under which its answer is awaited. */
export interface CommandPacket {
  id: number;
  /** `deals:claim` */
  name: string;
  /** What followed the name; a command has one. */
  inputs: unknown[];
}

/**
 * Reads `2<id>["capability:command",...]` at once. Null for everything else, good or bad: it goes to the stock parser, which
 * knows all of it. A name without a colon may be one of the library's own and is not looked at here.
 */
export function readCommand(chunk: unknown): CommandPacket | null {
  if (typeof chunk !== 'string' || chunk.charCodeAt(0) !== 50) return null;
  let at = 1;
  let id = 0;
  for (; at < chunk.length; at++) {
    const digit = chunk.charCodeAt(at) - 48;
    if (digit < 0 || digit > 9) break;
    id = id * 10 + digit;
  }
  if (at === 1 || at - 1 > ackIdDigitsMax) return null;
  if (chunk.charCodeAt(at) !== 91 || chunk.charCodeAt(at + 1) !== 34) return null;
  if (chunk.length > shallowCharacters && isTooDeep(chunk)) return null;
  let parts: unknown[];
  try {
    // It begins with a bracket, so what it is, if anything, is a list.
    parts = JSON.parse(chunk.slice(at)) as unknown[];
  } catch {
    return null;
  }
  const name = parts[0];
  return typeof name === 'string' && name.includes(':') ? { id, name, inputs: parts.slice(1) } : null;
}

class StrictDecoder extends Decoder {
  override add(chunk: unknown): void {
    refuseBadPacket(chunk);
    super.add(chunk);
  }
}

/**
 * The stock parser of Socket.IO, which also refuses what Elevens never uses before anything is kept for it: binary
 * attachments that never come, other namespaces, ack ids of 400 digits, arrays 30,000 deep.
 */
export function createWireParser() {
  return { Encoder, Decoder: StrictDecoder };
}
