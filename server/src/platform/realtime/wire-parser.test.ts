import { describe, expect, test } from 'vitest';
import { BadPacket, readCommand, refuseBadPacket } from './wire-parser.ts';

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

describe('a command is read at once', () => {
  test.for<[string, { id: number; name: string; inputs: unknown[] }]>([
    ['20["clock:now",{}]', { id: 0, name: 'clock:now', inputs: [{}] }],
    ['2123456789012345["deals:claim",{"a":[1]}]', { id: 123456789012345, name: 'deals:claim', inputs: [{ a: [1] }] }],
    ['27["deals:claim"]', { id: 7, name: 'deals:claim', inputs: [] }],
    ['27["deals:claim",1,"ü"]', { id: 7, name: 'deals:claim', inputs: [1, 'ü'] }],
  ])('%s', ([text, packet]) => {
    expect(readCommand(text)).toEqual(packet);
  });

  test.for([
    ['a call without an acknowledgement', '2["deals:claim",{}]'],
    ['a name that may be one of the library', '21["disconnect",{}]'],
    ['a namespace, even its own', '2/,7["clock:now",{}]'],
    ['an ack id that is no exact number', '21234567890123456["clock:now",{}]'],
    ['what is cut short', '21["clock:now",{"a":'],
    ['a name that is none', '21[["clock:now"],{}]'],
    ['nesting without end', `21["clock:now",${'['.repeat(3_000)}${']'.repeat(3_000)}]`],
    ['an acknowledgement', '31["clock:now"]'],
    ['a CONNECT', '0{"token":"abc"}'],
    ['nothing', ''],
    ['binary data', Buffer.from('21["clock:now",{}]')],
  ] as const)('but not %s: that is for the stock parser', ([, chunk]) => {
    expect(readCommand(chunk)).toBeNull();
  });
});
