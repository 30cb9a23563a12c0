import { type Festival, readFestival } from '@elevens/shared/src/catalogue/festival.ts';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Caller, Person } from '../../platform/caller.ts';
import { createClock } from '../../platform/clock.ts';
import type { Feeds } from '../../platform/feeds.ts';
import type { AnswerKey } from '../../platform/gateway.ts';
import { createLogger } from '../../platform/logger.ts';
import { createRandom } from '../../platform/random.ts';
import { createKeyspace, type Keyspace } from '../../platform/redis/keyspace.ts';
import { openObjectStore } from '../../platform/redis/object-store.ts';
import { connectTestRedis } from '../../platform/redis/test-connection.ts';
import { createRelay } from '../../platform/relay.ts';
import { createCatalogue } from '../catalogue/index.ts';
import { createLive } from './index.ts';

const clock = createClock();
const random = createRandom();
const logger = createLogger('silent');
let rig: Awaited<ReturnType<typeof connectTestRedis>>;
let keys: Keyspace;
let live: ReturnType<typeof createLive>;
let logs: Map<string, Parameters<Feeds['log']>[1]>;
let states: Map<string, Parameters<Feeds['state']>[1]>;
let here: Map<string, number>;
const closing: (() => Promise<void> | void)[] = [];

function festivalNamed(id: string): Festival {
  const brand = (name: string) => ({
    id: name,
    name,
    tagline: '',
    logo: { form: 'disc', cut: 'ribs', tone: '#f4bc52', on: '#5a1512' },
  });
  const session = (sessionId: string, when: string) => ({
    id: sessionId,
    brandId: 'tuan',
    title: 'Folding',
    blurb: '',
    hostName: 'Linh',
    when,
    dealIds: [],
  });
  const read = readFestival({
    festival: { id, title: 'Test', places: [{ city: 'Shanghai', timeZone: 'Asia/Shanghai' }], currency: 'CNY' },
    brands: [brand('tuan'), brand('otter')],
    products: [],
    deals: [],
    drops: [],
    tasks: [],
    phases: [],
    moments: [],
    sessions: [
      session('evening', '+0s for 1h'),
      session('round', 'every 1h for 30m'),
      session('tomorrow', '+2h for 1h'),
      session('quick', 'every 2m for 90s'),
      session('brief', '2026-01-01T00:00:00Z for 1m'),
    ],
  });
  if (!read.ok) throw new Error(JSON.stringify(read.problems));
  return read.festival;
}

beforeAll(async () => {
  rig = await connectTestRedis();
});
afterAll(async () => {
  for (const close of closing.toReversed()) await close();
  await rig.close();
});
beforeEach(async () => {
  keys = createKeyspace({ festival: `live-${random.int(1e9)}`, partitions: 1 });
  logs = new Map();
  states = new Map();
  here = new Map();
  // The part of the registry that a capability hands its sources to; what follows them is tested in the platform.
  const feeds: Pick<Feeds, 'state' | 'log' | 'viewersOf'> = {
    state: (name, source) => void states.set(name, source),
    log: (name, source) => void logs.set(name, source),
    viewersOf: () => here,
  };
  const objects = await openObjectStore(rig.server.options, { logger });
  const { redis } = rig;
  const catalogue = createCatalogue({
    redis,
    subscriber: await rig.another(),
    objects,
    keys,
    clock,
    random,
    logger,
    feeds,
  });
  closing.push(
    () => objects.close(),
    () => catalogue.stop(),
  );
  await catalogue.load(festivalNamed(keys.festival));
  const startNode = (name: string, nodeClock: typeof clock, relay: ReturnType<typeof createRelay>) =>
    createLive({ redis, keys, clock: nodeClock, random, feeds: feeds as Feeds, relay, catalogue, nodeName: name });
  const relay = createRelay({ redis, logger });
  // Nobody is there to be credited in this file, so what is announced is taken off the outbox and looked at.
  const hear: Parameters<typeof relay.destination>[1] = async (_source, entries) =>
    void announced.push(...entries.map((e) => JSON.parse(e.payload)));
  relay.destination('energy@p0', hear);
  closing.push(() => relay.stop());
  announced = [];
  live = startNode('node-1', clock, relay);
  startLater = (afterMs) => {
    const later = createRelay({ redis, logger });
    later.destination('energy@p0', hear);
    later.start();
    closing.push(() => later.stop());
    return startNode('node-2', { ...clock, nowMs: () => clock.nowMs() + afterMs }, later);
  };
});
/** A node that comes so much later. */
let startLater: (afterMs: number) => ReturnType<typeof createLive>;
let announced: { shopperId: string; sessionId: string; simulated: boolean }[] = [];

const amber: Person = {
  shopperId: 's_0123456789abcdefghijkl',
  displayName: 'Amber Kite 42',
  locale: 'en',
  roles: ['shopper'],
  brandId: null,
  simulated: false,
};
const callerOf = (person: Person): Caller => ({ person, arrivedAtMs: clock.nowMs(), traceId: 't', socket: null });
const answerOf = (requestId: string, inputHash = 'h'): AnswerKey => ({ requestId, command: 'live:say', inputHash });
function say(sessionId: string, text: string, { person = amber, requestId = random.token(9) } = {}) {
  return live.handlers.say(callerOf(person), { requestId, sessionId, text }, answerOf(requestId, text));
}
async function said(sessionId: string) {
  const source = await logs.get('live:chat')?.keysOf(sessionId);
  const entries = await rig.redis.xrange(source?.stream ?? '', '-', '+');
  return entries.map(
    ([, flat]) => JSON.parse(flat[1] ?? 'null') as { text: string; name: string; role: string; author: string },
  );
}

describe('a line of chat', () => {
  test('stands in the room once, in order, however often its answer is asked for again', async () => {
    const requestId = 'the-same-one';
    const first = await say('evening', 'one', { requestId });
    expect(first).toMatchObject({ ok: true, reply: { position: expect.stringMatching(/\.1$/) } });
    expect(await say('evening', 'one', { requestId })).toEqual(first);
    await say('evening', 'two');
    expect((await said('evening')).map((m) => m.text)).toEqual(['one', 'two']);
    expect(await say('evening', 'another text', { requestId })).toEqual({ ok: false, why: 'request-id-reused' });
  });

  test('is refused where no session is, before it begins and after it ended, and nothing is remembered of it', async () => {
    expect(await say('nowhere', 'hello')).toEqual({ ok: false, why: 'unknown-session' });
    expect(await say('tomorrow', 'hello')).toMatchObject({
      ok: false,
      why: 'not-live',
      startsAtMs: expect.any(Number),
    });
    expect(await say('brief', 'hello')).toEqual({ ok: false, why: 'not-live', startsAtMs: null });
    expect(await rig.redis.keys(`*${keys.festival}:live:*`)).toEqual([]);
  });

  test('goes to the session it names and to no other spelling of it', async () => {
    expect(await say('round~0', 'hello')).toMatchObject({ ok: true });
    for (const stranger of ['round', 'round~00', 'round~9999999', 'evening~0'])
      expect(await say(stranger, 'hello')).toMatchObject({ ok: false });
    expect(await logs.get('live:chat')?.keysOf('round~00')).toBeNull();
  });

  test('bears the name and the part of who said it, and a word for the person that no other room knows', async () => {
    const staff = (roles: Person['roles'], brandId: string | null): Person => ({ ...amber, roles, brandId });
    await say('evening', 'a shopper');
    await say('evening', 'the host', { person: staff(['shopper', 'host'], 'tuan') });
    await say('evening', 'the brand', { person: staff(['shopper', 'brand'], 'tuan') });
    await say('evening', 'another brand', { person: staff(['shopper', 'brand'], 'otter') });
    await say('evening', 'an operator', { person: staff(['shopper', 'operator'], null) });
    await say('round~0', 'elsewhere');
    const lines = await said('evening');
    expect(lines.map((m) => m.role)).toEqual(['shopper', 'host', 'brand', 'shopper', 'operator']);
    expect(new Set(lines.map((m) => m.author)).size).toBe(1);
    expect((await said('round~0'))[0]?.author).not.toBe(lines[0]?.author);
    expect(JSON.stringify(lines)).not.toContain(amber.shopperId);
  });

  test('is announced once, counted once, and the demo crowd is counted apart', async () => {
    const requestId = 'announced-once';
    await say('evening', 'hello', { requestId });
    await say('evening', 'hello', { requestId });
    await say('evening', 'hello from the crowd', { person: { ...amber, simulated: true } });
    await live.look();
    expect(await live.saidTotals()).toEqual({ people: 1, crowd: 1 });
    while (announced.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(announced.map((a) => a.simulated)).toEqual([false, true]);
  });
});

test('what a session announced is carried by a node that comes hours after it ended', async () => {
  // As a node leaves it that dies between the decision and the carrying.
  const payload = JSON.stringify({ shopperId: amber.shopperId, sessionId: 'evening', simulated: false });
  await rig.redis.xadd(keys.live('evening').outbox, '*', 'to', 'energy@p0', 'n', 1, 'e', 'live.said', 'p', payload);
  await startLater(5 * 3_600_000).look();
  while (announced.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  expect(announced).toEqual([{ shopperId: amber.shopperId, sessionId: 'evening', simulated: false }]);
});

test('nothing of a session stays in Redis for ever', async () => {
  await say('evening', 'hello');
  here.set('evening', 1);
  await live.look();
  while (announced.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  const { tag } = keys.live('evening');
  const left = await rig.redis.keys(`${tag}*`);
  expect(left.length).toBeGreaterThan(4);
  for (const key of left)
    expect([key, await rig.redis.pttl(key)]).toEqual([key, expect.toSatisfy((ms: number) => ms > 0)]);
});

test('a room can be looked at for a day after its session, and is unknown then', async () => {
  const roomsAfter = async (afterMs: number) => {
    startLater(afterMs);
    return [
      (await logs.get('live:chat')?.keysOf('evening')) !== null,
      (await states.get('live:room')?.read(['evening']))?.[0] !== null,
    ];
  };
  expect(await roomsAfter(20 * 3_600_000)).toEqual([true, true]);
  expect(await roomsAfter(26 * 3_600_000)).toEqual([false, false]);
});

test('a room says how many people are in it on all nodes, and forgets a node that is not heard of', async () => {
  const room = async () => (await states.get('live:room')?.read(['evening', 'nowhere'])) ?? [];
  here.set('evening', 3);
  await live.look();
  await rig.redis.hset(
    keys.live('evening').people,
    'node-2',
    `4 ${clock.nowMs()}`,
    'node-3',
    `50 ${clock.nowMs() - 60_000}`,
  );
  expect(await room()).toEqual([{ people: 7, said: 0 }, null]);
  here.delete('evening');
  await live.look();
  expect((await room())[0]).toEqual({ people: 4, said: 0 });
});

test('the list tells of what is on and what comes, and not of what is long over', async () => {
  const answer = await live.handlers.list(callerOf(amber), {}, answerOf('x'));
  if (!answer.ok) throw new Error('the list was refused');
  expect(answer.reply.sessions.map((s) => s.sessionId)).toEqual([
    'evening',
    'quick~0',
    'round~0',
    'quick~1',
    'round~1',
    'tomorrow',
  ]);
  // One that comes round often: what is on is shown, and not what was on twice within the last ten minutes.
  const later = await startLater(21 * 60_000).handlers.list(callerOf(amber), {}, answerOf('x'));
  if (!later.ok) throw new Error('the list was refused');
  expect(later.reply.sessions.map((s) => s.sessionId).filter((id) => id.startsWith('quick'))).toEqual([
    'quick~10',
    'quick~11',
  ]);
});
