import { chatKeptMax, type Message } from '@elevens/shared/src/live/contract.ts';
import type { AnswerKey } from '../../platform/gateway.ts';
import type { Redis } from '../../platform/redis/connections.ts';
import type { Keyspace } from '../../platform/redis/keyspace.ts';
import { defineScript } from '../../platform/redis/scripts.ts';

const sayLine = defineScript(new URL('./say-line.lua', import.meta.url));

const forgetAfterMs = 600_000;
/** A session's chat can be read for a day after it ended. */
export const keptAfterEndMs = 86_400_000;
/** A node's count of people in a room that it has not renewed for this long is not believed. */
const countFreshMs = 5_000;

export interface Line {
  sessionId: string;
  shopperId: string;
  message: Message;
  epoch: string;
  endsAtMs: number;
  answer: AnswerKey;
}

/** The only file of this capability that knows Redis. */
export function createLiveStore({ redis, keys }: { redis: Redis; keys: Keyspace }) {
  return {
    keysOf(sessionId: string, endsAtMs: number) {
      const k = keys.live(sessionId);
      return {
        stream: k.chat,
        meta: k.chatMeta,
        bell: k.bell('live:chat', sessionId),
        goneAtMs: endsAtMs + keptAfterEndMs,
      };
    },
    /** Those of these sessions that announced what nobody has carried yet. */
    async uncarried(sessionIds: readonly string[]): Promise<string[]> {
      if (sessionIds.length === 0) return [];
      const pipeline = redis.pipeline();
      for (const sessionId of sessionIds) pipeline.xlen(keys.live(sessionId).outbox);
      const lengths = ((await pipeline.exec()) ?? []).map(([error, length]) => {
        if (error) throw error;
        return Number(length);
      });
      return sessionIds.filter((_, i) => (lengths[i] ?? 0) > 0);
    },
    outboxOf: (sessionId: string) => keys.live(sessionId).outbox,
    roomBell: (sessionId: string) => keys.live(sessionId).bell('live:room', sessionId),

    async say({ sessionId, shopperId, message, epoch, endsAtMs, answer }: Line): Promise<string> {
      const k = keys.live(sessionId);
      const announcement = { shopperId, sessionId, atMs: message.saidAtMs, simulated: message.simulated };
      return (await sayLine.run(
        redis,
        [k.chat, k.chatMeta, k.answers(shopperId), k.answersOrder(shopperId), k.outbox, k.outboxNumbers],
        [
          answer.requestId,
          answer.inputHash,
          JSON.stringify(message),
          message.messageId,
          epoch,
          chatKeptMax,
          k.bell('live:chat', sessionId),
          message.saidAtMs,
          forgetAfterMs,
          `energy@p${keys.partitionOf(shopperId)}`,
          JSON.stringify(announcement),
          Math.max(endsAtMs, message.saidAtMs) + keptAfterEndMs,
        ],
      )) as string;
    },

    /** Says how many people this node has in a room; other nodes add theirs. */
    async countPeople(sessionId: string, node: string, people: number, nowMs: number): Promise<void> {
      const k = keys.live(sessionId);
      await redis
        .pipeline()
        .hset(k.people, node, `${people} ${nowMs}`)
        .pexpire(k.people, keptAfterEndMs)
        .spublish(k.bell('live:room', sessionId), '')
        .exec();
    },

    async rooms(sessionIds: readonly string[], nowMs: number): Promise<{ people: number; said: number }[]> {
      const pipeline = redis.pipeline();
      for (const sessionId of sessionIds) {
        const k = keys.live(sessionId);
        pipeline.hvals(k.people);
        pipeline.hget(k.chatMeta, 'offset');
      }
      const answers = ((await pipeline.exec()) ?? []).map(([error, found]) => {
        if (error) throw error;
        return found;
      });
      return sessionIds.map((_, i) => {
        let people = 0;
        for (const count of answers[i * 2] as string[]) {
          const [here, atMs] = count.split(' ').map(Number);
          if (nowMs - (atMs ?? 0) < countFreshMs) people += here ?? 0;
        }
        return { people, said: Number(answers[i * 2 + 1] ?? 0) };
      });
    },

    async addSaid(people: number, crowd: number): Promise<void> {
      const pipeline = redis.pipeline();
      if (people > 0) pipeline.hincrby(keys.desk.totals, 'messages', people);
      if (crowd > 0) pipeline.hincrby(keys.desk.totals, 'messages:sim', crowd);
      await pipeline.exec();
    },

    async saidTotals(): Promise<{ people: number; crowd: number }> {
      const [people, crowd] = await redis.hmget(keys.desk.totals, 'messages', 'messages:sim');
      return { people: Number(people ?? 0), crowd: Number(crowd ?? 0) };
    },
  };
}
