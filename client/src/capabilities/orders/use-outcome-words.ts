import { useCallback } from 'react';
import { useWords } from '../../platform/i18n.ts';
import { useTimes } from '../../platform/use-places.ts';

type Outcome = { ok: true } | { ok: false; why: string } | { ok: false; fault: string };

const ofOrders = new Set(['not-so-many', 'not-open-yet', 'closed']);

/** Why an act did not happen, in words; null when it did. */
export function useOutcomeWords(): (outcome: Outcome | null) => string | null {
  const { t } = useWords();
  const times = useTimes();
  return useCallback(
    (outcome) => {
      if (outcome === null || outcome.ok) return null;
      if ('fault' in outcome) return t(`fault.${outcome.fault}`);
      const values: Record<string, string | number> = {};
      for (const [key, value] of Object.entries(outcome)) {
        if (typeof value === 'string') values[key] = value;
        else if (typeof value === 'number')
          values[key] = key.endsWith('AtMs') || key.endsWith('UntilMs') ? times.moment(value).moment : value;
      }
      // Said of an order these refusals mean something else than of a deal.
      if (ofOrders.has(outcome.why)) return t(`order.why.${outcome.why}`, values);
      if (outcome.why === 'wrong-state') values['state'] = t(`order.is.${String(values['state'])}`);
      return t(`why.${outcome.why}`, values);
    },
    [t, times],
  );
}
