import type { Order, OrderedThings, Payment, Refund, TimelineEntry } from '@elevens/shared/src/orders/contract.ts';
import { useCallback, useEffect, useState } from 'react';
import { type ChainVerdict, checkChain } from '../../capabilities/orders/check-chain.ts';
import { DisputeSheet } from '../../capabilities/orders/DisputeSheet.tsx';
import { ExportButtons } from '../../capabilities/orders/ExportButtons.tsx';
import { Goods } from '../../capabilities/orders/Goods.tsx';
import { LastMoment } from '../../capabilities/orders/LastMoment.tsx';
import { WhereMoney } from '../../capabilities/orders/Money.tsx';
import { NotReady } from '../../capabilities/orders/NotReady.tsx';
import { OrderString } from '../../capabilities/orders/OrderString.tsx';
import { type Act, actsOf, lastMomentOf, shortName } from '../../capabilities/orders/order-acts.ts';
import { PresaleSteps } from '../../capabilities/orders/PresaleSteps.tsx';
import { ReceiveSheet } from '../../capabilities/orders/ReceiveSheet.tsx';
import { RefundSheet } from '../../capabilities/orders/RefundSheet.tsx';
import { allLeft, amountOf } from '../../capabilities/orders/refund-amounts.ts';
import { Slip } from '../../capabilities/orders/Slip.tsx';
import { useOrder, useThings } from '../../capabilities/orders/use-orders.ts';
import { useOutcomeWords } from '../../capabilities/orders/use-outcome-words.ts';
import { useWords } from '../../platform/i18n.ts';
import { useLink, useNow } from '../../platform/platform.tsx';
import { back, go, To } from '../../platform/router.tsx';
import { useKeptChange } from '../../platform/use-kept-change.ts';
import { useTimes } from '../../platform/use-places.ts';
import { Icon } from '../../ui/Icon.tsx';
import { Nothing } from '../../ui/Pieces.tsx';
import { Quiet, Sign, type SignState } from '../../ui/Sign.tsx';
import './orders.css';
import './order.css';

/** One order: its string, its money, and what can be done now. */
export function OrderPage({ orderId }: { orderId: string }) {
  const { t } = useWords();
  const { asked, again } = useOrder(orderId);
  const told = asked.is === 'ready' ? asked.reply : null;
  const brand = told === null ? null : (told.things.brands[0]?.name ?? null);
  return (
    <div className="plain ordering">
      <header className="cap">
        <button type="button" className="ico-btn" aria-label={t('nav.back')} onClick={() => back('/mine')}>
          <Icon name="back" />
        </button>
        <h1>{t('order.title', { name: shortName(orderId) })}</h1>
        <p>{brand}</p>
      </header>
      {asked.is !== 'ready' && (
        <NotReady
          asked={asked}
          again={again}
          lines={6}
          refused={
            <Nothing
              title={t('order.unknownTitle')}
              act={
                <To className="btn" to="/mine">
                  {t('pay.toMine')}
                </To>
              }
            >
              {t('why.unknown-order')}
            </Nothing>
          }
        />
      )}
      {asked.is === 'ready' && (
        <TheOrder
          order={asked.reply.order}
          payment={asked.reply.payment}
          refunds={asked.reply.refunds}
          told={asked.reply.things}
          timeline={asked.reply.timeline}
          again={again}
        />
      )}
    </div>
  );
}

/** Ends of an order; without money they leave nothing to account for. */
const ended = new Set<Order['state']['is']>(['lapsed', 'cancelled', 'refunded', 'returned']);

function useVerdict(order: Order, timeline: TimelineEntry[]): { verdict: ChainVerdict | null; check: () => void } {
  const [found, setFound] = useState<{ of: TimelineEntry[]; verdict: ChainVerdict } | null>(null);
  const [round, setRound] = useState(0);
  // oxlint-disable-next-line react/exhaustive-deps -- the round is not read: that it changed is the reason to check
  useEffect(() => {
    let gone = false;
    void checkChain({ orderId: order.orderId, entries: timeline, entriesExpected: order.version }).then((verdict) => {
      if (!gone) setFound({ of: timeline, verdict });
    });
    return () => {
      gone = true;
    };
  }, [order.orderId, order.version, timeline, round]);
  return {
    verdict: found?.of === timeline ? found.verdict : null,
    check: useCallback(() => {
      setFound(null);
      setRound((before) => before + 1);
    }, []),
  };
}

interface Facts {
  order: Order;
  payment: Payment;
  refunds: Refund[];
  told: OrderedThings;
  timeline: TimelineEntry[];
  again: () => void;
}

function TheOrder({ order, payment, refunds, told, timeline, again }: Facts) {
  const { t, format } = useWords();
  const things = useThings(told);
  const { verdict, check } = useVerdict(order, timeline);
  const last = lastMomentOf(order);
  const seller = things.brandName(order.brandId);
  return (
    <>
      <p className="vh" role="status">
        {t('order.nowIs', { state: t(`order.is.${order.state.is}`) })}
      </p>
      <OrderString order={order} payment={payment} entries={timeline} verdict={verdict} onCheck={check} />
      <div className="lower">
        <section className="thing-col">
          <Goods order={order} things={things} heading={false} />
          <p className="total">
            <span>{t(`order.is.${order.state.is}`)}</span>
            <span className="num">
              {format.money(order.state.is === 'deposit-paid' ? order.paidMinor : order.totalMinor, order.currency)}
            </span>
          </p>
          <WhereMoney order={order} payment={payment} refunds={refunds} seller={seller} />
        </section>
        <div className="act-col">
          {last !== null && <LastMoment last={last} />}
          <ActsOf order={order} payment={payment} seller={seller} again={again} />
        </div>
        <section className="more-col">
          <PresaleSteps order={order} />
          {/* Where nothing was paid, nothing came about. */}
          {!(order.paidMinor === 0 && ended.has(order.state.is)) && <Slip orders={[order]} things={things} />}
          <ExportButtons orderId={order.orderId} />
        </section>
      </div>
    </>
  );
}

/** The acts that this order allows now: one on the sign, the rest below it. */
function ActsOf({ order, payment, seller, again }: Pick<Facts, 'order' | 'payment' | 'again'> & { seller: string }) {
  const { t, format } = useWords();
  const times = useTimes();
  const nowMs = useNow(1_000);
  const link = useLink();
  const hurtOf = useOutcomeWords();
  const [asking, setAsking] = useState<'receive' | 'refund' | 'return' | 'dispute' | null>(null);
  const { main, others } = actsOf({ order, payment, nowMs });
  const online = link.is === 'up';
  // One payment may cover orders of several brands: paying it and letting it go are about all of them.
  const together = payment.orderIds.length;
  const money = (minor: number): string => format.money(minor, order.currency);

  const cancel = useKeptChange('orders:cancel', { slot: order.paymentId, onAnswer: again });
  const balance = useKeptChange('orders:balance', {
    slot: order.orderId,
    onAnswer: (outcome) => {
      if (outcome.ok) go(`/pay/${outcome.reply.payment.paymentId}`);
      else again();
    },
  });
  const hurt = hurtOf(cancel.outcome) ?? hurtOf(balance.outcome);

  const signOf = (act: Act): SignState => {
    if (!act.can) {
      const time = act.atMs === null ? '' : times.moment(act.atMs).moment;
      return { is: 'off', title: t(`order.off.${act.why}`), detail: t(`order.offDetail.${act.why}`, { time, seller }) };
    }
    if (!online) return { is: 'off', title: t('pay.sign.offline'), detail: t('pay.sign.offlineDetail') };
    const until =
      act.untilMs === null ? '' : act.act === 'pay' ? times.toSecond(act.untilMs) : times.dayToSecond(act.untilMs);
    const values = {
      seller,
      until,
      count: together,
      amount: money(
        act.act === 'balance'
          ? (order.presale?.balanceMinor ?? 0)
          : act.act === 'pay'
            ? payment.amountMinor
            : order.paidMinor - order.refundedMinor,
      ),
    };
    const busy = act.act === 'balance' && balance.busy;
    return {
      is: busy ? 'busy' : 'ready',
      title: t(`order.act.${act.act}`, values),
      detail: t(`order.actDetail.${together > 1 && act.act === 'pay' ? 'payAll' : act.act}`, values),
    };
  };
  const press = (act: Act): void => {
    switch (act.act) {
      case 'pay':
        return go(`/pay/${order.paymentId}`);
      case 'balance':
        // A balance that is being paid already has its payment; another is not opened.
        if (payment.what === 'balance' && payment.state.is === 'open') return go(`/pay/${payment.paymentId}`);
        return balance.send({ orderId: order.orderId });
      case 'cancel':
        return cancel.send({ paymentId: order.paymentId });
      case 'receive':
      case 'refund':
      case 'return':
      case 'dispute':
        return setAsking(act.act);
    }
  };
  const refundable = money(amountOf(order, allLeft(order)));
  const returnUntilMs = order.state.is === 'received' ? order.state.refundUntilMs : null;
  const close = (): void => setAsking(null);
  return (
    <div className={main === null && others.length === 0 ? 'foot still' : 'foot'}>
      {hurt !== null && (
        <p className="hurtline" role="alert">
          {hurt}
        </p>
      )}
      {main !== null && (
        <Sign tone={main.act === 'receive' ? 'gold' : 'red'} state={signOf(main)} onPress={() => press(main)} />
      )}
      {others.map((act) => (
        <Quiet
          key={act.act}
          className="give"
          off={!online}
          busy={act.act === 'cancel' && cancel.busy}
          onPress={() => press(act)}
        >
          {t(`order.act.${together > 1 && act.act === 'cancel' ? 'cancelAll' : act.act}`, {
            amount: refundable,
            count: together,
          })}
        </Quiet>
      ))}
      {returnUntilMs !== null && others.length > 0 && (
        <p className="small soft until">{t('order.returnUntil', { moment: times.moment(returnUntilMs).moment })}</p>
      )}
      {main === null && others.length === 0 && <p className="small soft until">{t(`order.end.${order.state.is}`)}</p>}
      {asking === 'receive' && <ReceiveSheet order={order} seller={seller} onDone={again} onClose={close} />}
      {(asking === 'refund' || asking === 'return') && (
        <RefundSheet order={order} kind={asking} untilMs={returnUntilMs} onDone={again} onClose={close} />
      )}
      {asking === 'dispute' && <DisputeSheet order={order} onDone={again} onClose={close} />}
    </div>
  );
}
