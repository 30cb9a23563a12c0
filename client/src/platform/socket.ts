import type { CommandInput, CommandName, CommandOutcome } from '@elevens/shared/src/contracts.ts';
import type { Bye, DisconnectCode, FaultAnswer } from '@elevens/shared/src/faults.ts';
import { io } from 'socket.io-client';
import { randomBetween, randomId, spreadOut, waitMs } from './chance.ts';
import type { Identity, Surface } from './identity.ts';

/** The one connection of a page: commands go up it, feeds come down it. */

/** Commands that change something are those whose input carries a requestId. */
export type ChangeName = {
  [N in CommandName]: CommandInput<N> extends { requestId: string } ? N : never;
}[CommandName];
export type QueryName = Exclude<CommandName, ChangeName>;
export type Without<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;

/** How the connection is, in the words that the connection line shows. */
export type Link =
  | { is: 'connecting'; tries: number }
  | { is: 'up' }
  | { is: 'down'; tries: number }
  /** The server ended it for good; only a person can start again. */
  | { is: 'refused'; code: DisconnectCode };

export interface Connection {
  link(): Link;
  onLink(listener: () => void): () => void;
  /** Asks once. A lost answer is the fault `unknown`; without a connection it is `unavailable`. Never throws. */
  call<N extends QueryName>(name: N, input: CommandInput<N>): Promise<CommandOutcome<N>>;
  /**
   * Sends one intention: the same requestId goes with every resend, so a lost answer or a double tap never acts twice.
   * Resends after faults that allow it, at most `triesMax` times; then the last fault is the outcome.
   */
  change<N extends ChangeName>(
    name: N,
    input: Without<CommandInput<N>, 'requestId'>,
    requestId?: string,
  ): Promise<CommandOutcome<N>>;
  on(event: string, listener: (payload: unknown) => void): () => void;
  /** Connects, with the identity's session. */
  start(): Promise<void>;
  /** Ends the connection and starts again, for a changed or new person. */
  restart(): Promise<void>;
}

/** An answer that takes longer counts as lost: the server itself gives a queued command up after 2 s. */
const answerMaxMs = 6_000;
/** How long a call waits for a connection that is just coming back before it says that there is none. */
const connectMaxMs = 4_000;
/** Resends of one intention: five, spread over about ten seconds, outlast a node that drains and a short tunnel. */
const triesMax = 5;
/** No wait between resends is longer, whatever the server asks: beyond it a person should decide. */
const retryWaitMaxMs = 5_000;
/** The pause before a refused connection is tried again grows to this. */
const refusedPauseMaxMs = 30_000;

/**
 * Sends one intention until it is answered, at most `triesMax` times. `send` must carry the same requestId each time. Once
 * an answer was lost or is pending, no later fault can say that nothing happened: the outcome stays that, to be asked again.
 */
export async function untilAnswered<O extends { ok: true } | { ok: false; why: string } | FaultAnswer>(
  send: () => Promise<O>,
  wait: (ms: number) => Promise<void>,
): Promise<O> {
  let lost: O | null = null;
  for (let attempt = 1; ; attempt++) {
    const outcome = await send();
    if (outcome.ok || !('fault' in outcome)) return outcome;
    if (outcome.fault === 'unknown' || outcome.fault === 'pending') lost = outcome;
    if (outcome.retryAfterMs === null || attempt === triesMax) return lost ?? outcome;
    await wait(spreadOut(Math.min(outcome.retryAfterMs, retryWaitMaxMs)));
  }
}

export function createConnection({ surface, identity }: { surface: Surface; identity: Identity }): Connection {
  const socket = io({
    autoConnect: false,
    // Websocket first; long polling only where a proxy lets nothing else through.
    transports: ['websocket', 'polling'],
    tryAllTransports: true,
    auth: (give) => give({ token: identity.current()?.token, surface }),
    reconnectionDelay: 400,
    reconnectionDelayMax: 8_000,
    randomizationFactor: 0.5,
    timeout: 8_000,
  });

  let link: Link = { is: 'connecting', tries: 0 };
  let tries = 0;
  let later: ReturnType<typeof setTimeout> | null = null;
  const linkListeners = new Set<() => void>();

  function become(next: Link): void {
    link = next;
    for (const listener of linkListeners) listener();
  }

  function connectIn(pauseMs: number): void {
    if (later !== null) clearTimeout(later);
    later = setTimeout(() => {
      later = null;
      if (!socket.connected) socket.connect();
    }, pauseMs);
  }

  socket.on('connect', () => {
    tries = 0;
    become({ is: 'up' });
  });

  socket.on('connect_error', (error: Error & { data?: unknown }) => {
    tries++;
    if (link.is !== 'refused') become({ is: 'down', tries });
    // While the socket is active the library tries again by itself; otherwise the server refused the handshake.
    if (socket.active) return;
    const refusal = error.data as Partial<FaultAnswer> | undefined;
    const pauseMs = spreadOut(Math.max(refusal?.retryAfterMs ?? 0, Math.min(500 * 2 ** tries, refusedPauseMaxMs)));
    const aboutToken =
      refusal?.fault === undefined || refusal.fault === 'unauthenticated' || refusal.fault === 'forbidden';
    if (aboutToken) void identity.renew().then((session) => session !== null && connectIn(pauseMs));
    else connectIn(pauseMs);
  });

  socket.on('disconnect', (reason) => {
    if (link.is !== 'refused') become({ is: 'down', tries: 0 });
    // The library does not come back by itself when the server hung up without a word.
    if (reason === 'io server disconnect' && later === null && link.is !== 'refused')
      connectIn(randomBetween(500, 2_000));
  });

  socket.on('system:bye', (bye: Bye) => {
    const pauseMs = bye.retryAfterMs ?? 1_000;
    switch (bye.code) {
      case 'draining':
        // Spread over the whole span that the server gave, so that its neighbours are not met by everyone at once.
        connectIn(randomBetween(0.2, 1.2) * pauseMs);
        break;
      case 'slow-reader':
        connectIn(spreadOut(pauseMs));
        break;
      case 'expired':
        void identity.renew().then((session) => session !== null && connectIn(spreadOut(200)));
        break;
      case 'revoked':
      case 'bad-packet':
      case 'too-many-bad-calls':
        if (bye.code === 'revoked') identity.forget();
        become({ is: 'refused', code: bye.code });
        break;
    }
    socket.disconnect();
  });

  window.addEventListener('online', () => {
    if (link.is !== 'down') return;
    if (socket.connected) become({ is: 'up' });
    else socket.connect();
  });
  window.addEventListener('offline', () => {
    if (link.is === 'up') become({ is: 'down', tries: 0 });
  });

  // Another tab signed in or out: this one follows, as the person it now is.
  let person = identity.current()?.shopperId;
  identity.subscribe(() => {
    const now = identity.current()?.shopperId;
    if (now === person) return;
    const was = person;
    person = now;
    if (was !== undefined && now !== undefined && socket.connected) void restart();
  });

  async function start(): Promise<void> {
    const session = await identity.session();
    person = session?.shopperId;
    if (session === null) return;
    if (!socket.connected) socket.connect();
  }

  async function restart(): Promise<void> {
    socket.disconnect();
    become({ is: 'connecting', tries: 0 });
    await start();
  }

  function connected(withinMs: number): Promise<boolean> {
    if (socket.connected) return Promise.resolve(true);
    return new Promise((resolve) => {
      const done = (yes: boolean): void => {
        clearTimeout(timer);
        socket.off('connect', onConnect);
        resolve(yes);
      };
      const onConnect = (): void => done(true);
      const timer = setTimeout(() => done(false), withinMs);
      socket.on('connect', onConnect);
    });
  }

  async function ask(name: string, input: unknown): Promise<unknown> {
    if (!(await connected(connectMaxMs))) return { ok: false, fault: 'unavailable', retryAfterMs: 1_000 };
    try {
      return await socket.timeout(answerMaxMs).emitWithAck(name, input);
    } catch {
      return { ok: false, fault: 'unknown', retryAfterMs: 500 };
    }
  }

  return {
    link: () => link,
    onLink(listener) {
      linkListeners.add(listener);
      return () => linkListeners.delete(listener);
    },
    async call(name, input) {
      return (await ask(name, input)) as CommandOutcome<typeof name>;
    },
    change(name, input, requestId = randomId()) {
      return untilAnswered(() => ask(name, { ...input, requestId }) as Promise<CommandOutcome<typeof name>>, waitMs);
    },
    on(event, listener) {
      socket.on(event, listener);
      return () => socket.off(event, listener);
    },
    start,
    restart,
  };
}
