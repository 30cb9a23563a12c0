import { afterEach, expect, test } from 'vitest';
import { createLogger } from '../logger.ts';
import { createConfirmation, type Decided } from './confirmation.ts';
import { openConnections } from './connections.ts';
import { startReplicatedRedis } from './test-replica.ts';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

const key = '{t:desk}:confirmed';

async function rig({ replicas = 1 } = {}) {
  const replicated = await startReplicatedRedis({ replicas });
  closing.push(replicated.close);
  const logger = createLogger('silent');
  const connections = await openConnections(
    { url: replicated.url },
    { logger, onReady: async () => {}, onDown: () => {}, waits: true },
  );
  closing.push(connections.close);
  const { waiter, hot } = connections;
  if (waiter === null) throw new Error('no waiter');
  const turned: { degraded: boolean; resolve: () => void }[] = [];
  let state = false;
  const confirmation = createConfirmation({
    waiter,
    replicas,
    key,
    logger,
    onDegraded: (degraded) => {
      state = degraded;
      for (const wish of turned) if (wish.degraded === degraded) wish.resolve();
    },
  });
  closing.push(confirmation.stop);
  return {
    replicated,
    hot,
    connections,
    confirmation,
    turns: (degraded: boolean) =>
      state === degraded ? Promise.resolve() : new Promise<void>((resolve) => void turned.push({ degraded, resolve })),
  };
}

const decided = (requestId: string): Decided => ({
  personId: 's_amber',
  requestId,
  command: 'deals:claim',
  arrivedAtMs: 1_000,
});

/** How often the master was asked to wait, as it counts itself. */
async function waits(redis: { info(section: string): Promise<string> }): Promise<number> {
  return Number(/^cmdstat_wait:calls=(\d+)/m.exec(await redis.info('commandstats'))?.[1] ?? 0);
}

test('what is confirmed is on the replica', async () => {
  const { hot, confirmation, replicated } = await rig();
  let confirmedRounds = 0;
  for (let i = 0; i < 50; i++) {
    const confirmed = confirmation.begin();
    await hot.set('{t:p0}:last', i);
    // On a busy machine a replica may be a second late: that promises nothing, and another round shows it.
    const late = await confirmed().then(
      () => false,
      () => true,
    );
    if (late) continue;
    confirmedRounds++;
    expect(await replicated.replicas[0]?.redis.get('{t:p0}:last')).toBe(String(i));
  }
  expect(confirmedRounds).toBeGreaterThan(10);
});

test('a replica that is connected and behind confirms nothing until it has caught up', async () => {
  const { hot, confirmation, replicated } = await rig();
  const replica = replicated.replicas[0];
  await confirmation.open(decided('claim-0'))();
  replica?.holdStill();
  const confirmed = confirmation.open(decided('claim-1'));
  await hot.set('{t:p0}:last', 'behind');
  const told: string[] = [];
  const confirming = confirmed().then(() => told.push('confirmed'));
  // Many round trips: a WAIT that does not count what was just written answers within one of them.
  for (let i = 0; i < 50; i++) await hot.ping();
  told.push('goes on');
  replica?.goOn();
  await confirming;
  expect(told).toEqual(['goes on', 'confirmed']);
  expect(await replica?.redis.get('{t:p0}:last')).toBe('behind');
});

test('all who ask while a WAIT is under way share the next one', async () => {
  const { hot, confirmation } = await rig();
  const asked = Array.from({ length: 500 }, (_, i) => confirmation.open(decided(`claim-${i}`))());
  await Promise.all(asked);
  expect(await waits(hot)).toBe(2);
});

test('without its replica a decision is pending, nothing new is taken up, and both end when the replica is back', async () => {
  const { hot, confirmation, replicated, turns } = await rig();
  const late: Decided[][] = [];
  confirmation.onConfirmedLate(async (found) => void late.push([...found]));
  await replicated.replicas[0]?.leave();

  const confirmed = confirmation.open(decided('claim-1'));
  await hot.set('{t:p0}:hold', 'amber');
  await expect(confirmed()).rejects.toMatchObject({ code: 'pending', retryAfterMs: 1_000 });
  expect(confirmation.degraded()).toBe(true);
  expect(() => confirmation.open(decided('claim-2'))).toThrow(expect.objectContaining({ code: 'unavailable' }));
  // The one that was decided is still that, and is not said to be undone.
  expect(() => confirmation.open(decided('claim-1'))).toThrow(expect.objectContaining({ code: 'pending' }));

  await replicated.replicas[0]?.comeBack();
  await turns(false);
  expect(late).toEqual([[decided('claim-1')]]);
  await confirmation.open(decided('claim-1'))();
  expect(await replicated.replicas[0]?.redis.get('{t:p0}:hold')).toBe('amber');
});

test('those who queued behind a WAIT that fell short are told so with it, and not a bound later each', async () => {
  const { hot, confirmation, replicated } = await rig();
  await replicated.replicas[0]?.leave();
  const open = Array.from({ length: 200 }, (_, i) => confirmation.open(decided(`claim-${i}`)));
  const ends = await Promise.allSettled(open.map((confirmed) => confirmed()));
  expect(new Set(ends.map((end) => end.status))).toEqual(new Set(['rejected']));
  expect(await waits(hot)).toBeLessThanOrEqual(1);
});

test('two of two replicas must have it where two are promised', async () => {
  const { confirmation, replicated } = await rig({ replicas: 2 });
  await confirmation.open(decided('claim-1'))();
  await replicated.replicas[1]?.leave();
  await expect(confirmation.open(decided('claim-2'))()).rejects.toMatchObject({ code: 'pending' });
});

test('what was decided on a Redis that is gone is not confirmed by the one that came in its place', async () => {
  const { hot, confirmation, connections, replicated } = await rig();
  const confirmed = confirmation.open(decided('claim-1'));
  const back = new Promise<void>((resolve) => hot.once('ready', () => resolve()));
  await replicated.master.crashAndRestart();
  await back;
  while (!connections.up() || connections.waiter?.redis.status !== 'ready')
    await new Promise((resolve) => setTimeout(resolve, 10));
  await replicated.replicas[0]?.comeBack();
  await expect(confirmed()).rejects.toMatchObject({ code: 'pending' });
  await confirmation.open(decided('claim-1'))();
});
