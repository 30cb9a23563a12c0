import { type FormEvent, useState } from 'react';
import { ownZone } from '../../platform/format.ts';
import { changeLanguage, type Language, languageNames, languages, useWords } from '../../platform/i18n.ts';
import { usePlatform } from '../../platform/platform.tsx';
import { Icon, Mark } from '../../ui/Icon.tsx';
import { Sign } from '../../ui/Sign.tsx';

export type LinkState = 'none' | 'trying' | 'unknown' | 'failed' | 'used';

/** The street's lanterns over the door: lit where someone is being let in. */
export function Lamps({ lit }: { lit: boolean }) {
  return (
    <div className="lamps" aria-hidden="true">
      {['a', 'b', 'c', 'd'].map((each) => (
        <Mark key={each} name={lit ? 'lantern-gold' : 'lantern'} />
      ))}
    </div>
  );
}

/** The door for staff: by name and password, or by the one-click link that a demo prints. */
export function SignIn({ link }: { link: LinkState }) {
  const { t, format, language } = useWords();
  const { identity, connection } = usePlatform();
  const [name, setName] = useState('');
  const [password, setPassword] = useState('');
  const [busy, setBusy] = useState(false);
  const [trouble, setTrouble] = useState<string | null>(null);

  async function signIn(): Promise<void> {
    if (busy) return;
    if (name.trim() === '' || password === '') {
      setTrouble(t('signIn.missing'));
      return;
    }
    setBusy(true);
    setTrouble(null);
    const outcome = await identity.signIn(name.trim(), password);
    setBusy(false);
    if (outcome === 'ok') {
      void connection.restart();
      return;
    }
    setPassword('');
    if (outcome === 'wrong-credentials') setTrouble(t('signIn.wrong'));
    else if ('lockedUntilMs' in outcome)
      setTrouble(t('signIn.locked', { time: format.timeToSecond(outcome.lockedUntilMs, ownZone) }));
    else setTrouble(t('signIn.failed'));
  }

  const shown =
    trouble ?? (link === 'unknown' ? t('signIn.linkUnknown') : link === 'failed' ? t('signIn.failed') : null);
  return (
    <main className="door">
      <Lamps lit={link !== 'none' && link !== 'unknown'} />
      <div className="in">
        <p className="house">
          <Mark name="mark" className="mark" />
          <b>{t('brand')}</b> {t('room')}
        </p>
        <h1>{t('signIn.title')}</h1>
        <p className="soft">{t('signIn.intro')}</p>
        <form
          onSubmit={(event: FormEvent) => {
            event.preventDefault();
            void signIn();
          }}
        >
          <label htmlFor="sign-in-name">{t('signIn.name')}</label>
          <input
            id="sign-in-name"
            value={name}
            maxLength={40}
            autoComplete="username"
            autoCapitalize="none"
            spellCheck={false}
            onChange={(event) => setName(event.target.value)}
          />
          <label htmlFor="sign-in-password">{t('signIn.password')}</label>
          <input
            id="sign-in-password"
            type="password"
            value={password}
            maxLength={200}
            autoComplete="current-password"
            onChange={(event) => setPassword(event.target.value)}
          />
          <p className="trouble" role="alert">
            {shown !== null && (
              <>
                <Icon name="alert" />
                <span>{shown}</span>
              </>
            )}
          </p>
          <Sign
            state={
              busy || link === 'trying'
                ? { is: 'busy', title: link === 'trying' ? t('signIn.link') : t('signIn.busy') }
                : { is: 'ready', title: t('signIn.do') }
            }
            onPress={() => void signIn()}
          />
          {/* Enter in a field submits the form; the sign above is a plain button, so that it keeps its states. */}
          <button type="submit" hidden aria-hidden="true" tabIndex={-1} />
        </form>
        <p className="note">
          <Icon name="ticket" />
          <span>{t('signIn.demo')}</span>
        </p>
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
      </div>
    </main>
  );
}
