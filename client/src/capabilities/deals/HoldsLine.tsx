import type { Hold } from '@elevens/shared/src/deals/contract.ts';
import { clockText } from '../../platform/format.ts';
import { useWords } from '../../platform/i18n.ts';
import { useMeasured, useNow } from '../../platform/platform.tsx';
import { To } from '../../platform/router.tsx';
import { FourStrokes } from '../../ui/Strokes.tsx';
import { heldSummary } from './held-summary.ts';
import { useMyHolds, useOffers } from './use-deals.ts';
import { useWanted } from './use-wanted.ts';

/** The slim line of every page: what is held and for how long, and the way to pay for it. Absent when nothing is held. */
export function HoldsLine({ here }: { here: string | null }) {
  const { t } = useWords();
  const { holds, offers } = useMyHolds();
  const summary = heldSummary({ holds: holds ?? [], offers, here });
  return (
    <>
      {summary !== null && (
        <aside className={`holdsline is-${summary.is}`} aria-label={t('deals.line.label')}>
          {summary.is === 'offer' ? (
            <OfferLine dealId={summary.dealId} hold={summary.hold} />
          ) : summary.is === 'held' ? (
            <To to="/basket">
              <Left hold={summary.hold} />
              <b>{t('deals.line.held', { count: summary.units })}</b>
              <span>{t('deals.line.toBasket')}</span>
            </To>
          ) : (
            <To to={`/pay/${summary.paymentId}`}>
              <Left hold={summary.hold} />
              <b>{t('deals.line.till')}</b>
              <span>{t('deals.line.toTill')}</span>
            </To>
          )}
        </aside>
      )}
      <p className="vh" role="status">
        {summary?.is === 'offer' ? t('deals.line.offerTold') : ''}
      </p>
    </>
  );
}

function OfferLine({ dealId, hold }: { dealId: string; hold: Hold }) {
  const { t } = useWords();
  const view = useOffers();
  const unit = view.is === 'ready' ? view.offers.find((one) => one.deal.dealId === dealId)?.product.unit : undefined;
  return (
    <To to={`/deals/${dealId}`}>
      <Left hold={hold} />
      <b>{unit === undefined ? t('deals.cameBack') : t('deals.line.offer', { unit })}</b>
      <span>{t('deals.line.look')}</span>
    </To>
  );
}

/** What is left of a hold, as strokes and digits. It is read when one comes to it; only the great countdown is a timer. */
export function Left({ hold }: { hold: Hold }) {
  const { t, format } = useWords();
  const nowMs = useNow(1_000);
  const measured = useMeasured();
  const whole = Math.max(1, hold.lapsesAtMs - hold.claimedAtMs);
  const leftMs = Math.min(whole, Math.max(0, hold.lapsesAtMs - nowMs));
  return (
    <span className="leftof">
      <FourStrokes value={(leftMs / whole) * 4} />
      <span className="vh">{t('deals.holdTimer', { time: format.duration(leftMs) })}</span>
      <span className="num" aria-hidden="true">
        {measured ? clockText(leftMs) : '––:––'}
      </span>
    </span>
  );
}

/** How much lies in the basket, held or wanted. */
export function useBasketCount(): number {
  const { holds } = useMyHolds();
  const wanted = useWanted();
  const held = (holds ?? []).filter((hold) => hold.paymentId === null).flatMap((hold) => hold.lines);
  return [...held, ...wanted].reduce((sum, line) => sum + line.quantity, 0);
}
