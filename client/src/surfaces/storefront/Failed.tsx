import { useWords } from '../../platform/i18n.ts';
import { usePlatform } from '../../platform/platform.tsx';
import type { ListName } from '../../platform/queries.ts';
import { Hurt } from '../../ui/Pieces.tsx';
import { Quiet } from '../../ui/Sign.tsx';

/** A list that did not come: why, and the way to ask again. It is also asked again by itself. */
export function Failed({ fault, list }: { fault: string; list: ListName }) {
  const { t } = useWords();
  const { queries } = usePlatform();
  return (
    <Hurt title={t('state.failedTitle')} act={<Quiet onPress={() => queries.refresh(list)}>{t('state.again')}</Quiet>}>
      {/* To read again is no second try of anything: an answer that got lost is a stall that was not reached. */}
      {t('state.failed', { why: t(`fault.${fault === 'unknown' ? 'unavailable' : fault}`) })}
    </Hurt>
  );
}
