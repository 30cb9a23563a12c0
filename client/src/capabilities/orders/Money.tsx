import type { Order, Payment, Refund } from '@elevens/shared/src/orders/contract.ts';
import { useWords } from '../../platform/i18n.ts';
import { useTimes } from '../../platform/use-places.ts';
import { moneyOf } from './order-acts.ts';

/** Whether the coupons' funds have added their part and have it still there: it comes with the whole payment, and goes back with the goods. */
function fundStands({ fundedMinor, refundedMinor, state }: Order): boolean {
  const paid = ['paid', 'shipped', 'disputed', 'received', 'closed'].includes(state.is);
  return fundedMinor > 0 && paid && refundedMinor === 0;
}

/** Who has the money now, and how what goes back gets there. */
export function WhereMoney({
  order,
  payment,
  refunds,
  seller,
}: {
  order: Order;
  payment: Payment;
  refunds: readonly Refund[];
  seller: string;
}) {
  const { t, format } = useWords();
  const times = useTimes();
  const held = moneyOf(order, payment, refunds);
  const money = (minor: number): string => format.money(minor, order.currency);
  return (
    <div className="where">
      <h3 className="vh">{t('order.where')}</h3>
      <dl>
        {held.map(({ who, minor }) => (
          <div className="pair" key={who}>
            <dt>{t(`order.has.${who}`, { seller })}</dt>
            <dd>{money(minor)}</dd>
          </div>
        ))}
        {fundStands(order) && (
          <div className="pair">
            <dt>{t('order.funded')}</dt>
            <dd>{money(order.fundedMinor)}</dd>
          </div>
        )}
        {refunds.map((refund) => (
          <div className={refund.state === 'failed' ? 'pair back failed' : 'pair back'} key={refund.reference}>
            <dt>
              {t(`order.refund.${refund.state}`, { time: times.dayToSecond(refund.atMs) })}
              <small>
                {t(`order.refundWhy.${refund.why}`)}, {refund.reference}
              </small>
            </dt>
            <dd>{money(refund.amountMinor)}</dd>
          </div>
        ))}
      </dl>
    </div>
  );
}
