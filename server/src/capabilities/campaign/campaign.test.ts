import { fileURLToPath } from 'node:url';
import { campaign as contract } from '@elevens/shared/src/campaign/contract.ts';
import type { Festival, RecordKind, RecordOf } from '@elevens/shared/src/catalogue/festival.ts';
import { describe, expect, test } from 'vitest';
import type { Caller } from '../../platform/caller.ts';
import { readFestivalFile } from '../catalogue/index.ts';
import { createCampaign } from './index.ts';
import { entriesMax } from './programme.ts';

const firstStartMs = Date.parse('2026-11-10T21:37:11Z');
const demo = await readFestivalFile(fileURLToPath(new URL('../../../festivals/demo.json', import.meta.url)));
const nobody: Caller = { person: null, arrivedAtMs: firstStartMs, traceId: '', socket: null };

/** An evening at a moment that the test moves, over records that the test may change. */
function evening(festival: Festival) {
  const at = { nowMs: firstStartMs, version: 1 };
  const catalogue = {
    version: () => at.version,
    festival: () => ({ ...festival.festival, firstStartMs }),
    all: <K extends RecordKind>(kind: K) => festival[kind] as unknown as readonly RecordOf<K>[],
    get: <K extends RecordKind>(kind: K, id: string) =>
      (festival[kind] as unknown as readonly RecordOf<K>[]).find((r) => (r as { id: string }).id === id),
  };
  const campaign = createCampaign({ catalogue, clock: { nowMs: () => at.nowMs }, demo: true });
  return {
    at,
    async tonight() {
      const answer = await campaign.handlers.tonight(nobody, {}, { requestId: '', command: '', inputHash: '' });
      if (!answer.ok) throw new Error('tonight was refused');
      return contract.commands.tonight.reply.parse(answer.reply);
    },
    raw: () => campaign.handlers.tonight(nobody, {}, { requestId: '', command: '', inputHash: '' }),
  };
}

describe('the running order', () => {
  test('names the festival, its places and its currency, and what is on by its product', async () => {
    const tonight = await evening(demo).tonight();
    expect(tonight).toMatchObject({ festivalId: 'demo', currency: 'CNY', demo: true, nowMs: firstStartMs });
    expect(tonight.places[0]).toEqual({ city: 'Shanghai', timeZone: 'Asia/Shanghai' });
    expect(tonight.programme.find((e) => e.id === 'iron-pan~0')).toEqual({
      id: 'iron-pan~0',
      kind: 'deal',
      title: 'Iron pan 28 cm',
      blurb: 'Cast thick, seasoned twice before it leaves us. Heavier than it looks.',
      brandId: 'kettle-row',
      startsAtMs: firstStartMs + 300_000,
      endsAtMs: firstStartMs + 600_000,
    });
  });

  test('goes from an hour back to three hours ahead, by start, each occurrence once', async () => {
    const night = evening(quiet());
    night.at.nowMs = firstStartMs + 5 * 3_600_000;
    const { programme } = await night.tonight();
    const starts = programme.map((e) => e.startsAtMs);
    expect(starts).toEqual(starts.toSorted((a, b) => a - b));
    expect(new Set(programme.map((e) => e.id)).size).toBe(programme.length);
    for (const entry of programme) {
      expect(entry.endsAtMs).toBeGreaterThan(night.at.nowMs - 3_600_000);
      expect(entry.startsAtMs).toBeLessThan(night.at.nowMs + 3 * 3_600_000);
    }
    const sessions = programme.filter((e) => e.kind === 'session');
    expect(sessions[0]?.startsAtMs).toBeLessThan(night.at.nowMs - 3_000_000);
    expect(sessions.at(-1)?.startsAtMs).toBeGreaterThan(night.at.nowMs + 10_000_000);
  });

  test('of a full evening tells no more than a phone should load: every phase, and what is nearest to now', async () => {
    const night = evening(demo);
    night.at.nowMs = firstStartMs + 5 * 3_600_000;
    const { programme, nowMs } = await night.tonight();
    expect(programme).toHaveLength(entriesMax);
    expect(programme.filter((e) => e.kind === 'phase').length).toBeGreaterThanOrEqual(16);
    const others = programme.filter((e) => e.kind !== 'phase');
    const on = others.filter((e) => e.startsAtMs <= nowMs && nowMs < e.endsAtMs);
    expect(on.filter((e) => e.kind === 'deal').length).toBeGreaterThanOrEqual(3);
    expect(on.some((e) => e.kind === 'session')).toBe(true);
    // Nothing is left out between the nearest and the farthest that is told.
    const farthestMs = Math.max(...others.map((e) => e.startsAtMs - nowMs));
    expect(farthestMs).toBeGreaterThan(20 * 60_000);
  });

  test('is the same answer for a moment, the same order for ten seconds, and new when the catalogue is', async () => {
    const night = evening(demo);
    const first = await night.raw();
    night.at.nowMs += 100;
    expect(await night.raw()).toBe(first);
    night.at.nowMs += 5_000;
    const later = await night.raw();
    if (!first.ok || !later.ok) throw new Error('tonight was refused');
    expect(later.reply.nowMs).toBe(night.at.nowMs);
    expect(later.reply.programme).toBe(first.reply.programme);
    night.at.version++;
    const changed = await night.raw();
    expect(changed.ok && changed.reply.version).toBe(2);
    expect(changed.ok && changed.reply.programme).not.toBe(first.reply.programme);
  });

  test('says nothing of what happens once and is long over', async () => {
    const once = { id: 'overture', title: 'Overture', blurb: '', when: '+0s for 1m' };
    const night = evening({ ...quiet(), moments: [once] });
    expect((await night.tonight()).programme.find((e) => e.id === 'overture')?.kind).toBe('moment');
    night.at.nowMs += 2 * 3_600_000;
    expect((await night.tonight()).programme.some((e) => e.id === 'overture')).toBe(false);
  });
});

/** The demo with few enough entries that none is left out. */
function quiet(): Festival {
  return { ...demo, deals: demo.deals.slice(0, 3), drops: [], moments: [] };
}
