import type { ReactNode } from 'react';
import { Icon, type IconName, Mark } from './Icon.tsx';

/** What is on now: the only cool colour on a screen, one or two of them at most. */
export function NowTag({ children }: { children: ReactNode }) {
  return <span className="now-tag">{children}</span>;
}

const seals = ['#b3261f', '#8a5208', '#6b2a4c', '#7d4a2a', '#2f5f58', '#5a3a7a'] as const;

/** A person is a seal: one letter on a notched square, its colour always the same for the same name. */
export function Seal({ name, className }: { name: string; className?: string }) {
  let sum = 0;
  for (const sign of name) sum = (sum * 31 + (sign.codePointAt(0) ?? 0)) % 9_973;
  const [first = '?'] = name;
  return (
    <span
      className={className === undefined ? 'seal' : `seal ${className}`}
      style={{ '--c': seals[sum % seals.length] } as React.CSSProperties}
      aria-hidden="true"
    >
      {first.toLocaleUpperCase()}
    </span>
  );
}

/** Waiting for content: unlit paper. Said once to a screen reader, not drawn as a spinner. */
export function Unlit({ label, lines = 3 }: { label: string; lines?: number }) {
  return (
    <div className="unlit" role="status" aria-label={label}>
      {Array.from({ length: lines }, (_, i) => (
        // Lines of nothing have no identity.
        // oxlint-disable-next-line react/no-array-index-key
        <i key={i} style={{ width: `${[64, 88, 48, 76][i % 4]}%` }} />
      ))}
    </div>
  );
}

/** Nothing here: one drawing, one sentence, one thing to do. */
export function Nothing({ title, children, act }: { title: string; children: ReactNode; act?: ReactNode }) {
  return (
    <div className="nothing">
      <Mark name="lantern-off" />
      <h3>{title}</h3>
      <p>{children}</p>
      {act}
    </div>
  );
}

/** When it hurts: a bar, what is so, what can be done. */
export function Hurt({
  title,
  children,
  act,
  icon = 'alert',
}: {
  title: string;
  children: ReactNode;
  act?: ReactNode;
  icon?: IconName;
}) {
  return (
    <div className="hurt" role="alert">
      <h3>
        <Icon name={icon} />
        {title}
      </h3>
      <p>{children}</p>
      {act}
    </div>
  );
}
