import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readFestivalFile } from './capabilities/catalogue/index.ts';
import { createIdentity } from './capabilities/identity/index.ts';
import { createClock } from './platform/clock.ts';
import { createPasswords } from './platform/identity/passwords.ts';
import { createTokens } from './platform/identity/tokens.ts';
import { createLogger } from './platform/logger.ts';
import { createRandom } from './platform/random.ts';
import { openConnections } from './platform/redis/connections.ts';
import { startEmbeddedRedis } from './platform/redis/embedded.ts';
import { createKeyspace } from './platform/redis/keyspace.ts';
import { redisBinary } from './platform/redis/redis-binary.ts';

const script = fileURLToPath(new URL('./staff.ts', import.meta.url));
const demoFestival = fileURLToPath(new URL('../festivals/demo.json', import.meta.url));
const random = createRandom();
const logger = createLogger('silent');

let dataDir: string;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'elevens-staff-'));
});
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

/** Runs the command as a person would, with what is typed on standard input. */
function staff(args: string[], typed = ''): Promise<{ code: number | null; said: string }> {
  return new Promise((settle) => {
    const env = { PATH: process.env['PATH'], DATA_DIR: dataDir };
    const child = spawn(process.execPath, [script, ...args], { env, stdio: ['pipe', 'pipe', 'pipe'] });
    let said = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (part: Buffer) => {
        said += part.toString();
      });
    // The command may have answered before it reads anything.
    child.stdin.on('error', () => {});
    child.stdin.end(typed);
    child.on('close', (code) => settle({ code, said }));
  });
}

/** Signs in as a server on the same data would; runs `during` while that server is up. */
async function whileServing(during: (signIn: (name: string, password: string) => Promise<string>) => Promise<void>) {
  const embedded = await startEmbeddedRedis({
    dataDir,
    binary: redisBinary(),
    logger,
    randomToken: () => random.token(24),
  });
  const target = { ...embedded.connection, password: embedded.password };
  const connections = await openConnections(target, { logger, onReady: async () => {}, onDown: () => {} });
  const { festival } = await readFestivalFile(demoFestival);
  const keys = createKeyspace({ festival: festival.id, partitions: 1 });
  const clock = createClock();
  const identity = createIdentity({
    redis: connections.hot,
    subscriber: connections.subscriber,
    keys,
    clock,
    random,
    logger,
    tokens: await createTokens({ secrets: ['a-secret-that-only-this-test-knows'], festival: festival.id, clock }),
    passwords: createPasswords({ random }),
    demo: false,
  });
  try {
    await during(async (name, password) => {
      const caller = { person: null, arrivedAtMs: clock.nowMs(), traceId: 'test', socket: null };
      const none = { requestId: '', command: '', inputHash: '' };
      const answer = await identity.handlers['sign-in'](caller, { name, password }, none);
      return answer.ok ? answer.reply.roles.join(' ') : answer.why;
    });
  } finally {
    await connections.close();
    await embedded.stop();
  }
}

describe('npm run staff', () => {
  it('makes an account before the server runs, and removes it while it runs', async () => {
    const added = await staff(['add', 'mei', '--role', 'operator', '--display', 'Mei'], 'moon over the market\n');
    expect(added).toEqual({ code: 0, said: expect.stringContaining('mei may sign in') });
    await whileServing(async (signIn) => {
      expect(await signIn('mei', 'moon over the market')).toBe('shopper operator');
      expect(await signIn('mei', 'moon over the markets')).toBe('wrong-credentials');
      expect(await staff(['remove', 'mei'])).toEqual({ code: 0, said: expect.stringContaining('mei is removed') });
      expect(await signIn('mei', 'moon over the market')).toBe('wrong-credentials');
      expect(await staff(['remove', 'mei'])).toEqual({ code: 1, said: 'There is no account "mei".\n' });
    });
  });

  it.each([
    [['add', 'mei'], 'long enough as a password', '--role must be'],
    [['add', 'mei', '--role', 'admin'], 'long enough as a password', '--role must be'],
    [['add', 'mei', '--role', 'brand'], 'long enough as a password', '--brand belongs to'],
    [['add', 'mei', '--role', 'operator', '--brand', 'lotus'], 'long enough as a password', '--brand belongs to'],
    [['add', 'mei', '--role', 'operator'], 'short', 'at least 12 characters'],
    [['add', 'mei', '--role', 'operator'], 'x'.repeat(300), 'At most 200 characters'],
    [['add', 'Mei Li', '--role', 'operator'], 'long enough as a password', 'a-z 0-9 -'],
    [['add', 'demo-mei', '--role', 'operator'], 'long enough as a password', "the demo's own"],
    [['add', 'mei', '--role', 'operator', '--sudo'], 'long enough as a password', '--sudo'],
    [['promote', 'mei'], '', 'npm run staff'],
    [[], '', 'npm run staff'],
  ])('refuses %j in words', async (args, typed, words) => {
    const { code, said } = await staff(args, typed);
    expect(code).toBe(1);
    expect(said).toContain(words);
    expect(said).not.toContain('    at ');
  });
});
