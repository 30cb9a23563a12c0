import type { Hold, Stock } from '@elevens/shared/src/deals/contract.ts';
import { useMemo, useState } from 'react';
import { useLink, usePlatform } from '../../platform/platform.tsx';
import { type KeptChange, useKeptChange } from '../../platform/use-kept-change.ts';
import { type BasketSign, basketSignOf, type HeldParts, heldParts, type WantedState, wantedStateOf } from './basket.ts';
import type { CouponChoice } from './coupon-choice.ts';
import { isUndecided } from './use-claim.ts';
import { type Offer, useLanterns, useMyHolds, useOffers } from './use-deals.ts';
import { type Place, usePlace } from './use-place.ts';
import { mergedLines, proofIn, type QuoteView, useQuote } from './use-quote.ts';
import { useStocks } from './use-stocks.ts';
import { useWanted, wanted } from './use-wanted.ts';
import type { WantedLine } from './wanted.ts';

/** A wanted line with what it is about and whether it can be had. */
export interface WantedRow {
  line: WantedLine;
  offer: Offer | null;
  stock: Stock | null;
  state: WantedState;
}

export interface Basket {
  /** Null until it is known what is held. */
  parts: HeldParts | null;
  offers: Hold[];
  rows: WantedRow[];
  offerOf: (dealId: string) => Offer | null;
  listed: 'loading' | 'failed' | 'ready';
  fault: string | null;
  /** The sum of everything that can be had: what is held and what is wanted. */
  quote: QuoteView;
  /** What paying for the held alone comes to; the same where nothing else is wanted. */
  heldMinor: number | null;
  sign: BasketSign;
  claim: KeptChange<'deals:claim'>;
  paying: Place;
  /** Holds all that is wanted and can be had, in one claim. */
  holdAll: () => void;
  /** Pays for what is held. */
  pay: () => void;
  want: (line: WantedLine) => void;
  coupons: CouponChoice;
  choose: (coupons: CouponChoice) => void;
}

/** The basket: what is held across deals and brands, what is wanted, their sum, and the one thing to do next. */
export function useBasket(onPlaced: (paymentId: string) => void): Basket {
  const { queries } = usePlatform();
  const online = useLink().is === 'up';
  const view = useOffers();
  const lanterns = useLanterns();
  const mine = useMyHolds();
  const list = useWanted();
  const [coupons, setCoupons] = useState<CouponChoice>(null);
  const [again, setAgain] = useState(0);
  const all = useMemo(
    () => new Map((view.is === 'ready' ? view.offers : []).map((offer) => [offer.deal.dealId, offer])),
    [view],
  );
  const offerOf = (dealId: string): Offer | null => all.get(dealId) ?? null;
  const stocks = useStocks(list.flatMap((line) => all.get(line.dealId)?.deal ?? []));

  const claim = useKeptChange('deals:claim', {
    slot: 'basket',
    where: 'device',
    always: (outcome) => {
      if (outcome.ok) wanted.take(outcome.reply.lines.map((line) => line.dealId));
    },
    onAnswer: (outcome) => {
      if (!outcome.ok && 'why' in outcome && outcome.why === 'terms-changed') queries.refresh('deals:list');
    },
  });
  const paying = usePlace('basket', onPlaced);

  const parts = useMemo(
    () => (mine.holds === null ? null : heldParts(mine.holds, (id) => (all.get(id)?.deal.presale ?? null) !== null)),
    [mine.holds, all],
  );
  const nowMs = view.is === 'ready' ? view.nowMs : 0;
  const heldLines = (parts?.together ?? []).flatMap((hold) => hold.lines);
  const heldUnits = (dealId: string): number =>
    (mine.holds ?? [])
      .flatMap((hold) => hold.lines)
      .reduce((sum, line) => sum + (line.dealId === dealId ? line.quantity : 0), 0);
  const rows = list.map((line): WantedRow => {
    const offer = offerOf(line.dealId);
    const stock = stocks.get(line.dealId) ?? null;
    const facts = { offer, stock, line, lanterns, nowMs, heldUnits: heldUnits(line.dealId), refused: claim.outcome };
    return { line, offer, stock, state: wantedStateOf(facts) };
  });
  const ready = rows.filter((row) => row.state.is === 'ready');

  const quote = useQuote(mergedLines([...heldLines, ...ready.map((row) => row.line)]), { coupons, again });
  const apart = ready.length > 0 && heldLines.length > 0;
  const heldQuote = useQuote(apart ? mergedLines(heldLines) : [], { coupons, again });
  const heldProof = heldLines.length === 0 ? null : proofIn(apart ? heldQuote : quote);
  const heldMinor = paying.movedToMinor ?? heldProof?.totalMinor ?? null;

  const sign = basketSignOf({
    online,
    claiming: claim.busy,
    placing: paying.busy,
    undecided: isUndecided(paying.refusal) ? 'place' : isUndecided(claim.outcome) ? 'claim' : null,
    ready: ready.length,
    holding: heldLines.length > 0,
    totalMinor: heldProof?.totalMinor ?? null,
    movedToMinor: paying.movedToMinor,
    standing: mine.standing,
    paymentId: parts?.tills[0]?.paymentId ?? null,
    nowMs,
  });

  return {
    parts,
    offers: mine.offers,
    rows,
    offerOf,
    listed: view.is,
    fault: view.is === 'failed' ? view.fault : null,
    quote,
    heldMinor,
    sign,
    claim,
    paying,
    holdAll() {
      const lines = ready.flatMap(({ line, offer }) =>
        offer === null ? [] : [{ dealId: line.dealId, quantity: line.quantity, terms: offer.deal.terms }],
      );
      if (lines.length > 0) claim.send({ lines });
    },
    pay() {
      const [first] = heldLines;
      if (parts === null || first === undefined || heldMinor === null) return;
      paying.place({ holds: parts.together, totalMinor: heldMinor, currency: first.currency, coupons });
    },
    want(line) {
      claim.clear();
      wanted.put(line);
    },
    coupons,
    choose(next) {
      paying.clear();
      setCoupons(next);
      setAgain((n) => n + 1);
    },
  };
}
