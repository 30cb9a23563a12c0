import type { Order, TimelineEntry } from './contract.ts';

/** SHA-256 of a text, in lower-case hex. Handed in, because shared runs where there is no such function at hand. */
export type Sha256 = (text: string) => string;

export type Knot = Omit<TimelineEntry, 'n' | 'hash'>;

/** The fields of an entry in a fixed order, so that the same entry is the same text everywhere. */
function textOf(entry: Omit<TimelineEntry, 'hash'>): string {
  return JSON.stringify([entry.n, entry.atMs, entry.who, entry.role, entry.what, entry.amountMinor, entry.note]);
}

/** What the first entry is tied to: the order's own id, so that the string of one order cannot be hung on another. */
export function chainStart(orderId: string): string {
  return `elevens order ${orderId}`;
}

/** Ties an entry to the one before it. */
export function tie(before: { n: number; hash: string }, knot: Knot, sha256: Sha256): TimelineEntry {
  const entry = { n: before.n + 1, ...knot };
  return { ...entry, hash: sha256(`${before.hash}\n${textOf(entry)}`) };
}

/**
 * Whether the entries are those that were tied, all of them and in their order; if not, the number of the first at which
 * the chain breaks. `entriesExpected` (the order's version) finds entries cut off at the end, which no chain shows by itself.
 */
export function verifyChain(
  {
    orderId,
    entries,
    entriesExpected,
  }: { orderId: string; entries: readonly TimelineEntry[]; entriesExpected: number },
  sha256: Sha256,
): { whole: boolean; brokenAt: number | null } {
  let before = { n: 0, hash: chainStart(orderId) };
  for (const entry of entries) {
    const { hash, n: _n, ...knot } = entry;
    const tied = tie(before, knot, sha256);
    if (entry.n !== tied.n || hash !== tied.hash) return { whole: false, brokenAt: tied.n };
    before = entry;
  }
  return entries.length === entriesExpected
    ? { whole: true, brokenAt: null }
    : { whole: false, brokenAt: Math.min(entries.length, entriesExpected) + 1 };
}

/**
 * One cell of a CSV (RFC 4180). A text that a spreadsheet would take for a formula is led by an apostrophe, also behind
 * blanks, because a spreadsheet skips those; numbers of ours are written as they are.
 */
function cell(value: string | number | null): string {
  if (value === null) return '';
  if (typeof value === 'number') return String(value);
  const safe = /^\s*[=+\-@\t\r|%]/.test(value) ? `'${value}` : value;
  return /[",\r\n;]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

const columns = ['n', 'atMs', 'at', 'who', 'role', 'what', 'amountMinor', 'currency', 'note', 'hash'] as const;

/**
 * Where the ledger of the order's partition was sealed to when the file was made: the hash of its last segment. A ledger that somebody writes
 * anew later does not have it.
 */
export interface LedgerHead {
  segment: number;
  sha256: string;
  /** The last line in that segment. */
  upTo: string;
}

/** A timeline as a file, with everything that is needed to check its chain again. */
export function exportTimeline(
  order: Pick<Order, 'orderId' | 'currency' | 'version'>,
  entries: readonly TimelineEntry[],
  { format, ledgerHead }: { format: 'json' | 'csv'; ledgerHead: LedgerHead | null },
): { name: string; type: string; text: string } {
  const name = `order-${order.orderId.replaceAll('.', '-')}.${format}`;
  if (format === 'json') {
    const { orderId, currency, version } = order;
    const chain =
      'hash = SHA-256 of: the hash before (first: chainStart), a line feed, and the JSON array of the other fields';
    const file = { orderId, currency, version, chain, chainStart: chainStart(orderId), ledgerHead, entries };
    return { name, type: 'application/json', text: JSON.stringify(file, null, 2) };
  }
  const rows = entries.map((entry) =>
    columns
      .map((column) =>
        cell(
          column === 'at' ? new Date(entry.atMs).toISOString() : column === 'currency' ? order.currency : entry[column],
        ),
      )
      .join(','),
  );
  return { name, type: 'text/csv; charset=utf-8', text: `${[columns.join(','), ...rows].join('\r\n')}\r\n` };
}
