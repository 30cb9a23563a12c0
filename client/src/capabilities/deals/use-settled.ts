import { useEffect, useState } from 'react';

/** A thumb that taps twice does so within this time. */
const secondTapMs = 650;

/**
 * Whether what a sign does has been the same long enough to be meant: the second of two quick taps must not do what the
 * sign has come to say in between. A sign that was off before needs no such pause, nor does the first one shown.
 */
export function useSettled(act: string): boolean {
  const [settled, setSettled] = useState(act);
  useEffect(() => {
    if (settled === act) return undefined;
    const timer = setTimeout(() => setSettled(act), secondTapMs);
    return () => clearTimeout(timer);
  }, [act, settled]);
  return settled === act;
}
