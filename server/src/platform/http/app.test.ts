import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request as httpRequest, type IncomingHttpHeaders, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliDecompressSync } from 'node:zlib';
import { change, defineContract, query } from '@elevens/shared/src/contract.ts';
import { SignJWT, UnsecuredJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { Person } from '../caller.ts';
import { Fault } from '../fault.ts';
import { createGateway } from '../gateway.ts';
import { createTokens, type Tokens } from '../identity/tokens.ts';
import { createLogger } from '../logger.ts';
import { createMetrics } from '../metrics.ts';
import { createRandom } from '../random.ts';
import { createHttpApp, type HttpNeeds, httpServerOptions, type Readiness } from './app.ts';
import type { OriginRule } from './origins.ts';

const secret = 'correct-horse-battery-staple-0123456789';
const startMs = 1_794_355_200_000;
const clock = { atMs: startMs, nowMs: () => clock.atMs, monotonicMs: () => performance.now(), errorMs: () => 0 };
const random = createRandom();
const logger = createLogger('silent');

/** A small capability that can do whatever a command may do: everything else in the way is the real thing. */
const stall = defineContract('stall', {
  commands: {
    look: query({
      summary: 'Looks.',
      input: { at: z.string().max(20).exactOptional() },
      reply: z.strictObject({ at: z.string(), by: z.string().nullable(), address: z.string() }),
      rejections: {},
      callers: 'anyone',
      cost: 1,
    }),
    'buy-now': change({
      summary: 'Buys.',
      input: {
        lines: z.array(z.strictObject({ dealId: z.string().max(40), quantity: z.int().min(1).max(99) })).max(8),
      },
      reply: z.strictObject({ bought: z.int() }),
      rejections: { 'sold-out': z.strictObject({ dealId: z.string() }) },
      callers: ['shopper'],
      cost: 1,
    }),
    keep: change({
      summary: 'Keeps any record.',
      input: { record: z.record(z.string().max(40), z.unknown()) },
      reply: z.strictObject({}),
      rejections: {},
      callers: ['shopper'],
      cost: 1,
    }),
    fail: query({
      summary: 'Fails in the way it is told.',
      input: { how: z.enum(['bug', 'unavailable', 'rate-limited', 'unknown']) },
      reply: z.strictObject({}),
      rejections: {},
      callers: 'anyone',
      cost: 1,
    }),
    close: query({
      summary: 'Closes the stall.',
      input: {},
      reply: z.strictObject({}),
      rejections: {},
      callers: ['operator'],
      cost: 1,
    }),
  },
  feeds: {},
  records: {},
});

const guest: Person = {
  shopperId: 's_0123456789abcdefghijkl',
  displayName: 'Amber Kite 42',
  locale: 'en',
  roles: ['shopper'],
  brandId: null,
  simulated: false,
};

let dir: string;
let tokens: Tokens;
let base: string;
let token: string;
let readiness: Readiness | Error = { ready: true, failing: [] };
let bought = 0;
const servers: Server[] = [];

async function serve(settings: { allowedOrigins?: OriginRule; trustProxy?: number; clientDir?: string } = {}) {
  const gateway = createGateway({ clock, random, logger, metrics: createMetrics(), checkReplies: true });
  gateway.serve(stall, {
    look: async ({ person }, input) => ({
      ok: true,
      reply: { at: input.at ?? 'everything', by: person?.shopperId ?? null, address: lastAddress },
    }),
    'buy-now': async (_caller, { lines }) => {
      const out = lines.find((line) => line.dealId === 'gone');
      if (out !== undefined) return { ok: false, why: 'sold-out', dealId: out.dealId } as const;
      bought++;
      return { ok: true, reply: { bought: lines.length } } as const;
    },
    keep: async () => ({ ok: true, reply: {} }),
    fail: async (_caller, { how }) => {
      if (how === 'bug') throw new Error('a secret detail of the inside');
      throw new Fault(how, { retryAfterMs: 2_100 });
    },
    close: async () => ({ ok: true, reply: {} }),
  });
  let lastAddress = '';
  const needs: HttpNeeds = {
    gateway: {
      call: (call) => {
        lastAddress = call.address;
        return gateway.call(call);
      },
    },
    authenticate: (text) => tokens.verify(text),
    contracts: [stall],
    documents: { 'about.schema.json': { title: 'about' } },
    config: { allowedOrigins: settings.allowedOrigins ?? { kind: 'same-host' }, trustProxy: settings.trustProxy ?? 0 },
    readiness: async () => {
      if (readiness instanceof Error) throw readiness;
      return readiness;
    },
    clientDir: settings.clientDir ?? dir,
    version: '0.0.0',
    logger,
    random,
    metrics: { fault() {} },
  };
  const server = createServer(httpServerOptions, createHttpApp(needs));
  servers.push(server);
  await new Promise<void>((settle) => server.listen(0, '127.0.0.1', settle));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'elevens-client-'));
  mkdirSync(join(dir, 'assets'));
  mkdirSync(join(dir, '.vite'));
  writeFileSync(join(dir, 'index.html'), '<!doctype html><title>Storefront</title>');
  writeFileSync(join(dir, 'control-room.html'), '<!doctype html><title>Control room</title>');
  writeFileSync(join(dir, 'assets', 'main-Ab3dE_9x.js'), 'console.log("lanterns");\n'.repeat(200));
  writeFileSync(join(dir, '.vite', 'manifest.json'), '{}');
  tokens = await createTokens({ secrets: [secret], festival: 'demo', clock });
  token = (await tokens.sign(guest)).token;
  base = await serve();
});
afterAll(() => {
  for (const server of servers) {
    server.close();
    server.closeAllConnections();
  }
  rmSync(dir, { recursive: true, force: true });
});

/** Posts a body as it is written, so that what JSON cannot say can be sent too. */
async function post(path: string, text: string, headers: Record<string, string> = {}, at = base) {
  const response = await fetch(`${at}/api/${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: text,
  });
  return {
    status: response.status,
    headers: response.headers,
    body: (await response.json()) as Record<string, unknown>,
  };
}
/** As node's own client sends it: fetch mends addresses, adds headers and unpacks what comes. */
function raw(path: string, options: { method?: string; headers?: Record<string, string> } = {}) {
  return new Promise<{ status: number; headers: IncomingHttpHeaders; bytes: Buffer; text: string }>(
    (settle, reject) => {
      httpRequest(base, { path, ...options }, (response) => {
        const parts: Buffer[] = [];
        response.on('data', (part: Buffer) => parts.push(part));
        response.on('end', () => {
          const bytes = Buffer.concat(parts);
          settle({ status: response.statusCode ?? 0, headers: response.headers, bytes, text: bytes.toString() });
        });
      })
        .on('error', reject)
        .end();
    },
  );
}
const bearer = (text: string) => ({ authorization: `Bearer ${text}` });
const buy = (lines: unknown, more: object = {}) => JSON.stringify({ requestId: 'request-0001', lines, ...more });

describe('a command over HTTP', () => {
  it('answers 200 with the bare reply', async () => {
    expect(await post('stall/look', '{}')).toMatchObject({ status: 200, body: { at: 'everything', by: null } });
    expect(await post('stall/buy-now', buy([{ dealId: 'tea', quantity: 2 }]), bearer(token))).toMatchObject({
      status: 200,
      body: { bought: 1 },
    });
  });

  it('answers 409 with the word of a rejection and its details', async () => {
    const answer = await post('stall/buy-now', buy([{ dealId: 'gone', quantity: 1 }]), bearer(token));
    expect(answer).toMatchObject({ status: 409, body: { ok: false, why: 'sold-out', dealId: 'gone' } });
  });

  it('answers 401 without a token where one is needed and 403 without the role', async () => {
    const nobody = await post('stall/buy-now', buy([]));
    expect(nobody).toMatchObject({ status: 401, body: { fault: 'unauthenticated' } });
    expect(nobody.headers.get('www-authenticate')).toBe('Bearer');
    expect(await post('stall/close', '{}', bearer(token))).toMatchObject({ status: 403, body: { fault: 'forbidden' } });
  });

  it('answers 404 for a command, a capability or a path that is not there, in JSON', async () => {
    for (const path of [
      'stall/nothing',
      'nothing/look',
      'stall',
      'stall/look/more',
      'constructor/constructor',
      '__proto__/look',
    ])
      expect(await post(path, '{}')).toMatchObject({ status: 404, body: { ok: false, fault: 'not-found' } });
  });

  it('serves a further document beside the description', async () => {
    const response = await fetch(`${base}/api/about.schema.json`);
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ title: 'about' });
  });

  it('answers 405 with Allow to every other method', async () => {
    for (const method of ['GET', 'PUT', 'DELETE', 'PATCH']) {
      const response = await fetch(`${base}/api/stall/look`, { method });
      expect(response.status).toBe(405);
      expect(response.headers.get('allow')).toBe('POST');
      expect(await response.json()).toMatchObject({ ok: false, problems: [{ path: '' }] });
    }
    expect((await fetch(`${base}/api/stall/nothing`)).status).toBe(404);
  });

  it('answers 503 and 429 with the whole seconds to wait, rounded up', async () => {
    for (const [how, status] of [
      ['unavailable', 503],
      ['unknown', 503],
      ['rate-limited', 429],
    ] as const) {
      const answer = await post('stall/fail', JSON.stringify({ how }));
      expect(answer).toMatchObject({ status, body: { fault: how, retryAfterMs: 2_100 } });
      expect(answer.headers.get('retry-after')).toBe('3');
    }
  });

  it('answers a bug with an opaque id and nothing of the inside', async () => {
    const { status, body } = await post('stall/fail', '{"how":"bug"}');
    expect(status).toBe(500);
    expect(body).toEqual({
      ok: false,
      fault: 'bug',
      retryAfterMs: null,
      errorId: expect.stringMatching(/^[\w-]{12}$/),
    });
  });

  it('is never kept by a cache, and says the same to every page', async () => {
    const { headers } = await post('stall/look', '{}');
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('set-cookie')).toBeNull();
  });
});

describe('bad input over HTTP', () => {
  const one = (quantity: string) => `{"requestId":"request-0001","lines":[{"dealId":"tea","quantity":${quantity}}]}`;

  it.each([
    ['a string for a number', one('"1"'), 'lines.0.quantity'],
    ['1e309', one('1e309'), 'lines.0.quantity'],
    ['2^53+1', one('9007199254740993'), 'lines.0.quantity'],
    ['a fraction', one('1.5'), 'lines.0.quantity'],
    ['nothing', one('null'), 'lines.0.quantity'],
    ['too many lines', buy(Array(1_000).fill(0)), 'lines'],
    ['an unknown field', buy([], { price: 1 }), ''],
    ['__proto__', '{"requestId":"request-0001","lines":[],"__proto__":{"roles":["operator"]}}', ''],
    ['constructor', '{"requestId":"request-0001","lines":[],"constructor":{"prototype":{}}}', ''],
    ['no requestId', '{"lines":[]}', 'requestId'],
    ['a list', '[]', ''],
    ['a string', '"lines"', ''],
    ['null', 'null', ''],
    ['7,000 lists in each other', '['.repeat(7_000) + ']'.repeat(7_000), ''],
    ['7,000 lists in a field', one('['.repeat(7_000) + ']'.repeat(7_000)), 'lines.0.quantity'],
  ])('%s is refused by its path', async (_what, text, path) => {
    const before = bought;
    const answer = await post('stall/buy-now', text, bearer(token));
    expect(answer).toMatchObject({ status: 400, body: { ok: false, fault: 'bad-input', retryAfterMs: null } });
    expect((answer.body['problems'] as { path: string }[])[0]?.path).toBe(path);
    expect(bought).toBe(before);
  });

  it.each([
    ['NaN', '{"at":NaN}'],
    ['half an object', '{"at":'],
    ['text', 'lanterns'],
    ['a lone surrogate in no string', '\uFFFD'],
    ['two values', '{}{}'],
  ])('%s is no JSON: 400 on the empty path', async (_what, text) => {
    expect(await post('stall/look', text)).toMatchObject({
      status: 400,
      body: { fault: 'bad-input', problems: [{ path: '', message: expect.stringContaining('JSON') }] },
    });
  });

  it('a body of more than 16 kB is 413, however it is filled, and its connection is not used again', async () => {
    for (const text of [JSON.stringify({ at: 'x'.repeat(100_000) }), '['.repeat(30_000) + ']'.repeat(30_000)]) {
      const answer = await post('stall/look', text);
      expect(answer).toMatchObject({ status: 413, body: { ok: false, fault: 'too-large' } });
      expect(answer.headers.get('connection')).toBe('close');
    }
  });

  it('deep nesting inside a record that may hold anything does no harm', async () => {
    const deep = '['.repeat(7_900) + ']'.repeat(7_900);
    const { status } = await post('stall/keep', `{"requestId":"request-0002","record":{"a":${deep}}}`, bearer(token));
    expect([200, 400]).toContain(status);
    expect(await post('stall/look', '{}')).toMatchObject({ status: 200 });
  });

  it('a body that is not JSON, not UTF-8 or compressed is 415', async () => {
    for (const headers of [
      { 'content-type': 'text/plain' },
      { 'content-type': 'application/x-www-form-urlencoded' },
      { 'content-type': 'application/json; charset=latin1' },
      { 'content-encoding': 'gzip' },
    ])
      expect(await post('stall/look', '{}', headers)).toMatchObject({ status: 415, body: { fault: 'bad-input' } });
  });

  it('no body at all stands for an empty object, and no other', async () => {
    const empty = { method: 'POST', headers: { 'content-type': 'application/json' } };
    expect((await fetch(`${base}/api/stall/look`, empty)).status).toBe(200);
    const refused = await fetch(`${base}/api/stall/fail`, empty);
    expect(await refused.json()).toMatchObject({ problems: [{ path: 'how' }] });
  });

  it('an address that cannot be decoded is 400, in JSON for the API and in words for people', async () => {
    expect(await raw('/api/%E0%A4%A/look', { method: 'POST' })).toMatchObject({
      status: 400,
      text: expect.stringContaining('bad-input'),
    });
  });

  it('a caller who leaves in the middle of a body does no harm', async () => {
    await new Promise<void>((settle, reject) => {
      const socket = connect(Number(new URL(base).port), '127.0.0.1', () => {
        const head =
          'POST /api/stall/look HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n';
        socket.write(`${head}{"at":`, () => socket.destroy());
      });
      socket.on('close', () => settle());
      socket.on('error', reject);
    });
    expect(await post('stall/look', '{}')).toMatchObject({ status: 200 });
  });
});

describe('a token over HTTP', () => {
  it('says who calls, also where nobody has to be anybody', async () => {
    expect(await post('stall/look', '{}', bearer(token))).toMatchObject({ body: { by: guest.shopperId } });
    expect(await post('stall/look', '{}', { authorization: `bearer ${token}` })).toMatchObject({
      body: { by: guest.shopperId },
    });
  });

  it('that is bad is 401 everywhere, rather than being overlooked', async () => {
    const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
    const { kid } = JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString());
    const foreign = await new SignJWT(claims)
      .setProtectedHeader({ alg: 'HS256', kid })
      .sign(new TextEncoder().encode('x'.repeat(40)));
    for (const authorization of [
      `Bearer ${foreign}`,
      `Bearer ${new UnsecuredJWT(claims).encode()}`,
      'Bearer',
      'Bearer a b',
      `Basic ${token}`,
      token,
      `Bearer ${token}${'A'.repeat(5_000)}`,
    ])
      expect(await post('stall/look', '{}', { authorization })).toMatchObject({
        status: 401,
        body: { ok: false, fault: 'unauthenticated', retryAfterMs: null },
      });
  });

  it('that has run out is 401', async () => {
    const { token: short, expiresAtMs } = await tokens.sign(guest);
    clock.atMs = expiresAtMs;
    expect(await post('stall/look', '{}', bearer(short))).toMatchObject({ status: 401 });
    clock.atMs = startMs;
    expect(await post('stall/look', '{}', bearer(short))).toMatchObject({ status: 200 });
  });
});

describe('an origin', () => {
  it('of the same host may call, another may not, and a caller that is no page may', async () => {
    expect(await post('stall/look', '{}', { origin: base })).toMatchObject({ status: 200 });
    for (const origin of ['https://evil.example', 'null', 'nonsense'])
      expect(await post('stall/look', '{}', { origin })).toMatchObject({ status: 403, body: { fault: 'forbidden' } });
    expect(await post('stall/look', '{}')).toMatchObject({ status: 200 });
  });

  it('that is listed may call and read the answer, also after asking first', async () => {
    const listed = await serve({ allowedOrigins: { kind: 'listed', origins: ['https://shop.example'] } });
    const allowed = { origin: 'https://shop.example' };
    const answer = await post('stall/look', '{}', allowed, listed);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('access-control-allow-origin')).toBe('https://shop.example');
    const asked = await fetch(`${listed}/api/stall/look`, { method: 'OPTIONS', headers: allowed });
    expect(asked.status).toBe(204);
    expect(asked.headers.get('access-control-allow-headers')).toContain('authorization');
    expect(await post('stall/look', '{}', { origin: listed }, listed)).toMatchObject({ status: 403 });
  });
});

describe("a caller's address", () => {
  const forwarded = { 'x-forwarded-for': '203.0.113.9, 198.51.100.7' };

  it('is that of the socket, whatever the caller writes', async () => {
    expect(await post('stall/look', '{}', forwarded)).toMatchObject({ body: { address: '127.0.0.1' } });
  });

  it('behind trusted proxies is the one that the outermost of them saw', async () => {
    const [one, two] = [await serve({ trustProxy: 1 }), await serve({ trustProxy: 2 })];
    expect(await post('stall/look', '{}', forwarded, one)).toMatchObject({ body: { address: '198.51.100.7' } });
    expect(await post('stall/look', '{}', forwarded, two)).toMatchObject({ body: { address: '203.0.113.9' } });
    expect(await post('stall/look', '{}', { 'x-forwarded-for': 'nonsense' }, one)).toMatchObject({
      body: { address: '127.0.0.1' },
    });
    const sixes = { 'x-forwarded-for': '2001:db8:1:2:3:4:5:6' };
    const short = { 'x-forwarded-for': '2001:db8:1:2::9' };
    expect((await post('stall/look', '{}', sixes, one)).body).toEqual(
      (await post('stall/look', '{}', short, one)).body,
    );
  });
});

describe('the pages', () => {
  it.each([
    '/',
    '/mine',
    '/basket',
    '/deals',
    '/deals/midnight-tea~12',
    '/live/lotus',
    '/packets/rain',
    '/live/',
    '/pay/y0.abcdefgh12',
    '/order/o12.abcd_fgh-12',
  ])('%s is the storefront, asked for again each time', async (path) => {
    const response = await fetch(base + path);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(response.headers.get('cache-control')).toBe('no-cache');
    expect(await response.text()).toContain('Storefront');
    const again = await raw(path, { headers: { 'if-none-match': response.headers.get('etag') ?? '' } });
    expect(again.status).toBe(304);
  });

  it('/control-room is the control room', async () => {
    expect(await (await fetch(`${base}/control-room`)).text()).toContain('Control room');
  });

  it.each([
    '/elsewhere',
    '/deals/a/b',
    '/assets/gone-12345678.js',
    '/deals/tea.js',
    '/index.html.bak',
    '/.vite/manifest.json',
    '/assets/',
    '/assets/..%2Findex.html',
    '/%2e%2e/%2e%2e/etc/passwd',
    '/index.html',
    '/pay/tea.js',
    '/order/y0.abcdefgh12',
  ])('%s is a worded 404, never the storefront', async (path) => {
    const response = await fetch(base + path);
    expect(response.status).toBe(404);
    const text = await response.text();
    expect(text).toContain('No stall here');
    expect(text).not.toContain('Storefront');
  });

  it('assets with a hash in their name are kept for ever and come compressed', async () => {
    const plain = await fetch(`${base}/assets/main-Ab3dE_9x.js`, { headers: { 'accept-encoding': 'identity' } });
    expect(plain.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    expect(plain.headers.get('content-encoding')).toBeNull();
    const text = await plain.text();
    const { headers, bytes: packed } = await raw('/assets/main-Ab3dE_9x.js', {
      headers: { 'accept-encoding': 'gzip, br' },
    });
    expect(headers).toMatchObject({ 'content-encoding': 'br', vary: 'Accept-Encoding' });
    expect(packed.length).toBeLessThan(text.length / 4);
    expect(brotliDecompressSync(packed).toString()).toBe(text);
  });

  it('say what is missing when the client has not been built, and the API works without them', async () => {
    const bare = await serve({ clientDir: join(dir, 'not-there') });
    const response = await fetch(bare);
    expect(response.status).toBe(503);
    expect(await response.text()).toContain('npm start');
    expect(await post('stall/look', '{}', {}, bare)).toMatchObject({ status: 200 });
  });

  it('come with a policy that runs no script but ours, and without one that breaks plain http', async () => {
    for (const path of ['/', '/api', '/elsewhere', '/healthz']) {
      const { headers } = await fetch(base + path);
      const policy = headers.get('content-security-policy') ?? '';
      expect(policy).toContain("script-src 'self';");
      expect(policy).toContain("frame-ancestors 'none'");
      expect(policy).not.toContain('upgrade-insecure-requests');
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('strict-transport-security')).toBeNull();
      expect(headers.get('x-powered-by')).toBeNull();
    }
  });
});

describe('an orchestrator', () => {
  it('hears that the process lives, and apart from it whether it can serve and what is missing', async () => {
    expect(await (await fetch(`${base}/healthz`)).json()).toEqual({ ok: true });
    expect((await fetch(`${base}/readyz`)).status).toBe(200);
    readiness = { ready: false, failing: ['Redis does not answer', 'draining'] };
    const unready = await fetch(`${base}/readyz`);
    expect(unready.status).toBe(503);
    expect(await unready.json()).toEqual(readiness);
    expect((await fetch(`${base}/healthz`)).status).toBe(200);
    readiness = new Error('the check broke');
    expect((await fetch(`${base}/readyz`)).status).toBe(503);
    readiness = { ready: true, failing: [] };
  });
});
