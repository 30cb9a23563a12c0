import type { Order, OrderedThings, Payment } from '@elevens/shared/src/orders/contract.ts';
import { type ReactNode, useEffect, useState } from 'react';
import { Amount } from '../../capabilities/deals/Price.tsx';
import { Goods } from '../../capabilities/orders/Goods.tsx';
import { HeldStrip } from '../../capabilities/orders/HeldStrip.tsx';
import { NotReady } from '../../capabilities/orders/NotReady.tsx';
import { shortName } from '../../capabilities/orders/order-acts.ts';
import { PresaleSteps } from '../../capabilities/orders/PresaleSteps.tsx';
import { type PayState, payStateOf, startOf } from '../../capabilities/orders/pay-state.ts';
import { Slip } from '../../capabilities/orders/Slip.tsx';
import {
  type Things,
  useBackAt,
  useHeldFrom,
  usePayment,
  useThings,
  useTrip,
} from '../../capabilities/orders/use-orders.ts';
import { useOutcomeWords } from '../../capabilities/orders/use-outcome-words.ts';
import { useWords } from '../../platform/i18n.ts';
import { useLink, useNow } from '../../platform/platform.tsx';
import { back, go, To } from '../../platform/router.tsx';
import { useKeptChange } from '../../platform/use-kept-change.ts';
import { useTimes } from '../../platform/use-places.ts';
import { Icon, type IconName, Mark } from '../../ui/Icon.tsx';
import { Nothing } from '../../ui/Pieces.tsx';
import { Quiet, Sign, type SignState } from '../../ui/Sign.tsx';
import { PlaceClock } from './Bars.tsx';
import './orders.css';
import './pay.css';

/** Paying: what for, how long it is held, the way to the till and back, and what became of it. */
export function PayPage({ paymentId }: { paymentId: string }) {
  const { t } = useWords();
  const [opened, setOpened] = useState<boolean | null>(null);
  const backAtMs = useBackAt(opened);
  const { asked, again } = usePayment(paymentId, backAtMs);
  // The first look decides whether one came back from the till; what is opened from here on leaves the page.
  if (asked.is === 'ready' && opened === null) setOpened(asked.reply.payment.url !== null);
  return (
    <div className="plain paying">
      <header className="cap">
        <button type="button" className="ico-btn" aria-label={t('nav.back')} onClick={() => back('/mine')}>
          <Icon name="back" />
        </button>
        <h1>{t('pay.title')}</h1>
        <PlaceClock />
      </header>
      {asked.is !== 'ready' && (
        <NotReady
          asked={asked}
          again={again}
          lines={5}
          refused={
            <Nothing
              title={t('pay.unknownTitle')}
              act={
                <To className="btn" to="/mine">
                  {t('pay.toMine')}
                </To>
              }
            >
              {t('pay.unknown')}
            </Nothing>
          }
        />
      )}
      {asked.is === 'ready' && (
        <ThePayment
          payment={asked.reply.payment}
          orders={asked.reply.orders}
          told={asked.reply.things}
          backAtMs={backAtMs}
          again={again}
        />
      )}
    </div>
  );
}

interface Facts {
  payment: Payment;
  orders: Order[];
  told: OrderedThings;
  backAtMs: number | null;
  again: () => void;
}

/** The page is on its way to the till; should it stay after all, the sign lights again after this long. */
const leavingMs = 15_000;

function ThePayment({ payment, orders, told, backAtMs, again }: Facts) {
  const { t, format } = useWords();
  const things = useThings(told);
  const nowMs = useNow(1_000);
  const link = useLink();
  const hurtOf = useOutcomeWords();
  const heldFromMs = useHeldFrom(payment.paymentId);
  const { leftAtMs, leave } = useTrip(payment.paymentId);
  const [leaving, setLeaving] = useState(false);
  const state = payStateOf({ payment, nowMs, backAtMs, leftAtMs });
  const amount = format.money(payment.amountMinor, payment.currency);

  // Both tabs of one device mean the same payment, so they share the intention.
  const pay = useKeptChange('orders:pay', {
    slot: payment.paymentId,
    where: 'device',
    onAnswer: (outcome) => {
      if (!outcome.ok) return again();
      setLeaving(true);
      leave();
      location.assign(outcome.reply.url);
    },
  });
  const cancel = useKeptChange('orders:cancel', { slot: payment.paymentId, onAnswer: again });
  useEffect(() => {
    if (!leaving) return undefined;
    const timer = setTimeout(() => setLeaving(false), leavingMs);
    // The browser may bring the page back as it was left: then nobody is on the way any more.
    const onShow = (): void => setLeaving(false);
    window.addEventListener('pageshow', onShow);
    return () => {
      clearTimeout(timer);
      window.removeEventListener('pageshow', onShow);
    };
  }, [leaving]);

  const open = state.is === 'to-pay' || state.is === 'waiting' || state.is === 'refused';
  const sign = ((): SignState | null => {
    if (!open) return null;
    if (pay.busy || leaving) return { is: 'busy', title: t('pay.sign.going'), detail: t('pay.sign.goingDetail') };
    if (link.is !== 'up') return { is: 'off', title: t('pay.sign.offline'), detail: t('pay.sign.offlineDetail') };
    if (state.is === 'waiting' && state.patient)
      return { is: 'busy', title: t('pay.sign.waiting'), detail: t('pay.sign.waitingDetail') };
    if (state.is === 'refused') return { is: 'ready', title: t('pay.sign.another'), detail: t('pay.sign.againDetail') };
    if (state.is === 'waiting') return { is: 'ready', title: t('pay.sign.again'), detail: t('pay.sign.againDetail') };
    return { is: 'ready', title: t('pay.sign.go', { amount }), detail: t('pay.sign.goDetail') };
  })();
  const hurt = hurtOf(pay.outcome) ?? hurtOf(cancel.outcome);
  const only = orders.length === 1 ? orders[0] : undefined;

  return (
    <>
      <div className="lower">
        <div className="told" role="status">
          <Said state={state} payment={payment} orders={orders} />
        </div>
        <div className="act-col">
          {open && (
            <HeldStrip title={t('pay.held')} fromMs={startOf(orders, payment, heldFromMs)} untilMs={payment.dueAtMs} />
          )}
          <section className="sumup" aria-labelledby="h-sum">
            <h2 id="h-sum">{t(sumWords(state, payment))}</h2>
            <span className="n">
              <Amount
                minor={state.is === 'refunded' ? state.minor : payment.amountMinor}
                currency={payment.currency}
                how="full"
              />
            </span>
            {payment.what !== 'full' && only?.presale != null && (
              <p>
                {t(payment.what === 'deposit' ? 'pay.ofDeposit' : 'pay.ofBalance', {
                  total: format.money(only.totalMinor, only.currency),
                })}
              </p>
            )}
          </section>
          {hurt !== null && (
            <p className="hurtline" role="alert">
              {hurt}
            </p>
          )}
          <div className="foot">
            {sign !== null && <Sign state={sign} onPress={() => pay.send({ paymentId: payment.paymentId })} />}
            {sign === null && <Next state={state} orders={orders} things={things} />}
            {open && payment.what !== 'balance' && (
              <Quiet
                className="give"
                busy={cancel.busy}
                off={link.is !== 'up' || pay.busy || leaving}
                onPress={() => cancel.send({ paymentId: payment.paymentId })}
              >
                {t('pay.letGo')}
              </Quiet>
            )}
          </div>
        </div>
        <div className="goods-col">
          {orders.map((order) => (
            <Goods key={order.orderId} order={order} things={things} heading />
          ))}
          {orders.map((order) => (
            <PresaleSteps key={order.orderId} order={order} />
          ))}
          {payment.what === 'full' && state.is !== 'cancelled' && state.is !== 'lapsed' && (
            <Slip orders={orders} things={things} />
          )}
          {open && <Promises payment={payment} />}
        </div>
      </div>
    </>
  );
}

function sumWords(state: PayState, payment: Payment): string {
  switch (state.is) {
    case 'refunded':
      return state.confirmed ? 'pay.sum.back' : 'pay.sum.goingBack';
    case 'paid':
      return 'pay.sum.paid';
    case 'deciding':
      return 'pay.sum.arrived';
    case 'lapsed':
    case 'cancelled':
      return 'pay.sum.not';
    case 'to-pay':
    case 'waiting':
    case 'refused':
    case 'ending':
      return `pay.sum.${payment.what}`;
  }
}

/** What the page says first: how it stands, and what that means for goods and money. */
function Said({ state, payment, orders }: { state: PayState; payment: Payment; orders: Order[] }) {
  const { t, format } = useWords();
  const times = useTimes();
  const amount = format.money(payment.amountMinor, payment.currency);
  const one = (title: string, text: ReactNode, more?: ReactNode): ReactNode => (
    <>
      <h2>{title}</h2>
      {more}
      <p>{text}</p>
    </>
  );
  switch (state.is) {
    case 'to-pay':
      return one(t('pay.toPayTitle'), t('pay.toPay'));
    case 'waiting':
      return one(t('pay.waitingTitle'), t('pay.waiting'), <Waiting sinceMs={state.sinceMs} />);
    case 'refused':
      return one(t('pay.refusedTitle'), t('pay.refused', { time: times.toSecond(state.atMs) }));
    case 'ending':
      return one(
        t('pay.endingTitle'),
        t('pay.ending', { time: times.toSecond(payment.dueAtMs) }),
        <Waiting sinceMs={null} />,
      );
    case 'deciding':
      return one(
        t('pay.decidingTitle'),
        t('pay.deciding', { amount, late: format.duration(state.lateMs), by: times.toSecond(state.byMs) }),
        <Waiting sinceMs={null} />,
      );
    case 'paid':
      return state.lateMs > 0
        ? one(t('pay.lateTitle'), t('pay.late', { late: format.duration(state.lateMs), amount }))
        : one(
            t(payment.what === 'deposit' ? 'pay.depositTitle' : 'pay.paidTitle'),
            payment.what === 'deposit'
              ? t('pay.depositPaid', {
                  amount,
                  from: times.moment(orders[0]?.presale?.balanceOpensAtMs ?? payment.dueAtMs).moment,
                })
              : t(orders.length === 1 ? 'pay.paidOne' : 'pay.paidMany', { amount, count: orders.length }),
          );
    case 'lapsed':
      return one(
        t('pay.lapsedTitle'),
        t(state.maybe ? 'pay.lapsedMaybe' : 'pay.lapsed', { time: times.toSecond(payment.dueAtMs) }),
      );
    case 'cancelled':
      return one(t('pay.cancelledTitle'), t('pay.cancelled'));
    case 'refunded': {
      const back = format.money(state.minor, payment.currency);
      return (
        <>
          <h2>{t(state.late ? 'pay.goneTitle' : 'pay.refundedTitle')}</h2>
          <p>{t(state.late ? 'pay.gone' : 'pay.refunded', { amount, back })}</p>
          <RefundSteps payment={payment} late={state.late} />
        </>
      );
    }
  }
}

/** The four strokes light in turn; the seconds say how long it has been. */
function Waiting({ sinceMs }: { sinceMs: number | null }) {
  const { t, format } = useWords();
  return (
    <>
      <div className="tillwait" aria-hidden="true">
        <i />
        <i />
        <i />
        <i />
      </div>
      {sinceMs !== null && (
        // Seconds that count are no news: a screen reader is told of the state, not of each of them.
        <p className="since" aria-hidden="true">
          {t('pay.since', { time: format.duration(Math.floor(sinceMs / 1_000) * 1_000) })}
        </p>
      )}
    </>
  );
}

/** How the money goes back, knot by knot. */
function RefundSteps({ payment, late }: { payment: Payment; late: boolean }) {
  const { t, format } = useWords();
  const times = useTimes();
  return (
    <ol className="string">
      {late && (
        <li className="bad">
          <div>
            <h3>{t('pay.step.lapsed')}</h3>
            <p>{t('pay.step.lapsedText')}</p>
          </div>
          <span className="time">{times.toSecond(payment.dueAtMs)}</span>
        </li>
      )}
      {payment.refunds.map((refund) => (
        <li
          key={refund.reference}
          className={refund.state === 'failed' ? 'bad' : refund.state === 'asked' ? 'here' : ''}
        >
          <div>
            <h3>{t(`pay.step.${refund.state}`)}</h3>
            <p>
              {t('pay.step.refund', {
                amount: format.money(refund.amountMinor, payment.currency),
                reference: refund.reference,
              })}
            </p>
          </div>
          <span className="time">{times.toSecond(refund.atMs)}</span>
        </li>
      ))}
    </ol>
  );
}

/** What is promised while money may be under way. */
function Promises({ payment }: { payment: Payment }) {
  const { t } = useWords();
  const times = useTimes();
  const rows: { icon: IconName; title: string; text: string }[] = [
    { icon: 'check', title: t('pay.once'), text: t('pay.onceText', { name: shortName(payment.paymentId) }) },
    {
      icon: 'hold',
      title: t('pay.ifLate', { time: times.toSecond(payment.dueAtMs) }),
      text: t('pay.ifLateText'),
    },
    { icon: 'shield', title: t('pay.escrow'), text: t('pay.escrowText') },
    { icon: 'close', title: t('pay.mayClose'), text: t('pay.mayCloseText') },
  ];
  return (
    <ul className="rows promises">
      {rows.map(({ icon, title, text }) => (
        <li key={icon}>
          <Icon name={icon} />
          <span>
            {title}
            <small>{text}</small>
          </span>
        </li>
      ))}
    </ul>
  );
}

/** Where it goes on once there is nothing more to pay. */
function Next({ state, orders, things }: { state: PayState; orders: Order[]; things: Things }) {
  const { t } = useWords();
  const [first] = orders;
  if (state.is === 'paid' && first !== undefined) {
    return (
      <>
        <Sign
          tone="gold"
          state={{
            is: 'ready',
            title: t(orders.length === 1 ? 'pay.seeOrder' : 'pay.seeOrders', { count: orders.length }),
            detail: orders.map((order) => things.brandName(order.brandId)).join(', '),
          }}
          onPress={() => go(`/order/${first.orderId}`)}
        />
        {orders.length > 1 && (
          <ul className="rows">
            {orders.slice(1).map((order) => (
              <li key={order.orderId}>
                <Mark name="lantern-gold" className="tiny-lantern" />
                <span>
                  {t('order.title', { name: shortName(order.orderId) })}
                  <small>{things.brandName(order.brandId)}</small>
                </span>
                <To to={`/order/${order.orderId}`}>{t('pay.seeThis')}</To>
              </li>
            ))}
          </ul>
        )}
      </>
    );
  }
  if (state.is === 'ending' || state.is === 'deciding')
    return (
      <Sign
        state={{ is: 'busy', title: t('pay.sign.deciding'), detail: t('pay.sign.decidingDetail') }}
        onPress={() => undefined}
      />
    );
  const dealId = first?.lines[0]?.dealId;
  return (
    <>
      {dealId !== undefined && (
        <To className="btn give" to={`/deals/${dealId}`}>
          {t('pay.toDeal')}
        </To>
      )}
      {first !== undefined && (
        <To className="btn give" to={`/order/${first.orderId}`}>
          {t('pay.whatHappened')}
        </To>
      )}
    </>
  );
}
