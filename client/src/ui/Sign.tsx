import type { ReactNode } from 'react';

/** What the one big button says. It stays the same button in every state, so nothing turns into another act under the thumb. */
export interface SignState {
  is: 'ready' | 'busy' | 'off';
  /** The act, or why there is none now. */
  title: string;
  /** Its consequence, or until when it is off. */
  detail?: string | undefined;
}

interface SignProps {
  state: SignState;
  onPress: () => void;
  /** Gold is for what is the shopper's own; red is the one thing to press. */
  tone?: 'red' | 'gold';
  className?: string;
}

/**
 * The one big button: a shop sign. When it is off or busy it keeps the focus and its reason (aria-disabled, never disabled),
 * and a press does nothing.
 */
export function Sign({ state, onPress, tone = 'red', className }: SignProps) {
  const idle = state.is !== 'ready';
  return (
    <button
      type="button"
      className={['sign', tone === 'gold' ? 'gold' : '', state.is === 'busy' ? 'is-busy' : '', className ?? '']
        .filter(Boolean)
        .join(' ')}
      aria-disabled={idle || undefined}
      aria-busy={state.is === 'busy' || undefined}
      onClick={() => {
        if (!idle) onPress();
      }}
    >
      <b>
        {state.title}
        {state.is === 'busy' && <Busy />}
      </b>{' '}
      {state.detail !== undefined && <span>{state.detail}</span>}
    </button>
  );
}

/** The busy sign: the four strokes light in turn. */
export function Busy() {
  return (
    <span className="busy" aria-hidden="true">
      <i />
      <i />
      <i />
      <i />
    </span>
  );
}

/** A quiet button. Off, it is dashed and still says why. */
export function Quiet({
  children,
  onPress,
  off = false,
  busy = false,
  pressed,
  small = false,
  className,
  label,
}: {
  children: ReactNode;
  onPress: () => void;
  off?: boolean;
  busy?: boolean;
  pressed?: boolean;
  small?: boolean;
  className?: string;
  label?: string;
}) {
  return (
    <button
      type="button"
      className={['btn', small ? 'small' : '', off ? 'is-off' : '', className ?? ''].filter(Boolean).join(' ')}
      aria-disabled={off || busy || undefined}
      aria-busy={busy || undefined}
      aria-pressed={pressed}
      aria-label={label}
      onClick={() => {
        if (!off && !busy) onPress();
      }}
    >
      {busy && <Busy />}
      {children}
    </button>
  );
}
