import { change, defineContract, query } from '@elevens/shared/src/contract.ts';
import { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { type Person, personOf } from './caller.ts';
import { createClock } from './clock.ts';
import { Fault } from './fault.ts';
import { type Answer, type AnswerKey, type Call, createGateway } from './gateway.ts';
import { createLogger } from './logger.ts';
import { createMetrics } from './metrics.ts';
import { createRandom } from './random.ts';

const stall = defineContract('stall', {
  commands: {
    look: query({
      summary: 'Looks.',
      input: {},
      reply: z.strictObject({ lamps: z.int() }),
      rejections: {},
      callers: 'anyone',
      cost: 1,
    }),
    buy: change({
      summary: 'Buys.',
      input: { lamps: z.int().min(1).max(9) },
      reply: z.strictObject({ bought: z.int() }),
      rejections: { 'sold-out': z.strictObject({ left: z.int() }) },
      callers: ['shopper'],
      cost: 2,
    }),
    close: change({
      summary: 'Closes.',
      input: {},
      reply: z.strictObject({}),
      rejections: {},
      callers: ['operator'],
      cost: 1,
    }),
  },
  feeds: {},
  records: {},
});

function rig(
  buy: (
    answer: AnswerKey,
  ) => Promise<{ ok: true; reply: { bought: number } } | { ok: false; why: 'sold-out'; left: number }> = async () => ({
    ok: true,
    reply: { bought: 1 },
  }),
) {
  const logged: object[] = [];
  const gateway = createGateway({
    clock: createClock(),
    random: createRandom(),
    logger: { ...createLogger('silent'), error: (facts) => void logged.push(facts) },
    metrics: createMetrics(),
    checkReplies: true,
  });
  const keys: AnswerKey[] = [];
  gateway.serve(stall, {
    look: async () => ({ ok: true, reply: { lamps: 4 } }),
    buy: async (caller, _input, answer) => {
      personOf(caller);
      keys.push(answer);
      return buy(answer);
    },
    close: async () => ({ ok: true, reply: {} }),
  });
  return {
    gateway,
    keys,
    logged,
    call: (name: string, input: unknown, person: Person | null = amber) => gateway.call(callOf(name, input, person)),
  };
}
const amber: Person = {
  shopperId: 's_0123456789abcdefghijkl',
  displayName: 'Amber',
  locale: 'en',
  roles: ['shopper'],
  brandId: null,
  simulated: false,
};
const callOf = (name: string, input: unknown, person: Person | null): Call => ({
  name,
  input,
  person,
  address: '127.0.0.1',
  socket: null,
});
const buyInput = { requestId: 'a-request-1', lamps: 2 };

test('a declared command is parsed, decided and answered', async () => {
  const { call } = rig();
  expect(await call('stall:look', {}, null)).toEqual({ ok: true, reply: { lamps: 4 } });
  expect(await call('stall:buy', buyInput)).toEqual({ ok: true, reply: { bought: 1 } });
});

test('the same call has the same answer key whatever the order of its fields, and another body another', async () => {
  const { call, keys } = rig();
  await call('stall:buy', { requestId: 'a-request-1', lamps: 2 });
  await call('stall:buy', { lamps: 2, requestId: 'a-request-1' });
  await call('stall:buy', { lamps: 3, requestId: 'a-request-1' });
  expect(keys[0]).toEqual({ requestId: 'a-request-1', command: 'stall:buy', inputHash: expect.any(String) });
  expect(keys[1]).toEqual(keys[0]);
  expect(keys[2]?.inputHash).not.toBe(keys[0]?.inputHash);
});

test.for<[string, unknown, string]>([
  ['text for a number', { ...buyInput, lamps: '2' }, 'lamps'],
  ['NaN', { ...buyInput, lamps: Number.NaN }, 'lamps'],
  ['1e309', { ...buyInput, lamps: Number.POSITIVE_INFINITY }, 'lamps'],
  ['2^53 + 1', { ...buyInput, lamps: 2 ** 53 + 2 }, 'lamps'],
  ['an unknown field', { ...buyInput, price: 1 }, ''],
  ['a short requestId', { ...buyInput, requestId: 'x' }, 'requestId'],
  ['nothing', undefined, ''],
  ['a list', [], ''],
  ['__proto__', JSON.parse('{"requestId":"a-request-1","lamps":2,"__proto__":{"roles":["operator"]}}'), ''],
])('%s is refused by the path of the wrong field, and nothing is decided', async ([, input, path]) => {
  const { call, keys } = rig();
  const answer = (await call('stall:buy', input)) as { fault: string; problems: { path: string }[] };
  expect(answer.fault).toBe('bad-input');
  expect(answer.problems.map((p) => p.path)).toContain(path);
  expect(keys).toEqual([]);
});

test('who may not call is told why, before anything is looked at', async () => {
  const { call } = rig();
  expect(await call('stall:buy', 'nonsense', null)).toMatchObject({ fault: 'unauthenticated' });
  expect(await call('stall:close', { requestId: 'a-request-1' })).toMatchObject({ fault: 'forbidden' });
  expect(
    await call('stall:close', { requestId: 'a-request-1' }, { ...amber, roles: ['shopper', 'operator'] }),
  ).toMatchObject({ ok: true });
  expect(await call('stall:steal', {})).toMatchObject({ fault: 'not-found' });
});

test('a caller that never stops is slowed down, and others are not', async () => {
  const { call } = rig();
  const answers: Answer[] = [];
  for (let i = 0; i < 400; i++) answers.push(await call('stall:look', {}));
  const refused = answers.filter((a) => !a.ok);
  expect(refused.length).toBeGreaterThan(0);
  expect(refused[0]).toMatchObject({ fault: 'rate-limited', retryAfterMs: expect.any(Number) });
  expect(await call('stall:look', {}, { ...amber, shopperId: 's_another0another0anoth' })).toMatchObject({ ok: true });
});

test('a fault says whether to try again; a bug gives away nothing but a number that finds it in the log', async () => {
  const away = rig(async () => {
    throw new Fault('unavailable', { retryAfterMs: 700 });
  });
  expect(await away.call('stall:buy', buyInput)).toEqual({ ok: false, fault: 'unavailable', retryAfterMs: 700 });
  const broken = rig(async () => {
    throw new Error('secret detail');
  });
  const answer = (await broken.call('stall:buy', buyInput)) as { errorId: string };
  expect(answer).toEqual({ ok: false, fault: 'bug', retryAfterMs: null, errorId: expect.any(String) });
  expect(broken.logged).toEqual([expect.objectContaining({ errorId: answer.errorId, command: 'stall:buy' })]);
});

test('an answer that is not declared is a bug, not a surprise for the caller', async () => {
  const { call } = rig(async () => ({ ok: false, why: 'sold-out', left: 'three' as unknown as number }));
  expect(await call('stall:buy', buyInput)).toMatchObject({ fault: 'bug' });
});

test('two capabilities cannot serve one command', () => {
  const { gateway } = rig();
  expect(() =>
    gateway.serve(stall, {
      look: async () => ({ ok: true, reply: { lamps: 1 } }),
      buy: async () => ({ ok: true, reply: { bought: 1 } }),
      close: async () => ({ ok: true, reply: {} }),
    }),
  ).toThrow('twice');
});

test('a read that meets a lost Redis is a fault that may be tried again, and is said once', async () => {
  const away = new Redis({
    path: '/nowhere/redis.sock',
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    lazyConnect: true,
  });
  away.on('error', () => {});
  away.connect().catch(() => {});
  const warned: object[] = [];
  const gateway = createGateway({
    clock: createClock(),
    random: createRandom(),
    logger: {
      ...createLogger('silent'),
      warn: (facts) => void warned.push(facts),
      error: (facts) => void warned.push(facts),
    },
    metrics: createMetrics(),
    checkReplies: true,
  });
  gateway.serve(stall, {
    look: async () => ({ ok: true, reply: { lamps: Number(await away.get('lamps')) } }),
    buy: async () => ({ ok: true, reply: { bought: 1 } }),
    close: async () => ({ ok: true, reply: {} }),
  });
  for (let i = 0; i < 20; i++)
    expect(await gateway.call(callOf('stall:look', {}, null))).toMatchObject({
      fault: 'unavailable',
      retryAfterMs: 1_000,
    });
  away.disconnect();
  expect(await gateway.call(callOf('stall:look', {}, null))).toMatchObject({ fault: 'unavailable' });
  expect(warned).toHaveLength(1);
});
