import type { LiveSession } from '@elevens/shared/src/live/contract.ts';
import { useOffers } from '../../capabilities/deals/use-deals.ts';
import { SessionStall } from '../../capabilities/live/SessionStall.tsx';
import { useSessions } from '../../capabilities/live/use-live.ts';
import { useWords } from '../../platform/i18n.ts';
import { useTimes } from '../../platform/use-places.ts';
import { Nothing, Unlit } from '../../ui/Pieces.tsx';
import { PageHead } from './Bars.tsx';
import { Failed } from './Failed.tsx';

const aheadMax = 8;
const pastMax = 4;

export function LivesPage() {
  const { t } = useWords();
  const times = useTimes();
  const view = useSessions();
  const offers = useOffers();
  const all = offers.is === 'ready' ? offers.offers : [];
  const sessions = view.is === 'ready' ? view.sessions : [];
  const nowMs = view.is === 'ready' ? view.nowMs : 0;
  const now = sessions.filter((s) => s.startsAtMs <= nowMs && nowMs < s.endsAtMs);
  const ahead = sessions.filter((s) => s.startsAtMs > nowMs).slice(0, aheadMax);
  const past = sessions
    .filter((s) => s.endsAtMs <= nowMs)
    .toReversed()
    .slice(0, pastMax);
  const stalls = (list: LiveSession[]) => (
    <div className="stalls">
      {list.map((session) => (
        <SessionStall
          key={session.sessionId}
          session={session}
          brand={all.find((o) => o.brand.id === session.brandId)?.brand ?? null}
          product={
            all.find((o) => session.dealIds.includes(o.deal.dealId))?.product ??
            all.find((o) => o.brand.id === session.brandId)?.product ??
            null
          }
          nowMs={nowMs}
        />
      ))}
    </div>
  );
  return (
    <div className="list">
      <PageHead title={t('title.live')} />
      {view.is === 'loading' && <Unlit label={t('state.loading')} lines={4} />}
      {view.is === 'failed' && <Failed fault={view.fault} list="live:list" />}
      {view.is === 'ready' && (
        <>
          <section aria-labelledby="h-live">
            <div className="awn flat" aria-hidden="true" />
            <h2 id="h-live">{t('live.now')}</h2>
            {now.length > 0 ? (
              stalls(now)
            ) : (
              <Nothing title={t('live.empty')}>
                {ahead[0] === undefined
                  ? t('live.emptyAtAll')
                  : t('live.emptyText', { time: t('at', { time: times.withPlaces(ahead[0].startsAtMs) }) })}
              </Nothing>
            )}
          </section>
          {ahead.length > 0 && (
            <section aria-labelledby="h-next">
              <h2 id="h-next">{t('live.next')}</h2>
              {stalls(ahead)}
            </section>
          )}
          {past.length > 0 && (
            <section aria-labelledby="h-past">
              <h2 id="h-past">{t('live.past')}</h2>
              {stalls(past)}
            </section>
          )}
        </>
      )}
    </div>
  );
}
