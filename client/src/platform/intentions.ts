/**
 * What a person set out to do and has no answer to yet, kept where a reload finds it. One intention has one requestId: a
 * second tap, a resend and the page after a reload all send the same, so the server decides once.
 */

/** Where intentions are kept: a tab's own storage, or the device's where two tabs mean the same thing. */
export type Kept = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;

export interface Intention {
  requestId: string;
  /** The input as it was sent: another input is another intention. */
  input: string;
  atMs: number;
}

export interface Intentions {
  /** The intention for this input: the open one where it is the same and still fresh, else a new one. */
  mean(slot: string, input: string): Intention;
  /** What is still without an answer and was meant just now: a page that was loaded anew asks for its answer. */
  interrupted(slot: string): Intention | null;
  /** It was answered: the next tap is a new intention. */
  answered(slot: string, requestId: string): void;
}

/** An intention older than this is nobody's any more: who comes back after a quarter of an hour looks first. */
export const freshForMs = 900_000;
/** So long after a tap a reload goes on with it by itself; later it waits for the next tap, which then means the same. */
const resumeForMs = 120_000;

const prefix = 'elevens.intention.';

export function createIntentions({
  kept,
  randomId,
  nowMs,
}: {
  kept: Kept | null;
  randomId: () => string;
  nowMs: () => number;
}): Intentions {
  /** What holds where storage is refused: as long as the page. */
  const here = new Map<string, Intention>();

  function open(slot: string, forMs: number): Intention | null {
    const found = readFrom(kept, slot) ?? here.get(slot) ?? null;
    return found !== null && Math.abs(nowMs() - found.atMs) < forMs ? found : null;
  }

  return {
    interrupted: (slot) => open(slot, resumeForMs),
    mean(slot, input) {
      const before = open(slot, freshForMs);
      if (before !== null && before.input === input) return before;
      const intention = { requestId: randomId(), input, atMs: nowMs() };
      here.set(slot, intention);
      try {
        kept?.setItem(prefix + slot, JSON.stringify(intention));
      } catch {
        // Storage is full or refused: the intention lasts as long as the page.
      }
      return intention;
    },
    answered(slot, requestId) {
      if (here.get(slot)?.requestId === requestId) here.delete(slot);
      // Another tab may have gone on to its next intention meanwhile; that one is not answered.
      if (readFrom(kept, slot)?.requestId !== requestId) return;
      try {
        kept?.removeItem(prefix + slot);
      } catch {
        // Storage is refused: there is nothing to remove.
      }
    },
  };
}

function readFrom(kept: Kept | null, slot: string): Intention | null {
  try {
    const found = JSON.parse(kept?.getItem(prefix + slot) ?? 'null') as Partial<Intention> | null;
    if (typeof found?.requestId !== 'string' || typeof found.input !== 'string' || typeof found.atMs !== 'number')
      return null;
    return { requestId: found.requestId, input: found.input, atMs: found.atMs };
  } catch {
    // Not ours, or refused.
    return null;
  }
}
