import type { CSSProperties } from 'react';

/** Four strokes, the picture of "how far": 0 to 4. An ornament; the words beside it say the same. */
export function FourStrokes({ value, className }: { value: number; className?: string }) {
  const style = { '--v': Math.min(4, Math.max(0, value)).toFixed(3) } as CSSProperties;
  return (
    <span className={className === undefined ? 'four' : `four ${className}`} style={style} aria-hidden="true">
      <i />
      <i />
      <i />
      <i />
    </span>
  );
}

/** The arc of a quarter, from just past twelve o'clock to just before three; drawn four times, turned. */
const quarter = 'M97.3 9.2A76 76 0 0 1 158.800 70.700';

interface EnergyRingProps {
  energy: number;
  /** The amounts at which each of the four lanterns is lit, ascending. */
  levels: readonly [number, number, number, number];
  label: string;
  number: string;
  under: string;
}

/** Four arcs from nothing to full; a full arc is a lit lantern, the one being filled is red. */
export function EnergyRing({ energy, levels, label, number, under }: EnergyRingProps) {
  const full = levels[3];
  const arcs = levels.map((to, i) => {
    const from = i === 0 ? 0 : (levels[i - 1] ?? 0);
    return Math.min(1, Math.max(0, (energy - from) / (to - from)));
  });
  return (
    <div
      className="ring"
      role="meter"
      aria-valuenow={Math.min(energy, full)}
      aria-valuemin={0}
      aria-valuemax={full}
      aria-valuetext={label}
      aria-label={label}
    >
      <svg viewBox="0 0 168 168" aria-hidden="true">
        <g fill="none" strokeWidth="15" strokeLinecap="round">
          {arcs.map((share, i) => (
            // The four arcs never change places.
            // oxlint-disable-next-line react/no-array-index-key
            <g key={i} transform={`rotate(${i * 90} 84 84)`}>
              <path d={quarter} stroke="var(--lacquer-800)" />
              {share > 0 && (
                <path
                  d={quarter}
                  pathLength="100"
                  strokeDasharray={`${share * 100} 200`}
                  stroke={share === 1 ? 'var(--gold-400)' : 'var(--red-400)'}
                />
              )}
            </g>
          ))}
        </g>
      </svg>
      <div className="c">
        <b>{number}</b>
        <span>{under}</span>
      </div>
    </div>
  );
}
