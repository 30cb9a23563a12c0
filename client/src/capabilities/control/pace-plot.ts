import type { WallPoint } from '@elevens/shared/src/control/contract.ts';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';

export interface PacePlot {
  show(points: readonly WallPoint[]): void;
  destroy(): void;
}

const dataOf = (points: readonly WallPoint[]): uPlot.AlignedData => [
  points.map((point) => point.atMs / 1_000),
  points.map((point) => point.holds),
  points.map((point) => point.claims),
  points.map((point) => point.crowdClaims),
];

/** Draws the last ten minutes into an element and keeps its size: holds as a lit area, claims above it, the crowd dashed. */
export function makePacePlot(box: HTMLElement): PacePlot {
  const size = () => ({ width: Math.max(40, box.clientWidth), height: Math.max(40, box.clientHeight) });
  const plot = new uPlot(
    {
      ...size(),
      padding: [8, 2, 0, 2],
      cursor: { show: false },
      legend: { show: false },
      axes: [{ show: false }, { show: false }],
      scales: { y: { range: (_, __, max) => [0, Math.max(1, max * 1.05)] } },
      series: [
        {},
        { stroke: '#ff8a6e', width: 3, fill: '#56111b', points: { show: false } },
        { stroke: '#fdf1dc', width: 1.5, points: { show: false } },
        { stroke: '#a892a6', width: 1.5, dash: [5, 5], points: { show: false } },
      ],
    },
    dataOf([]),
    box,
  );
  const watch = new ResizeObserver(() => plot.setSize(size()));
  watch.observe(box);
  return {
    show: (points) => plot.setData(dataOf(points)),
    destroy() {
      watch.disconnect();
      plot.destroy();
    },
  };
}
