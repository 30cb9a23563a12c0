/**
 * What a shopper wants and does not hold yet. It lies on the device: it survives a reload, and all tabs show the same. It
 * promises nothing; only a claim does.
 */

export interface WantedLine {
  dealId: string;
  quantity: number;
}

/** As many as one claim may carry: all of them are claimed at once. */
export const wantedMax = 8;
/** As many as one line of a claim may name. */
const quantityMax = 99;

const key = 'elevens.wanted';
const noLines: readonly WantedLine[] = [];

/** What of a kept text is a list of ours; anything else is no list. */
export function wantedOf(text: string | null): readonly WantedLine[] {
  try {
    const found = JSON.parse(text ?? '[]') as unknown;
    if (!Array.isArray(found)) return noLines;
    const lines = new Map<string, WantedLine>();
    for (const one of found as (Partial<WantedLine> | null)[]) {
      if (typeof one?.dealId !== 'string' || !Number.isInteger(one.quantity)) continue;
      const quantity = Math.min(quantityMax, Math.max(1, Number(one.quantity)));
      lines.set(one.dealId, { dealId: one.dealId, quantity });
    }
    return lines.size === 0 ? noLines : [...lines.values()].slice(0, wantedMax);
  } catch {
    return noLines;
  }
}

/** The list with this line in it, at its place where it was there already; without it where the quantity is 0. */
export function wantedWith(lines: readonly WantedLine[], line: WantedLine): readonly WantedLine[] {
  const at = lines.findIndex((one) => one.dealId === line.dealId);
  if (line.quantity <= 0) return lines.filter((one) => one.dealId !== line.dealId);
  const put = { dealId: line.dealId, quantity: Math.min(quantityMax, line.quantity) };
  if (at >= 0) return lines.with(at, put);
  return lines.length >= wantedMax ? lines : [...lines, put];
}

export interface Wanted {
  read(): readonly WantedLine[];
  subscribe(onChange: () => void): () => void;
  put(line: WantedLine): void;
  /** Takes lines out: one that is not wanted any more, or those that are held now. */
  take(dealIds: readonly string[]): void;
}

/** The list on this device; where storage is refused it lasts as long as the page. */
export function createWanted(storage: () => Pick<Storage, 'getItem' | 'setItem'>, events: EventTarget): Wanted {
  const listeners = new Set<() => void>();
  let text: string | null = null;
  let lines = noLines;
  let refused = false;

  function read(): readonly WantedLine[] {
    if (refused) return lines;
    try {
      const now = storage().getItem(key);
      if (now !== text) {
        text = now;
        lines = wantedOf(now);
      }
    } catch {
      refused = true;
    }
    return lines;
  }

  function write(next: readonly WantedLine[]): void {
    if (next === lines) return;
    lines = next;
    text = JSON.stringify(next);
    try {
      storage().setItem(key, text);
    } catch {
      // From now on the list is this page's alone.
      refused = true;
    }
    for (const listener of listeners) listener();
  }

  // The browser tells every other tab of the same device what one of them wrote.
  events.addEventListener('storage', (event) => {
    const written = (event as StorageEvent).key;
    if (written !== key && written !== null) return;
    for (const listener of listeners) listener();
  });

  return {
    read,
    subscribe(onChange) {
      listeners.add(onChange);
      return () => listeners.delete(onChange);
    },
    put: (line) => write(wantedWith(read(), line)),
    take(dealIds) {
      const now = read();
      const rest = now.filter((line) => !dealIds.includes(line.dealId));
      if (rest.length < now.length) write(rest);
    },
  };
}
