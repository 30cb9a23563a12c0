import type { EnergyState, Task } from '@elevens/shared/src/energy/contract.ts';
import { energyFull, energyLevels, levelOf, toNextLevel } from '@elevens/shared/src/energy/levels.ts';
import { useFeedState, useList, useNow, useSession } from '../../platform/platform.tsx';

export const levels = energyLevels;
export const full = energyFull;

export interface EnergyView {
  /** Null until the feed has answered. */
  state: EnergyState | null;
  energy: number;
  level: number;
  wanted: number;
  tasks: { task: Task; done: boolean; open: boolean }[] | null;
  nowMs: number;
}

/** The shopper's energy and what can be done for more. */
export function useEnergy(): EnergyView {
  const session = useSession();
  const { view } = useFeedState('energy:mine', session?.shopperId ?? null);
  const answer = useList('energy:tasks');
  const nowMs = useNow(1_000);
  const energy = view.state?.energy ?? 0;
  const done = new Set(view.state?.done ?? []);
  const tasks =
    answer.is === 'ready'
      ? answer.reply.tasks
          .filter((task) => task.closesAtMs > nowMs)
          .toSorted((a, b) => a.opensAtMs - b.opensAtMs)
          .map((task) => ({ task, done: done.has(task.taskId), open: task.opensAtMs <= nowMs }))
      : null;
  return { state: view.state, energy, level: levelOf(energy), wanted: toNextLevel(energy), tasks, nowMs };
}
