import type { Order } from '@elevens/shared/src/orders/contract.ts';
import { useWords } from '../../platform/i18n.ts';
import { Mark } from '../../ui/Icon.tsx';
import { BrandLogo, ProductPicture } from '../../ui/Pictures.tsx';
import type { Things } from './use-orders.ts';

/** The things of an order, each with what is paid for it, under the brand that sells them. */
export function Goods({ order, things, heading }: { order: Order; things: Things; heading: boolean }) {
  const { t, format } = useWords();
  const brand = things.brand(order.brandId);
  return (
    <div className="goodslist">
      {heading && (
        <p className="brandline">
          {brand !== undefined && <BrandLogo brand={brand} />}
          {things.brandName(order.brandId)}
        </p>
      )}
      {order.lines.map((line) => {
        const product = things.product(line.productId);
        const listMinor = line.listMinor * line.quantity;
        return (
          <article className="goods" key={line.dealId}>
            {product === undefined ? <Mark name="lantern-gold" /> : <ProductPicture product={product} />}
            <div>
              <h3>{line.name}</h3>
              <small>
                {t('order.units', { count: line.quantity })}
                {line.refundedUnits > 0 && <>, {t('order.unitsBack', { count: line.refundedUnits })}</>}
              </small>
            </div>
            <span className="num">
              {format.money(line.payMinor, order.currency, 'short')}
              {listMinor > line.payMinor && <s>{format.money(listMinor, order.currency, 'short')}</s>}
            </span>
          </article>
        );
      })}
    </div>
  );
}
