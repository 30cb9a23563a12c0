import type { FeedName, FeedPayload } from '@elevens/shared/src/contracts.ts';
import type { BehindEvent, LogEvent, StateEvent } from '@elevens/shared/src/feeds/contract.ts';

/**
 * Follows feeds: one join for each (feed, id) however many components look at it, positions handed back after a
 * reconnect, gaps never papered over. What arrives is reduced by the pure functions below; the rest is bookkeeping.
 */

/** Entries of a log kept in the browser. A screen shows a few dozen; the server keeps 500 of a chat itself. */
export const entriesMax = 400;
/** A feed that nobody looks at any more is left after this long, so that a change of page does not leave and join again. */
const leaveAfterMs = 1_500;

export interface LogView<T = unknown> {
  position: string | null;
  entries: readonly T[];
  /** What the last return brought: entries caught up with, or null when the log had to start anew from a snapshot. */
  caughtUp: number | null;
}
export interface StateView<T extends object = Record<string, unknown>> {
  position: string | null;
  state: T | null;
}

/** The answer to feeds:join, as the contract declares it. */
export type Joined =
  | { position: string; recovered: true; entries: unknown[] }
  | { position: string; recovered?: false; snapshot: unknown };

export const emptyLog: LogView = { position: null, entries: [], caughtUp: 0 };
export const emptyState: StateView = { position: null, state: null };

/** An entry's own name, where it has one; entries without one are told apart by their content. */
function nameOf(entry: unknown): string {
  const named = entry as { messageId?: unknown } | null;
  return typeof named?.messageId === 'string' ? named.messageId : JSON.stringify(entry);
}

function appended(entries: readonly unknown[], more: readonly unknown[]): readonly unknown[] {
  const known = new Set(entries.map(nameOf));
  const fresh = more.filter((entry) => {
    const name = nameOf(entry);
    if (known.has(name)) return false;
    known.add(name);
    return true;
  });
  return fresh.length === 0 ? entries : [...entries, ...fresh].slice(-entriesMax);
}

/** A join's answer: what was missed goes behind what is here; a snapshot takes the place of everything. */
export function joinedLog(view: LogView, answer: Joined): LogView {
  if (answer.recovered === true) {
    const entries = appended(view.entries, answer.entries);
    return { position: answer.position, entries, caughtUp: answer.entries.length };
  }
  const { entries } = answer.snapshot as { entries: unknown[] };
  return {
    position: answer.position,
    entries: appended([], entries),
    caughtUp: view.position === null ? 0 : null,
  };
}

/** New entries. The position they carry is the only thing handed back later; the same position twice is a repeat. */
export function logMoved(view: LogView, event: LogEvent): LogView {
  if (event.position === view.position) return view;
  return { ...view, position: event.position, entries: appended(view.entries, event.entries) };
}

export function joinedState(_view: StateView, answer: Joined): StateView {
  if (answer.recovered === true) return _view;
  return { position: answer.position, state: answer.snapshot as Record<string, unknown> };
}

/** The fields that changed are laid over the whole state; before the whole is there, a part says nothing. */
export function stateMoved(view: StateView, event: StateEvent): StateView {
  if (view.state === null) return view;
  return { position: event.position, state: { ...view.state, ...event.state } };
}

/** What the feeds need of a connection; in the product the socket, in tests a scripted sequence. */
export interface FeedTransport {
  up(): boolean;
  onUp(listener: () => void): void;
  onDown(listener: () => void): void;
  /** Null when no answer came: it is asked again. A word when the server refuses: it is not. */
  join(input: {
    feed: string;
    id: string;
    from?: string;
  }): Promise<Joined | { refused: string } | { againInMs: number }>;
  leave(input: { feed: string; id: string }): void;
  on(event: string, listener: (payload: unknown) => void): void;
  later(ms: number, act: () => void): () => void;
}

export type FeedStatus =
  /** Asked for, not there yet. */
  | { is: 'waiting' }
  | { is: 'live' }
  /** What is shown is from before the connection was lost. */
  | { is: 'stale' }
  | { is: 'refused'; why: string };

export interface Followed<View> {
  view: View;
  status: FeedStatus;
}

interface Entry {
  kind: 'log' | 'state';
  feed: string;
  id: string;
  followers: Set<() => void>;
  /** Immutable, so that React can compare it. */
  shown: Followed<LogView | StateView>;
  /** Events that came while a join was under way; applied behind its answer. */
  held: unknown[] | null;
  /** Grows with every join, so that the answer to one that was overtaken is dropped. */
  turn: number;
  cancelLeave: (() => void) | null;
}

export interface FeedsClient {
  follow(kind: 'log' | 'state', feed: FeedName, id: string, onChange: () => void): () => void;
  read(kind: 'log' | 'state', feed: FeedName, id: string): Followed<LogView | StateView>;
}

const waitingLog: Followed<LogView> = { view: emptyLog, status: { is: 'waiting' } };
const waitingState: Followed<StateView> = { view: emptyState, status: { is: 'waiting' } };

export function createFeeds(transport: FeedTransport): FeedsClient {
  const followed = new Map<string, Entry>();
  const heard = new Set<string>();

  function show(entry: Entry, shown: Entry['shown']): void {
    entry.shown = shown;
    for (const follower of entry.followers) follower();
  }

  function reduce(entry: Entry, payload: unknown): LogView | StateView {
    return entry.kind === 'log'
      ? logMoved(entry.shown.view as LogView, payload as LogEvent)
      : stateMoved(entry.shown.view as StateView, payload as StateEvent);
  }

  async function join(entry: Entry): Promise<void> {
    const turn = ++entry.turn;
    entry.held = [];
    const { position } = entry.shown.view;
    const answer = await transport.join({
      feed: entry.feed,
      id: entry.id,
      // A state feed has nothing to catch up with: the whole state is what counts.
      ...(entry.kind === 'log' && position !== null ? { from: position } : {}),
    });
    if (turn !== entry.turn) return;
    if ('againInMs' in answer) {
      transport.later(answer.againInMs, () => {
        if (turn === entry.turn && transport.up()) void join(entry);
      });
      return;
    }
    const held = entry.held ?? [];
    entry.held = null;
    if ('refused' in answer) {
      show(entry, { view: entry.shown.view, status: { is: 'refused', why: answer.refused } });
      return;
    }
    let view: LogView | StateView =
      entry.kind === 'log'
        ? joinedLog(entry.shown.view as LogView, answer)
        : joinedState(entry.shown.view as StateView, answer);
    entry.shown = { view, status: { is: 'live' } };
    for (const payload of held) {
      view = reduce(entry, payload);
      entry.shown = { view, status: { is: 'live' } };
    }
    show(entry, entry.shown);
  }

  function hear(feed: string): void {
    if (heard.has(feed)) return;
    heard.add(feed);
    transport.on(feed, (payload) => {
      const entry = followed.get(`${feed} ${(payload as { id: string }).id}`);
      if (entry === undefined) return;
      if (entry.held !== null) {
        entry.held.push(payload);
        return;
      }
      const view = reduce(entry, payload);
      if (view !== entry.shown.view) show(entry, { view, status: { is: 'live' } });
    });
  }

  transport.on('feeds:behind', (payload) => {
    const { feed, id } = payload as BehindEvent;
    const entry = followed.get(`${feed} ${id}`);
    if (entry !== undefined) void join(entry);
  });
  transport.onUp(() => {
    for (const entry of followed.values()) void join(entry);
  });
  transport.onDown(() => {
    for (const entry of followed.values()) {
      entry.turn++;
      entry.held = null;
      if (entry.shown.status.is === 'live') show(entry, { view: entry.shown.view, status: { is: 'stale' } });
    }
  });

  return {
    follow(kind, feed, id, onChange) {
      const key = `${feed} ${id}`;
      let entry = followed.get(key);
      if (entry === undefined) {
        const shown = kind === 'log' ? waitingLog : waitingState;
        entry = { kind, feed, id, followers: new Set(), shown, held: null, turn: 0, cancelLeave: null };
        followed.set(key, entry);
        hear(feed);
        if (transport.up()) void join(entry);
      }
      entry.cancelLeave?.();
      entry.cancelLeave = null;
      entry.followers.add(onChange);
      const mine = entry;
      return () => {
        mine.followers.delete(onChange);
        if (mine.followers.size > 0) return;
        mine.cancelLeave = transport.later(leaveAfterMs, () => {
          mine.turn++;
          followed.delete(key);
          if (transport.up()) transport.leave({ feed, id });
        });
      };
    },
    read(kind, feed, id) {
      return followed.get(`${feed} ${id}`)?.shown ?? (kind === 'log' ? waitingLog : waitingState);
    },
  };
}

/** The shapes that hooks hand out, by the feed's name. */
export type LogOf<N extends FeedName> = Followed<LogView<FeedPayload<N>>>;
export type StateOf<N extends FeedName> = Followed<{ position: string | null; state: FeedPayload<N> | null }>;
