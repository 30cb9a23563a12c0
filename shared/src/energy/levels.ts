/** Energy that lights all four lanterns: 1,111. */
export const energyFull = 1_111;
/** Where each of the four lanterns is lit: quarters of 1,111, rounded up so that the last is exactly 1,111. */
export const energyLevels = [278, 556, 834, energyFull] as const;

/** How many lanterns an amount of energy has lit: 0 to 4. */
export function levelOf(energy: number): number {
  return energyLevels.filter((from) => energy >= from).length;
}

/** What is still wanted for the next lantern; 0 when all four are lit. */
export function toNextLevel(energy: number): number {
  const next = energyLevels.find((from) => energy < from);
  return next === undefined ? 0 : next - energy;
}
