import { toNextLevel } from '@elevens/shared/src/energy/levels.ts';
import { useWords } from '../../platform/i18n.ts';
import { useTimes } from '../../platform/use-places.ts';
import { FourStrokes } from '../../ui/Strokes.tsx';
import { type Door, doorsOf } from './terms.ts';
import type { Offer } from './use-deals.ts';

/** Who comes in when and at which price, by lanterns lit; the shopper's own door is marked. */
export function EarlyDoors({
  offer,
  own,
  energy,
  nowMs,
}: {
  offer: Offer;
  own: Door;
  energy: number | null;
  nowMs: number;
}) {
  const { t, format } = useWords();
  const times = useTimes();
  const { deal } = offer;
  const doors = doorsOf(deal);
  if (doors.length < 2) return null;
  const next = doors.filter((door) => door.level > own.level).at(-1) ?? null;
  return (
    <section className="doors" aria-labelledby="h-doors">
      <h2 id="h-doors">{t('deals.doors')}</h2>
      <ol>
        {doors.map((door) => (
          <li key={door.level} className={door.level === own.level ? 'own' : ''}>
            <FourStrokes value={door.level} />
            <span>
              {door.level === 0 ? t('deals.doorAll') : t('deals.doorLevel', { count: door.level })}
              <small>
                {door.opensAtMs <= nowMs
                  ? t('deals.doorOpen')
                  : t('deals.opensAt', { time: times.withPlaces(door.opensAtMs) })}
                {door.level === own.level && <b> {t('deals.doorOwn')}</b>}
              </small>
            </span>
            <span className="num">{format.money(door.priceMinor, deal.currency, 'short')}</span>
          </li>
        ))}
      </ol>
      {next !== null && energy !== null && nowMs < own.opensAtMs && (
        <p>{t('deals.doorNext', { number: format.number(toNextLevel(energy)) })}</p>
      )}
    </section>
  );
}
