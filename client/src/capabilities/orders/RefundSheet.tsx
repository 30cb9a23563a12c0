import type { Order } from '@elevens/shared/src/orders/contract.ts';
import { useState } from 'react';
import { useWords } from '../../platform/i18n.ts';
import { useKeptChange } from '../../platform/use-kept-change.ts';
import { useTimes } from '../../platform/use-places.ts';
import { Icon } from '../../ui/Icon.tsx';
import { Sheet } from '../../ui/Sheet.tsx';
import { Quiet } from '../../ui/Sign.tsx';
import { ReasonField } from './ReasonField.tsx';
import { allLeft, amountOf, countOf, leftOf, linesOf } from './refund-amounts.ts';
import { useOutcomeWords } from './use-outcome-words.ts';

/** Which things go back, how many of each, and what exactly comes back for them. */
export function RefundSheet({
  order,
  kind,
  untilMs,
  onDone,
  onClose,
}: {
  order: Order;
  kind: 'refund' | 'return';
  /** The last moment for it; null where none is known yet. */
  untilMs: number | null;
  onDone: () => void;
  onClose: () => void;
}) {
  const { t, format } = useWords();
  const times = useTimes();
  const hurtOf = useOutcomeWords();
  const [chosen, setChosen] = useState(() => allLeft(order));
  const [reason, setReason] = useState('');
  const [tried, setTried] = useState(false);
  const refund = useKeptChange('orders:refund', {
    slot: order.orderId,
    onAnswer: (outcome) => {
      if (!outcome.ok) return;
      onDone();
      onClose();
    },
  });
  const hurt = hurtOf(refund.outcome);
  const count = countOf(chosen);
  const amount = format.money(amountOf(order, chosen), order.currency);
  const missing = tried && reason.trim() === '';
  const moment = untilMs === null ? null : times.moment(untilMs);
  const set = (dealId: string, units: number): void => setChosen((before) => ({ ...before, [dealId]: units }));
  const send = (): void => {
    setTried(true);
    if (count === 0 || reason.trim() === '') return;
    const lines = linesOf(order, chosen);
    const input = { orderId: order.orderId, reason: reason.trim() };
    refund.send(lines === null ? input : { ...input, lines });
  };
  return (
    <Sheet title={t(`order.${kind}Title`)} closeLabel={t('nav.close')} onClose={onClose}>
      <p>{t(`order.${kind}Text`)}</p>
      {moment !== null && <p>{t('order.returnUntil', { moment: moment.moment })}</p>}
      <ul className="units">
        {order.lines
          .filter((line) => leftOf(line) > 0)
          .map((line) => {
            const { name } = line;
            const units = chosen[line.dealId] ?? 0;
            const left = leftOf(line);
            return (
              <li key={line.dealId}>
                <span>
                  {name}
                  <small>{t('order.unitsOf', { units, left })}</small>
                </span>
                <div className="step">
                  <button
                    type="button"
                    className="ico-btn"
                    aria-label={t('order.fewer', { name })}
                    aria-disabled={units === 0 || undefined}
                    onClick={() => set(line.dealId, Math.max(0, units - 1))}
                  >
                    <i className="minus" aria-hidden="true" />
                  </button>
                  <span className="num" role="status">
                    {units}
                  </span>
                  <button
                    type="button"
                    className="ico-btn"
                    aria-label={t('order.oneMore', { name })}
                    aria-disabled={units === left || undefined}
                    onClick={() => set(line.dealId, Math.min(left, units + 1))}
                  >
                    <Icon name="plus" />
                  </button>
                </div>
              </li>
            );
          })}
      </ul>
      <ReasonField
        label={t('order.reason')}
        hint={missing ? t('order.reasonMissing') : t('order.reasonHint')}
        value={reason}
        missing={missing}
        onChange={setReason}
      />
      {hurt !== null && (
        <p className="hurtline" role="alert">
          {hurt}
        </p>
      )}
      <div className="row">
        <Quiet busy={refund.busy} off={count === 0} onPress={send}>
          {count === 0 ? t('order.chooseOne') : t(`order.${kind}Yes`, { amount })}
        </Quiet>
        <Quiet className="line" onPress={onClose}>
          {t('order.keepIt')}
        </Quiet>
      </div>
    </Sheet>
  );
}
