import { type Frames, logPacket, packetHead } from './frames.ts';

export interface LogEntry {
  /** Without gaps within an epoch: one more than that of the entry before. */
  offset: number;
  /** The entry, already serialised: it is framed as it is and never parsed here. */
  json: string;
}

export interface LogInit {
  /** The wire name of the feed, `live:chat`. */
  event: string;
  id: string;
  /** The opaque position that a client is given for an offset. */
  positionOf: (offset: number) => string;
  /** The offset of the last entry before the first that will be appended, if it is known. */
  lastOffset?: number;
  /** Entries in one packet at most: a client handles one event in one go, and a phone should not stall over it. */
  entriesPerPacketMax?: number;
}

export interface LogRingOptions extends LogInit {
  /** Entries kept for those who fell behind or come back. */
  entriesMax: number;
  /** Characters kept, whatever the number of entries. */
  keptSizeMax: number;
  /** Characters that one viewer is sent in one tick at most, so that catching up never becomes a debt of its own. */
  catchUpSizeMax: number;
}

/** The last entries of a log in memory, and the packets that bring a viewer from any position in it to its end. */
export function createLogRing(options: LogRingOptions) {
  const { positionOf, entriesMax, keptSizeMax, catchUpSizeMax, entriesPerPacketMax = 64 } = options;
  const head = packetHead(options.event, options.id);
  /** entries[start] is the oldest kept; those before it are gone and are cut away now and then, not at every append. */
  let entries: LogEntry[] = [];
  let start = 0;
  let keptSize = 0;
  let lastOffset = options.lastOffset;
  let shownTo = lastOffset ?? Number.NEGATIVE_INFINITY;
  const frames = new Map<number, Frames>();

  const firstOffset = (): number => (lastOffset ?? 0) - (entries.length - start) + 1;

  function clear(): void {
    entries = [];
    start = 0;
    keptSize = 0;
    frames.clear();
  }

  function trim(): void {
    while (entries.length - start > entriesMax || (keptSize > keptSizeMax && entries.length - start > 1)) {
      keptSize -= entries[start]?.json.length ?? 0;
      start++;
    }
    if (start > entriesMax) {
      entries = entries.slice(start);
      start = 0;
    }
  }

  /**
   * Adds what is new; what is already here is left out, so that a tail may read a stretch twice. After a gap only what
   * follows it is kept: a viewer before the gap then counts as behind and is told so, instead of missing entries silently.
   */
  function append(added: readonly LogEntry[]): boolean {
    let grown = false;
    for (const entry of added) {
      if (lastOffset !== undefined && entry.offset <= lastOffset) continue;
      if (lastOffset !== undefined && entry.offset !== lastOffset + 1) clear();
      entries.push(entry);
      keptSize += entry.json.length;
      lastOffset = entry.offset;
      grown = true;
    }
    trim();
    return grown;
  }

  /** Forgets everything: a new epoch has begun at this offset. */
  function reset(newLastOffset: number | undefined): void {
    clear();
    lastOffset = newLastOffset;
    shownTo = lastOffset ?? Number.NEGATIVE_INFINITY;
  }

  function show(): void {
    shownTo = lastOffset ?? Number.NEGATIVE_INFINITY;
    frames.clear();
  }

  function recent(): { firstOffset: number; lastOffset: number } | undefined {
    return lastOffset === undefined ? undefined : { firstOffset: firstOffset(), lastOffset };
  }

  function entriesAfter(offset: number): LogEntry[] | undefined {
    if (lastOffset === undefined || offset < firstOffset() - 1) return undefined;
    return entries.slice(Math.max(start, start + offset - firstOffset() + 1));
  }

  function framesAfter(position: number): Frames | 'behind' | undefined {
    if (position >= shownTo) return undefined;
    const first = firstOffset();
    if (position < first - 1) return 'behind';
    const known = frames.get(position);
    if (known !== undefined) return known;

    const texts: string[] = [];
    const begin = start + (position - first + 1);
    const end = start + (shownTo - first + 1);
    let size = 0;
    let at = begin;
    // At least one entry goes out however large it is: a viewer must not stand still before it for ever.
    while (at < end && (at === begin || size < catchUpSizeMax)) {
      let upTo = at;
      let packetSize = 0;
      while (upTo < end && upTo - at < entriesPerPacketMax && (upTo === begin || size + packetSize < catchUpSizeMax)) {
        packetSize += entries[upTo]?.json.length ?? 0;
        upTo++;
      }
      texts.push(logPacket(head, positionOf(first + (upTo - 1 - start)), entries, at, upTo));
      size += packetSize;
      at = upTo;
    }
    const built: Frames = {
      texts,
      to: position + (at - begin),
      size,
      deliveries: at - begin,
      usedIn: 0,
      joined: undefined,
    };
    frames.set(position, built);
    return built;
  }

  function forgetFrames(): void {
    frames.clear();
  }
  return { append, reset, show, shownTo: () => shownTo, recent, entriesAfter, framesAfter, forgetFrames };
}
