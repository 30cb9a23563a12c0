import type { CommandOutcome } from '@elevens/shared/src/contracts.ts';
import { useCallback, useEffect, useRef, useState } from 'react';
import { spreadOut } from '../../platform/chance.ts';
import { useLink, usePlatform, useSession } from '../../platform/platform.tsx';
import { useKeptChange } from '../../platform/use-kept-change.ts';
import { useMyHolds } from './use-deals.ts';

type LineRefusal = Exclude<CommandOutcome<'deals:wait'> | CommandOutcome<'deals:unwait'>, { ok: true }>;

/** The line for what comes back of one deal. */
export interface Line {
  /** Place in it; null while the shopper is not waiting, or it is not known. */
  place: number | null;
  busy: boolean;
  join: () => void;
  leave: () => void;
  /** The last try, where it did not go through. */
  hurt: LineRefusal | null;
}

/** However quickly a line moves, the place in it is asked for no more often than this. */
const askLeastMs = 3_000;

/** `waiting`: how many are in line; each change of it may have moved the own place. `watch: false` asks nothing. */
export function useLine(dealId: string, { waiting, watch = true }: { waiting: number; watch?: boolean }): Line {
  const { connection } = usePlatform();
  const session = useSession();
  const up = useLink().is === 'up';
  const offered = useMyHolds().offers.length;
  const [place, setPlace] = useState<number | null>(null);
  const [hurt, setHurt] = useState<Line['hurt']>(null);
  const asked = useRef<ReturnType<typeof setTimeout> | null>(null);
  const again = useRef(false);

  const ask = useCallback(async () => {
    const outcome = await connection.call('deals:places', { dealIds: [dealId] });
    if (outcome.ok) setPlace(outcome.reply.places[0]?.place ?? null);
  }, [connection, dealId]);

  // The place may be another whenever this reads differently.
  const moved = watch && up && session !== null ? `${session.shopperId} ${waiting} ${offered}` : null;
  const seen = useRef<string | null>(null);
  useEffect(() => {
    if (seen.current === moved) return;
    seen.current = moved;
    if (moved === null) return;
    if (asked.current !== null) {
      again.current = true;
      return;
    }
    const next = (): void => {
      again.current = false;
      void ask();
      asked.current = setTimeout(() => {
        asked.current = null;
        if (again.current) next();
      }, spreadOut(askLeastMs));
    };
    next();
  }, [ask, moved]);
  useEffect(
    () => () => {
      if (asked.current !== null) clearTimeout(asked.current);
      asked.current = null;
    },
    [],
  );

  const joining = useKeptChange('deals:wait', {
    slot: dealId,
    onAnswer: (outcome) => {
      if (outcome.ok) setPlace(outcome.reply.place);
      else if ('why' in outcome && outcome.why === 'already-waiting') setPlace(outcome.place);
      else setHurt(outcome);
    },
  });
  const leaving = useKeptChange('deals:unwait', {
    slot: dealId,
    onAnswer: (outcome) => {
      if (outcome.ok || ('why' in outcome && outcome.why === 'not-waiting')) setPlace(null);
      else setHurt(outcome);
    },
  });
  return {
    place,
    busy: joining.busy || leaving.busy,
    join: () => {
      setHurt(null);
      joining.send({ dealId });
    },
    leave: () => {
      setHurt(null);
      leaving.send({ dealId });
    },
    hurt,
  };
}
