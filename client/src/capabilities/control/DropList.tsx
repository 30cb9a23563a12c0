import type { WallDrop } from '@elevens/shared/src/control/contract.ts';
import type { Currency } from '@elevens/shared/src/money.ts';
import { useWords } from '../../platform/i18n.ts';
import { useTimes } from '../../platform/use-places.ts';

const shownMax = 4;

/** Red packets: how much of each fund has been opened, and what comes next. */
export function DropList({
  drops,
  currency,
  nowMs,
  old,
}: {
  drops: readonly WallDrop[];
  currency: Currency;
  nowMs: number;
  old: boolean;
}) {
  const { t, format } = useWords();
  const times = useTimes();
  return (
    <section className={old ? 'drops old' : 'drops'} aria-labelledby="drops-title">
      <h2 id="drops-title">{t('drops.title')}</h2>
      {drops.length === 0 && <p className="soft">{t('drops.none')}</p>}
      <ul>
        {drops.slice(0, shownMax).map((drop) => {
          const state = drop.closesAtMs <= nowMs ? 'over' : drop.opensAtMs > nowMs ? 'next' : 'on';
          const share = drop.packets === 0 ? 0 : drop.opened / drop.packets;
          return (
            <li key={drop.dropId} className={`is-${state}`}>
              <h3>
                {drop.title}
                <span>
                  {t(`drops.state.${state}`, {
                    time: times.short(state === 'next' ? drop.opensAtMs : drop.closesAtMs),
                  })}
                </span>
              </h3>
              <div className="b">
                <i style={{ width: `${share * 100}%` }} />
              </div>
              <p>
                {t('drops.counts', {
                  opened: format.number(drop.opened),
                  packets: format.number(drop.packets),
                  money: format.money(drop.openedMinor, currency),
                  fund: format.money(drop.fundMinor, currency, 'short'),
                })}
              </p>
            </li>
          );
        })}
      </ul>
    </section>
  );
}
