import type { Order } from '@elevens/shared/src/orders/contract.ts';
import { useWords } from '../../platform/i18n.ts';
import { useKeptChange } from '../../platform/use-kept-change.ts';
import { Sheet } from '../../ui/Sheet.tsx';
import { Quiet } from '../../ui/Sign.tsx';
import { useOutcomeWords } from './use-outcome-words.ts';

/** Asks once, and says where the money goes: receipt cannot be taken back. */
export function ReceiveSheet({
  order,
  seller,
  onDone,
  onClose,
}: {
  order: Order;
  seller: string;
  onDone: () => void;
  onClose: () => void;
}) {
  const { t, format } = useWords();
  const hurtOf = useOutcomeWords();
  const receive = useKeptChange('orders:receive', {
    slot: order.orderId,
    onAnswer: (outcome) => {
      if (!outcome.ok) return;
      onDone();
      onClose();
    },
  });
  const hurt = hurtOf(receive.outcome);
  const amount = format.money(order.paidMinor - order.refundedMinor, order.currency);
  return (
    <Sheet title={t('order.receiveTitle')} closeLabel={t('nav.close')} onClose={onClose}>
      <p>{t('order.receiveText', { amount, seller })}</p>
      <p>{t('order.receiveAfter')}</p>
      {hurt !== null && (
        <p className="hurtline" role="alert">
          {hurt}
        </p>
      )}
      <div className="row">
        <Quiet busy={receive.busy} onPress={() => receive.send({ orderId: order.orderId })}>
          {t('order.receiveYes', { amount })}
        </Quiet>
        <Quiet className="line" onPress={onClose}>
          {t('order.notYet')}
        </Quiet>
      </div>
    </Sheet>
  );
}
