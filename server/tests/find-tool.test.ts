import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { cacheDir, findChromium, findK6, findRedis, isToolMissing } from '../../.ci/find-tool.mjs';

/** A machine with nothing on PATH but these programs (name to what they print), and nothing in its cache but those. */
function machine({ onPath = {}, cached = {} }: { onPath?: Record<string, string>; cached?: Record<string, string> }) {
  const dir = mkdtempSync(join(tmpdir(), 'elevens-machine-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  const program = (file: string, prints: string) => {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, `#!/bin/sh\necho '${prints}'\n`);
    chmodSync(file, 0o755);
  };
  for (const [name, prints] of Object.entries(onPath)) program(join(dir, 'bin', name), prints);
  for (const [name, prints] of Object.entries(cached)) program(join(dir, 'cache', name), prints);
  return { dir, env: { PATH: join(dir, 'bin'), ELEVENS_CACHE: join(dir, 'cache') } };
}

const redis7 = 'Redis server v=7.2.4 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=0';
const redis6 = 'Redis server v=6.0.16 sha=00000000:0 malloc=jemalloc-5.2.1 bits=64 build=0';
const valkey8 = 'Valkey server v=8.0.1 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=0';

async function refusal(finding: Promise<unknown>): Promise<string> {
  const error = await finding.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!isToolMissing(error)) throw new Error('found, or failed in another way', { cause: error });
  return error.message;
}

test('the redis-server on PATH is taken', async () => {
  const { dir, env } = machine({ onPath: { 'redis-server': redis7, 'valkey-server': valkey8 } });
  expect(await findRedis({ env })).toEqual({
    binary: join(dir, 'bin', 'redis-server'),
    from: 'PATH',
    version: '7.2.4',
  });
});

test('a Redis that is too old to ring a feed’s doorbell is passed over for a Valkey that is not', async () => {
  const { dir, env } = machine({ onPath: { 'redis-server': redis6, 'valkey-server': valkey8 } });
  expect(await findRedis({ env })).toEqual({
    binary: join(dir, 'bin', 'valkey-server'),
    from: 'PATH',
    version: '8.0.1',
  });
});

test('what an earlier set-up unpacked is used again', async () => {
  const { dir, env } = machine({ cached: { 'redis/bin/redis-server': redis7 } });
  const binary = join(dir, 'cache', 'redis', 'bin', 'redis-server');
  expect(await findRedis({ env })).toEqual({ binary, from: 'the cache folder', version: '7.2.4' });
});

test('where there is no Redis and no way to bring one, all that was tried is said, and what to do', async () => {
  const { dir, env } = machine({ onPath: { 'redis-server': redis6 } });
  const words = await refusal(findRedis({ env }));
  expect(words).toContain(`${join(dir, 'bin', 'redis-server')}: is version 6.0.16`);
  expect(words).toContain('valkey-server: not on PATH');
  expect(words).toContain('this is no Debian or Ubuntu');
  expect(words).toContain('REDIS_URL');
});

test('a browser is found under any of its names, and one’s own choice goes first', async () => {
  const { dir, env } = machine({ onPath: { 'google-chrome': '', mine: '' } });
  expect(await findChromium({ env })).toEqual({ binary: join(dir, 'bin', 'google-chrome'), from: 'PATH' });
  const CHROMIUM_PATH = join(dir, 'bin', 'mine');
  expect(await findChromium({ env: { ...env, CHROMIUM_PATH } })).toEqual({
    binary: CHROMIUM_PATH,
    from: 'CHROMIUM_PATH',
  });
});

test('where there is no browser, a wrong CHROMIUM_PATH is named among what was tried', async () => {
  const { env } = machine({});
  expect(await refusal(findChromium({ env: { ...env, CHROMIUM_PATH: '/no/such/browser' } }))).toContain(
    '/no/such/browser',
  );
});

test('without k6 and without Go, both are said to be missing', async () => {
  const words = await refusal(findK6({ env: machine({}).env }));
  expect(words).toContain('k6: not on PATH');
  expect(words).toContain('go: not on PATH');
});

test('a Go that cannot build k6 is quoted', async () => {
  const { dir, env } = machine({ onPath: { go: '' } });
  writeFileSync(join(dir, 'bin', 'go'), '#!/bin/sh\necho "error: no route to the module proxy" >&2\nexit 1\n');
  expect(await refusal(findK6({ env }))).toContain('no route to the module proxy');
});

test('the cache folder is one’s own choice, else the platform’s, else in one’s home', () => {
  expect(cacheDir({ ELEVENS_CACHE: '/a', XDG_CACHE_HOME: '/b' })).toBe('/a');
  expect(cacheDir({ XDG_CACHE_HOME: '/b' })).toBe(join('/b', 'elevens'));
  expect(cacheDir({})).toMatch(/[/\\]\.cache[/\\]elevens$/);
});
