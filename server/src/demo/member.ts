import type { CommandInput, CommandName, CommandOutcome } from '@elevens/shared/src/contracts.ts';
import type { Bye, FaultAnswer } from '@elevens/shared/src/faults.ts';
import type { BehindEvent } from '@elevens/shared/src/feeds/contract.ts';
import { io } from 'socket.io-client';
import type { Random } from '../platform/random.ts';
import type { Locale } from './lines.ts';

/** A call whose answer has not come by then is sent again, under the same requestId where it has one. */
const answerMs = 8_000;
const triesMax = 3;
/** Waits before a refused or ended connection is made again, where the server did not say: nobody storms back. */
const comeBackMs = { least: 2_000, most: 8_000 };
const comeBackMostMs = 60_000;
/** Tokens live for hours; a fresh one this often is always in time. */
const renewMs = 1_800_000;

/** One simulated shopper: a connection of its own over the public wire, and who the server says that it is. */
export interface Member {
  locale(): Locale;
  /** Null until the server has said who this is. */
  shopperId(): string | null;
  isHere(): boolean;
  call<N extends CommandName>(name: N, input: CommandInput<N>): Promise<CommandOutcome<N> | FaultAnswer>;
  /** Follows a feed until it is left, across reconnects. */
  follow(feed: string, id: string): void;
  leave(feed: string, id: string): void;
  /** Goes for good. */
  stop(): void;
}

const away: FaultAnswer = { ok: false, fault: 'unavailable', retryAfterMs: null };

export function createMember({
  url,
  token,
  random,
  later,
}: {
  url: string;
  token: string;
  random: Random;
  /** Does something after a pause, unless the crowd stops before. */
  later: (ms: number, act: () => void) => void;
}): Member {
  let stopped = false;
  let held = token;
  let who: { shopperId: string; locale: Locale } | null = null;
  let refusals = 0;
  const following = new Map<string, { feed: string; id: string }>();
  const socket = io(url, {
    // Read anew at each connect, so that a renewed token is the one that is shown.
    auth: (show) => show({ token: held }),
    transports: ['websocket'],
    forceNew: true,
    reconnectionDelay: 1_000,
    reconnectionDelayMax: 15_000,
  });

  async function call<N extends CommandName>(
    name: N,
    input: CommandInput<N>,
  ): Promise<CommandOutcome<N> | FaultAnswer> {
    for (let tries = 1; ; tries++) {
      if (stopped || !socket.connected) return away;
      let answer: CommandOutcome<N> | FaultAnswer;
      try {
        answer = (await socket.timeout(answerMs).emitWithAck(name, input)) as CommandOutcome<N> | FaultAnswer;
      } catch {
        answer = { ok: false, fault: 'unknown', retryAfterMs: 500 };
      }
      const retryAfterMs = 'fault' in answer ? answer.retryAfterMs : null;
      if (retryAfterMs === null || tries === triesMax) return answer;
      await new Promise<void>((resolve) => later(retryAfterMs + random.int(500), resolve));
    }
  }

  async function join(feed: string, id: string): Promise<void> {
    await call('feeds:join', { feed, id });
  }

  async function introduce(): Promise<void> {
    const session = await call('identity:renew', {});
    if (!session.ok) return;
    held = session.reply.token;
    who = { shopperId: session.reply.shopperId, locale: session.reply.locale };
  }
  function keepToken(): void {
    later(renewMs, () => {
      void introduce().then(keepToken);
    });
  }

  function comeBack(afterMs: number | null): void {
    const ownMs = comeBackMs.least + random.int(comeBackMs.most - comeBackMs.least);
    const ms = Math.min((afterMs ?? ownMs) * 2 ** Math.min(refusals, 5), comeBackMostMs);
    later(ms, () => {
      if (!stopped) socket.connect();
    });
  }

  let bye: Bye | null = null;
  socket.on('system:bye', (said: Bye) => {
    bye = said;
  });
  socket.on('connect', () => {
    refusals = 0;
    bye = null;
    if (who === null) void introduce().then(keepToken);
    for (const { feed, id } of following.values()) {
      // Everyone who lost the node comes back at once; what they follow is asked for one after the other.
      later(random.int(3_000), () => {
        if (following.has(`${feed} ${id}`)) void join(feed, id);
      });
    }
  });
  socket.on('connect_error', (error: Error & { data?: { code?: string; retryAfterMs?: number | null } }) => {
    // A failed transport is tried again by the library; a refusal is not.
    if (socket.active) return;
    refusals++;
    if (error.data?.code === 'unauthenticated' || error.data?.code === 'revoked' || error.data?.code === 'expired')
      stop();
    else comeBack(error.data?.retryAfterMs ?? null);
  });
  socket.on('disconnect', (reason) => {
    if (stopped || reason !== 'io server disconnect') return;
    if (bye !== null && bye.retryAfterMs === null) stop();
    else comeBack(bye?.retryAfterMs ?? null);
  });
  socket.on('feeds:behind', ({ feed, id }: BehindEvent) => {
    if (following.has(`${feed} ${id}`)) void join(feed, id);
  });

  function stop(): void {
    stopped = true;
    socket.disconnect();
  }

  return {
    locale: () => who?.locale ?? 'en',
    shopperId: () => who?.shopperId ?? null,
    isHere: () => !stopped && socket.connected && who !== null,
    call,
    follow(feed, id) {
      const key = `${feed} ${id}`;
      if (following.has(key)) return;
      following.set(key, { feed, id });
      void join(feed, id);
    },
    leave(feed, id) {
      if (following.delete(`${feed} ${id}`)) void call('feeds:leave', { feed, id });
    },
    stop,
  };
}
