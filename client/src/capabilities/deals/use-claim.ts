import type { CommandOutcome } from '@elevens/shared/src/contracts.ts';
import { useCallback, useState } from 'react';
import { clockText } from '../../platform/format.ts';
import { useWords } from '../../platform/i18n.ts';
import { useChange, useLink, useNow, usePlatform } from '../../platform/platform.tsx';
import { useTimes } from '../../platform/use-places.ts';
import type { SignState } from '../../ui/Sign.tsx';
import { type ClaimState, claimStateOf } from './claim-state.ts';
import { type Ended, type Offer, useHeldOf, useStock } from './use-deals.ts';

export interface Claim {
  state: ClaimState;
  ended: Ended;
  sign: SignState;
  press: () => void;
  /** What the button for one more says, while limit, stock and time leave room for it. */
  more: string | null;
  release: { busy: boolean; act: () => void };
  /** A fault that the sign itself does not tell; null when there is none. */
  hurt: string | null;
  stock: ReturnType<typeof useStock>['stock'];
  stale: boolean;
}

/** Everything about claiming one deal: its state, the words of its sign, and what a press does. */
export function useClaim(offer: Offer): Claim {
  const { deal } = offer;
  const { t, format } = useWords();
  const times = useTimes();
  const { queries } = usePlatform();
  const nowMs = useNow(1_000);
  const link = useLink();
  const { stock, status } = useStock(deal);
  const claim = useChange('deals:claim');
  const letGo = useChange('deals:release');
  const [outcome, setOutcome] = useState<CommandOutcome<'deals:claim'> | null>(null);
  const [releasedId, setReleasedId] = useState<string | null>(null);
  const { held, ended } = useHeldOf(deal.dealId, releasedId);

  const state = claimStateOf({
    deal,
    stock,
    held,
    nowMs,
    online: link.is === 'up',
    sending: claim.sending.is === 'sending',
    outcome,
  });

  const press = useCallback(() => {
    void claim.send({ lines: [{ dealId: deal.dealId, quantity: 1, terms: deal.terms }] }).then((answer) => {
      if (answer === null) return;
      setOutcome(answer);
      if (!answer.ok && 'why' in answer && answer.why === 'terms-changed') queries.refresh('deals:list');
    });
  }, [claim, deal, queries]);

  const release = useCallback(() => {
    if (held === null) return;
    void letGo.send({ holdId: held.hold.holdId }).then((answer) => {
      if (answer?.ok === true) {
        setReleasedId(answer.reply.holdId);
        setOutcome(null);
      }
    });
  }, [letGo, held]);

  const amount = format.money(deal.priceMinor, deal.currency, 'short');
  const say = (
    is: SignState['is'],
    key: string,
    values: Record<string, string | number>,
    detail: string,
    more: Record<string, string | number> = {},
  ): SignState => ({
    is,
    title: t(`deals.sign.${key}`, values),
    detail: t(`deals.sign.${detail}`, more),
  });
  const sign = ((): SignState => {
    switch (state.is) {
      case 'held':
        if (claim.sending.is === 'sending') return say('busy', 'claiming', {}, 'claimingDetail');
        return say('off', 'held', { time: times.toSecond(state.held.hold.lapsesAtMs) }, 'heldDetail');
      case 'claiming':
        return say('busy', 'claiming', {}, 'claimingDetail');
      case 'offline':
        return say('off', 'offline', {}, 'offlineDetail');
      case 'early':
        return say('off', 'early', { time: t('at', { time: times.short(deal.opensAtMs) }) }, 'earlyDetail', {
          left: clockText(state.leftMs),
        });
      case 'closed':
        return say('off', 'closed', { time: t('at', { time: times.short(deal.closesAtMs) }) }, 'closedDetail');
      case 'paused':
        return say('off', 'paused', {}, 'pausedDetail');
      case 'no-answer':
        return say('ready', 'noAnswer', {}, 'noAnswerDetail');
      case 'limit':
        return say('off', 'limit', {}, 'limitDetail', { count: deal.limitPerShopper });
      case 'too-many':
        return say('off', 'tooMany', { count: state.holdsMax }, 'tooManyDetail');
      case 'terms':
        return say('busy', 'terms', {}, 'termsDetail');
      case 'lost':
      case 'none-free':
        return stock.held > 0
          ? say('off', 'gone', {}, 'goneDetail', { held: format.number(stock.held) })
          : say('off', 'gone', {}, 'goneDetailNone', { total: format.number(stock.total) });
      case 'open':
        return say('ready', 'claim', { amount }, 'claimDetail', { time: format.duration(deal.holdMs) });
    }
  })();

  // A button of its own: the sign must not become another act under the thumb that has just pressed it.
  const counts = { count: state.is === 'held' ? state.held.quantity : 0, limit: deal.limitPerShopper };
  const more =
    state.is === 'held' && state.more
      ? `${t('deals.sign.more', { amount })} (${t('deals.sign.moreDetail', counts)})`
      : null;

  const hurtOf = (answer: { ok: boolean; fault?: string; why?: string } | null): string | null => {
    if (answer === null || answer.ok) return null;
    if (answer.fault !== undefined) return answer.fault === 'unknown' ? null : t(`fault.${answer.fault}`);
    return answer.why === undefined ? null : t(`why.${answer.why}`, answer as unknown as Record<string, string>);
  };
  const told = new Set<ClaimState['is']>([
    'lost',
    'none-free',
    'limit',
    'too-many',
    'paused',
    'early',
    'closed',
    'held',
    'claiming',
  ]);
  const released = letGo.sending.is === 'answered' ? letGo.sending.outcome : null;
  return {
    state,
    ended,
    sign,
    press,
    more,
    release: { busy: letGo.sending.is === 'sending', act: release },
    hurt: hurtOf(released) ?? (told.has(state.is) ? null : hurtOf(outcome)),
    stock,
    stale: status.is === 'stale',
  };
}
