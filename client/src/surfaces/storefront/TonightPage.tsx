import type { ProgrammeEntry } from '@elevens/shared/src/campaign/contract.ts';
import type { ReactNode } from 'react';
import { CatchUp } from '../../capabilities/campaign/CatchUp.tsx';
import { Hero } from '../../capabilities/campaign/Hero.tsx';
import { RunningOrder } from '../../capabilities/campaign/RunningOrder.tsx';
import { type TonightView, useTonight } from '../../capabilities/campaign/use-tonight.ts';
import { DealStall } from '../../capabilities/deals/DealRow.tsx';
import { phaseOf, useOffers } from '../../capabilities/deals/use-deals.ts';
import { EnergyPanel } from '../../capabilities/energy/EnergyPanel.tsx';
import { SessionStall } from '../../capabilities/live/SessionStall.tsx';
import { DropStall } from '../../capabilities/redpackets/DropStall.tsx';
import { useWords } from '../../platform/i18n.ts';
import { useList } from '../../platform/platform.tsx';
import { To } from '../../platform/router.tsx';
import { useTimes } from '../../platform/use-places.ts';
import { Mark } from '../../ui/Icon.tsx';
import { ProductPicture } from '../../ui/Pictures.tsx';
import { Nothing, Unlit } from '../../ui/Pieces.tsx';
import { BasketLink, PlaceClock } from './Bars.tsx';
import { Failed } from './Failed.tsx';

/** Deals shown under "on now"; the rest is one tap away. */
const stallsMax = 3;

/** Tonight: the time to the next moment, what is on, the evening, what was missed, and one's own light. */
export function TonightPage() {
  const { t } = useWords();
  const times = useTimes();
  const view = useTonight();
  return (
    <>
      <header className="top">
        <Mark name="mark" className="mark" />
        <b>{t('brand')}</b>
        <BasketLink />
        <PlaceClock />
      </header>
      <Hero view={view} />
      <div className="market">
        <section className="stall" aria-labelledby="h-now">
          <div className="awn" aria-hidden="true" />
          <header>
            <h2 id="h-now">{t('tonight.onNow')}</h2>
            <To className="small soft" to="/deals">
              {t('tonight.allDeals')}
            </To>
          </header>
          <OnNow view={view} />
        </section>
        {view.is === 'ready' && view.measured && <CatchUp view={view} />}
        <section className="evening" aria-labelledby="h-evening">
          <header>
            <h2 id="h-evening">{t('tonight.evening')}</h2>
            <span className="small soft">{t('tonight.zone', { city: times.place.city })}</span>
          </header>
          {view.is === 'loading' && <Unlit label={t('state.loading')} lines={4} />}
          {view.is === 'failed' && <Failed fault={view.fault} list="campaign:tonight" />}
          {view.is === 'ready' && view.programme.length === 0 && (
            <Nothing title={t('tonight.emptyTitle')}>{t('tonight.empty')}</Nothing>
          )}
          {view.is === 'ready' && <Evening view={view} />}
        </section>
        <EnergyPanel />
      </div>
    </>
  );
}

/** The running order, with the pictures of the deals it names. */
function Evening({ view }: { view: TonightView & { is: 'ready' } }) {
  const offers = useOffers();
  const thing = (entry: ProgrammeEntry): ReactNode => {
    if (entry.kind !== 'deal' || offers.is !== 'ready') return null;
    const offer = offers.offers.find((one) => one.deal.dealId === entry.id);
    return offer === undefined ? null : <ProductPicture product={offer.product} className="thing" />;
  };
  return <RunningOrder view={view} thing={thing} />;
}

function OnNow({ view }: { view: TonightView }) {
  const { t } = useWords();
  const times = useTimes();
  const offers = useOffers();
  const lives = useList('live:list');
  const drops = useList('redpackets:list');
  if (view.is !== 'ready') return <Unlit label={t('state.loading')} lines={3} />;
  const { nowMs } = view;
  const sessions =
    lives.is === 'ready' ? lives.reply.sessions.filter((s) => s.startsAtMs <= nowMs && nowMs < s.endsAtMs) : [];
  const raining =
    drops.is === 'ready' ? drops.reply.drops.filter((d) => d.opensAtMs <= nowMs && nowMs < d.closesAtMs) : [];
  const all = offers.is === 'ready' ? offers.offers : [];
  const open = all.filter((o) => phaseOf(o.deal, nowMs) === 'open').slice(0, stallsMax);
  const brandOf = (id: string) => all.find((o) => o.brand.id === id)?.brand ?? null;
  if (sessions.length + raining.length + open.length === 0) {
    const { next } = view.tonight;
    return (
      <Nothing title={t('tonight.nothingOn')}>
        {next === null
          ? t('tonight.nothingAhead')
          : t('tonight.nothingOnText', { title: next.title, when: t('at', { time: times.short(next.startsAtMs) }) })}
      </Nothing>
    );
  }
  return (
    <div className="stalls">
      {sessions.map((session) => (
        <SessionStall
          key={session.sessionId}
          session={session}
          brand={brandOf(session.brandId)}
          product={all.find((o) => session.dealIds.includes(o.deal.dealId))?.product ?? null}
          nowMs={nowMs}
        />
      ))}
      {raining.map((drop) => (
        <DropStall key={drop.dropId} drop={drop} brand={brandOf(drop.brandId)} nowMs={nowMs} />
      ))}
      {open.map((offer) => (
        <DealStall key={offer.deal.dealId} offer={offer} nowMs={nowMs} />
      ))}
    </div>
  );
}
