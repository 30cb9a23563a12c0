/** What a difference is about, where that is one thing that can be stopped or named. */
export interface About {
  kind: 'deal' | 'coupon' | 'order';
  id: string;
}

/** Something that is not as the ledger says: what was compared, and both figures. */
export interface Difference {
  subject: string;
  expected: number;
  found: number;
  /** Both figures are amounts of money, in minor units. */
  minor?: true;
  about?: About;
}

/** One count of a conservation law: what was compared, the sum in words, and every difference. */
export interface LawReading {
  /** The ledger is still being read from its start: nothing can be said yet. */
  counting: boolean;
  /** How many things were compared. */
  checked: number;
  sum: string;
  evidence: Difference[];
}

/** Goes round a set that grows and shrinks: some of it in every round, all of it in turn. */
export interface Turns {
  /** The next ones; `all` is asked only when everyone had their turn. */
  next(all: () => Iterable<string>): string[];
  /** These are looked at in the next round as well: what was found off stays in sight until it is mended. At most a round's worth. */
  again(some: Iterable<string>): void;
  /** How many times everyone had their turn. */
  done(): number;
}

export function createTurns(perRound: number): Turns {
  let waiting: string[] = [];
  let turns = 0;
  const off = new Set<string>();
  return {
    next(all) {
      if (waiting.length === 0) waiting = [...all()].toReversed();
      const looked = new Set([...off, ...waiting.splice(-perRound)]);
      off.clear();
      if (waiting.length === 0) turns++;
      return [...looked];
    },
    again(some) {
      for (const one of some) if (off.size < perRound) off.add(one);
    },
    done: () => turns,
  };
}
