// A lean crowd that claims: raw TCP, its own websocket frames, one claim after another or at a given pace. Answers are
// told apart by their first characters, and what they said is kept as the crowd's own journal.
import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { answerQuestions } from './processes.mjs';

/** Connections under way at once: the server accepts them one after another anyway. */
const connectingMax = 100;
/** The crowd comes from as many addresses: a server that keeps one address from flooding it must not be measured doing so. */
const addresses = 64;
/** Nothing has been answered for so long: what is still missing was lost. */
const silenceMsMax = 10_000;
const readBuffer = Buffer.allocUnsafe(256 * 1024);

const shoppers = [];
let closed = 0;
/** Told of each answer, with the shopper and the moment its claim was due. */
let onAnswer = () => {};

/** A client's text frame, masked with zeros: allowed, and cheap. */
function frame(text) {
  const size = Buffer.byteLength(text);
  const head = size < 126 ? 6 : 8;
  const buffer = Buffer.allocUnsafe(head + size);
  buffer[0] = 0x81;
  if (size < 126) buffer[1] = 0x80 | size;
  else {
    buffer[1] = 0xfe;
    buffer.writeUInt16BE(size, 2);
  }
  buffer.writeUInt32BE(0, head - 4);
  buffer.write(text, head);
  return buffer;
}
const pong = frame('3');

/** Reads whole frames off a chunk; what is left over waits for the next one. */
function take(shopper, chunk) {
  const buffer = shopper.rest === null ? chunk : Buffer.concat([shopper.rest, chunk]);
  shopper.rest = null;
  let at = 0;
  while (at < buffer.length) {
    const left = buffer.length - at;
    const short = left < 2 ? 0 : buffer[at + 1] & 0x7f;
    const head = short < 126 ? 2 : short === 126 ? 4 : 10;
    const size =
      left < head
        ? 0
        : short < 126
          ? short
          : short === 126
            ? buffer.readUInt16BE(at + 2)
            : buffer.readUIntBE(at + 4, 6);
    if (left < head || left < head + size) {
      // A copy: the buffer that was read into is everybody's.
      shopper.rest = Buffer.from(buffer.subarray(at));
      return;
    }
    heard(shopper, buffer, at + head, at + head + size);
    at += head + size;
  }
}

function heard(shopper, buffer, from, to) {
  if (buffer[from] === 0x34 && buffer[from + 1] === 0x33) {
    let id = 0;
    let at = from + 2;
    for (; buffer[at] !== 0x5b; at++) id = id * 10 + buffer[at] - 48;
    const dueMs = shopper.due.get(id);
    shopper.due.delete(id);
    // `[{"ok":true` or `[{"ok":false`: the seventh character after the bracket tells.
    const ok = buffer[at + 7] === 0x74;
    onAnswer(shopper, ok, dueMs, ok ? '' : buffer.latin1Slice(at, Math.min(to, at + 80)));
    return;
  }
  const text = buffer.latin1Slice(from, Math.min(to, from + 4));
  if (text === '2') shopper.socket.write(pong);
  else if (text.startsWith('0')) shopper.socket.write(frame(`40${JSON.stringify({ token: shopper.token })}`));
  else if (text.startsWith('40')) shopper.ready();
  else if (text.startsWith('44')) shopper.refused(new Error(buffer.latin1Slice(from, to)));
}

function open(port, token, index) {
  return new Promise((resolve, reject) => {
    const shopper = {
      index,
      token,
      socket: null,
      rest: null,
      due: new Map(),
      nextId: 0,
      ready: resolve,
      refused: reject,
    };
    let head = '';
    let upgraded = false;
    shopper.socket = connect({
      port,
      host: '127.0.0.1',
      localAddress: `127.0.0.${2 + (index % addresses)}`,
      noDelay: true,
      onread: {
        buffer: readBuffer,
        callback(size, buffer) {
          if (upgraded) take(shopper, buffer.subarray(0, size));
          else {
            head += buffer.latin1Slice(0, size);
            const end = head.indexOf('\r\n\r\n');
            if (end < 0) return true;
            if (!head.startsWith('HTTP/1.1 101')) reject(new Error(head.slice(0, 80)));
            upgraded = true;
            if (head.length > end + 4) take(shopper, Buffer.from(head.slice(end + 4), 'latin1'));
          }
          return true;
        },
      },
    });
    shopper.socket.on('error', reject);
    shopper.socket.on('close', () => {
      closed++;
      reject(new Error('closed'));
    });
    shopper.socket.write(
      `GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: Upgrade\r\n` +
        `Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n\r\n`,
    );
    shoppers.push(shopper);
  });
}

function claim(shopper, dealId, dueMs) {
  const id = shopper.nextId++;
  shopper.due.set(id, dueMs);
  shopper.socket.write(
    frame(
      `42${id}["deals:claim",{"requestId":"c-${shopper.index}-${id}-7f3a9c51","lines":[{"dealId":"${dealId}","quantity":1}]}]`,
    ),
  );
}

/** Runs claims until `count` answers have come, and tells what they were and how long they took. */
function counted(count, begin) {
  const beganMs = performance.now();
  const cpuBefore = cpuUs();
  const waits = [];
  const refusals = {};
  let answers = 0;
  let successes = 0;
  return new Promise((resolve, reject) => {
    let lastAnswers = -1;
    const watch = setInterval(() => {
      if (answers === lastAnswers) done(reject, new Error(`only ${answers} of ${count} claims were answered`));
      lastAnswers = answers;
    }, silenceMsMax);
    function done(how, value) {
      clearInterval(watch);
      onAnswer = () => {};
      how(value);
    }
    const next = begin();
    onAnswer = (shopper, ok, dueMs, text) => {
      answers++;
      waits.push(performance.now() - dueMs);
      if (ok) successes++;
      else {
        const why = /"(?:why|fault)":"([\w-]+)"/.exec(text)?.[1] ?? text;
        refusals[why] = (refusals[why] ?? 0) + 1;
      }
      if (answers < count) return next?.(shopper);
      waits.sort((a, b) => a - b);
      const at = (share) => waits[Math.min(waits.length - 1, Math.floor(waits.length * share))];
      const wallMs = performance.now() - beganMs;
      done(resolve, {
        answers,
        successes,
        refusals,
        wallMs,
        perSecond: (answers / wallMs) * 1_000,
        p50Ms: at(0.5),
        p99Ms: at(0.99),
        crowdCpuShare: (cpuUs() - cpuBefore) / 1_000 / wallMs,
        closed,
      });
    };
  });
}

answerQuestions({
  async connect({ port, tokens }) {
    let next = 0;
    const worker = async () => {
      while (next < tokens.length) {
        const i = next++;
        await open(port, tokens[i], i);
      }
    };
    await Promise.all(Array.from({ length: Math.min(connectingMax, tokens.length) }, worker));
    return { connected: shoppers.length };
  },
  /** Everybody claims `each` times; `active` of them are at it at any time, each waiting for its answer. */
  rush: ({ each, active, dealId }) =>
    counted(shoppers.length * each, () => {
      const turns = new Map();
      let nextShopper = 0;
      const begin = () => {
        const shopper = shoppers[nextShopper++];
        if (shopper === undefined) return;
        turns.set(shopper, each);
        go(shopper);
      };
      const go = (shopper) => {
        const left = turns.get(shopper);
        if (left === 0) {
          turns.delete(shopper);
          begin();
          return;
        }
        turns.set(shopper, left - 1);
        claim(shopper, dealId, performance.now());
      };
      for (let i = 0; i < active; i++) begin();
      return go;
    }),
  /** Everybody claims `each` times at this pace, whether or not answers come: each wait counts from when its claim was due. */
  pace: ({ each, perSecond, dealId }) =>
    counted(shoppers.length * each, () => {
      const count = shoppers.length * each;
      const beganMs = performance.now();
      let sent = 0;
      const send = () => {
        const due = Math.min(count, Math.floor(((performance.now() - beganMs) / 1_000) * perSecond));
        for (; sent < due; sent++)
          claim(shoppers[sent % shoppers.length], dealId, beganMs + (sent / perSecond) * 1_000);
        if (sent < count) setImmediate(send);
      };
      send();
    }),
});

function cpuUs() {
  const { user, system } = process.cpuUsage();
  return user + system;
}
