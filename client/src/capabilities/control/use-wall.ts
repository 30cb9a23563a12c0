import type { Wall, WallPoint } from '@elevens/shared/src/control/contract.ts';
import { useEffect, useState } from 'react';
import { useFeedState, useLink, useMeasured, useNow, usePlatform } from '../../platform/platform.tsx';

/** The wall is made once a second; figures that missed four of them have lost their light. */
const freshMs = 5_000;
/** Ten minutes, as the server keeps them. */
const pointsMax = 600;

export type WallView =
  /** Nothing has come yet. */
  | { is: 'waiting' }
  | { is: 'refused'; why: string }
  /** What was shown last stays; `old` when nothing new has come for a while. */
  | { is: 'shown'; wall: Wall; ageMs: number; old: boolean };

/** The figures of this moment and their age by the server's time. */
export function useWall(): WallView {
  const { view, status } = useFeedState('control:wall', 'all');
  const nowMs = useNow(1_000);
  const measured = useMeasured();
  if (view.state === null) return status.is === 'refused' ? { is: 'refused', why: status.why } : { is: 'waiting' };
  // Before the server's time is known, an age would be a guess.
  const ageMs = measured ? Math.max(0, nowMs - view.state.atMs) : 0;
  return { is: 'shown', wall: view.state, ageMs, old: ageMs > freshMs };
}

/** What was there and what came behind it: each moment once, in order, the last ten minutes. */
export function joinedPoints(before: readonly WallPoint[], more: readonly WallPoint[]): readonly WallPoint[] {
  const lastMs = before.at(-1)?.atMs ?? 0;
  const fresh = more.filter((point) => point.atMs > lastMs);
  return fresh.length === 0 ? before : [...before, ...fresh].slice(-pointsMax);
}

/** The last ten minutes: asked for once a connection, then carried on by the wall itself. */
export function usePoints(wall: Wall | null): readonly WallPoint[] {
  const { connection } = usePlatform();
  const link = useLink();
  const [points, setPoints] = useState<readonly WallPoint[]>([]);
  const [seenMs, setSeenMs] = useState(0);
  const up = link.is === 'up';

  useEffect(() => {
    if (!up) return undefined;
    let gone = false;
    const ask = async (): Promise<void> => {
      const outcome = await connection.call('control:history', {});
      // What the wall brought while the history was on its way goes behind it.
      if (!gone && outcome.ok) setPoints((before) => joinedPoints(outcome.reply.points, before));
    };
    void ask();
    return () => {
      gone = true;
    };
  }, [connection, up]);

  const point = wall?.point;
  if (point !== undefined && point.atMs !== seenMs) {
    setSeenMs(point.atMs);
    setPoints(joinedPoints(points, [point]));
  }
  return points;
}
