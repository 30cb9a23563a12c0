import type { WallDeal } from '@elevens/shared/src/control/contract.ts';
import { useState } from 'react';
import { useWords } from '../../platform/i18n.ts';
import { useTimes } from '../../platform/use-places.ts';
import { Quiet } from '../../ui/Sign.tsx';
import { StockBar } from '../../ui/StockBar.tsx';
import { dealStateOf } from './deal-state.ts';
import { PauseAct } from './PauseAct.tsx';

/** Deals that come next are shown up to this many unless all are asked for. */
const nextShownMax = 4;

/** The stock of the deals on now, each with its pause, and what opens next. What does not add up stands first, also closed. */
export function DealsTable({
  deals,
  broken,
  nowMs,
  old,
}: {
  deals: readonly WallDeal[];
  broken: ReadonlySet<string>;
  nowMs: number;
  old: boolean;
}) {
  const { t, format } = useWords();
  const times = useTimes();
  const [all, setAll] = useState(false);
  const wrong = deals.filter((deal) => broken.has(deal.dealId));
  const sound = deals.filter((deal) => !broken.has(deal.dealId));
  const on = sound.filter((deal) => deal.opensAtMs <= nowMs && nowMs < deal.closesAtMs);
  const next = sound.filter((deal) => deal.opensAtMs > nowMs);
  const shown = [...wrong, ...on, ...(all ? next : next.slice(0, nextShownMax))];
  return (
    <section className={old ? 'deals old' : 'deals'} aria-labelledby="deals-title">
      <h2 id="deals-title">{t('deals.title')}</h2>
      {on.length + wrong.length === 0 && <p className="soft">{t('deals.none')}</p>}
      <ul>
        {shown.map((deal) => {
          const state = dealStateOf(deal, nowMs);
          const counts = t('deals.counts', {
            free: format.number(deal.free),
            held: format.number(deal.held),
            sold: format.number(deal.sold),
            total: format.number(deal.total),
          });
          return (
            <li key={deal.dealId} className={broken.has(deal.dealId) ? `is-${state} is-wrong` : `is-${state}`}>
              <div className="name">
                <h3>{deal.title}</h3>
                <span>
                  {state === 'next'
                    ? t('deals.opens', { time: times.short(deal.opensAtMs) })
                    : t(`deals.state.${state}`, { time: times.short(deal.closesAtMs) })}
                </span>
              </div>
              <div className="stock">
                <StockBar
                  total={deal.total}
                  free={deal.free}
                  held={deal.held}
                  paused={deal.paused}
                  label={counts}
                  thin
                />
                <span aria-hidden="true">{counts}</span>
              </div>
              <PauseAct dealId={deal.dealId} title={deal.title} paused={deal.paused} />
            </li>
          );
        })}
      </ul>
      {next.length > nextShownMax && (
        <Quiet small onPress={() => setAll(!all)} pressed={all}>
          {all ? t('deals.fewer') : t('deals.all', { count: next.length })}
        </Quiet>
      )}
    </section>
  );
}
