import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createHttpProvider } from '../capabilities/payments/http-provider.ts';

/** The till as a process of its own. */

const apiKey = 'sk_test_copper_0123456789';
const webhookSecret = 'whsec_copper_0123456789abcdef';
const program = fileURLToPath(new URL('./main.ts', import.meta.url));
let dir: string;
let running: ChildProcess[];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'elevens-till-'));
  running = [];
});
afterEach(async () => {
  for (const child of running) await end(child, 'SIGKILL');
  rmSync(dir, { recursive: true, force: true });
});

async function end(child: ChildProcess, signal: 'SIGKILL' | 'SIGTERM'): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) {
    const exit = once(child, 'exit');
    child.kill(signal);
    await exit;
  }
  return child.exitCode;
}

function start(settings: object): ChildProcess {
  const file = join(dir, 'settings.json');
  writeFileSync(file, JSON.stringify(settings));
  const child = spawn(process.execPath, [program, file], { stdio: ['ignore', 'pipe', 'pipe'] });
  running.push(child);
  return child;
}

async function open(): Promise<{ child: ChildProcess; provider: ReturnType<typeof createHttpProvider>; url: string }> {
  const child = start({
    apiKey,
    webhookSecrets: [webhookSecret],
    webhookUrl: 'http://127.0.0.1:9/nobody',
    journalFile: join(dir, 'till.jsonl'),
    delays: { slowMs: 3_600_000 },
  });
  if (child.stdout === null) throw new Error('the till says nothing');
  for await (const line of createInterface({ input: child.stdout })) {
    const url = /^The till is open: (\S+)$/.exec(line)?.[1];
    if (url === undefined) continue;
    const provider = createHttpProvider({ baseUrl: () => url, apiKey, webhookSecrets: [webhookSecret] });
    return { child, provider, url };
  }
  throw new Error('the till did not open');
}

test('a till that was killed knows everything that it had answered', async () => {
  const first = await open();
  const expiresAtMs = Date.now() + 600_000;
  const sessions = await Promise.all(
    Array.from({ length: 20 }, (_, n) =>
      first.provider.createSession({
        reference: `y0.payment-${n}`,
        amountMinor: 100 + n,
        currency: 'EUR',
        description: 'Kettle',
        returnUrl: 'http://shop.example/',
        expiresAtMs,
        idempotencyKey: `killed-${n}`,
      }),
    ),
  );
  const cards = ['4242', '2020', '0002', '0404'];
  const answers = await Promise.all(
    sessions.map(async ({ providerId }, n) => {
      const body = new URLSearchParams({ card: cards[n % 4] ?? '' });
      const headers = { accept: 'application/json' };
      const answer = await fetch(`${first.url}/pay/${providerId}`, { method: 'POST', headers, body });
      return ((await answer.json()) as { status: string }).status;
    }),
  );
  expect(answers.slice(0, 4)).toEqual(['succeeded', 'processing', 'open', 'succeeded']);
  await end(first.child, 'SIGKILL');

  const second = await open();
  for (const [n, { providerId }] of sessions.entries()) {
    expect(await second.provider.find(providerId)).toMatchObject({
      status: answers[n],
      reference: `y0.payment-${n}`,
      amountMinor: 100 + n,
    });
  }
  expect(await end(second.child, 'SIGTERM')).toBe(0);
});

test('a till with settings that cannot be used says which', async () => {
  const child = start({ apiKey: 'short', webhookSecrets: [webhookSecret], webhookUrl: 'nowhere' });
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  await once(child, 'close');
  expect(child.exitCode).toBe(2);
  expect(said).toContain('apiKey');
  expect(said).toContain('webhookUrl');
});
