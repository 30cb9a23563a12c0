import { expect, test } from 'vitest';
import { energyFull, energyLevels, levelOf, toNextLevel } from './levels.ts';

test('each lantern is lit at its mark and not one unit before', () => {
  for (const [i, mark] of energyLevels.entries()) {
    expect(levelOf(mark - 1)).toBe(i);
    expect(levelOf(mark)).toBe(i + 1);
  }
});

test('the four marks are the quarters of 1,111, and the last is exactly that', () => {
  expect(energyLevels).toEqual([1, 2, 3, 4].map((quarter) => Math.ceil((1_111 * quarter) / 4)));
  expect(energyFull).toBe(1_111);
});

test('what is wanted for the next lantern lights it, and nothing is wanted when all are lit', () => {
  for (const energy of [0, 1, 277, 278, 555, 833, 834, 1_110]) {
    expect(levelOf(energy + toNextLevel(energy))).toBe(levelOf(energy) + 1);
    expect(levelOf(energy + toNextLevel(energy) - 1)).toBe(levelOf(energy));
  }
  expect(toNextLevel(energyFull)).toBe(0);
  expect(toNextLevel(5_000)).toBe(0);
  expect(levelOf(5_000)).toBe(4);
});
