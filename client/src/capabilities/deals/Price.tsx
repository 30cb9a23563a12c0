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

/** The price as the hero of its page, with what it was. */
export function Price({ deal }: { deal: Deal }) {
  const { t, format } = useWords();
  const long = format.money(deal.priceMinor, deal.currency, 'short').length;
  const kept = deal.listMinor - deal.priceMinor;
  const percent = percentOff(deal.listMinor, deal.priceMinor);
  return (
    <div className={long > 10 ? 'price longest' : long > 6 ? 'price long' : 'price'}>
      <b>
        <Amount minor={deal.priceMinor} currency={deal.currency} />
      </b>
      {kept > 0 && (
        <div>
          <strong>
            {percent > 0
              ? t('deals.off', { percent: format.percent(percent / 100) })
              : t('deals.youKeep', { amount: format.money(kept, deal.currency, 'short') })}
          </strong>
          {t('deals.list', { amount: format.money(deal.listMinor, deal.currency, 'short') })}
          {percent > 0 && <>, {t('deals.youKeep', { amount: format.money(kept, deal.currency, 'short') })}</>}
        </div>
      )}
    </div>
  );
}

/** The receipt: how the price comes about. It states only what is computed here, and it adds up. */
export function PriceProof({ deal }: { deal: Deal }) {
  const { t, format } = useWords();
  const money = (minor: number): string => format.money(minor, deal.currency);
  const off = deal.listMinor - deal.priceMinor;
  const percent = percentOff(deal.listMinor, deal.priceMinor);
  return (
    <section className="slip torn" aria-labelledby="h-proof">
      <h2 id="h-proof">{t('deals.proof', { amount: format.money(deal.priceMinor, deal.currency, 'short') })}</h2>
      <dl>
        <dt>{t('deals.proofList')}</dt>
        <dd>{money(deal.listMinor)}</dd>
        {off > 0 && (
          <>
            <dt>
              {percent > 0 ? t('deals.proofOff', { percent: format.percent(percent / 100) }) : t('deals.proofOffPlain')}
            </dt>
            <dd>−{money(off)}</dd>
          </>
        )}
        <dt className="sum">{t('deals.proofPay')}</dt>
        <dd className="sum">{money(deal.priceMinor)}</dd>
      </dl>
      <p>{t('deals.proofNote')}</p>
    </section>
  );
}
