import type { Order } from '@elevens/shared/src/orders/contract.ts';
import { useState } from 'react';
import { useWords } from '../../platform/i18n.ts';
import { useKeptChange } from '../../platform/use-kept-change.ts';
import { Sheet } from '../../ui/Sheet.tsx';
import { Quiet } from '../../ui/Sign.tsx';
import { ReasonField } from './ReasonField.tsx';
import { useOutcomeWords } from './use-outcome-words.ts';

/** Something is wrong: the money stays where it is until a person at the desk has settled it. */
export function DisputeSheet({ order, onDone, onClose }: { order: Order; onDone: () => void; onClose: () => void }) {
  const { t, format } = useWords();
  const hurtOf = useOutcomeWords();
  const [reason, setReason] = useState('');
  const [tried, setTried] = useState(false);
  const dispute = useKeptChange('orders:dispute', {
    slot: order.orderId,
    onAnswer: (outcome) => {
      if (!outcome.ok) return;
      onDone();
      onClose();
    },
  });
  const hurt = hurtOf(dispute.outcome);
  const missing = tried && reason.trim() === '';
  return (
    <Sheet title={t('order.disputeTitle')} closeLabel={t('nav.close')} onClose={onClose}>
      <p>{t('order.disputeText', { amount: format.money(order.paidMinor - order.refundedMinor, order.currency) })}</p>
      <ReasonField
        label={t('order.disputeReason')}
        hint={missing ? t('order.reasonMissing') : t('order.disputeHint')}
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
        <Quiet
          busy={dispute.busy}
          onPress={() => {
            setTried(true);
            if (reason.trim() !== '') dispute.send({ orderId: order.orderId, reason: reason.trim() });
          }}
        >
          {t('order.disputeYes')}
        </Quiet>
        <Quiet className="line" onPress={onClose}>
          {t('order.notYet')}
        </Quiet>
      </div>
    </Sheet>
  );
}
