import type { Session } from '@elevens/shared/src/identity/contract.ts';
import { identity as contract } from '@elevens/shared/src/identity/contract.ts';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Answer, createGateway } from '../../platform/gateway.ts';
import { createPasswords } from '../../platform/identity/passwords.ts';
import { createTokens } from '../../platform/identity/tokens.ts';
import { createLogger } from '../../platform/logger.ts';
import { createMetrics } from '../../platform/metrics.ts';
import { createRandom } from '../../platform/random.ts';
import { createKeyspace } from '../../platform/redis/keyspace.ts';
import { startTestRedis, type TestRedis } from '../../platform/redis/test-redis.ts';
import { createIdentity, createStaffOffice, type Identity } from './index.ts';

const startMs = 1_794_355_200_000;
const logger = createLogger('silent');
const random = createRandom();
/** The rules are the same at a cost that lets a test try many passwords. */
const passwords = createPasswords({ random, cost: { ln: 10, r: 8, p: 1 } });
const keys = createKeyspace({ festival: 'demo', partitions: 1 });

let server: TestRedis;
let redis: Redis;
let clock: { atMs: number; nowMs(): number; monotonicMs(): number; errorMs(): number };
const running: { identity: Identity; subscriber: Redis }[] = [];

beforeAll(async () => {
  server = await startTestRedis();
  redis = new Redis(server.options);
});
afterAll(async () => {
  redis.disconnect();
  await server.close();
});
beforeEach(() => {
  clock = { atMs: startMs, nowMs: () => clock.atMs, monotonicMs: () => performance.now(), errorMs: () => 0 };
});
afterEach(async () => {
  for (const { identity, subscriber } of running.splice(0)) {
    await identity.stop();
    subscriber.disconnect();
  }
  await redis.flushall();
});

/** One node of the festival: its own copy of who was signed out, its own door. */
async function node({ demo = true }: { demo?: boolean } = {}) {
  const subscriber = new Redis(server.options);
  const tokens = await createTokens({ secrets: ['s'.repeat(20) + 'ecret-for-tests'], festival: 'demo', clock });
  const identity = createIdentity({ redis, subscriber, keys, clock, random, logger, tokens, passwords, demo });
  await identity.start();
  running.push({ identity, subscriber });
  const gateway = createGateway({ clock, random, logger, metrics: createMetrics(), checkReplies: true });
  gateway.serve(contract, identity.handlers);
  async function call(command: string, input: unknown, token?: string): Promise<Answer> {
    const who = token === undefined ? null : await identity.authenticate(token);
    if (who !== null && !who.ok) throw new Error(`the token is ${who.reason}`);
    const person = who?.person ?? null;
    return gateway.call({ name: `identity:${command}`, input, person, address: '127.0.0.1', socket: null });
  }
  async function session(command: string, input: unknown, token?: string): Promise<Session> {
    const answer = await call(command, input, token);
    if (!answer.ok) throw new Error(`${command} answered ${JSON.stringify(answer)}`);
    return answer.reply as Session;
  }
  return { identity, call, session };
}
type Node = Awaited<ReturnType<typeof node>>;

const office = () => createStaffOffice({ redis, keys, clock, passwords });
const mei = { name: 'mei', displayName: 'Mei', locale: 'zh', roles: ['shopper', 'operator'], brandId: null } as const;

async function operatorToken(at: Node): Promise<string> {
  await office().save(mei, 'moon over the market');
  return (await at.session('sign-in', { name: 'mei', password: 'moon over the market' })).token;
}

/** Waits for the call-back that a person was signed out; the test's own time-out is its bound. */
function signedOut(identity: Identity, personId: string): Promise<void> {
  return new Promise((settle) => {
    identity.onRevoked((revoked) => {
      if (revoked === personId) settle();
    });
  });
}

describe('a guest', () => {
  it('is somebody after one call, with a name of our choosing or of theirs', async () => {
    const { session, identity } = await node();
    const unnamed = await session('guest', {});
    expect(unnamed.displayName).toMatch(/^[A-Z][a-z]+ [A-Z][a-z]+ \d\d$/);
    expect(unnamed.shopperId).toMatch(/^s_[\w-]{22}$/);
    const named = await session('guest', { displayName: '小灯笼 <b>', locale: 'zh' });
    expect(named).toMatchObject({ displayName: '小灯笼 <b>', locale: 'zh', roles: ['shopper'], brandId: null });
    expect(named.shopperId).not.toBe(unnamed.shopperId);
    expect(await identity.authenticate(named.token)).toEqual({
      ok: true,
      expiresAtMs: named.expiresAtMs,
      person: {
        shopperId: named.shopperId,
        displayName: '小灯笼 <b>',
        locale: 'zh',
        roles: ['shopper'],
        brandId: null,
        simulated: false,
      },
    });
  });

  it.each(['', ' x', 'x ', 'a\nb', 'x'.repeat(25), 7, null, '\u202Eevil'])(
    'may not be called %j',
    async (displayName) => {
      const { call } = await node();
      expect(await call('guest', { displayName })).toMatchObject({
        fault: 'bad-input',
        problems: [{ path: 'displayName' }],
      });
    },
  );

  it('trades a token for a fresh one and stays the same person', async () => {
    const { session, identity } = await node();
    const first = await session('guest', {});
    clock.atMs += 11 * 3_600_000;
    const second = await session('renew', {}, first.token);
    expect(second).toMatchObject({ shopperId: first.shopperId, displayName: first.displayName });
    clock.atMs += 2 * 3_600_000;
    expect(await identity.authenticate(first.token)).toEqual({ ok: false, reason: 'expired' });
    expect(await identity.authenticate(second.token)).toMatchObject({ ok: true });
  });

  it('of the crowd is marked in its token and stays marked when renewed', async () => {
    const { session, identity } = await node();
    const { token } = await identity.crowdSession({ displayName: 'Crowd', locale: 'nl' });
    const again = await session('renew', {}, token);
    expect(await identity.authenticate(again.token)).toMatchObject({ ok: true, person: { simulated: true } });
  });
});

describe('a profile', () => {
  const change = { requestId: 'profile-0001', displayName: 'Night Owl', locale: 'nl' };

  it('is in the answered token and in every token renewed from an older one', async () => {
    const { session } = await node();
    const { token } = await session('guest', { displayName: 'Early Bird' });
    const changed = await session('profile', change, token);
    expect(changed).toMatchObject({ displayName: 'Night Owl', locale: 'nl' });
    expect(await session('renew', {}, token)).toMatchObject({ displayName: 'Night Owl', locale: 'nl' });
  });

  it('answers a repeat word for word, even later and on another node, and keeps no token in Redis', async () => {
    const [here, there] = [await node(), await node()];
    const { token } = await here.session('guest', {});
    const first = await here.call('profile', change, token);
    clock.atMs += 5_000;
    expect(await there.call('profile', change, token)).toEqual(first);
    for (const key of await redis.keys('*answers:*'))
      expect(JSON.stringify(await redis.hgetall(key))).not.toContain('eyJ');
  });

  it('refuses the same request for another name', async () => {
    const { session, call } = await node();
    const { token } = await session('guest', {});
    await session('profile', change, token);
    expect(await call('profile', { ...change, displayName: 'Somebody' }, token)).toEqual({
      ok: false,
      why: 'request-id-reused',
    });
    expect(await session('renew', {}, token)).toMatchObject({ displayName: 'Night Owl' });
  });
});

describe('signing in', () => {
  it('gives staff the roles and the brand of their record', async () => {
    const { session } = await node();
    await office().save(
      { name: 'lotus-desk', displayName: 'Lotus', locale: 'vi', roles: ['shopper', 'brand'], brandId: 'lotus' },
      'a password of some length',
    );
    expect(await session('sign-in', { name: ' Lotus-Desk ', password: 'a password of some length' })).toMatchObject({
      shopperId: 'u_lotus-desk',
      roles: ['shopper', 'brand'],
      brandId: 'lotus',
      locale: 'vi',
    });
  });

  it('answers the same for a wrong password, an unknown name and a name that cannot be', async () => {
    const { call } = await node();
    await office().save(mei, 'right');
    for (const [name, password] of [
      ['mei', 'wrong'],
      ['nobody', 'wrong'],
      ['../mei', 'right'],
      ['mei\u0000', 'right'],
    ])
      expect(await call('sign-in', { name, password })).toEqual({ ok: false, why: 'wrong-credentials' });
  });

  it.each(['mei', 'nobody'])('locks %s for a quarter of an hour after five wrong passwords', async (name) => {
    const { call } = await node();
    await office().save(mei, 'right');
    for (let i = 0; i < 5; i++)
      expect(await call('sign-in', { name, password: 'wrong' })).toEqual({ ok: false, why: 'wrong-credentials' });
    const locked = { ok: false, why: 'locked', untilMs: startMs + 15 * 60_000 };
    expect(await call('sign-in', { name, password: 'right' })).toEqual(locked);
    clock.atMs = locked.untilMs;
    expect(await call('sign-in', { name, password: 'right' })).toMatchObject(
      name === 'mei' ? { ok: true } : { why: 'wrong-credentials' },
    );
  });

  it('forgets earlier mistakes once the password was right', async () => {
    const { call } = await node();
    await office().save(mei, 'right');
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 4; i++) await call('sign-in', { name: 'mei', password: 'wrong' });
      expect(await call('sign-in', { name: 'mei', password: 'right' })).toMatchObject({ ok: true });
    }
  });

  it('never looks at more than five passwords, however many come at the same instant', async () => {
    const { call } = await node();
    await office().save(mei, 'right');
    const answers = await Promise.all(
      Array.from({ length: 30 }, () => call('sign-in', { name: 'mei', password: 'wrong' })),
    );
    const words = answers.map((answer) => ('why' in answer ? answer.why : 'else'));
    expect(words.filter((word) => word === 'wrong-credentials')).toHaveLength(5);
    expect(words.filter((word) => word === 'locked')).toHaveLength(25);
  });

  it('does not count an attempt against a name when the node was too busy to look at it', async () => {
    const { call } = await node();
    await office().save(mei, 'right');
    // Names that cannot be are not counted anywhere, so they only fill the queue.
    const flood = Promise.all(Array.from({ length: 34 }, () => call('sign-in', { name: '?', password: 'x' })));
    const busy = await Promise.all(
      Array.from({ length: 20 }, () => call('sign-in', { name: 'mei', password: 'right' })),
    );
    await flood;
    expect(busy.some((answer) => 'fault' in answer && answer.fault === 'overloaded')).toBe(true);
    expect(await call('sign-in', { name: 'mei', password: 'right' })).toMatchObject({ ok: true });
  });

  it('of a removed account is over at once', async () => {
    const at = await node();
    const token = await operatorToken(at);
    const out = signedOut(at.identity, 'u_mei');
    clock.atMs += 1_000;
    expect(await office().remove('mei')).toBe(true);
    await out;
    expect(await at.identity.authenticate(token)).toEqual({ ok: false, reason: 'revoked' });
    expect(await at.call('sign-in', { name: 'mei', password: 'moon over the market' })).toMatchObject({
      why: 'wrong-credentials',
    });
    expect(await office().remove('mei')).toBe(false);
  });

  it('cannot take a name of the demo', async () => {
    await expect(office().save({ ...mei, name: 'demo-operator' }, 'x')).rejects.toThrow("the demo's own");
  });
});

describe('a link of the demo', () => {
  const brands = [
    { id: 'lotus', name: 'Lotus' },
    { id: 'an-extremely-long-brand-id-that-is-still-allowed', name: 'A Brand Whose Name Goes On And On' },
  ];

  it('signs in the operator and each brand, as often as it is opened', async () => {
    const { identity, session } = await node();
    const links = await identity.createDemoLinks(brands);
    expect(links.map(({ role, brandId }) => [role, brandId])).toEqual([
      ['operator', null],
      ['brand', 'lotus'],
      ['brand', 'an-extremely-long-brand-id-that-is-still-allowed'],
    ]);
    for (const { code, role, brandId } of [...links, ...links])
      expect(await session('use-link', { link: code })).toMatchObject({ roles: ['shopper', role], brandId });
  });

  it('is of no use to another server, and there are none outside the demo', async () => {
    const [first, second] = [await node(), await node()];
    const [link] = await first.identity.createDemoLinks([]);
    await second.identity.createDemoLinks([]);
    expect(await second.call('use-link', { link: link?.code })).toEqual({ ok: false, why: 'unknown-link' });
    const real = await node({ demo: false });
    expect(await real.identity.createDemoLinks(brands)).toEqual([]);
  });

  it('leaves earlier sessions valid when the server starts again, but no session of the demo outlives the demo', async () => {
    const before = await node();
    const [link] = await before.identity.createDemoLinks(brands);
    const { token } = await before.session('use-link', { link: link?.code });
    const after = await node();
    await after.identity.createDemoLinks(brands);
    expect(await after.session('renew', {}, token)).toMatchObject({ shopperId: 'u_demo-operator' });
    const real = await node({ demo: false });
    expect(await real.call('renew', {}, token)).toMatchObject({ fault: 'unauthenticated' });
    expect(await real.call('sign-in', { name: 'demo-operator', password: '' })).toMatchObject({ fault: 'bad-input' });
    expect(await real.call('sign-in', { name: 'demo-operator', password: 'x' })).toMatchObject({
      why: 'wrong-credentials',
    });
  });
});

describe('revoking', () => {
  const revoke = (personId: string, role = 'shopper') => ({ requestId: 'revoke-0001', personId, role, reason: 'spam' });

  it('ends every token of a person on every node, and says so to each', async () => {
    const [here, there] = [await node(), await node()];
    const operator = await operatorToken(here);
    const guest = await there.session('guest', {});
    const both = [signedOut(here.identity, guest.shopperId), signedOut(there.identity, guest.shopperId)];
    clock.atMs += 1_000;
    expect(await here.call('revoke', revoke(guest.shopperId), operator)).toEqual({
      ok: true,
      reply: { revokedAtMs: clock.atMs },
    });
    await Promise.all(both);
    for (const at of [here, there])
      expect(await at.identity.authenticate(guest.token)).toEqual({ ok: false, reason: 'revoked' });
    // Whoever starts later knows it too, and others are not touched.
    const later = await node();
    expect(await later.identity.authenticate(guest.token)).toEqual({ ok: false, reason: 'revoked' });
    expect(await later.identity.authenticate(operator)).toMatchObject({ ok: true });
  });

  it('is heard without the bell, by looking', async () => {
    const at = await node();
    const guest = await at.session('guest', {});
    const out = signedOut(at.identity, guest.shopperId);
    await redis.hset(keys.people.revoked, guest.shopperId, JSON.stringify({ atMs: clock.atMs }), '#', 1);
    await out;
    expect(await at.identity.authenticate(guest.token)).toEqual({ ok: false, reason: 'revoked' });
  });

  it('takes a role for good: whoever signs in again comes back without it', async () => {
    const at = await node();
    const operator = await operatorToken(at);
    const an = {
      name: 'an',
      displayName: 'An',
      locale: 'vi',
      roles: ['shopper', 'host', 'brand'],
      brandId: 'lotus',
    } as const;
    await office().save(an, 'right');
    const { token } = await at.session('sign-in', { name: 'an', password: 'right' });
    clock.atMs += 1_000;
    const out = signedOut(at.identity, 'u_an');
    await at.call('revoke', revoke('u_an', 'brand'), operator);
    await out;
    expect(await at.identity.authenticate(token)).toEqual({ ok: false, reason: 'revoked' });
    clock.atMs += 1_000;
    const back = await at.session('sign-in', { name: 'an', password: 'right' });
    expect(back.roles).toEqual(['shopper', 'host']);
    expect(await at.identity.authenticate(back.token)).toMatchObject({ ok: true });
  });

  it('cannot be slipped past on a node that has not heard of it yet', async () => {
    const at = await node();
    const guest = await at.session('guest', {});
    const who = await at.identity.authenticate(guest.token);
    if (!who.ok) throw new Error(who.reason);
    // Written as another node would, and asked before any bell or look: the person was let in a moment ago.
    clock.atMs += 1_000;
    await redis.hset(keys.people.revoked, guest.shopperId, JSON.stringify({ atMs: clock.atMs }));
    clock.atMs += 1_000;
    const caller = { person: who.person, arrivedAtMs: clock.atMs, traceId: 't', socket: null };
    await expect(
      at.identity.handlers.renew(caller, {}, { requestId: '', command: '', inputHash: '' }),
    ).rejects.toThrow();
    await expect(
      at.identity.handlers.profile(
        caller,
        { requestId: 'profile-0001', displayName: 'Other', locale: 'en' },
        { requestId: 'profile-0001', command: 'identity:profile', inputHash: 'h' },
      ),
    ).rejects.toThrow();
  });

  it('is for operators, never for oneself, and once for each request', async () => {
    const at = await node();
    const operator = await operatorToken(at);
    const guest = await at.session('guest', {});
    expect(await at.call('revoke', revoke(guest.shopperId), guest.token)).toMatchObject({ fault: 'forbidden' });
    expect(await at.call('revoke', revoke(guest.shopperId))).toMatchObject({ fault: 'unauthenticated' });
    expect(await at.call('revoke', revoke('u_mei'), operator)).toEqual({ ok: false, why: 'not-yourself' });
    const first = await at.call('revoke', revoke(guest.shopperId), operator);
    clock.atMs += 60_000;
    expect(await at.call('revoke', revoke(guest.shopperId), operator)).toEqual(first);
    expect(await at.call('revoke', revoke('s_AAAAAAAAAAAAAAAAAAAAAA'), operator)).toEqual({
      ok: false,
      why: 'request-id-reused',
    });
  });

  it('forgets those whose last token has run out by itself, and no others', async () => {
    const at = await node();
    const operator = await operatorToken(at);
    const old = Array.from({ length: 1_000 }, (_, i) => [
      `s_old${i}`,
      JSON.stringify({ atMs: startMs - 14 * 3_600_000 }),
    ]);
    await redis.hset(keys.people.revoked, Object.fromEntries(old));
    await redis.hset(keys.people.revoked, 's_fresh', JSON.stringify({ atMs: startMs - 11 * 3_600_000 }));
    const guest = await at.session('guest', {});
    await at.call('revoke', revoke(guest.shopperId), operator);
    expect((await redis.hkeys(keys.people.revoked)).toSorted()).toEqual(['#', guest.shopperId, 's_fresh'].toSorted());
  });
});
