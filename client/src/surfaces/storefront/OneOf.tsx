import type { ComponentProps, ReactNode } from 'react';
import { useWords } from '../../platform/i18n.ts';
import { To } from '../../platform/router.tsx';
import { Nothing, Unlit } from '../../ui/Pieces.tsx';
import { Failed } from './Failed.tsx';

type FailedProps = ComponentProps<typeof Failed>;

/**
 * One thing out of a shared list: while the list loads, where it failed and where the thing is not in it, the page says so
 * in the same way everywhere.
 */
export function OneOf<Ready extends { is: 'ready' }, One>({
  view,
  list,
  pick,
  unknown,
  children,
}: {
  view: Ready | { is: 'loading' } | { is: 'failed'; fault: FailedProps['fault'] };
  list: FailedProps['list'];
  pick: (view: Ready) => One | undefined;
  /** What is said of a thing that is not there, and the way to those that are. */
  unknown: { title: string; text: string; act: string; to: string };
  children: (one: One, view: Ready) => ReactNode;
}) {
  const { t } = useWords();
  if (view.is === 'ready') {
    const one = pick(view);
    if (one !== undefined) return children(one, view);
  }
  return (
    <div className="list">
      {view.is === 'loading' ? (
        <Unlit label={t('state.loading')} lines={5} />
      ) : view.is === 'failed' ? (
        <Failed fault={view.fault} list={list} />
      ) : (
        <Nothing
          title={unknown.title}
          act={
            <To className="btn" to={unknown.to}>
              {unknown.act}
            </To>
          }
        >
          {unknown.text}
        </Nothing>
      )}
    </div>
  );
}
