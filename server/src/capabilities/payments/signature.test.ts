import { describe, expect, test } from 'vitest';
import { signatureToleranceMs, verifySignature } from './signature.ts';

const secret = 'whsec_copper_0123456789abcdef';
const signedAtMs = 1_794_355_200_000;
const rawBody = Buffer.from('{"id":"ev_1"}');
/** Made with: printf '1794355200.{"id":"ev_1"}' | openssl dgst -sha256 -hmac <secret> */
const good = 'da37cdad5ef9b20bb2170b314459ad0a7f3c5a0982d735dc31999a401d792458';
/** The same over an empty body. */
const goodEmpty = 'f76ce8b58de19b54c58c985eb1fd668e90e0ca2b74172bd381516fb7667412e7';

function judge(header: string | undefined, more: { rawBody?: Buffer; secrets?: string[]; nowMs?: number } = {}) {
  return verifySignature({ rawBody, header, secrets: [secret], nowMs: signedAtMs, ...more });
}

describe('the signature of a webhook', () => {
  test('is known by vectors that another program made', () => {
    expect(judge(`t=1794355200,v1=${good}`)).toBe('genuine');
    expect(judge(`t=1794355200,v1=${goodEmpty}`, { rawBody: Buffer.alloc(0) })).toBe('genuine');
  });

  test('covers every byte of the body, the time and the secret', () => {
    expect(judge(`t=1794355200,v1=${good}`, { rawBody: Buffer.from('{"id":"ev_2"}') })).toBe('bad-signature');
    expect(judge(`t=1794355200,v1=${good}`, { rawBody: Buffer.from('{"id":"ev_1"} ') })).toBe('bad-signature');
    expect(judge(`t=1794355201,v1=${good}`)).toBe('bad-signature');
    expect(judge(`t=1794355200,v1=${good}`, { secrets: [`${secret}0`] })).toBe('bad-signature');
  });

  test('may stand among others while a secret is being changed', () => {
    const other = 'ab'.repeat(32);
    expect(judge(`t=1794355200,v1=${other},v1=${good}`)).toBe('genuine');
    expect(judge(`t=1794355200,v0=whatever,v1=${good.toUpperCase()}`)).toBe('genuine');
    expect(judge(`t=1794355200, v1=${good}`, { secrets: ['whsec_new_0123456789abcdef', secret] })).toBe('genuine');
    expect(judge(`t=1794355200,v1=${other}`)).toBe('bad-signature');
  });

  test('is good for five minutes either way, to the millisecond', () => {
    const header = `t=1794355200,v1=${good}`;
    expect(judge(header, { nowMs: signedAtMs + signatureToleranceMs })).toBe('genuine');
    expect(judge(header, { nowMs: signedAtMs + signatureToleranceMs + 1 })).toBe('old-timestamp');
    expect(judge(header, { nowMs: signedAtMs - signatureToleranceMs })).toBe('genuine');
    expect(judge(header, { nowMs: signedAtMs - signatureToleranceMs - 1 })).toBe('old-timestamp');
  });

  test('that is wrong is wrong however old it is, so that the answer tells nothing about the time', () => {
    expect(judge(`t=1,v1=${'0'.repeat(64)}`)).toBe('bad-signature');
  });

  test.each([
    ['none', undefined],
    ['an empty one', ''],
    ['no time', `v1=${good}`],
    ['two times', `t=1794355200,t=1794355200,v1=${good}`],
    ['a time that is no number', `t=now,v1=${good}`],
    ['a negative time', `t=-1794355200,v1=${good}`],
    ['no signature', 't=1794355200'],
    ['half a signature', `t=1794355200,v1=${good.slice(0, 32)}`],
    ['another scheme alone', `t=1794355200,v0=${good}`],
    ['more than anyone rotates', `t=1794355200,${Array.from({ length: 9 }, () => `v1=${good}`).join(',')}`],
    ['a kilobyte of it', `t=1794355200,v1=${good},${'x'.repeat(1_024)}`],
  ])('a header with %s is refused', (_, header) => {
    expect(judge(header)).toBe('bad-signature');
  });
});
