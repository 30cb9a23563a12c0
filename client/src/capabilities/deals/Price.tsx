import type { Deal } from '@elevens/shared/src/deals/contract.ts';
import type { Currency } from '@elevens/shared/src/money.ts';
import { percentOff } from '@elevens/shared/src/money.ts';
import { useWords } from '../../platform/i18n.ts';

/** An amount alone: its sign a third smaller, hung from the top. */
export function Amount({
  minor,
  currency,
  how = 'short',
}: {
  minor: number;
  currency: Currency;
  how?: 'short' | 'full';
}) {
  const { format } = useWords();
  const { sign, number, signFirst } = format.moneyParts(minor, currency, how);
  return signFirst ? (
    <>
      <small>{sign}</small>
      {number}
    </>
  ) : (
    <>
      {number}
      <small>{sign}</small>
    </>
  );
}

/** The price as the hero of its page, with what it was. `best`: said instead of the percentage, where it is proven. */
export function Price({ deal, priceMinor, best }: { deal: Deal; priceMinor: number; best: string | null }) {
  const { t, format } = useWords();
  const long = format.money(priceMinor, deal.currency, 'short').length;
  const kept = deal.listMinor - priceMinor;
  const percent = percentOff(deal.listMinor, priceMinor);
  return (
    <div className={long > 10 ? 'price longest' : long > 6 ? 'price long' : 'price'}>
      <b>
        <Amount minor={priceMinor} currency={deal.currency} />
      </b>
      {kept > 0 && (
        <div>
          <strong>
            {best ??
              (percent > 0
                ? t('deals.off', { percent: format.percent(percent / 100) })
                : t('deals.youKeep', { amount: format.money(kept, deal.currency, 'short') }))}
          </strong>
          {t('deals.list', { amount: format.money(deal.listMinor, deal.currency, 'short') })}
          {(percent > 0 || best !== null) && (
            <>, {t('deals.youKeep', { amount: format.money(kept, deal.currency, 'short') })}</>
          )}
        </div>
      )}
    </div>
  );
}
