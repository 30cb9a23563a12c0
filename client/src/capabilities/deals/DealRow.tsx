import { clockText } from '../../platform/format.ts';
import { useWords } from '../../platform/i18n.ts';
import { To } from '../../platform/router.tsx';
import { useTimes } from '../../platform/use-places.ts';
import { BrandLogo, ProductPicture } from '../../ui/Pictures.tsx';
import { StockBar } from '../../ui/StockBar.tsx';
import { Amount } from './Price.tsx';
import { type Offer, phaseOf, useStock } from './use-deals.ts';

/** An open stall in a list: picture, brand, name, price and the stock as it moves. */
export function DealStall({ offer, nowMs }: { offer: Offer; nowMs: number }) {
  const { t, format } = useWords();
  const { deal, product, brand } = offer;
  const { stock } = useStock(deal);
  // Gone only by the verdict: a zero of the count may be units on their way.
  const none = stock.soldOut;
  return (
    <To className={none ? 'now deal gone' : 'now deal'} to={`/deals/${deal.dealId}`}>
      <div className="vid">
        <ProductPicture product={product} />
      </div>
      <div>
        <p className="who">
          <BrandLogo brand={brand} />
          {brand.name}
        </p>
        <h3>{product.name}</h3>
        <div className="pinrow">
          <span className="num">
            <Amount minor={deal.priceMinor} currency={deal.currency} />
          </span>
          <s>{format.money(deal.listMinor, deal.currency, 'short')}</s>
        </div>
        <StockBar
          thin
          total={stock.total}
          free={stock.free}
          held={stock.held}
          paused={stock.paused}
          label={t('deals.leftMeter', { free: format.number(stock.free), total: format.number(stock.total) })}
        />
        <small>
          {stock.paused
            ? t('deals.paused')
            : none
              ? t('deals.allHeld', { held: format.number(stock.held) })
              : t('deals.left', { free: format.number(stock.free), total: format.number(stock.total) })}
          <span className="ends">{t('deals.untilClose', { time: clockText(deal.closesAtMs - nowMs) })}</span>
        </small>
      </div>
    </To>
  );
}

/** A deal that is not open: one line, with when. */
export function DealLine({ offer, nowMs }: { offer: Offer; nowMs: number }) {
  const { t, format } = useWords();
  const times = useTimes();
  const { deal, product, brand } = offer;
  const phase = phaseOf(deal, nowMs);
  const leftMs = deal.opensAtMs - nowMs;
  const when =
    phase === 'past'
      ? t('deals.closedAt', { time: t('at', { time: times.short(deal.closesAtMs) }) })
      : phase === 'open'
        ? t('deals.doorOpen')
        : leftMs < 600_000
          ? t('deals.opensIn', { time: clockText(leftMs) })
          : t('deals.opensAt', { time: t('at', { time: times.short(deal.opensAtMs) }) });
  return (
    <To className={phase === 'past' ? 'goods gone' : 'goods'} to={`/deals/${deal.dealId}`}>
      <ProductPicture product={product} />
      <div>
        <h3>{product.name}</h3>
        <small>
          {brand.name}, {when}
        </small>
      </div>
      <div>
        <span className="num">{format.money(deal.priceMinor, deal.currency, 'short')}</span>
        <s>{format.money(deal.listMinor, deal.currency, 'short')}</s>
      </div>
    </To>
  );
}
