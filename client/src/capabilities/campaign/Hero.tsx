import type { ProgrammeEntry } from '@elevens/shared/src/campaign/contract.ts';
import { useWords } from '../../platform/i18n.ts';
import { To } from '../../platform/router.tsx';
import { useTimes } from '../../platform/use-places.ts';
import streetDeskUrl from '../../ui/art/street-desk.svg?url';
import streetPhoneUrl from '../../ui/art/street-phone.svg?url';
import { CountdownLanterns } from '../../ui/CountdownLanterns.tsx';
import { Mark } from '../../ui/Icon.tsx';
import { addressOf, type TonightView } from './use-tonight.ts';

/** What the countdown counts to: everything that starts at the next moment, the weightiest first. */
function nextOf(view: TonightView): { first: ProgrammeEntry; others: number } | null {
  if (view.is !== 'ready' || view.tonight.next === null) return null;
  const at = view.tonight.next.startsAtMs;
  const weight = { moment: 0, drop: 1, session: 2, deal: 3, phase: 4 } as const;
  const together = view.tonight.ahead
    .filter((e) => e.startsAtMs === at)
    .toSorted((a, b) => weight[a.kind] - weight[b.kind]);
  const [first] = together;
  return first === undefined ? null : { first, others: together.length - 1 };
}

/** The street at night, and the time to the next moment on four lanterns. */
export function Hero({ view }: { view: TonightView }) {
  const { t, format } = useWords();
  const times = useTimes();
  const next = nextOf(view);
  const ready = view.is === 'ready';
  const leftMs = ready && view.measured && next !== null ? next.first.startsAtMs - view.nowMs : null;
  const lead = !ready
    ? t('tonight.lead.unknown')
    : next === null
      ? t('tonight.lead.none')
      : t(`tonight.lead.${next.first.kind}`);
  const address = next === null ? null : addressOf(next.first);
  const phase = ready ? view.tonight.phase : null;
  return (
    <section className="hero" aria-labelledby="hero-lead">
      <Mark name="cloud" className="sky s1" />
      <Mark name="cloud" className="sky s2" />
      <img className="street phone" src={streetPhoneUrl} alt="" />
      <img className="street desk" src={streetDeskUrl} alt="" />
      <svg className="wire" viewBox="0 0 390 60" preserveAspectRatio="none" aria-hidden="true">
        <path
          d="M-4 0Q195 44 394 0"
          fill="none"
          stroke="#d99a2b"
          strokeWidth="1.600"
          vectorEffect="non-scaling-stroke"
        />
      </svg>
      <h1 className="lead" id="hero-lead">
        {lead}
      </h1>
      <CountdownLanterns
        leftMs={leftMs}
        label={leftMs === null ? lead : `${lead} ${format.duration(leftMs)}`}
        units={{ hours: t('unit.hours'), minutes: t('unit.minutes'), seconds: t('unit.seconds') }}
      />
      <p className="when">
        <strong>
          {next !== null && address !== null ? (
            <To to={address}>{next.first.title}</To>
          ) : (
            (next?.first.title ?? phase?.title ?? t('brand'))
          )}
        </strong>
        {next !== null && (
          <span>
            {t('tonight.starts', { when: times.withPlaces(next.first.startsAtMs) })}
            {next.others > 0 && <>, {t('tonight.more', { count: next.others })}</>}
          </span>
        )}
      </p>
    </section>
  );
}
