/**
 * Finds the programs that the project runs but does not install from npm: redis-server, Chromium and k6. Each is looked
 * for on PATH, then in the cache folder, and is then brought into the cache folder where this machine allows it, without
 * root and without a service. Plain JavaScript on Node >= 20.19, because set-up runs before anything is installed.
 */
import { spawn, spawnSync } from 'node:child_process';
import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The k6 that the journeys were written against; its script interface changes between major versions. */
const k6Version = 'v1.8.1';

/** Sharded pub/sub, which the feeds ring with, came with Redis 7. Valkey began at 7.2. */
const redisMajorMin = 7;

/** A download that has not finished after this long is on a line where it never will. */
const downloadMs = 600_000;

/** Building k6 takes two minutes on two cores with an empty cache; slow machines get ten times that. */
const goInstallMs = 1_200_000;

const root = fileURLToPath(new URL('..', import.meta.url));

/** Where set-up writes what it found, for the server and the tests to read. */
export const toolsFile = join(root, 'node_modules', '.cache', 'elevens', 'tools.json');

/** The folder that outlives a checkout: `ELEVENS_CACHE`, else `elevens` in the person's own cache folder. */
export function cacheDir(env = process.env) {
  return env.ELEVENS_CACHE || join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'elevens');
}

/** What the last set-up found, by name; empty where none has run. */
export function readTools() {
  try {
    return JSON.parse(readFileSync(toolsFile, 'utf8'));
  } catch {
    return {};
  }
}

/** Adds to what is written down, so that a set-up for one thing does not forget the tools of another. */
export function writeTools(found) {
  mkdirSync(dirname(toolsFile), { recursive: true });
  writeFileSync(toolsFile, `${JSON.stringify({ ...readTools(), ...found }, null, 2)}\n`);
}

/** Whether an error says that a tool is neither there nor to be brought; its message says what was tried. */
export function isToolMissing(error) {
  return error instanceof Error && error.code === 'tool-missing';
}

/** redis-server or valkey-server, 7 or newer. `say` hears what takes long. */
export async function findRedis({ env = process.env, say = () => {} } = {}) {
  const tried = [];
  for (const name of ['redis-server', 'valkey-server']) {
    for (const binary of onPath(name, env)) {
      const version = redisVersion(binary);
      if (version.ok) return { binary, from: 'PATH', version: version.text };
      tried.push(`${binary}: ${version.text}`);
    }
    if (!onPath(name, env).length) tried.push(`${name}: not on PATH`);
  }
  const cached = join(cacheDir(env), 'redis', 'bin', 'redis-server');
  if (existsSync(cached)) {
    const version = redisVersion(cached);
    if (version.ok) return { binary: cached, from: 'the cache folder', version: version.text };
    tried.push(`${cached}: ${version.text}`);
  } else {
    tried.push(`${cached}: not there`);
  }
  for (const name of ['redis', 'valkey']) {
    // The server's own name is a link to the binary, which is in the package of the tools.
    const packages = [`${name}-server`, `${name}-tools`];
    const failed = await unpackDebian({
      packages,
      // Their shared libraries, where apt cannot work out by itself which of them are missing.
      fallback: ['libjemalloc2', 'liblzf1'],
      into: join(cacheDir(env), 'redis'),
      wrapper: 'redis-server',
      program: `usr/bin/${name}-server`,
      works: (binary) => {
        const version = redisVersion(binary);
        return version.ok ? null : version.text;
      },
      env,
      say,
    });
    if (failed === null) return { binary: cached, from: 'Debian packages', version: redisVersion(cached).text };
    tried.push(`Debian packages ${packages.join(', ')}: ${failed}`);
  }
  throw missing('redis-server (7 or newer)', tried, [
    'Install it: `apt install redis-server`, `dnf install valkey`, `apk add redis`, `brew install redis`,',
    'or set REDIS_URL to a Redis of your own (for the server; the tests start their own).',
  ]);
}

/** Chromium or Chrome, for the tests of the pages. `CHROMIUM_PATH` names one that is not on PATH. */
export async function findChromium({ env = process.env, say = () => {} } = {}) {
  const tried = [];
  if (env.CHROMIUM_PATH) {
    if (isExecutable(env.CHROMIUM_PATH)) return { binary: env.CHROMIUM_PATH, from: 'CHROMIUM_PATH' };
    tried.push(`CHROMIUM_PATH: ${env.CHROMIUM_PATH} is no program that may be run`);
  }
  const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
  for (const name of names) {
    const [binary] = onPath(name, env);
    if (binary) return { binary, from: 'PATH' };
  }
  tried.push(`${names.join(', ')}: not on PATH`);
  const cached = join(cacheDir(env), 'chromium', 'bin', 'chromium');
  if (isExecutable(cached)) return { binary: cached, from: 'the cache folder' };
  tried.push(`${cached}: not there`);
  const failed = await unpackDebian({
    packages: ['chromium', 'chromium-common'],
    fallback: [],
    into: join(cacheDir(env), 'chromium'),
    wrapper: 'chromium',
    // The program itself: the script in usr/bin expects its settings under /etc.
    program: 'usr/lib/chromium/chromium',
    works: (binary) => {
      const ran = spawnSync(binary, ['--version'], { encoding: 'utf8', timeout: 60_000 });
      return ran.status === 0 ? null : firstWords(`${ran.error?.message ?? ''} ${ran.stderr ?? ''}`);
    },
    env,
    say,
  });
  if (failed === null) return { binary: cached, from: 'Debian packages' };
  tried.push(`Debian packages: ${failed}`);
  throw missing('Chromium', tried, [
    'Install it (`apt install chromium`, `dnf install chromium`, `brew install --cask chromium`),',
    'or set CHROMIUM_PATH to a Chromium or Chrome of your own.',
  ]);
}

/** k6, which drives the load. */
export async function findK6({ env = process.env, say = () => {} } = {}) {
  const [there] = onPath('k6', env);
  if (there) return { binary: there, from: 'PATH' };
  const bin = join(cacheDir(env), 'k6', k6Version);
  const cached = join(bin, process.platform === 'win32' ? 'k6.exe' : 'k6');
  if (isExecutable(cached)) return { binary: cached, from: 'the cache folder' };
  const tried = ['k6: not on PATH', `${cached}: not there`];
  const [go] = onPath('go', env);
  if (go) {
    say(`k6: building ${k6Version} with Go, which takes some minutes the first time`);
    mkdirSync(bin, { recursive: true });
    const built = await run(go, ['install', `go.k6.io/k6@${k6Version}`], {
      env: { ...env, GOBIN: bin },
      timeoutMs: goInstallMs,
    });
    if (built.ok && isExecutable(cached)) return { binary: cached, from: 'Go' };
    tried.push(`go install go.k6.io/k6@${k6Version}: ${firstWords(built.output)}`);
  } else {
    tried.push('go: not on PATH, so k6 cannot be built here');
  }
  throw missing('k6', tried, [`Install k6 ${k6Version} (https://grafana.com/docs/k6) or Go, and try again.`]);
}

function missing(what, tried, advice) {
  const lines = [`${what} was not found. Tried:`, ...tried.map((one) => `  - ${one}`), ...advice];
  return Object.assign(new Error(lines.join('\n')), { code: 'tool-missing' });
}

function onPath(name, env) {
  const suffixes = process.platform === 'win32' ? ['.exe'] : [''];
  return (env.PATH ?? env.Path ?? '')
    .split(delimiter)
    .filter((dir) => dir !== '')
    .flatMap((dir) => suffixes.map((suffix) => join(dir, name + suffix)))
    .filter(isExecutable);
}

function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

function redisVersion(binary) {
  const ran = spawnSync(binary, ['--version'], { encoding: 'utf8', timeout: 10_000 });
  const version = /v=(\d+)\.(\S+)/.exec(ran.stdout ?? '');
  if (!version) {
    return { ok: false, text: `does not run (${firstWords(`${ran.error?.message ?? ''} ${ran.stderr ?? ''}`)})` };
  }
  const text = `${version[1]}.${version[2]}`;
  return Number(version[1]) >= redisMajorMin
    ? { ok: true, text }
    : { ok: false, text: `is version ${text}, and ${redisMajorMin} or newer is needed` };
}

/**
 * Downloads packages with all that they need and this machine lacks, and unpacks them into a folder: nothing is
 * installed, no script of theirs runs and no service starts. First with the machine's own package lists, then with
 * private ones, because in a container the lists are empty, old or not ours to write. Answers null, or why it failed.
 */
async function unpackDebian({ packages, fallback, into, wrapper, program, works, env, say }) {
  for (const needed of ['apt-get', 'dpkg-deb']) {
    if (!onPath(needed, env).length) return `${needed} is not on PATH; this is no Debian or Ubuntu`;
  }
  mkdirSync(dirname(into), { recursive: true });
  const work = mkdtempSync(`${into}.part-`);
  try {
    say(`${wrapper}: unpacking Debian packages into ${into}`);
    let downloaded = await downloadDebian({ packages, fallback, work, lists: [] });
    if (!downloaded.ok) {
      mkdirSync(join(work, 'state', 'lists', 'partial'), { recursive: true });
      mkdirSync(join(work, 'cache', 'archives', 'partial'), { recursive: true });
      const lists = [
        `-oDir::State=${join(work, 'state')}`,
        '-oDir::State::status=/var/lib/dpkg/status',
        `-oDir::Cache=${join(work, 'cache')}`,
      ];
      const updated = await run('apt-get', [...lists, 'update'], { cwd: work, timeoutMs: downloadMs });
      if (!updated.ok) return `apt-get update failed: ${firstWords(updated.output)}`;
      downloaded = await downloadDebian({ packages, fallback, work, lists });
      if (!downloaded.ok) return `apt-get download failed: ${firstWords(downloaded.output)}`;
    }
    const unpacked = join(work, 'tree', 'root');
    mkdirSync(unpacked, { recursive: true });
    for (const deb of readdirSync(work).filter((file) => file.endsWith('.deb'))) {
      const extracted = await run('dpkg-deb', ['-x', join(work, deb), unpacked], { timeoutMs: downloadMs });
      if (!extracted.ok) return `${deb} could not be unpacked: ${firstWords(extracted.output)}`;
    }
    if (!existsSync(join(unpacked, program))) return `the packages hold no ${program}`;
    const file = join(work, 'tree', 'bin', wrapper);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, wrapperScript({ unpacked, program }));
    chmodSync(file, 0o755);
    const broken = works(file);
    if (broken !== null) return `it ${broken}`;
    rmSync(into, { recursive: true, force: true });
    renameSync(join(work, 'tree'), into);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

async function downloadDebian({ packages, fallback, work, lists }) {
  // A simulated installation names what is missing without needing root; a machine whose packages are in disorder
  // refuses even that, and then the known names have to do.
  const simulated = await run(
    'apt-get',
    [...lists, '-s', 'install', '--no-install-recommends', '--no-remove', ...packages],
    { cwd: work, timeoutMs: 60_000 },
  );
  const needed = [...simulated.output.matchAll(/^Inst (\S+)/gm)].map((match) => match[1]);
  const names = new Set([...packages, ...(simulated.ok ? needed : fallback)]);
  return run('apt-get', [...lists, '-q', 'download', ...names], { cwd: work, timeoutMs: downloadMs });
}

/** The wrapper finds its own folder, so that the cache folder may be moved, and is gone once the program runs. */
function wrapperScript({ unpacked, program }) {
  const libraries = ['usr/lib', 'lib']
    .filter((dir) => existsSync(join(unpacked, dir)))
    .flatMap((dir) => [
      dir,
      ...readdirSync(join(unpacked, dir), { withFileTypes: true })
        .filter((entry) => entry.isDirectory() && /-linux-/.test(entry.name))
        .map((entry) => join(dir, entry.name)),
    ]);
  const fonts = existsSync(join(unpacked, 'etc', 'fonts')) && !existsSync('/etc/fonts');
  return [
    '#!/bin/sh',
    'here=$(cd "${0%/*}" && pwd)',
    `export LD_LIBRARY_PATH="${libraries.map((dir) => `$here/../root/${dir}`).join(':')}\${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"`,
    ...(fonts ? ['export FONTCONFIG_PATH="$here/../root/etc/fonts"'] : []),
    `exec "$here/../root/${program}" "$@"`,
    '',
  ].join('\n');
}

function run(command, args, { cwd, env = process.env, timeoutMs }) {
  return new Promise((settle) => {
    const child = spawn(command, args, {
      cwd,
      // Words are read below, so they must be English.
      env: { ...env, LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: timeoutMs,
    });
    let output = '';
    const hear = (chunk) => {
      // Enough for every line that is read or shown.
      output = (output + chunk).slice(-200_000);
    };
    child.stdout.setEncoding('utf8').on('data', hear);
    child.stderr.setEncoding('utf8').on('data', hear);
    child.on('error', (error) => settle({ ok: false, output: error.message }));
    child.on('close', (code, signal) => {
      settle({ ok: code === 0, output: signal ? `${output}\nended by ${signal} after ${timeoutMs} ms` : output });
    });
  });
}

/** The lines that say what is wrong, at a length that a person reads. */
function firstWords(output) {
  const lines = output.trim().split('\n');
  const errors = lines.filter((line) => /^(E:|error|.*: )/i.test(line));
  return (errors.length ? errors : lines).slice(-3).join(' / ').slice(0, 400) || 'no word of why';
}
