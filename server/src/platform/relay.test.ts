import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createLogger } from './logger.ts';
import { createSeededRandom } from './random.ts';
import { createConfirmation } from './redis/confirmation.ts';
import { openConnections } from './redis/connections.ts';
import { createKeyspace } from './redis/keyspace.ts';
import { defineScript } from './redis/scripts.ts';
import { connectTestRedis } from './redis/test-connection.ts';
import { startReplicatedRedis } from './redis/test-replica.ts';
import { type Announced, createRelay, type Relay } from './relay.ts';

let rig: Awaited<ReturnType<typeof connectTestRedis>>;
const dir = mkdtempSync(join(tmpdir(), 'elevens-relay-'));
const include = (name: string) => fileURLToPath(new URL(`./redis/${name}.lua`, import.meta.url));
function script(name: string, text: string) {
  writeFileSync(join(dir, name), text);
  return defineScript(pathToFileURL(join(dir, name)));
}
const announce = script(
  'announce.lua',
  `-- @include ${include('outbox')}\nannounce(KEYS[1], KEYS[2], ARGV[1], ARGV[2], ARGV[3]) return 1`,
);
// What a destination does: the next event is added to a list, one that came before is left, and a gap is said.
const apply = script(
  'apply.lua',
  `-- @include ${include('cursor')}\nlocal what = arrive(KEYS[1], ARGV[1], tonumber(ARGV[2]))\nif what == 'next' then redis.call('RPUSH', KEYS[2], ARGV[3]) end\nreturn what`,
);
const logger = createLogger('silent');

beforeAll(async () => {
  rig = await connectTestRedis();
});
afterAll(async () => {
  rmSync(dir, { recursive: true, force: true });
  await rig.close();
});

function destinationOf(relay: Relay, name: string, { diesAt }: { diesAt?: (entries: number) => number } = {}) {
  const k = rig.keys.partition(0);
  const list = `${k.tag}:applied:${name}`;
  const answers: unknown[] = [];
  relay.destination(name, async (source: string, entries: Announced[]) => {
    const dies = diesAt?.(entries.length) ?? -1;
    for (const [at, entry] of entries.entries()) {
      if (at === dies) throw new Error('the node died in the middle');
      answers.push(await apply.run(rig.redis, [k.cursors, list], [`${source}>${name}`, entry.number, entry.payload]));
    }
  });
  return { answers, applied: () => rig.redis.lrange(list, 0, -1) };
}
async function until(condition: () => Promise<boolean>) {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 5));
}

test('events announced under one tag arrive under another, each once and in order, and leave the outbox', async () => {
  const live = rig.keys.live('evening');
  const relay = createRelay({ redis: rig.redis, logger });
  const there = destinationOf(relay, 'energy@p0');
  relay.source(live.outbox);
  for (let i = 0; i < 300; i++)
    await announce.run(rig.redis, [live.outbox, live.outboxNumbers], ['energy@p0', 'live.said', `said ${i}`]);
  relay.poke(live.outbox);
  await until(async () => (await there.applied()).length === 300);
  await relay.stop();
  expect(await there.applied()).toEqual(Array.from({ length: 300 }, (_, i) => `said ${i}`));
  expect(await rig.redis.xlen(live.outbox)).toBe(0);
});

test('two nodes that carry the same events, and die in the middle of it, change nothing twice and lose nothing (seed 11)', async () => {
  const live = rig.keys.live('double');
  const dice = createSeededRandom('relay 11');
  const diesAt = (entries: number) => (dice.int(3) === 0 ? dice.int(entries) : -1);
  const nodes = [createRelay({ redis: rig.redis, logger }), createRelay({ redis: await rig.another(), logger })];
  const there = nodes.map((relay) => destinationOf(relay, 'energy@p0', { diesAt }));
  const list = `${rig.keys.partition(0).tag}:applied:energy@p0`;
  await rig.redis.del(list);
  for (const relay of nodes) relay.source(live.outbox);
  for (let i = 0; i < 200; i++) {
    await announce.run(rig.redis, [live.outbox, live.outboxNumbers], ['energy@p0', 'live.said', `said ${i}`]);
    for (const relay of nodes) relay.poke(live.outbox);
  }
  await until(async () => {
    for (const relay of nodes) relay.poke(live.outbox);
    return (await rig.redis.xlen(live.outbox)) === 0;
  });
  for (const relay of nodes) await relay.stop();
  expect(await rig.redis.lrange(list, 0, -1)).toEqual(Array.from({ length: 200 }, (_, i) => `said ${i}`));
  expect(there.flatMap((d) => d.answers)).not.toContain('gap');
});

test('an outbox whose destination is not there is kept until it is', async () => {
  const live = rig.keys.live('early');
  const relay = createRelay({ redis: rig.redis, logger });
  relay.source(live.outbox);
  await announce.run(rig.redis, [live.outbox, live.outboxNumbers], ['late@p0', 'live.said', 'early']);
  relay.poke(live.outbox);
  await relay.stop();
  expect(await rig.redis.xlen(live.outbox)).toBe(1);
  const there = destinationOf(relay, 'late@p0');
  relay.poke(live.outbox);
  await until(async () => (await there.applied()).length === 1);
  await relay.stop();
});

test('where replicas are promised, an event is carried once they have it and not before', async () => {
  const replicated = await startReplicatedRedis({ replicas: 1 });
  const connections = await openConnections(
    { url: replicated.url },
    { logger, onReady: async () => {}, onDown: () => {}, waits: true },
  );
  const keys = createKeyspace({ festival: 'kept', partitions: 1 });
  const live = keys.live('evening');
  const { waiter, hot } = connections;
  if (waiter === null) throw new Error('no waiter');
  const confirmation = createConfirmation({ waiter, replicas: 1, key: keys.desk.confirmed, logger });
  try {
    const relay = createRelay({ redis: hot, logger, confirmation });
    const carried: string[] = [];
    relay.destination('energy@p0', async (_source, entries) => void carried.push(...entries.map((e) => e.payload)));
    relay.source(live.outbox);
    await replicated.replicas[0]?.leave();
    await announce.run(hot, [live.outbox, live.outboxNumbers], ['energy@p0', 'live.said', 'one']);
    relay.poke(live.outbox);
    // Waits for what is under way, which here is a WAIT that falls short.
    await relay.stop();
    expect(carried).toEqual([]);
    expect(await hot.xlen(live.outbox)).toBe(1);
    await replicated.replicas[0]?.comeBack();
    relay.poke(live.outbox);
    await relay.stop();
    expect(carried).toEqual(['one']);
  } finally {
    await confirmation.stop();
    await connections.close();
    await replicated.close();
  }
});
