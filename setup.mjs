/**
 * Makes a checkout ready: `node setup.mjs start|test|dev|load|bench`, run by npm before each of those. Installs what the
 * lock file says, finds or brings the programs that are not on npm, and builds the client, each only when it is out of
 * date, with one line a step. Plain JavaScript on Node >= 20.19, because it runs before anything is installed.
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(fileURLToPath(import.meta.url));
const stamps = join(root, 'node_modules', '.cache', 'elevens');
const windows = process.platform === 'win32';

/** Set-up itself runs from here on, the server only from the second, where Node strips types by itself. */
const setupNodeMin = [20, 19];
const serverNodeMin = [22, 18];

const modes = {
  start: { tools: ['redis'], client: true },
  test: { tools: ['redis', 'chromium', 'k6'], client: true },
  dev: { tools: ['redis'], client: false },
  load: { tools: ['redis', 'k6'], client: false },
  bench: { tools: ['redis'], client: false },
};

/** A failure that a person can do something about: its message says what was tried and what to do. */
function failure(message) {
  return Object.assign(new Error(message), { code: 'setup-failed' });
}

async function main() {
  const mode = modes[process.argv[2]];
  if (!mode) throw failure(`Usage: node setup.mjs ${Object.keys(modes).join('|')}`);
  if (!atLeast(process.versions.node, setupNodeMin)) {
    throw failure(
      `This is Node ${process.versions.node}, and ${setupNodeMin.join('.')} or newer is needed to begin.\n` +
        'Install the current LTS from https://nodejs.org or with a version manager, and try again.',
    );
  }
  await step('packages', installPackages);
  const node = await step('node', checkNode);
  await findTools(mode.tools);
  if (mode.client) await step('client', () => buildClient(node));
}

/** Runs one step, and prints one line for it: its words and the time it took. */
async function step(name, work) {
  const started = performance.now();
  const { said, ...result } = await work();
  if (said) print(name, `${said} (${((performance.now() - started) / 1000).toFixed(1)} s)`);
  return result;
}

function print(name, words) {
  console.log(`setup  ${name.padEnd(9)} ${words}`);
}

async function installPackages() {
  const stamp = join(stamps, 'installed');
  const wanted = hashOf(['package.json', 'package-lock.json', '.npmrc', ...workspaceManifests()]);
  if (readStamp(stamp) === wanted) return { said: 'up to date' };
  if (installedIsWhatTheLockSays()) {
    writeStamp(stamp, wanted);
    return { said: 'already what the lock says' };
  }
  print('packages', 'installing from the lock, which takes about half a minute');
  const ran = await run('npm', ['ci', '--loglevel=error'], { shell: windows });
  if (ran !== 0) {
    throw failure(
      `\`npm ci\` ended with ${ran} (its own words are above). It installs exactly what package-lock.json says.\n` +
        'Check the network and the registry (`npm ping`); where package.json was changed by hand, run `npm install` once.',
    );
  }
  writeStamp(stamp, wanted);
  return { said: 'installed from the lock' };
}

function workspaceManifests() {
  const { workspaces } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  return workspaces.map((workspace) => join(workspace, 'package.json'));
}

/**
 * After an `npm install` of one's own there is nothing to do. npm keeps beside the packages a copy of the lock as it
 * installed it; what it lacks may only be what is optional on this platform, and the manifests must be those locked.
 */
function installedIsWhatTheLockSays() {
  try {
    const read = (...path) => JSON.parse(readFileSync(join(root, ...path), 'utf8'));
    const locked = read('package-lock.json').packages;
    const installed = read('node_modules', '.package-lock.json').packages;
    const same = (a, b) => a !== undefined && b !== undefined && a.version === b.version && a.integrity === b.integrity;
    for (const [path, entry] of Object.entries(locked)) {
      if (path === '' || !path.includes('node_modules/')) {
        const manifest = read(path, 'package.json');
        for (const kind of ['dependencies', 'devDependencies', 'optionalDependencies']) {
          if (JSON.stringify(sorted(manifest[kind])) !== JSON.stringify(sorted(entry[kind]))) return false;
        }
      } else if (!entry.optional && !entry.peer && !entry.devOptional && !entry.link) {
        if (!same(entry, installed[path]) || !existsSync(join(root, path, 'package.json'))) return false;
      }
    }
    return Object.entries(installed).every(([path, entry]) => entry.link || same(entry, locked[path]));
  } catch {
    return false;
  }
}

function sorted(dependencies = {}) {
  return Object.entries(dependencies).toSorted(([a], [b]) => (a < b ? -1 : 1));
}

/**
 * The Node that npm's scripts will run on: the pinned one, which npm puts first on PATH, or where none is published for
 * this platform, the machine's own.
 */
async function checkNode() {
  const { optionalDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const name = `node-${windows ? 'win' : process.platform}-${process.arch}`;
  const pinned = optionalDependencies[name];
  const bin = join(root, 'node_modules', '.bin', windows ? 'node.cmd' : 'node');
  if (pinned && existsSync(bin)) {
    const ran = spawnSync(bin, ['-p', 'process.versions.node'], { encoding: 'utf8', shell: windows });
    const version = (ran.stdout ?? '').trim();
    if (version === pinned) return { node: bin, said: `${version}, the pinned one` };
    if (ran.status === 0) {
      throw failure(
        `${relative(root, bin)} is Node ${version}, and package.json pins ${pinned}.\nDelete node_modules and try again.`,
      );
    }
    // Published for another C library than this machine's (musl, say). Left there, it would shadow the machine's own.
    rmSync(bin, { force: true });
  }
  const own = await systemNode();
  const why = pinned
    ? `the pinned ${pinned} does not run here`
    : `none is published for ${process.platform} ${process.arch}`;
  if (own && atLeast(own.version, serverNodeMin))
    return { node: own.path, said: `${own.version}, this machine’s own (${why})` };
  throw failure(
    `The server needs Node ${serverNodeMin.join('.')} or newer: ${why}, and this machine’s own is ${own?.version ?? 'not on PATH'}.\n` +
      `Install Node 24 from https://nodejs.org or with a version manager${pinned ? `, or \`npm ci --include=optional\` if optional packages were left out` : ''}.`,
  );
}

async function systemNode() {
  const ran = spawnSync('node', ['-p', 'process.versions.node + " " + process.execPath'], { encoding: 'utf8' });
  if (ran.status !== 0) return null;
  const [version, ...path] = ran.stdout.trim().split(' ');
  return { version, path: path.join(' ') };
}

/** A missing browser or k6 only takes its own checks away, except in CI, where nothing is left out. */
async function findTools(wanted) {
  const { findRedis, findChromium, findK6, isToolMissing, readTools, writeTools } = await import('./.ci/find-tool.mjs');
  const find = { redis: findRedis, chromium: findChromium, k6: findK6 };
  for (const name of wanted) {
    if (name === 'redis' && process.argv[2] === 'start' && (process.env.REDIS_URL || process.env.REDIS_CLUSTER)) {
      print(name, 'your own, as REDIS_URL or REDIS_CLUSTER says');
      continue;
    }
    await step(name, async () => {
      try {
        const tool = await find[name]({ say: (line) => print(name, line) });
        if (JSON.stringify(readTools()[name]) !== JSON.stringify(tool)) writeTools({ [name]: tool });
        return { said: `${tool.version ? `${tool.version} ` : ''}from ${tool.from}` };
      } catch (error) {
        if (!isToolMissing(error)) throw error;
        writeTools({ [name]: undefined });
        const optional = process.argv[2] === 'test' && name !== 'redis';
        if (!optional || process.env.CI) throw failure(error.message);
        return { said: `${error.message}\nThe checks that need it are skipped.` };
      }
    });
  }
}

async function buildClient({ node }) {
  if (!existsSync(join(root, 'client', 'vite.config.ts'))) return { said: '' };
  const stamp = join(stamps, 'client-built');
  const wanted = hashOf(['package-lock.json', ...filesUnder('client'), ...filesUnder(join('shared', 'src'))]);
  const manifest = join(root, 'client', 'dist', '.vite', 'manifest.json');
  if (existsSync(manifest) && readStamp(stamp) === wanted) return { said: 'up to date' };
  const vite = join(root, 'node_modules', 'vite', 'bin', 'vite.js');
  const ran = await run(node, [vite, 'build', '--logLevel', 'warn'], { cwd: join(root, 'client') });
  if (ran !== 0) {
    throw failure(
      `The client could not be built: \`vite build\` in client/ ended with ${ran} (its own words are above).`,
    );
  }
  writeStamp(stamp, wanted);
  return { said: 'built' };
}

/** Sources only: what is built or installed does not count, nor do tests, which no bundle holds. */
function filesUnder(dir) {
  return readdirSync(join(root, dir), { withFileTypes: true }).flatMap((entry) => {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) return ['node_modules', 'dist'].includes(entry.name) ? [] : filesUnder(path);
    return /\.test\.tsx?$/.test(entry.name) ? [] : [path];
  });
}

/** By content, because a fresh checkout or a branch switch changes every modification time and no content. */
function hashOf(files) {
  const hash = createHash('sha256');
  for (const file of files.toSorted()) {
    const content = readFileSync(join(root, file));
    hash.update(`${file.split(sep).join('/')}\0${content.length}\0`).update(content);
  }
  return hash.digest('hex');
}

function readStamp(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return null;
  }
}

function writeStamp(file, text) {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

/** Runs a program with its output shown, and answers how it ended. */
function run(command, args, options) {
  return new Promise((settle) => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'], ...options });
    child.once('error', (error) => settle(error.message));
    child.once('close', (code, signal) => settle(signal ?? code));
  });
}

function atLeast(version, [major, minor]) {
  const [ownMajor, ownMinor] = version.split('.').map(Number);
  return ownMajor > major || (ownMajor === major && ownMinor >= minor);
}

main().catch((error) => {
  console.error(error?.code === 'setup-failed' ? `\nsetup failed: ${error.message}` : error);
  process.exitCode = 1;
});
