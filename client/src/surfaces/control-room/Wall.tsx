import type { Wall as WallState } from '@elevens/shared/src/control/contract.ts';
import { decimalsOf } from '@elevens/shared/src/money.ts';
import type { ReactNode } from 'react';
import { AlarmArea } from '../../capabilities/control/AlarmArea.tsx';
import { alarmOf } from '../../capabilities/control/alarms.ts';
import { DealsTable } from '../../capabilities/control/DealsTable.tsx';
import { DropList } from '../../capabilities/control/DropList.tsx';
import { dealStateOf } from '../../capabilities/control/deal-state.ts';
import { EveningLine } from '../../capabilities/control/EveningLine.tsx';
import { Evidence } from '../../capabilities/control/Evidence.tsx';
import { Figure } from '../../capabilities/control/Figure.tsx';
import { LawLanterns } from '../../capabilities/control/LawLanterns.tsx';
import { adrift, brokenIds } from '../../capabilities/control/laws.ts';
import { Machines } from '../../capabilities/control/Machines.tsx';
import { Minutes } from '../../capabilities/control/Minutes.tsx';
import { PaceChart } from '../../capabilities/control/PaceChart.tsx';
import { Rich } from '../../capabilities/control/Rich.tsx';
import { Stalls } from '../../capabilities/control/Stalls.tsx';
import { usePoints } from '../../capabilities/control/use-wall.ts';
import { useWords } from '../../platform/i18n.ts';
import { useNow } from '../../platform/platform.tsx';
import { useTimes } from '../../platform/use-places.ts';

/** Surfaces in the order in which people are named; what is not here comes last. */
const surfaces = ['storefront', 'brand-console', 'control-room', 'other'];

/** The wall and the desk below it: the same figures, arranged by the room there is. */
export function Wall({ wall, old, ageMs, top }: { wall: WallState; old: boolean; ageMs: number; top: ReactNode }) {
  const { t, format } = useWords();
  const times = useTimes();
  const nowMs = useNow(1_000);
  const points = usePoints(wall);
  const broken = adrift(wall);

  const aged = format.durationShort(Math.floor(ageMs / 1_000) * 1_000);
  const age = old ? t('old', { age: aged }) : null;
  const rate = (value: number): string => format.number(value < 10 ? Math.round(value * 10) / 10 : Math.round(value));
  // The ticker is whole units: nobody reads a cent from five metres. Rounded down, never up.
  const unit = 10 ** decimalsOf(wall.currency);
  const worth = format.moneyParts(Math.floor(wall.totals.heldMinor / unit) * unit, wall.currency, 'short');
  const here = surfaces
    .filter((surface) => (wall.people.bySurface[surface] ?? 0) > 0)
    .map((surface) => t(`people.${surface}`, { n: format.number(wall.people.bySurface[surface] ?? 0) }));
  const on = wall.deals.filter((deal) => deal.opensAtMs <= nowMs && nowMs < deal.closesAtMs);
  const count = (state: string): number => on.filter((deal) => dealStateOf(deal, nowMs) === state).length;
  const n = (value: number): string => format.number(value);
  const crowdSeen = wall.crowd.here > 0 || wall.crowd.claims > 0;

  return (
    <main className={`room${old ? ' is-old' : ''}${broken.length > 0 ? ' has-evid' : ''}`}>
      {top}
      <Figure
        className="worth"
        label={t('worth.title')}
        value={worth.number}
        sign={worth.sign}
        signFirst={worth.signFirst}
        age={old ? t('oldAsOf', { age: aged, time: times.toSecond(wall.atMs) }) : null}
      >
        <p className="facts">
          <span>
            <Rich text={t('worth.holds', { count: wall.totals.holds, n: n(wall.totals.holds) })} />
          </span>
          <span>
            <Rich
              text={t('worth.packets', {
                n: n(wall.totals.packets),
                money: format.money(wall.totals.packetsMinor, wall.currency),
              })}
            />
          </span>
          <span>
            <Rich text={t('worth.energy', { n: n(wall.totals.energy) })} />
          </span>
          <span>
            <Rich text={t('worth.messages', { count: wall.totals.messages, n: n(wall.totals.messages) })} />
          </span>
        </p>
      </Figure>
      <LawLanterns laws={wall.laws} old={old} currency={wall.currency} />
      <div className="row">
        <Figure className="pace" label={t('pace.title')} value={rate(wall.rates.holds)} age={age}>
          <PaceChart points={points} old={old} />
          <p className="facts">
            <span>
              <Rich
                text={t('pace.claims', {
                  claims: rate(wall.rates.claims),
                  peak: rate(points.reduce((most, point) => Math.max(most, point.holds), 0)),
                })}
              />
            </span>
          </p>
        </Figure>
        <Figure className="ppl" label={t('people.title')} value={n(wall.people.total)} age={age}>
          <p className="facts">
            {here.length === 0 && <span>{t('people.none')}</span>}
            {here.map((words) => (
              <span key={words}>
                <Rich text={words} />
              </span>
            ))}
          </p>
        </Figure>
      </div>
      <AlarmArea alarm={alarmOf(wall, old)} wall={wall} />
      <EveningLine
        nowMs={nowMs}
        old={old}
        // Silence is health: that nothing is sold out or paused is not said.
        onNow={
          count('soldOut') + count('paused') > 0
            ? t('evening.onNow', { soldOut: n(count('soldOut')), paused: n(count('paused')) })
            : null
        }
      />
      <div className="evids">
        {broken.map((law) => (
          <Evidence key={law.law} law={law} wall={wall} />
        ))}
      </div>
      <Machines nodes={wall.nodes} redis={wall.redis} old={old} />
      {crowdSeen && (
        <section className={old ? 'crowd old' : 'crowd'} aria-label={t('crowd.title')}>
          <h2>{t('crowd.title')}</h2>
          <p>
            <Rich text={t('crowd.text', { here: n(wall.crowd.here), claims: rate(wall.crowd.claimsPerSecond) })} />
          </p>
          <p className="totals">
            {t('crowd.totals', {
              holds: n(wall.crowd.holds),
              packets: n(wall.crowd.packets),
              messages: n(wall.crowd.messages),
            })}
          </p>
        </section>
      )}
      <Stalls deals={wall.deals} broken={brokenIds(wall)} nowMs={nowMs} old={old} />
      <div id="desk" className="desk" tabIndex={-1}>
        <DealsTable deals={wall.deals} broken={brokenIds(wall)} nowMs={nowMs} old={old} />
        <Minutes points={points} />
      </div>
      <DropList drops={wall.drops} currency={wall.currency} nowMs={nowMs} old={old} />
    </main>
  );
}
