import type { Currency } from '@elevens/shared/src/money.ts';
import type { Drop, Packet } from '@elevens/shared/src/redpackets/contract.ts';
import { useFeedState, useList, useNow, useSession } from '../../platform/platform.tsx';

export type DropsView =
  | { is: 'loading' }
  | { is: 'failed'; fault: string }
  | { is: 'ready'; drops: Drop[]; nowMs: number };

export function useDrops(): DropsView {
  const answer = useList('redpackets:list');
  const nowMs = useNow(1_000);
  if (answer.is === 'failed') return { is: 'failed', fault: answer.fault.fault };
  if (answer.is === 'loading') return { is: 'loading' };
  return { is: 'ready', drops: answer.reply.drops.toSorted((a, b) => a.opensAtMs - b.opensAtMs), nowMs };
}

/** How much of a drop has been opened; null until the feed has answered. */
export function useOpened(
  dropId: string | null,
): { packets: number; opened: number; fundMinor: number; openedMinor: number } | null {
  return useFeedState('redpackets:drop', dropId).view.state;
}

export interface MyPackets {
  walletMinor: number;
  currency: Currency;
  packets: Packet[];
}

/** The shopper's own packets and their sum; null until the feed has answered. */
export function useMyPackets(): MyPackets | null {
  const session = useSession();
  return useFeedState('redpackets:mine', session?.shopperId ?? null).view.state;
}
