import { useEffect, useState } from 'react';
import { spreadOut } from '../../platform/chance.ts';
import { useLink, useList, usePlatform } from '../../platform/platform.tsx';
import type { ReplyOfName } from '../../platform/wire.ts';
import { useLanterns } from './use-deals.ts';

/** The server's sum, with the names of the coupons that it speaks of. */
export type Quote = ReplyOfName<'orders:quote'>;

type Named = Pick<Quote, 'coupons'>;

export function couponTitle({ coupons }: Named, couponId: string): string {
  return coupons.find(({ id }) => id === couponId)?.title ?? couponId.replaceAll('-', ' ');
}

/** A coupon as it is called in a sentence. */
export function couponIn(named: Named, couponId: string): string {
  return `“${couponTitle(named, couponId)}”`;
}

/** What some things cost together, and how that comes about. */
export type QuoteView =
  | { is: 'none' }
  /** `last`: the sum before, while the new one is on its way. */
  | { is: 'asking'; last: Quote | null }
  | { is: 'ready'; proof: Quote }
  | { is: 'failed'; why: string; last: Quote | null };

export interface QuoteLine {
  dealId: string;
  quantity: number;
}

/** A sum that did not come is asked for again after this long, doubled up to eightfold. */
const failedPauseMs = 1_500;
/** A coupon that opens or a price that moves is met within this time, whatever this page hears of it. */
const againMs = 60_000;

/**
 * The server's sum of these lines with the best coupons, or with those chosen. Asked anew when the lines, the choice, the
 * deals, the shopper's lanterns or the connection change; `again` grows when somebody has reason to ask.
 */
export function useQuote(
  lines: readonly QuoteLine[],
  { coupons = null, again = 0 }: { coupons?: readonly string[] | null; again?: number } = {},
): QuoteView {
  const { connection } = usePlatform();
  const up = useLink().is === 'up';
  const list = useList('deals:list');
  const lanterns = useLanterns();
  const version = list.is === 'ready' ? list.reply.version : 0;
  const key = lines.length === 0 ? null : JSON.stringify({ lines, ...(coupons === null ? {} : { coupons }) });
  // Whatever of these changes, the sum may be another one.
  const round = key === null || !up ? null : JSON.stringify([key, version, lanterns, again]);
  const [answer, setAnswer] = useState<{ key: string; view: QuoteView & { is: 'ready' | 'failed' } } | null>(null);

  useEffect(() => {
    if (round === null) return undefined;
    const [key] = JSON.parse(round) as [string];
    let left = false;
    let timer: ReturnType<typeof setTimeout> | null = null;
    let failures = 0;
    const ask = async (): Promise<void> => {
      const outcome = await connection.call('orders:quote', JSON.parse(key));
      if (left) return;
      if (outcome.ok) {
        failures = 0;
        setAnswer({ key, view: { is: 'ready', proof: outcome.reply } });
        timer = setTimeout(() => void ask(), spreadOut(againMs));
        return;
      }
      failures++;
      setAnswer((before) => {
        // A sum that stood a moment ago stays, unless it is known to be no more.
        if ('fault' in outcome && before?.key === key && before.view.is === 'ready') return before;
        const why = 'fault' in outcome ? outcome.fault : outcome.why;
        return { key, view: { is: 'failed', why, last: lastOf(before?.view ?? null) } };
      });
      timer = setTimeout(() => void ask(), spreadOut(failedPauseMs * 2 ** Math.min(failures, 3)));
    };
    void ask();
    return () => {
      left = true;
      if (timer !== null) clearTimeout(timer);
    };
  }, [connection, round]);

  if (key === null) return { is: 'none' };
  if (answer === null || answer.key !== key) return { is: 'asking', last: lastOf(answer?.view ?? null) };
  return answer.view;
}

function lastOf(view: QuoteView | null): Quote | null {
  if (view === null || view.is === 'none') return null;
  return view.is === 'ready' ? view.proof : view.last;
}

/** What is known of the sum, fresh or not. */
export function proofIn(view: QuoteView): Quote | null {
  return lastOf(view);
}

/** Each deal once, as a sum is asked for. */
export function mergedLines(lines: readonly QuoteLine[]): QuoteLine[] {
  const all = new Map<string, number>();
  for (const { dealId, quantity } of lines) all.set(dealId, (all.get(dealId) ?? 0) + quantity);
  return [...all].map(([dealId, quantity]) => ({ dealId, quantity }));
}
