import { changeLanguage, type Language, languageNames, languages, useWords } from '../../platform/i18n.ts';
import { useList, useMeasured, useNow, usePlatform, useSession } from '../../platform/platform.tsx';
import { useTimes } from '../../platform/use-places.ts';
import { Mark } from '../../ui/Icon.tsx';
import { NowTag } from '../../ui/Pieces.tsx';

/** The bar across the top: what is on, whether the figures are fresh, and the festival's own time. */
export function Top({ old }: { old: boolean }) {
  const { t, language } = useWords();
  const { identity, connection } = usePlatform();
  const session = useSession();
  const times = useTimes();
  const nowMs = useNow(1_000);
  const measured = useMeasured();
  const answer = useList('campaign:tonight');
  const programme = answer.is === 'ready' ? answer.reply.programme : [];
  const phase = programme.findLast(
    (entry) => entry.kind === 'phase' && entry.startsAtMs <= nowMs && nowMs < entry.endsAtMs,
  );
  return (
    <header className="top">
      <Mark name="mark" className="mark" />
      <b>{t('brand')}</b>
      <h1 className="vh">{t('room')}</h1>
      {old ? <span className="oldtag">{t('top.oldTag')}</span> : phase !== undefined && <NowTag>{phase.title}</NowTag>}
      <div className="r">
        <label className="lang">
          <span className="vh">{t('top.language')}</span>
          <select value={language} onChange={(event) => void changeLanguage(event.target.value as Language)}>
            {languages.map((each) => (
              <option key={each} value={each}>
                {languageNames[each]}
              </option>
            ))}
          </select>
        </label>
        {session !== null && (
          <button
            type="button"
            className="linkish"
            title={t('top.operator', { name: session.displayName })}
            onClick={() => {
              identity.forget();
              void connection.restart();
            }}
          >
            {t('top.signOut')}
          </button>
        )}
        <span>{times.place.city}</span>
        <span className="num clk" role="timer" aria-live="off">
          {measured ? times.toSecond(nowMs) : '--:--:--'}
        </span>
      </div>
    </header>
  );
}
