import type { WallPoint } from '@elevens/shared/src/control/contract.ts';

export interface Minute {
  atMs: number;
  claims: number;
  holds: number;
  messages: number;
  packets: number;
  people: number;
}

const minuteMs = 60_000;

/** The curve's numbers by the minute, newest first: means per second, and the most people there were. */
export function minutesOf(points: readonly WallPoint[]): Minute[] {
  const groups = Map.groupBy(points, (point) => Math.floor(point.atMs / minuteMs) * minuteMs);
  return [...groups]
    .map(([atMs, found]) => {
      const mean = (of: (point: WallPoint) => number): number =>
        Math.round((found.reduce((sum, point) => sum + of(point), 0) / found.length) * 10) / 10;
      return {
        atMs,
        claims: mean((point) => point.claims),
        holds: mean((point) => point.holds),
        messages: mean((point) => point.messages),
        packets: mean((point) => point.packets),
        people: Math.max(...found.map((point) => point.people)),
      };
    })
    .toSorted((a, b) => b.atMs - a.atMs);
}
