// A bare Socket.IO server, told in one of several ways. The options are the same for all of them.
import { createServer } from 'node:http';
import { Server } from 'socket.io';
import { engineOf, rawSocketOf } from '../../server/src/platform/realtime/engine-internals.ts';
import { joinedOf, logPacket, packetHead } from '../../server/src/platform/realtime/frames.ts';
import { releaseHandshake } from '../../server/src/platform/realtime/release-handshake.ts';
import { createTick, defaultBounds } from '../../server/src/platform/realtime/tick.ts';
import { answerQuestions } from './processes.mjs';

const [way] = process.argv.slice(2);
const tickMs = 50;
const http = createServer();
const io = new Server(http, { serveClient: false, transports: ['websocket'] });
const quiet = () => {};
let writes = 0;
const tick = createTick({
  tickMs,
  clock: { monotonicMs: () => performance.now() },
  metrics: {
    ticked(sums) {
      writes += sums.writes;
    },
    swept: quiet,
    cutOff: quiet,
  },
  logger: { warn: console.error, error: console.error },
  onBehind: () => console.error('a viewer fell behind'),
  recentMax: 500,
  bounds: defaultBounds,
});
const room = tick.logRoom('chat', {
  event: 'live:chat',
  id: 'session-1',
  positionOf: (offset) => `e.${offset}`,
  lastOffset: 0,
  // Each event is a packet of its own here, byte for byte what the peer sends; the server ships a tick's entries in one.
  entriesPerPacketMax: 1,
});
const stock = way === 'socket.io';
/** The least that Node can do for one write a viewer: the same bytes in a bare loop, with no check, position or bound. */
const floor = way === 'floor' ? [] : undefined;
if (way === 'ours') tick.start();
io.on('connection', (socket) => {
  if (stock) void socket.join('chat');
  else if (floor) floor.push(rawSocketOf(engineOf(socket).transport.socket));
  else {
    tick.attach(socket);
    room.join(socket, offset);
    releaseHandshake(socket);
  }
});

let offset = 0;
const text = 'Is the blue one back in stock? '.slice(0, 24);
function nextEntry(dueUs) {
  offset++;
  return { n: offset, dueUs, text };
}

function writeToAll(entries) {
  const head = packetHead('live:chat', 'session-1');
  const texts = entries.map((entry) => logPacket(head, `e.${entry.offset}`, [entry], 0, 1));
  const joined = joinedOf({ texts, to: 0, size: 0, deliveries: 0, usedIn: 0, joined: undefined });
  for (const raw of floor) raw.write(joined);
  writes += floor.length;
}

const nowUs = () => Number(process.hrtime.bigint() / 1000n);
const cpuUs = () => {
  const { user, system } = process.cpuUsage();
  return user + system;
};

answerQuestions({
  listen: () =>
    new Promise((resolve) => {
      http.listen(0, '127.0.0.1', 4096, () => resolve({ port: http.address().port }));
    }),
  /** Makes the events of so many ticks, each at its time or as soon after it as the server gets round to it. */
  async tell({ ticks, eventsPerTick }) {
    const beganUs = nowUs();
    let packetBytes = 0;
    for (let i = 0; i < ticks; i++) {
      const dueUs = beganUs + i * tickMs * 1000;
      const waitMs = (dueUs - nowUs()) / 1000;
      await new Promise((resolve) => {
        if (waitMs > 0) setTimeout(resolve, waitMs);
        else setImmediate(resolve);
      });
      if (stock) {
        for (let e = 0; e < eventsPerTick; e++) {
          const entry = nextEntry(dueUs);
          const event = { id: 'session-1', position: `e.${offset}`, entries: [entry] };
          io.to('chat').emit('live:chat', event);
          packetBytes = JSON.stringify(['live:chat', event]).length + 2;
        }
      } else {
        const entries = [];
        for (let e = 0; e < eventsPerTick; e++) {
          const entry = nextEntry(dueUs);
          entries.push({ offset, json: JSON.stringify(entry) });
        }
        if (floor) writeToAll(entries);
        else room.append(entries);
      }
    }
    return { tookMs: (nowUs() - beganUs) / 1000, packetBytes };
  },
  cpu: () => ({ cpuUs: cpuUs(), atUs: nowUs(), writes }),
  async memory() {
    // Twice, with a turn between: the first collection frees what the second can then return.
    for (let i = 0; i < 2; i++) {
      globalThis.gc();
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    return { ...process.memoryUsage(), connections: io.engine.clientsCount };
  },
});
