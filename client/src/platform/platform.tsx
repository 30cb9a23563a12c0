import type { Role } from '@elevens/shared/src/contract.ts';
import type { CommandInput, CommandOutcome, FeedName } from '@elevens/shared/src/contracts.ts';
import type { Session } from '@elevens/shared/src/identity/contract.ts';
import {
  createContext,
  type ReactNode,
  useCallback,
  useContext,
  useEffect,
  useRef,
  useState,
  useSyncExternalStore,
} from 'react';
import { randomId, spreadOut } from './chance.ts';
import { createFeeds, type FeedsClient, type FeedTransport, type LogOf, type StateOf } from './feeds.ts';
import { createIdentity, type Identity, type Surface, takeLink } from './identity.ts';
import { type Answer, createQueries, type ListName, type Queries } from './queries.ts';
import { createServerClock, keepMeasured, type ServerClock } from './server-clock.ts';
import { type ChangeName, type Connection, createConnection, type Link, type Without } from './socket.ts';
import type { ReplyOfName } from './wire.ts';

/** Everything a surface stands on, made once for each page. */
export interface Platform {
  clock: ServerClock;
  identity: Identity;
  connection: Connection;
  feeds: FeedsClient;
  queries: Queries;
}

/** A catalogue change reaches every page at once; they ask again over this span. */
const catalogueJitterMs = 2_000;
/** After a reconnect the lists are asked for again over this span. */
const returnJitterMs = 1_200;

function later(ms: number, act: () => void): () => void {
  const timer = setTimeout(act, ms);
  return () => clearTimeout(timer);
}

function transportOf(connection: Connection): FeedTransport {
  const is = (wanted: 'up' | 'other', listener: () => void): void => {
    let was = connection.link().is === 'up';
    connection.onLink(() => {
      const now = connection.link().is === 'up';
      if (now === was) return;
      was = now;
      if (now === (wanted === 'up')) listener();
    });
  };
  return {
    up: () => connection.link().is === 'up',
    onUp: (listener) => is('up', listener),
    onDown: (listener) => is('other', listener),
    async join(input) {
      const outcome = await connection.call('feeds:join', input);
      if (outcome.ok) return outcome.reply;
      if (!('fault' in outcome)) return { refused: outcome.why };
      return outcome.retryAfterMs === null
        ? { refused: outcome.fault }
        : { againInMs: spreadOut(outcome.retryAfterMs) };
    },
    leave: (input) => void connection.call('feeds:leave', input),
    on: (event, listener) => void connection.on(event, listener),
    later,
  };
}

/**
 * Makes the platform of a surface and starts its connection. `guests` makes a guest of whoever comes; without it the
 * connection waits until someone has signed in (`identity.signIn`, then `connection.start`).
 */
export function createPlatform(settings: { surface: Surface; guests: boolean; roles: readonly Role[] }): Platform {
  let connection: Connection | null = null;
  const clock = createServerClock({
    askNowMs: async () => {
      const outcome = await connection?.call('clock:now', {});
      return outcome?.ok === true ? outcome.reply.nowMs : null;
    },
  });
  const identity = createIdentity({ ...settings, nowMs: () => clock.nowMs() });
  const made = createConnection({ surface: settings.surface, identity });
  connection = made;
  const feeds = createFeeds(transportOf(made));
  const queries = createQueries({ call: (name) => made.call(name, {}), nowMs: () => clock.nowMs(), later });

  let met = false;
  made.onLink(() => {
    if (made.link().is !== 'up') return;
    void clock.sync();
    if (met) queries.refreshAll(returnJitterMs);
    met = true;
  });
  keepMeasured(clock);

  let version: number | null = null;
  feeds.follow('state', 'catalogue:version', 'all', () => {
    const state = feeds.read('state', 'catalogue:version', 'all').view as { state: { version?: number } | null };
    const now = state.state?.version;
    if (now === undefined || now === version) return;
    if (version !== null) queries.refreshAll(catalogueJitterMs);
    version = now;
  });

  const link = takeLink();
  void (link === null ? Promise.resolve() : identity.useLink(link)).then(() => made.start());
  return { clock, identity, connection: made, feeds, queries };
}

const Context = createContext<Platform | null>(null);

export function PlatformProvider({ platform, children }: { platform: Platform; children: ReactNode }) {
  return <Context value={platform}>{children}</Context>;
}

export function usePlatform(): Platform {
  const platform = useContext(Context);
  if (platform === null) throw new Error('usePlatform needs a PlatformProvider above it');
  return platform;
}

/** The server's time, rounded down to stepMs; the component renders once a step. `measured` is false until it is known. */
export function useNow(stepMs: number): number {
  const { clock } = usePlatform();
  const subscribe = useCallback((onStep: () => void) => clock.subscribe(stepMs, onStep), [clock, stepMs]);
  return useSyncExternalStore(subscribe, () => Math.floor(clock.nowMs() / stepMs) * stepMs);
}

/** Whether the server's time has been measured: until then a countdown shows nothing rather than a guess. */
export function useMeasured(): boolean {
  const { clock } = usePlatform();
  const subscribe = useCallback((onStep: () => void) => clock.subscribe(1_000, onStep), [clock]);
  return useSyncExternalStore(subscribe, () => clock.measured());
}

export function useLink(): Link {
  const { connection } = usePlatform();
  return useSyncExternalStore(connection.onLink, connection.link);
}

export function useSession(): Session | null {
  const { identity } = usePlatform();
  return useSyncExternalStore(identity.subscribe, identity.current);
}

function useFeed(kind: 'log' | 'state', feed: FeedName, id: string | null): unknown {
  const { feeds } = usePlatform();
  const subscribe = useCallback(
    (onChange: () => void) => (id === null ? () => undefined : feeds.follow(kind, feed, id, onChange)),
    [feeds, kind, feed, id],
  );
  return useSyncExternalStore(subscribe, () => feeds.read(kind, feed, id ?? ''));
}

/** The latest of a state feed; null as the id follows nothing. */
export function useFeedState<N extends FeedName>(feed: N, id: string | null): StateOf<N> {
  return useFeed('state', feed, id) as StateOf<N>;
}

/** What a log feed holds, in order, each entry once. */
export function useFeedLog<N extends FeedName>(feed: N, id: string | null): LogOf<N> {
  return useFeed('log', feed, id) as LogOf<N>;
}

/** A list that the whole surface shares, kept fresh by the programme and the catalogue. */
export function useList<N extends ListName>(name: N): Answer<ReplyOfName<N>> {
  const { queries } = usePlatform();
  const subscribe = useCallback((onChange: () => void) => queries.subscribe(name, onChange), [queries, name]);
  return useSyncExternalStore(subscribe, () => queries.read(name));
}

export type Sending<N extends ChangeName> =
  | { is: 'idle' }
  | { is: 'sending' }
  | { is: 'answered'; outcome: CommandOutcome<N> };

/**
 * One thing a person can do. A second tap while the first is under way changes nothing; after an answer that got lost, the
 * next tap sends the same requestId again, so it learns the first answer instead of acting twice.
 */
export function useChange<N extends ChangeName>(
  name: N,
): {
  sending: Sending<N>;
  send: (input: Without<CommandInput<N>, 'requestId'>) => Promise<CommandOutcome<N> | null>;
  reset: () => void;
} {
  const { connection } = usePlatform();
  const [sending, setSending] = useState<Sending<N>>({ is: 'idle' });
  const open = useRef<{ requestId: string; input: string } | null>(null);
  const busy = useRef(false);
  const shown = useRef(true);
  useEffect(() => {
    shown.current = true;
    return () => {
      shown.current = false;
    };
  }, []);

  const send = useCallback(
    async (input: Without<CommandInput<N>, 'requestId'>) => {
      if (busy.current) return null;
      busy.current = true;
      const text = JSON.stringify(input);
      if (open.current === null || open.current.input !== text) open.current = { requestId: randomId(), input: text };
      setSending({ is: 'sending' });
      const outcome = await connection.change(name, input, open.current.requestId);
      if (!('fault' in outcome && outcome.fault === 'unknown')) open.current = null;
      busy.current = false;
      if (shown.current) setSending({ is: 'answered', outcome });
      return outcome;
    },
    [connection, name],
  );
  const reset = useCallback(() => setSending({ is: 'idle' }), []);
  return { sending, send, reset };
}
