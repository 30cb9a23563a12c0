import type { WallPoint } from '@elevens/shared/src/control/contract.ts';
import { useWords } from '../../platform/i18n.ts';
import { useTimes } from '../../platform/use-places.ts';
import { minutesOf } from './minutes.ts';

/** The numbers behind the curve, by the minute, for whoever asks for them. */
export function Minutes({ points }: { points: readonly WallPoint[] }) {
  const { t, format } = useWords();
  const times = useTimes();
  if (points.length === 0) return null;
  return (
    <details className="minutes">
      <summary>
        {t('pace.numbers')} <small>{t('pace.legend')}</small>
      </summary>
      <table>
        <thead>
          <tr>
            <th scope="col">{t('pace.minute')}</th>
            <th scope="col">{t('pace.holdsColumn')}</th>
            <th scope="col">{t('pace.claimsColumn')}</th>
            <th scope="col">{t('pace.packetsColumn')}</th>
            <th scope="col">{t('pace.messagesColumn')}</th>
            <th scope="col">{t('pace.peopleColumn')}</th>
          </tr>
        </thead>
        <tbody>
          {minutesOf(points).map((minute) => (
            <tr key={minute.atMs}>
              <th scope="row">{times.short(minute.atMs)}</th>
              <td>{format.number(minute.holds)}</td>
              <td>{format.number(minute.claims)}</td>
              <td>{format.number(minute.packets)}</td>
              <td>{format.number(minute.messages)}</td>
              <td>{format.number(minute.people)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  );
}
