/** @file Measures of each run over samples, seconds and operations, thinned for a page. */
import type { Curve } from './comparison-report.ts';
import type { Measure } from './measures.ts';
import { COSTS, type CostName, type RunRecord } from './read-run.ts';

/** Most points of a line, and of all lines of a curve together: a page has many curves. */
const MOST_POINTS = 160;
const MOST_OF_CURVE = 1920;

type Point = readonly [x: number, y: number];

/** @param scores Measures of checkpoints: a point for each border. Curves without a point are left out. */
export function drawCurves(runs: readonly RunRecord[], scores: readonly Measure[]): Curve[] {
  const most = Math.min(MOST_POINTS, Math.floor(MOST_OF_CURVE / Math.max(1, runs.length)));
  const training = COSTS.map(x => ({
    measure: 'loss',
    label: 'training loss',
    x,
    lines: linesOf(runs, run => thin(pointsOf(run, x), most)),
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
        return thin(
          points.filter(([, value], i) => value !== points[i - 1]?.[1]),
          most,
        );
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
function thin(points: readonly Point[], most: number): Point[] {
  if (points.length <= most) return [...points];
  return Array.from({ length: most }, (_, part) => {
    const from = Math.floor((part * points.length) / most);
    const own = points.slice(from, Math.floor(((part + 1) * points.length) / most));
    const mean = (of: (point: Point) => number) => own.reduce((sum, point) => sum + of(point), 0) / own.length;
    return [mean(([x]) => x), mean(([, y]) => y)] as const;
  });
}
