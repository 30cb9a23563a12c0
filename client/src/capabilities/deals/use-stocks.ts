import type { Deal, Stock } from '@elevens/shared/src/deals/contract.ts';
import { useCallback, useRef, useSyncExternalStore } from 'react';
import { usePlatform } from '../../platform/platform.tsx';

/** The stock of several deals as it moves; of each the list's own count until its feed has answered. */
export function useStocks(deals: readonly Deal[]): ReadonlyMap<string, Stock> {
  const { feeds } = usePlatform();
  const ids = deals.map((deal) => deal.dealId).join(' ');
  const subscribe = useCallback(
    (onChange: () => void) => {
      const leave = ids
        .split(' ')
        .flatMap((id) => (id === '' ? [] : [feeds.follow('state', 'deals:stock', id, onChange)]));
      return () => {
        for (const one of leave) one();
      };
    },
    [feeds, ids],
  );
  const before = useRef<readonly (Stock | null)[]>([]);
  const snapshot = (): readonly (Stock | null)[] => {
    const now = deals.map(
      ({ dealId }) => (feeds.read('state', 'deals:stock', dealId).view as { state: Stock | null }).state,
    );
    // The same value as long as nothing moved: React compares it.
    if (now.length !== before.current.length || now.some((stock, i) => stock !== before.current[i]))
      before.current = now;
    return before.current;
  };
  const stocks = useSyncExternalStore(subscribe, snapshot);
  return new Map(deals.map((deal, i) => [deal.dealId, stocks[i] ?? deal.stock]));
}
