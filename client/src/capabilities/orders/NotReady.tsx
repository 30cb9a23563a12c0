import type { ReactNode } from 'react';
import { useWords } from '../../platform/i18n.ts';
import { useLink } from '../../platform/platform.tsx';
import type { QueryName } from '../../platform/socket.ts';
import { Hurt, Unlit } from '../../ui/Pieces.tsx';
import { Quiet } from '../../ui/Sign.tsx';
import type { Asked } from './use-asked.ts';

/** What stands in the place of something that was asked for and is not here: it comes, the line is down, or why not. */
export function NotReady({
  asked,
  again,
  lines,
  refused = null,
}: {
  asked: Exclude<Asked<QueryName>, { is: 'ready' }>;
  again: () => void;
  lines: number;
  /** What is said when the server knows no such thing. */
  refused?: ReactNode;
}) {
  const { t } = useWords();
  const link = useLink();
  switch (asked.is) {
    case 'refused':
      return refused;
    case 'loading':
      // Without a line nothing comes: said as it is, and asked for by itself once there is one.
      if (link.is !== 'down') return <Unlit label={t('state.loading')} lines={lines} />;
      return (
        <Hurt icon="offline" title={t('net.lost')}>
          {t('state.failed', { why: t('fault.unavailable') })}
        </Hurt>
      );
    case 'failed':
      return (
        <Hurt title={t('state.failedTitle')} act={<Quiet onPress={again}>{t('state.again')}</Quiet>}>
          {/* To read again is no second try of anything: an answer that got lost is a stall that was not reached. */}
          {t('state.failed', { why: t(`fault.${asked.fault === 'unknown' ? 'unavailable' : asked.fault}`) })}
        </Hurt>
      );
  }
}
