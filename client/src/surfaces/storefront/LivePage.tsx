import type { LiveSession } from '@elevens/shared/src/live/contract.ts';
import { useState } from 'react';
import type { ClaimState } from '../../capabilities/deals/claim-state.ts';
import { Amount } from '../../capabilities/deals/Price.tsx';
import { useClaim } from '../../capabilities/deals/use-claim.ts';
import { type Offer, phaseOf, useOffers } from '../../capabilities/deals/use-deals.ts';
import { ChatPanel } from '../../capabilities/live/ChatPanel.tsx';
import { type Room, SayField } from '../../capabilities/live/SayField.tsx';
import { Stage } from '../../capabilities/live/Stage.tsx';
import { useChat, useSaying, useSessions } from '../../capabilities/live/use-live.ts';
import { clockText } from '../../platform/format.ts';
import { useWords } from '../../platform/i18n.ts';
import { To } from '../../platform/router.tsx';
import { useTimes } from '../../platform/use-places.ts';
import { Icon } from '../../ui/Icon.tsx';
import { BrandLogo, ProductPicture } from '../../ui/Pictures.tsx';
import { NowTag } from '../../ui/Pieces.tsx';
import { Sign } from '../../ui/Sign.tsx';
import { StockBar } from '../../ui/StockBar.tsx';
import { OneOf } from './OneOf.tsx';
import { ways } from './ways.ts';
import './live.css';

export function LivePage({ sessionId }: { sessionId: string }) {
  const { t } = useWords();
  const view = useSessions();
  const unknown = { title: t('live.unknownTitle'), text: t('live.unknown'), act: t('live.toLives'), to: '/live' };
  return (
    <OneOf
      view={view}
      list="live:list"
      unknown={unknown}
      pick={({ sessions }) => sessions.find((one) => one.sessionId === sessionId)}
    >
      {(session, { nowMs }) => <Session session={session} nowMs={nowMs} />}
    </OneOf>
  );
}

function Session({ session, nowMs }: { session: LiveSession; nowMs: number }) {
  const { t, format } = useWords();
  const times = useTimes();
  const offersView = useOffers();
  const saying = useSaying(session.sessionId);
  const chat = useChat(session.sessionId, saying.mine);
  const [quiet, setQuiet] = useState(false);
  const all = offersView.is === 'ready' ? offersView.offers : [];
  const shelf = session.dealIds.flatMap((id) => all.find((o) => o.deal.dealId === id) ?? []);
  const pinned = shelf.find((o) => phaseOf(o.deal, nowMs) !== 'past') ?? null;
  const brand = all.find((o) => o.brand.id === session.brandId)?.brand ?? null;
  const held = pinned?.product ?? all.find((o) => o.brand.id === session.brandId)?.product ?? null;
  const room: Room = nowMs < session.startsAtMs ? 'before' : nowMs < session.endsAtMs ? 'live' : 'ended';
  const status =
    room === 'live'
      ? t('live.tag', { time: clockText(nowMs - session.startsAtMs) })
      : room === 'before'
        ? t('live.soon', { time: format.durationShort(session.startsAtMs - nowMs) })
        : t('live.ended', { time: t('at', { time: times.short(session.endsAtMs) }) });
  return (
    <div className={quiet ? 'room quiet' : 'room'}>
      <Stage
        product={held}
        host={session.hostName}
        label={
          held === null
            ? t('live.stage', { host: session.hostName, brand: brand?.name ?? '' })
            : t('live.stageThing', { host: session.hostName, brand: brand?.name ?? '', thing: held.name })
        }
      />
      <header className="head">
        {brand === null ? <span /> : <BrandLogo brand={brand} className="logo" />}
        <div>
          <h1>{brand?.name ?? session.title}</h1>
          <p>
            <Icon name="eye" />
            {chat.people === null || chat.people === 0
              ? '–'
              : t('live.watching', { count: chat.people, number: format.number(chat.people) })}
          </p>
        </div>
        <To className="ico-btn" to="/live" aria-label={t('live.leave')}>
          <Icon name="close" />
        </To>
      </header>
      <div className="status">
        {room === 'live' ? <NowTag>{status}</NowTag> : <span className="draw">{status}</span>}
        {room === 'live' && <span className="draw">{t('tonight.until', { time: times.short(session.endsAtMs) })}</span>}
      </div>
      <div className="left">
        <section className="info">
          <h2>{session.title}</h2>
          <p>
            {session.blurb} {t('live.untilTime', { time: times.withPlaces(session.endsAtMs) })}
          </p>
          <p className="drawn">{t('live.drawn')}</p>
        </section>
        {shelf.length > 0 && (
          <section className="shelf">
            <h2>{t('live.shelf')}</h2>
            <ul>
              {shelf.map((offer) => (
                <li key={offer.deal.dealId}>
                  <To to={`/deals/${offer.deal.dealId}`}>
                    <ProductPicture product={offer.product} />
                    <span>
                      {offer.product.name}
                      <small>
                        {offer === pinned
                          ? t('live.pinned')
                          : phaseOf(offer.deal, nowMs) === 'open'
                            ? t('deals.doorOpen')
                            : t('deals.opensAt', { time: t('at', { time: times.short(offer.deal.opensAtMs) }) })}
                      </small>
                    </span>
                    <span className="num">{format.money(offer.deal.priceMinor, offer.deal.currency, 'short')}</span>
                  </To>
                </li>
              ))}
            </ul>
          </section>
        )}
      </div>
      <div className="right">
        <button
          type="button"
          className="fold"
          aria-pressed={quiet}
          aria-label={quiet ? t('live.unfold') : t('live.fold')}
          onClick={() => setQuiet(!quiet)}
        >
          <Icon name="chat" />
          <svg className="i off" viewBox="0 0 30 30" aria-hidden="true">
            <path d="M3 27L27 3" />
          </svg>
        </button>
        {pinned === null ? (
          <p className="pin none">{t('live.nothingPinned')}</p>
        ) : (
          <Pinned key={pinned.deal.dealId} offer={pinned} />
        )}
        <ChatPanel chat={chat} quiet={quiet} />
        <SayField saying={saying} host={session.hostName} room={room} />
      </div>
    </div>
  );
}

/** What is better looked at whole than pressed under a chat: its page has the room for it. */
const leads = new Set<ClaimState['is']>(['held', 'paying', 'offered', 'sold-out', 'waiting']);

/** The pinned deal, one thumb away: its own sign claims it; a hold leads to its page. */
function Pinned({ offer }: { offer: Offer }) {
  const { t, format } = useWords();
  const claim = useClaim(offer, { ways, summed: false });
  const { deal, product } = offer;
  const { stock, state } = claim;
  return (
    <section className="pin" aria-label={t('live.pinned')}>
      <To to={`/deals/${deal.dealId}`} aria-label={product.name} className="pic">
        <ProductPicture product={product} />
      </To>
      <div>
        <h2>{product.name}</h2>
        <span className="num">
          <Amount minor={deal.priceMinor} currency={deal.currency} />
        </span>{' '}
        <s>{format.money(deal.listMinor, deal.currency, 'short')}</s>
        <StockBar
          thin
          total={stock.total}
          free={stock.free}
          held={stock.held}
          paused={stock.paused}
          label={t('deals.leftMeter', { free: format.number(stock.free), total: format.number(stock.total) })}
        />
        <small>
          {claim.hurt ??
            (state.is === 'early' || state.is === 'paused' || state.is === 'limit' || leads.has(state.is)
              ? claim.sign.title
              : t('deals.left', { free: format.number(stock.free), total: format.number(stock.total) }))}
        </small>
      </div>
      {leads.has(state.is) ? (
        <To className="btn" to={`/deals/${deal.dealId}`}>
          {t('mine.look')}
        </To>
      ) : (
        <Sign
          state={{
            is: claim.sign.is,
            title:
              state.is === 'open' ? t('live.claimOne') : state.is === 'claiming' ? '' : t(`live.pinSign.${state.is}`),
          }}
          onPress={claim.press}
        />
      )}
    </section>
  );
}
