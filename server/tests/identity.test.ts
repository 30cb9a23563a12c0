import { createHmac } from 'node:crypto';
import type { Session } from '@elevens/shared/src/identity/contract.ts';
import type { Socket } from 'socket.io-client';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Person } from '../src/platform/caller.ts';
import { createTokens } from '../src/platform/identity/tokens.ts';
import {
  ask,
  call,
  connect,
  festivalOf,
  guest,
  packetClient,
  post,
  rawWebSocket,
  requestId,
  startServer,
  type TestServer,
  until,
} from './test-server.ts';

const secret = 'a lantern on every third pole since 1911';
const festival = festivalOf({ deals: [{ id: 'kettle', total: 10 }], sessions: [{ id: 'stage' }] });

let server: TestServer;
let operator: Session;
beforeAll(async () => {
  server = await startServer({ festival, env: { TOKEN_SECRET: secret } });
  operator = await server.operator();
});

function told(socket: Socket, event: string): Promise<unknown> {
  return new Promise((resolve) => socket.once(event, resolve));
}

describe('revoking', () => {
  test('closes that person’s connections within two seconds and no other, and the token is good for nothing', async () => {
    const [person, other] = await Promise.all([guest(server.url), guest(server.url)]);
    const theirs = await Promise.all([connect(server.url, person.token), connect(server.url, person.token)]);
    const bystander = await connect(server.url, other.token);
    const byes = theirs.map((socket) => told(socket, 'system:bye'));
    const ends = theirs.map((socket) => told(socket, 'disconnect'));

    const input = {
      requestId: requestId(),
      personId: person.shopperId,
      role: 'shopper',
      reason: 'sold the same seat twice',
    };
    const beganMs = performance.now();
    const { answer } = await post(server.url, 'identity:revoke', input, { token: operator.token });
    expect(answer.ok).toBe(true);
    for (const bye of await Promise.all(byes)) expect(bye).toMatchObject({ code: 'revoked', retryAfterMs: null });
    await Promise.all(ends);
    expect(performance.now() - beganMs).toBeLessThan(2_000);

    expect((await post(server.url, 'live:list', {}, { token: person.token })).status).toBe(401);
    await expect(connect(server.url, person.token)).rejects.toMatchObject({ data: { code: 'revoked' } });
    expect((await post(server.url, 'identity:renew', {}, { token: person.token })).status).toBe(401);
    expect(bystander.connected).toBe(true);
    await ask(bystander, 'clock:now', {});
    // The same revocation sent again gets the same answer.
    expect((await post(server.url, 'identity:revoke', input, { token: operator.token })).answer).toEqual(answer);
  });

  test('is the operator’s alone, and not of oneself', async () => {
    const person = await guest(server.url);
    const input = (personId: string) => ({ requestId: requestId(), personId, role: 'shopper', reason: 'to see' });
    const byGuest = await post(server.url, 'identity:revoke', input(operator.shopperId), { token: person.token });
    expect(byGuest).toMatchObject({ status: 403, answer: { fault: 'forbidden' } });
    const byNobody = await post(server.url, 'identity:revoke', input(person.shopperId));
    expect(byNobody).toMatchObject({ status: 401, answer: { fault: 'unauthenticated' } });
    const ofSelf = await post(server.url, 'identity:revoke', input(operator.shopperId), { token: operator.token });
    expect(ofSelf).toMatchObject({ status: 409, answer: { why: 'not-yourself' } });
  });
});

describe('a token that is not good', () => {
  const clockAt = (nowMs: number) =>
    ({ nowMs: () => nowMs, monotonicMs: () => nowMs }) as Parameters<typeof createTokens>[0]['clock'];
  const person: Person = {
    shopperId: 's_AAAAAAAAAAAAAAAAAAAAAA',
    displayName: 'Nobody',
    locale: 'en',
    roles: ['shopper', 'operator'],
    brandId: null,
    simulated: false,
  };
  const encoded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const payloadOf = (token: string) =>
    JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as object;
  const headerOf = (token: string) =>
    JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()) as object;

  /** Signs anything under the server's own secret: what even a stolen key must not make possible by a wrong form. */
  function signed(header: object, payload: object, key = secret): string {
    const text = `${encoded(header)}.${encoded(payload)}`;
    return `${text}.${createHmac('sha256', key).update(text).digest('base64url')}`;
  }

  async function badTokens(): Promise<{ title: string; token: string; code: string }[]> {
    const good = (await guest(server.url)).token;
    const [head, payload, signature] = good.split('.') as [string, string, string];
    const own = await createTokens({ secrets: [secret], festival: 'rehearsal', clock: clockAt(Date.now()) });
    const theirs = await createTokens({
      secrets: ['another secret of quite another market'],
      festival: 'rehearsal',
      clock: clockAt(Date.now()),
    });
    const elsewhere = await createTokens({ secrets: [secret], festival: 'another-night', clock: clockAt(Date.now()) });
    const dayMs = 86_400_000;
    return [
      { title: 'expired', token: (await own.sign(person, Date.now() - dayMs)).token, code: 'expired' },
      { title: 'signed by another', token: (await theirs.sign(person)).token, code: 'unauthenticated' },
      { title: 'of another festival', token: (await elsewhere.sign(person)).token, code: 'unauthenticated' },
      {
        title: 'alg none',
        token: `${encoded({ ...headerOf(good), alg: 'none' })}.${payload}.`,
        code: 'unauthenticated',
      },
      {
        title: 'alg none with the old signature',
        token: `${encoded({ ...headerOf(good), alg: 'none' })}.${payload}.${signature}`,
        code: 'unauthenticated',
      },
      {
        title: 'alg NONE',
        token: `${encoded({ ...headerOf(good), alg: 'NONE' })}.${payload}.`,
        code: 'unauthenticated',
      },
      {
        title: 'another algorithm',
        token: signed({ ...headerOf(good), alg: 'HS512' }, payloadOf(good)),
        code: 'unauthenticated',
      },
      {
        title: 'without a key id',
        token: signed({ alg: 'HS256', typ: 'JWT' }, payloadOf(good)),
        code: 'unauthenticated',
      },
      {
        title: 'with a role more',
        token: `${head}.${encoded({ ...payloadOf(good), roles: ['shopper', 'operator'] })}.${signature}`,
        code: 'unauthenticated',
      },
      {
        title: 'for another audience',
        token: signed(headerOf(good), { ...payloadOf(good), aud: 'bank' }),
        code: 'unauthenticated',
      },
      {
        title: 'without an end',
        token: signed(headerOf(good), { ...payloadOf(good), exp: undefined }),
        code: 'unauthenticated',
      },
      {
        title: 'with a role nobody knows',
        token: signed(headerOf(good), { ...payloadOf(good), roles: ['king'] }),
        code: 'unauthenticated',
      },
      { title: 'cut short', token: good.slice(0, -5), code: 'unauthenticated' },
      { title: 'no token', token: 'lantern', code: 'unauthenticated' },
      { title: 'empty', token: '', code: 'unauthenticated' },
      { title: 'endless', token: `${good}${'A'.repeat(5_000)}`, code: 'unauthenticated' },
    ];
  }

  test('is refused at the handshake with a code, and at HTTP with 401', async () => {
    for (const { title, token, code } of await badTokens()) {
      // oxlint-disable-next-line no-await-in-loop -- a dozen, each looked at by itself
      await expect(connect(server.url, token), title).rejects.toMatchObject({ data: { code } });
      // oxlint-disable-next-line no-await-in-loop
      const posted = await post(server.url, 'live:list', {}, { token });
      expect(posted, title).toMatchObject({ status: 401, answer: { ok: false, fault: 'unauthenticated' } });
      expect(posted.headers.get('www-authenticate'), title).toBe('Bearer');
    }
    // The means of this test are sound: signed in the right form, by the right key, it is let in.
    const good = (await guest(server.url)).token;
    expect((await post(server.url, 'live:list', {}, { token: signed(headerOf(good), payloadOf(good)) })).status).toBe(
      200,
    );
  });

  test.each(['Basic dXNlcjpwdw==', 'Bearer', 'Bearer  ', 'bearer a b', 'Token x'])(
    'the authorization "%s" is answered 401, not taken for nobody',
    async (authorization) => {
      const posted = await post(server.url, 'live:list', {}, { headers: { authorization } });
      expect(posted).toMatchObject({ status: 401, answer: { fault: 'unauthenticated' } });
    },
  );

  test('a guest is no operator: what only operators may do or see is refused', async () => {
    const person = await guest(server.url);
    const socket = await connect(server.url, person.token);
    expect(await call(socket, 'feeds:join', { feed: 'control:wall', id: 'all' })).toMatchObject({ fault: 'forbidden' });
    expect(await call(socket, 'control:history', {})).toMatchObject({ fault: 'forbidden' });
    const pause = { requestId: requestId(), dealId: 'kettle', paused: true, reason: 'to see' };
    expect(await call(socket, 'deals:pause', pause)).toMatchObject({ fault: 'forbidden' });
    const other = await guest(server.url);
    for (const feed of ['deals:mine', 'redpackets:mine', 'energy:mine']) {
      // oxlint-disable-next-line no-await-in-loop -- three
      expect(await call(socket, 'feeds:join', { feed, id: other.shopperId })).toEqual({ ok: false, why: 'not-yours' });
    }
    const nobody = await connect(server.url);
    expect(await call(nobody, 'feeds:join', { feed: 'deals:mine', id: other.shopperId })).toMatchObject({
      fault: 'unauthenticated',
    });
    const claim = { requestId: requestId(), lines: [{ dealId: 'kettle', quantity: 1 }] };
    expect(await call(nobody, 'deals:claim', claim)).toMatchObject({ fault: 'unauthenticated' });
  });
});

describe('origins', () => {
  const foreign = ['https://evil.example', 'http://127.0.0.1:1', 'null', 'https://127.0.0.1.evil.example', 'file://'];

  test.each(foreign)(
    'a page from %s is refused at the handshake, over both transports, and at POST',
    async (origin) => {
      const raw = await rawWebSocket(server.url, { headers: { Origin: origin } });
      // The library has one status for every refused upgrade.
      expect(raw.status).toMatch(/^HTTP\/1\.1 40[03] /);
      await raw.closed;
      const polling = await fetch(`${server.url}/socket.io/?EIO=4&transport=polling`, { headers: { origin } });
      expect(polling.status).toBe(403);
      await polling.arrayBuffer();
      const posted = await post(server.url, 'identity:guest', {}, { headers: { origin } });
      expect(posted).toMatchObject({ status: 403, answer: { ok: false, fault: 'forbidden' } });
      expect(posted.headers.get('access-control-allow-origin')).toBeNull();
    },
  );

  test('the server’s own page, and whoever is no page, is let in', async () => {
    const own = await rawWebSocket(server.url, { headers: { Origin: server.url } });
    expect(own.status).toContain('101');
    own.socket.destroy();
    expect((await post(server.url, 'identity:guest', {}, { headers: { origin: server.url } })).status).toBe(200);
    expect((await rawWebSocket(server.url)).status).toContain('101');
  });
});

describe('rate limits', () => {
  test('who asks too much is told when to come back, and is served then', async () => {
    const person = await guest(server.url);
    const answers = await Promise.all(
      Array.from({ length: 120 }, () => post(server.url, 'energy:tasks', {}, { token: person.token })),
    );
    const more = await Promise.all(
      Array.from({ length: 120 }, () => post(server.url, 'energy:tasks', {}, { token: person.token })),
    );
    const limited = [...answers, ...more].filter(({ status }) => status === 429);
    expect(limited.length).toBeGreaterThan(0);
    for (const { answer, headers } of limited) {
      expect(answer).toMatchObject({ ok: false, fault: 'rate-limited', retryAfterMs: expect.any(Number) as number });
      const { retryAfterMs } = answer as { retryAfterMs: number };
      expect(retryAfterMs).toBeGreaterThan(0);
      expect(Number(headers.get('retry-after'))).toBe(Math.max(1, Math.ceil(retryAfterMs / 1_000)));
    }
    // Somebody else behind the same address is not made to wait for it.
    const other = await guest(server.url);
    expect((await post(server.url, 'energy:tasks', {}, { token: other.token })).status).toBe(200);
    await until(
      'the budget has refilled',
      async () => (await post(server.url, 'energy:tasks', {}, { token: person.token })).status === 200,
      { everyMs: 100 },
    );
  });

  test('over a socket as well, and the socket stays', async () => {
    const person = await guest(server.url);
    const client = await packetClient(server.url, { token: person.token });
    for (let i = 0; i < 120; i++) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other, as a client in a hurry
      const answer = await client.call('deals:list', '{}');
      if (answer !== undefined && 'fault' in answer) {
        expect(answer).toMatchObject({ ok: false, fault: 'rate-limited', retryAfterMs: expect.any(Number) as number });
        const recovered = await until(
          'it is served again',
          async () => ((await client.call('clock:now', '{}'))?.ok ? true : null),
          { everyMs: 100 },
        );
        expect(recovered).toBe(true);
        expect(client.isClosed()).toBe(false);
        return;
      }
    }
    throw new Error('a hundred and twenty lists at once were never too many');
  });
});
