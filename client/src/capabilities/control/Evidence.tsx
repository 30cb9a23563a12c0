import type { Law, Wall } from '@elevens/shared/src/control/contract.ts';
import { useWords } from '../../platform/i18n.ts';
import { useTimes } from '../../platform/use-places.ts';
import { amountOff, countedDeal, partedSubject, subjectOf, titleOfDeal } from './laws.ts';

function Term({ value, words, gap = false }: { value: string; words: string; gap?: boolean }) {
  return (
    <div className={gap ? 't gap' : 't'}>
      <b>{value}</b>
      <span>{words}</span>
    </div>
  );
}

/** A law that does not hold: the sum laid on the table with its missing term, and every other difference that was found. */
export function Evidence({ law, wall }: { law: Law; wall: Pick<Wall, 'deals' | 'drops' | 'currency'> }) {
  const { t, format } = useWords();
  const times = useTimes();
  const [first, ...others] = law.evidence;
  const off = amountOff(law);
  if (first === undefined || off === null) return null;
  const name = t(`laws.name.${law.law}`);
  const deal = countedDeal(law, wall);
  const figure = (minor: boolean | undefined, value: number): string =>
    minor ? format.money(value, wall.currency) : format.number(value);
  const named = deal === null ? partedSubject(first, wall) : { title: deal.title, rest: '' };
  const op = (sign: string) => <span className="op">{sign}</span>;
  return (
    <section className="evid" aria-label={t('evidence.title', { law: name })}>
      <div className="sum">
        <div className="what">
          <b>{named.title}</b>
          <span>
            {named.rest !== ''
              ? named.rest
              : law.checkedAtMs === null
                ? name
                : t('evidence.counted', { time: times.toSecond(law.checkedAtMs) })}
          </span>
        </div>
        <Term value={figure(first.minor, first.expected)} words={t('evidence.expected')} />
        {op('=')}
        {deal === null ? (
          <Term value={figure(first.minor, first.found)} words={t('evidence.found')} />
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
        <Term gap value={figure(off.minor, off.amount)} words={t(`evidence.${off.kind}`)} />
        <p className="who">
          <b>{t('evidence.since', { time: times.toSecond(first.sinceMs) })}</b>
          {law.acts.length === 0 && <br />}
          {law.acts.map(({ kind, id, atMs }) => (
            <span className="acted" key={`${kind} ${id}`}>
              {t(`evidence.acted.${kind}`, { what: titleOfDeal(id, wall), time: times.toSecond(atMs) })}
            </span>
          ))}
          {others.length > 0 ? t('evidence.more', { count: others.length }) : law.sum}
        </p>
      </div>
      {others.length > 0 && (
        <ul className="others">
          {others.map((found) => (
            <li key={found.subject}>
              {t('evidence.other', {
                subject: subjectOf(found, wall),
                expected: figure(found.minor, found.expected),
                found: figure(found.minor, found.found),
              })}
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
