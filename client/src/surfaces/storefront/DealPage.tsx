import { type CSSProperties, useState } from 'react';
import { DealLine } from '../../capabilities/deals/DealRow.tsx';
import { EarlyDoors } from '../../capabilities/deals/EarlyDoors.tsx';
import { HoldBox } from '../../capabilities/deals/HoldBox.tsx';
import { OfferBox } from '../../capabilities/deals/OfferBox.tsx';
import { PresaleTerms } from '../../capabilities/deals/PresaleTerms.tsx';
import { Price } from '../../capabilities/deals/Price.tsx';
import { PriceReceipt } from '../../capabilities/deals/PriceReceipt.tsx';
import { StockLine } from '../../capabilities/deals/StockLine.tsx';
import { type Claim, useClaim } from '../../capabilities/deals/use-claim.ts';
import { nextOpening, type Offer, phaseOf, useOffers } from '../../capabilities/deals/use-deals.ts';
import { proofIn } from '../../capabilities/deals/use-quote.ts';
import { useWanted, wanted } from '../../capabilities/deals/use-wanted.ts';
import { wantedMax } from '../../capabilities/deals/wanted.ts';
import { useEnergy } from '../../capabilities/energy/use-energy.ts';
import { clockText } from '../../platform/format.ts';
import { useWords } from '../../platform/i18n.ts';
import { back, To } from '../../platform/router.tsx';
import { useTimes } from '../../platform/use-places.ts';
import { Icon } from '../../ui/Icon.tsx';
import { BrandLogo, ProductCutout, ProductMedallion } from '../../ui/Pictures.tsx';
import { Hurt, NowTag } from '../../ui/Pieces.tsx';
import { stageColours } from '../../ui/pictures.ts';
import { Quiet, Sign } from '../../ui/Sign.tsx';
import { BasketLink } from './Bars.tsx';
import { OneOf } from './OneOf.tsx';
import { ways } from './ways.ts';
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
  const claim = useClaim(offer, { ways, summed: true });
  const energy = useEnergy();
  const { deal, product, brand } = offer;
  const { state, door, stock } = claim;
  const { base, ground } = stageColours(product.picture);
  const gone = state.is === 'sold-out' || state.is === 'waiting';
  const shut = state.is === 'closed';
  const holding = state.is === 'held' || state.is === 'paying';
  const look = state.is === 'offered' ? 'is-offered' : holding ? 'is-held' : gone || shut ? 'is-gone' : '';
  const open = nowMs >= door.opensAtMs && nowMs < deal.closesAtMs;
  const right = open
    ? t('deals.untilClose', { time: clockText(deal.closesAtMs - nowMs) })
    : phaseOf(deal, nowMs) === 'past'
      ? t('deals.closedAt', { time: t('at', { time: times.short(deal.closesAtMs) }) })
      : t('deals.opensAt', { time: times.withPlaces(door.opensAtMs) });
  const proof = proofIn(claim.quote);
  const best = proof !== null && claim.quote.is === 'ready' && proof.exact ? t('deals.lowestNow') : null;
  const heldUnits = state.is === 'held' ? state.held.quantity : 1;
  const balanceMinor = proof !== null && proof.depositMinor > 0 ? proof.totalMinor - proof.depositMinor : null;
  const receipt = (
    <PriceReceipt
      quote={claim.quote}
      lowMinor={deal.lowMinor}
      brandName={(id) => offers.find((one) => one.brand.id === id)?.brand.name ?? id}
    />
  );
  return (
    <article className={`page ${look}`}>
      <div className="stage" style={{ '--base': base, '--ground-of': ground } as CSSProperties}>
        <div className="awn" aria-hidden="true" />
        <div className="bar">
          <button type="button" className="ico-btn" aria-label={t('nav.back')} onClick={() => back('/deals')}>
            <Icon name="back" />
          </button>
          <BasketLink />
        </div>
        <ProductMedallion product={product} className="med" />
        <div className="counter" />
        <ProductCutout product={product} className="thing" label={product.name} />
        <p className="by">
          <BrandLogo brand={brand} />
          {brand.name}
        </p>
        {open && !gone && !holding && state.is !== 'offered' && state.is !== 'paused' && (
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
      {state.is === 'offered' ? (
        <div className="body held">
          <OfferBox
            offer={state.offer}
            waiting={stock.waiting}
            amount={format.money(
              state.offer.lines.find((one) => one.dealId === deal.dealId)?.priceMinor ?? door.priceMinor,
              deal.currency,
            )}
          />
          <Told claim={claim} />
        </div>
      ) : holding ? (
        <div className="body held">
          <HoldBox held={state.held} unit={product.unit} />
          <ul className="rows">
            <li>
              <Icon name="deals" />
              <span>
                {product.name}
                {heldUnits > 1 && <> × {format.number(heldUnits)}</>}
                <small>{brand.name}</small>
              </span>
              <span className="num">
                {format.money(
                  heldUnits *
                    (state.held.hold.lines.find((l) => l.dealId === deal.dealId)?.priceMinor ?? deal.priceMinor),
                  deal.currency,
                )}
              </span>
            </li>
            <li>
              <Icon name="clock" />
              <span>
                {t('deals.holdSince', { time: t('at', { time: times.toSecond(state.held.hold.claimedAtMs) }) })}
              </span>
              <span />
            </li>
          </ul>
          <Told claim={claim} />
          {deal.presale !== null && (
            <PresaleTerms offer={offer} priceMinor={door.priceMinor} quantity={heldUnits} balanceMinor={balanceMinor} />
          )}
          {state.is === 'held' && claim.others === 0 && receipt}
          <p className="honest">{t('deals.latePay', { unit: product.unit })}</p>
        </div>
      ) : (
        <div className="body">
          {gone || shut ? (
            <Gone offer={offer} offers={offers} nowMs={nowMs} claim={claim} />
          ) : (
            <>
              <h1>{product.name}</h1>
              <p className="spec">
                {product.blurb} {t('deals.perPerson', { count: deal.limitPerShopper })}
              </p>
              <Price deal={deal} priceMinor={claim.oneMinor} best={best} />
              <StockLine stock={stock} stale={claim.stale} right={right} />
              <Told claim={claim} />
              <EarlyDoors offer={offer} own={door} energy={energy.state?.energy ?? null} nowMs={nowMs} />
              <PresaleTerms offer={offer} priceMinor={door.priceMinor} quantity={1} balanceMinor={balanceMinor} />
              {receipt}
            </>
          )}
        </div>
      )}
      <div className="foot">
        <Sign state={claim.sign} tone={claim.tone} onPress={claim.press} />
        <Beside offer={offer} claim={claim} />
      </div>
      <p className="vh" role="status">
        {`${claim.sign.title}. ${state.is === 'early' || state.is === 'open' ? '' : (claim.sign.detail ?? '')}`}
      </p>
    </article>
  );
}

/** What cannot be had any more, or not now: kindly and fully, with what can be done and what is near. */
function Gone({ offer, offers, nowMs, claim }: { offer: Offer; offers: Offer[]; nowMs: number; claim: Claim }) {
  const { t, format } = useWords();
  const times = useTimes();
  const { deal, product, brand } = offer;
  const { state, stock } = claim;
  const shut = state.is === 'closed';
  const next = shut ? nextOpening(offers, offer, nowMs) : null;
  const near = offers
    .filter((one) => one.deal.dealId !== deal.dealId && phaseOf(one.deal, nowMs) === 'open' && !one.deal.stock.soldOut)
    .toSorted((a, b) => Number(b.brand.id === brand.id) - Number(a.brand.id === brand.id))
    .slice(0, nearMax);
  // The line ends with the stall. Whoever stood in it to the end is told so, because no offer will come any more.
  const [waited, setWaited] = useState(false);
  if (state.is === 'waiting' && !waited) setWaited(true);
  const text = ((): string => {
    if (shut) {
      const closed = t('deals.closedText', { time: t('at', { time: times.withPlaces(deal.closesAtMs) }) });
      return waited && claim.ended.is === 'none' ? `${t('deals.lineOver')} ${closed}` : closed;
    }
    const ends = t('deals.lineEnds', { time: t('at', { time: times.toSecond(deal.closesAtMs) }) });
    if (state.is === 'waiting') return `${t('deals.waitingText')} ${ends}`;
    const kind =
      state.is === 'sold-out' && state.lost
        ? `${t('deals.kind', { total: format.number(stock.total) })} ${t('deals.allGone')}`
        : t('deals.allGone');
    return `${kind} ${ends}`;
  })();
  return (
    <>
      <h1>
        {shut
          ? t('deals.closedTitle')
          : state.is === 'waiting'
            ? t('deals.waitingTitle')
            : state.is === 'sold-out' && state.lost
              ? t('deals.kindTitle')
              : t('deals.allGoneTitle')}
      </h1>
      <p className="spec">{product.name}</p>
      <p className="kind">
        {text}
        {next !== null && <> {t('deals.comesBack', { time: t('at', { time: times.short(next.deal.opensAtMs) }) })}</>}
      </p>
      {next !== null && (
        <To className="btn next" to={`/deals/${next.deal.dealId}`}>
          {t('deals.seeNext')}
        </To>
      )}
      {!shut && (
        <div className="chance">
          <div>
            <b>{format.number(stock.held)}</b>
            <span>{t('deals.heldNow')}</span>
          </div>
          <div>
            <b>{format.number(state.is === 'waiting' ? state.place : stock.waiting + 1)}</b>
            <span>{state.is === 'waiting' ? t('deals.placeNow') : t('deals.placeWouldBe')}</span>
          </div>
        </div>
      )}
      <Told claim={claim} />
      {near.length > 0 && (
        <section className="like">
          <h2>{t('deals.near')}</h2>
          {near.map((one) => (
            <DealLine key={one.deal.dealId} offer={one} nowMs={nowMs} />
          ))}
        </section>
      )}
    </>
  );
}

/** The quiet buttons under the sign: what else can be done with what the sign is about. */
function Beside({ offer, claim }: { offer: Offer; claim: Claim }) {
  const { t } = useWords();
  const list = useWanted();
  const { deal } = offer;
  const { state } = claim;
  const inBasket = list.some((line) => line.dealId === deal.dealId);
  switch (state.is) {
    case 'held':
      return (
        <div className="beside">
          {claim.more !== null && (
            <Quiet busy={claim.sign.is === 'busy'} onPress={claim.oneMore}>
              {claim.more}
            </Quiet>
          )}
          <Quiet busy={claim.release.busy} onPress={claim.release.act}>
            {claim.release.busy ? t('deals.lettingGo') : t('deals.letGo')}
          </Quiet>
        </div>
      );
    case 'offered':
      return (
        <div className="beside">
          <Quiet busy={claim.release.busy} onPress={claim.release.act}>
            {t('deals.letGo')}
          </Quiet>
        </div>
      );
    case 'waiting':
      return (
        <div className="beside">
          <Quiet busy={claim.line.busy} onPress={claim.line.leave}>
            {t('deals.leaveLine')}
          </Quiet>
        </div>
      );
    case 'open':
    case 'early':
    case 'paused':
    case 'offline':
    case 'one-at-a-time':
    case 'too-many':
    case 'none-free': {
      // What is paid in two parts is never paid together with other things, so it is claimed here alone.
      if (deal.presale !== null) return null;
      const full = !inBasket && list.length >= wantedMax;
      return (
        <div className="beside">
          <Quiet
            off={full}
            pressed={inBasket}
            onPress={() => wanted.put({ dealId: deal.dealId, quantity: inBasket ? 0 : 1 })}
          >
            {inBasket ? t('deals.inBasket') : full ? t('deals.basketFull', { count: wantedMax }) : t('deals.want')}
          </Quiet>
        </div>
      );
    }
    case 'paying':
    case 'claiming':
    case 'closed':
    case 'no-answer':
    case 'limit':
    case 'terms':
    case 'few':
    case 'sold-out':
      return null;
  }
}

/** What happened last, where the sign does not tell it. */
function Told({ claim }: { claim: Claim }) {
  return (
    <>
      <Ended claim={claim} />
      {claim.hurt !== null && (
        <p className="hurtline" role="alert">
          {claim.hurt}
        </p>
      )}
    </>
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
    case 'passed':
      return (
        <Hurt icon="hold" title={t('deals.passedTitle')}>
          {t('deals.passed')}
        </Hurt>
      );
    case 'ordered':
      return (
        <p className="honest">
          {t('deals.ordered')} <To to={`/pay/${claim.ended.paymentId}`}>{t('deals.seeOrder')}</To>
        </p>
      );
    case 'released':
      return (
        <Hurt icon="check" title={t('deals.releasedTitle')}>
          {t('deals.released')}
        </Hurt>
      );
  }
}
