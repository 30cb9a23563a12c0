import { contracts } from '@elevens/shared/src/contracts.ts';
import { disconnects, faults } from '@elevens/shared/src/faults.ts';
import { describe, expect, it } from 'vitest';
import { en } from './en.ts';
import { nl } from './nl.ts';
import { vi } from './vi.ts';
import { zh } from './zh.ts';

/** Every leaf by its path. */
function leaves(words: object, path = ''): Map<string, string> {
  const found = new Map<string, string>();
  for (const [key, value] of Object.entries(words)) {
    const at = path === '' ? key : `${path}.${key}`;
    if (typeof value === 'string') found.set(at, value);
    else for (const [k, v] of leaves(value as object, at)) found.set(k, v);
  }
  return found;
}
const english = leaves(en);
const valuesIn = (text: string) =>
  [...text.matchAll(/\{\{(\w+)\}\}/g)]
    .map((m) => m[1])
    .toSorted((a, b) => String(a).localeCompare(String(b)))
    .join(' ');

/** All sources of the storefront but the words themselves. */
const sources = Object.entries(
  import.meta.glob<string>('/src/**/*.{ts,tsx}', { query: '?raw', import: 'default', eager: true }),
)
  .filter(
    ([path]) =>
      !path.includes('/words/') &&
      !path.includes('control') &&
      !path.endsWith('.test.ts') &&
      !path.endsWith('.test.tsx'),
  )
  .map(([, text]) => text)
  .join('\n');

describe.each([
  ['Chinese', zh],
  ['Dutch', nl],
  ['Vietnamese', vi],
])('the words in %s', (_name, words) => {
  const own = leaves(words);
  it('have exactly the keys of the English ones', () => expect([...own.keys()]).toEqual([...english.keys()]));
  it('hold no empty word, and no value that the English one lacks', () => {
    for (const [key, text] of own) {
      expect(text.trim(), key).not.toBe('');
      for (const value of valuesIn(text).split(' '))
        expect(`${valuesIn(english.get(key) ?? '')} `, key).toContain(value);
    }
  });
});

describe('the words for what can go wrong', () => {
  it('know every fault', () => expect(Object.keys(en.fault).toSorted()).toEqual(Object.keys(faults).toSorted()));
  it('know every reason for which a server ends a connection', () => {
    expect(Object.keys(en.net.refused).toSorted()).toEqual(Object.keys(disconnects).toSorted());
  });
  it('know every refusal that a shopper can meet', () => {
    const shopper = contracts.filter((c) =>
      ['campaign', 'deals', 'orders', 'live', 'redpackets', 'energy'].includes(c.name),
    );
    const met = shopper.flatMap((c) =>
      Object.values(c.commands)
        .filter((command) => command.callers === 'anyone' || (command.callers as readonly string[]).includes('shopper'))
        .flatMap((command) => Object.keys(command.rejections)),
    );
    for (const word of new Set(met)) expect(Object.keys(en.why), word).toContain(word);
  });
});

describe('the words', () => {
  it('are all said somewhere', () => {
    const unsaid = [...english.keys()].filter((key) => {
      const plain = key.replace(/_(?:one|other|\d)$/, '');
      if (sources.includes(`'${plain}'`)) return false;
      const [last = ''] = plain.split('.').slice(-1);
      const parent = plain.slice(0, -last.length);
      // Keys put together: t(`why.${...}`), or deals.sign words named by their last part.
      return !(
        sources.includes(`\`${parent}\${`) ||
        (parent === 'deals.sign.' && sources.includes(`'${last}'`)) ||
        sources.includes(`\`${plain}_\${`)
      );
    });
    expect(unsaid).toEqual([]);
  });
});
