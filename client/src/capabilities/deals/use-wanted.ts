import { useSyncExternalStore } from 'react';
import { createWanted, type Wanted, type WantedLine } from './wanted.ts';

/** One list a page: every component that looks at it sees the same. */
export const wanted: Wanted = createWanted(() => localStorage, window);

export function useWanted(): readonly WantedLine[] {
  return useSyncExternalStore(wanted.subscribe, wanted.read);
}
