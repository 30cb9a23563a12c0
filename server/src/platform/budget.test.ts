import { expect, test } from 'vitest';
import { createBudgets } from './budget.ts';

function rig() {
  let nowMs = 0;
  const { spend } = createBudgets({ capacity: 10, refillPerSecond: 2 });
  return {
    budgets: { spend: (caller: string, cost: number) => spend(caller, cost, nowMs) },
    later: (ms: number) => void (nowMs += ms),
  };
}

test('a caller may spend what it has, and is told how long until it may again', () => {
  const { budgets, later } = rig();
  expect(budgets.spend('amber', 10)).toBe(0);
  expect(budgets.spend('amber', 3)).toBe(1_500);
  later(1_500);
  expect(budgets.spend('amber', 3)).toBe(0);
});

test("one caller does not spend another one's budget", () => {
  const { budgets } = rig();
  budgets.spend('amber', 10);
  expect(budgets.spend('jade', 10)).toBe(0);
});

test('a refused call costs nothing, and a rest fills the bucket no further than full', () => {
  const { budgets, later } = rig();
  budgets.spend('amber', 10);
  for (let i = 0; i < 50; i++) budgets.spend('amber', 5);
  later(1_000_000);
  expect(budgets.spend('amber', 10)).toBe(0);
  expect(budgets.spend('amber', 1)).toBe(500);
});

test('whoever goes on calling is remembered, however many others come and go', () => {
  const { budgets } = rig();
  budgets.spend('amber', 10);
  for (let i = 0; i < 350_000; i++) {
    budgets.spend(`passer-by-${i}`, 1);
    if (i % 50_000 === 0) expect(budgets.spend('amber', 1)).toBe(500);
  }
  expect(budgets.spend('amber', 1)).toBe(500);
});
