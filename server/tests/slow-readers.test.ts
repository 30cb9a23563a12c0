import type { Wall } from '@elevens/shared/src/control/contract.ts';
import type { Message } from '@elevens/shared/src/live/contract.ts';
import { expect, test } from 'vitest';
import { defaultBounds } from '../src/platform/realtime/viewer-debt.ts';
import {
  ask,
  connect,
  festivalOf,
  followLog,
  followState,
  guests,
  type RawClient,
  rawWebSocket,
  requestId,
  startServer,
  until,
} from './test-server.ts';

/** A list of this many deals is some 100 kB: what a client is owed for one small call. */
const deals = Array.from({ length: 150 }, (_, i) => ({ id: `deal-${i}`, total: 1_000 }));
const festival = festivalOf({ deals, sessions: [{ id: 'stage' }] });

// Both at once, each with a server of its own: the second mostly waits.
/** Far more than the kernel's buffers and the server's bound hold of such answers, and within an address's budget. */
const askedMax = 1_500;

/** Joins the main namespace, asks for far more than it will ever be able to hold, and never reads a byte of it. */
async function neverReader(url: string): Promise<RawClient & { asked(): number }> {
  const client = await rawWebSocket(url);
  client.sendText('40');
  await until('it has joined', () => client.received().includes('40{"sid"'));
  client.sendText('420["feeds:join",{"feed":"live:chat","id":"stage"}]');
  client.socket.pause();
  let asked = 0;
  // As many at a time as one connection may have under way, again and again, until writing to it shows that it was cut.
  const timer = setInterval(() => {
    if (client.socket.destroyed || asked >= askedMax) return clearInterval(timer);
    if (client.socket.writableLength > 0) return;
    for (let i = 0; i < 60; i++) client.sendText(`42${++asked}["deals:list",{}]`);
  }, 50);
  void client.closed.then(() => clearInterval(timer));
  return { ...client, asked: () => asked };
}

test.concurrent('clients that ask and never read are held to their bound and cut off, and nobody else is harmed', async () => {
  const server = await startServer({ festival });
  const desk = await connect(server.url, (await server.operator()).token);
  const wall = await followState<Wall>(desk, 'control:wall', 'all');
  const people = await guests(server.url, 6);
  const sockets = await Promise.all(people.map((person) => connect(server.url, person.token)));
  const watchers = await Promise.all(sockets.map((socket) => followLog<Message>(socket, 'live:chat', 'stage')));
  const [speaker, ...listeners] = sockets;
  if (speaker === undefined) throw new Error('no speaker');
  const baseline = 1 + sockets.length;
  await wall.until('the wall counts everybody', (w) => w.nodes[0]?.sockets === baseline);

  const rssBefore = server.rssBytes();
  let rssMost = 0;
  let queueMost = 0;
  desk.on('control:wall', () => {
    queueMost = Math.max(queueMost, wall.now().nodes[0]?.queueBytes ?? 0);
  });

  const attackerCount = 6;
  const attackers = await Promise.all(Array.from({ length: attackerCount }, () => neverReader(server.url)));
  const said: string[] = [];
  const seenCut = () => server.output().includes('slow-reader');
  // The evening goes on meanwhile: lines are said one after the other, and everybody asks for the time between them.
  while (said.length < 40 || (!seenCut() && said.length < 70)) {
    const input = { requestId: requestId(), sessionId: 'stage', text: `line ${said.length}` };
    // oxlint-disable-next-line no-await-in-loop -- one after the other, so that the order is known
    said.push((await ask<{ messageId: string }>(speaker, 'live:say', input)).messageId);
    // oxlint-disable-next-line no-await-in-loop -- and everybody is answered in between
    await Promise.all(listeners.map((socket) => ask(socket, 'clock:now', {})));
    rssMost = Math.max(rssMost, server.rssBytes());
  }
  await until(
    () => `all who never read are cut off; the wall counts ${wall.now().nodes[0]?.sockets} connections`,
    () => {
      rssMost = Math.max(rssMost, server.rssBytes());
      return wall.now().nodes[0]?.sockets === baseline;
    },
    { withinMs: 60_000, everyMs: 50 },
  );
  expect(server.logged()).toContainEqual(
    expect.objectContaining({ code: 'slow-reader', msg: 'connections were cut off' }),
  );

  for (const attacker of attackers) expect(attacker.asked()).toBeGreaterThan(50);
  for (const watcher of watchers) {
    await watcher.until('every line is heard', (all) => all.length === said.length);
    expect(watcher.all().map(({ messageId }) => messageId)).toEqual(said);
  }
  for (const socket of [desk, ...sockets]) expect(socket.connected).toBe(true);
  // Each may owe its bound and what was under way; kept to the end, their answers would have been 900 MB.
  expect(queueMost).toBeLessThan(attackerCount * (defaultBounds.cutBytes + 64 * 120_000));
  expect(rssMost - rssBefore).toBeLessThan(200 * 1_048_576);
  for (const socket of [desk, ...sockets]) socket.close();
}, 120_000);

test.concurrent('clients that connect and then say nothing are cut off, and meanwhile others are served', async () => {
  const server = await startServer({ festival });
  const stalled = await Promise.all(Array.from({ length: 20 }, () => rawWebSocket(server.url)));
  for (const { status, socket } of stalled) {
    expect(status).toContain('101');
    socket.pause();
  }
  // One of them begins a packet and never ends it.
  stalled[0]?.socket.write(Buffer.from([0x81, 0xfe, 0x10, 0x00, 0, 0, 0, 0, 0x34]));
  const ended = { count: 0 };
  for (const { socket, closed } of stalled) {
    // To see the end it must be read at last; what came before it is one short packet.
    void closed.then(() => ended.count++);
    setTimeout(() => socket.resume(), 9_000);
  }
  const socket = await connect(server.url);
  await until(
    'all of them are cut off',
    async () => {
      await ask(socket, 'clock:now', {});
      return ended.count === stalled.length;
    },
    { withinMs: 60_000, everyMs: 100 },
  );
  expect(socket.connected).toBe(true);
}, 90_000);
