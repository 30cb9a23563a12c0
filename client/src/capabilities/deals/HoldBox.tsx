import { clockText } from '../../platform/format.ts';
import { useWords } from '../../platform/i18n.ts';
import { useMeasured, useNow } from '../../platform/platform.tsx';
import { useTimes } from '../../platform/use-places.ts';
import { FourStrokes } from '../../ui/Strokes.tsx';
import type { Held } from './use-deals.ts';

/** A unit that is the shopper's for a while: the time left, on four strokes. */
export function HoldBox({ held, unit }: { held: Held; unit: string }) {
  const { hold, quantity } = held;
  const { t, format } = useWords();
  const times = useTimes();
  const nowMs = useNow(250);
  const measured = useMeasured();
  const whole = Math.max(1, hold.lapsesAtMs - hold.claimedAtMs);
  // The measured time may lag the server's by some milliseconds, and a hold never has more left than it was given.
  const leftMs = Math.min(whole, Math.max(0, hold.lapsesAtMs - nowMs));
  return (
    <div className={leftMs < 60_000 ? 'holdbox last-minute' : 'holdbox'}>
      <h1>
        {hold.paymentId !== null
          ? t('deals.atTill')
          : quantity === 1
            ? t('deals.unitYours', { unit })
            : t('deals.unitsYours', { count: quantity, unit })}
      </h1>
      <span className="left" role="timer" aria-label={t('deals.holdTimer', { time: format.duration(leftMs) })}>
        {measured ? clockText(leftMs) : '––:––'}
      </span>
      <FourStrokes value={(leftMs / whole) * 4} />
      <p>{t('deals.heldUntil', { time: times.toSecond(hold.lapsesAtMs) })}</p>
    </div>
  );
}
