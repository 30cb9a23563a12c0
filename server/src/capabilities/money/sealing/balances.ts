import type { LedgerLine } from '../../../platform/redis/ledger.ts';
import type { Balances, MakeBalances } from '../../../platform/redis/segments.ts';

/** What is summed up at the end of every segment, by name. */
export type BalancesBy = Readonly<Record<string, MakeBalances>>;

export interface AllBalances extends Balances {
  told(): Record<string, unknown>;
}

/** All sums, from the text that a segment ended with or from nothing. */
export function balancesFrom(by: BalancesBy, text: string | null): AllBalances {
  const from = (text === null ? {} : JSON.parse(text)) as Record<string, unknown>;
  const all = Object.entries(by).map(([name, make]): [string, Balances] => [name, make(from[name])]);
  return {
    fold(line: LedgerLine) {
      for (const [, sums] of all) sums.fold(line);
    },
    told: () => Object.fromEntries(all.map(([name, sums]) => [name, sums.told()])),
  };
}

export const balancesText = (sums: AllBalances) => JSON.stringify(sums.told());
