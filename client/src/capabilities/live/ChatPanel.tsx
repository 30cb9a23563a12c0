import type { Message } from '@elevens/shared/src/live/contract.ts';
import { memo, useEffect, useLayoutEffect, useRef, useState } from 'react';
import { useWords } from '../../platform/i18n.ts';
import type { Chat } from './use-live.ts';

/** New lines are read out at most this often, the last of them with how many there were: a screen reader reads one in two seconds. */
const announceEveryMs = 5_000;

const Line = memo(function Line({ message, mine }: { message: Message; mine: boolean }) {
  const { t } = useWords();
  const byHouse = message.role !== 'shopper';
  return (
    <li className={mine ? 'mine' : byHouse ? 'host' : message.simulated ? 'sim' : ''}>
      <b>{mine ? t('live.you') : message.name}</b>
      {message.simulated && <small>{t('live.crowd')}</small>}
      {message.text}
    </li>
  );
});

/** Says politely what came in, in batches; the host's lines come first, because they answer. */
function Announcer({ lines }: { lines: readonly Message[] }) {
  const { t, format } = useWords();
  const [said, setSaid] = useState('');
  const pending = useRef<Message[]>([]);
  const lastId = useRef<string | null>(null);

  useEffect(() => {
    const at = lines.findIndex((line) => line.messageId === lastId.current);
    // The lines that were there on entering are read where they stand, not announced.
    if (lastId.current !== null) pending.current.push(...lines.slice(at + 1));
    lastId.current = lines.at(-1)?.messageId ?? lastId.current;
  }, [lines]);

  useEffect(() => {
    const timer = setInterval(() => {
      const batch = pending.current;
      if (batch.length === 0) return;
      pending.current = [];
      const told = batch.findLast((line) => line.role !== 'shopper') ?? batch.at(-1);
      if (told !== undefined)
        setSaid(
          t('live.announced', {
            count: batch.length,
            number: format.number(batch.length),
            name: told.name,
            text: told.text,
          }),
        );
    }, announceEveryMs);
    return () => clearInterval(timer);
  }, [t, format]);

  return (
    <p className="vh" aria-live="polite">
      {said}
    </p>
  );
}

/** The chat of a session. It follows its newest line unless the reader has scrolled up. */
export function ChatPanel({ chat, quiet }: { chat: Chat; quiet: boolean }) {
  const { t, format } = useWords();
  const list = useRef<HTMLUListElement>(null);
  const following = useRef(true);
  const scrolledTo = useRef(0);
  const [behind, setBehind] = useState(false);
  const lines = chat.lines;
  const newest = lines?.at(-1)?.messageId;

  useLayoutEffect(() => {
    const element = list.current;
    if (element === null || newest === undefined) return;
    // A folded chat shows only its end.
    if (following.current || quiet) element.scrollTop = element.scrollHeight;
    else setBehind(true);
  }, [newest, quiet]);

  useEffect(() => {
    const element = list.current;
    if (element === null) return;
    // Fonts, the pinned deal and a keyboard change the height after the last line came: the end stays the end.
    const observer = new ResizeObserver(() => {
      if (following.current) element.scrollTop = element.scrollHeight;
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  const caughtUp =
    chat.caughtUp === null
      ? t('live.anew')
      : chat.caughtUp > 0
        ? t('live.caughtUp', { count: chat.caughtUp, number: format.number(chat.caughtUp) })
        : null;

  return (
    <section className="chat" aria-label={t('live.chat')}>
      <h2>
        {t('live.chat')}
        {chat.said !== null && <span>{t('live.said', { count: chat.said, number: format.number(chat.said) })}</span>}
      </h2>
      <ul
        ref={list}
        // A scrolling region must be reachable by keyboard.
        // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex
        tabIndex={0}
        aria-label={t('live.chat')}
        onScroll={(event) => {
          const { scrollHeight, scrollTop, clientHeight } = event.currentTarget;
          const atEnd = scrollHeight - scrollTop - clientHeight < 40;
          // Only who goes up has left the end; lines that grew below have not taken the reader away from it.
          if (atEnd) following.current = true;
          else if (scrollTop < scrolledTo.current) following.current = false;
          scrolledTo.current = scrollTop;
          if (atEnd) setBehind(false);
        }}
      >
        {lines?.length === 0 && <li className="sys">{t('live.empty1')}</li>}
        {lines?.map((message) => (
          <Line key={message.messageId} message={message} mine={chat.mine.has(message.messageId)} />
        ))}
      </ul>
      {behind && (
        <button
          type="button"
          className="btn small newer"
          onClick={() => {
            following.current = true;
            setBehind(false);
            if (list.current !== null) list.current.scrollTop = list.current.scrollHeight;
          }}
        >
          {t('live.newer')}
        </button>
      )}
      <p className="thin">{caughtUp ?? (lines?.some((line) => line.simulated) === true ? t('live.crowdNote') : '')}</p>
      {lines !== null && <Announcer lines={lines} />}
    </section>
  );
}
