import type { WallDeal } from '@elevens/shared/src/control/contract.ts';
import { recordIdOf } from '@elevens/shared/src/occurrence-ids.ts';
import { useWords } from '../../platform/i18n.ts';
import { type DealState, dealStateOf } from './deal-state.ts';

/** The street's width in its own units; stalls stand as far apart as it allows, and never closer than they are wide. */
const streetWidth = 1_824;
const stallsMax = 40;
const stallWidth = 38.4;
const awning = [0, 9.6, 19.2, 28.8];
/** The awning's stripes where nothing is sold: dark when all is gone, dim when it opens later. */
const fades = [
  ['#2a1a30', '#3a2940'],
  ['#6b1420', '#6b5a52'],
] as const;

function Stall({ at, x, state, broken }: { at: number; x: number; state: DealState; broken: boolean }) {
  // Sold out is dark altogether; a stall that opens later has its awning out over a closed front.
  const awningOut = state === 'selling' || state === 'paused';
  return (
    <g transform={`translate(${x.toFixed(1)} 0)`}>
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
      {state === 'next' && (
        <path d="M4 24H34.400M4 33H34.400M4 42H34.400M4 51H34.400" stroke="#3a2940" strokeWidth="2" />
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
          fill={awningOut ? (i % 2 === 0 ? '#d4232b' : '#f0dcb8') : fades[state === 'next' ? 1 : 0][i % 2]}
        />
      ))}
      <path d="M0 58H38.4" stroke="#5a3a2a" strokeWidth="3" />
      {broken && (
        <rect x="0.500" y="1.500" width="37.400" height="57" fill="none" stroke="#ff8a6e" strokeWidth="3.500" />
      )}
    </g>
  );
}

/**
 * One stall for each deal that is authored, as it is now or will be next, always in the same place; what does not add up
 * stays in sight. */
export function stallsOf(deals: readonly WallDeal[], broken: ReadonlySet<string>, nowMs: number): WallDeal[] {
  const rank = (deal: WallDeal): number =>
    broken.has(deal.dealId) ? -1 : deal.closesAtMs <= nowMs ? 2 : deal.opensAtMs > nowMs ? 1 : 0;
  const byRecord = new Map<string, WallDeal>();
  for (const deal of deals) {
    const record = recordIdOf(deal.dealId);
    const other = byRecord.get(record);
    const sooner =
      other === undefined ||
      rank(deal) < rank(other) ||
      (rank(deal) === rank(other) && deal.opensAtMs < other.opensAtMs);
    if (sooner) byRecord.set(record, deal);
  }
  return [...byRecord]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([, deal]) => deal)
    .slice(0, stallsMax);
}

/** The evening's deals as the street sees them: lit, dark or barred. */
export function Stalls({
  deals,
  broken,
  nowMs,
  old,
}: {
  deals: readonly WallDeal[];
  /** Deals whose stock does not add up: their stalls are framed. */
  broken: ReadonlySet<string>;
  nowMs: number;
  old: boolean;
}) {
  const { t } = useWords();
  const shown = stallsOf(deals, broken, nowMs);
  const states = shown.map((deal) => dealStateOf(deal, nowMs));
  const count = (state: DealState): number => states.filter((found) => found === state).length;
  const step = (streetWidth - stallWidth) / Math.max(1, shown.length - 1);
  return (
    <div className={old ? 'stalls old' : 'stalls'}>
      <svg
        viewBox={`0 0 ${streetWidth} 60`}
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
          <Stall key={deal.dealId} at={i} x={i * step} state={states[i] ?? 'next'} broken={broken.has(deal.dealId)} />
        ))}
      </svg>
    </div>
  );
}
