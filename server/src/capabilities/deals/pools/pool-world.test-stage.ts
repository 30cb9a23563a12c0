import { type HomeModel, openSlice, type PoolRules, poolRules, type SliceModel, stageHome } from './pool-model.ts';

/**
 * A world for the proof of pools: slices, a home, and messages between them that are lost, repeated, late and reordered, sent
 * by carriers that die; and beside it the journal of the clients, who know only what they were given. `Messenger` is the
 * protocol: how a dry slice gets more, and what a message does. Everything is drawn from one seed. Nothing is allocated
 * in a step, so that millions of them take seconds.
 */
export interface World {
  home: HomeModel;
  slices: SliceModel[];
  /** What the clients of each partition were given and have not returned. */
  holding: number[];
  /** A whole number in [0, below). */
  dice(below: number): number;
  /** Puts a message on its way; a full wire loses an older one. */
  send(kind: number, p: number, a: number, b: number, c: number): void;
  /** The claim of `quantity` units that waits in partition p is decided again. Answers whether it was served. */
  claim(p: number, quantity: number): boolean;
  /** Someone who wants `least` units is told that there are not so many. Called at the moment of the decision. */
  verdict(least: number): void;
  failed(why: string): void;
}

export interface Messenger {
  /** Slice p lacks units for someone who wants `quantity`. */
  dry(world: World, p: number, quantity: number): void;
  deliver(world: World, kind: number, p: number, a: number, b: number, c: number): void;
  /** Units return to a slice. */
  giveBack(world: World, p: number, quantity: number): void;
  /** What any node does from time to time for slice p. */
  sweep(world: World, p: number): void;
  /** Everything that is under way arrives, without loss. */
  quiesce(world: World): void;
  /** Units that the verdict denies: free where they could have been given to someone who wants that many. */
  denied(world: World, least: number): number;
  /** The laws of the protocol's own counters, after every step; the law broken, or ''. */
  laws(world: World): string;
  /** At rest: whether someone who wants `least` in slice p is served or refused as is right; what is wrong, or ''. */
  answers(world: World, p: number, least: number): string;
}

export interface Run {
  seed: number;
  steps: number;
  partitions: number;
  messenger: Messenger;
}

export interface Told {
  /** What went wrong, with seed and step, or null. */
  failure: string | null;
  claimed: number;
  returned: number;
  verdicts: number;
  offered: number;
  rests: number;
}

const wireMessagesMax = 48;
const carriers = 4;
const waitingMax = 6;
const totalMax = 40;

/** Runs the world for so many steps, or until a law breaks. */
export function runWorld({ seed, steps, partitions, messenger }: Run): Told {
  // xorshift32: a few machine instructions a draw, the same everywhere.
  let state = Math.imul(seed + 1, 0x9e3779b1) | 1;
  function dice(below: number): number {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  }

  const kinds = new Int32Array(wireMessagesMax);
  const ps = new Int32Array(wireMessagesMax);
  const as = new Int32Array(wireMessagesMax);
  const bs = new Int32Array(wireMessagesMax);
  const cs = new Int32Array(wireMessagesMax);
  const senders = new Int32Array(wireMessagesMax);
  let under = 0;
  let carrier = 0;
  let sold = 0;
  const told: Told = { failure: null, claimed: 0, returned: 0, verdicts: 0, offered: 0, rests: 0 };

  const home = stageHome({ total: 1 + dice(totalMax), partitions, spread: dice(2) === 0, offersMax: 1 + dice(3) });
  const slices = Array.from({ length: partitions }, openSlice);
  const holding = slices.map(() => 0);
  // What was sold, by partition, so that a refund goes back to where it was sold.
  const bought = slices.map(() => 0);

  const world: World = {
    home,
    slices,
    holding,
    dice,
    send(kind, p, a, b, c) {
      const at = under < wireMessagesMax ? under++ : dice(wireMessagesMax);
      kinds[at] = kind;
      ps[at] = p;
      as[at] = a;
      bs[at] = b;
      cs[at] = c;
      senders[at] = carrier;
    },
    claim(p, quantity) {
      const slice = slices[p] as SliceModel;
      if (slice.free < quantity) return false;
      slice.free -= quantity;
      slice.held += quantity;
      holding[p] = (holding[p] ?? 0) + quantity;
      told.claimed += quantity;
      return true;
    },
    verdict(least) {
      told.verdicts++;
      const denied = messenger.denied(world, least);
      if (denied >= least) world.failed(`false verdict: ${denied} units are there for someone who wants ${least}`);
    },
    failed(why) {
      told.failure ??= why;
    },
  };

  function sum(counts: readonly number[]): number {
    let all = 0;
    for (const count of counts) all += count;
    return all;
  }

  function deliverOne(): void {
    if (under === 0) return;
    const at = dice(under);
    const [kind, p, a, b, c] = [
      kinds[at] as number,
      ps[at] as number,
      as[at] as number,
      bs[at] as number,
      cs[at] as number,
    ];
    carrier = senders[at] as number;
    // One in eight stays on the wire and will be delivered again; one in sixteen is lost.
    if (dice(8) !== 0) drop(at);
    if (dice(16) !== 0) messenger.deliver(world, kind, p, a, b, c);
  }
  function drop(at: number): void {
    under--;
    kinds[at] = kinds[under] as number;
    ps[at] = ps[under] as number;
    as[at] = as[under] as number;
    bs[at] = bs[under] as number;
    cs[at] = cs[under] as number;
    senders[at] = senders[under] as number;
  }

  function giveBack(p: number, quantity: number): void {
    told.returned += quantity;
    messenger.giveBack(world, p, quantity);
  }

  function step(): void {
    const p = dice(partitions);
    const slice = slices[p] as SliceModel;
    carrier = dice(carriers);
    const what = dice(64);
    if (what < 18) {
      const quantity = 1 + (dice(4) === 0 ? dice(3) : 0);
      if (!world.claim(p, quantity)) messenger.dry(world, p, quantity);
    } else if (what < 40) {
      deliverOne();
    } else if (what < 48) {
      const quantity = Math.min(holding[p] as number, 1 + dice(3));
      if (quantity === 0) return;
      holding[p] = (holding[p] as number) - quantity;
      slice.held -= quantity;
      giveBack(p, quantity);
    } else if (what < 51) {
      if (holding[p] === 0) return;
      holding[p] = (holding[p] as number) - 1;
      slice.held--;
      slice.sold++;
      sold++;
      bought[p] = (bought[p] as number) + 1;
    } else if (what < 54) {
      if (bought[p] === 0) return;
      bought[p] = (bought[p] as number) - 1;
      slice.sold--;
      sold--;
      giveBack(p, 1);
    } else if (what < 56) {
      messenger.sweep(world, p);
    } else if (what < 60) {
      // What a shopper who waits does; offers are the world's own, see the messenger of the real protocol.
      if (home.waiting.length < waitingMax && dice(2) === 0) messenger.deliver(world, joins, dice(1000), 0, 0, 0);
      else if (home.waiting.length > 0 && dice(8) === 0)
        messenger.deliver(world, leaves, home.waiting[0] as number, 0, 0, 0);
    } else if (what === 60) {
      if (dice(8) === 0) messenger.deliver(world, restocks, dice(totalMax), 0, 0, 0);
    } else if (what === 61) {
      home.paused = dice(8) === 0;
    } else if (what === 62) {
      // A carrier dies, and what it was about to send with it.
      const dead = dice(carriers);
      for (let at = under - 1; at >= 0; at--) if (senders[at] === dead) drop(at);
    } else if (dice(32) === 0) {
      rest();
    }
  }

  function rest(): void {
    told.rests++;
    messenger.quiesce(world);
    let there = home.free;
    for (const slice of slices) there += slice.free;
    const owned = sum(holding) + sold;
    if (there + owned !== home.total) {
      world.failed(`lost or made: ${there} free and ${owned} with clients, of ${home.total}`);
      return;
    }
    const wrong = messenger.answers(world, dice(partitions), 1 + dice(2));
    if (wrong !== '') world.failed(wrong);
  }

  function check(): void {
    const owned = sum(holding) + sold;
    if (owned > home.total) world.failed(`oversold: clients have ${owned} of ${home.total}`);
    const broken = messenger.laws(world);
    if (broken !== '') world.failed(`law: ${broken}`);
  }

  let at = 0;
  for (; at < steps && told.failure === null; at++) {
    try {
      step();
      check();
    } catch (error) {
      world.failed(String(error));
    }
  }
  if (told.failure === null) rest();
  told.offered = sum(home.offered);
  if (told.failure !== null) told.failure = `${told.failure} (seed ${seed}, step ${at}, ${partitions} partitions)`;
  return told;
}

/** Messages that people send to home at once; the numbers below 16 belong to the messengers. */
const joins = 16;
const leaves = 17;
const restocks = 18;

const asks = 0;
const asksAgain = 1;
const grants = 2;
const recalls = 3;
const says = 4;
const offers = 5;

/** The protocol of pools as it is: home, slices and carriers by the given rules. */
export function poolMessenger(rules: PoolRules = poolRules): Messenger {
  // The last grant before the present one, and what had been given back when the slice last closed: known to the world alone.
  let grantedBefore: number[] = [];
  let closedAt: number[] = [];
  function at(world: World): void {
    if (closedAt.length === world.slices.length) return;
    grantedBefore = world.slices.map(() => 0);
    closedAt = world.slices.map(() => 0);
  }

  function askHome(world: World, p: number, g: number, want: number, least: number) {
    const { home } = world;
    const before = home.granted[p] as number;
    const answer = rules.ask(home, p, g, want, least);
    if ((home.granted[p] as number) > before) grantedBefore[p] = before;
    return answer;
  }
  function close(world: World, p: number, granted: number): void {
    const slice = world.slices[p] as SliceModel;
    const wasClosed = slice.closed && slice.g >= granted;
    rules.closeSlice(slice, granted);
    if (!wasClosed) closedAt[p] = slice.r;
  }
  function applyOffer(world: World, p: number, number: number): void {
    const slice = world.slices[p] as SliceModel;
    if (number !== slice.o + 1) return;
    slice.o++;
    slice.held++;
    world.holding[p] = (world.holding[p] as number) + 1;
  }
  function say(world: World, p: number): void {
    const slice = world.slices[p] as SliceModel;
    world.send(says, p, slice.r, slice.g, slice.closed ? 1 : 0);
  }

  return {
    dry(world, p, quantity) {
      at(world);
      world.send(asks, p, (world.slices[p] as SliceModel).g, quantity + world.dice(4), quantity);
    },
    giveBack(world, p, quantity) {
      const homeBound = rules.giveBack(world.slices[p] as SliceModel, quantity);
      if (homeBound && world.dice(4) !== 0) say(world, p);
    },
    sweep(world, p) {
      const slice = world.slices[p] as SliceModel;
      say(world, p);
      if ((world.home.granted[p] as number) > slice.g) world.send(grants, p, world.home.granted[p] as number, 0, 0);
      if ((world.home.offered[p] as number) > slice.o) world.send(offers, p, slice.o + 1, 0, 0);
      rules.settle(world.home);
    },
    deliver(world, kind, p, a, b, c) {
      at(world);
      const { home, slices } = world;
      const slice = slices[p] as SliceModel;
      switch (kind) {
        case asks: {
          const answer = askHome(world, p, a, b, c);
          if (answer === 'grant') world.send(grants, p, home.granted[p] as number, c, 0);
          else if (answer === 'recall') {
            for (let k = 0; k < slices.length; k++) {
              if (home.dry[k] !== home.granted[k]) world.send(recalls, k, home.granted[k] as number, 0, 0);
            }
            world.send(asksAgain, p, b, c, 0);
          } else world.verdict(c);
          break;
        }
        case asksAgain:
          world.send(asks, p, slice.g, a, b);
          break;
        case grants:
          rules.acceptGrant(slice, a);
          if (b > 0) world.claim(p, b);
          break;
        case recalls:
          close(world, p, a);
          say(world, p);
          break;
        case says:
          rules.takeBack(home, p, { r: a, g: b, closed: c === 1 });
          break;
        case offers:
          applyOffer(world, p, a);
          break;
        case joins:
          // Joining is allowed under the verdict alone, so it is one.
          if (rules.join(home, p)) world.verdict(1);
          break;
        case leaves:
          rules.leave(home, p);
          break;
        case restocks:
          rules.restock(home, p);
          for (let k = 0; k < slices.length; k++) {
            if (home.total > home.target && home.dry[k] !== home.granted[k])
              world.send(recalls, k, home.granted[k] as number, 0, 0);
          }
          break;
        default:
          throw new Error(`no message ${kind}`);
      }
    },
    quiesce(world) {
      at(world);
      const { home, slices } = world;
      for (let moved = true; moved; ) {
        moved = false;
        for (let p = 0; p < slices.length; p++) {
          const slice = slices[p] as SliceModel;
          moved ||= slice.g !== home.granted[p] || slice.r !== home.takenBack[p] || slice.o !== home.offered[p];
          rules.acceptGrant(slice, home.granted[p] as number);
          const owed = home.free > 0 && home.waiting.length > 0 && !home.paused;
          rules.takeBack(home, p, slice);
          applyOffer(world, p, slice.o + 1 <= (home.offered[p] as number) ? slice.o + 1 : 0);
          moved ||= owed;
        }
      }
    },
    denied(world, least) {
      const { home, slices } = world;
      let units = home.paused ? home.free : Math.max(0, home.free - home.waiting.length);
      for (let p = 0; p < slices.length; p++) {
        const slice = slices[p] as SliceModel;
        units += slice.free + (home.granted[p] as number) - slice.g;
        // All that was free when the slice closed has come home; what is still on its way was returned since.
        units += Math.max(0, (closedAt[p] as number) - (home.takenBack[p] as number));
      }
      return Math.max(units, 0) >= least ? units : 0;
    },
    laws(world) {
      at(world);
      const { home, slices } = world;
      let total = home.free;
      for (let p = 0; p < slices.length; p++) {
        const { free, held, sold, g, r, o, closed } = slices[p] as SliceModel;
        const [G, R, O] = [home.granted[p] as number, home.takenBack[p] as number, home.offered[p] as number];
        if (free + held + sold !== g - r + o) return 'free + held + sold = g - r + o';
        if (free < 0 || held < 0 || sold < 0) return 'no count is below nothing';
        if (g > G || R > r || o > O) return 'g <= G, R <= r, o <= O';
        if (closed && free !== 0) return 'a closed slice is empty';
        if (held !== world.holding[p]) return 'what is held is what clients hold';
        if (g < (grantedBefore[p] as number)) return 'one grant at most is on its way to a slice';
        if ((home.dry[p] as number) > g) return 'a slice is dry only at what it accepted';
        total += G - R + O;
      }
      if (total !== home.total) return 'total = free + G - R + O';
      if (home.free < 0) return 'home has no fewer than nothing';
      return '';
    },
    answers(world, p, least) {
      const { home, slices } = world;
      const slice = slices[p] as SliceModel;
      if (home.waiting.length > 0 && home.free > 0 && !home.paused) return 'units lie at home while people wait';
      if (slice.free >= least) return '';
      // One recall closes every slice, so the second answer is the last one.
      for (let round = 0; round < 2; round++) {
        const answer = askHome(world, p, slice.g, least, least);
        if (answer === 'grant') {
          rules.acceptGrant(slice, home.granted[p] as number);
          return slice.free >= least ? '' : 'a grant did not serve whom it was for';
        }
        if (answer !== 'recall') {
          world.verdict(least);
          return '';
        }
        for (let k = 0; k < slices.length; k++) {
          if (home.dry[k] === home.granted[k]) continue;
          close(world, k, home.granted[k] as number);
          rules.takeBack(home, k, slices[k] as SliceModel);
        }
      }
      return 'a recall of every slice was not enough for an answer';
    },
  };
}
