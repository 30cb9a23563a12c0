import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { NewSession } from '../capabilities/payments/provider.ts';
import { cards, locales, type Session } from './session.ts';
import { apiKey, openTestHouse, type TestHouse } from './till.test-house.ts';

let dir: string;
let house: TestHouse;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'elevens-till-'));
  house = await openTestHouse({ journalFile: join(dir, 'till.jsonl') });
});
afterEach(async () => {
  await house.close();
  rmSync(dir, { recursive: true, force: true });
});

let numbers = 0;
function order(more: Partial<NewSession> = {}): NewSession {
  const n = numbers++;
  return {
    reference: `y0.payment-${n}`,
    amountMinor: 18_612,
    currency: 'CNY',
    description: 'Gooseneck kettle 0.9 L, one',
    lines: [{ label: 'Order', text: 'K-4166' }],
    returnUrl: 'http://shop.example/orders/1',
    expiresAtMs: house.nowMs() + 600_000,
    idempotencyKey: `session-${n}`,
    ...more,
  };
}
async function opened(more: Partial<NewSession> = {}) {
  const asked = order(more);
  return { asked, ...(await house.provider.createSession(asked)) };
}
const statusOf = async (providerId: string) => (await house.provider.find(providerId))?.status;
/** Looks often enough for everything that is due now, and what follows from it at once. */
async function settle() {
  for (let i = 0; i < 4; i++) await house.till.look();
}
const types = () => house.events().map(({ type }) => type);

function call(
  path: string,
  init: { method?: string; body?: string; key?: string; headers?: Record<string, string> } = {},
) {
  return fetch(`${house.url}/v1${path}`, {
    method: init.method ?? 'POST',
    headers: {
      authorization: `Bearer ${init.key ?? apiKey}`,
      'content-type': 'application/json',
      'idempotency-key': 'some-key-0001',
      ...init.headers,
    },
    ...(init.body === undefined ? {} : { body: init.body }),
  });
}

describe('each test card goes its own way:', () => {
  test('pays at once', async () => {
    const { providerId } = await opened();
    expect(await statusOf(providerId)).toBe('open');
    expect(await (await house.press(providerId, '4242')).json()).toEqual({ status: 'succeeded' });
    expect(await statusOf(providerId)).toBe('succeeded');
    await settle();
    expect(types()).toEqual(['payment.succeeded']);
  });

  test('bank says no, and another card can be tried', async () => {
    const { providerId } = await opened();
    await house.press(providerId, '0002');
    expect(await statusOf(providerId)).toBe('open');
    await house.press(providerId, '4242');
    await settle();
    expect(types()).toEqual(['payment.failed', 'payment.succeeded']);
  });

  test('bank says no twenty times, and then no card is taken any more', async () => {
    const { providerId } = await opened();
    for (let n = 0; n < 20; n++) await house.press(providerId, '0002');
    await house.press(providerId, '4242');
    expect(await statusOf(providerId)).toBe('open');
    const page = await (await fetch(`${house.url}/pay/${providerId}`)).text();
    expect(page).toContain('one refused card too many');
    expect(page).not.toContain('type="submit"');
  });

  test('pays slowly', async () => {
    const { providerId } = await opened();
    await house.press(providerId, '2020');
    house.at(19_999);
    expect(await statusOf(providerId)).toBe('processing');
    house.at(20_000);
    expect(await statusOf(providerId)).toBe('succeeded');
    await settle();
    expect(types()).toEqual(['payment.succeeded']);
  });

  test('pays too late, and cannot be stopped while it does', async () => {
    const { providerId } = await opened();
    await house.press(providerId, '1111');
    house.at(604_999);
    await settle();
    expect(await house.provider.expire(providerId)).toBe('processing');
    house.at(605_000);
    expect(await house.provider.expire(providerId)).toBe('succeeded');
    await settle();
    expect(types()).toEqual(['payment.succeeded']);
  });

  test('is told twice, under one id', async () => {
    const { providerId } = await opened();
    await house.press(providerId, '2222');
    await settle();
    expect(types()).toEqual(['payment.succeeded', 'payment.succeeded']);
    expect(new Set(house.events().map(({ id }) => id)).size).toBe(1);
  });

  test('is told out of order: an older refusal comes after the success', async () => {
    const { providerId } = await opened();
    house.at(1_000);
    await house.press(providerId, '3210');
    await settle();
    const [first, second] = house.events();
    expect([first?.type, second?.type]).toEqual(['payment.succeeded', 'payment.failed']);
    expect(second?.createdAtMs).toBeLessThan(first?.createdAtMs ?? 0);
  });

  test('is never told', async () => {
    const { providerId } = await opened();
    await house.press(providerId, '0404');
    await house.provider.refund({ providerId, reference: 'refund-1', amountMinor: 1, currency: 'CNY', reason: 'x' });
    house.at(3_600_000);
    await settle();
    expect(await statusOf(providerId)).toBe('succeeded');
    expect(house.told).toEqual([]);
  });

  test('and a second press changes nothing', async () => {
    const { providerId } = await opened();
    await Promise.all(Array.from({ length: 8 }, () => house.press(providerId, '4242')));
    await house.press(providerId, '0002');
    await settle();
    expect(types()).toEqual(['payment.succeeded']);
  });

  test('and nobody pays in a session that is over', async () => {
    const { providerId } = await opened();
    house.at(600_000);
    expect(await (await house.press(providerId, '4242')).json()).toEqual({ status: 'expired' });
    await settle();
    expect(types()).toEqual(['payment.expired']);
  });
});

describe('the till as a provider', () => {
  test('opens one session for one idempotency key', async () => {
    const asked = order();
    const [first, ...again] = await Promise.all(Array.from({ length: 8 }, () => house.provider.createSession(asked)));
    for (const one of again) expect(one).toEqual(first);
    await expect(house.provider.createSession({ ...asked, amountMinor: 1 })).rejects.toMatchObject({
      code: 'idempotency-key-reused',
    });
  });

  test('shuts an open session once, and says so once', async () => {
    const { providerId } = await opened();
    expect(await house.provider.expire(providerId)).toBe('expired');
    expect(await house.provider.expire(providerId)).toBe('expired');
    await settle();
    expect(types()).toEqual(['payment.expired']);
  });

  test('sends a refund once for each reference, and tells when it is there', async () => {
    const { providerId } = await opened();
    await house.press(providerId, '4242');
    const refund = {
      providerId,
      reference: 'refund-1',
      amountMinor: 5_000,
      currency: 'CNY',
      reason: 'returned',
    } as const;
    const [first, ...again] = await Promise.all(Array.from({ length: 8 }, () => house.provider.refund(refund)));
    expect(first?.status).toBe('pending');
    for (const one of again) expect(one).toEqual(first);
    house.at(2_000);
    await settle();
    expect((await house.provider.find(providerId))?.refunds).toEqual([
      expect.objectContaining({ reference: 'refund-1', amountMinor: 5_000, status: 'succeeded' }),
    ]);
    expect(types()).toEqual(['payment.succeeded', 'refund.succeeded']);
    expect(house.events()[1]?.data).toMatchObject({ refund: { reference: 'refund-1', amountMinor: 5_000 } });
  });

  test('never sends back more than came, another currency, or what was not paid', async () => {
    const { providerId } = await opened();
    const refund = { providerId, reference: 'refund-1', amountMinor: 18_612, currency: 'CNY', reason: 'x' } as const;
    const code = (more: object) => house.provider.refund({ ...refund, ...more }).then(String, (error) => error.code);
    expect(await code({})).toBe('session-not-paid');
    await house.press(providerId, '4242');
    expect(await code({ amountMinor: 18_613 })).toBe('refund-exceeds-payment');
    expect(await code({ currency: 'EUR' })).toBe('currency-differs');
    await house.provider.refund({ ...refund, amountMinor: 18_000 });
    expect(await code({ reference: 'refund-2', amountMinor: 613 })).toBe('refund-exceeds-payment');
    expect(await code({ amountMinor: 1 })).toBe('idempotency-key-reused');
    await house.provider.refund({ ...refund, reference: 'refund-3', amountMinor: 612 });
  });

  test('knows nothing of what it did not open', async () => {
    expect(await house.provider.find('cs_none')).toBeNull();
    await expect(house.provider.expire('cs_none')).rejects.toMatchObject({ code: 'unknown-session', status: 404 });
  });

  test('signs its webhooks so that its shops can read them', async () => {
    const { providerId, asked } = await opened();
    await house.press(providerId, '4242');
    await settle();
    const [{ body, headers } = { body: Buffer.alloc(0), headers: {} }] = house.told;
    const header = String(headers[house.provider.signatureHeader]);
    expect(house.provider.readWebhook(body, header, house.nowMs())).toEqual({
      ok: true,
      event: {
        eventId: house.events()[0]?.id,
        type: 'payment.succeeded',
        providerId,
        reference: asked.reference,
        amountMinor: 18_612,
        currency: 'CNY',
        atMs: house.nowMs(),
      },
    });
    expect(house.provider.readWebhook(body, header, house.nowMs() + 400_000)).toEqual({
      ok: false,
      why: 'old-timestamp',
    });
  });

  test('sends a webhook again with growing waits until it is taken', async () => {
    const { providerId } = await opened();
    house.answerWith(503);
    await house.press(providerId, '4242');
    await settle();
    expect(house.told).toHaveLength(1);
    house.at(500);
    await settle();
    house.at(1_499);
    await settle();
    expect(house.told).toHaveLength(2);
    house.answerWith(200);
    house.at(1_500);
    await settle();
    house.at(100_000);
    await settle();
    expect(house.told).toHaveLength(3);
    expect(new Set(house.events().map(({ id }) => id)).size).toBe(1);
  });

  test('gives a webhook up that nobody takes', async () => {
    const { providerId } = await opened();
    house.answerWith(400);
    await house.press(providerId, '4242');
    for (let n = 0; n < 40; n++) {
      house.at(n * 120_000);
      await settle();
    }
    expect(house.told).toHaveLength(12);
  });
});

describe('a till that was restarted', () => {
  test('goes on where it was: sessions, banks that think, refunds under way, webhooks not taken', async () => {
    const waiting = await opened();
    const slow = await opened();
    const paid = await opened();
    house.answerWith(503);
    await house.press(slow.providerId, '2020');
    await house.press(paid.providerId, '4242');
    const refund = {
      providerId: paid.providerId,
      reference: 'refund-1',
      amountMinor: 7,
      currency: 'CNY',
      reason: 'x',
    } as const;
    const { refundId } = await house.provider.refund(refund);
    await settle();
    await house.restart();

    expect(await statusOf(waiting.providerId)).toBe('open');
    expect(await house.provider.createSession(waiting.asked)).toMatchObject({ providerId: waiting.providerId });
    expect(await house.provider.refund(refund)).toEqual({ refundId, status: 'pending' });
    expect(await statusOf(slow.providerId)).toBe('processing');
    house.answerWith(200);
    house.at(20_000);
    await settle();
    expect(await statusOf(slow.providerId)).toBe('succeeded');
    expect(types().toSorted()).toEqual([
      'payment.succeeded',
      'payment.succeeded',
      'payment.succeeded',
      'refund.succeeded',
    ]);
  });

  test('leaves out a line that a crash tore, and refuses a book that was spoilt in the middle', async () => {
    const { providerId } = await opened();
    const file = join(dir, 'till.jsonl');
    appendFileSync(file, '{"id":"cs_torn","stat');
    await house.restart();
    expect(await statusOf(providerId)).toBe('open');
    expect(readFileSync(file, 'utf8')).not.toContain('cs_torn');
    writeFileSync(file, `{"id":\n${readFileSync(file, 'utf8')}`);
    await expect(house.restart()).rejects.toThrow(/till\.jsonl: line 1 cannot be read/);
    writeFileSync(file, '');
    await house.restart();
  });

  test('forgets after thirty days what is over', async () => {
    const old = await opened();
    await house.press(old.providerId, '4242');
    await settle();
    house.at(29 * 86_400_000);
    await house.restart();
    expect(await statusOf(old.providerId)).toBe('succeeded');
    house.at(30 * 86_400_000);
    await house.restart();
    expect(await statusOf(old.providerId)).toBeUndefined();
  });
});

describe('what is wrong is refused:', () => {
  test('a stranger without the key', async () => {
    expect((await call('/sessions/cs_1', { method: 'GET', key: 'wrong' })).status).toBe(401);
    expect((await fetch(`${house.url}/v1/refunds`, { method: 'POST' })).status).toBe(401);
  });

  test.each([
    ['an amount of nothing', { amountMinor: 0 }, 'bad-amountMinor'],
    ['a fraction of a cent', { amountMinor: 0.5 }, 'bad-amountMinor'],
    ['a negative amount', { amountMinor: -5 }, 'bad-amountMinor'],
    ['no currency', { currency: 'yuan' }, 'bad-currency'],
    ['a script to go back to', { returnUrl: 'javascript:alert(1)' }, 'bad-returnUrl'],
    ['another host in a path', { returnUrl: '//evil.example' }, 'bad-returnUrl'],
    ['a host behind a backslash', { returnUrl: '/\\evil.example' }, 'bad-returnUrl'],
    ['an end that has passed', { expiresAtMs: 1 }, 'bad-expiresAtMs'],
    ['an end next year', { expiresAtMs: 1_900_000_000_000 }, 'bad-expiresAtMs'],
    ['a reference with a line break', { reference: 'y0.a\nb' }, 'bad-reference'],
    ['a field that nobody knows', { free: true }, 'bad-body'],
  ])('%s', async (_, wrong, code) => {
    const { idempotencyKey: _key, ...asked } = { ...order(), ...wrong } as NewSession;
    const answer = await call('/sessions', { body: JSON.stringify(asked) });
    expect(answer.status).toBe(400);
    expect(await answer.json()).toEqual({ error: { code } });
  });

  test('a body that is no JSON, or too long, or without a key', async () => {
    expect((await call('/sessions', { body: '{' })).status).toBe(400);
    expect((await call('/sessions', { body: JSON.stringify({ x: 'y'.repeat(40_000) }) })).status).toBe(413);
    const { idempotencyKey: _key, ...asked } = order();
    const body = JSON.stringify(asked);
    expect((await call('/sessions', { body, headers: { 'idempotency-key': 'short' } })).status).toBe(400);
  });

  test('a card that there is not', async () => {
    const { providerId } = await opened();
    expect((await house.press(providerId, '9999')).status).toBe(400);
    expect((await house.press(providerId, 'constructor')).status).toBe(400);
    expect(await statusOf(providerId)).toBe('open');
  });
});

describe('the hosted page', () => {
  const page = async (providerId: string, query = '') => {
    const response = await fetch(`${house.url}/pay/${providerId}${query}`);
    return { status: response.status, headers: response.headers, html: await response.text() };
  };

  test('is whole in every state and language, with nothing left to fill in', async () => {
    const open = await opened();
    const refused = await opened();
    await house.press(refused.providerId, '0002');
    const slow = await opened();
    await house.press(slow.providerId, '2020');
    const paid = await opened();
    await house.press(paid.providerId, '4242');
    await house.provider.refund({
      providerId: paid.providerId,
      reference: 'r-1',
      amountMinor: 5,
      currency: 'CNY',
      reason: '',
    });
    const over = await opened();
    await house.provider.expire(over.providerId);
    const seen = new Set<string>();
    for (const locale of locales) {
      for (const { providerId } of [open, refused, slow, paid, over]) {
        const { status, html } = await page(providerId, `?lang=${locale}`);
        expect(status).toBe(200);
        expect(html.replace(/data-words="[^"]*"/, '')).not.toMatch(/\{|undefined|NaN/);
        seen.add(html);
      }
      const { html } = await page(open.providerId, `?lang=${locale}`);
      for (const number of Object.keys(cards)) expect(html).toContain(`value="${number}"`);
    }
    expect(seen.size).toBe(20);
    expect((await page(open.providerId, '?lang=vi')).html).toContain('Trả ngay');
    expect((await page(open.providerId, '?lang=tlh')).html).toContain('Pays at once');
  });

  test('opens in the language that the shop asked for', async () => {
    const { url } = await opened({ locale: 'nl' });
    expect(await (await fetch(url)).text()).toContain('Je betaalt Elevens');
  });

  test('shows what the shop says as text, whatever it is', async () => {
    const evil = '<script>alert("1")</script>';
    const { providerId } = await opened({ description: evil, lines: [{ label: evil, text: evil }] });
    const { html, headers } = await page(providerId);
    expect(html).not.toContain('<script>alert');
    expect(html.match(/&#60;script&#62;/g)).toHaveLength(3);
    const security = headers.get('content-security-policy') ?? '';
    expect(security).toContain("default-src 'none'");
    expect(security).not.toContain('unsafe');
    expect(security).toContain("form-action 'self' http://shop.example");
    expect(headers.get('referrer-policy')).toBe('no-referrer');
  });

  test('pays without its script: a form, then the page again', async () => {
    const { providerId } = await opened();
    const answer = await fetch(`${house.url}/pay/${providerId}?lang=nl`, {
      method: 'POST',
      headers: { accept: 'text/html' },
      body: new URLSearchParams({ card: '4242' }),
      redirect: 'manual',
    });
    expect(answer.status).toBe(303);
    expect(answer.headers.get('location')).toBe(`/pay/${providerId}?lang=nl`);
  });

  test('leads back to the shop, by a path as well when it is on the shop’s own host', async () => {
    const { providerId } = await opened({ returnUrl: '/orders/o0.one?from=till' });
    expect((await page(providerId)).html).toContain('href="/orders/o0.one?from=till"');
  });

  test('says so where there is no payment', async () => {
    expect(await page('cs_none')).toMatchObject({ status: 404, html: expect.stringContaining('No payment here') });
    expect((await fetch(`${house.url}/anything/else`)).status).toBe(404);
    expect((await fetch(`${house.url}/assets/till.css`)).status).toBe(200);
    expect((await fetch(`${house.url}/assets/../main.ts`)).status).toBe(404);
  });
});

describe('mounted in another server under a path', () => {
  test('its pages load their own things from there', async () => {
    writeFileSync(join(dir, 'archivo-latin-Ab_d-123.woff2'), 'a face');
    writeFileSync(join(dir, 'index-Ab_d-123.js'), 'what is not of the till');
    const mounted = await openTestHouse({ path: '/till', fontsDir: dir });
    try {
      const asked = { ...order(), expiresAtMs: mounted.nowMs() + 600_000 };
      const { url } = await mounted.provider.createSession(asked);
      const html = await (await fetch(url)).text();
      const loaded = [...html.matchAll(/(?:href|src)="(\/[^"?]*)/g)].map(([, path]) => path ?? '');
      expect(loaded.length).toBeGreaterThan(4);
      expect(await (await fetch(`${mounted.url}/assets/fonts/archivo-latin.woff2`)).text()).toBe('a face');
      expect((await fetch(`${mounted.url}/assets/index-Ab_d-123.js`)).status).toBe(404);
      for (const path of loaded) expect(path).toMatch(/^\/till\//);
      for (const path of new Set(loaded)) {
        const origin = new URL(url).origin;
        expect((await fetch(`${origin}${path}`)).status).toBe(200);
      }
    } finally {
      await mounted.close();
    }
  });
});

describe('full books', () => {
  test('let the oldest go that is over, and open nothing while none is', async () => {
    const small = await openTestHouse({ sessionsMax: 2 });
    try {
      const open = () => small.provider.createSession({ ...order(), expiresAtMs: small.nowMs() + 600_000 });
      const first = await open();
      await open();
      await expect(open()).rejects.toMatchObject({ code: 'unavailable' });
      await small.provider.expire(first.providerId);
      await small.till.look();
      await open();
      expect(await small.provider.find(first.providerId)).toBeNull();
    } finally {
      await small.close();
    }
  });
});

test('a journal line holds a session whole', async () => {
  const { providerId, asked } = await opened();
  await house.press(providerId, '0002');
  const lines = readFileSync(join(dir, 'till.jsonl'), 'utf8').trimEnd().split('\n');
  const last = JSON.parse(lines.at(-1) ?? '') as Session;
  expect(last).toMatchObject({ id: providerId, reference: asked.reference, declines: 1, status: 'open' });
});
