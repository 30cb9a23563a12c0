import type { CommandInput, CommandName, CommandOutcome } from '@elevens/shared/src/contracts.ts';
import type { Law, Wall } from '@elevens/shared/src/control/contract.ts';
import type { LogEvent, StateEvent } from '@elevens/shared/src/feeds/contract.ts';
import type { Message } from '@elevens/shared/src/live/contract.ts';
import { io } from 'socket.io-client';
import type { ReplyOfName } from './replies.ts';

/** Nothing is heavy here, so an answer that takes this long will not come. */
const answerMs = 20_000;

/**
 * Somebody in the room who is no part of the load: a stock Socket.IO client, with a connection of its own, that sees the
 * whole chat and, as an operator, the laws.
 */
export interface Witness {
  ask<N extends CommandName>(name: N, input: CommandInput<N>): Promise<ReplyOfName<N>>;
  /** Follows the chat of a session from now on; the list grows. */
  followChat(sessionId: string): Promise<string[]>;
  /** The full state of a feed as it is now. */
  look(feed: string, id: string): Promise<Record<string, unknown>>;
  /** Follows the control room's laws; every law that was ever seen adrift stays in the list. */
  followLaws(): Promise<{ laws(): readonly Law[]; everAdrift: Law[] }>;
  close(): void;
}

export async function openWitness(url: string, token: string | null): Promise<Witness> {
  const socket = io(url, {
    transports: ['websocket'],
    auth: { ...(token !== null && { token }), surface: 'control-room' },
    reconnection: false,
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('connect_error', reject);
  });

  async function ask<N extends CommandName>(name: N, input: CommandInput<N>): Promise<ReplyOfName<N>> {
    const outcome = (await socket.timeout(answerMs).emitWithAck(name, input)) as CommandOutcome<N>;
    if (!outcome.ok) throw new Error(`${name} answered the witness ${JSON.stringify(outcome)}`);
    return outcome.reply as ReplyOfName<N>;
  }
  async function join<State>(feed: string, id: string): Promise<State> {
    return ((await ask('feeds:join', { feed, id })) as { snapshot: State }).snapshot;
  }

  return {
    ask,
    async followChat(sessionId) {
      const chat: string[] = [];
      socket.on('live:chat', ({ id, entries }: LogEvent<Message>) => {
        if (id === sessionId) chat.push(...entries.map(({ messageId }) => messageId));
      });
      const { entries } = await join<{ entries: Message[] }>('live:chat', sessionId);
      chat.unshift(...entries.map(({ messageId }) => messageId));
      return chat;
    },
    async look(feed, id) {
      const state = await join<Record<string, unknown>>(feed, id);
      await ask('feeds:leave', { feed, id });
      return state;
    },
    async followLaws() {
      let laws: readonly Law[] = [];
      const everAdrift: Law[] = [];
      const hear = (wall: Partial<Wall>) => {
        laws = wall.laws ?? laws;
        for (const law of wall.laws ?? []) {
          if (law.state === 'adrift' && !everAdrift.some((one) => one.law === law.law)) everAdrift.push(law);
        }
      };
      socket.on('control:wall', ({ state }: StateEvent<Wall>) => hear(state));
      hear(await join<Partial<Wall>>('control:wall', 'all'));
      return { laws: () => laws, everAdrift };
    },
    close: () => void socket.close(),
  };
}
