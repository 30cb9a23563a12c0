import type { Wall } from '@elevens/shared/src/control/contract.ts';
import type { ReactNode } from 'react';
import { useWords } from '../../platform/i18n.ts';
import { useTimes } from '../../platform/use-places.ts';
import { Icon } from '../../ui/Icon.tsx';
import type { Alarm } from './alarms.ts';
import { subjectOf, titleOfDeal } from './laws.ts';

function Area({
  tone,
  title,
  small,
  children,
}: {
  tone: 'bad' | 'watch';
  title: string;
  small: string;
  children: ReactNode;
}) {
  return (
    <section className={`alarm ${tone}`} role="alert">
      <h2>
        <Icon name="alert" />
        {title}
      </h2>
      <p>{children}</p>
      {small !== '' && <small>{small}</small>}
    </section>
  );
}

/** The one place for trouble: what is so, since when, what it means. Without any it is a quiet line. */
export function AlarmArea({ alarm, wall }: { alarm: Alarm; wall: Wall }) {
  const { t, format } = useWords();
  const times = useTimes();
  const since = (atMs: number): string => t('alarm.since', { time: times.toSecond(atMs) });
  switch (alarm.is) {
    case 'law': {
      const [found] = alarm.law.evidence;
      if (found === undefined) return null;
      const [act, ...actsMore] = alarm.law.acts;
      const figure = (minor: boolean | undefined, value: number): string =>
        minor ? format.money(value, wall.currency) : format.number(value);
      const more = alarm.others > 0 ? ` ${t('alarm.moreLaws', { count: alarm.others })}` : '';
      return (
        <Area tone="bad" title={t(`alarm.law.${alarm.law.law}`)} small={since(found.sinceMs) + more}>
          {t('alarm.difference', {
            subject: subjectOf(found, wall),
            expected: figure(found.minor, found.expected),
            found: figure(found.minor, found.found),
          })}{' '}
          {act === undefined
            ? t(alarm.law.law === 'stock' || alarm.law.law === 'holds' ? 'alarm.pause' : 'alarm.look')
            : t(`alarm.acted.${act.kind}`, {
                what: titleOfDeal(act.id, wall),
                time: times.toSecond(act.atMs),
                more: actsMore.length > 0 ? ` ${t('alarm.actedMore', { count: actsMore.length })}` : '',
              })}
        </Area>
      );
    }
    case 'stopped':
      return (
        // The age runs beside the figures; here it would be read out again every second.
        <Area tone="watch" title={t('alarm.stopped.title')} small={since(alarm.atMs)}>
          {t('alarm.stopped.text')}
        </Area>
      );
    case 'redis':
      return (
        <Area
          tone={alarm.trouble === 'unsafe' ? 'bad' : 'watch'}
          title={t(`alarm.redis.${alarm.trouble}.title`)}
          small=""
        >
          {t(`alarm.redis.${alarm.trouble}.text`, {
            name: alarm.name,
            durability: alarm.durability,
            ping: format.number(alarm.pingMs),
          })}
        </Area>
      );
    case 'unknown':
      return (
        <Area
          tone="watch"
          title={t('alarm.unknown.title', { law: t(`laws.name.${alarm.law.law}`) })}
          small={since(alarm.sinceMs)}
        >
          {t('alarm.unknown.text')}
        </Area>
      );
    case 'node': {
      const more = alarm.others > 0 ? t('alarm.moreNodes', { count: alarm.others }) : '';
      return (
        <Area tone="watch" title={t('alarm.node.title')} small={more}>
          {t(`alarm.node.${alarm.trouble}`, { node: alarm.node })}
        </Area>
      );
    }
    case 'none':
      break;
  }
  const counted = wall.laws.reduce((sum, law) => sum + law.checked, 0);
  return (
    <section className="alarm none">
      <p>{t('alarm.none')}</p>
      <small>{t('alarm.noneDetail', { sums: format.number(counted) })}</small>
    </section>
  );
}
