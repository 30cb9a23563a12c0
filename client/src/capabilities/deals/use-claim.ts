import type { Hold } from '@elevens/shared/src/deals/contract.ts';
import { useState } from 'react';
import { clockText } from '../../platform/format.ts';
import { useWords } from '../../platform/i18n.ts';
import { useLink, useNow, usePlatform } from '../../platform/platform.tsx';
import { useKeptChange } from '../../platform/use-kept-change.ts';
import { useTimes } from '../../platform/use-places.ts';
import type { SignState } from '../../ui/Sign.tsx';
import { type ClaimState, claimStateOf } from './claim-state.ts';
import { hurtWords } from './hurt-words.ts';
import { type Door, doorOf } from './terms.ts';
import { type Ended, type Offer, useHeldOf, useLanterns, useMyHolds, useStock } from './use-deals.ts';
import { type Line, useLine } from './use-line.ts';
import { type Place, usePlace } from './use-place.ts';
import { proofIn, type QuoteView, useQuote } from './use-quote.ts';
import { useSettled } from './use-settled.ts';

/** Where a sign leads; the surface knows the addresses. */
export interface ClaimWays {
  toBasket: () => void;
  toTill: (paymentId: string) => void;
}

export interface Claim {
  state: ClaimState;
  ended: Ended;
  sign: SignState;
  tone: 'red' | 'gold';
  press: () => void;
  /** What the button for one more says, while limit, stock and time leave room for it. */
  more: string | null;
  /** Claims another unit, beside what is held. */
  oneMore: () => void;
  /** Lets a hold or an offer go. */
  release: { busy: boolean; act: () => void };
  line: Line;
  /** The shopper's own door. */
  door: Door;
  /** What one unit comes to with the best coupons, as far as is known. */
  oneMinor: number;
  quote: QuoteView;
  /** Holds of other deals that wait to be paid: then the basket is the place to pay. */
  others: number;
  /** A refusal or fault that the sign itself does not tell; null when there is none. */
  hurt: string | null;
  stock: ReturnType<typeof useStock>['stock'];
  stale: boolean;
}

/** What the sign tells by itself, so that no line beside it needs to. */
const told = new Set<ClaimState['is']>([
  'sold-out',
  'none-free',
  'no-answer',
  'limit',
  'too-many',
  'one-at-a-time',
  'few',
  'paused',
  'early',
  'closed',
  'held',
  'paying',
  'claiming',
  'waiting',
  'offered',
]);

/**
 * Everything about claiming one deal: its state, the words of its sign, and what a press does. `summed` asks the server
 * for the sum with coupons, which only a page that shows it needs.
 */
export function useClaim(offer: Offer, { ways, summed }: { ways: ClaimWays; summed: boolean }): Claim {
  const { deal } = offer;
  const { t, format } = useWords();
  const times = useTimes();
  const { queries } = usePlatform();
  const nowMs = useNow(1_000);
  const online = useLink().is === 'up';
  const { stock, status } = useStock(deal);
  const lanterns = useLanterns();
  const door = doorOf(deal, lanterns);
  const mine = useMyHolds();
  const [releasedId, setReleasedId] = useState<string | null>(null);
  const { held, offer: offered, ended } = useHeldOf(deal.dealId, releasedId);
  const line = useLine(deal.dealId, { waiting: stock.waiting, watch: stock.soldOut || stock.waiting > 0 });
  const claim = useKeptChange('deals:claim', {
    slot: deal.dealId,
    onAnswer: (outcome) => {
      if (!outcome.ok && 'why' in outcome && outcome.why === 'terms-changed') queries.refresh('deals:list');
    },
  });
  const accept = useKeptChange('deals:accept', { slot: deal.dealId });
  const letGo = useKeptChange('deals:release', {
    slot: deal.dealId,
    onAnswer: (outcome) => {
      if (!outcome.ok) return;
      setReleasedId(outcome.reply.holdId);
      claim.clear();
    },
  });

  // What a refusal said was true of what was held then; once a hold has ended it may be asked again.
  const holdCount = mine.holds?.length ?? 0;
  const [heldBefore, setHeldBefore] = useState(holdCount);
  if (holdCount !== heldBefore) {
    setHeldBefore(holdCount);
    if (holdCount < heldBefore && claim.outcome !== null && !claim.outcome.ok) claim.clear();
  }

  // Everything of this deal that waits to be paid; other deals' holds are paid with it in the basket.
  const unpaid = (mine.holds ?? []).filter((hold) => hold.paymentId === null);
  const here = unpaid.filter((hold) => hold.lines.every((one) => one.dealId === deal.dealId));
  const others = unpaid.length - here.length;
  // One order knows one price of a deal: what was claimed at another is paid after it.
  const own = here.filter((hold) => hold.lines[0]?.priceMinor === here[0]?.lines[0]?.priceMinor);
  const quantity = own.reduce((sum, hold) => sum + hold.lines.reduce((all, one) => all + one.quantity, 0), 0);
  const quote = useQuote(summed ? [{ dealId: deal.dealId, quantity: Math.max(1, quantity) }] : []);
  const proof = proofIn(quote);
  const paying = usePlace(`deal ${deal.dealId}`, ways.toTill);

  const state = claimStateOf({
    deal,
    stock,
    opensAtMs: door.opensAtMs,
    held,
    offer: offered,
    standing: mine.standing,
    place: line.place,
    nowMs,
    online,
    sending: claim.busy,
    outcome: claim.outcome,
  });

  /** What a press does now. A sign that has just come to do something else waits a moment for the thumb. */
  const act: 'claim' | 'pay' | 'basket' | 'till' | 'join' | 'accept' | 'none' = ((): typeof act => {
    switch (state.is) {
      case 'offered':
        return 'accept';
      case 'paying':
        return 'till';
      case 'held':
        return others > 0 ? 'basket' : 'pay';
      case 'sold-out':
        return 'join';
      case 'open':
      case 'none-free':
      case 'no-answer':
      case 'few':
      case 'claiming':
        return 'claim';
      case 'offline':
      case 'early':
      case 'closed':
      case 'paused':
      case 'limit':
      case 'too-many':
      case 'one-at-a-time':
      case 'terms':
      case 'waiting':
        return 'none';
    }
  })();
  const settled = useSettled(act);
  // What is paid first: of a presale its deposit, else all of it.
  const shownMinor = proof === null ? null : proof.depositMinor > 0 ? proof.depositMinor : proof.totalMinor;
  const payMinor = paying.movedToMinor ?? shownMinor;

  const sendClaim = (): void => claim.send({ lines: [{ dealId: deal.dealId, quantity: 1, terms: deal.terms }] });
  const press = (): void => {
    switch (act) {
      case 'claim':
        sendClaim();
        return;
      case 'accept':
        if (offered !== null) accept.send({ holdId: offered.holdId });
        return;
      case 'join':
        line.join();
        return;
      case 'basket':
        ways.toBasket();
        return;
      case 'till':
        if (state.is === 'paying') ways.toTill(state.paymentId);
        return;
      case 'pay':
        if (payMinor !== null)
          paying.place({ holds: own, totalMinor: payMinor, currency: deal.currency, coupons: null });
        return;
      case 'none':
    }
  };

  const letGoOf: Hold | null = offered ?? (state.is === 'held' ? state.held.hold : null);
  // One unit with the best coupons, where the server has said it; what is claimed beside a hold is summed up with it later.
  const oneMinor = quantity === 0 ? (proof?.totalMinor ?? door.priceMinor) : door.priceMinor;
  const amount = format.money(oneMinor, deal.currency, 'short');
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
  const said = ((): SignState => {
    switch (state.is) {
      case 'offered':
        return accept.busy
          ? say('busy', 'taking', {}, 'claimingDetail')
          : online
            ? say('ready', 'take', { amount: offerAmount(state.offer) }, 'takeDetail', {
                time: format.duration(deal.holdMs),
              })
            : say('off', 'offline', {}, 'offlineDetail');
      case 'paying':
        return say('ready', 'till', {}, 'tillDetail');
      case 'held':
        return payingSign();
      case 'claiming':
        return say('busy', 'claiming', {}, 'claimingDetail');
      case 'offline':
        return say('off', 'offline', {}, 'offlineDetail');
      case 'early':
        return say('off', 'early', { time: t('at', { time: times.short(state.opensAtMs) }) }, 'earlyDetail', {
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
      case 'one-at-a-time':
        return say('off', 'oneAtATime', {}, 'oneAtATimeDetail', {
          time: times.dayToSecondThere(state.untilMs),
        });
      case 'terms':
        return say('busy', 'terms', {}, 'termsDetail');
      case 'few':
        return say('ready', 'few', { count: state.left }, 'fewDetail');
      case 'waiting':
        return say('off', 'waiting', { place: format.number(state.place) }, 'waitingDetail');
      case 'sold-out':
        return line.busy ? say('busy', 'joining', {}, 'claimingDetail') : say('ready', 'join', {}, 'joinDetail');
      case 'none-free':
        return say('ready', 'tryOne', { amount }, 'tryOneDetail');
      case 'open':
        return deal.presale === null
          ? say('ready', 'claim', { amount }, 'claimDetail', { time: format.duration(deal.holdMs) })
          : say(
              'ready',
              'claimPresale',
              { amount: format.money(deal.presale.depositMinor, deal.currency, 'short') },
              'claimPresaleDetail',
              { time: format.duration(deal.holdMs) },
            );
    }
  })();

  function offerAmount(hold: Hold): string {
    const minor = hold.lines.find((one) => one.dealId === deal.dealId)?.priceMinor ?? door.priceMinor;
    return format.money(minor, deal.currency, 'short');
  }

  function payingSign(): SignState {
    if (claim.busy) return say('busy', 'claiming', {}, 'claimingDetail');
    if (paying.busy) return say('busy', 'ordering', {}, 'claimingDetail');
    if (!online) return say('off', 'offline', {}, 'heldOfflineDetail');
    if (others > 0) return say('ready', 'toBasket', {}, 'toBasketDetail', { count: unpaid.length });
    if (payMinor === null) return say('off', 'summing', {}, 'summingDetail');
    const sum = format.money(payMinor, deal.currency);
    if (isUndecided(paying.refusal)) return say('ready', 'noAnswer', {}, 'noAnswerPayDetail');
    if (paying.movedToMinor !== null) return say('ready', 'pay', { amount: sum }, 'payMovedDetail');
    return deal.presale === null
      ? say('ready', 'pay', { amount: sum }, 'payDetail')
      : say('ready', 'payDeposit', { amount: sum }, 'payDetail');
  }

  // Not yet meant: the sign already says what it will do, and is at work until the thumb can have seen it.
  const hush = !settled && said.is === 'ready' && act !== 'claim';
  const counts = { count: state.is === 'held' ? state.held.quantity : 0, limit: deal.limitPerShopper };
  const more =
    state.is === 'held' && state.more
      ? `${t('deals.sign.more', { amount })} (${t('deals.sign.moreDetail', counts)})`
      : null;

  return {
    state,
    ended,
    sign: hush ? { ...said, is: 'busy' } : said,
    tone: state.is === 'held' || state.is === 'paying' || state.is === 'sold-out' ? 'gold' : 'red',
    press,
    more,
    oneMore: sendClaim,
    release: {
      busy: letGo.busy,
      act: () => {
        if (letGoOf !== null) letGo.send({ holdId: letGoOf.holdId });
      },
    },
    line,
    door,
    oneMinor,
    quote,
    others,
    hurt:
      hurtWords(t, letGo.outcome) ??
      hurtWords(t, accept.outcome) ??
      hurtWords(t, line.hurt) ??
      placeHurt(paying) ??
      (told.has(state.is) ? null : hurtWords(t, claim.outcome)),
    stock,
    stale: status.is === 'stale',
  };

  function placeHurt({ refusal, movedToMinor }: Place): string | null {
    if (refusal === null || isUndecided(refusal)) return null;
    if (movedToMinor !== null)
      return t('deals.moved', {
        from: format.money(shownMinor ?? movedToMinor, deal.currency),
        to: format.money(movedToMinor, deal.currency),
      });
    return hurtWords(t, refusal);
  }
}

/** Whether the answer got lost after it may have been decided. */
export function isUndecided(outcome: { ok: boolean; fault?: string } | null): boolean {
  return outcome !== null && !outcome.ok && (outcome.fault === 'unknown' || outcome.fault === 'pending');
}
