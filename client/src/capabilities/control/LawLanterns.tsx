import type { Law, Wall } from '@elevens/shared/src/control/contract.ts';
import { useWords } from '../../platform/i18n.ts';
import { Mark } from '../../ui/Icon.tsx';
import { amountOff, shownState } from './laws.ts';

/** The laws as lanterns on a line: lit while they hold, out when one does not. The words say the same. */
export function LawLanterns({
  laws,
  old,
  currency,
}: {
  laws: readonly Law[];
  old: boolean;
  currency: Wall['currency'];
}) {
  const { t, format } = useWords();
  return (
    <section className="laws" aria-labelledby="laws-title">
      <h2 id="laws-title">{t('laws.title')}</h2>
      <div className="line">
        <svg className="wire" viewBox="0 0 640 40" preserveAspectRatio="none" aria-hidden="true">
          <path d="M0 2Q320 34 640 2" fill="none" stroke="#d99a2b" strokeWidth="3" vectorEffect="non-scaling-stroke" />
        </svg>
        <ul>
          {laws.map((law) => {
            const state = shownState(law, old);
            const off = amountOff(law);
            const words =
              state === 'adrift' && off !== null
                ? t(`laws.off.${off.kind}`, {
                    amount: off.minor ? format.money(off.amount, currency) : format.number(off.amount),
                  })
                : t(`laws.state.${state}`);
            return (
              <li key={law.law} className={`is-${state}`} title={law.sum}>
                <Mark name={state === 'adrift' ? 'lantern-off' : 'lantern-gold'} />
                <b>{t(`laws.name.${law.law}`)}</b>
                <span>{words}</span>
              </li>
            );
          })}
        </ul>
      </div>
    </section>
  );
}
