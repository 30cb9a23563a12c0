import { Left, useBasketCount } from '../../capabilities/deals/HoldsLine.tsx';
import { useMyHolds } from '../../capabilities/deals/use-deals.ts';
import { useWords } from '../../platform/i18n.ts';
import { useMeasured, useNow } from '../../platform/platform.tsx';
import { To } from '../../platform/router.tsx';
import { useTimes } from '../../platform/use-places.ts';
import { Icon, Mark } from '../../ui/Icon.tsx';
import type { Tab } from './App.tsx';

const tabs: readonly { tab: Tab; to: string }[] = [
  { tab: 'tonight', to: '/' },
  { tab: 'deals', to: '/deals' },
  { tab: 'live', to: '/live' },
  { tab: 'packets', to: '/packets' },
  { tab: 'mine', to: '/mine' },
];

function Links({ tab }: { tab: Tab | 'nowhere' }) {
  const { t } = useWords();
  return tabs.map((one) => (
    <To key={one.tab} to={one.to} aria-current={one.tab === tab ? 'page' : undefined}>
      <Icon name={one.tab} />
      {t(`nav.${one.tab}`)}
    </To>
  ));
}

/** The hour in the festival's own place. */
export function PlaceClock() {
  const times = useTimes();
  const nowMs = useNow(1_000);
  const measured = useMeasured();
  return (
    <p className="hour">
      <span className="num">{measured ? times.toSecond(nowMs) : '––:––:––'}</span>
      {times.place.city}
    </p>
  );
}

/** The way to the basket, with how much lies in it. */
export function BasketLink() {
  const { t } = useWords();
  const count = useBasketCount();
  return (
    <To className="basketlink" to="/basket">
      <Icon name="basket" />
      <span className="vh">{t('nav.basket')}</span>
      {count > 0 && <b>{count}</b>}
    </To>
  );
}

/** The bar of a phone, under the thumb. */
export function TabBar({ tab }: { tab: Tab | 'nowhere' }) {
  const { t } = useWords();
  return (
    <nav className="tabs" aria-label={t('nav.main')}>
      <Links tab={tab} />
    </nav>
  );
}

/** On a desk the slim line of what is held hangs in the bar. */
function HeldFor() {
  const { t } = useWords();
  const { holds } = useMyHolds();
  const first = holds?.find((hold) => hold.paymentId === null) ?? null;
  if (first === null) return null;
  return (
    <To className="heldfor" to="/basket">
      <span className="vh">{t('deals.line.label')} </span>
      <Left hold={first} />
    </To>
  );
}

/** The bar of a desk, over the street. */
export function DeskBar({ tab }: { tab: Tab | 'nowhere' }) {
  const { t } = useWords();
  return (
    <header className="deskbar">
      <Mark name="mark" className="mark" />
      <b>{t('brand')}</b>
      <nav aria-label={t('nav.main')}>
        <Links tab={tab} />
      </nav>
      <HeldFor />
      <BasketLink />
      <PlaceClock />
    </header>
  );
}

/** The head of a list page on a phone: what it is, and the hour. */
export function PageHead({ title }: { title: string }) {
  return (
    <header className="pagehead">
      <h1>{title}</h1>
      <BasketLink />
      <PlaceClock />
    </header>
  );
}
