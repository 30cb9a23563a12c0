import type { LiveSession, Message } from '@elevens/shared/src/live/contract.ts';
import { useCallback, useEffect, useRef, useState } from 'react';
import { useChange, useFeedLog, useFeedState, useLink, useList, useNow } from '../../platform/platform.tsx';

export type SessionsView =
  | { is: 'loading' }
  | { is: 'failed'; fault: string }
  | { is: 'ready'; sessions: LiveSession[]; nowMs: number };

export function useSessions(): SessionsView {
  const answer = useList('live:list');
  const nowMs = useNow(1_000);
  if (answer.is === 'failed') return { is: 'failed', fault: answer.fault.fault };
  if (answer.is === 'loading') return { is: 'loading' };
  return { is: 'ready', sessions: answer.reply.sessions.toSorted((a, b) => a.startsAtMs - b.startsAtMs), nowMs };
}

/** Lines drawn at most: a screen shows about fifteen, and the browser lays out every one of them at each new line. */
const linesMax = 80;

export interface Chat {
  /** Null until the room has answered. */
  lines: readonly Message[] | null;
  stale: boolean;
  refused: string | null;
  /** See LogView: what the last return brought. */
  caughtUp: number | null;
  /** Message ids of this person's own lines, as their answers named them. */
  mine: ReadonlySet<string>;
  people: number | null;
  said: number | null;
}

export function useChat(sessionId: string, mine: ReadonlySet<string>): Chat {
  const { view, status } = useFeedLog('live:chat', sessionId);
  const room = useFeedState('live:room', sessionId).view.state;
  return {
    lines: view.position === null ? null : view.entries.slice(-linesMax),
    stale: status.is === 'stale',
    refused: status.is === 'refused' ? status.why : null,
    caughtUp: view.caughtUp,
    mine,
    people: room?.people ?? null,
    said: room?.said ?? null,
  };
}

/** What is typed is kept over reloads and lost lines, by session, for as long as the tab lives. */
function keyOf(sessionId: string): string {
  return `elevens.draft.${sessionId}`;
}
function draftOf(sessionId: string): string {
  try {
    return sessionStorage.getItem(keyOf(sessionId)) ?? '';
  } catch {
    return '';
  }
}

export interface Saying {
  text: string;
  type: (text: string) => void;
  say: () => void;
  busy: boolean;
  online: boolean;
  /** Why the last line did not get through; the line is still in the field. */
  hurt: { kind: 'fault' | 'why'; word: string } | null;
  mine: ReadonlySet<string>;
}

/** The field under the chat. A line leaves it only when the room has it. */
export function useSaying(sessionId: string): Saying {
  const [text, setText] = useState(() => draftOf(sessionId));
  const [mine, setMine] = useState<ReadonlySet<string>>(new Set());
  const [hurt, setHurt] = useState<Saying['hurt']>(null);
  const { sending, send } = useChange('live:say');
  const link = useLink();
  const typed = useRef(text);

  useEffect(() => {
    typed.current = text;
    try {
      if (text === '') sessionStorage.removeItem(keyOf(sessionId));
      else sessionStorage.setItem(keyOf(sessionId), text);
    } catch {
      // Storage is refused: the draft lives as long as the page.
    }
  }, [text, sessionId]);

  const say = useCallback(() => {
    const line = typed.current.trim();
    if (line === '') return;
    void send({ sessionId, text: line }).then((outcome) => {
      if (outcome === null) return;
      if (outcome.ok) {
        const { messageId } = outcome.reply;
        setMine((before) => new Set([...before, messageId]));
        setHurt(null);
        // Only what was sent is cleared; what was typed meanwhile stays.
        setText((now) => (now.trim() === line ? '' : now));
      } else setHurt('fault' in outcome ? { kind: 'fault', word: outcome.fault } : { kind: 'why', word: outcome.why });
    });
  }, [send, sessionId]);

  return { text, type: setText, say, busy: sending.is === 'sending', online: link.is === 'up', hurt, mine };
}
