import { expect, it } from 'vitest';
import { Fault } from '../fault.ts';
import { createRandom } from '../random.ts';
import { createPasswords } from './passwords.ts';

/** Light enough that dozens can be computed in a test; the format and the rules are the same. */
const light = { ln: 10, r: 8, p: 1 };
const passwords = createPasswords({ random: createRandom(), cost: light });

it('knows the right password and no other', async () => {
  const hashed = await passwords.hash('lanterns over the river');
  expect(await passwords.matches('lanterns over the river', hashed)).toBe(true);
  for (const wrong of ['', 'lanterns over the rivers', 'Lanterns over the river', ' lanterns over the river'])
    expect(await passwords.matches(wrong, hashed)).toBe(false);
});

it('salts, so that the same password never looks the same twice', async () => {
  expect(await passwords.hash('same')).not.toBe(await passwords.hash('same'));
});

it('reads the cost from the hash, so that old hashes hold when the cost is raised', async () => {
  const old = await passwords.hash('kept from last year');
  expect(old).toMatch(/^\$scrypt\$ln=10,r=8,p=1\$/);
  const raised = createPasswords({ random: createRandom() });
  expect(await raised.matches('kept from last year', old)).toBe(true);
  const fresh = await raised.hash('kept from last year');
  expect(fresh).toMatch(/^\$scrypt\$ln=15,r=8,p=3\$/);
  expect(await passwords.matches('kept from last year', fresh)).toBe(true);
});

it('takes the two Unicode forms of one word for the same password', async () => {
  expect(await passwords.matches('re\u0301union', await passwords.hash('r\u00e9union'))).toBe(true);
});

it('says no for a name that nobody bears, whatever is typed', async () => {
  expect(await passwords.matches('anything', null)).toBe(false);
});

it('refuses a damaged hash loudly instead of letting anybody in', async () => {
  for (const damaged of ['', 'plain text', '$scrypt$ln=99,r=8,p=1$AAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'])
    await expect(passwords.matches('x', damaged)).rejects.toThrow();
});

it('answers a flood with a fault beyond what it will ever get to, and still serves those it took on', async () => {
  const own = createPasswords({ random: createRandom(), cost: light });
  const hashed = await own.hash('p');
  const outcomes = await Promise.allSettled(Array.from({ length: 100 }, () => own.matches('p', hashed)));
  const refused = outcomes.filter((outcome) => outcome.status === 'rejected');
  expect(refused.length).toBe(100 - 2 - 32);
  expect(refused.every(({ reason }) => reason instanceof Fault && reason.code === 'overloaded')).toBe(true);
  expect(outcomes.filter((outcome) => outcome.status === 'fulfilled').every(({ value }) => value)).toBe(true);
  // The places were all given back.
  expect(await own.matches('p', hashed)).toBe(true);
});
