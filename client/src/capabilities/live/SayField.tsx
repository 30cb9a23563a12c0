import { useWords } from '../../platform/i18n.ts';
import { Icon } from '../../ui/Icon.tsx';
import { Busy } from '../../ui/Sign.tsx';
import type { Saying } from './use-live.ts';

/** A line of chat: as long as the contract allows, and from here on the field counts down. */
const textMax = 200;
const countFrom = 160;

export type Room = 'before' | 'live' | 'ended';

/** The field under the chat. Offline it stays open and keeps what is typed; the reason stands under it. */
export function SayField({ saying, host, room }: { saying: Saying; host: string; room: Room }) {
  const { t } = useWords();
  const left = textMax - saying.text.length;
  const note =
    saying.hurt !== null && saying.text !== ''
      ? t(`${saying.hurt.kind}.${saying.hurt.word}`)
      : !saying.online && saying.text !== ''
        ? t('live.kept')
        : left <= textMax - countFrom
          ? t('live.left', { left })
          : null;
  const off = room !== 'live';
  const placeholder =
    room === 'before'
      ? t('live.closedField')
      : room === 'ended'
        ? t('live.endedField')
        : t('live.placeholder', { host });
  return (
    <form
      className="say"
      onSubmit={(event) => {
        event.preventDefault();
        if (!saying.busy && saying.online && !off) saying.say();
      }}
    >
      {note !== null && (
        <p className="note" role="status">
          {note}
        </p>
      )}
      <input
        aria-label={t('live.say')}
        placeholder={placeholder}
        value={saying.text}
        maxLength={textMax}
        autoComplete="off"
        enterKeyHint="send"
        readOnly={off}
        onChange={(event) => saying.type(event.target.value)}
      />
      <button
        type="submit"
        className="ico-btn"
        aria-label={saying.busy ? t('live.sending') : t('live.send')}
        aria-disabled={saying.busy || !saying.online || off || undefined}
      >
        {saying.busy ? <Busy /> : <Icon name="send" />}
      </button>
    </form>
  );
}
