/** @file Measures of each run over samples, seconds and operations, thinned for a page. */
import type { Curve } from './comparison-report.ts';
import type { Measure } from './measures.ts';
import { COSTS, type CostName, type RunRecord } from './read-run.ts';

/** Most points of a line. */
const MOST_POINTS = 160;

type Point = readonly [x: number, y: number];

/** @param scores Measures of checkpoints: a point for each border. Curves without a point are left out. */
export function drawCurves(runs: readonly RunRecord[], scores: readonly Measure[]): Curve[] {
  const training = COSTS.map(x => ({
    measure: 'loss',
    label: 'training loss',
    x,
    lines: linesOf(runs, run => thin(pointsOf(run, x))),
  }));
  const measured = scores.flatMap(({ key, label, of }) =>
    COSTS.map(x => ({
      measure: key,
      label,
      x,
      lines: linesOf(runs, run => {
        const points = run.borders.flatMap((border): Point[] => {
          const [cost, value] = [border[x], of(run, border)?.value];
          return cost === undefined || value === undefined ? [] : [[cost, value]];
        });
        // A border without a measurement of its own repeats the last one.
        return thin(points.filter(([, value], i) => value !== points[i - 1]?.[1]));
      }),
    })),
  );
  return [...training, ...measured].filter(({ lines }) => lines.length > 0);
}

function linesOf(runs: readonly RunRecord[], of: (run: RunRecord) => readonly Point[]): Curve['lines'] {
  return runs.flatMap(run => {
    const points = of(run);
    return points.length === 0 ? [] : [{ experiment: run.experiment, arm: run.arm, points }];
  });
}

function pointsOf({ points }: RunRecord, x: CostName): Point[] {
  return points.flatMap((point): Point[] => {
    const cost = point[x];
    return cost === undefined || point.loss === null ? [] : [[cost, point.loss]];
  });
}

/** The mean of equal parts: a training loss jumps from batch to batch. */
export function thin(points: readonly Point[]): Point[] {
  if (points.length <= MOST_POINTS) return [...points];
  return Array.from({ length: MOST_POINTS }, (_, part) => {
    const from = Math.floor((part * points.length) / MOST_POINTS);
    const own = points.slice(from, Math.floor(((part + 1) * points.length) / MOST_POINTS));
    const mean = (of: (point: Point) => number) => own.reduce((sum, point) => sum + of(point), 0) / own.length;
    return [mean(([x]) => x), mean(([, y]) => y)] as const;
  });
}
