import type { Task } from '@elevens/shared/src/energy/contract.ts';
import { useState } from 'react';
import { useWords } from '../../platform/i18n.ts';
import { useChange } from '../../platform/platform.tsx';
import { useTimes } from '../../platform/use-places.ts';
import { Icon, type IconName } from '../../ui/Icon.tsx';
import { Quiet } from '../../ui/Sign.tsx';
import { EnergyRing } from '../../ui/Strokes.tsx';
import { full, levels, useEnergy } from './use-energy.ts';

const icons: Record<Task['on'], IconName> = {
  'check-in': 'check',
  'deals.claimed': 'deals',
  'live.said': 'chat',
  'redpackets.opened': 'packets',
  'orders.paid': 'ticket',
};
/** Tasks shown at once; the rest follow as these close. */
const tasksMax = 5;

/** The ring, what lights the next lantern, and the tasks, of which a check-in is done right here. */
export function EnergyPanel() {
  const { t, format } = useWords();
  const { energy, level, wanted, tasks, state } = useEnergy();
  const shown = tasks
    ?.toSorted((a, b) => Number(a.done) - Number(b.done) || Number(b.open) - Number(a.open))
    .slice(0, tasksMax);
  return (
    <section className="energy" aria-labelledby="h-energy">
      <EnergyRing
        energy={energy}
        levels={levels}
        label={t('energy.meter', { number: format.number(energy), full: format.number(full) })}
        number={state === null ? '–' : format.number(energy)}
        under={t('energy.of', { number: format.number(full) })}
      />
      <div>
        <h2 id="h-energy">{t(`energy.title_${level}`)}</h2>
        <p>{wanted === 0 ? t('energy.full') : t('energy.next', { number: format.number(wanted) })}</p>
      </div>
      {shown !== undefined && (
        <ul className="tasks rows" aria-label={t('energy.tasks')}>
          {shown.length === 0 && (
            <li>
              <Icon name="clock" />
              <span>{t('energy.noTasks')}</span>
            </li>
          )}
          {shown.map(({ task, done, open }) => (
            <TaskRow key={task.taskId} task={task} done={done} open={open} />
          ))}
        </ul>
      )}
    </section>
  );
}

function TaskRow({ task, done, open }: { task: Task; done: boolean; open: boolean }) {
  const { t, format } = useWords();
  const times = useTimes();
  const { sending, send } = useChange('energy:complete');
  const [hurt, setHurt] = useState<string | null>(null);
  const why = done
    ? t('energy.doneUntil', { time: t('at', { time: times.short(task.closesAtMs) }) })
    : open
      ? `${t(`energy.by.${task.on.replace('.', '-')}`)}, ${t('energy.until', { time: times.short(task.closesAtMs) })}`
      : t('energy.opens', { time: times.short(task.opensAtMs) });
  return (
    <li className={done ? 'done' : ''}>
      <Icon name={done ? 'check' : icons[task.on]} />
      <span>
        {task.title}
        <small>{hurt ?? why}</small>
      </span>
      {task.on === 'check-in' && open && !done ? (
        <Quiet
          small
          busy={sending.is === 'sending'}
          onPress={() =>
            void send({ taskId: task.taskId }).then((outcome) => {
              if (outcome === null || outcome.ok) setHurt(null);
              else setHurt(t('fault' in outcome ? `fault.${outcome.fault}` : `why.${outcome.why}`));
            })
          }
        >
          {t('energy.checkIn')} {t('energy.plus', { number: format.number(task.energy) })}
        </Quiet>
      ) : (
        <span className="num">{t('energy.plus', { number: format.number(task.energy) })}</span>
      )}
    </li>
  );
}
