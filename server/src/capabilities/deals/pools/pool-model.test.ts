import { describe, expect, test } from 'vitest';
import { type PoolRules, poolRules, type SliceModel } from './pool-model.ts';
import { type Messenger, poolMessenger, runWorld, type World } from './pool-world.test-stage.ts';

const stepsEach = 1_000_000;
const runs = Array.from({ length: 10 }, (_, i) => ({ seed: i + 1, partitions: [1, 2, 3, 4, 6][i % 5] as number }));

describe('a pool over partitions', () => {
  // Ten million steps in all. Every failure names its seed, step and number of partitions.
  test.for(runs)(
    'oversells nothing, loses nothing and denies nothing that is there, whatever dies, is lost, repeated or late (seed $seed)',
    ({ seed, partitions }) => {
      const told = runWorld({ seed, partitions, steps: stepsEach, messenger: poolMessenger() });
      expect(told.failure).toBe(null);
      // The run met what it is about: claims, returns, verdicts, people in line and moments of rest.
      expect(told.claimed).toBeGreaterThan(10_000);
      expect(told.returned).toBeGreaterThan(10_000);
      expect(told.verdicts).toBeGreaterThan(5_000);
      expect(told.offered).toBeGreaterThan(500);
      expect(told.rests).toBeGreaterThan(100);
    },
  );
});

/** Each is the rule as it stands but for one line. */
const bugs: { bug: string; rules: Partial<PoolRules>; caught: RegExp }[] = [
  {
    bug: 'home does not compare what the asker has accepted, and grants a repeated ask anew',
    rules: { ask: (home, p, _g, want, least) => poolRules.ask(home, p, home.granted[p] ?? 0, want, least) },
    caught: /one grant at most/,
  },
  {
    bug: 'home takes a slice for dry that says what it gave back without having closed',
    rules: { takeBack: (home, p, said) => poolRules.takeBack(home, p, { r: said.r, g: said.g, closed: true }) },
    caught: /false verdict/,
  },
  {
    bug: 'home believes a slice dry at what it was granted, not at what it had accepted when it closed',
    rules: {
      takeBack: (home, p, said) =>
        poolRules.takeBack(home, p, { r: said.r, g: home.granted[p] ?? 0, closed: said.closed }),
    },
    caught: /false verdict|dry only at/,
  },
  {
    bug: 'a return is counted whole each time it is told',
    rules: {
      takeBack: (home, p, said) => {
        home.free += said.r;
        home.takenBack[p] = said.r;
        poolRules.settle(home);
      },
    },
    caught: /total = free|oversold|lost or made/,
  },
  {
    bug: 'an old return takes back what a later one brought',
    rules: {
      takeBack: (home, p, said) => {
        home.free += said.r - (home.takenBack[p] ?? 0);
        home.takenBack[p] = said.r;
        if (said.closed && said.g > (home.dry[p] ?? 0)) home.dry[p] = said.g;
        poolRules.settle(home);
      },
    },
    caught: /no fewer than nothing|lost or made|oversold|false verdict/,
  },
  {
    bug: 'a unit returned to a closed slice stays there',
    rules: {
      giveBack: (slice, quantity) => {
        slice.free += quantity;
        return false;
      },
    },
    caught: /false verdict|closed slice is empty/,
  },
  {
    bug: 'a late grant takes away what a newer one brought',
    rules: {
      acceptGrant: (slice, granted) => {
        slice.free += granted - slice.g;
        slice.g = granted;
        slice.closed = false;
      },
    },
    caught: /below nothing|dry only at|one grant at most|false verdict/,
  },
  {
    bug: 'home gives its verdict on its own zero, without a recall',
    rules: {
      ask: (home, p, g, want, least) => {
        const answer = poolRules.ask(home, p, g, want, least);
        return answer === 'recall' ? 'sold-out' : answer;
      },
    },
    caught: /false verdict/,
  },
  {
    bug: 'people join a line while units are free elsewhere',
    rules: {
      join: (home, shopper) => {
        home.waiting.push(shopper);
        return true;
      },
    },
    caught: /false verdict/,
  },
];

describe('the checker of the proof', () => {
  test.for(bugs)('catches that $bug', ({ rules, caught }) => {
    for (const seed of [1, 2, 3]) {
      const messenger = poolMessenger({ ...poolRules, ...rules });
      expect(runWorld({ seed, partitions: 3, steps: stepsEach, messenger }).failure).toMatch(caught);
    }
  });

  test('catches the units that transfers by ids make when a paused node repeats a pruned step', () => {
    for (const seed of [1, 2, 3, 4]) {
      const pruned = transfers({ idsKept: 64, verdicts: false });
      expect(runWorld({ seed, partitions: 3, steps: stepsEach, messenger: pruned }).failure).toMatch(
        /oversold|lost or made/,
      );
      // It is the pruning that is caught: with every id kept for ever, the same world finds nothing.
      const whole = transfers({ idsKept: Number.POSITIVE_INFINITY, verdicts: false });
      expect(runWorld({ seed, partitions: 3, steps: 20_000, messenger: whole }).failure).toBe(null);
    }
  });

  test('catches the false "all dry" of slices that are read one after another', () => {
    for (const seed of [1, 2, 3, 4]) {
      const messenger = transfers({ idsKept: Number.POSITIVE_INFINITY, verdicts: true });
      expect(runWorld({ seed, partitions: 3, steps: 20_000, messenger }).failure).toMatch(/false verdict/);
    }
  });
});

/**
 * What CONSISTENCY.md 21 warns of, in the place of the protocol: slices take from each other by transfers with ids, each
 * side remembering the last of them, and who has asked every slice in turn calls the deal sold out.
 */
function transfers({ idsKept, verdicts }: { idsKept: number; verdicts: boolean }): Messenger {
  const takes = 0;
  const arrives = 1;
  let numbers = 0;
  let given: { id: number; to: number; units: number }[][] = [];
  let arrived: number[][] = [];

  function begin(world: World): void {
    if (given.length > 0) return;
    given = world.slices.map(() => []);
    arrived = world.slices.map(() => []);
    world.slices.forEach((slice, p) => {
      slice.free = world.home.granted[p] ?? 0;
    });
    (world.slices[0] as SliceModel).free += world.home.free;
    world.home.free = 0;
  }
  function keep<T>(log: T[], entry: T): void {
    log.push(entry);
    if (log.length > idsKept) log.shift();
  }
  function arrive(world: World, p: number, id: number, units: number): void {
    if (arrived[p]?.includes(id)) return;
    keep(arrived[p] ?? [], id);
    (world.slices[p] as SliceModel).free += units;
  }
  /** Asks the slice after `from`, in turn, until all were asked; an id says from which slice it is. */
  function askNext(world: World, p: number, from: number, quantity: number): void {
    const next = (from + 1) % world.slices.length;
    if (next !== p) world.send(takes, next, ++numbers * 8 + next, p, quantity);
    else if (verdicts) world.verdict(quantity);
  }

  return {
    dry(world, p, quantity) {
      begin(world);
      askNext(world, p, p, quantity);
    },
    deliver(world, kind, p, id, b, quantity) {
      begin(world);
      const slice = world.slices[p] as SliceModel;
      if (kind === takes) {
        const log = given[p] ?? [];
        let entry = log.find((each) => each.id === id);
        if (entry === undefined) {
          entry = { id, to: b, units: Math.min(slice.free, quantity) };
          slice.free -= entry.units;
          keep(log, entry);
        }
        world.send(arrives, b, id, entry.units, quantity);
      } else if (kind === arrives) {
        arrive(world, p, id, b);
        if (!world.claim(p, quantity)) askNext(world, p, id % 8, quantity);
      }
    },
    giveBack(world, p, quantity) {
      begin(world);
      (world.slices[p] as SliceModel).free += quantity;
    },
    sweep(world, p) {
      begin(world);
      const last = given[p]?.at(-1);
      if (last !== undefined) world.send(arrives, last.to, last.id, last.units, 1);
    },
    quiesce(world) {
      begin(world);
      for (const log of given) for (const { id, to, units } of log) arrive(world, to, id, units);
    },
    denied(world, least) {
      let free = 0;
      for (const slice of world.slices) free += slice.free;
      return free >= least ? free : 0;
    },
    laws: () => '',
    answers: () => '',
  };
}
