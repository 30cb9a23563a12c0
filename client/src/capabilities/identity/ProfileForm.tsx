import { useState } from 'react';
import { changeLanguage, type Language, languageNames, languages, useWords } from '../../platform/i18n.ts';
import { useChange, useLink, usePlatform, useSession } from '../../platform/platform.tsx';
import { Quiet } from '../../ui/Sign.tsx';

/** The contract's own rule for names: 1 to 24 visible characters, no blank at an end. */
const namePattern = /^(?!\s)[^\p{C}]+(?<!\s)$/u;
const nameMax = 24;

/** Name and language. The language changes at once; the name when the server has it. */
export function ProfileForm({ onSaved }: { onSaved: () => void }) {
  const { t, language } = useWords();
  const { identity, connection } = usePlatform();
  const session = useSession();
  const link = useLink();
  const [name, setName] = useState(session?.displayName ?? '');
  const { sending, send } = useChange('identity:profile');
  const bad = name === '' || name.length > nameMax || !namePattern.test(name);
  const answered = sending.is === 'answered' && !sending.outcome.ok ? sending.outcome : null;

  const save = (locale: Language, then: () => void): void => {
    if (bad) return;
    void send({ displayName: name, locale }).then((outcome) => {
      if (outcome?.ok !== true) return;
      identity.adopt(outcome.reply);
      // The socket still carries the old token, and with it the old name.
      void connection.restart();
      then();
    });
  };

  return (
    <form
      className="profile"
      onSubmit={(event) => {
        event.preventDefault();
        save(language, onSaved);
      }}
    >
      <label className={bad ? 'field err' : 'field'}>
        {t('mine.name')}
        <input
          value={name}
          maxLength={nameMax}
          autoComplete="nickname"
          aria-invalid={bad}
          onChange={(event) => setName(event.target.value)}
        />
        <small>{bad ? t('mine.nameBad') : t('mine.nameHint')}</small>
      </label>
      <fieldset>
        <legend>{t('mine.language')}</legend>
        {languages.map((code) => (
          <label key={code}>
            <input
              type="radio"
              name="language"
              value={code}
              checked={code === language}
              onChange={() => {
                void changeLanguage(code);
                save(code, () => undefined);
              }}
            />
            <span lang={code}>{languageNames[code]}</span>
          </label>
        ))}
      </fieldset>
      {answered !== null && (
        <p className="small" role="alert">
          {t('fault' in answered ? `fault.${answered.fault}` : `why.${answered.why}`)}
        </p>
      )}
      <Quiet busy={sending.is === 'sending'} off={bad || link.is !== 'up'} onPress={() => save(language, onSaved)}>
        {sending.is === 'sending' ? t('mine.saving') : t('mine.save')}
      </Quiet>
    </form>
  );
}
