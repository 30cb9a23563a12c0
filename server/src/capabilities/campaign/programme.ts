import type { ProgrammeEntry } from '@elevens/shared/src/campaign/contract.ts';
import { occurrencesOf } from '@elevens/shared/src/occurrences.ts';
import type { Catalogue } from '../catalogue/index.ts';

/** How far the running order looks: what someone who comes late has missed, and what is worth staying up for. */
const backMs = 3_600_000;
const aheadMs = 3 * 3_600_000;
/** About 24 kB of running order, which every phone loads first. Of a fuller evening the entries nearest to now are told. */
export const entriesMax = 120;

type Line = Omit<ProgrammeEntry, 'id' | 'startsAtMs' | 'endsAtMs'>;

/** Every record that has a place in the running order, with what its entry says. */
function linesOf(catalogue: Pick<Catalogue, 'all' | 'get'>): { id: string; when: string; line: Line }[] {
  const of = (kind: 'phase' | 'moment') => (r: { id: string; when: string; title: string; blurb: string }) => ({
    id: r.id,
    when: r.when,
    line: { kind, title: r.title, blurb: r.blurb, brandId: null },
  });
  return [
    ...catalogue.all('phases').map(of('phase')),
    ...catalogue.all('moments').map(of('moment')),
    ...catalogue.all('sessions').map((s) => ({
      id: s.id,
      when: s.when,
      line: { kind: 'session' as const, title: s.title, blurb: s.blurb, brandId: s.brandId },
    })),
    ...catalogue.all('drops').map((d) => ({
      id: d.id,
      when: d.when,
      line: { kind: 'drop' as const, title: d.title, blurb: '', brandId: d.brandId },
    })),
    ...catalogue.all('deals').flatMap((d) => {
      const product = catalogue.get('products', d.productId);
      if (product === undefined) return [];
      const line = { kind: 'deal' as const, title: product.name, blurb: product.blurb, brandId: product.brandId };
      return [{ id: d.id, when: d.when, line }];
    }),
  ];
}

/** How far an entry is from a moment: nothing while it is on. */
function distanceMs(entry: ProgrammeEntry, nowMs: number): number {
  return Math.max(0, entry.startsAtMs - nowMs, nowMs - entry.endsAtMs);
}

/**
 * The running order from an hour back to three hours ahead, by start. At most `entriesMax` entries: phases first, because the
 * page cannot do without them, then whatever is nearest to now.
 */
export function programmeOf(
  catalogue: Pick<Catalogue, 'all' | 'get'>,
  { firstStartMs, nowMs }: { firstStartMs: number; nowMs: number },
): ProgrammeEntry[] {
  // One record alone can fill the running order at most: both ends of its span are looked at, from now outwards.
  const past = { fromMs: Math.max(0, nowMs - backMs), toMs: nowMs };
  const ahead = { fromMs: nowMs, toMs: nowMs + aheadMs };
  const entries = linesOf(catalogue).flatMap(({ id, when, line }) => {
    // Oldest first, so that the hour behind is taken whole: what repeats every 10 s comes round 361 times in it.
    const gone = occurrencesOf({ id, when }, firstStartMs, { ...past, max: 361 });
    const coming = occurrencesOf({ id, when }, firstStartMs, { ...ahead, max: entriesMax });
    const both = new Map([...gone, ...coming].map((o) => [o.startsAtMs, o]));
    return [...both.values()].map(
      (o): ProgrammeEntry => ({
        ...line,
        ...o,
      }),
    );
  });
  const nearest = entries.toSorted(
    (a, b) => Number(b.kind === 'phase') - Number(a.kind === 'phase') || distanceMs(a, nowMs) - distanceMs(b, nowMs),
  );
  return nearest
    .slice(0, entriesMax)
    .toSorted((a, b) => a.startsAtMs - b.startsAtMs || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
}
