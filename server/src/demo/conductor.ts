import type { Brand, Product } from '@elevens/shared/src/catalogue/records.ts';
import type { Deal } from '@elevens/shared/src/deals/contract.ts';
import type { LiveSession } from '@elevens/shared/src/live/contract.ts';
import type { Drop } from '@elevens/shared/src/redpackets/contract.ts';
import type { Clock } from '../platform/clock.ts';
import type { Random } from '../platform/random.ts';
import { createMember, type Member } from './member.ts';
import { createVoice, type OnShow } from './voice.ts';

/** One looks around for all, this often: what the crowd knows costs the server three small queries a time. */
const lookMs = { least: 8_000, most: 14_000 };
/** A line of chat over the whole crowd; a room that is alive, and that a person can still read. */
const sayMs = { least: 4_000, most: 8_000 };
/** A crowd of fewer than this many speaks more rarely, so that no single one of them talks all the time. */
const speakersForFullPace = 4;
/** Of a deal or a drop the crowd takes at most one part in this many: the rest is for people. */
const shareOfCrowd = 3;
/** How likely a member is to try for a deal, to open a packet; of what is held, to be paid for, or to be let go. */
const claimShare = 0.4;
const openShare = 0.7;
const payShare = 0.5;
const releaseShare = 0.4;
/** The card of the till that pays at once, and how long the till may take. */
const crowdCard = '4242';
const tillMs = 5_000;
/** A tap comes a human moment after the opening; most are quick, some are late. */
const tapMs = { least: 700, most: 25_000 };
const holdForMs = { least: 8_000, most: 45_000 };
/** Members walk from one session to the next in their own time. */
const walkMs = { least: 1_000, most: 12_000 };
const checkInMs = { least: 180_000, most: 540_000 };
/** How far ahead a tap is planned; what opens later is planned at a later look, so that few timers are kept. */
const planAheadMs = 120_000;
/** Occurrences that are remembered as planned; older ones are over long since. */
const plannedMax = 2_000;

/** What the crowd did, for the log and for tests. */
export interface CrowdFigures {
  here: number;
  said: number;
  claimed: number;
  opened: number;
  paid: number;
}

interface Seen {
  deals: Deal[];
  products: Map<string, Product>;
  brands: Map<string, Brand>;
  sessions: LiveSession[];
  drops: Drop[];
  /** The server's time less ours. */
  offsetMs: number;
}

/**
 * The demo's simulated shoppers: they come, look on, talk, claim and let go, open packets, and leave most of everything
 * to people. They go through the public wire like anyone else. `pace` shortens every pause; it is 1 in service.
 */
export function createCrowd({
  url,
  tokens,
  clock,
  random,
  pace = 1,
}: {
  url: string;
  tokens: readonly string[];
  clock: Pick<Clock, 'nowMs'>;
  random: Random;
  pace?: number;
}): { start(): void; stop(): void; figures(): CrowdFigures } {
  const timers = new Set<NodeJS.Timeout>();
  const members: Member[] = [];
  const attending = new Map<Member, string>();
  const planned = new Set<string>();
  const taken = new Map<string, number>();
  const voice = createVoice(random);
  const did = { said: 0, claimed: 0, opened: 0, paid: 0 };
  let seen: Seen | null = null;
  let stopped = false;
  let lastSpeaker: Member | null = null;

  function later(ms: number, act: () => void): void {
    if (stopped) return;
    const timer = setTimeout(() => {
      timers.delete(timer);
      if (!stopped) act();
    }, ms);
    timers.add(timer);
  }
  const pause = (span: { least: number; most: number }) => (span.least + random.int(span.most - span.least + 1)) * pace;
  /** Most are quick: the square of a fraction leans to the small end. */
  const tapPause = () => (tapMs.least + random.fraction() ** 2 * (tapMs.most - tapMs.least)) * pace;
  const requestId = () => random.token(12);
  const here = () => members.filter((m) => m.isHere());
  const someone = (of: readonly Member[]) => of[random.int(of.length)];

  // ---- looking around

  async function look(): Promise<void> {
    const scout = someone(here());
    if (scout === undefined) return;
    const [deals, sessions, drops] = await Promise.all([
      scout.call('deals:list', {}),
      scout.call('live:list', {}),
      scout.call('redpackets:list', {}),
    ]);
    if (!deals.ok || !sessions.ok || !drops.ok) return;
    const first = seen === null;
    seen = {
      deals: deals.reply.deals,
      products: new Map(deals.reply.products.map((p) => [p.id, p])),
      brands: new Map(deals.reply.brands.map((b) => [b.id, b])),
      sessions: sessions.reply.sessions,
      drops: drops.reply.drops,
      offsetMs: deals.reply.nowMs - clock.nowMs(),
    };
    planDeals(seen, first);
    planDrops(seen);
    attend(seen);
  }
  const nowMs = () => clock.nowMs() + (seen?.offsetMs ?? 0);

  /** Says yes once for each occurrence. */
  function isNew(occurrence: string): boolean {
    if (planned.has(occurrence)) return false;
    planned.add(occurrence);
    if (planned.size > plannedMax) {
      for (const oldest of planned) {
        planned.delete(oldest);
        taken.delete(oldest);
        break;
      }
    }
    return true;
  }

  /** Takes one of the crowd's share of a thing; false when that is used up. Given back only where nothing was taken. */
  function takeShare(occurrence: string, total: number): boolean {
    const so = taken.get(occurrence) ?? 0;
    if (so >= Math.floor(total / shareOfCrowd)) return false;
    taken.set(occurrence, so + 1);
    return true;
  }
  function giveShareBack(occurrence: string): void {
    taken.set(occurrence, (taken.get(occurrence) ?? 1) - 1);
  }

  // ---- deals

  function planDeals({ deals }: Seen, first: boolean): void {
    for (const deal of deals) {
      if (deal.opensAtMs > nowMs() + planAheadMs || !isNew(deal.dealId)) continue;
      // What a crowd before this one (before a restart) took of an open deal is not known, so it is left alone.
      if (first && deal.opensAtMs <= nowMs()) continue;
      if (deal.closesAtMs <= nowMs()) continue;
      for (const member of members) {
        if (random.fraction() >= claimShare) continue;
        later(Math.max(0, deal.opensAtMs - nowMs()) + tapPause(), () => void claim(member, deal));
      }
    }
  }

  async function claim(member: Member, { dealId, stock, closesAtMs }: Deal): Promise<void> {
    if (!member.isHere() || nowMs() >= closesAtMs || !takeShare(dealId, stock.total)) return;
    const claimed = await member.call('deals:claim', {
      requestId: requestId(),
      lines: [{ dealId, quantity: 1 }],
    });
    if (!claimed.ok) {
      // A fault may hide a claim that was made, so its share stays taken.
      if ('why' in claimed) giveShareBack(dealId);
      return;
    }
    did.claimed++;
    const { holdId } = claimed.reply;
    const chance = random.fraction();
    // A few forget theirs, and it lapses.
    if (chance < payShare) later(pause(holdForMs), () => void pay(member, holdId, dealId));
    else if (chance < payShare + releaseShare)
      later(pause(holdForMs), () => void member.call('deals:release', { requestId: requestId(), holdId }));
  }

  /** Pays for a hold like anyone: the best price, the order, the till's page and a card. */
  async function pay(member: Member, holdId: string, dealId: string): Promise<void> {
    if (!member.isHere()) return;
    const quote = await member.call('orders:quote', { lines: [{ dealId, quantity: 1 }] });
    if (!quote.ok) return;
    const { totalMinor, currency } = quote.reply;
    const placed = await member.call('orders:place', {
      requestId: requestId(),
      holdIds: [holdId],
      totalMinor,
      currency,
    });
    if (!placed.ok) return;
    const { paymentId } = placed.reply.payment;
    const opened = await member.call('orders:pay', { requestId: requestId(), paymentId });
    if (!opened.ok) return;
    // A till that does not answer leaves the order unpaid, and it lapses: nobody in the crowd tries twice.
    await fetch(new URL(opened.reply.url, url), {
      method: 'POST',
      redirect: 'manual',
      body: new URLSearchParams({ card: crowdCard }),
      signal: AbortSignal.timeout(tillMs),
    }).then(
      () => did.paid++,
      () => {},
    );
  }

  // ---- red packets

  function planDrops({ drops }: Seen): void {
    for (const drop of drops) {
      if (drop.closesAtMs <= nowMs() || drop.opensAtMs > nowMs() + planAheadMs || !isNew(drop.dropId)) continue;
      for (const member of members) {
        if (random.fraction() >= openShare) continue;
        later(Math.max(0, drop.opensAtMs - nowMs()) + tapPause(), () => void open(member, drop));
      }
    }
  }

  async function open(member: Member, { dropId, packets, closesAtMs }: Drop): Promise<void> {
    if (!member.isHere() || nowMs() >= closesAtMs || !takeShare(dropId, packets)) return;
    const opened = await member.call('redpackets:open', { requestId: requestId(), dropId });
    if (opened.ok) did.opened++;
    else if ('why' in opened) giveShareBack(dropId);
  }

  // ---- sessions

  function liveNow(): LiveSession[] {
    return (seen?.sessions ?? []).filter((s) => s.startsAtMs <= nowMs() && nowMs() < s.endsAtMs);
  }
  const feedsOf = (sessionId: string) => [
    ['live:chat', sessionId],
    ['live:room', sessionId],
  ];

  function attend({ sessions }: Seen): void {
    const live = liveNow();
    for (const member of here()) {
      const current = attending.get(member);
      if (current !== undefined && live.some((s) => s.sessionId === current)) continue;
      if (current !== undefined) {
        for (const [feed = '', id = ''] of feedsOf(current)) member.leave(feed, id);
        const pinned = sessions.find((s) => s.sessionId === current)?.dealIds[0];
        if (pinned !== undefined) member.leave('deals:stock', pinned);
        attending.delete(member);
      }
      const next = live[random.int(live.length)];
      if (next === undefined) continue;
      attending.set(member, next.sessionId);
      later(pause(walkMs), () => {
        for (const [feed = '', id = ''] of feedsOf(next.sessionId)) member.follow(feed, id);
        const [pinned] = next.dealIds;
        if (pinned !== undefined) member.follow('deals:stock', pinned);
        const shopperId = member.shopperId();
        if (shopperId !== null) member.follow('deals:mine', shopperId);
      });
    }
  }

  function onShow(session: LiveSession): OnShow {
    const deals = session.dealIds.flatMap((id) => seen?.deals.find((d) => d.dealId === id) ?? []);
    // The pinned one is talked of as often as all the others together.
    const deal = random.int(2) === 0 ? deals[0] : deals[random.int(deals.length)];
    const product = deal === undefined ? undefined : seen?.products.get(deal.productId);
    if (product === undefined) return { host: session.hostName, thing: null };
    const brand = seen?.brands.get(product.brandId)?.name ?? session.hostName;
    return { host: session.hostName, thing: { name: product.name, brand, shape: product.picture.shape } };
  }

  async function speak(): Promise<void> {
    const live = liveNow();
    const session = live[random.int(live.length)];
    if (session === undefined) return;
    const inRoom = here().filter((m) => attending.get(m) === session.sessionId);
    const speaker = someone(inRoom.length > 1 ? inRoom.filter((m) => m !== lastSpeaker) : inRoom);
    if (speaker === undefined) return;
    lastSpeaker = speaker;
    const text = voice.next(speaker.locale(), onShow(session));
    const said = await speaker.call('live:say', { requestId: requestId(), sessionId: session.sessionId, text });
    if (said.ok) did.said++;
  }

  // ---- energy

  async function checkIn(member: Member): Promise<void> {
    if (!member.isHere()) return;
    const tasks = await member.call('energy:tasks', {});
    if (!tasks.ok) return;
    const task = tasks.reply.tasks.find((t) => t.on === 'check-in' && t.opensAtMs <= nowMs() && nowMs() < t.closesAtMs);
    if (task !== undefined) await member.call('energy:complete', { requestId: requestId(), taskId: task.taskId });
  }

  /** Does something again and again, with a pause of its own before each time, one at a time. */
  function again(nextPauseMs: () => number, act: () => Promise<void>): void {
    later(nextPauseMs(), () => {
      void act().finally(() => again(nextPauseMs, act));
    });
  }

  return {
    start() {
      for (const token of tokens) members.push(createMember({ url, token, random, later }));
      const quieter = Math.max(1, speakersForFullPace / Math.max(1, tokens.length));
      // The first look waits only until somebody is in; after that it has its rhythm.
      again(() => (seen === null ? 500 * pace : pause(lookMs)), look);
      again(() => pause(sayMs) * quieter, speak);
      for (const member of members)
        again(
          () => pause(checkInMs),
          () => checkIn(member),
        );
    },
    stop() {
      stopped = true;
      for (const timer of timers) clearTimeout(timer);
      timers.clear();
      for (const member of members) member.stop();
    },
    figures: () => ({ here: here().length, ...did }),
  };
}
