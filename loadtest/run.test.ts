import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { findK6, isToolMissing } from '../.ci/find-tool.mjs';

/** A short evening takes half a minute, of which most is waiting; a machine that is very busy gets several times that. */
const eveningMs = 180_000;

function load(...args: string[]): { code: number | null; words: string } {
  const ran = spawnSync(process.execPath, [join(import.meta.dirname, 'run.mjs'), ...args], {
    encoding: 'utf8',
    timeout: eveningMs,
  });
  return { code: ran.status, words: ran.stdout + ran.stderr };
}

/** k6, or null where this machine has none and cannot build it; in CI that is a failure. */
async function k6(): Promise<string | null> {
  try {
    return (await findK6()).binary;
  } catch (error) {
    if (!isToolMissing(error) || process.env['CI']) throw error;
    return null;
  }
}

test(
  'a planted oversell turns the light of stock red, and the load says so and fails',
  async ({ skip }) => {
    if ((await k6()) === null) skip('neither k6 nor Go is here');
    const dir = mkdtempSync(join(tmpdir(), 'elevens-load-test-'));
    onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
    const json = join(dir, 'result.json');
    const { code, words } = load('smoke', '--short', '--shoppers', '8', '--plant', 'oversell', '--json', json);
    expect(words).toMatch(
      /the light of stock is red, as it must be: stock adrift: free 232 \+ held 16 .*the ledger says 240/,
    );
    // Nothing else is wrong: up to the planting every law held and every budget was kept.
    expect(words).not.toMatch(/FAILED: /);
    expect(code).toBe(1);
    const result = JSON.parse(readFileSync(json, 'utf8')) as { passed: boolean; findings: { holds: boolean }[] };
    expect(result.passed).toBe(false);
    expect(result.findings.every(({ holds }) => holds)).toBe(true);
  },
  eveningMs,
);

test.each(['http://elevens.example', 'http://10.0.0.1:3000', 'http://127.0.0.1.example:3000', 'ftp://127.0.0.1', 'x'])(
  'no load is sent to %s, which is not this machine',
  (url) => {
    const { code, words } = load('smoke', '--url', url);
    expect(code).toBe(2);
    expect(words).toMatch(/--url must be/);
  },
);

test('a word too many is answered with how it is used', () => {
  const { code, words } = load('stress');
  expect(code).toBe(2);
  expect(words).toContain('Usage: npm run load -- smoke');
});
