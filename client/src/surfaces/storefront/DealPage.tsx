import type { CSSProperties } from 'react';
import { DealLine } from '../../capabilities/deals/DealRow.tsx';
import { HoldBox } from '../../capabilities/deals/HoldBox.tsx';
import { Price, PriceProof } from '../../capabilities/deals/Price.tsx';
import { StockLine } from '../../capabilities/deals/StockLine.tsx';
import { type Claim, useClaim } from '../../capabilities/deals/use-claim.ts';
import { nextOpening, type Offer, phaseOf, useOffers } from '../../capabilities/deals/use-deals.ts';
import { clockText } from '../../platform/format.ts';
import { useWords } from '../../platform/i18n.ts';
import { back, To } from '../../platform/router.tsx';
import { useTimes } from '../../platform/use-places.ts';
import { Icon } from '../../ui/Icon.tsx';
import { BrandLogo, ProductCutout, ProductMedallion } from '../../ui/Pictures.tsx';
import { Hurt, NowTag } from '../../ui/Pieces.tsx';
import { stageColours } from '../../ui/pictures.ts';
import { Quiet, Sign } from '../../ui/Sign.tsx';
import { OneOf } from './OneOf.tsx';
import './deal.css';

export function DealPage({ dealId }: { dealId: string }) {
  const { t } = useWords();
  const view = useOffers();
  const unknown = { title: t('deals.unknownTitle'), text: t('deals.unknown'), act: t('deals.toDeals'), to: '/deals' };
  return (
    <OneOf
      view={view}
      list="deals:list"
      unknown={unknown}
      pick={({ offers }) => offers.find((one) => one.deal.dealId === dealId)}
    >
      {(offer, { offers, nowMs }) => <TheDeal offer={offer} offers={offers} nowMs={nowMs} />}
    </OneOf>
  );
}

/** Other deals shown below one that cannot be had. */
const nearMax = 3;

function TheDeal({ offer, offers, nowMs }: { offer: Offer; offers: Offer[]; nowMs: number }) {
  const { t, format } = useWords();
  const times = useTimes();
  const claim = useClaim(offer);
  const { deal, product, brand } = offer;
  const { state } = claim;
  const { base, ground } = stageColours(product.picture);
  const gone = state.is === 'lost' || state.is === 'none-free';
  const shut = state.is === 'closed';
  const look = state.is === 'held' ? 'is-held' : gone || shut ? 'is-gone' : '';
  const next = shut ? nextOpening(offers, offer, nowMs) : null;
  const near = offers
    .filter((one) => one.deal.dealId !== deal.dealId && phaseOf(one.deal, nowMs) === 'open')
    .toSorted((a, b) => Number(b.brand.id === brand.id) - Number(a.brand.id === brand.id))
    .slice(0, nearMax);
  const leftMs = deal.closesAtMs - nowMs;
  const right =
    phaseOf(deal, nowMs) === 'open'
      ? t('deals.untilClose', { time: clockText(leftMs) })
      : phaseOf(deal, nowMs) === 'ahead'
        ? t('deals.opensAt', { time: times.withPlaces(deal.opensAtMs) })
        : t('deals.closedAt', { time: t('at', { time: times.short(deal.closesAtMs) }) });
  return (
    <article className={`page ${look}`}>
      <div className="stage" style={{ '--base': base, '--ground-of': ground } as CSSProperties}>
        <div className="awn" aria-hidden="true" />
        <div className="bar">
          <button type="button" className="ico-btn" aria-label={t('nav.back')} onClick={() => back('/deals')}>
            <Icon name="back" />
          </button>
        </div>
        <ProductMedallion product={product} className="med" />
        <div className="counter" />
        <ProductCutout product={product} className="thing" label={product.name} />
        <p className="by">
          <BrandLogo brand={brand} />
          {brand.name}
        </p>
        {(state.is === 'open' || state.is === 'claiming' || state.is === 'no-answer') && (
          <NowTag>{t('nowTag.open')}</NowTag>
        )}
        {gone && (
          <>
            <i className="strings" />
            <div className="shut board dull">
              <b>{t('deals.gone')}</b>
            </div>
          </>
        )}
      </div>
      {state.is === 'held' ? (
        <div className="body held">
          <HoldBox held={state.held} unit={product.unit} />
          <ul className="rows">
            <li>
              <Icon name="deals" />
              <span>
                {product.name}
                <small>{brand.name}</small>
              </span>
              <span className="num">
                {format.money(
                  state.held.hold.lines.find((l) => l.dealId === deal.dealId)?.priceMinor ?? deal.priceMinor,
                  deal.currency,
                )}
              </span>
            </li>
            <li>
              <Icon name="clock" />
              <span>
                {t('deals.holdSince', { time: t('at', { time: times.toSecond(state.held.hold.claimedAtMs) }) })}
              </span>
            </li>
          </ul>
          <p className="honest">{t('deals.noPay')}</p>
        </div>
      ) : (
        <div className="body">
          {gone || shut ? (
            <>
              <h1>
                {shut ? t('deals.closedTitle') : state.is === 'lost' ? t('deals.kindTitle') : t('deals.allGoneTitle')}
              </h1>
              <p className="spec">{product.name}</p>
              <p className="kind">
                {shut
                  ? t('deals.closedText', { time: t('at', { time: times.withPlaces(deal.closesAtMs) }) })
                  : state.is === 'lost'
                    ? `${t('deals.kind', { total: format.number(claim.stock.total) })} ${t('deals.allGone')}`
                    : t('deals.allGone')}
                {next !== null && (
                  <> {t('deals.comesBack', { time: t('at', { time: times.short(next.deal.opensAtMs) }) })}</>
                )}
              </p>
              {next !== null && (
                <To className="btn next" to={`/deals/${next.deal.dealId}`}>
                  {t('deals.seeNext')}
                </To>
              )}
              {gone && (
                <div className="chance">
                  <div>
                    <b>{format.number(claim.stock.held)}</b>
                    <span>{t('deals.heldNow')}</span>
                  </div>
                  <div>
                    <b>{format.number(claim.stock.total)}</b>
                    <span>{t('deals.totalNow')}</span>
                  </div>
                </div>
              )}
            </>
          ) : (
            <>
              <h1>{product.name}</h1>
              <p className="spec">
                {product.blurb} {t('deals.perPerson', { count: deal.limitPerShopper })}
              </p>
              <Price deal={deal} />
              <StockLine stock={claim.stock} stale={claim.stale} right={right} />
            </>
          )}
          <Ended claim={claim} />
          {claim.hurt !== null && (
            <p className="hurtline" role="alert">
              {claim.hurt}
            </p>
          )}
          {!gone && !shut && <PriceProof deal={deal} />}
          {(gone || shut) && near.length > 0 && (
            <section className="like">
              <h2>{t('deals.near')}</h2>
              {near.map((one) => (
                <DealLine key={one.deal.dealId} offer={one} nowMs={nowMs} />
              ))}
            </section>
          )}
        </div>
      )}
      <div className="foot">
        <Sign state={claim.sign} onPress={claim.press} />
        {claim.more !== null && (
          <Quiet className="go" busy={claim.sign.is === 'busy'} onPress={claim.press}>
            {claim.more}
          </Quiet>
        )}
        {state.is === 'held' && (
          <Quiet className="go" busy={claim.release.busy} onPress={claim.release.act}>
            {claim.release.busy ? t('deals.lettingGo') : t('deals.letGo')}
          </Quiet>
        )}
        {state.is === 'held' && claim.hurt !== null && (
          <p className="hurtline" role="alert">
            {claim.hurt}
          </p>
        )}
      </div>
      <p className="vh" role="status">
        {`${claim.sign.title}. ${state.is === 'early' || state.is === 'open' ? '' : (claim.sign.detail ?? '')}`}
      </p>
    </article>
  );
}

/** How the last hold ended, while the page was open: kindly and fully. */
function Ended({ claim }: { claim: Claim }) {
  const { t } = useWords();
  const times = useTimes();
  switch (claim.ended.is) {
    case 'none':
      return null;
    case 'lapsed':
      return (
        <Hurt icon="hold" title={t('deals.lapsedTitle')}>
          {t('deals.lapsed', { time: t('at', { time: times.toSecond(claim.ended.atMs) }) })}
        </Hurt>
      );
    case 'released':
      return (
        <Hurt icon="check" title={t('deals.releasedTitle')}>
          {t('deals.released')}
        </Hurt>
      );
  }
}
