import type { Hold } from '@elevens/shared/src/deals/contract.ts';
import { clockText } from '../../platform/format.ts';
import { useWords } from '../../platform/i18n.ts';
import { useMeasured, useNow } from '../../platform/platform.tsx';
import { useTimes } from '../../platform/use-places.ts';
import { FourStrokes } from '../../ui/Strokes.tsx';

/** A unit that is the shopper's for a while: the time left, on four strokes. */
export function HoldBox({ hold, dealId, unit }: { hold: Hold; dealId: string; unit: string }) {
  const { t, format } = useWords();
  const times = useTimes();
  const nowMs = useNow(250);
  const measured = useMeasured();
  const leftMs = Math.max(0, hold.lapsesAtMs - nowMs);
  const quantity = hold.lines.find((line) => line.dealId === dealId)?.quantity ?? 1;
  const whole = Math.max(1, hold.lapsesAtMs - hold.claimedAtMs);
  return (
    <div className={leftMs < 60_000 ? 'holdbox last-minute' : 'holdbox'}>
      <h1>{quantity === 1 ? t('deals.unitYours', { unit }) : t('deals.unitsYours', { count: quantity, unit })}</h1>
      <span className="left" role="timer" aria-label={t('deals.holdTimer', { time: format.duration(leftMs) })}>
        {measured ? clockText(leftMs) : '––:––'}
      </span>
      <FourStrokes value={(leftMs / whole) * 4} />
      <p>{t('deals.heldUntil', { time: times.toSecond(hold.lapsesAtMs) })}</p>
    </div>
  );
}
