import { forfeitOf } from '@elevens/shared/src/deals/pricing/presale.ts';
import type { Order } from '@elevens/shared/src/orders/contract.ts';
import { useWords } from '../../platform/i18n.ts';
import { useTimes } from '../../platform/use-places.ts';

/** The steps of a presale, and what is lost when the second is missed. Shown before anything is paid, and after. */
export function PresaleSteps({ order }: { order: Order }) {
  const { t, format } = useWords();
  const times = useTimes();
  const { presale, currency } = order;
  if (presale === null) return null;
  const money = (minor: number): string => format.money(minor, currency);
  const lostMinor = forfeitOf(presale.depositMinor, presale.forfeitPermille);
  const backMinor = presale.depositMinor - lostMinor;
  return (
    <section className="presale" aria-labelledby={`h-presale-${order.orderId}`}>
      <h2 id={`h-presale-${order.orderId}`}>{t('order.presaleTitle')}</h2>
      <ol className="rows">
        <li>
          <span className="num">1</span>
          <span>
            {t('order.presaleDeposit', { amount: money(presale.depositMinor) })}
            <small>{t('order.presaleWorth', { worth: money(presale.depositWorthMinor) })}</small>
          </span>
        </li>
        <li>
          <span className="num">2</span>
          <span>
            {t('order.presaleBalance', { amount: money(presale.balanceMinor) })}
            <small>
              {t('order.presaleWhen', {
                from: times.moment(presale.balanceOpensAtMs).moment,
                until: times.moment(presale.balanceClosesAtMs).moment,
              })}
            </small>
          </span>
        </li>
      </ol>
      <p className="missed">
        {lostMinor === 0
          ? t('order.missedNothing', { back: money(backMinor) })
          : backMinor === 0
            ? t('order.missedAll', { lost: money(lostMinor) })
            : t('order.missedPart', { lost: money(lostMinor), back: money(backMinor) })}
      </p>
    </section>
  );
}
