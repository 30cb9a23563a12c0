import { clockDigits } from '../../platform/format.ts';
import { useWords } from '../../platform/i18n.ts';
import { useNow } from '../../platform/platform.tsx';
import { useTimes } from '../../platform/use-places.ts';
import { FourStrokes } from '../../ui/Strokes.tsx';
import type { LastMoment as Last } from './order-acts.ts';

const dayMs = 86_400_000;

/** What is left in its two largest units: "6 days 09 hours", "09 hours 12 min", "12 min 07 sec". */
export function leftIn(leftMs: number): { unit: 'days' | 'hours' | 'minutes' | 'seconds'; value: number }[] {
  const days = Math.floor(leftMs / dayMs);
  const { hours, minutes, seconds } = clockDigits(leftMs % dayMs);
  if (days > 0)
    return [
      { unit: 'days', value: days },
      { unit: 'hours', value: Math.min(hours, 23) },
    ];
  if (hours > 0)
    return [
      { unit: 'hours', value: hours },
      { unit: 'minutes', value: minutes },
    ];
  return [
    { unit: 'minutes', value: minutes },
    { unit: 'seconds', value: seconds },
  ];
}

/** The last moment to give it back: how far it is, and the full date and time to the second. */
export function LastMoment({ last }: { last: Last }) {
  const { t } = useWords();
  const times = useTimes();
  const nowMs = useNow(1_000);
  const leftMs = Math.max(0, last.untilMs - nowMs);
  const over = leftMs === 0;
  const parts = leftIn(leftMs);
  const { moment, elsewhere } = times.moment(last.untilMs);
  const [before = '', after = ''] = t(over ? `order.${last.is}Over` : `order.${last.is}By`, { moment: '\u0000' }).split(
    '\u0000',
  );
  return (
    <section className={over ? 'last over' : 'last'} aria-label={t(`order.${last.is}Label`)}>
      <h2>{t(over ? `order.${last.is}OverTitle` : `order.${last.is}For`)}</h2>
      {!over && (
        <>
          <span className="n" role="timer">
            {parts.map(({ unit, value }, i) => (
              <span key={unit}>
                {i === 0 ? value : String(value).padStart(2, '0')}
                <small>{t(`order.left.${unit}`, { count: value })}</small>
              </span>
            ))}
          </span>
          <FourStrokes value={(leftMs / Math.max(1, last.untilMs - last.fromMs)) * 4} />
        </>
      )}
      <p>
        {before}
        <b>{moment}</b>
        {elsewhere !== null && <> ({elsewhere})</>}
        {after}
      </p>
    </section>
  );
}
