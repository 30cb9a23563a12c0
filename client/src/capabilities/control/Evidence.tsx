import type { Law, Wall } from '@elevens/shared/src/control/contract.ts';
import { useWords } from '../../platform/i18n.ts';
import { useTimes } from '../../platform/use-places.ts';
import { amountOff, countedDeal, subjectOf } from './laws.ts';

function Term({ value, words, gap = false }: { value: string; words: string; gap?: boolean }) {
  return (
    <div className={gap ? 't gap' : 't'}>
      <b>{value}</b>
      <span>{words}</span>
    </div>
  );
}

/** A law that does not hold: the sum laid on the table with its missing term, and every other difference that was found. */
export function Evidence({ law, wall }: { law: Law; wall: Pick<Wall, 'deals' | 'drops'> }) {
  const { t, format } = useWords();
  const times = useTimes();
  const [first, ...others] = law.evidence;
  const off = amountOff(law);
  if (first === undefined || off === null) return null;
  const name = t(`laws.name.${law.law}`);
  const deal = countedDeal(law, wall);
  const op = (sign: string) => <span className="op">{sign}</span>;
  return (
    <section className="evid" aria-label={t('evidence.title', { law: name })}>
      <div className="sum">
        <div className="what">
          <b>{deal?.title ?? subjectOf(first.subject, wall)}</b>
          <span>
            {law.checkedAtMs === null ? name : t('evidence.counted', { time: times.toSecond(law.checkedAtMs) })}
          </span>
        </div>
        <Term value={format.number(first.expected)} words={t('evidence.expected')} />
        {op('=')}
        {deal === null ? (
          <Term value={format.number(first.found)} words={t('evidence.found')} />
        ) : (
          <>
            <Term value={format.number(deal.free)} words={t('evidence.free')} />
            {op('+')}
            <Term value={format.number(deal.held)} words={t('evidence.held')} />
            {op('+')}
            <Term value={format.number(deal.sold)} words={t('evidence.sold')} />
          </>
        )}
        {op(off.kind === 'missing' ? '+' : '−')}
        <Term gap value={format.number(off.amount)} words={t(`evidence.${off.kind}`)} />
        <p className="who">
          <b>{t('evidence.since', { time: times.toSecond(first.sinceMs) })}</b>
          <br />
          {others.length > 0 ? t('evidence.more', { count: others.length }) : law.sum}
        </p>
      </div>
      {others.length > 0 && (
        <ul className="others">
          {others.map((found) => (
            <li key={found.subject}>
              {t('evidence.other', {
                subject: subjectOf(found.subject, wall),
                expected: format.number(found.expected),
                found: format.number(found.found),
              })}
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
