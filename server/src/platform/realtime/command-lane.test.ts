import { once } from 'node:events';
import type { Socket } from 'socket.io';
import { afterEach, expect, test } from 'vitest';
import { createCommandLane } from './command-lane.ts';
import { engineOf, rawSocketOf } from './engine-internals.ts';
import { type Rig, startRig } from './test-rig.ts';
import type { CommandPacket } from './wire-parser.ts';

let rig: Rig;
afterEach(() => rig.stop());

/** A server whose commands come down the lane; `onCommand` is told of each, and answers where it likes. */
async function laneRig(onCommand?: (socket: Socket, packet: CommandPacket) => void) {
  rig = await startRig();
  const heard: CommandPacket[] = [];
  const lane = createCommandLane((socket, packet) => {
    heard.push(packet);
    if (onCommand === undefined) rig.tick.answer(socket, packet.id, JSON.stringify({ ok: true, of: packet.inputs[0] }));
    else onCommand(socket, packet);
  });
  rig.io.on('connection', (socket) => lane.attach(socket));
  return heard;
}

/** The raw writes made for a connection, each with its texts. */
function writesOf(socket: Socket): Buffer[] {
  const ws = engineOf(socket).transport.socket;
  const raw = ws === undefined ? null : rawSocketOf(ws);
  if (raw === null) throw new Error('no websocket');
  const writes: Buffer[] = [];
  const write = raw.write.bind(raw) as (data: unknown, ...rest: unknown[]) => boolean;
  raw.write = (data: unknown, ...rest: unknown[]) => {
    writes.push(Buffer.from(data as Buffer));
    return write(data, ...rest);
  };
  return writes;
}

test.for(['websocket', 'polling'] as const)('a stock client over %s is answered as ever', async (transport) => {
  const heard = await laneRig();
  const { client } = await rig.client({ transports: [transport] });
  expect(await client.emitWithAck('lamp:light', { room: 'Küche' })).toEqual({ ok: true, of: { room: 'Küche' } });
  expect(heard).toEqual([{ id: 0, name: 'lamp:light', inputs: [{ room: 'Küche' }] }]);
});

test('a client that changes from polling to websocket under its calls gets every answer once', async () => {
  await laneRig();
  const { client } = await rig.client({ transports: ['polling', 'websocket'] });
  const answers = await Promise.all(Array.from({ length: 200 }, (_, i) => client.emitWithAck('lamp:light', i)));
  expect(answers).toEqual(Array.from({ length: 200 }, (_, i) => ({ ok: true, of: i })));
});

test('answers that are ready in one turn share a write', async () => {
  const waiting: { socket: Socket; id: number }[] = [];
  await laneRig((socket, { id }) => {
    waiting.push({ socket, id });
    if (waiting.length === 3) for (const w of waiting) rig.tick.answer(w.socket, w.id, JSON.stringify({ id: w.id }));
  });
  const { client, socket } = await rig.client();
  const writes = writesOf(socket);
  const answers = await Promise.all([1, 2, 3].map((n) => client.emitWithAck('lamp:light', n)));
  expect(answers).toEqual([{ id: 0 }, { id: 1 }, { id: 2 }]);
  expect(writes).toHaveLength(1);
});

test('an answer does not overtake what the library still holds', async () => {
  await laneRig((socket, { id }) => {
    for (let i = 1; i <= 3; i++) socket.emit('said', i);
    rig.tick.answer(socket, id, '"the answer"');
  });
  const { client } = await rig.client();
  const order: unknown[] = [];
  client.onAny((_event, n) => order.push(n));
  client.emit('lamp:light', {}, (answer: unknown) => order.push(answer));
  await expect.poll(() => order).toEqual([1, 2, 3, 'the answer']);
});

test('what the tick has to say after an answer comes after it', async () => {
  await laneRig((socket, { id }) => {
    rig.tick.answer(socket, id, '"the answer"');
    rig.tick.send(socket, 'said', 'later');
  });
  const { client } = await rig.client();
  const order: unknown[] = [];
  client.onAny((_event, word) => order.push(word));
  client.emit('lamp:light', {}, (answer: unknown) => order.push(answer));
  await expect.poll(() => order).toEqual(['the answer', 'later']);
});

test('what is no plain command is still the business of the library', async () => {
  const heard = await laneRig();
  const { client, socket } = await rig.client();
  const events: unknown[] = [];
  socket.onAny((event: unknown) => events.push(event));
  client.emit('lamp:light', 'nobody waits for an answer');
  client.emit('light', {}, () => {});
  await expect.poll(() => events).toEqual(['lamp:light', 'light']);
  expect(heard).toEqual([]);
  client.disconnect();
  await once(socket, 'disconnect');
});

test('an answer for someone who has left meanwhile is nobody’s', async () => {
  let late: () => void = () => {};
  const heard = await laneRig((socket, { id }) => {
    late = () => rig.tick.answer(socket, id, '"too late"');
  });
  const { client, socket } = await rig.client();
  client.emit('lamp:light', {}, () => {});
  await expect.poll(() => heard.length).toBe(1);
  const gone = once(socket, 'disconnect');
  client.disconnect();
  await gone;
  expect(late).not.toThrow();
  const { client: other } = await rig.client();
  expect(other.connected).toBe(true);
});
