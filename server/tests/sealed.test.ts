import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync, gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { stockBalances } from '../src/capabilities/deals/index.ts';
import { moneyBalances } from '../src/capabilities/money/books.ts';
import { createSealer, sealingLimits } from '../src/capabilities/money/sealing/sealer.ts';
import { createLogger } from '../src/platform/logger.ts';
import { createRandom } from '../src/platform/random.ts';
import { createKeyspace } from '../src/platform/redis/keyspace.ts';
import { festivalOf, guest, post, requestId, startServer } from './test-server.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const pinned = join(root, 'node_modules', '.bin', 'node');
const node = existsSync(pinned) ? pinned : process.execPath;

/** The command as a person runs it, with the settings of a server. */
async function reconcile(env: Record<string, string>, ...args: string[]) {
  const child = spawn(node, [join(root, 'server', 'src', 'reconcile.ts'), ...args], {
    cwd: root,
    env: { PATH: process.env['PATH'] ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (part) => (said += part));
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, said };
}

test('a reconciliation goes through what was sealed, and names a segment that somebody wrote over', {
  timeout: 90_000,
}, async () => {
  const festival = festivalOf({ deals: [{ id: 'kettle', total: 400, limitPerShopper: 3 }] });
  const server = await startServer({ festival, env: { PARTITIONS: '3' } });
  const keys = createKeyspace({ festival: 'rehearsal', partitions: 3 });
  const redis = await server.redis();
  const { dataDir } = server;
  const settings = { DATA_DIR: dataDir };

  async function buy(): Promise<{ token: string; orderId: string }> {
    const { token } = await guest(server.url);
    const lines = [{ dealId: 'kettle', quantity: 2 }];
    const { answer } = await post(server.url, 'deals:claim', { requestId: requestId(), lines }, { token });
    if (!answer.ok) throw new Error(JSON.stringify(answer));
    const { holdId } = answer.reply as { holdId: string };
    const sum = { holdIds: [holdId], totalMinor: 22_200, currency: 'CNY' };
    const placed = await post(server.url, 'orders:place', { requestId: requestId(), ...sum }, { token });
    if (!placed.answer.ok) throw new Error(JSON.stringify(placed.answer));
    const [order] = (placed.answer.reply as { orders: { orderId: string }[] }).orders;
    return { token, orderId: order?.orderId ?? '' };
  }
  async function headInExport({ token, orderId }: { token: string; orderId: string }) {
    const { answer } = await post(server.url, 'orders:export', { orderId, format: 'json' }, { token });
    if (!answer.ok) throw new Error(JSON.stringify(answer));
    return (JSON.parse((answer.reply as { text: string }).text) as { ledgerHead: { sha256: string } | null })
      .ledgerHead;
  }
  /** Seals as the server does, but as if ten minutes had gone by; the server keeps its own distance meanwhile. */
  const seal = () =>
    createSealer({
      redis,
      keys,
      clock: { nowMs: () => Date.now() + sealingLimits.waitMs + 5_000 },
      random: createRandom(),
      logger: createLogger('silent'),
      dataDir,
      balancesBy: { money: moneyBalances, stock: stockBalances },
    }).seal();

  const first = await buy();
  expect(await headInExport(first)).toBeNull();
  expect((await reconcile(settings)).said).toMatch(/sealed +0 segments of the ledger, 0 lines +agree/);
  for (let i = 0; i < 12; i++) await buy();
  await seal();
  for (let i = 0; i < 5; i++) await buy();

  const head = await headInExport(first);
  expect(head).toMatchObject({ segment: 1 });
  const whole = await reconcile(settings, '--head', head?.sha256 ?? '');
  expect(whole.said).toMatch(/sealed +3 segments of the ledger, \d+ lines +agree/);
  expect(whole.said).toContain(`head of partition ${first.orderId[1]}: segment 1, ${head?.sha256}`);
  expect(whole.said).toContain(`The head ${head?.sha256} is segment 1 of partition ${first.orderId[1]} of rehearsal.`);
  expect(whole.said).toMatch(/orders +18 orders/);
  expect(whole.code).toBe(0);
  const never = await reconcile(settings, '--head', 'ab'.repeat(32));
  expect(never.said).toContain('is NOT among the sealed segments');
  expect(never.code).toBe(1);

  const folder = join(dataDir, 'ledger', 'rehearsal', 'p1');
  const [name = ''] = readdirSync(folder);
  const text = gunzipSync(readFileSync(join(folder, name))).toString();
  writeFileSync(join(folder, name), gzipSync(text.replace('"units"', '"given"')));
  const broken = await reconcile(settings);
  expect(broken.said).toContain(`sealed: segment 1 of partition 1, ${name}, is as it was sealed (its SHA-256 is `);
  expect(broken.said).toContain('It does NOT agree.');
  expect(broken.code).toBe(1);

  // Redis alone is whole, and can be told to be read alone; where the files are not, they are missed by name.
  expect((await reconcile({ ...settings, LEDGER_SEAL: 'off' })).code).toBe(0);
  writeFileSync(join(folder, name), gzipSync(text));
  expect((await reconcile(settings)).code).toBe(0);
  renameSync(join(dataDir, 'ledger'), join(dataDir, 'elsewhere'));
  const elsewhere = await reconcile(settings);
  for (const p of [0, 1, 2])
    expect(elsewhere.said).toMatch(new RegExp(`sealed: segment 1 of partition ${p} in .*: the ledger says 1, found 0`));
  expect(elsewhere.code).toBe(1);
});
