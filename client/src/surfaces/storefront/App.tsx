import { lazy, Suspense, useEffect, useRef } from 'react';
import { useWords } from '../../platform/i18n.ts';
import { type Route, To, useRoute } from '../../platform/router.tsx';
import { NetLine } from '../../ui/NetLine.tsx';
import { Nothing, Unlit } from '../../ui/Pieces.tsx';
import { DeskBar, TabBar } from './Bars.tsx';
import { TonightPage } from './TonightPage.tsx';

/** Tonight is in the first load; every other page comes when it is gone to. */
const DealsPage = lazy(() => import('./DealsPage.tsx').then((page) => ({ default: page.DealsPage })));
const DealPage = lazy(() => import('./DealPage.tsx').then((page) => ({ default: page.DealPage })));
const LivesPage = lazy(() => import('./LivesPage.tsx').then((page) => ({ default: page.LivesPage })));
const LivePage = lazy(() => import('./LivePage.tsx').then((page) => ({ default: page.LivePage })));
const PacketsPage = lazy(() => import('./PacketsPage.tsx').then((page) => ({ default: page.PacketsPage })));
const RainPage = lazy(() => import('./RainPage.tsx').then((page) => ({ default: page.RainPage })));
const MinePage = lazy(() => import('./MinePage.tsx').then((page) => ({ default: page.MinePage })));

function Page({ route }: { route: Route }) {
  const { t } = useWords();
  switch (route.page) {
    case 'tonight':
      return <TonightPage />;
    case 'deals':
      return <DealsPage />;
    case 'deal':
      return <DealPage key={route.id} dealId={route.id} />;
    case 'lives':
      return <LivesPage />;
    case 'live':
      return <LivePage key={route.id} sessionId={route.id} />;
    case 'packets':
      return <PacketsPage />;
    case 'packet':
      return <RainPage key={route.id} dropId={route.id} />;
    case 'mine':
      return <MinePage />;
    case 'nowhere':
      return (
        <div className="list">
          <Nothing
            title={t('state.nowhereTitle')}
            act={
              <To className="btn" to="/">
                {t('state.toTonight')}
              </To>
            }
          >
            {t('state.nowhere')}
          </Nothing>
        </div>
      );
  }
}

/** Which part of the bar a route belongs to. */
export type Tab = 'tonight' | 'deals' | 'live' | 'packets' | 'mine';
const tabs: Record<Route['page'], Tab | 'nowhere'> = {
  tonight: 'tonight',
  deals: 'deals',
  deal: 'deals',
  lives: 'live',
  live: 'live',
  packets: 'packets',
  packet: 'packets',
  mine: 'mine',
  nowhere: 'nowhere',
};
/** Pages that fill the phone: their own act stands where the tabs would be. */
const full = new Set<Route['page']>(['deal', 'live', 'packet']);
/** Pages that fill the desk as well, and bring their own head. */
const bare = new Set<Route['page']>(['live']);

export function App() {
  const { t } = useWords();
  const route = useRoute();
  const tab = tabs[route.page];
  const main = useRef<HTMLElement>(null);
  const where = `${route.page} ${'id' in route ? route.id : ''}`;

  const at = useRef(where);

  useEffect(() => {
    document.title = `${t(`title.${tab}`)} · ${t('brand')}`;
  }, [t, tab]);
  useEffect(() => {
    // After a change of page the reader is at the new page, not at a link that is gone.
    if (at.current !== where) main.current?.focus({ preventScroll: true });
    at.current = where;
  }, [where]);

  return (
    <div className={`street-page page-${route.page}`}>
      <a className="btn skip" href="#main">
        {t('skip')}
      </a>
      {!bare.has(route.page) && <DeskBar tab={tab} />}
      <NetLine />
      <main id="main" ref={main} tabIndex={-1}>
        <Suspense
          fallback={
            <div className="list">
              <Unlit label={t('state.loading')} lines={4} />
            </div>
          }
        >
          <Page route={route} />
        </Suspense>
      </main>
      {!full.has(route.page) && <TabBar tab={tab} />}
    </div>
  );
}
