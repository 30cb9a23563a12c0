/**
 * `npm run dev`: the server, started anew whenever one of its sources changes, and vite for the client, which sends what
 * it does not serve itself on to the server. Ctrl-C ends both; where one of them ends by itself, the other is ended too.
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** The server drains within this long: clients are told, Redis closes its log. Whoever needs longer is stuck. */
const endGraceMs = 20_000;

const children = new Map([
  ['server', start(['--watch', '--watch-preserve-output', join('server', 'src', 'main.ts')], root)],
  ['client', start([join(root, 'node_modules', 'vite', 'bin', 'vite.js')], join(root, 'client'))],
]);
let ending = false;

function start(args, cwd) {
  // A process group of its own, so that Ctrl-C comes to this script alone and each is told to end once.
  return spawn(process.execPath, args, { cwd, stdio: ['ignore', 'inherit', 'inherit'], detached: true });
}

function endAll(signal) {
  if (ending) return;
  ending = true;
  for (const child of children.values()) child.kill(signal);
  setTimeout(() => {
    for (const child of children.values()) endGroup(child);
    process.exit(1);
  }, endGraceMs).unref();
}

function endGroup(child) {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  } catch {
    // It is gone already.
  }
}

for (const [name, child] of children) {
  child.once('error', (error) => {
    console.error(`dev: the ${name} could not be started: ${error.message}`);
    process.exitCode = 1;
    endAll('SIGTERM');
  });
  child.once('exit', (code, signal) => {
    children.delete(name);
    if (ending) return;
    console.error(`dev: the ${name} ended (${signal ?? `exit code ${code}`}), so everything does`);
    process.exitCode = 1;
    endAll('SIGTERM');
  });
}
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => endAll('SIGTERM'));
