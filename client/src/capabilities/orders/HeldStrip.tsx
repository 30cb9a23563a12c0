import { clockText } from '../../platform/format.ts';
import { useWords } from '../../platform/i18n.ts';
import { useMeasured, useNow } from '../../platform/platform.tsx';
import { useTimes } from '../../platform/use-places.ts';
import { FourStrokes } from '../../ui/Strokes.tsx';

/** The last minute is said, and shown hotter. */
const lastMinuteMs = 60_000;

/** The hold while it is being paid: the time left on four strokes, and until when exactly. */
export function HeldStrip({ title, fromMs, untilMs }: { title: string; fromMs: number; untilMs: number }) {
  const { t, format } = useWords();
  const times = useTimes();
  const nowMs = useNow(250);
  const measured = useMeasured();
  const whole = Math.max(1, untilMs - fromMs);
  const leftMs = Math.min(whole, Math.max(0, untilMs - nowMs));
  const long = leftMs >= 3_600_000;
  return (
    <section
      className={['holdbox', leftMs < lastMinuteMs ? 'last-minute' : '', long ? 'long' : ''].filter(Boolean).join(' ')}
      aria-label={t('pay.held')}
    >
      <h2>{title}</h2>
      <span className="left" role="timer" aria-label={t('deals.holdTimer', { time: format.duration(leftMs) })}>
        {measured ? clockText(leftMs) : '––:––'}
      </span>
      <FourStrokes value={(leftMs / whole) * 4} />
      <p>{t('pay.heldUntil', { time: times.toSecond(untilMs), places: times.withPlaces(untilMs) })}</p>
    </section>
  );
}
