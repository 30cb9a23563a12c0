// A lean crowd: raw TCP, its own websocket handshake, frames counted by their headers and not parsed. One in `sampleEvery`
// connections also reads the moment an event was due, for latencies. Everything shares one read buffer.
import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { answerQuestions } from './processes.mjs';

/** Connections under way at once: the server accepts them one after another anyway. */
const connectingMax = 100;
/** A source address has some 28,000 ports; far below it, connections start from the next. */
const socketsPerAddress = 10_000;
const readBuffer = Buffer.allocUnsafe(256 * 1024);

const viewers = [];
let packets = 0;
let bytes = 0;
let sampledEntries = 0;
let latenciesUs = [];
let closed = 0;

/** A client's text frame, masked with zeros: allowed, and cheap. */
function clientFrame(text) {
  return Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), Buffer.from(text)]);
}
const connectFrame = clientFrame('40');
const pongFrame = clientFrame('3');

function open({ port, localAddress, sampled }) {
  return new Promise((resolve, reject) => {
    const viewer = {
      open: false,
      ready: false,
      head: '',
      header: Buffer.alloc(14),
      headerSize: 0,
      left: 0,
      sampled,
      text: '',
    };
    const socket = connect({
      port,
      host: '127.0.0.1',
      localAddress,
      noDelay: true,
      onread: {
        buffer: readBuffer,
        callback(size, buffer) {
          if (viewer.open) take(viewer, socket, buffer, 0, size);
          else {
            viewer.head += buffer.latin1Slice(0, size);
            const end = viewer.head.indexOf('\r\n\r\n');
            if (end < 0) return true;
            if (!viewer.head.startsWith('HTTP/1.1 101')) {
              reject(new Error(viewer.head.slice(0, 80)));
              return true;
            }
            viewer.open = true;
            const rest = Buffer.from(viewer.head.slice(end + 4), 'latin1');
            viewer.head = '';
            if (rest.length > 0) take(viewer, socket, rest, 0, rest.length);
          }
          return true;
        },
      },
    });
    viewer.onReady = resolve;
    socket.on('error', reject);
    socket.on('close', () => {
      closed++;
      reject(new Error('closed'));
    });
    socket.write(
      `GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: Upgrade\r\n` +
        `Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n` +
        // What a browser sends along: a server keeps these, so they count in a memory benchmark.
        'Origin: http://127.0.0.1\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36\r\n' +
        'Accept-Language: en-GB,en;q=0.9,vi;q=0.8\r\nAccept-Encoding: gzip, deflate, br\r\nCache-Control: no-cache\r\nPragma: no-cache\r\n\r\n',
    );
    viewers.push({ viewer, socket });
  });
}

/** Walks over the frames of a chunk. Only headers are looked at; of a payload at most its first two characters. */
function take(viewer, socket, buffer, from, end) {
  bytes += end - from;
  let at = from;
  while (at < end) {
    if (viewer.left > 0) {
      const here = Math.min(viewer.left, end - at);
      if (viewer.sampled || !viewer.ready) sample(viewer, socket, buffer, at, at + here, here === viewer.left);
      viewer.left -= here;
      at += here;
      continue;
    }
    // The common case first: the whole header lies in this chunk, with the payload's first bytes behind it.
    let size;
    let headerSize;
    if (viewer.headerSize === 0 && end - at >= 12) {
      const short = buffer[at + 1];
      headerSize = short < 126 ? 2 : short === 126 ? 4 : 10;
      size = short < 126 ? short : short === 126 ? buffer.readUInt16BE(at + 2) : buffer.readUIntBE(at + 4, 6);
      at += headerSize;
    } else {
      viewer.header[viewer.headerSize++] = buffer[at++];
      const short = viewer.header[1];
      headerSize = viewer.headerSize < 2 ? 14 : short < 126 ? 2 : short === 126 ? 4 : 10;
      if (viewer.headerSize < headerSize) continue;
      size = short < 126 ? short : short === 126 ? viewer.header.readUInt16BE(2) : viewer.header.readUIntBE(4, 6);
      viewer.headerSize = 0;
    }
    viewer.left = size;
    // Nothing of engine.io's own is longer than a ping once the namespace has answered.
    if (viewer.ready && size > 8) packets++;
    else if (viewer.ready) socket.write(pongFrame);
  }
}

function sample(viewer, socket, buffer, from, end, whole) {
  viewer.text += buffer.latin1Slice(from, end);
  if (!whole) return;
  const { text } = viewer;
  viewer.text = '';
  if (!viewer.ready) {
    if (text.startsWith('0')) socket.write(connectFrame);
    else if (text.startsWith('40')) {
      viewer.ready = true;
      viewer.onReady();
    }
    return;
  }
  const nowUs = Number(process.hrtime.bigint() / 1000n);
  for (let at = text.indexOf('"dueUs":'); at >= 0; at = text.indexOf('"dueUs":', at + 8)) {
    sampledEntries++;
    latenciesUs.push(nowUs - Number.parseInt(text.slice(at + 8, at + 28), 10));
  }
}

/**
 * While it counts, the crowd looks at its sockets every few milliseconds instead of at each arrival. Otherwise most writes
 * of a server on the same machine would wake this process up, and the server would be charged for it: a cost that no
 * server with its crowd on a network has. It holds for ours and for the peers alike.
 */
const napMs = 5;
const still = new Int32Array(new SharedArrayBuffer(4));
let napping = false;
function nap() {
  if (!napping) return;
  Atomics.wait(still, 0, 0, napMs);
  setImmediate(nap);
}

answerQuestions({
  async connect({ port, sockets, sampleEvery }) {
    let next = 0;
    const worker = async () => {
      while (next < sockets) {
        const i = next++;
        const localAddress = `127.0.0.${2 + Math.floor(i / socketsPerAddress)}`;
        await open({ port, localAddress, sampled: i % sampleEvery === 0 });
      }
    };
    await Promise.all(Array.from({ length: Math.min(connectingMax, sockets) }, worker));
    return { connected: viewers.length, sampled: viewers.filter(({ viewer }) => viewer.sampled).length };
  },
  reset() {
    packets = 0;
    bytes = 0;
    sampledEntries = 0;
    latenciesUs = [];
    return {};
  },
  nap({ on }) {
    napping = on;
    if (on) setImmediate(nap);
    return {};
  },
  counts: () => ({ packets, bytes, sampledEntries, closed, cpuUs: cpuUs() }),
  latencies() {
    const sorted = latenciesUs.toSorted((a, b) => a - b);
    const at = (share) => (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0) / 1000;
    return { p50Ms: at(0.5), p95Ms: at(0.95), p99Ms: at(0.99), maxMs: at(1), samples: sorted.length };
  },
});

function cpuUs() {
  const { user, system } = process.cpuUsage();
  return user + system;
}
