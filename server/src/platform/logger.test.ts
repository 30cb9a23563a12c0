import { expect, test } from 'vitest';
import { createSayOnce, type Logger } from './logger.ts';

test('what comes a million times is said once, and a minute later with how often it came', () => {
  const said: { facts: object; message: string }[] = [];
  const logger: Logger = {
    debug() {},
    info() {},
    error() {},
    warn: (facts, message) => void said.push({ facts, message }),
  };
  let nowMs = 0;
  const sayOnce = createSayOnce(logger, { monotonicMs: () => nowMs });
  for (let i = 0; i < 1_000_000; i++) sayOnce('bad-packet', { address: '127.0.0.1' }, 'a client sends nonsense');
  expect(said).toHaveLength(1);
  nowMs += 60_000;
  sayOnce('bad-packet', { address: '127.0.0.1' }, 'a client sends nonsense');
  expect(said[1]?.facts).toEqual({ address: '127.0.0.1', alsoSince: 999_999 });
  sayOnce('another', {}, 'something else');
  expect(said).toHaveLength(3);
});
