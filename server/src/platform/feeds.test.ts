import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { LogEvent } from '@elevens/shared/src/feeds/contract.ts';
import { feeds as contract } from '@elevens/shared/src/feeds/contract.ts';
import type { Redis } from 'ioredis';
import { type Socket as Client, io as connect } from 'socket.io-client';
import { afterEach, expect, test } from 'vitest';
import type { Person } from './caller.ts';
import { createClock } from './clock.ts';
import { createFeeds } from './feeds.ts';
import { createGateway } from './gateway.ts';
import { createLogger } from './logger.ts';
import { createMetrics } from './metrics.ts';
import { createRandom } from './random.ts';
import { createSockets } from './realtime/sockets.ts';
import { createTick } from './realtime/tick.ts';
import { connectTestRedis } from './redis/test-connection.ts';

const session = 'evening~1';
const closing: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

/** A node with one log feed and two state feeds, on a real Redis, without any capability. */
async function node(redisRig: Awaited<ReturnType<typeof connectTestRedis>>) {
  const redis = await redisRig.another();
  const subscriber = await redisRig.another();
  const { keys } = redisRig;
  const clock = createClock();
  const random = createRandom();
  const logger = createLogger('silent');
  const metrics = createMetrics();
  const gateway = createGateway({ clock, random, logger, metrics, checkReplies: true });
  const tick = createTick({
    tickMs: 10,
    clock,
    metrics: metrics.tick,
    logger,
    onBehind: (s, room) => feeds.behind(s, room),
    recentMax: 50,
  });
  const feeds = createFeeds({ redis, subscriber, tick, clock, random, logger, isPerson: () => true });
  const live = keys.live(session);
  feeds.log('live:chat', {
    keysOf: async (id) =>
      id === session
        ? {
            stream: live.chat,
            meta: live.chatMeta,
            bell: live.bell('live:chat', id),
            goneAtMs: clock.nowMs() + 86_400_000,
          }
        : null,
    snapshotEntries: 5,
    keptMax: 50,
  });
  const stockKey = (id: string) => keys.partition(0).deal(id);
  feeds.state('deals:stock', {
    channels: (id) => [keys.partition(0).bell('deals:stock', id)],
    read: async (ids) =>
      Promise.all(
        ids.map(async (id) => {
          const found = await redis.hgetall(stockKey(id));
          return found.free === undefined ? null : { total: Number(found.total), free: Number(found.free) };
        }),
      ),
    sampleMs: 10,
  });
  feeds.state('deals:mine', {
    channels: (id) => [keys.partition(0).bell('deals:mine', id)],
    read: async (ids) => ids.map(() => ({ holds: [] })),
    sampleMs: 10,
  });
  for (const other of [
    'live:room',
    'redpackets:drop',
    'redpackets:mine',
    'energy:mine',
    'orders:mine',
    'control:wall',
    'catalogue:version',
  ])
    feeds.state(other, {
      channels: (id) => [keys.desk.bell(other, id)],
      read: async (ids) => ids.map(() => null),
      sampleMs: 1_000,
    });
  gateway.serve(contract, feeds.handlers);
  const http = createServer();
  const people = new Map<string, Person>();
  const sockets = createSockets({
    http,
    gateway,
    tick,
    clock,
    random,
    authenticate: async (token) => {
      const person = people.get(token);
      return person ? { ok: true, person, expiresAtMs: Number.POSITIVE_INFINITY } : { ok: false, reason: 'invalid' };
    },
    originAllowed: () => true,
    addressOf: () => '127.0.0.1',
    onBadCaller: () => {},
    onLeave: (s) => feeds.leaveAll(s),
    onEnded: () => {},
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  tick.start();
  feeds.start();
  closing.push(async () => {
    feeds.stop();
    await tick.stop();
    await sockets.drain();
  });
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  return {
    redis,
    subscriber,
    feeds,
    people,
    async viewer(token?: string) {
      const socket: Client = connect(url, {
        transports: ['websocket'],
        forceNew: true,
        reconnection: false,
        auth: token === undefined ? {} : { token },
      });
      closing.push(() => void socket.close());
      await new Promise<void>((resolve, reject) => {
        socket.on('connect', () => resolve());
        socket.on('connect_error', reject);
      });
      const said: string[] = [];
      const at = { position: '' };
      socket.on('live:chat', (event: LogEvent<string>) => {
        said.push(...event.entries);
        at.position = event.position;
      });
      return {
        socket,
        said,
        at,
        call: (name: string, input: unknown) => socket.emitWithAck(name, input),
        join: (feed: string, id: string, from?: string) =>
          socket.emitWithAck('feeds:join', { feed, id, ...(from === undefined ? {} : { from }) }),
      };
    },
  };
}

async function rigOf(nodes: number) {
  const redisRig = await connectTestRedis();
  closing.push(() => redisRig.close());
  const all = [];
  for (let i = 0; i < nodes; i++) all.push(await node(redisRig));
  const live = redisRig.keys.live(session);
  let offset = 0;
  return {
    redisRig,
    nodes: all,
    live,
    /** What log.lua does, without a script: the entry, then the bell. */
    async say(text: string, { silent = false } = {}) {
      const { redis } = redisRig;
      await redis.hsetnx(live.chatMeta, 'epoch', 'first');
      offset = await redis.hincrby(live.chatMeta, 'offset', 1);
      await redis.xadd(live.chat, 'MAXLEN', 50, `${offset}-0`, 'e', JSON.stringify(text));
      const epoch = await redis.hget(live.chatMeta, 'epoch');
      if (!silent) await redis.spublish(live.bell('live:chat', session), `${epoch} ${offset} ${JSON.stringify(text)}`);
    },
  };
}
async function until(condition: () => boolean) {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}
/** Lets Redis answer the reads of a log, but keeps the answers back until they are let through. */
function holdReads(redis: Redis) {
  const read = redis.xrange.bind(redis) as (...args: unknown[]) => Promise<unknown>;
  const held = { reads: 0, letThrough: () => {} };
  const gate = new Promise<void>((resolve) => {
    held.letThrough = resolve;
  });
  redis.xrange = (async (...args: unknown[]) => {
    const found = await read(...args);
    held.reads++;
    await gate;
    return found;
  }) as unknown as Redis['xrange'];
  return held;
}
const words = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => `line ${from + i}`);

test('viewers on two nodes see the same log, each line once and in order', async () => {
  const { nodes, say } = await rigOf(2);
  const viewers = await Promise.all(nodes.flatMap((n) => [n.viewer(), n.viewer()]));
  for (const v of viewers)
    expect(await v.join('live:chat', session)).toMatchObject({ ok: true, reply: { snapshot: { entries: [] } } });
  for (const line of words(1, 40)) await say(line);
  await until(() => viewers.every((v) => v.said.length >= 40));
  for (const v of viewers) expect(v.said).toEqual(words(1, 40));
});

test('who comes anew is shown the last lines; who comes back gets exactly what was missed, on any node', async () => {
  const { nodes, say } = await rigOf(2);
  for (const line of words(1, 10)) await say(line);
  const first = await nodes[0]!.viewer();
  const joined = await first.join('live:chat', session);
  expect(joined.reply.snapshot.entries).toEqual(words(6, 10));
  first.socket.close();
  for (const line of words(11, 30)) await say(line);
  const back = await nodes[1]!.viewer();
  expect(await back.join('live:chat', session, joined.reply.position)).toEqual({
    ok: true,
    reply: { position: expect.any(String), recovered: true, entries: words(11, 30) },
  });
  await say('line 31');
  await until(() => back.said.length > 0);
  expect(back.said).toEqual(['line 31']);
});

test('who was away longer than the log is kept gets a snapshot and is told so: never a part', async () => {
  const { nodes, say } = await rigOf(1);
  await say('line 1');
  const viewer = await nodes[0]!.viewer();
  const { reply } = await viewer.join('live:chat', session);
  // Who stays tells when the node has heard the last line; a line that is still on its way comes to whoever joins behind it.
  const witness = await nodes[0]!.viewer();
  await witness.join('live:chat', session);
  viewer.socket.close();
  for (const line of words(2, 70)) await say(line);
  await until(() => witness.said.at(-1) === 'line 70');
  const back = await nodes[0]!.viewer();
  expect(await back.join('live:chat', session, reply.position)).toMatchObject({
    ok: true,
    reply: { recovered: false, snapshot: { entries: words(66, 70) } },
  });
  expect(await back.join('live:chat', session, 'another-epoch.3')).toMatchObject({ reply: { recovered: false } });
  expect(await back.join('live:chat', session, reply.position.replace(/\.\d+$/, '.9999'))).toMatchObject({
    reply: { recovered: false },
  });
});

test('a lost bell is made up for by the next one, and a silent log is looked at', async () => {
  const { nodes, say } = await rigOf(1);
  const viewer = await nodes[0]!.viewer();
  await viewer.join('live:chat', session);
  await say('line 1', { silent: true });
  await say('line 2', { silent: true });
  await say('line 3');
  await until(() => viewer.said.length === 3);
  await say('line 4', { silent: true });
  await until(() => viewer.said.length === 4);
  expect(viewer.said).toEqual(words(1, 4));
});

test('a Redis that lost shown entries begins a new epoch, and viewers are told to join again', async () => {
  const { nodes, say, redisRig, live } = await rigOf(1);
  const viewer = await nodes[0]!.viewer();
  const { reply } = await viewer.join('live:chat', session);
  const behind = new Promise((resolve) => viewer.socket.on('feeds:behind', resolve));
  for (const line of words(1, 3)) await say(line);
  await until(() => viewer.said.length === 3);
  // What a failover to a replica that lagged leaves behind: the last entry is gone and its offset is given again.
  await redisRig.redis.xdel(live.chat, '3-0');
  await redisRig.redis.hset(live.chatMeta, 'offset', 2);
  await redisRig.redis.call('XSETID', live.chat, '2-0');
  await say('another line 3', { silent: true });
  nodes[0]!.feeds.reconnected();
  expect(await behind).toEqual({ feed: 'live:chat', id: session });
  expect(await viewer.join('live:chat', session, reply.position)).toMatchObject({
    reply: { recovered: false, snapshot: { entries: ['line 1', 'line 2', 'another line 3'] } },
  });
});

test('a state feed gives the whole state on joining and then the fields that changed', async () => {
  const { nodes, redisRig } = await rigOf(1);
  const k = redisRig.keys.partition(0);
  await redisRig.redis.hset(k.deal('kettle'), 'total', 5, 'free', 5);
  const viewer = await nodes[0]!.viewer();
  const events: unknown[] = [];
  viewer.socket.on('deals:stock', (event) => events.push(event));
  expect(await viewer.join('deals:stock', 'kettle')).toMatchObject({
    ok: true,
    reply: { snapshot: { total: 5, free: 5 } },
  });
  await redisRig.redis.hincrby(k.deal('kettle'), 'free', -2);
  await redisRig.redis.spublish(k.bell('deals:stock', 'kettle'), '');
  await until(() => events.length > 0);
  expect(events).toEqual([{ id: 'kettle', position: expect.any(String), state: { free: 3 } }]);
});

test('a state that changed while nobody watched is shown as it is to the first who comes back', async () => {
  const { nodes, redisRig, say } = await rigOf(1);
  const k = redisRig.keys.partition(0);
  await redisRig.redis.hset(k.deal('kettle'), 'total', 5, 'free', 5);
  const viewer = await nodes[0]!.viewer();
  await viewer.join('live:chat', session);
  await viewer.join('deals:stock', 'kettle');
  await viewer.call('feeds:leave', { feed: 'deals:stock', id: 'kettle' });
  await redisRig.redis.hset(k.deal('kettle'), 'free', 1);
  await redisRig.redis.spublish(k.bell('deals:stock', 'kettle'), '');
  // Rings come in order: when this line is here, the node has heard of the change as well.
  await say('after the change');
  await until(() => viewer.said.length === 1);
  expect(await viewer.join('deals:stock', 'kettle')).toMatchObject({ reply: { snapshot: { total: 5, free: 1 } } });
});

test('what cannot be joined is refused by its own word', async () => {
  const { nodes } = await rigOf(1);
  const [only] = nodes;
  const jade: Person = {
    shopperId: 's_jade0jade0jade0jade0jj',
    displayName: 'Jade',
    locale: 'en',
    roles: ['shopper'],
    brandId: null,
    simulated: false,
  };
  only!.people.set('jade', jade);
  const viewer = await only!.viewer('jade');
  const nobody = await only!.viewer();
  expect(await viewer.join('live:chat', 'nowhere')).toEqual({ ok: false, why: 'unknown-id' });
  expect(await viewer.join('deals:stock', 'nowhere')).toEqual({ ok: false, why: 'unknown-id' });
  expect(await viewer.join('live:whispers', session)).toEqual({ ok: false, why: 'unknown-feed' });
  expect(await viewer.join('deals:mine', 's_another0another0anothe')).toEqual({ ok: false, why: 'not-yours' });
  expect(await nobody.join('deals:mine', jade.shopperId)).toMatchObject({ fault: 'unauthenticated' });
  expect(await viewer.join('control:wall', 'all')).toMatchObject({ fault: 'forbidden' });
  expect(await viewer.join('deals:mine', jade.shopperId)).toMatchObject({ ok: true });
  await expect(only!.viewer('foreign-token')).rejects.toThrow('invalid');
});

test('who has left is sent nothing more, and may join again', async () => {
  const { nodes, say } = await rigOf(1);
  const viewer = await nodes[0]!.viewer();
  const watcher = await nodes[0]!.viewer();
  await viewer.join('live:chat', session);
  await watcher.join('live:chat', session);
  await viewer.call('feeds:leave', { feed: 'live:chat', id: session });
  await say('line 1');
  await until(() => watcher.said.length === 1);
  expect(viewer.said).toEqual([]);
  expect(await viewer.join('live:chat', session)).toMatchObject({ reply: { snapshot: { entries: ['line 1'] } } });
  await say('line 2');
  await until(() => viewer.said.length === 1);
});

test('a page that joins its feeds all at once has joined each of them, and has left each of them when it goes', async () => {
  const { nodes, redisRig } = await rigOf(1);
  const k = redisRig.keys.partition(0);
  await redisRig.redis.hset(k.deal('kettle'), 'total', 5, 'free', 5);
  const watcher = await nodes[0]!.viewer();
  await watcher.join('live:chat', session);
  const viewer = await nodes[0]!.viewer();
  // The chat is open already and answers first; the deal is still to be read.
  await Promise.all([viewer.join('deals:stock', 'kettle'), viewer.join('live:chat', session)]);
  expect(nodes[0]!.feeds.viewersOf('live:chat')).toEqual(new Map([[session, 2]]));
  viewer.socket.close();
  watcher.socket.close();
  await until(() => nodes[0]!.feeds.viewersOf('live:chat').size === 0);
});

test('who fell behind is not counted as being there until joining again', async () => {
  const { nodes, say, redisRig, live } = await rigOf(1);
  const viewer = await nodes[0]!.viewer();
  await viewer.join('live:chat', session);
  await say('line 1');
  await until(() => viewer.said.length === 1);
  const behind = new Promise((resolve) => viewer.socket.on('feeds:behind', resolve));
  await redisRig.redis.hset(live.chatMeta, 'epoch', 'second');
  nodes[0]!.feeds.reconnected();
  await behind;
  expect(nodes[0]!.feeds.viewersOf('live:chat').size).toBe(0);
});

test('a line that rings while the log is being read is read after it', async () => {
  const { nodes, say } = await rigOf(1);
  const [only] = nodes;
  const viewer = await only!.viewer();
  await viewer.join('live:chat', session);
  // No look at a silent log may make up for it.
  only!.feeds.stop();
  const held = holdReads(only!.redis);
  only!.feeds.reconnected();
  await until(() => held.reads === 1);
  const rang = new Promise((resolve) => only!.subscriber.once('smessage', resolve));
  await say('line 1');
  await rang;
  held.letThrough();
  await until(() => viewer.said.length === 1);
  expect(viewer.said).toEqual(['line 1']);
});

test('who joins while a new epoch is being read is told a position of the one that is shown', async () => {
  const { nodes, say, redisRig, live } = await rigOf(1);
  const [only] = nodes;
  const viewer = await only!.viewer();
  await viewer.join('live:chat', session);
  for (const line of words(1, 3)) await say(line);
  await until(() => viewer.said.length === 3);
  const shown = await redisRig.redis.hget(live.chatMeta, 'epoch');
  const held = holdReads(only!.redis);
  await redisRig.redis.hset(live.chatMeta, 'epoch', 'second');
  // A bell of the new epoch: the log is read from its beginning.
  await redisRig.redis.spublish(live.bell('live:chat', session), 'second 1 "another"');
  await until(() => held.reads === 1);
  const late = await only!.viewer();
  const behind = new Promise((resolve) => late.socket.on('feeds:behind', resolve));
  expect(await late.join('live:chat', session)).toMatchObject({ reply: { position: `${shown}.3` } });
  held.letThrough();
  await behind;
});

test('a room that could not be opened leaves nothing behind for the next who asks', async () => {
  const { nodes, say } = await rigOf(1);
  const [only] = nodes;
  const viewer = await only!.viewer();
  const { xrevrange } = only!.redis;
  only!.redis.xrevrange = () => Promise.reject(new Error('Connection is closed.'));
  expect(await viewer.join('live:chat', session)).toMatchObject({ ok: false });
  only!.redis.xrevrange = xrevrange;
  const { reply } = await viewer.join('live:chat', session);
  await say('line 1');
  await until(() => viewer.said.length === 1);
  expect(viewer.at.position).toBe(reply.position.replace(/0$/, '1'));
});

// Sooner than every state is looked at without any bell.
test('what rang while only the doorbells were away is read when they are back', { timeout: 10_000 }, async () => {
  const { nodes, redisRig } = await rigOf(1);
  const k = redisRig.keys.partition(0);
  await redisRig.redis.hset(k.deal('kettle'), 'total', 5, 'free', 5);
  const viewer = await nodes[0]!.viewer();
  const events: unknown[] = [];
  viewer.socket.on('deals:stock', (event) => events.push(event));
  await viewer.join('deals:stock', 'kettle');
  // Opening a room makes one more look due; it is over when a change has been shown.
  await redisRig.redis.hincrby(k.deal('kettle'), 'free', -1);
  await redisRig.redis.spublish(k.bell('deals:stock', 'kettle'), '');
  await until(() => events.length === 1);
  await redisRig.redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
  await redisRig.redis.hincrby(k.deal('kettle'), 'free', -2);
  await redisRig.redis.spublish(k.bell('deals:stock', 'kettle'), '');
  await until(() => events.length === 2);
  expect(events[1]).toMatchObject({ state: { free: 2 } });
});

test('a log that is only looked at goes like one in which something was said', async () => {
  const { nodes, redisRig, live } = await rigOf(1);
  const viewer = await nodes[0]!.viewer();
  await viewer.join('live:chat', session);
  expect(await redisRig.redis.pttl(live.chatMeta)).toBeGreaterThan(0);
});
