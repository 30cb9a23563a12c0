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
