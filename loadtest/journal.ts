/**
 * What one shopper wrote down of the evening: what was answered and what was seen, in the shopper's own words. The laws
 * are judged by these journals against what the server says, never by the server's sums alone.
 */
export interface Journal {
  shopper: number;
  shopperId: string;
  /** Whether the shopper came to the end of the evening. */
  finished: boolean;
  /** What went wrong on the way, in words, at most ten. */
  troubles: string[];
  /** Answers that never came, and why, at most ten. Each was asked for again. */
  lost: string[];
  /** How often each outcome came, by `<command> <outcome>`: `deals:claim ok`, `deals:claim sold-out`. */
  outcomes: Record<string, number>;
  claims: { dealId: string; outcome: string; askedAtMs: number; answeredAtMs: number; holdId?: string }[];
  packets: { dropId: string; outcome: string; amountMinor?: number; index?: number }[];
  /** Lines that were answered `ok`, by messageId, and how many answers were lost (said or not: unknown). */
  said: string[];
  saidUnknown: number;
  /** The run of chat lines that was seen: it must be a gapless piece of the room's log. */
  chat: ChatRun;
  /** Answers to a second sending of the same request: word for word the first one, or not. */
  resent: { same: number; different: number };
  /** Times the line was cut on purpose and the room was joined again by position, and how often that told all. */
  returned: { times: number; recovered: number };
  /** What the shopper's own feeds showed last. */
  holdsShown: string[] | null;
  walletMinorShown: number | null;
  energyShown: number | null;
  /** What the shopper's own answers should have earned. */
  energyEarned: number;
}

/** A run of entries, small enough to carry: where it begins, how long it is, and a hash over all ids in order. */
export interface ChatRun {
  first: string | null;
  count: number;
  hash: number;
}

export const emptyRun: ChatRun = { first: null, count: 0, hash: 0x811c9dc5 };

/** Adds one entry to a run: 32-bit FNV-1a over its id and a space. */
export function seen(run: ChatRun, id: string): ChatRun {
  let hash = run.hash;
  for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193) >>> 0;
  hash = Math.imul(hash ^ 32, 0x01000193) >>> 0;
  return { first: run.first ?? id, count: run.count + 1, hash };
}
