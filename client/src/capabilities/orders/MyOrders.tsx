import type { Order, Payment } from '@elevens/shared/src/orders/contract.ts';
import { clockText } from '../../platform/format.ts';
import { type Translate, useWords } from '../../platform/i18n.ts';
import { useNow } from '../../platform/platform.tsx';
import { To } from '../../platform/router.tsx';
import { type Times, useTimes } from '../../platform/use-places.ts';
import { Mark } from '../../ui/Icon.tsx';
import { ProductPicture } from '../../ui/Pictures.tsx';
import { Quiet } from '../../ui/Sign.tsx';
import { FourStrokes } from '../../ui/Strokes.tsx';
import { NotReady } from './NotReady.tsx';
import { strokesOf } from './order-acts.ts';
import { payStateOf, startOf } from './pay-state.ts';
import { type MyOrders, type Things, useHeldFrom } from './use-orders.ts';

/** "Gooseneck kettle and 2 more". */
function titleOf(orders: readonly Order[], t: Translate): string {
  const lines = orders.flatMap((order) => order.lines);
  const [first] = lines;
  if (first === undefined) return '';
  return lines.length === 1 ? first.name : t('order.andMore', { name: first.name, count: lines.length - 1 });
}

function Picture({ orders, things }: { orders: readonly Order[]; things: Things }) {
  const productId = orders[0]?.lines[0]?.productId;
  const product = productId === undefined ? undefined : things.product(productId);
  return product === undefined ? <Mark name="lantern-gold" /> : <ProductPicture product={product} />;
}

/** A payment that waits for its money: on top of everything, with its time running. */
function OpenPayment({ payment, orders, things }: { payment: Payment; orders: Order[]; things: Things }) {
  const { t, format } = useWords();
  const nowMs = useNow(1_000);
  const heldFromMs = useHeldFrom(payment.paymentId);
  const state = payStateOf({ payment, nowMs, backAtMs: null });
  const fromMs = startOf(orders, payment, heldFromMs);
  const leftMs = Math.max(0, payment.dueAtMs - nowMs);
  return (
    <To className="goods topay" to={`/pay/${payment.paymentId}`}>
      <Picture orders={orders} things={things} />
      <div>
        <h3>{titleOf(orders, t) || t('pay.title')}</h3>
        <small>
          <FourStrokes value={(leftMs / Math.max(1, payment.dueAtMs - fromMs)) * 4} />
          {state.is === 'deciding'
            ? t('order.row.deciding')
            : leftMs > 0
              ? t('order.row.payWithin', { time: clockText(leftMs) })
              : t('order.row.ending')}
        </small>
      </div>
      <span className="num">{format.money(payment.amountMinor, payment.currency, 'short')}</span>
    </To>
  );
}

/** What a row says of its order: how it stands, and the moment that matters next. */
function stateWords(order: Order, t: Translate, times: Times): string {
  const { state } = order;
  const said = t(`order.is.${state.is}`);
  switch (state.is) {
    case 'awaiting-payment':
      return `${said}, ${t('order.row.until', { time: times.toSecond(state.dueAtMs) })}`;
    case 'deposit-paid':
      return `${said}, ${t('order.row.balance', { time: times.dayToSecond(state.balanceOpensAtMs) })}`;
    case 'shipped':
      return `${said}, ${state.carrier}`;
    case 'received':
      return `${said}, ${t('order.row.until', { time: times.dayToSecond(state.refundUntilMs) })}`;
    case 'paid':
    case 'disputed':
    case 'closed':
    case 'lapsed':
    case 'cancelled':
    case 'refunded':
    case 'returned':
      return said;
  }
}

function OrderRow({ order, things }: { order: Order; things: Things }) {
  const { t, format } = useWords();
  const times = useTimes();
  return (
    <To className="goods" to={`/order/${order.orderId}`}>
      <Picture orders={[order]} things={things} />
      <div>
        <h3>{titleOf([order], t)}</h3>
        <small>
          <FourStrokes value={strokesOf(order)} />
          {stateWords(order, t, times)}
        </small>
      </div>
      <span className="num">{format.money(order.totalMinor, order.currency, 'short')}</span>
    </To>
  );
}

/** The shopper's payments that are open, then all orders, newest first. */
export function OrdersSection({ mine }: { mine: MyOrders }) {
  const { t } = useWords();
  const { asked, orders, payments, things, more, again } = mine;
  const open = payments.filter(({ state }) => state.is === 'open' || state.is === 'paid-late');
  const waiting = new Set(open.flatMap((payment) => payment.orderIds));
  // An order whose payment stands above is not listed a second time.
  const rest = orders.filter((order) => !(order.state.is === 'awaiting-payment' && waiting.has(order.orderId)));
  return (
    <section className="sec" aria-labelledby="h-orders">
      <h2 id="h-orders">{t('order.orders')}</h2>
      {asked.is !== 'ready' && <NotReady asked={asked} again={again} lines={3} />}
      {asked.is === 'ready' && open.length === 0 && rest.length === 0 && <p className="soft">{t('order.none')}</p>}
      {open.map((payment) => (
        <OpenPayment
          key={payment.paymentId}
          payment={payment}
          orders={orders.filter((order) => payment.orderIds.includes(order.orderId))}
          things={things}
        />
      ))}
      {rest.map((order) => (
        <OrderRow key={order.orderId} order={order} things={things} />
      ))}
      {more.is === 'some' && (
        <div className="moreorders">
          <Quiet busy={more.busy} onPress={more.fetch}>
            {t('order.more')}
          </Quiet>
          {more.fault !== null && (
            <p className="hurtline" role="alert">
              {t(`fault.${more.fault === 'unknown' ? 'unavailable' : more.fault}`)}
            </p>
          )}
        </div>
      )}
    </section>
  );
}
