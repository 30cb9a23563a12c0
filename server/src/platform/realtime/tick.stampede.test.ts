import { afterEach, expect, it } from 'vitest';
import { type Rig, startRig } from './test-rig.ts';

let rig: Rig;
afterEach(() => rig.stop());

/** Small, seeded, good enough to shuffle a test (mulberry32). */
function seeded(seed: number) {
  let a = seed;
  return (below: number) => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31));

it(`viewers who join, leave, stall and come back hold the log and nothing else (SEED=${seed})`, async () => {
  const random = seeded(seed);
  rig = await startRig({ tick: { recentMax: 120 } });
  const logs = ['a', 'b'].map((id) =>
    rig.tick.logRoom(id, { event: 'log', id, positionOf: (offset) => `${id}.${offset}`, lastOffset: 0 }),
  );
  const state = rig.tick.stateRoom('s', { event: 'state', id: 's', positionOf: String });
  const lastOffsets = [0, 0];
  let version = 0;
  const full: Record<string, number> = { x: 0, y: 0, z: 0 };

  const viewers = await Promise.all(
    Array.from({ length: 24 }, async (_, i) => {
      const { client, socket } = await rig.client({ transports: i % 6 === 5 ? ['polling'] : ['websocket'] });
      // What the person holds of each log since the answer to its last join, and the position in that answer.
      const held = [0, 1].map(() => ({ joined: false, answered: false, from: 0, entries: [] as number[] }));
      const seen: Record<string, number> = {};
      const personal: number[] = [];
      client.on('log', ({ id, position, entries }: { id: string; position: string; entries: number[] }) => {
        held[id === 'a' ? 0 : 1]?.entries.push(...entries);
        expect(position).toBe(`${id}.${entries.at(-1)}`);
      });
      client.on('joined', (log: number, from: number) => {
        const stretch = held[log];
        if (stretch === undefined) return;
        expect(stretch.entries).toEqual(stretch.entries.map((_, k) => stretch.from + 1 + k));
        Object.assign(stretch, { answered: true, from, entries: [] });
      });
      client.on('state', (event: { state: Record<string, number> }) => Object.assign(seen, event.state));
      client.on('personal', (n: number) => personal.push(n));
      state.join(socket, -1);
      return { client, socket, held, seen, personal, sent: 0, stalled: false };
    }),
  );
  type Viewer = (typeof viewers)[number];
  const rawOf = (viewer: Viewer) =>
    (viewer.client.io.engine.transport as unknown as { ws?: { pause(): void; resume(): void } }).ws;
  let behindSeen = 0;
  /** A viewer told that it is behind is out of the room and may join again. */
  const rejoinLost = () => {
    for (const { socket, room } of rig.behind.slice(behindSeen)) {
      const viewer = viewers.find((v) => v.socket === socket);
      const held = viewer?.held[room === 'a' ? 0 : 1];
      if (held !== undefined) held.joined = false;
    }
    behindSeen = rig.behind.length;
  };
  const settled = (viewer: Viewer) =>
    viewer.held.every(
      (h, i) => !h.joined || (h.answered && (h.entries.at(-1) ?? h.from) >= (lastOffsets[i] as number)),
    );
  const check = (viewer: Viewer) => {
    for (const h of viewer.held) expect(h.entries).toEqual(h.entries.map((_, i) => h.from + 1 + i));
  };

  for (let step = 0; step < 1_500; step++) {
    rejoinLost();
    const viewer = viewers[random(viewers.length)] as Viewer;
    const log = random(2);
    const held = viewer.held[log];
    switch (random(8)) {
      case 0:
      case 1:
      case 2: {
        const count = 1 + random(8);
        const first = (lastOffsets[log] as number) + 1;
        const filling = random(10) === 0 ? ' '.repeat(60_000) : '';
        logs[log]?.append(
          Array.from({ length: count }, (_, i) => ({ offset: first + i, json: `${filling}${first + i}` })),
        );
        lastOffsets[log] = first + count - 1;
        break;
      }
      case 3: {
        const field = 'xyz'[random(3)] as string;
        full[field] = step;
        state.set(++version, { ...full }, { [field]: step });
        break;
      }
      case 4:
        // As the gateway does it: the answer goes out through the library and the viewer enters in the same turn.
        if (held !== undefined && !held.joined) {
          const recent = logs[log]?.recent();
          const from =
            recent === undefined
              ? 0
              : recent.lastOffset - random(Math.min(20, recent.lastOffset - recent.firstOffset + 2));
          Object.assign(held, { joined: true, answered: false });
          viewer.socket.emit('joined', log, from);
          logs[log]?.join(viewer.socket, from);
        }
        break;
      case 5:
        if (held?.joined) {
          logs[log]?.leave(viewer.socket);
          held.joined = false;
        }
        break;
      case 6: {
        const ws = rawOf(viewer);
        if (ws === undefined) break;
        if (viewer.stalled) ws.resume();
        else ws.pause();
        viewer.stalled = !viewer.stalled;
        break;
      }
      default:
        if (random(2) === 0) rig.tick.send(viewer.socket, 'personal', ++viewer.sent);
        else viewer.socket.emit('personal', ++viewer.sent);
    }
    if (random(4) === 0) {
      const { writes, skippedViewers } = rig.counted;
      await Promise.race([
        rig.until(() => rig.counted.writes > writes || rig.counted.skippedViewers > skippedViewers),
        new Promise((resolve) => setImmediate(resolve)),
      ]);
    }
  }
  for (const viewer of viewers) if (viewer.stalled) rawOf(viewer)?.resume();
  state.set(++version, { ...full, end: 1 }, { end: 1 });
  for (const viewer of viewers) {
    await expect
      .poll(
        () => {
          rejoinLost();
          return settled(viewer) && viewer.seen['end'] === 1 && viewer.personal.length === viewer.sent;
        },
        { timeout: 10_000 },
      )
      .toBe(true);
    check(viewer);
    expect(viewer.seen).toEqual({ ...full, end: 1 });
    expect(viewer.personal.toSorted((a, b) => a - b)).toEqual(Array.from({ length: viewer.sent }, (_, i) => i + 1));
  }
  expect(rig.cuts).toEqual([]);
  // A run in which nobody was ever skipped, or lost the thread, would show nothing.
  expect(rig.counted.deliveries).toBeGreaterThan(5_000);
  expect(rig.counted.skippedViewers).toBeGreaterThan(20);
});
