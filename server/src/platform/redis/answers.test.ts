import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { defineScript, type Script } from './scripts.ts';
import { startTestRedis, type TestRedis } from './test-redis.ts';

let server: TestRedis;
let redis: Redis;
let dir: string;
let script: Script;

/** One decision as every script makes it: the answer given before, or this one, remembered. And the two ways around it. */
const lua = `
-- @include ${fileURLToPath(new URL('./answers.lua', import.meta.url))}
local what, request, command, hash, outcome, now, forget_at = unpack(ARGV)
if what == 'forget' then return forget_after(KEYS[2], request, forget_at) end
local kept = recall(KEYS[1], request, command, hash)
if what == 'recall' or kept then return kept end
remember(KEYS[1], KEYS[2], request, command, hash, outcome, now, forget_at)
return outcome
`;

beforeAll(async () => {
  server = await startTestRedis();
  redis = new Redis(server.options);
  dir = mkdtempSync(join(tmpdir(), 'elevens-answers-'));
  writeFileSync(join(dir, 'answer.lua'), lua);
  script = defineScript(pathToFileURL(join(dir, 'answer.lua')));
});
afterAll(async () => {
  redis.disconnect();
  await server.close();
  rmSync(dir, { recursive: true, force: true });
});

let tests = 0;
let keys: [string, string];
beforeEach(() => {
  keys = [`{answers-${tests}}:answers`, `{answers-${tests}}:order`];
  tests++;
});

const start = 1_800_000_000_000;
const minute = 60_000;

function decide(
  request: string,
  outcome: string,
  more: { command?: string; hash?: string; nowMs?: number; forgetAt?: number | string } = {},
) {
  const { command = 'deals:claim', hash = 'h4sh', nowMs = start, forgetAt = nowMs + 10 * minute } = more;
  return script.run(redis, keys, ['decide', request, command, hash, outcome, nowMs, forgetAt]);
}
const recall = (request: string, command = 'deals:claim', hash = 'h4sh') =>
  script.run(redis, keys, ['recall', request, command, hash]);
const forgetAfter = (request: string, at: number) => script.run(redis, keys, ['forget', request, '', '', '', '', at]);

describe('a remembered answer', () => {
  test('is given again word for word, and not decided anew', async () => {
    const outcome = '{"ok":true,"reply":{"title":"  two  spaces % and \\" a quote\\n","amountMinor":540000000000001}}';
    expect(await decide('request-1', outcome)).toBe(outcome);
    expect(await decide('request-1', '{"ok":false}')).toBe(outcome);
    expect(await recall('request-1')).toBe(outcome);
  });

  test('survives a real line break and bytes that are no text', async () => {
    const outcome = 'first\nsecond\u0000third';
    await decide('request-1', outcome);
    expect(await recall('request-1')).toBe(outcome);
  });

  test('is refused to another command or another input under the same id', async () => {
    await decide('request-1', '{"ok":true}');
    const reused = '{"ok":false,"why":"request-id-reused"}';
    expect(await recall('request-1', 'deals:release')).toBe(reused);
    expect(await recall('request-1', 'deals:claim', '0ther')).toBe(reused);
    expect(await recall('request-1')).toBe('{"ok":true}');
  });

  test('is nobody else’s: an unknown id has none', async () => {
    await decide('request-1', '{"ok":true}');
    expect(await recall('request-2')).toBeNull();
  });
});

describe('forgetting', () => {
  test('what may not be forgotten yet is kept, however much there is', async () => {
    for (let n = 0; n < 100; n++) await decide(`request-${n}`, String(n), { nowMs: start + n });
    for (let n = 0; n < 100; n++) expect(await recall(`request-${n}`)).toBe(String(n));
  });

  test('what may be forgotten is kept while it is among the last 32', async () => {
    for (let n = 0; n < 32; n++) await decide(`request-${n}`, String(n), { nowMs: start + n });
    await decide('request-32', '32', { nowMs: start + 60 * minute });
    expect(await recall('request-0')).toBeNull();
    for (let n = 1; n <= 32; n++) expect(await recall(`request-${n}`)).toBe(String(n));
  });

  test('many answers are forgotten a few at a time, the oldest first, until the last 32 are left', async () => {
    for (let n = 0; n < 60; n++) await decide(`request-${n}`, String(n), { nowMs: start + n });
    await decide('late-0', 'late', { nowMs: start + 60 * minute });
    expect(await redis.hlen(keys[0])).toBe(61 - 8);
    for (let n = 1; n < 10; n++) await decide(`late-${n}`, 'late', { nowMs: start + 60 * minute + n });
    expect(await redis.hlen(keys[0])).toBe(32);
    expect(await redis.zcard(keys[1])).toBe(32);
    for (let n = 0; n < 10; n++) expect(await recall(`late-${n}`)).toBe('late');
    expect(await recall('request-37')).toBeNull();
    expect(await recall('request-38')).toBe('38');
  });

  test('a success is kept until what it was about is over', async () => {
    await decide('success', 'yours', { forgetAt: '+inf' });
    for (let n = 0; n < 40; n++) await decide(`request-${n}`, 'no', { nowMs: start + n * minute });
    expect(await recall('success')).toBe('yours');
    await forgetAfter('success', start + 41 * minute);
    await decide('request-41', 'no', { nowMs: start + 40 * minute });
    expect(await recall('success')).toBe('yours');
    for (let n = 50; n < 90; n++) await decide(`request-${n}`, 'no', { nowMs: start + n * minute });
    expect(await recall('success')).toBeNull();
  });

  test('successes that are kept for long leave the last 32 refusals remembered', async () => {
    for (let n = 0; n < 40; n++) await decide(`success-${n}`, 'yours', { forgetAt: '+inf' });
    await decide('refusal', 'no');
    await decide('much-later', 'no', { nowMs: start + 600 * minute });
    expect(await recall('refusal')).toBe('no');
  });

  test('saying when an answer may be forgotten makes none', async () => {
    await forgetAfter('request-1', start);
    expect(await redis.exists(...keys)).toBe(0);
  });

  test('what a person left behind goes after a week without a word', async () => {
    await decide('request-1', 'yours', { forgetAt: '+inf' });
    const week = 7 * 24 * 60 * minute;
    for (const key of keys) {
      const left = await redis.pttl(key);
      expect(left).toBeGreaterThan(week - 10 * minute);
      expect(left).toBeLessThanOrEqual(week);
    }
  });
});
