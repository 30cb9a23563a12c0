import type { Currency } from '@elevens/shared/src/money.ts';
import { type CSSProperties, type ReactNode, useEffect, useMemo, useState } from 'react';
import { useWords } from '../../platform/i18n.ts';
import { Mark } from '../../ui/Icon.tsx';
import { useReducedMotion } from '../../ui/use-reduced-motion.ts';

interface OpeningProps {
  from: string;
  amountMinor: number;
  currency: Currency;
  /** Opened just now: the number runs up and paper flies. Otherwise it lies there. */
  fresh: boolean;
  children: ReactNode;
}

/** Runs up in 0.9 s, fast then slow, after the note is out. */
const runFromMs = 420;
const runMs = 900;

function useRunUp(toMinor: number, run: boolean): number {
  const [shown, setShown] = useState(0);
  useEffect(() => {
    if (!run) return undefined;
    let frame = 0;
    let startMs: number | null = null;
    const step = (atMs: number): void => {
      startMs ??= atMs;
      const share = Math.min(1, Math.max(0, (atMs - startMs - runFromMs) / runMs));
      setShown(Math.round(toMinor * (1 - (1 - share) ** 4)));
      if (share < 1) frame = requestAnimationFrame(step);
    };
    frame = requestAnimationFrame(step);
    return () => cancelAnimationFrame(frame);
  }, [toMinor, run]);
  return run ? shown : toMinor;
}

const colours = ['#f4bc52', '#ee4a3c', '#ffe9b4', '#c81f27'] as const;
const bitsCount = 44;

/** Bits of paper around an opened packet, the same every time: each flies to its own place. */
function flyingBits(): { id: number; style: CSSProperties }[] {
  let state = 77;
  const next = (): number => {
    state = (state * 16_807) % 2_147_483_647;
    return state / 2_147_483_647;
  };
  return Array.from({ length: bitsCount }, (_, i) => {
    const angle = next() * 6.3;
    const away = (Math.sin(angle) > 0 ? 120 : 150) + next() * (Math.sin(angle) > 0.3 ? 70 : 240);
    return {
      id: i,
      style: {
        '--c': colours[Math.floor(next() * colours.length)],
        '--x': `${Math.cos(angle) * away * 0.62}px`,
        '--y': `${Math.sin(angle) * away}px`,
        '--r': `${next() * 360}deg`,
      } as CSSProperties,
    };
  });
}

/** An opened packet: flap, note, burst, amount, in under 1.3 s. */
export function Opening({ from, amountMinor, currency, fresh, children }: OpeningProps) {
  const { format } = useWords();
  const calm = useReducedMotion();
  const shown = useRunUp(amountMinor, fresh && !calm);
  const { sign, signFirst } = format.moneyParts(amountMinor, currency);
  // The width of the final number is kept while it runs, so that nothing jumps.
  const whole = format.moneyParts(amountMinor, currency).number;
  const bits = useMemo(() => (fresh && !calm ? flyingBits() : []), [fresh, calm]);
  return (
    <section className={fresh ? 'open fresh' : 'open'} aria-live="polite">
      <div className="rays" aria-hidden="true" />
      <Mark name="med" className="medal" />
      <div className="bits" aria-hidden="true">
        {bits.map((bit) => (
          <i key={bit.id} style={bit.style} />
        ))}
      </div>
      <div className={whole.length > 7 ? 'pk long' : whole.length > 5 ? 'pk mid' : 'pk'}>
        <div className="flap" />
        <div className="back" />
        <div className="note">
          <span>{from}</span>
          <b aria-label={format.money(amountMinor, currency)}>
            {signFirst && <small>{sign}</small>}
            <span className="amt" aria-hidden="true">
              {format.moneyParts(shown, currency).number}
            </span>
            {!signFirst && <small>{sign}</small>}
          </b>
        </div>
        <div className="front">
          <Mark name="mark" />
        </div>
      </div>
      {children}
    </section>
  );
}
