import type { WallPoint } from '@elevens/shared/src/control/contract.ts';
import { useEffect, useRef, useState } from 'react';
import type { PacePlot } from './pace-plot.ts';

/** The curve of the last ten minutes. It is an ornament to a screen reader: the numbers stand beside it and in the table. */
export function PaceChart({ points, old }: { points: readonly WallPoint[]; old: boolean }) {
  const box = useRef<HTMLDivElement>(null);
  const [plot, setPlot] = useState<PacePlot | null>(null);

  useEffect(() => {
    let made: PacePlot | null = null;
    let gone = false;
    const draw = async (): Promise<void> => {
      try {
        const { makePacePlot } = await import('./pace-plot.ts');
        if (gone || box.current === null) return;
        made = makePacePlot(box.current);
        setPlot(made);
      } catch {
        // The drawing comes after the numbers; where it does not come, the numbers stand alone.
      }
    };
    void draw();
    return () => {
      gone = true;
      made?.destroy();
    };
  }, []);

  useEffect(() => plot?.show(points), [plot, points]);
  return <div ref={box} className={old ? 'chart old' : 'chart'} aria-hidden="true" />;
}
