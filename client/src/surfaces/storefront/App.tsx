import { useEffect, useRef } from 'react';
import { HoldsLine } from '../../capabilities/deals/HoldsLine.tsx';
import { useWords } from '../../platform/i18n.ts';
import { type Route, To, useRoute } from '../../platform/router.tsx';
import { NetLine } from '../../ui/NetLine.tsx';
import { Hurt, Nothing, Unlit } from '../../ui/Pieces.tsx';
import { Quiet } from '../../ui/Sign.tsx';
import { DeskBar, TabBar } from './Bars.tsx';
import { usePage, usePagesAhead } from './pages.tsx';
import { TonightPage } from './TonightPage.tsx';

/** A page that comes when it is gone to: its place is unlit until it is here, and says so when it cannot come. */
function Fetched({ name, id }: { name: Parameters<typeof usePage>[0]; id: string }) {
  const { t } = useWords();
  const view = usePage(name);
  if (view.is === 'here') return view.draw(id);
  return (
    <div className="list">
      {view.is === 'coming' ? (
        <Unlit label={t('state.loading')} lines={4} />
      ) : (
        <Hurt
          icon="offline"
          title={t('state.failedTitle')}
          act={<Quiet onPress={() => location.reload()}>{t('state.again')}</Quiet>}
        >
          {t('state.failed', { why: t('fault.unavailable') })}
        </Hurt>
      )}
    </div>
  );
}

function Page({ route }: { route: Route }) {
  const { t } = useWords();
  if (route.page === 'tonight') return <TonightPage />;
  if (route.page !== 'nowhere') return <Fetched name={route.page} id={'id' in route ? route.id : ''} />;
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
  basket: 'deals',
  pay: 'mine',
  order: 'mine',
  nowhere: 'nowhere',
};
/** Pages that fill the phone: their own act stands where the tabs would be. */
const full = new Set<Route['page']>(['deal', 'basket', 'live', 'packet', 'pay', 'order']);
/** Pages that say themselves what is held: the slim line would say it twice. */
const ownHolds = new Set<Route['page']>(['basket', 'pay']);
/** Pages that fill the desk as well, and bring their own head. */
const bare = new Set<Route['page']>(['live']);

export function App() {
  const { t } = useWords();
  const route = useRoute();
  const tab = tabs[route.page];
  const main = useRef<HTMLElement>(null);
  const where = `${route.page} ${'id' in route ? route.id : ''}`;

  const at = useRef(where);
  usePagesAhead();

  useEffect(() => {
    document.title = `${t(route.page === 'basket' ? 'basket.title' : `title.${tab}`)} · ${t('brand')}`;
  }, [t, tab, route.page]);
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
      {!ownHolds.has(route.page) && <HoldsLine here={route.page === 'deal' ? route.id : null} />}
      <NetLine />
      <main id="main" ref={main} tabIndex={-1}>
        <Page route={route} />
      </main>
      {!full.has(route.page) && <TabBar tab={tab} />}
    </div>
  );
}
