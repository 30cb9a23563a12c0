/**
 * `npm test`: every check of the project, each counted, and at the end one line: `N passed, N failed[, N skipped]`.
 * Format, types, lint, unused code, the size of the first load and the load smoke count as one check each, the tests one
 * by one. Of a check that fails the whole output is shown. In CI (`CI` is set) whatever would be skipped fails instead.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(fileURLToPath(import.meta.url));
const bin = join(root, 'node_modules', '.bin');
const ci = Boolean(process.env.CI);

/** A check that hangs must not hang for ever. Each limit is many times what the check takes on two slow cores. */
const staticMs = 300_000;
const testsMs = 1_800_000;
const smokeMs = 900_000;

/** The exit code by which a check says that this machine lacks what it needs. */
const skippedExitCode = 77;

/** What is kept of one check's output: its end, where tools say what is wrong. */
const outputCharsMax = 1_000_000;

/** How long children that were told to end may take over it. */
const endGraceMs = 5_000;

const totals = { passed: 0, failed: 0, skipped: 0 };
const children = new Set();
let interrupted = false;

async function main() {
  await oneCheck('format', 'biome', ['ci', '--colors=off'], staticMs);
  await oneCheck('types', 'tsc', ['-b'], staticMs);
  await oneCheck('lint', 'oxlint', ['--deny-warnings'], staticMs);
  await oneCheck('unused', 'knip', ['--no-progress'], staticMs);
  await oneCheck('first load', 'node', [join('.ci', 'first-load.mjs')], staticMs);
  await tests();
  await oneCheck('load smoke', 'node', [join('loadtest', 'run.mjs'), 'smoke', '--short'], smokeMs);

  const { passed, failed, skipped } = totals;
  console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
  process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
}

async function oneCheck(name, command, args, timeoutMs) {
  const ran = await run(command, args, { timeoutMs });
  if (ran.code === 0) {
    count(name, { passed: 1 }, ran);
  } else if (ran.code === skippedExitCode && !ci) {
    count(name, { skipped: 1 }, ran);
  } else {
    count(name, { failed: 1 }, ran);
  }
}

async function tests() {
  const dir = mkdtempSync(join(tmpdir(), 'elevens-check-'));
  process.once('exit', () => rmSync(dir, { recursive: true, force: true }));
  const countsFile = join(dir, 'counts.json');
  const reporters = ['--reporter=default', `--reporter=${join(root, '.ci', 'count-reporter.mjs')}`];
  const ran = await run('vitest', ['run', ...reporters], { timeoutMs: testsMs, env: { TEST_COUNTS_FILE: countsFile } });
  const counted = readCounts(countsFile);
  // Whatever vitest found wrong and did not count (its configuration, say, or that there is no test) is a failure.
  if (ran.code !== 0 && counted.failed === 0) counted.failed = 1;
  if (ci) {
    counted.failed += counted.skipped;
    counted.skipped = 0;
  }
  count('tests', counted, ran);
}

function readCounts(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return { passed: 0, failed: 1, skipped: 0 };
  }
}

/** Adds to the totals, and prints the check's line, after its whole output where it did not simply pass. */
function count(name, { passed = 0, failed = 0, skipped = 0 }, { output, ms, ended }) {
  totals.passed += passed;
  totals.failed += failed;
  totals.skipped += skipped;
  if (failed > 0 || (skipped > 0 && passed === 0)) console.log(`\n${output.trimEnd()}\n`);
  const verdict = failed > 0 ? `FAILED (${ended})` : skipped > 0 && passed === 0 ? 'skipped' : 'ok';
  const several = passed + failed + skipped > 1;
  const numbers = several ? `, ${passed} passed, ${failed} failed, ${skipped} skipped` : '';
  console.log(`check  ${name.padEnd(10)} ${verdict}${numbers} (${(ms / 1000).toFixed(1)} s)`);
}

function run(command, args, { timeoutMs, env = {} }) {
  const started = performance.now();
  return new Promise((settle) => {
    // After Ctrl-C nothing further is begun: the check in hand ends, and with it the process.
    if (interrupted) return;
    const child = spawn(command, args, {
      cwd: root,
      // The pinned Node and the project's own tools come first, however this script was started.
      env: { ...process.env, NO_COLOR: '1', ...env, PATH: `${bin}${delimiter}${process.env.PATH}` },
      stdio: ['ignore', 'pipe', 'pipe'],
      // A process group of its own, so that what the check itself started ends with it.
      detached: process.platform !== 'win32',
      shell: process.platform === 'win32',
    });
    children.add(child);
    let output = '';
    const hear = (chunk) => {
      output = (output + chunk).slice(-outputCharsMax);
    };
    child.stdout.setEncoding('utf8').on('data', hear);
    child.stderr.setEncoding('utf8').on('data', hear);
    const timeout = setTimeout(() => {
      hear(`\nStill running after ${timeoutMs / 1000} s, so it was ended.\n`);
      end(child, 'SIGKILL');
    }, timeoutMs);
    const finish = (code, ended) => {
      clearTimeout(timeout);
      children.delete(child);
      settle({ code, ended, output, ms: performance.now() - started });
    };
    child.once('error', (error) => {
      hear(error.message);
      finish(null, 'it could not be run');
    });
    child.once('close', (code, signal) => finish(code, signal ?? `exit code ${code}`));
  });
}

function end(child, signal) {
  try {
    if (process.platform === 'win32') child.kill(signal);
    else process.kill(-child.pid, signal);
  } catch {
    // It is gone already.
  }
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.once(signal, () => {
    interrupted = true;
    console.log(`\nEnded by ${signal}.`);
    for (const child of children) {
      child.once('close', () => process.exit(1));
      end(child, 'SIGTERM');
    }
    setTimeout(() => {
      for (const child of children) end(child, 'SIGKILL');
      process.exit(1);
    }, endGraceMs);
  });
}

await main();
