import { describe, expect, it } from 'vitest';
import { doorOf, doorsOf, presaleSum } from './terms.ts';

const deal = {
  opensAtMs: 1_000,
  priceMinor: 19_900,
  early: [
    { level: 1, opensAtMs: 800, priceMinor: 19_900 },
    { level: 3, opensAtMs: 500, priceMinor: 18_900 },
  ],
};

describe('the doors of a deal', () => {
  it('are named from the first to open to everyone’s', () =>
    expect(doorsOf(deal).map((door) => door.level)).toEqual([3, 1, 0]));
  it('let nobody in earlier than their lanterns allow', () => {
    expect(doorOf(deal, 0)).toEqual({ level: 0, opensAtMs: 1_000, priceMinor: 19_900 });
    expect(doorOf(deal, 2)).toMatchObject({ level: 1, opensAtMs: 800 });
  });
  it('give the highest lit level its own price', () =>
    expect(doorOf(deal, 4)).toEqual({ level: 3, opensAtMs: 500, priceMinor: 18_900 }));
  it('are one where there is no early opening', () => expect(doorsOf({ ...deal, early: [] })).toHaveLength(1));
});

describe('a presale, said before it is paid', () => {
  const presale = {
    depositMinor: 10_001,
    depositWorthMinor: 20_000,
    balanceOpensAtMs: 5_000,
    balanceClosesAtMs: 9_000,
    forfeitPermille: 500,
  };
  it('counts the deposit for what it is worth', () =>
    expect(presaleSum(presale, { priceMinor: 79_900, quantity: 2 })).toMatchObject({
      depositMinor: 20_002,
      depositWorthMinor: 40_000,
      balanceMinor: 119_800,
      lostMinor: 10_001,
    }));
  it('never takes a part of a smallest coin from who misses the balance', () =>
    expect(presaleSum(presale, { priceMinor: 79_900, quantity: 1 }).lostMinor).toBe(5_000));
  it('leaves no balance below nothing', () =>
    expect(presaleSum(presale, { priceMinor: 15_000, quantity: 1 }).balanceMinor).toBe(0));
});
