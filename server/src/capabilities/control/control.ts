import type { Wall, WallDeal, WallDrop } from '@elevens/shared/src/control/contract.ts';
import type { Deal } from '@elevens/shared/src/deals/contract.ts';
import { occurrencesOf } from '@elevens/shared/src/occurrences.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Catalogue } from '../catalogue/index.ts';
import type { createLaws } from './laws.ts';
import type { ControlStore, KeptPoint } from './store.ts';

/** Rates are over this long: a flash stays visible, a single tap does not make the number jump. */
const rateOverMs = 10_000;
/** Points that are read to find the one from ten seconds ago; after a pause of all nodes there are fewer, which is fine. */
const pointsForRates = 15;
/** Deals and drops on the wall: what is on, then what comes next. More would not be read, and the wall goes out every second. */
const dealsShownMax = 48;
const dropsShownMax = 12;
/** A drop is shown this long before and after it runs. */
const dropsAheadMs = 1_800_000;
const dropsBehindMs = 180_000;

/** What the wall shows of deals, and how it learns what a deal is called. */
export interface ListedDeals {
  listed(): Promise<readonly Deal[]>;
  titleOf(dealId: string): string;
}

export function createFigures({
  store,
  clock,
  catalogue,
  deals,
  live,
  laws,
  durability,
}: {
  store: ControlStore;
  clock: Clock;
  catalogue: Pick<Catalogue, 'festival' | 'all'>;
  deals: ListedDeals;
  live: { saidTotals(): Promise<{ people: number; crowd: number }> };
  laws: ReturnType<typeof createLaws>;
  durability: string;
}) {
  /** What runs stands first, then what opens soonest, then what is over. */
  function nearest<T extends { opensAtMs: number; closesAtMs: number }>(list: readonly T[], nowMs: number): T[] {
    const rank = (item: T) => (item.closesAtMs <= nowMs ? 2 : item.opensAtMs > nowMs ? 1 : 0);
    return list.toSorted((a, b) => rank(a) - rank(b) || a.opensAtMs - b.opensAtMs);
  }

  async function dealsShown(nowMs: number): Promise<WallDeal[]> {
    return nearest(await deals.listed(), nowMs)
      .slice(0, dealsShownMax)
      .map(({ dealId, stock, opensAtMs, closesAtMs }) => ({
        dealId,
        title: deals.titleOf(dealId),
        ...stock,
        opensAtMs,
        closesAtMs,
      }));
  }

  async function dropsShown(nowMs: number): Promise<WallDrop[]> {
    const { firstStartMs } = catalogue.festival();
    const span = { fromMs: nowMs - dropsBehindMs, toMs: nowMs + dropsAheadMs, max: 4 };
    const found = catalogue.all('drops').flatMap((record) =>
      occurrencesOf(record, firstStartMs, span).map((o) => ({
        dropId: o.id,
        title: record.title,
        packets: record.packets,
        fundMinor: record.fundMinor,
        opensAtMs: o.startsAtMs,
        closesAtMs: o.endsAtMs,
      })),
    );
    const shown = nearest(found, nowMs).slice(0, dropsShownMax);
    const opened = await store.opened(shown.map((drop) => drop.dropId));
    return shown.map((drop, i) => ({ ...drop, ...(opened[i] ?? { opened: 0, openedMinor: 0 }) }));
  }

  /** Per second between two moments, to a tenth. Sums that fell (data were put back) count as nothing. */
  function perSecond(before: number, after: number, spanMs: number): number {
    return Math.round((Math.max(0, after - before) / Math.max(1, spanMs / 1_000)) * 10) / 10;
  }

  function ratesBetween(before: KeptPoint | undefined, sums: KeptPoint['sums'], nowMs: number): KeptPoint['sums'] {
    if (before === undefined) return { claims: 0, holds: 0, messages: 0, packets: 0, crowdClaims: 0 };
    const spanMs = nowMs - before.point.atMs;
    return {
      claims: perSecond(before.sums.claims, sums.claims, spanMs),
      holds: perSecond(before.sums.holds, sums.holds, spanMs),
      messages: perSecond(before.sums.messages, sums.messages, spanMs),
      packets: perSecond(before.sums.packets, sums.packets, spanMs),
      crowdClaims: perSecond(before.sums.crowdClaims, sums.crowdClaims, spanMs),
    };
  }

  /** Makes the figures of this moment and puts them up. Any node may, at any time; older figures never replace newer. */
  return async function make(): Promise<void> {
    const nowMs = clock.nowMs();
    const [nodes, sums, said, points, dealsNow, drops, lawsNow, redis] = await Promise.all([
      store.nodes(nowMs),
      store.sums(),
      live.saidTotals(),
      store.points(pointsForRates),
      dealsShown(nowMs),
      dropsShown(nowMs),
      laws.standing(nowMs),
      store.health(durability),
    ]);

    const bySurface: Record<string, number> = {};
    for (const node of nodes) {
      for (const [surface, people] of Object.entries(node.bySurface))
        bySurface[surface] = (bySurface[surface] ?? 0) + people;
    }
    const people = Object.values(bySurface).reduce((sum, count) => sum + count, 0);

    const sumsNow = {
      claims: sums.people.claims,
      holds: sums.people.holds,
      messages: said.people,
      packets: sums.people.packets,
      crowdClaims: sums.crowd.claims,
    };
    // A point from the future is from before time was set back, and says nothing of the last seconds.
    const past = points.filter(({ point }) => point.atMs < nowMs);
    const since = past.find(({ point }) => nowMs - point.atMs <= rateOverMs + 500);
    const { crowdClaims, ...rates } = ratesBetween(since, sumsNow, nowMs);
    // After a pause of all nodes the last point is long ago: what happened since is spread over that time, not heaped here.
    const point = { atMs: nowMs, people, ...ratesBetween(past.at(-1), sumsNow, nowMs) };

    const figures: Omit<Wall, 'version'> = {
      atMs: nowMs,
      currency: catalogue.festival().currency,
      people: { total: people, bySurface },
      point,
      rates,
      totals: { ...sums.people, messages: said.people },
      crowd: {
        here: nodes.reduce((sum, node) => sum + node.crowd, 0),
        claimsPerSecond: crowdClaims,
        claims: sums.crowd.claims,
        holds: sums.crowd.holds,
        messages: said.crowd,
        packets: sums.crowd.packets,
      },
      deals: dealsNow,
      drops,
      laws: lawsNow,
      nodes: nodes.map(({ node, sockets, loopLagMs, queueBytes, cpuShare, seenAtMs, draining }) => ({
        node,
        sockets,
        loopLagMs,
        queueBytes,
        cpuShare,
        seenAtMs,
        draining,
      })),
      redis: [redis],
    };
    await store.write(figures, { point, sums: sumsNow });
  };
}
