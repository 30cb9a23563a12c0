import { afterEach, describe, expect, it } from 'vitest';
import { type Rig, startRig } from './realtime.test-rig.ts';

let rig: Rig;
afterEach(() => rig.stop());

const chat = { event: 'live:chat', id: 's1', positionOf: (offset: number) => `e.${offset}`, lastOffset: 0 };
const entriesFrom = (first: number, count: number) =>
  Array.from({ length: count }, (_, i) => ({ offset: first + i, json: JSON.stringify({ n: first + i }) }));

interface ChatEvent {
  id: string;
  position: string;
  entries: { n: number }[];
}

describe('a log room', () => {
  it('tells every viewer every entry once, in order, as ordinary Socket.IO events', async () => {
    rig = await startRig();
    const room = rig.tick.logRoom('chat', chat);
    const viewers = await Promise.all([rig.client(), rig.client(), rig.client({ transports: ['polling'] })]);
    const told = viewers.map(({ client }) => {
      const events: ChatEvent[] = [];
      client.on('live:chat', (event: ChatEvent) => events.push(event));
      return events;
    });
    for (const { socket } of viewers) room.join(socket, 0);
    for (let i = 0; i < 20; i++) {
      room.append(entriesFrom(i * 10 + 1, 10));
      await new Promise((resolve) => setTimeout(resolve, 3));
    }
    await rig.until(() => rig.counted.deliveries >= 600);
    for (const events of told) {
      await expect.poll(() => events.flatMap((e) => e.entries).length).toBe(200);
      expect(events.flatMap((e) => e.entries.map((x) => x.n))).toEqual(Array.from({ length: 200 }, (_, i) => i + 1));
      expect(events.every((e) => e.id === 's1')).toBe(true);
      expect(events.at(-1)?.position).toBe('e.200');
    }
  });
});
