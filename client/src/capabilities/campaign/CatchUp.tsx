import { useState } from 'react';
import { useWords } from '../../platform/i18n.ts';
import { To } from '../../platform/router.tsx';
import { useTimes } from '../../platform/use-places.ts';
import { addressOf, missedBefore, type TonightView } from './use-tonight.ts';

const key = 'elevens.arrived';

/** The moment this visit began, kept over reloads of the tab. */
function arrivalOf(nowMs: number): number {
  try {
    const kept = Number(sessionStorage.getItem(key));
    if (kept > 0 && kept <= nowMs) return kept;
    sessionStorage.setItem(key, String(nowMs));
  } catch {
    // Storage is refused: this page's own start is the arrival.
  }
  return nowMs;
}

/** For late comers: what is over, and when it comes round again. Nothing is shown to those who missed nothing. */
export function CatchUp({ view }: { view: TonightView & { is: 'ready' } }) {
  const { t } = useWords();
  const times = useTimes();
  const [arrivedAtMs] = useState(() => arrivalOf(view.nowMs));
  const missed = missedBefore(view.tonight, arrivedAtMs);
  if (missed.length === 0) return null;
  return (
    <section className="late" aria-labelledby="h-late">
      <header>
        <h2 id="h-late">{t('tonight.cameAt', { time: times.short(arrivedAtMs) })}</h2>
        <span className="small soft">{t('tonight.missed')}</span>
      </header>
      <ul className="stubs">
        {missed.map(({ entry, again }) => {
          const to = again === null ? addressOf(entry) : addressOf(again);
          return (
            <li className={again === null ? 'stub gone' : 'stub'} key={`${entry.kind} ${entry.id}`}>
              <span className="time">{times.short(entry.startsAtMs)}</span>
              <span className="st">
                {again === null
                  ? t('tonight.over', { time: times.short(entry.endsAtMs) })
                  : t('tonight.comesBack', { time: times.short(again.startsAtMs) })}
              </span>
              <h3>{entry.title}</h3>
              <p>{entry.blurb}</p>
              {to !== null && (again !== null || entry.kind === 'drop') && (
                <To className={again === null ? 'btn small line' : 'btn small'} to={to}>
                  {again === null ? t('tonight.seeProof') : t('tonight.seeNext')}
                </To>
              )}
            </li>
          );
        })}
      </ul>
    </section>
  );
}
