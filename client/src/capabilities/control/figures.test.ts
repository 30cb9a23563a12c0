import type { ProgrammeEntry } from '@elevens/shared/src/campaign/contract.ts';
import type { WallDeal, WallNode, WallPoint, WallRedis } from '@elevens/shared/src/control/contract.ts';
import { describe, expect, test } from 'vitest';
import { nodeTrouble, redisTrouble } from './machines.ts';
import { minutesOf } from './minutes.ts';
import { stallsOf } from './Stalls.tsx';
import { timelineOf } from './timeline.ts';
import { joinedPoints } from './use-wall.ts';

const minute = 60_000;
const point = (atMs: number, holds = 0, people = 0): WallPoint => ({
  atMs,
  people,
  claims: 0,
  holds,
  messages: 0,
  packets: 0,
  crowdClaims: 0,
});

describe('the history', () => {
  test('a moment that is already there is not drawn twice, and an older one is not put behind a newer', () => {
    const points = joinedPoints([point(1), point(2)], [point(1), point(2), point(3)]);
    expect(points.map(({ atMs }) => atMs)).toEqual([1, 2, 3]);
    expect(joinedPoints(points, [point(2)])).toBe(points);
  });

  test('it holds ten minutes and no more', () => {
    const long = Array.from({ length: 700 }, (_, i) => point(i + 1));
    const points = joinedPoints(long, [point(701)]);
    expect(points).toHaveLength(600);
    expect(points.at(-1)?.atMs).toBe(701);
  });

  test('its numbers by the minute are means of what was drawn, and the most people at once', () => {
    const points = [point(0, 2, 5), point(1_000, 4, 9), point(minute, 1, 7)];
    expect(minutesOf(points).map(({ atMs, holds, people }) => ({ atMs, holds, people }))).toEqual([
      { atMs: minute, holds: 1, people: 7 },
      { atMs: 0, holds: 3, people: 9 },
    ]);
  });
});

describe('the evening', () => {
  const entry = (id: string, startsAtMs: number, endsAtMs: number, kind: ProgrammeEntry['kind'] = 'phase') =>
    ({ id, kind, title: id, blurb: '', brandId: null, startsAtMs, endsAtMs }) satisfies ProgrammeEntry;

  test('it shows what was, what is on and what comes; deals are left to the stalls', () => {
    const programme = [
      entry('before', 0, 10),
      entry('deal', 5, 100, 'deal'),
      entry('now', 20, 100),
      entry('rain~1', 40, 45, 'drop'),
      entry('rain~2', 60, 65, 'drop'),
      entry('after', 100, 200),
    ];
    const { entries, here } = timelineOf(programme, 30);
    expect(entries.map(({ entry, state }) => `${entry.id} ${state}`)).toEqual([
      'before done',
      'now on',
      'rain~1 next',
      'after next',
    ]);
    expect(here).toBe(1.5);
  });

  test('an empty evening has no place for now', () => {
    expect(timelineOf([], 30)).toEqual({ entries: [], here: 0 });
  });
});

describe('the stalls', () => {
  const deal = (dealId: string, opensAtMs: number): WallDeal => ({
    dealId,
    title: dealId,
    total: 1,
    free: 1,
    held: 0,
    sold: 0,
    paused: false,
    soldOut: false,
    waiting: 0,
    opensAtMs,
    closesAtMs: opensAtMs + 10,
  });

  test('a deal that comes round again has one stall: as it is now, else as it will be next', () => {
    const deals = [deal('b~1', 0), deal('b~2', 20), deal('a~1', 0), deal('a~2', 40)];
    expect(stallsOf(deals, new Set(), 5).map(({ dealId }) => dealId)).toEqual(['a~1', 'b~1']);
    expect(stallsOf(deals, new Set(), 15).map(({ dealId }) => dealId)).toEqual(['a~2', 'b~2']);
  });

  test('one that does not add up stays in sight after it closed', () => {
    const deals = [deal('a~1', 0), deal('a~2', 40)];
    expect(stallsOf(deals, new Set(['a~1']), 15).map(({ dealId }) => dealId)).toEqual(['a~1']);
  });
});

describe('machines', () => {
  const node: WallNode = {
    node: 'n',
    sockets: 1,
    loopLagMs: 2,
    queueBytes: 0,
    cpuShare: 0.2,
    seenAtMs: 0,
    draining: false,
  };
  const redis: WallRedis = {
    name: 'redis',
    ok: true,
    pingMs: 0.2,
    usedBytes: 1,
    clients: 1,
    durability: 'fsync',
    aof: 'ok',
  };

  test('silence is health', () => {
    expect(nodeTrouble(node)).toBeNull();
    expect(redisTrouble(redis)).toBeNull();
  });

  test('what is gravest is said', () => {
    expect(nodeTrouble({ ...node, loopLagMs: 140 })).toBe('lag');
    expect(nodeTrouble({ ...node, loopLagMs: 140, draining: true })).toBe('draining');
    expect(nodeTrouble({ ...node, cpuShare: 0.9 })).toBe('cpu');
    expect(nodeTrouble({ ...node, queueBytes: 100 * 1_048_576 })).toBe('queue');
    expect(redisTrouble({ ...redis, ok: false, pingMs: 900 })).toBe('unsafe');
    expect(redisTrouble({ ...redis, pingMs: 90 })).toBe('slow');
  });
});
