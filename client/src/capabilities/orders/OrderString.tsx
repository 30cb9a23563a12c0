import type { Order, Payment, TimelineEntry } from '@elevens/shared/src/orders/contract.ts';
import type { CSSProperties } from 'react';
import { useWords } from '../../platform/i18n.ts';
import { useTimes } from '../../platform/use-places.ts';
import { Icon, Mark } from '../../ui/Icon.tsx';
import { Busy } from '../../ui/Sign.tsx';
import type { ChainVerdict } from './check-chain.ts';
import { knotOf } from './order-acts.ts';
import { comingOf } from './to-come.ts';
import { useEntryWords } from './use-entry-words.ts';

/** What the browser found, or that it is still at it. */
function Verdict({ verdict }: { verdict: ChainVerdict | null }) {
  const { t } = useWords();
  if (verdict === null)
    return (
      <span className="verdict" role="status">
        <Busy />
        {t('order.checking')}
      </span>
    );
  return (
    <span className={verdict.is === 'broken' ? 'verdict bad' : `verdict ${verdict.is}`} role="status">
      <Icon name={verdict.is === 'whole' ? 'check' : 'alert'} />
      {verdict.is === 'whole'
        ? t('order.whole')
        : verdict.is === 'broken'
          ? t('order.broken', { n: verdict.at })
          : t('order.notChecked')}
    </span>
  );
}

/** How far a lantern hangs below the ends of the line, in px, where the line is drawn as one slack curve. */
function dipOf(i: number, count: number): number {
  // The line runs over the whole width, the lanterns over the middle five sixths of it; a lantern's cap is at its left.
  const t = 1 / 12 + ((i + 0.18) / count) * (5 / 6);
  return Math.round(96 * t * (1 - t));
}

/** From so many on the string is walked sideways on a desk, and its cord is drawn straight. */
const straightFrom = 7;

/** Entries that say that something went another way than it should. */
const bad = new Set(['lapsed', 'paid-late', 'cancelled', 'disputed', 'balance-missed', 'refund-tried-again']);

/**
 * One unbroken string of knots: upright on a phone, the street's own slack line with lanterns on a desk. Where the chain
 * breaks, the cord is cut, and the entry says so.
 */
export function OrderString({
  order,
  payment,
  entries,
  verdict,
  onCheck,
}: {
  order: Order;
  payment: Payment;
  entries: readonly TimelineEntry[];
  verdict: ChainVerdict | null;
  onCheck: () => void;
}) {
  const { t } = useWords();
  const times = useTimes();
  const wordsOf = useEntryWords(order);
  const coming = comingOf(order, payment);
  const cutAt = verdict?.is === 'broken' ? verdict.at : null;
  const lastKnot = entries.at(-1);
  const missing = cutAt !== null && cutAt > entries.length;
  const count = entries.length + coming.length + (missing ? 1 : 0);
  const straight = count >= straightFrom;
  const hang = (i: number): CSSProperties => ({ '--dip': `${straight ? 4 : dipOf(i, count)}px` }) as CSSProperties;
  return (
    <section className={straight ? 'chain straight' : 'chain'} aria-labelledby="h-chain">
      <svg className="wireX" viewBox="0 0 1440 60" preserveAspectRatio="none" aria-hidden="true">
        <path
          d={straight ? 'M0 8H1440' : 'M0 4Q720 52 1440 4'}
          fill="none"
          stroke="#d99a2b"
          strokeWidth="2.500"
          vectorEffect="non-scaling-stroke"
        />
      </svg>
      <div className="titled">
        <h2 id="h-chain">{t('order.happened')}</h2>
        <Verdict verdict={verdict} />
      </div>
      {/* A long string is walked sideways on a desk, so it can be reached by the keyboard. */}
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
      <ol className="string" tabIndex={0} aria-labelledby="h-chain">
        {entries.map((entry, i) => {
          const { title, text } = wordsOf(entry);
          const before = entries[i - 1];
          const isLast = i === entries.length - 1;
          const cut = cutAt !== null && entry.n >= cutAt;
          const kind = cut ? 'cut' : isLast ? 'here' : bad.has(entry.what) ? 'bad' : '';
          return (
            <li
              key={entry.n}
              style={hang(i)}
              className={[kind, entry.n === cutAt ? 'first-cut' : ''].filter(Boolean).join(' ')}
              aria-current={isLast ? 'step' : undefined}
            >
              <Mark name={cut ? 'lantern-off' : isLast ? 'lantern' : 'lantern-gold'} className="lan" />
              <div>
                <h3>{title}</h3>
                {entry.n === cutAt && <p className="cutword">{t('order.cutHere', { n: entry.n })}</p>}
                <p>{text}</p>
                <code>
                  {t('order.entry', { n: entry.n })}{' '}
                  {before !== undefined && (
                    <>
                      <span className="knot">{knotOf(before.hash)}</span> {t('order.knotTo')}{' '}
                    </>
                  )}
                  <span className="knot" title={entry.hash}>
                    {knotOf(entry.hash)}
                  </span>
                </code>
              </div>
              <time className="time" dateTime={new Date(entry.atMs).toISOString()}>
                {times.dayToSecond(entry.atMs)}
              </time>
            </li>
          );
        })}
        {missing && cutAt !== null && (
          <li className="cut first-cut" style={hang(entries.length)}>
            <Mark name="lantern-off" className="lan" />
            <div>
              <h3>{t('order.missing')}</h3>
              <p className="cutword">{t('order.cutHere', { n: cutAt })}</p>
            </div>
            <span className="time">––:––</span>
          </li>
        )}
        {coming.map((step, i) => (
          <li className="next" key={step.what} style={hang(count - coming.length + i)}>
            <Mark name="lantern-off" className="lan" />
            <div>
              <h3>{t(`order.coming.${step.what}`)}</h3>
              <p>{t(`order.comingText.${step.what}`, { time: times.moment(step.atMs).moment })}</p>
              {/* Which entries come after the next one, and in which order, nobody knows yet. */}
              {i === 0 && lastKnot !== undefined && (
                <code>
                  {t('order.entry', { n: lastKnot.n + 1 })} <span className="knot">{knotOf(lastKnot.hash)}</span>{' '}
                  {t('order.toCome')}
                </code>
              )}
            </div>
            <time className="time" dateTime={new Date(step.atMs).toISOString()}>
              {times.dayToSecond(step.atMs)}
            </time>
          </li>
        ))}
      </ol>
      <p className="small">
        {t('order.knots')}{' '}
        <button type="button" className="linkish" onClick={onCheck}>
          {t('order.checkMyself')}
        </button>
      </p>
    </section>
  );
}
