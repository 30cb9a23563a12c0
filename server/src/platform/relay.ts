import type { Logger } from './logger.ts';
import type { Confirmation } from './redis/confirmation.ts';
import type { Redis } from './redis/connections.ts';

/** An announced event on its way: number n of its source for this destination. */
export interface Announced {
  number: number;
  event: string;
  payload: string;
}

/** Applies events of one source, in order. Must be idempotent by cursor.lua: the same ones may come again. */
type Apply = (source: string, entries: Announced[]) => Promise<void>;

const pageEntries = 256;
const pollMs = 1_000;

/**
 * Carries announced events from the tag that decided them to the tag that must hear of them (CONSISTENCY.md 2). Any
 * node may carry, and carrying twice changes nothing, so no lease is needed. An entry leaves the outbox once applied.
 */
export interface Relay {
  destination(name: string, apply: Apply): void;
  /** Begins to carry from an outbox; returns how to stop. */
  source(outbox: string): () => void;
  /** Something was just announced there: carry it now rather than at the next look. */
  poke(outbox: string): void;
  start(): void;
  stop(): Promise<void>;
}

export function createRelay({
  redis,
  logger,
  confirmation = null,
}: {
  redis: Redis;
  logger: Logger;
  /** Where the level asks for replicas: an entry is carried once they have it, so that no tag hears of what another lost. */
  confirmation?: Pick<Confirmation, 'begin'> | null;
}): Relay {
  const destinations = new Map<string, Apply>();
  const sources = new Map<string, { running: boolean; again: boolean; failing: boolean }>();
  const underWay = new Set<Promise<void>>();
  let timer: NodeJS.Timeout | undefined;

  async function carryPage(outbox: string): Promise<boolean> {
    const confirmed = confirmation?.begin();
    const page = await redis.xrange(outbox, '-', '+', 'COUNT', pageEntries);
    if (page.length > 0) await confirmed?.();
    const byDestination = new Map<string, { ids: string[]; entries: Announced[] }>();
    for (const [id, flat] of page) {
      const [, to = '', , number = '', , event = '', , payload = ''] = flat;
      const group = byDestination.get(to) ?? { ids: [], entries: [] };
      group.ids.push(id);
      group.entries.push({ number: Number(number), event, payload });
      byDestination.set(to, group);
    }
    for (const [to, { ids, entries }] of byDestination) {
      const apply = destinations.get(to);
      if (apply === undefined) throw new Error(`no destination ${to}`);
      await apply(outbox, entries);
      await redis.xdel(outbox, ...ids);
    }
    return page.length === pageEntries;
  }

  async function carry(outbox: string): Promise<void> {
    const source = sources.get(outbox);
    if (source === undefined) return;
    if (source.running) {
      source.again = true;
      return;
    }
    source.running = true;
    try {
      do {
        source.again = false;
        while (await carryPage(outbox)) if (!sources.has(outbox)) break;
      } while (source.again);
      source.failing = false;
    } catch (error) {
      // Nothing is lost: the entries stay in the outbox and the next look tries again. Said once, not every second.
      if (!source.failing)
        logger.warn({ outbox, error: error instanceof Error ? error.message : String(error) }, 'relay cannot carry');
      source.failing = true;
    } finally {
      source.running = false;
    }
  }

  function poke(outbox: string): void {
    const going = carry(outbox);
    underWay.add(going);
    void going.finally(() => underWay.delete(going));
  }

  return {
    destination: (name, apply) => void destinations.set(name, apply),
    source(outbox) {
      if (!sources.has(outbox)) sources.set(outbox, { running: false, again: false, failing: false });
      return () => void sources.delete(outbox);
    },
    poke,
    start() {
      timer = setInterval(() => {
        for (const outbox of sources.keys()) poke(outbox);
      }, pollMs);
    },
    async stop() {
      clearInterval(timer);
      await Promise.all(underWay);
    },
  };
}
