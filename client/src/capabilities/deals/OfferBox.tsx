import type { Hold } from '@elevens/shared/src/deals/contract.ts';
import { useWords } from '../../platform/i18n.ts';
import { useMeasured, useNow } from '../../platform/platform.tsx';
import { useTimes } from '../../platform/use-places.ts';
import { FourStrokes } from '../../ui/Strokes.tsx';

/** What came back and waits for this shopper: the seconds that are left, a quarter of them to a stroke. */
export function OfferBox({ offer, amount, waiting }: { offer: Hold; amount: string; waiting: number }) {
  const { t, format } = useWords();
  const times = useTimes();
  const nowMs = useNow(250);
  const measured = useMeasured();
  const whole = Math.max(1, offer.lapsesAtMs - offer.claimedAtMs);
  const leftMs = Math.min(whole, Math.max(0, offer.lapsesAtMs - nowMs));
  const seconds = Math.ceil(leftMs / 1_000);
  return (
    <>
      <div className="holdbox offbox">
        <h1>{t('deals.cameBack')}</h1>
        <span className="left off" role="timer" aria-label={format.duration(leftMs)}>
          {measured ? seconds : '––'}
          <small>{t('deals.seconds')}</small>
        </span>
        <FourStrokes value={(leftMs / whole) * 4} />
        <p>{t('deals.cameBackText', { time: t('at', { time: times.toSecond(offer.claimedAtMs) }), amount })}</p>
      </div>
      <p className="honest">
        {waiting > 0 ? t('deals.offerWaiting', { count: waiting, number: format.number(waiting) }) : ''}{' '}
        {t('deals.offerText')}
      </p>
    </>
  );
}
