import { connect as connectTcp } from 'node:net';
import { gzipSync } from 'node:zlib';
import type { Session } from '@elevens/shared/src/identity/contract.ts';
import type { Message } from '@elevens/shared/src/live/contract.ts';
import type { Redis } from 'ioredis';
import type { Socket } from 'socket.io-client';
import { afterEach, beforeAll, expect, test } from 'vitest';
import { createKeyspace } from '../src/platform/redis/keyspace.ts';
import {
  ask,
  call,
  connect,
  festivalOf,
  followLog,
  guest,
  type Joined,
  packetClient,
  post,
  requestId,
  startServer,
  type TestServer,
  until,
} from './test-server.ts';

const festival = festivalOf({ deals: [{ id: 'kettle', total: 100 }], sessions: [{ id: 'stage' }] });
const ledger = createKeyspace({ festival: 'rehearsal', partitions: 1 }).partition(0).ledger;

let server: TestServer;
let redis: Redis;
let shopper: Session;
/** Somebody who did nothing wrong. */
let bystander: Session;
let bystanding: Socket;
let heard: Awaited<ReturnType<typeof followLog<Message>>>;
let kept: { keys: string[]; ledgerLines: number };
let linesSaid = 0;

/**
 * What stands in Redis of people's doings. What moves by itself is left out: the desk's own figures, who is in a room, and
 * how many claims were made, refused ones among them.
 */
async function standing(): Promise<{ keys: string[]; ledgerLines: number }> {
  const moving = /:desk\}|:people$|:totals$/;
  const keys = (await redis.keys('*')).filter((key) => !moving.test(key)).toSorted();
  return { keys, ledgerLines: await redis.xlen(ledger) };
}

beforeAll(async () => {
  server = await startServer({ festival });
  redis = await server.redis();
  [shopper, bystander] = await Promise.all([guest(server.url), guest(server.url)]);
  bystanding = await connect(server.url, bystander.token);
  heard = await followLog<Message>(bystanding, 'live:chat', 'stage');
  await ask(bystanding, 'live:say', { requestId: requestId(), sessionId: 'stage', text: 'before' });
  linesSaid = 1;
  await heard.until('the first line is heard', (all) => all.length === linesSaid);
  kept = await standing();
}, 60_000);

// After each test: the process lives, the bystander's connection was never touched and is served, nothing was written.
afterEach(async () => {
  expect(bystanding.connected).toBe(true);
  await ask(bystanding, 'clock:now', {});
  expect(await server.ready()).toBe(true);
  expect(await standing()).toEqual(kept);
});

// ------------------------------------------------------------------------- inputs that do not fit the schema
const line = (fields: string) => `{"requestId":"r-12345678","lines":[{${fields}}]}`;
const badClaims: { title: string; json: string; path: string }[] = [
  { title: 'text for a number', json: line('"dealId":"kettle","quantity":"1"'), path: 'lines.0.quantity' },
  { title: 'a number too large for JSON', json: line('"dealId":"kettle","quantity":1e309'), path: 'lines.0.quantity' },
  {
    title: 'the first whole number that is none',
    json: line('"dealId":"kettle","quantity":9007199254740993'),
    path: 'lines.0.quantity',
  },
  { title: 'a negative quantity', json: line('"dealId":"kettle","quantity":-1'), path: 'lines.0.quantity' },
  { title: 'nothing of it', json: line('"dealId":"kettle","quantity":0'), path: 'lines.0.quantity' },
  { title: 'half a kettle', json: line('"dealId":"kettle","quantity":0.5'), path: 'lines.0.quantity' },
  { title: 'null for a number', json: line('"dealId":"kettle","quantity":null'), path: 'lines.0.quantity' },
  { title: 'a list for a number', json: line('"dealId":"kettle","quantity":[1]'), path: 'lines.0.quantity' },
  { title: 'a truth for a number', json: line('"dealId":"kettle","quantity":true'), path: 'lines.0.quantity' },
  { title: 'a missing number', json: line('"dealId":"kettle"'), path: 'lines.0.quantity' },
  { title: 'a number for a name', json: line('"dealId":7,"quantity":1'), path: 'lines.0.dealId' },
  { title: 'an object for a name', json: line('"dealId":{"toString":"x"},"quantity":1'), path: 'lines.0.dealId' },
  { title: 'a name with a hash tag in it', json: line('"dealId":"{x}kettle","quantity":1'), path: 'lines.0.dealId' },
  { title: 'a name with a line break', json: line('"dealId":"kettle\\n","quantity":1'), path: 'lines.0.dealId' },
  { title: 'the name of an inner thing', json: line('"dealId":"__proto__","quantity":1'), path: 'lines.0.dealId' },
  { title: 'a field nobody knows', json: line('"dealId":"kettle","quantity":1,"price":1'), path: 'lines.0' },
  { title: 'an inner field', json: line('"dealId":"kettle","quantity":1,"__proto__":{"quantity":2}'), path: 'lines.0' },
  {
    title: 'an inner field outside',
    json: '{"requestId":"r-12345678","lines":[{"dealId":"kettle","quantity":1}],"__proto__":{"x":1}}',
    path: '',
  },
  {
    title: 'a constructor outside',
    json: '{"requestId":"r-12345678","lines":[{"dealId":"kettle","quantity":1}],"constructor":{"prototype":{}}}',
    path: '',
  },
  { title: 'no lines', json: '{"requestId":"r-12345678","lines":[]}', path: 'lines' },
  {
    title: 'nine lines',
    json: `{"requestId":"r-12345678","lines":[${Array.from({ length: 9 }, (_, i) => `{"dealId":"d${i}","quantity":1}`).join(',')}]}`,
    path: 'lines',
  },
  {
    title: 'one deal twice',
    json: '{"requestId":"r-12345678","lines":[{"dealId":"kettle","quantity":1},{"dealId":"kettle","quantity":1}]}',
    path: 'lines',
  },
  {
    title: 'an object for a list',
    json: '{"requestId":"r-12345678","lines":{"0":{"dealId":"kettle","quantity":1},"length":1}}',
    path: 'lines',
  },
  {
    title: 'a request id too short',
    json: '{"requestId":"r","lines":[{"dealId":"kettle","quantity":1}]}',
    path: 'requestId',
  },
  {
    title: 'a request id of 15,000 characters',
    json: `{"requestId":"${'r'.repeat(15_000)}","lines":[{"dealId":"kettle","quantity":1}]}`,
    path: 'requestId',
  },
  {
    title: 'a request id with a space',
    json: '{"requestId":"r 12345678","lines":[{"dealId":"kettle","quantity":1}]}',
    path: 'requestId',
  },
  { title: 'no request id', json: '{"lines":[{"dealId":"kettle","quantity":1}]}', path: 'requestId' },
  { title: 'null', json: 'null', path: '' },
  { title: 'a list', json: '[]', path: '' },
  { title: 'text', json: '"claim"', path: '' },
  { title: 'a number', json: '11', path: '' },
  { title: 'a list nested thirty deep', json: `${'['.repeat(28)}${']'.repeat(28)}`, path: '' },
];

test.each(badClaims)(
  '$title is a coded answer that names the field, the same over both transports',
  async ({ json, path }) => {
    const posted = await post(server.url, 'deals:claim', json, { token: shopper.token });
    expect(posted.status).toBe(400);
    expect(posted.answer).toMatchObject({ ok: false, fault: 'bad-input', retryAfterMs: null });
    const { problems = [] } = posted.answer as { problems?: { path: string; message: string }[] };
    expect(problems.map((problem) => problem.path)).toContain(path);
    for (const problem of problems) expect(problem.message.length).toBeLessThan(400);

    const client = await packetClient(server.url, { token: shopper.token });
    expect(await client.call('deals:claim', json)).toEqual(posted.answer);
    expect((await client.call('clock:now', '{}'))?.ok).toBe(true);
    client.close();
  },
);

test.each([
  ['live:say', { requestId: 'r-12345678', sessionId: 'stage', text: '' }, 'text'],
  ['live:say', { requestId: 'r-12345678', sessionId: 'stage', text: 'x'.repeat(201) }, 'text'],
  ['live:say', { requestId: 'r-12345678', sessionId: 'stage', text: 'two\nlines' }, 'text'],
  ['live:say', { requestId: 'r-12345678', sessionId: 'stage', text: 'bell \u0007' }, 'text'],
  ['live:say', { requestId: 'r-12345678', sessionId: 'stage', text: 'half \ud83c' }, 'text'],
  ['live:say', { requestId: 'r-12345678', sessionId: 'stage', text: ['x'] }, 'text'],
  ['redpackets:open', { requestId: 'r-12345678', dropId: '' }, 'dropId'],
  ['energy:complete', { requestId: 'r-12345678', taskId: 'a~99999999' }, 'taskId'],
  ['identity:guest', { displayName: 'x'.repeat(25) }, 'displayName'],
  ['identity:guest', { displayName: ' ' }, 'displayName'],
  ['identity:guest', { locale: 'xx' }, 'locale'],
  ['identity:guest', { roles: ['operator'] }, ''],
  ['feeds:join', { feed: '__proto__', id: 'x' }, 'feed'],
  ['feeds:join', { feed: 'live:chat', id: '' }, 'id'],
  ['feeds:join', { feed: 'live:chat', id: 'stage', from: 'x'.repeat(65) }, 'from'],
])('case %#: %s names the wrong field by its path', async (name, input, path) => {
  const socket = await connect(server.url, shopper.token);
  const answer = await call(socket, name, input);
  expect(answer).toMatchObject({ ok: false, fault: 'bad-input' });
  expect((answer as { problems: { path: string }[] }).problems.map((problem) => problem.path)).toContain(path);
  socket.close();
});

test.each(['constructor', 'hasownproperty', 'no-such-deal', 'kettle~3'])(
  'a deal named "%s" is unknown and nothing else',
  async (dealId) => {
    const input = { requestId: requestId(), lines: [{ dealId, quantity: 1 }] };
    const posted = await post(server.url, 'deals:claim', input, { token: shopper.token });
    expect(posted.status).toBe(409);
    expect(posted.answer).toEqual({ ok: false, why: 'unknown-deal', dealId });
  },
);

// --------------------------------------------------------------------------------- calls of the wrong shape
test.each(['deals:steal', '__proto__', 'constructor', 'toString', 'deals:__proto__', ':', '', 'x'.repeat(5_000)])(
  'case %#: an unknown command is answered not-found',
  async (name) => {
    const client = await packetClient(server.url, { token: shopper.token });
    expect(await client.call(name, '{}')).toEqual({ ok: false, fault: 'not-found', retryAfterMs: null });
    client.close();
  },
);

test('a call without an acknowledgement, or with more or other arguments, changes nothing', async () => {
  const socket = await connect(server.url, shopper.token);
  const claim = () => ({ requestId: requestId(), lines: [{ dealId: 'kettle', quantity: 1 }] });
  socket.emit('deals:claim', claim());
  socket.emit('deals:claim');
  socket.emit('live:say', { requestId: requestId(), sessionId: 'stage', text: 'unasked' });
  const refused = { ok: false, fault: 'bad-input', problems: [{ path: '' }] };
  expect(await socket.timeout(5_000).emitWithAck('deals:claim')).toMatchObject(refused);
  expect(await socket.timeout(5_000).emitWithAck('deals:claim', claim(), claim())).toMatchObject(refused);
  expect(await socket.timeout(5_000).emitWithAck('deals:claim', claim(), 'extra', null)).toMatchObject(refused);
  const { snapshot } = await ask<Joined>(socket, 'feeds:join', { feed: 'deals:mine', id: shopper.shopperId });
  expect(snapshot).toEqual({ holds: [], standing: { abandoned: 0, holdsMax: 12, untilMs: null } });
  expect(heard.all()).toHaveLength(linesSaid);
  socket.close();
});

test('who keeps sending what the contract refuses is told so and cut off, and the next connection is served', async () => {
  const client = await packetClient(server.url, { token: shopper.token });
  for (let i = 0; i < 250 && !client.isClosed(); i++) client.send('42["deals:claim",{}]');
  await client.closed;
  expect(client.byeCode()).toBe('too-many-bad-calls');
  const next = await packetClient(server.url, { token: shopper.token });
  expect((await next.call('clock:now', '{}'))?.ok).toBe(true);
  next.close();
});

// ------------------------------------------------------------------------------ packets nobody should send
const deep = (depth: number) => `42["deals:claim",${'['.repeat(depth)}${']'.repeat(depth)}]`;
const badPackets: { title: string; packet: string | Buffer; coded?: boolean }[] = [
  { title: 'a list 7,000 deep', packet: deep(7_000), coded: true },
  { title: 'a list 30,000 deep', packet: deep(30_000) },
  {
    title: 'objects 2,000 deep',
    packet: `421["deals:claim",${'{"a":'.repeat(2_000)}1${'}'.repeat(2_000)}]`,
    coded: true,
  },
  { title: 'a text of 100 KB', packet: `421["live:say",{"text":"${'x'.repeat(100_000)}"}]` },
  {
    title: 'a binary attachment that never comes',
    packet: '451-["deals:claim",{"_placeholder":true,"num":0}]',
    coded: true,
  },
  {
    title: 'a million attachments announced',
    packet: '451000000-1["deals:claim",{"_placeholder":true,"num":0}]',
    coded: true,
  },
  { title: 'a binary acknowledgement', packet: '461-1[{"_placeholder":true,"num":0}]', coded: true },
  { title: 'a binary frame', packet: Buffer.from([1, 2, 3, 4]), coded: true },
  { title: 'an acknowledgement id of 400 digits', packet: `42${'9'.repeat(400)}["clock:now",{}]`, coded: true },
  { title: 'another namespace', packet: '42/admin,1["clock:now",{}]', coded: true },
  { title: 'joining another namespace', packet: '40/admin,{}', coded: true },
  { title: 'NaN', packet: '421["deals:claim",{"quantity":NaN}]' },
  { title: 'JSON that stops', packet: '421["deals:claim",{' },
  { title: 'no JSON at all', packet: '42hello' },
  { title: 'an event without a name', packet: '42[]' },
  { title: 'an object for an event', packet: '42{"0":"clock:now"}' },
  { title: 'an event named null', packet: '421[null,{}]' },
  { title: 'the library’s own event disconnect', packet: '421["disconnect","transport close"]' },
  { title: 'the library’s own event newListener', packet: '421["newListener","x"]' },
  { title: 'the library’s own event connect', packet: '42["connect",{}]' },
  { title: 'an error of the server’s own making', packet: '44{"message":"x"}' },
  { title: 'a packet of no type', packet: '49["x"]' },
  { title: 'joining twice', packet: '40' },
];

test.each(badPackets)('$title ends that connection and no other', async ({ packet, coded }) => {
  const client = await packetClient(server.url, { token: shopper.token });
  client.send(packet);
  await client.closed;
  if (coded) expect(client.byeCode()).toBe('bad-packet');
});

const oddPackets: { title: string; packet: string }[] = [
  { title: 'an event named error', packet: '42["error"]' },
  { title: 'an event named error with an object', packet: '42["error",{"message":7}]' },
  { title: 'an event named error with an acknowledgement', packet: '421["error",{}]' },
  { title: 'an event with a number for its name', packet: '421[7,{}]' },
  { title: 'an answer to what was never asked', packet: '4399[{}]' },
  { title: 'an answer with an inner name', packet: '43["__proto__"]' },
  { title: 'an empty message', packet: '4' },
  { title: 'a packet of no engine type', packet: '9' },
  { title: 'a pong nobody asked for', packet: '3' },
  { title: 'an upgrade out of nowhere', packet: '5' },
  { title: 'a probe', packet: '2probe' },
  { title: 'an open packet', packet: '0{"sid":"x"}' },
  { title: 'leaving and going on', packet: '41' },
];

test.each(oddPackets)('$title harms nobody', async ({ packet }) => {
  const client = await packetClient(server.url, { token: shopper.token });
  client.send(packet);
  client.send('42777["clock:now",{}]');
  await until(
    'it is answered or cut off',
    () => client.isClosed() || client.packets.some((p) => p.startsWith('43777[')),
  );
  client.close();
  const other = await packetClient(server.url, { token: shopper.token });
  expect((await other.call('clock:now', '{}'))?.ok).toBe(true);
  other.close();
});

test('joining fifty times before the first is answered makes one person of it', async () => {
  const client = await packetClient(server.url, { join: false });
  for (let i = 0; i < 50; i++) client.send(`40${JSON.stringify({ token: shopper.token })}`);
  await until('it is joined or cut off', () => client.isClosed() || client.packets.some((p) => p.startsWith('40')));
  expect(client.packets.filter((p) => p.startsWith('40')).length).toBeLessThanOrEqual(1);
  client.close();
});

test.each([
  '42["clock:now",{}]',
  '41',
  '451-["x",{"_placeholder":true,"num":0}]',
  '40/other,',
  'x',
  '40[]',
  '40"token"',
  '40{"token":{}}',
  '40{"token":7}',
  `40{"token":"${'x'.repeat(5_000)}"}`,
])('case %#: a stranger whose first packet does not join gets nowhere', async (packet) => {
  const client = await packetClient(server.url, { join: false });
  client.send(packet);
  await until('it is refused', () => client.isClosed() || client.packets.some((p) => p.startsWith('44')));
  expect(client.packets.some((p) => p.startsWith('40'))).toBe(false);
  client.close();
});

// ------------------------------------------------------------------------------------------------------ HTTP
interface HttpCase {
  title: string;
  status: number;
  fault?: string;
  path?: string;
  init?: RequestInit;
}
const json = { 'content-type': 'application/json' };
const httpCases: HttpCase[] = [
  {
    title: 'a body of 100 KB',
    status: 413,
    fault: 'too-large',
    init: { headers: json, body: JSON.stringify({ requestId: 'x'.repeat(100_000) }) },
  },
  {
    title: 'a list 7,000 deep',
    status: 400,
    fault: 'bad-input',
    init: { headers: json, body: '['.repeat(7_000) + ']'.repeat(7_000) },
  },
  {
    title: 'a list 30,000 deep',
    status: 413,
    fault: 'too-large',
    init: { headers: json, body: '['.repeat(30_000) + ']'.repeat(30_000) },
  },
  { title: 'JSON that stops', status: 400, fault: 'bad-input', init: { headers: json, body: '{"requestId":' } },
  { title: 'NaN', status: 400, fault: 'bad-input', init: { headers: json, body: '{"quantity":NaN}' } },
  { title: 'an empty body', status: 400, fault: 'bad-input', init: { headers: json, body: '' } },
  { title: 'no body', status: 415, fault: 'bad-input', init: {} },
  {
    title: 'plain text',
    status: 415,
    fault: 'bad-input',
    init: { headers: { 'content-type': 'text/plain' }, body: '{}' },
  },
  {
    title: 'a form',
    status: 415,
    fault: 'bad-input',
    init: { headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: 'a=1' },
  },
  {
    title: 'a compressed body',
    status: 415,
    fault: 'bad-input',
    init: { headers: { ...json, 'content-encoding': 'gzip' }, body: gzipSync('{}') },
  },
  {
    title: 'an unknown character set',
    status: 415,
    fault: 'bad-input',
    init: { headers: { 'content-type': 'application/json; charset=klingon' }, body: '{}' },
  },
  {
    title: 'an unknown command',
    status: 404,
    fault: 'not-found',
    path: '/api/deals/steal',
    init: { headers: json, body: '{}' },
  },
  {
    title: 'an inner name for a command',
    status: 404,
    fault: 'not-found',
    path: '/api/deals/__proto__',
    init: { headers: json, body: '{}' },
  },
  {
    title: 'an inner name for a capability',
    status: 404,
    fault: 'not-found',
    path: '/api/constructor/claim',
    init: { headers: json, body: '{}' },
  },
  { title: 'another method', status: 405, fault: 'bad-input', init: { method: 'PUT', headers: json, body: '{}' } },
  { title: 'reading a command', status: 405, fault: 'bad-input', init: { method: 'GET' } },
  {
    title: 'an address that cannot be read',
    status: 400,
    fault: 'bad-input',
    path: '/api/deals/%E0%A4%A',
    init: { headers: json, body: '{}' },
  },
  {
    title: 'a path with dots in it',
    status: 404,
    path: '/api/deals/..%2f..%2fetc%2fpasswd',
    fault: 'not-found',
    init: { headers: json, body: '{}' },
  },
];

test.each(httpCases)(
  'over HTTP, $title is answered $status',
  async ({ status, fault, path = '/api/deals/claim', init = {} }) => {
    const headers = { authorization: `Bearer ${shopper.token}`, ...(init.headers as Record<string, string>) };
    const response = await fetch(`${server.url}${path}`, { method: 'POST', ...init, headers });
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ ok: false, fault });
  },
);

test('bytes that are no HTTP are turned away', async () => {
  const { port } = new URL(server.url);
  for (const bytes of [
    '\u0000\u0001\u0002\r\n\r\n',
    'GET\r\n\r\n',
    `GET / HTTP/1.1\r\nHost: x\r\nX: ${'y'.repeat(40_000)}\r\n\r\n`,
    'POST /api/deals/claim HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n',
  ]) {
    const socket = connectTcp(Number(port), '127.0.0.1');
    socket.on('error', () => {});
    let answer = '';
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1');
    });
    socket.write(bytes);
    // oxlint-disable-next-line no-await-in-loop -- one connection after the other
    await new Promise((resolve) => socket.once('close', resolve));
    expect(answer).toMatch(/^HTTP\/1\.1 4\d\d /);
  }
});

test.each([
  '/socket.io/?EIO=4&transport=carrier-pigeon',
  '/socket.io/?EIO=3&transport=websocket',
  '/socket.io/?EIO=4&transport=polling&sid=nobody',
  '/socket.io/',
])('the handshake %s is refused', async (path) => {
  const response = await fetch(`${server.url}${path}`);
  expect(response.status).toBe(400);
  await response.arrayBuffer();
});

// --------------------------------------------------------------------------------------------------- the log
test('a flood of bad packets and bad calls is told once each and not a million times', async () => {
  for (let round = 0; round < 10; round++) {
    // oxlint-disable-next-line no-await-in-loop -- ten at a time, a hundred in all
    await Promise.all(
      Array.from({ length: 10 }, async () => {
        const client = await packetClient(server.url);
        for (let i = 0; i < 150; i++) client.send('42["deals:steal",{"requestId":"r-12345678"}]');
        client.send('42["clock:now","x","y"]');
        client.send('451-["deals:claim",{"_placeholder":true,"num":0}]');
        await client.closed;
      }),
    );
  }
  const told = new Map<string, number>();
  for (const { msg } of server.logged()) told.set(msg, (told.get(msg) ?? 0) + 1);
  expect(told.get('a client sends calls that break the contract')).toBe(1);
  expect(told.get('a client sent a packet that nobody sends')).toBe(1);
  // Whatever else was said in this file, nothing was said more than twice, and nothing was a bug.
  for (const [message, times] of told) expect(times, message).toBeLessThanOrEqual(2);
  expect(server.logged().filter(({ level }) => level >= 50)).toEqual([]);
  expect(server.output()).not.toContain('    at ');
  expect(server.output()).not.toContain(shopper.token);
});
