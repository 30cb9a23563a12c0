import type { TimelineEntry } from '@elevens/shared/src/orders/contract.ts';
import { verifyChain } from '@elevens/shared/src/orders/timeline.ts';

/** What checking a string in this browser shows; nothing of it is taken from the server's word. */
export type ChainVerdict =
  | { is: 'whole' }
  /** The first entry that is not what was tied. */
  | { is: 'broken'; at: number }
  /** This page may not compute hashes: browsers allow that on https and localhost only. */
  | { is: 'no-crypto' };

export interface Chain {
  orderId: string;
  entries: readonly TimelineEntry[];
  entriesExpected: number;
}

async function sha256(text: string): Promise<string> {
  const bytes = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/**
 * Checks the string by the same rule as the server. The browser hashes in its own time only, so the rule is gone through
 * twice: once believing every hash, to learn which texts it asks for, and once with their true hashes.
 */
export async function checkChain(chain: Chain): Promise<ChainVerdict> {
  if ((globalThis.crypto as Crypto | undefined)?.subtle === undefined) return { is: 'no-crypto' };
  const texts: string[] = [];
  verifyChain(chain, (text) => {
    texts.push(text);
    return chain.entries[texts.length - 1]?.hash ?? '';
  });
  const hashes = new Map(await Promise.all(texts.map(async (text) => [text, await sha256(text)] as const)));
  const verdict = verifyChain(chain, (text) => hashes.get(text) ?? '');
  return verdict.whole ? { is: 'whole' } : { is: 'broken', at: verdict.brokenAt ?? 1 };
}
