import type { CSSProperties } from 'react';
import { clockText } from '../../platform/format.ts';
import { useWords } from '../../platform/i18n.ts';
import { useList } from '../../platform/platform.tsx';
import { useTimes } from '../../platform/use-places.ts';
import { timelineOf } from './timeline.ts';

/** The evening on its line: what was, what is lit, what comes, and where now is. */
export function EveningLine({ nowMs, old, onNow }: { nowMs: number; old: boolean; onNow: string | null }) {
  const { t } = useWords();
  const times = useTimes();
  const answer = useList('campaign:tonight');
  const { entries, here } = timelineOf(answer.is === 'ready' ? answer.reply.programme : [], nowMs);
  const count = Math.max(1, entries.length);
  const lastOn = entries.findLastIndex(({ state }) => state === 'on');
  const firstNext = entries.findIndex(({ state }) => state === 'next');
  const style = { '--n': count, '--here': here } as CSSProperties;
  return (
    <section className={old ? 'prog old' : 'prog'} aria-label={t('evening.title')} style={style}>
      <i className="wireline" aria-hidden="true" />
      {entries.length > 0 && <i className="here" aria-hidden="true" />}
      <ol>
        {entries.map(({ entry, state }, i) => (
          <li key={entry.id} className={`ev is-${state}`} aria-current={state === 'on' ? 'true' : undefined}>
            <span className="time">{times.short(entry.startsAtMs)}</span>
            <b>{entry.title}</b>
            {i === lastOn && onNow !== null && <small>{onNow}</small>}
            {i === firstNext && <small>{t('evening.in', { clock: clockText(entry.startsAtMs - nowMs) })}</small>}
          </li>
        ))}
      </ol>
      {entries.length === 0 && (
        <p className="soft">{t(answer.is === 'loading' ? 'evening.loading' : 'evening.none')}</p>
      )}
    </section>
  );
}
