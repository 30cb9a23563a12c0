import type { PriceStep, RuledOut } from '@elevens/shared/src/deals/pricing/types.ts';
import { percentOff } from '@elevens/shared/src/money.ts';
import { useWords } from '../../platform/i18n.ts';
import { useTimes } from '../../platform/use-places.ts';
import { Icon } from '../../ui/Icon.tsx';
import { couponIn, couponTitle, proofIn, type Quote, type QuoteView } from './use-quote.ts';

/** Coupons left out that are named at once; the others are one tap away. */
const outShownMax = 2;

interface ReceiptProps {
  quote: QuoteView;
  /** The lowest price of the 30 days before, of one unit; null where the receipt is about several things. */
  lowMinor: number | null;
  brandName: (brandId: string) => string;
  /** What a tap does to a coupon; absent: the receipt only tells. */
  onCoupon?: { leaveOut: (couponId: string) => void; use: (out: RuledOut) => void; best: (() => void) | null };
}

/** The receipt: how a price comes about, step by step, what it is measured against, and what was left out and why. */
export function PriceReceipt({ quote, lowMinor, brandName, onCoupon }: ReceiptProps) {
  const { t, format } = useWords();
  const proof = proofIn(quote);
  if (proof === null) {
    return (
      <section className="slip torn waiting" aria-live="polite">
        <h2>{quote.is === 'failed' ? t('receipt.failedTitle') : t('receipt.asking')}</h2>
        <p>{quote.is === 'failed' ? t('receipt.failed') : t('receipt.askingText')}</p>
      </section>
    );
  }
  const money = (minor: number): string => format.money(minor, proof.currency);
  const units = proof.lines.reduce((sum, line) => sum + line.quantity, 0);
  const fresh = quote.is === 'ready';
  const shown = proof.ruledOut.slice(0, outShownMax);
  const folded = proof.ruledOut.slice(outShownMax);
  return (
    <section className={fresh ? 'slip torn' : 'slip torn old'} aria-labelledby="h-proof" aria-busy={!fresh}>
      <h2 id="h-proof">
        {t('deals.proof', { amount: format.money(proof.totalMinor, proof.currency, 'short') })}
        {fresh && proof.exact && (
          <span>
            <Icon name="check" />
            {t('receipt.checked')}
          </span>
        )}
      </h2>
      <dl>
        {proof.steps.map((step) => (
          <Step key={step.step === 'coupon' ? step.couponId : step.step} step={step} proof={proof} units={units}>
            {step.step === 'coupon' && onCoupon !== undefined && (
              <button type="button" className="linkish" onClick={() => onCoupon.leaveOut(step.couponId)}>
                {t('receipt.leaveOut')}
                <span className="vh"> {couponTitle(proof, step.couponId)}</span>
              </button>
            )}
          </Step>
        ))}
        <dt className="sum">{t('deals.proofPay')}</dt>
        <dd className="sum">{money(proof.totalMinor)}</dd>
        {proof.depositMinor > 0 && (
          <>
            <dt>{t('receipt.now')}</dt>
            <dd>{money(proof.depositMinor)}</dd>
            <dt>{t('receipt.later')}</dt>
            <dd>{money(proof.totalMinor - proof.depositMinor)}</dd>
          </>
        )}
      </dl>
      {lowMinor !== null && <Measured lowMinor={lowMinor} proof={proof} units={units} />}
      {shown.length > 0 && (
        <ul className="outs" aria-label={t('receipt.outs')}>
          {shown.map((out) => (
            <Out key={out.couponId} out={out} proof={proof} brandName={brandName} onUse={onCoupon?.use} />
          ))}
        </ul>
      )}
      {folded.length > 0 && (
        <details>
          <summary>{t('receipt.moreOut', { count: folded.length })}</summary>
          <ul className="outs">
            {folded.map((out) => (
              <Out key={out.couponId} out={out} proof={proof} brandName={brandName} onUse={onCoupon?.use} />
            ))}
          </ul>
        </details>
      )}
      {proof.couldSaveMinor > 0 && onCoupon?.best != null && (
        <p>
          {t('receipt.couldSave', { amount: money(proof.couldSaveMinor) })}{' '}
          <button type="button" className="linkish" onClick={onCoupon.best}>
            {t('receipt.takeBest')}
          </button>
        </p>
      )}
      {proof.ruledOut.length === 0 && proof.steps.every((step) => step.step !== 'coupon') && (
        <p>{t('receipt.noCoupon')}</p>
      )}
      {!proof.exact && proof.bound !== null && (
        <p>{t('receipt.bound', { amount: money(proof.totalMinor - proof.bound.lowestPossibleMinor) })}</p>
      )}
    </section>
  );
}

/** The low of the 30 days before the festival's first price: what the discount is measured against. */
function Measured({ lowMinor, proof, units }: { lowMinor: number; proof: Quote; units: number }) {
  const { t, format } = useWords();
  const unitMinor = Math.ceil(proof.totalMinor / Math.max(1, units));
  const amount = format.money(lowMinor, proof.currency);
  return (
    <p>
      {unitMinor < lowMinor
        ? t('receipt.low', { amount, less: format.money(lowMinor - unitMinor, proof.currency) })
        : t('receipt.lowPlain', { amount })}
    </p>
  );
}

function Step({
  step,
  proof,
  units,
  children,
}: {
  step: PriceStep;
  proof: Quote;
  units: number;
  children: React.ReactNode;
}) {
  const { t, format } = useWords();
  const money = (minor: number): string => format.money(minor, proof.currency);
  switch (step.step) {
    case 'list':
      return (
        <>
          <dt>{units === 1 ? t('deals.proofList') : t('receipt.list', { count: units })}</dt>
          <dd>{money(step.afterMinor)}</dd>
        </>
      );
    case 'deal': {
      if (step.offMinor === 0) return null;
      const percent = proof.lines.length === 1 ? percentOff(proof.listMinor, step.afterMinor) : 0;
      return (
        <>
          <dt>
            {percent > 0
              ? t('deals.proofOff', { percent: format.percent(percent / 100) })
              : proof.lines.length === 1
                ? t('deals.proofOffPlain')
                : t('receipt.festivalPrices')}
            {step.early && <small>{t('receipt.early')}</small>}
          </dt>
          <dd>−{money(step.offMinor)}</dd>
        </>
      );
    }
    case 'coupon':
      return (
        <>
          <dt>
            {couponTitle(proof, step.couponId)}
            <small>{t(`receipt.kind.${step.kind}`)}</small>
            {step.times > 1 && (
              <small>
                {t('receipt.times', {
                  amount: format.money(Math.round(step.offMinor / step.times), proof.currency, 'short'),
                  count: step.times,
                  base: format.money(step.baseMinor, proof.currency, 'short'),
                })}
              </small>
            )}
            {children}
          </dt>
          <dd>−{money(step.offMinor)}</dd>
        </>
      );
    case 'deposit':
      return (
        <>
          <dt>{t('receipt.deposit', { deposit: money(step.depositMinor), worth: money(step.worthMinor) })}</dt>
          <dd>−{money(step.offMinor)}</dd>
        </>
      );
  }
}

/** Left out by the sum and not by its own rules: it can be used instead of what is used now. */
function usable(out: RuledOut): boolean {
  return out.why === 'not-chosen' || out.why === 'does-not-stack' || out.why === 'costs-more' || out.why === 'no-gain';
}

/** A coupon that was left out, and exactly why. */
function Out({
  out,
  proof,
  brandName,
  onUse,
}: {
  out: RuledOut;
  proof: Quote;
  brandName: (brandId: string) => string;
  onUse: ((out: RuledOut) => void) | undefined;
}) {
  const { t, format } = useWords();
  const times = useTimes();
  const code = couponIn(proof, out.couponId);
  const money = (minor: number): string => format.money(minor, proof.currency);
  const codes = (ids: readonly string[]): string => format.list(ids.map((id) => couponIn(proof, id)));
  const words = ((): string => {
    switch (out.why) {
      case 'other-brand':
        return t('receipt.out.other-brand', { code, brand: brandName(out.brandId) });
      case 'not-open-yet':
        return t('receipt.out.not-open-yet', { code, time: times.withPlaces(out.opensAtMs) });
      case 'expired':
        return t('receipt.out.expired', { code, time: times.withPlaces(out.closedAtMs) });
      case 'level':
        return t('receipt.out.level', { code, wanted: out.levelMin, level: out.level });
      case 'not-reached':
        return t('receipt.out.not-reached', { code, amount: money(out.missingMinor) });
      case 'does-not-stack':
        return out.byMinor === null || out.byMinor === 0
          ? t('receipt.out.does-not-stack', { code, with: codes(out.with) })
          : t('receipt.out.does-not-stack-by', {
              code,
              with: codes(out.with),
              amount: money(proof.totalMinor + out.byMinor),
            });
      case 'costs-more':
        return out.byMinor === null
          ? t('receipt.out.costs-more', { code, with: codes(out.insteadOf) })
          : t('receipt.out.costs-more-by', {
              code,
              with: codes(out.insteadOf),
              amount: money(proof.totalMinor + out.byMinor),
            });
      case 'other-products':
      case 'used':
      case 'sold-out':
      case 'not-chosen':
      case 'no-gain':
        return t(`receipt.out.${out.why}`, { code });
    }
  })();
  return (
    <li>
      {words}{' '}
      {onUse !== undefined && usable(out) && (
        <button type="button" className="linkish" onClick={() => onUse(out)}>
          {t('receipt.use')}
          <span className="vh"> {code}</span>
        </button>
      )}
    </li>
  );
}
