import { seedHash, splitFromSeed } from '@elevens/shared/src/redpackets/split.ts';
import { describe, expect, it } from 'vitest';
import { checkDrop, type Proof, spreadOf } from './check-drop.ts';

const seed = '11'.repeat(32);

async function proofOf(change: Partial<Proof> = {}): Promise<Proof> {
  const terms = { fundMinor: 88_800, packets: 120, leastMinor: 11 };
  const amounts = await splitFromSeed({ seedHex: seed, ...terms });
  const opened = [0, 7, 119].map((index) => ({ index, amountMinor: amounts[index] ?? 0, pseudonym: `p${index}` }));
  return { dropId: 'rain~1', ...terms, seedHash: await seedHash(seed), seed, opened, ...change };
}

describe('recomputing a drop in the browser', () => {
  it('finds an honest drop whole', async () => {
    expect(await checkDrop(await proofOf())).toMatchObject({
      is: 'checked',
      sealMatches: true,
      sumMatches: true,
      wrong: 0,
    });
  });
  it('finds a seed that was swapped after the seal', async () => {
    expect(await checkDrop(await proofOf({ seedHash: await seedHash('22'.repeat(32)) }))).toMatchObject({
      sealMatches: false,
    });
  });
  it('finds a packet whose amount was changed by a single unit', async () => {
    const proof = await proofOf();
    const [first, ...rest] = proof.opened;
    if (first === undefined) throw new Error('the drop has opened packets');
    expect(
      await checkDrop({ ...proof, opened: [{ ...first, amountMinor: first.amountMinor + 1 }, ...rest] }),
    ).toMatchObject({ wrong: 1 });
  });
  it('says only sealed while the seed is not out', async () => {
    expect(await checkDrop(await proofOf({ seed: null }))).toEqual({ is: 'sealed' });
  });
  it('spreads all amounts over its bars, and none twice', async () => {
    const verdict = await checkDrop(await proofOf());
    if (verdict.is !== 'checked') throw new Error('the drop was not checked');
    const spread = spreadOf(verdict.amounts, 36);
    expect(spread.bars.reduce((sum, bar) => sum + bar.count, 0)).toBe(120);
    expect(spread.leastMinor).toBe(Math.min(...verdict.amounts));
    expect(spread.mostMinor).toBe(Math.max(...verdict.amounts));
  });
});
