import type { Brand } from '@elevens/shared/src/catalogue/records.ts';
import type { Drop } from '@elevens/shared/src/redpackets/contract.ts';
import { clockText } from '../../platform/format.ts';
import { useWords } from '../../platform/i18n.ts';
import { To } from '../../platform/router.tsx';
import { useTimes } from '../../platform/use-places.ts';
import { Mark } from '../../ui/Icon.tsx';
import { BrandLogo } from '../../ui/Pictures.tsx';
import { NowTag } from '../../ui/Pieces.tsx';
import { StockBar } from '../../ui/StockBar.tsx';
import { useOpened } from './use-drops.ts';

/** A rain in a list: raining, coming, or over. */
export function DropStall({ drop, brand, nowMs }: { drop: Drop; brand: Brand | null; nowMs: number }) {
  const { t, format } = useWords();
  const times = useTimes();
  const running = drop.opensAtMs <= nowMs && nowMs < drop.closesAtMs;
  const over = nowMs >= drop.closesAtMs;
  const state = useOpened(running || over ? drop.dropId : null);
  const packets = format.number(drop.packets);
  const left = state === null ? drop.packets : drop.packets - state.opened;
  return (
    <To className={over ? 'now drop gone' : 'now drop'} to={`/packets/${drop.dropId}`}>
      <div className="vid">
        <span className="fall" aria-hidden="true">
          <Mark name="packet" />
          <Mark name="packet" />
          <Mark name="packet" />
        </span>
        {running && <NowTag>{t('nowTag.raining')}</NowTag>}
      </div>
      <div>
        <p className="who">
          {brand !== null && <BrandLogo brand={brand} />}
          {brand?.name}
        </p>
        <h3>{drop.title}</h3>
        <div className="pinrow">
          <span className="num">{format.money(drop.fundMinor, drop.currency, 'short')}</span>
        </div>
        {running && (
          <StockBar
            thin
            total={drop.packets}
            free={left}
            held={0}
            label={t('packets.opened', { opened: format.number(drop.packets - left), packets })}
          />
        )}
        <small>
          {running || over
            ? left === 0
              ? t('packets.allOpened', { packets })
              : t('packets.opened', { opened: format.number(drop.packets - left), packets })
            : t('packets.share', { packets, fund: format.money(drop.fundMinor, drop.currency, 'short') })}
          <span className="ends">
            {running
              ? t('packets.timer', { time: clockText(drop.closesAtMs - nowMs) })
              : over
                ? t('packets.closedAt', { time: times.short(drop.closesAtMs) })
                : t('deals.opensIn', { time: clockText(drop.opensAtMs - nowMs) })}
          </span>
        </small>
      </div>
    </To>
  );
}
