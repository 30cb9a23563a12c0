import type { Order, TimelineEntry } from '@elevens/shared/src/orders/contract.ts';
import { useCallback } from 'react';
import { useWords } from '../../platform/i18n.ts';

/** What entries are called; an entry of a newer server is shown by its own word. */
const known = new Set<string>([
  'placed',
  'paid',
  'deposit-paid',
  'balance-opened',
  'balance-paid',
  'cancelled',
  'lapsed',
  'paid-late',
  'late-payment-delivered',
  'late-payment-refunded',
  'shipped',
  'received',
  'counts-as-received',
  'settled-for-seller',
  'settled-for-buyer',
  'disputed',
  'refunded',
  'refunded-in-part',
  'returned',
  'returned-in-part',
  'refund-confirmed',
  'refund-tried-again',
  'balance-missed',
  'closed',
]);

/** Entries whose note a person wrote, or is to read; the others carry words for machines. */
const noted = new Set<string>([
  'shipped',
  'disputed',
  'refunded',
  'refunded-in-part',
  'returned',
  'returned-in-part',
  'settled-for-seller',
  'settled-for-buyer',
  'settled-for-buyer-in-part',
]);

/** The words of a timeline's entry: what happened, and by whom, with which amount and which note. */
export function useEntryWords(order: Order): (entry: TimelineEntry) => { title: string; text: string } {
  const { t, format } = useWords();
  return useCallback(
    (entry) => {
      const parts = [t(`order.who.${entry.role}`)];
      if (entry.amountMinor !== null) parts.push(format.money(entry.amountMinor, order.currency));
      if (entry.note !== '' && noted.has(entry.what)) parts.push(entry.note);
      return {
        title: known.has(entry.what) ? t(`order.what.${entry.what}`) : entry.what.replaceAll('-', ' '),
        text: parts.join(' · '),
      };
    },
    [t, format, order.currency],
  );
}
