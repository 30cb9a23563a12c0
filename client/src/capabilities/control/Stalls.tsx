import type { WallDeal } from '@elevens/shared/src/control/contract.ts';
import { useWords } from '../../platform/i18n.ts';
import { type DealState, dealStateOf } from './deal-state.ts';

/** As many stalls as stand beside each other on a wall. */
const stallsMax = 40;
const step = 44;
const awning = [0, 9.6, 19.2, 28.8];

function Stall({ at, state }: { at: number; state: DealState }) {
  const lit = state === 'selling' || state === 'paused';
  return (
    <g transform={`translate(${at * step + 2} 0)`} className={`stall is-${state}`}>
      <rect x="2" y="12" width="34.4" height="46" fill={state === 'selling' ? 'url(#g-win)' : '#1d1226'} />
      {state === 'selling' && (
        <>
          <path d="M2 44H36.4" stroke="#7a2a10" strokeWidth="4" />
          <rect
            x={at % 2 === 0 ? 6 : 11}
            y={at % 3 === 0 ? 29 : 32}
            width="8"
            height={at % 3 === 0 ? 13 : 10}
            fill="#7a2a10"
          />
          <circle cx={at % 2 === 0 ? 25 : 28} cy="37" r="4" fill="#8f2018" />
        </>
      )}
      {state === 'paused' && (
        <>
          <rect x="2" y="12" width="34.4" height="46" fill="#33200a" />
          <path d="M14 26v20M25 26v20" stroke="#ffd98a" strokeWidth="5" />
        </>
      )}
      {awning.map((x, i) => (
        <path
          key={x}
          d={`M${x} 4h9.6v9a4.8 4.8 0 0 1-9.6 0z`}
          fill={lit ? (i % 2 === 0 ? '#d4232b' : '#f0dcb8') : i % 2 === 0 ? '#2a1a30' : '#3a2940'}
        />
      ))}
      <path d="M0 58H38.4" stroke="#5a3a2a" strokeWidth="3" />
    </g>
  );
}

/** The evening's deals as the street sees them: lit, dark or barred. */
export function Stalls({ deals, nowMs, old }: { deals: readonly WallDeal[]; nowMs: number; old: boolean }) {
  const { t } = useWords();
  const shown = deals
    .toSorted((a, b) => a.opensAtMs - b.opensAtMs || (a.dealId < b.dealId ? -1 : 1))
    .slice(0, stallsMax);
  const states = shown.map((deal) => dealStateOf(deal, nowMs));
  const count = (state: DealState): number => states.filter((found) => found === state).length;
  return (
    <div className={old ? 'stalls old' : 'stalls'}>
      <svg
        viewBox={`0 0 ${stallsMax * step} 60`}
        preserveAspectRatio="xMinYMax meet"
        role="img"
        aria-label={t('stalls.label', {
          count: shown.length,
          selling: count('selling'),
          soldOut: count('soldOut'),
          paused: count('paused'),
        })}
      >
        <defs>
          <radialGradient id="g-win" cx=".5" cy=".3" r=".9">
            <stop offset="0" stopColor="#ffe3a0" />
            <stop offset="1" stopColor="#f0923c" />
          </radialGradient>
        </defs>
        {shown.map((deal, i) => (
          <Stall key={deal.dealId} at={i} state={states[i] ?? 'next'} />
        ))}
      </svg>
    </div>
  );
}
