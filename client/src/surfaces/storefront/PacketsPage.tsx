import { useOffers } from '../../capabilities/deals/use-deals.ts';
import { DropStall } from '../../capabilities/redpackets/DropStall.tsx';
import { useDrops } from '../../capabilities/redpackets/use-drops.ts';
import { useWords } from '../../platform/i18n.ts';
import { Nothing, Unlit } from '../../ui/Pieces.tsx';
import { PageHead } from './Bars.tsx';
import { Failed } from './Failed.tsx';
import { Wallet } from './Wallet.tsx';
import './mine.css';

const aheadMax = 6;
const pastMax = 6;

/** Red packets: what rains, what will, what has, and what of it is one's own. */
export function PacketsPage() {
  const { t } = useWords();
  const view = useDrops();
  const offers = useOffers();
  const all = offers.is === 'ready' ? offers.offers : [];
  const brandOf = (id: string) => all.find((o) => o.brand.id === id)?.brand ?? null;
  const drops = view.is === 'ready' ? view.drops : [];
  const nowMs = view.is === 'ready' ? view.nowMs : 0;
  const groups = [
    { key: 'now', list: drops.filter((d) => d.opensAtMs <= nowMs && nowMs < d.closesAtMs) },
    { key: 'next', list: drops.filter((d) => d.opensAtMs > nowMs).slice(0, aheadMax) },
    {
      key: 'past',
      list: drops
        .filter((d) => d.closesAtMs <= nowMs)
        .toReversed()
        .slice(0, pastMax),
    },
  ].filter((group) => group.list.length > 0);
  return (
    <div className="list">
      <PageHead title={t('title.packets')} />
      <Wallet />
      {view.is === 'loading' && <Unlit label={t('state.loading')} lines={4} />}
      {view.is === 'failed' && <Failed fault={view.fault} list="redpackets:list" />}
      {view.is === 'ready' && groups.length === 0 && (
        <Nothing title={t('packets.empty')}>{t('packets.emptyText')}</Nothing>
      )}
      {groups.map(({ key, list }) => (
        <section key={key} aria-labelledby={`h-${key}`}>
          <h2 id={`h-${key}`}>{t(`packets.${key}`)}</h2>
          <div className="stalls">
            {list.map((drop) => (
              <DropStall key={drop.dropId} drop={drop} brand={brandOf(drop.brandId)} nowMs={nowMs} />
            ))}
          </div>
        </section>
      ))}
    </div>
  );
}
