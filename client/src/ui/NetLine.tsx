import { useEffect, useRef, useState } from 'react';
import { useWords } from '../platform/i18n.ts';
import { useLink, usePlatform } from '../platform/platform.tsx';
import { Icon } from './Icon.tsx';
import { Busy } from './Sign.tsx';

/** How long "back" stays: long enough to be read, short enough not to be in the way. */
const backMs = 4_000;
/** A break shorter than this is not worth a word; it would only flicker. */
const quietMs = 700;

/** The line that says how the connection is. Absent when all is well. */
export function NetLine() {
  const { t } = useWords();
  const link = useLink();
  const { connection } = usePlatform();
  const [shown, setShown] = useState<'none' | 'lost' | 'back'>('none');
  const wasLost = useRef(false);
  const [met, setMet] = useState(link.is === 'up');

  if (link.is === 'up' && !met) setMet(true);

  useEffect(() => {
    if (link.is === 'up') {
      if (!wasLost.current) return undefined;
      wasLost.current = false;
      setShown('back');
      const timer = setTimeout(() => setShown('none'), backMs);
      return () => clearTimeout(timer);
    }
    if (link.is === 'connecting') return undefined;
    const timer = setTimeout(() => {
      wasLost.current = true;
      setShown('lost');
    }, quietMs);
    return () => clearTimeout(timer);
  }, [link.is]);

  if (link.is === 'refused') {
    return (
      <p className="netline" role="status">
        <Icon name="alert" />
        <span>{t(`net.refused.${link.code}`)}</span>
        <button type="button" className="btn small" onClick={() => void connection.restart()}>
          {t('net.startAgain')}
        </button>
      </p>
    );
  }
  if (shown === 'none') return null;
  if (shown === 'back') {
    return (
      <p className="netline back" role="status">
        <Icon name="check" />
        {t('net.back')}
      </p>
    );
  }
  return (
    <p className="netline" role="status">
      {link.is === 'down' && link.tries > 0 ? <Busy /> : <Icon name="offline" />}
      {link.is === 'down' && link.tries > 0 ? t(met ? 'net.trying' : 'net.reaching') : t('net.lost')}
    </p>
  );
}
