import { DealLine, DealStall } from '../../capabilities/deals/DealRow.tsx';
import { type Offer, phaseOf, useOffers } from '../../capabilities/deals/use-deals.ts';
import { useWords } from '../../platform/i18n.ts';
import { useTimes } from '../../platform/use-places.ts';
import { Nothing, Unlit } from '../../ui/Pieces.tsx';
import { PageHead } from './Bars.tsx';
import { Failed } from './Failed.tsx';

/** Deals that are still to open, and that have closed, shown at most; more than this nobody reads. */
const aheadMax = 16;
const pastMax = 8;

export function DealsPage() {
  const { t } = useWords();
  const view = useOffers();
  return (
    <div className="list">
      <PageHead title={t('title.deals')} />
      {view.is === 'loading' && <Unlit label={t('state.loading')} lines={4} />}
      {view.is === 'failed' && <Failed fault={view.fault} list="deals:list" />}
      {view.is === 'ready' && <Sections offers={view.offers} nowMs={view.nowMs} />}
    </div>
  );
}

function Sections({ offers, nowMs }: { offers: Offer[]; nowMs: number }) {
  const { t } = useWords();
  const times = useTimes();
  const open = offers
    .filter((o) => phaseOf(o.deal, nowMs) === 'open')
    .toSorted((a, b) => a.deal.closesAtMs - b.deal.closesAtMs);
  const ahead = offers.filter((o) => phaseOf(o.deal, nowMs) === 'ahead').slice(0, aheadMax);
  const past = offers
    .filter((o) => phaseOf(o.deal, nowMs) === 'past')
    .toSorted((a, b) => b.deal.closesAtMs - a.deal.closesAtMs)
    .slice(0, pastMax);
  const [next] = ahead;
  return (
    <>
      <section aria-labelledby="h-open">
        <div className="awn flat" aria-hidden="true" />
        <h2 id="h-open">{t('deals.open')}</h2>
        {open.length === 0 ? (
          <Nothing title={t('deals.none')}>
            {next === undefined
              ? t('deals.noneAtAll')
              : t('deals.noneText', { time: t('at', { time: times.short(next.deal.opensAtMs) }) })}
          </Nothing>
        ) : (
          <div className="stalls">
            {open.map((offer) => (
              <DealStall key={offer.deal.dealId} offer={offer} nowMs={nowMs} />
            ))}
          </div>
        )}
      </section>
      {ahead.length > 0 && (
        <section aria-labelledby="h-ahead">
          <h2 id="h-ahead">{t('deals.ahead')}</h2>
          <div className="lines">
            {ahead.map((offer) => (
              <DealLine key={offer.deal.dealId} offer={offer} nowMs={nowMs} />
            ))}
          </div>
        </section>
      )}
      {past.length > 0 && (
        <section aria-labelledby="h-past">
          <h2 id="h-past">{t('deals.past')}</h2>
          <div className="lines">
            {past.map((offer) => (
              <DealLine key={offer.deal.dealId} offer={offer} nowMs={nowMs} />
            ))}
          </div>
        </section>
      )}
    </>
  );
}
