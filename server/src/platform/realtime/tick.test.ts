import { afterEach, describe, expect, it } from 'vitest';
import type { WebSocket } from 'ws';
import { type Rig, startRig } from './test-rig.ts';
import { defaultBounds, type LogRoom } from './tick.ts';

let rig: Rig;
afterEach(() => rig.stop());

const chat = { event: 'live:chat', id: 's1', positionOf: (offset: number) => `e.${offset}`, lastOffset: 0 };
const stock = { event: 'deals:stock', id: 'd1', positionOf: (version: number) => `v.${version}` };
const entriesFrom = (first: number, count: number, filling = '') =>
  Array.from({ length: count }, (_, i) => ({ offset: first + i, json: JSON.stringify({ n: first + i, filling }) }));
const upTo = (last: number, first = 1) => Array.from({ length: last - first + 1 }, (_, i) => first + i);

interface ChatEvent {
  id: string;
  position: string;
  entries: { n: number }[];
}
interface StockEvent {
  id: string;
  position: string;
  state: Record<string, number>;
}
const numbersIn = (events: ChatEvent[]) => events.flatMap((event) => event.entries.map((entry) => entry.n));

/** What a raw client read, as the arguments of its events; nothing is read while it is paused. */
function readingOf(ws: WebSocket) {
  const events: { event: string; payload: unknown }[] = [];
  ws.on('message', (data) => {
    const text = (data as Buffer).toString();
    if (!text.startsWith('42')) return;
    const [event, payload] = JSON.parse(text.slice(2)) as [string, unknown];
    events.push({ event, payload });
  });
  return { events, numbers: () => numbersIn(events.map((e) => e.payload as ChatEvent)) };
}

/** Appends until the stalled viewer cannot be written to: the kernel takes some megabytes before that. Answers the last offset. */
async function fillUntilSkipped(room: LogRoom): Promise<number> {
  let last = 0;
  const before = rig.counted.skippedViewers;
  while (rig.counted.skippedViewers === before) {
    const written = rig.counted.deliveries;
    room.append(entriesFrom(last + 1, 10, 'x'.repeat(6_000)));
    last += 10;
    await rig.until(() => rig.counted.deliveries > written || rig.counted.skippedViewers > before);
  }
  return last;
}

describe('a log room', () => {
  it('tells every viewer every entry once, in order, whatever the transport', async () => {
    rig = await startRig({ server: { perMessageDeflate: { threshold: 0 } } });
    const room = rig.tick.logRoom('chat', chat);
    const viewers = await Promise.all([
      rig.client(),
      rig.client({ transports: ['websocket'], perMessageDeflate: { threshold: 0 } }),
      rig.client({ transports: ['polling'] }),
      rig.client({ transports: ['polling', 'websocket'] }),
    ]);
    const told = viewers.map(({ client }) => {
      const events: ChatEvent[] = [];
      client.on('live:chat', (event: ChatEvent) => events.push(event));
      return events;
    });
    for (const { socket } of viewers) room.join(socket, 0);
    let last = 0;
    while (last < 200) {
      room.append(entriesFrom(last + 1, 10));
      last += 10;
      const { deliveries } = rig.counted;
      await rig.until(() => rig.counted.deliveries > deliveries);
    }
    for (const events of told) {
      await expect.poll(() => numbersIn(events)).toEqual(upTo(200));
      expect(events.every((event) => event.id === 's1')).toBe(true);
      expect(events.map((event) => event.position)).toEqual(events.map((event) => `e.${event.entries.at(-1)?.n}`));
    }
  });

  it('sends a viewer only what is above the position at which it joined', async () => {
    rig = await startRig();
    const room = rig.tick.logRoom('chat', chat);
    room.append(entriesFrom(1, 10));
    const early = await rig.raw();
    const late = await rig.raw();
    const [read, readLate] = [readingOf(early.ws), readingOf(late.ws)];
    if (early.socket) room.join(early.socket, 7);
    // The snapshot this viewer was answered with is ahead of what this node has heard.
    if (late.socket) room.join(late.socket, 12);
    await rig.until(() => rig.counted.deliveries === 3);
    room.append(entriesFrom(9, 6));
    await expect.poll(read.numbers).toEqual(upTo(14, 8));
    await expect.poll(readLate.numbers).toEqual([13, 14]);
  });

  it('catches a viewer up who stalled, without gap or repeat, as soon as it reads again', async () => {
    rig = await startRig();
    const room = rig.tick.logRoom('chat', chat);
    const { ws, socket } = await rig.raw();
    const read = readingOf(ws);
    if (socket) room.join(socket, 0);
    ws.pause();
    const filled = await fillUntilSkipped(room);
    for (let i = 0; i < 30; i++) {
      const { skippedViewers } = rig.counted;
      room.append(entriesFrom(filled + 1 + i * 3, 3));
      await rig.until(() => rig.counted.skippedViewers > skippedViewers);
    }
    expect(rig.tick.debtOf(socket as never)).toBeLessThan(defaultBounds.cutBytes);
    ws.resume();
    await expect.poll(() => read.numbers().at(-1)).toBe(filled + 90);
    expect(read.numbers()).toEqual(upTo(filled + 90));
    expect(rig.behind).toEqual([]);
  });

  it('brings a viewer who lacks more than one write may hold to the end, though the room has gone quiet', async () => {
    rig = await startRig();
    const room = rig.tick.logRoom('chat', chat);
    room.append(entriesFrom(1, 300, 'x'.repeat(1_000)));
    const { ws, socket } = await rig.raw();
    const read = readingOf(ws);
    if (socket) room.join(socket, 0);
    await expect.poll(() => read.numbers()).toEqual(upTo(300));
    expect(rig.counted.writes).toBeGreaterThan(3);
  });

  it('tells a viewer who lacks more than is kept once that it is behind, and the others nothing of it', async () => {
    rig = await startRig();
    const room = rig.tick.logRoom('chat', chat);
    const slow = await rig.raw();
    const quick = await rig.raw();
    const [readSlow, readQuick] = [readingOf(slow.ws), readingOf(quick.ws)];
    if (slow.socket) room.join(slow.socket, 0);
    slow.ws.pause();
    const filled = await fillUntilSkipped(room);
    if (quick.socket) room.join(quick.socket, filled);
    room.append(entriesFrom(filled + 1, 600));
    // More than is kept came in one go: the quick one was not told in between, so it is behind as well and joins again.
    await rig.until(() => rig.behind.length === 1);
    expect(rig.behind[0]?.socket.id).toBe(quick.socket?.id);
    if (quick.socket) room.join(quick.socket, filled + 600);
    slow.ws.resume();
    await rig.until(() => rig.behind.length === 2);
    expect(rig.behind[1]).toEqual({ socket: slow.socket, room: 'chat' });
    expect(room.size).toBe(1);
    room.append(entriesFrom(filled + 601, 5));
    await expect.poll(readQuick.numbers).toEqual(upTo(filled + 605, filled + 601));
    const seen = readSlow.numbers();
    expect(seen).toEqual(upTo(seen.length));
    expect(rig.behind).toHaveLength(2);
  });

  it('never shows what follows a gap to a viewer before it', async () => {
    rig = await startRig();
    const room = rig.tick.logRoom('chat', chat);
    const { ws, socket } = await rig.raw();
    const read = readingOf(ws);
    if (socket) room.join(socket, 0);
    room.append(entriesFrom(1, 3));
    await expect.poll(read.numbers).toEqual([1, 2, 3]);
    // One entry short is enough.
    room.append(entriesFrom(5, 2));
    await rig.until(() => rig.behind.length === 1);
    expect(room.size).toBe(0);
    expect(room.recent()).toEqual({ firstOffset: 5, lastOffset: 6 });
    expect(room.entriesAfter(3)).toBeUndefined();
    expect(room.entriesAfter(4)).toEqual(entriesFrom(5, 2));
    expect(room.entriesAfter(6)).toEqual([]);
    expect(read.numbers()).toEqual([1, 2, 3]);
  });

  it('sends every viewer away when a new epoch begins, even one who joins again at once', async () => {
    rig = await startRig({ tick: { onBehind: (socket) => room.join(socket, 0) } });
    const room = rig.tick.logRoom('chat', chat);
    const { ws, socket } = await rig.raw();
    const read = readingOf(ws);
    if (socket) room.join(socket, 0);
    room.append(entriesFrom(1, 3));
    await expect.poll(read.numbers).toEqual([1, 2, 3]);
    room.reset(0);
    room.append(entriesFrom(1, 2));
    await expect.poll(read.numbers).toEqual([1, 2, 3, 1, 2]);
  });

  it('keeps no more than its bound in entries', async () => {
    rig = await startRig({ tick: { recentMax: 10 } });
    const room = rig.tick.logRoom('chat', chat);
    expect(room.recent()).toEqual({ firstOffset: 1, lastOffset: 0 });
    room.append(entriesFrom(1, 35));
    expect(room.recent()).toEqual({ firstOffset: 26, lastOffset: 35 });
    expect(room.entriesAfter(25)).toEqual(entriesFrom(26, 10));
    expect(room.entriesAfter(24)).toBeUndefined();
  });
});

describe('a state room', () => {
  it('sends what changed to those who have the version before, and everything to those who do not', async () => {
    rig = await startRig();
    const room = rig.tick.stateRoom('stock', stock);
    const { ws, socket } = await rig.raw();
    const { events } = readingOf(ws);
    room.set(1, { left: 9, sold: 1 }, { left: 9, sold: 1 });
    if (socket) room.join(socket, 0);
    await expect.poll(() => events).toHaveLength(1);
    room.set(2, { left: 8, sold: 1 }, { left: 8 });
    room.set(3, { left: 7, sold: 2 }, { left: 7, sold: 2 });
    room.set(3, { left: 0, sold: 0 }, { left: 0 });
    await expect.poll(() => events).toHaveLength(2);
    room.set(4, { left: 6, sold: 2 }, { left: 6 });
    await expect.poll(() => events).toHaveLength(3);
    expect(events.map((e) => (e.payload as StockEvent).state)).toEqual([
      { left: 9, sold: 1 },
      { left: 7, sold: 2 },
      { left: 6 },
    ]);
    expect(events.map((e) => (e.payload as StockEvent).position)).toEqual(['v.1', 'v.3', 'v.4']);
  });

  it('sends a viewer who could not be written to the latest state only, and in full', async () => {
    rig = await startRig();
    const room = rig.tick.logRoom('chat', chat);
    const state = rig.tick.stateRoom('stock', stock);
    const { ws, socket } = await rig.raw();
    const { events } = readingOf(ws);
    if (socket) {
      room.join(socket, 0);
      state.set(1, { left: 100, sold: 0 }, { left: 100 });
      state.join(socket, 1);
    }
    ws.pause();
    await fillUntilSkipped(room);
    for (let version = 2; version <= 20; version++) {
      const { skippedViewers } = rig.counted;
      state.set(version, { left: 100 - version, sold: version }, { left: 100 - version });
      await rig.until(() => rig.counted.skippedViewers > skippedViewers);
    }
    ws.resume();
    await expect.poll(() => events.filter((e) => e.event === 'deals:stock')).toHaveLength(1);
    expect(events.find((e) => e.event === 'deals:stock')?.payload).toEqual({
      id: 'd1',
      position: 'v.20',
      state: { left: 80, sold: 20 },
    });
  });
});

describe('the order of a viewer', () => {
  it('is kept between what the library sends and what the tick writes', async () => {
    rig = await startRig();
    const room = rig.tick.logRoom('chat', chat);
    rig.io.on('connection', (socket) => socket.on('ask', (n: number, answer: (n: number) => void) => answer(n)));
    const all = await Promise.all([rig.client(), rig.client({ transports: ['polling'] }), rig.client({})]);
    const journals = all.map(({ client, socket }) => {
      const journal: string[] = [];
      client.on('emitted', (n: number) => journal.push(`emitted ${n}`));
      client.on('sent', (n: number) => journal.push(`sent ${n}`));
      client.on('live:chat', (event: ChatEvent) => {
        for (const n of numbersIn([event])) journal.push(`chat ${n}`);
      });
      room.join(socket, 0);
      return journal;
    });
    const rounds = 100;
    for (let n = 1; n <= rounds; n++) {
      for (const { client, socket } of all) {
        client.emit('ask', n, () => {});
        socket.emit('emitted', n);
        rig.tick.send(socket, 'sent', n);
        socket.emit('emitted', n + 0.5);
      }
      room.append(entriesFrom(n, 1));
      if (n % 7 === 0) await rig.until(() => rig.counted.writes > n / 7);
      else await new Promise((resolve) => setImmediate(resolve));
    }
    for (const journal of journals) {
      await expect.poll(() => journal.length).toBe(rounds * 4);
      const of = (kind: string) =>
        journal.filter((line) => line.startsWith(kind)).map((line) => Number(line.slice(kind.length)));
      expect(of('chat')).toEqual(upTo(rounds));
      expect(of('sent')).toEqual(upTo(rounds));
      expect(of('emitted')).toEqual(upTo(rounds).flatMap((n) => [n, n + 0.5]));
      for (let n = 1; n <= rounds; n++) {
        expect(journal.indexOf(`emitted ${n}`)).toBeLessThan(journal.indexOf(`sent ${n}`));
      }
    }
  });

  it('is kept when the tick stops while the library still holds something', async () => {
    rig = await startRig({ tick: { tickMs: 20 } });
    const { ws, socket } = await rig.raw();
    const { events } = readingOf(ws);
    if (socket === undefined) throw new Error('no socket');
    for (let n = 1; n <= 3; n++) socket.emit('emitted', n);
    rig.tick.send(socket, 'system:bye', {});
    await rig.tick.stop();
    await expect.poll(() => events.map((e) => e.event)).toEqual(['emitted', 'emitted', 'emitted', 'system:bye']);
  });

  it('is kept while a viewer changes from polling to websocket: nothing is written until that is settled', async () => {
    rig = await startRig();
    const room = rig.tick.logRoom('chat', chat);
    const url = `127.0.0.1:${rig.port}/socket.io/?EIO=4`;
    const poll = async () => (await fetch(`http://${url}&transport=polling&sid=${sid}`)).text();
    const { sid } = JSON.parse((await (await fetch(`http://${url}&transport=polling`)).text()).slice(1)) as {
      sid: string;
    };
    await fetch(`http://${url}&transport=polling&sid=${sid}`, { method: 'POST', body: '40' });
    await poll();
    const socket = [...rig.io.sockets.sockets.values()][0];
    if (socket === undefined) throw new Error('no socket');
    room.join(socket, 0);
    const ws = await rig.websocket(`ws://${url}&transport=websocket&sid=${sid}`);
    const read = readingOf(ws);
    const probed = new Promise((resolve) => ws.once('message', (data) => resolve((data as Buffer).toString())));
    ws.send('2probe');
    expect(await probed).toBe('3probe');
    const polled = poll();
    const { skippedViewers } = rig.counted;
    room.append(entriesFrom(1, 3));
    await rig.until(() => rig.counted.skippedViewers > skippedViewers + 3);
    expect(rig.counted.writes).toBe(0);
    expect(await polled).toBe('6');
    ws.send('5');
    await expect.poll(read.numbers).toEqual([1, 2, 3]);
  });

  it('puts what several rooms and a personal event have for it in one write', async () => {
    rig = await startRig();
    const room = rig.tick.logRoom('chat', chat);
    const states = [1, 2, 3].map((n) => rig.tick.stateRoom(`stock ${n}`, { ...stock, id: `d${n}` }));
    const viewers = await Promise.all([rig.raw(), rig.raw()]);
    const reads = viewers.map(({ ws }) => readingOf(ws).events);
    for (const { socket } of viewers) {
      if (socket === undefined) continue;
      room.join(socket, 0);
      for (const state of states) state.join(socket, 0);
    }
    await rig.until(() => rig.counted.writes === 0);
    room.append(entriesFrom(1, 2));
    for (const state of states) state.set(1, { left: 1 }, { left: 1 });
    const first = viewers[0]?.socket;
    if (first) {
      rig.tick.send(first, 'notice', 'a');
      rig.tick.send(first, 'notice', 'b');
    }
    await expect.poll(() => reads.map((events) => events.length)).toEqual([6, 4]);
    expect(rig.counted.writes).toBe(2);
    expect(rig.counted.deliveries).toBe(12);
    expect(reads[0]?.slice(4).map((e) => e.payload)).toEqual(['a', 'b']);
  });
});

describe('a viewer who owes', () => {
  it('sends and never reads: it is held to its bound, not read from, and ends, and the others notice nothing', async () => {
    rig = await startRig({ server: { pingInterval: 1_000, pingTimeout: 1_000 } });
    const room = rig.tick.logRoom('chat', chat);
    let taken = 0;
    let refused = 0;
    let debtMax = 0;
    rig.io.on('connection', (socket) =>
      socket.on('ask', (_: string, answer: (text: string) => void) => {
        taken++;
        if (rig.tick.mayRead(socket)) answer('y'.repeat(4_000));
        else refused++;
        debtMax = Math.max(debtMax, rig.tick.debtOf(socket));
      }),
    );
    const greedy = await rig.raw();
    const healthy = await rig.client();
    const told: ChatEvent[] = [];
    healthy.client.on('live:chat', (event: ChatEvent) => told.push(event));
    room.join(healthy.socket, 0);
    const reasons: string[] = [];
    greedy.socket?.on('disconnect', (reason) => reasons.push(reason));
    greedy.ws.pause();
    let sent = 0;
    let said = 0;
    // As much as it can get out, until the server ends it.
    const command = (id: number) => `42${id}["ask","x"]`;
    while (reasons.length === 0) {
      while (greedy.ws.bufferedAmount < 262_144 && sent - taken < 50_000) greedy.ws.send(command(sent++));
      if (greedy.socket) debtMax = Math.max(debtMax, rig.tick.debtOf(greedy.socket));
      if (said < 300) room.append(entriesFrom(++said, 1));
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    expect(sent).toBeGreaterThan(10_000);
    expect(debtMax).toBeGreaterThan(defaultBounds.pauseCommandsBytes);
    // The bound, and the one answer that crossed it.
    expect(debtMax).toBeLessThan(defaultBounds.pauseCommandsBytes + 10_000);
    expect(refused).toBeGreaterThan(0);
    expect(taken).toBeLessThan(sent);
    await expect.poll(() => numbersIn(told)).toEqual(upTo(said));
    await rig.until(() => rig.tick.viewers() === 1);
  });

  it('is cut off at its bound, without waiting for what it does not read, and this is said once', async () => {
    rig = await startRig();
    rig.io.on('connection', (socket) =>
      socket.on('ask', (answer: (text: string) => void) => answer('y'.repeat(100_000))),
    );
    const healthy = await rig.client();
    const greedy = await rig.raw();
    const closed = new Promise((resolve) => greedy.socket?.on('disconnect', resolve));
    greedy.ws.pause();
    for (let i = 0; i < 600; i++) greedy.ws.send(`42${i}["ask"]`);
    await closed;
    await rig.until(() => rig.cuts.length > 0);
    expect(rig.cuts).toEqual(['slow-reader']);
    expect(rig.logged.map((line) => line.fields)).toEqual([
      expect.objectContaining({ code: 'slow-reader', sockets: 1 }),
    ]);
    expect(rig.tick.viewers()).toBe(1);
    expect(healthy.client.connected).toBe(true);
  });

  it('is cut off for personal events it cannot be given', async () => {
    rig = await startRig();
    const { ws, socket } = await rig.raw();
    const room = rig.tick.logRoom('chat', chat);
    if (socket === undefined) throw new Error('no socket');
    room.join(socket, 0);
    ws.pause();
    await fillUntilSkipped(room);
    let sent = 0;
    while (rig.tick.viewers() > 0 && sent < 100) {
      rig.tick.send(socket, 'notice', 'x'.repeat(50_000));
      sent++;
    }
    expect(sent).toBeLessThan(30);
    await rig.until(() => rig.cuts.length > 0);
    expect(rig.cuts).toEqual(['slow-reader']);
  });

  it('is read again once it has taken what it owed', async () => {
    rig = await startRig();
    const { ws, socket } = await rig.raw();
    if (socket === undefined) throw new Error('no socket');
    const asked: number[] = [];
    socket.on('ask', (n: number) => asked.push(n));
    ws.pause();
    while (rig.tick.debtOf(socket) < defaultBounds.pauseCommandsBytes) {
      socket.emit('filling', 'x'.repeat(50_000));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(rig.tick.mayRead(socket)).toBe(false);
    ws.send('42["ask",1]');
    ws.resume();
    await expect.poll(() => asked).toEqual([1]);
    expect(rig.tick.mayRead(socket)).toBe(true);
    expect(rig.cuts).toEqual([]);
  });

  it('is cut off first when all of them together owe more than the node may hold', async () => {
    rig = await startRig({ tick: { bounds: { ...defaultBounds, nodeBytes: 500_000 } } });
    const viewers = await Promise.all([rig.raw(), rig.raw(), rig.raw()]);
    const owed = [150_000, 400_000, 200_000];
    for (const [i, { ws, socket }] of viewers.entries()) {
      if (socket === undefined) throw new Error('no socket');
      ws.pause();
      while (rig.tick.debtOf(socket) < (owed[i] as number)) {
        socket.emit('filling', 'x'.repeat(20_000));
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
    await rig.until(() => rig.cuts.length > 0);
    expect(rig.cuts).toEqual(['node-full']);
    await rig.until(() => rig.tick.viewers() === 2);
    await expect.poll(() => viewers.map(({ socket }) => socket?.connected)).toEqual([true, false, true]);
  });
});

describe('a connection', () => {
  it('that never joins the namespace is closed', async () => {
    rig = await startRig({ server: { connectTimeout: 100 } });
    const { ws } = await rig.raw(false);
    await new Promise((resolve) => ws.on('close', resolve));
    expect(rig.tick.viewers()).toBe(0);
    expect(rig.io.engine.clientsCount).toBe(0);
  });

  it('that is kept open after leaving the namespace is cut off, unless it joins again', async () => {
    rig = await startRig();
    const [held, back] = await Promise.all([rig.raw(), rig.raw()]);
    const closed = new Promise((resolve) => held.ws.on('close', resolve));
    held.ws.send('41');
    back.ws.send('41');
    await rig.until(() => rig.tick.viewers() === 0);
    back.ws.send('40');
    await rig.until(() => rig.tick.viewers() === 1);
    await closed;
    await rig.until(() => rig.cuts.length > 0);
    expect(rig.cuts).toEqual(['lingering']);
    expect(back.ws.readyState).toBe(back.ws.OPEN);
  });

  it('that is closed while it does not read does not keep what it owed', async () => {
    rig = await startRig();
    const { ws, socket } = await rig.raw();
    if (socket === undefined) throw new Error('no socket');
    ws.pause();
    while (rig.tick.debtOf(socket) < 100_000) {
      socket.emit('filling', 'x'.repeat(50_000));
      await new Promise((resolve) => setImmediate(resolve));
    }
    socket.emit('filling', 'x');
    socket.disconnect(true);
    await rig.until(() => rig.cuts.length > 0);
    expect(rig.cuts).toEqual(['lingering']);
    await expect.poll(() => rig.io.engine.clientsCount).toBe(0);
  });

  it('that ends leaves nothing behind in its rooms', async () => {
    rig = await startRig();
    const room = rig.tick.logRoom('chat', chat);
    const { ws, socket } = await rig.raw();
    if (socket === undefined) throw new Error('no socket');
    room.join(socket, 0);
    rig.tick.send(socket, 'notice', 1);
    expect([room.size, rig.tick.viewers()]).toEqual([1, 1]);
    ws.terminate();
    await rig.until(() => rig.tick.viewers() === 0);
    expect(room.size).toBe(0);
    expect(rig.tick.debtOf(socket)).toBe(0);
    room.join(socket, 0);
    expect(room.size).toBe(0);
  });

  it('gets what was still to be said when the tick stops', async () => {
    rig = await startRig({ tick: { tickMs: 60_000 } });
    const { ws, socket } = await rig.raw();
    const { events } = readingOf(ws);
    if (socket) rig.tick.send(socket, 'system:bye', { retryAfterMs: 100 });
    await rig.tick.stop();
    await expect.poll(() => events).toEqual([{ event: 'system:bye', payload: { retryAfterMs: 100 } }]);
  });

  it('whose owner throws over it does not stop the tick of the others', async () => {
    rig = await startRig({
      tick: {
        onBehind() {
          throw new Error('planted');
        },
      },
    });
    const room = rig.tick.logRoom('chat', chat);
    const lost = await rig.raw();
    const fine = await rig.raw();
    const read = readingOf(fine.ws);
    room.append(entriesFrom(5, 1));
    if (lost.socket) room.join(lost.socket, 1);
    if (fine.socket) room.join(fine.socket, 4);
    await expect.poll(read.numbers).toEqual([5]);
    await rig.until(() => rig.tick.viewers() === 1);
    expect(rig.logged[0]?.message).toContain('could not be served');
  });
});
