import type { CommandInput } from '@elevens/shared/src/contracts.ts';
import type { FaultCode } from '@elevens/shared/src/faults.ts';
import { useCallback, useEffect, useRef, useState } from 'react';
import { spreadOut } from '../../platform/chance.ts';
import { useLink, usePlatform } from '../../platform/platform.tsx';
import type { QueryName } from '../../platform/socket.ts';
import type { ReplyOfName } from '../../platform/wire.ts';

export type Asked<N extends QueryName> =
  | { is: 'loading' }
  | { is: 'ready'; reply: ReplyOfName<N> }
  | { is: 'refused'; why: string }
  | { is: 'failed'; fault: FaultCode };

/** The first pause after a question that failed, and while an answer is waited for; doubled each time up to the second. */
const pauseMs = 1_000;
const pauseMaxMs = 8_000;

/**
 * One thing, asked for by name and kept fresh: it is asked for again when `bell` changes (a feed says that there is news),
 * after a reconnect, after a failure, and while `waiting`, ever more rarely, as the fallback for a bell that was missed.
 * What was shown stays when a later question fails. One question is in flight at a time, so no old answer covers a new one.
 */
export function useAsked<N extends QueryName>(
  name: N,
  input: CommandInput<N>,
  { bell, waiting = false }: { bell: unknown; waiting?: boolean },
): { asked: Asked<N>; again: () => void } {
  const { connection } = usePlatform();
  const link = useLink();
  const up = link.is === 'up';
  const text = JSON.stringify(input);
  const [held, setHeld] = useState<{ text: string; asked: Asked<N> }>({ text, asked: { is: 'loading' } });
  const flight = useRef({ asking: false, again: false, failures: 0, text });
  const timer = useRef<ReturnType<typeof setTimeout> | null>(null);
  const gone = useRef(false);

  const ask = useCallback(async (): Promise<void> => {
    const state = flight.current;
    state.text = text;
    if (state.asking) {
      state.again = true;
      return;
    }
    state.asking = true;
    for (;;) {
      state.again = false;
      const asking = state.text;
      const outcome = await connection.call(name, JSON.parse(asking) as CommandInput<N>);
      if (gone.current) break;
      const failed = !outcome.ok && 'fault' in outcome;
      state.failures = failed ? state.failures + 1 : 0;
      if (asking === state.text) {
        setHeld((before) => {
          if (outcome.ok) return { text: asking, asked: { is: 'ready', reply: outcome.reply as ReplyOfName<N> } };
          if (!failed) return { text: asking, asked: { is: 'refused', why: (outcome as { why: string }).why } };
          if (before.text === asking && before.asked.is === 'ready') return before;
          return { text: asking, asked: { is: 'failed', fault: (outcome as { fault: FaultCode }).fault } };
        });
        if (failed) {
          if (timer.current !== null) clearTimeout(timer.current);
          timer.current = setTimeout(
            () => void ask(),
            spreadOut(Math.min(pauseMs * 2 ** (state.failures - 1), pauseMaxMs)),
          );
        }
      }
      if (!state.again && asking === state.text) break;
    }
    state.asking = false;
  }, [connection, name, text]);

  useEffect(() => {
    gone.current = false;
    return () => {
      gone.current = true;
      if (timer.current !== null) clearTimeout(timer.current);
    };
  }, []);

  // oxlint-disable-next-line react/exhaustive-deps -- the bell is not read: that it changed is the reason to ask
  useEffect(() => {
    if (up) void ask();
  }, [ask, bell, up]);

  useEffect(() => {
    if (!waiting) return undefined;
    let step: ReturnType<typeof setTimeout>;
    let waitMs = pauseMs;
    const next = (): void => {
      step = setTimeout(() => {
        void ask();
        waitMs = Math.min(waitMs * 2, pauseMaxMs);
        next();
      }, spreadOut(waitMs));
    };
    next();
    return () => clearTimeout(step);
  }, [ask, waiting]);

  return {
    asked: held.text === text ? held.asked : { is: 'loading' },
    again: useCallback(() => void ask(), [ask]),
  };
}
