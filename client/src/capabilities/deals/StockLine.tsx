import type { Stock } from '@elevens/shared/src/deals/contract.ts';
import { useWords } from '../../platform/i18n.ts';
import { StockBar } from '../../ui/StockBar.tsx';

/** The stock as number and bar. It moves by itself; a screen reader reads it when asked, it is not announced. */
export function StockLine({ stock, stale, right }: { stock: Stock; stale: boolean; right: string }) {
  const { t, format } = useWords();
  const total = format.number(stock.total);
  return (
    <div className="stockline">
      <p>
        <span>
          <span className="num">{format.number(stock.free)}</span>
          {t('deals.leftOf', { total })}
        </span>
        <span>{stock.paused ? t('deals.paused') : right}</span>
      </p>
      <StockBar
        total={stock.total}
        free={stock.free}
        held={stock.held}
        paused={stock.paused}
        label={t('deals.leftMeter', { free: format.number(stock.free), total })}
      />
      <p className="legend">
        {stale ? (
          <span>{t('deals.stale')}</span>
        ) : (
          <>
            <span>{t('deals.red')}</span>
            <span>{stock.held > 0 ? t('deals.gold', { held: format.number(stock.held) }) : t('deals.goldNone')}</span>
          </>
        )}
      </p>
    </div>
  );
}
