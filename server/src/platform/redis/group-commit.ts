import type { Clock } from '../clock.ts';
import { Fault } from '../fault.ts';

/** Most items in one script call: past 128 the gain is small and Redis is held for longer (FAST-PATH.md). */
const batchItemsMax = 128;
const batchBytesMax = 64 * 1024;
/**
 * Calls under way at once: while Redis writes one to disk the next is already with it. Sent over one connection they are
 * decided in the order in which they were sent, so that order of arrival is kept (docs/decisions/0007).
 */
const inFlightMax = 2;
/** Waiting items: at 30,000 decisions a second, a third of a second of work. */
const queueItemsMax = 10_000;
/** An item that waited this long is answered with a fault: its shopper has given up or asked again. */
const queueAgeMaxMs = 2_000;

/** Where a store counts how its decisions travelled, by the script they ran. */
export interface BatchMetrics {
  batch(script: string, items: number): void;
}

/**
 * Group commit, cut by completion: an item is sent at once when fewer than two calls are in flight; those that arrive
 * meanwhile travel together as the next call. So one shopper waits for nobody, and a stampede shares its disk writes.
 * `run` gets the items of one call and answers with one result for each, in order; when it throws, all of them fail. It
 * must send them over one connection before it first waits for anything, because that is what keeps the order.
 */
export function createGroupCommit<Item, Result>({
  clock,
  bytesOf,
  run,
  onBatch,
}: {
  clock: Clock;
  bytesOf: (item: Item) => number;
  run: (items: Item[]) => Promise<(Result | Error)[]>;
  /** Told how many travelled in each call. */
  onBatch: (items: number) => void;
}): {
  /** A number for an item that may have to be decided again; it keeps its place among those that came after it. */
  arrive(): number;
  /** Decides an item, in the order of arrival among those that wait; without a number it arrives now. */
  decide(item: Item, arrival?: number): Promise<Result>;
  /**
   * Decides an item once more, when something has come that several wait for. Nothing else is sent until the calls under way
   * have come back, because in those may be some who arrived earlier and come back as well: the first to arrive goes first.
   */
  decideAgain(item: Item, arrival: number): Promise<Result>;
  waiting(): number;
} {
  interface Waiting {
    item: Item;
    arrival: number;
    sinceMs: number;
    resolve: (result: Result) => void;
    reject: (error: unknown) => void;
  }
  let queue: Waiting[] = [];
  let inFlight = 0;
  let arrivals = 0;
  /** Some came back: nothing is sent until nothing is under way any more. */
  let gathering = false;

  function nextBatch(): Waiting[] {
    const nowMs = clock.monotonicMs();
    const batch: Waiting[] = [];
    let bytes = 0;
    let taken = 0;
    for (const waiting of queue) {
      if (nowMs - waiting.sinceMs > queueAgeMaxMs) {
        waiting.reject(new Fault('overloaded'));
        taken++;
        continue;
      }
      const size = bytesOf(waiting.item);
      if (batch.length === batchItemsMax || (batch.length > 0 && bytes + size > batchBytesMax)) break;
      bytes += size;
      taken++;
      batch.push(waiting);
    }
    queue = queue.slice(taken);
    return batch;
  }

  async function pump(): Promise<void> {
    inFlight++;
    for (let batch = nextBatch(); batch.length > 0; batch = gathering ? [] : nextBatch()) {
      onBatch(batch.length);
      try {
        const results = await run(batch.map((w) => w.item));
        for (const [i, waiting] of batch.entries()) {
          const result = results[i];
          if (result === undefined) waiting.reject(new Error('a decision came back without an answer'));
          else if (result instanceof Error) waiting.reject(result);
          else waiting.resolve(result);
        }
      } catch (error) {
        for (const waiting of batch) waiting.reject(error);
      }
    }
    inFlight--;
    if (gathering) setImmediate(goOn);
  }

  function pumpIfFree(): void {
    if (inFlight < inFlightMax && !gathering) void pump();
  }

  function goOn(): void {
    if (inFlight > 0) return;
    gathering = false;
    for (let i = 0; i < inFlightMax; i++) pumpIfFree();
  }

  function enqueue(item: Item, arrival: number, thenStart: () => void): Promise<Result> {
    if (queue.length >= queueItemsMax) return Promise.reject(new Fault('overloaded'));
    return new Promise((resolve, reject) => {
      const waiting = { item, arrival, sinceMs: clock.monotonicMs(), resolve, reject };
      // Almost always the last: only what comes back from a first try has an older number.
      let at = queue.length;
      while (at > 0 && (queue[at - 1]?.arrival ?? 0) > arrival) at--;
      if (at === queue.length) queue.push(waiting);
      else queue.splice(at, 0, waiting);
      thenStart();
    });
  }

  return {
    waiting: () => queue.length,
    arrive: () => ++arrivals,
    decide: (item, arrival = ++arrivals) => enqueue(item, arrival, pumpIfFree),
    // Those who waited for one answer go on in the order in which they began to wait for it, which is not the order in which
    // they arrived. Sent at once, the first of them would overtake the others; a turn later all of them are in their places.
    decideAgain: (item, arrival) =>
      enqueue(item, arrival, () => {
        gathering = true;
        if (inFlight === 0) setImmediate(goOn);
      }),
  };
}
