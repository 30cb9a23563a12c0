// A whole evening in one file: node join.mjs http://127.0.0.1:3000   (needs: npm install socket.io-client)
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { io } from 'socket.io-client';

const url = process.argv[2] ?? 'http://127.0.0.1:3000';

// --- Calls. Over HTTP a reply comes bare with 200; refusals and faults look as they do over the socket.
async function post(name, input, token) {
  const response = await fetch(`${url}/api/${name.replace(':', '/')}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) },
    body: JSON.stringify(input),
  });
  const body = await response.json();
  return response.ok ? { ok: true, reply: body } : body;
}

// Over the socket. Whoever hears nothing, or a fault that may be retried, sends the very same input again: its requestId
// makes that safe, and gets the first answer if there was one.
async function call(name, input) {
  for (let tries = 1; ; tries++) {
    let outcome;
    try {
      outcome = await socket.timeout(10_000).emitWithAck(name, input);
    } catch {
      outcome = { ok: false, fault: 'unknown', retryAfterMs: 500 };
    }
    if (outcome.ok || outcome.why || outcome.retryAfterMs === null || tries === 5) return outcome;
    await sleep(outcome.retryAfterMs);
  }
}

// --- Feeds. What is followed is joined again at every reconnect, a log with the position that was reached.
const followed = new Map();

function follow(feed, id, { onEntries, onState }) {
  const one = { feed, id, position: undefined, onEntries, onState, state: {} };
  followed.set(`${feed} ${id}`, one);
  return join(one);
}

function join(one) {
  return new Promise((resolve, reject) => {
    const from = one.onEntries && one.position ? { from: one.position } : {};
    // Taken up in the acknowledgement itself and not after an await: the first event may follow in the same breath.
    socket.timeout(10_000).emit('feeds:join', { feed: one.feed, id: one.id, ...from }, (late, outcome) => {
      if (late) return reject(late);
      if (!outcome.ok) return reject(new Error(`${one.feed} ${one.id}: ${outcome.why ?? outcome.fault}`));
      const { position, recovered, entries, snapshot } = outcome.reply;
      one.position = position;
      one.recovered = recovered;
      if (one.onState) one.onState((one.state = snapshot));
      else one.onEntries(recovered ? entries : snapshot.entries, { fresh: !recovered });
      resolve(one);
    });
  });
}

function onLog(feed) {
  socket.on(feed, ({ id, position, entries }) => {
    const one = followed.get(`${feed} ${id}`);
    if (!one) return;
    one.position = position;
    one.onEntries(entries, { fresh: false });
  });
}

function onState(feed) {
  socket.on(feed, ({ id, state }) => {
    const one = followed.get(`${feed} ${id}`);
    // A state event carries the fields that changed.
    if (one) one.onState((one.state = { ...one.state, ...state }));
  });
}

// --- The evening.
const guest = await post('identity:guest', { displayName: 'Example' });
if (!guest.ok) throw new Error(`no guest: ${JSON.stringify(guest)}`);
const { token, shopperId } = guest.reply;
console.log('guest:', shopperId);

const socket = io(url, { auth: { token }, transports: ['websocket'] });
socket.on('connect', () => {
  for (const one of followed.values()) join(one).catch((error) => console.error(error.message));
});
socket.on('connect_error', (error) => console.error('refused:', error.data?.code ?? error.message));
socket.on('system:bye', ({ code, retryAfterMs }) => {
  console.error('sent away:', code);
  if (retryAfterMs !== null) setTimeout(() => socket.connect(), retryAfterMs);
});
socket.on('feeds:behind', ({ feed, id }) => void join(followed.get(`${feed} ${id}`)));
onLog('live:chat');
onState('deals:stock');
onState('deals:mine');
await new Promise((resolve) => socket.once('connect', resolve));

const askedAtMs = Date.now();
const clock = await call('clock:now', {});
const aheadMs = Math.round(clock.reply.nowMs - (askedAtMs + Date.now()) / 2);
console.log('clock: the server is', aheadMs, 'ms ahead');
const isOn = (fromMs, toMs) => fromMs <= Date.now() + aheadMs && Date.now() + aheadMs < toMs;

const { sessions } = (await call('live:list', {})).reply;
const session = sessions.find((one) => isOn(one.startsAtMs, one.endsAtMs));
const lines = [];
if (session) {
  const sessionId = session.sessionId;
  const times = (messageId) => lines.filter((line) => line.messageId === messageId).length;
  const chat = await follow('live:chat', sessionId, {
    onEntries(entries, { fresh }) {
      if (fresh) lines.length = 0;
      lines.push(...entries);
    },
  });
  const said = await call('live:say', { requestId: randomUUID(), sessionId, text: 'Hello from a stock client' });
  while (times(said.reply.messageId) === 0) await sleep(20);
  console.log('chat: said and heard', said.reply.messageId);

  // Away for a moment; what is said meanwhile comes with the position.
  socket.disconnect();
  const missed = await post('live:say', { requestId: randomUUID(), sessionId, text: 'Said while away' }, token);
  socket.connect();
  while (times(missed.reply.messageId) === 0) await sleep(20);
  console.log(
    'chat: back by position, recovered',
    chat.recovered,
    'and the missed line came',
    times(missed.reply.messageId),
    'time',
  );
}

const { deals } = (await call('deals:list', {})).reply;
const deal = deals.find((one) => isOn(one.opensAtMs, one.closesAtMs) && one.stock.free > 0);
if (deal) {
  const { dealId, terms } = deal;
  const stock = await follow('deals:stock', dealId, { onState: () => {} });
  let holds = [];
  await follow('deals:mine', shopperId, {
    onState(state) {
      holds = state.holds;
    },
  });
  console.log('deal:', dealId, 'has', stock.state.free, 'of', stock.state.total);
  const input = { requestId: randomUUID(), lines: [{ dealId, quantity: 1, terms }] };
  const claimed = await call('deals:claim', input);
  if (claimed.ok) {
    const { holdId, lapsesAtMs } = claimed.reply;
    while (!holds.some((hold) => hold.holdId === holdId)) await sleep(20);
    console.log('claim: held', holdId, 'until', new Date(lapsesAtMs).toISOString());
  } else console.log('claim: refused', claimed.why ?? claimed.fault);
  const again = await post('deals:claim', input, token);
  console.log('claim: sent again, the answer is the same:', JSON.stringify(again) === JSON.stringify(claimed));
}

const { drops } = (await call('redpackets:list', {})).reply;
const drop = drops.find((one) => isOn(one.opensAtMs, one.closesAtMs));
if (drop) {
  const opened = await call('redpackets:open', { requestId: randomUUID(), dropId: drop.dropId });
  if (opened.ok) console.log('packet:', opened.reply.amountMinor, 'minor units of', opened.reply.currency);
  else console.log('packet: refused', opened.why ?? opened.fault);
}

socket.disconnect();
console.log('done');
