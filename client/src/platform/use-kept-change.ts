import type { CommandInput, CommandOutcome } from '@elevens/shared/src/contracts.ts';
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { randomId } from './chance.ts';
import { createIntentions, type Kept } from './intentions.ts';
import { usePlatform, useSession } from './platform.tsx';
import type { ChangeName, Without } from './socket.ts';

export interface KeptChange<N extends ChangeName> {
  busy: boolean;
  /** The last answer on this page, until the next sending. */
  outcome: CommandOutcome<N> | null;
  send: (input: Without<CommandInput<N>, 'requestId'>) => void;
  /** Forgets the last answer, once it says nothing any more. */
  clear: () => void;
}

/** Where the storage is refused there is none, and the intention lasts as long as the page. */
function storageOf(where: 'tab' | 'device'): Kept | null {
  try {
    return where === 'tab' ? sessionStorage : localStorage;
  } catch {
    return null;
  }
}

/** After these the decision may have been made: only the same requestId learns of it. */
const undecided = new Set<string>(['unknown', 'pending']);

/**
 * One thing a person can do that must happen once: its requestId is kept under `slot` until it is answered, so that neither
 * a second tap nor a lost answer nor a reload does it twice. What a reload found unanswered is asked again at once.
 * `device` keeps it for all tabs, where they mean the same thing.
 */
export function useKeptChange<N extends ChangeName>(
  name: N,
  {
    slot,
    where = 'tab',
    onAnswer,
    always,
  }: {
    slot: string;
    where?: 'tab' | 'device';
    /** What the page does with the answer, while it is shown. */
    onAnswer?: (outcome: CommandOutcome<N>) => void;
    /** What has to be done with it wherever the person has gone meanwhile. */
    always?: (outcome: CommandOutcome<N>) => void;
  },
): KeptChange<N> {
  const { connection, clock } = usePlatform();
  const session = useSession();
  // A requestId is one person's: another person on this device means something of their own.
  const own = session === null ? null : `${name} ${slot} ${session.shopperId}`;
  const intentions = useMemo(
    () => createIntentions({ kept: storageOf(where), randomId, nowMs: () => clock.nowMs() }),
    [clock, where],
  );
  const [busy, setBusy] = useState(false);
  const [outcome, setOutcome] = useState<CommandOutcome<N> | null>(null);
  const sending = useRef(false);
  const shown = useRef(true);
  const answer = useRef({ onAnswer, always });
  useEffect(() => {
    answer.current = { onAnswer, always };
  });
  useEffect(() => {
    shown.current = true;
    return () => {
      shown.current = false;
    };
  }, []);

  const run = useCallback(
    async (slotOf: string, text: string) => {
      if (sending.current) return;
      sending.current = true;
      setBusy(true);
      const intention = intentions.mean(slotOf, text);
      const input = JSON.parse(text) as Without<CommandInput<N>, 'requestId'>;
      const got = await connection.change(name, input, intention.requestId);
      if (!('fault' in got) || !undecided.has(got.fault)) intentions.answered(slotOf, intention.requestId);
      sending.current = false;
      answer.current.always?.(got);
      if (!shown.current) return;
      setBusy(false);
      setOutcome(got);
      answer.current.onAnswer?.(got);
    },
    [connection, intentions, name],
  );

  useEffect(() => {
    if (own === null) return;
    const left = intentions.interrupted(own);
    if (left !== null) void run(own, left.input);
  }, [intentions, own, run]);

  const send = useCallback(
    (input: Without<CommandInput<N>, 'requestId'>) => {
      if (own !== null) void run(own, JSON.stringify(input));
    },
    [own, run],
  );
  const clear = useCallback(() => setOutcome(null), []);
  return { busy, outcome, send, clear };
}
