import type { Hold } from '@elevens/shared/src/deals/contract.ts';
import { recordIdOf } from '@elevens/shared/src/occurrence-ids.ts';
import type { ReactNode } from 'react';
import { isWaitingItsTime } from '../../capabilities/deals/basket.ts';
import { withCoupon, withoutCoupon } from '../../capabilities/deals/coupon-choice.ts';
import { Left } from '../../capabilities/deals/HoldsLine.tsx';
import { hurtWords } from '../../capabilities/deals/hurt-words.ts';
import { Amount } from '../../capabilities/deals/Price.tsx';
import { PriceReceipt } from '../../capabilities/deals/PriceReceipt.tsx';
import { type Basket, useBasket, type WantedRow } from '../../capabilities/deals/use-basket.ts';
import { isUndecided } from '../../capabilities/deals/use-claim.ts';
import type { Offer } from '../../capabilities/deals/use-deals.ts';
import { useLine } from '../../capabilities/deals/use-line.ts';
import { couponIn, proofIn, type Quote } from '../../capabilities/deals/use-quote.ts';
import { useSettled } from '../../capabilities/deals/use-settled.ts';
import { useWords } from '../../platform/i18n.ts';
import { useLink } from '../../platform/platform.tsx';
import { back, To } from '../../platform/router.tsx';
import { useKeptChange } from '../../platform/use-kept-change.ts';
import { useTimes } from '../../platform/use-places.ts';
import { Icon, Mark } from '../../ui/Icon.tsx';
import { BrandLogo, ProductPicture } from '../../ui/Pictures.tsx';
import { Nothing, Unlit } from '../../ui/Pieces.tsx';
import { Quiet, Sign, type SignState } from '../../ui/Sign.tsx';
import { FourStrokes } from '../../ui/Strokes.tsx';
import { PlaceClock } from './Bars.tsx';
import { Failed } from './Failed.tsx';
import { ways } from './ways.ts';
import './basket.css';

/** The basket: what is held and for how long, what is wanted, what it comes to and why, and one thing to press. */
export function BasketPage() {
  const { t } = useWords();
  const basket = useBasket(ways.toTill);
  const { parts, rows, offers } = basket;
  const known = parts !== null && basket.listed === 'ready';
  const held = parts === null ? [] : [...parts.together, ...parts.after];
  const empty = known && held.length + parts.apart.length + parts.tills.length + rows.length + offers.length === 0;
  const proof = proofIn(basket.quote);
  return (
    <div className="plain basket">
      <div className="awn" aria-hidden="true" />
      <header className="cap">
        <button type="button" className="ico-btn" aria-label={t('nav.back')} onClick={() => back('/deals')}>
          <Icon name="back" />
        </button>
        <h1>{t('basket.title')}</h1>
        <PlaceClock />
      </header>
      {!known && (
        <div className="things">
          {basket.fault === null ? (
            <Unlit label={t('state.loading')} lines={4} />
          ) : (
            <Failed fault={basket.fault} list="deals:list" />
          )}
        </div>
      )}
      {empty && (
        <Nothing
          title={t('basket.emptyTitle')}
          act={
            <To className="btn" to="/deals">
              {t('deals.toDeals')}
            </To>
          }
        >
          {t('basket.empty')}
        </Nothing>
      )}
      {known && !empty && (
        <>
          {proof !== null && <Far proof={proof} basket={basket} />}
          <div className="things">
            {offers.map((offer) => (
              <Offered key={offer.holdId} offer={offer} basket={basket} />
            ))}
            <Stalls basket={basket} />
            <Aside basket={basket} />
            {parts.apart.length > 0 && (
              <Apart holds={parts.apart} title={t('basket.apart')} text={t('basket.apartText')} basket={basket} />
            )}
            {parts.tills.map(({ paymentId, holds }) => (
              <Apart
                key={paymentId}
                holds={holds}
                title={t('basket.atTill')}
                text={t('basket.atTillText')}
                basket={basket}
                paymentId={paymentId}
              />
            ))}
          </div>
          {proof !== null && (
            <div className="sum">
              <PriceReceipt
                quote={basket.quote}
                lowMinor={null}
                brandName={(id) =>
                  [...held.flatMap((h) => h.lines), ...rows.map((row) => row.line)]
                    .map((line) => basket.offerOf(line.dealId)?.brand)
                    .find((brand) => brand?.id === id)?.name ?? id
                }
                onCoupon={{
                  leaveOut: (couponId) => basket.choose(withoutCoupon(proof, couponId)),
                  use: (out) => basket.choose(withCoupon(proof, out)),
                  best: basket.coupons === null ? null : () => basket.choose(null),
                }}
              />
            </div>
          )}
          <Foot basket={basket} />
        </>
      )}
    </div>
  );
}

/** How many steps are lit, and how far the next one is. */
function strokesOf({
  times,
  baseMinor,
  nextMinor,
}: {
  times: number;
  baseMinor: number;
  nextMinor: number | null;
}): number {
  if (nextMinor === null) return times;
  const fromMinor = (baseMinor + nextMinor) / (times + 1);
  return times + 1 - nextMinor / fromMinor;
}

/** The one big number, and how far the steps over all brands are lit. */
function Far({ proof, basket }: { proof: Quote; basket: Basket }) {
  const { t, format } = useWords();
  const units = proof.lines.reduce((sum, line) => sum + line.quantity, 0);
  const short = (minor: number): string => format.money(minor, proof.currency, 'short');
  const step = proof.steps.find((one) => one.step === 'coupon' && one.kind === 'cross-brand');
  const missing = proof.ruledOut
    .flatMap((out) => (out.why === 'not-reached' ? [out] : []))
    .toSorted((a, b) => a.missingMinor - b.missingMinor)[0];
  const best = proof.exact && basket.coupons === null;
  // Without a connection the things below go on lapsing, and no new sum comes: this one is told as what it is.
  const old = useLink().is !== 'up' && basket.quote.is !== 'ready';
  const long = format.money(proof.totalMinor, proof.currency, 'short').length > 7;
  return (
    <section className={long ? 'far long' : 'far'} aria-label={t('basket.total')}>
      <span className="n num">
        <Amount minor={proof.totalMinor} currency={proof.currency} />
      </span>
      <p className="by">
        <strong>{old ? t('basket.sumOld') : best ? t('basket.lowest', { count: units }) : t('basket.chosen')}</strong>
        {t('deals.list', { amount: short(proof.listMinor) })}, {t('deals.youKeep', { amount: short(proof.savedMinor) })}
      </p>
      {step?.step === 'coupon' && (
        <div className="st">
          <FourStrokes value={strokesOf(step)} />
          <p>
            <b>
              {t('basket.steps', {
                amount: short(Math.round(step.offMinor / step.times)),
                count: step.times,
              })}
            </b>{' '}
            {step.nextMinor === null
              ? t('basket.stepsOver', { base: short(step.baseMinor) })
              : t('basket.stepsNext', { amount: short(step.nextMinor) })}
          </p>
        </div>
      )}
      {step === undefined && missing !== undefined && (
        <div className="st">
          <FourStrokes value={0} />
          <p>
            {t('basket.stepsMissing', { amount: short(missing.missingMinor), code: couponIn(proof, missing.couponId) })}
          </p>
        </div>
      )}
    </section>
  );
}

/** What is held and what can be had, by brand: each brand gets an order of its own. */
function Stalls({ basket }: { basket: Basket }) {
  const { t } = useWords();
  const proof = proofIn(basket.quote);
  const held = [...(basket.parts?.together ?? []), ...(basket.parts?.after ?? [])];
  interface Thing {
    key: string;
    offer: Offer | null;
    row: ReactNode;
  }
  const things: Thing[] = [
    ...held.flatMap((hold) =>
      hold.lines.map((line, i) => ({
        key: `${hold.holdId} ${line.dealId}`,
        offer: basket.offerOf(line.dealId),
        row: <HeldRow hold={hold} line={line} last={i === hold.lines.length - 1} basket={basket} />,
      })),
    ),
    ...basket.rows
      .filter((row) => isWaitingItsTime(row.state))
      .map((row) => ({
        key: `want ${row.line.dealId}`,
        offer: row.offer,
        row: <WantRow row={row} basket={basket} />,
      })),
  ];
  const brands = Map.groupBy(things, (thing) => thing.offer?.brand.id ?? '');
  return [...brands].map(([brandId, of]) => {
    const brand = of[0]?.offer?.brand;
    const used = (proof?.steps ?? []).flatMap((step) =>
      step.step === 'coupon' &&
      (step.kind === 'brand' || step.kind === 'shop') &&
      proof?.lines.some((line) => line.brandId === brandId && line.shares.some((s) => s.couponId === step.couponId))
        ? [step.couponId]
        : [],
    );
    return (
      <section className="ofbrand" key={brandId}>
        <header className="brand">
          {brand !== undefined && <BrandLogo brand={brand} />}
          <h2>{brand?.name ?? t('basket.otherBrand')}</h2>
          {used.length > 0 && (
            <span>
              <Icon name="ticket" />
              {t('basket.used', { count: used.length })}
            </span>
          )}
        </header>
        {of.map((thing) => (
          <div key={thing.key}>{thing.row}</div>
        ))}
      </section>
    );
  });
}

/** What a line's share of the sum is: its price, and after coupons what is paid for it. */
function Share({
  dealId,
  quantity,
  unitMinor,
  basket,
}: {
  dealId: string;
  quantity: number;
  unitMinor: number;
  basket: Basket;
}) {
  const { t, format } = useWords();
  const proof = proofIn(basket.quote);
  const line = proof?.lines.find((one) => one.dealId === dealId);
  const currency = proof?.currency ?? basket.offerOf(dealId)?.deal.currency ?? 'CNY';
  // Where the same deal is held and wanted as well, the sum is of both: then the plain price is said.
  const whole = line !== undefined && line.quantity === quantity;
  const minor = whole ? line.payMinor : unitMinor * quantity;
  const listMinor = whole ? line.listMinor : null;
  const shared = whole && line.shares.length > 0;
  return (
    <span className="num">
      {format.money(minor, currency, 'short')}
      {listMinor !== null && listMinor > minor && (
        <s>
          <span className="vh">{t('basket.listWas')} </span>
          {format.money(listMinor, currency, 'short')}
        </s>
      )}
      {shared && <span className="vh">{t('basket.withCoupons')}</span>}
    </span>
  );
}

function Picture({ offer }: { offer: Offer | null }) {
  return offer === null ? <Mark name="lantern-gold" /> : <ProductPicture product={offer.product} />;
}

function HeldRow({
  hold,
  line,
  last,
  basket,
}: {
  hold: Hold;
  line: Hold['lines'][number];
  last: boolean;
  basket: Basket;
}) {
  const { t } = useWords();
  const offer = basket.offerOf(line.dealId);
  const letGo = useKeptChange('deals:release', { slot: hold.holdId });
  const hurt = hurtWords(t, letGo.outcome);
  return (
    <article className="goods held">
      <Picture offer={offer} />
      <div>
        <h3>
          <To to={`/deals/${line.dealId}`}>{offer?.product.name ?? recordIdOf(line.dealId)}</To>
          {line.quantity > 1 && <span className="times"> × {line.quantity}</span>}
        </h3>
        <small>
          <Left hold={hold} /> {t('basket.heldFor')}
        </small>
      </div>
      <Share dealId={line.dealId} quantity={line.quantity} unitMinor={line.priceMinor} basket={basket} />
      {last && (
        <p className="lineacts">
          <button
            type="button"
            className="linkish"
            aria-busy={letGo.busy}
            onClick={() => letGo.send({ holdId: hold.holdId })}
          >
            {hold.lines.length > 1 ? t('basket.letGoAll', { count: hold.lines.length }) : t('basket.letGo')}
          </button>
          {hurt !== null && <span role="alert">{hurt}</span>}
        </p>
      )}
    </article>
  );
}

function WantRow({ row, basket }: { row: WantedRow; basket: Basket }) {
  const { t, format } = useWords();
  const times = useTimes();
  const { line, offer, stock, state } = row;
  if (offer === null) return null;
  const { deal, product } = offer;
  const said =
    state.is === 'early'
      ? t('deals.opensAt', { time: times.withPlaces(state.opensAtMs) })
      : state.is === 'paused'
        ? t('deals.paused')
        : `${t('basket.leftNow', { count: stock?.free ?? 0, number: format.number(stock?.free ?? 0) })}, ${t('basket.notHeld')}`;
  return (
    <article className="goods">
      <Picture offer={offer} />
      <div>
        <h3>
          <To to={`/deals/${deal.dealId}`}>{product.name}</To>
        </h3>
        <small>{said}</small>
      </div>
      <Share dealId={deal.dealId} quantity={line.quantity} unitMinor={deal.priceMinor} basket={basket} />
      <p className="lineacts">
        {deal.limitPerShopper > 1 && (
          <span className="count" role="group" aria-label={t('basket.quantity', { name: product.name })}>
            <button
              type="button"
              className="ico-btn"
              aria-label={t('basket.less')}
              aria-disabled={line.quantity <= 1 || undefined}
              onClick={() => line.quantity > 1 && basket.want({ ...line, quantity: line.quantity - 1 })}
            >
              −
            </button>
            <b>{line.quantity}</b>
            <button
              type="button"
              className="ico-btn"
              aria-label={t('basket.moreOf')}
              aria-disabled={line.quantity >= deal.limitPerShopper || undefined}
              onClick={() =>
                line.quantity < deal.limitPerShopper && basket.want({ ...line, quantity: line.quantity + 1 })
              }
            >
              +
            </button>
          </span>
        )}
        <button type="button" className="linkish" onClick={() => basket.want({ ...line, quantity: 0 })}>
          {t('basket.takeOut')}
        </button>
      </p>
    </article>
  );
}

/** What cannot be had: named, why, and what can be done about it. It stands in nobody's way. */
function Aside({ basket }: { basket: Basket }) {
  const { t } = useWords();
  const rows = basket.rows.filter((row) => !isWaitingItsTime(row.state));
  if (rows.length === 0) return null;
  return (
    <section className="gonebox" aria-label={t('basket.gone')}>
      {rows.map((row) => (
        <GoneRow key={row.line.dealId} row={row} basket={basket} />
      ))}
    </section>
  );
}

function GoneRow({ row, basket }: { row: WantedRow; basket: Basket }) {
  const { t, format } = useWords();
  const times = useTimes();
  const { line, offer, stock, state } = row;
  const soldOut = state.is === 'sold-out';
  const queue = useLine(line.dealId, { waiting: stock?.waiting ?? 0, watch: soldOut });
  const hurt = hurtWords(t, queue.hurt);
  const why = ((): string => {
    switch (state.is) {
      case 'sold-out':
        return queue.place === null
          ? t('basket.why.soldOut', { held: format.number(stock?.held ?? 0) })
          : t('basket.why.waiting', { place: format.number(queue.place) });
      case 'few':
        return t('basket.why.few', { count: state.left });
      case 'limit':
        return t('basket.why.limit', { count: state.limit });
      case 'closed':
        return t('deals.closedAt', { time: t('at', { time: times.short(offer?.deal.closesAtMs ?? 0) }) });
      case 'unknown':
      case 'ready':
      case 'early':
      case 'paused':
        return t('basket.why.unknown');
    }
  })();
  return (
    <>
      <article className="goods gone">
        <Picture offer={offer} />
        <div>
          <h3>{offer?.product.name ?? recordIdOf(line.dealId)}</h3>
          <small role="status">{why}</small>
          {hurt !== null && <small role="alert">{hurt}</small>}
        </div>
      </article>
      <div className="w">
        {soldOut &&
          (queue.place === null ? (
            <Quiet small busy={queue.busy} onPress={queue.join}>
              {t('deals.sign.join')}
            </Quiet>
          ) : (
            <Quiet small busy={queue.busy} onPress={queue.leave}>
              {t('deals.leaveLine')}
            </Quiet>
          ))}
        {state.is === 'few' && (
          <Quiet small onPress={() => basket.want({ ...line, quantity: state.left })}>
            {t('basket.takeLeft', { count: state.left })}
          </Quiet>
        )}
        <Quiet small onPress={() => basket.want({ ...line, quantity: 0 })}>
          {t('basket.takeOut')}
        </Quiet>
      </div>
    </>
  );
}

/** Held, but not paid for by this page's sign: a presale, or what waits at the till already. */
function Apart({
  holds,
  title,
  text,
  basket,
  paymentId,
}: {
  holds: readonly Hold[];
  title: string;
  text: string;
  basket: Basket;
  paymentId?: string;
}) {
  const { t } = useWords();
  return (
    <section className="apart">
      <h2>{title}</h2>
      <p className="soft small">{text}</p>
      {holds.flatMap((hold) =>
        hold.lines.map((line) => {
          const offer = basket.offerOf(line.dealId);
          return (
            <article className="goods" key={`${hold.holdId} ${line.dealId}`}>
              <Picture offer={offer} />
              <div>
                <h3>{offer?.product.name ?? recordIdOf(line.dealId)}</h3>
                <small>
                  <Left hold={hold} />
                </small>
              </div>
              {paymentId === undefined ? (
                <To className="btn small" to={`/deals/${line.dealId}`}>
                  {t('basket.payApart')}
                </To>
              ) : (
                <span />
              )}
            </article>
          );
        }),
      )}
      {paymentId !== undefined && (
        <To className="btn small" to={`/pay/${paymentId}`}>
          {t('deals.line.toTill')}
        </To>
      )}
    </section>
  );
}

/** One came back while one is here: it can be looked at, taken or let go on its own page. */
function Offered({ offer, basket }: { offer: Hold; basket: Basket }) {
  const { t } = useWords();
  const [line] = offer.lines;
  const about = line === undefined ? null : basket.offerOf(line.dealId);
  const accept = useKeptChange('deals:accept', { slot: offer.holdId });
  const letGo = useKeptChange('deals:release', { slot: offer.holdId });
  const hurt = hurtWords(t, accept.outcome) ?? hurtWords(t, letGo.outcome);
  return (
    <section className="backforyou" aria-label={t('deals.cameBack')}>
      <article className="goods">
        <Picture offer={about} />
        <div>
          <h3>{t('deals.cameBack')}</h3>
          <small>
            {about?.product.name} <Left hold={offer} />
          </small>
        </div>
        <span />
      </article>
      <div className="w">
        <Quiet small busy={accept.busy} onPress={() => accept.send({ holdId: offer.holdId })}>
          {t('basket.take')}
        </Quiet>
        <Quiet small busy={letGo.busy} onPress={() => letGo.send({ holdId: offer.holdId })}>
          {t('deals.letGo')}
        </Quiet>
      </div>
      {hurt !== null && (
        <p className="hurtline" role="alert">
          {hurt}
        </p>
      )}
    </section>
  );
}

/** The one thing to press, what it means, and what became of the last press. */
function Foot({ basket }: { basket: Basket }) {
  const { t, format } = useWords();
  const times = useTimes();
  const { sign, rows, parts } = basket;
  const proof = proofIn(basket.quote);
  const currency = proof?.currency ?? 'CNY';
  const ready = rows.filter((row) => row.state.is === 'ready');
  const holdMs = Math.min(...ready.map((row) => row.offer?.deal.holdMs ?? 0));
  const settled = useSettled(sign.is === 'claiming' || sign.is === 'placing' ? 'busy' : sign.is);
  if (sign.is === 'none') return null;
  const say = (is: SignState['is'], title: string, detail: string): SignState => ({ is, title, detail });
  const said = ((): SignState => {
    switch (sign.is) {
      case 'offline':
        return say('off', t('deals.sign.offline'), t('deals.sign.heldOfflineDetail'));
      case 'claiming':
        return say('busy', t('deals.sign.claiming'), t('deals.sign.claimingDetail'));
      case 'placing':
        return say('busy', t('deals.sign.ordering'), t('deals.sign.claimingDetail'));
      case 'ask-again':
        return say(
          'ready',
          t('deals.sign.noAnswer'),
          sign.of === 'place' ? t('deals.sign.noAnswerPayDetail') : t('deals.sign.noAnswerDetail'),
        );
      case 'one-at-a-time':
        return say(
          'off',
          t('deals.sign.oneAtATime'),
          t('deals.sign.oneAtATimeDetail', { time: times.dayToSecondThere(sign.untilMs) }),
        );
      case 'too-many':
        return say('off', t('deals.sign.tooMany', { count: sign.holdsMax }), t('deals.sign.tooManyDetail'));
      case 'hold':
        return say(
          'ready',
          t('basket.hold', { count: sign.lines, time: format.duration(holdMs) }),
          t('basket.holdDetail', { count: sign.lines }),
        );
      case 'summing':
        return say('off', t('deals.sign.summing'), t('deals.sign.summingDetail'));
      case 'pay':
        return say(
          'ready',
          t('deals.sign.pay', { amount: format.money(sign.totalMinor, currency) }),
          sign.moved ? t('deals.sign.payMovedDetail') : t('deals.sign.payDetail'),
        );
      case 'till':
        return say('ready', t('deals.sign.till'), t('deals.sign.tillDetail'));
    }
  })();
  const press = (): void => {
    switch (sign.is) {
      case 'hold':
        basket.holdAll();
        return;
      case 'pay':
        basket.pay();
        return;
      case 'till':
        ways.toTill(sign.paymentId);
        return;
      case 'ask-again':
        if (sign.of === 'place') basket.pay();
        else basket.holdAll();
        return;
      case 'offline':
      case 'claiming':
      case 'placing':
      case 'one-at-a-time':
      case 'too-many':
      case 'summing':
    }
  };
  const gold = sign.is === 'pay' || sign.is === 'till';
  const both = sign.is === 'hold' && (parts?.together.length ?? 0) > 0 && basket.heldMinor !== null;
  return (
    <div className="foot">
      <Refused basket={basket} />
      <Sign
        // What it does has just changed: the second of two quick taps must not be meant for it.
        state={!settled && gold && said.is === 'ready' ? { ...said, is: 'busy' } : said}
        tone={gold ? 'gold' : 'red'}
        onPress={press}
      />
      {both && basket.heldMinor !== null && (
        <div className="beside">
          <Quiet busy={basket.paying.busy} onPress={basket.pay}>
            {t('basket.payHeld', { amount: format.money(basket.heldMinor, currency) })}
          </Quiet>
        </div>
      )}
      <p className="vh" role="status">
        {said.title}. {said.detail}
      </p>
    </div>
  );
}

/** What became of the last press, where it did not go through: told once, whole, and kindly. */
function Refused({ basket }: { basket: Basket }) {
  const { t, format } = useWords();
  const { claim, paying } = basket;
  const proof = proofIn(basket.quote);
  const text = ((): string | null => {
    const { refusal } = paying;
    if (refusal !== null && !isUndecided(refusal)) {
      if (paying.movedToMinor !== null && proof !== null)
        return t('deals.moved', {
          from: format.money(proof.totalMinor, proof.currency),
          to: format.money(paying.movedToMinor, proof.currency),
        });
      if ('why' in refusal && 'couponId' in refusal)
        return t(`why.${refusal.why}`, {
          ...refusal,
          code: couponIn(proof ?? { coupons: [] }, refusal.couponId),
        } as unknown as Record<string, string>);
      return hurtWords(t, refusal);
    }
    const { outcome } = claim;
    if (outcome === null || outcome.ok || isUndecided(outcome)) return null;
    if ('why' in outcome && 'dealId' in outcome) {
      const name = basket.offerOf(outcome.dealId)?.product.name ?? recordIdOf(outcome.dealId);
      return t('basket.noneHeld', { name, why: hurtWords(t, outcome) ?? '' });
    }
    return hurtWords(t, outcome);
  })();
  return text === null ? null : (
    <p className="hurtline" role="alert">
      {text}
    </p>
  );
}
