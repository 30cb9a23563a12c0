import { createHash } from 'node:crypto';
import type { TimelineEntry } from '@elevens/shared/src/orders/contract.ts';
import { escrowOf, type KeptOrder, type KeptPayment } from '@elevens/shared/src/orders/documents.ts';
import { verifyChain } from '@elevens/shared/src/orders/timeline.ts';
import type { Difference } from '../../platform/laws.ts';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

interface Kept<T> {
  version: number;
  kept: T;
}

function documentOf(text: string | null | undefined): Kept<unknown> | null {
  if (!text) return null;
  const space = text.indexOf(' ');
  try {
    return { version: Number(text.slice(0, space)), kept: JSON.parse(text.slice(space + 1)) as unknown };
  } catch {
    return null;
  }
}

/** Documents as they are kept: '<version> <JSON>'. Null where they are gone or cannot be read. */
export const keptOrder = (text: string | null | undefined) => documentOf(text) as Kept<KeptOrder> | null;
export const keptPayment = (text: string | null | undefined) => documentOf(text) as Kept<KeptPayment> | null;

function entryOf(text: string): TimelineEntry | null {
  try {
    return JSON.parse(text) as TimelineEntry;
  } catch {
    return null;
  }
}

/** What of an order lies in escrow as its document says; nothing where there is none. */
export function escrowIn(text: string | null | undefined): bigint {
  const document = keptOrder(text);
  return document === null ? 0n : BigInt(escrowOf(document.kept));
}

/**
 * Whether an order's document and its string of entries are what was tied: no entry removed, edited, added or moved, the last one
 * is the one the order ends in, and what was paid and sent back is what its payments brought. Both texts are of one moment.
 */
export function differencesOfOrder(orderId: string, text: string | null, entries: readonly string[]): Difference[] {
  const about = { kind: 'order', id: orderId } as const;
  const found: Difference[] = [];
  const compare = (what: string, expected: number, is: number) => {
    if (expected !== is) found.push({ subject: `${orderId}: ${what}`, expected, found: is, about });
  };
  const document = keptOrder(text);
  if (document === null) {
    compare('its document', 1, 0);
    return found;
  }
  const { kept, version } = document;
  compare('version of its document', kept.order.version, version);
  const parsed = entries.map(entryOf);
  const readable = parsed.findIndex((entry) => entry === null);
  const chain = verifyChain(
    {
      orderId,
      entries: parsed.flatMap((entry) => entry ?? []),
      entriesExpected: kept.order.version,
    },
    sha256,
  );
  const brokenAt = readable === -1 ? chain.brokenAt : Math.min(readable + 1, chain.brokenAt ?? readable + 1);
  if (brokenAt !== null) {
    // Entries put on behind the last one break nothing before them: there are too many.
    const whole = entries.length > kept.order.version ? entries.length : brokenAt - 1;
    compare(`entries of its timeline tied as they were, up to entry ${brokenAt}`, kept.order.version, whole);
  } else
    compare('the last entry of its timeline is its own', 1, kept.head === (parsed.at(-1)?.hash ?? kept.head) ? 1 : 0);
  const sum = (of: (part: KeptOrder['paidBy'][number]) => number) =>
    kept.paidBy.reduce((all, part) => all + of(part), 0);
  compare(
    'what its payments brought',
    sum((part) => part.minor),
    kept.order.paidMinor,
  );
  compare(
    'what its payments were sent back',
    sum((part) => part.backMinor),
    kept.order.refundedMinor,
  );
  return found;
}
