import { useWords } from '../../platform/i18n.ts';
import { useTimes } from '../../platform/use-places.ts';
import { Icon } from '../../ui/Icon.tsx';
import { presaleSum } from './terms.ts';
import type { Offer } from './use-deals.ts';

/**
 * The terms of a presale, whole and before anything is paid: what now, what later and when, and what is lost if not.
 * `balanceMinor` is what the server's sum says of the balance, coupons taken off; null while it is not there.
 */
export function PresaleTerms({
  offer,
  priceMinor,
  quantity,
  balanceMinor,
}: {
  offer: Offer;
  priceMinor: number;
  quantity: number;
  balanceMinor: number | null;
}) {
  const { t, format } = useWords();
  const times = useTimes();
  const { presale, currency } = offer.deal;
  if (presale === null) return null;
  const sum = presaleSum(presale, { priceMinor, quantity });
  const money = (minor: number): string => format.money(minor, currency);
  const opens = times.moment(sum.balanceOpensAtMs);
  const closes = times.moment(sum.balanceClosesAtMs);
  const whole = sum.lostMinor === sum.depositMinor;
  return (
    <section className="terms" aria-labelledby="h-terms">
      <h2 id="h-terms">{t('presale.title')}</h2>
      <ol className="rows">
        <li>
          <Icon name="hold" />
          <span>
            {t('presale.deposit')}
            <small>{t('presale.worth', { amount: money(sum.depositWorthMinor) })}</small>
          </span>
          <span className="num">{format.money(sum.depositMinor, currency, 'short')}</span>
        </li>
        <li>
          <Icon name="clock" />
          <span>
            {t('presale.balance')}
            <small>
              {t('presale.from', { moment: opens.moment })}
              {opens.elsewhere !== null && ` (${opens.elsewhere})`}
            </small>
            <small>
              {t('presale.until', { moment: closes.moment })}
              {closes.elsewhere !== null && ` (${closes.elsewhere})`}
            </small>
          </span>
          <span className="num">{format.money(balanceMinor ?? sum.balanceMinor, currency, 'short')}</span>
        </li>
        <li>
          <Icon name="alert" />
          <span>
            {t('presale.missed')}
            <small>
              {sum.lostMinor === 0
                ? t('presale.lostNone', { amount: money(sum.depositMinor) })
                : whole
                  ? t('presale.lostAll', { amount: money(sum.depositMinor) })
                  : t('presale.lostPart', {
                      amount: money(sum.lostMinor),
                      back: money(sum.depositMinor - sum.lostMinor),
                    })}
            </small>
          </span>
          <span />
        </li>
      </ol>
    </section>
  );
}
