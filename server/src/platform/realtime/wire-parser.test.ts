import { describe, expect, test } from 'vitest';
import { BadPacket, refuseBadPacket } from './wire-parser.ts';

describe('what a stock client sends passes', () => {
  test.for([
    '0{"token":"abc"}',
    '1',
    '2["clock:now",{}]',
    '212["deals:claim",{"requestId":"a-request","lines":[{"dealId":"kettle~3","quantity":1}]}]',
    '2/,7["clock:now",{}]',
    `29["live:say",{"text":"${'[{"'.repeat(60).replaceAll('"', '\\"')}"}]`,
  ])('%s', (packet) => {
    expect(() => refuseBadPacket(packet)).not.toThrow();
  });
});

describe('what Elevens never uses is refused', () => {
  test.for([
    ['an attachment that never comes', '51-["x",{"_placeholder":true,"num":0}]'],
    ['a binary acknowledgement', '61-3["x"]'],
    ['an ack id of 400 digits', `2${'9'.repeat(400)}["clock:now",{}]`],
    ['another namespace', '0/admin,{}'],
    ['arrays 30,000 deep', `21["clock:now",${'['.repeat(30_000)}${']'.repeat(30_000)}]`],
    ['text that is no packet', 'hello'],
    ['nothing', ''],
  ])('%s', ([, packet]) => {
    expect(() => refuseBadPacket(packet)).toThrow(BadPacket);
  });
  test('binary data', () => {
    expect(() => refuseBadPacket(Buffer.from('2["x"]'))).toThrow(BadPacket);
  });
});
