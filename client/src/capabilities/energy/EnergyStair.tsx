import { useWords } from '../../platform/i18n.ts';
import { useTimes } from '../../platform/use-places.ts';
import { full, levels, useEnergy } from './use-energy.ts';

/** The picture's own units. */
const width = 350;
const height = 120;
const top = 12;

/** Energy over the evening as a stair, from the last credits; each of the four levels is a lantern at its right end. */
export function EnergyStair() {
  const { t, format } = useWords();
  const times = useTimes();
  const { state, energy, nowMs, level } = useEnergy();
  const history = state?.history ?? [];
  const credits = history.toSorted((a, b) => a.creditedAtMs - b.creditedAtMs);
  const [first] = credits;
  if (state === null || first === undefined) return <p className="soft">{t('energy.noHistory')}</p>;

  // The history holds the last 30 credits; what came before them is the height at which the stair begins.
  const known = credits.reduce((sum, credit) => sum + credit.energy, 0);
  const spanMs = Math.max(60_000, nowMs - first.creditedAtMs);
  const x = (atMs: number): number => ((atMs - first.creditedAtMs) / spanMs) * (width - 46) + 2;
  const y = (amount: number): number => height - (Math.min(amount, full) / full) * (height - top);
  let sum = Math.max(0, energy - known);
  let path = `M${x(first.creditedAtMs)} ${y(sum)}`;
  for (const credit of credits) {
    sum += credit.energy;
    path += `H${x(credit.creditedAtMs).toFixed(1)}V${y(sum).toFixed(1)}`;
  }
  const endX = x(Math.max(nowMs, first.creditedAtMs));
  path += `H${endX.toFixed(1)}`;
  return (
    <svg
      className="stair"
      viewBox={`0 0 ${width} ${height + 24}`}
      role="img"
      aria-label={t('energy.stair', { number: format.number(energy) })}
    >
      {levels.map((amount, i) => (
        <g key={amount}>
          <path d={`M0 ${y(amount)}H${width - 24}`} stroke="#4c2a4b" strokeWidth="1.500" strokeDasharray="2 6" />
          <rect
            x={width - 12}
            y={y(amount) - 2}
            width="9"
            height="20"
            rx="4.500"
            fill={i < level ? '#f4bc52' : '#4c2a4b'}
          />
        </g>
      ))}
      <path d={`${path}V${height}H${x(first.creditedAtMs)}Z`} fill="rgba(244, 188, 82, .28)" />
      <path d={path} fill="none" stroke="#f4bc52" strokeWidth="2.500" />
      <rect x={endX - 3} y={y(sum) - 9} width="6" height="18" rx="3" fill="#fff3cf" />
      <path d={`M0 ${height}H${width - 24}`} stroke="#a26a14" strokeWidth="1.500" />
      <text x="0" y={height + 18}>
        {times.short(first.creditedAtMs)}
      </text>
      <text x={width - 24} y={height + 18} textAnchor="end">
        {times.short(nowMs)}
      </text>
    </svg>
  );
}
