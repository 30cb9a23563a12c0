import { clockDigits } from '../platform/format.ts';
import { Mark } from './Icon.tsx';

interface CountdownProps {
  /** What is left; null while the server's time is not known yet, which is shown as unlit lanterns. */
  leftMs: number | null;
  /** The whole in words, for those who do not see it. */
  label: string;
  units: { hours: string; minutes: string; seconds: string };
}

/** The last ten seconds flare. */
const flareMs = 10_000;
/** Up to here the four digits are minutes and seconds; above, hours and minutes. */
const minutesMaxMs = 100 * 60_000;

/** Four lanterns and the point between them: one digit each. Digits change in place, nothing slides. */
export function CountdownLanterns({ leftMs, label, units }: CountdownProps) {
  const { hours, minutes, seconds } = clockDigits(leftMs ?? 0);
  const inHours = leftMs !== null && leftMs >= minutesMaxMs;
  const high = inHours ? Math.min(hours, 99) : hours * 60 + minutes;
  const low = inHours ? minutes : seconds;
  const digits = `${String(high).padStart(2, '0')}${String(low).padStart(2, '0')}`.split('');
  const flare = leftMs !== null && leftMs > 0 && leftMs <= flareMs;
  return (
    <div className={flare ? 'clock flare' : 'clock'} role="timer" aria-label={label}>
      {digits.map((digit, i) => (
        // A lantern is its place on the line.
        // oxlint-disable-next-line react/no-array-index-key
        <div className={leftMs === null ? 'lan out' : 'lan'} key={i} aria-hidden="true">
          <Mark name={leftMs === null ? 'lantern-off' : 'lantern'} />
          <Mark name="tassel" className="tas" />
          {leftMs !== null && <b>{digit}</b>}
        </div>
      ))}
      <i className="bead" aria-hidden="true" />
      <span className="u u1" aria-hidden="true">
        {inHours ? units.hours : units.minutes}
      </span>
      <span className="u u2" aria-hidden="true">
        {inHours ? units.minutes : units.seconds}
      </span>
    </div>
  );
}
