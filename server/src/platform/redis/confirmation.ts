import { setTimeout as pause } from 'node:timers/promises';
import { Fault } from '../fault.ts';
import type { Logger } from '../logger.ts';
import type { Waiter } from './connections.ts';

/** A replica in the same region answers within milliseconds; past this the caller is better told that it is pending. */
const waitMaxMs = 1_000;
/** How often a degraded node asks again whether enough replicas confirm. */
const probeMs = 250;
/** Answers that are pending, remembered until they are confirmed: more than a node decides in the one second of a WAIT's bound. */
const pendingMax = 10_000;

/** A changing command that was decided, or is about to be. */
export interface Decided {
  personId: string;
  requestId: string;
  /** `deals:claim` */
  command: string;
  arrivedAtMs: number;
}

/**
 * What `replicas:N` promises: nothing is told to anybody before N replicas have it (CONSISTENCY.md 10, 11, 14). One WAIT
 * serves all who ask while the one before it is under way, so its cost is that of a batch and not of a command.
 *
 * It lowers the risk and is no consensus: a replica acknowledges from its memory, and another one may be promoted.
 */
export interface Confirmation {
  /**
   * Call before reading what will be passed on; what it answers resolves once all that this Redis had done by then is
   * confirmed, and throws the fault `pending` when it is not, or when meanwhile another Redis decides.
   */
  begin(): () => Promise<void>;
  /**
   * The same for a changing command, called before it is decided. Throws at once while the node is degraded: `pending`
   * for what is known to be decided, else `unavailable`, before anything is done.
   */
  open(decided: Decided): () => Promise<void>;
  /** Too few replicas confirmed last time: nothing new is decided until a probe finds enough of them. */
  degraded(): boolean;
  /**
   * Told, once enough replicas confirm again, of every answer of this node that was pending until then, so that a clock
   * that may only start when its hold is confirmed can be set. Bounded, and lost with the node.
   */
  onConfirmedLate(listener: (late: readonly Decided[]) => Promise<void>): void;
  stop(): Promise<void>;
}

interface Wait {
  confirmed: boolean;
  /** The Redis that was asked. */
  run: string;
}

export function createConfirmation({
  waiter,
  replicas,
  key,
  logger,
  onDegraded = () => {},
}: {
  waiter: Waiter;
  replicas: number;
  /** Written before each WAIT, which confirms what its own connection wrote and, replication being one line, all before it. */
  key: string;
  logger: Logger;
  /** Told of every change, for whoever counts. */
  onDegraded?: (degraded: boolean) => void;
}): Confirmation {
  const listeners: ((late: readonly Decided[]) => Promise<void>)[] = [];
  const pending = new Map<string, Decided>();
  const pendingKey = ({ personId, command, requestId }: Decided) => `${personId} ${command} ${requestId}`;
  const stopping = new AbortController();
  let degraded = false;
  let probing: Promise<void> = Promise.resolve();
  let current: Promise<Wait> | null = null;
  let next: Promise<Wait> | null = null;

  async function ask(): Promise<Wait> {
    try {
      const run = await waiter.run();
      if (run === '') return { confirmed: false, run };
      // Sent together. WAIT counts what this connection wrote: the write is its mark in the line of replication.
      const [, confirming] = await Promise.all([waiter.redis.set(key, '1'), waiter.redis.wait(replicas, waitMaxMs)]);
      return { confirmed: confirming >= replicas, run };
    } catch {
      // Whatever became of it, nobody has confirmed anything; the probe tries until somebody does.
      return { confirmed: false, run: '' };
    }
  }

  function askNow(): Promise<Wait> {
    current = ask().finally(() => {
      current = null;
    });
    return current;
  }

  /** All who come while a WAIT is under way share the next one: theirs was written after it began. */
  function wait(): Promise<Wait> {
    if (current === null) return askNow();
    next ??= current.then((before) => {
      next = null;
      // Those who queued behind one that fell short are told so at once, or a hundred batches would wait a hundred bounds.
      return before.confirmed ? (current ?? askNow()) : before;
    });
    return next;
  }

  function degrade(): void {
    if (degraded || stopping.signal.aborted) return;
    degraded = true;
    onDegraded(true);
    logger.error({ replicas }, 'too few replicas confirm; nothing new is decided until they do');
    probing = probe();
  }

  async function probe(): Promise<void> {
    const together = async () => {
      const { confirmed, run } = await wait();
      return confirmed && run === waiter.decidesOn();
    };
    try {
      do await pause(probeMs, undefined, { signal: stopping.signal });
      while (!(await together()));
    } catch {
      // Stopped while it waited.
      return;
    }
    const late = [...pending.values()];
    pending.clear();
    // Before anything new is decided, so that no clock runs that has not been set.
    for (const listener of listeners) {
      await listener(late).catch((error: unknown) =>
        logger.error({ error: String(error), late: late.length }, 'what was confirmed late could not be seen to'),
      );
    }
    degraded = false;
    onDegraded(false);
    logger.info({ replicas, late: late.length }, 'enough replicas confirm again');
  }

  async function confirm(decidedOn: string, decided: Decided | null): Promise<void> {
    const { confirmed, run } = await wait();
    if (confirmed && run === decidedOn) return;
    // Another Redis decides now and both connections have it: what was decided on the old one is asked for again, and
    // nothing keeps this one from deciding.
    if (!confirmed || run !== waiter.decidesOn()) {
      if (decided !== null && pending.size < pendingMax) pending.set(pendingKey(decided), decided);
      degrade();
    }
    throw new Fault('pending');
  }

  return {
    begin() {
      const readFrom = waiter.decidesOn();
      return () => confirm(readFrom, null);
    },
    open(decided) {
      if (degraded) throw new Fault(pending.has(pendingKey(decided)) ? 'pending' : 'unavailable');
      const decidedOn = waiter.decidesOn();
      return () => confirm(decidedOn, decided);
    },
    degraded: () => degraded,
    onConfirmedLate: (listener) => void listeners.push(listener),
    async stop() {
      stopping.abort();
      await probing;
      await current;
    },
  };
}
