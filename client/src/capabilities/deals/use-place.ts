import type { CommandOutcome } from '@elevens/shared/src/contracts.ts';
import type { Hold } from '@elevens/shared/src/deals/contract.ts';
import type { Currency } from '@elevens/shared/src/money.ts';
import { useState } from 'react';
import { useKeptChange } from '../../platform/use-kept-change.ts';

/** What the last try to order came to, as far as it was not an order. */
export type PlaceRefusal = Exclude<CommandOutcome<'orders:place'>, { ok: true }>;

export interface Place {
  busy: boolean;
  refusal: PlaceRefusal | null;
  /** The sum that the server said instead of the one shown; it is asked for once more before anything is ordered. */
  movedToMinor: number | null;
  place: (order: {
    holds: readonly Hold[];
    totalMinor: number;
    currency: Currency;
    coupons: readonly string[] | null;
  }) => void;
  clear: () => void;
}

/**
 * Makes orders and one payment of what is held; `onPlaced` gets the payment to go to. What is at the till already leads
 * there as well, whichever tab or device brought it.
 */
export function usePlace(slot: string, onPlaced: (paymentId: string) => void): Place {
  const [refusal, setRefusal] = useState<PlaceRefusal | null>(null);
  const change = useKeptChange('orders:place', {
    slot,
    onAnswer: (outcome) => {
      if (outcome.ok) {
        onPlaced(outcome.reply.payment.paymentId);
        return;
      }
      if ('why' in outcome && outcome.why === 'being-paid') {
        onPlaced(outcome.paymentId);
        return;
      }
      setRefusal(outcome);
    },
  });
  const moved = refusal !== null && 'why' in refusal && refusal.why === 'price-moved' ? refusal.totalMinor : null;
  return {
    busy: change.busy,
    refusal,
    movedToMinor: moved,
    place({ holds, totalMinor, currency, coupons }) {
      setRefusal(null);
      change.send({
        // In one order, so that the same holds are the same intention however the list was sorted.
        holdIds: holds.map((hold) => hold.holdId).toSorted(),
        totalMinor,
        currency,
        ...(coupons === null ? {} : { coupons: coupons.toSorted() }),
      });
    },
    clear: () => setRefusal(null),
  };
}
