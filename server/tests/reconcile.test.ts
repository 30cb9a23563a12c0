import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { createKeyspace } from '../src/platform/redis/keyspace.ts';
import { festivalOf, guest, isAlive, post, requestId, startServer, tempDir } from './test-server.ts';

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

test('beside a running festival everything agrees, and a figure that another hand changed is named', {
  timeout: 90_000,
}, async () => {
  const partitions = 2;
  const festival = festivalOf({
    deals: [
      { id: 'kettle', total: 40, limitPerShopper: 3 },
      { id: 'pan', total: 9 },
    ],
  });
  const server = await startServer({ festival, env: { PARTITIONS: String(partitions) } });
  const redisPid = await server.redisPid();
  const people = await Promise.all(Array.from({ length: 10 }, () => guest(server.url)));
  const orderIds: string[] = [];
  for (const { token } of people) {
    const lines = [{ dealId: 'kettle', quantity: 2 }];
    const { answer } = await post(server.url, 'deals:claim', { requestId: requestId(), lines }, { token });
    if (!answer.ok) throw new Error(JSON.stringify(answer));
    const { holdId } = answer.reply as { holdId: string };
    const sum = { holdIds: [holdId], totalMinor: 22_200, currency: 'CNY' };
    const placed = await post(server.url, 'orders:place', { requestId: requestId(), ...sum }, { token });
    if (!placed.answer.ok) throw new Error(JSON.stringify(placed.answer));
    orderIds.push(...(placed.answer.reply as { orders: { orderId: string }[] }).orders.map(({ orderId }) => orderId));
    await post(
      server.url,
      'deals:claim',
      { requestId: requestId(), lines: [{ dealId: 'pan', quantity: 1 }] },
      { token },
    );
  }

  // Neither the number of partitions nor the festival is told to it: both are kept.
  const settings = { DATA_DIR: server.dataDir };
  const whole = await reconcile(settings);
  expect(whole.said).toMatch(/rehearsal, 2 partitions: \d+ lines of the ledger/);
  expect(whole.said).toMatch(/orders +10 orders, 10 entries of their timelines +agree/);
  expect(whole.said).toMatch(/payments +10 payments, 0 refunds +agree/);
  expect(whole.said).toMatch(/holds +19 open holds +agree/);
  expect(whole.said).toContain('Everything agrees.');
  expect(whole.code).toBe(0);
  // The server goes on with the Redis it had.
  expect(await server.redisPid()).toBe(redisPid);
  expect(await server.ready()).toBe(true);

  const redis = await server.redis();
  const keys = createKeyspace({ festival: 'rehearsal', partitions });
  const [orderId = ''] = orderIds;
  const k = keys.partition(Number(orderId[1]));
  const [first = ''] = await redis.lrange(k.timeline(orderId), 0, 0);
  await redis.lset(k.timeline(orderId), 0, first.replace('placed', 'gifted'));
  await redis.hincrby(keys.partition(1).slice('deal:kettle'), 'free', 1);
  await redis.hset(keys.partition(0).accounts, 'seller:kettle-row', 50_000);
  const broken = await reconcile(settings, '--festival', 'rehearsal');
  expect(broken.said).toContain('kettle: free + held + sold (partition 1): the ledger says ');
  expect(broken.said).toContain('account seller:kettle-row (partition 0): the ledger says 0, found 50000');
  expect(broken.said).toContain(`orders: ${orderId}: entries of its timeline tied as they were, up to entry 1: `);
  expect(broken.said).toContain('It does NOT agree.');
  expect(broken.code).toBe(1);

  expect(await reconcile(settings, '--festival', 'another')).toMatchObject({
    code: 2,
    said: expect.stringContaining('There is no festival "another"'),
  });
  await server.stop();
  // The note of a server that is gone is no server: nothing is started in its place.
  const gone = await reconcile(settings);
  expect(gone.code).toBe(2);
  expect(gone.said).toMatch(/cannot reach Redis/);
  expect(isAlive(redisPid)).toBe(false);
});

test('without a server and without a Redis it says so and starts nothing', async () => {
  const found = await reconcile({ DATA_DIR: tempDir() });
  expect(found.code).toBe(2);
  expect(found.said).toMatch(/No server runs on the data in .*, and REDIS_URL is not set/);
});
