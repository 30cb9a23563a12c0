import type { Law, Wall } from '@elevens/shared/src/control/contract.ts';
import { useWords } from '../../platform/i18n.ts';
import { useTimes } from '../../platform/use-places.ts';
import { amountOff, subjectOf } from './laws.ts';

/** A law that does not hold: the sum laid on the table with its missing term, and every other difference that was found. */
export function Evidence({ law, wall }: { law: Law; wall: Pick<Wall, 'deals' | 'drops'> }) {
  const { t, format } = useWords();
  const times = useTimes();
  const [first, ...others] = law.evidence;
  const off = amountOff(law);
  if (first === undefined || off === null) return null;
  const name = t(`laws.name.${law.law}`);
  return (
    <section className="evid" aria-label={t('evidence.title', { law: name })}>
      <div className="sum">
        <div className="what">
          <b>{subjectOf(first.subject, wall)}</b>
          <span>
            {law.checkedAtMs === null ? name : t('evidence.counted', { time: times.toSecond(law.checkedAtMs) })}
          </span>
        </div>
        <div className="t">
          <b>{format.number(first.expected)}</b>
          <span>{t('evidence.expected')}</span>
        </div>
        <span className="op">=</span>
        <div className="t">
          <b>{format.number(first.found)}</b>
          <span>{t('evidence.found')}</span>
        </div>
        <span className="op">{off.kind === 'missing' ? '+' : '−'}</span>
        <div className="t gap">
          <b>{format.number(off.amount)}</b>
          <span>{t(`evidence.${off.kind}`)}</span>
        </div>
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
