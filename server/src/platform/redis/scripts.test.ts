import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { defineScript, ScriptError } from './scripts.ts';
import { connectTestRedis } from './test-connection.ts';

let rig: Awaited<ReturnType<typeof connectTestRedis>>;
const dir = mkdtempSync(join(tmpdir(), 'elevens-scripts-'));
const lua = (name: string, text: string) => {
  writeFileSync(join(dir, name), text);
  return pathToFileURL(join(dir, name));
};

beforeAll(async () => {
  rig = await connectTestRedis();
});
afterAll(async () => {
  rmSync(dir, { recursive: true, force: true });
  await rig.close();
});

test('an included file is put in once, and its functions can be called', async () => {
  lua('twice.lua', 'local function twice(n) return n * 2 end');
  const script = defineScript(
    lua('main.lua', '-- @include ./twice.lua\n-- @include ./twice.lua\nreturn twice(tonumber(ARGV[1]))'),
  );
  expect(await script.run(rig.redis, ['{a}:x'], [21])).toBe(42);
});

test('a Redis that has forgotten its scripts is told again', async () => {
  const script = defineScript(lua('one.lua', 'return 1'));
  expect(await script.run(rig.redis, ['{a}:x'], [])).toBe(1);
  await rig.redis.script('FLUSH');
  expect(await script.run(rig.redis, ['{a}:x'], [])).toBe(1);
});

test('an error is reported with the file and line it stands in, includes counted', async () => {
  lua('broken.lua', 'local function broken()\n  return redis.call("HGET", "{a}:text", "field")\nend');
  const script = defineScript(
    lua(
      'caller.lua',
      '-- A sentence.\n-- @include ./broken.lua\nlocal n = nil\nif ARGV[1] == "own" then return n + 1 end\nreturn broken()',
    ),
  );
  await rig.redis.set('{a}:text', 'not a hash');
  await expect(script.run(rig.redis, ['{a}:x'], ['own'])).rejects.toMatchObject({ file: 'caller.lua', line: 4 });
  const error = await script.run(rig.redis, ['{a}:x'], ['include']).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(ScriptError);
  expect((error as ScriptError).message).toContain('WRONGTYPE');
});

test('keys of two tags are refused before anything is sent', async () => {
  const script = defineScript(lua('keys.lua', 'redis.call("SET", KEYS[1], "1") return 1'));
  await expect(script.run(rig.redis, ['{a}:x', '{b}:x'], [])).rejects.toThrow('outside the tag');
  expect(await rig.redis.exists('{a}:x')).toBe(0);
});

test('a missing file stops the start', () => {
  expect(() => defineScript(pathToFileURL(join(dir, 'nowhere.lua')))).toThrow('ENOENT');
  expect(() => defineScript(lua('include.lua', '-- @include ./nowhere-else.lua'))).toThrow('ENOENT');
});

test('a call whose answer was lost is unknown, because it may have been decided', async () => {
  const lost = await connectTestRedis();
  const slow = 'local t = redis.call("TIME")[1] while redis.call("TIME")[1] - t < 2 do end return 1';
  await lost.redis.script('LOAD', slow);
  const answer = defineScript(lua('slow.lua', slow))
    .run(lost.redis, ['{a}:n'], [])
    .catch((e: unknown) => e);
  await new Promise((resolve) => setImmediate(resolve));
  await lost.server.crashAndRestart();
  expect(await answer).toMatchObject({ code: 'unknown' });
  await lost.close();
});

test('a call that could not be sent is unavailable', async () => {
  const away = new Redis({ path: join(dir, 'no-redis.sock'), enableOfflineQueue: false, maxRetriesPerRequest: 0 });
  away.on('error', () => {});
  const script = defineScript(lua('any.lua', 'return 1'));
  await expect(script.run(away, ['{a}:n'], [])).rejects.toMatchObject({ code: 'unavailable' });
  away.disconnect();
});
