import type { ProgrammeEntry } from '@elevens/shared/src/campaign/contract.ts';
import type { ReactNode } from 'react';
import { useWords } from '../../platform/i18n.ts';
import { To } from '../../platform/router.tsx';
import { useTimes } from '../../platform/use-places.ts';
import { Icon } from '../../ui/Icon.tsx';
import { addressOf, rowsOf, type TonightView } from './use-tonight.ts';

/** The evening: a wire with lanterns on it. What is over is dimmed, what is on is jade, the next part of the night hangs large. */
export function RunningOrder({
  view,
  thing,
}: {
  view: TonightView & { is: 'ready' };
  thing: (entry: ProgrammeEntry) => ReactNode;
}) {
  const { t } = useWords();
  const times = useTimes();
  const rows = rowsOf(view.tonight);
  const main = rows.find(({ entry, when }) => when === 'ahead' && (entry.kind === 'phase' || entry.kind === 'moment'));
  return (
    <ol className="order">
      {rows.map((row) => {
        const { entry, when } = row;
        const address = addressOf(entry);
        const kind = row === main ? 'main' : when === 'now' ? 'is-now' : when === 'past' ? 'past' : '';
        return (
          <li key={`${entry.kind} ${entry.id}`} className={kind} aria-current={when === 'now' ? 'time' : undefined}>
            <time className="time">{times.short(entry.startsAtMs)}</time>
            <i className="node" aria-hidden="true" />
            <div>
              <h3>{address === null ? entry.title : <To to={address}>{entry.title}</To>}</h3>
              <p>
                {when === 'now'
                  ? `${t('tonight.until', { time: times.short(entry.endsAtMs) })}. ${entry.blurb}`
                  : entry.blurb}
              </p>
              {thing(entry)}
            </div>
            {address !== null && (
              <To className="ico-btn" to={address} aria-label={t('tonight.go', { title: entry.title })}>
                <Icon name={when === 'past' ? 'replay' : 'right'} />
              </To>
            )}
          </li>
        );
      })}
    </ol>
  );
}
