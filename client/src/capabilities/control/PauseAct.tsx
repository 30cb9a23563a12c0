import { type FormEvent, useEffect, useId, useRef, useState } from 'react';
import { useWords } from '../../platform/i18n.ts';
import { useChange } from '../../platform/platform.tsx';
import { Icon } from '../../ui/Icon.tsx';
import { Busy } from '../../ui/Sign.tsx';

/** As long a reason as the server keeps. */
const reasonMax = 200;
/** The wall is made once a second and shown a moment later; after three it is believed again, whatever it shows. */
const doneMs = 3_000;

/**
 * Stops or resumes claims of one deal everywhere. It asks once, with the consequence and for a reason; Escape or "leave it"
 * changes nothing and gives the focus back to where it was.
 */
export function PauseAct({ dealId, title, paused }: { dealId: string; title: string; paused: boolean }) {
  const { t } = useWords();
  const { sending, send, reset } = useChange('deals:pause');
  /** What was asked for: it stays what it was asked for, whoever pauses or resumes the deal meanwhile. */
  const [asked, setAsked] = useState<'pause' | 'resume' | null>(null);
  const [reason, setReason] = useState('');
  const [empty, setEmpty] = useState(false);
  const key = useRef<HTMLButtonElement>(null);
  const field = useRef<HTMLInputElement>(null);
  const id = useId();
  /** What was just done, until the wall shows it: the key must not offer the same again in the second between. */
  const [done, setDone] = useState<'pause' | 'resume' | null>(null);
  const busy = sending.is === 'sending';
  const stands = done === null ? paused : done === 'pause';
  const act = stands ? 'resume' : 'pause';

  useEffect(() => {
    if (asked !== null) field.current?.focus();
  }, [asked]);
  useEffect(() => {
    if (done === null) return undefined;
    const timer = setTimeout(() => setDone(null), doneMs);
    return () => clearTimeout(timer);
  }, [done]);

  function leave(): void {
    if (busy) return;
    setAsked(null);
    setReason('');
    setEmpty(false);
    reset();
    key.current?.focus();
  }

  async function confirm(event: FormEvent): Promise<void> {
    event.preventDefault();
    if (asked === null || busy) return;
    const why = reason.trim();
    if (why === '') {
      setEmpty(true);
      field.current?.focus();
      return;
    }
    const outcome = await send({ dealId, paused: asked === 'pause', reason: why });
    if (outcome?.ok !== true) return;
    setDone(asked);
    setAsked(null);
    setReason('');
    key.current?.focus();
  }

  const failed = sending.is === 'answered' && !sending.outcome.ok ? sending.outcome : null;
  return (
    <div className="pause">
      <button
        ref={key}
        type="button"
        className={stands ? 'act' : 'act danger'}
        aria-expanded={asked !== null}
        aria-controls={asked === null ? undefined : id}
        aria-label={t(`act.${act}.label`, { title })}
        onClick={() => {
          reset();
          setAsked(asked === null ? act : null);
        }}
      >
        {!stands && <Icon name="pause" />}
        {t(`act.${act}.key`)}
      </button>
      {asked !== null && (
        <form
          id={id}
          className="ask"
          aria-label={t(`act.${asked}.ask`, { title })}
          onSubmit={(event) => void confirm(event)}
          onKeyDown={(event) => {
            if (event.key === 'Escape') leave();
          }}
        >
          <p>
            <b>{t(`act.${asked}.ask`, { title })}</b> {t(`act.${asked}.effect`)}
          </p>
          <label htmlFor={`${id}-why`}>{t('act.why')}</label>
          <input
            ref={field}
            id={`${id}-why`}
            value={reason}
            maxLength={reasonMax}
            autoComplete="off"
            aria-invalid={empty || undefined}
            aria-describedby={`${id}-note`}
            onChange={(event) => {
              setReason(event.target.value);
              setEmpty(false);
            }}
          />
          <p id={`${id}-note`} className="note" role="status">
            {empty && t('act.whyMissing')}
            {failed !== null && ('why' in failed ? t(`act.refused.${failed.why}`) : t('act.failed'))}
          </p>
          <div className="keys">
            <button type="submit" className="btn" aria-disabled={busy || undefined} aria-busy={busy || undefined}>
              {busy && <Busy />}
              {t(`act.${asked}.do`)}
            </button>
            <button type="button" className="btn" onClick={leave}>
              {t('act.leave')}
            </button>
          </div>
        </form>
      )}
    </div>
  );
}
