import type { Brand, Product } from '@elevens/shared/src/catalogue/records.ts';
import type { LiveSession } from '@elevens/shared/src/live/contract.ts';
import { clockText } from '../../platform/format.ts';
import { useWords } from '../../platform/i18n.ts';
import { useFeedState } from '../../platform/platform.tsx';
import { To } from '../../platform/router.tsx';
import { useTimes } from '../../platform/use-places.ts';
import { Icon } from '../../ui/Icon.tsx';
import { BrandLogo } from '../../ui/Pictures.tsx';
import { NowTag } from '../../ui/Pieces.tsx';
import { Stage } from './Stage.tsx';

/** A session in a list: its scene, who is on, how many are there. */
export function SessionStall({
  session,
  brand,
  product,
  nowMs,
}: {
  session: LiveSession;
  brand: Brand | null;
  product: Product | null;
  nowMs: number;
}) {
  const { t, format } = useWords();
  const times = useTimes();
  const live = session.startsAtMs <= nowMs && nowMs < session.endsAtMs;
  const room = useFeedState('live:room', live ? session.sessionId : null).view.state;
  const when = live
    ? t('tonight.until', { time: times.short(session.endsAtMs) })
    : nowMs < session.startsAtMs
      ? t('live.startsIn', { time: clockText(session.startsAtMs - nowMs) })
      : t('live.endedAt', { time: t('at', { time: times.short(session.endsAtMs) }) });
  return (
    <To className={live ? 'now' : 'now unlive'} to={`/live/${session.sessionId}`}>
      <div className="vid">
        <Stage product={product} host={session.hostName} label="" />
        {live && <NowTag>{t('nowTag.live')}</NowTag>}
        {room !== null && room.people > 0 && (
          <p>
            <Icon name="eye" />
            {format.number(room.people)}
          </p>
        )}
      </div>
      <div>
        <p className="who">
          {brand !== null && <BrandLogo brand={brand} />}
          {brand?.name}
        </p>
        <h3>{session.title}</h3>
        <small>{session.blurb}</small>
        <small className="with">
          {t('live.with', { host: session.hostName })}, {when}
        </small>
      </div>
    </To>
  );
}
